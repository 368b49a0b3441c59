//! Rejections of hits: a message for the sender, and a short reason for a header.

use http::StatusCode;

use crate::hit::rate_limit::MAX_HITS_PER_MINUTE;

/// Why a hit was rejected. A rejected hit is not stored.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// The body is larger than [`MAX_BODY`](crate::ingest::payload::MAX_BODY).
    #[error("the body is too large: the maximum is 256 KB")]
    TooLarge,
    /// The body is not a JSON object.
    #[error("the body is not a hit in JSON: {0}")]
    NotJson(String),
    /// A key is missing or invalid. Holds its name and the problem.
    #[error("`{0}` {1}")]
    Key(&'static str, &'static str),
    /// The page's host does not belong to a site in the settings.
    #[error("`url` has the host {0}, which no site lists; add it to `hosts` in footfall.yaml")]
    UnknownHost(String),
    /// The sender names a site that is not in the settings, or that the page does not belong to.
    #[error("`domain` does not name the site of this page")]
    UnknownSite,
    /// The visitor is over the [rate limit](crate::hit::rate_limit).
    #[error("more than {MAX_HITS_PER_MINUTE} hits per minute from one browser; try again later")]
    RateLimited,
}

impl Rejection {
    /// Returns the short reason for the header.
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

    /// Returns the key of the body at fault, for a response in Plausible's format.
    #[must_use]
    pub const fn key(&self) -> &'static str {
        match self {
            Self::TooLarge | Self::NotJson(_) | Self::RateLimited => "request",
            Self::Key(key, _) => key,
            Self::UnknownHost(_) => "url",
            Self::UnknownSite => "domain",
        }
    }

    /// Returns the status of the response.
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
