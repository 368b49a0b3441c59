//! Which time a question is about: `date_range` of v2, `period` and `date` of v1, what they are compared
//! with, and the bars of a time dimension.
//!
//! Periods of whole days and months end before today, as Plausible's have since its version 3
//! (`lib/plausible/stats/query_period.ex`, <https://github.com/plausible/analytics/pull/5240>).

use footfall_infra::settings::TimeZone;
use jiff::civil::{Date, Weekday};
use jiff::{SignedDuration, Timestamp, ToSpan as _, Zoned};

use crate::query::period::{PeriodContext, TimeBucket};
use crate::storage::hour::utc_start;

/// The most bars that a time dimension may have: the hours of a year, and some more.
pub(super) const MAX_BARS: i64 = 10_000;

/// The most days of `Nd`, and months of `Nmo`, as Plausible has them.
const MAX_LAST: (i64, i64) = (5000, 100);

const HOUR: i64 = 60 * MINUTE;
const MINUTE: i64 = 60 * 1000;

/// How a time is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    /// A day.
    Day,
    /// The 24 hours before now.
    Hours24,
    /// So many days before a day.
    LastDays(i64),
    /// So many months before a day's month.
    LastMonths(i64),
    /// A day's month.
    Month,
    /// A day's year.
    Year,
    /// From the first day on which anything was counted to today.
    All,
    /// From a day to another, both included.
    Days(Date, Date),
    /// From an instant to another, the second of the other included.
    Instants(Timestamp, Timestamp),
}

/// What bars span.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    /// A minute.
    Minute,
    /// 60 minutes, the first of a day with the day.
    Hour,
    /// A day of the zone.
    Day,
    /// What of a week that begins on a Monday lies in the time.
    Week,
    /// What of a month lies in the time.
    Month,
}

/// With what a time is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Against {
    /// As much time before it.
    Previous,
    /// The same a year ago.
    YearBefore,
    /// These days.
    Days(Date, Date),
}

/// A time: its first instant, and the first one behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Range {
    /// The first instant.
    pub(super) from: Timestamp,
    /// The first instant behind it; not before the first.
    pub(super) to: Timestamp,
    /// The first and the last day that it has a part in.
    pub(super) days: (Date, Date),
    wanted: Wanted,
}

/// A time that cannot be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum RangeError {
    /// It ends before it begins.
    #[error("it ends before it begins: exchange the two")]
    Backwards,
    /// It lies at an end of time.
    #[error("it lies at an end of time: ask for years from 1 to 9998")]
    OutOfTime,
}

impl Wanted {
    /// The time of a name: `day`, `24h`, `7d`, `6mo`, `month`, `year` or `all`.
    #[must_use]
    pub(super) fn parse(name: &str) -> Option<Self> {
        let number = |suffix: &str, most: i64| {
            let digits = name.strip_suffix(suffix)?;
            let number = digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse());
            number?.ok().filter(|number| (1..=most).contains(number))
        };
        match name {
            "day" => Some(Self::Day),
            "24h" => Some(Self::Hours24),
            "month" => Some(Self::Month),
            "year" => Some(Self::Year),
            "all" => Some(Self::All),
            _ => number("d", MAX_LAST.0)
                .map(Self::LastDays)
                .or_else(|| number("mo", MAX_LAST.1).map(Self::LastMonths)),
        }
    }

    /// The time between two days, or two instants with their distance from UTC.
    #[must_use]
    pub(super) fn between(from: &str, to: &str) -> Option<Self> {
        // A text with a time of day would be read as a date, too.
        let is_day = |text: &str| text.len() == "2026-11-22".len();
        if is_day(from) && is_day(to) {
            return Some(Self::Days(from.parse().ok()?, to.parse().ok()?));
        }
        Some(Self::Instants(from.parse().ok()?, to.parse().ok()?))
    }
}

impl Unit {
    /// The name behind `time:`.
    #[must_use]
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Minute => "minute",
            Self::Hour => "hour",
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
        }
    }

    /// The unit of a name.
    #[must_use]
    pub(super) fn parse(name: &str) -> Option<Self> {
        [Self::Minute, Self::Hour, Self::Day, Self::Week, Self::Month]
            .into_iter()
            .find(|unit| unit.name() == name)
    }

    /// How long one is at least, in milliseconds.
    const fn least(self) -> i64 {
        match self {
            Self::Minute => MINUTE,
            Self::Hour => HOUR,
            Self::Day => 23 * HOUR,
            Self::Week => 7 * 23 * HOUR,
            Self::Month => 28 * 23 * HOUR,
        }
    }
}

impl Range {
    /// The time that is wanted, around the day `date`.
    ///
    /// # Errors
    /// If it ends before it begins, or lies at an end of time.
    pub(super) fn of(
        wanted: Wanted,
        date: Date,
        asked: &PeriodContext<'_>,
    ) -> Result<Self, RangeError> {
        let days = |from: Date, to: Date| Self::between(wanted, from, to, asked.zone);
        let earlier = |span: jiff::Span| date.checked_sub(span).map_err(|_| RangeError::OutOfTime);
        match wanted {
            Wanted::Day => days(date, date),
            Wanted::Hours24 => {
                let from = asked.now.checked_sub(SignedDuration::from_hours(24));
                Self::exact(wanted, from.unwrap_or(asked.now), asked.now, asked.zone)
            }
            Wanted::LastDays(count) => days(earlier(count.days())?, earlier(1.day())?),
            Wanted::LastMonths(count) => {
                let first = earlier(count.months())?.first_of_month();
                days(first, earlier(1.month())?.last_of_month())
            }
            Wanted::Month => days(date.first_of_month(), date.last_of_month()),
            Wanted::Year => days(date.first_of_year(), date.last_of_year()),
            Wanted::All => {
                let today = today(asked);
                let first = asked.first.and_then(|day| utc_start(day).ok());
                let first = first.map_or(today, |at| local(at, asked.zone).date());
                days(first.min(today), today)
            }
            Wanted::Days(from, to) => days(from, to),
            Wanted::Instants(from, to) => {
                let second = |at: Timestamp| Timestamp::from_second(at.as_second());
                let behind = second(to).and_then(|to| to.checked_add(SignedDuration::from_secs(1)));
                let behind = behind.map_err(|_| RangeError::OutOfTime)?;
                if to < from {
                    return Err(RangeError::Backwards);
                }
                Self::exact(wanted, from, behind, asked.zone)
            }
        }
    }

    fn between(
        wanted: Wanted,
        first: Date,
        last: Date,
        zone: &TimeZone,
    ) -> Result<Self, RangeError> {
        if last < first {
            return Err(RangeError::Backwards);
        }
        let next = last.tomorrow().map_err(|_| RangeError::OutOfTime)?;
        let (from, to) = (start(first, zone)?, start(next, zone)?);
        Ok(Self { from, to, days: (first, last), wanted })
    }

    fn exact(
        wanted: Wanted,
        from: Timestamp,
        to: Timestamp,
        zone: &TimeZone,
    ) -> Result<Self, RangeError> {
        let last = Timestamp::from_millisecond(to.as_millisecond() - 1);
        let last = last.map_err(|_| RangeError::OutOfTime)?;
        let days = (local(from, zone).date(), local(last, zone).date());
        Ok(Self { from, to, days, wanted })
    }

    /// The same without what is still to come: a day up to the end of its hour, a month or a year up to
    /// the end of today. Other times stay as they are.
    #[must_use]
    pub(super) fn trimmed(self, asked: &PeriodContext<'_>) -> Self {
        let (first, last) = self.days;
        if asked.now < self.from || self.to <= asked.now {
            return self;
        }
        let end = match self.wanted {
            Wanted::Day => {
                let passed = asked.now.as_millisecond() - self.from.as_millisecond();
                let hours = passed.div_euclid(HOUR) + 1;
                self.from.checked_add(SignedDuration::from_hours(hours)).ok()
            }
            Wanted::Month | Wanted::Year => {
                today(asked).tomorrow().ok().and_then(|day| start(day, asked.zone).ok())
            }
            _ => None,
        };
        let to = end.map_or(self.to, |end| end.min(self.to));
        Self { to, days: (first, last.min(today(asked)).max(first)), ..self }
    }

    /// The time that it is compared with, beginning on the same day of the week if `same_weekday`.
    ///
    /// Whole days are compared with as many of them as have begun, as Plausible does, but a day with as much
    /// of the other as has passed of it (`lib/plausible/stats/comparisons.ex`). Times between instants are
    /// compared with exactly as much time.
    ///
    /// # Errors
    /// If it would lie at an end of time.
    pub(super) fn compared(
        &self,
        against: Against,
        same_weekday: bool,
        asked: &PeriodContext<'_>,
    ) -> Result<Self, RangeError> {
        let (first, last) = self.days;
        let out = |_: jiff::Error| RangeError::OutOfTime;
        if let Against::Days(from, to) = against {
            return Self::between(Wanted::Days(from, to), from, to, asked.zone);
        }
        if matches!(self.wanted, Wanted::Hours24 | Wanted::Instants(..)) {
            let passed = self.from.duration_until(self.to);
            let weeks = passed.as_secs().div_euclid(7 * 86_400) + 1;
            let back = |at: Timestamp| match (against, same_weekday) {
                (Against::YearBefore, false) => {
                    local(at, asked.zone).checked_sub(1.year()).map(|at| at.timestamp())
                }
                (Against::YearBefore, true) => at.checked_sub(SignedDuration::from_hours(364 * 24)),
                (_, true) => at.checked_sub(SignedDuration::from_hours(weeks * 7 * 24)),
                (_, false) => at.checked_sub(passed),
            };
            let (from, to) = (back(self.from).map_err(out)?, back(self.to).map_err(out)?);
            return Self::exact(Wanted::Instants(from, to), from, to.max(from), asked.zone);
        }
        let last = last.min(today(asked)).max(first);
        let length = days_between(first, last);
        let mut begin = match against {
            Against::YearBefore => first.checked_sub(1.year()),
            _ => days_of(length + 1).and_then(|days| first.checked_sub(days)),
        }
        .map_err(out)?;
        if same_weekday && begin.weekday() != first.weekday() {
            let after = next(begin, first.weekday()).map_err(out)?;
            begin = if after == first { after.checked_sub(7.days()).map_err(out)? } else { after };
        }
        let end = days_of(length).and_then(|days| begin.checked_add(days)).map_err(out)?;
        let mut range = Self::between(Wanted::Days(begin, end), begin, end, asked.zone)?;
        if self.wanted == Wanted::Day && self.from <= asked.now && asked.now < self.to {
            let passed = self.from.duration_until(asked.now);
            range.to = range.from.checked_add(passed).map_or(range.to, |to| to.min(range.to));
        }
        Ok(range)
    }

    /// The unit that suits it: hours for two days, days for up to 41, weeks for a year, else months
    /// (`lib/plausible/stats/query_optimizer.ex`).
    #[must_use]
    pub(super) fn unit(&self) -> Unit {
        let hours = (self.from.duration_until(self.to).as_secs() - 1).max(0) / 3600;
        match (hours, hours / 24, hours / 168) {
            (..=48, ..) => Unit::Hour,
            (_, ..=40, _) => Unit::Day,
            (_, _, ..=52) => Unit::Week,
            _ => Unit::Month,
        }
    }

    /// Where its bars of a unit begin, in order, each with the name that Plausible gives it; `None` if there
    /// would be more than [`MAX_BARS`].
    #[must_use]
    pub(super) fn bars(&self, unit: Unit, zone: &TimeZone) -> Option<Vec<TimeBucket>> {
        let (from, to) = (self.from.as_millisecond(), self.to.as_millisecond());
        if (to - from) / unit.least() >= MAX_BARS {
            return None;
        }
        let (first, last) = self.days;
        let day_bar = |day: Date, name: Date| {
            Some(TimeBucket { at: start(day, zone).ok()?, name: name.to_string() })
        };
        let days = first.series(1.day()).take_while(|day| *day <= last);
        let bars: Vec<TimeBucket> = match unit {
            Unit::Minute => {
                let begin = from - from.rem_euclid(MINUTE);
                steps(begin, to, MINUTE).map(|at| timed(at, zone)).collect()
            }
            Unit::Hour => days
                .flat_map(|day| {
                    let begin = start(day, zone).map_or(to, Timestamp::as_millisecond);
                    let end = day.tomorrow().ok().and_then(|next| start(next, zone).ok());
                    steps(begin, end.map_or(to, Timestamp::as_millisecond).min(to), HOUR)
                })
                .filter(|at| at + HOUR > from)
                .map(|at| timed(at, zone))
                .collect(),
            Unit::Day => days.filter_map(|day| day_bar(day, day)).collect(),
            Unit::Week => days
                .filter(|day| *day == first || day.weekday() == Weekday::Monday)
                .filter_map(|day| day_bar(day, day))
                .collect(),
            Unit::Month => first
                .first_of_month()
                .series(1.month())
                .take_while(|month| *month <= last)
                .filter_map(|month| day_bar(month.max(first), month))
                .collect(),
        };
        Some(bars)
    }

    /// Its first and its last second, as the answer says them.
    #[must_use]
    pub(super) fn written(&self, zone: &TimeZone) -> [String; 2] {
        let write = |at: Timestamp| local(at, zone).strftime("%Y-%m-%dT%H:%M:%S%:z").to_string();
        let last = self.to.checked_sub(SignedDuration::from_secs(1)).unwrap_or(self.to);
        [write(self.from), write(last.max(self.from))]
    }
}

/// Today in the zone.
#[must_use]
pub(super) fn today(asked: &PeriodContext<'_>) -> Date {
    local(asked.now, asked.zone).date()
}

fn local(at: Timestamp, zone: &TimeZone) -> Zoned {
    at.to_zoned(zone.rules().clone())
}

/// A day begins when its zone says so, which is not midnight where midnight is skipped.
fn start(day: Date, zone: &TimeZone) -> Result<Timestamp, RangeError> {
    let start = day.to_zoned(zone.rules().clone()).and_then(|day| day.start_of_day());
    start.map(|start| start.timestamp()).map_err(|_| RangeError::OutOfTime)
}

fn days_of(count: i64) -> Result<jiff::Span, jiff::Error> {
    jiff::Span::new().try_days(count)
}

fn days_between(from: Date, to: Date) -> i64 {
    from.duration_until(to).as_hours() / 24
}

/// The first such day behind another.
fn next(day: Date, weekday: Weekday) -> Result<Date, jiff::Error> {
    day.nth_weekday(1, weekday)
}

/// From one number to before another, in steps.
fn steps(from: i64, to: i64, step: i64) -> impl Iterator<Item = i64> {
    std::iter::successors(Some(from), move |at| at.checked_add(step)).take_while(move |at| *at < to)
}

fn timed(at: i64, zone: &TimeZone) -> TimeBucket {
    let at = Timestamp::from_millisecond(at).unwrap_or_default();
    TimeBucket { at, name: local(at, zone).strftime("%Y-%m-%d %H:%M:%S").to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: &str = "2026-11-22T23:30:00Z";

    fn zone(name: &str) -> TimeZone {
        TimeZone::try_from(name.to_owned()).unwrap()
    }

    fn range_in(wanted: Wanted, zone: &TimeZone) -> Result<Range, RangeError> {
        let first = Some("2024-02-29".parse().unwrap());
        let asked = PeriodContext { now: NOW.parse().unwrap(), zone, first };
        Range::of(wanted, today(&asked), &asked)
    }

    fn wanted(text: &str) -> Wanted {
        match text.split_once(' ') {
            Some((from, to)) => Wanted::between(from, to).unwrap(),
            None => Wanted::parse(text).unwrap(),
        }
    }

    #[test]
    fn a_time_is_named_or_given() {
        let check = |text: &str, zone_name: &str, from: &str, to: &str| {
            let zone = zone(zone_name);
            let range = range_in(wanted(text), &zone).unwrap();
            assert_eq!(range.written(&zone), [from, to], "{text} in {zone_name}");
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
    fn what_is_no_time_is_refused() {
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
            assert_eq!(Wanted::parse(name), None, "{name}");
        }
        for (from, to) in [
            ("2026-01-01", "x"),
            ("2026-02-30", "2026-03-01"),
            ("2026-01-01", "2026-01-01T00:00:00Z"),
            ("2026-01-01T00:00:00", "2026-01-01T00:00:00"),
            ("", ""),
        ] {
            assert_eq!(Wanted::between(from, to), None, "{from} {to}");
        }
        let utc = zone("UTC");
        assert_eq!(range_in(wanted("2026-01-02 2026-01-01"), &utc), Err(RangeError::Backwards));
        let instants = wanted("2026-01-02T00:00:00Z 2026-01-01T00:00:00Z");
        assert_eq!(range_in(instants, &utc), Err(RangeError::Backwards));
        assert_eq!(range_in(wanted("9999-12-31 9999-12-31"), &utc), Err(RangeError::OutOfTime));
    }

    #[test]
    fn a_time_is_compared() {
        let check = |text: &str, against: Against, weekday: bool, from: &str, to: &str| {
            let utc = zone("UTC");
            let asked = PeriodContext { now: NOW.parse().unwrap(), zone: &utc, first: None };
            let range = Range::of(wanted(text), today(&asked), &asked).unwrap();
            let compared = range.compared(against, weekday, &asked).unwrap();
            let written = compared.written(&utc);
            assert_eq!(written, [format!("{from}+00:00"), format!("{to}+00:00")], "{text}");
        };
        let days = "2021-01-07 2021-01-13";
        check(days, Against::Previous, false, "2020-12-31T00:00:00", "2021-01-06T23:59:59");
        check(days, Against::YearBefore, false, "2020-01-07T00:00:00", "2020-01-13T23:59:59");
        // The 7th was a Thursday, and is a Tuesday the year before.
        check(days, Against::YearBefore, true, "2020-01-09T00:00:00", "2020-01-15T23:59:59");
        let custom = Against::Days("2021-04-05".parse().unwrap(), "2021-05-05".parse().unwrap());
        check(days, custom, true, "2021-04-05T00:00:00", "2021-05-05T23:59:59");
        // A Monday and a Tuesday: the days before are a Saturday and a Sunday, and the Monday behind them is
        // the one that is compared.
        check(
            "2021-01-11 2021-01-12",
            Against::Previous,
            true,
            "2021-01-04T00:00:00",
            "2021-01-05T23:59:59",
        );
        // So much of the month as has begun, and of the day as has passed.
        check("month", Against::Previous, false, "2026-10-10T00:00:00", "2026-10-31T23:59:59");
        check("day", Against::Previous, false, "2026-11-21T00:00:00", "2026-11-21T23:29:59");
        check("24h", Against::Previous, false, "2026-11-20T23:30:00", "2026-11-21T23:29:59");
        check("24h", Against::Previous, true, "2026-11-14T23:30:00", "2026-11-15T23:29:59");
        check("24h", Against::YearBefore, false, "2025-11-21T23:30:00", "2025-11-22T23:29:59");
        check(
            "2024-02-29 2024-02-29",
            Against::YearBefore,
            false,
            "2023-02-28T00:00:00",
            "2023-02-28T23:59:59",
        );
    }

    fn names(text: &str, unit: Unit, zone_name: &str) -> Vec<String> {
        let zone = zone(zone_name);
        let bars = range_in(wanted(text), &zone).unwrap().bars(unit, &zone).unwrap();
        assert!(bars.is_sorted_by_key(|bar| bar.at), "{text}");
        bars.into_iter().map(|bar| bar.name).collect()
    }

    #[test]
    fn bars_are_those_of_the_zone() {
        let names_of = |text: &str, unit| names(text, unit, "UTC");
        assert_eq!(
            names_of("2021-01-05 2021-01-12", Unit::Week),
            ["2021-01-05", "2021-01-11"],
            "a week that began before begins with the first day"
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
    fn bars_are_bounded() {
        let utc = zone("UTC");
        let bars = |text: &str, unit| range_in(wanted(text), &utc).unwrap().bars(unit, &utc);
        assert_eq!(bars("year", Unit::Hour).map(|bars| bars.len()), Some(365 * 24));
        assert_eq!(bars("2020-01-01 2026-01-01", Unit::Hour), None);
        assert_eq!(bars("30d", Unit::Minute), None);
        assert_eq!(bars("0001-01-01 9998-12-31", Unit::Month), None);
    }

    #[test]
    fn a_unit_suits_the_time() {
        let utc = zone("UTC");
        let unit = |text: &str| range_in(wanted(text), &utc).unwrap().unit();
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
    fn what_is_to_come_is_cut_off() {
        let utc = zone("UTC");
        let now = "2026-11-22T13:10:00Z".parse().unwrap();
        let asked = PeriodContext { now, zone: &utc, first: None };
        let check = |text: &str, end: &str| {
            let range = Range::of(wanted(text), today(&asked), &asked).unwrap().trimmed(&asked);
            assert_eq!(range.written(&utc)[1], format!("{end}+00:00"), "{text}");
        };
        check("day", "2026-11-22T13:59:59");
        check("month", "2026-11-22T23:59:59");
        check("year", "2026-11-22T23:59:59");
        check("7d", "2026-11-21T23:59:59");
        check("2026-11-22 2026-11-23", "2026-11-23T23:59:59");
    }
}
