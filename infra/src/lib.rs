//! What exists: the owner's settings, and what they make of functions, routes and CORS.
//!
//! Everything here is pure: no I/O, no clock, no AWS SDK. The runtime takes its routes and its
//! settings from here, `dev` its CORS, and the deployer the stack, so that they cannot disagree.

pub mod api;
pub mod env;
pub mod outputs;
pub mod settings;
pub mod stack;
