//! Programs and packages that tests and benches need, installed or built on demand.
//!
//! Everything is pinned: Debian packages by their release, npm packages by a lock file, DynamoDB Local by version and
//! hash, cargo's tools by version. Expensive downloads are cached in `~/.cache/footfall`.

pub(crate) mod functions;

pub(crate) mod dynamodb_local;

pub(crate) mod cargo_install;

pub(crate) mod python;

pub(crate) mod npm;

pub(crate) mod apt;

mod cache;
