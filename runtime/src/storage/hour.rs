//! UTC hours and days: the units in which hits are stored and rolled up.

use std::fmt;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::Offset;

use super::import_id::ImportId;

/// A UTC hour. Hits are stored and read by the hour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Hour(i64);

impl Hour {
    /// Returns the hour that contains `at`.
    #[must_use]
    pub fn of(at: Timestamp) -> Self {
        Self(at.as_second().div_euclid(3600))
    }

    /// Iterates over the hours that overlap `from..to`, oldest first.
    pub fn between(from: Timestamp, to: Timestamp) -> impl Iterator<Item = Self> {
        let end = to.as_second() + i64::from(to.subsec_nanosecond() > 0);
        let end = end.div_euclid(3600) + i64::from(end.rem_euclid(3600) > 0);
        (Self::of(from).0..end).map(Self)
    }

    /// Iterates over the 24 hours of a UTC day.
    pub fn of_day(day: Date) -> impl Iterator<Item = Self> {
        let first = utc_start(day).map_or(0, |start| Self::of(start).0);
        (first..first + 24).map(Self)
    }

    /// Returns the previous hour.
    #[must_use]
    pub const fn before(self) -> Self {
        Self(self.0.saturating_sub(1))
    }

    /// Returns when the hour begins.
    #[must_use]
    pub fn start(self) -> Timestamp {
        Timestamp::from_second(self.0 * 3600).unwrap_or(Timestamp::MIN)
    }

    /// Returns when the hour ends.
    #[must_use]
    pub fn end(self) -> Timestamp {
        Timestamp::from_second((self.0 + 1) * 3600).unwrap_or(Timestamp::MAX)
    }

    /// Returns the UTC day that contains the hour.
    #[must_use]
    pub fn day(self) -> Date {
        utc_day(self.start())
    }
}

/// Returns the UTC day that contains an instant.
#[must_use]
pub fn utc_day(at: Timestamp) -> Date {
    Offset::UTC.to_datetime(at).date()
}

/// Returns when a UTC day begins.
///
/// # Errors
/// If that is out of the range of [`Timestamp`].
pub fn utc_start(day: Date) -> Result<Timestamp, jiff::Error> {
    Offset::UTC.to_timestamp(day.at(0, 0, 0, 0))
}

/// Formats the hour as in keys: `2026-11-22T13`.
impl fmt::Display for Hour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let start = Offset::UTC.to_datetime(self.start());
        write!(f, "{}T{:02}", start.date(), start.hour())
    }
}

/// The time span of a segment: a UTC hour, a UTC day, or the imported part of a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Span {
    /// An hour.
    Hour(Hour),
    /// A day.
    Day(Date),
    /// The hits of an import on a day.
    Imported(Date, ImportId),
}

/// Formats the span as in a segment's metadata: `2026-11-22T13`, `2026-11-22` or `2026-11-22i0123456789ab`.
impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Hour(hour) => hour.fmt(f),
            Self::Day(day) => day.fmt(f),
            Self::Imported(day, id) => write!(f, "{day}i{id}"),
        }
    }
}

impl Span {
    pub(super) fn day(self) -> Date {
        match self {
            Self::Hour(hour) => hour.day(),
            Self::Day(day) | Self::Imported(day, _) => day,
        }
    }

    /// Returns the span without year and month, which is how sort keys begin.
    #[must_use]
    pub fn in_month(self) -> String {
        self.to_string().split_off(8)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn day_has_24_hours() {
        let hours: Vec<Hour> = Hour::of_day("2026-11-22".parse().unwrap()).collect();
        assert_eq!(hours.len(), 24);
        assert_eq!(hours[0].to_string(), "2026-11-22T00");
        assert_eq!(hours[23].end(), at("2026-11-23T00:00:00Z"));
        assert!(hours.iter().all(|hour| hour.day().to_string() == "2026-11-22"));
    }

    #[test]
    fn hours_between_cover_the_whole_range() {
        let check = |from: &str, to: &str, expected: &[&str]| {
            let hours: Vec<String> =
                Hour::between(at(from), at(to)).map(|h| h.to_string()).collect();
            assert_eq!(hours, expected, "{from} to {to}");
        };
        check("2026-11-22T13:00:00Z", "2026-11-22T14:00:00Z", &["2026-11-22T13"]);
        check(
            "2026-11-22T13:59:59Z",
            "2026-11-22T14:00:00.001Z",
            &["2026-11-22T13", "2026-11-22T14"],
        );
        check("2026-12-31T23:30:00Z", "2027-01-01T00:30:00Z", &["2026-12-31T23", "2027-01-01T00"]);
        check("2026-11-22T13:00:00Z", "2026-11-22T13:00:00Z", &[]);
    }
}
