//! The engine: rows and a query in, numbers out. Pure.
//!
//! Rows of a day are sorted by visitor and time, so that one pass over them finds every visitor's
//! visits, and counts them. What each number means is in docs/definitions.md.

use std::ops::Range;

use jiff::{SignedDuration, Timestamp};

use crate::column::Column;
use crate::dimension::{Dimension, Scope};
use crate::query::{Filter, Query};
use crate::report::{Bar, FilteredRow, Row, Table, Tally};
use crate::rows::{Code, NONE, Rows, Texts};

/// A visit ends with a pause of so many milliseconds.
const PAUSE: i64 = 30 * 60 * 1000;

/// The days that are counted: each is all hits of a UTC day, sorted by visitor and time.
#[derive(Debug, Default)]
pub struct Days {
    /// The rows of each day.
    pub days: Vec<Rows>,
    /// Their texts. Pages are named with their host where it is not the site's own.
    pub texts: Texts,
}

/// What a query finds in some days.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// All of it.
    pub totals: Tally,
    /// By bar.
    pub bars: Vec<Bar>,
    /// By dimension.
    pub tables: Vec<Table>,
    /// What was not counted, and why.
    pub filtered: Vec<FilteredRow>,
}

/// Answers a query, with at most `limit` rows in a table.
#[must_use]
pub fn find(days: &Days, query: &Query, limit: usize) -> Found {
    let (from, to) = query.period.instants();
    let starts = query.period.bars();
    let mut counter = Counter::new(days, &query.filters, from, to);
    counter.bar_starts = starts.iter().map(|start| start.at.as_millisecond()).collect();
    counter.bars = vec![Mark::default(); starts.len()];
    counter.tables = Dimension::ALL
        .map(|dimension| vec![Mark::default(); days.texts.of(dimension.column()).len()])
        .into();
    counter.run();
    let bars = starts.into_iter().zip(&counter.bars);
    Found {
        totals: counter.totals.tally,
        bars: bars.map(|(start, mark)| Bar { at: start.name, tally: mark.tally }).collect(),
        tables: counter.tables(limit),
        filtered: counter.filtered(),
    }
}

/// The sums of a query between two instants, in place of its period.
#[must_use]
pub fn totals(days: &Days, filters: &[Filter], from: Timestamp, to: Timestamp) -> Tally {
    let mut counter = Counter::new(days, filters, from, to);
    counter.run();
    counter.totals.tally
}

/// How many visitors have a hit since an instant.
#[must_use]
pub fn visitors_since(days: &Days, since: Timestamp) -> u64 {
    let to = Timestamp::MAX.checked_sub(SignedDuration::from_secs(1)).unwrap_or(Timestamp::MAX);
    totals(days, &[], since, to).visitors
}

/// A tally, and who was last counted into it: rows of one visitor stand together.
#[derive(Debug, Clone, Copy, Default)]
struct Mark {
    tally: Tally,
    visitor: u32,
    visit: u32,
}

impl Mark {
    const fn hit(&mut self, visitor: u32, is_view: bool) {
        if self.visitor != visitor {
            self.visitor = visitor;
            self.tally.visitors += 1;
        }
        if is_view {
            self.tally.views += 1;
        } else {
            self.tally.events += 1;
        }
    }

    const fn visit(&mut self, number: u32, visit: &Visit) {
        if self.visit != number {
            self.visit = number;
            self.tally.visits += 1;
            self.tally.bounces += visit.is_bounce as u64;
            self.tally.duration += visit.duration;
        }
    }
}

/// A visit that a query selects.
struct Visit {
    /// Its rows.
    rows: Range<usize>,
    is_bounce: bool,
    duration: u64,
    /// The page of its first page view.
    entry: Code,
    /// The page of its last page view.
    exit: Code,
}

impl Visit {
    fn of(day: &Rows, rows: Range<usize>) -> Self {
        let events = day.column(Column::Event);
        let pages = day.column(Column::Page);
        let mut views = rows.clone().filter(|row| events[*row] == NONE);
        let first = views.next();
        let last = views.next_back().or(first);
        let page = |row: Option<usize>| row.map_or(NONE, |row| pages[row]);
        Self {
            is_bounce: first.is_some() && rows.len() == 1,
            duration: day.times[rows.end - 1].abs_diff(day.times[rows.start]),
            entry: page(first),
            exit: page(last),
            rows,
        }
    }

    /// Its value of a dimension of visits.
    fn code(&self, day: &Rows, dimension: Dimension) -> Code {
        match dimension {
            Dimension::EntryPage => self.entry,
            Dimension::ExitPage => self.exit,
            _ => day.column(dimension.column())[self.rows.start],
        }
    }
}

/// A filter, and for each code of its column whether it holds.
struct Condition {
    dimension: Dimension,
    holds: Vec<bool>,
}

impl Condition {
    fn of(filter: &Filter, texts: &Texts) -> Self {
        let dictionary = texts.of(filter.dimension.column());
        let holds = dictionary.iter().map(|(_, text)| filter.holds(text)).collect();
        Self { dimension: filter.dimension, holds }
    }

    fn holds(&self, code: Code) -> bool {
        self.holds.get(code as usize).copied().unwrap_or(false)
    }
}

struct Counter<'a> {
    days: &'a Days,
    of_hits: Vec<Condition>,
    of_visits: Vec<Condition>,
    /// From the first to before the second, in milliseconds.
    range: Range<i64>,
    totals: Mark,
    /// Empty if only totals are asked for; so are bars and tables.
    bar_starts: Vec<i64>,
    bars: Vec<Mark>,
    tables: Vec<Vec<Mark>>,
    filtered: Vec<u64>,
    /// The numbers of the visitor and the visit that are being counted.
    visitor: u32,
    visit: u32,
    /// The rows of the visit that are selected.
    selected: Vec<usize>,
}

impl<'a> Counter<'a> {
    fn new(days: &'a Days, filters: &[Filter], from: Timestamp, to: Timestamp) -> Self {
        let of = |scope| {
            let filters = filters.iter().filter(move |it| it.dimension.scope() == scope);
            filters.map(|filter| Condition::of(filter, &days.texts)).collect()
        };
        Self {
            days,
            of_hits: of(Scope::Hit),
            of_visits: of(Scope::Visit),
            range: from.as_millisecond()..to.as_millisecond(),
            totals: Mark::default(),
            bar_starts: Vec::new(),
            bars: Vec::new(),
            tables: Vec::new(),
            filtered: vec![0; days.texts.of(Column::Filtered).len()],
            visitor: 0,
            visit: 0,
            selected: Vec::new(),
        }
    }

    fn run(&mut self) {
        let days = self.days;
        for day in &days.days {
            let mut start = 0;
            while start < day.len() {
                let visitor = day.visitors[start];
                let same = |row: &usize| day.visitors[*row] == visitor;
                let end = (start..day.len()).take_while(same).last().map_or(start, |last| last) + 1;
                self.visitor(day, start..end);
                start = end;
            }
        }
    }

    /// Counts a visitor of a day. What does not count stands there as one visitor, with the number 0.
    fn visitor(&mut self, day: &Rows, rows: Range<usize>) {
        let filtered = day.column(Column::Filtered);
        let is_counted = |row: &usize| filtered[*row] == NONE;
        for row in rows.clone().filter(|row| !is_counted(row)) {
            if self.range.contains(&day.times[row]) {
                self.filtered[filtered[row] as usize] += 1;
            }
        }
        self.visitor += 1;
        let mut start = rows.start;
        while start < rows.end {
            if !is_counted(&start) {
                start += 1;
                continue;
            }
            let goes_on = |row: &usize| {
                is_counted(row) && day.times[*row].saturating_sub(day.times[*row - 1]) < PAUSE
            };
            let end = (start + 1..rows.end).take_while(goes_on).last().map_or(start, |last| last);
            self.visit(day, Visit::of(day, start..end + 1));
            start = end + 1;
        }
    }

    fn visit(&mut self, day: &Rows, visit: Visit) {
        let holds = |condition: &Condition| condition.holds(visit.code(day, condition.dimension));
        if !self.of_visits.iter().all(holds) {
            return;
        }
        self.select(day, visit.rows.clone());
        if self.selected.is_empty() {
            return;
        }
        self.visit += 1;
        let selected = std::mem::take(&mut self.selected);
        let events = day.column(Column::Event);
        for row in &selected {
            if self.range.contains(&day.times[*row]) {
                self.hit(day, &visit, *row, events[*row] == NONE);
            }
        }
        if self.range.contains(&day.times[visit.rows.start]) {
            self.begun(day, &visit, &selected);
        }
        self.selected = selected;
    }

    /// Finds the rows of a visit for which the filters of hits hold.
    fn select(&mut self, day: &Rows, rows: Range<usize>) {
        let conditions = &self.of_hits;
        let holds = |row: &usize| {
            conditions.iter().all(|it| it.holds(day.column(it.dimension.column())[*row]))
        };
        self.selected.clear();
        self.selected.extend(rows.filter(holds));
    }

    /// Counts a selected hit in the period.
    fn hit(&mut self, day: &Rows, visit: &Visit, row: usize, is_view: bool) {
        self.totals.hit(self.visitor, is_view);
        if let Some(bar) = self.bar(day.times[row]) {
            self.bars[bar].hit(self.visitor, is_view);
        }
        for (dimension, table) in Dimension::ALL.into_iter().zip(&mut self.tables) {
            let code = match dimension.scope() {
                Scope::Hit => day.column(dimension.column())[row],
                Scope::Visit => visit.code(day, dimension),
            };
            table[code as usize].hit(self.visitor, is_view);
        }
    }

    /// Counts a visit that begins in the period.
    fn begun(&mut self, day: &Rows, visit: &Visit, selected: &[usize]) {
        self.totals.visit(self.visit, visit);
        if let Some(bar) = self.bar(day.times[visit.rows.start]) {
            self.bars[bar].visit(self.visit, visit);
        }
        for (dimension, table) in Dimension::ALL.into_iter().zip(&mut self.tables) {
            match dimension.scope() {
                Scope::Hit => {
                    let column = day.column(dimension.column());
                    for row in selected {
                        table[column[*row] as usize].visit(self.visit, visit);
                    }
                }
                Scope::Visit => {
                    table[visit.code(day, dimension) as usize].visit(self.visit, visit);
                }
            }
        }
    }

    /// The bar in which an instant of the period lies.
    fn bar(&self, at: i64) -> Option<usize> {
        self.bar_starts.partition_point(|start| *start <= at).checked_sub(1)
    }

    fn tables(&self, limit: usize) -> Vec<Table> {
        let tables = Dimension::ALL.into_iter().zip(&self.tables);
        tables.filter_map(|(dimension, marks)| self.table(dimension, marks, limit)).collect()
    }

    fn table(&self, dimension: Dimension, marks: &[Mark], limit: usize) -> Option<Table> {
        let texts = self.days.texts.of(dimension.column());
        let texts = texts.iter().zip(marks);
        let mut rows: Vec<(Option<&str>, &Tally)> = texts
            .map(|((_, text), mark)| (text, &mark.tally))
            .filter(|(text, _)| text.is_some() || dimension.has_row_of_none())
            .filter(|(_, tally)| **tally != Tally::default())
            .collect();
        let rank = |(text, tally): &(Option<&str>, &Tally)| {
            let first = if dimension.is_ranked_by_visits() { tally.visits } else { 0 };
            let falling = [first, tally.visitors, tally.views, tally.events, tally.visits];
            (falling.map(std::cmp::Reverse), text.map(str::to_owned))
        };
        rows.sort_by_cached_key(rank);
        let more = rows.len().saturating_sub(limit) as u64;
        let row = |(text, tally): (Option<&str>, &Tally)| Row {
            value: text.map(str::to_owned),
            tally: *tally,
        };
        let rows: Vec<Row> = rows.into_iter().take(limit).map(row).collect();
        (!rows.is_empty()).then_some(Table { dimension, rows, more })
    }

    fn filtered(&self) -> Vec<FilteredRow> {
        let texts = self.days.texts.of(Column::Filtered).iter().zip(&self.filtered);
        let row = |((_, text), count): ((Code, Option<&str>), &u64)| {
            Some(FilteredRow { reason: text?.to_owned(), count: *count })
        };
        let mut rows: Vec<FilteredRow> =
            texts.filter_map(row).filter(|row| row.count > 0).collect();
        rows.sort_by(|one, other| {
            other.count.cmp(&one.count).then_with(|| one.reason.cmp(&other.reason))
        });
        rows
    }
}
