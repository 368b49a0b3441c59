//! Shared foundations: HTTP, clock and randomness, log, files, and the connection to AWS. Nothing here knows web
//! analytics.

#[cfg(feature = "dynamodb")]
pub mod aws_http;
pub mod context;
pub(crate) mod csv;
pub mod http;
pub(crate) mod log;
pub mod sanitize;
pub mod settings_file;
pub(crate) mod sorted_list;
