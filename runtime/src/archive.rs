//! All data of a site, day by day. Exports write it, and deletions search it.
//!
//! A day is read like in reports: from its segment if it has one, otherwise from the segments of its hours and the
//! stored hits of the remaining hours. Imported segments of the day are added.

pub mod delete;
pub mod export;

use footfall_infra::settings::{Settings, Site};
use jiff::civil::Date;
use jiff::{Timestamp, ToSpan as _};

use crate::catalog::checkpoint::{Checkpoint, MAX_CLOCK_SKEW};
use crate::segment::SegmentError;
use crate::segment::column::Column;
use crate::segment::dictionary::Dictionaries;
use crate::segment::hit_batch::HitBatch;
use crate::segment::raw_hits::HitReader;
use crate::segment::stored::{StoredSegment, StoredSegments};
use crate::storage::hour::{Hour, Span};
use crate::storage::keys;
use crate::storage::range_items;
use crate::storage::retention;
use crate::storage::{Store, StoreError};

/// Maximum attempts to read a day while a writer replaces one of its segments.
const MAX_ATTEMPTS: usize = 3;

/// All data of a site.
#[derive(Debug)]
pub struct RawData<'a, S> {
    /// Where the data is stored.
    pub store: &'a S,
    /// The site.
    pub site: &'a Site,
    /// The number of shards that may hold hits.
    pub shards: u8,
    /// The site's rollup progress, read before anything else.
    pub checkpoint: Checkpoint,
    /// The current time.
    pub now: Timestamp,
}

/// The data of a day.
#[derive(Debug, Default)]
pub struct Day {
    /// The day's own segment and its imported ones.
    pub segments: Vec<StoredSegment>,
    /// The hits that are not in the day's segment yet, in the order of time. Visitors are numbered by their first
    /// hits.
    pub unrolled: HitBatch,
    /// The dictionaries of `unrolled`.
    pub dictionaries: Dictionaries,
    /// The number of hits that could not be read and are missing from `unrolled`.
    pub unreadable: u64,
    /// Messages about segments that could not be read.
    pub incomplete: Vec<String>,
}

impl<'a, S: Store> RawData<'a, S> {
    /// Opens the data of a site. Reads its rollup progress, which must be known before anything else is read.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub async fn open(
        store: &'a S,
        settings: &Settings,
        site: &'a Site,
        now: Timestamp,
    ) -> Result<Self, StoreError> {
        let checkpoint = Checkpoint::load(store, site).await?;
        let shards = checkpoint.shards(settings.shards.get());
        Ok(Self { store, site, shards, checkpoint, now })
    }

    /// Returns the first and the last UTC day that may have data.
    #[must_use]
    pub fn range(&self) -> (Date, Date) {
        self.checkpoint.range(self.site, self.now)
    }

    /// Iterates over the days of a range that may have data.
    pub fn days(&self, from: Date, to: Date) -> impl Iterator<Item = Date> + use<S> {
        let (first, last) = self.range();
        let to = to.min(last);
        from.max(first).series(1.day()).take_while(move |day| *day <= to)
    }

    /// Reads the segments of a day, those of its hours and its imports included.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub async fn segments(&self, day: Date) -> Result<Vec<StoredSegment>, StoreError> {
        let mut attempts = 1;
        loop {
            let range = keys::segments(self.site, day, day);
            let items = range_items(self.store, &range).await?;
            let segments = StoredSegments::new(items).into_segments();
            if attempts == MAX_ATTEMPTS || !segments.iter().any(StoredSegment::is_torn) {
                return Ok(segments);
            }
            attempts += 1;
        }
    }

    /// Reads the data of a day.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub async fn day(&self, date: Date) -> Result<Day, StoreError> {
        let own = Span::Day(date).in_month();
        let mut segments = self.segments(date).await?;
        segments.retain(|segment| self.is_in_reports(segment));
        let (hours, segments): (Vec<StoredSegment>, Vec<StoredSegment>) =
            segments.into_iter().partition(|segment| segment.hour(date).is_some());
        let mut day = Day::default();
        let problems = segments.iter().filter_map(|segment| self.problem(date, segment));
        day.incomplete.extend(problems);
        if segments.iter().all(|segment| segment.name != own) && !self.checkpoint.is_rolled_up(date)
        {
            self.read_unrolled(date, &hours, &mut day).await?;
        }
        day.segments = segments;
        Ok(day)
    }

    /// Whether reports include a segment. They ignore those of unfinished imports.
    fn is_in_reports(&self, segment: &StoredSegment) -> bool {
        let id = segment.name.split_once('i').and_then(|(_, id)| id.parse().ok());
        id.is_none_or(|id| self.checkpoint.imports.iter().any(|(finished, _)| *finished == id))
    }

    /// Reads the hits that are not in the day's segment yet.
    async fn read_unrolled(
        &self,
        date: Date,
        hours: &[StoredSegment],
        day: &mut Day,
    ) -> Result<(), StoreError> {
        let mut rolled_up = Vec::new();
        for segment in hours {
            rolled_up.extend(segment.hour(date));
            match segment.rows(&Column::ALL, &mut day.dictionaries) {
                Ok(mut rows) => {
                    day.unreadable += segment.unreadable();
                    day.unrolled.append(&mut rows);
                }
                Err(error) => day.incomplete.push(self.describe(date, segment, &error)),
            }
        }
        let remaining =
            self.hours_with_hits(date).filter(|hour| !rolled_up.contains(hour)).collect();
        let RawData { store, site, shards, now, .. } = *self;
        let reader = HitReader { store, site, shards, now };
        day.unreadable +=
            reader.read_hours(remaining, &mut day.unrolled, &mut day.dictionaries).await?;
        day.unrolled.number_visitors();
        day.unrolled.sort();
        day.unrolled.attach_engagement(&day.dictionaries);
        day.unrolled = sorted_by_time(&day.unrolled);
        Ok(())
    }

    /// Iterates over the hours of a day that may still have stored hits.
    pub fn hours_with_hits(&self, day: Date) -> impl Iterator<Item = Hour> + use<S> {
        let oldest = retention::oldest_hit(self.site, self.now);
        let newest = self.now.checked_add(MAX_CLOCK_SKEW).unwrap_or(Timestamp::MAX);
        Hour::of_day(day).filter(move |hour| hour.end() > oldest && hour.start() <= newest)
    }

    /// Returns a message about a segment that cannot be read. `None` if it has no problem.
    #[must_use]
    pub fn problem(&self, day: Date, segment: &StoredSegment) -> Option<String> {
        segment.problem().map(|error| self.describe(day, segment, error))
    }

    fn describe(&self, day: Date, segment: &StoredSegment, error: &SegmentError) -> String {
        format!("the segment {} of {}: {error}", segment.span(day), self.site.domain)
    }
}

impl Day {
    /// Returns all hits of the day in the order of time, and messages about what cannot be read.
    ///
    /// Visitors of different segments get different numbers. Hits that are not in the day's segment get the highest
    /// ones, so the others' numbers stay the same while hits come in.
    #[must_use]
    pub fn into_rows(mut self) -> (HitBatch, Dictionaries, Vec<String>) {
        let unrolled = std::mem::take(&mut self.unrolled);
        let mut all = HitBatch::default();
        let (mut dictionaries, mut incomplete) = (self.dictionaries, self.incomplete);
        let mut last = 0;
        let mut add = |mut rows: HitBatch| {
            let before = last;
            for visitor in rows.visitors.iter_mut().filter(|visitor| **visitor != 0) {
                *visitor = visitor.saturating_add(before);
                last = last.max(*visitor);
            }
            all.append(&mut rows);
        };
        // The day's own segment replaces its unrolled hits, so it comes last as they do.
        for segment in self.segments.iter().rev().filter(|segment| segment.problem().is_none()) {
            match segment.rows(&Column::ALL, &mut dictionaries) {
                Ok(rows) => add(rows),
                Err(error) => incomplete.push(format!("the segment {}: {error}", segment.name)),
            }
        }
        add(unrolled);
        (sorted_by_time(&all), dictionaries, incomplete)
    }
}

/// Returns the rows sorted by time, then by visitor.
fn sorted_by_time(rows: &HitBatch) -> HitBatch {
    let mut order: Vec<usize> = (0..rows.len()).collect();
    order.sort_by_key(|row| (rows.times[*row], rows.visitors[*row]));
    rows.select_rows(&order)
}
