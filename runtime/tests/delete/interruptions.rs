//! Deletions that are interrupted, or run while others read, roll up or delete.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use footfall_infra::settings::PagePattern;
use footfall_runtime::archive::delete::DeleteFilter;
use footfall_runtime::catalog::lease::{Lease, LeaseError};
use footfall_runtime::hit::Kind;
use footfall_runtime::storage::{Item, keys};
use footfall_testkit::faulty::{End, Faulty, Watched};
use footfall_testkit::memory::Memory;
use footfall_testkit::wait::wait;

use super::{
    DAYS, LATER, NOW, RolledUp, check_is_gone, copied, delete, filled, never_there, of_day,
    roll_up, secret, settings, shown, traffic, try_delete,
};

#[test]
fn interrupted_deletion_shows_old_or_new_and_can_be_completed() {
    let settings = settings();
    let items = traffic(&settings.sites[0]);
    let expected = never_there(&items);
    for state in [RolledUp::Some, RolledUp::All] {
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
                // Operations that only read leave the store as it was.
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
                    // On the current day, each hour is replaced on its own.
                    let pairs = old[number].buckets.iter().zip(&new[number].buckets);
                    for (seen, (old, new)) in seen.buckets.iter().zip(pairs) {
                        let views = [old, new].map(|bar| bar.metrics.views);
                        assert!(views.contains(&seen.metrics.views), "{}: {what}", seen.at);
                    }
                }
                // Either a rollup runs first, or the deletion is run again at once.
                if end == End::After {
                    roll_up(&store, NOW);
                }
                delete(&store, &secret());
                check_is_gone(&store, &expected, &what);
                roll_up(&store, LATER);
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
fn deletes_while_days_are_rolled_up() {
    let settings = settings();
    let items = traffic(&settings.sites[0]);
    let expected = never_there(&items);
    // Between all operations would take too long, so only between some.
    for (state, step) in [(RolledUp::Some, 3), (RolledUp::Nothing, 10)] {
        let before = filled(&items, state);
        let operations = {
            let watched = Watched::new(&copied(&before), |_| {});
            roll_up(&watched, NOW);
            watched.count()
        };
        // A whole deletion before some operation of a rollup.
        for operation in (0..operations).step_by(step / 3) {
            let store = copied(&before);
            let other = store.clone();
            let watched = Watched::new(&store, move |at| {
                if at == operation {
                    let other = other.clone();
                    std::thread::spawn(move || delete(&other, &secret())).join().unwrap();
                }
            });
            roll_up(&watched, NOW);
            let what = format!("{state:?}, deleted at operation {operation} of a rollup");
            assert_eq!(shown(&store, NOW), shown(&expected, NOW), "{what}");
            roll_up(&store, LATER);
            check_is_gone(&store, &expected, &what);
        }
        // A whole rollup before some operation of a deletion.
        for operation in (0..).step_by(step) {
            let store = copied(&before);
            let other = store.clone();
            let watched = Watched::new(&store, move |at| {
                if at == operation {
                    let other = other.clone();
                    std::thread::spawn(move || roll_up(&other, NOW)).join().unwrap();
                }
            });
            delete(&watched, &secret());
            let what = format!("{state:?}, rolled up at operation {operation} of a deletion");
            check_is_gone(&store, &expected, &what);
            roll_up(&store, LATER);
            check_is_gone(&store, &expected, &what);
            if watched.count() <= operation {
                break;
            }
        }
    }
}

/// The filter of a second deletion. When both run at once, neither may bring back what the other deleted.
fn other_filter() -> DeleteFilter {
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

/// Runs a whole deletion before every third operation of another, without a lease. The one that is overtaken
/// reports that, and completes when it is run again.
#[test]
fn concurrent_deletions_do_not_undo_each_other() {
    let items = traffic(&settings().sites[0]);
    let expected = without_both(&items);
    let filled = filled(&items, RolledUp::All);
    let mut late = 0;
    for operation in (0..).step_by(3) {
        let store = copied(&filled);
        let watched = {
            let store = store.clone();
            Watched::new(&store.clone(), move |at| {
                if at == operation {
                    let store = store.clone();
                    std::thread::spawn(move || delete(&store, &other_filter())).join().unwrap();
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

/// Two deletions with a lease, as the command runs them: the second waits for the first to end, or reports that
/// the first still runs.
#[test]
fn lease_lets_one_deletion_run_at_a_time() {
    let items = traffic(&settings().sites[0]);
    let (site, lease) = (&settings().sites[0], Duration::from_secs(1));
    let store = filled(&items, RolledUp::All);
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
        let (one, two) = tokio::join!(locked(1, secret()), locked(2, other_filter()));
        assert_eq!(waited.load(Ordering::Relaxed), 1);
        // On a slow machine, the first may still run when the second has waited.
        for (holder, done, what) in [(1, one, secret()), (2, two, other_filter())] {
            if let Err(error) = done {
                assert!(matches!(error, LeaseError::Held), "{error}");
                locked(holder, what).await.unwrap();
            }
        }
    });
    check_is_gone(&store, &without_both(&items), "one after the other");
    wait(async {
        // A holder that sends heartbeats keeps the lease, however long it works: here, until two others have
        // waited in vain.
        let lock = Lease::acquire(&watched, site, [3; 16], lease, || {}).await.unwrap();
        let others = async { (locked(4, other_filter()).await, locked(4, other_filter()).await) };
        let (one, two) = lock.hold_during(others).await.unwrap();
        assert!(
            matches!((&one, &two), (Err(LeaseError::Held), Err(LeaseError::Held))),
            "{one:?} {two:?}"
        );
        // The lease of a holder that was killed is taken over. If that holder comes back, it stops before it does
        // anything more.
        let killed = Lease::acquire(&watched, site, [5; 16], lease, || {}).await.unwrap();
        let successor = Lease::acquire(&watched, site, [6; 16], lease, || {}).await.unwrap();
        let back = killed.hold_during(std::future::pending::<()>()).await;
        assert!(matches!(back, Err(LeaseError::Lost)), "{back:?}");
        successor.hold_during(async {}).await.unwrap();
        locked(7, secret()).await.unwrap();
    });
    assert_eq!(waited.load(Ordering::Relaxed), 3, "every other lease was released");
    let key = keys::lock_key(site);
    assert!(store.items().iter().all(|item| item.key != key));
}
