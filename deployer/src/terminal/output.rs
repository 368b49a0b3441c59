//! Output on stdout.

use std::io::{self, Write as _};

use anyhow::{Context as _, Result};
use serde::Serialize;

/// Prints a text, without leading empty lines.
pub(crate) fn print(text: &str) -> Result<()> {
    io::stdout().write_all(text.trim_start_matches('\n').as_bytes()).context("cannot print")
}

/// Prints a value as JSON, followed by a newline.
pub(crate) fn print_json<T: Serialize>(value: &T) -> Result<()> {
    print(&format!("{}\n", serde_json::to_string_pretty(value)?))
}
