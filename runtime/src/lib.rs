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

#[cfg(feature = "lambda")]
pub mod lambda;

#[cfg(feature = "dev")]
pub mod dev;

pub mod web;

pub mod archive;

pub mod query;

pub mod rollup;

pub mod ingest;

pub mod auth;

pub mod segment;

pub mod catalog;

pub mod storage;

pub mod hit;

pub mod platform;
