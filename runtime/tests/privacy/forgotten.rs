//! Data that is destroyed in time, checked over every store.

use std::fs;

use footfall_infra::settings::Settings;
use footfall_infra::stack::salts_table;
use footfall_runtime::hit::visitor::Salt;
use footfall_runtime::segment::column::Column;
use footfall_runtime::segment::dictionary::Dictionaries;
use footfall_runtime::storage::embedded::Embedded;
use footfall_runtime::storage::hour::{Hour, Span};
use footfall_runtime::storage::keys;
use footfall_runtime::storage::{Item, KeyRange, Store};
use footfall_runtime::{rollup, segment};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use tempfile::TempDir;

use super::world::{
    ADDRESS, BROWSER, NEXT_DAY, NOON, PLAIN, World, bytes, from, has, post, reader, view, visitor,
};
use footfall_testkit::dynamodb_local;
use footfall_testkit::memory::Memory;
use footfall_testkit::store::read_all;
use footfall_testkit::wait::wait;

/// Settings of one site, followed by more lines.
fn settings(more: &str) -> Settings {
    Settings::from_yaml(&format!("sites:\n- domain: example.com\n{more}")).unwrap()
}

/// Whether someone with these bytes, who knows the reader's address and browser, could find the reader's hits. Tries
/// every 16 bytes as the salt.
fn can_tell(bytes: &[u8], hits: &[Item]) -> bool {
    let numbers: Vec<_> = hits.iter().filter_map(visitor).collect();
    assert!(!numbers.is_empty());
    let is_it = |window: &[u8]| {
        // Files consist mostly of zeros.
        window[0] | window[15] != 0
            && Salt::from_bytes(window).is_some_and(|salt| numbers.contains(&reader(salt)))
    };
    bytes.windows(16).any(is_it)
}

/// Hits of the first day, which are kept for 30 days.
async fn hits<S: Store>(store: &S) -> Vec<Item> {
    let site = &settings("").sites[0];
    let noon: Timestamp = NOON.parse().unwrap();
    read_all(store, &keys::hits(site, Hour::of(noon), 0)).await.unwrap().0
}

/// The reader and others visit, the day ends and is rolled up. `all` returns every byte of a store.
async fn the_salt_is_gone<S: Store>(store: S, all: impl AsyncFn() -> Vec<u8>) {
    let world = World::over(store.clone(), settings(""));
    let salts = KeyRange::whole("salt".to_owned());
    for (address, browser) in [(ADDRESS, BROWSER), (ADDRESS, PLAIN), ("2001:db8::1", BROWSER)] {
        let answer = world.handle(&from(address, browser, &view())).await;
        assert_eq!(answer.status(), 202);
    }
    let [salt] = &read_all(&store, &salts).await.unwrap().0[..] else { panic!("one salt") };
    assert!(can_tell(&all().await, &hits(&store).await), "as long as there is a salt");

    // One minute too early, then on time.
    world.dice.set("2026-11-23T00:59:00Z");
    world.fold().await;
    assert_eq!(read_all(&store, &salts).await.unwrap().0.len(), 1);
    world.dice.set("2026-11-23T01:00:00Z");
    world.fold().await;

    assert_eq!(read_all(&store, &salts).await.unwrap().0, []);
    let (hits, all) = (hits(&store).await, all().await);
    assert_eq!(hits.len(), 3, "the hits are there still");
    assert!(has(&all, "hit#example.com#2026-11-22T12#00"), "all that is left is looked through");
    assert!(!all.windows(16).any(|window| window == salt.value));
    assert!(!can_tell(&all, &hits), "nothing that is left is the salt");
    // The next day begins with a new salt.
    world.dice.set(NEXT_DAY);
    world.handle(&post(&view())).await;
    let (salts, _) = read_all(&store, &salts).await.unwrap();
    assert_eq!(salts.len(), 1);
    assert_ne!(salts[0].value, salt.value);
}

/// > A day is rolled up an hour after its end, and its salt is then deleted.
/// > Once the salt is deleted, no copy of it is left in the store, so nobody can find out from an
/// > IP address and a User-Agent which hits belong to them.
#[test]
fn memory_store_forgets_the_salt() {
    let store = Memory::default();
    let all = store.clone();
    wait(the_salt_is_gone(store, async || bytes(&all.items())));
}

/// > `cargo xtask dev` rewrites its file of salts for that, because deleted bytes would stay in it.
#[test]
fn embedded_store_forgets_the_salt() {
    let folder = TempDir::new().unwrap();
    let store = Embedded::open(folder.path()).unwrap();
    wait(the_salt_is_gone(store, async || {
        let files = fs::read_dir(folder.path()).unwrap();
        files.flat_map(|file| fs::read(file.unwrap().path()).unwrap()).collect()
    }));
}

#[tokio::test]
#[ignore = "needs DynamoDB Local: run cargo xtask test"]
async fn dynamodb_forgets_the_salt() {
    let (store, table) = dynamodb_local::table("privacy").await;
    the_salt_is_gone(store, async || {
        [scanned(&table).await, scanned(&salts_table(&table)).await].concat()
    })
    .await;
}

/// All strings and bytes of a table.
async fn scanned(table: &str) -> Vec<u8> {
    let scanned = dynamodb_local::sdk().scan().table_name(table).send().await.unwrap();
    assert!(scanned.last_evaluated_key().is_none(), "it fits into one page");
    let mut bytes = Vec::new();
    for attribute in scanned.items().iter().flat_map(|item| item.values()) {
        if let Ok(text) = attribute.as_s() {
            bytes.extend(text.as_bytes());
        }
        if let Ok(value) = attribute.as_b() {
            bytes.extend(value.as_ref());
        }
    }
    bytes
}

/// > If a day cannot be rolled up, its salt expires two days after the day's end.
#[test]
fn salts_expire_when_a_day_is_not_rolled_up() {
    let world = World::with("");
    wait(world.handle(&post(&view())));
    let expires = world.salts()[0].expires.unwrap();
    assert_eq!(Timestamp::from_second(expires).unwrap().to_string(), "2026-11-25T00:00:00Z");
    // A newer version's hit, which postpones the rollup of the day.
    let key = keys::hit_key(&world.settings.sites[0], NOON.parse().unwrap(), 0, [7; 16]);
    wait(world.store.put(Item { key, value: b"{}".to_vec(), expires: None })).unwrap();
    for (now, count) in [("2026-11-24T23:59:59Z", 1), ("2026-11-25T00:00:00Z", 0)] {
        world.dice.set(now);
        wait(world.fold());
        assert_eq!(world.salts().len(), count, "{now}");
        let is_folded = world.store.items().iter().any(|item| item.key.pk.starts_with("seg#"));
        assert!(!is_folded, "the day waits");
    }
}

/// > A hit expires 30 days after it arrived, or after `retention_days` if that is shorter, but not
/// > within 3 days; DynamoDB may take two more days to delete it.
#[test]
fn hits_expire() {
    for (more, days) in [
        ("", 30),
        ("  retention_days: 365\n", 30),
        ("  retention_days: 7\n", 7),
        ("  retention_days: 1\n", 3),
    ] {
        let expires = World::with(more).stored(&post(&view()))[0].expires.unwrap();
        let noon: Timestamp = NOON.parse().unwrap();
        assert_eq!(expires - noon.as_second(), days * 86_400, "{more}");
    }
}

/// > In the segment of a day, the visitor numbers are 1, 2, 3 and so on.
#[test]
fn segments_only_number_visitors() {
    let world = World::with("");
    for (address, browser) in [(ADDRESS, BROWSER), (ADDRESS, PLAIN), (ADDRESS, BROWSER)] {
        wait(world.handle(&from(address, browser, &view())));
    }
    world.dice.set(NEXT_DAY);
    wait(world.fold());
    let key = keys::segment_key(&world.settings.sites[0], Span::Day("2026-11-22".parse().unwrap()));
    let stored = world.store.items().into_iter().find(|item| item.key == key).unwrap();
    let rows = segment::decode(&stored.value, &Column::ALL, &mut Dictionaries::default()).unwrap();
    let mut visitors = rows.visitors;
    visitors.sort_unstable();
    assert!(visitors == [1, 1, 2] || visitors == [1, 2, 2], "{visitors:?}");
}

/// > Segments are deleted after the site's `retention_days`, and kept for good if that is not set.
#[test]
fn segments_are_deleted_after_retention() {
    let after = |more: &str, days: i64| {
        let world = World::with(more);
        wait(world.handle(&post(&view())));
        let mut now: Timestamp = NEXT_DAY.parse().unwrap();
        world.dice.set(&now.to_string());
        wait(world.fold());
        now += SignedDuration::from_hours(24 * (days - 1));
        world.dice.set(&now.to_string());
        wait(world.fold());
        world.store.items().iter().filter(|item| item.key.pk.starts_with("seg#")).count()
    };
    assert_eq!(after("  retention_days: 10\n", 10), 1);
    assert_eq!(after("  retention_days: 10\n", 12), 0);
    assert_eq!(after("", 5000), 1);
}

/// > The salts have a table of their own, which has no backup, so a restored table has the hits of
/// > a day but not its salt.
#[tokio::test]
#[ignore = "needs DynamoDB Local: run cargo xtask test"]
async fn backups_contain_no_salt() {
    let (store, table) = dynamodb_local::table("backup").await;
    let world = World::over(store.clone(), settings(""));
    assert_eq!(world.handle(&post(&view())).await.status(), 202);
    let hits = hits(&store).await;
    assert!(!hits.is_empty());
    assert!(!can_tell(&scanned(&table).await, &hits));
    assert!(can_tell(&scanned(&salts_table(&table)).await, &hits));
}

/// Proves that the search above finds a salt when one is there.
#[test]
fn search_finds_an_existing_salt() {
    let world = World::with("");
    wait(world.handle(&post(&json!({ "u": "https://example.com/" }))));
    let hits = wait(hits(&world.store));
    let salt = world.salts().remove(0).value;
    assert!(can_tell(&[&[1, 2, 3], &salt[..], &[4]].concat(), &hits));
    assert!(!can_tell(&[&[1, 2, 3], &salt[1..], &[4]].concat(), &hits));
    assert!(rollup::is_over("2026-11-22".parse().unwrap(), NEXT_DAY.parse().unwrap()));
}
