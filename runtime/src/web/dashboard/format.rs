//! Formats numbers, days and names for people.

use jiff::Zoned;
use jiff::civil::Date;
use serde::Serialize;

use super::host_name;
use crate::hit::country::Country;
use crate::hit::source::DIRECT;
use crate::query::condition::{Condition, Filter, Operator};
use crate::query::dimension::Dimension;
use crate::query::dimension::Key;

/// Placeholder for a missing number.
pub(super) const NONE: &str = "–";

/// Formats 1234567 as `1,234,567`.
#[must_use]
pub(crate) fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.char_indices() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Formats 128059 as `128k`: at most three digits and a letter.
#[must_use]
pub(super) fn compact(number: u64) -> String {
    const UNITS: [(u64, &str); 4] =
        [(1_000_000_000_000, "T"), (1_000_000_000, "B"), (1_000_000, "M"), (1000, "k")];
    // Rounded first: 999,999 is 1M, not 1000k.
    let step = 10_u64.pow(number.checked_ilog10().unwrap_or(0).saturating_sub(2));
    let rounded = number.saturating_add(step / 2) / step * step;
    let Some((unit, letter)) = UNITS.into_iter().find(|(unit, _)| rounded >= *unit) else {
        return number.to_string();
    };
    let (whole, part) = (rounded / unit, rounded % unit * 1000 / unit);
    match format!("{part:03}").trim_end_matches('0') {
        "" => format!("{}{letter}", thousands(whole)),
        part => format!("{whole}.{part}{letter}"),
    }
}

/// A number as text, and in full if the text is shortened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Figure {
    /// The text that fits its place: `128k`.
    pub text: String,
    /// The whole number: `128,059`. `None` if the text is the whole number.
    pub exact: Option<String>,
}

impl Figure {
    /// Shortens whole numbers of six digits and more.
    #[must_use]
    pub(super) fn of(number: u64) -> Self {
        match number {
            ..100_000 => thousands(number).into(),
            _ => Self { text: compact(number), exact: Some(thousands(number)) },
        }
    }

    /// The figure in full, where there is room for it.
    #[must_use]
    pub(super) fn in_full(self) -> Self {
        self.exact.unwrap_or(self.text).into()
    }
}

impl From<String> for Figure {
    fn from(text: String) -> Self {
        Self { text, exact: None }
    }
}

/// Formats a number with its noun: `1 visitor`, `2,000 visitors`.
#[must_use]
pub(super) fn counted(number: u64, noun: &str) -> String {
    format!("{} {noun}{}", thousands(number), if number == 1 { "" } else { "s" })
}

/// Formats seconds as `45s`, `2m 05s` or `1h 02m`.
#[must_use]
pub(super) fn duration(seconds: Option<f64>) -> String {
    let Some(seconds) = seconds else { return NONE.to_owned() };
    let seconds = seconds.round() as u64;
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, 0, seconds) => format!("{seconds}s"),
        (0, minutes, seconds) => format!("{minutes}m {seconds:02}s"),
        (hours, minutes, _) => format!("{}h {minutes:02}m", thousands(hours)),
    }
}

/// Formats a percentage without decimals.
#[must_use]
pub(super) fn per_cent(number: Option<f64>) -> String {
    number.map_or(NONE.to_owned(), |number| format!("{number:.0}%"))
}

/// Formats a ratio with one decimal.
#[must_use]
pub(super) fn ratio(number: Option<f64>) -> String {
    number.map_or(NONE.to_owned(), |number| format!("{number:.1}"))
}

/// Formats a part of a whole, in percent.
#[must_use]
pub(super) fn share(part: u64, whole: u64) -> String {
    if whole == 0 {
        return NONE.to_owned();
    }
    let per_cent = part as f64 / whole as f64 * 100.0;
    if part > 0 && per_cent < 0.5 { "<1%".to_owned() } else { format!("{per_cent:.0}%") }
}

/// Formats a percentage that is mostly small: `2.4%`.
#[must_use]
pub(super) fn rate(per_cent: Option<f64>) -> String {
    match per_cent {
        None => NONE.to_owned(),
        Some(few) if few < 9.95 => format!("{few:.1}%"),
        Some(many) => format!("{many:.0}%"),
    }
}

/// Change of a number since the previous period.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Change {
    /// `↑`, `↓` or `→`.
    pub arrow: &'static str,
    /// The difference, in percent of the previous number.
    pub text: String,
    /// The arrow for a screen reader.
    pub spoken: &'static str,
    /// `good`, `bad` or `even`.
    pub tone: &'static str,
}

impl Change {
    /// Compares two numbers. `None` if there is nothing to compare with.
    #[must_use]
    pub(super) fn of(now: Option<f64>, before: Option<f64>, is_more_better: bool) -> Option<Self> {
        let (now, before) = (now?, before?);
        if before <= 0.0 {
            return None;
        }
        let per_cent = ((now - before) / before * 100.0).round();
        let (arrow, spoken) = match per_cent {
            up if up > 0.0 => ("↑", "up"),
            down if down < 0.0 => ("↓", "down"),
            _ => ("→", "unchanged,"),
        };
        let tone = match per_cent == 0.0 {
            true => "even",
            false if (per_cent > 0.0) == is_more_better => "good",
            false => "bad",
        };
        let text = match per_cent.abs() {
            huge if huge > 999.0 => ">999%".to_owned(),
            usual => format!("{usual:.0}%"),
        };
        Some(Self { arrow, text, spoken, tone })
    }
}

/// Formats a day: `22 Nov 2026`.
#[must_use]
pub(super) fn day(day: Date) -> String {
    day.strftime("%-d %b %Y").to_string()
}

/// Formats days: `22 Nov 2026`, `16 – 22 Nov 2026`, `26 Oct – 22 Nov 2026`.
#[must_use]
pub(super) fn days(from: Date, to: Date) -> String {
    let last = day(to);
    if from == to {
        to.strftime("%a, %-d %b %Y").to_string()
    } else if from.first_of_month() == to.first_of_month() {
        format!("{} – {last}", from.day())
    } else if from.year() == to.year() {
        format!("{} – {last}", from.strftime("%-d %b"))
    } else {
        format!("{} – {last}", day(from))
    }
}

/// Formats a span that may end within a day: `9 – 15 Nov 2026, up to 18:50`. `end` is exclusive.
#[must_use]
pub(super) fn instants(from: &Zoned, end: &Zoned) -> String {
    let midnight = end.time() == jiff::civil::Time::midnight();
    let last = if midnight { end.date().yesterday().unwrap_or(end.date()) } else { end.date() };
    let days = days(from.date(), last.max(from.date()));
    if midnight { days } else { format!("{days}, up to {}", end.strftime("%H:%M")) }
}

/// Returns the title of a dimension.
#[must_use]
pub(super) const fn dimension(dimension: Dimension) -> &'static str {
    match dimension {
        Dimension::Page => "Page",
        Dimension::EntryPage => "Entry page",
        Dimension::ExitPage => "Exit page",
        Dimension::Host => "Host",
        Dimension::Event => "Event",
        Dimension::Source => "Source",
        Dimension::Referrer => "Referrer",
        Dimension::UtmSource => "utm_source",
        Dimension::UtmMedium => "utm_medium",
        Dimension::UtmCampaign => "utm_campaign",
        Dimension::UtmTerm => "utm_term",
        Dimension::UtmContent => "utm_content",
        Dimension::Country => "Country",
        Dimension::Browser => "Browser",
        Dimension::BrowserVersion => "Browser version",
        Dimension::Os => "Operating system",
        Dimension::OsVersion => "OS version",
        Dimension::Device => "Device",
        Dimension::Screen => "Screen size",
        Dimension::Channel => "Channel",
    }
}

/// Names a table by its key: `Top pages`, or `Pages` with all rows.
#[must_use]
pub(super) fn table_title(key: &Key, has_all_rows: bool) -> String {
    let plural = match key {
        Key::Dimension(Dimension::Country) => "countries".to_owned(),
        Key::Dimension(of) => {
            let name = dimension(*of);
            // "utm_…" is written as in URLs, and "OS" stays in capitals.
            let name = if name.starts_with("OS ") { name.to_owned() } else { name.to_lowercase() };
            if name.starts_with("utm_") { format!("values of {name}") } else { format!("{name}s") }
        }
        Key::Prop(name) => format!("values of {name}"),
        Key::Goal => "goals".to_owned(),
    };
    if has_all_rows {
        let mut letters = plural.chars();
        letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect()
    } else {
        format!("Top {plural}")
    }
}

/// Formats a value of a dimension. An empty one means that there is none.
#[must_use]
pub(super) fn value(dimension: Dimension, value: &str) -> String {
    match (dimension, value) {
        (Dimension::Source, "") => DIRECT.to_owned(),
        (dimension, "") if dimension.has_row_of_none() => "Unknown".to_owned(),
        (_, "") => "none".to_owned(),
        (Dimension::Country, code) => {
            Country::parse(code).map_or(code, |country| country.name()).to_owned()
        }
        (dimension, value) if has_host(dimension) => host_name::decoded(value),
        // Window sizes, with their bounds.
        (Dimension::Screen, "Mobile") => "Under 576 px".to_owned(),
        (Dimension::Screen, "Tablet") => "576 to 991 px".to_owned(),
        (Dimension::Screen, "Laptop") => "992 to 1,439 px".to_owned(),
        (Dimension::Screen, "Desktop") => "1,440 px and more".to_owned(),
        (_, value) => value.to_owned(),
    }
}

/// Whether values can start with a host name.
const fn has_host(dimension: Dimension) -> bool {
    matches!(
        dimension,
        Dimension::Page
            | Dimension::EntryPage
            | Dimension::ExitPage
            | Dimension::Host
            | Dimension::Source
            | Dimension::Referrer
    )
}

/// Returns the flag of a country: the letters of its code as regional indicators.
#[must_use]
pub(super) fn flag(dimension: Dimension, value: &str) -> Option<String> {
    let country = Country::parse(value).filter(|_| dimension == Dimension::Country)?;
    let letter = |byte: u8| char::from_u32(0x1_f1e6 + u32::from(byte.checked_sub(b'A')?));
    country.as_str().bytes().map(letter).collect()
}

/// Returns the title of a key.
#[must_use]
pub(super) fn key(key: &Key) -> String {
    match key {
        Key::Dimension(of) => dimension(*of).to_owned(),
        Key::Prop(name) => name.clone(),
        Key::Goal => "Goal".to_owned(),
    }
}

/// Formats a condition as a sentence.
#[must_use]
pub(super) fn condition(condition: &Condition) -> String {
    let inner = |inner: &[Condition], word: &str| {
        inner.iter().map(self::condition).collect::<Vec<_>>().join(word)
    };
    match condition {
        Condition::Filter(filter) => {
            let (key, operator, values) = self::filter(filter);
            format!("{key} {operator} {values}")
        }
        Condition::All(conditions) => format!("({})", inner(conditions, " and ")),
        Condition::Any(conditions) => format!("({})", inner(conditions, " or ")),
        Condition::Not(condition) => format!("not {}", self::condition(condition)),
        Condition::Done(condition) => format!("a visit where {}", self::condition(condition)),
    }
}

/// Formats a filter: its dimension, operator and values.
#[must_use]
pub(super) fn filter(filter: &Filter) -> (String, &'static str, String) {
    let values = filter.values.iter().map(|text| key_value(&filter.key, text));
    (key(&filter.key), operator(filter.operator), values.collect::<Vec<_>>().join(" or "))
}

/// Formats a value of a key. An empty one means that there is none.
#[must_use]
pub(super) fn key_value(key: &Key, text: &str) -> String {
    match key {
        Key::Dimension(dimension) => value(*dimension, text),
        Key::Prop(_) | Key::Goal if text.is_empty() => "none".to_owned(),
        Key::Prop(_) | Key::Goal => text.to_owned(),
    }
}

/// Returns the name of an operator.
#[must_use]
pub(super) const fn operator(operator: Operator) -> &'static str {
    match operator {
        Operator::Is => "is",
        Operator::IsNot => "is not",
        Operator::Contains => "contains",
        Operator::ContainsNot => "does not contain",
        Operator::Matches => "matches",
        Operator::MatchesNot => "does not match",
    }
}

/// Returns the stored value for a displayed one that someone typed.
#[must_use]
pub(super) fn typed(key: &Key, text: &str) -> String {
    let Key::Dimension(dimension) = key else { return text.to_owned() };
    let candidates = match dimension {
        Dimension::Country => countries().map(|country| country.as_str().to_owned()).collect(),
        Dimension::Screen => ["Mobile", "Tablet", "Laptop", "Desktop"].map(str::to_owned).into(),
        _ => Vec::new(),
    };
    let is_read_so = |stored: &String| value(*dimension, stored).eq_ignore_ascii_case(text);
    let none = dimension.has_row_of_none().then(String::new);
    let found = candidates.into_iter().chain(none).find(is_read_so);
    found.unwrap_or_else(|| match has_host(*dimension) {
        true => host_name::encoded(text),
        false => text.to_owned(),
    })
}

fn countries() -> impl Iterator<Item = Country> {
    let codes = ('A'..='Z').flat_map(|one| ('A'..='Z').map(move |two| format!("{one}{two}")));
    codes.filter_map(|code| Country::parse(&code))
}

/// Describes a reason for excluding hits.
#[must_use]
pub(super) fn reason(reason: &str) -> String {
    match reason {
        "bot" => "Bots (by User-Agent)",
        "headless" => "Automated browsers",
        "prefetch" => "Prefetched pages",
        "no-user-agent" => "Missing User-Agent",
        "referrer-spam" => "Referrer spam",
        "rate-limited" => "Rate limit exceeded",
        // A reason from a newer version.
        other => other,
    }
    .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_numbers() {
        let check = |number, expected: &str| assert_eq!(thousands(number), expected);
        check(0, "0");
        check(999, "999");
        check(1000, "1,000");
        check(1_234_567, "1,234,567");
        assert_eq!(
            (counted(1, "visit"), counted(0, "visit")),
            ("1 visit".into(), "0 visits".into())
        );
        assert_eq!((ratio(Some(2.0)), per_cent(Some(33.3))), ("2.0".into(), "33%".into()));
        assert_eq!(
            (share(1, 3), share(1, 999), share(0, 9)),
            ("33%".into(), "<1%".into(), "0%".into())
        );
        assert_eq!(
            (rate(Some(100.0 / 42.0)), rate(Some(100.0 / 3.0)), rate(None)),
            ("2.4%".into(), "33%".into(), NONE.to_owned())
        );
        assert_eq!((share(0, 0), ratio(None)), (NONE.to_owned(), NONE.to_owned()));
    }

    #[test]
    fn shortens_large_numbers() {
        let check = |number, expected: &str| assert_eq!(compact(number), expected);
        check(0, "0");
        check(999, "999");
        check(1000, "1k");
        check(12_345, "12.3k");
        check(128_059, "128k");
        check(999_499, "999k");
        check(999_500, "1M");
        check(1_005_000, "1.01M");
        check(12_300_000, "12.3M");
        check(456_789_012_345, "457B");
        check(999_999_999_999, "1T");
        check(u64::MAX, "18,400,000T");
        for digits in 0..12 {
            for first in [1, 4, 9] {
                let number = first * 10_u64.pow(digits) + 10_u64.pow(digits) / 7;
                assert!(compact(number).len() <= 5, "{number}");
            }
        }
    }

    #[test]
    fn keeps_the_whole_number_beside_a_short_one() {
        assert_eq!(Figure::of(99_999), Figure { text: "99,999".to_owned(), exact: None });
        let long = Figure { text: "128k".to_owned(), exact: Some("128,059".to_owned()) };
        assert_eq!(Figure::of(128_059), long);
        assert_eq!(long.in_full(), "128,059".to_owned().into());
        assert!(Figure::of(999_999_999_999).text.len() <= 6);
    }

    #[test]
    fn formats_durations() {
        let check = |seconds, expected: &str| assert_eq!(duration(Some(seconds)), expected);
        check(0.0, "0s");
        check(59.4, "59s");
        check(59.6, "1m 00s");
        check(125.0, "2m 05s");
        check(3599.4, "59m 59s");
        check(3720.0, "1h 02m");
        assert_eq!(duration(None), NONE);
    }

    #[test]
    fn describes_a_change() {
        let check = |now: f64, before: f64, more: bool, expected: Option<(&str, &str, &str)>| {
            let change = Change::of(Some(now), Some(before), more);
            let got = change.as_ref().map(|it| (it.arrow, it.text.as_str(), it.tone));
            assert_eq!(got, expected, "{now} after {before}");
        };
        check(150.0, 100.0, true, Some(("↑", "50%", "good")));
        check(50.0, 100.0, true, Some(("↓", "50%", "bad")));
        check(150.0, 100.0, false, Some(("↑", "50%", "bad")));
        check(50.0, 100.0, false, Some(("↓", "50%", "good")));
        check(1001.0, 1000.0, true, Some(("→", "0%", "even")));
        check(0.0, 3.0, true, Some(("↓", "100%", "bad")));
        check(99.0, 1.0, true, Some(("↑", ">999%", "good")));
        check(3.0, 0.0, true, None);
        assert_eq!(Change::of(None, Some(1.0), true), None);
        assert_eq!(Change::of(Some(1.0), None, true), None);
    }

    #[test]
    fn formats_days_without_repetition() {
        let check = |from: &str, to: &str, expected: &str| {
            assert_eq!(days(from.parse().unwrap(), to.parse().unwrap()), expected);
        };
        check("2026-11-22", "2026-11-22", "Sun, 22 Nov 2026");
        check("2026-11-16", "2026-11-22", "16 – 22 Nov 2026");
        check("2026-10-26", "2026-11-22", "26 Oct – 22 Nov 2026");
        check("2025-12-30", "2026-01-02", "30 Dec 2025 – 2 Jan 2026");
        let at = |text: &str| text.parse::<Zoned>().unwrap();
        let from = at("2026-11-09T00:00[Europe/Berlin]");
        assert_eq!(instants(&from, &at("2026-11-16T00:00[Europe/Berlin]")), "9 – 15 Nov 2026");
        let until = instants(&from, &at("2026-11-15T18:50[Europe/Berlin]"));
        assert_eq!(until, "9 – 15 Nov 2026, up to 18:50");
    }

    #[test]
    fn formats_and_parses_values() {
        assert_eq!(value(Dimension::Source, ""), "Direct");
        assert_eq!(value(Dimension::Browser, ""), "Unknown");
        assert_eq!(value(Dimension::Event, ""), "none");
        let munich = "xn--mnchen-3ya.de/a";
        for dimension in [Dimension::Page, Dimension::Referrer, Dimension::Source, Dimension::Host]
        {
            assert_eq!(value(dimension, munich), "münchen.de/a");
            assert_eq!(super::typed(&dimension.into(), "münchen.de/a"), munich);
        }
        assert_eq!(value(Dimension::UtmTerm, munich), munich);
        assert_eq!(value(Dimension::Country, "DE"), "Germany");
        assert_eq!(value(Dimension::Country, "??"), "??");
        assert_eq!(flag(Dimension::Country, "DE").as_deref(), Some("🇩🇪"));
        assert_eq!((flag(Dimension::Country, "??"), flag(Dimension::Page, "DE")), (None, None));
        let typed = |dimension: Dimension, text| super::typed(&dimension.into(), text);
        assert_eq!(typed(Dimension::Country, "germany"), "DE");
        assert_eq!(typed(Dimension::Country, "DE"), "DE");
        assert_eq!(typed(Dimension::Source, "direct"), "");
        assert_eq!(typed(Dimension::Page, "none"), "none");
        assert_eq!(typed(Dimension::Screen, "576 to 991 px"), "Tablet");
        let sentence = filter(&"is_not,country,DE,AT".parse().unwrap());
        assert_eq!(sentence, ("Country".to_owned(), "is not", "Germany or Austria".to_owned()));
    }
}
