//! A report as one long table for spreadsheets: RFC 4180, with a row for the totals, for the period
//! before, for each bar and for each row of each dimension.

use std::fmt::Write as _;

use crate::report::{Report, Tally};

const HEADER: &str = "section,name,visitors,visits,views,events,views_per_visit,bounce_rate,\
                      visit_duration\r\n";

/// The table. Sections are `totals`, `before`, `bars` and the names of dimensions; `more`, `filtered` and
/// `incomplete` say what is not in them.
#[must_use]
pub(super) fn csv(report: &Report) -> String {
    let mut table = HEADER.to_owned();
    push(&mut table, "totals", "", &report.totals);
    if let Some(before) = &report.before {
        push(&mut table, "before", "", before);
    }
    for bar in &report.bars {
        push(&mut table, "bars", &bar.at, &bar.tally);
    }
    for section in &report.tables {
        for row in &section.rows {
            let name = row.value.as_deref().unwrap_or_default();
            push(&mut table, &section.key.to_string(), name, &row.tally);
        }
        if section.more > 0 {
            note(&mut table, "more", &format!("{} {}", section.more, section.key));
        }
    }
    for row in &report.filtered {
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

/// A name for the file that a browser saves it as: letters, digits, dots and hyphens.
#[must_use]
pub(super) fn file_name(report: &Report) -> String {
    let safe = |c: char| if c.is_ascii_alphanumeric() || c == '.' { c } else { '-' };
    let site: String = report.site.chars().map(safe).collect();
    format!("footfall-{site}-{}-{}.csv", report.from, report.to)
}

/// A row without numbers: what the others lack.
fn note(table: &mut String, section: &str, what: &str) {
    // Writing to a text does not fail.
    let _ = write!(table, "{section},{},,,,,,,\r\n", cell(what));
}

fn push(table: &mut String, section: &str, name: &str, tally: &Tally) {
    let number = |number: Option<f64>| number.map_or(String::new(), |number| number.to_string());
    // Writing to a text does not fail.
    let _ = write!(
        table,
        "{section},{},{},{},{},{},{},{},{}\r\n",
        cell(name),
        tally.visitors,
        tally.visits,
        tally.views,
        tally.events,
        number(tally.views_per_visit()),
        number(tally.bounce_rate()),
        number(tally.visit_duration()),
    );
}

/// A text as a cell. What a stranger sent must not become a formula in the owner's spreadsheet: an
/// apostrophe before it makes it a text; also behind a semicolon or a tab, where some spreadsheets
/// begin another cell.
///
/// <https://owasp.org/www-community/attacks/CSV_Injection>
pub(crate) fn cell(text: &str) -> String {
    let mut defused = String::with_capacity(text.len() + 1);
    let mut begins = true;
    for letter in text.chars() {
        if begins && matches!(letter, '=' | '+' | '-' | '@' | '\t' | '\r') {
            defused.push('\'');
        }
        defused.push(letter);
        begins = matches!(letter, ';' | '\t' | '\r' | '\n');
    }
    match defused.contains([',', '"', '\r', '\n']) {
        true => format!("\"{}\"", defused.replace('"', "\"\"")),
        false => defused,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dimension::Dimension;
    use crate::period::Unit;
    use crate::report::{Bar, Row, Table};

    #[test]
    fn cells_are_quoted_and_defused() {
        let check = |text: &str, expected: &str| assert_eq!(cell(text), expected, "{text:?}");
        check("/about", "/about");
        check("", "");
        check("a,b", "\"a,b\"");
        check("a \"b\"", "\"a \"\"b\"\"\"");
        check("a\r\nb", "\"a\r\nb\"");
        check("=1+1", "'=1+1");
        check("=HYPERLINK(\"x\",\"y\")", "\"'=HYPERLINK(\"\"x\"\",\"\"y\"\")\"");
        check("+1", "'+1");
        check("-1", "'-1");
        check("@SUM", "'@SUM");
        check("x;=1+1", "x;'=1+1");
        check("\tx", "'\tx");
        check("\rx", "\"'\rx\"");
    }

    #[test]
    fn a_report_is_one_table() {
        let tally = Tally {
            visitors: 2,
            visits: 3,
            views: 4,
            events: 1,
            bounces: 1,
            duration: 10_000,
            ..Tally::default()
        };
        let row = |value: Option<&str>| Row { value: value.map(str::to_owned), tally };
        let report = Report {
            site: "über.example".to_owned(),
            time_zone: "UTC".to_owned(),
            period: "7d".to_owned(),
            from: "2026-11-16".parse().unwrap(),
            to: "2026-11-22".parse().unwrap(),
            filters: Vec::new(),
            now: 0,
            totals: tally,
            before: Some(Tally::default()),
            unit: Unit::Day,
            bars: vec![Bar { at: "2026-11-16".to_owned(), tally }],
            bars_before: Vec::new(),
            tables: vec![Table {
                key: Dimension::Source.into(),
                rows: vec![row(None), row(Some("=x"))],
                more: 0,
            }],
            filtered: Vec::new(),
            unreadable: 0,
            incomplete: Vec::new(),
        };
        assert_eq!(
            csv(&report),
            "section,name,visitors,visits,views,events,views_per_visit,bounce_rate,visit_duration\r\n\
             totals,,2,3,4,1,1.33,33.3,3.3\r\n\
             before,,0,0,0,0,,,\r\n\
             bars,2026-11-16,2,3,4,1,1.33,33.3,3.3\r\n\
             source,,2,3,4,1,1.33,33.3,3.3\r\n\
             source,'=x,2,3,4,1,1.33,33.3,3.3\r\n"
        );
        assert_eq!(file_name(&report), "footfall--ber.example-2026-11-16-2026-11-22.csv");
    }
}
