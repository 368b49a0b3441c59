//! Where benches note what they measured, for `cargo xtask cost` and docs/scale.md: a part each of one file.

use std::fs;

use jiff::tz::TimeZone;
use serde_json::{Value, json};

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../deployer/src/cost/measured.json");

/// The numbers of a part of the file, as they were noted last.
#[allow(dead_code, reason = "not every bench asks")]
pub(crate) fn noted(part: &str) -> Value {
    let all: Value = serde_json::from_str(&fs::read_to_string(FILE).unwrap()).unwrap();
    all[part]["numbers"].clone()
}

/// Replaces a part of the file: the numbers, when and how they came about, and on which processor.
pub(crate) fn note(part: &str, command: &str, numbers: Value) {
    let mut all: Value = fs::read_to_string(FILE)
        .map_or_else(|_| json!({}), |it| serde_json::from_str(&it).unwrap());
    let on = jiff::Timestamp::now().to_zoned(TimeZone::UTC).date().to_string();
    all[part] =
        json!({ "command": command, "on": on, "processor": processor(), "numbers": numbers });
    fs::write(FILE, serde_json::to_string_pretty(&all).unwrap() + "\n").unwrap();
    println!("\nnoted in deployer/src/cost/measured.json");
}

fn processor() -> String {
    let about = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let mut lines = about.lines().filter_map(|line| line.split_once(':'));
    let name = lines.find(|(key, _)| key.trim() == "model name");
    let name = name.map_or("unknown", |(_, name)| name.trim());
    format!("{name} ({})", std::env::consts::ARCH)
}

/// So many digits of a number, of which more would say nothing.
pub(crate) fn rounded(number: f64, digits: i32) -> f64 {
    if number == 0.0 {
        return 0.0;
    }
    let scale = 10_f64.powi(digits - 1 - number.abs().log10().floor() as i32);
    // Rounded as it is written: 0.36 and not 0.36000000000000004.
    let rounded = (number * scale).round() / scale;
    format!("{rounded:.9}").parse().unwrap()
}
