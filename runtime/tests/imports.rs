//! Imported hits are in every report of their days, beside the tracker's hits, from the moment when the import is
//! finished.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test ends there")]

use footfall_testkit::wait::wait;

use footfall_infra::settings::{Settings, Site};
use footfall_runtime::catalog::checkpoint::Checkpoint;
use footfall_runtime::catalog::imports::{Import, ImportState};
use footfall_runtime::hit::{Hit, Kind, Record};
use footfall_runtime::query::Query;
use footfall_runtime::query::period::PeriodContext;
use footfall_runtime::query::reader::Reader;
use footfall_runtime::query::report::{Report, all_tables};
use footfall_runtime::rollup::{self, Rollup};
use footfall_runtime::segment::dictionary::Dictionaries;
use footfall_runtime::segment::hit_batch::HitBatch;
use footfall_runtime::storage::hour::Span;
use footfall_runtime::storage::hour::utc_day;
use footfall_runtime::storage::import_id::ImportId;
use footfall_runtime::storage::keys;
use footfall_runtime::storage::retention;
use footfall_runtime::storage::{Item, Store as _};
use footfall_testkit::context::Fixed;
use footfall_testkit::memory::Memory;
use footfall_testkit::request;
use jiff::Timestamp;
use jiff::civil::Date;

const NOW: &str = "2026-11-22T13:30:00Z";

fn id(last: u8) -> ImportId {
    ImportId::from_bytes([0, 0, 0, 0, 0, last])
}

fn view(at: &str, visitor: u64) -> Record {
    let hit = serde_json::json!({ "v": format!("{visitor:016x}"), "p": "/" });
    let kind = Kind::Hit(serde_json::from_value::<Hit>(hit).unwrap());
    Record { at: at.parse().unwrap(), kind }
}

/// Stores the segment of an import for a day, and the item of the import.
fn import(store: &Memory, site: &Site, id: ImportId, state: ImportState, records: &[Record]) {
    let (mut rows, mut dictionaries) = (HitBatch::default(), Dictionaries::default());
    records.iter().for_each(|record| rows.push(&mut dictionaries, record));
    let day = utc_day(records[0].at);
    let span = Span::Imported(day, id);
    let encoded = rollup::encode_segment(site, span, rows, &mut dictionaries, 0).unwrap();
    let (first, rest) = rollup::segment_items(site, span, encoded, None);
    wait(store.put_all(rest.into_iter().chain([first]).collect())).unwrap();
    let at: Timestamp = NOW.parse().unwrap();
    let hits = records.len() as u64;
    let item = Import { state, at, first: day, last: day, hits, filtered: 0, bytes: 0, files: 1 };
    let value = serde_json::to_vec(&item).unwrap();
    wait(store.put(Item { key: keys::import_key(site, id), value, expires: None })).unwrap();
}

fn report(store: &Memory, settings: &Settings, query: &str) -> Report {
    let (site, now) = (&settings.sites[0], NOW.parse().unwrap());
    let checkpoint = wait(Checkpoint::load(store, site)).unwrap();
    let asked = PeriodContext { now, zone: &site.time_zone, first: checkpoint.first_day() };
    let query = Query::of(&request::dashboard(query), &asked).unwrap();
    wait(Reader { store, settings, site, checkpoint, now }.report(&query, &all_tables(), 100))
        .unwrap()
}

fn roll_up(store: &Memory, settings: &Settings, now: &str) {
    wait(Rollup::new(settings.clone(), store.clone(), Fixed::at(now)).min_hits(1).run()).unwrap();
}

fn hit(store: &Memory, site: &Site, record: &Record) {
    let key = keys::hit_key(site, record.at, 0, [1; 16]);
    let value = record.kind.encode(900).unwrap();
    wait(store.put(Item { key, value, expires: Some(retention::hit_expiry(site, record.at)) }))
        .unwrap();
}

#[test]
fn imported_hits_count_beside_tracked_hits() {
    let settings = Settings::from_yaml("sites: [{domain: e.x}]").unwrap();
    let (store, site) = (Memory::default(), &settings.sites[0]);
    hit(&store, site, &view("2026-11-20T10:00:00Z", 7));
    import(&store, site, id(1), ImportState::Finished, &[view("2026-11-20T09:00:00Z", 8)]);
    import(&store, site, id(2), ImportState::Finished, &[view("2025-03-01T09:00:00Z", 9)]);
    let check = |when: &str| {
        let all = report(&store, &settings, "period=all");
        assert_eq!((all.totals.views, all.from.to_string().as_str()), (3, "2025-03-01"), "{when}");
        // Both number their visitors from 1, but visitor 1 of one is not visitor 1 of the other.
        let day = report(&store, &settings, "from=2026-11-20&to=2026-11-20");
        assert_eq!((day.totals.views, day.totals.visitors), (2, 2), "{when}");
    };
    check("from hits");
    roll_up(&store, &settings, NOW);
    check("from segments");
    // Sites whose names share a prefix have none of these hits.
    let other = Settings::from_yaml("sites: [{domain: e.x-y}, {domain: e}]").unwrap();
    assert_eq!(report(&store, &other, "period=all").totals.views, 0);
}

#[test]
fn import_counts_once_it_is_finished() {
    let settings = Settings::from_yaml("sites: [{domain: e.x}]").unwrap();
    let (store, site) = (Memory::default(), &settings.sites[0]);
    for (state, views) in
        [(ImportState::Begun, 0), (ImportState::Finished, 1), (ImportState::Undone, 0)]
    {
        import(&store, site, id(1), state, &[view("2026-11-01T09:00:00Z", 9)]);
        assert_eq!(report(&store, &settings, "period=28d").totals.views, views, "{state:?}");
        let all = report(&store, &settings, "period=all").from.to_string();
        assert_eq!(all == "2026-11-01", views == 1, "{state:?}: {all}");
    }
}

/// A site without a rollup may have hits before the first day of an import.
#[test]
fn import_hides_no_earlier_hits() {
    let settings = Settings::from_yaml("sites: [{domain: e.x}]").unwrap();
    let (store, site) = (Memory::default(), &settings.sites[0]);
    hit(&store, site, &view("2026-11-18T10:00:00Z", 7));
    import(&store, site, id(1), ImportState::Finished, &[view("2026-11-20T09:00:00Z", 8)]);
    assert_eq!(report(&store, &settings, "period=7d").totals.views, 2);
}

#[test]
fn imported_days_are_deleted_after_their_retention() {
    let settings = Settings::from_yaml("sites: [{domain: e.x, retention_days: 60}]").unwrap();
    let (store, site) = (Memory::default(), &settings.sites[0]);
    let days = ["2026-09-24", "2026-09-30", "2026-10-01"];
    for (number, day) in (1..).zip(days) {
        // Finished or not.
        let state = if number == 1 { ImportState::Begun } else { ImportState::Finished };
        import(&store, site, id(number), state, &[view(&format!("{day}T09:00:00Z"), 9)]);
    }
    let left = |now: &str| {
        roll_up(&store, &settings, now);
        let items = store.items();
        let segments = items.iter().filter(|item| item.key.pk.starts_with("seg#"));
        segments.map(|item| item.key.sk[..2].to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(left("2026-11-23T00:30:00Z"), ["24", "30", "01"]);
    assert_eq!(left("2026-11-24T00:30:00Z"), ["30", "01"]);
    assert_eq!(left("2026-11-30T00:30:00Z"), ["01"]);
    assert_eq!(left("2026-12-24T00:30:00Z"), Vec::<String>::new());
    // Later runs do not look for the deleted days again.
    let checkpoint = wait(Checkpoint::load(&store, site)).unwrap();
    assert_eq!(checkpoint.retained_from, Some(Date::constant(2026, 10, 25)));
    assert_eq!(checkpoint.imported, Some(Date::constant(2026, 9, 30)));
}
