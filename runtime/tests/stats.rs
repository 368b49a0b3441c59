//! Plausible's Stats API, asked as its clients ask it: answers worked out by hand from a few hits, what is
//! refused, and that nothing that is sent brings it down.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test ends there")]

mod support;

#[path = "stats/clients.rs"]
mod clients;
#[path = "stats/random.rs"]
mod random;
#[path = "stats/v1.rs"]
mod v1;
#[path = "stats/v2.rs"]
mod v2;
#[path = "stats/world.rs"]
mod world;
