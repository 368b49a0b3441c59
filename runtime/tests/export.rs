//! An export has every counted hit once, in every format, even if hits arrive meanwhile.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test ends there")]

use footfall_testkit::wait::wait;
use std::collections::{BTreeMap, BTreeSet};

use footfall_infra::settings::{Settings, Site};
use footfall_runtime::archive::RawData;
use footfall_runtime::archive::export::{self, Cursor, Format};
use footfall_runtime::auth::AccessMode;
use footfall_runtime::catalog::checkpoint::Checkpoint;
use footfall_runtime::hit::exclusion::ExclusionReason;
use footfall_runtime::hit::{Excluded, Kind};
use footfall_runtime::platform::http::{Request, Response};
use footfall_runtime::query::Query;
use footfall_runtime::query::period::PeriodContext;
use footfall_runtime::query::reader::Reader;
use footfall_runtime::query::report::{Report, all_tables};
use footfall_runtime::rollup::{self, Rollup};
use footfall_runtime::segment::column::Column;
use footfall_runtime::segment::dictionary::Dictionaries;
use footfall_runtime::segment::hit_batch::HitBatch;
use footfall_runtime::storage::hour::Span;
use footfall_runtime::storage::keys;
use footfall_runtime::storage::retention;
use footfall_runtime::storage::{Item, Store as _};
use footfall_runtime::web::Web;
use footfall_testkit::context::Fixed;
use footfall_testkit::memory::Memory;
use footfall_testkit::request;
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use proptest::test_runner::Config;
use serde_json::{Value, json};

const NOW: &str = "2026-11-22T13:30:00Z";
const SITE: &str = "sites: [{domain: e.x}]\nshards: 2\n";

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn settings() -> Settings {
    Settings::from_yaml(SITE).unwrap()
}

fn item(site: &Site, time: Timestamp, number: u64, kind: &Kind) -> Item {
    let mut random = [0; 16];
    // Seemingly random, and not in the order of the numbers.
    random[..8].copy_from_slice(&number.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes());
    let key = keys::hit_key(site, time, u8::try_from(number % 2).unwrap(), random);
    Item { key, value: kind.encode(900).unwrap(), expires: Some(retention::hit_expiry(site, time)) }
}

/// Hits of three days, each with a page of its own. Some are events or bots, and some have awkward values.
fn traffic(site: &Site, count: u64) -> Vec<Item> {
    let start = at("2026-11-20T20:00:00Z");
    let mut random = fastrand::Rng::with_seed(7);
    let sources = [None, Some("=HYPERLINK(\"x\")"), Some("Google")];
    let hits = (0..count).map(|number| {
        // Some have the same time.
        let time = start + SignedDuration::from_secs(random.i64(0..149_000) / 60 * 60);
        let page = format!("/{number}");
        let kind = if random.u8(..10) == 0 {
            let reason = ExclusionReason::ALL[random.usize(..ExclusionReason::ALL.len())];
            Kind::Excluded(Excluded { reason, page })
        } else {
            let event = (number % 7 == 0).then_some("sign, \"up\"");
            let props =
                if event.is_some() { json!([["plan", "pro"], ["=x", "ü\";"]]) } else { json!([]) };
            let hit = json!({
                "v": format!("{:016x}", random.u64(1..30)), "p": page, "n": event, "m": props,
                "s": sources[random.usize(..3)],
                "h": (number % 5 == 0).then_some("blog.e.x"), "c": "DE", "b": "Fire\\fox",
            });
            Kind::Hit(serde_json::from_value(hit).unwrap())
        };
        item(site, time, number, &kind)
    });
    hits.collect()
}

fn put(store: &Memory, items: &[Item]) {
    wait(store.put_all(items.to_vec())).unwrap();
}

fn roll_up(store: &Memory, now: &str) {
    let rollup = Rollup::new(settings(), store.clone(), Fixed::at(now)).min_hits(1);
    wait(rollup.run()).unwrap();
}

fn report(store: &Memory, now: &str) -> Report {
    let settings = settings();
    let (site, now) = (&settings.sites[0], at(now));
    wait(async {
        let checkpoint = Checkpoint::load(store, site).await.unwrap();
        let asked = PeriodContext { now, zone: &site.time_zone, first: checkpoint.first };
        let query = Query::of(&request::dashboard("period=14d"), &asked).unwrap();
        let reader = Reader { store, settings: &settings, site, checkpoint, now };
        reader.report(&query, &all_tables(), 1000).await.unwrap()
    })
}

fn asked(query: &str) -> Request {
    Request { path: "/api/v1/export".to_owned(), ..request::dashboard(query) }
}

fn answer(store: &Memory, now: &str, request: &Request) -> Response {
    let dashboard = Web::new(settings(), store.clone(), Fixed::at(now), AccessMode::Open).unwrap();
    wait(dashboard.handle(request))
}

fn exported(store: &Memory, now: &str, query: &str) -> String {
    let answer = answer(store, now, &asked(query));
    assert_eq!(answer.status(), 200);
    String::from_utf8(answer.into_body()).unwrap()
}

/// Reads all pages of an export, each with at most `room` bytes. Calls `each` before every page.
fn pages(store: &Memory, room: usize, mut each: impl FnMut(usize)) -> Vec<Vec<Value>> {
    let settings = settings();
    let site = &settings.sites[0];
    let mut cursor =
        Some(Cursor::first("2026-11-01".parse().unwrap(), "2026-11-30".parse().unwrap(), at(NOW)));
    let mut pages = Vec::new();
    while let Some(from) = cursor {
        each(pages.len());
        // Clients keep the cursor as a string.
        assert_eq!(Cursor::parse(&from.to_string()), Some(from));
        let page = wait(async {
            let archive = RawData::open(store, &settings, site, at(NOW)).await.unwrap();
            export::page(&archive, Format::Jsonl, from, Vec::new(), room).await.unwrap()
        });
        assert_eq!(page.incomplete, Vec::<String>::new());
        let text = String::from_utf8(page.body).unwrap();
        pages.push(objects(&text));
        cursor = page.next;
        assert!(pages.len() < 10_000);
    }
    pages
}

fn objects(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Parses the cells of a CSV file by RFC 4180.
fn cells(text: &str) -> Vec<Vec<String>> {
    let (mut rows, mut row, mut cell) = (Vec::new(), Vec::new(), String::new());
    let mut letters = text.chars().peekable();
    let mut quoted = false;
    while let Some(letter) = letters.next() {
        match letter {
            '"' if quoted && letters.peek() == Some(&'"') => cell.extend(letters.next()),
            '"' => quoted = !quoted,
            ',' if !quoted => row.push(std::mem::take(&mut cell)),
            '\r' if !quoted => {
                assert_eq!(letters.next(), Some('\n'));
                row.push(std::mem::take(&mut cell));
                rows.push(std::mem::take(&mut row));
            }
            _ => cell.push(letter),
        }
    }
    assert!(!quoted && row.is_empty() && cell.is_empty(), "the last line is not terminated");
    rows
}

/// Counts views, events, visitors and excluded hits in an export, as a report does.
fn counted(hits: &[Value]) -> (u64, u64, u64, u64) {
    let is = |hit: &Value, name: &str| hit.get(name).is_some();
    let real = || hits.iter().filter(|hit| !is(hit, "filtered"));
    let events = real().filter(|hit| is(hit, "event")).count();
    let visitors: BTreeSet<(&str, u64)> = real()
        .map(|hit| (&hit["time"].as_str().unwrap()[..10], hit["visitor"].as_u64().unwrap()))
        .collect();
    let filtered = hits.len() - real().count();
    let counts = [real().count() - events, events, visitors.len(), filtered];
    let [views, events, visitors, filtered] = counts.map(|count| count as u64);
    (views, events, visitors, filtered)
}

#[test]
fn export_has_every_counted_hit() {
    let store = Memory::default();
    put(&store, &traffic(&settings().sites[0], 400));
    let mut before = None;
    for rolled_up in [false, true] {
        if rolled_up {
            roll_up(&store, NOW);
        }
        let report = report(&store, NOW);
        let filtered = report.excluded.iter().map(|row| row.count).sum::<u64>();
        let totals = report.totals;
        let expected = (totals.views, totals.events, totals.visitors, filtered);
        let text = exported(&store, NOW, "format=jsonl");
        let hits = objects(&text);
        assert_eq!((hits.len(), counted(&hits)), (400, expected));
        assert!(hits.is_sorted_by_key(|hit| hit["time"].as_str().unwrap().to_owned()));
        // A rollup changes no hit, except the numbers of visitors who first came in the same millisecond.
        let mut unnumbered = hits.clone();
        unnumbered.iter_mut().for_each(|hit| drop(hit.as_object_mut().unwrap().remove("visitor")));
        unnumbered.sort_by_key(ToString::to_string);
        assert!(*before.get_or_insert(unnumbered.clone()) == unnumbered);
        assert!(text.contains(r#""props":{"=x":"ü\";","plan":"pro"}"#));
        // The same as CSV.
        let table = cells(&exported(&store, NOW, "format=csv"));
        let names: Vec<&str> =
            [&["time", "visitor"][..], &Column::ALL.map(Column::name), &["engaged", "scrolled"]]
                .concat();
        assert_eq!(table[0], names);
        assert_eq!(table.len() - 1, hits.len());
        for (row, hit) in table[1..].iter().zip(&hits) {
            assert_eq!(row.len(), names.len());
            for (cell, name) in row.iter().zip(&names) {
                let expected = match &hit[*name] {
                    Value::Null => String::new(),
                    Value::String(text) if text.starts_with('=') => format!("'{text}"),
                    Value::String(text) => text.clone(),
                    other => other.to_string(),
                };
                assert_eq!(*cell, expected, "{name}");
            }
        }
    }
}

#[test]
fn exports_a_range_of_days() {
    let store = Memory::default();
    put(&store, &traffic(&settings().sites[0], 400));
    roll_up(&store, NOW);
    let of = |query: &str| {
        let hits = objects(&exported(&store, NOW, &format!("format=jsonl&{query}")));
        let days: BTreeMap<String, usize> = hits.iter().fold(BTreeMap::new(), |mut days, hit| {
            *days.entry(hit["time"].as_str().unwrap()[..10].to_owned()).or_default() += 1;
            days
        });
        days
    };
    let all = of("");
    let days = ["2026-11-20", "2026-11-21", "2026-11-22"];
    assert_eq!(all.keys().map(String::as_str).collect::<Vec<_>>(), days);
    let only = |wanted: &[&str]| -> BTreeMap<String, usize> {
        wanted.iter().map(|day| ((*day).to_owned(), all[*day])).collect()
    };
    assert_eq!(of("from=2026-11-21&to=2026-11-21"), only(&days[1..2]));
    assert_eq!(of("from=2026-11-21"), only(&days[1..]));
    assert_eq!(of("to=2026-11-21"), only(&days[..2]));
    assert_eq!(of("from=2020-01-01&to=2020-12-31"), only(&[]));
    assert_eq!(of("from=2027-01-01"), only(&[]));
}

#[test]
fn invalid_requests_are_explained() {
    let store = Memory::default();
    let check = |query: &str, status: u16, expected: &str| {
        let answer = answer(&store, NOW, &asked(query));
        let text = String::from_utf8_lossy(answer.body()).into_owned();
        assert_eq!(answer.status(), status, "{text}");
        let error: Value = serde_json::from_str(&text).unwrap();
        assert!(error["error"].as_str().unwrap().contains(expected), "{text}");
    };
    check("site=other.example", 404, "there is no site called other.example");
    check("format=parquet", 400, "format must be csv or jsonl");
    check("from=yesterday", 400, "from must be a UTC day");
    check("to=2026-13-01", 400, "to must be a UTC day");
    check("from=2026-11-22&to=2026-11-21", 400, "from must not be later than to");
    check("after=2026-11-22", 400, "invalid after: expected the value from the URL");
    check("after=////", 400, "invalid after: expected the value from the URL");
}

#[test]
fn each_page_links_to_the_next() {
    let store = Memory::default();
    let settings = settings();
    let site = &settings.sites[0];
    // More than a page, in one hour.
    let items: Vec<Item> = (0..9_000)
        .map(|number| {
            let hit =
                json!({ "v": "00000000000000ab", "p": format!("/{number}/{}", "\"".repeat(250)) });
            let time = at("2026-11-22T10:00:00Z") + SignedDuration::from_millis(number);
            let kind = Kind::Hit(serde_json::from_value(hit).unwrap());
            item(site, time, number.unsigned_abs(), &kind)
        })
        .collect();
    put(&store, &items);
    for format in ["csv", "jsonl"] {
        let mut all = String::new();
        let mut pages = 0;
        let mut next = Some(asked(&format!("site=e.x&from=2026-11-22&format={format}")));
        while let Some(mut request) = next.take() {
            request.headers =
                request::headers(&[("host", "stats.e.x"), ("x-forwarded-proto", "https")]);
            let answer = answer(&store, NOW, &request);
            // As Lambda sends it, with its limit of 6 MB.
            let weight =
                serde_json::to_string(std::str::from_utf8(answer.body()).unwrap()).unwrap().len();
            assert!(weight < 4_000_000 + 1000, "{weight}");
            if let Some(link) = answer.headers().get("link") {
                let link = link.to_str().unwrap().strip_suffix(">; rel=\"next\"").unwrap();
                let query = link.strip_prefix("<https://stats.e.x/api/v1/export?").unwrap();
                next = Some(asked(query));
            }
            all.push_str(std::str::from_utf8(answer.body()).unwrap());
            pages += 1;
        }
        assert!(pages >= 3, "{pages}");
        // All pages together are one file.
        let count = if format == "csv" { cells(&all).len() - 1 } else { objects(&all).len() };
        assert_eq!(count, 9_000);
    }
}

/// A page covers at most a year, so that it does not take too long.
#[test]
fn many_days_take_several_pages() {
    let store = Memory::default();
    let settings = settings();
    for (date, now) in [("2023-11-20", "2023-11-22T13:30:00Z"), ("2026-11-20", NOW)] {
        let hit = json!({ "v": "00000000000000ab", "p": format!("/{date}") });
        let kind = Kind::Hit(serde_json::from_value(hit).unwrap());
        put(&store, &[item(&settings.sites[0], at(&format!("{date}T12:00:00Z")), 1, &kind)]);
        roll_up(&store, now);
    }
    let mut found = Vec::new();
    let mut next = Some("format=jsonl".to_owned());
    while let Some(query) = next.take() {
        let answer = answer(&store, NOW, &asked(&query));
        found.push(objects(std::str::from_utf8(answer.body()).unwrap()).len());
        let link = answer.headers().get("link").map(|link| link.to_str().unwrap().to_owned());
        next = link.map(|link| link.split(['?', '>']).nth(1).unwrap().to_owned());
    }
    assert_eq!(found, [1, 0, 1, 0]);
}

#[test]
fn splits_hits_of_one_time_across_pages() {
    let store = Memory::default();
    let settings = settings();
    let site = &settings.sites[0];
    let items: Vec<Item> = (0..50)
        .map(|number| {
            let hit = json!({ "v": format!("{:016x}", number % 7), "p": format!("/{number}") });
            let kind = Kind::Hit(serde_json::from_value(hit).unwrap());
            // 10 at one time, 30 at another, 10 at a third.
            let second = i64::from(number >= 10) + i64::from(number >= 40);
            let time = at("2026-11-21T10:00:00Z") + SignedDuration::from_secs(second);
            item(site, time, number, &kind)
        })
        .collect();
    put(&store, &items);
    for rolled_up in [false, true] {
        if rolled_up {
            roll_up(&store, NOW);
        }
        for room in [1, 300, 700, 900, 2_000, 100_000] {
            let pages = pages(&store, room, |_| {});
            let found: BTreeSet<String> =
                pages.iter().flatten().map(|hit| hit["page"].to_string()).collect();
            let count = pages.iter().map(Vec::len).sum::<usize>();
            assert_eq!((found.len(), count), (50, 50), "{room}");
            assert!(room > 1 || pages.len() == 50);
        }
    }
}

#[test]
fn unreadable_segments_are_named() {
    let store = Memory::default();
    let settings = settings();
    put(&store, &traffic(&settings.sites[0], 100));
    roll_up(&store, NOW);
    let key = keys::segment_key(&settings.sites[0], Span::Day("2026-11-21".parse().unwrap()));
    put(&store, &[Item { key, value: b"{}".to_vec(), expires: None }]);
    let answer = answer(&store, NOW, &asked("format=jsonl"));
    let said = answer.headers()["x-footfall-incomplete"].to_str().unwrap();
    assert!(said.starts_with("the segment 2026-11-21 of e.x: not a valid Parquet file"), "{said}");
    let hits = objects(std::str::from_utf8(answer.body()).unwrap());
    assert!(!hits.is_empty() && hits.len() < 100);
}

/// Imported segments are part of their day, and their visitors are different ones.
#[test]
fn exports_imported_segments() {
    let store = Memory::default();
    let settings = settings();
    let site = &settings.sites[0];
    put(&store, &traffic(site, 100));
    let alone = objects(&exported(&store, NOW, "format=jsonl"));
    let hit = |number: u64| {
        let hit = json!({ "v": format!("{number:016x}"), "p": "/imported" });
        let kind = Kind::Hit(serde_json::from_value(hit).unwrap());
        footfall_runtime::hit::Record { at: at("2026-11-21T12:00:00Z"), kind }
    };
    let (mut rows, mut dictionaries) = (HitBatch::default(), Dictionaries::default());
    (1..=3).for_each(|number| rows.push(&mut dictionaries, &hit(number)));
    let day = "2026-11-21".parse().unwrap();
    let encoded = rollup::encode_segment(site, Span::Day(day), rows, &mut dictionaries, 0).unwrap();
    let mut key = keys::segment_key(site, Span::Day(day));
    key.sk = "21iab12#00".to_owned();
    put(&store, &[Item { key, value: encoded.first, expires: None }]);
    for rolled_up in [false, true] {
        if rolled_up {
            roll_up(&store, NOW);
        }
        let hits = objects(&exported(&store, NOW, "format=jsonl"));
        assert_eq!(hits.len(), 103);
        let (_, _, before, _) = counted(&alone);
        assert_eq!(counted(&hits).2, before + 3, "the import has three visitors of its own");
    }
}

/// Fewer cases than usual, because each is a whole site.
fn config() -> Config {
    Config { failure_persistence: None, cases: 12, ..Config::default() }
}

proptest! {
    #![proptest_config(config())]

    /// Hits arrive and days are rolled up between pages. Every earlier hit is in exactly one page.
    #[test]
    fn pages_are_complete_and_without_duplicates(
        room in 500..6_000_usize,
        rollups in prop::collection::btree_set(0..30_usize, 0..4),
        late: u8,
    ) {
        let store = Memory::default();
        let settings = settings();
        let site = &settings.sites[0];
        put(&store, &traffic(site, 120));
        let mut number = 1_000;
        let pages = pages(&store, room, |page| {
            // New hits, at NOW or later.
            number += 1;
            let time = at(NOW) + SignedDuration::from_secs(i64::from(late));
            let hit = json!({ "v": "00000000000000ab", "p": format!("/{number}") });
            put(&store, &[item(site, time, number, &Kind::Hit(serde_json::from_value(hit).unwrap()))]);
            if rollups.contains(&page) {
                let later = at(NOW) + SignedDuration::from_hours(page as i64);
                roll_up(&store, &later.to_string());
            }
        });
        let hits: Vec<Value> = pages.into_iter().flatten().collect();
        let found: BTreeSet<String> = hits.iter().map(|hit| hit["page"].to_string()).collect();
        prop_assert_eq!((hits.len(), found.len()), (120, 120));
        // In order, and with the same number of visitors.
        prop_assert!(hits.is_sorted_by_key(|hit| hit["time"].as_str().unwrap().to_owned()));
        let quiet = Memory::default();
        put(&quiet, &traffic(site, 120));
        let expected = objects(&exported(&quiet, NOW, "format=jsonl"));
        prop_assert_eq!(counted(&hits), counted(&expected));
    }
}
