//! The columns of a file, page by page: what the Parquet library would do value by value, in runs.
//!
//! A text of a dictionary is looked up once, and then stands for all rows of a run at once; a column without a
//! value costs next to nothing. Only what the writer beside this writes is read.
//!
//! <https://parquet.apache.org/docs/file-format/data-pages/encodings/>

use std::array;
use std::iter::repeat_n;
use std::ops::Range;

use bytes::Bytes;
use parquet::basic::Encoding;
use parquet::column::page::Page;

use super::SegmentError;
use super::chunk::Chunk;
use crate::segment::dictionary::{DictKey, Dictionary, NULL_KEY};

/// A column that is read: how many rows it has, and whether a row may be without a value.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shape {
    pub rows: usize,
    pub is_optional: bool,
}

/// Adds a column of texts to codes.
pub(super) fn texts(
    pages: Chunk,
    shape: Shape,
    texts: &mut Dictionary,
    codes: &mut Vec<DictKey>,
) -> Result<(), SegmentError> {
    let mut known: Vec<DictKey> = Vec::new();
    let mut left = shape.rows;
    for page in pages {
        let mut plain = |bytes: &[u8], count: usize| -> Result<Vec<DictKey>, SegmentError> {
            let mut rest = Cursor(bytes);
            let mut code = |bytes: &[u8]| match str::from_utf8(bytes) {
                Ok(text) => texts.key_for(text),
                Err(_) => texts.key_for(&String::from_utf8_lossy(bytes)),
            };
            (0..count).map(|_| Ok(code(rest.text()?))).collect()
        };
        match page? {
            Page::DictionaryPage { buf, num_values, .. } => {
                known = plain(&buf, bounded(num_values, buf.len() / 4)?)?;
            }
            Page::DataPage { buf, num_values, encoding, .. } => {
                let page = Values::of(buf, num_values, shape, &mut left)?;
                page.put(NULL_KEY, codes, |values| match encoding {
                    Encoding::PLAIN => {
                        values.extend(plain(&page.values, page.there)?);
                        Ok(())
                    }
                    _ => page.indices(encoding)?.map(&known, values),
                })?;
            }
            Page::DataPageV2 { .. } => return Err(damaged()),
        }
    }
    if left == 0 { Ok(()) } else { Err(damaged()) }
}

/// Adds a column of numbers to others, with `none` where there is none.
pub(super) fn numbers<T: Copy>(
    pages: Chunk,
    shape: Shape,
    none: T,
    number: impl Fn(i64) -> T,
    numbers: &mut Vec<T>,
) -> Result<(), SegmentError> {
    let mut known: Vec<T> = Vec::new();
    let mut left = shape.rows;
    let plain = |bytes: &[u8], count: usize| -> Result<Vec<T>, SegmentError> {
        let mut rest = Cursor(bytes);
        (0..count).map(|_| Ok(number(i64::from_le_bytes(rest.array()?)))).collect()
    };
    for page in pages {
        match page? {
            Page::DictionaryPage { buf, num_values, .. } => {
                known = plain(&buf, bounded(num_values, buf.len() / 8)?)?;
            }
            Page::DataPage { buf, num_values, encoding, .. } => {
                let page = Values::of(buf, num_values, shape, &mut left)?;
                page.put(none, numbers, |values| match encoding {
                    Encoding::PLAIN => {
                        values.extend(plain(&page.values, page.there)?);
                        Ok(())
                    }
                    Encoding::DELTA_BINARY_PACKED => {
                        deltas(&page.values, page.there, &number, values)
                    }
                    _ => page.indices(encoding)?.map(&known, values),
                })?;
            }
            Page::DataPageV2 { .. } => return Err(damaged()),
        }
    }
    if left == 0 { Ok(()) } else { Err(damaged()) }
}

/// What a page has of a column.
struct Values {
    count: usize,
    /// Where in the page the levels stand that say which rows have a value; nowhere, if all have one.
    levels: Range<usize>,
    /// How many have one.
    there: usize,
    page: Bytes,
    /// The values themselves.
    values: Bytes,
}

impl Values {
    /// A page of so many rows, of those that are left.
    fn of(page: Bytes, count: u32, shape: Shape, left: &mut usize) -> Result<Self, SegmentError> {
        let count = bounded(count, *left)?;
        *left -= count;
        if !shape.is_optional {
            let values = page.clone();
            return Ok(Self { count, levels: 0..0, there: count, page, values });
        }
        // Levels of one bit, behind how many bytes they are.
        let length = u32::from_le_bytes(Cursor(&page).array()?) as usize;
        let end = length.checked_add(4).filter(|end| *end <= page.len()).ok_or_else(damaged)?;
        let values = page.slice(end..);
        let mut read = Self { count, levels: 4..end, there: 0, page, values };
        let mut there = 0;
        read.levels().each(|run| match run {
            Run::Same(level, count) => there += count * usize::from(level != 0),
            Run::Pack(pack) => {
                pack.each(|group| there += group.iter().filter(|level| **level != 0).count());
            }
        })?;
        read.there = there;
        Ok(read)
    }

    fn levels(&self) -> Runs<'_> {
        let bytes = self.page.get(self.levels.clone()).unwrap_or_default();
        Runs { width: 1, count: self.count, bytes }
    }

    /// The places in a dictionary that stand for values.
    fn indices(&self, encoding: Encoding) -> Result<Runs<'_>, SegmentError> {
        #[allow(
            deprecated,
            reason = "the writer calls it so where the format's first version is asked for"
        )]
        let is_dictionary =
            matches!(encoding, Encoding::RLE_DICTIONARY | Encoding::PLAIN_DICTIONARY);
        if !is_dictionary {
            return Err(damaged());
        }
        match self.values.split_first() {
            Some((width, bytes)) if *width <= 32 => {
                Ok(Runs { width: u32::from(*width), count: self.there, bytes })
            }
            // A page without a value.
            None if self.there == 0 => Ok(Runs { width: 0, count: 0, bytes: &[] }),
            _ => Err(damaged()),
        }
    }

    /// Adds a value for each row that has one, as `read` adds them, and `none` for the others.
    fn put<T: Copy>(
        &self,
        none: T,
        to: &mut Vec<T>,
        read: impl FnOnce(&mut Vec<T>) -> Result<(), SegmentError>,
    ) -> Result<(), SegmentError> {
        if self.there == self.count {
            return read(to);
        }
        if self.there == 0 {
            to.extend(repeat_n(none, self.count));
            return Ok(());
        }
        let mut values = Vec::with_capacity(self.there);
        read(&mut values)?;
        let mut rest = values.as_slice();
        self.levels().each(|run| match run {
            Run::Same(0, count) => to.extend(repeat_n(none, count)),
            Run::Same(_, count) => {
                let (run, others) = rest.split_at(count.min(rest.len()));
                to.extend_from_slice(run);
                rest = others;
            }
            Run::Pack(pack) => pack.each(|group| {
                to.extend(group.iter().map(|level| match rest.split_first() {
                    Some((value, others)) if *level != 0 => {
                        rest = others;
                        *value
                    }
                    _ => none,
                }));
            }),
        })
    }
}

/// Small numbers in runs of the same, and in packs of bits: the format's hybrid encoding.
#[derive(Debug, Clone, Copy)]
struct Runs<'a> {
    /// Bits of a number.
    width: u32,
    count: usize,
    bytes: &'a [u8],
}

/// Some numbers of [`Runs`].
enum Run<'a> {
    /// One, so many times.
    Same(u32, usize),
    /// Each its own.
    Pack(Pack<'a>),
}

impl<'a> Runs<'a> {
    /// Tells every run.
    fn each(&self, mut run: impl FnMut(Run<'a>)) -> Result<(), SegmentError> {
        let mut rest = Cursor(self.bytes);
        let mut left = self.count;
        while left > 0 {
            let header = rest.varint()?;
            let count = usize::try_from(header >> 1).map_err(|_| damaged())?;
            if header & 1 == 0 {
                let bytes = rest.take(self.width.div_ceil(8) as usize)?;
                let value = bytes.iter().rev().fold(0, |value, byte| value << 8 | u32::from(*byte));
                let count = count.min(left);
                if count == 0 {
                    return Err(damaged());
                }
                run(Run::Same(value, count));
                left -= count;
            } else {
                let packed = rest.take_most(count.saturating_mul(self.width as usize))?;
                let count = count.saturating_mul(8).min(left);
                if count == 0 {
                    return Err(damaged());
                }
                run(Run::Pack(Pack::of(packed, self.width, count)?));
                left -= count;
            }
        }
        Ok(())
    }

    /// Adds what the numbers stand for.
    fn map<T: Copy>(&self, known: &[T], values: &mut Vec<T>) -> Result<(), SegmentError> {
        let mut is_known = true;
        // What stands for nothing is an error in the end; until then, it stands for the first.
        let Some(first) = known.first() else {
            return if self.count == 0 { Ok(()) } else { Err(damaged()) };
        };
        let mut value = |index: usize| {
            is_known &= index < known.len();
            *known.get(index).unwrap_or(first)
        };
        self.each(|run| match run {
            Run::Same(index, count) => values.extend(repeat_n(value(index as usize), count)),
            Run::Pack(pack) => pack.each(|group| {
                values.extend(group.iter().map(|index| value(*index as usize)));
            }),
        })?;
        if is_known { Ok(()) } else { Err(damaged()) }
    }
}

/// Numbers of some bits each, the lowest bits first.
#[derive(Debug, Clone, Copy)]
struct Pack<'a> {
    bytes: &'a [u8],
    width: u32,
    count: usize,
}

impl<'a> Pack<'a> {
    fn of(bytes: &'a [u8], width: u32, count: usize) -> Result<Self, SegmentError> {
        let fits = count.saturating_mul(width as usize) <= bytes.len().saturating_mul(8);
        if fits && width <= 64 { Ok(Self { bytes, width, count }) } else { Err(damaged()) }
    }

    /// Tells the numbers in groups of eight, which begin with a byte whatever their width. The last may be
    /// of fewer.
    fn each(self, mut group: impl FnMut(&[u64])) {
        let width = self.width as usize;
        let mask = u64::MAX.checked_shr(64 - self.width).unwrap_or(0);
        let (mut bytes, mut left) = (self.bytes, self.count);
        while left > 0 {
            let numbers: [u64; 8] = if width <= 8 {
                let word = u64::from_le_bytes(padded(bytes));
                array::from_fn(|nth| word >> (nth * width) & mask)
            } else if width <= 16 {
                let word = u128::from_le_bytes(padded(bytes));
                array::from_fn(|nth| (word >> (nth * width)) as u64 & mask)
            } else {
                array::from_fn(|nth| {
                    let bit = nth * width;
                    let from = bytes.get(bit / 8..).unwrap_or_default();
                    (u128::from_le_bytes(padded(from)) >> (bit % 8)) as u64 & mask
                })
            };
            let count = left.min(8);
            group(&numbers[..count]);
            left -= count;
            bytes = bytes.get(width..).unwrap_or_default();
        }
    }
}

/// The first bytes, with zeros for those that are not there.
fn padded<const N: usize>(bytes: &[u8]) -> [u8; N] {
    bytes.first_chunk().copied().unwrap_or_else(|| {
        let mut padded = [0; N];
        padded.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
        padded
    })
}

/// Numbers as the differences between one and the next, in blocks of packs of bits.
fn deltas<T>(
    bytes: &[u8],
    count: usize,
    number: impl Fn(i64) -> T,
    numbers: &mut Vec<T>,
) -> Result<(), SegmentError> {
    let mut rest = Cursor(bytes);
    if count == 0 {
        return Ok(());
    }
    let block = usize::try_from(rest.varint()?).map_err(|_| damaged())?;
    let packs = usize::try_from(rest.varint()?).map_err(|_| damaged())?;
    if rest.varint()? != count as u64 || packs == 0 || packs > 64 || block > 1 << 16 {
        return Err(damaged());
    }
    let of_pack = block / packs;
    if of_pack == 0 {
        return Err(damaged());
    }
    let mut last = rest.signed()?;
    let mut left = count - 1;
    numbers.push(number(last));
    while left > 0 {
        let least = rest.signed()?;
        let widths = rest.take(packs)?.to_vec();
        for width in widths {
            if left == 0 {
                break;
            }
            let width = u32::from(width);
            let packed = rest.take_most((of_pack * width as usize).div_ceil(8))?;
            let count = of_pack.min(left);
            Pack::of(packed, width, count)?.each(|deltas| {
                numbers.extend(deltas.iter().map(|delta| {
                    last = last.wrapping_add(least).wrapping_add(delta.cast_signed());
                    number(last)
                }));
            });
            left -= count;
        }
    }
    Ok(())
}

/// What is left of some bytes.
pub(super) struct Cursor<'a>(pub(super) &'a [u8]);

impl<'a> Cursor<'a> {
    pub(super) fn take(&mut self, count: usize) -> Result<&'a [u8], SegmentError> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or_else(damaged)?;
        self.0 = rest;
        Ok(taken)
    }

    /// So many bytes, or those that are left: the last pack of bits may be cut where its numbers end.
    fn take_most(&mut self, count: usize) -> Result<&'a [u8], SegmentError> {
        self.take(count.min(self.0.len()))
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], SegmentError> {
        let (taken, rest) = self.0.split_first_chunk().ok_or_else(damaged)?;
        self.0 = rest;
        Ok(*taken)
    }

    /// Bytes behind how many they are.
    fn text(&mut self) -> Result<&'a [u8], SegmentError> {
        let length = u32::from_le_bytes(self.array()?);
        self.take(length as usize)
    }

    /// A number in groups of seven bits, the lowest first.
    pub(super) fn varint(&mut self) -> Result<u64, SegmentError> {
        let mut number = 0;
        for group in 0..10 {
            let [byte] = self.array()?;
            number |= u64::from(byte & 0x7f) << (7 * group);
            if byte & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err(damaged())
    }

    /// A number that may be negative: its sign is the lowest bit.
    pub(super) fn signed(&mut self) -> Result<i64, SegmentError> {
        let number = self.varint()?;
        Ok((number >> 1).cast_signed() ^ -(number & 1).cast_signed())
    }
}

/// A count that is not more than there can be.
fn bounded(count: u32, most: usize) -> Result<usize, SegmentError> {
    usize::try_from(count).ok().filter(|count| *count <= most).ok_or_else(damaged)
}

pub(super) fn damaged() -> SegmentError {
    SegmentError::Foreign("it is damaged".to_owned())
}
