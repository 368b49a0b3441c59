//! Properties that hold for any input: a module for each fuzz target, with one function, `check`.
//!
//! A target only calls that function. To turn a failing input into a test, put it into the target's folder below
//! `corpus/`, where every run starts.

// Not a lint of the package, because the code that libfuzzer-sys generates for a target exports symbols.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a panic fails the check")]

pub mod address;
pub mod dashboard;
pub mod event;
pub mod query;
pub mod segment;
pub mod settings;
mod site;

use footfall_runtime::platform::sanitize;

/// Checks a stranger's text that is stored or shown: one line without invisible characters.
#[track_caller]
fn is_clean(text: &str, max: usize) {
    assert!(text.len() <= max, "{} bytes, of at most {max}: {text:?}", text.len());
    assert!(!text.chars().any(sanitize::is_invisible), "{text:?}");
    assert!(!text.chars().any(|c| c.is_whitespace() && c != ' '), "{text:?}");
}
