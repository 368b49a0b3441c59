//! Counts lines that are not hits, by reason.

use std::collections::BTreeMap;

use serde::Serialize;

/// Maximum number of line numbers listed per reason.
const NAMED: usize = 3;

/// Why a line is not a hit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Reason {
    // Skipped: valid lines that are not page views.
    /// An image, a style, a script and so on.
    NotAPage,
    /// POST, HEAD and so on.
    Method,
    /// An error, a redirect or partial content.
    Status,
    /// Neither a page view nor an event, such as a changed title.
    Kind,

    // Rejected lines.
    /// It does not match the file's format.
    Unreadable,
    /// An incomplete line, which is still being written.
    Unfinished,
    /// Its host does not belong to the site.
    Host,
    /// Missing or future timestamp.
    Time,
    /// Older than the retention, or than any report.
    Old,
}

impl Reason {
    /// Whether the line is rejected rather than skipped.
    const fn is_rejection(self) -> bool {
        matches!(self, Self::Unreadable | Self::Unfinished | Self::Host | Self::Time | Self::Old)
    }

    /// Returns its name in JSON.
    const fn name(self) -> &'static str {
        match self {
            Self::NotAPage => "not-a-page",
            Self::Method => "method",
            Self::Status => "status",
            Self::Kind => "kind",
            Self::Unreadable => "unreadable",
            Self::Unfinished => "unfinished",
            Self::Host => "host",
            Self::Time => "time",
            Self::Old => "old",
        }
    }

    /// Returns a description.
    pub(crate) const fn text(self) -> &'static str {
        match self {
            Self::NotAPage => "not pages (images, styles, scripts and other files)",
            Self::Method => "request method is not GET",
            Self::Status => "status is not 200 or 304",
            Self::Kind => "neither a page view nor an event",
            Self::Unreadable => "does not match the file's format",
            Self::Unfinished => "incomplete last line; imported once it is complete",
            Self::Host => {
                "host does not belong to the site; if it does, add it to `hosts` in footfall.yaml"
            }
            Self::Time => "missing or future timestamp",
            Self::Old => "older than `retention_days`, or more than 20 years old",
        }
    }
}

/// Lines with the same reason.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize)]
pub struct Lines {
    /// The reason.
    pub reason: &'static str,
    /// Number of lines.
    pub lines: u64,
    /// The first of them, such as `access.log:12`.
    pub first: Vec<String>,
    #[serde(skip)]
    pub(crate) text: &'static str,
}

/// Line counts of an import.
#[derive(Debug, Default)]
pub(crate) struct LineCounts {
    /// Lines that are not empty.
    pub(crate) lines: u64,
    by_reason: BTreeMap<Reason, Lines>,
}

impl LineCounts {
    /// Counts a line that is not a hit.
    pub(crate) fn note(&mut self, reason: Reason, file: &str, line: u64) {
        let lines = self.by_reason.entry(reason).or_default();
        lines.lines += 1;
        if lines.first.len() < NAMED {
            lines.first.push(format!("{file}:{line}"));
        }
    }

    /// Returns the number of lines with a reason.
    pub(crate) fn of(&self, reason: Reason) -> u64 {
        self.by_reason.get(&reason).map_or(0, |lines| lines.lines)
    }

    /// Returns rejected lines by reason.
    pub(crate) fn rejected(&self) -> Vec<Lines> {
        self.lines(Reason::is_rejection)
    }

    /// Returns skipped lines by reason.
    pub(crate) fn skipped(&self) -> Vec<Lines> {
        self.lines(|reason| !reason.is_rejection())
    }

    fn lines(&self, is: impl Fn(Reason) -> bool) -> Vec<Lines> {
        let some = self.by_reason.iter().filter(|(reason, _)| is(**reason));
        some.map(|(reason, lines)| Lines {
            reason: reason.name(),
            text: reason.text(),
            ..lines.clone()
        })
        .collect()
    }
}
