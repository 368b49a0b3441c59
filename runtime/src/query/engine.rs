//! The engine: hits and questions in, numbers out. Pure.
//!
//! Hits come a day at a time, are counted, and let go: what stays in memory is the texts and the numbers.
//! Rows of a day are sorted by visitor and time, so that one pass over them finds every visitor's visits;
//! then each grouping is one pass over visits or rows. What each number means is in docs/definitions.md.

mod condition;
mod keys;

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::ops::Range;

use footfall_infra::settings::Site;
use jiff::Timestamp;

use crate::query::QueryError;
use crate::query::condition::Condition;
use crate::query::dimension::Key;
use crate::query::metrics::Metrics;
use crate::segment::column::Column;
use crate::segment::dictionary::{DictKey, Dictionaries, NULL_KEY};
use crate::segment::hit_batch::{HitBatch, NO_SCROLL};
use condition::Selector;
use keys::{Codes, Keys};

/// What the number of no group is.
const ROOT: DictKey = DictKey::MAX;

/// A visit ends with a pause of so many milliseconds.
const VISIT_TIMEOUT: i64 = 30 * 60 * 1000;

/// A question: which hits are counted, in which times, and by what.
#[derive(Debug, Clone)]
pub struct QueryPlan<'a> {
    /// What must hold for a hit.
    pub conditions: &'a [Condition],
    /// The times in which they are counted, each apart.
    pub spans: Vec<Span>,
}

/// A time, and by what hits in it are counted.
#[derive(Debug, Clone)]
pub struct Span {
    /// The first instant of it.
    pub from: Timestamp,
    /// The first instant behind it.
    pub to: Timestamp,
    /// By what they are counted. The empty grouping is their total.
    pub groupings: Vec<GroupBy>,
}

/// By what hits are counted: a number for each that their values together occur in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GroupBy {
    /// By time, in bars that begin at these instants (milliseconds since 1970, in order): the bar's place
    /// is the first value.
    pub bars: Option<Vec<i64>>,
    /// By these.
    pub keys: Vec<Key>,
}

impl GroupBy {
    /// By nothing: the total.
    #[must_use]
    pub fn total() -> Self {
        Self::default()
    }

    /// By one key.
    #[must_use]
    pub fn by(key: impl Into<Key>) -> Self {
        Self { bars: None, keys: vec![key.into()] }
    }

    /// By time.
    #[must_use]
    pub const fn by_time(bars: Vec<i64>) -> Self {
        Self { bars: Some(bars), keys: Vec::new() }
    }
}

/// What is counted of one combination of values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupRow {
    /// In which bar, if it is by time.
    pub bar: Option<usize>,
    /// The values of the keys, in their order; `None` is what has none.
    pub values: Vec<Option<String>>,
    /// What is counted.
    pub tally: Metrics,
}

/// What a plan found in one of its spans.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct QueryResult {
    /// Of each grouping, its groups that are not empty, in no order.
    pub groups: Vec<Vec<GroupRow>>,
    /// How many hits of programs there were, by reason, whatever the conditions; in no order.
    pub filtered: Vec<(String, u64)>,
}

impl QueryResult {
    /// The total that a grouping by nothing found.
    #[must_use]
    pub fn total(&self, grouping: usize) -> Metrics {
        self.groups
            .get(grouping)
            .and_then(|groups| groups.first())
            .map_or_else(Metrics::default, |group| group.tally)
    }
}

/// Counts days for some plans.
#[derive(Debug)]
pub struct Engine<'a> {
    keys: Keys<'a>,
    plans: Vec<Counting>,
    /// The texts of all days: what segments are decoded into.
    pub texts: Dictionaries,
    /// The columns that days must have.
    pub columns: Vec<Column>,
    /// The numbers of the last visitor and the last visit.
    visitor: u32,
    visit: u32,
}

#[derive(Debug)]
struct Counting {
    selector: Selector,
    spans: Vec<Counter>,
}

/// A visit.
#[derive(Debug, Clone)]
struct Visit {
    /// Its rows.
    rows: Range<usize>,
    visitor: u32,
    number: u32,
    is_bounce: bool,
    duration: u64,
    /// The page of its first page view.
    entry: DictKey,
    /// The page of its last page view.
    exit: DictKey,
    /// All of its hits.
    hits: Hits,
}

/// A day that is being counted.
struct Day<'d> {
    rows: &'d HitBatch,
    events: &'d [DictKey],
    visits: &'d [Visit],
    /// The codes of every key.
    codes: &'d [Codes<'d>],
    /// Whether any view says how long it was looked at.
    has_engagement: bool,
    /// The times of the first and of the last hit of a visit.
    bounds: (i64, i64),
}

impl<'a> Engine<'a> {
    /// Prepares to count.
    ///
    /// # Errors
    /// [`QueryError::Regex`] if a condition has a regular expression that is none.
    pub fn new(site: &'a Site, plans: Vec<QueryPlan<'_>>) -> Result<Self, QueryError> {
        let mut keys = Keys::new(site);
        let mut counting = Vec::new();
        for plan in plans {
            let selector = Selector::new(plan.conditions, &mut keys)?;
            let spans = plan.spans.into_iter().map(|span| Counter::new(span, &mut keys)).collect();
            counting.push(Counting { selector, spans });
        }
        let columns = keys.columns();
        let texts = Dictionaries::default();
        Ok(Self { keys, plans: counting, texts, columns, visitor: 0, visit: 0 })
    }

    /// The times in which anything is counted.
    #[must_use]
    pub fn ranges(&self) -> Vec<(Timestamp, Timestamp)> {
        let spans = self.plans.iter().flat_map(|plan| &plan.spans);
        let at = |millis| Timestamp::from_millisecond(millis).unwrap_or_default();
        spans.map(|span| (at(span.range.start), at(span.range.end))).collect()
    }

    /// Counts the hits of a day of UTC: rows of `self.texts`, in any order.
    pub fn count(&mut self, mut day: HitBatch) {
        day.sort();
        day.attach_engagement(&self.texts);
        self.keys.name_pages(&mut day, &mut self.texts);
        self.count_filtered(&day);
        let has_engagement = day.engaged.iter().any(|millis| *millis > 0)
            || day.scrolled.iter().any(|depth| *depth != NO_SCROLL);
        let visits = self.visits(&day, has_engagement);
        self.keys.learn(&day, &visits, &self.texts);
        let codes = self.keys.codes(&day, &visits);
        let first = visits.iter().map(|visit| day.times[visit.rows.start]).min();
        let last = visits.iter().map(|visit| day.times[visit.rows.end - 1]).max();
        let Some(bounds) = first.zip(last) else { return };
        let day = Day {
            events: day.column(Column::Event),
            has_engagement,
            bounds,
            rows: &day,
            visits: &visits,
            codes: &codes,
        };
        for plan in &mut self.plans {
            plan.selector.learn(&self.keys, &self.texts);
            let selected = plan.selector.select(&day);
            for span in &mut plan.spans {
                span.count(&day, &selected, &self.keys, &self.texts);
            }
        }
    }

    /// How many groups that are not empty it has found so far, of all groupings together.
    #[must_use]
    pub fn groups(&self) -> usize {
        let spans = self.plans.iter().flat_map(|plan| &plan.spans);
        let marks = spans.flat_map(|span| &span.groupings).flat_map(|grouping| &grouping.marks);
        marks.filter(|mark| mark.tally != Metrics::default()).count()
    }

    /// What each plan found in each of its spans.
    #[must_use]
    pub fn found(self) -> Vec<Vec<QueryResult>> {
        let Self { keys, plans, texts, .. } = self;
        let spans = |plan: Counting| plan.spans.into_iter().map(|span| span.found(&keys, &texts));
        plans.into_iter().map(|plan| spans(plan).collect()).collect()
    }

    /// Finds the visits of a day.
    fn visits(&mut self, day: &HitBatch, has_engagement: bool) -> Vec<Visit> {
        let events = day.column(Column::Event);
        let pages = day.column(Column::Page);
        let filtered = day.column(Column::Exclusion);
        let (times, visitors) = (&*day.times, &*day.visitors);
        let mut visits = Vec::with_capacity(day.len() / 2);
        let mut row = 0;
        while row < day.len() {
            if filtered[row] != NULL_KEY {
                row += 1;
                continue;
            }
            let start = row;
            let visitor = visitors[start];
            if start == 0 || filtered[start - 1] != NULL_KEY || visitor != visitors[start - 1] {
                self.visitor += 1;
            }
            let mut views = None;
            loop {
                if events[row] == NULL_KEY {
                    views = Some((views.map_or(row, |(first, _)| first), row));
                }
                row += 1;
                let goes_on = row < day.len()
                    && visitors[row] == visitor
                    && filtered[row] == NULL_KEY
                    && times[row].saturating_sub(times[row - 1]) < VISIT_TIMEOUT;
                if !goes_on {
                    break;
                }
            }
            let last = row - 1;
            let mut hits = Hits::default();
            (start..row).for_each(|row| hits.add(day, events[row], row, has_engagement));
            self.visit += 1;
            visits.push(Visit {
                is_bounce: views.is_some() && row - start == 1,
                duration: times[last].abs_diff(times[start]) + u64::from(day.engaged[last]),
                entry: views.map_or(NULL_KEY, |(first, _)| pages[first]),
                exit: views.map_or(NULL_KEY, |(_, last)| pages[last]),
                visitor: self.visitor,
                number: self.visit,
                rows: start..row,
                hits,
            });
        }
        visits
    }

    fn count_filtered(&mut self, day: &HitBatch) {
        let reasons = day.column(Column::Exclusion);
        if self.texts.of(Column::Exclusion).is_empty() {
            return;
        }
        let spans = self.plans.iter_mut().flat_map(|plan| &mut plan.spans);
        for span in spans {
            span.filtered.resize(self.texts.of(Column::Exclusion).len(), 0);
            // What does not count has no visitor, and so stands first.
            for row in (0..day.len()).take_while(|row| day.visitors[*row] == 0) {
                if reasons[row] != NULL_KEY && span.range.contains(&day.times[row]) {
                    span.filtered[reasons[row] as usize] += 1;
                }
            }
        }
    }
}

/// What a selector selects of a day.
struct Selected {
    /// The visits of which anything is, and which places of `rows` are theirs; `None` if all of them are whole.
    visits: Option<Vec<(usize, Range<usize>)>>,
    /// The rows; `None` if every visit has all of its own.
    rows: Option<Vec<usize>>,
}

impl Selected {
    /// A visit's place among those of the day, and which places of `rows` are its.
    fn visit(&self, nth: usize, day: &Day<'_>) -> (usize, Range<usize>) {
        match &self.visits {
            Some(visits) => visits[nth].clone(),
            None => (nth, day.visits[nth].rows.clone()),
        }
    }

    fn count(&self, day: &Day<'_>) -> usize {
        self.visits.as_ref().map_or(day.visits.len(), Vec::len)
    }

    fn row(&self, place: usize) -> usize {
        self.rows.as_ref().map_or(place, |rows| rows[place])
    }
}

/// A tally, and who was last counted into it: rows of one visitor stand together.
#[derive(Debug, Clone, Copy, Default)]
struct Mark {
    tally: Metrics,
    visitor: u32,
    visit: u32,
}

/// Selected hits of a visit that lie in a span.
#[derive(Debug, Clone, Copy, Default)]
struct Hits {
    views: u32,
    events: u32,
    engagements: u32,
    scrolls: u32,
    engaged: u64,
    scrolled: u64,
}

impl Hits {
    fn add(&mut self, rows: &HitBatch, event: DictKey, row: usize, has_engagement: bool) {
        if event == NULL_KEY {
            self.views += 1;
        } else {
            self.events += 1;
        }
        if has_engagement {
            let (engaged, scrolled) = (rows.engaged[row], rows.scrolled[row]);
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

impl Day<'_> {
    fn hit(&self, row: usize) -> Hits {
        let mut hits = Hits::default();
        hits.add(self.rows, self.events[row], row, self.has_engagement);
        hits
    }
}

impl Mark {
    fn seen(&mut self, visitor: u32) {
        if self.visitor != visitor {
            self.visitor = visitor;
            self.tally.visitors += 1;
        }
    }

    fn hits(&mut self, visitor: u32, hits: &Hits) {
        if hits.views + hits.events == 0 {
            return;
        }
        self.seen(visitor);
        self.tally.views += u64::from(hits.views);
        self.tally.events += u64::from(hits.events);
        if hits.engagements + hits.scrolls > 0 {
            self.tally.engaged += hits.engaged;
            self.tally.engagements += u64::from(hits.engagements);
            self.tally.scrolled += hits.scrolled;
            self.tally.scrolls += u64::from(hits.scrolls);
        }
    }

    fn visit(&mut self, visit: &Visit) {
        if self.visit != visit.number {
            self.visit = visit.number;
            self.tally.visits += 1;
            self.tally.bounces += u64::from(visit.is_bounce);
            self.tally.duration += visit.duration;
        }
    }
}

/// Counts the hits of a span.
#[derive(Debug)]
struct Counter {
    /// From the first to before the second, in milliseconds.
    range: Range<i64>,
    groupings: Vec<Marks>,
    /// By the code of the reason.
    filtered: Vec<u64>,
}

/// A grouping that is being counted.
#[derive(Debug)]
struct Marks {
    bars: Option<Vec<i64>>,
    /// Places in [`Keys`], in the order that was asked for.
    keys: Vec<usize>,
    /// A group's number, made of the codes of several: see [`Marks::intern`].
    pairs: HashMap<(DictKey, DictKey), DictKey, BuildHasherDefault<PairHasher>>,
    /// The pair that was last asked for, and its number.
    last: ((DictKey, DictKey), DictKey),
    /// The pair that each number stands for.
    numbers: Vec<(DictKey, DictKey)>,
    marks: Vec<Mark>,
}

impl Counter {
    fn new(span: Span, keys: &mut Keys<'_>) -> Self {
        let range = span.from.as_millisecond()..span.to.as_millisecond();
        let marks = |grouping: GroupBy| Marks {
            bars: grouping.bars,
            keys: grouping.keys.into_iter().map(|key| keys.place(key)).collect(),
            pairs: HashMap::default(),
            // No pair is of the root and the root.
            last: ((ROOT, ROOT), ROOT),
            numbers: Vec::new(),
            marks: Vec::new(),
        };
        Self {
            range,
            groupings: span.groupings.into_iter().map(marks).collect(),
            filtered: Vec::new(),
        }
    }

    fn count(&mut self, day: &Day<'_>, selected: &Selected, keys: &Keys<'_>, texts: &Dictionaries) {
        let (first, last) = day.bounds;
        if last < self.range.start || self.range.end <= first {
            return;
        }
        let is_whole = self.range.start <= first && last < self.range.end;
        let hits = |nth: usize| {
            let mut hits = Hits::default();
            for place in selected.visit(nth, day).1 {
                let row = selected.row(place);
                if is_whole || self.range.contains(&day.rows.times[row]) {
                    hits.add(day.rows, day.events[row], row, day.has_engagement);
                }
            }
            hits
        };
        let hits = if is_whole && selected.rows.is_none() {
            Vec::new()
        } else {
            (0..selected.count(day)).map(hits).collect()
        };
        let seen = Seen { day, selected, hits: &hits, range: &self.range, is_whole };
        for marks in &mut self.groupings {
            marks.count(&seen, keys, texts);
        }
    }

    fn found(self, keys: &Keys<'_>, texts: &Dictionaries) -> QueryResult {
        let filtered = texts.of(Column::Exclusion).iter().zip(&self.filtered);
        let filtered = filtered
            .filter(|(_, count)| **count > 0)
            .filter_map(|((_, text), count)| Some((text?.to_owned(), *count)))
            .collect();
        let groups = self.groupings.into_iter().map(|marks| marks.groups(keys, texts)).collect();
        QueryResult { groups, filtered }
    }
}

/// What of a day is selected, and lies in a span.
struct Seen<'a> {
    day: &'a Day<'a>,
    selected: &'a Selected,
    /// Of each selected visit, what lies in the span; empty if all of each does.
    hits: &'a [Hits],
    range: &'a Range<i64>,
    /// Whether all of the day does.
    is_whole: bool,
}

impl Seen<'_> {
    fn contains(&self, row: usize) -> bool {
        self.is_whole || self.range.contains(&self.day.rows.times[row])
    }

    /// The selected visits, what of them lies in the span, whether they begin in it, and their rows.
    fn visits(&self) -> impl Iterator<Item = (usize, &Visit, &Hits, bool, Range<usize>)> {
        (0..self.selected.count(self.day)).map(|nth| {
            let (place, rows) = self.selected.visit(nth, self.day);
            let visit = &self.day.visits[place];
            let hits = self.hits.get(nth).unwrap_or(&visit.hits);
            (place, visit, hits, self.contains(visit.rows.start), rows)
        })
    }
}

impl Marks {
    fn count(&mut self, seen: &Seen<'_>, keys: &Keys<'_>, texts: &Dictionaries) {
        let day = seen.day;
        match (&self.bars, self.keys.first().copied(), self.keys.len()) {
            (None, None, _) => {
                self.grow(1);
                for (_, visit, hits, begins, _) in seen.visits() {
                    let mark = &mut self.marks[0];
                    mark.hits(visit.visitor, hits);
                    if begins {
                        mark.visit(visit);
                    }
                }
            }
            (None, Some(key), 1) => {
                self.grow(keys.dictionary(key, texts).len());
                match &day.codes[key] {
                    Codes::OfVisits(codes) => {
                        for (place, visit, hits, begins, _) in seen.visits() {
                            let mark = &mut self.marks[codes[place] as usize];
                            mark.hits(visit.visitor, hits);
                            if begins {
                                mark.visit(visit);
                            }
                        }
                    }
                    Codes::OfRows(codes) => self.count_rows(seen, |row| [codes[row]]),
                    Codes::Goals(codes) => self.count_rows(seen, |row| keys::bits(codes.of(row))),
                }
            }
            _ => self.count_any(seen),
        }
    }

    /// By one key of hits, of which a hit has these codes.
    fn count_rows<I: IntoIterator<Item = DictKey>>(
        &mut self,
        seen: &Seen<'_>,
        codes: impl Fn(usize) -> I,
    ) {
        for (_, visit, _, begins, places) in seen.visits() {
            for place in places {
                let row = seen.selected.row(place);
                for code in codes(row) {
                    let mark = &mut self.marks[code as usize];
                    if seen.contains(row) {
                        mark.hits(visit.visitor, &seen.day.hit(row));
                    }
                    if begins {
                        mark.visit(visit);
                    }
                }
            }
        }
    }

    /// By several, or by what a hit may have several of.
    fn count_any(&mut self, seen: &Seen<'_>) {
        let day = seen.day;
        let keys = std::mem::take(&mut self.keys);
        let bars = self.bars.take();
        let of_hits = keys.iter().any(|key| !matches!(day.codes[*key], Codes::OfVisits(_)));
        let mut bar = Bar::new(bars.as_deref());
        let mut numbers = Vec::new();
        for (place, visit, hits, begins, places) in seen.visits() {
            let first = bar.of(day.rows.times[visit.rows.start]);
            let last = bar.of(day.rows.times[visit.rows.end - 1]);
            if !of_hits && first == last {
                self.numbers(&mut numbers, day, &keys, first, place, visit.rows.start);
                for number in numbers.drain(..) {
                    let mark = &mut self.marks[number as usize];
                    mark.hits(visit.visitor, hits);
                    if begins {
                        mark.visit(visit);
                    }
                }
                continue;
            }
            for at in places {
                let row = seen.selected.row(at);
                if seen.contains(row) {
                    let own = bar.of(day.rows.times[row]);
                    self.numbers(&mut numbers, day, &keys, own, place, row);
                    let hits = day.hit(row);
                    for number in numbers.drain(..) {
                        self.marks[number as usize].hits(visit.visitor, &hits);
                    }
                }
                if begins {
                    // A visit counts where it begins.
                    self.numbers(&mut numbers, day, &keys, first, place, row);
                    for number in numbers.drain(..) {
                        self.marks[number as usize].visit(visit);
                    }
                }
            }
        }
        self.keys = keys;
        self.bars = bars;
    }

    /// The numbers of the groups that a row is in: one, but for goals, of which it may reach several or none.
    fn numbers(
        &mut self,
        numbers: &mut Vec<DictKey>,
        day: &Day<'_>,
        keys: &[usize],
        bar: DictKey,
        visit: usize,
        row: usize,
    ) {
        numbers.clear();
        let mut number = self.intern(ROOT, bar);
        let mut goals = None;
        for key in keys {
            match &day.codes[*key] {
                Codes::OfVisits(codes) => number = self.intern(number, codes[visit]),
                Codes::OfRows(codes) => number = self.intern(number, codes[row]),
                Codes::Goals(codes) => goals = Some(codes.of(row)),
            }
        }
        let Some(goals) = goals else {
            numbers.push(number);
            return;
        };
        for code in keys::bits(goals) {
            let number = self.intern(number, code);
            numbers.push(number);
        }
    }

    /// The number of a pair: of a number made before, and a code.
    fn intern(&mut self, number: DictKey, code: DictKey) -> DictKey {
        let pair = (number, code);
        // Of a day's hits by time, the one after the other is mostly in the same group.
        if self.last.0 == pair {
            return self.last.1;
        }
        let next = self.numbers.len();
        // 4 billion groups would not fit into memory.
        let new = DictKey::try_from(next).unwrap_or(DictKey::MAX);
        let found = *self.pairs.entry(pair).or_insert(new);
        if found == new {
            self.numbers.push(pair);
            self.marks.push(Mark::default());
        }
        self.last = (pair, found);
        found
    }

    fn grow(&mut self, len: usize) {
        if self.marks.len() < len {
            self.marks.resize(len, Mark::default());
        }
    }

    /// What was counted, without what is empty.
    fn groups(self, keys: &Keys<'_>, texts: &Dictionaries) -> Vec<GroupRow> {
        let is_plain = self.numbers.is_empty();
        let goal = self.keys.iter().position(|key| keys.is_goal(*key));
        let value = |place: usize, code: DictKey| {
            keys.dictionary(self.keys[place], texts).value(code).map(str::to_owned)
        };
        let group = |(number, mark): (usize, &Mark)| {
            let code = DictKey::try_from(number).unwrap_or(NULL_KEY);
            if is_plain {
                let values = (0..self.keys.len()).map(|place| value(place, code)).collect();
                return GroupRow { bar: None, values, tally: mark.tally };
            }
            // The codes are told in the opposite order; a goal's was put behind all others.
            let mut values = vec![None; self.keys.len()];
            let mut places: Vec<usize> =
                (0..self.keys.len()).filter(|place| Some(*place) != goal).chain(goal).collect();
            let mut pair = self.numbers[number];
            while let Some(place) = places.pop() {
                values[place] = value(place, pair.1);
                pair = self.numbers[pair.0 as usize];
            }
            let bar = self.bars.is_some().then_some(pair.1 as usize);
            GroupRow { bar, values, tally: mark.tally }
        };
        let marks = self.marks.iter().enumerate();
        marks.filter(|(_, mark)| mark.tally != Metrics::default()).map(group).collect()
    }
}

/// Finds bars, of which the one after the other is mostly the same.
struct Bar<'a> {
    starts: &'a [i64],
    last: DictKey,
    range: Range<i64>,
}

impl<'a> Bar<'a> {
    fn new(starts: Option<&'a [i64]>) -> Self {
        Self { starts: starts.unwrap_or_default(), last: 0, range: 0..0 }
    }

    /// The bar in which an instant lies: the first, if it is before all of them, or there are none.
    fn of(&mut self, at: i64) -> DictKey {
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

/// A hasher for pairs of small numbers that nobody chose: FxHash, as rustc has it.
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
