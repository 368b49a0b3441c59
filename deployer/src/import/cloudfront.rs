//! CloudFront's standard logs: fields with tabs between them, named by `#Fields:`.
//!
//! <https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/standard-logs-reference.html>

use std::borrow::Cow;
use std::collections::HashMap;
use std::io::BufRead;

use anyhow::Result;
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use super::line_counts::Reason;
use super::pipeline::{Pipeline, Request};
use super::source::{Line, each_line};

const FIELDS: &str = "#Fields:";

/// Reads a log from its beginning, where its fields are named.
pub(crate) fn read(input: &mut dyn BufRead, pipeline: &mut Pipeline<'_>) -> Result<()> {
    let mut fields = HashMap::new();
    each_line(input, 0, |number, line| {
        // No log of theirs grows: if the last line has no end, it is still all there.
        let text = match line {
            Line::Whole(text) | Line::Unfinished(text) => Some(String::from_utf8_lossy(text)),
            Line::TooLong => None,
        };
        if let Some(comment) = text.as_ref().filter(|text| text.starts_with('#')) {
            if let Some(names) = comment.strip_prefix(FIELDS) {
                fields = names.split_whitespace().map(str::to_owned).zip(0..).collect();
            }
            return Ok(());
        }
        pipeline.counts.lines += 1;
        let taken = text.map(|text| take(&text, &fields, number, pipeline)).transpose()?.flatten();
        if taken.is_none() {
            pipeline.note(number, Reason::Unreadable);
        }
        Ok(())
    })
}

/// Takes a line; `None` if it has not the fields that it must have.
fn take(
    text: &str,
    fields: &HashMap<String, usize>,
    line: u64,
    pipeline: &mut Pipeline<'_>,
) -> Result<Option<()>> {
    let values: Vec<&str> = text.split('\t').collect();
    let field = |name: &str| {
        let value = values.get(*fields.get(name)?).copied()?;
        (value != "-").then_some(value)
    };
    let needed = (field("date"), field("time"), field("cs-uri-stem"));
    let (Some(date), Some(time), Some(path)) = needed else { return Ok(None) };
    let Some(at) = instant(date, time) else { return Ok(None) };
    let target = match field("cs-uri-query") {
        Some(query) => format!("{path}?{query}"),
        None => path.to_owned(),
    };
    let referrer = field("cs(Referer)").map(decoded);
    let user_agent = field("cs(User-Agent)").map(decoded);
    let content_type = field("sc-content-type").map(decoded);
    let request = Request {
        method: field("cs-method").unwrap_or_default(),
        status: field("sc-status").and_then(|status| status.parse().ok()).unwrap_or(0),
        // What the viewer asked for; `cs(Host)` is the distribution's own name.
        host: field("x-host-header"),
        target: &target,
        referrer: referrer.as_deref(),
        user_agent: fields
            .contains_key("cs(User-Agent)")
            .then(|| user_agent.as_deref().unwrap_or_default()),
        client: field("c-ip").unwrap_or_default(),
        content_type: content_type.as_deref(),
        country: field("c-country"),
    };
    pipeline.request(line, at, &request)?;
    Ok(Some(()))
}

/// A date and a time, in UTC.
fn instant(date: &str, time: &str) -> Option<Timestamp> {
    let at: DateTime = format!("{date}T{time}").parse().ok()?;
    Some(at.to_zoned(TimeZone::UTC).ok()?.timestamp())
}

/// A value as it was before CloudFront encoded it, which it has done twice in logs of some years.
fn decoded(value: &str) -> Cow<'_, str> {
    let once = percent_decoded(value);
    if once.contains("%20") { Cow::Owned(percent_decoded(&once).into_owned()) } else { once }
}

fn percent_decoded(value: &str) -> Cow<'_, str> {
    if !value.contains('%') {
        return Cow::Borrowed(value);
    }
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value;
    while let Some(at) = rest.find('%') {
        bytes.extend_from_slice(&rest.as_bytes()[..at]);
        let byte = rest.get(at + 1..at + 3).and_then(|hex| u8::from_str_radix(hex, 16).ok());
        bytes.push(byte.unwrap_or(b'%'));
        rest = &rest[at + if byte.is_some() { 3 } else { 1 }..];
    }
    bytes.extend_from_slice(rest.as_bytes());
    Cow::Owned(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decodes_values_encoded_once_or_twice() {
        assert_eq!(decoded("Mozilla/5.0%20(X11)"), "Mozilla/5.0 (X11)");
        assert_eq!(decoded("Mozilla/5.0%2520(X11)"), "Mozilla/5.0 (X11)");
        assert_eq!(decoded("100%"), "100%");
        assert_eq!(decoded("%C3%A9%zz%"), "é%zz%");
    }
}
