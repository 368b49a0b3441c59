//! The bar chart of a report's days: geometry alone, which the template draws as SVG.
//!
//! Across, everything is in per cent of the chart's width, so that it fits any screen without
//! distorting text; down, in pixels.

use serde::Serialize;

use crate::report::Bar as Counted;

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
    pub fn of(days: &[Counted]) -> Self {
        let most =
            days.iter().map(|day| day.tally.views.max(day.tally.visitors)).max().unwrap_or(0);
        let step = step(most);
        let top = most.div_ceil(step).max(1) * step;
        let scale = |value: u64| round(HEIGHT * value as f64 / top as f64);
        let slot = 100.0 / days.len().max(1) as f64;
        let every = days.len().div_ceil(LABELS).max(1);
        // The last day always has a label: it is the one that is looked for.
        let from_last = |i: usize| days.len() - 1 - i;
        let labelled = |i: usize| from_last(i).is_multiple_of(every);
        let bar = |(i, row): (usize, &Counted)| Bar {
            day: row.at.clone(),
            name: row.at.clone(),
            label: labelled(i).then(|| row.at.clone()),
            is_minor: !from_last(i).is_multiple_of(2 * every),
            views: row.tally.views,
            visitors: row.tally.visitors,
            x: round(slot * (i as f64 + 0.1)),
            width: round(slot * 0.8),
            middle: round(slot * (i as f64 + 0.5)),
            views_height: scale(row.tally.views),
            visitors_height: scale(row.tally.visitors),
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
