//! The file in which benches record results for `cargo xtask cost` and docs/scale.md, one part each.

use std::fs;

use jiff::tz::TimeZone;
use serde_json::{Value, json};

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../deployer/src/cost/measured.json");

/// Returns the numbers last recorded in a part of the file.
pub fn noted(part: &str) -> Value {
    let all: Value = serde_json::from_str(&fs::read_to_string(FILE).unwrap()).unwrap();
    all[part]["numbers"].clone()
}

/// Replaces a part of the file: the numbers, with the command, the day and the processor.
pub fn note(part: &str, command: &str, numbers: Value) {
    let mut all: Value = fs::read_to_string(FILE)
        .map_or_else(|_| json!({}), |it| serde_json::from_str(&it).unwrap());
    let on = jiff::Timestamp::now().to_zoned(TimeZone::UTC).date().to_string();
    all[part] =
        json!({ "command": command, "on": on, "processor": processor(), "numbers": numbers });
    fs::write(FILE, serde_json::to_string_pretty(&all).unwrap() + "\n").unwrap();
    println!("\nrecorded in deployer/src/cost/measured.json");
}

fn processor() -> String {
    let about = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let mut lines = about.lines().filter_map(|line| line.split_once(':'));
    let name = lines.find(|(key, _)| key.trim() == "model name");
    let name = name.map_or("unknown", |(_, name)| name.trim());
    format!("{name} ({})", std::env::consts::ARCH)
}

/// Rounds a number to this many significant digits.
pub fn rounded(number: f64, digits: i32) -> f64 {
    if number == 0.0 {
        return 0.0;
    }
    let scale = 10_f64.powi(digits - 1 - number.abs().log10().floor() as i32);
    // Avoids 0.36000000000000004.
    let rounded = (number * scale).round() / scale;
    format!("{rounded:.9}").parse().unwrap()
}
