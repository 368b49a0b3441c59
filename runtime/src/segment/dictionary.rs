//! Dictionaries: the distinct values of each column, and their codes.

use std::collections::HashMap;
use std::sync::Arc;

use super::column::Column;

/// A text by its place in the dictionary; 0 is none.
pub type DictKey = u32;

/// No text.
pub const NULL_KEY: DictKey = 0;

/// The distinct texts of a column.
#[derive(Debug, Default)]
pub struct Dictionary {
    codes: HashMap<Arc<str>, DictKey, foldhash::fast::RandomState>,
    texts: Vec<Arc<str>>,
}

impl Dictionary {
    /// The code of a text, new if it is.
    pub fn code(&mut self, text: &str) -> DictKey {
        if let Some(code) = self.codes.get(text) {
            return *code;
        }
        let text: Arc<str> = text.into();
        self.texts.push(Arc::clone(&text));
        // A code is the place behind 0: 4 billion texts would not fit into memory.
        let code = DictKey::try_from(self.texts.len()).unwrap_or(NULL_KEY);
        self.codes.insert(text, code);
        code
    }

    /// The code of a text, if it has one.
    #[must_use]
    pub fn find(&self, text: &str) -> Option<DictKey> {
        self.codes.get(text).copied()
    }

    /// The text of a code.
    #[must_use]
    pub fn text(&self, code: DictKey) -> Option<&str> {
        let index = (code as usize).checked_sub(1)?;
        self.texts.get(index).map(|text| &**text)
    }

    /// One more than the largest code.
    #[must_use]
    pub fn len(&self) -> usize {
        self.texts.len() + 1
    }

    /// Whether it has no text.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.texts.is_empty()
    }

    /// Every code and its text, none included.
    pub fn iter(&self) -> impl Iterator<Item = (DictKey, Option<&str>)> {
        let texts = self.texts.iter().map(|text| Some(&**text));
        (0..).zip(std::iter::once(None).chain(texts))
    }
}

/// The dictionaries of all columns.
#[derive(Debug, Default)]
pub struct Dictionaries([Dictionary; Column::COUNT]);

impl Dictionaries {
    /// The dictionary of a column.
    #[must_use]
    pub const fn of(&self, column: Column) -> &Dictionary {
        &self.0[column.index()]
    }

    /// The dictionary of a column, to add to.
    pub const fn of_mut(&mut self, column: Column) -> &mut Dictionary {
        &mut self.0[column.index()]
    }
}
