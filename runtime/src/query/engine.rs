//! The query engine: takes hits and query plans, returns metrics. Does no I/O.
//!
//! Hits arrive one UTC day at a time and are dropped once counted. Only dictionaries and metrics stay in memory.
//! The rows of a day are sorted by visitor and time, so one pass finds the visits of every visitor. Each
//! [`GroupBy`] is then one pass over visits or rows. `docs/definitions.md` defines the metrics.

mod accumulator;
mod day;
mod grouping;
mod keys;
mod plan;
mod selector;
mod span;
mod span_view;
mod visit;

use footfall_infra::settings::Site;
use jiff::Timestamp;

use crate::query::QueryError;
use crate::segment::column::Column;
use crate::segment::dictionary::{Dictionaries, NULL_KEY};
use crate::segment::hit_batch::{HitBatch, NO_SCROLL};
use day::Day;
use keys::KeySet;
use selector::Selector;
use span::SpanCounter;
use visit::VisitFinder;

pub use plan::{GroupBy, GroupRow, QueryPlan, QueryResult, Span};

/// Evaluates query plans over one day of hits after another.
#[derive(Debug)]
pub struct Engine<'a> {
    keys: KeySet<'a>,
    plans: Vec<PlanState>,
    /// The dictionaries of all days. Segments are decoded into them.
    pub dictionaries: Dictionaries,
    /// The columns that the plans need.
    pub columns: Vec<Column>,
    visits: VisitFinder,
}

#[derive(Debug)]
struct PlanState {
    selector: Selector,
    spans: Vec<SpanCounter>,
}

impl<'a> Engine<'a> {
    /// Prepares the plans for a site.
    ///
    /// # Errors
    /// If a condition has an invalid regular expression.
    pub fn new(site: &'a Site, plans: Vec<QueryPlan<'_>>) -> Result<Self, QueryError> {
        let mut keys = KeySet::new(site);
        let mut states = Vec::new();
        for plan in plans {
            let selector = Selector::new(plan.conditions, &mut keys)?;
            let spans =
                plan.spans.into_iter().map(|span| SpanCounter::new(span, &mut keys)).collect();
            states.push(PlanState { selector, spans });
        }
        let columns = keys.columns();
        Ok(Self {
            keys,
            plans: states,
            dictionaries: Dictionaries::default(),
            columns,
            visits: VisitFinder::default(),
        })
    }

    /// Returns the time ranges that the plans cover.
    #[must_use]
    pub fn ranges(&self) -> Vec<(Timestamp, Timestamp)> {
        let spans = self.plans.iter().flat_map(|plan| &plan.spans);
        let at = |millis| Timestamp::from_millisecond(millis).unwrap_or_default();
        spans.map(|span| (at(span.range.start), at(span.range.end))).collect()
    }

    /// Counts the hits of one UTC day, in any order. Their keys are those of `self.dictionaries`.
    pub fn scan(&mut self, mut batch: HitBatch) {
        batch.sort();
        batch.attach_engagement(&self.dictionaries);
        self.keys.name_pages(&mut batch, &mut self.dictionaries);
        self.count_excluded(&batch);
        let has_engagement = batch.engaged.iter().any(|millis| *millis > 0)
            || batch.scrolled.iter().any(|depth| *depth != NO_SCROLL);
        let visits = self.visits.find(&batch, has_engagement);
        self.keys.learn(&batch, &visits, &self.dictionaries);
        let codes = self.keys.codes(&batch, &visits);
        let first = visits.iter().map(|visit| batch.times[visit.rows.start]).min();
        let last = visits.iter().map(|visit| batch.times[visit.rows.end - 1]).max();
        let Some(bounds) = first.zip(last) else { return };
        let day = Day {
            events: batch.column(Column::Event),
            has_engagement,
            bounds,
            batch: &batch,
            visits: &visits,
            codes: &codes,
        };
        for plan in &mut self.plans {
            plan.selector.learn(&self.keys, &self.dictionaries);
            let selection = plan.selector.select(&day);
            for span in &mut plan.spans {
                span.count(&day, &selection, &self.keys, &self.dictionaries);
            }
        }
    }

    /// Returns the number of groups with hits found so far, over all plans.
    #[must_use]
    pub fn group_count(&self) -> usize {
        let spans = self.plans.iter().flat_map(|plan| &plan.spans);
        spans.map(SpanCounter::group_count).sum()
    }

    /// Returns the results: one list per plan, with one result per span.
    #[must_use]
    pub fn finish(self) -> Vec<Vec<QueryResult>> {
        let Self { keys, plans, dictionaries, .. } = self;
        let spans =
            |plan: PlanState| plan.spans.into_iter().map(|span| span.finish(&keys, &dictionaries));
        plans.into_iter().map(|plan| spans(plan).collect()).collect()
    }

    fn count_excluded(&mut self, batch: &HitBatch) {
        let reasons = batch.column(Column::Exclusion);
        if self.dictionaries.of(Column::Exclusion).is_empty() {
            return;
        }
        let spans = self.plans.iter_mut().flat_map(|plan| &mut plan.spans);
        for span in spans {
            span.excluded.resize(self.dictionaries.of(Column::Exclusion).len(), 0);
            // Excluded hits have no visitor, so they sort first.
            for row in (0..batch.len()).take_while(|row| batch.visitors[*row] == 0) {
                if reasons[row] != NULL_KEY && span.range.contains(&batch.times[row]) {
                    span.excluded[reasons[row] as usize] += 1;
                }
            }
        }
    }
}
