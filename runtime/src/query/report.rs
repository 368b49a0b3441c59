//! What a dashboard says of a period: the numbers alone. How they are counted is in engine.rs, and
//! what they mean in docs/definitions.md.

use std::cmp::Reverse;

use footfall_infra::settings::Site;
use jiff::Timestamp;
use jiff::civil::Date;
use serde::Serialize;
use serde::ser::{SerializeMap as _, Serializer};

use crate::hit::exclusion::ExclusionReason;
use crate::query::Query;
use crate::query::dimension::{Dimension, Key};
use crate::query::engine::{GroupBy, GroupRow, QueryPlan, QueryResult, Span};
use crate::query::metrics::Metrics;
use crate::query::period::{TimeBucket, Unit};

/// What could not be read, and is missing from all numbers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Missing {
    /// How many hits.
    pub unreadable: u64,
    /// Segments, and why.
    pub incomplete: Vec<String>,
}

/// A period of a site in numbers.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// The site's domain.
    pub site: String,
    /// The IANA name of the site's time zone.
    pub time_zone: String,
    /// How the period was asked for: `7d`, `month`, `custom` …
    pub period: String,
    /// The first day.
    pub from: Date,
    /// The last day, included.
    pub to: Date,
    /// The filters, as they stand in an address.
    pub filters: Vec<String>,
    /// Visitors in the last 5 minutes, whatever the period and the filters.
    pub now: u64,
    /// All of the period.
    pub totals: Metrics,
    /// The period before; `None` for all time.
    pub before: Option<Metrics>,
    /// What a bar spans.
    pub unit: Unit,
    /// The bars, in order, also those without a hit.
    pub bars: Vec<Bucket>,
    /// The bars of the period before, each at the place of the one that it is compared with.
    pub bars_before: Vec<Bucket>,
    /// By key, its rows. Those without any row are not there.
    #[serde(serialize_with = "by_name")]
    pub tables: Vec<Table>,
    /// What was not counted, and why.
    pub filtered: Vec<ExcludedRow>,
    /// How many stored hits could not be read, and are missing from all of this.
    pub unreadable: u64,
    /// Segments that could not be read, and why. What they hold is missing from all of this.
    pub incomplete: Vec<String>,
}

/// A bar of the chart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bucket {
    /// When it begins: `2026-11-22T13:00+01:00`, `2026-11-22` or `2026-11`.
    pub at: String,
    /// What it counts.
    pub tally: Metrics,
}

impl Serialize for Bucket {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("at", &self.at)?;
        self.tally.entries(&mut map)?;
        map.end()
    }
}

/// The rows of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// The key.
    pub key: Key,
    /// The first rows.
    pub rows: Vec<Row>,
    /// How many more there are.
    pub more: u64,
}

/// A value of a key, and what is counted of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The value; `None` is what has none.
    pub value: Option<String>,
    /// What is counted.
    pub tally: Metrics,
}

impl Serialize for Row {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("value", &self.value)?;
        self.tally.entries(&mut map)?;
        map.end()
    }
}

/// What was not counted for one reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ExcludedRow {
    /// The reason.
    pub reason: String,
    /// How many hits.
    pub count: u64,
}

impl ExcludedRow {
    /// Whether the reason is one that this version knows.
    #[must_use]
    pub fn is_known(&self) -> bool {
        ExclusionReason::ALL.iter().any(|reason| reason.as_str() == self.reason)
    }
}

impl Report {
    /// The table of a key, if it has any row.
    #[must_use]
    pub fn table(&self, key: impl Into<Key>) -> Option<&Table> {
        let key = key.into();
        self.tables.iter().find(|table| table.key == key)
    }
}

/// What a report is made from: a query, and what of it is shown.
#[derive(Debug)]
pub struct ReportRequest<'a> {
    query: &'a Query,
    tables: &'a [Key],
    before: Option<(Timestamp, Timestamp)>,
    bars: Vec<TimeBucket>,
    bars_before: Vec<TimeBucket>,
}

impl<'a> ReportRequest<'a> {
    /// A query with the tables of some keys, at `now`.
    #[must_use]
    pub fn of(query: &'a Query, tables: &'a [Key], now: Timestamp) -> Self {
        let period = &query.period;
        Self {
            query,
            tables,
            before: period.before(now),
            bars: period.bars(),
            bars_before: period.bars_before(now),
        }
    }

    /// What the engine is to count.
    #[must_use]
    pub fn plan(&self) -> QueryPlan<'a> {
        let starts = |bars: &[TimeBucket]| {
            GroupBy::by_time(bars.iter().map(|bar| bar.at.as_millisecond()).collect())
        };
        let (from, to) = self.query.period.instants();
        let mut groupings = vec![GroupBy::total(), starts(&self.bars)];
        groupings.extend(self.tables.iter().cloned().map(GroupBy::by));
        let mut spans = vec![Span { from, to, groupings }];
        if let Some((from, to)) = self.before {
            let groupings = vec![GroupBy::total(), starts(&self.bars_before)];
            spans.push(Span { from, to, groupings });
        }
        QueryPlan { conditions: &self.query.conditions, spans }
    }

    /// The report of what the engine found; `now` is how many visitors are there just now.
    #[must_use]
    pub fn report(
        &self,
        site: &Site,
        found: Vec<QueryResult>,
        now: u64,
        missing: Missing,
        limit: usize,
    ) -> Report {
        let Query { period, conditions } = self.query;
        let mut found = found.into_iter();
        let span = found.next().unwrap_or_default();
        let before = found.next();
        let (totals, filtered) = (span.total(0), filtered(&span));
        let mut groups = span.groups.into_iter().skip(1);
        let groups_before = before.as_ref().and_then(|before| before.groups.get(1));
        Report {
            site: site.domain.to_string(),
            time_zone: period.zone.name().to_owned(),
            period: period.choice.name(),
            from: period.from,
            to: period.to,
            filters: conditions.iter().map(ToString::to_string).collect(),
            now,
            totals,
            before: before.as_ref().map(|before| before.total(0)),
            unit: period.unit(),
            bars: bars(&self.bars, &groups.next().unwrap_or_default()),
            bars_before: bars(&self.bars_before, groups_before.map_or(&[], |groups| groups)),
            tables: self
                .tables
                .iter()
                .zip(groups)
                .filter_map(|(key, groups)| table(key, groups, limit))
                .collect(),
            filtered,
            unreadable: missing.unreadable,
            incomplete: missing.incomplete,
        }
    }
}

fn bars(starts: &[TimeBucket], groups: &[GroupRow]) -> Vec<Bucket> {
    let bar = |start: &TimeBucket| Bucket { at: start.name.clone(), tally: Metrics::default() };
    let mut bars: Vec<Bucket> = starts.iter().map(bar).collect();
    for group in groups {
        if let Some(bar) = group.bar.and_then(|bar| bars.get_mut(bar)) {
            bar.tally = group.tally;
        }
    }
    bars
}

/// The table of a key, if it has any row.
fn table(key: &Key, groups: Vec<GroupRow>, limit: usize) -> Option<Table> {
    let (has_row_of_none, is_ranked_by_visits) = match key {
        Key::Dimension(dimension) => (dimension.has_row_of_none(), dimension.is_ranked_by_visits()),
        Key::Prop(_) | Key::Goal => (false, false),
    };
    let row = |group: GroupRow| {
        let value = group.values.into_iter().next().flatten();
        (value.is_some() || has_row_of_none).then_some(Row { value, tally: group.tally })
    };
    let mut rows: Vec<Row> = groups.into_iter().filter_map(row).collect();
    let rank = |row: &Row| {
        let tally = &row.tally;
        let first = if is_ranked_by_visits { tally.visits } else { 0 };
        [first, tally.visitors, tally.views, tally.events, tally.visits].map(Reverse)
    };
    rows.sort_unstable_by(|one, other| {
        rank(one).cmp(&rank(other)).then_with(|| one.value.cmp(&other.value))
    });
    let more = rows.len().saturating_sub(limit) as u64;
    rows.truncate(limit);
    (!rows.is_empty()).then(|| Table { key: key.clone(), rows, more })
}

/// What was not counted, the most frequent reason first.
fn filtered(found: &QueryResult) -> Vec<ExcludedRow> {
    let rows = found.filtered.iter();
    let mut rows: Vec<ExcludedRow> =
        rows.map(|(reason, count)| ExcludedRow { reason: reason.clone(), count: *count }).collect();
    rows.sort_by(|one, other| {
        other.count.cmp(&one.count).then_with(|| one.reason.cmp(&other.reason))
    });
    rows
}

/// All tables that have a name of their own.
#[must_use]
pub fn all_tables() -> Vec<Key> {
    Dimension::ALL.into_iter().map(Key::from).chain([Key::Goal]).collect()
}

/// Tables as a map: `{"page": {"rows": […], "more": 0}, …}`.
fn by_name<S: Serializer>(tables: &[Table], serializer: S) -> Result<S::Ok, S::Error> {
    #[derive(Serialize)]
    struct Content<'a> {
        rows: &'a [Row],
        more: u64,
    }
    let content = tables
        .iter()
        .map(|table| (table.key.to_string(), Content { rows: &table.rows, more: table.more }));
    serializer.collect_map(content)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_flat_in_data() {
        let row = Row { value: None, tally: Metrics { visitors: 1, ..Metrics::default() } };
        assert_eq!(
            serde_json::to_string(&row).unwrap(),
            r#"{"value":null,"visitors":1,"visits":0,"views":0,"events":0,"views_per_visit":null,"bounce_rate":null,"visit_duration":null,"time_on_page":null,"scroll_depth":null}"#
        );
    }
}
