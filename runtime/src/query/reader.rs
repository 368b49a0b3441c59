//! Reads the hits of a period: from segments, or raw where nothing is rolled up yet.
//!
//! A day is read from its own segment if it exists, else from the segments of its hours, else from raw hits.
//! Segments are read before raw hits, and an hour with a segment is never read raw. So no hit counts twice, even
//! if a rollup runs meanwhile.

use std::collections::BTreeMap;

use footfall_infra::settings::{Settings, Site};
use futures_util::future;
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp, ToSpan as _};

use crate::catalog::checkpoint::{Checkpoint, MAX_CLOCK_SKEW};
use crate::platform::log;
use crate::query::dimension;
use crate::query::engine::{self, Engine, GroupBy, QueryPlan};
use crate::query::report::Missing;
use crate::query::report::{self, Report};
use crate::query::{Query, QueryError};
use crate::segment::hit_batch::HitBatch;
use crate::segment::raw_hits::{HitReader, append_hits, read_shards};
use crate::segment::stored::StoredSegments;
use crate::storage::hour::{Hour, Span, utc_day, utc_start};
use crate::storage::keys;
use crate::storage::range_items;
use crate::storage::{Store, StoreError};

/// Maximum number of partitions read at once: enough to hide the round-trip time, few enough to fit into the
/// memory of a small function on a busy site.
const MAX_CONCURRENT_READS: usize = 6;

/// Time since the last hit for which a visitor counts as current.
const CURRENT_VISITOR_WINDOW: SignedDuration = SignedDuration::from_mins(5);

/// Reads one site's hits as of `now`.
#[derive(Debug, Clone)]
pub struct Reader<'a, S> {
    /// Store that holds the hits.
    pub store: &'a S,
    /// Settings, for the number of shards.
    pub settings: &'a Settings,
    /// Site whose hits are read.
    pub site: &'a Site,
    /// Rollup progress of the site, read before.
    pub checkpoint: Checkpoint,
    /// Current time.
    pub now: Timestamp,
}

/// Why a report could not be made.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// Store error.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Invalid query.
    #[error(transparent)]
    Query(#[from] QueryError),
}

impl<S: Store> Reader<'_, S> {
    /// Makes the report for a query, with the tables of some keys and at most `limit` rows in each.
    ///
    /// Hits and segments that cannot be read, such as those of a newer version, are left out. The report counts
    /// them, and the log has the causes.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub async fn report(
        &self,
        query: &Query,
        tables: &[dimension::Key],
        limit: usize,
    ) -> Result<Report, ReadError> {
        let request = report::ReportRequest::of(query, tables, self.now);
        let mut engine = Engine::new(self.site, vec![request.plan()])?;
        let scan = async { self.scan(&mut engine).await.map_err(ReadError::from) };
        let (missing, now) = future::try_join(scan, self.visitors_now()).await?;
        let results = engine.finish().pop().unwrap_or_default();
        Ok(request.report(self.site, results, now, missing, limit))
    }

    /// Returns the number of visitors with a hit in the last 5 minutes.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub async fn visitors_now(&self) -> Result<u64, ReadError> {
        let since = self.now.checked_sub(CURRENT_VISITOR_WINDOW).unwrap_or(Timestamp::MIN);
        let until = self.now.checked_add(MAX_CLOCK_SKEW).unwrap_or(Timestamp::MAX);
        let end = Timestamp::MAX.checked_sub(SignedDuration::from_secs(1)).unwrap_or(until);
        let span = engine::Span { from: since, to: end, groupings: vec![GroupBy::total()] };
        let mut engine =
            Engine::new(self.site, vec![QueryPlan { conditions: &[], spans: vec![span] }])?;
        // Hours that are rolled up still have their raw hits. Each UTC day is scanned on its own.
        let mut days: BTreeMap<Date, HitBatch> = BTreeMap::new();
        for hour in Hour::between(since, until) {
            let ranges =
                (0..self.shards()).map(|shard| keys::hits_since(self.site, hour, shard, since));
            let items = read_shards(self.store, ranges.collect(), self.now).await?;
            append_hits(&items, days.entry(hour.day()).or_default(), &mut engine.dictionaries);
        }
        days.into_values().for_each(|day| engine.scan(day));
        let results = engine.finish().pop().unwrap_or_default();
        Ok(results.first().map_or(0, |result| result.total(0).visitors))
    }

    fn shards(&self) -> u8 {
        self.checkpoint.shards(self.settings.shards.get())
    }

    /// Passes every UTC day that overlaps the engine's ranges to the engine, one after the other.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub async fn scan(&self, engine: &mut Engine<'_>) -> Result<Missing, StoreError> {
        let mut months: BTreeMap<Date, Vec<Date>> = BTreeMap::new();
        for day in self.days(&engine.ranges()) {
            months.entry(day.first_of_month()).or_default().push(day);
        }
        let reads = months.into_values().map(|days| async move {
            let bounds = days.first().copied().zip(days.last().copied());
            let items = match bounds {
                Some((from, to)) => {
                    range_items(self.store, &keys::segments(self.site, from, to)).await?
                }
                None => Vec::new(),
            };
            Ok::<_, StoreError>((days, StoredSegments::new(items)))
        });
        let mut months = stream::iter(reads).buffered(MAX_CONCURRENT_READS);
        let mut missing = Missing::default();
        while let Some((days, mut segments)) = months.try_next().await? {
            for day in days {
                let hits = self.day(day, &mut segments, engine, &mut missing).await?;
                engine.scan(hits);
            }
        }
        Ok(missing)
    }

    /// Returns the hits of a UTC day: from its segment, the segments of its hours, or raw; and imported ones.
    async fn day(
        &self,
        day: Date,
        segments: &mut StoredSegments,
        engine: &mut Engine<'_>,
        missing: &mut Missing,
    ) -> Result<HitBatch, StoreError> {
        let mut rows = HitBatch::default();
        if segments.has(Span::Day(day)) {
            self.append_segment(segments, Span::Day(day), engine, &mut rows, missing);
        } else if !self.checkpoint.is_rolled_up(day) {
            // Later hours have no hits, except from a function whose clock is ahead.
            let latest = self.now.checked_add(MAX_CLOCK_SKEW).unwrap_or(Timestamp::MAX);
            let (rolled_up, raw): (Vec<Hour>, Vec<Hour>) = Hour::of_day(day)
                .take_while(|hour| hour.start() <= latest)
                .partition(|hour| segments.has(Span::Hour(*hour)));
            for hour in rolled_up {
                self.append_segment(segments, Span::Hour(hour), engine, &mut rows, missing);
            }
            let (store, site, shards, now) = (self.store, self.site, self.shards(), self.now);
            let reader = HitReader { store, site, shards, now };
            missing.unreadable +=
                reader.read_hours(raw, &mut rows, &mut engine.dictionaries).await?;
        }
        // Visitors of different imports are never the same.
        for (number, (id, import)) in (1..).zip(&self.checkpoint.imports) {
            let span = Span::Imported(day, *id);
            let has_day = (import.first..=import.last).contains(&day);
            if has_day && segments.has(span) {
                let mut imported = HitBatch::default();
                self.append_segment(segments, span, engine, &mut imported, missing);
                imported.separate_visitors(number);
                rows.append(&mut imported);
            }
        }
        Ok(rows)
    }

    /// Returns the UTC days that overlap one of the ranges and can have hits.
    fn days(&self, ranges: &[(Timestamp, Timestamp)]) -> Vec<Date> {
        let (first, last) = self.checkpoint.range(self.site, self.now);
        let start = ranges.iter().map(|(from, _)| utc_day(*from)).min().unwrap_or(first);
        let days = first.max(start).series(1.day()).take_while(|day| *day <= last);
        let overlaps = |day: &Date| {
            let start = utc_start(*day).unwrap_or(Timestamp::MIN);
            let end = day.tomorrow().and_then(utc_start).unwrap_or(Timestamp::MAX);
            ranges.iter().any(|(from, to)| start < *to && *from < end)
        };
        days.filter(overlaps).collect()
    }

    /// Appends the hits of a segment, and removes it from `segments`. If it cannot be read, logs why and adds it to
    /// what is missing.
    fn append_segment(
        &self,
        segments: &mut StoredSegments,
        span: Span,
        engine: &mut Engine<'_>,
        rows: &mut HitBatch,
        missing: &mut Missing,
    ) {
        let Some(segment) = segments.take(span) else { return };
        match segment.rows(&engine.columns, &mut engine.dictionaries) {
            Ok(mut hits) => {
                missing.unreadable += segment.unreadable();
                rows.append(&mut hits);
            }
            Err(error) => {
                let cause = format!("the segment {span} of {}: {error}", self.site.domain);
                log::error("cannot read a segment, so reports leave it out", &cause);
                missing.incomplete.push(cause);
            }
        }
    }
}
