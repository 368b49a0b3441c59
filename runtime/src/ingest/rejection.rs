//! Why a request is refused: in words for its sender, and as a short reason in a header.

use http::StatusCode;

use crate::hit::rate_limit::MAX_HITS_PER_MINUTE;

/// A hit that is not stored because of what it says.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// The body is larger than [`MAX_BODY`](crate::ingest::payload::MAX_BODY).
    #[error("the body is too large; send at most 256 KB")]
    TooLarge,
    /// The body is no JSON object.
    #[error("the body is not the JSON of a hit: {0}")]
    NotJson(String),
    /// A key is missing or wrong: its name, and what is wrong.
    #[error("`{0}` {1}")]
    Key(&'static str, &'static str),
    /// The page's host belongs to no site in the settings.
    #[error(
        "`url` is on the host {0}, which is no site's here; add it to `hosts` in footfall.yaml"
    )]
    UnknownHost(String),
    /// The site that the sender names is not in the settings, or the page is not one of it.
    #[error("`domain` names no site whose page this is")]
    UnknownSite,
    /// The visitor has [too many hits](crate::hit::rate_limit) in this minute.
    #[error(
        "more hits from one browser than {MAX_HITS_PER_MINUTE} a minute; send the next one later"
    )]
    RateLimited,
}

impl Rejection {
    /// The short reason for the header.
    #[must_use]
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::TooLarge => "too-large",
            Self::NotJson(_) => "not-json",
            Self::Key(..) => "bad-key",
            Self::UnknownHost(_) => "unknown-host",
            Self::UnknownSite => "unknown-site",
            Self::RateLimited => "rate-limited",
        }
    }

    /// The key of the body that is to blame, for an answer in Plausible's form.
    #[must_use]
    pub const fn key(&self) -> &'static str {
        match self {
            Self::TooLarge | Self::NotJson(_) | Self::RateLimited => "request",
            Self::Key(key, _) => key,
            Self::UnknownHost(_) => "url",
            Self::UnknownSite => "domain",
        }
    }

    /// The status of the answer.
    #[must_use]
    pub const fn status(&self) -> StatusCode {
        match self {
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::NotJson(_) | Self::Key(..) => StatusCode::BAD_REQUEST,
            Self::UnknownHost(_) | Self::UnknownSite => StatusCode::FORBIDDEN,
            Self::RateLimited => StatusCode::TOO_MANY_REQUESTS,
        }
    }
}
