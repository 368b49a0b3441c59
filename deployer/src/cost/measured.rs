//! What was measured, of all that is reckoned with: measured.json, which benches of the runtime write, and nobody by hand.
//!
//! `cargo bench -p footfall-runtime --all-features --bench footprint` measures what is read here, on x86-64 and against
//! DynamoDB Local: on Graviton it was never measured. Milliseconds are those of a whole core.

use std::sync::LazyLock;

use serde::Deserialize;

/// What was measured. Were the file broken, all of it would be 0: its test would say so.
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

/// What a hit takes, and what is left of it.
#[derive(Debug, Clone, Default, Deserialize)]
pub(crate) struct Footprint {
    /// What a hit takes of a processor.
    pub(crate) hit_cpu_ms: f64,
    /// What the tracker's script takes.
    pub(crate) script_cpu_ms: f64,
    /// What a request takes that is let in nowhere.
    pub(crate) stranger_cpu_ms: f64,
    /// What a run of the rollup takes at most that folds nothing.
    pub(crate) idle_run_cpu_ms: f64,
    /// What a hit takes to be folded.
    pub(crate) fold_cpu_ms: f64,
    /// A hit's item, keys included.
    pub(crate) item_bytes: f64,
    /// A hit in its day's segment, of a site with a million views a month; days of fewer have some more.
    pub(crate) at_rest_bytes: f64,
    /// The answer to a hit, headers included, as are all answers here.
    pub(crate) hit_answer_bytes: f64,
    /// The tracker's script, gzipped.
    pub(crate) script_bytes: f64,
    /// The door's page, where no gzip is asked for.
    pub(crate) door_bytes: f64,
    /// The dashboard's page of a busy site, gzipped.
    pub(crate) page_bytes: f64,
    /// The line that a run of the rollup logs.
    pub(crate) run_line_bytes: f64,
    /// The dashboard's page of so many hits, reading them included.
    pub(crate) look_cpu_ms: f64,
    pub(crate) look_hits: f64,
}

impl Footprint {
    /// The units that a hit is written with: in its item, in the segment of its hour, which is deleted again, and
    /// in that of its day.
    pub(crate) fn writes_a_hit(&self) -> f64 {
        1.0 + 3.0 * self.at_rest_bytes / 1024.0
    }

    /// What a report takes of a core, in milliseconds for each hit of its period and the one before it.
    pub(crate) fn report_cpu_ms(&self) -> f64 {
        self.look_cpu_ms / self.look_hits
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_of_it_is_there_and_plausible() {
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
