//! Measured inputs of the cost model: measured.json, which the runtime's benches write.
//!
//! `cargo bench -p footfall-runtime --all-features --bench footprint` measures what is read here, on x86-64 and against
//! DynamoDB Local: on Graviton it was never measured. Milliseconds are those of a whole core.

use std::sync::LazyLock;

use serde::Deserialize;

/// The measurements. All 0 if the file is broken, which the test below detects.
pub(crate) static MEASURED: LazyLock<Footprint> = LazyLock::new(|| {
    let file: serde_json::Result<File> = serde_json::from_str(include_str!("measured.json"));
    file.map(|file| file.footprint.numbers).unwrap_or_default()
});

#[derive(Deserialize)]
struct File {
    footprint: Part,
}

#[derive(Deserialize)]
struct Part {
    numbers: Footprint,
}

/// CPU time and sizes per request.
#[derive(Debug, Clone, Default, Deserialize)]
pub(crate) struct Footprint {
    /// CPU time of a hit.
    pub(crate) hit_cpu_ms: f64,
    /// CPU time of the tracker's script.
    pub(crate) script_cpu_ms: f64,
    /// CPU time of an unauthenticated request.
    pub(crate) stranger_cpu_ms: f64,
    /// Maximum CPU time of a rollup run that has nothing to do.
    pub(crate) idle_run_cpu_ms: f64,
    /// CPU time to roll up a hit.
    pub(crate) fold_cpu_ms: f64,
    /// Size of a hit's item, keys included.
    pub(crate) item_bytes: f64,
    /// Size of a hit in its day's segment, for a site with a million views a month. Smaller days need more.
    pub(crate) at_rest_bytes: f64,
    /// Size of the answer to a hit. All answers include their headers.
    pub(crate) hit_answer_bytes: f64,
    /// Size of the tracker's script, gzipped.
    pub(crate) script_bytes: f64,
    /// Size of the sign-in page, not compressed.
    pub(crate) door_bytes: f64,
    /// Size of the dashboard of a busy site, gzipped.
    pub(crate) page_bytes: f64,
    /// Size of the line that a rollup run logs.
    pub(crate) run_line_bytes: f64,
    /// CPU time of the dashboard over `look_hits` hits, including reading them.
    pub(crate) look_cpu_ms: f64,
    pub(crate) look_hits: f64,
}

impl Footprint {
    /// Returns the write units of a hit: its item, the segment of its hour, which is deleted later, and the segment of
    /// its day.
    pub(crate) fn writes_a_hit(&self) -> f64 {
        1.0 + 3.0 * self.at_rest_bytes / 1024.0
    }

    /// Returns the CPU milliseconds of a report per hit of its period and the previous one.
    pub(crate) fn report_cpu_ms(&self) -> f64 {
        self.look_cpu_ms / self.look_hits
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn measurements_are_plausible() {
        let Footprint { hit_cpu_ms, fold_cpu_ms, item_bytes, at_rest_bytes, .. } = *MEASURED;
        assert!((0.05..2.0).contains(&hit_cpu_ms) && (0.001..0.1).contains(&fold_cpu_ms));
        assert!((100.0..1024.0).contains(&item_bytes) && (10.0..60.0).contains(&at_rest_bytes));
        assert!((1e-5..1e-2).contains(&MEASURED.report_cpu_ms()));
        let Footprint { script_cpu_ms, stranger_cpu_ms, idle_run_cpu_ms, .. } = *MEASURED;
        assert!(script_cpu_ms > 0.0 && stranger_cpu_ms > 0.0 && idle_run_cpu_ms > 0.0);
        assert!(MEASURED.run_line_bytes > 0.0);
        let Footprint { hit_answer_bytes, script_bytes, door_bytes, page_bytes, .. } = *MEASURED;
        let bytes = [hit_answer_bytes, script_bytes, door_bytes, page_bytes];
        assert!(bytes.iter().all(|bytes| (100.0..100_000.0).contains(bytes)), "{bytes:?}");
    }
}
