//! Made-up traffic that looks like a small blog's: the same for the same seed and day, so that
//! screenshots and tests repeat, and filling twice changes nothing.

use fastrand::Rng;
use footfall_infra::settings::{Goal, PagePattern, Reached, Site};
use jiff::civil::{Date, Weekday};
use jiff::{SignedDuration, Timestamp, ToSpan as _};

use crate::catalog::checkpoint::Checkpoint;
use crate::hit::country::Country;
use crate::hit::exclusion::ExclusionReason;
use crate::hit::user_agent::Device;
use crate::hit::visitor::VisitorId;
use crate::hit::{Campaign, Excluded, Hit, Kind, Record, ScreenSize};
use crate::rollup::{self, RollupError};
use crate::segment::EncodedSegment;
use crate::segment::column::Column;
use crate::segment::dictionary::{Dictionaries, NULL_KEY};
use crate::segment::hit_batch::HitBatch;
use crate::storage::hour::Span;
use crate::storage::hour::utc_day;
use crate::storage::hour::utc_start;
use crate::storage::keys;
use crate::storage::range_items;
use crate::storage::retention;
use crate::storage::{Item, Key, Store, StoreError, WRITE_UNIT};

/// How many days before today are filled, beside today up to now: a year.
const DAYS: i32 = 365;

/// A post goes viral every four weeks, so that every demo shows one: on the days since 1970 that
/// leave this when divided by 28, which are Fridays.
const VIRAL_DAY: i64 = 22;

/// The path of that post.
const VIRAL: &str = "/posts/analytics-for-nothing";

/// Visits of an ordinary Tuesday.
const VISITS: f64 = 340.0;

/// How many items are stored at once.
const BATCH: usize = 100;

/// Pages, and how often each is the first of a visit.
const PAGES: [(&str, u32); 14] = [
    ("/", 30),
    ("/posts/rust-on-lambda", 22),
    (VIRAL, 9),
    ("/posts/single-table-design", 12),
    ("/posts/tiny-trackers", 8),
    ("/posts/parquet-by-hand", 8),
    ("/posts/café-culture", 4),
    ("/posts/timezones-are-hard", 7),
    ("/about", 5),
    ("/archive", 4),
    ("/projects", 4),
    ("/newsletter", 3),
    ("/talks", 2),
    ("/uses", 2),
];

/// Sources by name, with a referrer where there is one, and how often each sends a visit.
const SOURCES: [(Option<&str>, Option<&str>, u32); 12] = [
    (None, None, 38),
    (Some("Google"), Some("google.com"), 30),
    (Some("Hacker News"), Some("news.ycombinator.com"), 6),
    (Some("Reddit"), Some("reddit.com/r/rust"), 5),
    (Some("Twitter"), Some("t.co"), 4),
    (Some("Mastodon"), Some("mastodon.social"), 4),
    (Some("DuckDuckGo"), Some("duckduckgo.com"), 4),
    (Some("GitHub"), Some("github.com"), 3),
    (Some("newsletter"), None, 3),
    (Some("Bing"), Some("bing.com"), 2),
    (Some("ChatGPT"), Some("chatgpt.com"), 2),
    (Some("Lobsters"), Some("lobste.rs"), 2),
];

/// Where a viral post's visits come from.
const VIRAL_SOURCES: [usize; 8] = [2, 2, 2, 2, 2, 0, 3, 4];

/// Countries, the hours that their clocks are ahead of UTC, and how many visits are from there.
const COUNTRIES: [(&str, i64, u32); 14] = [
    ("US", -6, 30),
    ("DE", 1, 13),
    ("GB", 0, 9),
    ("IN", 5, 8),
    ("FR", 1, 6),
    ("CA", -5, 6),
    ("NL", 1, 4),
    ("BR", -3, 4),
    ("PL", 1, 3),
    ("JP", 9, 3),
    ("AU", 10, 3),
    ("SE", 1, 3),
    ("ES", 1, 3),
    ("CH", 1, 2),
];

/// Browser, version, system, version, device, width, and how often.
type Setup = (&'static str, &'static str, &'static str, Option<&'static str>, Device, u32, u32);

const SETUPS: [Setup; 9] = [
    ("Chrome", "152", "Windows", None, Device::Desktop, 1920, 24),
    ("Chrome", "152", "macOS", None, Device::Desktop, 1440, 14),
    ("Safari", "26.0", "iOS", Some("26.0"), Device::Mobile, 390, 16),
    ("Chrome", "152", "Android", None, Device::Mobile, 412, 18),
    ("Firefox", "151", "GNU/Linux", None, Device::Desktop, 1600, 8),
    ("Firefox", "151", "Windows", None, Device::Desktop, 1536, 6),
    ("Safari", "26.0", "macOS", None, Device::Desktop, 1280, 8),
    ("Edge", "152", "Windows", None, Device::Desktop, 1536, 5),
    ("Safari", "18.6", "iPadOS", Some("18.6"), Device::Tablet, 820, 3),
];

/// Events, how likely a visit has one, and their properties with what those can be.
type Event = (&'static str, f64, [(&'static str, [&'static str; 3]); 2]);

const EVENTS: [Event; 2] = [
    (
        "Newsletter signup",
        0.03,
        [("placement", ["footer", "post", "post"]), ("variant", ["short", "long", "short"])],
    ),
    (
        "Download",
        0.012,
        [("file", ["slides.pdf", "notes.pdf", "code.zip"]), ("from", ["post", "talks", "talks"])],
    ),
];

/// Out of a thousand visits, at each hour of the visitor's clock.
const HOURS: [u32; 24] =
    [14, 9, 6, 5, 6, 10, 20, 36, 55, 64, 66, 62, 56, 58, 60, 58, 54, 50, 48, 52, 58, 58, 46, 28];

/// The demo's traffic for a site.
#[derive(Debug, Clone, Copy)]
pub struct Demo<'a> {
    site: &'a Site,
    seed: u64,
    now: Timestamp,
}

/// The goals of a site that is filled and has none of its own.
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
    /// The traffic of the year before `now`, and of today up to `now`.
    #[must_use]
    pub const fn new(site: &'a Site, seed: u64, now: Timestamp) -> Self {
        Self { site, seed, now }
    }

    /// The days, oldest first.
    pub fn days(&self) -> impl Iterator<Item = Date> + use<> {
        let today = self.today();
        (0..=DAYS).rev().filter_map(move |ago| today.checked_sub(ago.days()).ok())
    }

    fn today(&self) -> Date {
        utc_day(self.now)
    }

    /// The records of a day with the keys of hits, in the order of time: the same whenever they are
    /// asked for, but for what lies ahead on the last day.
    fn records(&self, day: Date) -> Vec<(Key, Record)> {
        let number = Date::constant(1970, 1, 1).duration_until(day).as_hours() / 24;
        let mut random = Rng::with_seed(self.seed ^ (number.unsigned_abs() << 32));
        let records = records(day, number, &mut random);
        // Keys come before what lies ahead is left out: they are the same later on the day.
        let keyed = records.into_iter().map(|record| {
            let mut bytes = [0; 16];
            random.fill(&mut bytes);
            (keys::hit_key(self.site, record.at, 0, bytes), record)
        });
        let mut keyed: Vec<_> = keyed.filter(|(_, record)| record.at <= self.now).collect();
        keyed.sort_by(|(one, _), (other, _)| one.sk.cmp(&other.sk));
        keyed
    }

    /// The hits of a day, ready to store.
    fn hits(&self, day: Date) -> Result<Vec<Item>, serde_json::Error> {
        let item = |(key, record): (Key, Record)| {
            let value = record.kind.encode(WRITE_UNIT - Item::overhead(&key))?;
            Ok(Item { key, value, expires: Some(retention::hit_expiry(self.site, record.at)) })
        };
        self.records(day).into_iter().map(item).collect()
    }

    /// The segment of a day, as the rollup would make it of the same hits, and how many those are.
    fn segment(&self, day: Date) -> Result<(EncodedSegment, usize), RollupError> {
        let (mut rows, mut texts) = (HitBatch::default(), Dictionaries::default());
        for (_, record) in self.records(day) {
            rows.push(&mut texts, &record);
        }
        look(&mut rows, self.seed);
        let count = rows.len();
        Ok((rollup::encode_segment(self.site, Span::Day(day), rows, &mut texts, 0)?, count))
    }
}

/// What happens on a day, the `number`th since 1970.
fn records(day: Date, number: i64, random: &mut Rng) -> Vec<Record> {
    let weekday = match day.weekday() {
        Weekday::Saturday => 0.62,
        Weekday::Sunday => 0.7,
        Weekday::Monday => 1.08,
        Weekday::Friday => 0.9,
        _ => 1.0,
    };
    // A blog that grows through the year, and no two days alike.
    let growth = 0.75 + 0.25 * f64::from(day.day_of_year()) / 366.0;
    let ordinary = (VISITS * weekday * growth * (0.92 + 0.16 * random.f64())) as u32;
    let viral = match (number - VIRAL_DAY).rem_euclid(28) {
        0 => 1900,
        1 => 1100,
        2 => 380,
        3..=5 => 120,
        _ => 0,
    };
    let Ok(start) = utc_start(day) else { return Vec::new() };
    let mut records = Vec::new();
    for n in 0..ordinary + viral {
        visit(start, n >= ordinary, random, &mut records);
    }
    for _ in 0..ordinary / 5 {
        let reasons = [
            ExclusionReason::Bot,
            ExclusionReason::Bot,
            ExclusionReason::Headless,
            ExclusionReason::Prefetch,
            ExclusionReason::ReferrerSpam,
        ];
        let reason = reasons[random.usize(..reasons.len())];
        let page = PAGES[weighted(random, PAGES.iter().map(|page| page.1))].0.to_owned();
        let at = start + SignedDuration::from_millis(random.i64(0..86_400_000));
        records.push(Record { at, kind: Kind::Excluded(Excluded { reason, page }) });
    }
    records
}

/// Adds the hits of one visit.
fn visit(start: Timestamp, is_viral: bool, random: &mut Rng, records: &mut Vec<Record>) {
    let (country, ahead, _) = COUNTRIES[weighted(random, COUNTRIES.iter().map(|c| c.2))];
    let hour = weighted(random, HOURS.iter().copied());
    let hour = (i64::try_from(hour).unwrap_or(0) - ahead).rem_euclid(24);
    let mut at = start + SignedDuration::from_hours(hour);
    at += SignedDuration::from_millis(random.i64(0..3_600_000));
    let (browser, version, os, os_version, device, width, _) =
        SETUPS[weighted(random, SETUPS.iter().map(|setup| setup.6))];
    let source = if is_viral {
        VIRAL_SOURCES[random.usize(..VIRAL_SOURCES.len())]
    } else {
        weighted(random, SOURCES.iter().map(|source| source.2))
    };
    let (source, referrer, _) = SOURCES[source];
    // One in eight has been here before on the same day.
    let before = records.len().min(400);
    let known = (before > 0 && random.u8(..8) == 0)
        .then(|| &records[records.len() - 1 - random.usize(..before)]);
    let visitor = match known {
        Some(Record { kind: Kind::Hit(hit), .. }) => hit.visitor,
        _ => VisitorId::new(random.u64(..)),
    };
    let first = if is_viral { VIRAL } else { PAGES[weighted(random, PAGES.iter().map(|p| p.1))].0 };
    let text = |text: &str| Some(text.to_owned());
    let campaign = Campaign {
        source: source.filter(|_| referrer.is_none()).and_then(text),
        medium: source.filter(|_| referrer.is_none()).and_then(|_| text("email")),
        name: source.filter(|_| referrer.is_none()).and_then(|_| text("weekly")),
        ..Campaign::default()
    };
    let mut hit = Hit {
        visitor,
        event: None,
        host: None,
        page: first.to_owned(),
        source: source.and_then(text),
        referrer: referrer.and_then(text),
        campaign,
        country: Country::parse(country),
        browser: text(browser),
        browser_version: text(version),
        os: text(os),
        os_version: os_version.and_then(text),
        device: Some(device),
        screen: ScreenSize::from_width(width),
        props: Vec::new(),
    };
    records.push(Record { at, kind: Kind::Hit(hit.clone()) });
    // Most read one page; who goes on has no source any more.
    hit.source = None;
    hit.referrer = None;
    hit.campaign = Campaign::default();
    while random.f64() < if is_viral { 0.18 } else { 0.42 } {
        at += SignedDuration::from_secs(random.i64(12..340));
        hit.page = PAGES[weighted(random, PAGES.iter().map(|page| page.1))].0.to_owned();
        records.push(Record { at, kind: Kind::Hit(hit.clone()) });
    }
    for (event, often, props) in EVENTS {
        if random.f64() < often {
            at += SignedDuration::from_secs(random.i64(5..60));
            let mut value = |values: [&str; 3]| values[random.usize(..3)].to_owned();
            hit.event = text(event);
            hit.props = props.map(|(name, values)| (name.to_owned(), value(values))).into();
            records.push(Record { at, kind: Kind::Hit(hit.clone()) });
        }
    }
}

/// Says of most views how long they were looked at and how far they were scrolled, as browsers do.
fn look(rows: &mut HitBatch, seed: u64) {
    let mut random = Rng::with_seed(seed);
    for row in 0..rows.len() {
        let is_view = rows.column(Column::Event)[row] == NULL_KEY && rows.visitors[row] != 0;
        // Some browsers are closed before they can say so.
        if is_view && random.u8(..10) > 0 {
            // Some pages are longer than others.
            let length = rows.column(Column::Page)[row] * 7 % 5 + 1;
            rows.engaged[row] = random.u32(2_000..30_000) + random.u32(..12_000) * length;
            rows.scrolled[row] = random.u8(35..70) + random.u8(..6) * (6 - length as u8);
        }
    }
}

/// An index, as likely as its weight.
fn weighted(random: &mut Rng, weights: impl Iterator<Item = u32> + Clone) -> usize {
    let mut at = random.u32(..weights.clone().sum::<u32>().max(1));
    for (index, weight) in weights.enumerate() {
        if at < weight {
            return index;
        }
        at -= weight;
    }
    0
}

/// Why the demo could not be stored.
#[derive(Debug, thiserror::Error)]
pub enum FillError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A day could not be folded.
    #[error(transparent)]
    Rollup(#[from] RollupError),
    /// A record could not be encoded.
    #[error(transparent)]
    Encode(#[from] serde_json::Error),
}

/// Stores a demo: days that are over as segments, the last ones as hits. Calls `progress` with the
/// number of hits after each day, and gives their sum.
///
/// # Errors
/// If the store fails. To fill again is safe.
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
        // What is there already may be the owner's own.
        if month != Some(day.first_of_month()) {
            month = Some(day.first_of_month());
            let range = keys::segments(demo.site, day.first_of_month(), day.last_of_month());
            segments = range_items(store, &range).await?.into_iter().map(|it| it.key).collect();
        }
        let is_there = segments.contains(&keys::segment_key(demo.site, Span::Day(day)));
        if is_there {
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
        // Days go together, since each write waits for the disk.
        if items.len() >= BATCH {
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
    fn a_demo_repeats() {
        let settings = Settings::local();
        let items = |seed, now: &str| {
            let demo = Demo::new(&settings.sites[0], seed, at(now));
            let days = demo.days().skip(355);
            days.flat_map(|day| demo.hits(day).unwrap()).collect::<Vec<_>>()
        };
        let one = items(1, "2026-11-22T12:00:00Z");
        assert_eq!(one, items(1, "2026-11-22T12:00:00Z"));
        assert_ne!(one, items(2, "2026-11-22T12:00:00Z"));
        // Later there is more, and what was there is the same.
        let keys = |items: &[Item]| items.iter().map(|i| i.key.clone()).collect::<HashSet<_>>();
        let later = items(1, "2026-11-22T18:00:00Z");
        assert!(later.len() > one.len());
        assert!(keys(&later).is_superset(&keys(&one)));
    }

    #[test]
    fn a_demo_has_the_shape_of_a_blogs_traffic() {
        let settings = Settings::local();
        let demo = Demo::new(&settings.sites[0], 1, at("2026-11-22T23:59:59Z"));
        let days: Vec<(Date, usize)> =
            demo.days().map(|day| (day, demo.records(day).len())).collect();
        assert_eq!(days.len(), 366);
        let month = &days[337..];
        let busiest = month.iter().max_by_key(|day| day.1).unwrap();
        assert_eq!(busiest.0.to_string(), "2026-11-13", "{month:?}");
        // Before the post, a Saturday has less than the Wednesday before it.
        let of = |day: &str| days.iter().find(|d| d.0.to_string() == day).unwrap().1;
        assert!(of("2026-11-07") < of("2026-11-04"), "{month:?}");
        let all: usize = month.iter().map(|day| day.1).sum();
        assert!((12_000..40_000).contains(&all), "{all}");
    }
}
