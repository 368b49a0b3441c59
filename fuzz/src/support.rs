//! What the runtime's own tests run with.

#![allow(dead_code, reason = "a part of it is used")]

#[path = "../../runtime/tests/support/ambient.rs"]
pub(crate) mod ambient;
#[path = "../../runtime/tests/support/memory.rs"]
pub(crate) mod memory;
#[path = "../../runtime/tests/support/request.rs"]
pub(crate) mod request;

/// A browser that counts.
pub(crate) const FIREFOX: &str =
    "Mozilla/5.0 (X11; Linux x86_64; rv:151.0) Gecko/20100101 Firefox/151.0";
