//! Hits in columns, dictionary-encoded: the form in which they are rolled up and counted.

mod engagement;
mod limit;
mod push;

use std::collections::HashMap;

use crate::segment::column::Column;
use crate::segment::dictionary::{DictKey, NULL_KEY};

pub use engagement::ENGAGEMENT;
pub use limit::OTHER;

/// Marks a row whose scroll depth is unknown.
pub const NO_SCROLL: u8 = u8::MAX;

/// A batch of hits, one row each. Its keys refer to [`Dictionaries`](super::dictionary::Dictionaries) kept beside it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HitBatch {
    /// When each hit was made, in milliseconds since 1970.
    pub times: Vec<i64>,
    /// Each hit's visitor. Equal numbers mean the same visitor within one UTC day. 0 for excluded hits.
    pub visitors: Vec<u64>,
    /// How long each page was in view, in milliseconds. 0 if unknown.
    pub engaged: Vec<u32>,
    /// How far each page was scrolled, in percent of its height. [`NO_SCROLL`] if unknown.
    pub scrolled: Vec<u8>,
    keys: [Vec<DictKey>; Column::COUNT],
}

impl HitBatch {
    /// Returns the number of rows.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.times.len()
    }

    /// Whether there are no rows.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.times.is_empty()
    }

    /// Returns a column's keys. Empty if the column was not read.
    #[must_use]
    pub fn column(&self, column: Column) -> &[DictKey] {
        &self.keys[column.index()]
    }

    /// Returns a column's keys for writing.
    pub const fn column_mut(&mut self, column: Column) -> &mut Vec<DictKey> {
        &mut self.keys[column.index()]
    }

    /// Moves all rows of `other` to the end of this batch. Both must share their dictionaries. A column that neither
    /// batch has stays empty.
    pub fn append(&mut self, other: &mut Self) {
        if self.is_empty() {
            std::mem::swap(self, other);
            return;
        }
        let (len, other_len) = (self.len(), other.len());
        for (own, theirs) in self.keys.iter_mut().zip(&mut other.keys) {
            if own.len() + theirs.len() > 0 {
                own.resize(len, NULL_KEY);
                theirs.resize(other_len, NULL_KEY);
            }
        }
        self.times.append(&mut other.times);
        self.visitors.append(&mut other.visitors);
        self.engaged.append(&mut other.engaged);
        self.scrolled.append(&mut other.scrolled);
        for (own, theirs) in self.keys.iter_mut().zip(&mut other.keys) {
            own.append(theirs);
        }
    }

    /// Sorts rows by visitor, then by time. Rows that are equal in both keep their order.
    pub fn sort(&mut self) {
        let sort_key = |row: usize| (self.visitors[row], self.times[row]);
        if (1..self.len()).all(|row| sort_key(row - 1) <= sort_key(row)) {
            return;
        }
        let mut order: Vec<usize> = (0..self.len()).collect();
        order.sort_by_key(|row| sort_key(*row));
        *self = self.select_rows(&order);
    }

    /// Replaces the visitors' hashes by the ordinals 1, 2, 3 and so on, in the order of their first hits.
    ///
    /// Afterwards nothing is left that came from an IP address or a User-Agent.
    pub fn number_visitors(&mut self) {
        let mut order: Vec<usize> =
            (0..self.len()).filter(|row| self.visitors[*row] != 0).collect();
        order.sort_by_key(|row| self.times[*row]);
        let mut ordinals = HashMap::new();
        for row in order {
            let next = ordinals.len() as u64 + 1;
            self.visitors[row] = *ordinals.entry(self.visitors[row]).or_insert(next);
        }
    }

    /// Moves the visitors' ordinals to a range of their own for each `number`.
    ///
    /// Other batches also count from 1, so the same ordinal would otherwise mean the same visitor.
    pub fn separate_visitors(&mut self, number: u64) {
        for visitor in self.visitors.iter_mut().filter(|visitor| **visitor != 0) {
            *visitor |= number << 40;
        }
    }

    /// Returns copies of some rows, in the given order. Ignores rows that do not exist.
    #[must_use]
    pub fn select_rows(&self, rows: &[usize]) -> Self {
        fn select<T: Copy>(from: &[T], rows: &[usize]) -> Vec<T> {
            rows.iter().filter_map(|row| from.get(*row).copied()).collect()
        }
        Self {
            times: select(&self.times, rows),
            visitors: select(&self.visitors, rows),
            engaged: select(&self.engaged, rows),
            scrolled: select(&self.scrolled, rows),
            keys: std::array::from_fn(|column| select(&self.keys[column], rows)),
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::hit::exclusion::ExclusionReason;
    use crate::hit::{Excluded, Kind, Record};
    use crate::segment::dictionary::Dictionaries;

    pub(super) fn view(at: i64, visitor: u64, page: &str) -> Record {
        let hit = serde_json::json!({ "v": format!("{visitor:016x}"), "p": page });
        let kind = Kind::Hit(serde_json::from_value(hit).unwrap());
        Record { at: Timestamp::from_millisecond(at).unwrap(), kind }
    }

    pub(super) fn batch_of(records: &[Record]) -> (HitBatch, Dictionaries) {
        let (mut batch, mut dictionaries) = (HitBatch::default(), Dictionaries::default());
        for record in records {
            batch.push(&mut dictionaries, record);
        }
        (batch, dictionaries)
    }

    #[test]
    fn visitors_are_numbered_by_their_first_hits() {
        let reason = ExclusionReason::Bot;
        let bot = Kind::Excluded(Excluded { reason, page: "/".to_owned() });
        let bot = Record { at: Timestamp::UNIX_EPOCH, kind: bot };
        let (mut batch, _) = batch_of(&[view(9, 7, "/a"), bot, view(5, 9, "/b"), view(9, 9, "/c")]);
        batch.number_visitors();
        assert_eq!(batch.visitors, [2, 0, 1, 1]);
        batch.sort();
        assert_eq!(batch.visitors, [0, 1, 1, 2]);
        assert_eq!(batch.times, [0, 5, 9, 9]);
    }
}
