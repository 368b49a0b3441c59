//! Imports are stored completely or not at all, and once: repeated, interrupted, concurrent and undone ones.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may panic")]

mod support;

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use footfall_deployer::import::{History, Job, Options, Source};
use footfall_infra::settings::Settings;
use footfall_runtime::hit::Kind;
use footfall_runtime::hit::visitor::Salt;
use footfall_runtime::storage::import_id::ImportId;
use footfall_runtime::storage::{
    Item, Key, KeyRange, Page, PutOutcome, Store, StoreError, keys, retention,
};
use support::import_job::*;

#[test]
fn skips_content_that_was_imported() {
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
fn imports_new_lines_of_a_log_that_has_grown() {
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
    async fn compare_and_set(&self, item: Item, old: &[u8]) -> Result<bool, StoreError> {
        self.store.compare_and_set(item, old).await
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
fn resumes_an_import_that_was_killed() {
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
fn stores_nothing_after_stop() {
    let folder = tempfile::tempdir().unwrap();
    let files = [file(&folder, "access.log", log(0..200))];
    let store = Memory::default();
    let stop = AtomicBool::new(true);
    let error = run(&store, &settings(), Options::default(), &files, &stop).unwrap_err();
    assert!(format!("{error:#}").contains("stopped"), "{error:#}");
    assert!(store.items().is_empty());
}

#[test]
fn removes_leftovers_of_a_killed_import_first() {
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
fn dry_run_reports_the_same_and_stores_nothing() {
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
fn leaves_out_days_that_the_tracker_counted() {
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
fn rejects_one_of_two_concurrent_imports_of_a_day() {
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
    let known = wait(History::of(store, site)).unwrap();
    wait(footfall_deployer::import::undo(
        store,
        site,
        id,
        &known.imports[&id],
        NOW.parse().unwrap(),
    ))
    .unwrap();
}

#[test]
fn undo_removes_an_import() {
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
fn imports_only_new_days_of_a_later_export() {
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
fn leaves_out_days_beyond_retention() {
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
