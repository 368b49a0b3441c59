//! Accumulators: the metrics of one group while it is counted.

use super::visit::{HitSums, Visit};
use crate::query::metrics::Metrics;

/// The metrics of a group, with the last visitor and visit counted.
///
/// Rows of one visitor are adjacent, so comparing with the last one is enough to count each once.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Accumulator {
    pub(super) metrics: Metrics,
    visitor: u32,
    visit: u32,
}

impl Accumulator {
    fn add_visitor(&mut self, visitor: u32) {
        if self.visitor != visitor {
            self.visitor = visitor;
            self.metrics.visitors += 1;
        }
    }

    pub(super) fn add_hits(&mut self, visitor: u32, hits: &HitSums) {
        if hits.views + hits.events == 0 {
            return;
        }
        self.add_visitor(visitor);
        self.metrics.views += u64::from(hits.views);
        self.metrics.events += u64::from(hits.events);
        if hits.engagements + hits.scrolls > 0 {
            self.metrics.engaged += hits.engaged;
            self.metrics.engagements += u64::from(hits.engagements);
            self.metrics.scrolled += hits.scrolled;
            self.metrics.scrolls += u64::from(hits.scrolls);
        }
    }

    pub(super) fn add_visit(&mut self, visit: &Visit) {
        if self.visit != visit.number {
            self.visit = visit.number;
            self.metrics.visits += 1;
            self.metrics.bounces += u64::from(visit.is_bounce);
            self.metrics.duration += visit.duration;
        }
    }
}
