//! Ranges of time in a time zone, and the time buckets that they are divided into.

use footfall_infra::settings::TimeZone;
use jiff::civil::{Date, Weekday};
use jiff::{Timestamp, ToSpan as _, Zoned};
use serde::Serialize;

const MINUTE: i64 = 60 * 1000;
const HOUR: i64 = 60 * MINUTE;

/// A range of time, with the days of a time zone that it overlaps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimeRange {
    /// Start, inclusive.
    pub from: Timestamp,
    /// End, exclusive. Never before the start.
    pub to: Timestamp,
    /// First day that the range overlaps.
    pub first: Date,
    /// Last day that the range overlaps.
    pub last: Date,
}

/// The length of a time bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Unit {
    /// A minute.
    Minute,
    /// 60 minutes. The first one of a day begins with the day.
    Hour,
    /// A day of the time zone.
    Day,
    /// A week that begins on Monday, cut to the range.
    Week,
    /// A month, cut to the range.
    Month,
}

/// The start of a time bucket. It ends where the next one begins, and the last one with the range.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimeBucket {
    /// Start, inclusive.
    pub at: Timestamp,
    /// Name in data: `2026-11-22T13:00+01:00`, `2026-11-22` or `2026-11` in reports.
    pub name: String,
}

impl Unit {
    /// All units, shortest first.
    pub const ALL: [Self; 5] = [Self::Minute, Self::Hour, Self::Day, Self::Week, Self::Month];

    /// Returns the name in data and in the Stats API.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Minute => "minute",
            Self::Hour => "hour",
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
        }
    }

    /// Parses a name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|unit| unit.name() == name)
    }

    /// Returns the minimum length, in milliseconds. A day on which clocks go forward has 23 hours.
    const fn min_length(self) -> i64 {
        match self {
            Self::Minute => MINUTE,
            Self::Hour => HOUR,
            Self::Day => 23 * HOUR,
            Self::Week => 7 * 23 * HOUR,
            Self::Month => 28 * 23 * HOUR,
        }
    }
}

impl TimeRange {
    /// Creates the range of whole days from `first` to `last`, inclusive.
    ///
    /// A day that a time zone moves beyond the limits of [`Timestamp`] begins at that limit.
    #[must_use]
    pub fn from_days(first: Date, last: Date, zone: &TimeZone) -> Self {
        let to = last.tomorrow().map_or(Timestamp::MAX, |next| start_of_day(next, zone));
        Self { from: start_of_day(first, zone), to, first, last }
    }

    /// Creates the range between two instants. `None` if its last day is beyond the limits of [`Timestamp`].
    #[must_use]
    pub fn from_instants(from: Timestamp, to: Timestamp, zone: &TimeZone) -> Option<Self> {
        let last = Timestamp::from_millisecond(to.as_millisecond() - 1).ok()?;
        let (first, last) = (local(from, zone).date(), local(last, zone).date());
        Some(Self { from, to, first, last })
    }

    /// Returns whether the range was cut at a limit of [`Timestamp`].
    #[must_use]
    pub fn is_cut(&self) -> bool {
        self.from == Timestamp::MIN || self.to == Timestamp::MAX
    }

    /// Returns how many of the shortest possible buckets fit into the range.
    #[must_use]
    pub fn max_buckets(&self, unit: Unit) -> i64 {
        (self.to.as_millisecond() - self.from.as_millisecond()) / unit.min_length()
    }

    /// Returns the buckets in order. `name` gets the start of each, and the day or the first day of the month.
    #[must_use]
    pub fn buckets(
        &self,
        unit: Unit,
        zone: &TimeZone,
        name: impl Fn(Timestamp, Date) -> String,
    ) -> Vec<TimeBucket> {
        let Self { first, last, .. } = *self;
        let (from, to) = (self.from.as_millisecond(), self.to.as_millisecond());
        let named = |at: Timestamp, date: Date| TimeBucket { at, name: name(at, date) };
        let timed =
            |at: i64, date: Date| named(Timestamp::from_millisecond(at).unwrap_or_default(), date);
        let days = first.series(1.day()).take_while(|day| *day <= last);
        match unit {
            Unit::Minute => {
                let start = from - from.rem_euclid(MINUTE);
                steps(start, to, MINUTE).map(|at| timed(at, first)).collect()
            }
            Unit::Hour => days
                .flat_map(|day| {
                    let next =
                        day.tomorrow().map_or(Timestamp::MAX, |next| start_of_day(next, zone));
                    let start = start_of_day(day, zone).as_millisecond();
                    steps(start, next.as_millisecond().min(to), HOUR).map(move |at| (at, day))
                })
                .filter(|(at, _)| at + HOUR > from)
                .map(|(at, day)| timed(at, day))
                .collect(),
            Unit::Day => days.map(|day| named(start_of_day(day, zone), day)).collect(),
            Unit::Week => days
                .filter(|day| *day == first || day.weekday() == Weekday::Monday)
                .map(|day| named(start_of_day(day, zone), day))
                .collect(),
            Unit::Month => first
                .first_of_month()
                .series(1.month())
                .take_while(|month| *month <= last)
                .map(|month| named(start_of_day(month.max(first), zone), month))
                .collect(),
        }
    }
}

/// Returns an instant in the time zone.
#[must_use]
pub fn local(at: Timestamp, zone: &TimeZone) -> Zoned {
    at.to_zoned(zone.rules().clone())
}

/// Returns when a day begins. That is not midnight where clocks skip midnight.
///
/// A day that the time zone moves beyond the limits of [`Timestamp`] begins at that limit.
fn start_of_day(day: Date, zone: &TimeZone) -> Timestamp {
    let start = day.to_zoned(zone.rules().clone()).and_then(|day| day.start_of_day());
    let limit = if day.year() > 0 { Timestamp::MAX } else { Timestamp::MIN };
    start.map_or(limit, |start| start.timestamp())
}

/// Returns the numbers from `from` to before `to` in steps.
fn steps(from: i64, to: i64, step: i64) -> impl Iterator<Item = i64> {
    std::iter::successors(Some(from), move |at| at.checked_add(step)).take_while(move |at| *at < to)
}
