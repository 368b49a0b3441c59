//! Reading a period back: segments first, and the hits of what is not folded yet.
//!
//! A day's segment is taken if there is one, else its hours' segments, else hits. Segments are read
//! before hits, and an hour that has a segment is never read from hits: nothing counts twice, whatever
//! is folded meanwhile.

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

/// How many partitions are read at once: enough to hide the time of a round trip, few enough for the
/// memory of a small function and a busy site.
const AT_ONCE: usize = 6;

/// How far back "now" reaches.
const NOW: SignedDuration = SignedDuration::from_mins(5);

/// Whose hits are read, and when.
#[derive(Debug, Clone)]
pub struct Reader<'a, S> {
    /// Where they are.
    pub store: &'a S,
    /// How many shards there are.
    pub settings: &'a Settings,
    /// Whose they are.
    pub site: &'a Site,
    /// How far the site is folded, as was read before.
    pub checkpoint: Checkpoint,
    /// The time now.
    pub now: Timestamp,
}

/// Why nothing can be said.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The query.
    #[error(transparent)]
    Query(#[from] QueryError),
}

impl<S: Store> Reader<'_, S> {
    /// Answers a query, with the tables of some keys, and at most `limit` rows in each.
    ///
    /// A hit or a segment that cannot be read, such as one that a newer version wrote, is left out; the
    /// report says so, and the log what is wrong.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub async fn report(
        &self,
        query: &Query,
        tables: &[dimension::Key],
        limit: usize,
    ) -> Result<Report, ReadError> {
        let asked = report::ReportRequest::of(query, tables, self.now);
        let mut engine = Engine::new(self.site, vec![asked.plan()])?;
        let read = self.count(&mut engine);
        let read = async { read.await.map_err(ReadError::from) };
        let (missing, now) = future::try_join(read, self.visitors_now()).await?;
        let found = engine.found().pop().unwrap_or_default();
        Ok(asked.report(self.site, found, now, missing, limit))
    }

    /// How many visitors have a hit within the last 5 minutes.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub async fn visitors_now(&self) -> Result<u64, ReadError> {
        let since = self.now.checked_sub(NOW).unwrap_or(Timestamp::MIN);
        let until = self.now.checked_add(MAX_CLOCK_SKEW).unwrap_or(Timestamp::MAX);
        let end = Timestamp::MAX.checked_sub(SignedDuration::from_secs(1)).unwrap_or(until);
        let span = engine::Span { from: since, to: end, groupings: vec![GroupBy::total()] };
        let mut engine =
            Engine::new(self.site, vec![QueryPlan { conditions: &[], spans: vec![span] }])?;
        // An hour that is folded still has its hits. Hours of two days are two days.
        let mut days: BTreeMap<Date, HitBatch> = BTreeMap::new();
        for hour in Hour::between(since, until) {
            let ranges =
                (0..self.shards()).map(|shard| keys::hits_since(self.site, hour, shard, since));
            let items = read_shards(self.store, ranges.collect(), self.now).await?;
            append_hits(&items, days.entry(hour.day()).or_default(), &mut engine.texts);
        }
        days.into_values().for_each(|day| engine.count(day));
        let found = engine.found().pop().unwrap_or_default();
        Ok(found.first().map_or(0, |found| found.total(0).visitors))
    }

    fn shards(&self) -> u8 {
        self.checkpoint.shards(self.settings.shards.get())
    }

    /// Counts every day of UTC that has a part in what the engine counts. Days are read one after the other,
    /// and let go when they are counted.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub async fn count(&self, engine: &mut Engine<'_>) -> Result<Missing, StoreError> {
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
        let mut months = stream::iter(reads).buffered(AT_ONCE);
        let mut missing = Missing::default();
        while let Some((days, mut segments)) = months.try_next().await? {
            for day in days {
                let rows = self.day(day, &mut segments, engine, &mut missing).await?;
                engine.count(rows);
            }
        }
        Ok(missing)
    }

    /// The hits of a day of UTC: of its segment, or else of its hours' segments, or else as they came in; and
    /// what was imported of it.
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
            // Of hours to come nobody has a hit, but for one whose clock is ahead.
            let begun = self.now.checked_add(MAX_CLOCK_SKEW).unwrap_or(Timestamp::MAX);
            let (folded, open): (Vec<Hour>, Vec<Hour>) = Hour::of_day(day)
                .take_while(|hour| hour.start() <= begun)
                .partition(|hour| segments.has(Span::Hour(*hour)));
            for hour in folded {
                self.append_segment(segments, Span::Hour(hour), engine, &mut rows, missing);
            }
            let (store, site, shards, now) = (self.store, self.site, self.shards(), self.now);
            let reader = HitReader { store, site, shards, now };
            missing.unreadable += reader.read_hours(open, &mut rows, &mut engine.texts).await?;
        }
        // Each import's visitors are its own.
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

    /// The days of UTC that have a part in one of the ranges, and of which anything can be there.
    fn days(&self, ranges: &[(Timestamp, Timestamp)]) -> Vec<Date> {
        let (first, last) = self.checkpoint.range(self.site, self.now);
        let asked = ranges.iter().map(|(from, _)| utc_day(*from)).min().unwrap_or(first);
        let days = first.max(asked).series(1.day()).take_while(|day| *day <= last);
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
        match segment.rows(&engine.columns, &mut engine.texts) {
            Ok(mut hits) => {
                missing.unreadable += segment.unreadable();
                rows.append(&mut hits);
            }
            Err(error) => {
                let what = format!("the segment {span} of {}: {error}", self.site.domain);
                log::error("a segment is left out of the reports", &what);
                missing.incomplete.push(what);
            }
        }
    }
}
