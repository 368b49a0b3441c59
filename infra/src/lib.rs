//! The owner's settings, and everything that follows from them: functions, routes, CORS, the stack.
//!
//! Everything here is pure: no I/O, no clock, no AWS SDK. The runtime takes its routes and settings from this crate,
//! `dev` its CORS, and the deployer its stack, so they cannot disagree.
//!
//! Each module imports only from those below it.

pub mod stack;

pub mod snippet;

pub mod api;

pub mod settings;

pub mod function;

pub mod env;
