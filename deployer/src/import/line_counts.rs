//! What became of the lines: how many, and why not where they are not counted.

use std::collections::BTreeMap;

use serde::Serialize;

/// How many places are named for each reason.
const NAMED: usize = 3;

/// Why a line is no hit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Reason {
    // What a page view is not: nothing is wrong with such a line.
    /// A picture, a style, a script …
    NotAPage,
    /// POST, HEAD …
    Method,
    /// An error, a redirect, a part of a file.
    Status,
    /// What is neither a page view nor an event, such as a title that changed.
    Kind,

    // What is refused.
    /// It is not of the format that its file has.
    Unreadable,
    /// No end of the line: it is still being written.
    Unfinished,
    /// Its host belongs to no site, or to another one.
    Host,
    /// Its time is none, or lies ahead.
    Time,
    /// Its day would be deleted, or is too long ago for any report.
    Old,
}

impl Reason {
    /// Whether something is wrong with the line, in place of its being no page view.
    const fn is_rejection(self) -> bool {
        matches!(self, Self::Unreadable | Self::Unfinished | Self::Host | Self::Time | Self::Old)
    }

    /// What it is called in JSON.
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

    /// In words.
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

/// How many lines have a reason, and the first of them.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize)]
pub struct Lines {
    /// The reason.
    pub reason: &'static str,
    /// Number of lines.
    pub lines: u64,
    /// `access.log:12`, and so on.
    pub first: Vec<String>,
    #[serde(skip)]
    pub(crate) text: &'static str,
}

/// The lines so far.
#[derive(Debug, Default)]
pub(crate) struct LineCounts {
    /// All of them, but for the empty ones.
    pub(crate) lines: u64,
    by_reason: BTreeMap<Reason, Lines>,
}

impl LineCounts {
    /// Notes that a line is no hit.
    pub(crate) fn note(&mut self, reason: Reason, file: &str, line: u64) {
        let lines = self.by_reason.entry(reason).or_default();
        lines.lines += 1;
        if lines.first.len() < NAMED {
            lines.first.push(format!("{file}:{line}"));
        }
    }

    /// How many lines have a reason.
    pub(crate) fn of(&self, reason: Reason) -> u64 {
        self.by_reason.get(&reason).map_or(0, |lines| lines.lines)
    }

    /// The lines that were refused, by reason.
    pub(crate) fn rejected(&self) -> Vec<Lines> {
        self.lines(Reason::is_rejection)
    }

    /// The lines that are no page views, by reason.
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
