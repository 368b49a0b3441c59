//! The days that a report is about, in the site's time zone, and the bars that they fall into.

use footfall_infra::settings::TimeZone;
use jiff::civil::Date;
use jiff::{Timestamp, ToSpan as _, Zoned};
use serde::Serialize;

use crate::platform::http::Request;
use crate::storage::hour::utc_start;

/// What a report covers where nothing is asked for.
const DEFAULT: Choice = Choice::Days(7);

/// The most days of one report: 20 years.
const MAX_DAYS: i64 = 7320;

/// The most hours of a day: a zone that crosses the date line to the east has one day twice.
const MAX_HOURS: usize = 48;

/// Up to so many days, a bar is a day.
const DAY_BARS: i64 = 100;

/// Whole days, from the first to the last, in a time zone.
#[derive(Debug, Clone, PartialEq)]
pub struct Period {
    /// How it was asked for.
    pub choice: Choice,
    /// The first day.
    pub from: Date,
    /// The last day, included; not before the first.
    pub to: Date,
    /// Where the days are.
    pub zone: TimeZone,
}

/// How a period is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Choice {
    /// Today.
    Today,
    /// The day before.
    Yesterday,
    /// So many days, of which today is the last.
    Days(i64),
    /// This month, up to today.
    Month,
    /// This year, up to today.
    Year,
    /// From the first day on which anything was counted.
    All,
    /// From one day to another.
    Custom,
}

/// When it is asked, and what about.
#[derive(Debug, Clone, Copy)]
pub struct PeriodContext<'a> {
    /// The time now.
    pub now: Timestamp,
    /// The site's time zone.
    pub zone: &'a TimeZone,
    /// The first day of UTC on which anything was counted, as far as is known.
    pub first: Option<Date>,
}

/// What a bar of the chart spans.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Unit {
    /// 60 minutes.
    Hour,
    /// A day of the zone.
    Day,
    /// A month of the zone, or what of it lies in the period.
    Month,
}

/// Where a bar begins. It ends where the next one does, the last with the period.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimeBucket {
    /// The instant.
    pub at: Timestamp,
    /// The same as data: `2026-11-22T13:00+01:00`, `2026-11-22` or `2026-11`.
    pub name: String,
}

/// A period that cannot be asked for, and what to ask instead.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PeriodError {
    /// `period` is none that is known.
    #[error(
        "period must be today, yesterday, 7d, 28d, 91d (or any number of days), month, year, all or custom"
    )]
    Unknown,
    /// A number of days is out of bounds.
    #[error("days must be a number from 1 to {MAX_DAYS}")]
    Days,
    /// `from` or `to` is no day.
    #[error("{0} must be a day such as 2026-11-22")]
    Day(&'static str),
    /// One of `from` and `to` stands alone.
    #[error("from and to go together: give both, or use period")]
    Half,
    /// The period ends before it begins.
    #[error("the end date is before the start date")]
    Backwards,
    /// The period is longer than can be shown.
    #[error("a period has at most {MAX_DAYS} days: ask for fewer")]
    TooLong,
}

impl Choice {
    /// Those that the dashboard offers, with what they are called there.
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

    /// As in an address.
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
    /// The period that a request's `period`, or `from` and `to`, or `days`, ask for.
    ///
    /// # Errors
    /// If they ask for none.
    pub fn of(request: &Request, asked: &PeriodContext<'_>) -> Result<Self, PeriodError> {
        let parameter = |name| request.parameter(name).filter(|value| !value.is_empty());
        let day = |name: &'static str, text: &str| text.parse().map_err(|_| PeriodError::Day(name));
        let choice = match (parameter("period"), parameter("days")) {
            (Some(name), _) => Some(Choice::parse(&name)?),
            (None, Some(days)) => Some(Choice::Days(days.parse().map_err(|_| PeriodError::Days)?)),
            (None, None) => None,
        };
        // A form sends its days whatever else was chosen before.
        let days = match choice {
            None | Some(Choice::Custom) => (parameter("from"), parameter("to")),
            Some(_) => (None, None),
        };
        match days {
            (Some(from), Some(to)) => {
                Self::between(day("from", &from)?, day("to", &to)?, asked.zone.clone())
            }
            (None, None) if choice == Some(Choice::Custom) => Err(PeriodError::Half),
            (None, None) => Self::chosen(choice.unwrap_or(DEFAULT), asked),
            _ => Err(PeriodError::Half),
        }
    }

    /// The day in which `now` lies.
    #[must_use]
    pub fn today(now: Timestamp, zone: TimeZone) -> Self {
        let today = now.to_zoned(zone.rules().clone()).date();
        Self { choice: Choice::Today, from: today, to: today, zone }
    }

    /// The days of a choice that is not custom.
    fn chosen(choice: Choice, asked: &PeriodContext<'_>) -> Result<Self, PeriodError> {
        let local = |at: Timestamp| at.to_zoned(asked.zone.rules().clone()).date();
        let today = local(asked.now);
        let ago = |days: i64| today.checked_sub(days.days()).map_err(|_| PeriodError::Days);
        let (from, to) = match choice {
            Choice::Today | Choice::Custom => (today, today),
            Choice::Yesterday => (ago(1)?, ago(1)?),
            Choice::Days(days) if (1..=MAX_DAYS).contains(&days) => (ago(days - 1)?, today),
            Choice::Days(_) => return Err(PeriodError::Days),
            Choice::Month => (today.first_of_month(), today),
            Choice::Year => (today.first_of_year(), today),
            Choice::All => {
                let first = asked.first.and_then(|day| utc_start(day).ok()).map(local);
                // What is longer begins later: the last 20 years are all.
                let first = first.unwrap_or(today).clamp(ago(MAX_DAYS - 1)?, today);
                (first, today)
            }
        };
        Ok(Self { choice, from, to, zone: asked.zone.clone() })
    }

    fn between(from: Date, to: Date, zone: TimeZone) -> Result<Self, PeriodError> {
        if to < from {
            return Err(PeriodError::Backwards);
        }
        let period = Self { choice: Choice::Custom, from, to, zone };
        if period.day_count() > MAX_DAYS { Err(PeriodError::TooLong) } else { Ok(period) }
    }

    /// How many days it has.
    #[must_use]
    pub fn day_count(&self) -> i64 {
        self.from.duration_until(self.to).as_hours() / 24 + 1
    }

    /// The instants that the period spans: the first is in it, the second is not. A day begins
    /// when its zone says so, which is not midnight where midnight is skipped.
    #[must_use]
    pub fn instants(&self) -> (Timestamp, Timestamp) {
        (self.start(self.from), self.end())
    }

    /// The instants that it is compared with: as many days before it, or the month or year before. If
    /// it is not over at `now`, as much of them as has passed of it. `None` for all time.
    #[must_use]
    pub fn before(&self, now: Timestamp) -> Option<(Timestamp, Timestamp)> {
        let (from, to) = (self.start(self.earlier()?), self.start(self.from));
        let (start, end) = self.instants();
        if now >= end {
            return Some((from, to));
        }
        let passed = from.checked_add(start.duration_until(now.max(start))).ok()?;
        Some((from, to.min(passed)))
    }

    /// The first day of what it is compared with.
    fn earlier(&self) -> Option<Date> {
        let earlier = match self.choice {
            Choice::All => return None,
            Choice::Month => self.from.checked_sub(1.month()),
            Choice::Year => self.from.checked_sub(1.year()),
            _ => self.from.checked_sub(self.day_count().days()),
        };
        earlier.ok()
    }

    /// The bars of what it is compared with, in order, as far as that goes at `now`: each beside the bar of the
    /// period at the same place.
    #[must_use]
    pub fn bars_before(&self, now: Timestamp) -> Vec<TimeBucket> {
        let earlier = self.earlier().zip(self.from.yesterday().ok());
        let (Some((from, to)), Some((_, end))) = (earlier, self.before(now)) else {
            return Vec::new();
        };
        let earlier = Self { choice: Choice::Custom, from, to, zone: self.zone.clone() };
        let bars = earlier.bars_of(self.unit());
        bars.into_iter().take_while(|bar| bar.at < end).collect()
    }

    /// What its bars span.
    #[must_use]
    pub fn unit(&self) -> Unit {
        match self.day_count() {
            1 => Unit::Hour,
            2..=DAY_BARS => Unit::Day,
            _ => Unit::Month,
        }
    }

    /// Where its bars begin, in order. There is always one.
    #[must_use]
    pub fn bars(&self) -> Vec<TimeBucket> {
        self.bars_of(self.unit())
    }

    /// Where its bars of a unit begin, in order.
    #[must_use]
    pub fn bars_of(&self, unit: Unit) -> Vec<TimeBucket> {
        let to = self.to;
        let day = |day: Date, name: String| TimeBucket { at: self.start(day), name };
        match unit {
            Unit::Hour => {
                let (start, end) = self.instants();
                let hours = (0..).map_while(|hour: i64| start.checked_add(hour.hours()).ok());
                // A day that its zone has skipped has a bar, and no time in it.
                hours
                    .take(MAX_HOURS)
                    .take_while(|at| *at < end || *at == start)
                    .map(|at| TimeBucket { at, name: hour_name(&self.zoned(at)) })
                    .collect()
            }
            Unit::Day => {
                let days = self.from.series(1.day()).take_while(|day| *day <= to);
                days.map(|date| day(date, date.to_string())).collect()
            }
            Unit::Month => {
                let months = self.from.first_of_month().series(1.month());
                let months = months.take_while(|month| *month <= to);
                months
                    .map(|month| day(month.max(self.from), month.strftime("%Y-%m").to_string()))
                    .collect()
            }
        }
    }

    /// An instant on the clock of the period's zone.
    #[must_use]
    pub fn zoned(&self, at: Timestamp) -> Zoned {
        at.to_zoned(self.zone.rules().clone())
    }

    /// A day at an end of time, which a zone can push out of it, begins there.
    fn start(&self, day: Date) -> Timestamp {
        let zoned = day.to_zoned(self.zone.rules().clone());
        let end = if day.year() > 0 { Timestamp::MAX } else { Timestamp::MIN };
        zoned.map_or(end, |zoned| zoned.timestamp())
    }

    fn end(&self) -> Timestamp {
        self.to.tomorrow().map_or(Timestamp::MAX, |next| self.start(next))
    }
}

/// The hour with its distance from UTC: where the clock is set back, an hour comes twice.
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
    fn days_are_those_of_the_zone() {
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
        // The first day of UTC begins on the day before.
        check("period=all", "America/New_York", "2024-02-28", "2026-11-22", 999);
        check("from=2026-03-01&to=2026-03-31", "Europe/Berlin", "2026-03-01", "2026-03-31", 31);
        check("period=7d&from=2026-03-01&to=2026-03-31", "UTC", "2026-11-16", "2026-11-22", 7);
        check("period=custom&from=2026-03-01&to=2026-03-31", "UTC", "2026-03-01", "2026-03-31", 31);
    }

    #[test]
    fn what_cannot_be_asked_is_refused() {
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
    fn instants_follow_the_zones_clock() {
        let check = |query: &str, name: &str, expected: (&str, &str)| {
            let (start, end) = period(query, name).unwrap().instants();
            assert_eq!((start.to_string().as_str(), end.to_string().as_str()), expected, "{name}");
        };
        let day = "from=2026-11-22&to=2026-11-22";
        check(day, "UTC", ("2026-11-22T00:00:00Z", "2026-11-23T00:00:00Z"));
        // 5:45 ahead.
        check(day, "Asia/Kathmandu", ("2026-11-21T18:15:00Z", "2026-11-22T18:15:00Z"));
        // 23 and 25 hours long.
        let (spring, autumn) = ("from=2026-03-29&to=2026-03-29", "from=2026-10-25&to=2026-10-25");
        check(spring, "Europe/Berlin", ("2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z"));
        check(autumn, "Europe/Berlin", ("2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z"));
        // Midnight is skipped: the day begins at one.
        let spring = "from=2026-09-06&to=2026-09-06";
        check(spring, "America/Santiago", ("2026-09-06T04:00:00Z", "2026-09-07T03:00:00Z"));
        // The end of time.
        let last = period("from=9999-12-31&to=9999-12-31", "UTC").unwrap();
        assert_eq!(last.instants().1, Timestamp::MAX);
        assert_eq!(last.bars().len(), 1);
    }

    #[test]
    fn bars_cover_a_period() {
        let check = |query: &str, zone: &str, len: usize, first: &str, last: &str| {
            let bars = period(query, zone).unwrap().bars();
            let names = (bars[0].name.as_str(), bars[bars.len() - 1].name.as_str());
            assert_eq!((bars.len(), names), (len, (first, last)), "{query} in {zone}");
            assert!(bars.is_sorted_by_key(|bar| bar.at));
        };
        let day = |day: &str| format!("from={day}&to={day}");
        check("period=today", "UTC", 24, "2026-11-22T00:00+00:00", "2026-11-22T23:00+00:00");
        let berlin = "Europe/Berlin";
        check(&day("2026-03-29"), berlin, 23, "2026-03-29T00:00+01:00", "2026-03-29T23:00+02:00");
        check(&day("2026-10-25"), berlin, 25, "2026-10-25T00:00+02:00", "2026-10-25T23:00+01:00");
        // Half an hour is skipped.
        let howe = "Australia/Lord_Howe";
        check(&day("2026-10-04"), howe, 24, "2026-10-04T00:00+10:30", "2026-10-04T23:30+11:00");
        // A whole day is skipped.
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
    fn a_period_is_compared_with_as_much_before_it() {
        let check = |query: &str, zone: &str, expected: Option<(&str, &str)>| {
            let before = period(query, zone).unwrap().before(at("2026-11-22T23:30:00Z"));
            let expected = expected.map(|(from, to)| (at(from), at(to)));
            assert_eq!(before, expected, "{query} in {zone}");
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
        // All of it lies ahead: nothing has passed.
        let ahead = "from=2026-12-01&to=2026-12-02";
        check(ahead, "UTC", Some(("2026-11-29T00:00:00Z", "2026-11-29T00:00:00Z")));
    }
}
