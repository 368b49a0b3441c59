//! Plausible's Stats API, asked as its clients ask it: answers worked out by hand from a few hits, what is
//! refused, and that nothing that is sent brings it down.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test ends there")]

mod clients;
mod random;
mod v1;
mod v2;
mod world;
