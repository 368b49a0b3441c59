//! The bar chart of a report: geometry and labels alone, which the template draws as SVG.
//!
//! Across, everything is in per cent of the chart's width, so that it fits any screen without
//! distorting text; down, in pixels.

use jiff::civil::Date;
use jiff::{Timestamp, Zoned};
use serde::Serialize;

use crate::period::{BarStart, Period, Unit};
use crate::report::Bar as Counted;

/// The height of the plot, in pixels.
const HEIGHT: f64 = 180.0;

/// The most labels under the bars. A phone has room for half of them.
const LABELS: usize = 8;

/// Up to so many bars have their number above them.
const NUMBERED: usize = 10;

/// Between labelled hours.
const HOURS: usize = 3;

/// A chart, ready to draw.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Chart {
    /// The plot's height in pixels.
    pub height: f64,
    /// In order.
    pub bars: Vec<Bar>,
    /// Horizontal lines, from the lowest.
    pub lines: Vec<Line>,
    /// Whether there is room for the numbers above the bars.
    pub is_numbered: bool,
}

/// A bar: page views, and in front of them visitors.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Bar {
    /// When it begins, as in data: `2026-11-22`.
    pub at: String,
    /// The same as in speech: `Sun, 22 Nov 2026`.
    pub name: String,
    /// What stands under the bar, if there is room: `22 Nov`.
    pub label: Option<String>,
    /// Whether the label is one of the half that a phone leaves out.
    pub is_minor: bool,
    /// Whether it is the last of many, whose label would not fit under its middle.
    pub is_last: bool,
    /// `past`, `open` while it lasts, `ahead`.
    pub stage: Stage,
    /// Where the bar leads.
    pub href: Option<String>,
    /// Page views.
    pub views: u64,
    /// Visitors.
    pub visitors: u64,
    /// Visits.
    pub visits: u64,
    /// The left edge of its share of the width, in per cent.
    pub left: f64,
    /// That share, in per cent.
    pub slot: f64,
    /// The left edge of what is drawn, in per cent.
    pub x: f64,
    /// The width of what is drawn, in per cent.
    pub width: f64,
    /// The middle, in per cent.
    pub middle: f64,
    /// The height of the views, in pixels.
    pub views_height: f64,
    /// The height of the visitors, in pixels.
    pub visitors_height: f64,
}

/// Whether a bar's time is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    /// It is.
    Past,
    /// It has begun.
    Open,
    /// It has not begun.
    Ahead,
}

/// A line at a round number.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Line {
    /// The number.
    pub value: u64,
    /// Its distance from the top, in pixels.
    pub y: f64,
}

impl Chart {
    /// The chart of a period's bars. Those of days and months lead where `href` says.
    #[must_use]
    pub fn of(
        period: &Period,
        counted: &[Counted],
        now: Timestamp,
        href: impl Fn(Date, Date) -> String,
    ) -> Self {
        let starts = period.bars();
        let most = counted.iter().map(|bar| bar.tally.views.max(bar.tally.visitors)).max();
        let step = step(most.unwrap_or(0));
        let top = most.unwrap_or(0).div_ceil(step).max(1) * step;
        let scale = |value: u64| round(HEIGHT * value as f64 / top as f64);
        let slot = 100.0 / counted.len().max(1) as f64;
        let unit = period.unit();
        let counted_len = counted.len();
        let is_numbered = counted_len <= NUMBERED;
        // Few bars are wide enough with more air between them.
        let breadth = if is_numbered { 0.56 } else { 0.76 };
        let bar = |(i, (start, counted)): (usize, (&BarStart, &Counted))| {
            let at = period.zoned(start.at);
            let (is_labelled, is_minor) = labelled(unit, i, starts.len());
            Bar {
                at: counted.at.clone(),
                name: name(unit, &at),
                label: is_labelled.then(|| label(unit, &at)),
                is_minor,
                is_last: !is_numbered && i + 1 == counted_len,
                stage: stage(start.at, starts.get(i + 1).map(|next| next.at), period, now),
                href: days(unit, at.date()).map(|(from, to)| href(from, to)),
                views: counted.tally.views,
                visitors: counted.tally.visitors,
                visits: counted.tally.visits,
                left: round(slot * i as f64),
                slot: round(slot),
                x: round(slot * (i as f64 + (1.0 - breadth) / 2.0)),
                width: round(slot * breadth),
                middle: round(slot * (i as f64 + 0.5)),
                views_height: scale(counted.tally.views),
                visitors_height: scale(counted.tally.visitors),
            }
        };
        let lines = (0..=top / step).map(|n| n * step);
        Self {
            height: HEIGHT,
            bars: starts.iter().zip(counted).enumerate().map(bar).collect(),
            lines: lines.map(|value| Line { value, y: round(HEIGHT - scale(value)) }).collect(),
            is_numbered,
        }
    }
}

/// The last bar ends with the period.
fn stage(start: Timestamp, next: Option<Timestamp>, period: &Period, now: Timestamp) -> Stage {
    let end = next.unwrap_or_else(|| period.instants().1);
    match now {
        now if now < start => Stage::Ahead,
        now if now < end => Stage::Open,
        _ => Stage::Past,
    }
}

/// Whether a bar is labelled, and whether only where there is room.
fn labelled(unit: Unit, i: usize, len: usize) -> (bool, bool) {
    if unit == Unit::Hour {
        return (i.is_multiple_of(HOURS), !i.is_multiple_of(2 * HOURS));
    }
    let every = len.div_ceil(LABELS).max(1);
    // The last one always has a label: it is the one that is looked for.
    let from_last = len - 1 - i;
    let is_minor = len > 4 && !from_last.is_multiple_of(2 * every);
    (from_last.is_multiple_of(every), is_minor)
}

fn label(unit: Unit, at: &Zoned) -> String {
    let format = match unit {
        Unit::Hour => "%H:%M",
        Unit::Day => "%-d %b",
        Unit::Month => "%b %Y",
    };
    at.strftime(format).to_string()
}

fn name(unit: Unit, at: &Zoned) -> String {
    let format = match unit {
        Unit::Hour => "%a, %-d %b %Y, %H:%M",
        Unit::Day => "%a, %-d %b %Y",
        Unit::Month => "%B %Y",
    };
    at.strftime(format).to_string()
}

/// The days that a bar stands for. An hour is no period of its own.
fn days(unit: Unit, at: Date) -> Option<(Date, Date)> {
    match unit {
        Unit::Hour => None,
        Unit::Day => Some((at, at)),
        Unit::Month => Some((at.first_of_month(), at.last_of_month())),
    }
}

/// The round number (1, 2 or 5 and zeros) of which at most four reach up to `most`.
fn step(most: u64) -> u64 {
    let mut power = 1_u64;
    loop {
        for digit in [1, 2, 5] {
            let step = power.saturating_mul(digit);
            if most.div_ceil(step) <= 4 {
                return step;
            }
        }
        power = power.saturating_mul(10);
    }
}

/// Two decimals: a hundredth of a pixel is not seen, and the page is smaller.
fn round(number: f64) -> f64 {
    (number * 100.0).round() / 100.0
}

#[cfg(test)]
mod tests {
    use footfall_infra::settings::TimeZone;

    use super::*;
    use crate::period::Choice;
    use crate::report::Tally;

    fn chart(from: &str, to: &str, zone: &str, now: &str) -> Chart {
        let period = Period {
            choice: Choice::Custom,
            from: from.parse().unwrap(),
            to: to.parse().unwrap(),
            zone: TimeZone::try_from(zone.to_owned()).unwrap(),
        };
        let counted: Vec<Counted> = (0_u64..)
            .zip(period.bars())
            .map(|(i, start)| Counted {
                at: start.name,
                tally: Tally { views: 10 * i, visitors: i, ..Tally::default() },
            })
            .collect();
        Chart::of(&period, &counted, now.parse().unwrap(), |from, to| format!("{from} {to}"))
    }

    fn labels(chart: &Chart) -> Vec<&str> {
        chart.bars.iter().filter_map(|bar| bar.label.as_deref()).collect()
    }

    #[test]
    fn bars_are_labelled_by_their_unit() {
        let now = "2026-11-22T12:00:00Z";
        let hours = chart("2026-11-22", "2026-11-22", "UTC", now);
        assert_eq!(labels(&hours)[..3], ["00:00", "03:00", "06:00"]);
        assert_eq!(hours.bars[13].name, "Sun, 22 Nov 2026, 13:00");
        assert_eq!(hours.bars[13].href, None);
        let days = chart("2026-11-16", "2026-11-22", "UTC", now);
        assert_eq!(labels(&days).len(), 7);
        assert_eq!(labels(&days)[6], "22 Nov");
        let minor: Vec<bool> = days.bars.iter().map(|bar| bar.is_minor).collect();
        assert_eq!(minor, [false, true, false, true, false, true, false]);
        assert!(days.is_numbered);
        assert_eq!(days.bars[6].name, "Sun, 22 Nov 2026");
        assert_eq!(days.bars[6].href.as_deref(), Some("2026-11-22 2026-11-22"));
        let months = chart("2026-01-15", "2026-11-22", "UTC", now);
        assert_eq!(months.bars[0].name, "January 2026");
        assert_eq!(months.bars[0].href.as_deref(), Some("2026-01-01 2026-01-31"));
        assert_eq!(labels(&months).last(), Some(&"Nov 2026"));
    }

    #[test]
    fn an_hour_that_the_clock_skips_or_repeats_is_labelled_as_it_reads() {
        let now = "2026-11-22T12:00:00Z";
        let spring = chart("2026-03-29", "2026-03-29", "Europe/Berlin", now);
        assert_eq!((spring.bars.len(), labels(&spring)[1]), (23, "04:00"));
        let autumn = chart("2026-10-25", "2026-10-25", "Europe/Berlin", now);
        assert_eq!((autumn.bars.len(), labels(&autumn)[1]), (25, "02:00"));
    }

    #[test]
    fn what_lies_ahead_looks_different() {
        let chart = chart("2026-11-21", "2026-11-23", "UTC", "2026-11-22T00:00:00Z");
        let stages: Vec<Stage> = chart.bars.iter().map(|bar| bar.stage).collect();
        assert_eq!(stages, [Stage::Past, Stage::Open, Stage::Ahead]);
    }

    #[test]
    fn heights_are_parts_of_a_round_number() {
        let chart = chart("2026-11-01", "2026-11-30", "UTC", "2026-12-22T00:00:00Z");
        let lines: Vec<u64> = chart.lines.iter().map(|line| line.value).collect();
        assert_eq!(lines, [0, 100, 200, 300]);
        let last = &chart.bars[29];
        assert_eq!((last.views_height, last.visitors_height), (174.0, 17.4));
        assert!((last.left + last.slot - 100.0).abs() < 0.1);
        assert!(!chart.is_numbered);
        assert!(chart.bars.iter().any(|bar| bar.is_minor));
    }

    #[test]
    fn steps_are_round() {
        assert_eq!([0, 4, 5, 399, 401].map(step), [1, 1, 2, 100, 200]);
        assert_eq!(step(u64::MAX / 2), 5_000_000_000_000_000_000);
    }
}
