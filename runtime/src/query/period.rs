//! The days that a report covers, in the site's time zone, and their time buckets.

use footfall_infra::settings::TimeZone;
use jiff::civil::Date;
use jiff::{Timestamp, ToSpan as _, Zoned};

use super::time_range::{self, TimeBucket, TimeRange, Unit};
use crate::platform::http::Request;
use crate::storage::hour::utc_start;

/// Period of a report if the request chooses none.
const DEFAULT: Choice = Choice::Days(7);

/// Maximum number of days in a report: 20 years.
const MAX_DAYS: i64 = 7320;

/// Maximum number of days for which a time bucket is a day.
const MAX_DAY_BUCKETS: i64 = 100;

/// A range of whole days in a time zone.
#[derive(Debug, Clone, PartialEq)]
pub struct Period {
    /// How the period was chosen.
    pub choice: Choice,
    /// First day.
    pub from: Date,
    /// Last day, inclusive. Never before the first.
    pub to: Date,
    /// Time zone of the days.
    pub zone: TimeZone,
}

/// How a period is chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Choice {
    /// Today.
    Today,
    /// Yesterday.
    Yesterday,
    /// This many days up to today.
    Days(i64),
    /// This month up to today.
    Month,
    /// This year up to today.
    Year,
    /// From the first day with data up to today.
    All,
    /// From one given day to another.
    Custom,
}

/// What a relative period depends on.
#[derive(Debug, Clone, Copy)]
pub struct PeriodContext<'a> {
    /// Current time.
    pub now: Timestamp,
    /// Time zone of the site.
    pub zone: &'a TimeZone,
    /// First UTC day with data. `None` if there is none yet.
    pub first: Option<Date>,
}

/// An invalid period, with the values that are valid.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PeriodError {
    /// Unknown `period`.
    #[error(
        "period must be today, yesterday, 7d, 28d, 91d (or any number of days), month, year, all or custom"
    )]
    Unknown,
    /// Number of days that is invalid or out of range.
    #[error("days must be a number from 1 to {MAX_DAYS}")]
    Days,
    /// Invalid `from` or `to`.
    #[error("{0} must be a day such as 2026-11-22")]
    Day(&'static str),
    /// `from` without `to`, or `to` without `from`.
    #[error("from and to go together: give both, or use period")]
    Half,
    /// End before the start.
    #[error("the end date is before the start date")]
    Backwards,
    /// Too many days.
    #[error("a period has at most {MAX_DAYS} days: ask for fewer")]
    TooLong,
}

impl Choice {
    /// The choices on the dashboard, with their labels.
    pub const OFFERED: [(Self, &'static str); 8] = [
        (Self::Today, "Today"),
        (Self::Yesterday, "Yesterday"),
        (Self::Days(7), "7 days"),
        (Self::Days(28), "28 days"),
        (Self::Days(91), "91 days"),
        (Self::Month, "This month"),
        (Self::Year, "This year"),
        (Self::All, "All time"),
    ];

    /// Returns the name in URLs.
    #[must_use]
    pub fn name(self) -> String {
        match self {
            Self::Today => "today".to_owned(),
            Self::Yesterday => "yesterday".to_owned(),
            Self::Days(days) => format!("{days}d"),
            Self::Month => "month".to_owned(),
            Self::Year => "year".to_owned(),
            Self::All => "all".to_owned(),
            Self::Custom => "custom".to_owned(),
        }
    }

    fn parse(name: &str) -> Result<Self, PeriodError> {
        Ok(match name {
            "today" => Self::Today,
            "yesterday" => Self::Yesterday,
            "month" => Self::Month,
            "year" => Self::Year,
            "all" => Self::All,
            "custom" => Self::Custom,
            _ => {
                let days = name.strip_suffix('d').and_then(|days| days.parse().ok());
                let days = days.ok_or(PeriodError::Unknown)?;
                Self::Days(days)
            }
        })
    }
}

impl Period {
    /// Parses the period from a request's parameters `period`, `days`, or `from` and `to`.
    ///
    /// # Errors
    /// If the parameters are invalid.
    pub fn of(request: &Request, context: &PeriodContext<'_>) -> Result<Self, PeriodError> {
        let parameter = |name| request.parameter(name).filter(|value| !value.is_empty());
        let day = |name: &'static str, text: &str| text.parse().map_err(|_| PeriodError::Day(name));
        let choice = match (parameter("period"), parameter("days")) {
            (Some(name), _) => Some(Choice::parse(&name)?),
            (None, Some(days)) => Some(Choice::Days(days.parse().map_err(|_| PeriodError::Days)?)),
            (None, None) => None,
        };
        // The form always sends its days, so another choice takes precedence.
        let days = match choice {
            None | Some(Choice::Custom) => (parameter("from"), parameter("to")),
            Some(_) => (None, None),
        };
        match days {
            (Some(from), Some(to)) => {
                Self::between(day("from", &from)?, day("to", &to)?, context.zone.clone())
            }
            (None, None) if choice == Some(Choice::Custom) => Err(PeriodError::Half),
            (None, None) => Self::chosen(choice.unwrap_or(DEFAULT), context),
            _ => Err(PeriodError::Half),
        }
    }

    /// Returns the day of `now`.
    #[must_use]
    pub fn today(now: Timestamp, zone: TimeZone) -> Self {
        let today = time_range::local(now, &zone).date();
        Self { choice: Choice::Today, from: today, to: today, zone }
    }

    /// Returns the days of a choice other than [`Choice::Custom`].
    fn chosen(choice: Choice, context: &PeriodContext<'_>) -> Result<Self, PeriodError> {
        let local = |at: Timestamp| time_range::local(at, context.zone).date();
        let today = local(context.now);
        let ago = |days: i64| today.checked_sub(days.days()).map_err(|_| PeriodError::Days);
        let (from, to) = match choice {
            Choice::Today | Choice::Custom => (today, today),
            Choice::Yesterday => (ago(1)?, ago(1)?),
            Choice::Days(days) if (1..=MAX_DAYS).contains(&days) => (ago(days - 1)?, today),
            Choice::Days(_) => return Err(PeriodError::Days),
            Choice::Month => (today.first_of_month(), today),
            Choice::Year => (today.first_of_year(), today),
            Choice::All => {
                let first = context.first.and_then(|day| utc_start(day).ok()).map(local);
                // Limited to the last 20 years.
                let first = first.unwrap_or(today).clamp(ago(MAX_DAYS - 1)?, today);
                (first, today)
            }
        };
        Ok(Self { choice, from, to, zone: context.zone.clone() })
    }

    fn between(from: Date, to: Date, zone: TimeZone) -> Result<Self, PeriodError> {
        if to < from {
            return Err(PeriodError::Backwards);
        }
        let period = Self { choice: Choice::Custom, from, to, zone };
        if period.day_count() > MAX_DAYS { Err(PeriodError::TooLong) } else { Ok(period) }
    }

    /// Returns the number of days.
    #[must_use]
    pub fn day_count(&self) -> i64 {
        self.from.duration_until(self.to).as_hours() / 24 + 1
    }

    /// Returns the range of time that the days cover.
    #[must_use]
    pub fn range(&self) -> TimeRange {
        TimeRange::from_days(self.from, self.to, &self.zone)
    }

    /// Returns the start, inclusive, and the end, exclusive.
    #[must_use]
    pub fn instants(&self) -> (Timestamp, Timestamp) {
        let range = self.range();
        (range.from, range.to)
    }

    /// Returns the start and the end of the previous period: as many days before this one, or the month or year
    /// before. If this period is not over at `now`, the previous one ends after as much time as has passed. `None`
    /// for all time.
    #[must_use]
    pub fn previous(&self, now: Timestamp) -> Option<(Timestamp, Timestamp)> {
        let (from, to) = self.previous_days()?.instants();
        let (start, end) = self.instants();
        if now >= end {
            return Some((from, to));
        }
        let passed = from.checked_add(start.duration_until(now.max(start))).ok()?;
        Some((from, to.min(passed)))
    }

    /// Returns the days of the previous period.
    fn previous_days(&self) -> Option<Self> {
        let from = match self.choice {
            Choice::All => return None,
            Choice::Month => self.from.checked_sub(1.month()),
            Choice::Year => self.from.checked_sub(1.year()),
            _ => self.from.checked_sub(self.day_count().days()),
        };
        let (from, to) = (from.ok()?, self.from.yesterday().ok()?);
        Some(Self { choice: Choice::Custom, from, to, zone: self.zone.clone() })
    }

    /// Returns the time buckets of the previous period up to the end of [`previous`](Self::previous). Each is
    /// compared with the bucket of this period at the same index.
    #[must_use]
    pub fn previous_buckets(&self, now: Timestamp) -> Vec<TimeBucket> {
        let (Some(days), Some((_, end))) = (self.previous_days(), self.previous(now)) else {
            return Vec::new();
        };
        let buckets = days.buckets_of(self.unit());
        buckets.into_iter().take_while(|bucket| bucket.at < end).collect()
    }

    /// Returns the length of the time buckets: an hour, a day or a month.
    #[must_use]
    pub fn unit(&self) -> Unit {
        match self.day_count() {
            1 => Unit::Hour,
            2..=MAX_DAY_BUCKETS => Unit::Day,
            _ => Unit::Month,
        }
    }

    /// Returns the time buckets in order: at least one.
    #[must_use]
    pub fn buckets(&self) -> Vec<TimeBucket> {
        self.buckets_of(self.unit())
    }

    /// Returns the time buckets of a given length, in order: at least one.
    #[must_use]
    pub fn buckets_of(&self, unit: Unit) -> Vec<TimeBucket> {
        let range = self.range();
        let name = |at: Timestamp, date: Date| match unit {
            Unit::Minute | Unit::Hour => hour_name(&self.zoned(at)),
            Unit::Day | Unit::Week => date.to_string(),
            Unit::Month => date.strftime("%Y-%m").to_string(),
        };
        let mut buckets = range.buckets(unit, &self.zone, name);
        if buckets.is_empty() {
            // A day that its time zone skipped has no hours.
            buckets.push(TimeBucket { at: range.from, name: name(range.from, range.first) });
        }
        buckets
    }

    /// Returns an instant in the time zone of the period.
    #[must_use]
    pub fn zoned(&self, at: Timestamp) -> Zoned {
        time_range::local(at, &self.zone)
    }
}

/// Returns the name of an hour, with its UTC offset: where clocks go back, an hour comes twice.
fn hour_name(at: &Zoned) -> String {
    at.strftime("%Y-%m-%dT%H:%M%:z").to_string()
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;

    use super::*;

    fn zone(name: &str) -> TimeZone {
        TimeZone::try_from(name.to_owned()).unwrap()
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
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
        let zone = zone(zone_name);
        let first = Some("2024-02-29".parse().unwrap());
        Period::of(&request, &PeriodContext { now: at("2026-11-22T23:30:00Z"), zone: &zone, first })
    }

    #[test]
    fn counts_days_in_the_time_zone() {
        let check = |query: &str, zone: &str, from: &str, to: &str, len: i64| {
            let period = period(query, zone).unwrap();
            let got = (period.from.to_string(), period.to.to_string(), period.day_count());
            assert_eq!(got, (from.to_owned(), to.to_owned(), len), "{query} in {zone}");
        };
        check("", "UTC", "2026-11-16", "2026-11-22", 7);
        check("", "Asia/Kathmandu", "2026-11-17", "2026-11-23", 7);
        check("", "America/New_York", "2026-11-16", "2026-11-22", 7);
        check("days=1", "UTC", "2026-11-22", "2026-11-22", 1);
        check("period=today", "Asia/Kathmandu", "2026-11-23", "2026-11-23", 1);
        check("period=yesterday", "UTC", "2026-11-21", "2026-11-21", 1);
        check("period=28d", "UTC", "2026-10-26", "2026-11-22", 28);
        check("period=365d", "UTC", "2025-11-23", "2026-11-22", 365);
        check("period=month", "UTC", "2026-11-01", "2026-11-22", 22);
        check("period=year", "UTC", "2026-01-01", "2026-11-22", 326);
        check("period=all", "UTC", "2024-02-29", "2026-11-22", 998);
        // In New York, the first UTC day begins on the day before.
        check("period=all", "America/New_York", "2024-02-28", "2026-11-22", 999);
        check("from=2026-03-01&to=2026-03-31", "Europe/Berlin", "2026-03-01", "2026-03-31", 31);
        check("period=7d&from=2026-03-01&to=2026-03-31", "UTC", "2026-11-16", "2026-11-22", 7);
        check("period=custom&from=2026-03-01&to=2026-03-31", "UTC", "2026-03-01", "2026-03-31", 31);
    }

    #[test]
    fn rejects_invalid_periods() {
        let check = |query: &str, expected: PeriodError| {
            assert_eq!(period(query, "UTC"), Err(expected), "{query}");
        };
        check("days=0", PeriodError::Days);
        check("days=7321", PeriodError::Days);
        check("days=-1", PeriodError::Days);
        check("days=seven", PeriodError::Days);
        check("days=99999999999999999999", PeriodError::Days);
        check("period=0d", PeriodError::Days);
        check("period=-7d", PeriodError::Days);
        check("period=7", PeriodError::Unknown);
        check("period=decade", PeriodError::Unknown);
        check("period=99999999999999999999d", PeriodError::Unknown);
        check("period=custom", PeriodError::Half);
        check("from=2026-11-01", PeriodError::Half);
        check("from=2026-11-31&to=2026-12-01", PeriodError::Day("from"));
        check("from=2026-11-01&to=10000-01-01", PeriodError::Day("to"));
        check("from=2026-11-02&to=2026-11-01", PeriodError::Backwards);
        check("from=1926-01-01&to=2026-11-01", PeriodError::TooLong);
    }

    #[test]
    fn days_begin_by_the_zones_clock() {
        let check = |query: &str, name: &str, expected: (&str, &str)| {
            let (start, end) = period(query, name).unwrap().instants();
            assert_eq!((start.to_string().as_str(), end.to_string().as_str()), expected, "{name}");
        };
        let day = "from=2026-11-22&to=2026-11-22";
        check(day, "UTC", ("2026-11-22T00:00:00Z", "2026-11-23T00:00:00Z"));
        // UTC+5:45.
        check(day, "Asia/Kathmandu", ("2026-11-21T18:15:00Z", "2026-11-22T18:15:00Z"));
        // Days of 23 and 25 hours.
        let (spring, autumn) = ("from=2026-03-29&to=2026-03-29", "from=2026-10-25&to=2026-10-25");
        check(spring, "Europe/Berlin", ("2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z"));
        check(autumn, "Europe/Berlin", ("2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z"));
        // Midnight is skipped: the day begins at one.
        let spring = "from=2026-09-06&to=2026-09-06";
        check(spring, "America/Santiago", ("2026-09-06T04:00:00Z", "2026-09-07T03:00:00Z"));
        // The last day of the calendar.
        let last = period("from=9999-12-31&to=9999-12-31", "UTC").unwrap();
        assert_eq!(last.instants().1, Timestamp::MAX);
        assert_eq!(last.buckets().len(), 1);
    }

    #[test]
    fn buckets_cover_the_period() {
        let check = |query: &str, zone: &str, len: usize, first: &str, last: &str| {
            let buckets = period(query, zone).unwrap().buckets();
            let names = (buckets[0].name.as_str(), buckets[buckets.len() - 1].name.as_str());
            assert_eq!((buckets.len(), names), (len, (first, last)), "{query} in {zone}");
            assert!(buckets.is_sorted_by_key(|bucket| bucket.at));
        };
        let day = |day: &str| format!("from={day}&to={day}");
        check("period=today", "UTC", 24, "2026-11-22T00:00+00:00", "2026-11-22T23:00+00:00");
        let berlin = "Europe/Berlin";
        check(&day("2026-03-29"), berlin, 23, "2026-03-29T00:00+01:00", "2026-03-29T23:00+02:00");
        check(&day("2026-10-25"), berlin, 25, "2026-10-25T00:00+02:00", "2026-10-25T23:00+01:00");
        // The clock skips half an hour.
        let howe = "Australia/Lord_Howe";
        check(&day("2026-10-04"), howe, 24, "2026-10-04T00:00+10:30", "2026-10-04T23:30+11:00");
        // The clock skips a whole day.
        check(
            &day("2011-12-30"),
            "Pacific/Apia",
            1,
            "2011-12-31T00:00+14:00",
            "2011-12-31T00:00+14:00",
        );
        check("", "UTC", 7, "2026-11-16", "2026-11-22");
        check("period=100d", "UTC", 100, "2026-08-15", "2026-11-22");
        check("period=101d", "UTC", 4, "2026-08", "2026-11");
        check("period=all", "UTC", 34, "2024-02", "2026-11");
        check("from=2026-01-31&to=2026-05-31", "UTC", 5, "2026-01", "2026-05");
        check("from=2011-12-01&to=2011-12-31", "Pacific/Apia", 31, "2011-12-01", "2011-12-31");
    }

    #[test]
    fn previous_period_is_as_long_as_what_has_passed() {
        let check = |query: &str, zone: &str, expected: Option<(&str, &str)>| {
            let previous = period(query, zone).unwrap().previous(at("2026-11-22T23:30:00Z"));
            let expected = expected.map(|(from, to)| (at(from), at(to)));
            assert_eq!(previous, expected, "{query} in {zone}");
        };
        // 23 and a half hours of today have passed.
        check("period=today", "UTC", Some(("2026-11-21T00:00:00Z", "2026-11-21T23:30:00Z")));
        check("period=yesterday", "UTC", Some(("2026-11-20T00:00:00Z", "2026-11-21T00:00:00Z")));
        check("period=7d", "UTC", Some(("2026-11-09T00:00:00Z", "2026-11-15T23:30:00Z")));
        check("period=month", "UTC", Some(("2026-10-01T00:00:00Z", "2026-10-22T23:30:00Z")));
        check("period=year", "UTC", Some(("2025-01-01T00:00:00Z", "2025-11-22T23:30:00Z")));
        check("period=all", "UTC", None);
        let march = "from=2026-03-01&to=2026-03-31";
        check(march, "Europe/Berlin", Some(("2026-01-28T23:00:00Z", "2026-02-28T23:00:00Z")));
        // The whole period is in the future, so nothing has passed.
        let ahead = "from=2026-12-01&to=2026-12-02";
        check(ahead, "UTC", Some(("2026-11-29T00:00:00Z", "2026-11-29T00:00:00Z")));
    }
}
