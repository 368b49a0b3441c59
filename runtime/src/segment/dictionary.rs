//! Dictionary encoding: the distinct values of each column, numbered.

use std::collections::HashMap;
use std::sync::Arc;

use super::column::Column;

/// The number of a value in its column's dictionary, counted from 1. [`NULL_KEY`] means no value.
pub type DictKey = u32;

/// Marks a row without a value.
pub const NULL_KEY: DictKey = 0;

/// The distinct values of one column.
#[derive(Debug, Default)]
pub struct Dictionary {
    keys: HashMap<Arc<str>, DictKey, foldhash::fast::RandomState>,
    values: Vec<Arc<str>>,
}

impl Dictionary {
    /// Returns the key of a value, and adds the value if it is new.
    pub fn key_for(&mut self, value: &str) -> DictKey {
        if let Some(key) = self.keys.get(value) {
            return *key;
        }
        let value: Arc<str> = value.into();
        self.values.push(Arc::clone(&value));
        // Four billion values would not fit into memory, so this never overflows.
        let key = DictKey::try_from(self.values.len()).unwrap_or(NULL_KEY);
        self.keys.insert(value, key);
        key
    }

    /// Returns the key of a value. `None` if the dictionary does not have the value.
    #[must_use]
    pub fn find(&self, value: &str) -> Option<DictKey> {
        self.keys.get(value).copied()
    }

    /// Returns the value of a key. `None` for [`NULL_KEY`] and for unknown keys.
    #[must_use]
    pub fn value(&self, key: DictKey) -> Option<&str> {
        let index = (key as usize).checked_sub(1)?;
        self.values.get(index).map(|value| &**value)
    }

    /// Returns the number of keys, [`NULL_KEY`] included. Every key is less than this.
    #[must_use]
    pub fn len(&self) -> usize {
        self.values.len() + 1
    }

    /// Whether the dictionary has no values.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Iterates over all keys with their values, starting with [`NULL_KEY`], whose value is `None`.
    pub fn iter(&self) -> impl Iterator<Item = (DictKey, Option<&str>)> {
        let values = self.values.iter().map(|value| Some(&**value));
        (0..).zip(std::iter::once(None).chain(values))
    }
}

/// The dictionaries of all columns.
#[derive(Debug, Default)]
pub struct Dictionaries([Dictionary; Column::COUNT]);

impl Dictionaries {
    /// Returns the dictionary of a column.
    #[must_use]
    pub const fn of(&self, column: Column) -> &Dictionary {
        &self.0[column.index()]
    }

    /// Returns the dictionary of a column for adding values.
    pub const fn of_mut(&mut self, column: Column) -> &mut Dictionary {
        &mut self.0[column.index()]
    }
}
