//! Demo traffic that looks like a small blog's.
//!
//! It is the same for the same seed and day. So screenshots and tests are repeatable, and filling a store twice
//! changes nothing.

mod traffic;

use fastrand::Rng;
use footfall_infra::settings::{Goal, PagePattern, Reached, Site};
use jiff::civil::Date;
use jiff::{Timestamp, ToSpan as _};

use self::traffic::EVENTS;
use crate::catalog::checkpoint::Checkpoint;
use crate::hit::Record;
use crate::rollup::{self, RollupError};
use crate::segment::EncodedSegment;
use crate::segment::dictionary::Dictionaries;
use crate::segment::hit_batch::HitBatch;
use crate::storage::hour::Span;
use crate::storage::hour::utc_day;
use crate::storage::keys;
use crate::storage::range_items;
use crate::storage::retention;
use crate::storage::{Item, Key, Store, StoreError, WRITE_UNIT};

/// Number of days of traffic before today: a year.
const DAYS: i32 = 365;

/// Number of items after which they are written together.
const BATCH_SIZE: usize = 100;

/// Demo traffic for a site.
#[derive(Debug, Clone, Copy)]
pub struct Demo<'a> {
    site: &'a Site,
    seed: u64,
    now: Timestamp,
}

/// Returns goals for a demo site without goals of its own.
#[must_use]
pub fn goals() -> Vec<Goal> {
    let event =
        |name: &str| Goal { name: name.to_owned(), reached_by: Reached::Event(name.to_owned()) };
    let mut goals: Vec<Goal> = EVENTS.iter().map(|(name, ..)| event(name)).collect();
    let posts = Reached::Page(PagePattern::new("/posts/*"));
    goals.push(Goal { name: "Read a post".to_owned(), reached_by: posts });
    goals
}

impl<'a> Demo<'a> {
    /// Creates the traffic of the year before today, and of today up to `now`.
    #[must_use]
    pub const fn new(site: &'a Site, seed: u64, now: Timestamp) -> Self {
        Self { site, seed, now }
    }

    /// Iterates over the days, oldest first.
    pub fn days(&self) -> impl Iterator<Item = Date> + use<> {
        let today = self.today();
        (0..=DAYS).rev().filter_map(move |ago| today.checked_sub(ago.days()).ok())
    }

    fn today(&self) -> Date {
        utc_day(self.now)
    }

    /// Returns the records of a day with their keys, in chronological order. They are always the same, except
    /// that the last day stops at `now`.
    fn records(&self, day: Date) -> Vec<(Key, Record)> {
        let number = Date::constant(1970, 1, 1).duration_until(day).as_hours() / 24;
        let mut random = Rng::with_seed(self.seed ^ (number.unsigned_abs() << 32));
        let records = traffic::records(day, number, &mut random);
        // Keys are generated before future records are dropped, so that they stay the same during the day.
        let keyed = records.into_iter().map(|record| {
            let mut bytes = [0; 16];
            random.fill(&mut bytes);
            (keys::hit_key(self.site, record.at, 0, bytes), record)
        });
        let mut keyed: Vec<_> = keyed.filter(|(_, record)| record.at <= self.now).collect();
        keyed.sort_by(|(one, _), (other, _)| one.sk.cmp(&other.sk));
        keyed
    }

    /// Returns the hits of a day as items to store.
    fn hits(&self, day: Date) -> Result<Vec<Item>, serde_json::Error> {
        let item = |(key, record): (Key, Record)| {
            let value = record.kind.encode(WRITE_UNIT - Item::overhead(&key))?;
            Ok(Item { key, value, expires: Some(retention::hit_expiry(self.site, record.at)) })
        };
        self.records(day).into_iter().map(item).collect()
    }

    /// Returns the segment that the rollup would create from a day's hits, and their number.
    fn segment(&self, day: Date) -> Result<(EncodedSegment, usize), RollupError> {
        let (mut rows, mut texts) = (HitBatch::default(), Dictionaries::default());
        for (_, record) in self.records(day) {
            rows.push(&mut texts, &record);
        }
        traffic::add_engagement(&mut rows, self.seed);
        let count = rows.len();
        Ok((rollup::encode_segment(self.site, Span::Day(day), rows, &mut texts, 0)?, count))
    }
}

/// Why the demo could not be stored.
#[derive(Debug, thiserror::Error)]
pub enum FillError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A day could not be rolled up.
    #[error(transparent)]
    Rollup(#[from] RollupError),
    /// A record could not be encoded.
    #[error(transparent)]
    Encode(#[from] serde_json::Error),
}

/// Stores demo traffic: past days as segments, the latest ones as hits. Calls `progress` after each day with the
/// number of hits so far, and returns their total.
///
/// # Errors
/// If the store fails. Filling again is safe.
pub async fn fill<S: Store>(
    store: &S,
    demo: Demo<'_>,
    mut progress: impl FnMut(usize),
) -> Result<usize, FillError> {
    let mut checkpoint = Checkpoint::load(store, demo.site).await?;
    let mut stored = 0;
    let mut items = Vec::new();
    let (mut segments, mut month) = (Vec::new(), None);
    for day in demo.days() {
        // Existing segments may be the owner's own data, so they are kept.
        if month != Some(day.first_of_month()) {
            month = Some(day.first_of_month());
            let range = keys::segments(demo.site, day.first_of_month(), day.last_of_month());
            segments = range_items(store, &range).await?.into_iter().map(|it| it.key).collect();
        }
        let exists = segments.contains(&keys::segment_key(demo.site, Span::Day(day)));
        if exists {
            stored += demo.records(day).len();
        } else if rollup::is_over(day, demo.now) {
            let (segment, count) = demo.segment(day)?;
            let (first, rest) = rollup::segment_items(demo.site, Span::Day(day), segment, None);
            items.extend(rest.into_iter().chain([first]));
            checkpoint.rolled_up_through = checkpoint.rolled_up_through.max(Some(day));
            stored += count;
        } else {
            let hits = demo.hits(day)?;
            stored += hits.len();
            items.extend(hits);
        }
        // Several days are written together, because each write waits for the disk.
        if items.len() >= BATCH_SIZE {
            store.put_all(std::mem::take(&mut items)).await?;
        }
        checkpoint.record_hits_on(day);
        progress(stored);
    }
    store.put_all(items).await?;
    checkpoint.save(store, demo.site).await?;
    Ok(stored)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use footfall_infra::settings::Settings;

    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn demo_is_repeatable() {
        let settings = Settings::local();
        let items = |seed, now: &str| {
            let demo = Demo::new(&settings.sites[0], seed, at(now));
            let days = demo.days().skip(355);
            days.flat_map(|day| demo.hits(day).unwrap()).collect::<Vec<_>>()
        };
        let one = items(1, "2026-11-22T12:00:00Z");
        assert_eq!(one, items(1, "2026-11-22T12:00:00Z"));
        assert_ne!(one, items(2, "2026-11-22T12:00:00Z"));
        // Later on the day there are more items, and the earlier ones are the same.
        let keys = |items: &[Item]| items.iter().map(|i| i.key.clone()).collect::<HashSet<_>>();
        let later = items(1, "2026-11-22T18:00:00Z");
        assert!(later.len() > one.len());
        assert!(keys(&later).is_superset(&keys(&one)));
    }

    #[test]
    fn demo_looks_like_a_blogs_traffic() {
        let settings = Settings::local();
        let demo = Demo::new(&settings.sites[0], 1, at("2026-11-22T23:59:59Z"));
        let days: Vec<(Date, usize)> =
            demo.days().map(|day| (day, demo.records(day).len())).collect();
        assert_eq!(days.len(), 366);
        let month = &days[337..];
        let busiest = month.iter().max_by_key(|day| day.1).unwrap();
        assert_eq!(busiest.0.to_string(), "2026-11-13", "{month:?}");
        // Before the viral post, a Saturday has less traffic than the Wednesday before it.
        let of = |day: &str| days.iter().find(|d| d.0.to_string() == day).unwrap().1;
        assert!(of("2026-11-07") < of("2026-11-04"), "{month:?}");
        let all: usize = month.iter().map(|day| day.1).sum();
        assert!((12_000..40_000).contains(&all), "{all}");
    }
}
