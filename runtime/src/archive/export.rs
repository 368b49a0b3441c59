//! Export of hits as text, one per line, and in pages for the API: `GET /api/v1/export`.
//!
//! All pages show the state of one moment. A cursor contains where the next page begins and where the last page ends,
//! which is a minute before the first request. Every hit until then is in exactly one page, whatever arrives
//! meanwhile. Pages are split by the time of hits, and never within a millisecond unless it alone is larger than a
//! page. The rollup of a day between two pages does not change the times of its hits.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};

use crate::archive::RawData;
use crate::platform::csv::cell;
use crate::segment::column::Column;
use crate::segment::dictionary::Dictionaries;
use crate::segment::hit_batch::{HitBatch, NO_SCROLL};
use crate::storage::hour::{utc_day, utc_start};
use crate::storage::{Store, StoreError};

/// Maximum size of a page, in bytes. Lambda accepts 6 MB of JSON. The page is a string in it, with escaped quotes and
/// line ends, or a third larger in base64:
/// <https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>
pub const PAGE: usize = 4_000_000;

/// Maximum days to search for a page, since a function has 30 seconds. A page may be empty even if more follow.
const MAX_DAYS: usize = 366;

/// Minimum age of exported hits. The function `track` stores a hit within its timeout of 15 seconds; the rest allows
/// for clocks that differ.
const MIN_AGE: SignedDuration = SignedDuration::from_mins(1);

/// The format of exported hits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// CSV (RFC 4180) with a header. Values that spreadsheets would run as formulas get an apostrophe in front.
    Csv,
    /// JSON Lines: an object per line, without empty fields.
    Jsonl,
}

impl Format {
    /// Parses the name of a format. `None` if it is unknown.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "csv" => Some(Self::Csv),
            "jsonl" => Some(Self::Jsonl),
            _ => None,
        }
    }

    /// Returns the name, which is also the file extension.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Jsonl => "jsonl",
        }
    }

    /// Returns the media type.
    #[must_use]
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Csv => "text/csv; charset=utf-8",
            Self::Jsonl => "application/jsonl; charset=utf-8",
        }
    }

    /// Returns what precedes the first line.
    #[must_use]
    pub fn header(self) -> String {
        match self {
            Self::Csv => {
                let columns = Column::ALL.map(Column::name).join(",");
                format!("time,visitor,{columns},engaged,scrolled\r\n")
            }
            Self::Jsonl => String::new(),
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Writes rows as lines. Encodes each distinct value once.
#[derive(Debug)]
pub struct Lines<'a> {
    format: Format,
    rows: &'a HitBatch,
    cells: Vec<Vec<String>>,
}

impl<'a> Lines<'a> {
    /// Encodes the values of rows.
    #[must_use]
    pub fn new(format: Format, rows: &'a HitBatch, dictionaries: &Dictionaries) -> Self {
        let encode = |column: Column, value: &str| match (format, column) {
            (Format::Csv, _) => cell(value),
            // Properties are JSON already.
            (Format::Jsonl, Column::Props) => value.to_owned(),
            (Format::Jsonl, _) => serde_json::Value::from(value).to_string(),
        };
        let cells = Column::ALL.map(|column| {
            let values = dictionaries.of(column).iter();
            values.map(|(_, it)| it.map_or_else(String::new, |it| encode(column, it))).collect()
        });
        Self { format, rows, cells: cells.into() }
    }

    /// Appends the line of a row to `out`.
    pub fn write(&self, row: usize, out: &mut Vec<u8>) {
        let at = Timestamp::from_millisecond(self.rows.times[row]).unwrap_or_default();
        let visitor = self.rows.visitors[row];
        let visitor = if visitor == 0 { String::new() } else { visitor.to_string() };
        let cells = Column::ALL.map(|column| {
            let key = self.rows.column(column)[row] as usize;
            (column, self.cells[column.index()].get(key).map_or("", String::as_str))
        });
        let number =
            |number: u32, is_known: bool| if is_known { number.to_string() } else { String::new() };
        let (engaged, scrolled) = (self.rows.engaged[row], self.rows.scrolled[row]);
        let engaged = number(engaged, engaged > 0);
        let scrolled = number(scrolled.into(), scrolled != NO_SCROLL);
        match self.format {
            Format::Csv => {
                out.extend_from_slice(format!("{at:.3},{visitor}").as_bytes());
                for (_, cell) in cells {
                    out.push(b',');
                    out.extend_from_slice(cell.as_bytes());
                }
                out.extend_from_slice(format!(",{engaged},{scrolled}\r\n").as_bytes());
            }
            Format::Jsonl => {
                out.extend_from_slice(format!("{{\"time\":\"{at:.3}\"").as_bytes());
                let visitor = [("visitor", visitor.as_str())].into_iter();
                let cells = cells.iter().map(|(column, cell)| (column.name(), *cell));
                let numbers = [("engaged", &*engaged), ("scrolled", &*scrolled)];
                for (name, cell) in
                    visitor.chain(cells).chain(numbers).filter(|(_, cell)| !cell.is_empty())
                {
                    out.extend_from_slice(format!(",\"{name}\":").as_bytes());
                    out.extend_from_slice(cell.as_bytes());
                }
                out.extend_from_slice(b"}\n");
            }
        }
    }
}

/// A position in an export: where the next page begins and where the last one ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor {
    /// The UTC day.
    day: Date,
    /// The time on that day, in milliseconds since 1970.
    time: i64,
    /// The number of hits of that millisecond in earlier pages.
    skip: usize,
    /// The first millisecond that is not exported.
    until: i64,
}

impl Cursor {
    /// Makes the cursor of the first page of some days. Leaves out hits younger than a minute.
    #[must_use]
    pub fn first(from: Date, to: Date, now: Timestamp) -> Self {
        let end = to.tomorrow().and_then(utc_start).unwrap_or(Timestamp::MAX);
        let settled = now.checked_sub(MIN_AGE).unwrap_or(Timestamp::MIN);
        let until = end.min(settled).as_millisecond();
        Self { day: from, time: i64::MIN, skip: 0, until }
    }

    /// Parses a cursor from a URL. `None` if it is invalid.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = String::from_utf8(BASE64.decode(text).ok()?).ok()?;
        let mut words = text.split(' ');
        let cursor = Self {
            day: words.next()?.parse().ok()?,
            time: words.next()?.parse().ok()?,
            skip: words.next()?.parse().ok()?,
            until: words.next()?.parse().ok()?,
        };
        words.next().is_none().then_some(cursor)
    }
}

/// Formats the cursor for a URL. The content is opaque to clients.
impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { day, time, skip, until } = self;
        f.write_str(&BASE64.encode(format!("{day} {time} {skip} {until}")))
    }
}

/// A page of an export.
#[derive(Debug)]
pub struct Page {
    /// The lines.
    pub body: Vec<u8>,
    /// Where the next page begins. `None` on the last page.
    pub next: Option<Cursor>,
    /// Messages about data of its days that cannot be read.
    pub incomplete: Vec<String>,
}

/// Appends the lines from a cursor on to `body`: as many as fit into `room` bytes, and at least one.
///
/// # Errors
/// If the store cannot be read.
pub async fn page<S: Store>(
    raw_data: &RawData<'_, S>,
    format: Format,
    from: Cursor,
    mut body: Vec<u8>,
    room: usize,
) -> Result<Page, StoreError> {
    let last = Timestamp::from_millisecond(from.until.saturating_sub(1)).unwrap_or_default();
    let mut incomplete = Vec::new();
    let mut weight = 0;
    for (count, day) in raw_data.days(from.day, utc_day(last)).enumerate() {
        let mut begin = Cursor { day, time: i64::MIN, skip: 0, ..from };
        if day == from.day {
            begin = from;
        }
        if count == MAX_DAYS {
            return Ok(Page { body, next: Some(begin), incomplete });
        }
        let (rows, dictionaries, problems) = raw_data.day(day).await?.into_rows();
        incomplete.extend(problems);
        let lines = Lines::new(format, &rows, &dictionaries);
        let row_of = |time: i64| rows.times.partition_point(|it| *it < time);
        let moment = row_of(begin.time);
        let first = row_of(begin.time.saturating_add(1)).min(moment.saturating_add(begin.skip));
        // Where the current millisecond begins: its row, its place in the page, and the weight of the page before it.
        let mut moment = (moment, body.len(), weight);
        for row in first..row_of(from.until) {
            let time = rows.times[row];
            if time != rows.times[moment.0] {
                moment = (row, body.len(), weight);
            }
            let line_start = body.len();
            lines.write(row, &mut body);
            let line = escaped_len(&body[line_start..]);
            if weight > 0 && weight + line > room {
                let (start, before) = (moment.1, moment.2);
                // A millisecond that fills a whole page is split.
                let (end, skip) =
                    if before > 0 { (start, 0) } else { (line_start, row - moment.0) };
                body.truncate(end);
                let next = Some(Cursor { day, time, skip, ..from });
                return Ok(Page { body, next, incomplete });
            }
            weight += line;
        }
    }
    Ok(Page { body, next: None, incomplete })
}

/// Returns the length of a text within a JSON string, in bytes.
fn escaped_len(text: &[u8]) -> usize {
    let bytes = text.iter().map(|byte| match byte {
        b'"' | b'\\' | b'\n' | b'\r' | b'\t' => 2,
        0..0x20 => 6,
        _ => 1,
    });
    bytes.sum()
}
