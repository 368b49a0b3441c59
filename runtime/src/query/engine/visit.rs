//! Visits: how the sorted rows of a day are split into them, and the sums of their hits.

use std::ops::Range;

use crate::segment::column::Column;
use crate::segment::dictionary::{DictKey, NULL_KEY};
use crate::segment::hit_batch::{HitBatch, NO_SCROLL};

/// Time between two hits of a visitor that starts a new visit, in milliseconds.
const VISIT_TIMEOUT: i64 = 30 * 60 * 1000;

/// A visit: hits of one visitor less than [`VISIT_TIMEOUT`] apart.
#[derive(Debug, Clone)]
pub(super) struct Visit {
    /// Its rows in the day's batch.
    pub(super) rows: Range<usize>,
    /// Number of the visitor, unique in the engine.
    pub(super) visitor: u32,
    /// Number of the visit, unique in the engine.
    pub(super) number: u32,
    pub(super) is_bounce: bool,
    /// Duration in milliseconds.
    pub(super) duration: u64,
    /// Page of the first page view.
    pub(super) entry: DictKey,
    /// Page of the last page view.
    pub(super) exit: DictKey,
    /// Sums of all its hits.
    pub(super) hits: HitSums,
}

/// Sums of some hits of a visit.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct HitSums {
    pub(super) views: u32,
    pub(super) events: u32,
    pub(super) engagements: u32,
    pub(super) scrolls: u32,
    pub(super) engaged: u64,
    pub(super) scrolled: u64,
}

impl HitSums {
    pub(super) fn add(
        &mut self,
        batch: &HitBatch,
        event: DictKey,
        row: usize,
        has_engagement: bool,
    ) {
        if event == NULL_KEY {
            self.views += 1;
        } else {
            self.events += 1;
        }
        if has_engagement {
            let (engaged, scrolled) = (batch.engaged[row], batch.scrolled[row]);
            if engaged > 0 {
                self.engaged += u64::from(engaged);
                self.engagements += 1;
            }
            if scrolled != NO_SCROLL {
                self.scrolled += u64::from(scrolled);
                self.scrolls += 1;
            }
        }
    }
}

/// Finds visits, and numbers visitors and visits across days.
#[derive(Debug, Default)]
pub(super) struct VisitFinder {
    last_visitor: u32,
    last_visit: u32,
}

impl VisitFinder {
    /// Finds the visits of a day whose rows are sorted by visitor and time.
    pub(super) fn find(&mut self, batch: &HitBatch, has_engagement: bool) -> Vec<Visit> {
        let events = batch.column(Column::Event);
        let pages = batch.column(Column::Page);
        let excluded = batch.column(Column::Exclusion);
        let (times, visitors) = (&*batch.times, &*batch.visitors);
        let mut visits = Vec::with_capacity(batch.len() / 2);
        let mut row = 0;
        while row < batch.len() {
            if excluded[row] != NULL_KEY {
                row += 1;
                continue;
            }
            let start = row;
            let visitor = visitors[start];
            if start == 0 || excluded[start - 1] != NULL_KEY || visitor != visitors[start - 1] {
                self.last_visitor += 1;
            }
            let mut views = None;
            loop {
                if events[row] == NULL_KEY {
                    views = Some((views.map_or(row, |(first, _)| first), row));
                }
                row += 1;
                let goes_on = row < batch.len()
                    && visitors[row] == visitor
                    && excluded[row] == NULL_KEY
                    && times[row].saturating_sub(times[row - 1]) < VISIT_TIMEOUT;
                if !goes_on {
                    break;
                }
            }
            let last = row - 1;
            let mut hits = HitSums::default();
            (start..row).for_each(|row| hits.add(batch, events[row], row, has_engagement));
            self.last_visit += 1;
            visits.push(Visit {
                is_bounce: views.is_some() && row - start == 1,
                duration: times[last].abs_diff(times[start]) + u64::from(batch.engaged[last]),
                entry: views.map_or(NULL_KEY, |(first, _)| pages[first]),
                exit: views.map_or(NULL_KEY, |(_, last)| pages[last]),
                visitor: self.last_visitor,
                number: self.last_visit,
                rows: start..row,
                hits,
            });
        }
        visits
    }
}
