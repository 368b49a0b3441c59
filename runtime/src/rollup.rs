//! Folding: the hits of closed hours and days become segments, and what is over is deleted.
//!
//! It may run twice, two at once, or again after it ended anywhere: a segment is a pure function of its
//! hits, its last write is the one that makes it visible, and that one is conditional.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};

use footfall_infra::settings::{Domain, Settings, Site};
use footfall_infra::stack::Partition;
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp, ToSpan as _};
use serde::{Deserialize, Serialize};

use crate::catalog::checkpoint::Checkpoint;
use crate::catalog::imports::Import;
use crate::platform::context::Context;
use crate::platform::log;
use crate::segment::dictionary::Dictionaries;
use crate::segment::hit_batch::HitBatch;
use crate::segment::raw_hits::hits;
use crate::segment::{self, EncodedSegment, SegmentError};
use crate::storage::hour::utc_start;
use crate::storage::hour::{Hour, Span, utc_day};
use crate::storage::keys;
use crate::storage::range_items;
use crate::storage::retention;
use crate::storage::retention::retained_from;
use crate::storage::{Item, Key, KeyRange, PutOutcome, Store, StoreError};

/// An hour is folded so long after its end. A hit is stored within seconds of its time, or not at all;
/// the rest is for clocks that differ.
const HOUR_MARGIN: SignedDuration = SignedDuration::from_mins(5);

/// A day is folded so long after its end, from its hits: what came too late for its hour is still in.
const DAY_MARGIN: SignedDuration = SignedDuration::from_mins(60);

/// A day with hits that cannot be read is folded without them so long before they expire.
const WAIT_MARGIN: SignedDuration = SignedDuration::from_hours(2 * 24);

/// So many hits of an hour are worth a segment. One of a few hits is 3 KB, and costs about 4 write units
/// to store and 4 to delete: with fewer than this, it would cost more than a tenth of what the hits
/// did, and save next to nothing.
const LEAST: usize = 100;

/// So many texts of a column a segment keeps: more than a day of a site of readers has, of its pages or of anything.
/// Of those that are over, the rarest are one.
pub const MAX_DISTINCT_VALUES: usize = 10_000;

/// Folds the hits of all sites.
#[derive(Debug)]
pub struct Rollup<S, A> {
    settings: Settings,
    store: S,
    ambient: A,
    least: usize,
    /// Whether the store has no bytes of salts that were deleted. At first, nobody knows: a run may have
    /// been ended in between.
    is_purged: AtomicBool,
}

/// What there was to fold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Found {
    /// No hits.
    Nothing,
    /// Hits, and too few to be worth a segment of their own.
    Few,
    /// Hits, and now a segment of them.
    Folded,
    /// Hits that this version cannot read, as one before it could after a rollback: they wait for one
    /// that can, as long as they are there.
    Unreadable,
}

/// What a run did, and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// When it began.
    pub at: Timestamp,
    /// How many hours it folded.
    pub hours: u32,
    /// How many days it folded.
    pub days: u32,
}

/// Why something was not folded. The next run tries again.
#[derive(Debug, thiserror::Error)]
pub enum RollupError {
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A segment.
    #[error("the segment {0} cannot be made: {1}")]
    Segment(String, SegmentError),
    /// Something of a site; what came after it was done.
    #[error("{0} of {1} sites are not folded, of which the first: {2}")]
    Sites(usize, usize, Box<Self>),
}

impl<S: Store, A: Context> Rollup<S, A> {
    /// Folds the sites in `settings`, and those that once were.
    pub const fn new(settings: Settings, store: S, ambient: A) -> Self {
        Self { settings, store, ambient, least: LEAST, is_purged: AtomicBool::new(false) }
    }

    /// Folds every hour that has so many hits, in place of a hundred.
    #[must_use]
    pub const fn min_hits(mut self, hits: usize) -> Self {
        self.least = hits;
        self
    }

    /// Folds all that is closed, and deletes all that is over.
    ///
    /// # Errors
    /// If the store fails. What could be done for other sites is done.
    pub async fn run(&self) -> Result<Run, RollupError> {
        let now = self.ambient.now();
        let mut run = Run { at: now, hours: 0, days: 0 };
        let sites = self.sites().await?;
        let count = sites.len();
        let mut failed: Vec<RollupError> = Vec::new();
        let mut through: Option<Date> = None;
        for (site, mut checkpoint) in sites {
            if let Err(error) = self.site(&site, &mut checkpoint, now, &mut run).await {
                log::error("a site is not folded", format!("{}: {error}", site.domain));
                failed.push(error);
            }
            let folded = checkpoint.rolled_up_through.unwrap_or(Date::MIN);
            through = Some(through.map_or(folded, |day| day.min(folded)));
        }
        // A day that waits to be folded does not keep its salt: that has expired, and DynamoDB takes its time.
        let expired = utc_day(now).checked_sub(retention::SALT_DAYS.days()).unwrap_or(Date::MIN);
        let over = through.map_or(expired, |day| day.max(expired));
        if self.delete_all(&keys::salts_up_to(over)).await? > 0 {
            self.is_purged.store(false, Ordering::Relaxed);
        }
        // A salt is destroyed when nobody can find its bytes any more.
        if !self.is_purged.load(Ordering::Relaxed) {
            self.store.compact(Partition::Salts).await?;
            self.is_purged.store(true, Ordering::Relaxed);
        }
        if !failed.is_empty() {
            let others = failed.len();
            return Err(RollupError::Sites(others, count, Box::new(failed.swap_remove(0))));
        }
        let value =
            serde_json::to_vec(&run).map_err(|error| StoreError::Refused(error.to_string()))?;
        self.store.put(Item { key: keys::rollup_key(), value, expires: None }).await?;
        Ok(run)
    }

    /// The sites of the settings, and those that were in them once: their last hits are folded, too.
    async fn sites(&self) -> Result<Vec<(Site, Checkpoint)>, RollupError> {
        let mut known: BTreeMap<String, Checkpoint> = BTreeMap::new();
        // A site's checkpoint comes before its imports.
        for item in range_items(&self.store, &keys::checkpoints()).await? {
            if let Some((domain, id)) = keys::parse_import_key(&item.key) {
                known.entry(domain.to_owned()).or_default().add_import(id, Import::decode(&item)?);
            } else if let Some(domain) = keys::checkpoint_domain(&item.key) {
                known.insert(domain.to_owned(), Checkpoint::decode(&item)?);
            }
        }
        let sites = self.settings.sites.iter().cloned();
        let mut sites: Vec<(Site, Checkpoint)> = sites
            .map(|site| {
                let checkpoint = known.remove(site.domain.as_str()).unwrap_or_default();
                (site, checkpoint)
            })
            .collect();
        let gone = known.into_iter().filter_map(|(domain, checkpoint)| {
            let site = Site::of(Domain::try_from(domain).ok()?);
            Some((Site { retention_days: checkpoint.retention_days, ..site }, checkpoint))
        });
        sites.extend(gone);
        Ok(sites)
    }

    async fn site(
        &self,
        site: &Site,
        checkpoint: &mut Checkpoint,
        now: Timestamp,
        run: &mut Run,
    ) -> Result<(), RollupError> {
        let before = checkpoint.clone();
        let oldest = utc_day(retention::oldest_hit(site, now));
        let next = checkpoint.rolled_up_through.and_then(|day| day.tomorrow().ok());
        let from = next.map_or(oldest, |next| next.max(oldest));
        let today = utc_day(now);
        self.note_shards(checkpoint, today);
        checkpoint.retention_days = site.retention_days;
        for day in from.series(1.day()).take_while(|day| *day <= today) {
            if is_over(day, now) {
                match self.fold_day(site, checkpoint, day, now).await? {
                    Found::Nothing | Found::Few => checkpoint.rolled_up_through = Some(day),
                    Found::Folded => {
                        run.days += 1;
                        checkpoint.record_hits_on(day);
                        checkpoint.rolled_up_through = Some(day);
                        // What comes after it may fail.
                        checkpoint.save(&self.store, site).await?;
                    }
                    // Days are folded one after the other: those after it wait, too.
                    Found::Unreadable => break,
                }
            } else if self.fold_hours(site, checkpoint, day, now, run).await? {
                checkpoint.record_hits_on(day);
            }
        }
        self.note_shards(checkpoint, today);
        self.forget(site, checkpoint, now).await?;
        if *checkpoint != before {
            checkpoint.save(&self.store, site).await?;
        }
        Ok(())
    }

    /// Notes how many shards there may be. Those that the settings no longer have are read until the
    /// day on which that was seen is folded.
    fn note_shards(&self, checkpoint: &mut Checkpoint, today: Date) {
        let shards = self.settings.shards.get();
        if shards >= checkpoint.shards {
            checkpoint.shards = shards;
            checkpoint.pending_shard_reduction = None;
            return;
        }
        match checkpoint.pending_shard_reduction {
            Some((seen, on)) if seen == shards => {
                if checkpoint.is_rolled_up(on) {
                    checkpoint.shards = shards;
                    checkpoint.pending_shard_reduction = None;
                }
            }
            _ => checkpoint.pending_shard_reduction = Some((shards, today)),
        }
    }

    /// Folds a day, from its hits.
    async fn fold_day(
        &self,
        site: &Site,
        checkpoint: &Checkpoint,
        day: Date,
        now: Timestamp,
    ) -> Result<Found, RollupError> {
        let hours = Hour::of_day(day).collect();
        let found = self.fold(site, checkpoint, Span::Day(day), hours, now).await?;
        if found == Found::Folded {
            // They are in the day's segment; until it is there, they are not deleted.
            self.delete_all(&keys::hour_segments(site, day)).await?;
        }
        Ok(found)
    }

    /// Folds the hours of a day that are over, not folded yet and busy. True if there are any hits.
    async fn fold_hours(
        &self,
        site: &Site,
        checkpoint: &Checkpoint,
        day: Date,
        now: Timestamp,
        run: &mut Run,
    ) -> Result<bool, RollupError> {
        let folded = range_items(&self.store, &keys::hour_segments(site, day)).await?;
        let is_folded = |hour: &Hour| {
            let key = keys::segment_key(site, Span::Hour(*hour));
            folded.iter().any(|item| item.key == key)
        };
        let mut any = !folded.is_empty();
        for hour in Hour::of_day(day)
            .filter(|hour| hour_is_over(*hour, now))
            .filter(|hour| !is_folded(hour))
        {
            let found = self.fold(site, checkpoint, Span::Hour(hour), vec![hour], now).await?;
            any |= found != Found::Nothing;
            run.hours += u32::from(found == Found::Folded);
        }
        Ok(any)
    }

    /// Makes a segment of the hits of some hours, if they are worth it.
    async fn fold(
        &self,
        site: &Site,
        checkpoint: &Checkpoint,
        span: Span,
        hours: Vec<Hour>,
        now: Timestamp,
    ) -> Result<Found, RollupError> {
        let (mut rows, mut texts) = (HitBatch::default(), Dictionaries::default());
        let shards = checkpoint.shards(self.settings.shards.get());
        let unreadable = hits(&self.store, site, hours, shards, now, &mut rows, &mut texts).await?;
        if rows.is_empty() && unreadable == 0 {
            return Ok(Found::Nothing);
        }
        match span {
            Span::Hour(_) if unreadable > 0 || rows.len() < self.least => return Ok(Found::Few),
            Span::Day(day) if unreadable > 0 && waits(site, day, now) => {
                let what = format!("{day} of {}: {unreadable} hits cannot be read", site.domain);
                log::error("a day waits to be folded", what);
                return Ok(Found::Unreadable);
            }
            Span::Hour(_) | Span::Day(_) | Span::Imported(..) => {}
        }
        let encoded = encode_segment(site, span, rows, &mut texts, unreadable)?;
        let expires = retention::segment_expiry(site, span);
        let (first, rest) = segment_items(site, span, encoded, expires);
        put_segment(&self.store, first, rest).await?;
        Ok(Found::Folded)
    }

    /// Deletes the days that are older than the site's retention.
    async fn forget(
        &self,
        site: &Site,
        checkpoint: &mut Checkpoint,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let keep = retained_from(site, now);
        // What was imported goes with its day; its first day stays what it was.
        let mut from = checkpoint
            .first_day()
            .max(checkpoint.retained_from.filter(|_| checkpoint.first_day().is_some()));
        while let Some(first) = from.filter(|first| *first < keep) {
            let last = first.last_of_month().min(keep.yesterday().unwrap_or(first));
            self.delete_all(&keys::segments(site, first, last)).await?;
            from = last.tomorrow().ok();
        }
        checkpoint.first = checkpoint.first.map(|first| first.max(keep));
        checkpoint.retained_from = (keep > Date::MIN).then_some(keep);
        Ok(())
    }

    /// Deletes a range, and says how many items it had.
    async fn delete_all(&self, range: &KeyRange) -> Result<usize, StoreError> {
        let items = range_items(&self.store, range).await?;
        for item in &items {
            self.store.delete(&item.key).await?;
        }
        Ok(items.len())
    }
}

/// The segment of all hits of a span, in the order in which they came.
///
/// # Errors
/// [`RollupError::Segment`] if they cannot be written, for which there is no reason known.
pub fn encode_segment(
    site: &Site,
    span: Span,
    mut rows: HitBatch,
    texts: &mut Dictionaries,
    unreadable: u64,
) -> Result<EncodedSegment, RollupError> {
    let is_whole = !matches!(span, Span::Hour(_));
    if is_whole {
        rows.number_visitors();
    }
    rows.sort();
    if is_whole {
        // An hour's engagement may be of a view in the hour before: only a day has all of them.
        rows.attach_engagement(texts);
    }
    rows.limit_distinct_values(texts, MAX_DISTINCT_VALUES);
    segment::encode(site.domain.as_str(), &span.to_string(), &rows, texts, unreadable)
        .map_err(|error| RollupError::Segment(format!("{span} of {}", site.domain), error))
}

/// The items of a segment: the first part, and those to be stored before it.
///
/// Their keys are made from their bytes, so that those of two runs that saw different hits do not mix;
/// what no first part names is never read.
#[must_use]
pub fn segment_items(
    site: &Site,
    span: Span,
    encoded: EncodedSegment,
    expires: Option<i64>,
) -> (Item, Vec<Item>) {
    let EncodedSegment { first, rest, content_hash: id } = encoded;
    let rest = (1..).zip(rest).map(|(part, value)| {
        let key = keys::segment_part_key(site, span, part, &id);
        Item { key, value, expires }
    });
    let rest = rest.collect();
    (Item { key: keys::segment_key(site, span), value: first, expires }, rest)
}

/// Stores a segment, unless there is one already: that one is left as it is.
///
/// # Errors
/// If the store fails.
pub async fn put_segment<S: Store>(
    store: &S,
    first: Item,
    rest: Vec<Item>,
) -> Result<PutOutcome, StoreError> {
    let keys: Vec<Key> = rest.iter().map(|part| part.key.clone()).collect();
    for part in rest {
        store.put(part).await?;
    }
    let id = segment::header(&first.value).map(|header| header.content_hash).ok();
    let absent = store.put_if_absent(first).await?;
    if let PutOutcome::Existing(found) = &absent {
        let theirs = segment::header(&found.value).map(|header| header.content_hash).ok();
        if theirs != id {
            for key in &keys {
                store.delete(key).await?;
            }
        }
    }
    Ok(absent)
}

/// Whether hits of a day that cannot be read are waited for: until a few days before they expire.
fn waits(site: &Site, day: Date, now: Timestamp) -> bool {
    let expiry = utc_start(day).map(|start| retention::hit_expiry(site, start));
    expiry.is_ok_and(|expiry| now.as_second() + WAIT_MARGIN.as_secs() < expiry)
}

/// Whether an hour can be folded.
#[must_use]
pub fn hour_is_over(hour: Hour, now: Timestamp) -> bool {
    hour.end().checked_add(HOUR_MARGIN).is_ok_and(|at| at <= now)
}

/// Whether a day can be folded.
#[must_use]
pub fn is_over(day: Date, now: Timestamp) -> bool {
    let end = day.tomorrow().and_then(utc_start);
    end.and_then(|end| end.checked_add(DAY_MARGIN)).is_ok_and(|at| at <= now)
}
