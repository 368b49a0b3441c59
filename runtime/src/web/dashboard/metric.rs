//! The numbers that tiles, the chart and tables show of a tally.

use serde::Serialize;

use super::format;
use crate::query::metrics::Metrics;
use crate::web::dashboard::chart::Scale;

/// A number of a tally.
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
    /// Page views by visit.
    ViewsPerVisit,
    /// Bounces in per cent of the visits.
    BounceRate,
    /// How long a visit is, in seconds.
    VisitDuration,
    /// How long a page is looked at, in seconds.
    TimeOnPage,
    /// How far a page is scrolled, in per cent.
    ScrollDepth,
    /// Events.
    Events,
}

impl Metric {
    /// All of them, in the order of the tiles.
    pub(super) const ALL: [Self; 9] = [
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

    /// The name in addresses and in data.
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
        }
    }

    /// The metric of a name.
    #[must_use]
    pub(super) fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|metric| metric.name() == name)
    }

    /// What it is called.
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
        }
    }

    /// What it means. `docs/definitions.md` says it with examples.
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
        }
    }

    /// The number.
    #[must_use]
    pub(super) fn of(self, tally: &Metrics) -> Option<f64> {
        match self {
            Self::Visitors => Some(tally.visitors as f64),
            Self::Visits => Some(tally.visits as f64),
            Self::Views => Some(tally.views as f64),
            Self::ViewsPerVisit => tally.views_per_visit(),
            Self::BounceRate => tally.bounce_rate(),
            Self::VisitDuration => tally.visit_duration(),
            Self::TimeOnPage => tally.time_on_page(),
            Self::ScrollDepth => tally.scroll_depth(),
            Self::Events => Some(tally.events as f64),
        }
    }

    /// A round number beside the chart.
    #[must_use]
    pub(super) fn axis(self, number: f64) -> String {
        match self.scale() {
            Scale::Whole => format::thousands(number as u64),
            Scale::Decimal if number.fract() == 0.0 && self != Self::ViewsPerVisit => {
                self.text(Some(number))
            }
            Scale::Decimal => format!("{number:.1}"),
            Scale::Seconds => self.text(Some(number)),
        }
    }

    /// The number as it is read.
    #[must_use]
    pub(super) fn text(self, number: Option<f64>) -> String {
        match self {
            Self::Visitors | Self::Visits | Self::Views | Self::Events => {
                number.map_or(format::NONE.to_owned(), |number| format::thousands(number as u64))
            }
            Self::ViewsPerVisit => format::ratio(number),
            Self::BounceRate | Self::ScrollDepth => format::per_cent(number),
            Self::VisitDuration | Self::TimeOnPage => format::duration(number),
        }
    }

    /// The number with its name, within a sentence: `340 visitors`, `bounce rate 45%`.
    #[must_use]
    pub(super) fn said(self, number: Option<f64>) -> String {
        let (text, title) = (self.text(number), self.title().to_lowercase());
        match self {
            Self::Visitors | Self::Visits | Self::Views | Self::Events => {
                let noun = if number == Some(1.0) { title.trim_end_matches('s') } else { &title };
                format!("{text} {noun}")
            }
            _ => format!("{title} {text}"),
        }
    }

    /// How the chart is scaled for it.
    #[must_use]
    pub(super) const fn scale(self) -> Scale {
        match self {
            Self::Visitors | Self::Visits | Self::Views | Self::Events => Scale::Whole,
            Self::ViewsPerVisit | Self::BounceRate | Self::ScrollDepth => Scale::Decimal,
            Self::VisitDuration | Self::TimeOnPage => Scale::Seconds,
        }
    }

    /// Whether more of it is better.
    #[must_use]
    pub(super) const fn is_more_better(self) -> bool {
        !matches!(self, Self::BounceRate)
    }

    /// Whether a site has any of it: not everybody counts events, or how long pages are looked at.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_metric_is_found_by_name() {
        for metric in Metric::ALL {
            assert_eq!(Metric::parse(metric.name()), Some(metric));
            assert_eq!(serde_json::to_value(metric).unwrap(), metric.name());
        }
        assert_eq!(Metric::parse("bars"), None);
    }

    #[test]
    fn a_number_is_said_with_its_name() {
        let check = |metric: Metric, number, expected| assert_eq!(metric.said(number), expected);
        check(Metric::Visitors, Some(1.0), "1 visitor");
        check(Metric::Views, Some(2000.0), "2,000 page views");
        check(Metric::BounceRate, Some(45.4), "bounce rate 45%");
        check(Metric::VisitDuration, None, "visit duration –");
    }
}
