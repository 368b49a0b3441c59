//! The numbers before a rollup are the numbers after it.

use footfall_runtime::hit::exclusion::ExclusionReason;
use footfall_runtime::rollup::Rollup;
use footfall_runtime::segment;
use footfall_runtime::segment::column::Column;
use footfall_runtime::segment::dictionary::Dictionaries;
use footfall_runtime::storage::{Item, Page, Store as _, StoreError, keys};
use footfall_testkit::context::Fixed;
use footfall_testkit::memory::Memory;
use footfall_testkit::wait::wait;
use jiff::ToSpan as _;
use jiff::civil::Date;
use proptest::prelude::*;
use proptest::test_runner::Config;

use super::{
    NOW, SITE, at, day, filled, item, put, roll_up, segments, settings, shown, sort_keys, traffic,
    view,
};

#[test]
fn rolling_up_changes_no_number() {
    let settings = settings(SITE);
    let store = Memory::default();
    put(&store, &traffic(&settings.sites[0], 2));
    let raw = shown(&store, &settings, NOW);
    assert!(
        raw.totals.visitors > 25 && raw.excluded.len() == ExclusionReason::ALL.len(),
        "{raw:?}"
    );
    roll_up(&store, &settings, NOW);
    let rolled_up = segments(&store);
    let names = sort_keys(&rolled_up);
    assert!(names.contains(&"21#00") && !names.contains(&"21T05#00"), "{names:?}");
    assert!(names.contains(&"22T05#00") && !names.contains(&"22#00"), "{names:?}");
    assert!(!names.contains(&"22T13#00"), "the current hour was rolled up");
    // Delete the hits that were rolled up: they are no longer needed.
    let gone = |item: &Item| {
        let hour = item.key.pk.split('#').nth(2).unwrap();
        hour < "2026-11-22" || names.contains(&format!("{}#00", &hour[8..]).as_str())
    };
    for hit in store.hits().into_iter().filter(gone) {
        wait(store.delete(&hit.key)).unwrap();
    }
    assert!(!store.hits().is_empty());
    // The current visitors are counted from the last minutes, whose hits are still there.
    assert_eq!(shown(&store, &settings, NOW), raw);
    // Rolling up again changes nothing.
    let before = store.items();
    roll_up(&store, &settings, NOW);
    assert_eq!(segments(&store), rolled_up);
    assert_eq!(store.items().len(), before.len());
}

/// The same with the store of `dev`. (tests/functions runs the real function with DynamoDB.)
#[cfg(feature = "dev")]
#[test]
fn rolls_up_the_embedded_store_as_the_one_in_memory() {
    let settings = settings(SITE);
    let folder = tempfile::tempdir().unwrap();
    let store = footfall_runtime::storage::embedded::Embedded::open(folder.path()).unwrap();
    let memory = filled(&settings);
    let key = keys::salt_key(day("2026-11-21"));
    put(&memory, &[Item { key, value: vec![7; 16], expires: None }]);
    wait(store.put_all(memory.items())).unwrap();
    let raw = shown(&memory, &settings, NOW);
    assert_eq!(shown(&store, &settings, NOW), raw);
    roll_up(&memory, &settings, NOW);
    roll_up(&store, &settings, NOW);
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
fn quiet_hour_is_rolled_up_only_with_its_day() {
    let settings = settings("sites: [{domain: e.x}]");
    let store = Memory::default();
    for number in 0..120 {
        // 20 hits in one hour, 100 in the next.
        let hour = if number < 20 { "10" } else { "11" };
        let time = at(&format!("2026-11-22T{hour}:30:00Z"));
        put(&store, &[item(&settings.sites[0], time, 0, number, &view(number, "/", None))]);
    }
    let raw = shown(&store, &settings, NOW);
    wait(Rollup::new(settings.clone(), store.clone(), Fixed::at(NOW)).run()).unwrap();
    assert_eq!(sort_keys(&segments(&store)), ["22T11#00"]);
    assert_eq!(shown(&store, &settings, NOW), raw);
}

#[test]
fn rolled_up_day_has_no_salt_and_only_numbered_visitors() {
    let settings = settings(SITE);
    let store = Memory::default();
    put(&store, &traffic(&settings.sites[0], 2));
    for date in ["2026-11-20", "2026-11-21", "2026-11-22"] {
        let key = keys::salt_key(day(date));
        put(&store, &[Item { key, value: vec![7; 16], expires: None }]);
    }
    roll_up(&store, &settings, NOW);
    let salts: Vec<_> = store.items().into_iter().filter(|it| it.key.pk == "salt").collect();
    assert_eq!(
        sort_keys(&salts),
        ["2026-11-22"],
        "the salts of days that are rolled up must be deleted"
    );
    for segment in segments(&store).iter().filter(|item| !item.key.sk.contains('T')) {
        let mut dictionaries = Dictionaries::default();
        let rows = segment::decode(&segment.value, &Column::ALL, &mut dictionaries).unwrap();
        let mut visitors = rows.visitors.clone();
        visitors.dedup();
        let bots = u64::from(visitors[0] == 0);
        let expected: Vec<u64> = (1 - bots..visitors.len() as u64 + 1 - bots).collect();
        assert_eq!(visitors, expected, "visitors are numbered 1, 2, 3 and so on");
    }
}

/// Fewer cases than usual, because each is a whole site.
fn config() -> Config {
    Config { failure_persistence: None, cases: 48, ..Config::default() }
}

proptest! {
    #![proptest_config(config())]

    /// Hits in any order with rollups in between give the same numbers as the hits alone.
    #[test]
    fn order_of_arrival_does_not_matter(
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
            // A hit that arrives after its day was rolled up is too late, so no rollup here closes a day.
            if runs.contains(&number) {
                now += hours[number % 4].hours();
                let open = now.min(at("2026-11-19T20:00:00Z")).to_string();
                roll_up(&store, &settings, &open);
            }
            put(&store, std::slice::from_ref(item));
        }
        prop_assert_eq!(&shown(&store, &settings, NOW), &raw);
        roll_up(&store, &settings, NOW);
        prop_assert_eq!(shown(&store, &settings, NOW), raw);
    }
}
