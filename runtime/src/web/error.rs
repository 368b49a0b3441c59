//! Errors of the dashboard.

use crate::auth::AuthError;
use crate::platform::context::RandomError;
use crate::query::QueryError;
use crate::query::reader::ReadError;
use crate::storage::StoreError;

/// Reason why a request cannot be answered.
#[derive(Debug, thiserror::Error)]
pub(super) enum WebError {
    #[error(transparent)]
    Auth(AuthError),
    #[error(transparent)]
    Query(#[from] QueryError),
    #[error("format must be html, json or csv")]
    Format,
    #[error(
        "invalid show {0:?}: expected a table such as page, goal or props:NAME, or bars, week, filtered or now"
    )]
    Part(String),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Template(#[from] minijinja::Error),
    #[error(transparent)]
    Json(#[from] serde_json::Error),
    #[error(transparent)]
    Random(#[from] RandomError),
}

impl From<AuthError> for WebError {
    fn from(denied: AuthError) -> Self {
        match denied {
            AuthError::Store(error) => Self::Store(error),
            denied => Self::Auth(denied),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Html,
    Json,
    Csv,
}

impl From<ReadError> for WebError {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Store(error) => error.into(),
            ReadError::Query(error) => error.into(),
        }
    }
}
