//! The numbers that can be asked for, in Plausible's names, types and rounding.
//!
//! <https://plausible.io/docs/stats-api#metrics>; how each is rounded is in Plausible's
//! `lib/plausible/stats/sql/expression.ex` and `special_metrics.ex`. ClickHouse, which rounds there, rounds a
//! half to the even neighbour (<https://clickhouse.com/docs/sql-reference/functions/rounding-functions>).

use serde_json::Value;

use crate::query::metrics::Metrics;

/// A number that can be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Metric {
    /// Visitors.
    Visitors,
    /// Visits.
    Visits,
    /// Page views.
    Pageviews,
    /// Page views by visit.
    ViewsPerVisit,
    /// Bounces in per cent of the visits.
    BounceRate,
    /// Seconds of a visit, on average.
    VisitDuration,
    /// Page views and events together.
    Events,
    /// Visitors in per cent of all that the filters let through.
    Percentage,
    /// Visitors in per cent of those that there are without the filters by goals and properties.
    ConversionRate,
    /// The same within the row's other dimensions.
    GroupConversionRate,
    /// How far pages are scrolled on average, in per cent.
    ScrollDepth,
    /// Seconds that a page is looked at, on average.
    TimeOnPage,
}

/// What metrics of Plausible's there are no numbers for, and why.
const REFUSED: [(&str, &str); 3] = [
    (
        "exit_rate",
        "exit rates are not counted: ask for visits by visit:exit_page and by event:page",
    ),
    ("total_revenue", "revenue is not stored with events"),
    ("average_revenue", "revenue is not stored with events"),
];

/// What a metric is made from.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Counted {
    /// What is counted of the row.
    pub(super) tally: Metrics,
    /// The visitors of all rows together.
    pub(super) all: u64,
    /// The visitors without the filters by goals and properties.
    pub(super) base: u64,
    /// Those in the row.
    pub(super) base_of_row: u64,
}

impl Metric {
    /// All of them.
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

    /// The name in questions.
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

    /// The metric of a name, or why there is none.
    ///
    /// # Errors
    /// What to ask for in its place.
    pub(super) fn parse(name: &str) -> Result<Self, String> {
        if let Some(metric) = Self::ALL.into_iter().find(|metric| metric.name() == name) {
            return Ok(metric);
        }
        if let Some((_, reason)) = REFUSED.into_iter().find(|(refused, _)| *refused == name) {
            return Err(reason.to_owned());
        }
        Err(format!("use {}", Self::ALL.map(Self::name).join(", ")))
    }

    /// Whether it relates conversions to those who might have converted.
    #[must_use]
    pub(super) const fn is_of_conversions(self) -> bool {
        matches!(self, Self::ConversionRate | Self::GroupConversionRate)
    }

    /// Its value.
    #[must_use]
    pub(super) fn value(self, counted: &Counted) -> Value {
        let Counted { tally, all, base, base_of_row } = counted;
        let by_visit =
            |number: f64| if tally.visits > 0 { number / tally.visits as f64 } else { 0.0 };
        let percent =
            |of: u64| if of > 0 { tally.visitors as f64 / of as f64 * 100.0 } else { 0.0 };
        match self {
            Self::Visitors => tally.visitors.into(),
            Self::Visits => tally.visits.into(),
            Self::Pageviews => tally.views.into(),
            Self::Events => (tally.views + tally.events).into(),
            Self::ViewsPerVisit => rounded(by_visit(tally.views as f64), 100.0).into(),
            Self::BounceRate => whole(by_visit(tally.bounces as f64) * 100.0),
            Self::VisitDuration => whole(by_visit(tally.duration as f64) / 1000.0),
            Self::Percentage => rounded(percent(*all), 10.0).into(),
            Self::ConversionRate => rounded(percent(*base), 100.0).into(),
            Self::GroupConversionRate => rounded(percent(*base_of_row), 100.0).into(),
            Self::ScrollDepth => average(tally.scrolled as f64, tally.scrolls),
            Self::TimeOnPage => average(tally.engaged as f64 / 1000.0, tally.engagements),
        }
    }

    /// Its value where nothing was counted (`lib/plausible/stats/metrics.ex`).
    #[must_use]
    pub(super) fn nothing(self) -> Value {
        match self {
            Self::VisitDuration => Value::Null,
            _ => self.value(&Counted::default()),
        }
    }

    /// How it changed, in per cent; of the bounce rate and the conversion rate in points
    /// (`lib/plausible/stats/compare.ex`).
    #[must_use]
    pub(super) fn change(self, before: &Value, now: &Value) -> Value {
        let (Some(before), Some(now)) = (before.as_f64(), now.as_f64()) else { return Value::Null };
        match self {
            Self::ConversionRate => rounded(now - before, 10.0).into(),
            Self::BounceRate if before > 0.0 => whole(now - before),
            Self::BounceRate => Value::Null,
            _ if before == 0.0 => whole(if now > 0.0 { 100.0 } else { 0.0 }),
            // Elixir, which rounds here, rounds a half away from 0.
            _ => Value::from(((now - before) / before * 100.0).round() as i64),
        }
    }
}

/// To a part of 1 that is `parts` of it.
fn rounded(number: f64, parts: f64) -> f64 {
    (number * parts).round_ties_even() / parts
}

/// Rounded once: what [`Metrics`] says is rounded already.
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
    fn values_have_plausibles_types_and_rounding() {
        let tally = Metrics {
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
        let counted = Counted { tally, all: 9, base: 7, base_of_row: 4 };
        let values: Vec<Value> = Metric::ALL.iter().map(|metric| metric.value(&counted)).collect();
        // 1 of 8 is 12.5 %, and 75.5 % a half, too: both to the even neighbour.
        let expected = json!([3, 8, 21, 2.62, 12, 13, 23, 33.3, 42.86, 75.0, 76, 5]);
        assert_eq!(Value::from(values), expected);
    }

    #[test]
    fn nothing_is_0_or_unknown() {
        let values: Vec<Value> = Metric::ALL.iter().map(|metric| metric.nothing()).collect();
        let expected = json!([0, 0, 0, 0.0, 0, null, 0, 0.0, 0.0, 0.0, null, null]);
        assert_eq!(Value::from(values), expected);
    }

    #[test]
    fn changes_are_in_per_cent_or_points() {
        let check = |metric: Metric, before: Value, now: Value, expected: Value| {
            assert_eq!(metric.change(&before, &now), expected, "{metric:?} {before} {now}");
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
    fn a_name_is_a_metric_or_refused() {
        for metric in Metric::ALL {
            assert_eq!(Metric::parse(metric.name()), Ok(metric));
        }
        assert!(Metric::parse("total_revenue").unwrap_err().contains("revenue is not stored"));
        assert!(Metric::parse("baa").unwrap_err().contains("use visitors, visits"));
    }
}
