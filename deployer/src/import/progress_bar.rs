//! Progress bars. They are drawn on a terminal only.

use std::time::Duration;

use anyhow::Result;
use indicatif::{ProgressBar, ProgressStyle};

/// Returns a bar that counts bytes.
pub(crate) fn of_bytes(name: &'static str, total: u64) -> Result<ProgressBar> {
    bar(name, total, "{bytes}/{total_bytes}, {bytes_per_sec}, {eta} left")
}

/// Returns a bar that counts days.
pub(crate) fn of_days(name: &'static str, total: u64) -> Result<ProgressBar> {
    bar(name, total, "{pos}/{len} days, {eta} left")
}

fn bar(name: &'static str, total: u64, numbers: &str) -> Result<ProgressBar> {
    let bar = ProgressBar::new(total);
    let template = format!("{{msg}} {{wide_bar:.green}} {numbers}");
    bar.set_style(ProgressStyle::with_template(&template)?);
    bar.set_message(name);
    bar.enable_steady_tick(Duration::from_millis(200));
    Ok(bar)
}
