//! Answers: the engine's results as rows.

use std::cmp::Ordering;
use std::collections::{HashMap, HashSet};

use serde::Serialize;
use serde_json::Value;

use crate::query::condition::Condition;
use crate::query::engine::{Engine, GroupBy, GroupRow, QueryPlan, QueryResult, Span};
use crate::query::metrics::Metrics;
use crate::query::reader::Reader;
use crate::query::report::Missing;
use crate::query::time_range::TimeBucket;
use crate::storage::Store;

use super::dimension::Dimension;
use super::filters::without_conversions;
use super::metric::{Metric, MetricInputs};
use super::request::{Order, QueryTime, Question, SortKey};
use super::{InvalidQuery, StatsError};

/// Maximum number of groups in an answer. They take about 100 MB of the function's 512 MB.
const MAX_GROUPS: usize = 100_000;

/// The rows of an answer.
#[derive(Debug)]
pub(super) struct Answer {
    /// Rows of the requested page, in order.
    pub(super) rows: Vec<Row>,
    /// Total number of rows.
    pub(super) total_rows: usize,
    /// Data that could not be read.
    pub(super) missing: Missing,
}

/// The metrics of one combination of values.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Row {
    /// Values of the dimensions.
    pub(super) dimensions: Vec<String>,
    /// Values of the metrics.
    pub(super) metrics: Vec<Value>,
    /// Metrics of the range compared with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) comparison: Option<Comparison>,
}

/// The metrics of the same values in the other range.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Comparison {
    /// Values of the dimensions. Null is a time bucket that the other range does not have.
    pub(super) dimensions: Vec<Value>,
    /// Values of the metrics.
    pub(super) metrics: Vec<Value>,
    /// Change of each metric.
    pub(super) change: Vec<Value>,
}

/// Identifies a row: the index of its time bucket, and the values of the properties.
type RowId = (Option<usize>, Vec<Option<String>>);

/// The rows of one range of time.
#[derive(Debug, Default)]
struct RangeRows {
    rows: HashMap<RowId, MetricInputs>,
}

impl Question {
    /// Returns the plans for the engine: the rows and their total, and for conversion rates the same without
    /// filters by goals and properties.
    fn plans<'a>(&'a self, base: &'a [Condition]) -> Vec<QueryPlan<'a>> {
        let times = || [Some(&self.time), self.compared.as_ref()].into_iter().flatten();
        let keys = |with_goal: bool| {
            let properties = self.dimensions.iter().filter_map(Dimension::property);
            let properties = properties.filter(|property| with_goal || !property.is_goal());
            properties.map(|property| property.key.clone()).collect::<Vec<_>>()
        };
        let span = |time: &QueryTime, with_goal: bool, has_rows: bool| {
            let starts = |buckets: &Vec<TimeBucket>| {
                buckets.iter().map(|bucket| bucket.at.as_millisecond()).collect()
            };
            let buckets = time.buckets.as_ref().map(starts);
            let rows = GroupBy { buckets, keys: keys(with_goal) };
            let rows = if has_rows { rows } else { GroupBy::total() };
            let (from, to) = (time.range.time.from, time.range.time.to);
            Span { from, to, groupings: vec![GroupBy::total(), rows] }
        };
        let spans = times().map(|time| span(time, true, true)).collect();
        let mut plans = vec![QueryPlan { conditions: &self.conditions, spans }];
        if self.metrics.iter().any(|metric| metric.is_of_conversions()) {
            let by_row = self.metrics.contains(&Metric::GroupConversionRate);
            let spans = times().map(|time| span(time, false, by_row)).collect();
            plans.push(QueryPlan { conditions: base, spans });
        }
        plans
    }

    /// Combines the results of the plans for one range.
    fn range_rows(&self, result: QueryResult, base: Option<QueryResult>) -> RangeRows {
        let (all, base_visitors) =
            (result.total(0).visitors, base.as_ref().map_or(0, |base| base.total(0).visitors));
        let groups_of = |result: QueryResult| result.groups.into_iter().nth(1).unwrap_or_default();
        let id = |group: GroupRow| (group.bucket, group.values);
        let base_of_rows: HashMap<RowId, u64> = base
            .map(groups_of)
            .unwrap_or_default()
            .into_iter()
            .map(|group| {
                let visitors = group.metrics.visitors;
                (id(group), visitors)
            })
            .collect();
        let goal = self.properties().position(|property| property.is_goal());
        let counted = |metrics: Metrics, id: &RowId| {
            let mut base_id = id.clone();
            if let Some(goal) = goal.filter(|goal| *goal < base_id.1.len()) {
                base_id.1.remove(goal);
            }
            let base_of_row = base_of_rows.get(&base_id).copied().unwrap_or(0);
            MetricInputs { metrics, all, base: base_visitors, base_of_row }
        };
        let mut rows: HashMap<RowId, MetricInputs> = groups_of(result)
            .into_iter()
            .map(|group| {
                let metrics = group.metrics;
                let id = id(group);
                let counted = counted(metrics, &id);
                (id, counted)
            })
            .collect();
        if self.dimensions.is_empty() {
            // A total has a row even without hits.
            let id = (None, Vec::new());
            let counted = counted(Metrics::default(), &id);
            rows.entry(id).or_insert(counted);
        }
        RangeRows { rows }
    }

    fn properties(&self) -> impl Iterator<Item = &super::dimension::Property> {
        self.dimensions.iter().filter_map(Dimension::property)
    }

    /// Returns the values of a row's dimensions, in their order.
    fn named(&self, id: &RowId, time: &QueryTime) -> Vec<Option<String>> {
        let mut values = id.1.iter();
        let value = |dimension: &Dimension| match dimension {
            Dimension::Time(_) => {
                let buckets = time.buckets.as_ref();
                let bucket = buckets.zip(id.0).and_then(|(buckets, index)| buckets.get(index));
                bucket.map(|bucket| bucket.name.clone())
            }
            Dimension::Property(property) => {
                let value = values.next().and_then(Option::as_deref);
                Some(property.shown(value).to_owned())
            }
        };
        self.dimensions.iter().map(value).collect()
    }

    fn values(&self, counted: Option<&MetricInputs>) -> Vec<Value> {
        let value = |metric: &Metric| match counted {
            Some(counted) => metric.value(counted),
            None => metric.empty_value(),
        };
        self.metrics.iter().map(value).collect()
    }

    /// Returns all rows in order.
    fn rows(&self, mut now: RangeRows, other: Option<&RangeRows>) -> Vec<Row> {
        // With time as the only dimension, buckets without hits are compared too, as in Plausible.
        let is_time_alone = matches!(self.dimensions.as_slice(), [Dimension::Time(_)]);
        let buckets = self.time.buckets.as_ref().filter(|_| is_time_alone && other.is_some());
        let mut rows: Vec<(RowId, Option<MetricInputs>)> =
            now.rows.drain().map(|(id, counted)| (id, Some(counted))).collect();
        let filled: HashSet<usize> = rows.iter().filter_map(|(id, _)| id.0).collect();
        let empty = (0..buckets.map_or(0, Vec::len)).filter(|bucket| !filled.contains(bucket));
        rows.extend(empty.map(|bucket| ((Some(bucket), Vec::new()), None)));
        let row = |(id, counted): (RowId, Option<MetricInputs>)| {
            let metrics = self.values(counted.as_ref());
            let comparison = other.zip(self.compared.as_ref()).map(|(other, time)| {
                let others = self.values(other.rows.get(&id));
                let pairs = self.metrics.iter().zip(others.iter().zip(&metrics));
                Comparison {
                    change: pairs.map(|(metric, (old, new))| metric.change(old, new)).collect(),
                    dimensions: self.named(&id, time).into_iter().map(Value::from).collect(),
                    metrics: others,
                }
            });
            let names = self.named(&id, &self.time).into_iter().map(Option::unwrap_or_default);
            (id.0, Row { dimensions: names.collect(), metrics, comparison })
        };
        let mut rows: Vec<(Option<usize>, Row)> = rows.into_iter().map(row).collect();
        rows.sort_by(|one, other| {
            let ordered = self.order.iter().map(|order| self.compare(*order, one, other));
            let first = ordered.into_iter().find(|ordering| ordering.is_ne());
            // Ties are in the order of the dimensions.
            let last =
                || one.0.cmp(&other.0).then_with(|| one.1.dimensions.cmp(&other.1.dimensions));
            first.unwrap_or_else(last)
        });
        rows.into_iter().map(|(_, row)| row).collect()
    }

    /// Compares two rows by one criterion. Null comes last in either direction.
    fn compare(
        &self,
        order: Order,
        (bucket, one): &(Option<usize>, Row),
        (other_bucket, other): &(Option<usize>, Row),
    ) -> Ordering {
        let ordering = match order.by {
            SortKey::Dimension(place) => match self.dimensions.get(place) {
                // By index, because an hour that comes twice has the same name twice.
                Some(Dimension::Time(_)) => bucket.cmp(other_bucket),
                _ => one.dimensions.get(place).cmp(&other.dimensions.get(place)),
            },
            SortKey::Metric(place) => {
                let number = |row: &Row| row.metrics.get(place).and_then(Value::as_f64);
                match (number(one), number(other)) {
                    (Some(one), Some(other)) => one.total_cmp(&other),
                    (one, other) => return other.is_some().cmp(&one.is_some()),
                }
            }
        };
        if order.is_descending { ordering.reverse() } else { ordering }
    }
}

/// Answers a query.
///
/// # Errors
/// If the store cannot be read, or there are too many groups.
pub(super) async fn answer<S: Store>(
    reader: &Reader<'_, S>,
    question: &Question,
) -> Result<Answer, StatsError> {
    let base = without_conversions(&question.conditions);
    let mut engine = Engine::new(reader.site, question.plans(&base))?;
    let missing = reader.scan(&mut engine).await?;
    if engine.group_count() > MAX_GROUPS {
        return Err(StatsError::Invalid(InvalidQuery::new(format!(
            "#/dimensions: these dimensions have more than {MAX_GROUPS} combinations of values: use \
             fewer dimensions or a shorter date_range"
        ))));
    }
    Ok(Answer::from_results(question, engine.finish(), missing))
}

impl Answer {
    /// Creates the answer from the engine's results.
    fn from_results(question: &Question, results: Vec<Vec<QueryResult>>, missing: Missing) -> Self {
        let mut plans = results.into_iter().map(Vec::into_iter);
        let mut spans = plans.next().unwrap_or_default();
        let mut bases = plans.next().unwrap_or_default();
        let mut next = || spans.next().map(|result| question.range_rows(result, bases.next()));
        let now = next().unwrap_or_default();
        let other = next();
        let rows = question.rows(now, other.as_ref());
        let total_rows = rows.len();
        let rows = rows.into_iter().skip(question.offset).take(question.limit).collect();
        Self { rows, total_rows, missing }
    }
}
