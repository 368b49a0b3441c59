//! Plausible's Stats API as its clients use it: answers worked out by hand from a few hits, rejected requests, and
//! arbitrary input that must never crash it.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test ends there")]

mod clients;
mod random;
mod v1;
mod v2;
mod world;
