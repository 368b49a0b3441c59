//! The days that a report is about, in the site's time zone.

use footfall_infra::settings::TimeZone;
use jiff::civil::Date;
use jiff::{Timestamp, ToSpan as _};

use crate::http::Request;

/// How many days a report covers where nothing is asked for, today included.
const DEFAULT_DAYS: i64 = 7;

/// The most days of one report.
const MAX_DAYS: i64 = 400;

/// Whole days, from the first to the last, in a time zone.
#[derive(Debug, Clone, PartialEq)]
pub struct Period {
    /// The first day.
    pub from: Date,
    /// The last day, included; not before the first.
    pub to: Date,
    /// Where the days are.
    pub zone: TimeZone,
}

/// A period that cannot be asked for, and what to ask instead.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PeriodError {
    /// `days` is no number, or out of bounds.
    #[error("days must be a number from 1 to {MAX_DAYS}")]
    Days,
    /// `from` or `to` is no day.
    #[error("{0} must be a day such as 2026-11-22")]
    Day(&'static str),
    /// One of `from` and `to` stands alone.
    #[error("from and to go together: give both, or use days")]
    Half,
    /// The period ends before it begins.
    #[error("the period ends before it begins: exchange from and to")]
    Backwards,
    /// The period is longer than can be shown.
    #[error("a period has at most {MAX_DAYS} days: ask for fewer")]
    TooLong,
}

impl Period {
    /// The last `days` days, the one in which `now` lies included.
    ///
    /// # Errors
    /// [`PeriodError::Days`] outside of 1 to 400.
    pub fn last(days: i64, now: Timestamp, zone: TimeZone) -> Result<Self, PeriodError> {
        if !(1..=MAX_DAYS).contains(&days) {
            return Err(PeriodError::Days);
        }
        let to = now.to_zoned(zone.rules().clone()).date();
        let from = to.checked_sub((days - 1).days()).map_err(|_| PeriodError::Days)?;
        Ok(Self { from, to, zone })
    }

    /// The period that a request's `days`, or `from` and `to`, ask for.
    ///
    /// # Errors
    /// If they ask for none.
    pub fn of(request: &Request, now: Timestamp, zone: TimeZone) -> Result<Self, PeriodError> {
        let parameter = |name| request.parameter(name).filter(|value| !value.is_empty());
        let day = |name: &'static str, text: &str| text.parse().map_err(|_| PeriodError::Day(name));
        match (parameter("from"), parameter("to")) {
            (Some(from), Some(to)) => Self::between(day("from", &from)?, day("to", &to)?, zone),
            (None, None) => {
                let days = parameter("days").map(|days| days.parse()).transpose();
                let days = days.map_err(|_| PeriodError::Days)?.unwrap_or(DEFAULT_DAYS);
                Self::last(days, now, zone)
            }
            _ => Err(PeriodError::Half),
        }
    }

    fn between(from: Date, to: Date, zone: TimeZone) -> Result<Self, PeriodError> {
        if to < from {
            return Err(PeriodError::Backwards);
        }
        let period = Self { from, to, zone };
        if period.day_count() > MAX_DAYS { Err(PeriodError::TooLong) } else { Ok(period) }
    }

    /// How many days it has.
    #[must_use]
    pub fn day_count(&self) -> i64 {
        self.from.duration_until(self.to).as_hours() / 24 + 1
    }

    /// The days, in order.
    pub fn days(&self) -> impl Iterator<Item = Date> {
        let to = self.to;
        self.from.series(1.day()).take_while(move |day| *day <= to)
    }

    /// The instants that the period spans: the first is in it, the second is not. A day begins
    /// when its zone says so, which is not midnight where midnight is skipped.
    #[must_use]
    pub fn instants(&self) -> (Timestamp, Timestamp) {
        let start = |day: Date, otherwise| {
            day.to_zoned(self.zone.rules().clone()).map_or(otherwise, |zoned| zoned.timestamp())
        };
        let after = self.to.tomorrow().map(|day| start(day, Timestamp::MAX));
        (start(self.from, Timestamp::MIN), after.unwrap_or(Timestamp::MAX))
    }

    /// The day in which an instant lies.
    #[must_use]
    pub fn day_of(&self, at: Timestamp) -> Date {
        at.to_zoned(self.zone.rules().clone()).date()
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;

    use super::*;

    fn zone(name: &str) -> TimeZone {
        TimeZone::try_from(name.to_owned()).unwrap()
    }

    fn period(query: &str, zone_name: &str) -> Result<Period, PeriodError> {
        let request = Request {
            method: "GET".to_owned(),
            path: "/dashboard".to_owned(),
            query: query.to_owned(),
            headers: HeaderMap::new(),
            body: Vec::new(),
            peer: "192.0.2.1".parse().unwrap(),
        };
        Period::of(&request, "2026-11-22T23:30:00Z".parse().unwrap(), zone(zone_name))
    }

    #[test]
    fn days_are_those_of_the_zone() {
        let check = |query: &str, zone: &str, from: &str, to: &str, len: i64| {
            let period = period(query, zone).unwrap();
            let got = (period.from.to_string(), period.to.to_string(), period.day_count());
            assert_eq!(got, (from.to_owned(), to.to_owned(), len), "{query} in {zone}");
            assert_eq!(period.days().count(), usize::try_from(len).unwrap());
        };
        check("", "UTC", "2026-11-16", "2026-11-22", 7);
        check("", "Asia/Kathmandu", "2026-11-17", "2026-11-23", 7);
        check("", "America/New_York", "2026-11-16", "2026-11-22", 7);
        check("days=1", "UTC", "2026-11-22", "2026-11-22", 1);
        check("days=400", "UTC", "2025-10-19", "2026-11-22", 400);
        check("from=2026-03-01&to=2026-03-31", "Europe/Berlin", "2026-03-01", "2026-03-31", 31);
    }

    #[test]
    fn what_cannot_be_asked_is_refused() {
        let check = |query: &str, expected: PeriodError| {
            assert_eq!(period(query, "UTC"), Err(expected), "{query}");
        };
        check("days=0", PeriodError::Days);
        check("days=401", PeriodError::Days);
        check("days=-1", PeriodError::Days);
        check("days=seven", PeriodError::Days);
        check("days=99999999999999999999", PeriodError::Days);
        check("from=2026-11-01", PeriodError::Half);
        check("from=2026-11-31&to=2026-12-01", PeriodError::Day("from"));
        check("from=2026-11-01&to=10000-01-01", PeriodError::Day("to"));
        check("from=2026-11-02&to=2026-11-01", PeriodError::Backwards);
        check("from=2020-01-01&to=2026-11-01", PeriodError::TooLong);
    }

    #[test]
    fn instants_follow_the_zones_clock() {
        let check = |from: &str, to: &str, name: &str, expected: (&str, &str)| {
            let period =
                Period::between(from.parse().unwrap(), to.parse().unwrap(), zone(name)).unwrap();
            let (start, end) = period.instants();
            assert_eq!((start.to_string().as_str(), end.to_string().as_str()), expected, "{name}");
        };
        check("2026-11-22", "2026-11-22", "UTC", ("2026-11-22T00:00:00Z", "2026-11-23T00:00:00Z"));
        // 5:45 ahead.
        check(
            "2026-11-22",
            "2026-11-22",
            "Asia/Kathmandu",
            ("2026-11-21T18:15:00Z", "2026-11-22T18:15:00Z"),
        );
        // 23 and 25 hours long.
        check(
            "2026-03-29",
            "2026-03-29",
            "Europe/Berlin",
            ("2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z"),
        );
        check(
            "2026-10-25",
            "2026-10-25",
            "Europe/Berlin",
            ("2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z"),
        );
        // Midnight is skipped: the day begins at one.
        check(
            "2026-09-06",
            "2026-09-06",
            "America/Santiago",
            ("2026-09-06T04:00:00Z", "2026-09-07T03:00:00Z"),
        );
        // The end of time.
        let last = Period::between(
            "9999-12-31".parse().unwrap(),
            "9999-12-31".parse().unwrap(),
            zone("UTC"),
        );
        assert_eq!(last.unwrap().instants().1, Timestamp::MAX);
    }
}
