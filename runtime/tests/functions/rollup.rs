//! The rollup function, invoked by its schedule.

use std::collections::BTreeSet;

use footfall_infra::settings::{Settings, Site};
use footfall_runtime::storage::dynamodb::DynamoDb;
use footfall_runtime::storage::hour::{Hour, Span, utc_day};
use footfall_runtime::storage::{Item, KeyRange, Store as _, keys, retention};
use footfall_testkit::dynamodb_local;
use footfall_testkit::runtime_api::Function;
use footfall_testkit::store::read_all;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::{DASHBOARD, ROLLUP, TRACK, event, sent, sign_in, signed_in, variables};

/// Builds the event that EventBridge sends on schedule.
fn scheduled() -> Value {
    json!({
        "version": "0",
        "id": "53dc4d37-cffa-4f76-80c9-8b7d4a4d2eaa",
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "account": "123456789012",
        "time": "2026-11-22T13:07:00Z",
        "region": "eu-central-1",
        "resources": ["arn:aws:events:eu-central-1:123456789012:rule/footfall-RollupSchedule"],
        "detail": {},
    })
}

/// Stores a page view, as `track` does.
async fn put_view(store: &DynamoDb, site: &Site, at: Timestamp, visitor: u8, page: &str) {
    let value = json!({ "v": format!("{visitor:016x}"), "p": page }).to_string().into_bytes();
    let key = keys::hit_key(site, at, 0, [visitor; 16]);
    let expires = Some(retention::hit_expiry(site, at));
    store.put(Item { key, value, expires }).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs DynamoDB Local: run cargo xtask test"]
async fn rollup_keeps_every_number_of_past_hours_and_days() {
    footfall_testkit::wait::away_from_midnight();
    let (store, name) = dynamodb_local::table("rollup").await;
    let variables = variables(dynamodb_local::address(), &name);
    let settings = Settings::from_yaml("sites: [{domain: example.com}]").unwrap();
    let site = &settings.sites[0];
    let now = Timestamp::now();
    let ago = |hours: i64| now - SignedDuration::from_hours(hours);
    // Two past days, one of them with two hours, and a past hour. Two of its visitors also came on another day.
    let views =
        [(75, 1, "/"), (74, 1, "/a"), (74, 2, "/a"), (50, 1, "/b"), (2, 2, "/"), (2, 3, "/c")];
    for (hours, visitor, page) in views {
        put_view(&store, site, ago(hours), visitor, page).await;
    }
    // Only a busy hour is rolled up before its day is over.
    for visitor in 100..200 {
        put_view(&store, site, ago(2), visitor, "/busy").await;
    }
    let salts = [utc_day(ago(74)), utc_day(now)];
    for day in salts {
        let item = Item { key: keys::salt_key(day), value: vec![7; 16], expires: None };
        store.put(item).await.unwrap();
    }
    // A hit in the current hour.
    let track = Function::start(TRACK, &variables).await;
    assert_eq!(sent(&track, &event("track")).await.status, 202);

    let dashboard = Function::start(DASHBOARD, &variables).await;
    let cookie = sign_in(&dashboard, &store).await;
    let mut week = signed_in("dashboard-json", &cookie);
    week["rawQueryString"] = "site=example.com&days=7&format=json".into();
    let before = sent(&dashboard, &week).await.json();
    assert_eq!(before["totals"]["views"], 107, "{before}");

    let rollup = Function::start(ROLLUP, &variables).await;
    let run = rollup.invoke(&scheduled()).await.unwrap();
    // Around midnight, the two days may be three, and the hour two hours ago may belong to a past day.
    let expected: BTreeSet<Span> = views
        .iter()
        .map(|(hours, ..)| {
            let is_over = *hours > 48 || utc_day(ago(1)) > utc_day(ago(2));
            if is_over {
                Span::Day(utc_day(ago(*hours)))
            } else {
                Span::Hour(Hour::of(ago(*hours)))
            }
        })
        .collect();
    let days = expected.iter().filter(|span| matches!(span, Span::Day(_))).count();
    assert_eq!((&run["days"], &run["hours"]), (&json!(days), &json!(expected.len() - days)));
    let at: Timestamp = run["at"].as_str().unwrap().parse().unwrap();
    assert!(at >= now, "{run}");
    for span in expected {
        let key = KeyRange::one(&keys::segment_key(site, span));
        assert_eq!(store.query(&key, None).await.unwrap().items.len(), 1, "{span}");
    }
    // The salts of days that are rolled up are deleted.
    let (left, _) = read_all(&store, &KeyRange::whole("salt".to_owned())).await.unwrap();
    let left: Vec<String> = left.into_iter().map(|item| item.key.sk).collect();
    assert_eq!(left, [salts[1].to_string()]);
    let note = store.query(&KeyRange::one(&keys::rollup_key()), None).await.unwrap();
    assert_eq!(serde_json::from_slice::<Value>(&note.items[0].value).unwrap(), run);
    let log: Value = serde_json::from_str(rollup.log().trim()).unwrap();
    assert_eq!((&log["level"], &log["outcome"]), (&json!("INFO"), &run), "{log}");

    let mut after = sent(&dashboard, &week).await.json();
    // Only the number of current visitors depends on the clock.
    after["now"] = before["now"].clone();
    assert_eq!(after, before);

    // Further runs change nothing, whatever the event.
    for event in [json!({}), json!(null), json!("now"), json!([1])] {
        let again = rollup.invoke(&event).await.unwrap();
        assert_eq!((&again["days"], &again["hours"]), (&json!(0), &json!(0)), "{event}");
    }
    let mut after = sent(&dashboard, &week).await.json();
    after["now"] = before["now"].clone();
    assert_eq!(after, before);
}
