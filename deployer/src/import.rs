//! What other tools and servers have counted, made into segments.
//!
//! ```text
//! source -> format -> access_log, cloudfront, goatcounter, …    files to lines
//! intake -> spill                                               lines to hits, hits to days
//! job -> ledger                                                 days to segments, and what is known of them
//! ```

mod access_log;
mod cloudfront;
mod footfall;
pub(crate) mod format;
mod goatcounter;
pub(crate) mod history;
pub(crate) mod job;
pub(crate) mod line_counts;
mod names;
mod pipeline;
mod plausible;
pub(crate) mod source;
mod table;
mod temp_files;
#[cfg(test)]
mod tests;
mod umami;
