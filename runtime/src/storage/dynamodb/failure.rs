//! Why an operation of DynamoDB failed, and whether it may pass.

use std::fmt::Display;

use http::StatusCode;

use super::wire::ItemFound;
use crate::storage::{Item, StoreError};

/// Which refusals are asked again beside those of throttling, as by AWS's SDKs
/// (<https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html>).
const PASSING: [&str; 6] = [
    "BandwidthLimitExceeded",
    "LimitExceededException",
    "RequestTimeout",
    "RequestTimeoutException",
    "TransactionConflictException",
    "TransactionInProgressException",
];

/// What a condition says that is not met.
const CONDITION: &str = "ConditionalCheckFailedException";

/// Why an operation failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    /// There is nothing to sign with, or it cannot be sent.
    #[error("{0} cannot be asked: {1}")]
    Unsent(&'static str, String),
    /// There is no connection, or it was lost.
    #[error("no answer to {0}: {1}")]
    NoAnswer(&'static str, String),
    /// It took too long.
    #[error("no answer to {0} in time")]
    Late(&'static str),
    /// It was cut off on its way, or damaged. What was sent can be sent again, as after an answer that does not
    /// come: whatever is written has a key of its own.
    #[error("the answer to {0} cannot be read: {1}")]
    Unreadable(&'static str, String),
    /// DynamoDB says no.
    #[error("{operation}: {} ({status}) {message}", if code.is_empty() { "an error" } else { code.as_str() })]
    Refused {
        operation: &'static str,
        status: StatusCode,
        /// Such as `AccessDeniedException`; may be empty.
        code: String,
        message: String,
        /// What a condition met.
        item: Option<Box<ItemFound>>,
        /// The clock was wrong, and is put right for the next try.
        is_early_or_late: bool,
    },
}

impl Failure {
    pub(super) fn unreadable(operation: &'static str, error: impl Display) -> Self {
        Self::Unreadable(operation, error.to_string())
    }

    /// Whether there were more requests than the table takes.
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

    /// Whether the next try may succeed.
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

    /// The item that a conditional put found in its way, if there was one of ours.
    ///
    /// # Errors
    /// If it was something else that made it fail.
    pub(super) fn condition(self) -> Result<Option<Item>, StoreError> {
        match self {
            Self::Refused { code, item, .. } if code == CONDITION => {
                Ok(item.and_then(|item| item.into_item()))
            }
            other => Err(other.into()),
        }
    }
}

/// All tries were made.
impl From<Failure> for StoreError {
    fn from(failure: Failure) -> Self {
        let message = failure.to_string();
        if failure.passes() { Self::Unavailable(message) } else { Self::Refused(message) }
    }
}
