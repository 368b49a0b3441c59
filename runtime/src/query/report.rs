//! Reports: the metrics of a site for one period.
//!
//! `engine.rs` counts them, and `docs/definitions.md` defines them.

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
use crate::query::time_range::{TimeBucket, Unit};

/// Data that could not be read, and so is missing from all metrics.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Missing {
    /// Number of unreadable hits.
    pub unreadable: u64,
    /// Unreadable segments, each with the cause.
    pub incomplete: Vec<String>,
}

/// The metrics of a site for one period.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// Domain of the site.
    pub site: String,
    /// IANA name of the site's time zone.
    pub time_zone: String,
    /// Name of the period: `7d`, `month`, `custom` …
    pub period: String,
    /// First day.
    pub from: Date,
    /// Last day, inclusive.
    pub to: Date,
    /// Filters, as written in a URL.
    pub filters: Vec<String>,
    /// Visitors in the last 5 minutes. The period and the filters do not apply.
    pub now: u64,
    /// Totals of the period.
    pub totals: Metrics,
    /// Totals of the previous period. `None` for all time.
    #[serde(rename = "before")]
    pub previous: Option<Metrics>,
    /// Length of a time bucket.
    pub unit: Unit,
    /// Time buckets in order, including empty ones.
    #[serde(rename = "bars")]
    pub buckets: Vec<Bucket>,
    /// Time buckets of the previous period. Each has the index of the one it is compared with.
    #[serde(rename = "bars_before")]
    pub previous_buckets: Vec<Bucket>,
    /// Tables by key. Empty ones are left out.
    #[serde(serialize_with = "by_name")]
    pub tables: Vec<Table>,
    /// Excluded hits by reason.
    #[serde(rename = "filtered")]
    pub excluded: Vec<ExcludedRow>,
    /// Number of stored hits that could not be read, and so are missing from the report.
    pub unreadable: u64,
    /// Segments that could not be read, each with the cause. Their hits are missing from the report.
    pub incomplete: Vec<String>,
}

/// The metrics of one time bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bucket {
    /// Start of the bucket: `2026-11-22T13:00+01:00`, `2026-11-22` or `2026-11`.
    pub at: String,
    /// Metrics of the bucket.
    pub metrics: Metrics,
}

impl Serialize for Bucket {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("at", &self.at)?;
        self.metrics.entries(&mut map)?;
        map.end()
    }
}

/// The top values of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// Key whose values are the rows.
    pub key: Key,
    /// First rows.
    pub rows: Vec<Row>,
    /// Number of rows left out.
    pub more: u64,
}

/// A value of a key, with its metrics.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Value. `None` stands for a missing value.
    pub value: Option<String>,
    /// Metrics of the value.
    pub metrics: Metrics,
}

impl Serialize for Row {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("value", &self.value)?;
        self.metrics.entries(&mut map)?;
        map.end()
    }
}

/// The number of hits excluded for one reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ExcludedRow {
    /// Reason for the exclusion.
    pub reason: String,
    /// Number of unreadable hits.
    pub count: u64,
}

impl ExcludedRow {
    /// Returns whether this version knows the reason.
    #[must_use]
    pub fn is_known(&self) -> bool {
        ExclusionReason::ALL.iter().any(|reason| reason.as_str() == self.reason)
    }
}

impl Report {
    /// Returns the table of a key. `None` if it has no rows.
    #[must_use]
    pub fn table(&self, key: impl Into<Key>) -> Option<&Table> {
        let key = key.into();
        self.tables.iter().find(|table| table.key == key)
    }
}

/// A query, with the tables to show.
#[derive(Debug)]
pub struct ReportRequest<'a> {
    query: &'a Query,
    tables: &'a [Key],
    previous: Option<(Timestamp, Timestamp)>,
    buckets: Vec<TimeBucket>,
    previous_buckets: Vec<TimeBucket>,
}

impl<'a> ReportRequest<'a> {
    /// Creates the request for a query and the tables of some keys, as of `now`.
    #[must_use]
    pub fn of(query: &'a Query, tables: &'a [Key], now: Timestamp) -> Self {
        let period = &query.period;
        Self {
            query,
            tables,
            previous: period.previous(now),
            buckets: period.buckets(),
            previous_buckets: period.previous_buckets(now),
        }
    }

    /// Returns the plan for the engine.
    #[must_use]
    pub fn plan(&self) -> QueryPlan<'a> {
        let by_time = |buckets: &[TimeBucket]| {
            GroupBy::by_time(buckets.iter().map(|bucket| bucket.at.as_millisecond()).collect())
        };
        let (from, to) = self.query.period.instants();
        let mut groupings = vec![GroupBy::total(), by_time(&self.buckets)];
        groupings.extend(self.tables.iter().cloned().map(GroupBy::by));
        let mut spans = vec![Span { from, to, groupings }];
        if let Some((from, to)) = self.previous {
            let groupings = vec![GroupBy::total(), by_time(&self.previous_buckets)];
            spans.push(Span { from, to, groupings });
        }
        QueryPlan { conditions: &self.query.conditions, spans }
    }

    /// Builds the report from the engine's results for the plan. `now` is the number of current visitors.
    #[must_use]
    pub fn report(
        &self,
        site: &Site,
        results: Vec<QueryResult>,
        now: u64,
        missing: Missing,
        limit: usize,
    ) -> Report {
        let Query { period, conditions } = self.query;
        let mut results = results.into_iter();
        let result = results.next().unwrap_or_default();
        let previous = results.next();
        let (totals, excluded) = (result.total(0), excluded_rows(&result));
        let mut groups = result.groups.into_iter().skip(1);
        let previous_groups = previous.as_ref().and_then(|previous| previous.groups.get(1));
        Report {
            site: site.domain.to_string(),
            time_zone: period.zone.name().to_owned(),
            period: period.choice.name(),
            from: period.from,
            to: period.to,
            filters: conditions.iter().map(ToString::to_string).collect(),
            now,
            totals,
            previous: previous.as_ref().map(|previous| previous.total(0)),
            unit: period.unit(),
            buckets: filled(&self.buckets, &groups.next().unwrap_or_default()),
            previous_buckets: filled(
                &self.previous_buckets,
                previous_groups.map_or(&[], |groups| groups),
            ),
            tables: self
                .tables
                .iter()
                .zip(groups)
                .filter_map(|(key, groups)| table(key, groups, limit))
                .collect(),
            excluded,
            unreadable: missing.unreadable,
            incomplete: missing.incomplete,
        }
    }
}

/// Returns the buckets with their metrics, including empty ones.
fn filled(buckets: &[TimeBucket], groups: &[GroupRow]) -> Vec<Bucket> {
    let empty =
        |bucket: &TimeBucket| Bucket { at: bucket.name.clone(), metrics: Metrics::default() };
    let mut filled: Vec<Bucket> = buckets.iter().map(empty).collect();
    for group in groups {
        if let Some(bucket) = group.bucket.and_then(|index| filled.get_mut(index)) {
            bucket.metrics = group.metrics;
        }
    }
    filled
}

/// Returns the table of a key. `None` if it has no rows.
fn table(key: &Key, groups: Vec<GroupRow>, limit: usize) -> Option<Table> {
    let (has_row_of_none, is_ranked_by_visits) = match key {
        Key::Dimension(dimension) => (dimension.has_row_of_none(), dimension.is_ranked_by_visits()),
        Key::Prop(_) | Key::Goal => (false, false),
    };
    let row = |group: GroupRow| {
        let value = group.values.into_iter().next().flatten();
        (value.is_some() || has_row_of_none).then_some(Row { value, metrics: group.metrics })
    };
    let mut rows: Vec<Row> = groups.into_iter().filter_map(row).collect();
    let rank = |row: &Row| {
        let metrics = &row.metrics;
        let first = if is_ranked_by_visits { metrics.visits } else { 0 };
        [first, metrics.visitors, metrics.views, metrics.events, metrics.visits].map(Reverse)
    };
    rows.sort_unstable_by(|one, other| {
        rank(one).cmp(&rank(other)).then_with(|| one.value.cmp(&other.value))
    });
    let more = rows.len().saturating_sub(limit) as u64;
    rows.truncate(limit);
    (!rows.is_empty()).then(|| Table { key: key.clone(), rows, more })
}

/// Returns the excluded hits by reason, most frequent first.
fn excluded_rows(result: &QueryResult) -> Vec<ExcludedRow> {
    let rows = result.excluded.iter();
    let mut rows: Vec<ExcludedRow> =
        rows.map(|(reason, count)| ExcludedRow { reason: reason.clone(), count: *count }).collect();
    rows.sort_by(|one, other| {
        other.count.cmp(&one.count).then_with(|| one.reason.cmp(&other.reason))
    });
    rows
}

/// Returns the keys of all tables with a fixed name: everything but event properties.
#[must_use]
pub fn all_tables() -> Vec<Key> {
    Dimension::ALL.into_iter().map(Key::from).chain([Key::Goal]).collect()
}

/// Serializes tables as a map: `{"page": {"rows": […], "more": 0}, …}`.
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
    fn serializes_row_without_nesting() {
        let row = Row { value: None, metrics: Metrics { visitors: 1, ..Metrics::default() } };
        assert_eq!(
            serde_json::to_string(&row).unwrap(),
            r#"{"value":null,"visitors":1,"visits":0,"views":0,"events":0,"views_per_visit":null,"bounce_rate":null,"visit_duration":null,"time_on_page":null,"scroll_depth":null}"#
        );
    }
}
