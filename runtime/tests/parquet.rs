//! A segment is an ordinary Parquet file: DuckDB reads it, with the right types.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test ends there")]

use std::fs;
use std::process::Command;

use footfall_infra::settings::Settings;
use footfall_runtime::hit::exclusion::ExclusionReason;
use footfall_runtime::hit::{Excluded, Kind, Record};
use footfall_runtime::rollup;
use footfall_runtime::segment::dictionary::Dictionaries;
use footfall_runtime::segment::hit_batch::HitBatch;
use footfall_runtime::storage::hour::Span;
use serde_json::{Value, json};

/// Returns queries for the file, with their expected results.
fn questions() -> Vec<(&'static str, Value)> {
    vec![
        ("SELECT count(*), count(visitor), count(DISTINCT visitor) FROM day", json!([[31, 30, 3]])),
        (
            "SELECT visitor, count(*) AS views FROM day WHERE filtered IS NULL AND event IS NULL \
             GROUP BY ALL ORDER BY visitor",
            json!([[1, 10], [2, 10], [3, 5]]),
        ),
        (
            "SELECT page, source, utm_campaign FROM day WHERE visitor = 3 LIMIT 1",
            json!([["/café/🦀", null, "weekly"]]),
        ),
        (
            "SELECT DISTINCT props['plan'], cardinality(props) FROM day WHERE event = 'signup'",
            json!([["pro", 2]]),
        ),
        (
            "SELECT page, filtered, visitor FROM day WHERE filtered IS NOT NULL",
            json!([["/", "bot", null]]),
        ),
        (
            "SELECT strftime(min(time) AT TIME ZONE 'UTC', '%Y-%m-%dT%H:%M:%S.%g') FROM day",
            json!([["2026-11-22T00:00:00.123"]]),
        ),
        (
            "SELECT column_name || ' ' || column_type FROM (DESCRIBE day) \
             WHERE column_name IN ('time', 'visitor', 'page', 'props')",
            json!([
                ["time TIMESTAMP WITH TIME ZONE"],
                ["visitor BIGINT"],
                ["page VARCHAR"],
                ["props MAP(VARCHAR, VARCHAR)"]
            ]),
        ),
        (
            "SELECT decode(value) FROM parquet_kv_metadata('FILE') WHERE decode(key) IN \
             ('footfall.version', 'footfall.site', 'footfall.span') ORDER BY decode(key)",
            json!([["e.x"], ["2026-11-22"], ["1"]]),
        ),
    ]
}

fn records() -> Vec<Record> {
    let start = "2026-11-22T00:00:00.123Z".parse::<jiff::Timestamp>().unwrap();
    let mut records = Vec::new();
    for number in 0..30_i64 {
        let visitor = number % 3;
        let is_event = visitor == 2 && number % 2 == 0;
        let hit = json!({
            "v": format!("{:016x}", u64::MAX - visitor.unsigned_abs()),
            "p": if visitor == 2 { "/café/🦀" } else { "/" },
            "n": is_event.then_some("signup"),
            "uc": (visitor == 2).then_some("weekly"),
            "m": if is_event { json!([["plan", "pro"], ["from", "a \"quote\""]]) } else { json!([]) },
        });
        let at = start + jiff::SignedDuration::from_mins(number);
        records.push(Record { at, kind: Kind::Hit(serde_json::from_value(hit).unwrap()) });
    }
    let bot = Excluded { reason: ExclusionReason::Bot, page: "/".to_owned() };
    records.push(Record {
        at: start + jiff::SignedDuration::from_hours(9),
        kind: Kind::Excluded(bot),
    });
    records
}

#[test]
#[ignore = "needs DuckDB: run `cargo xtask test`"]
fn duckdb_reads_a_segment() {
    let python = std::env::var_os("FOOTFALL_DUCKDB")
        .expect("FOOTFALL_DUCKDB must name a Python that has DuckDB");
    let settings = Settings::from_yaml("sites: [{domain: e.x}]").unwrap();
    let (mut rows, mut dictionaries) = (HitBatch::default(), Dictionaries::default());
    for record in records() {
        rows.push(&mut dictionaries, &record);
    }
    let day = Span::Day("2026-11-22".parse().unwrap());
    let segment =
        rollup::encode_segment(&settings.sites[0], day, rows, &mut dictionaries, 0).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("day.parquet");
    fs::write(&file, &segment.first).unwrap();
    println!("a segment of 31 hits has {} bytes", segment.first.len());
    let program = "import duckdb, json, sys\n\
                   file = sys.argv[1]\n\
                   duckdb.sql(f\"CREATE VIEW day AS SELECT * FROM read_parquet('{file}')\")\n\
                   for query in sys.argv[2:]:\n    \
                   print(json.dumps(duckdb.sql(query.replace('FILE', file)).fetchall()))";
    let questions = questions();
    let queries = questions.iter().map(|(query, _)| *query);
    let asked =
        Command::new(python).args(["-c", program]).arg(&file).args(queries).output().unwrap();
    assert!(asked.status.success(), "{}", String::from_utf8_lossy(&asked.stderr));
    let answers = String::from_utf8(asked.stdout).unwrap();
    let answers: Vec<Value> =
        answers.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(answers.len(), questions.len());
    for ((query, expected), answer) in questions.iter().zip(answers) {
        assert_eq!(answer, *expected, "{query}");
    }
}
