//! Why a hit is kept out of reports.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Why a hit is not counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ExclusionReason {
    /// The User-Agent is a program's own.
    Bot,
    /// A browser that nobody sits in front of.
    Headless,
    /// The browser loads the page in case it is asked for.
    Prefetch,
    /// No User-Agent: every browser sends one.
    NoUserAgent,
    /// The referrer is a domain that sends visits to be seen in reports.
    ReferrerSpam,
    /// A visitor has more hits in a minute than [a reader makes](crate::hit::rate_limit::MAX_HITS_PER_MINUTE). It is said of hits that are
    /// stored already, when they are read.
    RateLimited,
}

impl ExclusionReason {
    /// All of them, in the order in which they are looked for.
    pub const ALL: [Self; 6] = [
        Self::NoUserAgent,
        Self::Prefetch,
        Self::Headless,
        Self::Bot,
        Self::ReferrerSpam,
        Self::RateLimited,
    ];

    /// The name used at rest and in answers.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Bot => "bot",
            Self::Headless => "headless",
            Self::Prefetch => "prefetch",
            Self::NoUserAgent => "no-user-agent",
            Self::ReferrerSpam => "referrer-spam",
            Self::RateLimited => "rate-limited",
        }
    }
}

impl fmt::Display for ExclusionReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
