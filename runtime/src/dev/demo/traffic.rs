//! Generates the visits of a small blog, the same for the same seed.

use fastrand::Rng;
use jiff::civil::{Date, Weekday};
use jiff::{SignedDuration, Timestamp};

use crate::hit::country::Country;
use crate::hit::exclusion::ExclusionReason;
use crate::hit::user_agent::Device;
use crate::hit::visitor::VisitorId;
use crate::hit::{Campaign, Excluded, Hit, Kind, Record, ScreenSize};
use crate::segment::column::Column;
use crate::segment::dictionary::NULL_KEY;
use crate::segment::hit_batch::HitBatch;
use crate::storage::hour::utc_start;

/// The day on which a post goes viral, as a remainder of the days since 1970 divided by 28. It is a Friday every
/// four weeks, so that every demo shows one.
const VIRAL_DAY: i64 = 22;

/// The path of the viral post.
const VIRAL: &str = "/posts/analytics-for-nothing";

/// Number of visits on an ordinary Tuesday.
const VISITS: f64 = 340.0;

/// Pages, with their weights as the first page of a visit.
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

/// Sources, with their referrers and weights.
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

/// Sources of visits to the viral post, as indexes into [`SOURCES`].
const VIRAL_SOURCES: [usize; 8] = [2, 2, 2, 2, 2, 0, 3, 4];

/// Countries, with their offsets from UTC in hours and their weights.
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

/// Browser, version, operating system, version, device type, window width, and weight.
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

/// An event, its probability per visit, and the values of its properties.
pub(super) type Event = (&'static str, f64, [(&'static str, [&'static str; 3]); 2]);

pub(super) const EVENTS: [Event; 2] = [
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

/// Visits per hour of the visitor's local day, out of about a thousand.
const HOURS: [u32; 24] =
    [14, 9, 6, 5, 6, 10, 20, 36, 55, 64, 66, 62, 56, 58, 60, 58, 54, 50, 48, 52, 58, 58, 46, 28];

/// Generates the records of a day, the `number`th since 1970.
pub(super) fn records(day: Date, number: i64, random: &mut Rng) -> Vec<Record> {
    let weekday = match day.weekday() {
        Weekday::Saturday => 0.62,
        Weekday::Sunday => 0.7,
        Weekday::Monday => 1.08,
        Weekday::Friday => 0.9,
        _ => 1.0,
    };
    // Traffic grows through the year, and varies from day to day.
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

/// Appends the hits of one visit.
fn visit(start: Timestamp, is_viral: bool, random: &mut Rng, records: &mut Vec<Record>) {
    let (country, utc_offset, _) = COUNTRIES[weighted(random, COUNTRIES.iter().map(|c| c.2))];
    let hour = weighted(random, HOURS.iter().copied());
    let hour = (i64::try_from(hour).unwrap_or(0) - utc_offset).rem_euclid(24);
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
    // One visitor in eight returns on the same day.
    let recent = records.len().min(400);
    let earlier = (recent > 0 && random.u8(..8) == 0)
        .then(|| &records[records.len() - 1 - random.usize(..recent)]);
    let visitor = match earlier {
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
    // Most visitors read one page. Further page views have no source.
    hit.source = None;
    hit.referrer = None;
    hit.campaign = Campaign::default();
    while random.f64() < if is_viral { 0.18 } else { 0.42 } {
        at += SignedDuration::from_secs(random.i64(12..340));
        hit.page = PAGES[weighted(random, PAGES.iter().map(|page| page.1))].0.to_owned();
        records.push(Record { at, kind: Kind::Hit(hit.clone()) });
    }
    for (event, probability, props) in EVENTS {
        if random.f64() < probability {
            at += SignedDuration::from_secs(random.i64(5..60));
            let mut value = |values: [&str; 3]| values[random.usize(..3)].to_owned();
            hit.event = text(event);
            hit.props = props.map(|(name, values)| (name.to_owned(), value(values))).into();
            records.push(Record { at, kind: Kind::Hit(hit.clone()) });
        }
    }
}

/// Adds reading time and scroll depth to most page views.
pub(super) fn add_engagement(rows: &mut HitBatch, seed: u64) {
    let mut random = Rng::with_seed(seed);
    for row in 0..rows.len() {
        let is_view = rows.column(Column::Event)[row] == NULL_KEY && rows.visitors[row] != 0;
        // Some browsers close before they can send an engagement.
        if is_view && random.u8(..10) > 0 {
            // Pages differ in length.
            let length = rows.column(Column::Page)[row] * 7 % 5 + 1;
            rows.engaged[row] = random.u32(2_000..30_000) + random.u32(..12_000) * length;
            rows.scrolled[row] = random.u8(35..70) + random.u8(..6) * (6 - length as u8);
        }
    }
}

/// Returns a random index, with probabilities proportional to the weights.
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
