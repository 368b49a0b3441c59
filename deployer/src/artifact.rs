//! The functions' code: toolchain, build, package and bucket.

pub(crate) mod bucket;
pub(crate) mod build;
pub(crate) mod package;
pub(crate) mod toolchain;
