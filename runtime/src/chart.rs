//! The bar chart of a report's days: geometry alone, which the template draws as SVG.
//!
//! Across, everything is in per cent of the chart's width, so that it fits any screen without
//! distorting text; down, in pixels.

use jiff::fmt::strtime;
use serde::Serialize;

use crate::report::DayRow;

/// The height of the plot, in pixels.
const HEIGHT: f64 = 160.0;

/// The most labels under the bars. A phone has room for half of them.
const LABELS: usize = 8;

/// A chart, ready to draw.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Chart {
    /// The plot's height in pixels.
    pub height: f64,
    /// One for each day.
    pub bars: Vec<Bar>,
    /// Horizontal lines, from the lowest.
    pub lines: Vec<Line>,
}

/// The bar of a day: its views, and in front of them its visitors.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Bar {
    /// The day as in data, `2026-11-22`.
    pub day: String,
    /// The day as in speech, `Sun, 22 Nov 2026`.
    pub name: String,
    /// What stands under the bar, if there is room: `22 Nov`.
    pub label: Option<String>,
    /// Whether the label is one of the half that a phone leaves out.
    pub is_minor: bool,
    /// Page views.
    pub views: u64,
    /// Visitors.
    pub visitors: u64,
    /// The left edge, in per cent.
    pub x: f64,
    /// The width, in per cent.
    pub width: f64,
    /// The middle, in per cent.
    pub middle: f64,
    /// The height of the views, in pixels.
    pub views_height: f64,
    /// The height of the visitors, in pixels.
    pub visitors_height: f64,
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
    /// The chart of these days.
    #[must_use]
    pub fn of(days: &[DayRow]) -> Self {
        let most = days.iter().map(|day| day.views.max(day.visitors)).max().unwrap_or(0);
        let step = step(most);
        let top = most.div_ceil(step).max(1) * step;
        let scale = |value: u64| round(HEIGHT * value as f64 / top as f64);
        let slot = 100.0 / days.len().max(1) as f64;
        let every = days.len().div_ceil(LABELS).max(1);
        // The last day always has a label: it is the one that is looked for.
        let from_last = |i: usize| days.len() - 1 - i;
        let labelled = |i: usize| from_last(i).is_multiple_of(every);
        let bar = |(i, row): (usize, &DayRow)| Bar {
            day: row.day.to_string(),
            name: strtime::format("%a, %-d %b %Y", row.day).unwrap_or_default(),
            label: labelled(i).then(|| strtime::format("%-d %b", row.day).unwrap_or_default()),
            is_minor: !from_last(i).is_multiple_of(2 * every),
            views: row.views,
            visitors: row.visitors,
            x: round(slot * (i as f64 + 0.1)),
            width: round(slot * 0.8),
            middle: round(slot * (i as f64 + 0.5)),
            views_height: scale(row.views),
            visitors_height: scale(row.visitors),
        };
        let lines = (0..=top / step).map(|n| n * step);
        Self {
            height: HEIGHT,
            bars: days.iter().enumerate().map(bar).collect(),
            lines: lines.map(|value| Line { value, y: HEIGHT - scale(value) }).collect(),
        }
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
    use super::*;

    fn days(views: &[u64]) -> Vec<DayRow> {
        let first: jiff::civil::Date = "2026-11-16".parse().unwrap();
        let row = |(i, views): (usize, &u64)| DayRow {
            day: first.checked_add(jiff::Span::new().days(i64::try_from(i).unwrap())).unwrap(),
            views: *views,
            visitors: views / 2,
        };
        views.iter().enumerate().map(row).collect()
    }

    #[test]
    fn lines_are_at_round_numbers() {
        let check = |most: u64, expected: &[u64]| {
            let lines: Vec<u64> = Chart::of(&days(&[most])).lines.iter().map(|l| l.value).collect();
            assert_eq!(lines, expected, "{most}");
        };
        check(0, &[0, 1]);
        check(1, &[0, 1]);
        check(4, &[0, 1, 2, 3, 4]);
        check(7, &[0, 2, 4, 6, 8]);
        check(100, &[0, 50, 100]);
        check(1234, &[0, 500, 1000, 1500]);
    }

    #[test]
    fn bars_fill_the_width_and_stay_inside() {
        let chart = Chart::of(&days(&[0, 10, 20, 40]));
        assert_eq!(chart.bars[0].views_height, 0.0);
        assert_eq!(chart.bars[3].views_height, 160.0);
        assert_eq!(chart.bars[3].visitors_height, 80.0);
        assert_eq!((chart.bars[0].x, chart.bars[3].x + chart.bars[3].width), (2.5, 97.5));
        assert_eq!(chart.bars[3].label.as_deref(), Some("19 Nov"));
        assert_eq!(chart.bars[3].name, "Thu, 19 Nov 2026");
    }

    #[test]
    fn a_long_period_has_few_labels() {
        let chart = Chart::of(&days(&[1; 28]));
        let labels: Vec<_> = chart.bars.iter().filter_map(|bar| bar.label.as_deref()).collect();
        assert_eq!(labels.len(), 7);
        assert_eq!(labels.last(), Some(&"13 Dec"));
        let on_a_phone = chart.bars.iter().filter(|bar| bar.label.is_some() && !bar.is_minor);
        assert_eq!(on_a_phone.count(), 4);
    }

    #[test]
    fn the_largest_numbers_have_a_chart() {
        let chart = Chart::of(&days(&[u64::MAX / 2]));
        assert!(chart.bars[0].views_height <= HEIGHT);
    }
}
