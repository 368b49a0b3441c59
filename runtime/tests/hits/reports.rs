//! Stored hits that reports leave out.

use footfall_runtime::storage::{Item, Key, Store as _};
use footfall_testkit::request;
use footfall_testkit::wait::wait;
use serde_json::json;

use super::Footfall;

/// Hits older than the retention are not shown, even if they are not deleted yet. Days are in UTC.
#[test]
fn hits_past_their_retention_are_not_shown() {
    let footfall = Footfall::new("sites: [{domain: localhost, retention_days: 1}]");
    assert_eq!(footfall.track(&request::post(r#"{"u":"http://localhost/"}"#)).status(), 202);
    let views = || footfall.report("days=3")["totals"]["views"].clone();
    assert_eq!(views(), 1);
    footfall.clock.set("2026-11-23T23:59:59Z");
    assert_eq!(views(), 1);
    footfall.clock.set("2026-11-24T00:00:00Z");
    assert_eq!(views(), 0);
    assert_eq!(footfall.store.hits().len(), 1);
}

/// A newer version may have stored hits that this one cannot read. The rest is still shown.
#[test]
fn unreadable_hits_are_left_out_and_reported() {
    let footfall = Footfall::new("sites: [{domain: localhost}]");
    assert_eq!(footfall.track(&request::post(r#"{"u":"http://localhost/"}"#)).status(), 202);
    let known = footfall.store.hits().remove(0);
    for (number, value) in ["", "{}", r#"{"x":"a-reason-of-tomorrow","p":"/"}"#].iter().enumerate()
    {
        let sk = format!("{}{number}", known.key.sk);
        let key = Key { sk, ..known.key.clone() };
        let item = Item { key, value: value.as_bytes().to_vec(), expires: None };
        wait(footfall.store.put(item)).unwrap();
    }
    let report = footfall.report("");
    assert_eq!((&report["totals"]["views"], &report["unreadable"]), (&json!(1), &json!(3)));
    assert!(footfall.shown("").contains("3 stored hits cannot be read"));
}
