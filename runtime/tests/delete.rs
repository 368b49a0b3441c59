//! DeleteFilter is deleted was never there: in no report, in nothing that is stored, whoever reads or folds meanwhile,
//! and wherever it ended.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test ends there")]

use footfall_testkit::wait::wait;
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use footfall_infra::settings::{PagePattern, Settings, Site};
use footfall_runtime::archive::RawData;
use footfall_runtime::archive::delete::{DeleteFilter, DeleteJob, Matches};
use footfall_runtime::catalog::checkpoint::Checkpoint;
use footfall_runtime::catalog::lease::{Lease, LeaseError};
use footfall_runtime::hit::exclusion::ExclusionReason;
use footfall_runtime::hit::{Excluded, Kind, Record};
use footfall_runtime::query::Query;
use footfall_runtime::query::period::PeriodContext;
use footfall_runtime::query::reader::Reader;
use footfall_runtime::query::report::{Report, all_tables};
use footfall_runtime::rollup::{self, Rollup, RollupError};
use footfall_runtime::segment::dictionary::Dictionaries;
use footfall_runtime::segment::hit_batch::HitBatch;
use footfall_runtime::storage::hour::Span;
use footfall_runtime::storage::keys;
use footfall_runtime::storage::retention;
use footfall_runtime::storage::{Item, Key, KeyRange, Page, PutOutcome, Store, StoreError};
use footfall_testkit::context::Fixed;
use footfall_testkit::faulty::{End, Faulty, Watched};
use footfall_testkit::memory::Memory;
use footfall_testkit::request;
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

const NOW: &str = "2026-11-22T13:30:00Z";
const LATER: &str = "2026-11-24T13:30:00Z";
const DAYS: [&str; 4] = ["2026-11-19", "2026-11-20", "2026-11-21", "2026-11-22"];

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn day(text: &str) -> Date {
    text.parse().unwrap()
}

fn settings() -> Settings {
    Settings::from_yaml("sites: [{domain: e.x}]\n").unwrap()
}

fn item(site: &Site, time: Timestamp, number: u64, kind: &Kind) -> Item {
    let mut random = [0; 16];
    random[..8].copy_from_slice(&number.to_be_bytes());
    let key = keys::hit_key(site, time, 0, random);
    Item { key, value: kind.encode(900).unwrap(), expires: Some(retention::hit_expiry(site, time)) }
}

fn view(visitor: u64, page: &str) -> Kind {
    let hit = json!({ "v": format!("{visitor:016x}"), "p": page });
    Kind::Hit(serde_json::from_value(hit).unwrap())
}

/// Hits from the 19th until the last hour that is over; a part of them on pages below /secret.
fn traffic(site: &Site) -> Vec<Item> {
    let start = at("2026-11-19T20:00:00Z");
    let mut random = fastrand::Rng::with_seed(7);
    let hits = (0..100).map(|number| {
        let time = start + SignedDuration::from_secs(random.i64(0..64 * 3600));
        let secret = if random.u8(..4) == 0 { "/secret" } else { "" };
        let page = format!("{secret}/{}", random.u8(..4));
        let kind = if random.u8(..10) == 0 {
            Kind::Excluded(Excluded { reason: ExclusionReason::Bot, page })
        } else {
            view(random.u64(1..12), &page)
        };
        item(site, time, number, &kind)
    });
    hits.collect()
}

fn is_secret(item: &Item) -> bool {
    item.value.windows(7).any(|bytes| bytes == b"/secret")
}

fn secret() -> DeleteFilter {
    DeleteFilter {
        from: day(DAYS[0]),
        to: day(DAYS[3]),
        pages: vec![PagePattern::new("/secret/*")],
    }
}

/// How much of the traffic is folded before anything is deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Folded {
    Nothing,
    /// A part of the days, and of an open day's hours.
    Some,
    All,
}

const STATES: [Folded; 3] = [Folded::Nothing, Folded::Some, Folded::All];

fn filled(items: &[Item], folded: Folded) -> Memory {
    let (store, settings) = (Memory::default(), settings());
    let through = Some(day("2026-11-18"));
    let checkpoint = Checkpoint { rolled_up_through: through, ..Checkpoint::default() };
    wait(checkpoint.save(&store, &settings.sites[0])).unwrap();
    put(&store, items);
    match folded {
        Folded::Nothing => {}
        Folded::Some => {
            fold(&store, "2026-11-21T09:30:00Z");
        }
        Folded::All => fold(&store, NOW),
    }
    store
}

fn put(store: &Memory, items: &[Item]) {
    wait(store.put_all(items.to_vec())).unwrap();
}

fn copied(store: &Memory) -> Memory {
    let copy = Memory::default();
    put(&copy, &store.items());
    copy
}

fn fold<S: Store>(store: &S, now: &str) {
    wait(Rollup::new(settings(), store.clone(), Fixed::at(now)).min_hits(1).run()).unwrap();
}

/// Both rounds, as the command does them.
async fn try_delete<S: Store>(store: &S, what: &DeleteFilter) -> Result<u64, RollupError> {
    let settings = settings();
    let site = &settings.sites[0];
    let open = || RawData::open(store, &settings, site, at(NOW));
    let deletion = DeleteJob::new(open().await?, what);
    for day in deletion.days() {
        deletion.rewrite(day).await?;
    }
    let deletion = DeleteJob::new(open().await?, what);
    let mut count = 0;
    for day in deletion.days() {
        count += deletion.sweep(day).await?;
    }
    Ok(count)
}

fn delete<S: Store>(store: &S, what: &DeleteFilter) -> u64 {
    wait(try_delete(store, what)).unwrap()
}

fn count(store: &Memory, what: &DeleteFilter) -> Matches {
    let settings = settings();
    wait(async {
        let archive = RawData::open(store, &settings, &settings.sites[0], at(NOW)).await.unwrap();
        let deletion = DeleteJob::new(archive, what);
        let mut found = Matches::default();
        for day in deletion.days() {
            deletion.count(day, &mut found).await.unwrap();
        }
        found
    })
}

fn report<S: Store>(store: &S, query: &str, now: &str) -> Report {
    let settings = settings();
    let (site, now) = (&settings.sites[0], at(now));
    wait(async {
        let checkpoint = Checkpoint::load(store, site).await.unwrap();
        let asked = PeriodContext { now, zone: &site.time_zone, first: checkpoint.first };
        let query = Query::of(&request::dashboard(query), &asked).unwrap();
        let reader = Reader { store, settings: &settings, site, checkpoint, now };
        reader.report(&query, &all_tables(), 1000).await.unwrap()
    })
}

fn shown(store: &Memory, now: &str) -> Report {
    report(store, "period=14d", now)
}

fn of_day<S: Store>(store: &S, day: &str) -> Report {
    // Without the period before.
    Report {
        before: None,
        bars_before: Vec::new(),
        ..report(store, &format!("from={day}&to={day}"), NOW)
    }
}

/// The traffic without what is deleted, which was never folded.
fn never_there(items: &[Item]) -> Memory {
    let others: Vec<Item> = items.iter().filter(|item| !is_secret(item)).cloned().collect();
    filled(&others, Folded::Nothing)
}

fn check_is_gone(store: &Memory, expected: &Memory, what: &str) {
    assert_eq!(shown(store, NOW), shown(expected, NOW), "{what}");
    let left: Vec<String> =
        store.items().into_iter().filter(is_secret).map(|item| item.key.sk).collect();
    assert_eq!(left, Vec::<String>::new(), "{what}");
    assert_eq!(count(store, &secret()), Matches::default(), "{what}");
}

#[test]
fn what_is_deleted_was_never_there() {
    let settings = settings();
    let mut items = traffic(&settings.sites[0]);
    // In the hour that is open, too.
    for number in 0..6 {
        let page = ["/secret/x", "/x"][usize::from(number % 2 == 0)];
        let time = at("2026-11-22T13:10:00Z") + SignedDuration::from_secs(number);
        items.push(item(&settings.sites[0], time, 900 + number.unsigned_abs(), &view(1, page)));
    }
    let expected = never_there(&items);
    for state in STATES {
        let store = filled(&items, state);
        let found = count(&store, &secret());
        let meant = items.iter().filter(|item| is_secret(item)).count() as u64;
        let days: BTreeSet<String> = items
            .iter()
            .filter(|item| is_secret(item))
            .map(|item| item.key.pk.split(['#', 'T']).nth(2).unwrap().to_owned())
            .collect();
        assert_eq!(found.hits, meant, "{state:?}");
        assert!(found.days.iter().map(ToString::to_string).eq(days), "{state:?}");
        assert_eq!(found.pages.values().sum::<u64>(), meant);
        assert!(found.pages.keys().all(|page| page.starts_with("/secret/")));
        assert!(found.filtered > 0 && found.incomplete.is_empty());
        assert_eq!(found.stale_items > 0, state != Folded::Nothing);
        assert!(delete(&store, &secret()) >= meant);
        check_is_gone(&store, &expected, &format!("{state:?}"));
        // Again changes nothing.
        let items = store.items();
        assert_eq!(delete(&store, &secret()), 0);
        assert_eq!(store.items(), items);
        // And nothing brings it back.
        for now in [NOW, LATER] {
            fold(&store, now);
            assert_eq!(shown(&store, now), shown(&expected, now), "{state:?} at {now}");
            check_is_gone(&store, &expected, &format!("{state:?} at {now}"));
        }
    }
}

#[test]
fn a_whole_day_goes_and_stays_away() {
    let settings = settings();
    let items = traffic(&settings.sites[0]);
    let what = DeleteFilter { from: day(DAYS[1]), to: day(DAYS[2]), pages: Vec::new() };
    let is_meant = |item: &&Item| DAYS[1..3].iter().any(|day| item.key.pk.contains(*day));
    let others: Vec<Item> = items.iter().filter(|item| !is_meant(item)).cloned().collect();
    let expected = filled(&others, Folded::Nothing);
    for state in STATES {
        let store = filled(&items, state);
        delete(&store, &what);
        assert!(store.hits().iter().filter(is_meant).count() == 0, "{state:?}");
        for now in [NOW, NOW, LATER] {
            assert_eq!(shown(&store, now), shown(&expected, now), "{state:?} at {now}");
            assert_eq!(count(&store, &what), Matches::default());
            fold(&store, now);
        }
        // A hit of the day that comes up from somewhere is not read either.
        put(&store, &items.iter().filter(is_meant).cloned().collect::<Vec<_>>());
        fold(&store, LATER);
        assert_eq!(shown(&store, LATER), shown(&expected, LATER), "{state:?}");
    }
}

#[test]
fn it_may_end_anywhere_and_who_reads_sees_the_old_or_the_new() {
    let settings = settings();
    let items = traffic(&settings.sites[0]);
    let expected = never_there(&items);
    for state in [Folded::Some, Folded::All] {
        let before = filled(&items, state);
        let [old, new] = [&before, &expected].map(|store| DAYS.map(|day| of_day(store, day)));
        let mut last = Vec::new();
        let mut states = 0;
        for operations in 1.. {
            let mut completed = false;
            for end in [End::Before, End::After] {
                let what = format!("{state:?}, killed at {operations}, {end:?}");
                let store = copied(&before);
                completed =
                    wait(try_delete(&Faulty::new(&store, operations, end), &secret())).is_ok();
                // DeleteFilter only reads leaves all as it was.
                if std::mem::replace(&mut last, store.items()) == last {
                    continue;
                }
                states += 1;
                for (number, date) in DAYS.iter().enumerate() {
                    let seen = of_day(&store, date);
                    if number < 3 {
                        assert!(seen == old[number] || seen == new[number], "{date}: {what}");
                        continue;
                    }
                    // Of a day that is open, each hour by itself.
                    let pairs = old[number].bars.iter().zip(&new[number].bars);
                    for (seen, (old, new)) in seen.bars.iter().zip(pairs) {
                        let views = [old, new].map(|bar| bar.tally.views);
                        assert!(views.contains(&seen.tally.views), "{}: {what}", seen.at);
                    }
                }
                // The rollup runs, or it is done again first.
                if end == End::After {
                    fold(&store, NOW);
                }
                delete(&store, &secret());
                check_is_gone(&store, &expected, &what);
                fold(&store, LATER);
                check_is_gone(&store, &expected, &what);
            }
            if completed {
                assert!(operations > 100 && states > 20, "{operations} {states}");
                break;
            }
        }
    }
}

#[test]
fn days_may_be_folded_meanwhile() {
    let settings = settings();
    let items = traffic(&settings.sites[0]);
    let expected = never_there(&items);
    // At each operation, or at every third, or every tenth.
    for (state, step) in [(Folded::Some, 3), (Folded::Nothing, 10)] {
        let before = filled(&items, state);
        let operations = {
            let watched = Watched::new(&copied(&before), |_| {});
            fold(&watched, NOW);
            watched.count()
        };
        // At every operation of a rollup, a whole deletion.
        for operation in (0..operations).step_by(step / 3) {
            let store = copied(&before);
            let other = store.clone();
            let watched = Watched::new(&store, move |at| {
                if at == operation {
                    let other = other.clone();
                    std::thread::spawn(move || delete(&other, &secret())).join().unwrap();
                }
            });
            fold(&watched, NOW);
            let what = format!("{state:?}, deleted at operation {operation} of a rollup");
            assert_eq!(shown(&store, NOW), shown(&expected, NOW), "{what}");
            fold(&store, LATER);
            check_is_gone(&store, &expected, &what);
        }
        // At every operation of a deletion, a whole rollup.
        for operation in (0..).step_by(step) {
            let store = copied(&before);
            let other = store.clone();
            let watched = Watched::new(&store, move |at| {
                if at == operation {
                    let other = other.clone();
                    std::thread::spawn(move || fold(&other, NOW)).join().unwrap();
                }
            });
            delete(&watched, &secret());
            let what = format!("{state:?}, folded at operation {operation} of a deletion");
            check_is_gone(&store, &expected, &what);
            fold(&store, LATER);
            check_is_gone(&store, &expected, &what);
            if watched.count() <= operation {
                break;
            }
        }
    }
}

/// DeleteFilter is deleted of other pages at the same time: neither brings back what the other took.
fn other() -> DeleteFilter {
    DeleteFilter { pages: vec![PagePattern::new("/1")], ..secret() }
}

fn without_both(items: &[Item]) -> Memory {
    let kept = |item: &&Item| match Kind::decode(&item.value).unwrap() {
        Kind::Hit(hit) => hit.page != "/1",
        Kind::Engagement(said) => said.page != "/1",
        Kind::Excluded(filtered) => filtered.page != "/1",
    };
    let items: Vec<Item> = items.iter().filter(kept).cloned().collect();
    never_there(&items)
}

/// At every third operation of a deletion, another one as a whole, without a lock: whichever is late says that it
/// was, and finishes when it is run again.
#[test]
fn another_deletion_is_not_undone() {
    let items = traffic(&settings().sites[0]);
    let expected = without_both(&items);
    let filled = filled(&items, Folded::All);
    let mut late = 0;
    for operation in (0..).step_by(3) {
        let store = copied(&filled);
        let watched = {
            let store = store.clone();
            Watched::new(&store.clone(), move |at| {
                if at == operation {
                    let store = store.clone();
                    std::thread::spawn(move || delete(&store, &other())).join().unwrap();
                }
            })
        };
        if let Err(error) = wait(try_delete(&watched, &secret())) {
            assert!(error.to_string().contains("run this again"), "{error}");
            late += 1;
            delete(&store, &secret());
        }
        if watched.count() <= operation {
            assert!(operation > 20 && late > 0, "{operation} {late}");
            break;
        }
        check_is_gone(&store, &expected, &format!("another at operation {operation}"));
    }
}

/// Two at once with the lock, as the command has it: the second one waits for the first to end, or says
/// that it goes on.
#[test]
fn one_deletion_runs_at_a_time() {
    let items = traffic(&settings().sites[0]);
    let (site, lease) = (&settings().sites[0], Duration::from_secs(1));
    let store = filled(&items, Folded::All);
    let watched = Watched::new(&store, |_| {});
    let waited = AtomicUsize::new(0);
    let locked = async |holder: u8, what: DeleteFilter| {
        let waits = || {
            waited.fetch_add(1, Ordering::Relaxed);
        };
        let lock = Lease::acquire(&watched, site, [holder; 16], lease, waits).await?;
        lock.hold_during(async { try_delete(&watched, &what).await.unwrap() }).await
    };
    wait(async {
        let (one, two) = tokio::join!(locked(1, secret()), locked(2, other()));
        assert_eq!(waited.load(Ordering::Relaxed), 1);
        // On a machine that is slow enough, the first has not ended when the second has waited.
        for (holder, done, what) in [(1, one, secret()), (2, two, other())] {
            if let Err(error) = done {
                assert!(matches!(error, LeaseError::Held), "{error}");
                locked(holder, what).await.unwrap();
            }
        }
    });
    check_is_gone(&store, &without_both(&items), "one after the other");
    wait(async {
        // One that goes on is not taken over, however long it takes.
        let lock = Lease::acquire(&watched, site, [3; 16], lease, || {}).await.unwrap();
        let long = lock.hold_during(tokio::time::sleep(lease * 2));
        let (one, two) = tokio::join!(long, locked(4, other()));
        assert!(one.is_ok() && matches!(two, Err(LeaseError::Held)), "{one:?} {two:?}");
        // One that was killed is; and should it come back, it ends before it has done anything more.
        let killed = Lease::acquire(&watched, site, [5; 16], lease, || {}).await.unwrap();
        let successor = Lease::acquire(&watched, site, [6; 16], lease, || {}).await.unwrap();
        let back = killed.hold_during(std::future::pending::<()>()).await;
        assert!(matches!(back, Err(LeaseError::Lost)), "{back:?}");
        successor.hold_during(async {}).await.unwrap();
        locked(7, secret()).await.unwrap();
    });
    assert_eq!(waited.load(Ordering::Relaxed), 2, "let go each time");
    let key = keys::lock_key(site);
    assert!(store.items().iter().all(|item| item.key != key));
}

#[test]
fn a_segment_of_many_parts_is_replaced_as_a_whole() {
    let settings = settings();
    let site = &settings.sites[0];
    let mut random = fastrand::Rng::with_seed(1);
    let items: Vec<Item> = (0..9000)
        .map(|number| {
            let time =
                at("2026-11-20T00:00:00Z") + SignedDuration::from_secs(random.i64(0..86_400));
            // DeleteFilter does not compress; every other hit is to go.
            let page: String = (0..100).map(|_| random.alphanumeric()).collect();
            let page = if number % 2 == 0 { format!("/secret/{page}") } else { format!("/{page}") };
            item(site, time, number, &view(random.u64(1..500), &page))
        })
        .collect();
    let before = filled(&items, Folded::All);
    let parts = |store: &Memory| {
        let items = store.items().into_iter();
        items
            .filter(|item| item.key.pk.starts_with("seg#") && item.key.sk.starts_with("20#"))
            .count()
    };
    assert!(parts(&before) >= 4, "{}", parts(&before));
    let expected = never_there(&items);
    let [old, new] = [&before, &expected].map(|store| of_day(store, DAYS[1]));
    let writes = |store: &Memory| {
        let what = secret();
        let settings = settings.clone();
        let store = store.clone();
        async move {
            let site = &settings.sites[0];
            let archive = RawData::open(&store, &settings, site, at(NOW)).await.unwrap();
            DeleteJob::new(archive, &what).rewrite(day(DAYS[1])).await.unwrap()
        }
    };
    // After the first round, the old parts are there for who still reads them.
    let store = copied(&before);
    let rest = wait(writes(&store));
    let stored: Vec<_> = store.items().into_iter().map(|item| item.key).collect();
    assert!(rest.iter().all(|key| stored.contains(key)));
    assert!(rest.iter().filter(|key| key.pk.starts_with("seg#")).count() >= 3, "{rest:?}");
    assert_eq!(of_day(&store, DAYS[1]), new);
    // Killed at any of its writes.
    let mut last = before.items();
    let mut seen = Vec::new();
    for operations in 1.. {
        let store = copied(&before);
        let _ = wait(try_delete(&Faulty::new(&store, operations, End::After), &secret()));
        if std::mem::replace(&mut last, store.items()) == last {
            continue;
        }
        let found = of_day(&store, DAYS[1]);
        seen.push(found == new);
        assert!(found == old || found == new, "{operations}");
        if found == new {
            break;
        }
    }
    // With a part or more of the new one, and then with its first.
    assert!(seen.len() >= 2, "{seen:?}");
    let store = copied(&before);
    delete(&store, &secret());
    check_is_gone(&store, &expected, "many parts");
    assert!(parts(&store) < parts(&before) && parts(&store) > 1);
}

/// A store that gives one item of a segment at a time, and does something before each.
#[derive(Clone)]
struct Slow<F> {
    inner: Memory,
    each: F,
}

impl<F: Fn(&KeyRange, Option<&str>) + Clone + Send + Sync + 'static> Store for Slow<F> {
    async fn put(&self, item: Item) -> Result<(), StoreError> {
        self.inner.put(item).await
    }

    async fn put_all(&self, items: Vec<Item>) -> Result<(), StoreError> {
        self.inner.put_all(items).await
    }

    async fn put_if_absent(&self, item: Item) -> Result<PutOutcome, StoreError> {
        self.inner.put_if_absent(item).await
    }

    async fn compare_and_set(&self, item: Item, old: &[u8]) -> Result<bool, StoreError> {
        self.inner.compare_and_set(item, old).await
    }

    async fn query(&self, range: &KeyRange, after: Option<&str>) -> Result<Page, StoreError> {
        (self.each)(range, after);
        let mut page = self.inner.query(range, after).await?;
        if range.pk.starts_with("seg#") && page.items.len() > 1 {
            page.items.truncate(1);
            page.next = page.items.first().map(|item| item.key.sk.clone());
        }
        Ok(page)
    }

    async fn delete(&self, key: &Key) -> Result<(), StoreError> {
        self.inner.delete(key).await
    }
}

/// DynamoDB gives a month in pages. Between two of them, the first round replaces a segment.
#[test]
fn who_reads_a_segment_in_pages_sees_the_old_or_the_new() {
    let settings = settings();
    let site = &settings.sites[0];
    let mut random = fastrand::Rng::with_seed(1);
    let items: Vec<Item> = (0..9000)
        .map(|number| {
            let time =
                at("2026-11-20T00:00:00Z") + SignedDuration::from_secs(random.i64(0..86_400));
            let page: String = (0..100).map(|_| random.alphanumeric()).collect();
            let page = if number % 2 == 0 { format!("/secret/{page}") } else { format!("/{page}") };
            item(site, time, number, &view(random.u64(1..500), &page))
        })
        .collect();
    let before = filled(&items, Folded::All);
    let replaced = copied(&before);
    let what = secret();
    wait(async {
        let archive = RawData::open(&replaced, &settings, site, at(NOW)).await.unwrap();
        DeleteJob::new(archive, &what).rewrite(day(DAYS[1])).await.unwrap()
    });
    let [old, new] = [&before, &replaced].map(|store| of_day(store, DAYS[1]));
    assert!(old.totals.views == 9000 && new.totals.views == 4500);
    let parts: Vec<String> = before.items().into_iter().map(|item| item.key.sk).collect();
    let parts: Vec<&String> = parts.iter().filter(|sk| sk.starts_with("20#")).collect();
    let mut seen = [0, 0];
    for part in parts {
        let store = copied(&before);
        let (other, replaced, part) = (store.clone(), replaced.items(), part.clone());
        let slow = Slow {
            inner: store,
            each: move |range: &KeyRange, after: Option<&str>| {
                if range.pk.starts_with("seg#") && after == Some(part.as_str()) {
                    let (other, replaced) = (other.clone(), replaced.clone());
                    std::thread::spawn(move || put(&other, &replaced)).join().unwrap();
                }
            },
        };
        let found = of_day(&slow, DAYS[1]);
        assert!(found == old || found == new);
        seen[usize::from(found == new)] += 1;
    }
    assert!(seen[0] >= 3, "{seen:?}");
}

/// A segment beside a day's own, such as that of an import.
fn beside(site: &Site, date: &str, pages: &[&str]) -> Item {
    let (mut rows, mut texts) = (HitBatch::default(), Dictionaries::default());
    for (number, page) in (1..).zip(pages) {
        let at = at(&format!("{date}T12:00:00Z"));
        rows.push(&mut texts, &Record { at, kind: view(number, page) });
    }
    let span = Span::Day(day(date));
    let encoded = rollup::encode_segment(site, span, rows, &mut texts, 0).unwrap();
    let mut key = keys::segment_key(site, span);
    key.sk = format!("{}iab12#00", &date[8..]);
    Item { key, value: encoded.first, expires: None }
}

#[test]
fn what_lies_beside_a_day_goes_along() {
    let settings = settings();
    let site = &settings.sites[0];
    let items = traffic(site);
    for state in STATES {
        let store = filled(&items, state);
        put(&store, &[beside(site, DAYS[1], &["/secret/a", "/b", "/secret/c"])]);
        let without = count(&filled(&items, state), &secret()).hits;
        assert_eq!(count(&store, &secret()).hits, without + 2);
        delete(&store, &secret());
        assert_eq!(count(&store, &secret()), Matches::default());
        assert!(!store.items().iter().any(is_secret));
        let every = DeleteFilter { pages: Vec::new(), ..secret() };
        let left = count(&store, &every);
        assert_eq!(left.pages["/b"], 1);
        assert_eq!(left.hits, items.iter().filter(|item| !is_secret(item)).count() as u64 + 1);
        delete(&store, &every);
        // It stays, without rows: what is imported again finds it there.
        assert_eq!(count(&store, &every), Matches::default());
        assert!(store.items().iter().any(|item| item.key.sk == "20iab12#00"));
    }
}

#[test]
fn what_cannot_be_read_is_named_and_goes_with_its_day_alone() {
    let settings = settings();
    let site = &settings.sites[0];
    let store = filled(&traffic(site), Folded::All);
    let key = keys::segment_key(site, Span::Day(day(DAYS[1])));
    put(&store, &[Item { key, value: b"a newer version's".to_vec(), expires: None }]);
    let found = count(&store, &secret());
    assert!(found.incomplete[0].starts_with("the segment 2026-11-20 of e.x: "), "{found:?}");
    delete(&store, &secret());
    assert_eq!(count(&store, &secret()).incomplete, found.incomplete, "as it was");
    delete(&store, &DeleteFilter { pages: Vec::new(), ..secret() });
    assert_eq!(count(&store, &secret()), Matches::default());
}

/// A day that waits for a newer version is not folded without its hits.
#[test]
fn hits_of_a_newer_version_still_wait() {
    let settings = settings();
    let site = &settings.sites[0];
    let store = filled(&traffic(site), Folded::Nothing);
    let mut newer = item(site, at("2026-11-20T12:00:00Z"), 999, &view(1, "/"));
    newer.value = br#"{"x":"a-new-reason"}"#.to_vec();
    put(&store, &[newer.clone()]);
    delete(&store, &secret());
    assert!(!store.items().iter().any(is_secret));
    let keys: Vec<String> = store.items().into_iter().map(|item| item.key.sk).collect();
    assert!(keys.contains(&newer.key.sk) && !keys.contains(&"20#00".to_owned()), "{keys:?}");
    assert_eq!(shown(&store, NOW).unreadable, 1);
    // A day that goes as a whole goes with it.
    delete(&store, &DeleteFilter { pages: Vec::new(), ..secret() });
    assert_eq!(shown(&store, NOW).unreadable, 0);
    assert!(store.hits().is_empty());
}
