//! Why access is denied, and the response that says so.

use http::StatusCode;
use http::header::{RETRY_AFTER, WWW_AUTHENTICATE};

use super::format_seconds;
use crate::platform::http::{Response, client_message, json_error, set};
use crate::storage::StoreError;

/// Why access is denied, with a hint for the client.
#[derive(Debug, Clone, thiserror::Error)]
pub enum AuthError {
    /// No credentials, or an expired session.
    #[error(
        "not signed in: run `cargo xtask open` for a browser, or send `Authorization: Bearer TOKEN` \
         with a token from `cargo xtask token create`"
    )]
    SignIn,
    /// A request of the API without a token.
    #[error("send `Authorization: Bearer TOKEN`; `cargo xtask token create` creates a token")]
    NoToken,
    /// Unknown, expired or revoked token.
    #[error(
        "the token is not valid: mistyped, expired or revoked; `cargo xtask token create` creates \
         another one"
    )]
    Token,
    /// The token is valid, but not for the requested site, whether or not that exists.
    #[error("the token is for another site; `cargo xtask token create --site DOMAIN` creates one")]
    OtherSite,
    /// Unknown, expired or revoked share link.
    #[error(
        "this link is not valid: incomplete, expired or revoked; ask the person who sent it for a \
         new one"
    )]
    Share,
    /// Unknown, expired or used login link.
    #[error(
        "this sign-in link has expired or was already used: it works once, within 10 minutes; \
         `cargo xtask open` creates another one"
    )]
    Login,
    /// Wrong password.
    #[error("wrong password")]
    Password,
    /// Too many password attempts by everyone together. Holds the seconds until the next one is allowed.
    #[error(
        "too many password attempts: even the right password is rejected for {}; `cargo xtask open` \
         creates a link that works now",
        format_seconds(*.0)
    )]
    TooManyTries(u32),
    /// A page of another site sent the form.
    #[error("request blocked: it came from another site")]
    CrossSite,
    /// Unknown site, requested by someone who may see every site.
    #[error("there is no site called {0}; the sites are {1}")]
    UnknownSite(String, String),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl AuthError {
    /// Returns the status of the response.
    #[must_use]
    pub const fn status(&self) -> StatusCode {
        match self {
            Self::SignIn | Self::NoToken | Self::Token => StatusCode::UNAUTHORIZED,
            Self::OtherSite | Self::Share | Self::Login | Self::Password | Self::CrossSite => {
                StatusCode::FORBIDDEN
            }
            Self::TooManyTries(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::UnknownSite(..) => StatusCode::NOT_FOUND,
            Self::Store(error) => error.status(),
        }
    }

    /// Returns the response for programs: `{"error": "…"}`. Errors of the store go only to the log.
    #[must_use]
    pub fn response(&self) -> Response {
        let status = self.status();
        let message = client_message(status, "cannot check access", self);
        self.with_auth_headers(json_error(status, &message))
    }

    /// Adds the headers that ask for a token, or say when to try again.
    pub(crate) fn with_auth_headers(&self, mut response: Response) -> Response {
        if self.status() == StatusCode::UNAUTHORIZED {
            set(&mut response, WWW_AUTHENTICATE, "Bearer realm=\"footfall\"");
        }
        if let Self::TooManyTries(seconds) = self {
            set(&mut response, RETRY_AFTER, &seconds.to_string());
        }
        response
    }
}
