//! PRIVACY.md, sentence by sentence. Each test begins with the sentences it checks, and every sentence of the page
//! must have a test.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test ends there")]

mod forgotten;
mod logs;
mod page;
mod stack;
mod stored;
mod world;
