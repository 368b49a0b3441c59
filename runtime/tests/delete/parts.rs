//! Deleting from a segment of several parts.

use footfall_runtime::archive::RawData;
use footfall_runtime::archive::delete::DeleteJob;
use footfall_runtime::storage::{Item, Key, KeyRange, Page, PutOutcome, Store, StoreError};
use footfall_testkit::faulty::{End, Faulty};
use footfall_testkit::memory::Memory;
use footfall_testkit::wait::wait;
use jiff::SignedDuration;

use super::{
    DAYS, NOW, RolledUp, at, check_is_gone, copied, day, delete, filled, item, never_there, of_day,
    put, secret, settings, try_delete, view,
};

#[test]
fn replaces_segment_of_many_parts_at_once() {
    let settings = settings();
    let site = &settings.sites[0];
    let mut random = fastrand::Rng::with_seed(1);
    let items: Vec<Item> = (0..9000)
        .map(|number| {
            let time =
                at("2026-11-20T00:00:00Z") + SignedDuration::from_secs(random.i64(0..86_400));
            // Random pages, which do not compress. Every other one is to be deleted.
            let page: String = (0..100).map(|_| random.alphanumeric()).collect();
            let page = if number % 2 == 0 { format!("/secret/{page}") } else { format!("/{page}") };
            item(site, time, number, &view(random.u64(1..500), &page))
        })
        .collect();
    let before = filled(&items, RolledUp::All);
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
    // After the first round, the old parts are kept for readers that have begun.
    let store = copied(&before);
    let rest = wait(writes(&store));
    let stored: Vec<_> = store.items().into_iter().map(|item| item.key).collect();
    assert!(rest.iter().all(|key| stored.contains(key)));
    assert!(rest.iter().filter(|key| key.pk.starts_with("seg#")).count() >= 3, "{rest:?}");
    assert_eq!(of_day(&store, DAYS[1]), new);
    // Killed after any of its writes.
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
    // Killed at least once between the parts of the new segment, and once after its first part.
    assert!(seen.len() >= 2, "{seen:?}");
    let store = copied(&before);
    delete(&store, &secret());
    check_is_gone(&store, &expected, "many parts");
    assert!(parts(&store) < parts(&before) && parts(&store) > 1);
}

/// A store that returns one item of a segment per page, and calls `each` before every query.
#[derive(Clone)]
struct OneByOne<F> {
    inner: Memory,
    each: F,
}

impl<F: Fn(&KeyRange, Option<&str>) + Clone + Send + Sync + 'static> Store for OneByOne<F> {
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

/// DynamoDB returns a month in pages. Between two of them, the first round replaces a segment.
#[test]
fn readers_of_a_segment_in_pages_see_old_or_new() {
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
    let before = filled(&items, RolledUp::All);
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
        let slow = OneByOne {
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
