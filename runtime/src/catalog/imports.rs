//! What was imported beside what the tracker counts: who wrote it is the deployer, who reads it are
//! reports and the rollup.
//!
//! An import is there as soon as its item says that it is finished, and all of it at once: segments of
//! one that is not are never read.

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::storage::{Item, StoreError};

/// How far an import is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ImportState {
    /// Its segments are being stored, or were until something ended it. Nobody reads them.
    Begun,
    /// It counts.
    Finished,
    /// Its segments are being deleted. Nobody reads them.
    Undone,
}

/// What is known of an import.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Import {
    /// How far it is.
    pub state: ImportState,
    /// Since when it is.
    pub at: Timestamp,
    /// The first day of UTC that it has anything of.
    pub first: Date,
    /// The last one.
    pub last: Date,
    /// How many page views and events it has.
    pub hits: u64,
    /// How many of them are kept apart, with the reason.
    pub filtered: u64,
    /// How many bytes its segments have.
    pub bytes: u64,
    /// How many files it is made from.
    pub files: u64,
}

impl Import {
    /// Reads a stored one.
    ///
    /// # Errors
    /// If the item is none.
    pub fn decode(item: &Item) -> Result<Self, StoreError> {
        serde_json::from_slice(&item.value).map_err(|error| {
            let key = &item.key;
            StoreError::Refused(format!("the item {} {} cannot be read: {error}", key.pk, key.sk))
        })
    }
}
