//! Bar chart of a report: geometry and labels, which the template draws as SVG.
//!
//! Horizontal positions are in percent of the chart's width, so that it fits any screen without distorting text.
//! Vertical ones are in pixels.

use jiff::civil::Date;
use jiff::{Timestamp, Zoned};
use serde::Serialize;

use crate::query::period::Period;
use crate::query::time_range::{TimeBucket, Unit};

/// Height of the plot, in pixels.
const HEIGHT: f64 = 180.0;

/// Maximum number of labels under the bars. A phone shows half of them.
const LABELS: usize = 8;

/// Maximum number of bars with their number above them.
const NUMBERED: usize = 10;

/// Interval between labelled hours.
const HOURS: usize = 3;

/// A chart, ready to draw.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Chart {
    /// The plot's height in pixels.
    pub height: f64,
    /// Bars in order of time.
    pub bars: Vec<Bar>,
    /// Horizontal lines, from the lowest.
    pub lines: Vec<Line>,
    /// Whether numbers fit above the bars.
    pub is_numbered: bool,
    /// The previous period's line: path of an SVG that is 100 wide and `height` high.
    pub before: Option<String>,
}

/// A bar.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Bar {
    /// Its start as in data: `2026-11-22`.
    pub at: String,
    /// Its start in words: `Sun, 22 Nov 2026`.
    pub name: String,
    /// Label below the bar: `22 Nov`. `None` where there is no room.
    pub label: Option<String>,
    /// Whether a phone leaves out the label.
    pub is_minor: bool,
    /// Whether it is the last of many bars, whose label is aligned right to fit.
    pub is_last: bool,
    /// Whether its time is over.
    pub stage: Stage,
    /// URL of the bar's own period.
    pub href: Option<String>,
    /// The number. `None` if it is undefined, such as an average of nothing.
    pub value: Option<f64>,
    /// The number of the previous period's bar that it is compared with.
    pub before: Option<f64>,
    /// Left edge of its slot, in percent.
    pub left: f64,
    /// Width of its slot, in percent.
    pub slot: f64,
    /// Left edge of the bar, in percent.
    pub x: f64,
    /// Width of the bar, in percent.
    pub width: f64,
    /// Middle of the bar, in percent.
    pub middle: f64,
    /// Height of the bar, in pixels.
    pub height: f64,
}

/// The numbers to draw: one for each bar of the period, and of the previous period.
#[derive(Debug, Clone, Copy)]
pub(super) struct Series<'a> {
    /// The kind of number.
    pub scale: Scale,
    /// The period's numbers, in the order of its bars.
    pub values: &'a [Option<f64>],
    /// The previous period's numbers, each at the index of the bar it is compared with. Empty without a
    /// comparison.
    pub before: &'a [Option<f64>],
}

/// Kind of number, which decides where round numbers are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scale {
    /// Whole numbers.
    Whole,
    /// Numbers with decimals.
    Decimal,
    /// Seconds.
    Seconds,
}

/// Whether a bar's time is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Stage {
    /// Over.
    Past,
    /// Not over yet.
    Open,
    /// Not begun.
    Ahead,
}

/// Horizontal line at a round number.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Line {
    /// The number.
    pub value: f64,
    /// Distance from the top, in pixels.
    pub y: f64,
}

impl Chart {
    /// Lays out the bars of a period. `href` returns the URL of a day or month.
    #[must_use]
    pub(super) fn of(
        period: &Period,
        series: &Series<'_>,
        now: Timestamp,
        href: impl Fn(Date, Date) -> String,
    ) -> Self {
        let starts = period.buckets();
        // The previous period may be longer: 31 days before 30.
        let compared = &series.before[..series.before.len().min(series.values.len())];
        let shown = series.values.iter().chain(compared).copied().flatten();
        let most = shown.fold(0.0, f64::max);
        let step = series.scale.step(most);
        let steps = (most / step).ceil().max(1.0);
        let scale = |value: f64| round(HEIGHT * value / (steps * step));
        let len = series.values.len();
        let slot = 100.0 / len.max(1) as f64;
        let unit = period.unit();
        let is_numbered = len <= NUMBERED;
        // Few bars look better with more space between them.
        let breadth = if is_numbered { 0.56 } else { 0.76 };
        let bar = |(i, (start, value)): (usize, (&TimeBucket, &Option<f64>))| {
            let at = period.zoned(start.at);
            let (is_labelled, is_minor) = labelled(unit, i, starts.len());
            Bar {
                at: start.name.clone(),
                name: name(unit, &at),
                label: is_labelled.then(|| label(unit, &at)),
                is_minor,
                is_last: !is_numbered && i + 1 == len,
                stage: stage(start.at, starts.get(i + 1).map(|next| next.at), period, now),
                href: days(unit, at.date()).map(|(from, to)| href(from, to)),
                value: *value,
                before: compared.get(i).copied().flatten(),
                left: round(slot * i as f64),
                slot: round(slot),
                x: round(slot * (i as f64 + (1.0 - breadth) / 2.0)),
                width: round(slot * breadth),
                middle: round(slot * (i as f64 + 0.5)),
                height: value.map_or(0.0, scale),
            }
        };
        let line = |n: u32| {
            let value = f64::from(n) * step;
            Line { value, y: round(HEIGHT - scale(value)) }
        };
        let points = compared.iter().enumerate();
        let points = points.map(|(i, value)| {
            value.map(|value| (round(slot * (i as f64 + 0.5)), round(HEIGHT - scale(value))))
        });
        Self {
            height: HEIGHT,
            bars: starts.iter().zip(series.values).enumerate().map(bar).collect(),
            lines: (0..=steps as u32).map(line).collect(),
            is_numbered,
            before: path(points),
        }
    }
}

/// Joins points by lines, with gaps where a point is missing. A single point becomes a dot.
fn path(points: impl Iterator<Item = Option<(f64, f64)>>) -> Option<String> {
    let mut path = String::new();
    let mut is_drawing = false;
    for point in points {
        if let Some((x, y)) = point {
            // A line of no length is drawn as a dot because of its round ends.
            let text = if is_drawing { format!("L{x} {y}") } else { format!("M{x} {y}h0") };
            path.push_str(&text);
        }
        is_drawing = point.is_some();
    }
    (!path.is_empty()).then_some(path)
}

impl Scale {
    /// Returns the smallest round step of which at most four reach `most`.
    fn step(self, most: f64) -> f64 {
        const SECONDS: [u32; 14] = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200];
        let reaches = |step: &f64| most / step <= 4.0;
        let seconds = SECONDS.into_iter().map(f64::from);
        let least = match self {
            Self::Decimal => -1,
            Self::Whole | Self::Seconds => 0,
        };
        // 1, 2 or 5 followed by zeros.
        let decimal = (least..=308).flat_map(|power| {
            [1.0, 2.0, 5.0]
                .map(|digit| if power < 0 { digit / 10.0 } else { digit * 10_f64.powi(power) })
        });
        let found = match self {
            Self::Seconds => seconds.chain(decimal.map(|number| number * 3600.0)).find(reaches),
            Self::Whole | Self::Decimal => decimal.into_iter().find(reaches),
        };
        found.unwrap_or(f64::MAX)
    }
}

/// Returns whether a bar's time is over. The last bar ends with the period.
fn stage(start: Timestamp, next: Option<Timestamp>, period: &Period, now: Timestamp) -> Stage {
    let end = next.unwrap_or_else(|| period.instants().1);
    match now {
        now if now < start => Stage::Ahead,
        now if now < end => Stage::Open,
        _ => Stage::Past,
    }
}

/// Returns whether a bar has a label, and whether a phone leaves it out.
fn labelled(unit: Unit, i: usize, len: usize) -> (bool, bool) {
    if unit == Unit::Hour {
        return (i.is_multiple_of(HOURS), !i.is_multiple_of(2 * HOURS));
    }
    let every = len.div_ceil(LABELS).max(1);
    // The last bar always has a label because it is the latest.
    let from_last = len - 1 - i;
    let is_minor = len > 4 && !from_last.is_multiple_of(2 * every);
    (from_last.is_multiple_of(every), is_minor)
}

fn label(unit: Unit, at: &Zoned) -> String {
    let format = match unit {
        Unit::Minute | Unit::Hour => "%H:%M",
        Unit::Day | Unit::Week => "%-d %b",
        Unit::Month => "%b %Y",
    };
    at.strftime(format).to_string()
}

fn name(unit: Unit, at: &Zoned) -> String {
    let format = match unit {
        Unit::Minute | Unit::Hour => "%a, %-d %b %Y, %H:%M",
        Unit::Day | Unit::Week => "%a, %-d %b %Y",
        Unit::Month => "%B %Y",
    };
    at.strftime(format).to_string()
}

/// Returns the first and last day of a bar. `None` for an hour, which has no page of its own.
fn days(unit: Unit, at: Date) -> Option<(Date, Date)> {
    match unit {
        Unit::Minute | Unit::Hour => None,
        Unit::Day | Unit::Week => Some((at, at)),
        Unit::Month => Some((at.first_of_month(), at.last_of_month())),
    }
}

/// Rounds to two decimals, which no screen can tell apart and which keep the page small.
fn round(number: f64) -> f64 {
    (number * 100.0).round() / 100.0
}

#[cfg(test)]
mod tests {
    use footfall_infra::settings::TimeZone;

    use super::*;
    use crate::query::period::Choice;

    fn chart(from: &str, to: &str, zone: &str, now: &str) -> Chart {
        let period = Period {
            choice: Choice::Custom,
            from: from.parse().unwrap(),
            to: to.parse().unwrap(),
            zone: TimeZone::try_from(zone.to_owned()).unwrap(),
        };
        let values: Vec<_> = (0..period.buckets().len()).map(|i| Some(10.0 * i as f64)).collect();
        let series =
            Series { scale: Scale::Whole, values: &values, before: &[Some(400.0), Some(400.0)] };
        Chart::of(&period, &series, now.parse().unwrap(), |from, to| format!("{from} {to}"))
    }

    fn labels(chart: &Chart) -> Vec<&str> {
        chart.bars.iter().filter_map(|bar| bar.label.as_deref()).collect()
    }

    #[test]
    fn labels_bars_by_their_unit() {
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
    fn labels_hours_by_the_clock_on_days_when_it_changes() {
        let now = "2026-11-22T12:00:00Z";
        let spring = chart("2026-03-29", "2026-03-29", "Europe/Berlin", now);
        assert_eq!((spring.bars.len(), labels(&spring)[1]), (23, "04:00"));
        let autumn = chart("2026-10-25", "2026-10-25", "Europe/Berlin", now);
        assert_eq!((autumn.bars.len(), labels(&autumn)[1]), (25, "02:00"));
    }

    #[test]
    fn tells_past_from_future_bars() {
        let chart = chart("2026-11-21", "2026-11-23", "UTC", "2026-11-22T00:00:00Z");
        let stages: Vec<Stage> = chart.bars.iter().map(|bar| bar.stage).collect();
        assert_eq!(stages, [Stage::Past, Stage::Open, Stage::Ahead]);
    }

    #[test]
    fn scales_heights_to_a_round_number() {
        let chart = chart("2026-11-01", "2026-11-30", "UTC", "2026-12-22T00:00:00Z");
        let lines: Vec<f64> = chart.lines.iter().map(|line| line.value).collect();
        assert_eq!(lines, [0.0, 100.0, 200.0, 300.0, 400.0]);
        let last = &chart.bars[29];
        assert_eq!((last.value, last.height, last.before), (Some(290.0), 130.5, None));
        assert_eq!(chart.bars[1].before, Some(400.0));
        assert_eq!(chart.before.as_deref(), Some("M1.67 0h0L5 0"));
        assert!((last.left + last.slot - 100.0).abs() < 0.1);
        assert!(!chart.is_numbered);
        assert!(chart.bars.iter().any(|bar| bar.is_minor));
    }

    #[test]
    fn chooses_round_steps() {
        let whole = [0.0, 4.0, 5.0, 399.0, 401.0].map(|most| Scale::Whole.step(most));
        assert_eq!(whole, [1.0, 1.0, 2.0, 100.0, 200.0]);
        assert_eq!([1.7, 40.0].map(|most| Scale::Decimal.step(most)), [0.5, 10.0]);
        let seconds = [3.0, 100.0, 250.0, 9000.0, 90_000.0].map(|most| Scale::Seconds.step(most));
        assert_eq!(seconds, [1.0, 30.0, 120.0, 3600.0, 36_000.0]);
        assert_eq!(Scale::Whole.step(1e12), 5e11);
    }

    #[test]
    fn leaves_gaps_in_a_line() {
        let points = [Some((1.0, 2.0)), Some((3.0, 4.5)), None, Some((5.0, 6.0))];
        assert_eq!(path(points.into_iter()).as_deref(), Some("M1 2h0L3 4.5M5 6h0"));
        assert_eq!(path([None].into_iter()), None);
    }
}
