//! Counting the selected hits of one span of time.

use std::ops::Range;

use super::day::Day;
use super::grouping::GroupByState;
use super::keys::KeySet;
use super::plan::{QueryResult, Span};
use super::selector::Selection;
use super::span_view::SpanView;
use super::visit::HitSums;
use crate::segment::column::Column;
use crate::segment::dictionary::Dictionaries;

/// Counts the hits of a span.
#[derive(Debug)]
pub(super) struct SpanCounter {
    /// Start, inclusive, to end, exclusive, in milliseconds since 1970.
    pub(super) range: Range<i64>,
    groupings: Vec<GroupByState>,
    /// Number of excluded hits by the code of the reason.
    pub(super) excluded: Vec<u64>,
}

impl SpanCounter {
    pub(super) fn new(span: Span, keys: &mut KeySet<'_>) -> Self {
        let groupings = span.groupings.into_iter();
        Self {
            range: span.from.as_millisecond()..span.to.as_millisecond(),
            groupings: groupings.map(|group_by| GroupByState::new(group_by, keys)).collect(),
            excluded: Vec::new(),
        }
    }

    pub(super) fn count(
        &mut self,
        day: &Day<'_>,
        selection: &Selection,
        keys: &KeySet<'_>,
        dictionaries: &Dictionaries,
    ) {
        let (first, last) = day.bounds;
        if last < self.range.start || self.range.end <= first {
            return;
        }
        let is_whole_day = self.range.start <= first && last < self.range.end;
        let hits = |nth: usize| {
            let mut hits = HitSums::default();
            for place in selection.visit(nth, day).1 {
                let row = selection.row(place);
                if is_whole_day || self.range.contains(&day.batch.times[row]) {
                    hits.add(day.batch, day.events[row], row, day.has_engagement);
                }
            }
            hits
        };
        let hits = if is_whole_day && selection.rows.is_none() {
            Vec::new()
        } else {
            (0..selection.len(day)).map(hits).collect()
        };
        let view = SpanView { day, selection, hits: &hits, range: &self.range, is_whole_day };
        for grouping in &mut self.groupings {
            grouping.count(&view, keys, dictionaries);
        }
    }

    pub(super) fn group_count(&self) -> usize {
        self.groupings.iter().map(GroupByState::group_count).sum()
    }

    pub(super) fn finish(self, keys: &KeySet<'_>, dictionaries: &Dictionaries) -> QueryResult {
        let reasons = dictionaries.of(Column::Exclusion).iter().zip(&self.excluded);
        let excluded = reasons
            .filter(|(_, count)| **count > 0)
            .filter_map(|((_, reason), count)| Some((reason?.to_owned(), *count)))
            .collect();
        let groups = self.groupings.into_iter().map(|it| it.finish(keys, dictionaries)).collect();
        QueryResult { groups, excluded }
    }
}
