//! Rollups that are interrupted, or run while others read or roll up.

use footfall_runtime::catalog::checkpoint::Checkpoint;
use footfall_runtime::storage::{Item, Key, Store as _, keys};
use footfall_testkit::faulty::{End, Faulty, Watched};
use footfall_testkit::memory::Memory;
use footfall_testkit::wait::wait;

use super::{
    NOW, SITE, at, copied, day, filled, item, put, report, roll_up, rollup, segments, settings,
    shown, sort_keys, view,
};

/// Returns what must be the same after every rollup: segments, salts and checkpoint. Leaves out the note of when
/// it ran, and segments of hours whose day has one.
fn rollup_items(store: &Memory) -> Vec<Item> {
    let items = store.items();
    let counts = |item: &&Item| {
        let Key { pk, sk } = &item.key;
        let day =
            sk.split_once('T').map(|(day, _)| Key { pk: pk.clone(), sk: format!("{day}#00") });
        let is_rolled_up = day.is_some_and(|day| items.iter().any(|item| item.key == day));
        !pk.starts_with("hit#") && item.key != keys::rollup_key() && !is_rolled_up
    };
    items.iter().filter(counts).cloned().collect()
}

/// Asserts that the items are equal to the byte. A failure shows only their keys.
fn assert_same(found: &[Item], expected: &[Item], what: &str) {
    let differs = found.iter().zip(expected).find(|(one, other)| one != other);
    let differs = differs.map(|(one, _)| &one.key);
    assert!(found == expected, "{what}: {differs:?} of {:?}", sort_keys(found));
}

/// Salts for the days of the traffic.
fn salts() -> Vec<Item> {
    let salt = |date| Item { key: keys::salt_key(day(date)), value: vec![7; 16], expires: None };
    ["2026-11-19", "2026-11-20", "2026-11-21", "2026-11-22"].map(salt).into()
}

#[test]
fn interrupted_rollup_changes_no_number_and_the_next_completes_it() {
    let settings = settings(SITE);
    let hits = filled(&settings);
    put(&hits, &salts());
    let raw = shown(&hits, &settings, NOW);
    let store = copied(&hits);
    roll_up(&store, &settings, NOW);
    let whole = rollup_items(&store);
    let mut writes = 0;
    for operations in 1.. {
        let mut completed = false;
        for end in [End::Before, End::After] {
            let store = copied(&hits);
            let faulty = Faulty::new(&store, operations, end);
            completed = wait(rollup(&settings, faulty, NOW).run()).is_ok();
            writes += usize::from(!segments(&store).is_empty());
            assert_eq!(shown(&store, &settings, NOW), raw, "killed at {operations}, {end:?}");
            roll_up(&store, &settings, NOW);
            assert_same(&rollup_items(&store), &whole, &format!("killed at {operations}, {end:?}"));
            assert_eq!(shown(&store, &settings, NOW), raw);
        }
        if completed {
            assert!(operations > 100 && writes > 50, "{operations} {writes}");
            break;
        }
    }
}

#[test]
fn reports_are_the_same_during_a_rollup() {
    let settings = settings(SITE);
    let hits = filled(&settings);
    let raw = shown(&hits, &settings, NOW);
    let expected = raw.clone();
    let store = copied(&hits);
    // A whole report before every operation of a rollup.
    let watched = {
        let (read, settings) = (store.clone(), settings.clone());
        Watched::new(&store, move |operation| {
            let (store, settings) = (read.clone(), settings.clone());
            let seen = std::thread::spawn(move || shown(&store, &settings, NOW)).join().unwrap();
            assert_eq!(seen, raw, "at operation {operation}");
        })
    };
    roll_up(&watched, &settings, NOW);
    assert!(watched.count() > 100);
    // A whole rollup before every operation of a report.
    for operation in 0.. {
        let store = copied(&hits);
        let watched = {
            let (store, settings) = (store.clone(), settings.clone());
            Watched::new(&store.clone(), move |at| {
                if at == operation {
                    let (store, settings) = (store.clone(), settings.clone());
                    std::thread::spawn(move || roll_up(&store, &settings, NOW)).join().unwrap();
                }
            })
        };
        assert_eq!(shown(&watched, &settings, NOW), expected, "rolled up at operation {operation}");
        if watched.count() <= operation {
            assert!(operation > 10);
            break;
        }
    }
}

/// Before every operation of a run, a whole other one, on a machine whose clock is two minutes ahead or behind.
/// For one of them a day is over that is not for the other.
#[test]
fn another_rollup_may_run_at_any_operation() {
    let settings = settings(SITE);
    let hits = filled(&settings);
    put(&hits, &salts());
    let later = "2026-11-22T01:10:00Z";
    let raw = shown(&hits, &settings, later);
    let whole = {
        let store = copied(&hits);
        roll_up(&store, &settings, later);
        rollup_items(&store)
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
                        std::thread::spawn(move || roll_up(&store, &settings, other))
                            .join()
                            .unwrap();
                    }
                })
            };
            roll_up(&watched, &settings, one);
            let what = format!("{other} at operation {operation} of {one}");
            assert_eq!(shown(&store, &settings, later), raw, "{what}");
            // After the next run, everything is as if only that one had run.
            roll_up(&store, &settings, later);
            assert_same(&rollup_items(&store), &whole, &what);
            if watched.count() <= operation {
                assert!(operation > 100);
                break;
            }
        }
    }
}

#[test]
fn several_rollups_may_run_at_once() {
    let settings = settings(SITE);
    let hits = filled(&settings);
    let whole = {
        let store = copied(&hits);
        roll_up(&store, &settings, NOW);
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
fn segment_of_many_parts_is_read_whole_or_not_at_all() {
    let settings = settings("sites: [{domain: e.x}]");
    let site = &settings.sites[0];
    let store = Memory::default();
    let through = Some(day("2026-11-19"));
    wait(Checkpoint { rolled_up_through: through, ..Checkpoint::default() }.save(&store, site))
        .unwrap();
    let mut random = fastrand::Rng::with_seed(1);
    let items: Vec<Item> = (0..9000)
        .map(|number| {
            let time = at("2026-11-20T00:00:00Z");
            let time = time + jiff::SignedDuration::from_secs(random.i64(0..86_400));
            // Random pages, which do not compress.
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
    // The hits are read in 24 operations. Then the parts are written.
    for operations in 24.. {
        let done = faulty(operations);
        let parts = sort_keys(&segments(&store)).len();
        if seen.last() != Some(&parts) {
            seen.push(parts);
            assert_eq!(wait(report(&store, &settings, query, NOW)).unwrap(), raw, "{parts} parts");
        }
        if done {
            break;
        }
    }
    let parts = segments(&store);
    assert!(parts.len() >= 3, "{:?}", sort_keys(&parts));
    assert!(parts.iter().all(|item| item.value.len() < 400 * 1024));
    assert!(seen.len() >= 3, "the run was never killed between two parts: {seen:?}");
    // A missing part is named.
    wait(store.delete(&parts[1].key)).unwrap();
    let shown = wait(report(&store, &settings, query, NOW)).unwrap();
    assert!(shown.incomplete[0].contains("parts are missing"), "{:?}", shown.incomplete);
}
