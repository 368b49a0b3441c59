//! Folding changes no number: whatever came in, in whatever order, wherever a run ended, however many
//! ran at once, and whoever read meanwhile.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test ends there")]

use footfall_testkit::wait::wait;

use footfall_infra::settings::{Settings, Site};
use footfall_runtime::catalog::checkpoint::Checkpoint;
use footfall_runtime::hit::exclusion::ExclusionReason;
use footfall_runtime::hit::{Excluded, Hit, Kind};
use footfall_runtime::query::Query;
use footfall_runtime::query::period::PeriodContext;
use footfall_runtime::query::reader::{ReadError, Reader};
use footfall_runtime::query::report::{Report, all_tables};
use footfall_runtime::rollup::Rollup;
use footfall_runtime::segment;
use footfall_runtime::segment::column::Column;
use footfall_runtime::segment::dictionary::Dictionaries;
use footfall_runtime::storage::hour::{Hour, Span};
use footfall_runtime::storage::keys;
use footfall_runtime::storage::retention;
use footfall_runtime::storage::{Item, Key, Page, Store, StoreError};
use footfall_testkit::context::Fixed;
use footfall_testkit::faulty::{End, Faulty, Watched};
use footfall_testkit::memory::Memory;
use footfall_testkit::request;
use jiff::civil::Date;
use jiff::{Timestamp, ToSpan as _};
use proptest::prelude::*;
use proptest::test_runner::Config;

const NOW: &str = "2026-11-22T13:30:00Z";

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn day(text: &str) -> Date {
    text.parse().unwrap()
}

fn settings(yaml: &str) -> Settings {
    Settings::from_yaml(yaml).unwrap()
}

/// A hit's item. `random` makes it one of its own.
fn item(site: &Site, time: Timestamp, shard: u8, random: u64, kind: &Kind) -> Item {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&random.to_be_bytes());
    let key = keys::hit_key(site, time, shard, bytes);
    let expires = Some(retention::hit_expiry(site, time));
    Item { key, value: kind.encode(900).unwrap(), expires }
}

fn view(visitor: u64, page: &str, source: Option<&str>) -> Kind {
    let hit = serde_json::json!({ "v": format!("{visitor:016x}"), "p": page, "s": source });
    Kind::Hit(serde_json::from_value::<Hit>(hit).unwrap())
}

async fn report<S: Store>(
    store: &S,
    settings: &Settings,
    query: &str,
    now: &str,
) -> Result<Report, ReadError> {
    let site = &settings.sites[0];
    let now = at(now);
    let checkpoint = Checkpoint::load(store, site).await?;
    let asked = PeriodContext { now, zone: &site.time_zone, first: checkpoint.first_day() };
    let query = Query::of(&request::dashboard(query), &asked).unwrap();
    Reader { store, settings, site, checkpoint, now }.report(&query, &all_tables(), 1000).await
}

/// What the last two weeks say, by day and by everything else.
fn shown<S: Store>(store: &S, settings: &Settings, now: &str) -> Report {
    wait(report(store, settings, "period=14d", now)).unwrap()
}

/// A rollup that folds every hour, however few its hits.
fn rollup<S: Store>(settings: &Settings, store: S, now: &str) -> Rollup<S, Fixed> {
    Rollup::new(settings.clone(), store, Fixed::at(now)).min_hits(1)
}

fn fold<S: Store>(store: &S, settings: &Settings, now: &str) {
    wait(rollup(settings, store.clone(), now).run()).unwrap();
}

fn put(store: &Memory, items: &[Item]) {
    wait(store.put_all(items.to_vec())).unwrap();
}

fn segments(store: &Memory) -> Vec<Item> {
    store.items().into_iter().filter(|item| item.key.pk.starts_with("seg#")).collect()
}

/// All that counts of what a rollup leaves: segments, salts and how far the site is folded. That is not the
/// note of when it ran, nor segments of hours whose day has one.
fn left(store: &Memory) -> Vec<Item> {
    let items = store.items();
    let counts = |item: &&Item| {
        let Key { pk, sk } = &item.key;
        let day =
            sk.split_once('T').map(|(day, _)| Key { pk: pk.clone(), sk: format!("{day}#00") });
        let is_folded = day.is_some_and(|day| items.iter().any(|item| item.key == day));
        !pk.starts_with("hit#") && item.key != keys::rollup_key() && !is_folded
    };
    items.iter().filter(counts).cloned().collect()
}

/// Equal to the byte; shows no more than their keys if they are not.
fn assert_same(found: &[Item], expected: &[Item], what: &str) {
    let differs = found.iter().zip(expected).find(|(one, other)| one != other);
    let differs = differs.map(|(one, _)| &one.key);
    assert!(found == expected, "{what}: {differs:?} of {:?}", keys(found));
}

/// Salts of the days of the traffic.
fn salts() -> Vec<Item> {
    let salt = |date| Item { key: keys::salt_key(day(date)), value: vec![7; 16], expires: None };
    ["2026-11-19", "2026-11-20", "2026-11-21", "2026-11-22"].map(salt).into()
}

fn keys(items: &[Item]) -> Vec<&str> {
    items.iter().map(|item| item.key.sk.as_str()).collect()
}

/// A few days of a small site: two zones' worth of midnights, two shards, programs among them.
fn traffic(site: &Site, shards: u8) -> Vec<Item> {
    let start = at("2026-11-19T20:00:00Z");
    let mut random = fastrand::Rng::with_seed(7);
    let mut items = Vec::new();
    for number in 0..240 {
        let time = start + jiff::SignedDuration::from_mins(random.i64(0..4_000));
        let kind = if random.u8(..10) == 0 {
            let reason = ExclusionReason::ALL[random.usize(..ExclusionReason::ALL.len())];
            Kind::Excluded(Excluded { reason, page: "/".to_owned() })
        } else {
            let page = format!("/{}", random.u8(..6));
            view(random.u64(1..12), &page, [None, Some("Google")][random.usize(..2)])
        };
        if time <= at(NOW) {
            items.push(item(site, time, random.u8(..shards), number, &kind));
        }
    }
    items
}

/// A store with that traffic, of a site that was folded before it: a run has some 200 operations.
fn filled(settings: &Settings) -> Memory {
    let (store, site) = (Memory::default(), &settings.sites[0]);
    let through = Some(day("2026-11-18"));
    wait(Checkpoint { rolled_up_through: through, shards: 2, ..Checkpoint::default() }.save(&store, site)).unwrap();
    put(&store, &traffic(site, 2));
    store
}

/// Another store with the same items.
fn copied(store: &Memory) -> Memory {
    let copy = Memory::default();
    put(&copy, &store.items());
    copy
}

const SITE: &str = "sites: [{domain: e.x, time_zone: Asia/Kathmandu}]\nshards: 2\n";

#[test]
fn folding_changes_no_number() {
    let settings = settings(SITE);
    let store = Memory::default();
    put(&store, &traffic(&settings.sites[0], 2));
    let raw = shown(&store, &settings, NOW);
    assert!(
        raw.totals.visitors > 25 && raw.filtered.len() == ExclusionReason::ALL.len(),
        "{raw:?}"
    );
    fold(&store, &settings, NOW);
    let folded = segments(&store);
    let names = keys(&folded);
    assert!(names.contains(&"21#00") && !names.contains(&"21T05#00"), "{names:?}");
    assert!(names.contains(&"22T05#00") && !names.contains(&"22#00"), "{names:?}");
    assert!(!names.contains(&"22T13#00"), "the hour is not over");
    // Without the hits of what is folded, which are no longer needed.
    let gone = |item: &Item| {
        let hour = item.key.pk.split('#').nth(2).unwrap();
        hour < "2026-11-22" || names.contains(&format!("{}#00", &hour[8..]).as_str())
    };
    for hit in store.hits().into_iter().filter(gone) {
        wait(store.delete(&hit.key)).unwrap();
    }
    assert!(!store.hits().is_empty());
    // Now is of the last minutes, whose hits are still there.
    assert_eq!(shown(&store, &settings, NOW), raw);
    // Again changes nothing.
    let before = store.items();
    fold(&store, &settings, NOW);
    assert_eq!(segments(&store), folded);
    assert_eq!(store.items().len(), before.len());
}

/// The same over the store of `dev`. (Over DynamoDB, functions.rs runs the real function.)
#[cfg(feature = "dev")]
#[test]
fn in_a_file_as_in_memory() {
    let settings = settings(SITE);
    let folder = tempfile::tempdir().unwrap();
    let store = footfall_runtime::storage::embedded::Embedded::open(folder.path()).unwrap();
    let memory = filled(&settings);
    let key = keys::salt_key(day("2026-11-21"));
    put(&memory, &[Item { key, value: vec![7; 16], expires: None }]);
    wait(store.put_all(memory.items())).unwrap();
    let raw = shown(&memory, &settings, NOW);
    assert_eq!(shown(&store, &settings, NOW), raw);
    fold(&memory, &settings, NOW);
    fold(&store, &settings, NOW);
    assert_eq!(shown(&store, &settings, NOW), raw);
    for range in [
        keys::segments(&settings.sites[0], day("2026-11-01"), day("2026-11-30")),
        keys::salts_up_to(Date::MAX),
    ] {
        let read = |items: Result<Page, StoreError>| items.unwrap().items;
        assert_eq!(read(wait(store.query(&range, None))), read(wait(memory.query(&range, None))));
    }
}

#[test]
fn a_quiet_hour_stays_as_it_is_until_its_day_is_over() {
    let settings = settings("sites: [{domain: e.x}]");
    let store = Memory::default();
    for number in 0..120 {
        // 20 in one hour, 100 in the next.
        let hour = if number < 20 { "10" } else { "11" };
        let time = at(&format!("2026-11-22T{hour}:30:00Z"));
        put(&store, &[item(&settings.sites[0], time, 0, number, &view(number, "/", None))]);
    }
    let raw = shown(&store, &settings, NOW);
    wait(Rollup::new(settings.clone(), store.clone(), Fixed::at(NOW)).run()).unwrap();
    assert_eq!(keys(&segments(&store)), ["22T11#00"]);
    assert_eq!(shown(&store, &settings, NOW), raw);
}

#[test]
fn a_day_that_is_folded_knows_nobody() {
    let settings = settings(SITE);
    let store = Memory::default();
    put(&store, &traffic(&settings.sites[0], 2));
    for date in ["2026-11-20", "2026-11-21", "2026-11-22"] {
        let key = keys::salt_key(day(date));
        put(&store, &[Item { key, value: vec![7; 16], expires: None }]);
    }
    fold(&store, &settings, NOW);
    let salts: Vec<_> = store.items().into_iter().filter(|it| it.key.pk == "salt").collect();
    assert_eq!(keys(&salts), ["2026-11-22"], "those of folded days are gone");
    for segment in segments(&store).iter().filter(|item| !item.key.sk.contains('T')) {
        let mut texts = Dictionaries::default();
        let rows = segment::decode(&segment.value, &Column::ALL, &mut texts).unwrap();
        let mut visitors = rows.visitors.clone();
        visitors.dedup();
        let bots = u64::from(visitors[0] == 0);
        let expected: Vec<u64> = (1 - bots..visitors.len() as u64 + 1 - bots).collect();
        assert_eq!(visitors, expected, "1, 2, 3 and so on");
    }
}

#[test]
fn a_run_may_end_anywhere() {
    let settings = settings(SITE);
    let hits = filled(&settings);
    put(&hits, &salts());
    let raw = shown(&hits, &settings, NOW);
    let store = copied(&hits);
    fold(&store, &settings, NOW);
    let whole = left(&store);
    let mut writes = 0;
    for operations in 1.. {
        let mut completed = false;
        for end in [End::Before, End::After] {
            let store = copied(&hits);
            let faulty = Faulty::new(&store, operations, end);
            completed = wait(rollup(&settings, faulty, NOW).run()).is_ok();
            writes += usize::from(!segments(&store).is_empty());
            assert_eq!(shown(&store, &settings, NOW), raw, "killed at {operations}, {end:?}");
            fold(&store, &settings, NOW);
            assert_same(&left(&store), &whole, &format!("killed at {operations}, {end:?}"));
            assert_eq!(shown(&store, &settings, NOW), raw);
        }
        if completed {
            assert!(operations > 100 && writes > 50, "{operations} {writes}");
            break;
        }
    }
}

#[test]
fn who_reads_while_it_is_folded_sees_the_same() {
    let settings = settings(SITE);
    let hits = filled(&settings);
    let raw = shown(&hits, &settings, NOW);
    let expected = raw.clone();
    let store = copied(&hits);
    // At every operation of a rollup, a whole report.
    let watched = {
        let (read, settings) = (store.clone(), settings.clone());
        Watched::new(&store, move |operation| {
            let (store, settings) = (read.clone(), settings.clone());
            let seen = std::thread::spawn(move || shown(&store, &settings, NOW)).join().unwrap();
            assert_eq!(seen, raw, "at operation {operation}");
        })
    };
    fold(&watched, &settings, NOW);
    assert!(watched.count() > 100);
    // At every operation of a report, a whole rollup.
    for operation in 0.. {
        let store = copied(&hits);
        let watched = {
            let (store, settings) = (store.clone(), settings.clone());
            Watched::new(&store.clone(), move |at| {
                if at == operation {
                    let (store, settings) = (store.clone(), settings.clone());
                    std::thread::spawn(move || fold(&store, &settings, NOW)).join().unwrap();
                }
            })
        };
        assert_eq!(shown(&watched, &settings, NOW), expected, "folded at operation {operation}");
        if watched.count() <= operation {
            assert!(operation > 10);
            break;
        }
    }
}

/// At every operation of a run, a whole other one, on a machine whose clock is two minutes ahead or behind:
/// one of them finds a day closed that is open for the other.
#[test]
fn another_may_run_at_any_operation() {
    let settings = settings(SITE);
    let hits = filled(&settings);
    put(&hits, &salts());
    let later = "2026-11-22T01:10:00Z";
    let raw = shown(&hits, &settings, later);
    let whole = {
        let store = copied(&hits);
        fold(&store, &settings, later);
        left(&store)
    };
    for (one, other) in [
        ("2026-11-22T00:59:00Z", "2026-11-22T01:01:00Z"),
        ("2026-11-22T01:01:00Z", "2026-11-22T00:59:00Z"),
    ] {
        for operation in 0.. {
            let store = copied(&hits);
            let watched = {
                let (store, settings) = (store.clone(), settings.clone());
                Watched::new(&store.clone(), move |at| {
                    if at == operation {
                        let (store, settings) = (store.clone(), settings.clone());
                        std::thread::spawn(move || fold(&store, &settings, other)).join().unwrap();
                    }
                })
            };
            fold(&watched, &settings, one);
            let what = format!("{other} at operation {operation} of {one}");
            assert_eq!(shown(&store, &settings, later), raw, "{what}");
            // Whatever the two left, the next run makes of it what there would be without them.
            fold(&store, &settings, later);
            assert_same(&left(&store), &whole, &what);
            if watched.count() <= operation {
                assert!(operation > 100);
                break;
            }
        }
    }
}

#[test]
fn several_may_run_at_once() {
    let settings = settings(SITE);
    let hits = filled(&settings);
    let whole = {
        let store = copied(&hits);
        fold(&store, &settings, NOW);
        segments(&store)
    };
    for lead in [0, 1, 7, 60, 130] {
        let store = copied(&hits);
        let raw = shown(&store, &settings, NOW);
        wait(async {
            let watched = Watched::new(&store, |_| {});
            let run = |wait: usize| {
                let rollup = rollup(&settings, watched.clone(), NOW);
                async move {
                    for _ in 0..wait {
                        tokio::task::yield_now().await;
                    }
                    rollup.run().await
                }
            };
            let (one, two, three) = tokio::join!(run(0), run(lead), run(2 * lead));
            assert!(one.is_ok() && two.is_ok() && three.is_ok());
        });
        assert_eq!(segments(&store), whole, "{lead}");
        assert_eq!(shown(&store, &settings, NOW), raw, "{lead}");
    }
}

#[test]
fn a_hit_that_comes_late_is_in_its_day() {
    let settings = settings(SITE);
    let site = &settings.sites[0];
    let store = Memory::default();
    put(&store, &traffic(site, 2));
    fold(&store, &settings, NOW);
    let before = shown(&store, &settings, NOW).totals;
    // Its hour is folded already.
    put(&store, &[item(site, at("2026-11-22T09:00:00Z"), 0, 999, &view(99, "/late", None))]);
    assert_eq!(shown(&store, &settings, NOW).totals, before);
    let later = "2026-11-23T01:30:00Z";
    fold(&store, &settings, later);
    assert_eq!(shown(&store, &settings, later).totals.views, before.views + 1);
}

#[test]
fn a_rollup_that_was_down_catches_up() {
    let settings = settings("sites: [{domain: e.x}]");
    let site = &settings.sites[0];
    let store = Memory::default();
    // A week with a day and many hours without a hit.
    for ago in [7, 6, 4, 3, 2, 1] {
        let start = at("2026-11-22T03:00:00Z") - jiff::SignedDuration::from_hours(24 * ago);
        for hour in [0, 5, 20] {
            let time = start + jiff::SignedDuration::from_hours(hour);
            put(&store, &[item(site, time, 0, hour.unsigned_abs(), &view(1, "/", None))]);
        }
    }
    let raw = shown(&store, &settings, NOW);
    assert_eq!(raw.totals.views, 18);
    fold(&store, &settings, NOW);
    assert_eq!(shown(&store, &settings, NOW), raw);
    let kept = segments(&store);
    assert_eq!(keys(&kept), ["15#00", "16#00", "18#00", "19#00", "20#00", "21#00"]);
    let checkpoint = wait(Checkpoint::load(&store, site)).unwrap();
    assert_eq!(checkpoint.first, Some(day("2026-11-15")));
    assert_eq!(checkpoint.rolled_up_through, Some(day("2026-11-21")));
    // Months later, with nothing new, all of it is still there.
    let later = "2027-03-01T12:00:00Z";
    fold(&store, &settings, later);
    let all = wait(report(&store, &settings, "period=all", later)).unwrap();
    assert_eq!((all.totals.views, all.from), (18, day("2026-11-15")));
}

#[test]
fn what_cannot_be_read_is_named_and_the_rest_is_shown() {
    let settings = settings(SITE);
    let site = &settings.sites[0];
    let store = Memory::default();
    put(&store, &traffic(site, 2));
    fold(&store, &settings, NOW);
    let whole = shown(&store, &settings, NOW);
    let key = keys::segment_key(site, Span::Day(day("2026-11-20")));
    let hour = keys::segment_key(site, Span::Hour(Hour::of(at("2026-11-22T05:00:00Z"))));
    let bytes = |key: &Key| store.items().into_iter().find(|item| item.key == *key).unwrap().value;
    let day_bytes = bytes(&key);
    let newer: Vec<u8> = {
        let mut newer = day_bytes.clone();
        let name = b"footfall.version";
        let start = newer.windows(name.len()).position(|window| window == name).unwrap();
        // The value's length, and the value.
        let digit = newer[start..].iter().position(|byte| *byte == b'1').unwrap();
        newer[start + digit] = b'2';
        newer
    };
    let cases: [(&Key, Vec<u8>, &str); 5] = [
        (&key, day_bytes[..day_bytes.len() / 2].to_vec(), "2026-11-20 of e.x: it is no Parquet"),
        (&key, b"{}".to_vec(), "2026-11-20 of e.x: it is no Parquet"),
        (&key, Vec::new(), "2026-11-20 of e.x: it is no Parquet"),
        (&key, newer, "2026-11-20 of e.x: a newer version of Footfall wrote it (format 2"),
        (&hour, b"PAR1".to_vec(), "2026-11-22T05 of e.x: it is no Parquet"),
    ];
    for (key, value, expected) in cases {
        let good = bytes(key);
        put(&store, &[Item { key: key.clone(), value, expires: None }]);
        let shown = shown(&store, &settings, NOW);
        assert_eq!(shown.incomplete.len(), 1);
        assert!(shown.incomplete[0].contains(expected), "{:?}", shown.incomplete);
        assert!(shown.totals.views > 0 && shown.totals.views < whole.totals.views);
        // Folding goes on beside it.
        fold(&store, &settings, NOW);
        put(&store, &[Item { key: key.clone(), value: good, expires: None }]);
    }
    assert_eq!(shown(&store, &settings, NOW), whole);
}

#[test]
fn a_segment_of_many_parts_is_there_whole_or_not_at_all() {
    let settings = settings("sites: [{domain: e.x}]");
    let site = &settings.sites[0];
    let store = Memory::default();
    let through = Some(day("2026-11-19"));
    wait(Checkpoint { rolled_up_through: through, ..Checkpoint::default() }.save(&store, site)).unwrap();
    let mut random = fastrand::Rng::with_seed(1);
    let items: Vec<Item> = (0..9000)
        .map(|number| {
            let time = at("2026-11-20T00:00:00Z");
            let time = time + jiff::SignedDuration::from_secs(random.i64(0..86_400));
            // What does not compress.
            let page: String = (0..100).map(|_| random.alphanumeric()).collect();
            item(site, time, 0, number, &view(random.u64(1..500), &format!("/{page}"), None))
        })
        .collect();
    put(&store, &items);
    let query = "from=2026-11-20&to=2026-11-20";
    let raw = wait(report(&store, &settings, query, NOW)).unwrap();
    let faulty = |operations| {
        let store = Faulty::new(&store, operations, End::After);
        wait(rollup(&settings, store, NOW).run()).is_ok()
    };
    let mut seen = Vec::new();
    // Reading the hits takes 24 operations, after which the parts are written.
    for operations in 24.. {
        let done = faulty(operations);
        let parts = keys(&segments(&store)).len();
        if seen.last() != Some(&parts) {
            seen.push(parts);
            assert_eq!(wait(report(&store, &settings, query, NOW)).unwrap(), raw, "{parts} parts");
        }
        if done {
            break;
        }
    }
    let parts = segments(&store);
    assert!(parts.len() >= 3, "{:?}", keys(&parts));
    assert!(parts.iter().all(|item| item.value.len() < 400 * 1024));
    assert!(seen.len() >= 3, "half of it was there at times: {seen:?}");
    // A part that is gone is named.
    wait(store.delete(&parts[1].key)).unwrap();
    let shown = wait(report(&store, &settings, query, NOW)).unwrap();
    assert!(shown.incomplete[0].contains("not all are there"), "{:?}", shown.incomplete);
}

/// After a rollback, a day may have hits that only the newer version reads.
#[test]
fn hits_of_a_newer_version_are_waited_for() {
    let settings = settings("sites: [{domain: e.x}]");
    let site = &settings.sites[0];
    let store = Memory::default();
    let known = item(site, at("2026-11-20T12:00:00Z"), 0, 1, &view(1, "/", None));
    let mut newer = item(site, at("2026-11-20T12:00:01Z"), 0, 2, &view(1, "/", None));
    let readable = std::mem::replace(&mut newer.value, br#"{"x":"a-new-reason"}"#.to_vec());
    let later = item(site, at("2026-11-21T12:00:00Z"), 0, 3, &view(1, "/", None));
    put(&store, &[known, newer.clone(), later]);
    fold(&store, &settings, NOW);
    assert_eq!(keys(&segments(&store)), Vec::<&str>::new());
    let seen = shown(&store, &settings, NOW);
    assert_eq!((seen.totals.views, seen.unreadable), (2, 1));
    // The version that can read it is back.
    let newer = Item { value: readable, ..newer };
    let readable = copied(&store);
    put(&readable, &[newer]);
    fold(&readable, &settings, NOW);
    assert_eq!(keys(&segments(&readable)), ["20#00", "21#00"]);
    assert_eq!(shown(&readable, &settings, NOW).totals.views, 3);
    // It never comes back: before the hits expire, what can be read is folded.
    let late = "2026-12-19T12:00:00Z";
    fold(&store, &settings, late);
    let seen = wait(report(&store, &settings, "period=60d", late)).unwrap();
    assert_eq!((seen.totals.views, seen.unreadable), (2, 1));
    assert_eq!(keys(&segments(&store)), ["20#00", "21#00"]);
}

#[test]
fn retention_ends_when_the_settings_say() {
    let kept = settings("sites: [{domain: e.x}]");
    let store = Memory::default();
    let site = &kept.sites[0];
    for date in ["2026-10-30", "2026-10-31", "2026-11-01", "2026-11-20"] {
        let time = at(&format!("{date}T12:00:00Z"));
        put(&store, &[item(site, time, 0, 1, &view(1, "/", None))]);
    }
    fold(&store, &kept, NOW);
    assert_eq!(segments(&store).len(), 4);
    // Shorter from now on: at once in the reports, and with the next run at rest.
    let short = settings("sites: [{domain: e.x, retention_days: 21}]");
    let views = |settings: &Settings| {
        wait(report(&store, settings, "period=all", NOW)).unwrap().totals.views
    };
    assert_eq!((views(&kept), views(&short)), (4, 2));
    fold(&store, &short, NOW);
    assert_eq!(keys(&segments(&store)), ["01#00", "20#00"]);
    assert_eq!(views(&kept), 2);
}

#[test]
fn a_site_that_was_taken_out_keeps_what_was_counted() {
    let both = settings("sites: [{domain: e.x}, {domain: e.y}]");
    let store = Memory::default();
    let gone = &both.sites[1];
    put(&store, &[item(gone, at("2026-11-21T12:00:00Z"), 0, 1, &view(1, "/", None))]);
    fold(&store, &both, "2026-11-21T13:30:00Z");
    put(&store, &[item(gone, at("2026-11-21T14:00:00Z"), 0, 2, &view(1, "/", None))]);
    // Its last hits are folded, too.
    fold(&store, &settings("sites: [{domain: e.x}]"), NOW);
    let later = "2027-03-01T12:00:00Z";
    for hit in store.hits() {
        wait(store.delete(&hit.key)).unwrap();
    }
    let again = settings("sites: [{domain: e.y}]");
    let shown = wait(report(&store, &again, "period=all", later)).unwrap();
    assert_eq!(shown.totals.views, 2);
    // No longer than the settings last said.
    fold(&store, &settings("sites: [{domain: e.x}, {domain: e.y, retention_days: 90}]"), NOW);
    fold(&store, &settings("sites: [{domain: e.x}]"), later);
    let shown = wait(report(&store, &again, "period=all", later)).unwrap();
    assert_eq!(shown.totals.views, 0);
}

#[test]
fn hits_in_shards_that_are_no_more_are_counted() {
    let wide = settings("sites: [{domain: e.x}]\nshards: 8\n");
    let narrow = settings("sites: [{domain: e.x}]\n");
    let site = &wide.sites[0];
    let store = Memory::default();
    fold(&store, &wide, "2026-11-22T09:07:00Z");
    put(&store, &[item(site, at("2026-11-22T10:00:00Z"), 7, 1, &view(1, "/", None))]);
    assert_eq!(shown(&store, &narrow, NOW).totals.views, 1);
    fold(&store, &narrow, NOW);
    assert_eq!(shown(&store, &narrow, NOW).totals.views, 1);
    let checkpoint = || wait(Checkpoint::load(&store, site)).unwrap();
    assert_eq!(checkpoint().shards, 8);
    // Once the day on which that was seen is folded, nobody looks there any more.
    fold(&store, &narrow, "2026-11-23T01:07:00Z");
    assert_eq!(shown(&store, &narrow, "2026-11-23T02:00:00Z").totals.views, 1);
    assert_eq!(checkpoint().shards, 1);
}

/// Fewer cases than usual: each is a whole site.
fn config() -> Config {
    Config { failure_persistence: None, cases: 48, ..Config::default() }
}

proptest! {
    #![proptest_config(config())]

    /// Hits in any order, rollups in between at any moments: the numbers are those of the hits.
    #[test]
    fn the_order_of_arrival_does_not_matter(
        seed: u64,
        runs in prop::collection::vec(0..200_usize, 0..4),
        hours in prop::collection::vec(1..30_i64, 4),
    ) {
        let settings = settings(SITE);
        let site = &settings.sites[0];
        let mut items = traffic(site, 2);
        items.truncate(150);
        let raw = {
            let store = Memory::default();
            put(&store, &items);
            shown(&store, &settings, NOW)
        };
        fastrand::Rng::with_seed(seed).shuffle(&mut items);
        let store = Memory::default();
        let mut now = at("2026-11-17T00:00:00Z");
        for (number, item) in items.iter().enumerate() {
            // What comes when its day is closed comes too late for ever; before that, in any order.
            if runs.contains(&number) {
                now += hours[number % 4].hours();
                let open = now.min(at("2026-11-19T20:00:00Z")).to_string();
                fold(&store, &settings, &open);
            }
            put(&store, std::slice::from_ref(item));
        }
        prop_assert_eq!(&shown(&store, &settings, NOW), &raw);
        fold(&store, &settings, NOW);
        prop_assert_eq!(shown(&store, &settings, NOW), raw);
    }
}
