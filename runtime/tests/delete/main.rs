//! Deleted hits leave no trace: not in reports, not in stored items. That holds while others read or roll up, and
//! wherever a deletion was interrupted.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test ends there")]

mod interruptions;
mod parts;
mod scope;

use footfall_infra::settings::{PagePattern, Settings, Site};
use footfall_runtime::archive::RawData;
use footfall_runtime::archive::delete::{DeleteFilter, DeleteJob, Matches};
use footfall_runtime::catalog::checkpoint::Checkpoint;
use footfall_runtime::hit::exclusion::ExclusionReason;
use footfall_runtime::hit::{Excluded, Kind};
use footfall_runtime::query::Query;
use footfall_runtime::query::period::PeriodContext;
use footfall_runtime::query::reader::Reader;
use footfall_runtime::query::report::{Report, all_tables};
use footfall_runtime::rollup::{Rollup, RollupError};
use footfall_runtime::storage::{Item, Store, keys, retention};
use footfall_testkit::context::Fixed;
use footfall_testkit::memory::Memory;
use footfall_testkit::request;
use footfall_testkit::wait::wait;
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

const NOW: &str = "2026-11-22T13:30:00Z";
const LATER: &str = "2026-11-24T13:30:00Z";
const DAYS: [&str; 4] = ["2026-11-19", "2026-11-20", "2026-11-21", "2026-11-22"];

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn day(text: &str) -> Date {
    text.parse().unwrap()
}

fn settings() -> Settings {
    Settings::from_yaml("sites: [{domain: e.x}]\n").unwrap()
}

fn item(site: &Site, time: Timestamp, number: u64, kind: &Kind) -> Item {
    let mut random = [0; 16];
    random[..8].copy_from_slice(&number.to_be_bytes());
    let key = keys::hit_key(site, time, 0, random);
    Item { key, value: kind.encode(900).unwrap(), expires: Some(retention::hit_expiry(site, time)) }
}

fn view(visitor: u64, page: &str) -> Kind {
    let hit = json!({ "v": format!("{visitor:016x}"), "p": page });
    Kind::Hit(serde_json::from_value(hit).unwrap())
}

/// Hits from the 19th to the last complete hour, some of them on pages below /secret.
fn traffic(site: &Site) -> Vec<Item> {
    let start = at("2026-11-19T20:00:00Z");
    let mut random = fastrand::Rng::with_seed(7);
    let hits = (0..100).map(|number| {
        let time = start + SignedDuration::from_secs(random.i64(0..64 * 3600));
        let secret = if random.u8(..4) == 0 { "/secret" } else { "" };
        let page = format!("{secret}/{}", random.u8(..4));
        let kind = if random.u8(..10) == 0 {
            Kind::Excluded(Excluded { reason: ExclusionReason::Bot, page })
        } else {
            view(random.u64(1..12), &page)
        };
        item(site, time, number, &kind)
    });
    hits.collect()
}

fn is_secret(item: &Item) -> bool {
    item.value.windows(7).any(|bytes| bytes == b"/secret")
}

fn secret() -> DeleteFilter {
    DeleteFilter {
        from: day(DAYS[0]),
        to: day(DAYS[3]),
        pages: vec![PagePattern::new("/secret/*")],
    }
}

/// How much of the traffic is rolled up before anything is deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum RolledUp {
    Nothing,
    /// Some of the days, and some hours of the current day.
    Some,
    All,
}

const STATES: [RolledUp; 3] = [RolledUp::Nothing, RolledUp::Some, RolledUp::All];

fn filled(items: &[Item], rolled_up: RolledUp) -> Memory {
    let (store, settings) = (Memory::default(), settings());
    let through = Some(day("2026-11-18"));
    let checkpoint = Checkpoint { rolled_up_through: through, ..Checkpoint::default() };
    wait(checkpoint.save(&store, &settings.sites[0])).unwrap();
    put(&store, items);
    match rolled_up {
        RolledUp::Nothing => {}
        RolledUp::Some => {
            roll_up(&store, "2026-11-21T09:30:00Z");
        }
        RolledUp::All => roll_up(&store, NOW),
    }
    store
}

fn put(store: &Memory, items: &[Item]) {
    wait(store.put_all(items.to_vec())).unwrap();
}

fn copied(store: &Memory) -> Memory {
    let copy = Memory::default();
    put(&copy, &store.items());
    copy
}

fn roll_up<S: Store>(store: &S, now: &str) {
    wait(Rollup::new(settings(), store.clone(), Fixed::at(now)).min_hits(1).run()).unwrap();
}

/// Runs both rounds of a deletion, as the command does.
async fn try_delete<S: Store>(store: &S, what: &DeleteFilter) -> Result<u64, RollupError> {
    let settings = settings();
    let site = &settings.sites[0];
    let open = || RawData::open(store, &settings, site, at(NOW));
    let deletion = DeleteJob::new(open().await?, what);
    for day in deletion.days() {
        deletion.rewrite(day).await?;
    }
    let deletion = DeleteJob::new(open().await?, what);
    let mut count = 0;
    for day in deletion.days() {
        count += deletion.sweep(day).await?;
    }
    Ok(count)
}

fn delete<S: Store>(store: &S, what: &DeleteFilter) -> u64 {
    wait(try_delete(store, what)).unwrap()
}

fn count(store: &Memory, what: &DeleteFilter) -> Matches {
    let settings = settings();
    wait(async {
        let archive = RawData::open(store, &settings, &settings.sites[0], at(NOW)).await.unwrap();
        let deletion = DeleteJob::new(archive, what);
        let mut found = Matches::default();
        for day in deletion.days() {
            deletion.count(day, &mut found).await.unwrap();
        }
        found
    })
}

fn report<S: Store>(store: &S, query: &str, now: &str) -> Report {
    let settings = settings();
    let (site, now) = (&settings.sites[0], at(now));
    wait(async {
        let checkpoint = Checkpoint::load(store, site).await.unwrap();
        let context = PeriodContext { now, zone: &site.time_zone, first: checkpoint.first };
        let query = Query::of(&request::dashboard(query), &context).unwrap();
        let reader = Reader { store, settings: &settings, site, checkpoint, now };
        reader.report(&query, &all_tables(), 1000).await.unwrap()
    })
}

fn shown(store: &Memory, now: &str) -> Report {
    report(store, "period=14d", now)
}

fn of_day<S: Store>(store: &S, day: &str) -> Report {
    // Without the previous period.
    Report {
        previous: None,
        previous_buckets: Vec::new(),
        ..report(store, &format!("from={day}&to={day}"), NOW)
    }
}

/// A store with the traffic that is not to be deleted, not rolled up.
fn never_there(items: &[Item]) -> Memory {
    let others: Vec<Item> = items.iter().filter(|item| !is_secret(item)).cloned().collect();
    filled(&others, RolledUp::Nothing)
}

fn check_is_gone(store: &Memory, expected: &Memory, what: &str) {
    assert_eq!(shown(store, NOW), shown(expected, NOW), "{what}");
    let left: Vec<String> =
        store.items().into_iter().filter(is_secret).map(|item| item.key.sk).collect();
    assert_eq!(left, Vec::<String>::new(), "{what}");
    assert_eq!(count(store, &secret()), Matches::default(), "{what}");
}
