//! Column chunks and their page headers, and a check of the file's footer.
//!
//! The Parquet library would read both. But it trusts the element counts of lists, even in fields that it does not
//! know, so a few hostile bytes keep it busy for minutes. The code here requires every element to be present.
//!
//! <https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md>
//! <https://github.com/apache/parquet-format/blob/master/src/main/thrift/parquet.thrift>

use bytes::Bytes;
use parquet::basic::Encoding;
use parquet::column::page::{Page, PageMetadata, PageReader};
use parquet::errors::{ParquetError, Result as Parquet};

use super::SegmentError;
use super::cursor::{Cursor, damaged};

/// Maximum nesting of structures. Valid files nest five deep.
const MAX_DEPTH: u8 = 12;

// Value types of Thrift's compact protocol, and page types of Parquet.
const STOP: u8 = 0;
const TRUE: u8 = 1;
const FALSE: u8 = 2;
const BYTE: u8 = 3;
const I16: u8 = 4;
const I32: u8 = 5;
const I64: u8 = 6;
const DOUBLE: u8 = 7;
const BINARY: u8 = 8;
const LIST: u8 = 9;
const STRUCT: u8 = 12;
const DATA_PAGE: i64 = 0;
const DICTIONARY_PAGE: i64 = 2;

/// Rejects a file whose footer claims more elements than it has.
pub(super) fn check_footer(file: &[u8]) -> Result<(), SegmentError> {
    // A file ends with the footer, the footer's length in four bytes, and the magic number.
    let Some((rest, [a, b, c, d, b'P', b'A', b'R', b'1'])) = file.split_last_chunk() else {
        // Not a Parquet file: leave the error message to the library.
        return Ok(());
    };
    let length = u32::from_le_bytes([*a, *b, *c, *d]) as usize;
    match rest.len().checked_sub(length) {
        Some(start) => skip(&mut Cursor(&rest[start..]), STRUCT, MAX_DEPTH),
        None => Ok(()),
    }
}

/// The pages of a column chunk that are not read yet.
pub(super) struct Chunk(pub(super) Bytes);

/// The header of a page.
#[derive(Default)]
struct PageHeader {
    kind: Option<i64>,
    size: Option<i64>,
    compressed: Option<i64>,
    values: Option<i64>,
    encoding: Option<i64>,
}

impl PageHeader {
    fn read(rest: &mut Cursor<'_>) -> Result<Self, SegmentError> {
        let (mut header, mut id) = (Self::default(), 0);
        while let Some(kind) = field(rest, &mut id)? {
            match (id, kind) {
                (1, I32) => header.kind = Some(rest.zigzag()?),
                (2, I32) => header.size = Some(rest.zigzag()?),
                (3, I32) => header.compressed = Some(rest.zigzag()?),
                // Data and dictionary page headers begin with the same two fields.
                (5 | 7, STRUCT) => {
                    let mut id = 0;
                    while let Some(kind) = field(rest, &mut id)? {
                        match (id, kind) {
                            (1, I32) => header.values = Some(rest.zigzag()?),
                            (2, I32) => header.encoding = Some(rest.zigzag()?),
                            _ => skip(rest, kind, MAX_DEPTH)?,
                        }
                    }
                }
                _ => skip(rest, kind, MAX_DEPTH)?,
            }
        }
        Ok(header)
    }
}

impl Chunk {
    fn page(&mut self) -> Result<Option<Page>, SegmentError> {
        if self.0.is_empty() {
            return Ok(None);
        }
        let mut rest = Cursor(&self.0);
        let header = PageHeader::read(&mut rest)?;
        let start = self.0.len() - rest.0.len();
        let number = |number: Option<i64>| number.and_then(|it| u32::try_from(it).ok());
        let size = number(header.size).ok_or_else(damaged)? as usize;
        // Our writer never compresses.
        if header.compressed != header.size || rest.0.len() < size {
            return Err(damaged());
        }
        let buf = self.0.slice(start..start + size);
        self.0 = self.0.slice(start + size..);
        let num_values = number(header.values).ok_or_else(damaged)?;
        let encoding = encoding(header.encoding)?;
        match header.kind {
            Some(DATA_PAGE) => Ok(Some(Page::DataPage {
                buf,
                num_values,
                encoding,
                // Our writer encodes levels in no other way.
                def_level_encoding: Encoding::RLE,
                rep_level_encoding: Encoding::RLE,
                statistics: None,
            })),
            Some(DICTIONARY_PAGE) => {
                Ok(Some(Page::DictionaryPage { buf, num_values, encoding, is_sorted: false }))
            }
            _ => Err(damaged()),
        }
    }
}

/// Decodes the encodings that our writer uses.
fn encoding(number: Option<i64>) -> Result<Encoding, SegmentError> {
    #[allow(
        deprecated,
        reason = "the writer uses this name when it writes version 1 of the format"
    )]
    match number {
        Some(0) => Ok(Encoding::PLAIN),
        Some(2) => Ok(Encoding::PLAIN_DICTIONARY),
        Some(5) => Ok(Encoding::DELTA_BINARY_PACKED),
        Some(8) => Ok(Encoding::RLE_DICTIONARY),
        _ => Err(damaged()),
    }
}

impl Iterator for Chunk {
    type Item = Parquet<Page>;

    fn next(&mut self) -> Option<Parquet<Page>> {
        self.get_next_page().transpose()
    }
}

impl PageReader for Chunk {
    fn get_next_page(&mut self) -> Parquet<Option<Page>> {
        self.page().map_err(|error| ParquetError::General(error.to_string()))
    }

    fn peek_next_page(&mut self) -> Parquet<Option<PageMetadata>> {
        let page = Self(self.0.clone()).get_next_page()?;
        Ok(page.map(|page| PageMetadata {
            num_rows: None,
            num_levels: Some(page.num_values() as usize),
            is_dict: page.is_dictionary_page(),
        }))
    }

    fn skip_next_page(&mut self) -> Parquet<()> {
        self.get_next_page().map(drop)
    }
}

/// Reads the header of a structure's next field. Returns its type, `None` at the end of the structure, and updates
/// its `id`, which is stored as the difference from the previous one.
fn field(rest: &mut Cursor<'_>, id: &mut i64) -> Result<Option<u8>, SegmentError> {
    let [head] = rest.array()?;
    let (delta, kind) = (head >> 4, head & 0xf);
    if kind == STOP {
        return Ok(None);
    }
    *id = if delta == 0 { rest.zigzag()? } else { id.saturating_add(delta.into()) };
    Ok(Some(kind))
}

/// Skips a value of the type `kind`.
fn skip(rest: &mut Cursor<'_>, kind: u8, depth: u8) -> Result<(), SegmentError> {
    let depth = depth.checked_sub(1).ok_or_else(damaged)?;
    match kind {
        TRUE | FALSE => {}
        BYTE => drop(rest.take(1)?),
        I16 | I32 | I64 => drop(rest.varint()?),
        DOUBLE => drop(rest.take(8)?),
        BINARY => {
            let length = usize::try_from(rest.varint()?).map_err(|_| damaged())?;
            rest.take(length)?;
        }
        LIST => {
            let [head] = rest.array()?;
            let (count, kind) = (head >> 4, head & 0xf);
            let count = if count == 15 { rest.varint()? } else { count.into() };
            // Valid files have no lists of booleans, and readers disagree on how long their elements are.
            if count > 0 && matches!(kind, TRUE | FALSE) {
                return Err(damaged());
            }
            // Each element takes at least a byte, so the loop ends with the input.
            for _ in 0..count {
                skip(rest, kind, depth)?;
            }
        }
        STRUCT => {
            let mut id = 0;
            while let Some(kind) = field(rest, &mut id)? {
                skip(rest, kind, depth)?;
            }
        }
        // Valid files have no sets, maps or other types.
        _ => return Err(damaged()),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A structure whose only field is a list of `kind` that claims two billion elements.
    fn billions(kind: u8) -> Vec<u8> {
        vec![0x90 | LIST, 0xf0 | kind, 0xff, 0xff, 0xff, 0xff, 0x07, STOP]
    }

    #[test]
    fn rejects_lists_with_missing_elements() {
        // Each of these took the library seconds or minutes.
        for kind in [DOUBLE, TRUE, STRUCT, BYTE, 13] {
            let mut chunk = Chunk(billions(kind).into());
            assert!(chunk.get_next_page().is_err(), "{kind}");
            let mut footer = billions(kind);
            footer.extend([8, 0, 0, 0, b'P', b'A', b'R', b'1']);
            assert!(check_footer(&footer).is_err(), "{kind}");
        }
        let nested = [vec![0x10 | STRUCT; 100], vec![STOP; 100]].concat();
        assert!(skip(&mut Cursor(&nested), STRUCT, MAX_DEPTH).is_err());
    }

    #[test]
    fn skips_unknown_fields_of_a_page_header() {
        let header = [
            [0x15, 0, 0x15, 4, 0x15, 4].as_slice(), // a data page of two bytes
            &[0x2c, 0x15, 2, 0x15, 0, STOP],        // with one value in plain encoding
            &[0x18, 1, b'x', 0x19, 0x25, 2, 4, 0x17, 0, 0, 0, 0, 0, 0, 0, 0, 0x11, STOP],
            b"ab",
        ];
        let mut chunk = Chunk(header.concat().into());
        assert!(chunk.peek_next_page().unwrap().is_some_and(|page| !page.is_dict));
        let page = chunk.next().unwrap().unwrap();
        assert!(page.is_data_page() && page.encoding() == Encoding::PLAIN);
        assert_eq!((page.num_values(), page.buffer().as_ref()), (1, b"ab".as_slice()));
        assert!(chunk.next().is_none());
        // It is invalid if it is cut off anywhere.
        let whole = header.concat();
        for cut in 1..whole.len() {
            assert!(Chunk(whole[..cut].to_vec().into()).get_next_page().is_err(), "{cut}");
        }
    }
}
