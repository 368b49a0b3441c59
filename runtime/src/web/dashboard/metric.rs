//! Metrics: the numbers in the tiles, the chart and the tables.

use serde::Serialize;

use super::format::{self, Figure};
use crate::query::metrics::Metrics;
use crate::web::dashboard::chart::Scale;

/// A number that is counted or calculated from counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Metric {
    /// Visitors.
    #[default]
    Visitors,
    /// Visits.
    Visits,
    /// Page views.
    Views,
    /// Page views per visit.
    ViewsPerVisit,
    /// Share of visits that bounced, in percent.
    BounceRate,
    /// Average length of a visit, in seconds.
    VisitDuration,
    /// Average time for which a page was visible, in seconds.
    TimeOnPage,
    /// Average depth to which a page was scrolled, in percent.
    ScrollDepth,
    /// Events.
    Events,
    /// Visitors who reached the goal that the page is filtered by.
    UniqueConversions,
    /// How often they reached it.
    TotalConversions,
    /// The share of visitors who reached it, in percent.
    ConversionRate,
}

/// The kind of number, which decides how it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Count,
    Ratio,
    Percent,
    /// A percentage that is mostly small, with a decimal.
    SmallPercent,
    Seconds,
}

impl Metric {
    /// The metrics of a report, in the order of the tiles.
    pub(super) const REPORT: [Self; 9] = [
        Self::Visitors,
        Self::Visits,
        Self::Views,
        Self::ViewsPerVisit,
        Self::BounceRate,
        Self::VisitDuration,
        Self::TimeOnPage,
        Self::ScrollDepth,
        Self::Events,
    ];

    /// The metrics of a report that is filtered by a goal, in the order of the tiles.
    pub(super) const CONVERSIONS: [Self; 3] =
        [Self::UniqueConversions, Self::TotalConversions, Self::ConversionRate];

    /// The name in URLs and in data.
    #[must_use]
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Visitors => "visitors",
            Self::Visits => "visits",
            Self::Views => "views",
            Self::ViewsPerVisit => "views_per_visit",
            Self::BounceRate => "bounce_rate",
            Self::VisitDuration => "visit_duration",
            Self::TimeOnPage => "time_on_page",
            Self::ScrollDepth => "scroll_depth",
            Self::Events => "events",
            Self::UniqueConversions => "unique_conversions",
            Self::TotalConversions => "total_conversions",
            Self::ConversionRate => "conversion_rate",
        }
    }

    /// Finds a metric by its name.
    #[must_use]
    pub(super) fn parse(name: &str) -> Option<Self> {
        let mut all = Self::REPORT.into_iter().chain(Self::CONVERSIONS);
        all.find(|metric| metric.name() == name)
    }

    /// The title on the page.
    #[must_use]
    pub(super) const fn title(self) -> &'static str {
        match self {
            Self::Visitors => "Visitors",
            Self::Visits => "Visits",
            Self::Views => "Page views",
            Self::ViewsPerVisit => "Views per visit",
            Self::BounceRate => "Bounce rate",
            Self::VisitDuration => "Visit duration",
            Self::TimeOnPage => "Time on page",
            Self::ScrollDepth => "Scroll depth",
            Self::Events => "Events",
            Self::UniqueConversions => "Unique conversions",
            Self::TotalConversions => "Total conversions",
            Self::ConversionRate => "Conversion rate",
        }
    }

    /// The definition in one sentence. `docs/definitions.md` has examples.
    #[must_use]
    pub(super) const fn meaning(self) -> &'static str {
        match self {
            Self::Visitors => {
                "Distinct combinations of IP address and browser on one UTC day. Visitors cannot be \
                 recognized on another day, so longer periods add up the days."
            }
            Self::Visits => {
                "Page views and events of one visitor with less than 30 minutes between them. A visit \
                 counts where it starts."
            }
            Self::Views => "Page loads, including navigation within single-page apps.",
            Self::ViewsPerVisit => "Page views divided by visits.",
            Self::BounceRate => "Share of visits with one page view and no events.",
            Self::VisitDuration => {
                "Average time from the first to the last hit of a visit, including the time on its last \
                 page if that is known."
            }
            Self::TimeOnPage => {
                "Average time for which a page was visible, over the page views that report it."
            }
            Self::ScrollDepth => {
                "Average depth to which a page was scrolled, in percent of its height, over the page views \
                 that report it."
            }
            Self::Events => {
                "Actions that your pages report by name, such as a sign-up. Page views are not included."
            }
            Self::UniqueConversions => "Visitors who reached the goal.",
            Self::TotalConversions => {
                "How often the goal was reached. A visitor can reach it more than once."
            }
            Self::ConversionRate => {
                "Unique conversions divided by all visitors who match the other filters."
            }
        }
    }

    /// Returns the number. `all` has the visitors who could have reached the goal.
    #[must_use]
    pub(super) fn compared_with(self, tally: &Metrics, all: Option<&Metrics>) -> Option<f64> {
        match (self, all) {
            (Self::ConversionRate, Some(all)) if all.visitors > 0 => {
                Some(tally.visitors as f64 / all.visitors as f64 * 100.0)
            }
            _ => self.of(tally),
        }
    }

    /// Returns the number. `None` if it is not known, as no tally has a conversion rate by itself.
    #[must_use]
    pub(super) fn of(self, tally: &Metrics) -> Option<f64> {
        match self {
            Self::Visitors | Self::UniqueConversions => Some(tally.visitors as f64),
            Self::Visits => Some(tally.visits as f64),
            Self::Views => Some(tally.views as f64),
            Self::ViewsPerVisit => tally.views_per_visit(),
            Self::BounceRate => tally.bounce_rate(),
            Self::VisitDuration => tally.visit_duration(),
            Self::TimeOnPage => tally.time_on_page(),
            Self::ScrollDepth => tally.scroll_depth(),
            Self::Events => Some(tally.events as f64),
            Self::TotalConversions => Some((tally.views + tally.events) as f64),
            Self::ConversionRate => None,
        }
    }

    /// Formats a round number beside the chart.
    #[must_use]
    pub(super) fn axis(self, number: f64) -> String {
        match self.kind() {
            Kind::Count => short(number),
            Kind::Percent | Kind::SmallPercent if number.fract() == 0.0 => format!("{number}%"),
            Kind::Percent | Kind::SmallPercent | Kind::Ratio => format!("{number:.1}"),
            Kind::Seconds => self.text(Some(number)),
        }
    }

    /// Formats the number for the narrow place above a bar of the chart.
    #[must_use]
    pub(super) fn bar_text(self, number: Option<f64>) -> String {
        match (self.kind(), number) {
            (Kind::Count, Some(number)) => short(number),
            _ => self.text(number),
        }
    }

    /// Formats the number in full.
    #[must_use]
    pub(super) fn text(self, number: Option<f64>) -> String {
        self.figure(number).in_full().text
    }

    /// Formats the number for a tile or a cell, which has room for five digits.
    #[must_use]
    pub(super) fn figure(self, number: Option<f64>) -> Figure {
        match (self.kind(), number) {
            (Kind::Count, Some(number)) => Figure::of(number as u64),
            (Kind::Count, None) => format::NONE.to_owned().into(),
            (Kind::Ratio, number) => format::ratio(number).into(),
            (Kind::Percent, number) => format::per_cent(number).into(),
            (Kind::SmallPercent, number) => format::rate(number).into(),
            (Kind::Seconds, number) => format::duration(number).into(),
        }
    }

    /// Formats the number with its name, for a sentence: `340 visitors`, `bounce rate 45%`.
    #[must_use]
    pub(super) fn said(self, number: Option<f64>) -> String {
        let (text, title) = (self.text(number), self.title().to_lowercase());
        match self.kind() {
            Kind::Count => {
                let noun = if number == Some(1.0) { title.trim_end_matches('s') } else { &title };
                format!("{text} {noun}")
            }
            _ => format!("{title} {text}"),
        }
    }

    /// The scale of its chart.
    #[must_use]
    pub(super) const fn scale(self) -> Scale {
        match self.kind() {
            Kind::Count => Scale::Whole,
            Kind::Ratio | Kind::Percent | Kind::SmallPercent => Scale::Decimal,
            Kind::Seconds => Scale::Seconds,
        }
    }

    const fn kind(self) -> Kind {
        match self {
            Self::Visitors
            | Self::Visits
            | Self::Views
            | Self::Events
            | Self::UniqueConversions
            | Self::TotalConversions => Kind::Count,
            Self::ViewsPerVisit => Kind::Ratio,
            Self::BounceRate | Self::ScrollDepth => Kind::Percent,
            Self::ConversionRate => Kind::SmallPercent,
            Self::VisitDuration | Self::TimeOnPage => Kind::Seconds,
        }
    }

    /// Whether a larger number is better.
    #[must_use]
    pub(super) const fn is_more_better(self) -> bool {
        !matches!(self, Self::BounceRate)
    }

    /// Whether a site has data for it. Events and engagement are optional.
    #[must_use]
    pub(super) const fn is_there(self, totals: &Metrics) -> bool {
        match self {
            Self::Events => totals.events > 0,
            Self::TimeOnPage => totals.engagements > 0,
            Self::ScrollDepth => totals.scrolls > 0,
            _ => true,
        }
    }
}

/// Formats a count for a narrow place: in full up to four digits.
fn short(number: f64) -> String {
    match number as u64 {
        few @ ..10_000 => format::thousands(few),
        many => format::compact(many),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_a_metric_by_name() {
        for metric in Metric::REPORT.into_iter().chain(Metric::CONVERSIONS) {
            assert_eq!(Metric::parse(metric.name()), Some(metric));
            assert_eq!(serde_json::to_value(metric).unwrap(), metric.name());
        }
        assert_eq!(Metric::parse("bars"), None);
    }

    #[test]
    fn says_a_number_with_its_name() {
        let check = |metric: Metric, number, expected| assert_eq!(metric.said(number), expected);
        check(Metric::Visitors, Some(1.0), "1 visitor");
        check(Metric::Views, Some(2000.0), "2,000 page views");
        check(Metric::BounceRate, Some(45.4), "bounce rate 45%");
        check(Metric::VisitDuration, None, "visit duration –");
        check(Metric::UniqueConversions, Some(1.0), "1 unique conversion");
        check(Metric::ConversionRate, Some(2.44), "conversion rate 2.4%");
    }

    #[test]
    fn shortens_counts_where_there_is_little_room() {
        let views = |number| (Metric::Views.bar_text(Some(number)), Metric::Views.axis(number));
        assert_eq!(views(9999.0), ("9,999".to_owned(), "9,999".to_owned()));
        assert_eq!(views(20_000.0), ("20k".to_owned(), "20k".to_owned()));
        assert_eq!(Metric::Views.text(Some(128_059.0)), "128,059");
        assert_eq!(Metric::Views.figure(Some(128_059.0)).text, "128k");
        assert_eq!(Metric::BounceRate.axis(40.0), "40%");
        assert_eq!(Metric::ViewsPerVisit.axis(2.0), "2.0");
    }

    #[test]
    fn a_conversion_rate_needs_all_visitors() {
        let tally = |visitors| Metrics { visitors, ..Metrics::default() };
        let rate = |all: Option<&Metrics>| Metric::ConversionRate.compared_with(&tally(1), all);
        assert_eq!(rate(Some(&tally(4))), Some(25.0));
        assert_eq!((rate(Some(&tally(0))), rate(None)), (None, None));
    }
}
