//! Footfall's own export: a segment's columns, as Parquet, CSV or JSON lines. Columns that are not known
//! are passed over: a newer version may have added them.

use std::io::BufRead;

use anyhow::{Context as _, Result};
use footfall_runtime::hit::country::Country;
use footfall_runtime::hit::exclusion::ExclusionReason;
use footfall_runtime::hit::user_agent::Device;
use footfall_runtime::hit::visitor::VisitorId;
use footfall_runtime::hit::{Campaign, Engagement, Excluded, Hit, Kind, ScreenSize};
use footfall_runtime::ingest;
use footfall_runtime::platform::sanitize::clean;
use footfall_runtime::segment;
use footfall_runtime::segment::column::Column;
use footfall_runtime::segment::dictionary::Dictionaries;
use footfall_runtime::storage::hour::utc_day;
use jiff::Timestamp;
use serde_json::{Map, Value};

use super::line_counts::Reason;
use super::pipeline::Pipeline;
use super::source::{Line, each_line};
use super::table::rows;

/// The names of the columns that are no texts.
const TIME: &str = "time";
const VISITOR: &str = "visitor";
const ENGAGED: &str = "engaged";
const SCROLLED: &str = "scrolled";

/// Reads a Parquet file.
pub(crate) fn read_parquet(input: &mut dyn BufRead, pipeline: &mut Pipeline<'_>) -> Result<()> {
    let mut file = Vec::new();
    input.read_to_end(&mut file)?;
    let mut texts = Dictionaries::default();
    let rows = segment::decode(&file, &Column::ALL, &mut texts)
        .context("not a Parquet file written by Footfall")?;
    for row in 0..rows.len() {
        let line = row as u64 + 1;
        pipeline.counts.lines += 1;
        let visitor = rows.visitors[row].to_string();
        let column = |name: &str| Column::ALL.into_iter().find(|column| column.name() == name);
        let text = |name: &str| match name {
            ENGAGED => Some(rows.engaged[row]).filter(|it| *it > 0).map(|it| it.to_string()),
            SCROLLED => Some(rows.scrolled[row]).filter(|it| *it <= 100).map(|it| it.to_string()),
            name => {
                let column = column(name)?;
                texts.of(column).value(rows.column(column)[row]).map(str::to_owned)
            }
        };
        match Timestamp::from_millisecond(rows.times[row]) {
            Ok(at) => take(line, at, Some(visitor), text, pipeline)?,
            Err(_) => pipeline.note(line, Reason::Time),
        }
    }
    Ok(())
}

/// Reads a CSV file.
pub(crate) fn read_csv(input: &mut dyn BufRead, pipeline: &mut Pipeline<'_>) -> Result<()> {
    rows(input, 0, |line, row| {
        pipeline.counts.lines += 1;
        match row.get(TIME).and_then(|text| text.parse().ok()) {
            _ if !row.is_whole() => pipeline.note(line, Reason::Unreadable),
            Some(at) => {
                take(line, at, row.get(VISITOR), |name| row.get(name), pipeline)?;
            }
            None => pipeline.note(line, Reason::Time),
        }
        Ok(())
    })
}

/// Reads JSON lines.
pub(crate) fn read_json(
    input: &mut dyn BufRead,
    before: u64,
    pipeline: &mut Pipeline<'_>,
) -> Result<()> {
    each_line(input, before, |number, line| {
        pipeline.counts.lines += 1;
        let object = match line {
            Line::Whole(text) => serde_json::from_slice::<Map<String, Value>>(text).ok(),
            Line::TooLong => None,
            Line::Unfinished(_) => {
                pipeline.note(number, Reason::Unfinished);
                return Ok(());
            }
        };
        let Some(object) = object else {
            pipeline.note(number, Reason::Unreadable);
            return Ok(());
        };
        let text = |name: &str| match object.get(name)? {
            Value::Null => None,
            Value::String(text) => Some(text.clone()),
            other => Some(other.to_string()),
        };
        match text(TIME).and_then(|text| text.parse().ok()) {
            Some(at) => {
                take(number, at, text(VISITOR), text, pipeline)?;
            }
            None => pipeline.note(number, Reason::Time),
        }
        Ok(())
    })
}

/// Takes a row.
fn take(
    line: u64,
    at: Timestamp,
    visitor: Option<String>,
    text: impl Fn(&str) -> Option<String>,
    pipeline: &mut Pipeline<'_>,
) -> Result<()> {
    // A visitor's number means nothing outside its day.
    let visitor = visitor.map(|number| pipeline.visitor(&format!("{} {number}", utc_day(at))));
    match kind(visitor, |column| text(column.name())) {
        Some(kind) => {
            // The engagement of a view follows it, as a tracker sends it.
            let said = engagement(&kind, &text);
            pipeline.take(line, at, kind)?;
            said.map_or(Ok(()), |said| pipeline.take(line, at, said))
        }
        None => {
            pipeline.note(line, Reason::Unreadable);
            Ok(())
        }
    }
}

/// The engagement of a view, if it has one.
fn engagement(kind: &Kind, text: impl Fn(&str) -> Option<String>) -> Option<Kind> {
    let Kind::Hit(Hit { visitor, event: None, host, page, .. }) = kind else { return None };
    let engaged = text(ENGAGED).and_then(|millis| millis.parse().ok());
    let scroll = text(SCROLLED).and_then(|depth| depth.parse().ok()).filter(|depth| *depth <= 100);
    if engaged.is_none() && scroll.is_none() {
        return None;
    }
    let (visitor, host, page) = (*visitor, host.clone(), page.clone());
    let engaged = engaged.unwrap_or(0);
    Some(Kind::Engagement(Engagement { visitor, host, page, scroll, engaged }))
}

/// The hit of a row's texts; `None` if it cannot be one.
fn kind(visitor: Option<VisitorId>, text: impl Fn(Column) -> Option<String>) -> Option<Kind> {
    let some = |column| {
        let text = text(column).filter(|text| !text.is_empty())?;
        Some(if column == Column::Props { text } else { clean(&text, ingest::MAX_PAGE) })
    };
    if let Some(reason) = some(Column::Exclusion) {
        let reason = ExclusionReason::ALL.into_iter().find(|it| it.as_str() == reason)?;
        let page = some(Column::Page).unwrap_or_default();
        return Some(Kind::Excluded(Excluded { reason, page }));
    }
    let props: Map<String, Value> = match some(Column::Props) {
        Some(json) => serde_json::from_str(&json).ok()?,
        None => Map::new(),
    };
    let pair = |(name, value): (String, Value)| match value {
        Value::String(text) => (name, text),
        other => (name, other.to_string()),
    };
    let device = |name: String| serde_json::from_value::<Device>(name.into()).ok();
    let screens = [ScreenSize::Mobile, ScreenSize::Tablet, ScreenSize::Laptop, ScreenSize::Desktop];
    Some(Kind::Hit(Hit {
        visitor: visitor?,
        event: some(Column::Event),
        host: some(Column::Host),
        page: some(Column::Page).unwrap_or_default(),
        source: some(Column::Source),
        referrer: some(Column::Referrer),
        campaign: Campaign {
            source: some(Column::UtmSource),
            medium: some(Column::UtmMedium),
            name: some(Column::UtmCampaign),
            term: some(Column::UtmTerm),
            content: some(Column::UtmContent),
        },
        country: some(Column::Country).and_then(|code| Country::parse(&code)),
        browser: some(Column::Browser),
        browser_version: some(Column::BrowserVersion),
        os: some(Column::Os),
        os_version: some(Column::OsVersion),
        device: some(Column::Device).and_then(device),
        screen: some(Column::Screen)
            .and_then(|name| screens.into_iter().find(|screen| screen.as_str() == name)),
        props: props.into_iter().map(pair).collect(),
    }))
}
