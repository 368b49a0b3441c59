//! Metrics with Plausible's names, types and rounding.
//!
//! <https://plausible.io/docs/stats-api#metrics>. The rounding follows Plausible's
//! `lib/plausible/stats/sql/expression.ex` and `special_metrics.ex`. They round in ClickHouse, which rounds half to
//! even (<https://clickhouse.com/docs/sql-reference/functions/rounding-functions>).

use serde_json::Value;

use crate::query::metrics::Metrics;

/// A metric of the Stats API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Metric {
    /// Visitors.
    Visitors,
    /// Visits.
    Visits,
    /// Page views.
    Pageviews,
    /// Page views per visit.
    ViewsPerVisit,
    /// Bounces in percent of visits.
    BounceRate,
    /// Average visit duration in seconds.
    VisitDuration,
    /// Page views and events.
    Events,
    /// Visitors in percent of all visitors that match the filters.
    Percentage,
    /// Visitors in percent of the visitors without filters by goals and properties.
    ConversionRate,
    /// Conversion rate within the other dimensions of the row.
    GroupConversionRate,
    /// Average scroll depth in percent.
    ScrollDepth,
    /// Average time on page in seconds.
    TimeOnPage,
}

/// Plausible's metrics that are not supported, each with the reason.
const UNSUPPORTED: [(&str, &str); 3] = [
    ("exit_rate", "exit rates are not counted: use visits by visit:exit_page and by event:page"),
    ("total_revenue", "revenue is not stored with events"),
    ("average_revenue", "revenue is not stored with events"),
];

/// The numbers from which metrics are calculated.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct MetricInputs {
    /// Metrics of the row.
    pub(super) metrics: Metrics,
    /// Visitors of all rows.
    pub(super) all: u64,
    /// Visitors without filters by goals and properties.
    pub(super) base: u64,
    /// Visitors of the row without filters by goals and properties.
    pub(super) base_of_row: u64,
}

impl Metric {
    /// All metrics.
    pub(super) const ALL: [Self; 12] = [
        Self::Visitors,
        Self::Visits,
        Self::Pageviews,
        Self::ViewsPerVisit,
        Self::BounceRate,
        Self::VisitDuration,
        Self::Events,
        Self::Percentage,
        Self::ConversionRate,
        Self::GroupConversionRate,
        Self::ScrollDepth,
        Self::TimeOnPage,
    ];

    /// Returns the name in the API.
    #[must_use]
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Visitors => "visitors",
            Self::Visits => "visits",
            Self::Pageviews => "pageviews",
            Self::ViewsPerVisit => "views_per_visit",
            Self::BounceRate => "bounce_rate",
            Self::VisitDuration => "visit_duration",
            Self::Events => "events",
            Self::Percentage => "percentage",
            Self::ConversionRate => "conversion_rate",
            Self::GroupConversionRate => "group_conversion_rate",
            Self::ScrollDepth => "scroll_depth",
            Self::TimeOnPage => "time_on_page",
        }
    }

    /// Parses a name.
    ///
    /// # Errors
    /// If the metric is unknown or unsupported. The error says what to use instead.
    pub(super) fn parse(name: &str) -> Result<Self, String> {
        if let Some(metric) = Self::ALL.into_iter().find(|metric| metric.name() == name) {
            return Ok(metric);
        }
        if let Some((_, reason)) = UNSUPPORTED.into_iter().find(|(metric, _)| *metric == name) {
            return Err(reason.to_owned());
        }
        Err(format!("use {}", Self::ALL.map(Self::name).join(", ")))
    }

    /// Returns whether this is a conversion rate.
    #[must_use]
    pub(super) const fn is_of_conversions(self) -> bool {
        matches!(self, Self::ConversionRate | Self::GroupConversionRate)
    }

    /// Returns the value.
    #[must_use]
    pub(super) fn value(self, inputs: &MetricInputs) -> Value {
        let MetricInputs { metrics, all, base, base_of_row } = inputs;
        let per_visit =
            |number: f64| if metrics.visits > 0 { number / metrics.visits as f64 } else { 0.0 };
        let percent =
            |of: u64| if of > 0 { metrics.visitors as f64 / of as f64 * 100.0 } else { 0.0 };
        match self {
            Self::Visitors => metrics.visitors.into(),
            Self::Visits => metrics.visits.into(),
            Self::Pageviews => metrics.views.into(),
            Self::Events => (metrics.views + metrics.events).into(),
            Self::ViewsPerVisit => rounded(per_visit(metrics.views as f64), 100.0).into(),
            Self::BounceRate => whole(per_visit(metrics.bounces as f64) * 100.0),
            Self::VisitDuration => whole(per_visit(metrics.duration as f64) / 1000.0),
            Self::Percentage => rounded(percent(*all), 10.0).into(),
            Self::ConversionRate => rounded(percent(*base), 100.0).into(),
            Self::GroupConversionRate => rounded(percent(*base_of_row), 100.0).into(),
            Self::ScrollDepth => average(metrics.scrolled as f64, metrics.scrolls),
            Self::TimeOnPage => average(metrics.engaged as f64 / 1000.0, metrics.engagements),
        }
    }

    /// Returns the value without any hits (`lib/plausible/stats/metrics.ex`).
    #[must_use]
    pub(super) fn empty_value(self) -> Value {
        match self {
            Self::VisitDuration => Value::Null,
            _ => self.value(&MetricInputs::default()),
        }
    }

    /// Returns the change in percent. For the bounce rate and the conversion rate, in percentage points
    /// (`lib/plausible/stats/compare.ex`).
    #[must_use]
    pub(super) fn change(self, previous: &Value, now: &Value) -> Value {
        let (Some(previous), Some(now)) = (previous.as_f64(), now.as_f64()) else {
            return Value::Null;
        };
        match self {
            Self::ConversionRate => rounded(now - previous, 10.0).into(),
            Self::BounceRate if previous > 0.0 => whole(now - previous),
            Self::BounceRate => Value::Null,
            _ if previous == 0.0 => whole(if now > 0.0 { 100.0 } else { 0.0 }),
            // Plausible calculates this in Elixir, which rounds half away from zero.
            _ => Value::from(((now - previous) / previous * 100.0).round() as i64),
        }
    }
}

/// Rounds to a multiple of 1 / `parts`.
fn rounded(number: f64, parts: f64) -> f64 {
    (number * parts).round_ties_even() / parts
}

/// Calculates an average from the sums. The averages of [`Metrics`] are rounded already.
fn average(sum: f64, of: u64) -> Value {
    if of > 0 { whole(sum / of as f64) } else { Value::Null }
}

fn whole(number: f64) -> Value {
    (number.round_ties_even() as i64).into()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_have_the_types_and_rounding_of_plausible() {
        let metrics = Metrics {
            visitors: 3,
            visits: 8,
            views: 21,
            events: 2,
            bounces: 1,
            duration: 100_250,
            engaged: 10_600,
            engagements: 2,
            scrolled: 151,
            scrolls: 2,
        };
        let inputs = MetricInputs { metrics, all: 9, base: 7, base_of_row: 4 };
        let values: Vec<Value> = Metric::ALL.iter().map(|metric| metric.value(&inputs)).collect();
        // 1 of 8 is 12.5%, and the scroll depth is 75.5%: both round half to even.
        let expected = json!([3, 8, 21, 2.62, 12, 13, 23, 33.3, 42.86, 75.0, 76, 5]);
        assert_eq!(Value::from(values), expected);
    }

    #[test]
    fn empty_value_is_zero_or_null() {
        let values: Vec<Value> = Metric::ALL.iter().map(|metric| metric.empty_value()).collect();
        let expected = json!([0, 0, 0, 0.0, 0, null, 0, 0.0, 0.0, 0.0, null, null]);
        assert_eq!(Value::from(values), expected);
    }

    #[test]
    fn changes_are_in_percent_or_points() {
        let check = |metric: Metric, previous: Value, now: Value, expected: Value| {
            assert_eq!(metric.change(&previous, &now), expected, "{metric:?} {previous} {now}");
        };
        check(Metric::Pageviews, json!(3), json!(1), json!(-67));
        check(Metric::Pageviews, json!(0), json!(1), json!(100));
        check(Metric::Pageviews, json!(0), json!(0), json!(0));
        check(Metric::Percentage, json!(12.5), json!(50.0), json!(300));
        check(Metric::Percentage, json!(37.5), json!(16.7), json!(-55));
        check(Metric::BounceRate, json!(40), json!(50), json!(10));
        check(Metric::BounceRate, json!(0), json!(50), json!(null));
        check(Metric::ConversionRate, json!(16.67), json!(33.33), json!(16.7));
        check(Metric::VisitDuration, json!(null), json!(5), json!(null));
        check(Metric::VisitDuration, json!(200), json!(201), json!(1));
    }

    #[test]
    fn parses_supported_metrics_only() {
        for metric in Metric::ALL {
            assert_eq!(Metric::parse(metric.name()), Ok(metric));
        }
        assert!(Metric::parse("total_revenue").unwrap_err().contains("revenue is not stored"));
        assert!(Metric::parse("baa").unwrap_err().contains("use visitors, visits"));
    }
}
