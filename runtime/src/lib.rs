//! What runs: hits come in, are stored durably, and are read back as reports.
//!
//! Data flows one way, and each step is a module with pure insides:
//!
//! ```text
//! http::Request -> payload::Payload, page::PageUrl -> hit::Hit -> store::Store      (track)
//! period::Period -> store::Store -> hit::Record -> report::Report -> HTML or JSON   (dashboard)
//! ```
//!
//! The same handlers run as Lambda functions over DynamoDB, and in `dev` over a file.

pub mod access;
pub mod ambient;
pub mod archive;
pub mod badge;
pub mod bot;
pub mod channel;
pub mod chart;
pub mod checkpoint;
pub mod client;
pub mod column;
#[cfg(feature = "dynamodb")]
pub mod connector;
pub mod country;
pub mod dashboard;
pub mod delete;
#[cfg(feature = "dev")]
pub mod dev;
pub mod dimension;
pub mod engine;
pub mod export;
pub mod filter;
pub mod hit;
pub mod http;
pub mod imports;
#[cfg(feature = "lambda")]
pub mod lambda;
mod list;
pub mod lock;
mod log;
pub mod pace;
pub mod page;
pub mod payload;
pub mod period;
pub mod query;
pub mod read;
pub mod refusal;
pub mod report;
pub mod rollup;
pub mod rows;
pub mod segment;
pub mod settings_file;
pub mod snippet;
pub mod source;
pub mod stats;
pub mod store;
pub mod table;
pub mod text;
pub mod track;
pub mod visitor;
