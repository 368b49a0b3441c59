//! BENCHMARKS.md, and what its sections have in common. Every part of `cargo xtask bench` writes a section of its own,
//! between two markers, and leaves those of the others as they are.

#![allow(dead_code, reason = "every bench uses a part of this")]

use std::fs;
use std::path::Path;
use std::process::Command;

use jiff::Timestamp;

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../BENCHMARKS.md");

/// What the file begins with.
const HEAD: &str = "\
# Benchmarks

Written by `cargo xtask bench`, never by hand: each section by the part that it names, on the machine that it names.
";

/// Writes the section of a part: `text` is Markdown without the heading, which is `title` and the command.
pub(crate) fn write(part: &str, title: &str, text: &str) {
    let old = fs::read_to_string(FILE).unwrap_or_default();
    let day = Timestamp::now().strftime("%Y-%m-%d");
    let section = format!(
        "## {title}\n\n`cargo xtask bench {part}`, {day}, {}.\n\n{}",
        machine(),
        text.trim()
    );
    fs::write(FILE, with_section(&old, part, &section)).expect("BENCHMARKS.md can be written");
    eprintln!("{title}: written to {}", Path::new(FILE).canonicalize().unwrap().display());
}

/// The file with a section in its place, or at its end if there was none of that name.
fn with_section(file: &str, part: &str, section: &str) -> String {
    let (begin, end) = (format!("<!-- {part} -->"), format!("<!-- end of {part} -->"));
    let section = format!("{begin}\n{section}\n{end}\n");
    let file = if file.is_empty() { HEAD } else { file };
    match file
        .split_once(&begin)
        .and_then(|(before, rest)| Some((before, rest.split_once(&end)?.1)))
    {
        Some((before, after)) => {
            format!("{before}{section}{}", after.strip_prefix('\n').unwrap_or(after))
        }
        None => format!("{file}\n{section}"),
    }
}

/// What a number depends on, in a line: processor, cores, memory, kernel and compiler.
pub(crate) fn machine() -> String {
    let read = |file: &str| fs::read_to_string(file).unwrap_or_default();
    let value = |file: &str, name: &str| {
        let line = read(file).lines().find(|line| line.starts_with(name)).map(str::to_owned);
        line.and_then(|line| Some(line.split_once(':')?.1.trim().to_owned())).unwrap_or_default()
    };
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let memory = value("/proc/meminfo", "MemTotal");
    let memory: f64 = memory.split(' ').next().unwrap_or_default().parse().unwrap_or(0.0);
    format!(
        "{}, {cores} cores, {:.0} GiB, Linux {}, {}",
        value("/proc/cpuinfo", "model name"),
        memory / f64::from(1 << 20),
        read("/proc/sys/kernel/osrelease").trim(),
        version("rustc"),
    )
}

/// What a program says of its version, without what stands in brackets.
pub(crate) fn version(program: &str) -> String {
    let output = Command::new(program).arg("--version").output();
    let output = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
    output.unwrap_or_default().split('(').next().unwrap_or_default().trim().to_owned()
}

/// A table: its head, and rows of as many cells. Columns but for the first are numbers.
pub(crate) fn table(head: &[&str], rows: &[Vec<String>]) -> String {
    let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
    let head: Vec<String> = head.iter().map(|&cell| cell.to_owned()).collect();
    let rule = format!("|---|{}\n", "---:|".repeat(head.len() - 1));
    let rows: String = rows.iter().map(|row| line(row)).collect();
    format!("{}{rule}{rows}", line(&head))
}

/// What was aimed at, beside what was reached.
#[derive(Debug, Clone)]
pub(crate) struct Aim {
    what: String,
    aim: String,
    reached: String,
    is_met: bool,
}

impl Aim {
    /// At most `most` of `unit` is aimed at.
    pub(crate) fn at_most(what: &str, most: f64, unit: &str, reached: f64) -> Self {
        let (aim, reached_text) = (number(most), number(reached));
        Self {
            what: what.to_owned(),
            aim: format!("at most {aim} {unit}"),
            reached: format!("{reached_text} {unit}"),
            is_met: reached <= most,
        }
    }

    /// At least `least` times as much as the other is aimed at; `ratio` is what was reached.
    pub(crate) fn times_more(what: &str, least: f64, ratio: f64) -> Self {
        Self {
            what: what.to_owned(),
            aim: format!("{} times more", number(least)),
            reached: format!("{} times", number(ratio)),
            is_met: ratio >= least,
        }
    }

    /// At least `least` times less than the other is aimed at.
    pub(crate) fn times_less(what: &str, least: f64, other: f64, own: f64) -> Self {
        let ratio = other / own;
        Self {
            what: what.to_owned(),
            aim: format!("{} times less", number(least)),
            reached: format!("{} times", number(ratio)),
            is_met: ratio >= least,
        }
    }
}

/// Aims as a table; whether all are met is in it.
pub(crate) fn aims(aims: &[Aim]) -> String {
    let row = |it: &Aim| {
        let met = if it.is_met { "yes" } else { "**no**" };
        vec![it.what.clone(), it.aim.clone(), it.reached.clone(), met.to_owned()]
    };
    table(&["", "aim", "reached", "met"], &aims.iter().map(row).collect::<Vec<_>>())
}

/// A number as it is read: three digits that count, thousands apart.
pub(crate) fn number(value: f64) -> String {
    if value == 0.0 || !value.is_finite() {
        return value.to_string();
    }
    let digits = 2 - value.abs().log10().floor() as i32;
    if digits > 0 {
        let text = format!("{value:.*}", digits as usize);
        return if text.contains('.') {
            text.trim_end_matches('0').trim_end_matches('.').to_owned()
        } else {
            text
        };
    }
    whole(value.round() as u64)
}

/// A whole number, its thousands apart.
pub(crate) fn whole(value: u64) -> String {
    let digits = value.to_string();
    let mut text = String::new();
    for (at, digit) in digits.char_indices() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// The value below which half of all are; of none, it is not a number.
pub(crate) fn median(values: &[f64]) -> f64 {
    quantile(values, 0.5)
}

/// The least value below or at which a share of all are.
pub(crate) fn quantile(values: &[f64], share: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let at = (share * sorted.len() as f64).ceil() as usize;
    sorted.get(at.saturating_sub(1)).copied().unwrap_or(f64::NAN)
}
