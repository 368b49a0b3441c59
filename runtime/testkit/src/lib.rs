//! Everything that more than one test, bench or fuzz target needs.
//!
//! Tests of handlers need no server: a [`context`] that stands still, a store in [`memory`], [`request`]s, and
//! [`wait`](wait::wait) to run a handler. [`faulty`] stores put failures in front of that memory, and a
//! [`recorder`] shows what is done with it.
//!
//! Tests of binaries start them: `runtime_api` as Lambda does, against `dynamodb_local` or a `fake` server,
//! with `microburst` in between if the network is to fail. [`http`] is their client. These modules need the feature
//! `servers`.
//!
//! Benches share [`traffic`] and two files for their results, [`measured`] and [`report`].
//!
//! Every function panics instead of returning an error, which ends the test.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a panic fails the test"
)]
#![allow(clippy::print_stdout, reason = "benches print where they write")]

pub mod wait;

pub mod context;

pub mod memory;

pub mod store;

pub mod faulty;

pub mod recorder;

pub mod request;

pub mod http;

#[cfg(feature = "servers")]
pub mod fake;

#[cfg(feature = "servers")]
pub mod runtime_api;

#[cfg(feature = "servers")]
pub mod dynamodb_local;

#[cfg(feature = "servers")]
pub mod microburst;

pub mod traffic;

pub mod measured;

pub mod report;

/// User-Agent of a browser that is counted.
pub const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:151.0) Gecko/20100101 Firefox/151.0";
