//! Errors of DynamoDB operations, and which of them to retry.

use std::fmt::Display;

use http::StatusCode;

use super::wire::ItemFound;
use crate::storage::{Item, StoreError};

/// Errors that are retried like throttling, as the AWS SDKs do
/// (<https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html>).
const PASSING: [&str; 6] = [
    "BandwidthLimitExceeded",
    "LimitExceededException",
    "RequestTimeout",
    "RequestTimeoutException",
    "TransactionConflictException",
    "TransactionInProgressException",
];

/// The error of a failed condition.
const CONDITION: &str = "ConditionalCheckFailedException";

/// Why an operation failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    /// There are no credentials, or the request could not be built.
    #[error("cannot send {0}: {1}")]
    Unsent(&'static str, String),
    /// The connection failed or was lost.
    #[error("no answer to {0}: {1}")]
    NoAnswer(&'static str, String),
    /// The request timed out.
    #[error("no answer to {0} in time")]
    Late(&'static str),
    /// The answer was truncated or damaged. A retry is safe, as after a lost answer: every write has a key of its own.
    #[error("cannot read the answer to {0}: {1}")]
    Unreadable(&'static str, String),
    /// DynamoDB rejected the request.
    #[error("{operation}: {} ({status}) {message}", if code.is_empty() { "an error" } else { code.as_str() })]
    Refused {
        operation: &'static str,
        status: StatusCode,
        /// Such as `AccessDeniedException`; may be empty.
        code: String,
        message: String,
        /// The item that failed the condition.
        item: Option<Box<ItemFound>>,
        /// Whether our clock was wrong. It is corrected for the next attempt.
        is_early_or_late: bool,
    },
}

impl Failure {
    pub(super) fn unreadable(operation: &'static str, error: impl Display) -> Self {
        Self::Unreadable(operation, error.to_string())
    }

    /// Whether the request was throttled.
    pub(super) fn is_throttled(&self) -> bool {
        let Self::Refused { code, .. } = self else { return false };
        code.contains("Throttl")
            || matches!(
                code.as_str(),
                "ProvisionedThroughputExceededException"
                    | "RequestLimitExceeded"
                    | "TooManyRequestsException"
                    | "SlowDown"
            )
    }

    /// Whether a retry may succeed.
    pub(super) fn passes(&self) -> bool {
        match self {
            Self::Unsent(..) => false,
            Self::NoAnswer(..) | Self::Late(_) | Self::Unreadable(..) => true,
            Self::Refused { status, code, is_early_or_late, .. } => {
                status.is_server_error()
                    || self.is_throttled()
                    || *is_early_or_late
                    || PASSING.contains(&code.as_str())
            }
        }
    }

    /// Returns the item that failed the condition of a put, if Footfall wrote it.
    ///
    /// # Errors
    /// If the put failed for another reason.
    pub(super) fn condition(self) -> Result<Option<Item>, StoreError> {
        match self {
            Self::Refused { code, item, .. } if code == CONDITION => {
                Ok(item.and_then(|item| item.into_item()))
            }
            other => Err(other.into()),
        }
    }
}

/// The error after the last attempt.
impl From<Failure> for StoreError {
    fn from(failure: Failure) -> Self {
        let message = failure.to_string();
        if failure.passes() { Self::Unavailable(message) } else { Self::Refused(message) }
    }
}
