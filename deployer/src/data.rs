//! Stored data: where it is, and who may read it.

pub(crate) mod access;
pub(crate) mod atomic_file;
pub(crate) mod backup;
pub(crate) mod location;
pub(crate) mod lock;
pub(crate) mod table;
pub(crate) mod today;
