//! What must hold for any input: a module for each target of the fuzzer, which holds one function, `check`.
//!
//! A target is no more than that function, so that an input that was found to fail becomes a test by itself:
//! put it into the target's folder below `corpus/`, where every run begins.

// Not in the lints of the package: what libfuzzer-sys makes of a target exports symbols.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a check ends there")]

pub mod address;
pub mod dashboard;
pub mod event;
pub mod query;
pub mod segment;
pub mod settings;
mod site;

use footfall_runtime::platform::sanitize;

/// A text of a stranger's that is stored or shown: one line, and nothing in it that hides.
#[track_caller]
fn is_clean(text: &str, max: usize) {
    assert!(text.len() <= max, "{} bytes, of at most {max}: {text:?}", text.len());
    assert!(!text.chars().any(sanitize::is_invisible), "{text:?}");
    assert!(!text.chars().any(|c| c.is_whitespace() && c != ' '), "{text:?}");
}
