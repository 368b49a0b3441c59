//! Reasons to exclude a hit from reports.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Why a hit is excluded from reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ExclusionReason {
    /// The User-Agent is a bot's.
    Bot,
    /// Headless or automated browser.
    Headless,
    /// The browser loads the page in advance.
    Prefetch,
    /// The User-Agent is missing. Every browser sends one.
    NoUserAgent,
    /// The referrer is a domain known for referrer spam.
    ReferrerSpam,
    /// The visitor is over the [rate limit](crate::hit::rate_limit::MAX_HITS_PER_MINUTE). Applied to stored
    /// hits when they are read.
    RateLimited,
}

impl ExclusionReason {
    /// Every reason, in the order in which they are checked.
    pub const ALL: [Self; 6] = [
        Self::NoUserAgent,
        Self::Prefetch,
        Self::Headless,
        Self::Bot,
        Self::ReferrerSpam,
        Self::RateLimited,
    ];

    /// Returns the name used in storage and in API responses.
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
