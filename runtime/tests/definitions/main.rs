//! The numbers of docs/definitions.md, checked by a table of small cases and by a slow, obvious implementation of
//! that page, which the engine must equal on random traffic.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test ends there")]

mod bad_input;
mod cases;
mod random;
mod reference;
mod world;
