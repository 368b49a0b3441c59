//! Load on the real functions while the network to the table fails: DynamoDB Local, with microburst in front.
//! (tests/faults.rs tests the same with any order of events.)
//!
//! For each kind of fault, prints how many hits were sent, acknowledged and reported. Every hit has a page of its
//! own, by which it is recognised.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test ends there")]
#![allow(clippy::print_stdout, reason = "measurements are for the reader")]

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use footfall_infra::function::Function as Deployed;
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

/// Number of functions that take hits at once, each one hit at a time.
const TRACKERS: usize = 8;

/// Minimum time for which hits are sent with one kind of fault.
const LOAD: Duration = Duration::from_secs(2);

/// Returns the kinds of faults as rules of microburst. Bytes are changed only in answers to writes, because in a
/// deployment TLS protects what is read.
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
    let internal = error("InternalServerError", 500);
    let service = error("ServiceUnavailable", 503);
    let reset = json!({ "reset": true });
    vec![
        ("nothing fails", json!([])),
        ("throttled", json!([rule(0.8, throttled.clone())])),
        ("internal error, 500", json!([rule(0.5, internal.clone())])),
        ("unavailable, 503", json!([rule(0.5, service.clone())])),
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
                rule(0.05, internal),
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

/// Returns the environment of a function with a table, as the stack sets it.
fn variables(endpoint: SocketAddr, table: &str) -> Vec<(&'static str, String)> {
    let settings = settings().to_json().unwrap();
    let own = [("FOOTFALL_TABLE", table.to_owned()), ("FOOTFALL_SETTINGS", settings)];
    dynamodb_local::variables(endpoint).into_iter().chain(own).collect()
}

/// Reads an event of data/events.
fn event(name: &str) -> Value {
    let file = format!("{}/tests/data/events/{name}.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap()
}

/// Returns a period that has all hits of a test, even if it runs past midnight.
fn period() -> (Date, Date) {
    let today = utc_day(Timestamp::now());
    (today - 1.day(), today + 1.day())
}

/// Returns the reported pages with their views, read without faults.
async fn reported(store: &DynamoDb, (from, to): (Date, Date)) -> BTreeMap<String, u64> {
    let (settings, now) = (settings(), Timestamp::now());
    let site = &settings.sites[0];
    let checkpoint = Checkpoint::load(store, site).await.unwrap();
    let asked = PeriodContext { now, zone: &site.time_zone, first: checkpoint.first_day() };
    let query = request::dashboard(&format!("from={from}&to={to}"));
    let query = Query::of(&query, &asked).unwrap();
    let reader = Reader { store, settings: &settings, site, checkpoint, now };
    let pages = [Key::Dimension(Dimension::Page)];
    let report = reader.report(&query, &pages, 1_000_000).await.unwrap();
    assert!(report.incomplete.is_empty() && report.unreadable == 0, "{report:?}");
    let rows = report.tables.into_iter().flat_map(|table| table.rows);
    rows.map(|row| (row.value.unwrap(), row.metrics.views)).collect()
}

/// Stores hits of a past hour and of yesterday for the rollup. Returns their pages.
async fn store_earlier_hits(store: &DynamoDb) -> BTreeSet<String> {
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
    let checkpoint = Checkpoint { rolled_up_through: through, ..Checkpoint::default() };
    checkpoint.save(store, site).await.unwrap();
    pages
}

/// The result of sending hits to one function.
#[derive(Default)]
struct Load {
    sent: BTreeSet<String>,
    acknowledged: BTreeSet<String>,
    slowest: Duration,
}

/// Sends hits to one function, one at a time, until `stop` is set. Counts them in `hits`.
async fn send(track: &Function, number: usize, hits: &AtomicUsize, stop: &AtomicBool) -> Load {
    let mut load = Load::default();
    let mut event = event("track");
    while !stop.load(Ordering::Relaxed) {
        let page = format!("/{number}/{}", load.sent.len());
        event["body"] = json!({ "u": format!("https://example.com{page}") }).to_string().into();
        let address = format!("203.0.113.{}", load.sent.len() % 50);
        event["requestContext"]["http"]["sourceIp"] = address.into();
        load.sent.insert(page.clone());
        hits.fetch_add(1, Ordering::Relaxed);
        let started = Instant::now();
        let answer = track.invoke(&event).await.unwrap_or_else(|error| panic!("{error}"));
        load.slowest = load.slowest.max(started.elapsed());
        match answer["statusCode"].as_u64().unwrap() {
            202 => drop(load.acknowledged.insert(page)),
            // The answer tells the sender to try again.
            503 => assert_eq!(answer["headers"]["retry-after"], "1", "{answer}"),
            status => panic!("{status}: {answer}"),
        }
    }
    load
}

/// Requests the dashboard repeatedly. Its views must never decrease. Returns the number of reports, and the time of
/// the slowest answer.
async fn watch_dashboard(dashboard: &Function, cookie: &str, stop: &AtomicBool) -> (u64, Duration) {
    let (from, to) = period();
    let mut event = event("dashboard-json");
    event["cookies"] = json!([cookie]);
    event["rawQueryString"] =
        format!("site=example.com&from={from}&to={to}&format=json&show=bars").into();
    let (mut reports, mut most, mut slowest) = (0, 0, Duration::ZERO);
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
                (reports, most) = (reports + 1, views);
            }
            503 => {}
            status => panic!("{status}: {answer}"),
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    (reports, slowest)
}

/// Returns the session cookie of the owner.
async fn cookie(store: &DynamoDb) -> String {
    let key = admin::signing_key(store, &SystemContext).await.unwrap();
    format!("{COOKIE_NAME}={}", Session::new(Timestamp::now()).signed(&key))
}

/// Returns the body of an answer, decompressed.
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

/// Rolls up repeatedly. Returns the number of runs, and of those that failed.
async fn roll_up(rollup: &Function, stop: &AtomicBool) -> (u64, u64) {
    let (mut runs, mut failed) = (0, 0);
    while !stop.load(Ordering::Relaxed) {
        runs += 1;
        failed += u64::from(rollup.invoke(&json!({})).await.is_err());
        // Nothing is left to roll up. A pause leaves the machine to the hits.
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    (runs, failed)
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs DynamoDB Local and microburst: run cargo xtask test faults"]
async fn microburst_counts_every_acknowledged_hit_once() {
    let proxy = Microburst::start(dynamodb_local::address());
    println!(
        "{:<27} faults   sent  acknowledged  reported  reports  rollups (failed)  slowest hit, report",
        "what fails"
    );
    for (name, rules) in faults() {
        let (store, table) = dynamodb_local::table("load").await;
        let before = store_earlier_hits(&store).await;
        let cookie = cookie(&store).await;
        proxy.set(&json!([]));
        let variables = variables(proxy.address, &table);
        // The first request through the proxy takes seconds, which must not count as ours.
        let warm = dynamodb_local::store(proxy.address, &table);
        while warm.query(&KeyRange::whole("salt".to_owned()), None).await.is_err() {}
        let trackers = (0..TRACKERS).map(|_| Function::start(TRACK, &variables));
        let trackers = join_all(trackers).await;
        let dashboard = Function::start(DASHBOARD, &variables).await;
        let rollups = join_all((0..2).map(|_| Function::start(ROLLUP, &variables))).await;

        let faults = proxy.faults();
        proxy.set(&rules);
        let stop = AtomicBool::new(false);
        let hits = AtomicUsize::new(0);
        let timer = async {
            tokio::time::sleep(LOAD).await;
            // A slow machine takes longer until something fails.
            let deadline = Instant::now() + Duration::from_secs(600);
            while hits.load(Ordering::Relaxed) < TRACKERS
                || (rules != json!([]) && proxy.faults() == faults)
            {
                assert!(Instant::now() < deadline, "{name}: nothing failed");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            stop.store(true, Ordering::Relaxed);
            // A throttled rollup may wait for minutes. Ending the faults ends its wait.
            let count = proxy.faults() - faults;
            proxy.set(&json!([]));
            count
        };
        let sends = (0..).zip(&trackers).map(|(number, track)| send(track, number, &hits, &stop));
        let rollup_runs = rollups.iter().map(|rollup| roll_up(rollup, &stop));
        let (faults, loads, (reports, slowest_report), runs) = tokio::join!(
            timer,
            join_all(sends),
            watch_dashboard(&dashboard, &cookie, &stop),
            join_all(rollup_runs)
        );

        let sent: BTreeSet<&str> =
            loads.iter().flat_map(|load| &load.sent).map(|it| &**it).collect();
        let acknowledged = || loads.iter().flat_map(|load| &load.acknowledged);
        let slowest = loads.iter().map(|load| load.slowest).max().unwrap();
        // Now, and again after the next run has rolled up the rest.
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
            "{name:<27} {faults:>6} {:>6}  {:>12}  {reported:>8}  {reports:>5}  {runs:>7} ({failed:>6})  {:>7.1} s, {:.1} s",
            sent.len(),
            acknowledged().count(),
            slowest.as_secs_f64(),
            slowest_report.as_secs_f64(),
        );
        assert_eq!(faults == 0, rules == json!([]), "{name}");
        assert!(sent.len() >= TRACKERS && (faults > 0 || acknowledged().count() == sent.len()));
        // Lambda would have ended a function that takes longer.
        let limit = |of| Duration::from_secs(Spec::of(of).timeout.into());
        assert!(slowest < limit(Deployed::Track), "{name}: {slowest:?}");
        assert!(slowest_report < limit(Deployed::Dashboard), "{name}: {slowest_report:?}");
    }
}

/// An import writes batches, and DynamoDB may process only a part of one. microburst cannot simulate that.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs DynamoDB Local: run cargo xtask test faults"]
async fn microburst_stores_partly_processed_batches_once() {
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
            // Processes a part of each batch, and loses every fifth answer.
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

/// Each answer is in time for the client, but all of them together are too late for the gateway.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs DynamoDB Local and microburst: run cargo xtask test faults"]
async fn microburst_report_that_takes_too_long_gets_an_answer() {
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
    // Afterwards, reports work again.
    proxy.set(&json!([]));
    assert_eq!(dashboard.invoke(&event).await.unwrap()["statusCode"], 200);
}
