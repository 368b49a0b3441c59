//! What the numbers mean: docs/definitions.md, held by a table of small cases and by a slow and obvious
//! implementation of that page, which the engine must equal on random traffic.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test ends there")]

mod support;

#[path = "definitions/bad_input.rs"]
mod bad_input;
#[path = "definitions/cases.rs"]
mod cases;
#[path = "definitions/random.rs"]
mod random;
#[path = "definitions/reference.rs"]
mod reference;
#[path = "definitions/world.rs"]
mod world;

use std::future::Future;

/// Waits for an answer; with the store in memory there is nothing to wait for.
fn wait<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(future)
}
