//! The rollup: turns the hits of finished hours and days into segments, and deletes data past its retention.
//!
//! It is safe to run repeatedly, concurrently, and after a crash at any point. A segment is a pure function of its
//! hits, and becomes visible with its last write, which is conditional.

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
use crate::segment::raw_hits::HitReader;
use crate::segment::{self, EncodedSegment, SegmentError};
use crate::storage::hour::utc_start;
use crate::storage::hour::{Hour, Span, utc_day};
use crate::storage::keys;
use crate::storage::range_items;
use crate::storage::retention;
use crate::storage::retention::retained_from;
use crate::storage::{Item, Key, KeyRange, PutOutcome, Store, StoreError};

/// Delay between the end of an hour and its rollup. A hit is stored within seconds or not at all; the rest allows for
/// clocks that differ.
const HOUR_MARGIN: SignedDuration = SignedDuration::from_mins(5);

/// Delay between the end of a day and its rollup. A day is rolled up from its hits, so it includes those that came too
/// late for their hour's segment.
const DAY_MARGIN: SignedDuration = SignedDuration::from_mins(60);

/// How long before its hits expire a day with unreadable hits is rolled up without them.
const EXPIRY_MARGIN: SignedDuration = SignedDuration::from_hours(2 * 24);

/// Minimum hits for a segment of an hour.
///
/// A small segment has 3 KB, and costs about 4 write units to store and 4 to delete. With fewer hits, that is more than
/// a tenth of what the hits cost, and saves next to nothing.
const MIN_HITS_PER_SEGMENT: usize = 100;

/// Maximum number of distinct values a segment keeps per column. The rarest values beyond it become one.
///
/// A day of a site that people read has fewer pages, and fewer values of any other column.
pub const MAX_DISTINCT_VALUES: usize = 10_000;

/// Rolls up the hits of all sites.
#[derive(Debug)]
pub struct Rollup<S, A> {
    settings: Settings,
    store: S,
    context: A,
    min_hits: usize,
    /// Whether the store is free of the bytes of deleted salts. Initially false, because an earlier run may have ended
    /// between the deletion and the compaction.
    is_compacted: AtomicBool,
}

/// The outcome of rolling up an hour or a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    /// There were no hits.
    NoHits,
    /// Too few hits for an hourly segment.
    TooFew,
    /// The hits have a segment.
    RolledUp,
    /// Postponed, because this version cannot read some hits. A newer version may have written them before a rollback,
    /// and can read them if it is deployed again in time.
    Postponed,
}

/// Summary of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// When the run began.
    pub at: Timestamp,
    /// The number of hours it rolled up.
    pub hours: u32,
    /// The number of days it rolled up.
    pub days: u32,
}

/// Why a rollup failed. The next run tries again.
#[derive(Debug, thiserror::Error)]
pub enum RollupError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A segment could not be encoded or decoded.
    #[error("cannot make the segment {0}: {1}")]
    Segment(String, SegmentError),
    /// Some sites failed. The others were rolled up.
    #[error("cannot roll up {0} of {1} sites; the first error is: {2}")]
    Sites(usize, usize, Box<Self>),
}

impl<S: Store, A: Context> Rollup<S, A> {
    /// Makes a rollup of the sites in `settings`, and of those that were in earlier settings.
    pub const fn new(settings: Settings, store: S, context: A) -> Self {
        Self {
            settings,
            store,
            context,
            min_hits: MIN_HITS_PER_SEGMENT,
            is_compacted: AtomicBool::new(false),
        }
    }

    /// Sets the minimum hits for a segment of an hour, 100 by default.
    #[must_use]
    pub const fn min_hits(mut self, hits: usize) -> Self {
        self.min_hits = hits;
        self
    }

    /// Rolls up everything that is finished, and deletes everything past its retention.
    ///
    /// # Errors
    /// If the store fails. An error of one site does not stop the others.
    pub async fn run(&self) -> Result<Run, RollupError> {
        let now = self.context.now();
        let mut run = Run { at: now, hours: 0, days: 0 };
        let sites = self.sites().await?;
        let count = sites.len();
        let mut failed: Vec<RollupError> = Vec::new();
        let mut through: Option<Date> = None;
        for (site, mut checkpoint) in sites {
            if let Err(error) = self.roll_up_site(&site, &mut checkpoint, now, &mut run).await {
                log::error("a site is not rolled up", format!("{}: {error}", site.domain));
                failed.push(error);
            }
            let rolled_up = checkpoint.rolled_up_through.unwrap_or(Date::MIN);
            through = Some(through.map_or(rolled_up, |day| day.min(rolled_up)));
        }
        // A postponed day does not keep its salt beyond the expiry, which DynamoDB may enforce days late.
        let expired = utc_day(now).checked_sub(retention::SALT_DAYS.days()).unwrap_or(Date::MIN);
        let last = through.map_or(expired, |day| day.max(expired));
        if self.delete_all(&keys::salts_up_to(last)).await? > 0 {
            self.is_compacted.store(false, Ordering::Relaxed);
        }
        // A salt is destroyed only when its bytes are gone from the disk too.
        if !self.is_compacted.load(Ordering::Relaxed) {
            self.store.compact(Partition::Salts).await?;
            self.is_compacted.store(true, Ordering::Relaxed);
        }
        if !failed.is_empty() {
            let failures = failed.len();
            return Err(RollupError::Sites(failures, count, Box::new(failed.swap_remove(0))));
        }
        let value =
            serde_json::to_vec(&run).map_err(|error| StoreError::Refused(error.to_string()))?;
        self.store.put(Item { key: keys::rollup_key(), value, expires: None }).await?;
        Ok(run)
    }

    /// Returns the sites in the settings, and those of earlier settings, whose last hits are rolled up too.
    async fn sites(&self) -> Result<Vec<(Site, Checkpoint)>, RollupError> {
        let mut known: BTreeMap<String, Checkpoint> = BTreeMap::new();
        // Items are sorted, so a site's checkpoint comes before its imports.
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
        let removed = known.into_iter().filter_map(|(domain, checkpoint)| {
            let site = Site::of(Domain::try_from(domain).ok()?);
            Some((Site { retention_days: checkpoint.retention_days, ..site }, checkpoint))
        });
        sites.extend(removed);
        Ok(sites)
    }

    async fn roll_up_site(
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
        self.record_shards(checkpoint, today);
        checkpoint.retention_days = site.retention_days;
        for day in from.series(1.day()).take_while(|day| *day <= today) {
            if is_over(day, now) {
                match self.roll_up_day(site, checkpoint, day, now).await? {
                    Outcome::NoHits | Outcome::TooFew => checkpoint.rolled_up_through = Some(day),
                    Outcome::RolledUp => {
                        run.days += 1;
                        checkpoint.record_hits_on(day);
                        checkpoint.rolled_up_through = Some(day);
                        // Saved now, because a later day may fail.
                        checkpoint.save(&self.store, site).await?;
                    }
                    // Days are rolled up in order, so later days wait too.
                    Outcome::Postponed => break,
                }
            } else if self.roll_up_hours(site, checkpoint, day, now, run).await? {
                checkpoint.record_hits_on(day);
            }
        }
        self.record_shards(checkpoint, today);
        self.apply_retention(site, checkpoint, now).await?;
        if *checkpoint != before {
            checkpoint.save(&self.store, site).await?;
        }
        Ok(())
    }

    /// Records how many shards may hold hits.
    ///
    /// If the settings reduce the number, the removed shards are still read until the day when the rollup first saw the
    /// reduction is rolled up.
    fn record_shards(&self, checkpoint: &mut Checkpoint, today: Date) {
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

    /// Rolls up a day from its hits.
    async fn roll_up_day(
        &self,
        site: &Site,
        checkpoint: &Checkpoint,
        day: Date,
        now: Timestamp,
    ) -> Result<Outcome, RollupError> {
        let hours = Hour::of_day(day).collect();
        let outcome = self.roll_up(site, checkpoint, Span::Day(day), hours, now).await?;
        if outcome == Outcome::RolledUp {
            // The day's segment is stored and contains their hits, so they can go.
            self.delete_all(&keys::hour_segments(site, day)).await?;
        }
        Ok(outcome)
    }

    /// Rolls up the busy hours of a day that are over and not rolled up yet. Returns whether there are any hits.
    async fn roll_up_hours(
        &self,
        site: &Site,
        checkpoint: &Checkpoint,
        day: Date,
        now: Timestamp,
        run: &mut Run,
    ) -> Result<bool, RollupError> {
        let existing = range_items(&self.store, &keys::hour_segments(site, day)).await?;
        let is_rolled_up = |hour: &Hour| {
            let key = keys::segment_key(site, Span::Hour(*hour));
            existing.iter().any(|item| item.key == key)
        };
        let mut has_hits = !existing.is_empty();
        for hour in Hour::of_day(day)
            .filter(|hour| hour_is_over(*hour, now))
            .filter(|hour| !is_rolled_up(hour))
        {
            let outcome = self.roll_up(site, checkpoint, Span::Hour(hour), vec![hour], now).await?;
            has_hits |= outcome != Outcome::NoHits;
            run.hours += u32::from(outcome == Outcome::RolledUp);
        }
        Ok(has_hits)
    }

    /// Makes the segment of a span from the hits of its hours, if they are worth one.
    async fn roll_up(
        &self,
        site: &Site,
        checkpoint: &Checkpoint,
        span: Span,
        hours: Vec<Hour>,
        now: Timestamp,
    ) -> Result<Outcome, RollupError> {
        let (mut batch, mut dictionaries) = (HitBatch::default(), Dictionaries::default());
        let shards = checkpoint.shards(self.settings.shards.get());
        let reader = HitReader { store: &self.store, site, shards, now };
        let unreadable = reader.read_hours(hours, &mut batch, &mut dictionaries).await?;
        if batch.is_empty() && unreadable == 0 {
            return Ok(Outcome::NoHits);
        }
        match span {
            Span::Hour(_) if unreadable > 0 || batch.len() < self.min_hits => {
                return Ok(Outcome::TooFew);
            }
            Span::Day(day) if unreadable > 0 && should_wait(site, day, now) => {
                let what = format!("{day} of {}: {unreadable} hits cannot be read", site.domain);
                log::error("the rollup of a day is postponed", what);
                return Ok(Outcome::Postponed);
            }
            Span::Hour(_) | Span::Day(_) | Span::Imported(..) => {}
        }
        let encoded = encode_segment(site, span, batch, &mut dictionaries, unreadable)?;
        let expires = retention::segment_expiry(site, span);
        let (first, rest) = segment_items(site, span, encoded, expires);
        put_segment(&self.store, first, rest).await?;
        Ok(Outcome::RolledUp)
    }

    /// Deletes the days that are past the site's retention.
    async fn apply_retention(
        &self,
        site: &Site,
        checkpoint: &mut Checkpoint,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let keep = retained_from(site, now);
        // Imported segments are deleted with their days, but an import's own item keeps its first day.
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

    /// Deletes all items of a range. Returns their number.
    async fn delete_all(&self, range: &KeyRange) -> Result<usize, StoreError> {
        let items = range_items(&self.store, range).await?;
        for item in &items {
            self.store.delete(&item.key).await?;
        }
        Ok(items.len())
    }
}

/// Encodes the segment of a span from its hits, given in the order of arrival.
///
/// # Errors
/// [`RollupError::Segment`] if encoding fails, which is not expected to happen.
pub fn encode_segment(
    site: &Site,
    span: Span,
    mut batch: HitBatch,
    dictionaries: &mut Dictionaries,
    unreadable: u64,
) -> Result<EncodedSegment, RollupError> {
    let is_whole = !matches!(span, Span::Hour(_));
    if is_whole {
        batch.number_visitors();
    }
    batch.sort();
    if is_whole {
        // Only a day has all views: an engagement record may belong to a view in the previous hour.
        batch.attach_engagement(dictionaries);
    }
    batch.limit_distinct_values(dictionaries, MAX_DISTINCT_VALUES);
    segment::encode(site.domain.as_str(), &span.to_string(), &batch, dictionaries, unreadable)
        .map_err(|error| RollupError::Segment(format!("{span} of {}", site.domain), error))
}

/// Returns the items of a segment: its first part, and the others, which must be stored before it.
///
/// The others' keys contain the hash of their bytes, so parts of two runs that saw different hits never mix. Readers
/// ignore parts that no first part refers to.
#[must_use]
pub fn segment_items(
    site: &Site,
    span: Span,
    encoded: EncodedSegment,
    expires: Option<i64>,
) -> (Item, Vec<Item>) {
    let EncodedSegment { first, rest, content_hash } = encoded;
    let rest = (1..).zip(rest).map(|(part, value)| {
        let key = keys::segment_part_key(site, span, part, &content_hash);
        Item { key, value, expires }
    });
    let rest = rest.collect();
    (Item { key: keys::segment_key(site, span), value: first, expires }, rest)
}

/// Stores a segment, unless the span has one already, which then stays.
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
    let own_hash = segment::header(&first.value).map(|header| header.content_hash).ok();
    let outcome = store.put_if_absent(first).await?;
    if let PutOutcome::Existing(existing) = &outcome {
        let hash = segment::header(&existing.value).map(|header| header.content_hash).ok();
        if hash != own_hash {
            for key in &keys {
                store.delete(key).await?;
            }
        }
    }
    Ok(outcome)
}

/// Whether to postpone a day with unreadable hits. Gives up two days before they expire.
fn should_wait(site: &Site, day: Date, now: Timestamp) -> bool {
    let expiry = utc_start(day).map(|start| retention::hit_expiry(site, start));
    expiry.is_ok_and(|expiry| now.as_second() + EXPIRY_MARGIN.as_secs() < expiry)
}

/// Whether an hour can be rolled up.
#[must_use]
pub fn hour_is_over(hour: Hour, now: Timestamp) -> bool {
    hour.end().checked_add(HOUR_MARGIN).is_ok_and(|at| at <= now)
}

/// Whether a day can be rolled up.
#[must_use]
pub fn is_over(day: Date, now: Timestamp) -> bool {
    let end = day.tomorrow().and_then(utc_start);
    end.and_then(|end| end.checked_add(DAY_MARGIN)).is_ok_and(|at| at <= now)
}
