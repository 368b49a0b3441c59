//! The report as text.

use std::fmt::Write as _;

use super::bill::{Bill, Line};
use super::metrics::DAYS;
use super::month::Basis;
use super::report::Report;
use super::usage::LOOKS;

/// Width of the report in characters.
const WIDTH: usize = 84;

/// Returns the report as text.
pub(crate) fn of(report: &Report, credits: &str) -> String {
    let mut text = String::new();
    // Writing to a String cannot fail.
    let _ = write(&mut text, report, credits);
    text
}

fn write(text: &mut String, report: &Report, credits: &str) -> std::fmt::Result {
    let stack = &report.stack;
    let region = &report.region;
    match &report.basis {
        Basis::Views(views) => {
            writeln!(text, "A month of {} page views in {region}", number(*views as f64))?;
        }
        Basis::Used { stack, days: DAYS } => {
            writeln!(text, "Usage of stack {stack} in {region} over {DAYS} days")?;
        }
        Basis::Used { stack, days } => {
            let since = match days {
                0 => "today".to_owned(),
                1 => "yesterday".to_owned(),
                days => format!("{days} days ago"),
            };
            writeln!(text, "Usage of stack {stack} in {region} since it was created {since}")?;
        }
    }
    let capacity = match stack.provisioned {
        None => "on demand".to_owned(),
        Some((reads, writes)) => format!("{reads} units to read and {writes} to write"),
    };
    let (rate, burst) = (number(stack.rate), number(stack.burst));
    writeln!(text, "Table: {capacity}. Throttle: {rate} requests a second, {burst} at once.")?;
    writeln!(text, "Prices of {}, {}.\n", report.prices_as_of, report.currency)?;
    month(text, &report.month)?;
    paragraph(
        text,
        &format!("The always-free allowances apply every month, to the whole account. {credits}"),
    )?;
    worst(text, report)?;
    assumptions(text, report)
}

/// Writes a paragraph as wide as the tables.
fn paragraph(text: &mut String, words: &str) -> std::fmt::Result {
    let mut width = WIDTH;
    for word in words.split_whitespace() {
        let length = word.chars().count();
        if width + 1 + length > WIDTH {
            write!(text, "\n{word}")?;
            width = length;
        } else {
            write!(text, " {word}")?;
            width += 1 + length;
        }
    }
    text.write_char('\n')
}

fn month(text: &mut String, bill: &Bill) -> std::fmt::Result {
    writeln!(text, "{:48}{:>11}{:>13}{:>12}", "", "list price", "always free", "you pay")?;
    for line in &bill.lines {
        let Line { what, quantity, unit, list, free } = line;
        let (list, free, pay) = (money(*list), less(*free), money(line.pay()));
        let quantity = number(*quantity);
        writeln!(text, "{what:20}{quantity:>16} {unit:11}{list:>11}{free:>13}{pay:>12}")?;
    }
    let (list, free, pay) = (money(bill.list), less(bill.free), money(bill.pay));
    writeln!(text, "{:48}{list:>11}{free:>13}{pay:>12}", "A month")
}

/// Lines of a bill that are shown as one.
const GROUPS: [(&str, &[&str]); 7] = [
    ("API requests", &["API requests"]),
    ("Functions", &["Function requests", "Function time"]),
    (
        "Table: reads and writes",
        &["Table: writes", "Table: reads", "Table: to write", "Table: to read"],
    ),
    ("Table: storage", &["Table: storage", "Table: recovery"]),
    ("Logs and alarms", &["Logs", "Logs kept", "Alarms"]),
    ("Data to the internet", &["Data to the internet"]),
    ("Code in S3", &["Code in S3", "Code put there"]),
];

fn worst(text: &mut String, report: &Report) -> std::fmt::Result {
    let worst = &report.worst;
    let rate = number(worst.rate);
    writeln!(text, "\nWorst case: requests at the throttle limit for a whole month\n")?;
    writeln!(text, "{:48}{:>18}{:>18}", "", "all routes shared", "each route alone")?;
    let rates = [format!("{rate} a second"), format!("{} × {rate} a second", number(worst.routes))];
    writeln!(text, "{:48}{:>18}{:>18}", "", rates[0], rates[1])?;
    for (what, lines) in GROUPS {
        let sum = |bill: &Bill| {
            money(lines.iter().filter_map(|name| bill.line(name)).map(Line::pay).sum::<f64>())
        };
        writeln!(text, "{what:48}{:>18}{:>18}", sum(&worst.shared), sum(&worst.each))?;
    }
    let (shared, each) = (money(worst.shared.pay), money(worst.each.pay));
    writeln!(text, "{:48}{shared:>18}{each:>18}", "At worst")?;
    paragraph(
        text,
        "AWS does not document whether routes share the throttle, and calls it a target. Requests above it get status \
         429 and cost nothing. A request of more than 512 KB is billed as several: with bodies of 10 MB, the maximum, \
         the API's line is 20 times as high.",
    )?;
    if report.stack.public {
        let most = match (report.stack.most_reads, report.stack.provisioned) {
            (Some(units), _) => {
                format!("the template limits the table to {} read units a second", number(units))
            }
            (None, Some(_)) => "the table is limited to its units".to_owned(),
            (None, None) => "no limit applies yet: deploy again to add one".to_owned(),
        };
        paragraph(
            text,
            &format!(
                "This includes a public site, whose reports anyone can request. They read its segments; {most}."
            ),
        )?;
    }
    let (shared, each) = worst.at_rate_1;
    let (shared, each) = (money(shared), money(each));
    paragraph(
        text,
        &format!(
            "To lower it, set `throttle: {{rate: N, burst: M}}` in footfall.yaml and deploy: with a rate of 1 it is \
             {shared}, or {each}. With `monthly_budget_usd`, AWS sends an e-mail when a month costs more than that."
        ),
    )
}

fn assumptions(text: &mut String, report: &Report) -> std::fmt::Result {
    let basis = match report.basis {
        Basis::Views(_) => format!(
            "Assumptions: every view also loads the tracker, although browsers cache it for a day; the dashboard is \
             opened {LOOKS:.0} times; the table keeps a year. The CPU time of a hit was measured on a different processor, \
             and the table's latency is assumed: deployer/src/cost has every number and its origin. Cold starts are \
             billed but not included."
        ),
        Basis::Used { .. } => "Source: CloudWatch. Data counts both directions, AWS measures the table about every six hours, and cold \
                               starts are billed but not included."
            .to_owned(),
    };
    paragraph(text, &basis)?;
    let mut sources = "deployer/src/cost/prices.json has the source of every price.".to_owned();
    if !report.unverified_prices.is_empty() {
        let items: Vec<String> = report.unverified_prices.iter().map(|item| item.name()).collect();
        let (region, items) = (&report.region, items.join(", "));
        let _ = write!(sources, " Prices not verified for {region}: {items}.");
    }
    paragraph(text, &sources)
}

/// Formats a number with digit groups and few decimals.
fn number(value: f64) -> String {
    match value {
        0.0 => "0".to_owned(),
        v if v < 0.01 => "<0.01".to_owned(),
        v if v.fract() == 0.0 || v >= 100.0 => grouped(v, 0),
        v if v >= 10.0 => grouped(v, 1),
        v => grouped(v, 2),
    }
}

/// Formats dollars.
fn money(usd: f64) -> String {
    match usd {
        usd if usd <= 0.0 => "0.00".to_owned(),
        usd if usd < 0.005 => "<0.01".to_owned(),
        usd => grouped(usd, 2),
    }
}

/// Formats dollars that are subtracted.
fn less(usd: f64) -> String {
    if usd <= 0.0 { "-".to_owned() } else { format!("-{}", money(usd)) }
}

fn grouped(value: f64, decimals: usize) -> String {
    let text = format!("{value:.decimals$}");
    let (whole, rest) = text.find('.').map_or((&*text, ""), |at| text.split_at(at));
    let mut out = String::new();
    for (place, digit) in whole.chars().enumerate() {
        if place > 0 && (whole.len() - place) % 3 == 0 {
            out.push(',');
        }
        out.push(digit);
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short_and_never_round_to_zero() {
        let texts = [0.0, 0.001, 0.016, 1.5, 12.34, 730.0, 756.4, 1_234_567.8].map(number);
        assert_eq!(texts, ["0", "<0.01", "0.02", "1.50", "12.3", "730", "756", "1,234,568"]);
        let texts = [0.0, 0.004, 0.005, 0.41, 1958.63, 1e6].map(money);
        assert_eq!(texts, ["0.00", "<0.01", "0.01", "0.41", "1,958.63", "1,000,000.00"]);
        assert_eq!([0.0, 0.001, 2.0].map(less), ["-", "-<0.01", "-2.00"]);
    }

    #[test]
    fn paragraphs_are_as_wide_as_the_tables() {
        let mut text = String::new();
        paragraph(&mut text, &"seven77 ".repeat(21)).unwrap_or_default();
        let lines: Vec<usize> = text.lines().map(str::len).collect();
        assert_eq!(lines, [0, 79, 79, 7]);
    }
}
