//! A day of hits, prepared for counting.

use super::keys::Codes;
use super::visit::{HitSums, Visit};
use crate::segment::dictionary::DictKey;
use crate::segment::hit_batch::HitBatch;

/// One day of hits, prepared for counting.
pub(super) struct Day<'d> {
    pub(super) batch: &'d HitBatch,
    pub(super) events: &'d [DictKey],
    pub(super) visits: &'d [Visit],
    /// Codes of every key in the [`KeySet`](super::keys::KeySet).
    pub(super) codes: &'d [Codes<'d>],
    /// Whether any view has engagement data.
    pub(super) has_engagement: bool,
    /// Times of the first and the last hit that belong to a visit.
    pub(super) bounds: (i64, i64),
}

impl Day<'_> {
    /// Returns the sums of a single hit.
    pub(super) fn hit(&self, row: usize) -> HitSums {
        let mut hits = HitSums::default();
        hits.add(self.batch, self.events[row], row, self.has_engagement);
        hits
    }
}
