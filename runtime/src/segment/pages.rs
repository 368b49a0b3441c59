//! Decodes the pages of a column run by run, where the Parquet library would go value by value.
//!
//! A dictionary value is looked up once and then repeated for all rows of a run. A column without values costs next
//! to nothing. Supports only the encodings that our writer uses.
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
use super::cursor::{Cursor, damaged};
use crate::segment::dictionary::{DictKey, Dictionary, NULL_KEY};

/// The expected shape of a column.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shape {
    pub rows: usize,
    /// Whether rows may lack a value.
    pub is_optional: bool,
}

/// Reads a string column: appends a key for each row, and adds new values to the dictionary.
pub(super) fn read_strings(
    pages: Chunk,
    shape: Shape,
    dictionary: &mut Dictionary,
    keys: &mut Vec<DictKey>,
) -> Result<(), SegmentError> {
    let mut known: Vec<DictKey> = Vec::new();
    let mut left = shape.rows;
    for page in pages {
        let mut plain = |bytes: &[u8], count: usize| -> Result<Vec<DictKey>, SegmentError> {
            let mut rest = Cursor(bytes);
            let mut key_for = |bytes: &[u8]| match str::from_utf8(bytes) {
                Ok(value) => dictionary.key_for(value),
                Err(_) => dictionary.key_for(&String::from_utf8_lossy(bytes)),
            };
            (0..count).map(|_| Ok(key_for(rest.length_prefixed()?))).collect()
        };
        match page? {
            Page::DictionaryPage { buf, num_values, .. } => {
                known = plain(&buf, bounded(num_values, buf.len() / 4)?)?;
            }
            Page::DataPage { buf, num_values, encoding, .. } => {
                let page = DataPage::new(buf, num_values, shape, &mut left)?;
                page.append(NULL_KEY, keys, |values| match encoding {
                    Encoding::PLAIN => {
                        values.extend(plain(&page.values, page.value_count)?);
                        Ok(())
                    }
                    _ => page.indices(encoding)?.look_up(&known, values),
                })?;
            }
            Page::DataPageV2 { .. } => return Err(damaged()),
        }
    }
    if left == 0 { Ok(()) } else { Err(damaged()) }
}

/// Reads a number column: appends a number for each row, and `missing` for rows without a value.
pub(super) fn read_numbers<T: Copy>(
    pages: Chunk,
    shape: Shape,
    missing: T,
    convert: impl Fn(i64) -> T,
    numbers: &mut Vec<T>,
) -> Result<(), SegmentError> {
    let mut known: Vec<T> = Vec::new();
    let mut left = shape.rows;
    let plain = |bytes: &[u8], count: usize| -> Result<Vec<T>, SegmentError> {
        let mut rest = Cursor(bytes);
        (0..count).map(|_| Ok(convert(i64::from_le_bytes(rest.array()?)))).collect()
    };
    for page in pages {
        match page? {
            Page::DictionaryPage { buf, num_values, .. } => {
                known = plain(&buf, bounded(num_values, buf.len() / 8)?)?;
            }
            Page::DataPage { buf, num_values, encoding, .. } => {
                let page = DataPage::new(buf, num_values, shape, &mut left)?;
                page.append(missing, numbers, |values| match encoding {
                    Encoding::PLAIN => {
                        values.extend(plain(&page.values, page.value_count)?);
                        Ok(())
                    }
                    Encoding::DELTA_BINARY_PACKED => {
                        read_deltas(&page.values, page.value_count, &convert, values)
                    }
                    _ => page.indices(encoding)?.look_up(&known, values),
                })?;
            }
            Page::DataPageV2 { .. } => return Err(damaged()),
        }
    }
    if left == 0 { Ok(()) } else { Err(damaged()) }
}

/// A data page of a column.
struct DataPage {
    row_count: usize,
    /// The definition levels' place in the page. They tell which rows have a value. Empty if all have one.
    levels: Range<usize>,
    /// How many rows have a value.
    value_count: usize,
    page: Bytes,
    /// The encoded values.
    values: Bytes,
}

impl DataPage {
    /// Splits a page of `count` rows into levels and values, and subtracts the rows from those `left`.
    fn new(page: Bytes, count: u32, shape: Shape, left: &mut usize) -> Result<Self, SegmentError> {
        let row_count = bounded(count, *left)?;
        *left -= row_count;
        if !shape.is_optional {
            let values = page.clone();
            return Ok(Self { row_count, levels: 0..0, value_count: row_count, page, values });
        }
        // Levels of one bit each, which follow their length in bytes.
        let length = u32::from_le_bytes(Cursor(&page).array()?) as usize;
        let end = length.checked_add(4).filter(|end| *end <= page.len()).ok_or_else(damaged)?;
        let values = page.slice(end..);
        let mut read = Self { row_count, levels: 4..end, value_count: 0, page, values };
        let mut value_count = 0;
        read.levels().for_each(|run| match run {
            Run::Repeated(level, count) => value_count += count * usize::from(level != 0),
            Run::Packed(pack) => pack.for_each_group(|group| {
                value_count += group.iter().filter(|level| **level != 0).count();
            }),
        })?;
        read.value_count = value_count;
        Ok(read)
    }

    fn levels(&self) -> Runs<'_> {
        let bytes = self.page.get(self.levels.clone()).unwrap_or_default();
        Runs { width: 1, count: self.row_count, bytes }
    }

    /// Returns the values as dictionary indices.
    fn indices(&self, encoding: Encoding) -> Result<Runs<'_>, SegmentError> {
        #[allow(
            deprecated,
            reason = "the writer uses this name when it writes version 1 of the format"
        )]
        let is_dictionary =
            matches!(encoding, Encoding::RLE_DICTIONARY | Encoding::PLAIN_DICTIONARY);
        if !is_dictionary {
            return Err(damaged());
        }
        match self.values.split_first() {
            Some((width, bytes)) if *width <= 32 => {
                Ok(Runs { width: u32::from(*width), count: self.value_count, bytes })
            }
            // A page without values.
            None if self.value_count == 0 => Ok(Runs { width: 0, count: 0, bytes: &[] }),
            _ => Err(damaged()),
        }
    }

    /// Appends the values that `read` decodes, and `missing` for each row without one.
    fn append<T: Copy>(
        &self,
        missing: T,
        to: &mut Vec<T>,
        read: impl FnOnce(&mut Vec<T>) -> Result<(), SegmentError>,
    ) -> Result<(), SegmentError> {
        if self.value_count == self.row_count {
            return read(to);
        }
        if self.value_count == 0 {
            to.extend(repeat_n(missing, self.row_count));
            return Ok(());
        }
        let mut values = Vec::with_capacity(self.value_count);
        read(&mut values)?;
        let mut rest = values.as_slice();
        self.levels().for_each(|run| match run {
            Run::Repeated(0, count) => to.extend(repeat_n(missing, count)),
            Run::Repeated(_, count) => {
                let (run, others) = rest.split_at(count.min(rest.len()));
                to.extend_from_slice(run);
                rest = others;
            }
            Run::Packed(pack) => pack.for_each_group(|group| {
                to.extend(group.iter().map(|level| match rest.split_first() {
                    Some((value, others)) if *level != 0 => {
                        rest = others;
                        *value
                    }
                    _ => missing,
                }));
            }),
        })
    }
}

/// Small numbers in Parquet's hybrid of run-length encoding and bit packing.
#[derive(Debug, Clone, Copy)]
struct Runs<'a> {
    /// Bits per number.
    width: u32,
    count: usize,
    bytes: &'a [u8],
}

/// A run of [`Runs`].
enum Run<'a> {
    /// One number and how often it repeats.
    Repeated(u32, usize),
    /// Bit-packed numbers.
    Packed(BitPack<'a>),
}

impl<'a> Runs<'a> {
    /// Calls `run` with every run.
    fn for_each(&self, mut run: impl FnMut(Run<'a>)) -> Result<(), SegmentError> {
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
                run(Run::Repeated(value, count));
                left -= count;
            } else {
                let packed = rest.take_up_to(count.saturating_mul(self.width as usize))?;
                let count = count.saturating_mul(8).min(left);
                if count == 0 {
                    return Err(damaged());
                }
                run(Run::Packed(BitPack::new(packed, self.width, count)?));
                left -= count;
            }
        }
        Ok(())
    }

    /// Appends the dictionary value of each number.
    fn look_up<T: Copy>(&self, known: &[T], values: &mut Vec<T>) -> Result<(), SegmentError> {
        let mut is_known = true;
        // An unknown index is an error, reported after the loop. Until then the first value takes its place.
        let Some(first) = known.first() else {
            return if self.count == 0 { Ok(()) } else { Err(damaged()) };
        };
        let mut value = |index: usize| {
            is_known &= index < known.len();
            *known.get(index).unwrap_or(first)
        };
        self.for_each(|run| match run {
            Run::Repeated(index, count) => values.extend(repeat_n(value(index as usize), count)),
            Run::Packed(pack) => pack.for_each_group(|group| {
                values.extend(group.iter().map(|index| value(*index as usize)));
            }),
        })?;
        if is_known { Ok(()) } else { Err(damaged()) }
    }
}

/// Bit-packed numbers of `width` bits each, the lowest bits first.
#[derive(Debug, Clone, Copy)]
struct BitPack<'a> {
    bytes: &'a [u8],
    width: u32,
    count: usize,
}

impl<'a> BitPack<'a> {
    fn new(bytes: &'a [u8], width: u32, count: usize) -> Result<Self, SegmentError> {
        let fits = count.saturating_mul(width as usize) <= bytes.len().saturating_mul(8);
        if fits && width <= 64 { Ok(Self { bytes, width, count }) } else { Err(damaged()) }
    }

    /// Calls `group` with eight numbers at a time, since eight of any width fill whole bytes. The last group may
    /// have fewer.
    fn for_each_group(self, mut group: impl FnMut(&[u64])) {
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

/// Returns the first `N` bytes, padded with zeros.
fn padded<const N: usize>(bytes: &[u8]) -> [u8; N] {
    bytes.first_chunk().copied().unwrap_or_else(|| {
        let mut padded = [0; N];
        padded.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
        padded
    })
}

/// Reads numbers in `DELTA_BINARY_PACKED` encoding: blocks of bit-packed differences.
fn read_deltas<T>(
    bytes: &[u8],
    count: usize,
    convert: impl Fn(i64) -> T,
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
    let per_pack = block / packs;
    if per_pack == 0 {
        return Err(damaged());
    }
    let mut last = rest.zigzag()?;
    let mut left = count - 1;
    numbers.push(convert(last));
    while left > 0 {
        let min_delta = rest.zigzag()?;
        let widths = rest.take(packs)?.to_vec();
        for width in widths {
            if left == 0 {
                break;
            }
            let width = u32::from(width);
            let packed = rest.take_up_to((per_pack * width as usize).div_ceil(8))?;
            let count = per_pack.min(left);
            BitPack::new(packed, width, count)?.for_each_group(|deltas| {
                numbers.extend(deltas.iter().map(|delta| {
                    last = last.wrapping_add(min_delta).wrapping_add(delta.cast_signed());
                    convert(last)
                }));
            });
            left -= count;
        }
    }
    Ok(())
}

/// Rejects a count over `max`.
fn bounded(count: u32, max: usize) -> Result<usize, SegmentError> {
    usize::try_from(count).ok().filter(|count| *count <= max).ok_or_else(damaged)
}
