//! Umami's export: `website_event.csv`, a row for each page view and event, and `event_data.csv`, a row for
//! each property of an event.
//!
//! <https://github.com/umami-software/umami/blob/master/db/clickhouse/schema.sql>

use std::collections::HashMap;
use std::io::BufRead;

use anyhow::Result;
use footfall_runtime::hit::Kind;
use footfall_runtime::hit::country::Country;
use footfall_runtime::hit::user_agent::{self, ClientHints};
use footfall_runtime::ingest::HitInput;
use footfall_runtime::ingest::payload::Payload;
use footfall_runtime::platform::sanitize::clean;
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use super::line_counts::Reason;
use super::names;
use super::pipeline::Pipeline;
use super::table::{Row, rows};

/// The most properties of an event that are kept, as of the tracker's.
const MOST: usize = 30;

/// Properties by the event's name.
pub(crate) type Properties = HashMap<String, Vec<(String, String)>>;

/// Reads the properties of events.
pub(crate) fn read_properties(input: &mut dyn BufRead, properties: &mut Properties) -> Result<()> {
    rows(input, 0, |_, row| {
        let value = ["string_value", "number_value", "date_value"];
        let value = value.iter().find_map(|name| row.get(name));
        if let (Some(id), Some(name), Some(value)) =
            (row.get("event_id"), row.get("data_key"), value)
        {
            let of_event = properties.entry(id).or_default();
            if of_event.len() < MOST {
                of_event.push((name, without_zeros(value, row.number("data_type"))));
            }
        }
        Ok(())
    })
}

/// Reads page views and events.
pub(crate) fn read(
    input: &mut dyn BufRead,
    properties: &Properties,
    pipeline: &mut Pipeline<'_>,
) -> Result<()> {
    rows(input, 0, |line, row| {
        pipeline.counts.lines += 1;
        let at = row.get("created_at").and_then(|text| instant(&text));
        match at {
            _ if !row.is_whole() => pipeline.note(line, Reason::Unreadable),
            None => pipeline.note(line, Reason::Time),
            Some(at) => match kind(row, properties, pipeline) {
                Ok(kind) => pipeline.take(line, at, kind)?,
                Err(reason) => pipeline.note(line, reason),
            },
        }
        Ok(())
    })
}

fn kind(row: &Row<'_>, properties: &Properties, pipeline: &Pipeline<'_>) -> Result<Kind, Reason> {
    // 1 is a page view, 2 an event; links, pixels and measurements of speed are neither.
    // https://github.com/umami-software/umami/blob/master/src/lib/constants.ts
    let event = match row.number("event_type") {
        1 => None,
        2 => Some(row.get("event_name").ok_or(Reason::Unreadable)?),
        _ => return Err(Reason::Kind),
    };
    let session = row.get("session_id").ok_or(Reason::Unreadable)?;
    let path = row.get("url_path").unwrap_or_else(|| "/".to_owned());
    let slash = if path.starts_with('/') { "" } else { "/" };
    let query = row
        .get("url_query")
        .map_or_else(String::new, |query| format!("?{}", query.trim_start_matches('?')));
    let host = row.get("hostname");
    let page = pipeline.page(host.as_deref(), &format!("{slash}{path}{query}"))?;
    let referrer = row.get("referrer_domain").and_then(|domain| {
        let path = row.get("referrer_path").unwrap_or_default();
        let slash = if path.starts_with('/') || path.is_empty() { "" } else { "/" };
        url::Url::parse(&format!("https://{domain}{slash}{path}")).ok()
    });
    if let Some(reason) = pipeline.spam(referrer.as_ref()) {
        return Ok(pipeline.filtered(reason, &page));
    }
    let id = row.get("event_id").unwrap_or_default();
    let props = event.as_ref().and_then(|_| properties.get(&id)).cloned().unwrap_or_default();
    let payload = Payload {
        event: event.map(|name| clean(&name, 480)),
        width: row.get("screen").and_then(|size| names::width(&size)),
        props,
        ..Payload::default()
    };
    let visitor = pipeline.visitor(&session);
    let client = user_agent::parse("", ClientHints::default());
    let country = row.get("country").and_then(|code| Country::parse(&code));
    let site = pipeline.site;
    let input = HitInput {
        site,
        page: &page,
        payload,
        referrer: referrer.as_ref(),
        user_agent: client,
        visitor,
        country,
    };
    let mut hit = input.into_hit();
    hit.browser = row.get("browser").and_then(|name| names::browser(&name));
    let os = row.get("os").unwrap_or_default();
    let (name, version) = names::split(&os);
    hit.os = names::os(name);
    hit.os_version = version.map(|version| clean(version, 20));
    hit.device = row.get("device").and_then(|name| names::device(&name));
    Ok(Kind::Hit(hit))
}

/// A number (type 2) as it was sent: Umami writes `5.0000`.
fn without_zeros(value: String, data_type: u64) -> String {
    if data_type != 2 || !value.contains('.') {
        return value;
    }
    value.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// A time in UTC: `2026-08-13 10:30:00`, or as RFC 3339 has it.
fn instant(text: &str) -> Option<Timestamp> {
    let civil = || Some(text.parse::<DateTime>().ok()?.to_zoned(TimeZone::UTC).ok()?.timestamp());
    text.parse().ok().or_else(civil)
}
