//! The pages of a column's chunk of a file, by headers that are read here, and whether a footer is as short as it looks.
//!
//! The library would read both. But it believes how many elements a list in them says to have, even in fields that it
//! does not know: a few bytes then take it minutes. Here, every element has to be there.
//!
//! <https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md>
//! <https://github.com/apache/parquet-format/blob/master/src/main/thrift/parquet.thrift>

use bytes::Bytes;
use parquet::basic::Encoding;
use parquet::column::page::{Page, PageMetadata, PageReader};
use parquet::errors::{ParquetError, Result as Parquet};

use super::SegmentError;
use super::pages::{Cursor, damaged};

/// How deep structures may be nested. Those of a file are five deep.
const DEPTH: u8 = 12;

// Types of values in the protocol, and the kinds of pages in the format.
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

/// Refuses a file's footer of which something is not there.
pub(super) fn check_footer(file: &[u8]) -> Result<(), SegmentError> {
    // At the end stand the footer, four bytes that say how long it is, and four more: the format's name.
    let Some((rest, [a, b, c, d, b'P', b'A', b'R', b'1'])) = file.split_last_chunk() else {
        // No Parquet file, which the library says in its own words.
        return Ok(());
    };
    let length = u32::from_le_bytes([*a, *b, *c, *d]) as usize;
    match rest.len().checked_sub(length) {
        Some(start) => skip(&mut Cursor(&rest[start..]), STRUCT, DEPTH),
        None => Ok(()),
    }
}

/// What is left of a chunk.
pub(super) struct Chunk(pub(super) Bytes);

/// What a page says of itself.
#[derive(Default)]
struct Header {
    kind: Option<i64>,
    size: Option<i64>,
    compressed: Option<i64>,
    values: Option<i64>,
    encoding: Option<i64>,
}

impl Header {
    fn read(rest: &mut Cursor<'_>) -> Result<Self, SegmentError> {
        let (mut header, mut id) = (Self::default(), 0);
        while let Some(kind) = field(rest, &mut id)? {
            match (id, kind) {
                (1, I32) => header.kind = Some(rest.signed()?),
                (2, I32) => header.size = Some(rest.signed()?),
                (3, I32) => header.compressed = Some(rest.signed()?),
                // Of data, and of a dictionary: both begin with the same two fields.
                (5 | 7, STRUCT) => {
                    let mut id = 0;
                    while let Some(kind) = field(rest, &mut id)? {
                        match (id, kind) {
                            (1, I32) => header.values = Some(rest.signed()?),
                            (2, I32) => header.encoding = Some(rest.signed()?),
                            _ => skip(rest, kind, DEPTH)?,
                        }
                    }
                }
                _ => skip(rest, kind, DEPTH)?,
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
        let header = Header::read(&mut rest)?;
        let start = self.0.len() - rest.0.len();
        let number = |number: Option<i64>| number.and_then(|it| u32::try_from(it).ok());
        let size = number(header.size).ok_or_else(damaged)? as usize;
        // What is compressed was not written by the writer beside this.
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
                // The only encoding that the writer has for levels.
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

/// Those that the writer beside this writes.
fn encoding(number: Option<i64>) -> Result<Encoding, SegmentError> {
    #[allow(
        deprecated,
        reason = "the writer calls it so where the format's first version is asked for"
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

/// The type of the next field of a structure, whose number is counted on from the last; `None` at its end.
fn field(rest: &mut Cursor<'_>, id: &mut i64) -> Result<Option<u8>, SegmentError> {
    let [head] = rest.array()?;
    let (delta, kind) = (head >> 4, head & 0xf);
    if kind == STOP {
        return Ok(None);
    }
    *id = if delta == 0 { rest.signed()? } else { id.saturating_add(delta.into()) };
    Ok(Some(kind))
}

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
            // Those of truths have none in a file, and those that read them do not agree on how long they are.
            if count > 0 && matches!(kind, TRUE | FALSE) {
                return Err(damaged());
            }
            // Each has a byte at least, so this ends.
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
        // Sets, maps and the like are in no file.
        _ => return Err(damaged()),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A list of two billion elements of a type, as a field of its own, and the end of the structure.
    fn billions(kind: u8) -> Vec<u8> {
        vec![0x90 | LIST, 0xf0 | kind, 0xff, 0xff, 0xff, 0xff, 0x07, STOP]
    }

    #[test]
    fn a_list_of_what_is_not_there_is_refused() {
        // Each of them took the library seconds, or minutes.
        for kind in [DOUBLE, TRUE, STRUCT, BYTE, 13] {
            let mut chunk = Chunk(billions(kind).into());
            assert!(chunk.get_next_page().is_err(), "{kind}");
            let mut footer = billions(kind);
            footer.extend([8, 0, 0, 0, b'P', b'A', b'R', b'1']);
            assert!(check_footer(&footer).is_err(), "{kind}");
        }
        let nested = [vec![0x10 | STRUCT; 100], vec![STOP; 100]].concat();
        assert!(skip(&mut Cursor(&nested), STRUCT, DEPTH).is_err());
    }

    #[test]
    fn fields_that_are_not_known_are_skipped() {
        let header = [
            [0x15, 0, 0x15, 4, 0x15, 4].as_slice(), // a page of data, of two bytes
            &[0x2c, 0x15, 2, 0x15, 0, STOP],        // with one value, plain
            &[0x18, 1, b'x', 0x19, 0x25, 2, 4, 0x17, 0, 0, 0, 0, 0, 0, 0, 0, 0x11, STOP],
            b"ab",
        ];
        let mut chunk = Chunk(header.concat().into());
        assert!(chunk.peek_next_page().unwrap().is_some_and(|page| !page.is_dict));
        let page = chunk.next().unwrap().unwrap();
        assert!(page.is_data_page() && page.encoding() == Encoding::PLAIN);
        assert_eq!((page.num_values(), page.buffer().as_ref()), (1, b"ab".as_slice()));
        assert!(chunk.next().is_none());
        // Cut off anywhere, it is none.
        let whole = header.concat();
        for cut in 1..whole.len() {
            assert!(Chunk(whole[..cut].to_vec().into()).get_next_page().is_err(), "{cut}");
        }
    }
}
