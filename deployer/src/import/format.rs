//! Which format a file has: told by how it begins.

use clap::ValueEnum;

use super::source::Source;
use super::{access_log, goatcounter, plausible};
use crate::error::CommandError;

/// Values of --format
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum FormatArg {
    /// Access logs of Apache or nginx: the common format, or the combined one
    AccessLog,
    /// CloudFront's standard logs
    Cloudfront,
    /// GoatCounter's CSV export
    Goatcounter,
    /// Plausible's export: its zip, or the files in it
    Plausible,
    /// Umami's export: its zip, or website_event.csv and event_data.csv
    Umami,
    /// Footfall's own export: Parquet, CSV or JSON lines
    Footfall,
}

/// What a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    AccessLog,
    CloudFront,
    GoatCounter,
    /// A table of days by one dimension.
    Plausible(plausible::Table),
    /// Umami's page views and events.
    UmamiEvents,
    /// Umami's properties of events.
    UmamiProperties,
    FootfallParquet,
    FootfallCsv,
    FootfallJson,
}

impl Format {
    /// Whether such a file grows at its end, and what was imported of it is left where it is.
    pub(crate) const fn grows(self) -> bool {
        matches!(self, Self::AccessLog | Self::FootfallJson | Self::GoatCounter)
    }

    /// Whether a part of a line is none yet.
    pub(crate) const fn has_lines(self) -> bool {
        matches!(self, Self::AccessLog | Self::FootfallJson)
    }

    /// Whether such a file has all of some days: of another one, only other days are new.
    pub(crate) const fn is_export(self) -> bool {
        !matches!(self, Self::AccessLog | Self::CloudFront)
    }

    fn is_said(self, said: FormatArg) -> bool {
        said == match self {
            Self::AccessLog => FormatArg::AccessLog,
            Self::CloudFront => FormatArg::Cloudfront,
            Self::GoatCounter => FormatArg::Goatcounter,
            Self::Plausible(_) => FormatArg::Plausible,
            Self::UmamiEvents | Self::UmamiProperties => FormatArg::Umami,
            Self::FootfallParquet | Self::FootfallCsv | Self::FootfallJson => FormatArg::Footfall,
        }
    }
}

/// The format of a file that begins with `head`; `None` if there is nothing in it that could be a hit, as in
/// the companions of an export.
pub(crate) fn detect(
    source: &Source,
    head: &[u8],
    said: Option<FormatArg>,
) -> Result<Option<Format>, CommandError> {
    let text = String::from_utf8_lossy(head);
    let text = text.trim_start_matches('\u{feff}');
    if text.trim().is_empty() {
        return Ok(None);
    }
    let format = found(source, head, text)?;
    match (format, said) {
        (Found::Companion, _) => Ok(None),
        (Found::Format(format), None) => Ok(Some(format)),
        (Found::Format(format), Some(said)) if format.is_said(said) => Ok(Some(format)),
        // A log that begins with lines that are none of it is one if its owner says so.
        (_, Some(FormatArg::AccessLog)) => Ok(Some(Format::AccessLog)),
        (_, Some(said)) => {
            let said = said.to_possible_value();
            let said = said.as_ref().map_or("", |said| said.get_name());
            Err(CommandError::rejected(
                format!("{} does not look like a file of the format {said}", source.name),
                "leave --format out to detect the format, or choose other files",
            ))
        }
        (Found::Nothing, None) => Err(CommandError::rejected(
            format!("unrecognised format of {}", source.name),
            "docs/import.md lists the formats; pass --format access-log for a log whose first lines are not log entries",
        )),
    }
}

enum Found {
    Format(Format),
    /// It belongs to an export, and has nothing that is kept.
    Companion,
    Nothing,
}

fn found(source: &Source, head: &[u8], text: &str) -> Result<Found, CommandError> {
    if head.starts_with(b"PAR1") {
        return Ok(Found::Format(Format::FootfallParquet));
    }
    let first = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    if first.starts_with("#Version:") || first.starts_with("#Fields:") {
        return Ok(Found::Format(Format::CloudFront));
    }
    if let Some(version) = goatcounter::version(first) {
        goatcounter::check(version, &source.name)?;
        return Ok(Found::Format(Format::GoatCounter));
    }
    let says = |name: &str| first.contains(&format!("\"{name}\""));
    if first.starts_with('{') && says("time") && (says("visitor") || says("filtered")) {
        return Ok(Found::Format(Format::FootfallJson));
    }
    let names: Vec<&str> = first.split(',').map(|name| name.trim().trim_matches('"')).collect();
    let has = |all: &[&str]| all.iter().all(|name| names.contains(name));
    if has(&["time", "visitor", "page"]) {
        return Ok(Found::Format(Format::FootfallCsv));
    }
    if has(&["session_id", "created_at", "event_type", "url_path"]) {
        return Ok(Found::Format(Format::UmamiEvents));
    }
    if has(&["event_id", "data_key"]) {
        return Ok(Found::Format(Format::UmamiProperties));
    }
    if has(&["session_id", "data_key"]) {
        return Ok(Found::Companion);
    }
    if names.first() == Some(&"date") {
        return Ok(match plausible::Table::of(source.base()) {
            Some(table) => Found::Format(Format::Plausible(table)),
            None if source.base().starts_with("imported_") => Found::Companion,
            None => Found::Nothing,
        });
    }
    if text.lines().take(20).any(|line| access_log::parse(line).is_some()) {
        return Ok(Found::Format(Format::AccessLog));
    }
    Ok(Found::Nothing)
}
