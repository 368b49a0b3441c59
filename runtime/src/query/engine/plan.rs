//! What the engine is asked to count, and the results.

use jiff::Timestamp;

use crate::query::condition::Condition;
use crate::query::dimension::Key;
use crate::query::metrics::Metrics;

/// A query: conditions, and the spans in which matching hits are counted.
#[derive(Debug, Clone)]
pub struct QueryPlan<'a> {
    /// Conditions that a hit must meet.
    pub conditions: &'a [Condition],
    /// Spans of time, each with a result of its own.
    pub spans: Vec<Span>,
}

/// A span of time, and how its hits are grouped.
#[derive(Debug, Clone)]
pub struct Span {
    /// Start, inclusive.
    pub from: Timestamp,
    /// End, exclusive.
    pub to: Timestamp,
    /// The groupings to count. An empty one gives the total.
    pub groupings: Vec<GroupBy>,
}

/// How hits are grouped: one group per combination of values that occurs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GroupBy {
    /// Starts of the time buckets, in milliseconds since 1970, ascending. `None` if not grouped by time.
    pub buckets: Option<Vec<i64>>,
    /// Keys to group by.
    pub keys: Vec<Key>,
}

impl GroupBy {
    /// Groups by nothing: one group with the total.
    #[must_use]
    pub fn total() -> Self {
        Self::default()
    }

    /// Groups by one key.
    #[must_use]
    pub fn by(key: impl Into<Key>) -> Self {
        Self { buckets: None, keys: vec![key.into()] }
    }

    /// Groups by time buckets that begin at the given instants.
    #[must_use]
    pub const fn by_time(buckets: Vec<i64>) -> Self {
        Self { buckets: Some(buckets), keys: Vec::new() }
    }
}

/// The metrics of one combination of values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupRow {
    /// Index of the time bucket. `None` if not grouped by time.
    pub bucket: Option<usize>,
    /// Values of the keys, in their order. `None` stands for a missing value.
    pub values: Vec<Option<String>>,
    /// Metrics of the group.
    pub metrics: Metrics,
}

/// The result of one span of a plan.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct QueryResult {
    /// For each grouping its groups with hits, in no particular order.
    pub groups: Vec<Vec<GroupRow>>,
    /// Excluded hits by reason, in no particular order. Conditions do not apply to them.
    pub excluded: Vec<(String, u64)>,
}

impl QueryResult {
    /// Returns the total of the grouping at this index, which must be [`GroupBy::total`].
    #[must_use]
    pub fn total(&self, grouping: usize) -> Metrics {
        self.groups
            .get(grouping)
            .and_then(|groups| groups.first())
            .map_or_else(Metrics::default, |group| group.metrics)
    }
}
