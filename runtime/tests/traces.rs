//! What a hit leaves behind: one write unit, no log line, and no trace of its IP address and user agent, neither in
//! the store nor in the log.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test ends there")]

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use footfall_infra::settings::Settings;
use footfall_infra::stack::salts_table;
use footfall_runtime::ingest::Ingest;
use footfall_runtime::rollup::Rollup;
use footfall_runtime::storage::embedded::Embedded;
use footfall_runtime::storage::hour::Hour;
use footfall_runtime::storage::keys;
use footfall_runtime::storage::{KeyRange, Store as _, WRITE_UNIT};
use footfall_testkit::context::Fixed;
use footfall_testkit::runtime_api::Function;
use footfall_testkit::store::read_all;
use footfall_testkit::{dynamodb_local, fake, http, request};
use jiff::Timestamp;
use serde_json::{Value, json};

/// Behind one trusted proxy, so that both addresses of a request are read.
const SETTINGS: &str = "sites: [{domain: example.com, engagement: true}]\ntrusted_proxies: 1\n";

/// An address, a proxy and a user agent that occur nowhere else.
const ADDRESS: &str = "198.51.100.177";
const PROXY: &str = "203.0.113.211";
const BROWSER: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:151.0) Canarium/77.31 Firefox/151.0";

/// Returns what must be stored nowhere: these texts, parts of them, and the addresses as bytes, each with a name.
fn secrets() -> Vec<(String, Vec<u8>)> {
    let texts = [ADDRESS, PROXY, BROWSER, "Canarium", "77.31", "X11; Linux"];
    let mut secrets: Vec<(String, Vec<u8>)> = Vec::new();
    for text in texts {
        secrets.push((text.to_owned(), text.as_bytes().to_vec()));
        // Within a longer text, base64 has three forms of it.
        for skipped in 0..3 {
            let mut bytes = vec![0; skipped];
            bytes.extend(text.bytes());
            bytes.truncate(bytes.len() / 3 * 3);
            let coded = BASE64.encode(&bytes)[if skipped == 0 { 0 } else { 4 }..].to_owned();
            // Shorter ones could occur by chance.
            if coded.len() >= 8 {
                secrets.push((format!("{text} as base64"), coded.into_bytes()));
            }
        }
    }
    for address in [ADDRESS, PROXY] {
        let bytes: Vec<u8> = address.split('.').map(|part| part.parse().unwrap()).collect();
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        secrets.push((format!("{address} as hex"), hex.into_bytes()));
        secrets.push((format!("{address} as bytes"), bytes));
    }
    secrets
}

#[track_caller]
fn assert_no_secret(what: &str, bytes: &[u8]) {
    for (name, secret) in secrets() {
        let found = bytes.windows(secret.len()).any(|window| window == secret);
        assert!(!found, "{name} is in {what}");
    }
}

/// Tests the search itself.
#[test]
fn search_finds_every_form_of_a_secret() {
    let in_base64 = |text: &str| BASE64.encode(text);
    let texts = [
        format!("…{ADDRESS}…"),
        in_base64(&format!("xx{BROWSER}")),
        in_base64(&format!("x{PROXY}, ")),
        "c6336 4b1".replace(' ', ""),
    ];
    for text in texts {
        let found = std::panic::catch_unwind(|| assert_no_secret("this", text.as_bytes()));
        assert!(found.is_err(), "{text}");
    }
    assert_no_secret("nothing", b"192.0.2.1 Firefox 151");
}

/// Returns events with hits of all kinds, as the gateway passes them on, and the expected status.
fn events() -> Vec<(Value, u64)> {
    let file = format!("{}/tests/data/events/track.json", env!("CARGO_MANIFEST_DIR"));
    let plain: Value = serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
    let hit = |body: Value, browser: &str, status: u64| {
        let mut event = plain.clone();
        event["headers"]["user-agent"] = browser.into();
        event["headers"]["x-forwarded-for"] = format!("{ADDRESS}, {PROXY}").into();
        event["headers"]["forwarded"] = format!("for={ADDRESS}").into();
        event["requestContext"]["http"]["sourceIp"] = PROXY.into();
        event["requestContext"]["http"]["userAgent"] = browser.into();
        event["body"] = body.to_string().into();
        (event, status)
    };
    let url = "https://example.com/a";
    let mut events = Vec::new();
    for number in 0..20 {
        let url = format!("https://example.com/{number}");
        events.push(hit(json!({ "n": "pageview", "u": url }), BROWSER, 202));
        events.push(hit(json!({ "n": "signup", "u": url, "p": { "plan": "pro" } }), BROWSER, 202));
        events.push(hit(json!({ "n": "engagement", "u": url, "sd": 50, "e": 900 }), BROWSER, 202));
    }
    // A bot, and hits that are rejected.
    events.push(hit(
        json!({ "n": "pageview", "u": url }),
        &format!("{BROWSER} Googlebot/2.1"),
        202,
    ));
    events.push(hit(json!({ "n": "pageview", "u": "https://elsewhere.example/" }), BROWSER, 403));
    events.push(hit(json!("nonsense"), BROWSER, 400));
    events
}

/// Runs the real function with DynamoDB Local, which returns the units that each request consumed.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs DynamoDB Local: run cargo xtask test"]
async fn hit_takes_one_write_unit_and_leaves_no_trace() {
    footfall_testkit::wait::away_from_midnight();
    let (store, name) = dynamodb_local::table("traces").await;
    let database = dynamodb_local::address();
    let consumed: Arc<Mutex<BTreeMap<String, Vec<f64>>>> = Arc::default();
    let sums = Arc::clone(&consumed);
    // A proxy between the function and the table requests the consumed units. DynamoDB Local checks no signature.
    let between = fake::serve(move |asked| {
        let sums = Arc::clone(&sums);
        async move {
            let mut body: Value = serde_json::from_slice(&asked.body).unwrap();
            body["ReturnConsumedCapacity"] = "TOTAL".into();
            let target = asked.headers["x-amz-target"].to_str().unwrap().to_owned();
            let what = match body["Item"]["pk"]["S"].as_str() {
                Some(pk) => format!("put {}", pk.split('#').next().unwrap()),
                None => target.rsplit('.').next().unwrap().to_owned(),
            };
            let answer = tokio::task::spawn_blocking(move || {
                let header = |name: &'static str| (name, asked.headers[name].to_str().unwrap());
                let headers =
                    ["content-type", "x-amz-target", "x-amz-date", "authorization"].map(header);
                let body = body.to_string();
                http::request(database, "POST", "/", &headers, body.as_bytes()).unwrap()
            });
            let answer = answer.await.unwrap();
            let units = answer.json()["ConsumedCapacity"]["CapacityUnits"].as_f64().unwrap();
            sums.lock().unwrap().entry(what).or_default().push(units);
            fake::json(answer.status, answer.body)
        }
    });
    let settings = Settings::from_yaml(SETTINGS).unwrap().to_json().unwrap();
    let own = [("FOOTFALL_TABLE", name.clone()), ("FOOTFALL_SETTINGS", settings)];
    let variables = dynamodb_local::variables(between.await).into_iter().chain(own);
    let track = Function::start(env!("CARGO_BIN_EXE_track"), &variables.collect::<Vec<_>>()).await;
    let (mut stored, before) = (0, Timestamp::now());
    for (event, status) in events() {
        let answer = track.invoke(&event).await.unwrap();
        assert_eq!(answer["statusCode"], status, "{answer}");
        stored += usize::from(status == 202);
    }
    let consumed = consumed.lock().unwrap().clone();
    // One unit for each hit. Once a day, one query and one put for the salt.
    assert_eq!(consumed["put hit"], vec![1.0; stored], "{consumed:?}");
    assert_eq!(consumed["put salt"], [1.0]);
    assert!(consumed["Query"].len() == 1 && consumed.len() == 3, "{consumed:?}");
    let mut found = 0;
    for hour in Hour::between(before, Timestamp::now() + std::time::Duration::from_millis(1)) {
        let site = &Settings::from_yaml(SETTINGS).unwrap().sites[0];
        found += read_all(&store, &keys::hits(site, hour, 0)).await.unwrap().0.len();
    }
    assert_eq!(found, stored);

    // All items of the tables, whatever their keys.
    let mut items = Vec::new();
    for (name, expected) in [(salts_table(&name), 1), (name, stored)] {
        let scan = dynamodb_local::sdk().scan().table_name(name).into_paginator().items().send();
        let found: Vec<_> = scan.collect::<Result<_, _>>().await.unwrap();
        assert_eq!(found.len(), expected);
        items.extend(found);
    }
    for item in items {
        let mut bytes = Vec::new();
        for (attribute, value) in item {
            bytes.extend(attribute.into_bytes());
            match (value.as_s(), value.as_b(), value.as_n()) {
                (Ok(text), ..) | (_, _, Ok(text)) => bytes.extend(text.bytes()),
                (_, Ok(blob), _) => bytes.extend(blob.as_ref()),
                _ => panic!("{value:?}"),
            }
        }
        assert!(bytes.len() <= WRITE_UNIT);
        assert_no_secret("the table", &bytes);
    }
    // Nothing is logged, not even for rejected hits.
    assert_eq!(track.log(), "");
}

/// Searches every byte in the folder of `dev`, before and after the day is rolled up.
#[tokio::test]
async fn embedded_store_has_no_trace_of_a_visitor() {
    let folder = tempfile::tempdir().unwrap();
    let settings = Settings::from_yaml(SETTINGS).unwrap();
    let clock = Fixed::at("2026-11-22T13:05:06Z");
    let store = Embedded::open(folder.path()).unwrap();
    let track = Ingest::new(settings.clone(), store.clone(), clock.clone());
    for (event, status) in events() {
        let mut hit = request::post(event["body"].as_str().unwrap());
        let text = |name: &str| event["headers"][name].as_str().unwrap().to_owned();
        let names = ["user-agent", "x-forwarded-for", "forwarded", "content-type"];
        let values = names.map(text);
        let pairs: Vec<(&str, &str)> =
            names.into_iter().zip(values.iter().map(String::as_str)).collect();
        hit.headers = request::headers(&pairs);
        hit.peer = PROXY.parse().unwrap();
        assert_eq!(u64::from(track.handle(&hit).await.status().as_u16()), status);
    }
    assert_no_secret("the folder before the rollup", &all_bytes(folder.path()));
    clock.set("2026-11-24T02:00:00Z");
    let run = Rollup::new(settings, store.clone(), clock).run().await.unwrap();
    assert_eq!(run.days, 1);
    let salts = store.query(&KeyRange::whole("salt".to_owned()), None).await.unwrap();
    assert_eq!(salts.items, []);
    assert_no_secret("the folder after the rollup", &all_bytes(folder.path()));
}

/// Returns every byte of every file below a folder.
fn all_bytes(folder: &Path) -> Vec<u8> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            all.extend(all_bytes(&path));
        } else {
            all.extend(std::fs::read(path).unwrap());
        }
    }
    assert!(!all.is_empty());
    all
}
