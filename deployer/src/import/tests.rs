//! An import as a whole, over a store in memory: what comes of each format, and that it is all there or
//! not at all, once.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test ends there")]

use footfall_testkit::wait::wait;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use footfall_infra::settings::Settings;
use footfall_runtime::catalog::checkpoint::Checkpoint;
use footfall_runtime::hit::visitor::Salt;
use footfall_runtime::hit::{Hit, Kind};
use footfall_runtime::ingest::Ingest;
use footfall_runtime::platform::http::Request;
use footfall_runtime::query::Query;
use footfall_runtime::query::period::PeriodContext;
use footfall_runtime::query::reader::Reader;
use footfall_runtime::query::report::{Report, all_tables};
use footfall_runtime::segment;
use footfall_runtime::segment::column::Column;
use footfall_runtime::segment::dictionary::Dictionaries;
use footfall_runtime::storage::import_id::ImportId;
use footfall_runtime::storage::keys;
use footfall_runtime::storage::retention;
use footfall_runtime::storage::{Item, Key, KeyRange, Page, PutOutcome, Store, StoreError};

use super::format::Said;
use super::history;
use super::job::{Job, Options, Summary};
use super::source::Source;
use footfall_testkit::memory::Memory;

const NOW: &str = "2026-11-22T13:30:00Z";
const YAML: &str = "sites: [{domain: example.com, hosts: [example.com, '*.example.com']}]";

fn settings() -> Settings {
    Settings::from_yaml(YAML).unwrap()
}

fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/import").join(name)
}

/// Imports files, each run with another salt.
fn import_into<S: Store>(
    store: &S,
    settings: &Settings,
    options: Options,
    files: &[PathBuf],
) -> anyhow::Result<Summary> {
    run(store, settings, options, files, &AtomicBool::new(false))
}

fn run<S: Store>(
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

fn import<S: Store>(store: &S, files: &[PathBuf]) -> Summary {
    import_into(store, &settings(), Options::default(), files).unwrap()
}

fn report<S: Store>(store: &S, query: &str) -> Report {
    let (settings, now) = (settings(), NOW.parse().unwrap());
    let site = &settings.sites[0];
    let checkpoint = wait(Checkpoint::of(store, site)).unwrap();
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

fn all<S: Store>(store: &S) -> serde_json::Value {
    serde_json::to_value(report(store, "period=all")).unwrap()
}

/// A log of so many views from a line on, over some days of November.
fn log(lines: std::ops::Range<u32>) -> String {
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

/// A file in a folder of its own.
fn file(folder: &tempfile::TempDir, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
    let file = folder.path().join(name);
    fs::write(&file, content).unwrap();
    file
}

fn gzip(parts: &[&str]) -> Vec<u8> {
    let member = |text: &&str| {
        let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
        gzip.write_all(text.as_bytes()).unwrap();
        gzip.finish().unwrap()
    };
    parts.iter().flat_map(member).collect()
}

/// What is stored, but for a lock that was not let go.
fn stored(store: &Memory) -> BTreeMap<Key, Vec<u8>> {
    let items = store.items().into_iter().filter(|item| !item.key.sk.starts_with("lock#"));
    items.map(|item| (item.key, item.value)).collect()
}

/// Every hit that was imported, in words, and what was said of the rest.
fn words(store: &Memory, summary: &Summary) -> String {
    let mut text = String::new();
    for item in store.items().iter().filter(|item| item.key.pk.starts_with("seg#")) {
        let mut texts = Dictionaries::default();
        let rows = segment::decode(&item.value, &Column::ALL, &mut texts).unwrap();
        for row in 0..rows.len() {
            let at = jiff::Timestamp::from_millisecond(rows.times[row]).unwrap();
            write!(text, "{at} visitor={}", rows.visitors[row]).unwrap();
            for column in Column::ALL {
                if let Some(value) = texts.of(column).text(rows.column(column)[row]) {
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

/// Holds what comes of a file against what is committed; UPDATE_GOLDEN=1 writes that anew.
fn check(name: &str, files: &[&str]) {
    let store = Memory::default();
    let files: Vec<PathBuf> = files.iter().map(|file| data(file)).collect();
    let summary = import(&store, &files);
    let found = words(&store, &summary);
    let golden = data(&format!("golden/{name}.txt"));
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::create_dir_all(golden.parent().unwrap()).unwrap();
        fs::write(&golden, &found).unwrap();
    }
    let expected = fs::read_to_string(&golden).unwrap_or_default();
    assert_eq!(found, expected, "{name}: UPDATE_GOLDEN=1 accepts it");
    // What is counted is what is stored, and nobody's address or User-Agent is.
    let views = found.lines().filter(|line| line.contains(" visitor=")).count() as u64;
    assert_eq!(views, summary.hits + summary.filtered.values().sum::<u64>());
    for item in store.items() {
        let text = String::from_utf8_lossy(&item.value);
        assert!(!text.contains("203.0.113.") && !text.contains("Mozilla"), "{:?}", item.key);
    }
}

#[test]
fn access_logs() {
    check("combined", &["combined.log"]);
    check("vhost", &["vhost.log"]);
    check("common", &["common.log"]);
}

#[test]
fn cloudfront() {
    check("cloudfront", &["cloudfront.log"]);
}

#[test]
fn goatcounter() {
    check("goatcounter-1", &["goatcounter-1.csv"]);
    check("goatcounter-2", &["goatcounter-2.csv"]);
}

#[test]
fn umami() {
    check("umami", &["website_event.csv", "event_data.csv"]);
    check("umami-without-properties", &["website_event.csv"]);
}

#[test]
fn footfalls_own() {
    check("footfall", &["footfall.csv"]);
    // The same in another form.
    let (csv, json) = (Memory::default(), Memory::default());
    let of_csv = words(&csv, &import(&csv, &[data("footfall.csv")]));
    assert_eq!(words(&json, &import(&json, &[data("footfall.jsonl")])), of_csv);
    // And what was stored of it, a segment, as a file.
    let folder = tempfile::tempdir().unwrap();
    let segments = csv.items().into_iter().filter(|item| item.key.pk.starts_with("seg#"));
    let files: Vec<PathBuf> =
        segments.map(|item| file(&folder, &item.key.sk.replace('#', "-"), &item.value)).collect();
    let again = Memory::default();
    assert_eq!(words(&again, &import(&again, &files)), of_csv);
}

/// A line of a log is the hit that the tracker would have stored of the same page view.
#[test]
fn a_line_is_what_live_traffic_is() {
    let agent = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, \
                 like Gecko) Version/26.0 Mobile/15E148 Safari/604.1";
    let target = "/caf%C3%A9?utm_source=hn&utm_campaign=a%20b&ref=x";
    let referrer = "https://www.google.com/search?q=secret";
    let live = Memory::default();
    let track =
        Ingest::new(settings(), live.clone(), footfall_runtime::platform::context::SystemContext);
    let body =
        serde_json::json!({ "url": format!("https://example.com{target}"), "referrer": referrer });
    let mut headers = http::HeaderMap::new();
    headers.insert("user-agent", agent.parse().unwrap());
    let answer = wait(track.handle(&Request {
        method: "POST".to_owned(),
        path: "/track".to_owned(),
        query: String::new(),
        headers,
        body: body.to_string().into_bytes(),
        peer: "203.0.113.7".parse().unwrap(),
    }));
    assert_eq!(answer.status(), 202);
    let hit = |kind| match kind {
        Kind::Hit(hit) => Hit { visitor: footfall_runtime::hit::visitor::VisitorId::new(0), ..hit },
        other => panic!("{other:?}"),
    };
    let live = hit(Kind::decode(&live.hits()[0].value).unwrap());

    let line = format!(
        "203.0.113.7 - - [20/Nov/2026:09:00:00 +0000] \"GET {target} HTTP/1.1\" 200 1 \"{referrer}\" \"{agent}\"\n"
    );
    let folder = tempfile::tempdir().unwrap();
    let store = Memory::default();
    let summary = import(&store, &[file(&folder, "access.log", line)]);
    assert_eq!(summary.hits, 1);
    let found = words(&store, &summary);
    let texts = [Some(live.page.clone()), live.source, live.referrer, live.campaign.source];
    let more = [live.campaign.name, live.browser, live.os, live.browser_version];
    for text in texts.into_iter().chain(more) {
        let text = text.unwrap();
        assert!(found.contains(&format!("={text:?}")), "{text:?} is not in {found}");
    }
    assert!(!found.contains("secret"));
}

#[test]
fn importing_twice_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let log = log(0..200);
    let store = Memory::default();
    let first = import(&store, &[file(&folder, "access.log", &log)]);
    assert_eq!((first.hits, first.days, first.lines), (200, 5, 200));
    let (items, shown) = (stored(&store), all(&store));
    assert_eq!(shown["totals"]["views"], 200);
    assert_eq!(shown["totals"]["visitors"], 35);
    // It was rotated meanwhile, gzipped, and put together from parts.
    let half = log.len() / 2;
    let rotated = gzip(&[&log[..half], &log[half..]]);
    let files = [file(&folder, "access.log", &log), file(&folder, "access.log.1.gz", rotated)];
    for files in [&files[..1], &files[1..], &files] {
        let again = import(&store, files);
        assert_eq!((again.id, again.hits, again.files), (None, 0, 0));
        assert!(again.skipped.iter().all(|skipped| skipped.whole));
        assert_eq!((again.skipped[0].id, again.skipped.len()), (first.id, files.len()));
        assert_eq!((stored(&store), all(&store)), (items.clone(), shown.clone()));
    }
    // Of the same twice in one import, one is taken.
    let other = Memory::default();
    let both = import(&other, &files);
    assert_eq!((both.hits, both.skipped.len(), all(&other)), (200, 1, shown));
}

#[test]
fn of_a_log_that_has_grown_what_is_new_is_imported() {
    let folder = tempfile::tempdir().unwrap();
    let store = Memory::default();
    // The server is in the middle of a line.
    let (first, rest) = (log(0..60), log(60..200));
    let begun = format!("{first}{}", &rest[..50]);
    let summary = import(&store, &[file(&folder, "access.log", begun)]);
    assert_eq!((summary.hits, summary.refused.len()), (60, 1));
    assert_eq!((summary.refused[0].reason, summary.refused[0].first.len()), ("unfinished", 1));
    assert!(summary.refused[0].first[0].ends_with("access.log:61"));

    let grown = import(&store, &[file(&folder, "access.log", format!("{first}{rest}nonsense\n"))]);
    assert_eq!((grown.hits, grown.skipped[0].bytes), (140, first.len() as u64));
    assert!(!grown.skipped[0].whole && grown.refused[0].first[0].ends_with(":201"));
    let shown = all(&store);
    assert_eq!(shown["totals"]["views"], 200);
    // Who comes in both parts of a day counts in both: nobody is known from one import to the next.
    assert_eq!(shown["totals"]["visitors"], 35 + 7);
    let rotated = file(&folder, "access.log.1.gz", gzip(&[&first, &rest, "nonsense\n"]));
    assert_eq!(import(&store, &[rotated]).files, 0);
    assert_eq!(all(&store), shown);
}

/// A store that ends after so many writes, as a killed program does.
#[derive(Clone)]
struct Ending {
    store: Memory,
    left: Arc<AtomicUsize>,
}

impl Ending {
    fn write(&self) -> Result<(), StoreError> {
        let left =
            self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |it| it.checked_sub(1));
        left.map(drop).map_err(|_| StoreError::Unavailable("killed".to_owned()))
    }
}

impl Store for Ending {
    async fn put(&self, item: Item) -> Result<(), StoreError> {
        self.write()?;
        self.store.put(item).await
    }

    /// Of many, some may be stored.
    async fn put_all(&self, items: Vec<Item>) -> Result<(), StoreError> {
        for item in items {
            self.put(item).await?;
        }
        Ok(())
    }

    async fn put_if_absent(&self, item: Item) -> Result<PutOutcome, StoreError> {
        self.write()?;
        self.store.put_if_absent(item).await
    }

    /// Which nobody but the lock does, as often as time says.
    async fn replace(&self, item: Item, old: &[u8]) -> Result<bool, StoreError> {
        self.store.replace(item, old).await
    }

    async fn query(&self, range: &KeyRange, after: Option<&str>) -> Result<Page, StoreError> {
        // Whoever else is there goes on meanwhile.
        tokio::task::yield_now().await;
        self.store.query(range, after).await
    }

    async fn delete(&self, key: &Key) -> Result<(), StoreError> {
        self.write()?;
        self.store.delete(key).await
    }
}

#[test]
fn an_import_that_was_killed_is_finished_by_the_next_try() {
    let folder = tempfile::tempdir().unwrap();
    let files = [file(&folder, "access.log", log(0..200))];
    let whole = Memory::default();
    import(&whole, &files);
    let nothing = all(&Memory::default());
    let mut kills = 0;
    for writes in 0.. {
        let store = Memory::default();
        let ending = Ending { store: store.clone(), left: Arc::new(AtomicUsize::new(writes)) };
        let done = import_into(&ending, &settings(), Options::default(), &files);
        if done.is_ok() {
            assert_eq!(stored(&store), stored(&whole));
            break;
        }
        // Not a part of it counts, and what is there is not stored again.
        assert_eq!(all(&store)["totals"], nothing["totals"], "{writes}");
        let left = Arc::new(AtomicUsize::new(100));
        let counted = Ending { store: store.clone(), left: Arc::clone(&left) };
        let again = import(&counted, &files);
        assert_eq!((again.hits, stored(&store)), (200, stored(&whole)), "{writes}");
        // The item at least, and the list of files, and the item again; and the lock is taken and let go.
        let spared = writes.saturating_sub(3).min(5);
        assert_eq!(100 - left.load(Ordering::Relaxed), 10 - spared, "{writes}");
        kills += 1;
    }
    // The lock, the item, the list of files, five days, and the item again.
    assert_eq!(kills, 9);
}

#[test]
fn an_import_that_is_stopped_stores_nothing_more() {
    let folder = tempfile::tempdir().unwrap();
    let files = [file(&folder, "access.log", log(0..200))];
    let store = Memory::default();
    let stop = AtomicBool::new(true);
    let error = run(&store, &settings(), Options::default(), &files, &stop).unwrap_err();
    assert!(format!("{error:#}").contains("stopped"), "{error:#}");
    assert!(store.items().is_empty());
}

#[test]
fn what_a_killed_import_left_goes_before_another_begins() {
    let folder = tempfile::tempdir().unwrap();
    let other = [file(&folder, "other.log", log(120..160))];
    let files = [file(&folder, "access.log", log(0..200))];
    let expected = Memory::default();
    import(&expected, &other);
    for writes in 0..8 {
        let store = Memory::default();
        let ending = Ending { store: store.clone(), left: Arc::new(AtomicUsize::new(writes)) };
        import_into(&ending, &settings(), Options::default(), &files).unwrap_err();
        // A dry run leaves it where it is.
        let before = stored(&store);
        let dry = Options { dry_run: true, ..Options::default() };
        import_into(&store, &settings(), dry, &other).unwrap();
        assert_eq!(stored(&store), before);
        // Killed again while it clears up, and then not.
        let ending = Ending { store: store.clone(), left: Arc::new(AtomicUsize::new(2)) };
        import_into(&ending, &settings(), Options::default(), &other).unwrap_err();
        import(&store, &other);
        assert_eq!(stored(&store), stored(&expected), "{writes}");
    }
}

#[test]
fn a_dry_run_says_all_and_stores_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let files = [file(&folder, "access.log", log(0..200))];
    let (dry, store) = (Memory::default(), Memory::default());
    let options = Options { dry_run: true, ..Options::default() };
    let said = import_into(&dry, &settings(), options, &files).unwrap();
    assert!(dry.items().is_empty());
    let done = import(&store, &files);
    assert_eq!(
        (said.hits, said.bytes, said.write_units),
        (done.hits, done.bytes, done.write_units)
    );
    let stored: usize = store
        .items()
        .iter()
        .filter(|item| item.key.pk.starts_with("seg#"))
        .map(|item| item.value.len())
        .sum();
    assert_eq!(done.bytes, stored as u64);
}

#[test]
fn a_day_that_the_tracker_counted_is_left_out() {
    let (settings, store) = (settings(), Memory::default());
    let site = &settings.sites[0];
    let at = "2026-11-03T23:30:00Z".parse().unwrap();
    let hit = serde_json::json!({ "v": "00000000000000ab", "p": "/live" });
    let kind = Kind::Hit(serde_json::from_value(hit).unwrap());
    let key = keys::hit_key(site, at, 0, [1; 16]);
    let expires = Some(retention::hit_expiry(site, at));
    wait(store.put(Item { key, value: kind.encode(900).unwrap(), expires })).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let files = [file(&folder, "access.log", log(0..200))];
    let overlap = Options { overlap: true, ..Options::default() };
    let rollup = || {
        let rollup = footfall_runtime::rollup::Rollup::new(
            settings.clone(),
            store.clone(),
            footfall_runtime::platform::context::SystemContext,
        );
        wait(rollup.run()).unwrap();
    };
    for folded in [false, true] {
        if folded {
            rollup();
        }
        let summary = import(&store, &files);
        assert_eq!((summary.hits, summary.left_out.len()), (160, 1), "{folded}");
        let left = &summary.left_out[0];
        assert_eq!(
            (left.day.to_string().as_str(), left.hits, left.by),
            ("2026-11-03", 40, "tracker")
        );
        assert_eq!(all(&store)["totals"]["views"], 161);
        undo(&store, summary.id.unwrap());
        let summary = import_into(&store, &settings, overlap, &files).unwrap();
        assert_eq!((summary.hits, summary.left_out.len()), (200, 0));
        assert_eq!(all(&store)["totals"]["views"], 201);
        undo(&store, summary.id.unwrap());
    }
}

/// Two imports of one day, of which each would have left it out had it known of the other.
#[test]
fn of_two_imports_at_once_one_has_a_day() {
    let folder = tempfile::tempdir().unwrap();
    let export = fs::read_to_string(data("website_event.csv")).unwrap();
    let lines: Vec<&str> = export.lines().collect();
    let part = |name: &str, count: usize| file(&folder, name, lines[..count].join("\n") + "\n");
    let files = [part("one.csv", lines.len() - 1), part("two.csv", lines.len())];
    let store = Memory::default();
    let both = Ending { store: store.clone(), left: Arc::new(AtomicUsize::new(usize::MAX)) };
    let (settings, stop) = (settings(), AtomicBool::new(false));
    let job = |holder: u8| Job {
        store: &both,
        settings: &settings,
        site: &settings.sites[0],
        now: NOW.parse().unwrap(),
        salt: Salt::new([holder; 16]),
        holder: [holder; 16],
        lease: Duration::from_millis(300),
        options: Options::default(),
        pauses: &[],
        stop: &stop,
    };
    let sources = |file: &PathBuf| Source::of(file).unwrap();
    // Both have read the list of imports before either has stored anything.
    let jobs = [job(1), job(2)];
    let (one, two) = wait(async {
        tokio::join!(jobs[0].run(sources(&files[0])), jobs[1].run(sources(&files[1])))
    });
    let done: Vec<_> = [&one, &two].into_iter().filter(|it| it.is_ok()).collect();
    assert_eq!(done.len(), 1, "{one:?} {two:?}");
    let late = [&one, &two].into_iter().find_map(|it| it.as_ref().err()).unwrap();
    assert!(format!("{late:?}").contains("meanwhile"), "{late:?}");
    let totals = &all(&store)["totals"];
    let hits: u64 = ["views", "events"].iter().map(|number| totals[number].as_u64().unwrap()).sum();
    assert_eq!(done[0].as_ref().unwrap().hits, hits);
}

fn undo(store: &Memory, id: ImportId) {
    let settings = settings();
    let site = &settings.sites[0];
    let known = wait(history::Ledger::of(store, site)).unwrap();
    wait(history::take_back(store, site, id, &known.imports[&id], NOW.parse().unwrap())).unwrap();
}

#[test]
fn an_import_is_taken_back() {
    let folder = tempfile::tempdir().unwrap();
    let store = Memory::default();
    import(&store, &[file(&folder, "one.log", log(0..80))]);
    let before = stored(&store);
    let files = [file(&folder, "two.log", log(40..200))];
    let second = import(&store, &files);
    assert_eq!(all(&store)["totals"]["views"], 240);
    undo(&store, second.id.unwrap());
    assert_eq!(stored(&store), before);
    // And can be imported anew.
    assert_eq!(import(&store, &files).hits, 160);
}

/// A later export has all that an earlier one has, and more.
#[test]
fn of_a_second_export_other_days_are_taken() {
    let folder = tempfile::tempdir().unwrap();
    let export = fs::read_to_string(data("website_event.csv")).unwrap();
    let earlier: Vec<&str> = export.lines().take(4).collect();
    let store = Memory::default();
    let earlier = file(&folder, "website_event.csv", earlier.join("\n"));
    assert_eq!(import(&store, &[earlier]).hits, 3);
    let later = import(&store, &[data("website_event.csv")]);
    assert_eq!((later.hits, later.left_out.len()), (1, 1));
    assert_eq!((later.left_out[0].by, later.left_out[0].hits), ("import", 3));
    assert_eq!(all(&store)["totals"]["views"], 3);
    // GoatCounter's are written in the order of time: what is new stands at the end.
    let export = fs::read_to_string(data("goatcounter-2.csv")).unwrap();
    let earlier: String = export.split_inclusive('\n').take(4).collect();
    let store = Memory::default();
    assert_eq!(import(&store, &[file(&folder, "a.csv", earlier)]).hits, 3);
    let later = import(&store, &[data("goatcounter-2.csv")]);
    assert_eq!((later.hits, later.left_out.len()), (2, 0));
}

#[test]
fn what_is_none_of_it_is_refused_whole() {
    let folder = tempfile::tempdir().unwrap();
    let fails = |name: &str, content: &[u8], said: Option<Said>, expected: &str| {
        let store = Memory::default();
        let files = [file(&folder, name, content)];
        let options = Options { format: said, ..Options::default() };
        let error = import_into(&store, &settings(), options, &files).unwrap_err();
        let error = format!("{error:#}");
        assert!(error.contains(expected), "{error:?} should say {expected:?}");
        assert!(store.items().is_empty());
    };
    fails("a.txt", b"hello\nworld\n", None, "no format that is known");
    fails("a.txt", b"hello\nworld\n", Some(Said::AccessLog), "none of 2 lines can be read");
    fails("a.txt", b"hello\nworld\n", Some(Said::Umami), "the format umami");
    fails("a.csv", b"3Path,Title,Event,Bot\n", None, "version 3 of GoatCounter's export");
    fails("a.csv", b"date,clicks\n2026-01-01,3\n", None, "no format that is known");
    fails("a.parquet", b"PAR1 and so on PAR1", None, "it is no Parquet file of Footfall's");
    // A good file beside it is not imported either.
    let cut = gzip(&[&log(0..200)]);
    fails("cut.gz", &cut[..cut.len() / 2], None, "cannot read");
    let store = Memory::default();
    let files =
        [file(&folder, "good.log", log(0..9)), file(&folder, "cut.gz", &cut[..cut.len() / 2])];
    import_into(&store, &settings(), Options::default(), &files).unwrap_err();
    assert!(store.items().is_empty());
}

#[test]
fn a_zip_is_the_files_in_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("export.zip");
    let mut zip = zip::ZipWriter::new(fs::File::create(&path).unwrap());
    let options = zip::write::SimpleFileOptions::default();
    for name in ["website_event.csv", "event_data.csv"] {
        zip.start_file(format!("export/{name}"), options).unwrap();
        zip.write_all(&fs::read(data(name)).unwrap()).unwrap();
    }
    zip.start_file("export/session_data.csv", options).unwrap();
    zip.write_all(b"website_id,session_id,data_key,string_value\n").unwrap();
    zip.finish().unwrap();
    let (zipped, plain) = (Memory::default(), Memory::default());
    let of_zip = import(&zipped, std::slice::from_ref(&path));
    let of_files = import(&plain, &[data("website_event.csv"), data("event_data.csv")]);
    assert_eq!((of_zip.files, of_zip.id), (2, of_files.id));
    let places =
        |summary: &Summary| summary.refused[0].first[0].rsplit('/').next().unwrap().to_owned();
    assert_eq!(places(&of_zip), places(&of_files));
    assert_eq!(stored(&zipped), stored(&plain));
    assert_eq!(import(&zipped, &[path]).files, 0);
}

#[test]
fn what_is_kept_for_a_while_is_not_imported_after_it() {
    let folder = tempfile::tempdir().unwrap();
    let settings =
        Settings::from_yaml("sites: [{domain: example.com, retention_days: 19}]").unwrap();
    let store = Memory::default();
    let files = [file(&folder, "access.log", log(0..200))];
    let summary = import_into(&store, &settings, Options::default(), &files).unwrap();
    // The 3rd is the first day that is kept, and is deleted tomorrow.
    assert_eq!(
        (summary.hits, summary.refused[0].reason, summary.refused[0].lines),
        (80, "old", 120)
    );
}

fn plausible() -> Vec<PathBuf> {
    let folder = fs::read_dir(data("plausible")).unwrap();
    let mut files: Vec<PathBuf> = folder.map(|file| file.unwrap().path()).collect();
    files.sort();
    files
}

/// Each of Plausible's tables comes out as it went in.
#[test]
fn plausibles_tables_come_out_right() {
    let store = Memory::default();
    let summary = import(&store, &plausible());
    assert_eq!((summary.files, summary.days, summary.refused.len()), (10, 2, 0));
    let report = report(&store, "from=2026-11-20&to=2026-11-20");
    let totals = &report.totals;
    assert_eq!((totals.views, totals.visitors, totals.visits, totals.events), (9, 4, 5, 3));
    let json = serde_json::to_value(&report).unwrap();
    // 2 of 5 bounce, and 900 seconds are 180 a visit.
    assert_eq!(json["totals"]["bounce_rate"], 40.0, "{}", json["totals"]);
    assert_eq!(json["totals"]["visit_duration"], 180.0, "{}", json["totals"]);
    let table = |name: &str, count: &str| {
        let table = &json["tables"][name]["rows"];
        let rows =
            table.as_array().unwrap_or_else(|| panic!("no table {name}: {}", json["tables"]));
        let mut rows: Vec<(String, u64)> = rows
            .iter()
            .map(|row| {
                (row["value"].as_str().unwrap_or("").to_owned(), row[count].as_u64().unwrap())
            })
            .filter(|(_, count)| *count > 0)
            .collect();
        rows.sort();
        rows.into_iter()
            .map(|(name, count)| format!("{name}={count}"))
            .collect::<Vec<_>>()
            .join(" ")
    };
    assert_eq!(table("page", "views"), "/=4 /posts/tiny=4 blog.example.com/about=1");
    assert_eq!(table("entry_page", "visits"), "/=3 /posts/tiny=2");
    assert_eq!(table("exit_page", "visits"), "/=1 /posts/tiny=3 blog.example.com/about=1");
    assert_eq!(table("source", "visits"), "=2 Hacker News=2 newsletter=1");
    assert_eq!(table("country", "visits"), "=1 DE=3 US=1");
    assert_eq!(table("browser", "visits"), "Firefox=4 Mobile App=1");
    assert_eq!(table("os", "visits"), "GNU/Linux=3 macOS=2");
    assert_eq!(table("device", "visits"), "Desktop=3 Mobile=2");
    assert_eq!(table("event", "events"), "Outbound Link: Click=3");
    // It is as made up, always the same.
    check("plausible", &plausible().iter().map(|file| file.to_str().unwrap()).collect::<Vec<_>>());
    // A table alone says how many visits there were, and not of what.
    let alone = import(&Memory::default(), &plausible()[9..]);
    assert!(alone.notes.iter().any(|note| note.starts_with("6 visits")), "{:?}", alone.notes);
}

/// However the tables disagree, no visit is longer than its day, and nothing fails.
#[test]
fn tables_that_do_not_agree_are_survived() {
    let folder = tempfile::tempdir().unwrap();
    let visitors =
        "date,visitors,pageviews,bounces,visits,visit_duration\n2026-11-20,0,9,9,40,999999999\n";
    let pages = "date,page,visitors,pageviews\n2026-11-20,/,1,5\n2026-11-20,/b,1,100000000\n";
    let entries =
        "date,entry_page,visitors,entrances,visit_duration,bounces\n2026-11-20,/c,1,50,1,99\n";
    let files = [
        file(&folder, "imported_visitors.csv", visitors),
        file(&folder, "imported_pages.csv", pages),
        file(&folder, "imported_entry_pages.csv", entries),
    ];
    let store = Memory::default();
    let summary = import(&store, &files);
    assert_eq!((summary.hits, summary.refused[0].lines), (40, 1));
    assert_eq!(all(&store)["totals"]["visits"], 40, "{:?}", summary.notes);
}

/// Whatever became of a file's bytes, there is an answer, and nothing is stored half.
#[test]
fn damage_is_survived() {
    let folder = tempfile::tempdir().unwrap();
    let names = [
        "combined.log",
        "cloudfront.log",
        "goatcounter-2.csv",
        "website_event.csv",
        "footfall.csv",
        "footfall.jsonl",
        "plausible/imported_visitors_20261119_20261120.csv",
    ];
    for name in names {
        let whole = fs::read(data(name)).unwrap();
        for (at, byte) in (0..whole.len()).step_by(41).zip(b"\0\"\\%\xff\n,{9".iter().cycle()) {
            let mut bytes = whole.clone();
            bytes[at] = *byte;
            bytes.truncate(whole.len() - at % 50);
            let store = Memory::default();
            let files = [file(&folder, name.rsplit('/').next().unwrap(), bytes)];
            match import_into(&store, &settings(), Options::default(), &files) {
                Ok(summary) => {
                    let views = all(&store)["totals"]["views"].as_u64().unwrap();
                    assert!(views <= summary.hits, "{name} at {at}");
                }
                Err(_) => assert!(store.items().is_empty(), "{name} at {at}"),
            }
        }
    }
}
