//! Hits as text, one a line, and in pages for those who ask the API: `GET /api/v1/export`.
//!
//! Pages are those of one moment: a cursor holds where the next page begins, and where all of them end,
//! which is a minute before the first was asked for. Until then, every hit is in exactly one page, whatever
//! comes in meanwhile: pages go by the time of hits, a millisecond is never in two of them (unless it alone
//! is larger than a page), and a day that is folded between two pages has the same hits at the same times.

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

/// What a page may weigh. Lambda takes 6 MB of JSON in which the page is a text, quotes and line ends
/// escaped, or is inflated by a third by base64:
/// <https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>
pub const PAGE: usize = 4_000_000;

/// The most days that are looked at for a page: a function has 30 seconds. A page may be empty although
/// others follow.
const DAYS: usize = 366;

/// Hits that are younger are in no page: a hit is stored within the 15 seconds that the function `track`
/// has, and the rest is for clocks that differ.
const SETTLED: SignedDuration = SignedDuration::from_mins(1);

/// How hits are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// RFC 4180, with a header. What a spreadsheet would take for a formula has an apostrophe before it.
    Csv,
    /// An object a line; what has no value is not in it.
    Jsonl,
}

impl Format {
    /// The format of a name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "csv" => Some(Self::Csv),
            "jsonl" => Some(Self::Jsonl),
            _ => None,
        }
    }

    /// Its name, which is also how files of it end.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Jsonl => "jsonl",
        }
    }

    /// The media type.
    #[must_use]
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Csv => "text/csv; charset=utf-8",
            Self::Jsonl => "application/jsonl; charset=utf-8",
        }
    }

    /// What comes before the first line.
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

/// Rows that are written as lines. Every text is encoded once.
#[derive(Debug)]
pub struct Lines<'a> {
    format: Format,
    rows: &'a HitBatch,
    cells: Vec<Vec<String>>,
}

impl<'a> Lines<'a> {
    /// Lines of rows.
    #[must_use]
    pub fn new(format: Format, rows: &'a HitBatch, texts: &Dictionaries) -> Self {
        let encode = |column: Column, text: &str| match (format, column) {
            (Format::Csv, _) => cell(text),
            // These are JSON already.
            (Format::Jsonl, Column::Props) => text.to_owned(),
            (Format::Jsonl, _) => serde_json::Value::from(text).to_string(),
        };
        let cells = Column::ALL.map(|column| {
            let texts = texts.of(column).iter();
            texts.map(|(_, text)| text.map_or_else(String::new, |it| encode(column, it))).collect()
        });
        Self { format, rows, cells: cells.into() }
    }

    /// Adds the line of a row.
    pub fn write(&self, row: usize, out: &mut Vec<u8>) {
        let at = Timestamp::from_millisecond(self.rows.times[row]).unwrap_or_default();
        let visitor = self.rows.visitors[row];
        let visitor = if visitor == 0 { String::new() } else { visitor.to_string() };
        let cells = Column::ALL.map(|column| {
            let code = self.rows.column(column)[row] as usize;
            (column, self.cells[column.index()].get(code).map_or("", String::as_str))
        });
        let number =
            |number: u32, is_there: bool| if is_there { number.to_string() } else { String::new() };
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

/// Where a page begins, and where all of them end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor {
    /// The day of UTC.
    day: Date,
    /// The time on that day, in milliseconds since 1970.
    time: i64,
    /// How many hits of that millisecond were in the pages before.
    skip: usize,
    /// The first millisecond that is in no page.
    until: i64,
}

impl Cursor {
    /// The beginning of some days, as far as they are settled.
    #[must_use]
    pub fn first(from: Date, to: Date, now: Timestamp) -> Self {
        let end = to.tomorrow().and_then(utc_start).unwrap_or(Timestamp::MAX);
        let settled = now.checked_sub(SETTLED).unwrap_or(Timestamp::MIN);
        let until = end.min(settled).as_millisecond();
        Self { day: from, time: i64::MIN, skip: 0, until }
    }

    /// Reads what [`Display`](fmt::Display) wrote.
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

/// As it stands in an address. What is in it is nobody's business but this module's.
impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { day, time, skip, until } = self;
        f.write_str(&BASE64.encode(format!("{day} {time} {skip} {until}")))
    }
}

/// A page.
#[derive(Debug)]
pub struct Page {
    /// The lines.
    pub body: Vec<u8>,
    /// Where the next page begins; none follows if there is none.
    pub next: Option<Cursor>,
    /// What of its days cannot be read, in words.
    pub incomplete: Vec<String>,
}

/// Adds to `body` the lines from a cursor on: as many as fit into so much `room`, and at least one.
///
/// # Errors
/// If the store cannot be read.
pub async fn page<S: Store>(
    archive: &RawData<'_, S>,
    format: Format,
    from: Cursor,
    mut body: Vec<u8>,
    room: usize,
) -> Result<Page, StoreError> {
    let last = Timestamp::from_millisecond(from.until.saturating_sub(1)).unwrap_or_default();
    let mut incomplete = Vec::new();
    let mut weight = 0;
    for (count, day) in archive.days(from.day, utc_day(last)).enumerate() {
        let mut begin = Cursor { day, time: i64::MIN, skip: 0, ..from };
        if day == from.day {
            begin = from;
        }
        if count == DAYS {
            return Ok(Page { body, next: Some(begin), incomplete });
        }
        let (rows, texts, problems) = archive.day(day).await?.into_rows();
        incomplete.extend(problems);
        let lines = Lines::new(format, &rows, &texts);
        let row_of = |time: i64| rows.times.partition_point(|it| *it < time);
        let moment = row_of(begin.time);
        let first = row_of(begin.time.saturating_add(1)).min(moment.saturating_add(begin.skip));
        // Where the row's millisecond begins: among the rows, in the page, and what was in that before.
        let mut moment = (moment, body.len(), weight);
        for row in first..row_of(from.until) {
            let time = rows.times[row];
            if time != rows.times[moment.0] {
                moment = (row, body.len(), weight);
            }
            let place = body.len();
            lines.write(row, &mut body);
            let line = escaped(&body[place..]);
            if weight > 0 && weight + line > room {
                let (start, before) = (moment.1, moment.2);
                // A millisecond that fills a page alone is cut.
                let (end, skip) = if before > 0 { (start, 0) } else { (place, row - moment.0) };
                body.truncate(end);
                let next = Some(Cursor { day, time, skip, ..from });
                return Ok(Page { body, next, incomplete });
            }
            weight += line;
        }
    }
    Ok(Page { body, next: None, incomplete })
}

/// How many bytes a text has as part of JSON.
fn escaped(text: &[u8]) -> usize {
    let bytes = text.iter().map(|byte| match byte {
        b'"' | b'\\' | b'\n' | b'\r' | b'\t' => 2,
        0..0x20 => 6,
        _ => 1,
    });
    bytes.sum()
}
