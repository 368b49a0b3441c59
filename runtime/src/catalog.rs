//! What is known of a site's files: how far it is rolled up, what was imported, and who may rewrite them.

pub mod checkpoint;
pub mod imports;
pub mod lease;
