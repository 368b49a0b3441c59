//! Imports of traffic from other tools. The deployer writes them; reports and the rollup read them.
//!
//! An import becomes visible all at once, when its item says that it is finished. Segments of an unfinished
//! import are never read.

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::catalog::decode_json;
use crate::storage::{Item, StoreError};

/// The state of an import.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ImportState {
    /// Its segments are being stored, or the import was interrupted. Readers ignore them.
    Begun,
    /// Its hits are in the reports.
    Finished,
    /// Its segments are being deleted. Readers ignore them.
    Undone,
}

/// A stored import.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Import {
    /// The current state.
    pub state: ImportState,
    /// When it reached that state.
    pub at: Timestamp,
    /// The first UTC day with imported hits.
    pub first: Date,
    /// The last UTC day with imported hits.
    pub last: Date,
    /// The number of page views and events.
    pub hits: u64,
    /// The number of excluded hits among them.
    pub filtered: u64,
    /// The size of its segments, in bytes.
    pub bytes: u64,
    /// The number of imported files.
    pub files: u64,
}

impl Import {
    /// Decodes a stored import.
    ///
    /// # Errors
    /// If the item does not hold an import.
    pub fn decode(item: &Item) -> Result<Self, StoreError> {
        decode_json(item)
    }
}
