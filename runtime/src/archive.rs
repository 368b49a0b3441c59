//! All that is kept of a site, day by day: what an export writes, and what a deletion looks through.
//!
//! A day is read as a report reads it: its segment if there is one, else its hours' segments and the hits
//! of the other hours. Segments that lie beside those, such as what was imported, are part of the day.

pub mod delete;
pub mod export;

use std::collections::BTreeMap;

use footfall_infra::settings::{Settings, Site};
use jiff::civil::Date;
use jiff::{Timestamp, ToSpan as _};

use crate::catalog::checkpoint::{Checkpoint, MAX_CLOCK_SKEW};
use crate::segment::column::Column;
use crate::segment::dictionary::Dictionaries;
use crate::segment::hit_batch::HitBatch;
use crate::segment::raw_hits::hits;
use crate::segment::{self, SegmentError};
use crate::storage::hour::{Hour, Span};
use crate::storage::keys;
use crate::storage::range_items;
use crate::storage::retention;
use crate::storage::{Item, Key, Store, StoreError};

/// How often a day is read anew whose segment was replaced while it was read.
const TRIES: usize = 3;

/// A site's data.
#[derive(Debug)]
pub struct RawData<'a, S> {
    /// Where it is.
    pub store: &'a S,
    /// Whose it is.
    pub site: &'a Site,
    /// In how many shards hits may be.
    pub shards: u8,
    /// How far the site is folded.
    pub checkpoint: Checkpoint,
    /// The time now.
    pub now: Timestamp,
}

/// A segment as it is stored.
#[derive(Debug)]
pub struct Segment {
    /// What its sort keys begin with: `22` for a day's, `22T13` for an hour's, or else a kind of segment
    /// that lies beside those of a day.
    pub name: String,
    /// Its parts, the first one first. Where there is a problem, all items under the name.
    pub parts: Vec<Item>,
    /// How many hits it lacks, because they could not be read when it was made.
    pub unreadable: u64,
    /// Why it cannot be read, in words.
    pub problem: Option<String>,
}

/// The segments of a day.
#[derive(Debug, Default)]
pub struct Segments {
    /// Those there are, in the order of their names. The day's own comes first.
    pub all: Vec<Segment>,
    /// Parts that no first part names, beside one that is there: of segments that it replaced.
    pub orphaned_parts: Vec<Key>,
}

/// What counts of a day.
#[derive(Debug, Default)]
pub struct Day {
    /// Its segments, but for those of hours.
    pub segments: Vec<Segment>,
    /// What is not folded into any of them yet, in the order of time, its visitors numbered as they first
    /// came.
    pub unrolled: HitBatch,
    /// What stands in `open`.
    pub dictionaries: Dictionaries,
    /// How many hits are in none of it, because they cannot be read.
    pub unreadable: u64,
    /// What cannot be read, in words.
    pub incomplete: Vec<String>,
}

impl<'a, S: Store> RawData<'a, S> {
    /// Reads how far the site is folded, which is to be known before anything else of it is read.
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

    /// The first and the last day of UTC of which anything may be there.
    #[must_use]
    pub fn range(&self) -> (Date, Date) {
        self.checkpoint.range(self.site, self.now)
    }

    /// The days from one to another of which anything may be there.
    pub fn days(&self, from: Date, to: Date) -> impl Iterator<Item = Date> + use<S> {
        let (first, last) = self.range();
        let to = to.min(last);
        from.max(first).series(1.day()).take_while(move |day| *day <= to)
    }

    /// Reads the segments of a day.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub async fn segments(&self, day: Date) -> Result<Segments, StoreError> {
        let mut tries = 1;
        loop {
            let range = keys::segments(self.site, day, day);
            let (segments, is_torn) = grouped(range_items(self.store, &range).await?);
            if !is_torn || tries == TRIES {
                return Ok(segments);
            }
            tries += 1;
        }
    }

    /// Reads what counts of a day.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub async fn day(&self, date: Date) -> Result<Day, StoreError> {
        let own = Span::Day(date).in_month();
        let mut segments = self.segments(date).await?.all;
        segments.retain(|segment| self.counts(segment));
        let (hours, segments): (Vec<Segment>, Vec<Segment>) =
            segments.into_iter().partition(|segment| segment.hour(date).is_some());
        let mut day = Day::default();
        for segment in segments.iter().filter(|segment| segment.problem.is_some()) {
            day.incomplete.push(self.problem(date, segment));
        }
        if segments.iter().all(|segment| segment.name != own) && !self.checkpoint.is_rolled_up(date)
        {
            self.read_open(date, &hours, &mut day).await?;
        }
        day.segments = segments;
        Ok(day)
    }

    /// Whether a segment is in the reports: all are but those of imports that are not finished.
    fn counts(&self, segment: &Segment) -> bool {
        let id = segment.name.split_once('i').and_then(|(_, id)| id.parse().ok());
        id.is_none_or(|id| self.checkpoint.imports.iter().any(|(finished, _)| *finished == id))
    }

    /// Reads what is not folded into a day's segment yet.
    async fn read_open(
        &self,
        date: Date,
        hours: &[Segment],
        day: &mut Day,
    ) -> Result<(), StoreError> {
        let mut folded = Vec::new();
        for segment in hours {
            folded.extend(segment.hour(date));
            match segment.rows(&Column::ALL, &mut day.dictionaries) {
                Ok(mut rows) => {
                    day.unreadable += segment.unreadable;
                    day.unrolled.append(&mut rows);
                }
                Err(_) => day.incomplete.push(self.problem(date, segment)),
            }
        }
        let open = self.hours_with_hits(date).filter(|hour| !folded.contains(hour)).collect();
        let (rows, texts) = (&mut day.unrolled, &mut day.dictionaries);
        day.unreadable +=
            hits(self.store, self.site, open, self.shards, self.now, rows, texts).await?;
        day.unrolled.number_visitors();
        day.unrolled.sort();
        day.unrolled.attach_engagement(&day.dictionaries);
        day.unrolled = in_time(&day.unrolled);
        Ok(())
    }

    /// The hours of a day of which hits may still be there.
    pub fn hours_with_hits(&self, day: Date) -> impl Iterator<Item = Hour> + use<S> {
        let oldest = retention::oldest_hit(self.site, self.now);
        let newest = self.now.checked_add(MAX_CLOCK_SKEW).unwrap_or(Timestamp::MAX);
        Hour::of_day(day).filter(move |hour| hour.end() > oldest && hour.start() <= newest)
    }

    /// What is wrong with a segment, and which one it is.
    #[must_use]
    pub fn problem(&self, day: Date, segment: &Segment) -> String {
        let what = segment.problem.as_deref().unwrap_or("it cannot be read");
        format!("the segment {} of {}: {what}", segment.span(day), self.site.domain)
    }
}

/// Puts the items of a day into segments; true if a segment has not all of its parts.
fn grouped(items: Vec<Item>) -> (Segments, bool) {
    let mut names: BTreeMap<String, Vec<Item>> = BTreeMap::new();
    for item in items {
        let name = item.key.sk.split('#').next().unwrap_or_default().to_owned();
        names.entry(name).or_default().push(item);
    }
    let (mut segments, mut is_torn) = (Segments::default(), false);
    for (name, items) in names {
        // What has no first part is no segment yet: whoever writes it is not done.
        let Some(first) = items.iter().position(|item| item.key.sk == format!("{name}#00")) else {
            continue;
        };
        let header = match segment::header(&items[first].value) {
            Ok(header) => header,
            Err(error) => {
                let problem = Some(error.to_string());
                segments.all.push(Segment { name, parts: items, unreadable: 0, problem });
                continue;
            }
        };
        let place = |item: &Item| {
            let mut words = item.key.sk.split('#').skip(1);
            let number = words.next().and_then(|number| number.parse::<usize>().ok())?;
            let is_its =
                number == 0 || number < header.parts && words.next() == Some(&header.content_hash);
            is_its.then_some(number)
        };
        let (mut parts, others): (Vec<Item>, Vec<Item>) =
            items.into_iter().partition(|item| place(item).is_some());
        parts.sort_by_key(place);
        let is_whole = parts.len() == header.parts;
        is_torn |= !is_whole;
        segments.orphaned_parts.extend(others.into_iter().map(|item| item.key));
        let problem = SegmentError::Incomplete(header.parts).to_string();
        segments.all.push(Segment {
            name,
            parts,
            unreadable: header.unreadable,
            problem: (!is_whole).then_some(problem),
        });
    }
    (segments, is_torn)
}

impl Segment {
    /// The hour that it is of, if it is an hour's.
    #[must_use]
    pub fn hour(&self, day: Date) -> Option<Hour> {
        let mut hours = Hour::of_day(day);
        hours.find(|hour| Span::Hour(*hour).in_month() == self.name)
    }

    /// What it says of itself: its name with the year and the month, such as `2026-11-22T13`.
    #[must_use]
    pub fn span(&self, day: Date) -> String {
        format!("{}{}", day.strftime("%Y-%m-"), self.name)
    }

    /// Its rows, in the order in which they are stored, with the texts of some columns.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn rows(
        &self,
        columns: &[Column],
        texts: &mut Dictionaries,
    ) -> Result<HitBatch, SegmentError> {
        if self.problem.is_some() {
            return Err(SegmentError::Incomplete(self.parts.len()));
        }
        let mut rows = HitBatch::default();
        for part in &self.parts {
            rows.append(&mut segment::decode(&part.value, columns, texts)?);
        }
        Ok(rows)
    }
}

impl Day {
    /// All of it in the order of time. Visitors of different segments have different numbers, those of
    /// hits that are not folded yet the highest, so that they stay what they are while hits come in.
    ///
    /// What turns out not to be readable is added to `incomplete`.
    #[must_use]
    pub fn into_rows(mut self) -> (HitBatch, Dictionaries, Vec<String>) {
        let own = std::mem::take(&mut self.unrolled);
        let mut all = HitBatch::default();
        let (mut texts, mut incomplete) = (self.dictionaries, self.incomplete);
        let mut last = 0;
        let mut add = |mut rows: HitBatch| {
            let before = last;
            for visitor in rows.visitors.iter_mut().filter(|visitor| **visitor != 0) {
                *visitor = visitor.saturating_add(before);
                last = last.max(*visitor);
            }
            all.append(&mut rows);
        };
        // A day's own segment takes the place of its hits: it comes last as well.
        for segment in self.segments.iter().rev().filter(|segment| segment.problem.is_none()) {
            match segment.rows(&Column::ALL, &mut texts) {
                Ok(rows) => add(rows),
                Err(error) => incomplete.push(format!("the segment {}: {error}", segment.name)),
            }
        }
        add(own);
        (in_time(&all), texts, incomplete)
    }
}

/// Rows in the order of time; those of one millisecond in that of their visitors.
fn in_time(rows: &HitBatch) -> HitBatch {
    let mut order: Vec<usize> = (0..rows.len()).collect();
    order.sort_by_key(|row| (rows.times[*row], rows.visitors[*row]));
    rows.select_rows(&order)
}
