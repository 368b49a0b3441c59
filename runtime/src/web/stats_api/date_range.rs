//! The time range of a query: `date_range` of v2, `period` and `date` of v1, the range it is compared with, and the
//! buckets of a time dimension.
//!
//! Ranges of several whole days or months end before today, as in Plausible since its version 3
//! (`lib/plausible/stats/query_period.ex`, <https://github.com/plausible/analytics/pull/5240>).

use footfall_infra::settings::TimeZone;
use jiff::civil::{Date, Weekday};
use jiff::{SignedDuration, Timestamp, ToSpan as _};

use crate::query::period::PeriodContext;
use crate::query::time_range::{TimeBucket, TimeRange, Unit, local};
use crate::storage::hour::utc_start;

/// Maximum number of buckets of a time dimension: a little more than the hours of a year.
pub(super) const MAX_BUCKETS: i64 = 10_000;

/// Maximum number of days in `Nd`, as in Plausible.
const MAX_LAST_DAYS: i64 = 5000;

/// Maximum number of months in `Nmo`, as in Plausible.
const MAX_LAST_MONTHS: i64 = 100;

/// A range of time as a request names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum DateRange {
    /// A day.
    Day,
    /// The 24 hours before now.
    Hours24,
    /// This many days before a day.
    LastDays(i64),
    /// This many months before the month of a day.
    LastMonths(i64),
    /// The month of a day.
    Month,
    /// The year of a day.
    Year,
    /// From the first day with data to today.
    All,
    /// From one day to another, both inclusive.
    Days(Date, Date),
    /// From one instant to another. The second of the last instant is included.
    Instants(Timestamp, Timestamp),
}

/// What a range is compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ComparisonMode {
    /// As much time directly before.
    PreviousPeriod,
    /// The same time one year before.
    YearOverYear,
    /// The given days.
    Days(Date, Date),
}

/// A [`DateRange`] resolved to instants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ResolvedRange {
    /// The range of time.
    pub(super) time: TimeRange,
    date_range: DateRange,
}

/// An invalid range.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum RangeError {
    /// End before the start.
    #[error("the end is before the start")]
    Backwards,
    /// Beyond the years that can be calculated with.
    #[error("out of range: use years from 1 to 9998")]
    OutOfTime,
}

impl DateRange {
    /// Parses a name: `day`, `24h`, `7d`, `6mo`, `month`, `year` or `all`.
    #[must_use]
    pub(super) fn parse(name: &str) -> Option<Self> {
        let number = |suffix: &str, max: i64| {
            let digits = name.strip_suffix(suffix)?;
            let number = digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse());
            number?.ok().filter(|number| (1..=max).contains(number))
        };
        match name {
            "day" => Some(Self::Day),
            "24h" => Some(Self::Hours24),
            "month" => Some(Self::Month),
            "year" => Some(Self::Year),
            "all" => Some(Self::All),
            _ => number("d", MAX_LAST_DAYS)
                .map(Self::LastDays)
                .or_else(|| number("mo", MAX_LAST_MONTHS).map(Self::LastMonths)),
        }
    }

    /// Parses two days, or two instants with their UTC offset.
    #[must_use]
    pub(super) fn between(from: &str, to: &str) -> Option<Self> {
        // jiff would also parse a date with a time of day as a date.
        let is_day = |text: &str| text.len() == "2026-11-22".len();
        if is_day(from) && is_day(to) {
            return Some(Self::Days(from.parse().ok()?, to.parse().ok()?));
        }
        Some(Self::Instants(from.parse().ok()?, to.parse().ok()?))
    }
}

impl ResolvedRange {
    /// Resolves a range relative to the day `date`.
    ///
    /// # Errors
    /// If it ends before it begins, or is out of range.
    pub(super) fn new(
        date_range: DateRange,
        date: Date,
        context: &PeriodContext<'_>,
    ) -> Result<Self, RangeError> {
        let days = |from: Date, to: Date| Self::from_days(date_range, from, to, context.zone);
        let instants = |from: Timestamp, to: Timestamp| {
            Self::from_instants(date_range, from, to, context.zone)
        };
        let earlier = |span: jiff::Span| date.checked_sub(span).map_err(out_of_time);
        match date_range {
            DateRange::Day => days(date, date),
            DateRange::Hours24 => {
                let from = context.now.checked_sub(SignedDuration::from_hours(24));
                instants(from.unwrap_or(context.now), context.now)
            }
            DateRange::LastDays(count) => days(earlier(count.days())?, earlier(1.day())?),
            DateRange::LastMonths(count) => {
                let first = earlier(count.months())?.first_of_month();
                days(first, earlier(1.month())?.last_of_month())
            }
            DateRange::Month => days(date.first_of_month(), date.last_of_month()),
            DateRange::Year => days(date.first_of_year(), date.last_of_year()),
            DateRange::All => {
                let today = today(context);
                let first = context.first.and_then(|day| utc_start(day).ok());
                let first = first.map_or(today, |at| local(at, context.zone).date());
                days(first.min(today), today)
            }
            DateRange::Days(from, to) => days(from, to),
            DateRange::Instants(from, to) => {
                let second = Timestamp::from_second(to.as_second());
                let end = second.and_then(|to| to.checked_add(SignedDuration::from_secs(1)));
                let end = end.map_err(out_of_time)?;
                if to < from {
                    return Err(RangeError::Backwards);
                }
                instants(from, end)
            }
        }
    }

    fn from_days(
        date_range: DateRange,
        first: Date,
        last: Date,
        zone: &TimeZone,
    ) -> Result<Self, RangeError> {
        if last < first {
            return Err(RangeError::Backwards);
        }
        let time = TimeRange::from_days(first, last, zone);
        if time.is_cut() { Err(RangeError::OutOfTime) } else { Ok(Self { time, date_range }) }
    }

    fn from_instants(
        date_range: DateRange,
        from: Timestamp,
        to: Timestamp,
        zone: &TimeZone,
    ) -> Result<Self, RangeError> {
        let time = TimeRange::from_instants(from, to, zone).ok_or(RangeError::OutOfTime)?;
        Ok(Self { time, date_range })
    }

    /// Cuts off the future: a day ends with the current hour, a month or a year with today. Other ranges stay as
    /// they are.
    #[must_use]
    pub(super) fn trimmed(self, context: &PeriodContext<'_>) -> Self {
        let TimeRange { from, to, first, last } = self.time;
        if context.now < from || to <= context.now {
            return self;
        }
        let today = today(context);
        let end = match self.date_range {
            DateRange::Day => {
                let passed = from.duration_until(context.now).as_hours();
                from.checked_add(SignedDuration::from_hours(passed + 1)).ok()
            }
            DateRange::Month | DateRange::Year => {
                let rest = TimeRange::from_days(first, today, context.zone);
                (!rest.is_cut()).then_some(rest.to)
            }
            _ => None,
        };
        let to = end.map_or(to, |end| end.min(to));
        let last = last.min(today).max(first);
        Self { time: TimeRange { from, to, first, last }, ..self }
    }

    /// Returns the range that this one is compared with. With `same_weekday` it begins on the same day of the week.
    ///
    /// Whole days are compared with as many days as have begun, as in Plausible. A current day is compared with as
    /// much of the other day as has passed (`lib/plausible/stats/comparisons.ex`). Ranges between instants are
    /// compared with exactly as much time.
    ///
    /// # Errors
    /// If the other range is out of range.
    pub(super) fn compared(
        &self,
        mode: ComparisonMode,
        same_weekday: bool,
        context: &PeriodContext<'_>,
    ) -> Result<Self, RangeError> {
        match (mode, self.date_range) {
            (ComparisonMode::Days(from, to), _) => {
                Self::from_days(DateRange::Days(from, to), from, to, context.zone)
            }
            (_, DateRange::Hours24 | DateRange::Instants(..)) => {
                self.compared_instants(mode, same_weekday, context)
            }
            _ => self.compared_days(mode, same_weekday, context),
        }
    }

    fn compared_instants(
        &self,
        mode: ComparisonMode,
        same_weekday: bool,
        context: &PeriodContext<'_>,
    ) -> Result<Self, RangeError> {
        let length = self.time.from.duration_until(self.time.to);
        let weeks = length.as_secs().div_euclid(7 * 86_400) + 1;
        let back = |at: Timestamp| {
            let earlier = match (mode, same_weekday) {
                (ComparisonMode::YearOverYear, false) => {
                    local(at, context.zone).checked_sub(1.year()).map(|at| at.timestamp())
                }
                (ComparisonMode::YearOverYear, true) => {
                    at.checked_sub(SignedDuration::from_hours(364 * 24))
                }
                (_, true) => at.checked_sub(SignedDuration::from_hours(weeks * 7 * 24)),
                (_, false) => at.checked_sub(length),
            };
            earlier.map_err(out_of_time)
        };
        let (from, to) = (back(self.time.from)?, back(self.time.to)?);
        Self::from_instants(DateRange::Instants(from, to), from, to.max(from), context.zone)
    }

    fn compared_days(
        &self,
        mode: ComparisonMode,
        same_weekday: bool,
        context: &PeriodContext<'_>,
    ) -> Result<Self, RangeError> {
        let TimeRange { from, to, first, last } = self.time;
        let last = last.min(today(context)).max(first);
        let length = first.duration_until(last).as_hours() / 24;
        let days = |count: i64| jiff::Span::new().try_days(count);
        let mut begin = match mode {
            ComparisonMode::YearOverYear => first.checked_sub(1.year()),
            _ => days(length + 1).and_then(|days| first.checked_sub(days)),
        }
        .map_err(out_of_time)?;
        if same_weekday && begin.weekday() != first.weekday() {
            let next = next_weekday(begin, first.weekday())?;
            begin =
                if next == first { next.checked_sub(7.days()).map_err(out_of_time)? } else { next };
        }
        let end = days(length).and_then(|days| begin.checked_add(days)).map_err(out_of_time)?;
        let mut range = Self::from_days(DateRange::Days(begin, end), begin, end, context.zone)?;
        if self.date_range == DateRange::Day && from <= context.now && context.now < to {
            let passed = from.duration_until(context.now);
            let end = range.time.to;
            range.time.to = range.time.from.checked_add(passed).map_or(end, |to| to.min(end));
        }
        Ok(range)
    }

    /// Returns the unit for a time dimension that names none: hours up to two days, days up to 41, weeks up to a
    /// year, else months (`lib/plausible/stats/query_optimizer.ex`).
    #[must_use]
    pub(super) fn unit(&self) -> Unit {
        let seconds = self.time.from.duration_until(self.time.to).as_secs();
        let hours = (seconds - 1).max(0) / 3600;
        match (hours, hours / 24, hours / 168) {
            (..=48, ..) => Unit::Hour,
            (_, ..=40, _) => Unit::Day,
            (_, _, ..=52) => Unit::Week,
            _ => Unit::Month,
        }
    }

    /// Returns the time buckets in order, with Plausible's names. `None` if there could be more than
    /// [`MAX_BUCKETS`].
    #[must_use]
    pub(super) fn buckets(&self, unit: Unit, zone: &TimeZone) -> Option<Vec<TimeBucket>> {
        let name = |at: Timestamp, date: Date| match unit {
            Unit::Minute | Unit::Hour => local(at, zone).strftime("%Y-%m-%d %H:%M:%S").to_string(),
            Unit::Day | Unit::Week | Unit::Month => date.to_string(),
        };
        let is_bounded = self.time.max_buckets(unit) < MAX_BUCKETS;
        is_bounded.then(|| self.time.buckets(unit, zone, name))
    }

    /// Returns the first and the last second, as responses write them.
    #[must_use]
    pub(super) fn bounds(&self, zone: &TimeZone) -> [String; 2] {
        let TimeRange { from, to, .. } = self.time;
        let write = |at: Timestamp| local(at, zone).strftime("%Y-%m-%dT%H:%M:%S%:z").to_string();
        let last = to.checked_sub(SignedDuration::from_secs(1)).unwrap_or(to);
        [write(from), write(last.max(from))]
    }
}

/// Returns today in the time zone.
#[must_use]
pub(super) fn today(context: &PeriodContext<'_>) -> Date {
    local(context.now, context.zone).date()
}

/// Returns the next day after `day` that is this day of the week.
fn next_weekday(day: Date, weekday: Weekday) -> Result<Date, RangeError> {
    day.nth_weekday(1, weekday).map_err(out_of_time)
}

fn out_of_time(_: jiff::Error) -> RangeError {
    RangeError::OutOfTime
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: &str = "2026-11-22T23:30:00Z";

    fn zone(name: &str) -> TimeZone {
        TimeZone::try_from(name.to_owned()).unwrap()
    }

    fn resolve(date_range: DateRange, zone: &TimeZone) -> Result<ResolvedRange, RangeError> {
        let first = Some("2024-02-29".parse().unwrap());
        let context = PeriodContext { now: NOW.parse().unwrap(), zone, first };
        ResolvedRange::new(date_range, today(&context), &context)
    }

    fn date_range(text: &str) -> DateRange {
        match text.split_once(' ') {
            Some((from, to)) => DateRange::between(from, to).unwrap(),
            None => DateRange::parse(text).unwrap(),
        }
    }

    #[test]
    fn resolves_named_and_given_ranges() {
        let check = |text: &str, zone_name: &str, from: &str, to: &str| {
            let zone = zone(zone_name);
            let range = resolve(date_range(text), &zone).unwrap();
            assert_eq!(range.bounds(&zone), [from, to], "{text} in {zone_name}");
        };
        check("day", "UTC", "2026-11-22T00:00:00+00:00", "2026-11-22T23:59:59+00:00");
        check("day", "Asia/Kathmandu", "2026-11-23T00:00:00+05:45", "2026-11-23T23:59:59+05:45");
        check("24h", "UTC", "2026-11-21T23:30:00+00:00", "2026-11-22T23:29:59+00:00");
        check("7d", "UTC", "2026-11-15T00:00:00+00:00", "2026-11-21T23:59:59+00:00");
        check("28d", "UTC", "2026-10-25T00:00:00+00:00", "2026-11-21T23:59:59+00:00");
        check("30d", "UTC", "2026-10-23T00:00:00+00:00", "2026-11-21T23:59:59+00:00");
        check("91d", "Europe/Berlin", "2026-08-24T00:00:00+02:00", "2026-11-22T23:59:59+01:00");
        check("month", "UTC", "2026-11-01T00:00:00+00:00", "2026-11-30T23:59:59+00:00");
        check("6mo", "UTC", "2026-05-01T00:00:00+00:00", "2026-10-31T23:59:59+00:00");
        check("12mo", "UTC", "2025-11-01T00:00:00+00:00", "2026-10-31T23:59:59+00:00");
        check("year", "UTC", "2026-01-01T00:00:00+00:00", "2026-12-31T23:59:59+00:00");
        check("all", "UTC", "2024-02-29T00:00:00+00:00", "2026-11-22T23:59:59+00:00");
        check("all", "America/New_York", "2024-02-28T00:00:00-05:00", "2026-11-22T23:59:59-05:00");
        check(
            "2026-03-29 2026-03-29",
            "Europe/Berlin",
            "2026-03-29T00:00:00+01:00",
            "2026-03-29T23:59:59+02:00",
        );
        check(
            "2026-01-01T12:00:00+02:00 2026-01-01T15:59:59+02:00",
            "UTC",
            "2026-01-01T10:00:00+00:00",
            "2026-01-01T13:59:59+00:00",
        );
    }

    #[test]
    fn rejects_invalid_ranges() {
        for name in [
            "",
            "d",
            "0d",
            "-1d",
            "+1d",
            "5001d",
            "101mo",
            "7 d",
            "7D",
            "today",
            "99999999999999999999d",
        ] {
            assert_eq!(DateRange::parse(name), None, "{name}");
        }
        for (from, to) in [
            ("2026-01-01", "x"),
            ("2026-02-30", "2026-03-01"),
            ("2026-01-01", "2026-01-01T00:00:00Z"),
            ("2026-01-01T00:00:00", "2026-01-01T00:00:00"),
            ("", ""),
        ] {
            assert_eq!(DateRange::between(from, to), None, "{from} {to}");
        }
        let utc = zone("UTC");
        assert_eq!(resolve(date_range("2026-01-02 2026-01-01"), &utc), Err(RangeError::Backwards));
        let instants = date_range("2026-01-02T00:00:00Z 2026-01-01T00:00:00Z");
        assert_eq!(resolve(instants, &utc), Err(RangeError::Backwards));
        assert_eq!(resolve(date_range("9999-12-31 9999-12-31"), &utc), Err(RangeError::OutOfTime));
    }

    #[test]
    fn comparison_has_the_same_length() {
        let check = |text: &str, against: ComparisonMode, weekday: bool, from: &str, to: &str| {
            let utc = zone("UTC");
            let context = PeriodContext { now: NOW.parse().unwrap(), zone: &utc, first: None };
            let range = ResolvedRange::new(date_range(text), today(&context), &context).unwrap();
            let compared = range.compared(against, weekday, &context).unwrap();
            let bounds = compared.bounds(&utc);
            assert_eq!(bounds, [format!("{from}+00:00"), format!("{to}+00:00")], "{text}");
        };
        let days = "2021-01-07 2021-01-13";
        check(
            days,
            ComparisonMode::PreviousPeriod,
            false,
            "2020-12-31T00:00:00",
            "2021-01-06T23:59:59",
        );
        check(
            days,
            ComparisonMode::YearOverYear,
            false,
            "2020-01-07T00:00:00",
            "2020-01-13T23:59:59",
        );
        // The 7th was a Thursday. The year before it was a Tuesday.
        check(
            days,
            ComparisonMode::YearOverYear,
            true,
            "2020-01-09T00:00:00",
            "2020-01-15T23:59:59",
        );
        let custom =
            ComparisonMode::Days("2021-04-05".parse().unwrap(), "2021-05-05".parse().unwrap());
        check(days, custom, true, "2021-04-05T00:00:00", "2021-05-05T23:59:59");
        // The range begins on a Monday, and the two days before on a Saturday. So the comparison begins on the
        // Monday a week before.
        check(
            "2021-01-11 2021-01-12",
            ComparisonMode::PreviousPeriod,
            true,
            "2021-01-04T00:00:00",
            "2021-01-05T23:59:59",
        );
        // Only the days of the month that have begun, and the time of the day that has passed.
        check(
            "month",
            ComparisonMode::PreviousPeriod,
            false,
            "2026-10-10T00:00:00",
            "2026-10-31T23:59:59",
        );
        check(
            "day",
            ComparisonMode::PreviousPeriod,
            false,
            "2026-11-21T00:00:00",
            "2026-11-21T23:29:59",
        );
        check(
            "24h",
            ComparisonMode::PreviousPeriod,
            false,
            "2026-11-20T23:30:00",
            "2026-11-21T23:29:59",
        );
        check(
            "24h",
            ComparisonMode::PreviousPeriod,
            true,
            "2026-11-14T23:30:00",
            "2026-11-15T23:29:59",
        );
        check(
            "24h",
            ComparisonMode::YearOverYear,
            false,
            "2025-11-21T23:30:00",
            "2025-11-22T23:29:59",
        );
        check(
            "2024-02-29 2024-02-29",
            ComparisonMode::YearOverYear,
            false,
            "2023-02-28T00:00:00",
            "2023-02-28T23:59:59",
        );
    }

    fn names(text: &str, unit: Unit, zone_name: &str) -> Vec<String> {
        let zone = zone(zone_name);
        let buckets = resolve(date_range(text), &zone).unwrap().buckets(unit, &zone).unwrap();
        assert!(buckets.is_sorted_by_key(|bucket| bucket.at), "{text}");
        buckets.into_iter().map(|bucket| bucket.name).collect()
    }

    #[test]
    fn buckets_follow_the_time_zone() {
        let names_of = |text: &str, unit| names(text, unit, "UTC");
        assert_eq!(
            names_of("2021-01-05 2021-01-12", Unit::Week),
            ["2021-01-05", "2021-01-11"],
            "the first week is cut to the range"
        );
        assert_eq!(names_of("2021-01-15 2021-02-02", Unit::Month), ["2021-01-01", "2021-02-01"]);
        assert_eq!(names_of("2021-01-31 2021-02-01", Unit::Day), ["2021-01-31", "2021-02-01"]);
        assert_eq!(
            names_of("2021-01-01T00:59:30Z 2021-01-01T02:00:00Z", Unit::Hour),
            ["2021-01-01 00:00:00", "2021-01-01 01:00:00", "2021-01-01 02:00:00"]
        );
        assert_eq!(
            names_of("2021-01-01T00:59:30Z 2021-01-01T01:00:00Z", Unit::Minute),
            ["2021-01-01 00:59:00", "2021-01-01 01:00:00"]
        );
        let hours = |zone, day: &str| names(&format!("{day} {day}"), Unit::Hour, zone);
        assert_eq!(hours("UTC", "2026-03-29").len(), 24);
        let spring = hours("Europe/Berlin", "2026-03-29");
        assert_eq!((spring.len(), &*spring[2]), (23, "2026-03-29 03:00:00"));
        let autumn = hours("Europe/Berlin", "2026-10-25");
        assert_eq!((autumn.len(), autumn[2] == autumn[3]), (25, true));
        let santiago = hours("America/Santiago", "2026-09-06");
        assert_eq!((santiago.len(), &*santiago[0]), (23, "2026-09-06 01:00:00"));
        let kathmandu =
            names("2026-01-01T00:00:00Z 2026-01-01T00:59:59Z", Unit::Hour, "Asia/Kathmandu");
        assert_eq!(kathmandu, ["2026-01-01 05:00:00", "2026-01-01 06:00:00"]);
    }

    #[test]
    fn number_of_buckets_is_limited() {
        let utc = zone("UTC");
        let buckets =
            |text: &str, unit| resolve(date_range(text), &utc).unwrap().buckets(unit, &utc);
        assert_eq!(buckets("year", Unit::Hour).map(|buckets| buckets.len()), Some(365 * 24));
        assert_eq!(buckets("2020-01-01 2026-01-01", Unit::Hour), None);
        assert_eq!(buckets("30d", Unit::Minute), None);
        assert_eq!(buckets("0001-01-01 9998-12-31", Unit::Month), None);
    }

    #[test]
    fn unit_suits_the_length() {
        let utc = zone("UTC");
        let unit = |text: &str| resolve(date_range(text), &utc).unwrap().unit();
        assert_eq!(unit("day"), Unit::Hour);
        assert_eq!(unit("2026-01-01 2026-01-02"), Unit::Hour);
        assert_eq!(unit("2026-01-01 2026-01-03"), Unit::Day);
        assert_eq!(unit("30d"), Unit::Day);
        assert_eq!(unit("2026-01-01 2026-02-10"), Unit::Day);
        assert_eq!(unit("2026-01-01 2026-02-11"), Unit::Week);
        assert_eq!(unit("year"), Unit::Week);
        assert_eq!(unit("all"), Unit::Month);
    }

    #[test]
    fn trimming_cuts_off_the_future() {
        let utc = zone("UTC");
        let now = "2026-11-22T13:10:00Z".parse().unwrap();
        let context = PeriodContext { now, zone: &utc, first: None };
        let check = |text: &str, end: &str| {
            let range = ResolvedRange::new(date_range(text), today(&context), &context)
                .unwrap()
                .trimmed(&context);
            assert_eq!(range.bounds(&utc)[1], format!("{end}+00:00"), "{text}");
        };
        check("day", "2026-11-22T13:59:59");
        check("month", "2026-11-22T23:59:59");
        check("year", "2026-11-22T23:59:59");
        check("7d", "2026-11-21T23:59:59");
        check("2026-11-22 2026-11-23", "2026-11-23T23:59:59");
    }
}
