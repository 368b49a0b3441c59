//! Late hits, missed runs, and data that cannot be read.

use footfall_runtime::catalog::checkpoint::Checkpoint;
use footfall_runtime::storage::hour::{Hour, Span};
use footfall_runtime::storage::{Item, Key, keys};
use footfall_testkit::memory::Memory;
use footfall_testkit::wait::wait;

use super::{
    NOW, SITE, at, copied, day, item, put, report, roll_up, segments, settings, shown, sort_keys,
    traffic, view,
};

#[test]
fn late_hit_is_counted_with_its_day() {
    let settings = settings(SITE);
    let site = &settings.sites[0];
    let store = Memory::default();
    put(&store, &traffic(site, 2));
    roll_up(&store, &settings, NOW);
    let before = shown(&store, &settings, NOW).totals;
    // The hour of this hit is already rolled up.
    put(&store, &[item(site, at("2026-11-22T09:00:00Z"), 0, 999, &view(99, "/late", None))]);
    assert_eq!(shown(&store, &settings, NOW).totals, before);
    let later = "2026-11-23T01:30:00Z";
    roll_up(&store, &settings, later);
    assert_eq!(shown(&store, &settings, later).totals.views, before.views + 1);
}

#[test]
fn rollup_catches_up_after_missed_runs() {
    let settings = settings("sites: [{domain: e.x}]");
    let site = &settings.sites[0];
    let store = Memory::default();
    // A week in which one day and many hours have no hits.
    for ago in [7, 6, 4, 3, 2, 1] {
        let start = at("2026-11-22T03:00:00Z") - jiff::SignedDuration::from_hours(24 * ago);
        for hour in [0, 5, 20] {
            let time = start + jiff::SignedDuration::from_hours(hour);
            put(&store, &[item(site, time, 0, hour.unsigned_abs(), &view(1, "/", None))]);
        }
    }
    let raw = shown(&store, &settings, NOW);
    assert_eq!(raw.totals.views, 18);
    roll_up(&store, &settings, NOW);
    assert_eq!(shown(&store, &settings, NOW), raw);
    let kept = segments(&store);
    assert_eq!(sort_keys(&kept), ["15#00", "16#00", "18#00", "19#00", "20#00", "21#00"]);
    let checkpoint = wait(Checkpoint::load(&store, site)).unwrap();
    assert_eq!(checkpoint.first, Some(day("2026-11-15")));
    assert_eq!(checkpoint.rolled_up_through, Some(day("2026-11-21")));
    // Months later, without new hits, everything is still there.
    let later = "2027-03-01T12:00:00Z";
    roll_up(&store, &settings, later);
    let all = wait(report(&store, &settings, "period=all", later)).unwrap();
    assert_eq!((all.totals.views, all.from), (18, day("2026-11-15")));
}

#[test]
fn unreadable_segments_are_named_and_the_rest_is_shown() {
    let settings = settings(SITE);
    let site = &settings.sites[0];
    let store = Memory::default();
    put(&store, &traffic(site, 2));
    roll_up(&store, &settings, NOW);
    let whole = shown(&store, &settings, NOW);
    let key = keys::segment_key(site, Span::Day(day("2026-11-20")));
    let hour = keys::segment_key(site, Span::Hour(Hour::of(at("2026-11-22T05:00:00Z"))));
    let bytes = |key: &Key| store.items().into_iter().find(|item| item.key == *key).unwrap().value;
    let day_bytes = bytes(&key);
    let newer: Vec<u8> = {
        let mut newer = day_bytes.clone();
        let name = b"footfall.version";
        let start = newer.windows(name.len()).position(|window| window == name).unwrap();
        // The length of the value, then the value.
        let digit = newer[start..].iter().position(|byte| *byte == b'1').unwrap();
        newer[start + digit] = b'2';
        newer
    };
    let cases: [(&Key, Vec<u8>, &str); 5] = [
        (
            &key,
            day_bytes[..day_bytes.len() / 2].to_vec(),
            "2026-11-20 of e.x: not a valid Parquet file",
        ),
        (&key, b"{}".to_vec(), "2026-11-20 of e.x: not a valid Parquet file"),
        (&key, Vec::new(), "2026-11-20 of e.x: not a valid Parquet file"),
        (&key, newer, "2026-11-20 of e.x: written by a newer version of Footfall (format 2"),
        (&hour, b"PAR1".to_vec(), "2026-11-22T05 of e.x: not a valid Parquet file"),
    ];
    for (key, value, expected) in cases {
        let good = bytes(key);
        put(&store, &[Item { key: key.clone(), value, expires: None }]);
        let shown = shown(&store, &settings, NOW);
        assert_eq!(shown.incomplete.len(), 1);
        assert!(shown.incomplete[0].contains(expected), "{:?}", shown.incomplete);
        assert!(shown.totals.views > 0 && shown.totals.views < whole.totals.views);
        // The next rollup works nevertheless.
        roll_up(&store, &settings, NOW);
        put(&store, &[Item { key: key.clone(), value: good, expires: None }]);
    }
    assert_eq!(shown(&store, &settings, NOW), whole);
}

/// After a rollback, a day may have hits that only the newer version can read.
#[test]
fn rollup_waits_for_hits_of_a_newer_version() {
    let settings = settings("sites: [{domain: e.x}]");
    let site = &settings.sites[0];
    let store = Memory::default();
    let known = item(site, at("2026-11-20T12:00:00Z"), 0, 1, &view(1, "/", None));
    let mut newer = item(site, at("2026-11-20T12:00:01Z"), 0, 2, &view(1, "/", None));
    let readable = std::mem::replace(&mut newer.value, br#"{"x":"a-new-reason"}"#.to_vec());
    let later = item(site, at("2026-11-21T12:00:00Z"), 0, 3, &view(1, "/", None));
    put(&store, &[known, newer.clone(), later]);
    roll_up(&store, &settings, NOW);
    assert_eq!(sort_keys(&segments(&store)), Vec::<&str>::new());
    let seen = shown(&store, &settings, NOW);
    assert_eq!((seen.totals.views, seen.unreadable), (2, 1));
    // The newer version comes back.
    let newer = Item { value: readable, ..newer };
    let readable = copied(&store);
    put(&readable, &[newer]);
    roll_up(&readable, &settings, NOW);
    assert_eq!(sort_keys(&segments(&readable)), ["20#00", "21#00"]);
    assert_eq!(shown(&readable, &settings, NOW).totals.views, 3);
    // It never comes back: the readable hits are rolled up before they expire.
    let late = "2026-12-19T12:00:00Z";
    roll_up(&store, &settings, late);
    let seen = wait(report(&store, &settings, "period=60d", late)).unwrap();
    assert_eq!((seen.totals.views, seen.unreadable), (2, 1));
    assert_eq!(sort_keys(&segments(&store)), ["20#00", "21#00"]);
}
