//! GoatCounter's CSV export: a row for each page view and event.
//!
//! <https://www.goatcounter.com/help/export>

use std::io::BufRead;

use anyhow::Result;
use footfall_infra::settings::Site;
use footfall_runtime::hit::country::Country;
use footfall_runtime::hit::exclusion::ExclusionReason;
use footfall_runtime::hit::source;
use footfall_runtime::hit::user_agent::{self, ClientHints};
use footfall_runtime::hit::{Hit, Kind};
use footfall_runtime::ingest::HitInput;
use footfall_runtime::ingest::payload::Payload;
use footfall_runtime::platform::sanitize::clean;
use jiff::Timestamp;

use super::line_counts::Reason;
use super::names;
use super::pipeline::Pipeline;
use super::table::{Row, rows};
use crate::error::CommandError;

/// The newest version of the format that is known.
const VERSION: u32 = 2;

/// The version of an export that begins so; `None` if it is none.
pub(crate) fn version(head: &str) -> Option<u32> {
    let (version, _) = head.trim_start_matches('\u{feff}').split_once("Path,Title,Event,")?;
    version.trim_end_matches(',').parse().ok()
}

/// Refuses a version that means other things than those that are known.
pub(crate) fn check(version: u32, file: &str) -> Result<(), CommandError> {
    if version <= VERSION {
        return Ok(());
    }
    Err(CommandError::rejected(
        format!("unsupported version {version} of GoatCounter's export: {file}; expected 1 or 2"),
        "update Footfall, or export from a GoatCounter that writes version 2",
    ))
}

/// Reads an export from byte `from` on.
pub(crate) fn read(input: &mut dyn BufRead, from: u64, pipeline: &mut Pipeline<'_>) -> Result<()> {
    rows(input, from, |line, row| {
        pipeline.counts.lines += 1;
        let at = row.get("Date").and_then(|date| date.parse::<Timestamp>().ok());
        match (at, row.get("Path")) {
            _ if !row.is_whole() => pipeline.note(line, Reason::Unreadable),
            (None, _) => pipeline.note(line, Reason::Time),
            (_, None) => pipeline.note(line, Reason::Unreadable),
            (Some(at), Some(path)) => match kind(row, line, &path, pipeline) {
                Ok(kind) => pipeline.take(line, at, kind)?,
                Err(reason) => pipeline.note(line, reason),
            },
        }
        Ok(())
    })
}

fn kind(row: &Row<'_>, line: u64, path: &str, pipeline: &Pipeline<'_>) -> Result<Kind, Reason> {
    let is_event = row.get("Event").is_some_and(|event| event == "true" || event == "1");
    // An event has its name where a page view has its path, and nothing says on which page it was.
    let target = if is_event { "/" } else { path };
    let slash = if target.starts_with('/') { "" } else { "/" };
    let page = pipeline.page(None, &format!("{slash}{target}"))?;
    let referrer = row.get("Referrer");
    let scheme = row.get("Referrer scheme").unwrap_or_default();
    let address =
        referrer.as_ref().filter(|_| matches!(scheme.as_str(), "h" | "o")).and_then(|text| {
            let text = if text.contains("://") { text.clone() } else { format!("https://{text}") };
            url::Url::parse(&text).ok()
        });
    if let Some(reason) = bot(row).or_else(|| pipeline.spam(address.as_ref())) {
        return Ok(pipeline.filtered(reason, &page));
    }
    // Without sessions, everybody is somebody else.
    let session = row.get("Session").filter(|id| !id.trim_matches(['0', '-']).is_empty());
    let visitor = pipeline.visitor(&session.unwrap_or_else(|| format!("{}:{line}", pipeline.file)));
    let agent = row.get("UserAgent").or_else(|| row.get("User-Agent"));
    // Until its first version ended, the export had the User-Agent in the place of the browser.
    let browser = row.get("Browser");
    let agent = agent.or_else(|| browser.clone().filter(|text| text.starts_with("Mozilla/")));
    let client = user_agent::parse(agent.as_deref().unwrap_or_default(), ClientHints::default());
    let payload = Payload {
        event: is_event.then(|| clean(path, 480)),
        width: row.get("Screen size").and_then(|size| names::width(&size)),
        ..Payload::default()
    };
    let country = row.get("Location").and_then(|code| Country::parse(code.get(..2)?));
    let site = pipeline.site;
    let input = HitInput {
        site,
        page: &page,
        payload,
        referrer: address.as_ref(),
        user_agent: client,
        visitor,
        country,
    };
    let mut hit = input.into_hit();
    if agent.is_none() {
        of_names(&mut hit, browser.as_deref(), row.get("System").as_deref());
    }
    if is_event {
        hit.page = String::new();
    }
    of_source(&mut hit, &scheme, referrer, site);
    Ok(Kind::Hit(hit))
}

/// A browser and a system by the names that GoatCounter gives them, such as `Firefox 130`.
fn of_names(hit: &mut Hit, browser: Option<&str>, os: Option<&str>) {
    let (name, version) = names::split(browser.unwrap_or_default());
    hit.browser = names::browser(name);
    hit.browser_version =
        version.and_then(|version| names::browser_version(hit.browser.as_deref(), version));
    let (name, version) = names::split(os.unwrap_or_default());
    hit.os = names::os(name);
    hit.os_version = version.map(|version| clean(version, 20));
    hit.device = names::device_of(hit.os.as_deref());
}

/// A referrer that is no address: a name that GoatCounter made of one (`g`), or a campaign's (`c`).
fn of_source(hit: &mut Hit, scheme: &str, referrer: Option<String>, site: &Site) {
    let Some(text) = referrer.filter(|text| text != site.domain.as_str()) else { return };
    match scheme {
        "g" => hit.source = source::from_utm(&text).map(|source| source.name.into_owned()),
        "c" if hit.campaign.source.is_none() => {
            hit.source = source::from_utm(&text).map(|source| source.name.into_owned());
            hit.campaign.source = Some(clean(&text, 100));
        }
        _ => {}
    }
}

/// Why GoatCounter takes a hit for a program's: its numbers are those of
/// <https://pkg.go.dev/zgo.at/isbot#pkg-constants>, of which the first two are people's.
fn bot(row: &Row<'_>) -> Option<ExclusionReason> {
    match row.number("Bot") {
        0 | 1 => None,
        2 => Some(ExclusionReason::Prefetch),
        150.. => Some(ExclusionReason::Headless),
        _ => Some(ExclusionReason::Bot),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn detects_the_version_of_an_export() {
        assert_eq!(version("2Path,Title,Event,UserAgent,Browser"), Some(2));
        assert_eq!(version("1Path,Title,Event,Bot"), Some(1));
        assert_eq!(version("Path,Title,Event,Bot"), None);
        assert!(check(3, "a.csv").unwrap_err().message.contains("version 3"));
    }
}
