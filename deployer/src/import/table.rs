//! CSV: rows whose fields are found by the names in the first one.

use std::collections::HashMap;
use std::io::BufRead;

use anyhow::Result;
use csv::{ByteRecord, ReaderBuilder};

/// A row.
#[derive(Debug)]
pub(crate) struct Row<'a> {
    names: &'a HashMap<String, usize>,
    record: &'a ByteRecord,
}

impl Row<'_> {
    /// A field; `None` if it is empty, or not there. ClickHouse writes `\N` for what is not there.
    pub(crate) fn get(&self, name: &str) -> Option<String> {
        let bytes = self.record.get(*self.names.get(name)?)?;
        let text = String::from_utf8_lossy(bytes);
        let text = text.trim();
        (!text.is_empty() && text != "\\N").then(|| text.to_owned())
    }

    /// A number that is counted by; 0 if there is none.
    pub(crate) fn number(&self, name: &str) -> u64 {
        self.get(name).and_then(|text| text.parse().ok()).unwrap_or(0)
    }

    /// Whether it has as many fields as the first row.
    pub(crate) fn is_whole(&self) -> bool {
        self.record.len() == self.names.len()
    }
}

/// Hands over every row from byte `from` on, with the number of the line in which it begins.
pub(crate) fn rows(
    input: &mut dyn BufRead,
    from: u64,
    mut take: impl FnMut(u64, &Row<'_>) -> Result<()>,
) -> Result<()> {
    let mut reader = ReaderBuilder::new().has_headers(false).flexible(true).from_reader(input);
    let mut record = ByteRecord::new();
    let mut names = HashMap::new();
    while reader.read_byte_record(&mut record)? {
        let (line, at) = record.position().map_or((0, 0), |at| (at.line(), at.byte()));
        if names.is_empty() {
            names = header(&record);
        } else if at >= from {
            take(line, &Row { names: &names, record: &record })?;
        }
    }
    Ok(())
}

/// The names in the first row. GoatCounter puts a version in front of the first; some programs a byte
/// order mark.
fn header(record: &ByteRecord) -> HashMap<String, usize> {
    let name = |bytes: &[u8]| {
        let text = String::from_utf8_lossy(bytes);
        let text = text.trim_start_matches('\u{feff}').trim();
        text.trim_start_matches(|digit: char| digit.is_ascii_digit() || digit == ',').to_owned()
    };
    record.iter().map(name).zip(0..).collect()
}
