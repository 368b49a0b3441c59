//! Answers: what the engine counted, as rows.

use std::cmp::Ordering;
use std::collections::{HashMap, HashSet};

use serde::Serialize;
use serde_json::Value;

use crate::query::engine::{Engine, GroupBy, GroupRow, QueryPlan, QueryResult, Span};
use crate::query::metrics::Metrics;
use crate::query::reader::Reader;
use crate::query::report::Missing;
use crate::storage::Store;

use super::dimension::Dimension;
use super::filters::without_conversions;
use super::metric::{Counted, Metric};
use super::request::{By, Order, Question, Time};
use super::{Problem, Refused};

/// The most groups that are made rows of: some 100 MB, of which a function has 512.
const MAX_GROUPS: usize = 100_000;

/// What was found.
#[derive(Debug)]
pub(super) struct Answer {
    /// Those rows that were asked for, in order.
    pub(super) rows: Vec<Row>,
    /// How many there are in all.
    pub(super) total_rows: usize,
    /// What could not be read.
    pub(super) missing: Missing,
}

/// A combination of values, and the metrics of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Row {
    /// The dimensions' values.
    pub(super) dimensions: Vec<String>,
    /// The metrics.
    pub(super) metrics: Vec<Value>,
    /// What it is compared with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) comparison: Option<Comparison>,
}

/// What a row is compared with.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Comparison {
    /// The dimensions' values; a bar that the other time does not have is null.
    pub(super) dimensions: Vec<Value>,
    /// The metrics.
    pub(super) metrics: Vec<Value>,
    /// How each changed.
    pub(super) change: Vec<Value>,
}

/// What tells rows apart: the bar, and the values of the properties.
type Id = (Option<usize>, Vec<Option<String>>);

/// A time's numbers.
#[derive(Debug, Default)]
struct Numbers {
    rows: HashMap<Id, Counted>,
}

impl Question {
    /// What the engine is to count: the rows and their total; and, for conversions, the same of those who
    /// might have converted.
    fn plans<'a>(&'a self, base: &'a [crate::query::condition::Condition]) -> Vec<QueryPlan<'a>> {
        let times = || [Some(&self.time), self.compared.as_ref()].into_iter().flatten();
        let keys = |with_goal: bool| {
            let properties = self.dimensions.iter().filter_map(Dimension::property);
            let properties = properties.filter(|property| with_goal || !property.is_goal());
            properties.map(|property| property.key.clone()).collect::<Vec<_>>()
        };
        let span = |time: &Time, with_goal: bool, has_rows: bool| {
            let bars = time.bars.as_ref();
            let bars = bars.map(|bars| bars.iter().map(|bar| bar.at.as_millisecond()).collect());
            let rows = GroupBy { bars, keys: keys(with_goal) };
            let rows = if has_rows { rows } else { GroupBy::total() };
            let (from, to) = (time.range.from, time.range.to);
            Span { from, to, groupings: vec![GroupBy::total(), rows] }
        };
        let asks = |metric| self.metrics.contains(&metric);
        let spans = times().map(|time| span(time, true, true)).collect();
        let mut plans = vec![QueryPlan { conditions: &self.conditions, spans }];
        if self.metrics.iter().any(|metric| metric.is_of_conversions()) {
            let by_row = asks(Metric::GroupConversionRate);
            let spans = times().map(|time| span(time, false, by_row)).collect();
            plans.push(QueryPlan { conditions: base, spans });
        }
        plans
    }

    /// Puts together what the plans found in a time.
    fn numbers(&self, found: QueryResult, base: Option<QueryResult>) -> Numbers {
        let (all, base_visitors) =
            (found.total(0).visitors, base.as_ref().map_or(0, |base| base.total(0).visitors));
        let groups_of = |found: QueryResult| found.groups.into_iter().nth(1).unwrap_or_default();
        let id = |group: GroupRow| (group.bar, group.values);
        let base_of_rows: HashMap<Id, u64> = base
            .map(groups_of)
            .unwrap_or_default()
            .into_iter()
            .map(|group| {
                let visitors = group.tally.visitors;
                (id(group), visitors)
            })
            .collect();
        let goal = self.properties().position(|property| property.is_goal());
        let counted = |tally: Metrics, id: &Id| {
            let mut base_id = id.clone();
            if let Some(goal) = goal.filter(|goal| *goal < base_id.1.len()) {
                base_id.1.remove(goal);
            }
            let base_of_row = base_of_rows.get(&base_id).copied().unwrap_or(0);
            Counted { tally, all, base: base_visitors, base_of_row }
        };
        let mut rows: HashMap<Id, Counted> = groups_of(found)
            .into_iter()
            .map(|group| {
                let tally = group.tally;
                let id = id(group);
                let counted = counted(tally, &id);
                (id, counted)
            })
            .collect();
        if self.dimensions.is_empty() {
            // A total is there also if there is nothing in it.
            let id = (None, Vec::new());
            let counted = counted(Metrics::default(), &id);
            rows.entry(id).or_insert(counted);
        }
        Numbers { rows }
    }

    fn properties(&self) -> impl Iterator<Item = &super::dimension::Property> {
        self.dimensions.iter().filter_map(Dimension::property)
    }

    /// The dimensions' values of a row, in their order.
    fn named(&self, id: &Id, time: &Time) -> Vec<Option<String>> {
        let mut values = id.1.iter();
        let value = |dimension: &Dimension| match dimension {
            Dimension::Time(_) => {
                let bars = time.bars.as_ref();
                bars.zip(id.0).and_then(|(bars, bar)| bars.get(bar)).map(|bar| bar.name.clone())
            }
            Dimension::Property(property) => {
                let value = values.next().and_then(Option::as_deref);
                Some(property.shown(value).to_owned())
            }
        };
        self.dimensions.iter().map(value).collect()
    }

    fn values(&self, counted: Option<&Counted>) -> Vec<Value> {
        let value = |metric: &Metric| match counted {
            Some(counted) => metric.value(counted),
            None => metric.nothing(),
        };
        self.metrics.iter().map(value).collect()
    }

    /// All rows, in order.
    fn rows(&self, mut now: Numbers, before: Option<&Numbers>) -> Vec<Row> {
        // So that what has gone is compared, too, as Plausible does for time alone.
        let is_time_alone = matches!(self.dimensions.as_slice(), [Dimension::Time(_)]);
        let bars = self.time.bars.as_ref().filter(|_| is_time_alone && before.is_some());
        let mut rows: Vec<(Id, Option<Counted>)> =
            now.rows.drain().map(|(id, counted)| (id, Some(counted))).collect();
        let filled: HashSet<usize> = rows.iter().filter_map(|(id, _)| id.0).collect();
        let empty = (0..bars.map_or(0, Vec::len)).filter(|bar| !filled.contains(bar));
        rows.extend(empty.map(|bar| ((Some(bar), Vec::new()), None)));
        let row = |(id, counted): (Id, Option<Counted>)| {
            let metrics = self.values(counted.as_ref());
            let comparison = before.zip(self.compared.as_ref()).map(|(before, time)| {
                let others = self.values(before.rows.get(&id));
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
            // What is the same in all of that stands in the order of the dimensions.
            let last =
                || one.0.cmp(&other.0).then_with(|| one.1.dimensions.cmp(&other.1.dimensions));
            first.unwrap_or_else(last)
        });
        rows.into_iter().map(|(_, row)| row).collect()
    }

    /// Null stands behind all numbers, whatever the direction.
    fn compare(
        &self,
        order: Order,
        (bar, one): &(Option<usize>, Row),
        (other_bar, other): &(Option<usize>, Row),
    ) -> Ordering {
        let ordering = match order.by {
            By::Dimension(place) => match self.dimensions.get(place) {
                // An hour that comes twice has one name.
                Some(Dimension::Time(_)) => bar.cmp(other_bar),
                _ => one.dimensions.get(place).cmp(&other.dimensions.get(place)),
            },
            By::Metric(place) => {
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

/// Answers a question.
///
/// # Errors
/// If the store cannot be read, or there are too many groups.
pub(super) async fn answer<S: Store>(
    reader: &Reader<'_, S>,
    question: &Question,
) -> Result<Answer, Problem> {
    let base = without_conversions(&question.conditions);
    let mut engine = Engine::new(reader.site, question.plans(&base))?;
    let missing = reader.count(&mut engine).await?;
    if engine.groups() > MAX_GROUPS {
        return Err(Problem::Refused(Refused::new(format!(
            "#/dimensions: these dimensions have more than {MAX_GROUPS} values together: ask for fewer \
             of them, or for a shorter date_range"
        ))));
    }
    Ok(Answer::of(question, engine.found(), missing))
}

impl Answer {
    /// The answer in what the engine found.
    fn of(question: &Question, found: Vec<Vec<QueryResult>>, missing: Missing) -> Self {
        let mut plans = found.into_iter().map(Vec::into_iter);
        let mut spans = plans.next().unwrap_or_default();
        let mut bases = plans.next().unwrap_or_default();
        let mut next = || spans.next().map(|found| question.numbers(found, bases.next()));
        let now = next().unwrap_or_default();
        let before = next();
        let rows = question.rows(now, before.as_ref());
        let total_rows = rows.len();
        let rows = rows.into_iter().skip(question.offset).take(question.limit).collect();
        Self { rows, total_rows, missing }
    }
}
