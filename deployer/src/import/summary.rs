//! The result of an import.

use std::collections::BTreeMap;

use footfall_runtime::storage::import_id::ImportId;
use jiff::Timestamp;
use jiff::civil::Date;
use serde::Serialize;

use super::line_counts::Lines;

/// The result of an import.
#[derive(Debug, Default, Serialize)]
pub struct Summary {
    pub(crate) site: String,
    /// The import's ID. `None` if there was nothing new.
    pub id: Option<ImportId>,
    pub(crate) dry_run: bool,
    /// Number of files that were read.
    pub files: u64,
    /// Files, or beginnings of files, that an earlier import has.
    pub skipped: Vec<Skipped>,
    /// Lines that were read.
    pub lines: u64,
    /// Page views and events.
    pub hits: u64,
    /// Excluded hits by reason. They are stored separately.
    pub filtered: BTreeMap<&'static str, u64>,
    /// Lines that are not page views.
    pub passed: Vec<Lines>,
    /// Lines that could not be imported.
    pub refused: Vec<Lines>,
    /// Days that were left out, and why.
    pub left_out: Vec<LeftOut>,
    /// What the format cannot represent.
    pub notes: Vec<String>,
    /// Days that were stored.
    pub days: u64,
    pub(crate) first: Option<Date>,
    pub(crate) last: Option<Date>,
    /// Size of the segments, in bytes.
    pub bytes: u64,
    /// DynamoDB write units.
    pub write_units: u64,
}

/// A file, or the beginning of one, that an earlier import has.
#[derive(Debug, Serialize)]
pub struct Skipped {
    pub(crate) file: String,
    /// Number of bytes that were skipped.
    pub bytes: u64,
    /// Whether that is the whole file.
    pub whole: bool,
    /// The earlier import. `None` if another file of this import has the same content.
    pub id: Option<ImportId>,
    /// When that import was made.
    pub(crate) at: Option<Timestamp>,
}

/// A day that was left out.
#[derive(Debug, Serialize)]
pub struct LeftOut {
    /// The day, in UTC.
    pub day: Date,
    /// Hits that were left out, excluded ones included.
    pub hits: u64,
    /// `tracker` if the tracker counted on that day, `import` if another import has it.
    pub by: &'static str,
}
