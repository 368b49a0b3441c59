//! Clocks that jump or are wrong.

use footfall_testkit::memory::Memory;
use footfall_testkit::request;
use serde_json::{Value, json};

use super::{Footfall, NOW};

/// Returns the partitions of the stored hits, with the number of hits in each.
fn hours(store: &Memory) -> Vec<(String, usize)> {
    let mut hours: Vec<(String, usize)> = Vec::new();
    for item in store.hits() {
        match hours.last_mut() {
            Some((pk, count)) if *pk == item.key.pk => *count += 1,
            _ => hours.push((item.key.pk, 1)),
        }
    }
    hours
}

fn days(report: &Value) -> Vec<(&str, u64, u64)> {
    let days = report["bars"].as_array().unwrap().iter();
    days.map(|day| {
        let number = |name: &str| day[name].as_u64().unwrap();
        (day["at"].as_str().unwrap(), number("views"), number("visitors"))
    })
    .collect()
}

#[test]
fn jumping_clock_loses_no_hit() {
    let footfall = Footfall::new("sites: [{domain: example.com}]");
    let view = request::post(json!({ "u": "https://example.com/" }).to_string());
    for now in [
        NOW,
        "2026-11-23T13:05:06.789Z",
        "2026-11-21T23:59:59.999Z",
        "2026-11-22T13:05:06.789Z",
        "2026-11-22T12:59:59.999Z",
        "2026-11-22T00:00:00Z",
    ] {
        footfall.clock.set(now);
        assert_eq!(footfall.track(&view).status(), 202, "{now}");
    }
    // Each hit is in the hour that the clock showed. Two of the same millisecond are two.
    let expected = [
        ("hit#example.com#2026-11-21T23#00".to_owned(), 1),
        ("hit#example.com#2026-11-22T00#00".to_owned(), 1),
        ("hit#example.com#2026-11-22T12#00".to_owned(), 1),
        ("hit#example.com#2026-11-22T13#00".to_owned(), 2),
        ("hit#example.com#2026-11-23T13#00".to_owned(), 1),
    ];
    assert_eq!(hours(&footfall.store), expected);
    // One salt for each day. After going back to a day, its salt is used again.
    let salts = footfall.store.items().into_iter().filter(|item| item.key.pk == "salt").count();
    assert_eq!(salts, 3);
    footfall.clock.set("2026-11-22T14:00:00Z");
    let report = footfall.report("days=2");
    assert_eq!(days(&report), [("2026-11-21", 1, 1), ("2026-11-22", 4, 1)]);
    // A hit stored for tomorrow is shown tomorrow.
    footfall.clock.set("2026-11-23T14:00:00Z");
    let report = footfall.report("days=3");
    assert_eq!(days(&report), [("2026-11-21", 1, 1), ("2026-11-22", 4, 1), ("2026-11-23", 1, 1)]);
    assert_eq!((&report["totals"]["views"], &report["totals"]["visitors"]), (&json!(6), &json!(3)));
}

#[test]
fn far_off_clock_loses_no_hit() {
    for now in [
        "1970-01-01T00:00:00Z",
        "1969-12-31T23:00:00Z",
        "2038-01-19T03:14:08Z",
        "9999-12-30T00:00:00Z",
    ] {
        let footfall = Footfall::new("sites: [{domain: example.com}]");
        footfall.clock.set(now);
        let view = request::post(json!({ "u": "https://example.com/" }).to_string());
        assert_eq!(footfall.track(&view).status(), 202, "{now}");
        assert_eq!(footfall.store.hits().len(), 1, "{now}");
        footfall.shown("days=1");
        footfall.shown("days=400");
    }
}
