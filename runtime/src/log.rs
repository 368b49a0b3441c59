//! Log lines: JSON on standard error, one a line, as Lambda's JSON log format takes them.
//!
//! Only what an owner must know is logged. Never what a visitor sent: no address, no User-Agent,
//! no line per hit.

use std::fmt::Display;

/// Something failed that should not: shown to the owner, and counted by the stack's alarms.
pub(crate) fn error(message: &str, error: impl Display) {
    let line = serde_json::json!({
        "level": "ERROR",
        "message": message,
        "error": error.to_string(),
    });
    eprintln!("{line}");
}
