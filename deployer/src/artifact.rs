//! The functions' code: built, packed and uploaded.

pub(crate) mod bucket;
pub(crate) mod build;
pub(crate) mod package;
pub(crate) mod toolchain;
