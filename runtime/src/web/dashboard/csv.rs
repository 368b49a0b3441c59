//! Reports as CSV (RFC 4180): a whole report, or one of its parts.

use std::fmt::Write as _;

use super::comparison;
use super::heatmap::Week;
use crate::platform::csv::cell;
use crate::query::metrics::Metrics;
use crate::query::report::{ExcludedRow, Report, Row};

/// Column heads of [`numbers`].
const NUMBERS: &str = "visitors,visits,views,events,views_per_visit,bounce_rate,visit_duration,\
                       time_on_page,scroll_depth\r\n";

/// Writes a whole report. Its sections are `totals`, `before`, `bars` and the names of tables. `more`, `filtered` and
/// `incomplete` say what is missing from them.
#[must_use]
pub(super) fn csv(report: &Report) -> String {
    let mut table = format!("section,name,{NUMBERS}");
    push(&mut table, &["totals", ""], &report.totals);
    if let Some(before) = &report.previous {
        push(&mut table, &["before", ""], before);
    }
    for bar in &report.buckets {
        push(&mut table, &["bars", &bar.at], &bar.metrics);
    }
    for section in &report.tables {
        let key = section.key.to_string();
        for row in &section.rows {
            push(&mut table, &[&key, row.value.as_deref().unwrap_or_default()], &row.metrics);
        }
        if section.more > 0 {
            note(&mut table, "more", &format!("{} {key}", section.more));
        }
    }
    for row in &report.excluded {
        note(&mut table, "filtered", &format!("{} {}", row.count, row.reason));
    }
    if report.unreadable > 0 {
        note(&mut table, "incomplete", &format!("{} hits cannot be read", report.unreadable));
    }
    for what in &report.incomplete {
        note(&mut table, "incomplete", what);
    }
    table
}

/// Writes the rows of one table.
#[must_use]
pub(super) fn rows(name: &str, rows: &[Row]) -> String {
    let mut table = format!("{},{NUMBERS}", cell(name));
    for row in rows {
        push(&mut table, &[row.value.as_deref().unwrap_or_default()], &row.metrics);
    }
    table
}

/// Writes the bars of the chart, each beside the one it is compared with.
#[must_use]
pub(super) fn bars(report: &Report) -> String {
    let before = NUMBERS.split(',').map(|name| format!("{}_before", name.trim_end()));
    let before = before.collect::<Vec<_>>().join(",");
    let mut table = format!("at,{},at_before,{before}\r\n", NUMBERS.trim_end());
    for (bar, pair) in report.buckets.iter().zip(comparison::pairs(report)) {
        let (at, numbers_before) = match pair.and_then(|index| report.previous_buckets.get(index)) {
            Some(before) => (before.at.as_str(), numbers(&before.metrics)),
            None => ("", ",".repeat(8)),
        };
        line(&mut table, &format!("{},{},{at},{numbers_before}", bar.at, numbers(&bar.metrics)));
    }
    table
}

/// Writes the excluded hits by reason.
#[must_use]
pub(super) fn filtered(rows: &[ExcludedRow]) -> String {
    let mut table = "reason,hits\r\n".to_owned();
    for row in rows {
        line(&mut table, &format!("{},{}", cell(&row.reason), row.count));
    }
    table
}

/// Writes the hours of the week.
#[must_use]
pub(super) fn week(week: &Week) -> String {
    let mut table = "weekday,hour,visitors,views,hours\r\n".to_owned();
    for row in week.rows() {
        let numbers = [row.weekday as u64, row.hour as u64, row.visitors, row.views, row.hours];
        line(&mut table, &numbers.map(|number| number.to_string()).join(","));
    }
    table
}

/// Returns a file name of letters, digits, dots and hyphens.
#[must_use]
pub(super) fn file_name(report: &Report, part: Option<&str>) -> String {
    let safe = |c: char| if c.is_ascii_alphanumeric() || c == '.' { c } else { '-' };
    let plain = |text: &str| text.chars().map(safe).collect::<String>();
    let part = part.map_or(String::new(), |part| format!("{}-", plain(part)));
    format!("footfall-{}-{part}{}-{}.csv", plain(&report.site), report.from, report.to)
}

/// Writes a row without numbers.
fn note(table: &mut String, section: &str, what: &str) {
    line(table, &format!("{section},{},,,,,,,,,", cell(what)));
}

fn push(table: &mut String, names: &[&str], tally: &Metrics) {
    let names: Vec<String> = names.iter().map(|name| cell(name)).collect();
    line(table, &format!("{},{}", names.join(","), numbers(tally)));
}

fn line(table: &mut String, text: &str) {
    // Writing to a string cannot fail.
    let _ = write!(table, "{text}\r\n");
}

fn numbers(tally: &Metrics) -> String {
    let number = |number: Option<f64>| number.map_or(String::new(), |number| number.to_string());
    let counts = [tally.visitors, tally.visits, tally.views, tally.events].map(|it| it.to_string());
    let others = [
        number(tally.views_per_visit()),
        number(tally.bounce_rate()),
        number(tally.visit_duration()),
        number(tally.time_on_page()),
        number(tally.scroll_depth()),
    ];
    [counts.as_slice(), &others].concat().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::query::dimension::Dimension;
    use crate::query::report::{Bucket, Row, Table};
    use crate::query::time_range::Unit;

    #[test]
    fn writes_a_report_as_one_table() {
        let tally = Metrics {
            visitors: 2,
            visits: 3,
            views: 4,
            events: 1,
            bounces: 1,
            duration: 10_000,
            engaged: 3000,
            engagements: 2,
            ..Metrics::default()
        };
        let bar = |at: &str| Bucket { at: at.to_owned(), metrics: tally };
        let row = |value: Option<&str>| Row { value: value.map(str::to_owned), metrics: tally };
        let report = Report {
            site: "über.example".to_owned(),
            time_zone: "UTC".to_owned(),
            period: "7d".to_owned(),
            from: "2026-11-16".parse().unwrap(),
            to: "2026-11-22".parse().unwrap(),
            filters: Vec::new(),
            now: 0,
            totals: tally,
            previous: Some(Metrics::default()),
            unit: Unit::Day,
            buckets: vec![bar("2026-11-16"), bar("2026-11-17")],
            previous_buckets: vec![bar("2026-11-09")],
            tables: vec![Table {
                key: Dimension::Source.into(),
                rows: vec![row(None), row(Some("=x"))],
                more: 0,
            }],
            excluded: Vec::new(),
            unreadable: 0,
            incomplete: Vec::new(),
        };
        const HEAD: &str = "visitors,visits,views,events,views_per_visit,bounce_rate,visit_duration,\
                            time_on_page,scroll_depth";
        const NUMBERS: &str = "2,3,4,1,1.33,33.3,3.3,1.5,";
        assert_eq!(
            csv(&report),
            format!(
                "section,name,{HEAD}\r\n\
                 totals,,{NUMBERS}\r\n\
                 before,,0,0,0,0,,,,,\r\n\
                 bars,2026-11-16,{NUMBERS}\r\n\
                 bars,2026-11-17,{NUMBERS}\r\n\
                 source,,{NUMBERS}\r\n\
                 source,'=x,{NUMBERS}\r\n"
            )
        );
        assert_eq!(file_name(&report, None), "footfall--ber.example-2026-11-16-2026-11-22.csv");
        assert_eq!(
            file_name(&report, Some("props:a")),
            "footfall--ber.example-props-a-2026-11-16-2026-11-22.csv"
        );
        let table = rows("source", &report.tables[0].rows);
        assert_eq!(table, format!("source,{HEAD}\r\n,{NUMBERS}\r\n'=x,{NUMBERS}\r\n"));
        let bars = bars(&report);
        let lines: Vec<&str> = bars.lines().collect();
        assert!(lines[0].ends_with(",at_before,visitors_before,visits_before,views_before,events_before,views_per_visit_before,bounce_rate_before,visit_duration_before,time_on_page_before,scroll_depth_before"));
        assert_eq!(lines[1], format!("2026-11-16,{NUMBERS},2026-11-09,{NUMBERS}"));
        assert_eq!(lines[2], format!("2026-11-17,{NUMBERS},,,,,,,,,,"));
        assert!(lines.iter().all(|line| line.split(',').count() == 20));
        let reasons = [ExcludedRow { reason: "bot".to_owned(), count: 3 }];
        assert_eq!(filtered(&reasons), "reason,hits\r\nbot,3\r\n");
    }
}
