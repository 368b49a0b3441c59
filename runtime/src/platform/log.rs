//! Log lines: JSON on standard error, one a line, as Lambda's JSON log format takes them
//! (<https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-logformat.html>).
//!
//! Only what an owner must know is logged. Never what a visitor sent: no address, no User-Agent,
//! no line per hit.

use std::fmt::Display;

use jiff::Timestamp;
#[cfg(feature = "lambda")]
use serde::Serialize;

use crate::platform::sanitize::clean;

/// Something failed that should not: shown to the owner, and counted by the stack's alarms.
pub(crate) fn error(message: &str, error: impl Display) {
    let line = serde_json::json!({
        // Without a time, Lambda takes a line to be one of the level INFO.
        "timestamp": Timestamp::now().to_string(),
        "level": "ERROR",
        "message": message,
        // Some errors quote whole answers.
        "error": clean(&error.to_string(), 500),
    });
    eprintln!("{line}");
}

/// Something was done that nobody waits for.
#[cfg(feature = "lambda")]
pub(crate) fn done(message: &str, outcome: &impl Serialize) {
    let line = serde_json::json!({
        "timestamp": Timestamp::now().to_string(),
        "level": "INFO",
        "message": message,
        "outcome": outcome,
    });
    eprintln!("{line}");
}
