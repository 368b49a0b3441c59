//! Deleting hits for good, by day and by page. For the deployer and tests: no function does it.
//!
//! It goes in two rounds. First, whatever holds such a hit and is closed becomes a segment without it: a
//! segment that is there is replaced by its first part, which is stored last and makes the rest visible; for
//! a day or an hour that is over and not folded yet, one is made, which the rollup then leaves as it is. A
//! reader sees the old one or the new one. Then, once nobody reads the old ones any more, all that is left of
//! them goes, and the hits themselves. Both rounds look at what is stored and at nothing else: after an end
//! anywhere, doing it again finishes it.
//!
//! A segment without rows stays: as long as it is there, its day is read from nothing else, and nothing that
//! is folded takes its place.

use std::collections::{BTreeMap, BTreeSet};

use footfall_infra::settings::PagePattern;
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use jiff::civil::Date;

use crate::archive::{RawData, Segment};
use crate::hit::rate_limit::RateLimiter;
use crate::hit::{Kind, Record};
use crate::rollup::{self, RollupError};
use crate::segment;
use crate::segment::column::Column;
use crate::segment::dictionary::{DictKey, Dictionaries, NULL_KEY};
use crate::segment::hit_batch::HitBatch;
use crate::storage::hour::{Hour, Span};
use crate::storage::keys;
use crate::storage::range_items;
use crate::storage::retention;
use crate::storage::{Item, Key, PutOutcome, Store, StoreError};

/// How many items are deleted at once.
const AT_ONCE: usize = 32;

/// How often a day is looked at again that the rollup folds meanwhile.
const TRIES: usize = 5;

/// The columns by which a hit is chosen.
const COLUMNS: &[Column] = &[Column::Host, Column::Page, Column::Exclusion];

/// Which hits of a site are deleted: those that are of the days and of the pages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeleteFilter {
    /// The first day of UTC.
    pub from: Date,
    /// The last day of UTC.
    pub to: Date,
    /// The pages; all if there are none.
    pub pages: Vec<PagePattern>,
}

/// What there is to delete.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Matches {
    /// Hits that reports count or count apart.
    pub hits: u64,
    /// How many of them are of programs.
    pub filtered: u64,
    /// The days that they are of.
    pub days: BTreeSet<Date>,
    /// How many there are of each page.
    pub pages: BTreeMap<String, u64>,
    /// Items that are in no report: such hits that are folded already, or came too late for it, and what a
    /// deletion that was ended left of old segments.
    pub stale_items: u64,
    /// Segments that cannot be read, in words. They are replaced only if every page is meant.
    pub incomplete: Vec<String>,
}

/// A deletion.
#[derive(Debug)]
pub struct DeleteJob<'a, S> {
    archive: RawData<'a, S>,
    what: &'a DeleteFilter,
}

/// What is to be deleted of a day after nobody reads it any more.
type Rest = Vec<Key>;

impl DeleteFilter {
    fn is_every_page(&self) -> bool {
        self.pages.is_empty()
    }

    fn has_page(&self, page: &str) -> bool {
        self.is_every_page() || self.pages.iter().any(|pattern| pattern.matches(page))
    }

    /// Whether an item is such a hit. What cannot be read is of no page that is known.
    fn has_hit(&self, item: &Item) -> bool {
        match Kind::decode(&item.value) {
            Ok(Kind::Hit(hit)) => self.has_page(&named(hit.host.as_deref(), &hit.page)),
            Ok(Kind::Engagement(said)) => self.has_page(&named(said.host.as_deref(), &said.page)),
            Ok(Kind::Excluded(filtered)) => self.has_page(&filtered.page),
            Err(_) => self.is_every_page(),
        }
    }
}

/// A page as it is shown.
fn named(host: Option<&str>, page: &str) -> String {
    format!("{}{page}", host.unwrap_or_default())
}

/// The pages of rows, by the codes of their hosts and paths.
struct Pages<'t> {
    texts: &'t Dictionaries,
    known: BTreeMap<(DictKey, DictKey), (String, bool)>,
}

impl<'t> Pages<'t> {
    fn new(texts: &'t Dictionaries) -> Self {
        Self { texts, known: BTreeMap::new() }
    }

    /// The page of a row, and whether it is meant.
    fn of(&mut self, rows: &HitBatch, row: usize, what: &DeleteFilter) -> &(String, bool) {
        let codes = (rows.column(Column::Host)[row], rows.column(Column::Page)[row]);
        self.known.entry(codes).or_insert_with(|| {
            let text = |column, code| self.texts.of(column).value(code);
            let path = text(Column::Page, codes.1).unwrap_or_default();
            let page = named(text(Column::Host, codes.0), path);
            let is_meant = what.has_page(&page);
            (page, is_meant)
        })
    }
}

impl<'a, S: Store> DeleteJob<'a, S> {
    /// A deletion of what is in an archive.
    #[must_use]
    pub const fn new(archive: RawData<'a, S>, what: &'a DeleteFilter) -> Self {
        Self { archive, what }
    }

    /// The days that are looked at.
    pub fn days(&self) -> impl Iterator<Item = Date> + use<S> {
        self.archive.days(self.what.from, self.what.to)
    }

    /// Counts what there is to delete on a day. Changes nothing.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub async fn count(&self, date: Date, found: &mut Matches) -> Result<(), StoreError> {
        let (rows, texts, incomplete) = self.archive.day(date).await?.into_rows();
        found.incomplete.extend(incomplete);
        let before = found.hits;
        let mut pages = Pages::new(&texts);
        for row in 0..rows.len() {
            let (page, is_meant) = pages.of(&rows, row, self.what);
            if *is_meant {
                found.hits += 1;
                found.filtered += u64::from(rows.column(Column::Exclusion)[row] != NULL_KEY);
                *found.pages.entry(page.clone()).or_default() += 1;
            }
        }
        if found.hits > before {
            found.days.insert(date);
        }
        // Those of which nothing is folded yet were just counted.
        let segments = self.archive.segments(date).await?;
        let own = Span::Day(date).in_month();
        let has_own = segments.all.iter().any(|segment| segment.name == own);
        let is_folded = has_own || self.archive.checkpoint.is_rolled_up(date);
        let hours: Vec<Hour> = segments.all.iter().filter_map(|it| it.hour(date)).collect();
        let mut copies = segments.orphaned_parts.len() + if has_own { hours.len() } else { 0 };
        for (hour, hits) in self.hits(date).await? {
            if is_folded || hours.contains(&hour) {
                copies += hits.iter().filter(|hit| self.what.has_hit(hit)).count();
            }
        }
        found.stale_items += u64::try_from(copies).unwrap_or_default();
        Ok(())
    }

    /// The first round, for a day: afterwards no report has such a hit in what is closed. Gives what is
    /// left to delete.
    ///
    /// # Errors
    /// If the store fails, or a segment cannot be made.
    pub async fn rewrite(&self, date: Date) -> Result<Rest, RollupError> {
        let mut tries = 1;
        loop {
            let hits = self.hits(date).await?;
            let segments = self.archive.segments(date).await?;
            let own = Span::Day(date).in_month();
            let has_own = segments.all.iter().any(|segment| segment.name == own);
            let is_open = !has_own && !self.archive.checkpoint.is_rolled_up(date);
            let is_new = is_open && self.fold(date, &segments.all, &hits).await?;
            if is_new && tries < TRIES {
                // Whoever made it, it is there now, and looked at as any other.
                tries += 1;
                continue;
            }
            let mut rest = segments.orphaned_parts;
            for segment in segments.all {
                if has_own && segment.hour(date).is_some() {
                    // In a day's segment all along.
                    rest.extend(segment.parts.into_iter().map(|part| part.key));
                } else {
                    rest.extend(self.replace(date, segment).await?);
                }
            }
            let hits = hits.into_values().flatten().filter(|hit| self.what.has_hit(hit));
            rest.extend(hits.map(|hit| hit.key));
            return Ok(rest);
        }
    }

    /// The second round, for a day: deletes what the first left.
    ///
    /// # Errors
    /// If the store fails, or a segment cannot be made.
    pub async fn sweep(&self, date: Date) -> Result<u64, RollupError> {
        // The rollup may have folded a day after the first round, from hits that it had read before it.
        let rest = self.rewrite(date).await?;
        let count = u64::try_from(rest.len()).unwrap_or_default();
        let deletes = rest.iter().map(|key| self.archive.store.delete(key));
        let deletes = stream::iter(deletes).buffer_unordered(AT_ONCE);
        deletes.try_collect::<()>().await?;
        Ok(count)
    }

    /// The stored hits of a day, by the hour.
    async fn hits(&self, date: Date) -> Result<BTreeMap<Hour, Vec<Item>>, StoreError> {
        let RawData { store, site, shards, .. } = self.archive;
        let reads = self.archive.hours_with_hits(date).map(|hour| async move {
            let mut items = Vec::new();
            for shard in 0..shards {
                items.extend(range_items(store, &keys::hits(site, hour, shard)).await?);
            }
            // As the rollup reads them: in the order of time.
            items.sort_by(|one, other| one.key.sk.cmp(&other.key.sk));
            Ok::<_, StoreError>((hour, items))
        });
        stream::iter(reads).buffered(AT_ONCE).try_collect().await
    }

    /// Makes segments, without the hits that are meant, of what is over and has such hits. True if there is
    /// one now that was not there.
    async fn fold(
        &self,
        date: Date,
        segments: &[Segment],
        hits: &BTreeMap<Hour, Vec<Item>>,
    ) -> Result<bool, RollupError> {
        if rollup::is_over(date, self.archive.now) {
            return self.make(Span::Day(date), hits.values().flatten().collect()).await;
        }
        let mut is_new = false;
        for (hour, hits) in hits {
            let is_folded = segments.iter().any(|segment| segment.hour(date) == Some(*hour));
            if !is_folded && rollup::hour_is_over(*hour, self.archive.now) {
                is_new |= self.make(Span::Hour(*hour), hits.iter().collect()).await?;
            }
        }
        Ok(is_new)
    }

    /// Makes a segment of the hits that are not meant, if any are, unless somebody else has.
    async fn make(&self, span: Span, hits: Vec<&Item>) -> Result<bool, RollupError> {
        if !hits.iter().any(|item| self.what.has_hit(item)) {
            return Ok(false);
        }
        let (mut rows, mut texts) = (HitBatch::default(), Dictionaries::default());
        let mut pace = RateLimiter::default();
        let mut hits: Vec<&Item> =
            hits.into_iter().filter(|item| !self.has_expired(item)).collect();
        hits.sort_by(|one, other| one.key.sk.cmp(&other.key.sk));
        for item in hits {
            let is_meant = self.what.has_hit(item);
            let kind = Kind::decode(&item.value).ok();
            match kind.zip(keys::hit_time(&item.key.sk)) {
                Some((kind, at)) => {
                    // Those that are meant were hits as well, and leave no room for others.
                    let record = pace.paced(Record { at, kind });
                    if !is_meant {
                        rows.push(&mut texts, &record);
                    }
                }
                None if is_meant => {}
                // A newer version can read it: what there is waits for that one.
                None => return Ok(false),
            }
        }
        let site = self.archive.site;
        let encoded = rollup::encode_segment(site, span, rows, &mut texts, 0)?;
        let expires = retention::segment_expiry(site, span);
        let (first, rest) = rollup::segment_items(site, span, encoded, expires);
        let absent: PutOutcome = rollup::put_segment(self.archive.store, first, rest).await?;
        drop(absent);
        Ok(true)
    }

    /// Whether nobody reads a hit any more, although it is still there.
    fn has_expired(&self, item: &Item) -> bool {
        item.expires.is_some_and(|expires| expires <= self.archive.now.as_second())
    }

    /// Puts a segment without the hits that are meant in the place of one that has any. Gives the parts that
    /// are left of the old one.
    async fn replace(&self, date: Date, segment: Segment) -> Result<Rest, RollupError> {
        let span = segment.span(date);
        let named =
            |error| RollupError::Segment(format!("{span} of {}", self.archive.site.domain), error);
        let (mut texts, mut unreadable) = (Dictionaries::default(), segment.unreadable);
        let rows = if self.what.is_every_page() {
            unreadable = 0;
            let is_empty = segment.rows(&[], &mut texts).is_ok_and(|rows| rows.is_empty());
            if is_empty && segment.unreadable == 0 {
                return Ok(Rest::new());
            }
            HitBatch::default()
        } else if segment.problem.is_some() {
            // It is named among what is not complete.
            return Ok(Rest::new());
        } else {
            let meant = self.meant(&segment.rows(COLUMNS, &mut texts).map_err(named)?, &texts);
            if meant.is_empty() {
                return Ok(Rest::new());
            }
            let mut texts_of_all = Dictionaries::default();
            let rows = segment.rows(&Column::ALL, &mut texts_of_all).map_err(named)?;
            texts = texts_of_all;
            let kept: Vec<usize> = (0..rows.len()).filter(|row| !meant.contains(row)).collect();
            rows.select_rows(&kept)
        };
        let site = self.archive.site.domain.as_str();
        let encoded = segment::encode(site, &span, &rows, &texts, unreadable).map_err(named)?;
        let Some(old) = segment.parts.first() else { return Ok(Rest::new()) };
        let (pk, expires) = (old.key.pk.clone(), old.expires);
        let mut kept = BTreeSet::new();
        for (part, value) in (1..).zip(encoded.rest) {
            let sk = format!("{}#{part:02}#{}", segment.name, encoded.content_hash);
            kept.insert(sk.clone());
            let key = Key { pk: pk.clone(), sk };
            self.archive.store.put(Item { key, value, expires }).await?;
        }
        let key = Key { pk, sk: format!("{}#00", segment.name) };
        kept.insert(key.sk.clone());
        let first = Item { key, value: encoded.first, expires };
        // In place of what was read, and of nothing that came since.
        if !self.archive.store.compare_and_set(first, &old.value).await? {
            let what = format!("the segment {span} was changed meanwhile; run this again");
            return Err(StoreError::Refused(what).into());
        }
        let old = segment.parts.into_iter().map(|part| part.key);
        Ok(old.filter(|key| !kept.contains(&key.sk)).collect())
    }

    /// The rows that are meant.
    fn meant(&self, rows: &HitBatch, texts: &Dictionaries) -> BTreeSet<usize> {
        let mut pages = Pages::new(texts);
        (0..rows.len()).filter(|row| pages.of(rows, *row, self.what).1).collect()
    }
}
