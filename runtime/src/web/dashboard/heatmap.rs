//! Heatmap: average visitors by weekday and hour.

use jiff::{Timestamp, civil::Weekday};
use serde::Serialize;

use super::format;
use crate::query::engine::{GroupBy, GroupRow};
use crate::query::period::{Choice, Period};
use crate::query::time_range::{TimeBucket, Unit};

/// Minimum days of a period, so that it has every weekday.
const MIN_DAYS: i64 = 7;

/// Maximum days of a period, each of which has 24 bars.
const MAX_DAYS: i64 = 100;

/// Number of shades besides none.
const SHADES: f64 = 6.0;

const WEEKDAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

/// An hour of a weekday.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Cell {
    /// Visitors in all such hours of the period.
    visitors: u64,
    /// Page views in them.
    views: u64,
    /// Number of such hours up to now.
    hours: u64,
}

/// A week by the clock of the site.
#[derive(Debug)]
pub(super) struct Week {
    /// Start of each hour of the period in milliseconds, and its index in `cells`.
    starts: Vec<(i64, usize)>,
    /// 24 cells per weekday, Monday first.
    cells: Vec<Cell>,
}

/// A weekday, ready to print.
#[derive(Debug, PartialEq, Serialize)]
pub(super) struct Day {
    name: &'static str,
    hours: Vec<Hour>,
}

/// An hour, ready to print.
#[derive(Debug, PartialEq, Serialize)]
struct Hour {
    /// Average visitors of such an hour.
    text: String,
    /// Shade, from 0 to 6.
    shade: u8,
}

/// An hour as data.
#[derive(Debug, Serialize)]
pub(super) struct HourRow {
    /// Weekday; 1 is Monday.
    pub weekday: usize,
    /// Hour, from 0 to 23.
    pub hour: usize,
    /// Visitors in all such hours of the period.
    pub visitors: u64,
    /// Page views in them.
    pub views: u64,
    /// Number of such hours.
    pub hours: u64,
}

impl Week {
    /// Returns whether a period has enough days, and not too many.
    #[must_use]
    pub(super) fn fits(period: &Period) -> bool {
        (MIN_DAYS..=MAX_DAYS).contains(&period.day_count())
    }

    /// Lists the hours of a period up to `now`, starting at `since` if it is known. `None` if the period does not fit.
    #[must_use]
    pub(super) fn of(period: &Period, since: Option<Timestamp>, now: Timestamp) -> Option<Self> {
        if !Self::fits(period) {
            return None;
        }
        let (mut starts, mut cells) = (Vec::new(), vec![Cell::default(); 7 * 24]);
        let days = std::iter::successors(Some(period.from), |day| day.tomorrow().ok());
        for day in days.take_while(|day| *day <= period.to) {
            let day =
                Period { choice: Choice::Custom, from: day, to: day, zone: period.zone.clone() };
            let is_asked =
                |bar: &TimeBucket| bar.at <= now && since.is_none_or(|since| bar.at >= since);
            for bar in day.buckets_of(Unit::Hour).into_iter().filter(is_asked) {
                let at = period.zoned(bar.at);
                let weekday = at.weekday().since(Weekday::Monday);
                let cell = usize::from(weekday.unsigned_abs()) * 24
                    + usize::from(at.hour().unsigned_abs());
                if let Some(counted) = cells.get_mut(cell) {
                    counted.hours += 1;
                    starts.push((bar.at.as_millisecond(), cell));
                }
            }
        }
        Some(Self { starts, cells })
    }

    /// Returns the grouping that counts these hours.
    #[must_use]
    pub(super) fn grouping(&self) -> GroupBy {
        GroupBy::by_time(self.starts.iter().map(|(at, _)| *at).collect())
    }

    /// Adds the counts of that grouping.
    #[must_use]
    pub(super) fn counted(mut self, groups: &[GroupRow]) -> Self {
        for group in groups {
            let start = group.bucket.and_then(|bar| self.starts.get(bar));
            if let Some(cell) = start.and_then(|(_, cell)| self.cells.get_mut(*cell)) {
                cell.visitors += group.metrics.visitors;
                cell.views += group.metrics.views;
            }
        }
        self
    }

    /// Returns the days, ready to print.
    #[must_use]
    pub(super) fn days(&self) -> Vec<Day> {
        let average =
            |cell: &Cell| (cell.hours > 0).then(|| cell.visitors as f64 / cell.hours as f64);
        let most = self.cells.iter().filter_map(average).fold(0.0, f64::max);
        let hour = |cell: &Cell| {
            let average = average(cell);
            let text = match average {
                None => format::NONE.to_owned(),
                Some(few) if few > 0.0 && few < 9.95 => format!("{few:.1}"),
                Some(many) => format::thousands(many.round() as u64),
            };
            let part = average.filter(|_| most > 0.0).map_or(0.0, |average| average / most);
            Hour { text, shade: (part * SHADES).ceil() as u8 }
        };
        let days = WEEKDAYS.iter().zip(self.cells.chunks(24));
        days.map(|(name, hours)| Day { name, hours: hours.iter().map(hour).collect() }).collect()
    }

    /// Returns the hours as data.
    pub(super) fn rows(&self) -> impl Iterator<Item = HourRow> {
        self.cells.iter().enumerate().map(|(at, cell)| HourRow {
            weekday: at / 24 + 1,
            hour: at % 24,
            visitors: cell.visitors,
            views: cell.views,
            hours: cell.hours,
        })
    }
}

#[cfg(test)]
mod tests {
    use footfall_infra::settings::TimeZone;

    use super::*;
    use crate::query::metrics::Metrics;

    fn week(from: &str, to: &str, zone: &str, now: &str) -> Option<Week> {
        let period = Period {
            choice: Choice::Custom,
            from: from.parse().unwrap(),
            to: to.parse().unwrap(),
            zone: TimeZone::try_from(zone.to_owned()).unwrap(),
        };
        Week::of(&period, Some("2026-10-20T00:00:00Z".parse().unwrap()), now.parse().unwrap())
    }

    #[test]
    fn averages_the_hours_that_have_passed() {
        // Two Mondays, the second of which has only begun.
        let week = week("2026-11-09", "2026-11-16", "UTC", "2026-11-16T09:30:00Z").unwrap();
        assert_eq!(week.starts.len(), 7 * 24 + 10);
        let group = |bar, visitors| GroupRow {
            bucket: Some(bar),
            values: Vec::new(),
            metrics: Metrics { visitors, ..Metrics::default() },
        };
        let week =
            week.counted(&[group(9, 5), group(7 * 24 + 9, 10), group(10, 40), group(24, 120)]);
        let days = week.days();
        let shown = |day: usize, hour: usize| {
            (days[day].hours[hour].text.as_str(), days[day].hours[hour].shade)
        };
        assert_eq!((days[0].name, shown(0, 9), shown(0, 10)), ("Mon", ("7.5", 1), ("40", 2)));
        assert_eq!((shown(1, 0), shown(6, 23)), (("120", 6), ("0", 0)));
        let row = week.rows().nth(9).unwrap();
        assert_eq!((row.weekday, row.hour, row.visitors, row.hours), (1, 9, 15, 2));
    }

    #[test]
    fn counts_hours_by_the_clock() {
        // Clocks go back on Sunday, 25 October 2026, so its hour 2 occurs twice.
        let week =
            week("2026-10-19", "2026-10-25", "Europe/Berlin", "2026-11-16T09:30:00Z").unwrap();
        let hours: Vec<u64> = week.rows().skip(6 * 24).map(|row| row.hours).collect();
        assert_eq!(hours[..4], [1, 1, 2, 1]);
        // Monday and the first two hours of Tuesday were before the first hit.
        assert_eq!(week.starts.len(), 5 * 24 + 22 + 1);
        assert_eq!(week.rows().take(27).map(|row| row.hours).sum::<u64>(), 1);
    }

    #[test]
    fn needs_every_weekday_and_not_too_many_days() {
        let is_there = |from, to| week(from, to, "UTC", "2026-11-16T09:30:00Z").is_some();
        assert!(!is_there("2026-11-10", "2026-11-15"));
        assert!(is_there("2026-11-09", "2026-11-15"));
        assert!(!is_there("2026-01-01", "2026-11-15"));
    }
}
