//! The selected hits of a day within one span.

use std::ops::Range;

use super::day::Day;
use super::selector::Selection;
use super::visit::{HitSums, Visit};

/// The selected hits of a day within one span.
pub(super) struct SpanView<'a> {
    pub(super) day: &'a Day<'a>,
    pub(super) selection: &'a Selection,
    /// For each selected visit the sums of its hits in the span. Empty if every visit lies in it as a whole.
    pub(super) hits: &'a [HitSums],
    pub(super) range: &'a Range<i64>,
    /// Whether the whole day lies in the span.
    pub(super) is_whole_day: bool,
}

impl SpanView<'_> {
    pub(super) fn contains(&self, row: usize) -> bool {
        self.is_whole_day || self.range.contains(&self.day.batch.times[row])
    }

    /// Returns the selected visits: index in the day, visit, sums of its hits in the span, whether it begins in
    /// the span, and its range in the selection.
    pub(super) fn visits(
        &self,
    ) -> impl Iterator<Item = (usize, &Visit, &HitSums, bool, Range<usize>)> {
        (0..self.selection.len(self.day)).map(|nth| {
            let (index, rows) = self.selection.visit(nth, self.day);
            let visit = &self.day.visits[index];
            let hits = self.hits.get(nth).unwrap_or(&visit.hits);
            (index, visit, hits, self.contains(visit.rows.start), rows)
        })
    }
}
