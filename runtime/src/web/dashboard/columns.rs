//! Columns of tables: which a table has, their cells, and sorting by them.

use std::cmp::Ordering;

use super::format::{self, Figure};
use super::metric::Metric;
use super::params::Sort;
use super::queries::Numbers;
use crate::query::dimension::{Dimension, Key};
use crate::query::metrics::Metrics;
use crate::query::report::Row;

/// Column of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Column {
    /// A metric of the row.
    Of(Metric),
    /// Share of all visitors, in percent.
    Share,
    /// Number of times that a goal was reached.
    Reached,
    /// Share of the visitors who could have reached the goal, in percent.
    Conversion,
}

use Column::{Conversion, Of, Reached, Share};

impl Column {
    /// Returns its short title.
    #[must_use]
    pub(super) const fn title(self) -> &'static str {
        match self {
            Of(Metric::Views) => "Views",
            Of(Metric::VisitDuration) => "Duration",
            Of(Metric::TimeOnPage) => "Time",
            Of(Metric::ScrollDepth) => "Scroll",
            Of(metric) => metric.title(),
            Share => "Share",
            Reached => "Total",
            Conversion => "Conversion",
        }
    }

    /// Returns the metric it sorts by. `None` if it cannot be sorted by.
    #[must_use]
    pub(super) const fn metric(self) -> Option<Metric> {
        match self {
            Of(metric) => Some(metric),
            Share | Reached | Conversion => None,
        }
    }

    /// Returns the cell of a row.
    #[must_use]
    pub(super) fn cell(self, key: &Key, row: &Row, numbers: &Numbers) -> Figure {
        let tally = &row.metrics;
        let totals = &numbers.report.totals;
        match self {
            Of(metric) => metric.figure(metric.of(tally)),
            Share => format::share(tally.visitors, totals.visitors).into(),
            Reached => Figure::of(tally.views + tally.events),
            Conversion => {
                let whole = match (key, &numbers.base) {
                    (_, None) => Some(totals.visitors),
                    (Key::Goal, Some(base)) => Some(base.report.totals.visitors),
                    (key, Some(base)) => base.of(key, row.value.as_deref()),
                };
                let all = whole.map(|visitors| Metrics { visitors, ..Metrics::default() });
                Metric::ConversionRate
                    .figure(Metric::ConversionRate.compared_with(tally, all.as_ref()))
            }
        }
    }

    /// Returns the columns of a card, which has room for three.
    #[must_use]
    pub(super) fn of_card(key: &Key, numbers: &Numbers) -> Vec<Self> {
        let mut columns = match key {
            // Goals are mostly events, which have no page views, visits or durations.
            Key::Dimension(_) if numbers.base.is_some() => vec![Of(Metric::Visitors)],
            Key::Dimension(Dimension::Page) => vec![Of(Metric::Visitors), Of(Metric::Views)],
            Key::Dimension(Dimension::EntryPage) => {
                vec![Of(Metric::Visits), Of(Metric::BounceRate)]
            }
            Key::Dimension(Dimension::ExitPage) => vec![Of(Metric::Visits), Of(Metric::Visitors)],
            Key::Dimension(Dimension::Event) => vec![Of(Metric::Visitors), Of(Metric::Events)],
            Key::Goal => return vec![Of(Metric::Visitors), Reached, Conversion],
            Key::Prop(_) => return vec![Of(Metric::Visitors), Of(Metric::Events), Share],
            Key::Dimension(_) => vec![Of(Metric::Visitors), Share],
        };
        let is_page = *key == Dimension::Page.into();
        if numbers.base.is_some() {
            columns.push(Conversion);
        } else if is_page && Metric::TimeOnPage.is_there(&numbers.report.totals) {
            columns.push(Of(Metric::TimeOnPage));
        }
        columns
    }

    /// Returns all columns that have data.
    #[must_use]
    pub(super) fn of_table(key: &Key, numbers: &Numbers) -> Vec<Self> {
        let mut columns = match key {
            Key::Goal => return vec![Of(Metric::Visitors), Reached, Conversion],
            Key::Prop(_) | Key::Dimension(Dimension::Event) => {
                vec![Of(Metric::Visitors), Share, Of(Metric::Visits), Of(Metric::Events)]
            }
            Key::Dimension(_) => vec![
                Of(Metric::Visitors),
                Share,
                Of(Metric::Visits),
                Of(Metric::Views),
                Of(Metric::ViewsPerVisit),
                Of(Metric::BounceRate),
                Of(Metric::VisitDuration),
            ],
        };
        let engagement = [Metric::TimeOnPage, Metric::ScrollDepth].into_iter();
        let has_engagement = *key == Dimension::Page.into();
        let engagement =
            engagement.filter(|it| has_engagement && it.is_there(&numbers.report.totals));
        columns.extend(engagement.map(Of));
        columns.extend(numbers.base.as_ref().map(|_| Conversion));
        columns
    }
}

/// Sorts rows. Those without a number come last in both directions.
pub(super) fn sort(rows: &mut [&Row], key: &Key, sort: Sort) {
    let name = |row: &Row| format::key_value(key, row.value.as_deref().unwrap_or_default());
    let turned = |order: Ordering| if sort.is_rising { order } else { order.reverse() };
    match sort.by {
        None => rows.sort_by_cached_key(|row| name(row)),
        Some(metric) => {
            rows.sort_by(|one, other| match (metric.of(&one.metrics), metric.of(&other.metrics)) {
                (Some(one), Some(other)) => turned(one.total_cmp(&other)),
                (one, other) => other.is_some().cmp(&one.is_some()),
            });
        }
    }
    if sort.by.is_none() && !sort.is_rising {
        rows.reverse();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sorts_rows_by_a_column() {
        let row = |value: &str, visits, bounces| Row {
            value: Some(value.to_owned()),
            metrics: Metrics { visits, bounces, ..Metrics::default() },
        };
        let rows = [row("/b", 2, 1), row("/a", 4, 1), row("/c", 0, 0)];
        let check = |by, is_rising, expected: [&str; 3]| {
            let mut sorted: Vec<&Row> = rows.iter().collect();
            sort(&mut sorted, &Dimension::Page.into(), Sort { by, is_rising });
            let names: Vec<_> = sorted.iter().filter_map(|row| row.value.as_deref()).collect();
            assert_eq!(names, expected, "{by:?}");
        };
        check(None, true, ["/a", "/b", "/c"]);
        check(None, false, ["/c", "/b", "/a"]);
        check(Some(Metric::Visits), false, ["/a", "/b", "/c"]);
        check(Some(Metric::BounceRate), false, ["/b", "/a", "/c"]);
        check(Some(Metric::BounceRate), true, ["/a", "/b", "/c"]);
    }
}
