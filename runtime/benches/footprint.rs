//! Resources a hit uses, and bytes it leaves at rest. `cargo xtask cost` and docs/scale.md calculate with these
//! numbers, which are written to deployer/src/cost/measured.json.
//!
//! Run `cargo bench -p footfall-runtime --all-features --bench footprint` with the folder of DynamoDB Local in
//! `FOOTFALL_DYNAMODB_LOCAL` (`cargo xtask test` puts it into `~/.cache/footfall`).
//!
//! The functions are the real binaries, built for this machine. CPU time is that of their processes.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a bench ends there"
)]

use std::net::SocketAddr;

use footfall_infra::settings::Settings;
use footfall_runtime::catalog::checkpoint::Checkpoint;
use footfall_runtime::rollup;
use footfall_runtime::storage::dynamodb::DynamoDb;
use footfall_runtime::storage::hour::{Hour, Span, utc_day, utc_start};
use footfall_runtime::storage::keys;
use footfall_runtime::storage::{Item, Store as _};
use footfall_testkit::dynamodb_local;
use footfall_testkit::measured::{self, rounded};
use footfall_testkit::runtime_api::Function;
use footfall_testkit::store::read_all;
use footfall_testkit::traffic::Traffic;
use jiff::{SignedDuration, Timestamp, ToSpan as _};
use serde_json::{Map, Value, json};

const SITE: &str = "sites: [{domain: example.com}]";
/// A public site, so that reports need no sign-in.
const BUSY: &str = "sites: [{domain: busy.example, public: true}]";

/// Hits sent, and how often each of them is repeated in the day that is rolled up.
const HITS: u64 = 4_001;
const TIMES: u64 = 10;

/// Hits per day of the busy site, and days read: one million a month, for a month.
const BUSY_HITS: u64 = 33_000;
const BUSY_DAYS: i64 = 30;

/// Repetitions of each read. The lowest result counts.
const LOOKS: usize = 5;

const MB: f64 = (1 << 20) as f64;

/// Measured numbers by name.
#[derive(Default)]
struct Numbers(Map<String, Value>);

impl Numbers {
    fn add(&mut self, name: &str, number: f64, unit: &str) {
        let number = rounded(number, 3);
        println!("{name:30} {number:10} {unit}");
        self.0.insert(name.to_owned(), json!(number));
    }
}

#[tokio::main]
async fn main() {
    let (store, name) = dynamodb_local::table("footprint").await;
    let of = |site| variables(dynamodb_local::address(), &name, site);
    let mut numbers = Numbers::default();
    hits(&of(SITE), &mut numbers).await;
    strangers(&of(SITE), &mut numbers).await;
    folding(&store, &of(SITE), &mut numbers).await;
    reading(&store, &name, &of(BUSY), &mut numbers).await;
    let command = "cargo bench -p footfall-runtime --all-features --bench footprint";
    measured::note("footprint", command, numbers.0.into());
}

/// Environment of a function with a table, as the stack sets it.
fn variables(endpoint: SocketAddr, table: &str, site: &str) -> Vec<(&'static str, String)> {
    let settings = Settings::from_yaml(site).unwrap().to_json().unwrap();
    let own = [("FOOTFALL_TABLE", table.to_owned()), ("FOOTFALL_SETTINGS", settings)];
    dynamodb_local::variables(endpoint).into_iter().chain(own).collect()
}

fn event(name: &str) -> Value {
    let file = format!("{}/tests/data/events/{name}.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap()
}

/// Size of a response in bytes: one line per header, and the body.
fn bytes(answer: &Value) -> usize {
    let headers = answer["headers"].as_object().unwrap().iter();
    let headers: usize = headers.map(|(n, v)| n.len() + v.as_str().unwrap().len() + 4).sum();
    let body = answer["body"].as_str().unwrap().len();
    headers + if answer["isBase64Encoded"] == true { body / 4 * 3 } else { body }
}

/// Page views of some hundred pages, each from a browser of its own.
fn view(number: u64) -> Value {
    let mut event = event("track");
    // Page k gets about 1/k of the views.
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

async fn hits(variables: &[(&str, String)], numbers: &mut Numbers) {
    let track = Function::start(env!("CARGO_BIN_EXE_track"), variables).await;
    let answer = track.invoke(&view(0)).await.unwrap();
    // Together with the first hit this makes HITS, and a whole number of batches.
    let others: Vec<Value> = (1..HITS).map(view).collect();
    numbers.add("hit_cpu_ms", least(&track, &others, 202).await, "ms");
    numbers.add("hit_answer_bytes", bytes(&answer) as f64, "bytes");
    numbers.add("hit_log_lines", track.log().lines().count() as f64, "lines for all hits");
    numbers.add("track_peak_mb", track.peak() as f64 / MB, "MB");
    let mut script = event("script");
    script["headers"]["accept-encoding"] = "gzip".into();
    let answer = track.invoke(&script).await.unwrap();
    numbers.add("script_bytes", bytes(&answer) as f64, "bytes");
    numbers.add("script_cpu_ms", least(&track, &vec![script; 2000], 200).await, "ms");
}

/// CPU milliseconds per event: the lowest of several batches, because other load only ever adds time.
async fn least(function: &Function, events: &[Value], status: u16) -> f64 {
    let mut least = f64::MAX;
    for batch in events.chunks_exact(500) {
        let began = function.cpu();
        for event in batch {
            assert_eq!(function.invoke(event).await.unwrap()["statusCode"], status);
        }
        let each = (function.cpu() - began).as_secs_f64() * 1e3 / batch.len() as f64;
        least = least.min(each);
    }
    least
}

/// Measures requests without access to any site.
async fn strangers(variables: &[(&str, String)], numbers: &mut Numbers) {
    let dashboard = Function::start(env!("CARGO_BIN_EXE_dashboard"), variables).await;
    let door = event("dashboard");
    let answer = dashboard.invoke(&door).await.unwrap();
    assert_eq!(answer["statusCode"], 401);
    numbers.add("stranger_cpu_ms", least(&dashboard, &vec![door; 2000], 401).await, "ms");
    numbers.add("door_bytes", bytes(&answer) as f64, "bytes");
}

/// Rolls up a day in which each sent hit occurs several times.
async fn folding(store: &DynamoDb, variables: &[(&str, String)], numbers: &mut Numbers) {
    let settings = Settings::from_yaml(SITE).unwrap();
    let site = &settings.sites[0];
    let now = Timestamp::now();
    let mut taken: Vec<Item> = Vec::new();
    for hour in Hour::between(now - SignedDuration::from_mins(30), now) {
        taken.extend(read_all(store, &keys::hits(site, hour, 0)).await.unwrap().0);
    }
    assert_eq!(taken.len() as u64, HITS);
    let size: usize = taken.iter().map(|item| Item::overhead(&item.key) + item.value.len()).sum();
    numbers.add("item_bytes", size as f64 / HITS as f64, "bytes");
    let day = utc_day(now - SignedDuration::from_hours(72));
    let start = utc_start(day).unwrap();
    let rollup = Function::start(env!("CARGO_BIN_EXE_rollup"), variables).await;
    rollup.invoke(&json!({})).await.unwrap();
    let began = rollup.cpu();
    let idle = rollup.invoke(&json!({})).await.unwrap();
    assert_eq!(idle["days"], 0);
    let took = (rollup.cpu() - began).as_secs_f64() * 1e3;
    // The process clock counts in hundredths of a second.
    numbers.add(
        "idle_run_cpu_ms",
        took.max(10.0),
        "ms at most, of a run without anything to roll up",
    );
    // Spreads the copies over the day.
    let step = 86_400_000 / (HITS * TIMES) as i64;
    let again = (0..TIMES).flat_map(|_| taken.iter().cloned()).zip(0..);
    let items = again.map(|(item, number)| {
        let at = start + SignedDuration::from_millis(number * step);
        let mut random = [0; 16];
        random[..8].copy_from_slice(&(number as u64).to_be_bytes());
        Item { key: keys::hit_key(site, at, 0, random), ..item }
    });
    store.put_all(items.collect()).await.unwrap();
    // An earlier run saw this day as empty, so its progress must be forgotten.
    store.delete(&keys::checkpoint_key(site)).await.unwrap();
    let began = rollup.cpu();
    let run = rollup.invoke(&json!({})).await.unwrap();
    assert_eq!(run["days"], 1, "{run}");
    let each = (rollup.cpu() - began).as_secs_f64() * 1e3 / (HITS * TIMES) as f64;
    numbers.add("fold_cpu_ms", each, "ms, each hit of a day");
    numbers.add("rollup_peak_mb", rollup.peak() as f64 / MB, "MB");
    let line = rollup.log().lines().next().unwrap().len();
    numbers.add("run_line_bytes", line as f64, "bytes");
}

/// Measures a report of a busy site, and the segments it reads.
async fn reading(
    store: &DynamoDb,
    table: &str,
    variables: &[(&str, String)],
    numbers: &mut Numbers,
) {
    let settings = Settings::from_yaml(BUSY).unwrap();
    let site = &settings.sites[0];
    let today = utc_day(Timestamp::now());
    let first = today - (2 * BUSY_DAYS).days();
    let mut traffic = Traffic::new(BUSY_HITS);
    let (mut hits, mut bytes) = (0, 0);
    for day in first.series(1.day()).take_while(|day| *day < today) {
        let (rows, mut texts) = traffic.day(utc_start(day).unwrap().as_millisecond());
        hits += rows.len();
        let encoded = rollup::encode_segment(site, Span::Day(day), rows, &mut texts, 0).unwrap();
        let (first, rest) = rollup::segment_items(site, Span::Day(day), encoded, None);
        bytes += rest.iter().chain([&first]).map(|item| item.value.len()).sum::<usize>();
        rollup::put_segment(store, first, rest).await.unwrap();
    }
    let through = Some(today - 1.day());
    let checkpoint = Checkpoint {
        first: Some(first),
        rolled_up_through: through,
        shards: 1,
        ..Default::default()
    };
    checkpoint.save(store, site).await.unwrap();
    numbers.add("at_rest_bytes", bytes as f64 / hits as f64, "bytes per hit in its day's segment");
    let dashboard = Function::start(env!("CARGO_BIN_EXE_dashboard"), variables).await;
    let mut look = event("dashboard");
    look["rawQueryString"] = format!("period={BUSY_DAYS}d").into();
    look["headers"]["accept-encoding"] = "gzip".into();
    let (mut took, mut page) = (f64::MAX, 0);
    for _ in 0..LOOKS {
        let before = dashboard.cpu();
        let answer = dashboard.invoke(&look).await.unwrap();
        assert_eq!(answer["statusCode"], 200);
        took = took.min((dashboard.cpu() - before).as_secs_f64() * 1e3);
        page = self::bytes(&answer);
    }
    numbers.add("look_hits", hits as f64, "hits in a period and the previous one");
    numbers.add("look_mb", bytes as f64 / 1e6, "MB of segments");
    numbers.add("look_cpu_ms", took, "ms");
    numbers.add("look_peak_mb", dashboard.peak() as f64 / MB, "MB");
    numbers.add("page_bytes", page as f64, "bytes");
    // Reading alone, on one thread, so that its CPU time is known.
    let (table, site) = (table.to_owned(), site.clone());
    let read = std::thread::spawn(move || {
        let store = dynamodb_local::store(dynamodb_local::address(), &table);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let mut least = f64::MAX;
        for _ in 0..LOOKS {
            let (began, mut bytes) = (thread_cpu_ms(), 0);
            for day in first.series(1.day()).take_while(|day| *day < today) {
                let read = runtime.block_on(read_all(&store, &keys::segments(&site, day, day)));
                bytes += read.unwrap().0.iter().map(|item| item.value.len()).sum::<usize>();
            }
            least = least.min((thread_cpu_ms() - began) / (bytes as f64 / 1e6));
        }
        least
    });
    numbers.add("read_cpu_ms", read.join().unwrap(), "ms, each MB of segments");
}

fn thread_cpu_ms() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").expect("this is Linux");
    text.split(' ').next().and_then(|nanos| nanos.parse::<f64>().ok()).unwrap() / 1e6
}
