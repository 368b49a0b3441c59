//! Imports what other tools and servers have counted.
//!
//! ```text
//! source -> format -> access_log, cloudfront, goatcounter, …     files to lines
//! inputs -> pipeline -> line_counts, temp_files                  lines to hits, hits to days
//! job -> tracked_days, day_writer, history -> summary            days to segments
//! ```

mod access_log;
mod cloudfront;
mod day_writer;
mod footfall;
pub(crate) mod format;
mod goatcounter;
pub(crate) mod history;
mod inputs;
pub(crate) mod job;
pub(crate) mod line_counts;
mod names;
mod pipeline;
mod plausible;
mod progress_bar;
pub(crate) mod source;
pub(crate) mod summary;
mod table;
mod temp_files;
mod tracked_days;
mod umami;

pub use self::format::FormatArg;
pub use self::history::{History, undo};
pub use self::job::{Job, Options};
pub use self::line_counts::Lines;
pub use self::source::Source;
pub use self::summary::{LeftOut, Skipped, Summary};
