//! Counting one grouping of a span.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::ops::Range;

use super::accumulator::Accumulator;
use super::day::Day;
use super::keys::{self, Codes, KeySet};
use super::plan::{GroupBy, GroupRow};
use super::span_view::SpanView;
use crate::query::metrics::Metrics;
use crate::segment::dictionary::{DictKey, Dictionaries, NULL_KEY};

/// Sentinel for the root group.
const ROOT: DictKey = DictKey::MAX;

/// The groups of one [`GroupBy`] while they are counted.
#[derive(Debug)]
pub(super) struct GroupByState {
    buckets: Option<Vec<i64>>,
    /// Indexes in the [`KeySet`], in the order of the [`GroupBy`].
    keys: Vec<usize>,
    /// Group IDs by parent group and code: see [`GroupByState::intern`].
    group_ids: HashMap<(DictKey, DictKey), DictKey, BuildHasherDefault<PairHasher>>,
    /// The pair looked up last, with its group ID.
    last: ((DictKey, DictKey), DictKey),
    /// The pair that each group ID stands for.
    pairs: Vec<(DictKey, DictKey)>,
    /// Accumulators by group ID. With one plain key and no buckets, by the key's code.
    accumulators: Vec<Accumulator>,
}

impl GroupByState {
    pub(super) fn new(group_by: GroupBy, keys: &mut KeySet<'_>) -> Self {
        Self {
            buckets: group_by.buckets,
            keys: group_by.keys.into_iter().map(|key| keys.index(key)).collect(),
            group_ids: HashMap::default(),
            // A pair that never occurs.
            last: ((ROOT, ROOT), ROOT),
            pairs: Vec::new(),
            accumulators: Vec::new(),
        }
    }

    pub(super) fn count(
        &mut self,
        view: &SpanView<'_>,
        keys: &KeySet<'_>,
        dictionaries: &Dictionaries,
    ) {
        let day = view.day;
        match (&self.buckets, self.keys.first().copied(), self.keys.len()) {
            (None, None, _) => {
                self.grow(1);
                for (_, visit, hits, begins, _) in view.visits() {
                    let accumulator = &mut self.accumulators[0];
                    accumulator.add_hits(visit.visitor, hits);
                    if begins {
                        accumulator.add_visit(visit);
                    }
                }
            }
            (None, Some(key), 1) => {
                self.grow(keys.dictionary(key, dictionaries).len());
                match &day.codes[key] {
                    Codes::OfVisits(codes) => {
                        for (index, visit, hits, begins, _) in view.visits() {
                            let accumulator = &mut self.accumulators[codes[index] as usize];
                            accumulator.add_hits(visit.visitor, hits);
                            if begins {
                                accumulator.add_visit(visit);
                            }
                        }
                    }
                    Codes::OfRows(codes) => self.count_rows(view, |row| [codes[row]]),
                    Codes::Goals(codes) => self.count_rows(view, |row| keys::bits(codes.of(row))),
                }
            }
            _ => self.count_any(view),
        }
    }

    /// Counts by one key of hits. `codes` returns the codes of a row.
    fn count_rows<I: IntoIterator<Item = DictKey>>(
        &mut self,
        view: &SpanView<'_>,
        codes: impl Fn(usize) -> I,
    ) {
        for (_, visit, _, begins, places) in view.visits() {
            for place in places {
                let row = view.selection.row(place);
                for code in codes(row) {
                    let accumulator = &mut self.accumulators[code as usize];
                    if view.contains(row) {
                        accumulator.add_hits(visit.visitor, &view.day.hit(row));
                    }
                    if begins {
                        accumulator.add_visit(visit);
                    }
                }
            }
        }
    }

    /// Counts by any combination of buckets and keys.
    fn count_any(&mut self, view: &SpanView<'_>) {
        let day = view.day;
        let keys = std::mem::take(&mut self.keys);
        let buckets = self.buckets.take();
        let has_key_of_hits = keys.iter().any(|key| !matches!(day.codes[*key], Codes::OfVisits(_)));
        let mut finder = BucketFinder::new(buckets.as_deref());
        let mut group_ids = Vec::new();
        for (index, visit, hits, begins, places) in view.visits() {
            let first = finder.find(day.batch.times[visit.rows.start]);
            let last = finder.find(day.batch.times[visit.rows.end - 1]);
            if !has_key_of_hits && first == last {
                self.group_ids(&mut group_ids, day, &keys, first, index, visit.rows.start);
                for id in group_ids.drain(..) {
                    let accumulator = &mut self.accumulators[id as usize];
                    accumulator.add_hits(visit.visitor, hits);
                    if begins {
                        accumulator.add_visit(visit);
                    }
                }
                continue;
            }
            for place in places {
                let row = view.selection.row(place);
                if view.contains(row) {
                    let own = finder.find(day.batch.times[row]);
                    self.group_ids(&mut group_ids, day, &keys, own, index, row);
                    let hits = day.hit(row);
                    for id in group_ids.drain(..) {
                        self.accumulators[id as usize].add_hits(visit.visitor, &hits);
                    }
                }
                if begins {
                    // A visit counts in the bucket in which it begins.
                    self.group_ids(&mut group_ids, day, &keys, first, index, row);
                    for id in group_ids.drain(..) {
                        self.accumulators[id as usize].add_visit(visit);
                    }
                }
            }
        }
        self.keys = keys;
        self.buckets = buckets;
    }

    /// Sets `group_ids` to the groups of a row: one, unless grouped by goal. A hit can reach several or none.
    fn group_ids(
        &mut self,
        group_ids: &mut Vec<DictKey>,
        day: &Day<'_>,
        keys: &[usize],
        bucket: DictKey,
        visit: usize,
        row: usize,
    ) {
        group_ids.clear();
        let mut id = self.intern(ROOT, bucket);
        let mut goals = None;
        for key in keys {
            match &day.codes[*key] {
                Codes::OfVisits(codes) => id = self.intern(id, codes[visit]),
                Codes::OfRows(codes) => id = self.intern(id, codes[row]),
                Codes::Goals(codes) => goals = Some(codes.of(row)),
            }
        }
        let Some(goals) = goals else {
            group_ids.push(id);
            return;
        };
        for code in keys::bits(goals) {
            let id = self.intern(id, code);
            group_ids.push(id);
        }
    }

    /// Returns the ID of the group with this code below the group `parent`.
    fn intern(&mut self, parent: DictKey, code: DictKey) -> DictKey {
        let pair = (parent, code);
        // Consecutive hits of a day mostly fall into the same group.
        if self.last.0 == pair {
            return self.last.1;
        }
        let next = self.pairs.len();
        // 4 billion groups would not fit into memory.
        let new = DictKey::try_from(next).unwrap_or(DictKey::MAX);
        let id = *self.group_ids.entry(pair).or_insert(new);
        if id == new {
            self.pairs.push(pair);
            self.accumulators.push(Accumulator::default());
        }
        self.last = (pair, id);
        id
    }

    fn grow(&mut self, len: usize) {
        if self.accumulators.len() < len {
            self.accumulators.resize(len, Accumulator::default());
        }
    }

    /// Returns the number of groups with hits.
    pub(super) fn group_count(&self) -> usize {
        let accumulators = self.accumulators.iter();
        accumulators.filter(|accumulator| accumulator.metrics != Metrics::default()).count()
    }

    /// Returns the groups with hits.
    pub(super) fn finish(self, keys: &KeySet<'_>, dictionaries: &Dictionaries) -> Vec<GroupRow> {
        let is_by_code = self.pairs.is_empty();
        let goal = self.keys.iter().position(|key| keys.is_goal(*key));
        let value = |place: usize, code: DictKey| {
            keys.dictionary(self.keys[place], dictionaries).value(code).map(str::to_owned)
        };
        let group = |(index, accumulator): (usize, &Accumulator)| {
            let metrics = accumulator.metrics;
            let code = DictKey::try_from(index).unwrap_or(NULL_KEY);
            if is_by_code {
                let values = (0..self.keys.len()).map(|place| value(place, code)).collect();
                return GroupRow { bucket: None, values, metrics };
            }
            // Walks from the group to the root, so the last key comes first. Goals were interned last.
            let mut values = vec![None; self.keys.len()];
            let mut places: Vec<usize> =
                (0..self.keys.len()).filter(|place| Some(*place) != goal).chain(goal).collect();
            let mut pair = self.pairs[index];
            while let Some(place) = places.pop() {
                values[place] = value(place, pair.1);
                pair = self.pairs[pair.0 as usize];
            }
            let bucket = self.buckets.is_some().then_some(pair.1 as usize);
            GroupRow { bucket, values, metrics }
        };
        let accumulators = self.accumulators.iter().enumerate();
        accumulators.filter(|(_, it)| it.metrics != Metrics::default()).map(group).collect()
    }
}

/// Finds the bucket of an instant. Remembers the last one, as consecutive hits mostly share it.
struct BucketFinder<'a> {
    starts: &'a [i64],
    last: DictKey,
    range: Range<i64>,
}

impl<'a> BucketFinder<'a> {
    fn new(starts: Option<&'a [i64]>) -> Self {
        Self { starts: starts.unwrap_or_default(), last: 0, range: 0..0 }
    }

    /// Returns the bucket that contains an instant. It is the first one if all begin later, or if there are none.
    fn find(&mut self, at: i64) -> DictKey {
        if self.starts.is_empty() || self.range.contains(&at) {
            return self.last;
        }
        let after = self.starts.partition_point(|start| *start <= at);
        let from = after.checked_sub(1).map_or(i64::MIN, |place| self.starts[place]);
        self.range = from..self.starts.get(after).copied().unwrap_or(i64::MAX);
        self.last = DictKey::try_from(after.saturating_sub(1)).unwrap_or(NULL_KEY);
        self.last
    }
}

/// Hasher for pairs of small numbers that no visitor can choose: rustc's FxHash.
#[derive(Debug, Default, Clone, Copy)]
struct PairHasher(u64);

impl Hasher for PairHasher {
    fn finish(&self) -> u64 {
        self.0.rotate_left(26)
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.write_u32(u32::from(*byte)));
    }

    fn write_u32(&mut self, number: u32) {
        self.0 = (self.0.wrapping_add(u64::from(number))).wrapping_mul(0xf135_7aea_2e62_a9c5);
    }
}
