//! Prototype of a feature that Footfall does not have: a daily summary from which an unfiltered page could be made
//! without the day's hits. Measures its size and how fast it could be read.

use std::collections::HashMap;
use std::io::{Read as _, Write as _};

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use footfall_runtime::query::engine::{Engine, GroupBy, GroupRow, QueryPlan, Span};
use footfall_runtime::query::metrics::Metrics;
use footfall_runtime::query::report::all_tables;
use footfall_runtime::storage::hour::utc_start;
use jiff::{Timestamp, ToSpan as _};
use serde_json::{Value, json};

use crate::{cpu, settings, today};
use footfall_testkit::measured::rounded;
use footfall_testkit::traffic::Traffic;

/// Rows kept per table: the most the dashboard ever shows of one.
const ROWS: usize = 1000;

/// Days read for a month.
const DAYS: usize = 30;

/// A row: its value and metrics.
type Row = (Option<String>, [u64; 10]);

/// Makes the summary of one day and reads 30 of them.
pub(crate) fn measure(views: u64) -> Value {
    let settings = settings();
    let start = utc_start(today()).unwrap();
    let (rows, texts) = Traffic::new(views).day(start.as_millisecond());
    let hours = (0..24).map(|hour| (start + hour.hours()).as_millisecond()).collect();
    let mut groupings = vec![GroupBy::total(), GroupBy::by_time(hours)];
    groupings.extend(all_tables().into_iter().map(GroupBy::by));
    let span = Span { from: start, to: Timestamp::MAX - 1.hour(), groupings };
    let mut engine =
        Engine::new(&settings.sites[0], vec![QueryPlan { conditions: &[], spans: vec![span] }])
            .unwrap();
    engine.dictionaries = texts;
    engine.scan(rows);
    let found = engine.finish().remove(0).remove(0);
    let tables: Vec<Vec<Row>> = found.groups.into_iter().map(table).collect();
    let cut: Vec<&[Row]> = tables.iter().map(|table| &table[..table.len().min(ROWS)]).collect();
    let (all, cut) = (packed(&tables), packed(&cut));
    let began = cpu();
    let mut sums: Vec<HashMap<Option<String>, [u64; 10]>> = Vec::new();
    for _ in 0..DAYS {
        let mut text = Vec::new();
        GzDecoder::new(&cut[..]).read_to_end(&mut text).unwrap();
        let tables: Vec<Vec<Row>> = serde_json::from_slice(&text).unwrap();
        sums.resize_with(tables.len(), HashMap::new);
        for (sum, table) in sums.iter_mut().zip(tables) {
            for (value, tally) in table {
                let own = sum.entry(value).or_default();
                own.iter_mut().zip(tally).for_each(|(own, its)| *own += its);
            }
        }
    }
    let took = (cpu() - began) / DAYS as f64;
    assert!(sums[0][&None][2] as f64 > 0.9 * (views as usize * DAYS) as f64);
    json!({
        "rows": tables.iter().map(Vec::len).sum::<usize>(),
        "bytes": all.len(),
        "bytes_of_1000_rows": cut.len(),
        "read_ms": rounded(took, 2),
    })
}

/// Rows of a table, those with the most visitors first.
fn table(groups: Vec<GroupRow>) -> Vec<Row> {
    let row = |group: GroupRow| {
        let bar = group.bucket.map(|bar| bar.to_string());
        let value = group.values.into_iter().next().flatten();
        (bar.or(value), numbers(&group.metrics))
    };
    let mut rows: Vec<Row> = groups.into_iter().map(row).collect();
    rows.sort_unstable_by(|one, other| other.1.cmp(&one.1).then_with(|| one.0.cmp(&other.0)));
    rows
}

fn numbers(tally: &Metrics) -> [u64; 10] {
    let Metrics { visitors, visits, views, events, bounces, duration, .. } = *tally;
    let Metrics { engaged, engagements, scrolled, scrolls, .. } = *tally;
    [visitors, visits, views, events, bounces, duration, engaged, engagements, scrolled, scrolls]
}

fn packed(tables: &impl serde::Serialize) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(&serde_json::to_vec(tables).unwrap()).unwrap();
    encoder.finish().unwrap()
}
