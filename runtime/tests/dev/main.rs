//! The real `dev` binary over HTTP, with hostile requests, wrong settings and failing machines.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test ends there")]

mod access;
mod bad_requests;
mod dashboard;
mod durability;
mod escaping;
mod exclusions;
mod process;
mod routes;
mod startup;
mod visitors;

use footfall_testkit::http::Answer;
use serde_json::{Value, json};

/// Returns the reason in the answer for not counting a hit; empty if it was counted.
fn dropped(answer: &Answer) -> &str {
    answer.header("x-footfall-dropped").unwrap_or_default()
}

/// Returns the value and one metric of each row in a table of a report.
fn rows<'a>(report: &'a Value, dimension: &str, number: &str) -> Vec<(&'a str, u64)> {
    let Some(rows) = report["tables"][dimension]["rows"].as_array() else { return Vec::new() };
    let value = |row: &'a Value| row["value"].as_str().unwrap_or("Direct");
    rows.iter().map(|row| (value(row), row[number].as_u64().unwrap())).collect()
}

fn pages(report: &Value) -> Vec<(&str, u64)> {
    rows(report, "page", "views")
}

fn sources(report: &Value) -> Vec<(&str, u64)> {
    rows(report, "source", "views")
}

/// Returns page views, visitors and events.
fn totals(report: &Value) -> [u64; 3] {
    ["views", "visitors", "events"].map(|name| report["totals"][name].as_u64().unwrap())
}

/// Returns the body of a page view.
fn view(url: &str) -> Vec<u8> {
    json!({ "u": url }).to_string().into()
}
