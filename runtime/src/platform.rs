//! What every room stands on: HTTP, the clock, the log, files and the way to AWS. Knows nothing of web analytics.

#[cfg(feature = "dynamodb")]
pub mod aws_http;
pub mod context;
pub(crate) mod csv;
pub mod http;
pub(crate) mod log;
pub mod sanitize;
pub mod settings_file;
pub(crate) mod sorted_list;
