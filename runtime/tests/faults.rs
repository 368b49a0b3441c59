//! Guarantees while the network between the functions and the table fails, two rollups run at once, and clocks
//! differ by a minute. An acknowledged hit counts once, any other at most once, and views on a dashboard never
//! decrease.
//!
//! A seed decides on time and faults, so that every run is the same. tests/load.rs tests the same with the real
//! functions and a real network.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test ends there")]
#![allow(clippy::print_stdout, reason = "measurements are for the reader")]

use footfall_testkit::wait::wait;
use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};

use footfall_infra::settings::Settings;
use footfall_runtime::catalog::checkpoint::Checkpoint;
use footfall_runtime::ingest::Ingest;
use footfall_runtime::platform::context::Context as _;
use footfall_runtime::query::Query;
use footfall_runtime::query::dimension::{Dimension, Key as TableKey};
use footfall_runtime::query::period::PeriodContext;
use footfall_runtime::query::reader::{ReadError, Reader};
use footfall_runtime::query::report::{Report, all_tables};
use footfall_runtime::rollup::Rollup;
use footfall_runtime::storage::{Item, Store};
use footfall_testkit::context::Fixed;
use footfall_testkit::faulty::Chaos;
use footfall_testkit::memory::Memory;
use footfall_testkit::request;
use futures_util::future::join_all;
use jiff::SignedDuration;
use serde_json::json;

/// When a simulation begins: an evening of UTC.
const BEGIN: &str = "2026-11-22T21:40:00Z";

/// The period of every report. It has all hits.
const PERIOD: &str = "from=2026-11-22&to=2026-11-23";

/// The table in which each hit has a row of its own.
const PAGES: TableKey = TableKey::Dimension(Dimension::Page);

/// Seconds by which clocks are ahead.
const SKEWS: [i64; 3] = [-60, 0, 60];

fn settings() -> Settings {
    Settings::from_yaml("sites: [{domain: example.com}]\nshards: 2\n").unwrap()
}

async fn report<S: Store>(
    store: &S,
    clock: &Fixed,
    tables: &[TableKey],
) -> Result<Report, ReadError> {
    let (settings, now) = (settings(), clock.now());
    let site = &settings.sites[0];
    let checkpoint = Checkpoint::load(store, site).await?;
    let asked = PeriodContext { now, zone: &site.time_zone, first: checkpoint.first_day() };
    let query = Query::of(&request::dashboard(PERIOD), &asked).unwrap();
    let reader = Reader { store, settings: &settings, site, checkpoint, now };
    reader.report(&query, tables, 100_000).await
}

/// Returns the pages of a report with their views.
fn pages(report: &Report) -> BTreeMap<String, u64> {
    let table = report.tables.iter().find(|table| table.key == PAGES);
    let rows = table.into_iter().flat_map(|table| &table.rows);
    rows.map(|row| (row.value.clone().unwrap(), row.metrics.views)).collect()
}

/// What senders know of their hits, and dashboards of all hits. A hit is recognised by its page, which is unique.
#[derive(Debug, Default)]
struct Seen {
    sent: BTreeSet<String>,
    acknowledged: BTreeSet<String>,
    /// The maximum number of views and visitors that a dashboard has shown.
    views: u64,
    visitors: u64,
    reports: u64,
    runs: u64,
    failed: u64,
}

impl Seen {
    /// Asserts that a report has each expected hit once, and no hit that was not sent.
    fn check(&self, report: &Report, expected: &BTreeSet<String>) {
        let pages = pages(report);
        let twice: Vec<_> = pages.iter().filter(|(_, views)| **views != 1).collect();
        assert!(twice.is_empty(), "counted more than once: {twice:?}");
        let lost: Vec<_> = expected.iter().filter(|it| !pages.contains_key(*it)).collect();
        assert!(lost.is_empty(), "acknowledged and not reported: {lost:?}");
        assert!(pages.keys().all(|page| self.sent.contains(page)), "never sent: {pages:?}");
        assert_eq!(report.totals.views, pages.len() as u64);
        assert!(report.incomplete.is_empty() && report.unreadable == 0, "{report:?}");
    }
}

/// A site where everything fails that can fail.
struct World {
    store: Memory,
    chaos: Chaos,
    clock: Fixed,
    trackers: Vec<Ingest<Chaos, Fixed>>,
    seen: Arc<Mutex<Seen>>,
}

type Action<'a> = Pin<Box<dyn Future<Output = ()> + 'a>>;

impl World {
    fn new(seed: u64, faults: usize) -> Self {
        let (store, clock) = (Memory::default(), Fixed::at(BEGIN));
        let chaos = Chaos::new(&store, seed, faults);
        let tracker = |skew| Ingest::new(settings(), chaos.clone(), clock.skewed(skew));
        let trackers = SKEWS.into_iter().map(tracker).collect();
        // Rolled up through the day before, so that a run has some 50 operations.
        let through = Some("2026-11-21".parse().unwrap());
        let checkpoint = Checkpoint { rolled_up_through: through, ..Checkpoint::default() };
        wait(checkpoint.save(&store, &settings().sites[0])).unwrap();
        Self { store, chaos: chaos.clone(), clock, trackers, seen: Arc::default() }
    }

    /// Sends a view of a page that no other hit has.
    async fn hit(&self, tracker: usize, visitor: u8) {
        let page = {
            let mut seen = self.seen.lock().unwrap();
            let page = format!("/{}", seen.sent.len());
            seen.sent.insert(page.clone());
            page
        };
        let body = json!({ "u": format!("https://example.com{page}") }).to_string();
        let mut request = request::post(body);
        request.peer = [192, 0, 2, visitor].into();
        let answer = self.trackers[tracker].handle(&request).await;
        match answer.status().as_u16() {
            202 => drop(self.seen.lock().unwrap().acknowledged.insert(page)),
            status => assert_eq!(status, 503, "{page}"),
        }
    }

    async fn rollup(&self, skew: i64, least: usize) {
        let rollup = Rollup::new(settings(), self.chaos.clone(), self.clock.skewed(skew));
        let run = rollup.min_hits(least).run().await;
        let mut seen = self.seen.lock().unwrap();
        seen.runs += 1;
        seen.failed += u64::from(run.is_err());
    }

    async fn look(&self, skew: i64) {
        let (before, views, visitors) = {
            let seen = self.seen.lock().unwrap();
            (seen.acknowledged.clone(), seen.views, seen.visitors)
        };
        // A report that fails shows no numbers.
        let Ok(report) = report(&self.chaos, &self.clock.skewed(skew), &[PAGES]).await else {
            return;
        };
        let mut seen = self.seen.lock().unwrap();
        seen.check(&report, &before);
        let totals = report.totals;
        assert!(totals.views >= views, "{} views after {views}", totals.views);
        assert!(totals.visitors >= visitors, "{} visitors after {visitors}", totals.visitors);
        seen.views = seen.views.max(totals.views);
        seen.visitors = seen.visitors.max(totals.visitors);
        seen.reports += 1;
    }
}

/// Simulates five hours around midnight, in steps of minutes, or of seconds around the end of an hour. In each
/// step, a few hits arrive, up to two rollups run, and a dashboard is shown.
fn simulate(seed: u64, faults: usize) -> Seen {
    let world = World::new(seed, faults);
    let mut random = fastrand::Rng::with_seed(seed);
    let end = world.clock.now() + SignedDuration::from_hours(5);
    wait(async {
        while world.clock.now() < end {
            let mut actions: Vec<Action<'_>> = Vec::new();
            for _ in 0..random.u8(..4) {
                actions.push(Box::pin(world.hit(random.usize(..SKEWS.len()), random.u8(..9))));
            }
            for _ in 0..[0, 0, 1, 2][random.usize(..4)] {
                let skew = SKEWS[random.usize(..SKEWS.len())];
                actions.push(Box::pin(world.rollup(skew, [1, 5][random.usize(..2)])));
            }
            actions.push(Box::pin(world.look(SKEWS[random.usize(..SKEWS.len())])));
            random.shuffle(&mut actions);
            join_all(actions).await;
            let past = world.clock.now().as_second().rem_euclid(3600);
            let is_end = !(150..3400).contains(&past);
            let step =
                if is_end { random.i64(5..40) } else { random.i64(60..400).min(3400 - past) };
            world.clock.pass(SignedDuration::from_secs(step));
        }
    });
    // The report of the stored hits alone, as if no rollup had ever run.
    let raw = Memory::default();
    wait(raw.put_all(world.store.hits())).unwrap();
    let through = Some("2026-11-21".parse().unwrap());
    let begin = Checkpoint { rolled_up_through: through, ..Checkpoint::default() };
    wait(begin.save(&raw, &settings().sites[0])).unwrap();
    let whole = |store: &Memory| wait(report(store, &world.clock, &all_tables())).unwrap();
    let expected = whole(&raw);
    let shown = whole(&world.store);
    assert_eq!(shown, expected, "seed {seed}");
    // Also after a last rollup.
    let roll_up = |store: &Memory| {
        let rollup = Rollup::new(settings(), store.clone(), world.clock.clone()).min_hits(1);
        wait(rollup.run()).unwrap();
    };
    roll_up(&world.store);
    roll_up(&raw);
    let own = |store: &Memory| -> Vec<Item> {
        let days = |item: &Item| item.key.pk.starts_with("seg#") && !item.key.sk.contains('T');
        store.items().into_iter().filter(days).collect()
    };
    assert_eq!(own(&world.store), own(&raw), "seed {seed}");
    assert_eq!(whole(&world.store), expected, "seed {seed}");
    let mut seen = std::mem::take(&mut *world.seen.lock().unwrap());
    seen.check(&expected, &seen.acknowledged);
    seen.views = expected.totals.views;
    seen
}

#[test]
fn acknowledged_hit_counts_once_whatever_fails() {
    println!("faults    sent  acknowledged  reported  reports  rollups  of which failed");
    for faults in [0_u8, 3, 15] {
        let mut all = [0_u64; 6];
        for seed in 0..5 {
            let seen = simulate(seed, usize::from(faults));
            let (sent, acknowledged) = (seen.sent.len() as u64, seen.acknowledged.len() as u64);
            let more = [sent, acknowledged, seen.views, seen.reports, seen.runs, seen.failed];
            all.iter_mut().zip(more).for_each(|(all, more)| *all += more);
        }
        let [sent, acknowledged, reported, reports, runs, failed] = all;
        println!(
            "{:>4.1} %  {sent:>6}  {acknowledged:>12}  {reported:>8}  {reports:>5}  {runs:>7}  {failed:>15}",
            f64::from(faults) * 1.2
        );
        // Faults happened if they were to happen, and most of the work was done.
        assert_eq!(faults == 0, acknowledged == sent && failed == 0);
        assert!(reports > 60 && failed + 100 < runs, "{all:?}");
    }
}
