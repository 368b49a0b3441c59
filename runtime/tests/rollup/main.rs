//! Rolling up changes no number, whatever the order of the hits, wherever a run was interrupted, and while other
//! rollups or readers run.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test ends there")]

mod interruptions;
mod late_data;
mod numbers;
mod settings_changes;

use footfall_infra::settings::{Settings, Site};
use footfall_runtime::catalog::checkpoint::Checkpoint;
use footfall_runtime::hit::exclusion::ExclusionReason;
use footfall_runtime::hit::{Excluded, Hit, Kind};
use footfall_runtime::query::Query;
use footfall_runtime::query::period::PeriodContext;
use footfall_runtime::query::reader::{ReadError, Reader};
use footfall_runtime::query::report::{Report, all_tables};
use footfall_runtime::rollup::Rollup;
use footfall_runtime::storage::{Item, Store, keys, retention};
use footfall_testkit::context::Fixed;
use footfall_testkit::memory::Memory;
use footfall_testkit::request;
use footfall_testkit::wait::wait;
use jiff::Timestamp;
use jiff::civil::Date;

const NOW: &str = "2026-11-22T13:30:00Z";

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn day(text: &str) -> Date {
    text.parse().unwrap()
}

fn settings(yaml: &str) -> Settings {
    Settings::from_yaml(yaml).unwrap()
}

/// Builds the item of a hit. `random` makes its key unique.
fn item(site: &Site, time: Timestamp, shard: u8, random: u64, kind: &Kind) -> Item {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&random.to_be_bytes());
    let key = keys::hit_key(site, time, shard, bytes);
    let expires = Some(retention::hit_expiry(site, time));
    Item { key, value: kind.encode(900).unwrap(), expires }
}

fn view(visitor: u64, page: &str, source: Option<&str>) -> Kind {
    let hit = serde_json::json!({ "v": format!("{visitor:016x}"), "p": page, "s": source });
    Kind::Hit(serde_json::from_value::<Hit>(hit).unwrap())
}

async fn report<S: Store>(
    store: &S,
    settings: &Settings,
    query: &str,
    now: &str,
) -> Result<Report, ReadError> {
    let site = &settings.sites[0];
    let now = at(now);
    let checkpoint = Checkpoint::load(store, site).await?;
    let context = PeriodContext { now, zone: &site.time_zone, first: checkpoint.first_day() };
    let query = Query::of(&request::dashboard(query), &context).unwrap();
    Reader { store, settings, site, checkpoint, now }.report(&query, &all_tables(), 1000).await
}

/// Returns the report of the last two weeks with all tables.
fn shown<S: Store>(store: &S, settings: &Settings, now: &str) -> Report {
    wait(report(store, settings, "period=14d", now)).unwrap()
}

/// Returns a rollup that writes a segment for every hour, however few its hits.
fn rollup<S: Store>(settings: &Settings, store: S, now: &str) -> Rollup<S, Fixed> {
    Rollup::new(settings.clone(), store, Fixed::at(now)).min_hits(1)
}

fn roll_up<S: Store>(store: &S, settings: &Settings, now: &str) {
    wait(rollup(settings, store.clone(), now).run()).unwrap();
}

fn put(store: &Memory, items: &[Item]) {
    wait(store.put_all(items.to_vec())).unwrap();
}

fn segments(store: &Memory) -> Vec<Item> {
    store.items().into_iter().filter(|item| item.key.pk.starts_with("seg#")).collect()
}

fn sort_keys(items: &[Item]) -> Vec<&str> {
    items.iter().map(|item| item.key.sk.as_str()).collect()
}

/// A few days of a small site with bots, in several shards, across midnight in UTC and in the site's time zone.
fn traffic(site: &Site, shards: u8) -> Vec<Item> {
    let start = at("2026-11-19T20:00:00Z");
    let mut random = fastrand::Rng::with_seed(7);
    let mut items = Vec::new();
    for number in 0..240 {
        let time = start + jiff::SignedDuration::from_mins(random.i64(0..4_000));
        let kind = if random.u8(..10) == 0 {
            let reason = ExclusionReason::ALL[random.usize(..ExclusionReason::ALL.len())];
            Kind::Excluded(Excluded { reason, page: "/".to_owned() })
        } else {
            let page = format!("/{}", random.u8(..6));
            view(random.u64(1..12), &page, [None, Some("Google")][random.usize(..2)])
        };
        if time <= at(NOW) {
            items.push(item(site, time, random.u8(..shards), number, &kind));
        }
    }
    items
}

/// A store with that traffic, rolled up through the day before it, so that a run has some 200 operations.
fn filled(settings: &Settings) -> Memory {
    let (store, site) = (Memory::default(), &settings.sites[0]);
    let through = Some(day("2026-11-18"));
    wait(
        Checkpoint { rolled_up_through: through, shards: 2, ..Checkpoint::default() }
            .save(&store, site),
    )
    .unwrap();
    put(&store, &traffic(site, 2));
    store
}

/// Returns another store with the same items.
fn copied(store: &Memory) -> Memory {
    let copy = Memory::default();
    put(&copy, &store.items());
    copy
}

const SITE: &str = "sites: [{domain: e.x, time_zone: Asia/Kathmandu}]\nshards: 2\n";
