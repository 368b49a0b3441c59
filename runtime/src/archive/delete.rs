//! Permanent deletion of hits by day and page. For the deployer and tests; no function does this.
//!
//! It takes two rounds. The first replaces every segment that has matching hits by one without them. The new first
//! part is stored last and makes the others visible, so a reader sees either the old segment or the new one. A finished
//! hour or day that is not rolled up yet gets a segment without its matching hits. The rollup then keeps that one.
//!
//! The second round runs once nobody reads the old segments any more. It deletes their parts and the hits themselves.
//!
//! Both rounds depend only on what is stored, so a deletion that was interrupted is finished by running it again.
//!
//! A segment that becomes empty stays. As long as it exists, its day is read from nothing else, and the rollup does
//! not make another one.

use std::collections::{BTreeMap, BTreeSet};

use footfall_infra::settings::PagePattern;
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use jiff::civil::Date;

use crate::archive::RawData;
use crate::hit::rate_limit::RateLimiter;
use crate::hit::{Kind, Record};
use crate::rollup::{self, RollupError};
use crate::segment::column::Column;
use crate::segment::dictionary::{DictKey, Dictionaries, NULL_KEY};
use crate::segment::hit_batch::HitBatch;
use crate::segment::stored::StoredSegment;
use crate::segment::{self, SegmentError};
use crate::storage::hour::{Hour, Span};
use crate::storage::keys;
use crate::storage::range_items;
use crate::storage::retention;
use crate::storage::{Item, Key, Store, StoreError};

/// Number of concurrent store requests.
const CONCURRENT_REQUESTS: usize = 32;

/// Maximum attempts at a day that the rollup changes meanwhile.
const MAX_ATTEMPTS: usize = 5;

/// The columns that decide whether a hit matches.
const MATCHED_COLUMNS: &[Column] = &[Column::Host, Column::Page, Column::Exclusion];

/// Selects the hits to delete: those of the given days and pages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeleteFilter {
    /// The first day of UTC.
    pub from: Date,
    /// The last day of UTC.
    pub to: Date,
    /// The pages. If empty, every page.
    pub pages: Vec<PagePattern>,
}

/// The matching hits.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Matches {
    /// The number of hits, excluded ones included.
    pub hits: u64,
    /// The number of excluded hits among them.
    pub filtered: u64,
    /// The days that have such hits.
    pub days: BTreeSet<Date>,
    /// The number of such hits by page.
    pub pages: BTreeMap<String, u64>,
    /// The number of items that are in no report: matching hits that are rolled up already or came too late for it, and
    /// parts of old segments that an interrupted deletion left behind.
    pub stale_items: u64,
    /// Messages about segments that cannot be read. They are replaced only if every page is deleted.
    pub incomplete: Vec<String>,
}

/// A deletion of hits.
#[derive(Debug)]
pub struct DeleteJob<'a, S> {
    raw_data: RawData<'a, S>,
    filter: &'a DeleteFilter,
}

/// Keys to delete once nobody reads their items any more.
type StaleKeys = Vec<Key>;

impl DeleteFilter {
    fn is_every_page(&self) -> bool {
        self.pages.is_empty()
    }

    fn has_page(&self, page: &str) -> bool {
        self.is_every_page() || self.pages.iter().any(|pattern| pattern.matches(page))
    }

    /// Whether a stored hit matches. One that cannot be read has no known page, so it matches only if every page does.
    fn matches(&self, item: &Item) -> bool {
        match Kind::decode(&item.value) {
            Ok(Kind::Hit(hit)) => self.has_page(&page_name(hit.host.as_deref(), &hit.page)),
            Ok(Kind::Engagement(engagement)) => {
                self.has_page(&page_name(engagement.host.as_deref(), &engagement.page))
            }
            Ok(Kind::Excluded(excluded)) => self.has_page(&excluded.page),
            Err(_) => self.is_every_page(),
        }
    }
}

/// Returns a page as the dashboard shows it.
fn page_name(host: Option<&str>, page: &str) -> String {
    format!("{}{page}", host.unwrap_or_default())
}

/// The pages of rows, cached by the keys of host and path.
struct Pages<'t> {
    dictionaries: &'t Dictionaries,
    known: BTreeMap<(DictKey, DictKey), (String, bool)>,
}

impl<'t> Pages<'t> {
    fn new(dictionaries: &'t Dictionaries) -> Self {
        Self { dictionaries, known: BTreeMap::new() }
    }

    /// Returns the page of a row, and whether it matches.
    fn of(&mut self, rows: &HitBatch, row: usize, filter: &DeleteFilter) -> &(String, bool) {
        let keys = (rows.column(Column::Host)[row], rows.column(Column::Page)[row]);
        self.known.entry(keys).or_insert_with(|| {
            let value = |column, key| self.dictionaries.of(column).value(key);
            let path = value(Column::Page, keys.1).unwrap_or_default();
            let page = page_name(value(Column::Host, keys.0), path);
            let is_match = filter.has_page(&page);
            (page, is_match)
        })
    }
}

impl<'a, S: Store> DeleteJob<'a, S> {
    /// Makes a deletion of the hits that match `filter`.
    #[must_use]
    pub const fn new(raw_data: RawData<'a, S>, filter: &'a DeleteFilter) -> Self {
        Self { raw_data, filter }
    }

    /// Iterates over the days that may have matching hits.
    pub fn days(&self) -> impl Iterator<Item = Date> + use<S> {
        self.raw_data.days(self.filter.from, self.filter.to)
    }

    /// Counts the matching hits of a day. Changes nothing.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub async fn count(&self, date: Date, found: &mut Matches) -> Result<(), StoreError> {
        let (rows, dictionaries, incomplete) = self.raw_data.day(date).await?.into_rows();
        found.incomplete.extend(incomplete);
        let before = found.hits;
        let mut pages = Pages::new(&dictionaries);
        for row in 0..rows.len() {
            let (page, is_match) = pages.of(&rows, row, self.filter);
            if *is_match {
                found.hits += 1;
                found.filtered += u64::from(rows.column(Column::Exclusion)[row] != NULL_KEY);
                *found.pages.entry(page.clone()).or_default() += 1;
            }
        }
        if found.hits > before {
            found.days.insert(date);
        }
        // Stored hits that are not rolled up yet were counted above.
        let segments = self.raw_data.segments(date).await?;
        let own = Span::Day(date).in_month();
        let has_own = segments.iter().any(|segment| segment.name == own);
        let is_rolled_up = has_own || self.raw_data.checkpoint.is_rolled_up(date);
        let hours: Vec<Hour> = segments.iter().filter_map(|it| it.hour(date)).collect();
        let orphaned: usize = segments.iter().map(|segment| segment.orphaned_parts.len()).sum();
        let mut stale_items = orphaned + if has_own { hours.len() } else { 0 };
        for (hour, hits) in self.hits(date).await? {
            if is_rolled_up || hours.contains(&hour) {
                stale_items += hits.iter().filter(|hit| self.filter.matches(hit)).count();
            }
        }
        found.stale_items += u64::try_from(stale_items).unwrap_or_default();
        Ok(())
    }

    /// Runs the first round for a day. Afterwards no report has matching hits of finished hours. Returns the keys for
    /// the second round.
    ///
    /// # Errors
    /// If the store fails, or a segment cannot be encoded or decoded.
    pub async fn rewrite(&self, date: Date) -> Result<StaleKeys, RollupError> {
        let mut attempts = 1;
        loop {
            let hits = self.hits(date).await?;
            let segments = self.raw_data.segments(date).await?;
            let own = Span::Day(date).in_month();
            let has_own = segments.iter().any(|segment| segment.name == own);
            let is_unrolled = !has_own && !self.raw_data.checkpoint.is_rolled_up(date);
            let is_new = is_unrolled && self.roll_up(date, &segments, &hits).await?;
            if is_new && attempts < MAX_ATTEMPTS {
                // The new segment may also be the rollup's. Treat it like any other.
                attempts += 1;
                continue;
            }
            let mut stale = StaleKeys::new();
            for mut segment in segments {
                stale.append(&mut segment.orphaned_parts);
                if has_own && segment.hour(date).is_some() {
                    // The day's segment contains its hits already.
                    stale.extend(segment.parts.into_iter().map(|part| part.key));
                } else {
                    stale.extend(self.rewrite_segment(date, segment).await?);
                }
            }
            let hits = hits.into_values().flatten().filter(|hit| self.filter.matches(hit));
            stale.extend(hits.map(|hit| hit.key));
            return Ok(stale);
        }
    }

    /// Runs the second round for a day: deletes the stale items. Returns their number.
    ///
    /// # Errors
    /// If the store fails, or a segment cannot be encoded or decoded.
    pub async fn sweep(&self, date: Date) -> Result<u64, RollupError> {
        // The rollup may have rolled up the day since the first round, from hits that it had read before.
        let stale = self.rewrite(date).await?;
        let count = u64::try_from(stale.len()).unwrap_or_default();
        let deletes = stale.iter().map(|key| self.raw_data.store.delete(key));
        let deletes = stream::iter(deletes).buffer_unordered(CONCURRENT_REQUESTS);
        deletes.try_collect::<()>().await?;
        Ok(count)
    }

    /// Reads the stored hits of a day, by hour.
    async fn hits(&self, date: Date) -> Result<BTreeMap<Hour, Vec<Item>>, StoreError> {
        let RawData { store, site, shards, .. } = self.raw_data;
        let reads = self.raw_data.hours_with_hits(date).map(|hour| async move {
            let mut items = Vec::new();
            for shard in 0..shards {
                items.extend(range_items(store, &keys::hits(site, hour, shard)).await?);
            }
            // Sorted by time, as the rollup reads them.
            items.sort_by(|one, other| one.key.sk.cmp(&other.key.sk));
            Ok::<_, StoreError>((hour, items))
        });
        stream::iter(reads).buffered(CONCURRENT_REQUESTS).try_collect().await
    }

    /// Rolls up the finished hours that have matching hits, without these, or the whole day if it is over. Returns
    /// whether there is a new segment.
    async fn roll_up(
        &self,
        date: Date,
        segments: &[StoredSegment],
        hits: &BTreeMap<Hour, Vec<Item>>,
    ) -> Result<bool, RollupError> {
        if rollup::is_over(date, self.raw_data.now) {
            return self.make_segment(Span::Day(date), hits.values().flatten().collect()).await;
        }
        let mut is_new = false;
        for (hour, hits) in hits {
            let is_rolled_up = segments.iter().any(|segment| segment.hour(date) == Some(*hour));
            if !is_rolled_up && rollup::hour_is_over(*hour, self.raw_data.now) {
                is_new |= self.make_segment(Span::Hour(*hour), hits.iter().collect()).await?;
            }
        }
        Ok(is_new)
    }

    /// Stores a segment without the matching hits, unless the span has one by now. Does nothing and returns false if no
    /// hit matches.
    async fn make_segment(&self, span: Span, hits: Vec<&Item>) -> Result<bool, RollupError> {
        if !hits.iter().any(|item| self.filter.matches(item)) {
            return Ok(false);
        }
        let (mut batch, mut dictionaries) = (HitBatch::default(), Dictionaries::default());
        let mut rate_limiter = RateLimiter::default();
        let mut hits: Vec<&Item> =
            hits.into_iter().filter(|item| !self.has_expired(item)).collect();
        hits.sort_by(|one, other| one.key.sk.cmp(&other.key.sk));
        for item in hits {
            let is_match = self.filter.matches(item);
            let kind = Kind::decode(&item.value).ok();
            match kind.zip(keys::hit_time(&item.key.sk)) {
                Some((kind, at)) => {
                    // Matching hits count towards the rate limit, as they did before.
                    let record = rate_limiter.exclude_over_limit(Record { at, kind });
                    if !is_match {
                        batch.push(&mut dictionaries, &record);
                    }
                }
                None if is_match => {}
                // A newer version may be able to read it, so leave the rollup to that one.
                None => return Ok(false),
            }
        }
        let site = self.raw_data.site;
        let encoded = rollup::encode_segment(site, span, batch, &mut dictionaries, 0)?;
        let expires = retention::segment_expiry(site, span);
        let (first, rest) = rollup::segment_items(site, span, encoded, expires);
        rollup::put_segment(self.raw_data.store, first, rest).await?;
        Ok(true)
    }

    /// Whether a stored hit has expired, so readers ignore it.
    fn has_expired(&self, item: &Item) -> bool {
        item.expires.is_some_and(|expires| expires <= self.raw_data.now.as_second())
    }

    /// Replaces a segment that has matching hits by one without them. Returns the keys of its old parts.
    async fn rewrite_segment(
        &self,
        date: Date,
        segment: StoredSegment,
    ) -> Result<StaleKeys, RollupError> {
        let Some((batch, dictionaries, unreadable)) = self.without_matches(date, &segment)? else {
            return Ok(StaleKeys::new());
        };
        let span = segment.span(date);
        let site = self.raw_data.site.domain.as_str();
        let encoded = segment::encode(site, &span, &batch, &dictionaries, unreadable)
            .map_err(|error| self.segment_error(&span, error))?;
        let Some(old) = segment.parts.first() else { return Ok(StaleKeys::new()) };
        let (pk, expires) = (old.key.pk.clone(), old.expires);
        let mut kept = BTreeSet::new();
        for (part, value) in (1..).zip(encoded.rest) {
            let sk = format!("{}#{part:02}#{}", segment.name, encoded.content_hash);
            kept.insert(sk.clone());
            let key = Key { pk: pk.clone(), sk };
            self.raw_data.store.put(Item { key, value, expires }).await?;
        }
        let key = Key { pk, sk: format!("{}#00", segment.name) };
        kept.insert(key.sk.clone());
        let first = Item { key, value: encoded.first, expires };
        // Replaces only the segment that was read, and no newer one.
        if !self.raw_data.store.compare_and_set(first, &old.file).await? {
            let what = format!("another process changed the segment {span}; run this again");
            return Err(StoreError::Refused(what).into());
        }
        let old = segment.parts.into_iter().map(|part| part.key);
        Ok(old.filter(|key| !kept.contains(&key.sk)).collect())
    }

    /// Returns a segment's hits without the matching ones, and how many hits it lacks. `None` if the segment stays.
    fn without_matches(
        &self,
        date: Date,
        segment: &StoredSegment,
    ) -> Result<Option<(HitBatch, Dictionaries, u64)>, RollupError> {
        let mut dictionaries = Dictionaries::default();
        if self.filter.is_every_page() {
            let is_empty = segment.rows(&[], &mut dictionaries).is_ok_and(|rows| rows.is_empty());
            let stays = is_empty && segment.unreadable() == 0;
            return Ok((!stays).then(|| (HitBatch::default(), dictionaries, 0)));
        }
        if segment.problem().is_some() {
            // `count` reports it as incomplete.
            return Ok(None);
        }
        let named = |error| self.segment_error(&segment.span(date), error);
        let rows = segment.rows(MATCHED_COLUMNS, &mut dictionaries).map_err(named)?;
        let matches = self.matching_rows(&rows, &dictionaries);
        if matches.is_empty() {
            return Ok(None);
        }
        let mut dictionaries = Dictionaries::default();
        let rows = segment.rows(&Column::ALL, &mut dictionaries).map_err(named)?;
        let kept: Vec<usize> = (0..rows.len()).filter(|row| !matches.contains(row)).collect();
        Ok(Some((rows.select_rows(&kept), dictionaries, segment.unreadable())))
    }

    fn segment_error(&self, span: &str, error: SegmentError) -> RollupError {
        RollupError::Segment(format!("{span} of {}", self.raw_data.site.domain), error)
    }

    fn matching_rows(&self, rows: &HitBatch, dictionaries: &Dictionaries) -> BTreeSet<usize> {
        let mut pages = Pages::new(dictionaries);
        (0..rows.len()).filter(|row| pages.of(rows, *row, self.filter).1).collect()
    }
}
