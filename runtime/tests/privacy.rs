//! PRIVACY.md, sentence by sentence: a test begins with the sentences that it holds, and every sentence of the
//! page must stand in front of one.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test ends there")]

mod support;

#[path = "privacy/forgotten.rs"]
mod forgotten;
#[path = "privacy/logs.rs"]
mod logs;
#[path = "privacy/page.rs"]
mod page;
#[path = "privacy/stack.rs"]
mod stack;
#[path = "privacy/stored.rs"]
mod stored;
#[path = "privacy/world.rs"]
mod world;
