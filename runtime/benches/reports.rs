//! Speed of reports over segments in memory, and where the time goes: `cargo bench -p footfall-runtime --bench
//! reports`, or with `-- 12 365` for 12 million views spread over 365 days.
//!
//! The traffic is generated and the same in every run. Times are the thread's CPU time, the lowest of several runs,
//! because other load only ever adds time. With `FOOTFALL_DUCKDB=PYTHON`, a Python with the package `duckdb`, DuckDB
//! answers the same questions over the same files, in turn with Footfall and on one thread.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a bench ends there"
)]

use footfall_testkit::memory::Memory;
use footfall_testkit::traffic::Traffic;
use footfall_testkit::wait::wait;
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use footfall_infra::settings::Settings;
use footfall_runtime::catalog::checkpoint::Checkpoint;
use footfall_runtime::query::Query;
use footfall_runtime::query::condition::Condition;
use footfall_runtime::query::dimension::{Dimension, Key};
use footfall_runtime::query::engine::{Engine, GroupBy, QueryPlan, Span};
use footfall_runtime::query::period::{Choice, Period};
use footfall_runtime::query::reader::Reader;
use footfall_runtime::query::report::{ReportRequest, all_tables};
use footfall_runtime::rollup;
use footfall_runtime::segment::SegmentPart;
use footfall_runtime::segment::dictionary::Dictionaries;
use footfall_runtime::segment::hit_batch::HitBatch;
use footfall_runtime::storage::hour;
use footfall_runtime::storage::hour::utc_start;
use footfall_runtime::storage::{Item, Store as _};
use jiff::civil::Date;
use jiff::{Timestamp, ToSpan as _};
use tempfile::TempDir;

const LAST: &str = "2026-11-21";

struct World {
    settings: Settings,
    store: Memory,
    days: i64,
    views: u64,
    /// The same segments as files, for DuckDB.
    folder: TempDir,
}

/// A question, and the same question for DuckDB if SQL can express it.
struct Question {
    name: &'static str,
    conditions: Vec<Condition>,
    groupings: Vec<GroupBy>,
    sql: Option<&'static str>,
}

/// Visitors are numbered per day. Events are not views, and excluded hits have no visitor.
const SQL_PAGES: &str = "SELECT page, count(DISTINCT day * 4294967296 + visitor) AS visitors, \
    count(*) FILTER (event IS NULL) AS views FROM hits WHERE filtered IS NULL GROUP BY page";
const SQL_FILTERED: &str = "SELECT source, count(DISTINCT day * 4294967296 + visitor) AS visitors, \
    count(*) FILTER (event IS NULL) AS views FROM hits WHERE filtered IS NULL AND country = 'DE' AND \
    page LIKE '%/blog/%' GROUP BY source";
const SQL_TOTALS: &str = "WITH marked AS (SELECT *, coalesce(time - lag(time) OVER one >= INTERVAL 30 MINUTE, true) \
    AS begins FROM hits WHERE filtered IS NULL WINDOW one AS (PARTITION BY day, visitor ORDER BY time)), \
    numbered AS (SELECT *, sum(begins::INT) OVER (PARTITION BY day, visitor ORDER BY time ROWS UNBOUNDED \
    PRECEDING) AS visit FROM marked), visits AS (SELECT day, visitor, visit, count(*) FILTER (event IS NULL) \
    AS views, count(*) AS hits, epoch_ms(max(time)) - epoch_ms(min(time)) AS duration FROM numbered GROUP BY ALL) \
    SELECT day, count(DISTINCT visitor), count(*), sum(views), count(*) FILTER (hits = 1 AND views = 1), \
    sum(duration) FROM visits GROUP BY day";

fn questions(bars: Vec<i64>) -> Vec<Question> {
    let condition = |text: &str| text.parse().unwrap();
    let shown = [
        Dimension::Page,
        Dimension::Source,
        Dimension::Country,
        Dimension::Browser,
        Dimension::Device,
    ];
    let mut page = vec![GroupBy::total(), GroupBy::by_time(bars.clone())];
    page.extend(shown.map(GroupBy::by));
    let mut all = vec![GroupBy::total(), GroupBy::by_time(bars.clone())];
    all.extend(all_tables().into_iter().map(GroupBy::by));
    let mut by_day = GroupBy::by(Dimension::Source);
    by_day.buckets = Some(bars.clone());
    vec![
        Question {
            name: "pages",
            conditions: vec![],
            groupings: vec![GroupBy::by(Dimension::Page)],
            sql: Some(SQL_PAGES),
        },
        Question {
            name: "sources, filtered by page and country",
            conditions: vec![condition("is,country,DE"), condition("contains,page,/blog/")],
            groupings: vec![GroupBy::by(Dimension::Source)],
            sql: Some(SQL_FILTERED),
        },
        Question {
            name: "visits, bounces, duration by day",
            conditions: vec![],
            groupings: vec![GroupBy::by_time(bars)],
            sql: Some(SQL_TOTALS),
        },
        Question { name: "sources by day", conditions: vec![], groupings: vec![by_day], sql: None },
        Question {
            name: "the dashboard's page",
            conditions: vec![],
            groupings: page.clone(),
            sql: None,
        },
        Question {
            name: "the dashboard's page, filtered by source",
            conditions: vec![condition("is,source,Google")],
            groupings: page,
            sql: None,
        },
        Question { name: "every table there is", conditions: vec![], groupings: all, sql: None },
    ]
}

fn main() {
    let numbers: Vec<f64> = std::env::args().filter_map(|arg| arg.parse().ok()).collect();
    let worlds = match numbers[..] {
        [millions, days] => vec![(millions, days as i64)],
        _ => vec![(1.0, 365), (12.0, 30), (12.0, 365)],
    };
    for (millions, days) in worlds {
        bench(&World::new(millions, days));
    }
}

fn bench(world: &World) {
    let from = world.first();
    let site = &world.settings.sites[0];
    let period = Period { choice: Choice::Custom, from, to: last(), zone: site.time_zone.clone() };
    let bars: Vec<i64> =
        (0..world.days).map(|day| utc_start(from + day.days()).unwrap().as_millisecond()).collect();
    let (start, end) = period.instants();
    let bytes: usize = world.store.items().iter().map(|item| item.value.len()).sum();
    println!(
        "\n{} views in {} days: {:.1} MB of segments, {:.1} bytes a view",
        world.views,
        world.days,
        bytes as f64 / 1e6,
        bytes as f64 / world.views as f64
    );
    let mut duckdb = DuckDb::start(world.folder.path());
    println!(
        "{:42} {:>9} {:>9} {:>9} {:>12}  DuckDB, one thread",
        "CPU ms", "all", "decode", "count", "rows/s"
    );
    for question in questions(bars) {
        let plan = || {
            let groupings = question.groupings.clone();
            let spans = vec![Span { from: start, to: end, groupings }];
            QueryPlan { conditions: &question.conditions, spans }
        };
        let rounds = if world.views > 3_000_000 { 3 } else { 7 };
        let mut best = (f64::MAX, f64::MAX);
        let mut duckdb_best = f64::MAX;
        for _ in 0..rounds {
            let mut engine = Engine::new(site, vec![plan()]).unwrap();
            let began = cpu();
            let missing = wait(world.reader().scan(&mut engine)).unwrap();
            let found = engine.finish();
            let all = cpu() - began;
            assert!(missing.incomplete.is_empty() && !found[0][0].groups[0].is_empty());
            let began = cpu();
            world.decode(&Engine::new(site, vec![plan()]).unwrap());
            let decode = cpu() - began;
            if all < best.0 {
                best = (all, decode.min(all));
            }
            if let (Some(duckdb), Some(sql)) = (&mut duckdb, question.sql) {
                duckdb_best = duckdb_best.min(duckdb.ask(sql));
            }
        }
        let (all, decode) = best;
        let beside = if duckdb_best < f64::MAX {
            format!("{:9.1} ms, {:.2} times ours", duckdb_best, duckdb_best / all)
        } else {
            String::new()
        };
        println!(
            "{:42} {all:9.1} {decode:9.1} {:9.1} {:12.0}  {beside}",
            question.name,
            all - decode,
            world.views as f64 / all * 1000.0
        );
    }
    // The whole report as the handler makes it, with the previous period.
    let query = Query { period, conditions: Vec::new() };
    let tables: Vec<Key> = all_tables();
    let asked = ReportRequest::of(&query, &tables, world.now());
    let mut engine = Engine::new(site, vec![asked.plan()]).unwrap();
    let began = cpu();
    wait(world.reader().scan(&mut engine)).unwrap();
    let report = asked.report(site, engine.finish().remove(0), 0, Default::default(), 1000);
    let json = serde_json::to_vec(&report).unwrap();
    println!("{:42} {:9.1}   ({} bytes)", "the whole report as JSON", cpu() - began, json.len());
}

fn last() -> Date {
    LAST.parse().unwrap()
}

impl World {
    fn new(millions_a_year: f64, days: i64) -> Self {
        let settings = Settings::from_yaml(
            "sites: [{domain: e.x, goals: [{event: signup}, {page: '/blog/*'}]}]",
        )
        .unwrap();
        let store = Memory::default();
        let folder = tempfile::tempdir().unwrap();
        let mut world = Self { settings, store, days, views: 0, folder };
        let mut traffic = Traffic::new((millions_a_year * 1e6 / 365.0) as u64);
        for day in 0..days {
            let day = world.first() + day.days();
            world.add(day, &mut traffic);
        }
        world
    }

    fn add(&mut self, day: Date, traffic: &mut Traffic) {
        let site = &self.settings.sites[0];
        let span = hour::Span::Day(day);
        let (rows, mut texts) = traffic.day(utc_start(day).unwrap().as_millisecond());
        self.views += rows.len() as u64;
        let encoded = rollup::encode_segment(site, span, rows, &mut texts, 0).unwrap();
        let (first, mut items) = rollup::segment_items(site, span, encoded, None);
        items.insert(0, first);
        for (part, item) in items.iter().enumerate() {
            fs::write(self.folder.path().join(format!("{day}-{part:02}.parquet")), &item.value)
                .unwrap();
        }
        wait(self.store.put_all(items)).unwrap();
    }

    fn first(&self) -> Date {
        last() - (self.days - 1).days()
    }

    fn now(&self) -> Timestamp {
        utc_start(last() + 1.day()).unwrap() + 2.hours()
    }

    fn reader(&self) -> Reader<'_, Memory> {
        let checkpoint = Checkpoint {
            first: Some(self.first()),
            rolled_up_through: Some(last()),
            ..Checkpoint::default()
        };
        let (store, settings) = (&self.store, &self.settings);
        Reader { store, settings, site: &settings.sites[0], checkpoint, now: self.now() }
    }

    /// The part of the time spent reading segments.
    fn decode(&self, engine: &Engine<'_>) {
        let mut texts = Dictionaries::default();
        for Item { value, .. } in self.store.items() {
            let mut rows = HitBatch::default();
            SegmentPart::open(value).unwrap().read(&engine.columns, &mut texts, &mut rows).unwrap();
            assert!(!rows.is_empty());
        }
    }
}

/// DuckDB in its own process, which returns the time of each question.
struct DuckDb {
    child: Child,
    questions: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl DuckDb {
    fn start(folder: &std::path::Path) -> Option<Self> {
        let python = std::env::var_os("FOOTFALL_DUCKDB")?;
        let script = "import duckdb, os, sys, time
base = duckdb.connect()
base.execute('SET threads = 1')
base.execute('SET enable_progress_bar = false')
base.execute(f\"CREATE VIEW hits AS SELECT *, epoch_ms(time) // 86400000 AS day FROM read_parquet('{sys.argv[1]}/*.parquet')\")
for question in sys.stdin:
    began = time.process_time()
    base.execute(question).fetchall()
    print((time.process_time() - began) * 1000, flush=True)
";
        let mut child = Command::new(python)
            .args(["-c", script])
            .arg(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let questions = child.stdin.take().unwrap();
        let answers = BufReader::new(child.stdout.take().unwrap());
        Some(Self { child, questions, answers })
    }

    /// CPU time in milliseconds.
    fn ask(&mut self, sql: &str) -> f64 {
        writeln!(self.questions, "{sql}").unwrap();
        let mut answer = String::new();
        self.answers.read_line(&mut answer).unwrap();
        answer.trim().parse().unwrap_or_else(|_| panic!("DuckDB answers {answer:?}"))
    }
}

impl Drop for DuckDb {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// CPU time of this thread, in milliseconds.
fn cpu() -> f64 {
    let text = fs::read_to_string("/proc/thread-self/schedstat").expect("this is Linux");
    text.split(' ').next().and_then(|nanos| nanos.parse::<f64>().ok()).unwrap() / 1e6
}
