//! The metrics of a group of hits and visits.

use serde::Serialize;
use serde::ser::{SerializeMap as _, Serializer};

/// Counts and sums of a group of hits and visits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Metrics {
    /// Visitors of a UTC day, summed over days.
    pub visitors: u64,
    /// Visits that begin in the period.
    pub visits: u64,
    /// Page views.
    pub views: u64,
    /// Events other than page views.
    pub events: u64,
    /// Visits with one page view and no other hit.
    pub bounces: u64,
    /// Total duration of the visits, in milliseconds.
    pub duration: u64,
    /// Total time on pages, in milliseconds.
    pub engaged: u64,
    /// Page views with a time on page.
    pub engagements: u64,
    /// Sum of scroll depths, in percent of the page's height.
    pub scrolled: u64,
    /// Page views with a scroll depth.
    pub scrolls: u64,
}

impl Metrics {
    /// Returns the page views per visit.
    #[must_use]
    pub fn views_per_visit(&self) -> Option<f64> {
        self.per_visit(self.views, 100.0)
    }

    /// Returns the bounces in percent of visits.
    #[must_use]
    pub fn bounce_rate(&self) -> Option<f64> {
        self.per_visit(self.bounces * 100, 10.0)
    }

    /// Returns the average visit duration, in seconds.
    #[must_use]
    pub fn visit_duration(&self) -> Option<f64> {
        self.per_visit(self.duration, 1.0).map(|millis| (millis / 100.0).round() / 10.0)
    }

    /// Returns the average time on page, in seconds, over the page views that have one.
    #[must_use]
    pub fn time_on_page(&self) -> Option<f64> {
        ratio(self.engaged, self.engagements).map(|millis| (millis / 100.0).round() / 10.0)
    }

    /// Returns the average scroll depth, in percent, over the page views that have one.
    #[must_use]
    pub fn scroll_depth(&self) -> Option<f64> {
        ratio(self.scrolled, self.scrolls).map(|depth| (depth * 10.0).round() / 10.0)
    }

    /// Divides a number by the visits, and rounds to a multiple of 1 / `parts`.
    fn per_visit(&self, number: u64, parts: f64) -> Option<f64> {
        ratio(number, self.visits).map(|ratio| (ratio * parts).round() / parts)
    }

    pub(super) fn entries<M: serde::ser::SerializeMap>(&self, map: &mut M) -> Result<(), M::Error> {
        map.serialize_entry("visitors", &self.visitors)?;
        map.serialize_entry("visits", &self.visits)?;
        map.serialize_entry("views", &self.views)?;
        map.serialize_entry("events", &self.events)?;
        map.serialize_entry("views_per_visit", &self.views_per_visit())?;
        map.serialize_entry("bounce_rate", &self.bounce_rate())?;
        map.serialize_entry("visit_duration", &self.visit_duration())?;
        map.serialize_entry("time_on_page", &self.time_on_page())?;
        map.serialize_entry("scroll_depth", &self.scroll_depth())
    }
}

fn ratio(number: u64, of: u64) -> Option<f64> {
    (of > 0).then(|| number as f64 / of as f64)
}

impl Serialize for Metrics {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        self.entries(&mut map)?;
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn averages_are_per_visit() {
        let metrics =
            Metrics { visits: 3, views: 7, bounces: 1, duration: 100_250, ..Metrics::default() };
        assert_eq!(metrics.views_per_visit(), Some(2.33));
        assert_eq!(metrics.bounce_rate(), Some(33.3));
        assert_eq!(metrics.visit_duration(), Some(33.4));
        let none = Metrics::default();
        assert_eq!((none.views_per_visit(), none.bounce_rate()), (None, None));
        assert_eq!(none.visit_duration(), None);
    }
}
