//! Resources for 10 thousand to 100 million views a month: `cargo bench -p footfall-runtime --all-features --bench
//! scale` (these features build the same libraries as the benchmark `footprint`), or with `-- 1000000` for that size
//! alone. docs/scale.md is made of it.
//!
//! The real rollup processes a whole day of generated hits, and the real dashboard answers from its files, each in
//! its own process, whose CPU time and memory are measured. The store is files. What would take too long is
//! extrapolated and marked so.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a bench ends there"
)]

mod disk;
mod summary;

use footfall_testkit::wait::wait;
use std::fs;
use std::path::Path;
use std::process::Command;

use disk::Disk;
use footfall_infra::settings::Settings;
use footfall_runtime::auth::AccessMode;
use footfall_runtime::catalog::checkpoint::Checkpoint;
use footfall_runtime::hit::country::Country;
use footfall_runtime::hit::user_agent::Device;
use footfall_runtime::hit::visitor::VisitorId;
use footfall_runtime::hit::{Campaign, Hit, Kind, ScreenSize};
use footfall_runtime::platform::context::{Context, RandomError};
use footfall_runtime::platform::http::Request;
use footfall_runtime::rollup::{self, Rollup};
use footfall_runtime::segment::column::Column;
use footfall_runtime::segment::dictionary::Dictionaries;
use footfall_runtime::segment::hit_batch::HitBatch;
use footfall_runtime::storage::hour::{Hour, Span, utc_start};
use footfall_runtime::storage::keys;
use footfall_runtime::storage::{Item, WRITE_UNIT};
use footfall_runtime::web::Web;
use footfall_testkit::measured::{self, rounded};
use footfall_testkit::traffic::Traffic;
use http::HeaderMap;
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp, ToSpan as _};
use serde_json::{Value, json};

/// Views per month.
const SIZES: [u64; 5] = [10_000, 100_000, 1_000_000, 10_000_000, 100_000_000];

/// Days of a month as AWS counts it: 730 hours.
const MONTH: f64 = 730.0 / 24.0;

const SETTINGS: &str =
    "sites: [{domain: example.com, goals: [{event: signup}, {page: '/blog/*'}]}]";

/// Today, which is not over.
const TODAY: &str = "2026-11-21";

/// Time of the report: half the day is over, and all but its last half hour is rolled up.
const NOON: SignedDuration = SignedDuration::from_mins(12 * 60 + 30);

/// Periods in days. Each is compared with as many days before it.
const PERIODS: [i64; 4] = [1, 7, 30, 365];

/// Maximum hits that are run; more are extrapolated.
const MOST_HITS: u64 = 60_000_000;

/// Maximum months the reader holds in memory (`AT_ONCE` in src/query/reader.rs).
const MONTHS_AT_ONCE: i64 = 6;

fn main() {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words[..] {
        ["fold", folder, at] => println!("{}", fold(Path::new(folder), at.parse().unwrap())),
        ["look", folder, days] => println!("{}", look(Path::new(folder), days.parse().unwrap())),
        ["summary", views] => println!("{}", summary::measure(views.parse().unwrap())),
        [] => note(&SIZES),
        _ => note(&words.iter().map(|it| it.parse().expect("views a month")).collect::<Vec<_>>()),
    }
}

/// Measures some sizes, and replaces what was noted for them.
fn note(sizes: &[u64]) {
    for views in sizes {
        let new = size(*views);
        let known = measured::noted("scale");
        let mut all: Vec<Value> = known.as_array().cloned().unwrap_or_default();
        all.retain(|it| it["views"] != *views);
        all.push(new);
        all.sort_by_key(|it| it["views"].as_u64());
        let command = "cargo bench -p footfall-runtime --all-features --bench scale";
        measured::note("scale", command, json!(all));
    }
}

/// Resources one size needs.
fn size(views: u64) -> Value {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let a_day = (views as f64 / MONTH) as u64;
    println!("{views} views a month, {a_day} a day");
    let (hits, item, largest) = write_day(folder, a_day);
    write_templates(folder, a_day);
    // Runs at seven minutes past every hour: see infra/src/stack/functions.rs.
    let hours = child(&["fold", path(folder), &at(12 * 60 + 7)]);
    println!("  twelve hours folded: {hours}");
    let mut looks: Vec<Value> = Vec::new();
    for days in PERIODS {
        let is_run = hits * 2 * days.unsigned_abs() <= MOST_HITS;
        let seen = if is_run {
            child(&["look", path(folder), &days.to_string()])
        } else {
            extrapolated(&looks, days, hits)
        };
        println!("  {seen}");
        looks.push(seen);
    }
    let day = child(&["fold", path(folder), &at(25 * 60 + 7)]);
    println!("  a day folded: {day}");
    let (parts, bytes) = segment(folder, today());
    let summary = child(&["summary", &a_day.to_string()]);
    println!("  {summary}");
    json!({
        "views": views,
        "hits_a_day": hits,
        "item_bytes": rounded(item, 4),
        "largest_item_bytes": largest,
        "segment_parts": parts,
        "segment_bytes": bytes,
        "hours": hours,
        "day": day,
        "looks": looks,
        "summary": summary,
    })
}

/// Runs one part in its own process.
fn child(arguments: &[&str]) -> Value {
    let output = Command::new(std::env::current_exe().unwrap()).args(arguments).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {said}");
    // The functions would log what they cannot read.
    assert!(said.is_empty(), "{arguments:?}: {said}");
    serde_json::from_slice(&output.stdout).unwrap()
}

fn path(folder: &Path) -> &str {
    folder.to_str().unwrap()
}

/// Milliseconds since 1970 of `minutes` minutes after the start of today.
fn at(minutes: i64) -> String {
    (utc_start(today()).unwrap() + SignedDuration::from_mins(minutes)).as_millisecond().to_string()
}

fn today() -> Date {
    TODAY.parse().unwrap()
}

fn settings() -> Settings {
    Settings::from_yaml(SETTINGS).unwrap()
}

/// Writes today's hits as stored, by hour. Returns their number, and their average and maximum size in bytes.
fn write_day(folder: &Path, a_day: u64) -> (u64, f64, usize) {
    let settings = settings();
    let site = &settings.sites[0];
    let start = utc_start(today()).unwrap().as_millisecond();
    let (rows, texts) = Traffic::new(a_day).day(start);
    let mut order: Vec<u32> = (0..rows.len() as u32).collect();
    order.sort_by_key(|row| rows.times[*row as usize]);
    let (mut bytes, mut largest) = (0, 0);
    let mut left = &order[..];
    for hour in Hour::of_day(today()) {
        let end = hour.end().as_millisecond();
        let count = left.partition_point(|row| rows.times[*row as usize] < end);
        let (of_hour, others) = left.split_at(count);
        left = others;
        let items = of_hour.iter().zip(0_u64..).map(|(row, number)| {
            let row = *row as usize;
            let at = Timestamp::from_millisecond(rows.times[row]).unwrap();
            let mut random = [0; 16];
            random[..8].copy_from_slice(&number.to_be_bytes());
            let key = keys::hit_key(site, at, 0, random);
            let most = WRITE_UNIT - Item::overhead(&key);
            let value = Kind::Hit(hit(&rows, &texts, row)).encode(most).unwrap();
            let size = Item::overhead(&key) + value.len();
            bytes += size;
            largest = largest.max(size);
            Item { key, value, expires: None }
        });
        // Keys within a millisecond are in order too, because their numbers are.
        disk::write_hits(folder, &keys::hits(site, hour, 0).pk, items);
    }
    assert!(left.is_empty() && largest <= WRITE_UNIT);
    (rows.len() as u64, bytes as f64 / rows.len() as f64, largest)
}

/// Converts a row back into its hit.
fn hit(rows: &HitBatch, texts: &Dictionaries, row: usize) -> Hit {
    let text = |column: Column| texts.of(column).value(rows.column(column)[row]);
    let owned = |column| text(column).map(str::to_owned);
    Hit {
        // Spreads visitors as evenly as hashes do in the table.
        visitor: VisitorId::new(rows.visitors[row].wrapping_mul(0x9e37_79b9_7f4a_7c15)),
        event: owned(Column::Event),
        host: None,
        page: owned(Column::Page).unwrap(),
        source: owned(Column::Source),
        referrer: owned(Column::Referrer),
        campaign: Campaign {
            source: owned(Column::UtmSource),
            medium: owned(Column::UtmMedium),
            name: owned(Column::UtmCampaign),
            ..Campaign::default()
        },
        country: text(Column::Country).and_then(Country::parse),
        browser: owned(Column::Browser),
        browser_version: owned(Column::BrowserVersion),
        os: owned(Column::Os),
        os_version: owned(Column::OsVersion),
        device: match text(Column::Device) {
            Some("Mobile") => Some(Device::Mobile),
            Some("Tablet") => Some(Device::Tablet),
            _ => Some(Device::Desktop),
        },
        screen: match text(Column::Screen) {
            Some("Mobile") => Some(ScreenSize::Mobile),
            Some("Tablet") => Some(ScreenSize::Tablet),
            Some("Laptop") => Some(ScreenSize::Laptop),
            Some(_) => Some(ScreenSize::Desktop),
            None => None,
        },
        props: Vec::new(),
    }
}

/// Days that stand for all others: one of the period, and one for each previous period.
fn template(days: i64) -> (Date, Date) {
    (today() - 1.day(), today() - (days + (days + 1) / 2).days())
}

/// Writes the segments of those days, and the site's rollup progress.
fn write_templates(folder: &Path, a_day: u64) {
    let settings = settings();
    let site = &settings.sites[0];
    let store = Disk::open(folder, 0, Vec::new());
    let mut traffic = Traffic::new(a_day);
    let before = PERIODS.map(|days| template(days).1);
    for day in before.into_iter().chain([template(1).0]) {
        let (rows, mut texts) = traffic.day(utc_start(day).unwrap().as_millisecond());
        let span = Span::Day(day);
        let encoded = rollup::encode_segment(site, span, rows, &mut texts, 0).unwrap();
        let (first, rest) = rollup::segment_items(site, span, encoded, None);
        wait(rollup::put_segment(&store, first, rest)).unwrap();
    }
    let checkpoint = Checkpoint {
        first: Some(today() - 1000.days()),
        rolled_up_through: Some(today() - 1.day()),
        shards: 1,
        ..Checkpoint::default()
    };
    wait(checkpoint.save(&store, site)).unwrap();
}

/// Runs the rollup at a time, and measures it.
fn fold(folder: &Path, at: i64) -> Value {
    let clock = Clock(Timestamp::from_millisecond(at).unwrap());
    let store = Disk::open(folder, at, Vec::new());
    let began = cpu();
    let run = wait(Rollup::new(settings(), store.clone(), clock).run()).unwrap();
    let cpu = cpu() - began;
    let read = store.read();
    json!({
        "hours": run.hours,
        "days": run.days,
        "cpu_ms": rounded(cpu, 3),
        "peak_mb": peak(),
        "pages": read.pages,
        "read_units": read.units.values().sum::<u64>(),
        "write_units": store.written(),
    })
}

/// Requests the dashboard's page for a number of days up to today, and measures it.
fn look(folder: &Path, days: i64) -> Value {
    let now = utc_start(today()).unwrap() + NOON;
    let clock = Clock(now);
    let (own, before) = template(days);
    let stands_for =
        vec![(Date::MIN, before), (today() - (days - 1).days(), own), (today(), today())];
    let store = Disk::open(folder, now.as_millisecond(), stands_for);
    let dashboard = Web::new(settings(), store.clone(), clock, AccessMode::Open).unwrap();
    let period = if days == 1 { "today".to_owned() } else { format!("{days}d") };
    let request = Request {
        method: "GET".to_owned(),
        path: "/dashboard".to_owned(),
        query: format!("period={period}"),
        headers: HeaderMap::new(),
        body: Vec::new(),
        peer: "192.0.2.1".parse().unwrap(),
    };
    let began = cpu();
    let answer = wait(dashboard.handle(&request));
    let cpu = cpu() - began;
    assert_eq!(answer.status(), 200);
    let read = store.read();
    let one = |start: &str| {
        let units = read.units.iter().filter(|(pk, _)| pk.starts_with(start));
        units.map(|(_, units)| *units).max().unwrap_or(0)
    };
    json!({
        "days": days,
        "is_run": true,
        "cpu_ms": rounded(cpu, 3),
        "peak_mb": peak(),
        "read_mb": rounded(read.bytes as f64 / 1e6, 4),
        "pages": read.pages,
        "read_units": read.units.values().sum::<u64>(),
        "partition_units": one("seg#"),
        "page_bytes": answer.body().len(),
    })
}

/// Extrapolates a report that would take too long. Everything but memory grows with the days; memory grows with what
/// is read of six months.
fn extrapolated(looks: &[Value], days: i64, hits: u64) -> Value {
    let run = |of: &&Value| of["is_run"] == true;
    let (first, last) = (looks.iter().find(run).unwrap(), looks.iter().rfind(run).unwrap());
    let number = |of: &Value, name: &str| of[name].as_f64().unwrap();
    let span = number(last, "days") - number(first, "days");
    let line = |name: &str, at: f64| {
        let a_day = if span > 0.0 {
            (number(last, name) - number(first, name)) / span
        } else {
            number(last, name) / number(last, "days")
        };
        number(last, name) + a_day * (at - number(last, "days"))
    };
    // The period and the one before it, of which this many days are in memory.
    let held = (days as f64).min(MONTHS_AT_ONCE as f64 * MONTH / 2.0);
    let at = days as f64;
    json!({
        "days": days,
        "is_run": false,
        "hits": hits * 2 * days.unsigned_abs(),
        "cpu_ms": rounded(line("cpu_ms", at), 3),
        "peak_mb": rounded(line("peak_mb", held), 3),
        "read_mb": rounded(line("read_mb", at), 4),
        "pages": line("pages", at).round(),
        "read_units": line("read_units", at).round(),
        // A whole month.
        "partition_units": (line("read_units", MONTH / 2.0)).round(),
        "page_bytes": last["page_bytes"],
    })
}

/// Parts of a day's segment, and their bytes.
fn segment(folder: &Path, day: Date) -> (usize, u64) {
    let key = keys::segment_key(&settings().sites[0], Span::Day(day));
    let start = key.sk.replace("#00", "#");
    let files = fs::read_dir(folder.join("items").join(key.pk)).unwrap().map(|file| file.unwrap());
    let parts = files.filter(|file| file.file_name().to_str().unwrap().starts_with(&start));
    let sizes: Vec<u64> = parts.map(|file| file.metadata().unwrap().len()).collect();
    (sizes.len(), sizes.iter().sum())
}

/// A fixed clock without randomness.
struct Clock(Timestamp);

impl Context for Clock {
    fn now(&self) -> Timestamp {
        self.0
    }

    fn random(&self) -> Result<[u8; 16], RandomError> {
        Ok([0; 16])
    }
}

/// CPU time of this thread, in milliseconds.
fn cpu() -> f64 {
    let text = fs::read_to_string("/proc/thread-self/schedstat").expect("this is Linux");
    text.split(' ').next().and_then(|nanos| nanos.parse::<f64>().ok()).unwrap() / 1e6
}

/// Peak memory of this process, in MB as Lambda counts them.
fn peak() -> f64 {
    let status = fs::read_to_string("/proc/self/status").expect("this is Linux");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    let kb: f64 = line.trim().trim_end_matches(" kB").parse().unwrap();
    rounded(kb / 1024.0, 3)
}
