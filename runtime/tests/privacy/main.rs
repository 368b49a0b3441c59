//! PRIVACY.md, sentence by sentence: a test begins with the sentences that it holds, and every sentence of the
//! page must stand in front of one.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test ends there")]

mod forgotten;
mod logs;
mod page;
mod stack;
mod stored;
mod world;
