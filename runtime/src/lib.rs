//! Footfall's runtime: takes hits, stores them durably, rolls them up, and answers questions about them.
//!
//! Data flows one way, from left to right:
//!
//! ```text
//! a hit          browser ──> ingest ──────> storage ──> rollup ──────> storage
//!                            parse, reject, one item    an hour or a   one segment
//!                            exclude        per hit     day of hits    per hour or day
//!
//! a question     browser ──> web ─────────> query ────> segment ─────> web
//!                            router, login, scan hits   decode the     dashboard, CSV,
//!                            parameters     and days    columns        JSON, badge
//! ```
//!
//! The modules stand in this order. Each may use only modules below it, which a test checks:
//!
//! | module | contents |
//! |---|---|
//! | `lambda` | host on AWS: environment, events and responses |
//! | `dev` | host on one machine: server and demo traffic |
//! | [`web`] | the dashboard, the Stats API, login, badges and the export's route |
//! | [`archive`] | a site's raw data, to export and to delete |
//! | [`query`] | periods, filters, the engine, and reports |
//! | [`rollup`] | turns the hits of past hours and days into segments |
//! | [`ingest`] | turns requests into hits, and rejects or excludes some |
//! | [`auth`] | who may see a site: sessions, passwords, tokens, share links |
//! | [`segment`] | the Parquet files with the hits of an hour or a day |
//! | [`catalog`] | what is known about a site's segments: checkpoints, imports, leases |
//! | [`storage`] | keys, and the two stores: DynamoDB, and an embedded one for a folder |
//! | [`hit`] | the hit and its parts: visitor, page, source, country, browser |
//! | [`platform`] | HTTP, clock and randomness, log, CSV, the HTTP client for AWS |
//!
//! The same handlers run as Lambda functions with DynamoDB, and in `dev` with a folder.

#[cfg(feature = "lambda")]
pub mod lambda;

pub mod archive;
pub mod auth;
pub mod catalog;
#[cfg(feature = "dev")]
pub mod dev;
pub mod hit;
pub mod ingest;
pub mod platform;
pub mod query;
pub mod rollup;
pub mod segment;
pub mod storage;
pub mod web;
