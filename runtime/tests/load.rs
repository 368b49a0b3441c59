//! Hits under load while the network between the functions and the table fails: the real functions, DynamoDB
//! Local, and microburst in between. (That the same holds whatever happens in which order is in faults.rs.)
//!
//! Of each way to fail, the numbers are printed: hits sent, acknowledged and reported. Every hit has a page of
//! its own, by which it is known.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test ends there")]
#![allow(clippy::print_stdout, reason = "measurements are for the reader")]

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use footfall_infra::api::Function as Deployed;
use footfall_infra::settings::Settings;
use footfall_infra::stack::Spec;
use footfall_runtime::auth::admin;
use footfall_runtime::auth::{COOKIE_NAME, Session};
use footfall_runtime::catalog::checkpoint::Checkpoint;
use footfall_runtime::platform::context::SystemContext;
use footfall_runtime::query::Query;
use footfall_runtime::query::dimension::{Dimension, Key};
use footfall_runtime::query::period::PeriodContext;
use footfall_runtime::query::reader::Reader;
use footfall_runtime::storage::dynamodb::DynamoDb;
use footfall_runtime::storage::hour::utc_day;
use footfall_runtime::storage::hour::utc_start;
use footfall_runtime::storage::keys;
use footfall_runtime::storage::retention;
use footfall_runtime::storage::{Item, KeyRange, Store as _};
use footfall_testkit::microburst::Microburst;
use footfall_testkit::runtime_api::Function;
use footfall_testkit::store::{item, read_all};
use footfall_testkit::{dynamodb_local, fake, http, request};
use futures_util::future::join_all;
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp, ToSpan as _};
use serde_json::{Value, json};

const TRACK: &str = env!("CARGO_BIN_EXE_track");
const DASHBOARD: &str = env!("CARGO_BIN_EXE_dashboard");
const ROLLUP: &str = env!("CARGO_BIN_EXE_rollup");

/// How many functions take hits at once, each one after the other.
const TRACKERS: usize = 8;

/// How long hits are sent while one thing fails.
const LOAD: Duration = Duration::from_secs(2);

/// The ways to fail, as microburst's rules. Bytes are changed in answers to writes alone: what is read comes by
/// TLS, which lets none through.
fn faults() -> Vec<(&'static str, Value)> {
    let rule = |probability: f64, what: Value| {
        let mut rule = json!({ "service": "dynamodb", "probability": probability });
        rule.as_object_mut().unwrap().extend(what.as_object().unwrap().clone());
        rule
    };
    let error = |code: &str, status: u16| json!({ "error": { "code": code, "status": status } });
    let of_write = |response: Value| json!({ "operation": "PutItem", "response": response });
    let throttled = error("ProvisionedThroughputExceededException", 400);
    let lost = of_write(json!({ "abort_bytes": 0 }));
    let corrupt = of_write(json!({ "corrupt_bytes": 2 }));
    let truncated = json!({ "response": { "truncate_frac": 0.5 } });
    let cut = json!({ "response": { "abort_frac": 0.5 } });
    let slow = json!({ "latency": { "min": 200, "max": 2500 } });
    let silent = json!({ "timeout_ms": 20_000 });
    let order = error("InternalServerError", 500);
    let service = error("ServiceUnavailable", 503);
    let reset = json!({ "reset": true });
    vec![
        ("nothing fails", json!([])),
        ("throttled", json!([rule(0.8, throttled.clone())])),
        ("out of order, 500", json!([rule(0.5, order.clone())])),
        ("out of service, 503", json!([rule(0.5, service.clone())])),
        ("connection reset", json!([rule(0.4, reset.clone())])),
        ("no answer at all", json!([rule(0.1, silent.clone())])),
        ("slow answers", json!([rule(0.3, slow.clone())])),
        ("answers cut off", json!([rule(0.4, cut)])),
        ("answers truncated", json!([rule(0.3, truncated.clone())])),
        ("answers to writes corrupt", json!([rule(0.3, corrupt)])),
        ("written, answer lost", json!([rule(0.5, lost.clone())])),
        ("written, most answers lost", json!([rule(0.9, lost.clone())])),
        (
            "all of it",
            json!([
                rule(0.05, throttled),
                rule(0.05, order),
                rule(0.05, service),
                rule(0.05, reset),
                rule(0.01, silent),
                rule(0.05, slow),
                rule(0.05, truncated),
                rule(0.2, lost),
            ]),
        ),
    ]
}

fn settings() -> Settings {
    Settings::from_yaml("sites: [{domain: example.com}]").unwrap()
}

/// The environment of a function over a table, as the stack sets it.
fn variables(endpoint: SocketAddr, table: &str) -> Vec<(&'static str, String)> {
    let settings = settings().to_json().unwrap();
    let own = [("FOOTFALL_TABLE", table.to_owned()), ("FOOTFALL_SETTINGS", settings)];
    dynamodb_local::variables(endpoint).into_iter().chain(own).collect()
}

/// An event of data/events.
fn event(name: &str) -> Value {
    let file = format!("{}/tests/data/events/{name}.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap()
}

/// The days in which all of a test's hits lie, also if it runs over the end of one.
fn period() -> (Date, Date) {
    let today = utc_day(Timestamp::now());
    (today - 1.day(), today + 1.day())
}

/// The pages that are reported, and how often each was viewed; read past all faults.
async fn reported(store: &DynamoDb, (from, to): (Date, Date)) -> BTreeMap<String, u64> {
    let (settings, now) = (settings(), Timestamp::now());
    let site = &settings.sites[0];
    let checkpoint = Checkpoint::of(store, site).await.unwrap();
    let asked = PeriodContext { now, zone: &site.time_zone, first: checkpoint.first_day() };
    let query = request::dashboard(&format!("from={from}&to={to}"));
    let query = Query::of(&query, &asked).unwrap();
    let reader = Reader { store, settings: &settings, site, checkpoint, now };
    let pages = [Key::Dimension(Dimension::Page)];
    let report = reader.report(&query, &pages, 1_000_000).await.unwrap();
    assert!(report.incomplete.is_empty() && report.unreadable == 0, "{report:?}");
    let rows = report.tables.into_iter().flat_map(|table| table.rows);
    rows.map(|row| (row.value.unwrap(), row.tally.views)).collect()
}

/// Hits of before, for the rollup to fold: of an hour that is over, and of yesterday.
async fn filled(store: &DynamoDb) -> BTreeSet<String> {
    let (settings, now) = (settings(), Timestamp::now());
    let site = &settings.sites[0];
    let mut pages = BTreeSet::new();
    let items: Vec<Item> = (0..200_u64)
        .map(|number| {
            let yesterday = utc_start(period().0).unwrap();
            let at = match number {
                0..120 => (now - SignedDuration::from_hours(2)).max(yesterday),
                _ => yesterday + SignedDuration::from_mins(10 * number.cast_signed() - 1000),
            };
            let mut random = [0; 16];
            random[..8].copy_from_slice(&number.to_be_bytes());
            let page = format!("/before/{number}");
            let value = json!({ "v": format!("{:016x}", number % 50), "p": page });
            pages.insert(page);
            let key = keys::hit_key(site, at, 0, random);
            let expires = Some(retention::hit_expiry(site, at));
            Item { key, value: value.to_string().into_bytes(), expires }
        })
        .collect();
    store.put_all(items).await.unwrap();
    let through = period().0.yesterday().ok();
    let checkpoint = Checkpoint { through, ..Checkpoint::default() };
    checkpoint.put(store, site).await.unwrap();
    pages
}

/// What came of the load.
#[derive(Default)]
struct Load {
    sent: BTreeSet<String>,
    acknowledged: BTreeSet<String>,
    slowest: Duration,
}

/// Sends hits to one function, one after the other.
async fn send(track: &Function, number: usize, stop: &AtomicBool) -> Load {
    let mut load = Load::default();
    let mut event = event("track");
    while !stop.load(Ordering::Relaxed) {
        let page = format!("/{number}/{}", load.sent.len());
        event["body"] = json!({ "u": format!("https://example.com{page}") }).to_string().into();
        let address = format!("203.0.113.{}", load.sent.len() % 50);
        event["requestContext"]["http"]["sourceIp"] = address.into();
        load.sent.insert(page.clone());
        let started = Instant::now();
        let answer = track.invoke(&event).await.unwrap_or_else(|error| panic!("{error}"));
        load.slowest = load.slowest.max(started.elapsed());
        match answer["statusCode"].as_u64().unwrap() {
            202 => drop(load.acknowledged.insert(page)),
            // The sender may try again.
            503 => assert_eq!(answer["headers"]["retry-after"], "1", "{answer}"),
            status => panic!("{status}: {answer}"),
        }
    }
    load
}

/// Looks at the dashboard again and again; it must never go back. Gives how often it showed numbers, and how
/// long the slowest answer took.
async fn look(dashboard: &Function, cookie: &str, stop: &AtomicBool) -> (u64, Duration) {
    let (from, to) = period();
    let mut event = event("dashboard-json");
    event["cookies"] = json!([cookie]);
    event["rawQueryString"] =
        format!("site=example.com&from={from}&to={to}&format=json&show=bars").into();
    let (mut looks, mut most, mut slowest) = (0, 0, Duration::ZERO);
    while !stop.load(Ordering::Relaxed) {
        let started = Instant::now();
        let answer = dashboard.invoke(&event).await.unwrap_or_else(|error| panic!("{error}"));
        slowest = slowest.max(started.elapsed());
        match answer["statusCode"].as_u64().unwrap() {
            200 => {
                let report: Value = serde_json::from_slice(&body(&answer)).unwrap();
                let bars = report["bars"].as_array().unwrap_or_else(|| panic!("{report}")).iter();
                let views: u64 = bars.map(|bar| bar["views"].as_u64().unwrap()).sum();
                assert!(views >= most, "{views} views after {most}");
                (looks, most) = (looks + 1, views);
            }
            503 => {}
            status => panic!("{status}: {answer}"),
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    (looks, slowest)
}

/// The cookie of a browser in which the owner is signed in.
async fn cookie(store: &DynamoDb) -> String {
    let key = admin::signing_key(store, &SystemContext).await.unwrap();
    format!("{COOKIE_NAME}={}", Session::starting(Timestamp::now()).signed(&key))
}

/// An answer's body, decompressed.
fn body(answer: &Value) -> Vec<u8> {
    use base64::Engine as _;
    let body = answer["body"].as_str().unwrap();
    let is_base64 = answer["isBase64Encoded"].as_bool().unwrap();
    let body = match is_base64 {
        true => base64::engine::general_purpose::STANDARD.decode(body).unwrap(),
        false => body.as_bytes().to_vec(),
    };
    match answer["headers"]["content-encoding"].as_str() {
        Some("gzip") => http::gunzip(&body),
        _ => body,
    }
}

/// Folds again and again; gives how many runs there were, and how many of them failed.
async fn fold(rollup: &Function, stop: &AtomicBool) -> (u64, u64) {
    let (mut runs, mut failed) = (0, 0);
    while !stop.load(Ordering::Relaxed) {
        runs += 1;
        failed += u64::from(rollup.invoke(&json!({})).await.is_err());
        // It has done all there is to do: the load is to be of hits.
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    (runs, failed)
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs DynamoDB Local and microburst: run cargo xtask test faults"]
async fn microburst_no_acknowledged_hit_is_lost_and_none_counts_twice() {
    let proxy = Microburst::start(dynamodb_local::address());
    println!(
        "{:<27} faults   sent  acknowledged  reported  looks  rollups (failed)  slowest hit, look",
        "what fails"
    );
    for (name, rules) in faults() {
        let (store, table) = dynamodb_local::table("load").await;
        let before = filled(&store).await;
        let cookie = cookie(&store).await;
        proxy.set(&json!([]));
        let variables = variables(proxy.address, &table);
        // Its first request takes it seconds, which would be none of ours.
        let warm = dynamodb_local::store(proxy.address, &table);
        while warm.query(&KeyRange::whole("salt".to_owned()), None).await.is_err() {}
        let trackers = (0..TRACKERS).map(|_| Function::start(TRACK, &variables));
        let trackers = join_all(trackers).await;
        let dashboard = Function::start(DASHBOARD, &variables).await;
        let rollups = join_all((0..2).map(|_| Function::start(ROLLUP, &variables))).await;

        let faults = proxy.faults();
        proxy.set(&rules);
        let stop = AtomicBool::new(false);
        let timer = async {
            tokio::time::sleep(LOAD).await;
            stop.store(true, Ordering::Relaxed);
            // A rollup that is throttled waits for minutes, as it may: what it waits for comes now.
            let count = proxy.faults() - faults;
            proxy.set(&json!([]));
            count
        };
        let sends = (0..).zip(&trackers).map(|(number, track)| send(track, number, &stop));
        let folds = rollups.iter().map(|rollup| fold(rollup, &stop));
        let (faults, loads, (looks, slowest_look), runs) =
            tokio::join!(timer, join_all(sends), look(&dashboard, &cookie, &stop), join_all(folds));

        let sent: BTreeSet<&str> =
            loads.iter().flat_map(|load| &load.sent).map(|it| &**it).collect();
        let acknowledged = || loads.iter().flat_map(|load| &load.acknowledged);
        let slowest = loads.iter().map(|load| load.slowest).max().unwrap();
        // As it stands after all that, and once the next run has folded the rest.
        for _ in 0..2 {
            let reported = reported(&store, period()).await;
            let twice: Vec<_> = reported.iter().filter(|(_, views)| **views > 1).collect();
            assert!(twice.is_empty(), "{name}: twice: {twice:?}");
            let lost: Vec<_> =
                acknowledged().chain(&before).filter(|it| !reported.contains_key(*it)).collect();
            assert!(lost.is_empty(), "{name}: lost: {lost:?}");
            let unknown: Vec<_> = reported
                .keys()
                .filter(|page| !sent.contains(page.as_str()) && !before.contains(*page))
                .collect();
            assert!(unknown.is_empty(), "{name}: never sent: {unknown:?}");
            let run = rollups[0].invoke(&json!({})).await;
            assert!(run.is_ok(), "{name}: {run:?}");
        }
        let reported = reported(&store, period()).await.len() - before.len();
        let (runs, failed) =
            runs.iter().fold((0, 0), |(runs, failed), it| (runs + it.0, failed + it.1));
        println!(
            "{name:<27} {faults:>6} {:>6}  {:>12}  {reported:>8}  {looks:>5}  {runs:>7} ({failed:>6})  {:>7.1} s, {:.1} s",
            sent.len(),
            acknowledged().count(),
            slowest.as_secs_f64(),
            slowest_look.as_secs_f64(),
        );
        assert_eq!(faults == 0, rules == json!([]), "{name}");
        assert!(sent.len() >= TRACKERS && (faults > 0 || acknowledged().count() == sent.len()));
        // Lambda would have ended a function that takes longer, and the gateway a look.
        let limit = |of| Duration::from_secs(Spec::of(of).timeout.into());
        assert!(slowest < limit(Deployed::Track), "{name}: {slowest:?}");
        assert!(slowest_look < limit(Deployed::Dashboard), "{name}: {slowest_look:?}");
    }
}

/// What is stored many at once (an import) goes in batches, of which DynamoDB may take a part; microburst
/// knows no such answer.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs DynamoDB Local: run cargo xtask test faults"]
async fn microburst_batches_that_are_taken_in_parts_arrive_once() {
    let (store, table) = dynamodb_local::table("parts").await;
    let database = dynamodb_local::address();
    let asked = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&asked);
    let name = table.clone();
    let between = fake::serve(move |request| {
        let number = counted.fetch_add(1, Ordering::Relaxed);
        let table = name.clone();
        async move {
            let mut body: Value = serde_json::from_slice(&request.body).unwrap();
            let puts = body["RequestItems"][&table].as_array_mut().unwrap();
            // A part of it, in turn; and every fifth answer is lost.
            let left = puts.split_off(puts.len() - puts.len() * (number % 4) / 4);
            let taken = !puts.is_empty();
            let body = body.to_string();
            let answer = tokio::task::spawn_blocking(move || {
                let header = |name: &'static str| (name, request.headers[name].to_str().unwrap());
                let headers =
                    ["content-type", "x-amz-target", "x-amz-date", "authorization"].map(header);
                taken.then(|| {
                    http::request(database, "POST", "/", &headers, body.as_bytes()).unwrap()
                })
            });
            let answer = answer.await.unwrap();
            assert!(answer.is_none_or(|answer| answer.status == 200));
            let left = if left.is_empty() { json!({}) } else { json!({ table: left }) };
            if number % 5 == 4 {
                return None;
            }
            fake::json(200, json!({ "UnprocessedItems": left }).to_string())
        }
    })
    .await;
    let items: Vec<Item> = (0..500).map(|n| item("p", &format!("{n:03}"), vec![7; 200])).collect();
    let through = dynamodb_local::store(between, &table);
    through.put_all(items.clone()).await.unwrap();
    let (stored, _) = read_all(&store, &KeyRange::whole("p".to_owned())).await.unwrap();
    let requests = asked.load(Ordering::Relaxed);
    println!("items put: {}, stored: {}, requests: {requests}", items.len(), stored.len());
    assert!(stored == items && requests > 20, "{requests}");
}

/// Each answer comes before the client gives it up, and all together come too late for the gateway.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs DynamoDB Local and microburst: run cargo xtask test faults"]
async fn microburst_a_report_that_takes_too_long_is_given_up_with_an_answer() {
    let proxy = Microburst::start(dynamodb_local::address());
    let (store, table) = dynamodb_local::table("late").await;
    let cookie = cookie(&store).await;
    let warm = dynamodb_local::store(proxy.address, &table);
    while warm.query(&KeyRange::whole("salt".to_owned()), None).await.is_err() {}
    let dashboard = Function::start(DASHBOARD, &variables(proxy.address, &table)).await;
    proxy.set(&json!([{ "service": "dynamodb", "latency": 2700 }]));
    let mut event = event("dashboard-json");
    event["cookies"] = json!([cookie]);
    event["rawQueryString"] = "site=example.com&period=28d&format=json".into();
    let started = Instant::now();
    let answer = dashboard.invoke(&event).await.unwrap();
    assert_eq!(answer["statusCode"], 503, "{answer}");
    let error: Value = serde_json::from_slice(&body(&answer)).unwrap();
    assert!(error["error"].as_str().unwrap().contains("Try again"), "{error}");
    let timeout = Duration::from_secs(Spec::of(Deployed::Dashboard).timeout.into());
    assert!(started.elapsed() < timeout, "{:?}", started.elapsed());
    // It is as good as before.
    proxy.set(&json!([]));
    assert_eq!(dashboard.invoke(&event).await.unwrap()["statusCode"], 200);
}
