//! What a hit takes, and what is left of it: the numbers that `cargo xtask cost` reckons with (deployer/src/cost).
//! `cargo bench -p footfall-runtime --all-features --bench footprint`, with the folder of DynamoDB Local in
//! `FOOTFALL_DYNAMODB_LOCAL` (`cargo xtask test` puts it into `~/.cache/footfall`).
//!
//! The functions are the real binaries, built for this machine; what they take is their processes' CPU time.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a bench ends there"
)]

#[path = "../tests/support/mod.rs"]
mod support;

use std::net::SocketAddr;

use footfall_infra::settings::Settings;
use footfall_runtime::store::dynamodb::DynamoDb;
use footfall_runtime::store::{Item, Key, KeyRange, Store as _};
use footfall_runtime::table::{self, Hour, Span, utc_day, utc_start};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use support::runtime_api::Function;
use support::{dynamodb_local, read_all};

const SITE: &str = "sites: [{domain: example.com}]";

/// How many hits are taken, and how often each is in the day that is folded.
const HITS: u64 = 4_000;
const TIMES: u64 = 10;

#[tokio::main]
async fn main() {
    let (store, name) = dynamodb_local::table("footprint").await;
    let variables = variables(dynamodb_local::address(), &name);
    hits(&variables).await;
    strangers(&variables).await;
    folding(&store, &variables).await;
}

/// The environment of a function over a table, as the stack sets it.
fn variables(endpoint: SocketAddr, table: &str) -> Vec<(&'static str, String)> {
    let settings = Settings::from_yaml(SITE).unwrap().to_json().unwrap();
    let own = [("FOOTFALL_TABLE", table.to_owned()), ("FOOTFALL_SETTINGS", settings)];
    dynamodb_local::variables(endpoint).into_iter().chain(own).collect()
}

fn event(name: &str) -> Value {
    let file = format!("{}/tests/data/events/{name}.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap()
}

/// The bytes of an answer: its headers, a line each, and its body.
fn bytes(answer: &Value) -> usize {
    let headers = answer["headers"].as_object().unwrap().iter();
    let headers: usize = headers.map(|(n, v)| n.len() + v.as_str().unwrap().len() + 4).sum();
    headers + answer["body"].as_str().unwrap().len()
}

/// Page views of some hundred pages by as many browsers as there are hits.
fn view(number: u64) -> Value {
    let mut event = event("track");
    // The k-th page has a share of about 1/k.
    let page = (number.wrapping_mul(2_654_435_761) % 1_000_000) as f64 / 1e6;
    let page = 300f64.powf(page) as u64;
    let from = ["https://news.ycombinator.com/item?id=1", "https://www.google.com/", "", ""];
    let zone = ["Europe/Berlin", "America/New_York", "Asia/Tokyo"][number as usize % 3];
    let body = json!({
        "n": "pageview",
        "u": format!("https://example.com/posts/2026/a-post-with-a-title-{page}"),
        "r": from[number as usize % from.len()],
        "w": 1440,
        "z": zone,
    });
    event["body"] = body.to_string().into();
    let address = format!("198.51.{}.{}", number / 250 % 250, number % 250);
    event["requestContext"]["http"]["sourceIp"] = address.into();
    event
}

async fn hits(variables: &[(&str, String)]) {
    let track = Function::start(env!("CARGO_BIN_EXE_track"), variables).await;
    let answer = track.invoke(&view(0)).await.unwrap();
    let began = track.cpu();
    for number in 1..HITS {
        assert_eq!(track.invoke(&view(number)).await.unwrap()["statusCode"], 202);
    }
    let each = (track.cpu() - began).as_secs_f64() * 1e3 / (HITS - 1) as f64;
    println!("track: the start and the first hit    {:8.3} ms of CPU", began.as_secs_f64() * 1e3);
    println!("track: each hit after it              {each:8.3} ms of CPU");
    println!("track: its answer                     {:8} bytes", bytes(&answer));
    println!("track: lines that {HITS} hits log        {:8}", track.log().lines().count());
    let mut script = event("script");
    script["headers"]["accept-encoding"] = "gzip".into();
    let answer = track.invoke(&script).await.unwrap();
    println!("track: the tracker                    {:8} bytes", bytes(&answer));
}

/// Those who are let in nowhere.
async fn strangers(variables: &[(&str, String)]) {
    let dashboard = Function::start(env!("CARGO_BIN_EXE_dashboard"), variables).await;
    let door = event("dashboard");
    let answer = dashboard.invoke(&door).await.unwrap();
    assert_eq!(answer["statusCode"], 401);
    let began = dashboard.cpu();
    for _ in 0..1000 {
        dashboard.invoke(&door).await.unwrap();
    }
    let each = (dashboard.cpu() - began).as_secs_f64() * 1e3 / 1000.0;
    println!("dashboard: the start                  {:8.3} ms of CPU", began.as_secs_f64() * 1e3);
    println!("dashboard: each stranger              {each:8.3} ms of CPU");
    println!("dashboard: the door                   {:8} bytes", bytes(&answer));
}

/// Folds a day of the hits that were taken, each several times.
async fn folding(store: &DynamoDb, variables: &[(&str, String)]) {
    let settings = Settings::from_yaml(SITE).unwrap();
    let site = &settings.sites[0];
    let now = Timestamp::now();
    let mut taken: Vec<Item> = Vec::new();
    for hour in Hour::between(now - SignedDuration::from_mins(30), now) {
        taken.extend(read_all(store, &table::hits(site, hour, 0)).await.unwrap().0);
    }
    assert_eq!(taken.len() as u64, HITS);
    let size: usize = taken.iter().map(|item| Item::overhead(&item.key) + item.value.len()).sum();
    println!("an item                               {:8} bytes", size as u64 / HITS);
    let day = utc_day(now - SignedDuration::from_hours(72));
    let start = utc_start(day).unwrap();
    let rollup = Function::start(env!("CARGO_BIN_EXE_rollup"), variables).await;
    rollup.invoke(&json!({})).await.unwrap();
    let began = rollup.cpu();
    let idle = rollup.invoke(&json!({})).await.unwrap();
    assert_eq!(idle["days"], 0);
    println!(
        "rollup: a run that folds nothing      {:8.3} ms of CPU",
        (rollup.cpu() - began).as_secs_f64() * 1e3
    );
    // One after the other, all over the day.
    let step = 86_400_000 / (HITS * TIMES) as i64;
    let again = (0..TIMES).flat_map(|_| taken.iter().cloned()).zip(0..);
    let items = again.map(|(item, number)| {
        let at = start + SignedDuration::from_millis(number * step);
        let mut random = [0; 16];
        random[..8].copy_from_slice(&(number as u64).to_be_bytes());
        Item { key: table::hit_key(site, at, 0, random), ..item }
    });
    store.put_all(items.collect()).await.unwrap();
    // The day was seen as empty: what is known of that is forgotten.
    store.delete(&table::checkpoint_key(site)).await.unwrap();
    let began = rollup.cpu();
    let run = rollup.invoke(&json!({})).await.unwrap();
    assert_eq!(run["days"], 1, "{run}");
    let each = (rollup.cpu() - began).as_secs_f64() * 1e3 / (HITS * TIMES) as f64;
    println!("rollup: each hit of a day             {each:8.3} ms of CPU");
    println!(
        "rollup: the line of a run             {:8} bytes",
        rollup.log().lines().next().unwrap().len()
    );
    let Key { pk, .. } = table::segment_key(site, Span::Day(day));
    let (parts, _) = read_all(store, &KeyRange::whole(pk)).await.unwrap();
    let bytes: usize = parts.iter().map(|part| part.value.len()).sum();
    let each = bytes as f64 / (HITS * TIMES) as f64;
    println!("a hit in its day's segment            {each:8.1} bytes");
}
