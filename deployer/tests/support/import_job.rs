//! Runs imports over a store in memory.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use footfall_deployer::import::{Job, Options, Source, Summary};
use footfall_infra::settings::Settings;
use footfall_runtime::catalog::checkpoint::Checkpoint;
use footfall_runtime::hit::visitor::Salt;
use footfall_runtime::platform::http::Request;
use footfall_runtime::query::Query;
use footfall_runtime::query::period::PeriodContext;
use footfall_runtime::query::reader::Reader;
use footfall_runtime::query::report::{Report, all_tables};
use footfall_runtime::segment;
use footfall_runtime::segment::column::Column;
use footfall_runtime::segment::dictionary::Dictionaries;
use footfall_runtime::storage::{Key, Store};
pub(crate) use footfall_testkit::memory::Memory;
pub(crate) use footfall_testkit::wait::wait;

pub(crate) const NOW: &str = "2026-11-22T13:30:00Z";

pub(crate) const YAML: &str =
    "sites: [{domain: example.com, hosts: [example.com, '*.example.com']}]";

pub(crate) fn settings() -> Settings {
    Settings::from_yaml(YAML).unwrap()
}

pub(crate) fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/import").join(name)
}

/// Imports files, each run with another salt.
pub(crate) fn import_into<S: Store>(
    store: &S,
    settings: &Settings,
    options: Options,
    files: &[PathBuf],
) -> anyhow::Result<Summary> {
    run(store, settings, options, files, &AtomicBool::new(false))
}

pub(crate) fn run<S: Store>(
    store: &S,
    settings: &Settings,
    options: Options,
    files: &[PathBuf],
    stop: &AtomicBool,
) -> anyhow::Result<Summary> {
    static SALTS: AtomicUsize = AtomicUsize::new(0);
    let salt = (SALTS.fetch_add(1, Ordering::Relaxed) as u128).to_le_bytes();
    let site = &settings.sites[0];
    let now = NOW.parse().unwrap();
    // A killed try does not let its lock go: the next one waits so long.
    let lease = Duration::from_millis(20);
    let holder = salt;
    let salt = Salt::new(salt);
    let job = Job { store, settings, site, now, salt, holder, lease, options, pauses: &[], stop };
    let mut sources = Vec::new();
    for file in files {
        sources.extend(Source::of(file).unwrap());
    }
    wait(job.run(sources))
}

pub(crate) fn import<S: Store>(store: &S, files: &[PathBuf]) -> Summary {
    import_into(store, &settings(), Options::default(), files).unwrap()
}

pub(crate) fn report<S: Store>(store: &S, query: &str) -> Report {
    let (settings, now) = (settings(), NOW.parse().unwrap());
    let site = &settings.sites[0];
    let checkpoint = wait(Checkpoint::load(store, site)).unwrap();
    let asked = PeriodContext { now, zone: &site.time_zone, first: checkpoint.first_day() };
    let request = Request {
        method: "GET".to_owned(),
        path: "/dashboard".to_owned(),
        query: query.to_owned(),
        headers: http::HeaderMap::new(),
        body: Vec::new(),
        peer: "192.0.2.1".parse().unwrap(),
    };
    let query = Query::of(&request, &asked).unwrap();
    let reader = Reader { store, settings: &settings, site, checkpoint, now };
    wait(reader.report(&query, &all_tables(), 1000)).unwrap()
}

pub(crate) fn all<S: Store>(store: &S) -> serde_json::Value {
    serde_json::to_value(report(store, "period=all")).unwrap()
}

/// A log of so many views from a line on, over some days of November.
pub(crate) fn log(lines: std::ops::Range<u32>) -> String {
    let mut log = String::new();
    for line in lines {
        let (day, visitor, page) = (1 + line / 40, line % 7, line % 5);
        let (hour, minute) = (line % 40 / 2, line % 2 * 30);
        writeln!(
            log,
            "203.0.113.{visitor} - - [{day:02}/Nov/2026:{hour:02}:{minute:02}:00 +0000] \
             \"GET /{page} HTTP/1.1\" 200 1 \"-\" \"Mozilla/5.0 (X11; Linux x86_64; rv:151.0) \
             Gecko/20100101 Firefox/151.0\""
        )
        .unwrap();
    }
    log
}

/// Creates a file in its own folder.
pub(crate) fn file(folder: &tempfile::TempDir, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
    let file = folder.path().join(name);
    fs::write(&file, content).unwrap();
    file
}

pub(crate) fn gzip(parts: &[&str]) -> Vec<u8> {
    let member = |text: &&str| {
        let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
        gzip.write_all(text.as_bytes()).unwrap();
        gzip.finish().unwrap()
    };
    parts.iter().flat_map(member).collect()
}

/// Everything stored, except a lease that was not released.
pub(crate) fn stored(store: &Memory) -> BTreeMap<Key, Vec<u8>> {
    let items = store.items().into_iter().filter(|item| !item.key.sk.starts_with("lock#"));
    items.map(|item| (item.key, item.value)).collect()
}

/// Every hit that was imported, in words, and what was said of the rest.
pub(crate) fn words(store: &Memory, summary: &Summary) -> String {
    let mut text = String::new();
    for item in store.items().iter().filter(|item| item.key.pk.starts_with("seg#")) {
        let mut texts = Dictionaries::default();
        let rows = segment::decode(&item.value, &Column::ALL, &mut texts).unwrap();
        for row in 0..rows.len() {
            let at = jiff::Timestamp::from_millisecond(rows.times[row]).unwrap();
            write!(text, "{at} visitor={}", rows.visitors[row]).unwrap();
            for column in Column::ALL {
                if let Some(value) = texts.of(column).value(rows.column(column)[row]) {
                    write!(text, " {}={value:?}", column.name()).unwrap();
                }
            }
            text.push('\n');
        }
    }
    for lines in summary.passed.iter().chain(&summary.refused) {
        let first: Vec<&str> =
            lines.first.iter().map(|place| place.rsplit('/').next().unwrap()).collect();
        writeln!(text, "{} {}: {}", lines.lines, lines.reason, first.join(", ")).unwrap();
    }
    for note in &summary.notes {
        writeln!(text, "note: {note}").unwrap();
    }
    text
}
