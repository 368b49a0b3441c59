//! Log lines: one JSON object per line on standard error, in Lambda's JSON log format
//! (<https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-logformat.html>).
//!
//! The log holds only what the owner must know. It never contains what a visitor sent: no IP address, no
//! User-Agent, no line per hit.

use std::fmt::Display;

use jiff::Timestamp;
#[cfg(feature = "lambda")]
use serde::Serialize;

use crate::platform::sanitize::clean;

/// Logs an error. The stack's alarms count these lines.
pub(crate) fn error(message: &str, error: impl Display) {
    let line = serde_json::json!({
        // Lambda treats a line without a timestamp as level INFO.
        "timestamp": Timestamp::now().to_string(),
        "level": "ERROR",
        "message": message,
        // Some errors quote entire responses.
        "error": clean(&error.to_string(), 500),
    });
    eprintln!("{line}");
}

/// Logs the outcome of a scheduled run.
#[cfg(feature = "lambda")]
pub(crate) fn info(message: &str, outcome: &impl Serialize) {
    let line = serde_json::json!({
        "timestamp": Timestamp::now().to_string(),
        "level": "INFO",
        "message": message,
        "outcome": outcome,
    });
    eprintln!("{line}");
}
