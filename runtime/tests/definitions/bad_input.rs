//! Invalid and abusive questions get a clear error or a correct answer without much work.

use std::time::Duration;

use footfall_infra::settings::Settings;
use footfall_runtime::auth::AccessMode;
use footfall_runtime::catalog::checkpoint::Checkpoint;
use footfall_runtime::hit::Kind;
use footfall_runtime::query::QueryError;
use footfall_runtime::query::report::Report;
use footfall_runtime::web::Web;
use jiff::Timestamp;

use super::world::World;
use footfall_testkit::context::Fixed;
use footfall_testkit::request;
use footfall_testkit::wait::wait;

const NOW: &str = "2026-11-24T12:00:00Z";

/// Maximum CPU time of an answer: far more than any takes, and far less than a query without limits would. CPU
/// time, because the clock also counts what other processes take of the machine.
const MAX_CPU_TIME: Duration = Duration::from_secs(10);

fn now() -> Timestamp {
    NOW.parse().unwrap()
}

/// A site with one view, yesterday, in the given zone.
fn world(zone: &str) -> World {
    let mut world = World::new(zone, 1);
    let hit = r#"{"v":"00000000000000ab","p":"/a"}"#;
    let at = "2026-11-23T09:00:00Z".parse().unwrap();
    world.add(at, Kind::decode(hit.as_bytes()).unwrap(), 0, 0);
    world
}

/// CPU time that this thread has used.
fn cpu_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::try_from(time).unwrap()
}

fn asked(world: &World, query: &str) -> Result<Report, QueryError> {
    let start = cpu_time();
    let report = world.report(query, now(), 100);
    let used = cpu_time() - start;
    assert!(used < MAX_CPU_TIME, "{query} used {used:?} of CPU time");
    report
}

#[track_caller]
fn fails(query: &str, words: &str) {
    let error = asked(&world("UTC"), query).unwrap_err().to_string();
    assert!(error.contains(words), "{query}: {error}");
    // The message is shown to people.
    assert!(error.len() < 500, "{query}: {error}");
}

#[test]
fn explains_invalid_date_ranges() {
    let from_to = |from: &str, to: &str| format!("period=custom&from={from}&to={to}");
    fails(&from_to("2026-11-24", "2026-11-23"), "the end date is before the start date");
    fails("from=2026-11-24&to=2026-11-23", "the end date is before the start date");
    fails(&from_to("0001-01-01", "9999-12-31"), "at most 7320 days");
    fails(&from_to("-009999-01-01", "9999-12-31"), "at most 7320 days");
    for day in
        ["10000-01-01", "2026-02-29", "2026-13-01", "yesterday", "%00", "2026-11-23T12:00Z[x"]
    {
        fails(&from_to(day, "2026-11-23"), "from must be a day such as 2026-11-22");
        fails(&from_to("2026-11-23", day), "to must be a day such as 2026-11-22");
    }
    fails("period=custom", "from and to go together");
    fails("from=2026-11-23", "from and to go together");
    fails("period=custom&from=&to=2026-11-23", "from and to go together");
    for days in ["-1", "0", "7321", "9223372036854775807"] {
        fails(&format!("days={days}"), "days must be a number from 1 to 7320");
        fails(&format!("period={days}d"), "days must be a number from 1 to 7320");
    }
    for days in ["9223372036854775808", "1.5", "x"] {
        fails(&format!("days={days}"), "days must be a number from 1 to 7320");
        fails(&format!("period={days}d"), "period must be today");
    }
    for period in ["Today", "d", "7", "7 d", "week", "%F0%9F%A6%80", &"x".repeat(10_000)] {
        fails(&format!("period={period}"), "period must be today");
    }
}

#[test]
fn ranges_at_the_ends_of_time_are_empty() {
    let zones = ["UTC", "Pacific/Kiritimati", "Pacific/Niue", "Asia/Kathmandu", "America/St_Johns"];
    for world in zones.map(world) {
        for (from, to, bars) in [
            ("9999-12-31", "9999-12-31", 1..=24),
            ("9999-12-30", "9999-12-30", 1..=24),
            ("9999-12-01", "9999-12-31", 31..=31),
            ("9980-01-01", "9999-12-31", 240..=240),
            ("-009999-01-01", "-009999-01-01", 1..=25),
            ("-009999-01-02", "-009999-01-02", 1..=25),
            ("-009999-01-01", "-009999-01-31", 31..=31),
            ("0000-01-01", "0000-01-01", 24..=25),
            ("0001-01-01", "0020-12-31", 240..=240),
            ("1900-01-01", "1900-01-01", 24..=25),
        ] {
            let report = asked(&world, &format!("from={from}&to={to}")).unwrap();
            let zone = &report.time_zone;
            assert_eq!(report.totals.views, 0, "{from} in {zone}");
            assert!(
                bars.contains(&report.buckets.len()),
                "{from} {zone}: {}",
                report.buckets.len()
            );
            assert!(report.tables.is_empty(), "{from} in {zone}");
            assert_eq!(report.from.to_string(), from);
        }
    }
}

#[test]
fn answers_the_longest_range_cheaply() {
    let world = world("Europe/Berlin");
    let report = asked(&world, "from=2007-01-01&to=2027-01-15").unwrap();
    assert_eq!((report.totals.views, report.buckets.len()), (1, 241));
    assert_eq!(asked(&world, "period=7320d").unwrap().totals.views, 1);
    assert_eq!(asked(&world, "from=2026-11-23&to=2046-12-06").unwrap().totals.views, 1);
}

#[test]
fn all_time_since_1970_is_the_last_20_years() {
    let world = world("Europe/Berlin");
    world.fold_all();
    let first = Some("1970-01-01".parse().unwrap());
    let checkpoint = Checkpoint { first, ..world.checkpoint() };
    wait(checkpoint.save(&world.store, world.site())).unwrap();
    let report = asked(&world, "period=all").unwrap();
    assert_eq!((report.totals.views, report.from.to_string().as_str()), (1, "2006-11-10"));
    // A hit that cannot be read does not spoil the rest.
    for first in ["2030-01-01", "9999-12-31", "1900-01-01"] {
        let first = Some(first.parse().unwrap());
        let checkpoint = Checkpoint { first, ..checkpoint.clone() };
        wait(checkpoint.save(&world.store, world.site())).unwrap();
        let report = asked(&world, "period=all").unwrap();
        assert!(report.from <= report.to, "{first:?}");
    }
}

#[test]
fn explains_invalid_filters() {
    for filter in ["is", "is,page", "has,page,/", "IS,page,/", "is;page;/", ",,", "%00"] {
        fails(&format!("f={filter}"), "write f=is,page,/about");
    }
    for dimension in ["pages", "", "Page", "props", "%3Cscript%3E"] {
        fails(&format!("f=is,{dimension},/"), "unknown key");
    }
    fails(&format!("f=is,{},x", "x".repeat(3000)), "unknown key");
    fails("f=is,page,/a&f=wrong", "write f=is,page,/about");
}

#[test]
fn limits_number_and_size_of_filters() {
    let world = world("UTC");
    let filters = |count: usize| "&f=is_not,page,/b".repeat(count);
    assert_eq!(asked(&world, &filters(20)).unwrap().totals.views, 1);
    fails(&filters(21), "at most 20 filters with 100 values and 4096 bytes in total");
    // Filters without content are the empty fields of a form.
    assert_eq!(asked(&world, &"&f=".repeat(1000)).unwrap().totals.views, 1);
    let of_bytes = |bytes: usize| format!("f=is_not,page,{}", "x".repeat(bytes - 12));
    assert_eq!(asked(&world, &of_bytes(4096)).unwrap().totals.views, 1);
    fails(&of_bytes(4097), "at most 20 filters with 100 values and 4096 bytes in total");
    fails(&of_bytes(1_000_000), "at most 20 filters with 100 values and 4096 bytes in total");
    let of_values = |count: usize| format!("f=is_not,page{}", ",/b".repeat(count));
    assert_eq!(asked(&world, &of_values(100)).unwrap().totals.views, 1);
    fails(&of_values(101), "at most 20 filters with 100 values and 4096 bytes in total");
    // All of them are empty.
    let commas = format!("f=contains,page,{}", ",".repeat(99));
    assert_eq!(asked(&world, &commas).unwrap().totals.views, 0);
    // Invalid UTF-8, and a truncated escape.
    for value in ["%FF%FE", "%E2%82", "a%5C", "%", "%2", "%00", "%F0%9F%A6%80"] {
        let query = format!("f=is_not,page,{value}");
        assert_eq!(asked(&world, &query).unwrap().totals.views, 1, "{value}");
    }
}

#[test]
fn hides_but_keeps_sites_missing_from_the_settings() {
    let world = world("UTC");
    let dashboard = |settings: &str, query: &str| {
        let settings = Settings::from_yaml(settings).unwrap();
        let clock = Fixed::at(NOW);
        let dashboard = Web::new(settings, world.store.clone(), clock, AccessMode::Open).unwrap();
        let answer = wait(dashboard.handle(&request::dashboard(query)));
        let status = answer.status().as_u16();
        let body = serde_json::from_slice::<serde_json::Value>(answer.body()).unwrap();
        (status, body)
    };
    world.rollup("2026-11-24T11:00:00Z".parse().unwrap());
    let (others, both) =
        ("sites: [{domain: e.x}]", "sites: [{domain: e.x}, {domain: example.com}]");
    let (status, body) = dashboard(others, "site=example.com&period=yesterday&format=json");
    assert_eq!(status, 404);
    let error = body["error"].as_str().unwrap();
    assert_eq!(error, "there is no site called example.com; the sites are e.x");
    // Its hits do not count for the other site either.
    let (status, body) = dashboard(others, "period=all&format=json");
    assert_eq!((status, &body["totals"]["views"]), (200, &0.into()));
    // Once the site is back in the settings, all its hits are too.
    let (status, body) = dashboard(both, "site=example.com&period=all&format=json");
    assert_eq!((status, &body["totals"]["views"]), (200, &1.into()));
    assert_eq!(body["from"], "2026-11-23");
    let (status, body) =
        dashboard(both, "site=example.com&from=2026-11-24&to=2026-11-23&format=json");
    assert_eq!(status, 400);
    assert!(body["error"].as_str().unwrap().contains("the end date is before the start date"));
}

#[test]
fn rolls_up_hits_of_removed_sites_before_they_expire() {
    let mut world = world("UTC");
    // The rollup has run once with the site configured.
    world.rollup("2026-11-23T10:10:00Z".parse().unwrap());
    let settings = Settings::from_yaml("sites: [{domain: e.x}]").unwrap();
    let with = std::mem::replace(&mut world.settings, settings);
    world.rollup("2026-11-24T11:00:00Z".parse().unwrap());
    world.settings = with;
    assert_eq!(world.checkpoint().rolled_up_through, Some("2026-11-23".parse().unwrap()));
    let report = world.report("period=365d", "2027-03-01T00:00:00Z".parse().unwrap(), 100).unwrap();
    assert_eq!(report.totals.views, 1);
}
