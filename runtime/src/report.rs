//! What a dashboard says of a period: the numbers alone. How they are counted is in engine.rs, and
//! what they mean in docs/definitions.md.

use jiff::civil::Date;
use serde::Serialize;
use serde::ser::{SerializeMap as _, Serializer};

use crate::dimension::Dimension;
use crate::filter::FilterReason;
use crate::period::Unit;

/// The source of a visit that has none of its own: typed in, from a bookmark or from an app.
pub const DIRECT: &str = "Direct";

/// A period of a site in numbers.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// The site's domain.
    pub site: String,
    /// The IANA name of the site's time zone.
    pub time_zone: String,
    /// How the period was asked for: `7d`, `month`, `custom` …
    pub period: String,
    /// The first day.
    pub from: Date,
    /// The last day, included.
    pub to: Date,
    /// The filters, as they stand in an address.
    pub filters: Vec<String>,
    /// Visitors in the last 5 minutes, whatever the period and the filters.
    pub now: u64,
    /// All of the period.
    pub totals: Tally,
    /// The period before; `None` for all time.
    pub before: Option<Tally>,
    /// What a bar spans.
    pub unit: Unit,
    /// The bars, in order, also those without a hit.
    pub bars: Vec<Bar>,
    /// By dimension, its rows. Those without any row are not there.
    #[serde(serialize_with = "by_name")]
    pub tables: Vec<Table>,
    /// What was not counted, and why.
    pub filtered: Vec<FilteredRow>,
    /// How many stored hits could not be read, and are missing from all of this.
    pub unreadable: u64,
    /// Segments that could not be read, and why. What they hold is missing from all of this.
    pub incomplete: Vec<String>,
}

/// What is counted, of whatever it is counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Visitors of a UTC day, summed over days.
    pub visitors: u64,
    /// Visits that begin in the period.
    pub visits: u64,
    /// Page views.
    pub views: u64,
    /// Events other than page views.
    pub events: u64,
    /// Visits of one page view and nothing else.
    pub bounces: u64,
    /// How long the visits were together, in milliseconds.
    pub duration: u64,
}

impl Tally {
    /// Page views by visit.
    #[must_use]
    pub fn views_per_visit(&self) -> Option<f64> {
        self.by_visit(self.views, 100.0)
    }

    /// Bounces in per cent of the visits.
    #[must_use]
    pub fn bounce_rate(&self) -> Option<f64> {
        self.by_visit(self.bounces * 100, 10.0)
    }

    /// How long a visit is on average, in seconds.
    #[must_use]
    pub fn visit_duration(&self) -> Option<f64> {
        self.by_visit(self.duration, 1.0).map(|millis| (millis / 100.0).round() / 10.0)
    }

    /// A number divided by the visits, rounded to a part of 1 that is `parts` of it.
    fn by_visit(&self, number: u64, parts: f64) -> Option<f64> {
        (self.visits > 0).then(|| (number as f64 / self.visits as f64 * parts).round() / parts)
    }

    fn entries<M: serde::ser::SerializeMap>(&self, map: &mut M) -> Result<(), M::Error> {
        map.serialize_entry("visitors", &self.visitors)?;
        map.serialize_entry("visits", &self.visits)?;
        map.serialize_entry("views", &self.views)?;
        map.serialize_entry("events", &self.events)?;
        map.serialize_entry("views_per_visit", &self.views_per_visit())?;
        map.serialize_entry("bounce_rate", &self.bounce_rate())?;
        map.serialize_entry("visit_duration", &self.visit_duration())
    }
}

impl Serialize for Tally {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        self.entries(&mut map)?;
        map.end()
    }
}

/// A bar of the chart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bar {
    /// When it begins: `2026-11-22T13:00+01:00`, `2026-11-22` or `2026-11`.
    pub at: String,
    /// What it counts.
    pub tally: Tally,
}

impl Serialize for Bar {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("at", &self.at)?;
        self.tally.entries(&mut map)?;
        map.end()
    }
}

/// The rows of a dimension.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// The dimension.
    pub dimension: Dimension,
    /// The first rows.
    pub rows: Vec<Row>,
    /// How many more there are.
    pub more: u64,
}

/// A value of a dimension, and what is counted of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The value; `None` is what has none.
    pub value: Option<String>,
    /// What is counted.
    pub tally: Tally,
}

impl Serialize for Row {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("value", &self.value)?;
        self.tally.entries(&mut map)?;
        map.end()
    }
}

/// What was not counted for one reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FilteredRow {
    /// The reason.
    pub reason: String,
    /// How many hits.
    pub count: u64,
}

impl FilteredRow {
    /// Whether the reason is one that this version knows.
    #[must_use]
    pub fn is_known(&self) -> bool {
        FilterReason::ALL.iter().any(|reason| reason.as_str() == self.reason)
    }
}

impl Report {
    /// The table of a dimension, if it has any row.
    #[must_use]
    pub fn table(&self, dimension: Dimension) -> Option<&Table> {
        self.tables.iter().find(|table| table.dimension == dimension)
    }
}

/// Tables as a map: `{"page": {"rows": […], "more": 0}, …}`.
fn by_name<S: Serializer>(tables: &[Table], serializer: S) -> Result<S::Ok, S::Error> {
    #[derive(Serialize)]
    struct Content<'a> {
        rows: &'a [Row],
        more: u64,
    }
    let content = tables
        .iter()
        .map(|table| (table.dimension.name(), Content { rows: &table.rows, more: table.more }));
    serializer.collect_map(content)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn averages_are_by_visit() {
        let tally =
            Tally { visits: 3, views: 7, bounces: 1, duration: 100_250, ..Tally::default() };
        assert_eq!(tally.views_per_visit(), Some(2.33));
        assert_eq!(tally.bounce_rate(), Some(33.3));
        assert_eq!(tally.visit_duration(), Some(33.4));
        let none = Tally::default();
        assert_eq!((none.views_per_visit(), none.bounce_rate()), (None, None));
        assert_eq!(none.visit_duration(), None);
    }

    #[test]
    fn a_row_is_flat_in_data() {
        let row = Row { value: None, tally: Tally { visitors: 1, ..Tally::default() } };
        assert_eq!(
            serde_json::to_string(&row).unwrap(),
            r#"{"value":null,"visitors":1,"visits":0,"views":0,"events":0,"views_per_visit":null,"bounce_rate":null,"visit_duration":null}"#
        );
    }
}
