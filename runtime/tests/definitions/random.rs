//! Random traffic where counting is hard: pauses of exactly 30 minutes, both midnights, the borders of hours, and
//! clock changes. The engine must agree with the reference over raw hits and over every mix of raw and rolled-up
//! ones.

use footfall_runtime::hit::country::Country;
use footfall_runtime::hit::exclusion::ExclusionReason;
use footfall_runtime::hit::user_agent::Device;
use footfall_runtime::hit::visitor::VisitorId;
use footfall_runtime::hit::{Campaign, Engagement, Excluded, Hit, Kind, ScreenSize};
use footfall_runtime::query::condition::Operator;
use footfall_runtime::query::dimension::{Dimension, Key};
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp, ToSpan as _};
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use super::reference;
use super::world::{Ask, DOMAIN, FilterText, Question, Tree, World};

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// Zones with a day on which something unusual happens.
const PLACES: [(&str, &str); 19] = [
    ("UTC", "2026-11-22"),
    ("UTC", "2027-01-01"),
    ("UTC", "2028-02-29"),
    ("Asia/Kathmandu", "2026-11-22"),
    ("Asia/Kathmandu", "2026-03-01"),
    ("Asia/Tehran", "2026-11-22"),
    ("Europe/Berlin", "2026-03-29"),
    ("Europe/Berlin", "2026-10-25"),
    ("America/New_York", "2026-03-08"),
    ("America/New_York", "2026-11-01"),
    ("America/St_Johns", "2026-03-08"),
    // The clock went from 0:01 back to 23:01 of the previous day.
    ("America/St_Johns", "2010-11-07"),
    // The clock changes by half an hour.
    ("Australia/Lord_Howe", "2026-04-05"),
    ("Australia/Lord_Howe", "2026-10-04"),
    // This day was skipped.
    ("Pacific/Apia", "2011-12-30"),
    ("Pacific/Apia", "2011-12-29"),
    // There is no midnight …
    ("America/Santiago", "2026-09-06"),
    // … and one is a midnight that the clock is set back at.
    ("America/Santiago", "2026-04-05"),
    // The furthest from UTC.
    ("Pacific/Kiritimati", "2026-11-22"),
];

/// Traffic, the time of its rollup, and a question.
#[derive(Debug, Clone)]
struct Case {
    zone: &'static str,
    shards: u8,
    records: Vec<Sent>,
    /// Position of the rollup between the first record and the question.
    rollups: Vec<f64>,
    questions: Vec<Question>,
}

#[derive(Debug, Clone)]
struct Sent {
    at: Timestamp,
    kind: Kind,
    shard: u8,
    order: u8,
}

/// Consecutive hits of one visitor.
#[derive(Debug, Clone)]
struct Walk {
    visitor: u64,
    start: Start,
    steps: Vec<(i64, Step, u8, u8)>,
}

/// Start of a walk: some milliseconds from an instant.
#[derive(Debug, Clone)]
struct Start {
    base: Base,
    days: i64,
    millis: i64,
}

#[derive(Debug, Clone, Copy)]
enum Base {
    LocalMidnight,
    UtcMidnight,
    Noon,
}

#[derive(Debug, Clone)]
enum Step {
    Hit(Box<Hit>),
    Engagement(Engagement),
    Excluded(Excluded),
}

fn start() -> impl Strategy<Value = Start> {
    let base = prop_oneof![
        3 => Just(Base::LocalMidnight),
        1 => Just(Base::UtcMidnight),
        1 => Just(Base::Noon),
    ];
    let days = prop_oneof![6 => -1..=1_i64, 2 => -8..=8_i64, 1 => Just(-35), 1 => Just(-365)];
    let millis = prop_oneof![
        2 => select(vec![0, -1, 1, -30 * MINUTE, 30 * MINUTE, HOUR, HOUR - 1, -HOUR, 2 * HOUR]),
        // Lets a visit continue past the end of its day.
        2 => -40 * MINUTE..0,
        1 => (-180..180_i64).prop_map(|minutes| minutes * MINUTE),
        1 => -DAY..DAY,
    ];
    (base, days, millis).prop_map(|(base, days, millis)| Start { base, days, millis })
}

fn gap() -> impl Strategy<Value = i64> {
    let half = 30 * MINUTE;
    prop_oneof![
        3 => select(vec![half, half - 1, half + 1]),
        3 => select(vec![0, 1, MINUTE, 10 * MINUTE, 29 * MINUTE, 15 * MINUTE]),
        1 => select(vec![HOUR, 5 * HOUR, DAY]),
        1 => 0..2 * HOUR,
    ]
}

/// One of some values, or no value.
fn text(texts: &'static [&'static str]) -> impl Strategy<Value = Option<String>> {
    prop_oneof![1 => Just(None), 1 => select(texts).prop_map(|text| Some(text.to_owned()))]
}

/// Values of every dimension, few enough to occur together.
const PAGES: &[&str] = &["/", "/a", "/b", "/a/b", "/x,y", "/\\", "/é&=+%"];
const HOSTS: &[&str] = &["blog.example.com"];
const EVENTS: &[&str] = &["sign up", "click"];
const SOURCES: &[&str] = &["Google", "Twitter", "google", ""];
const REFERRERS: &[&str] = &["google.com/", "t.co/x"];
const UTM: &[&str] = &["a", "b, c"];
const BROWSERS: &[&str] = &["Firefox", "Chrome"];
const VERSIONS: &[&str] = &["151", "152"];
const PROPS: &[&str] = &["pro", "free", ""];
const SYSTEMS: &[&str] = &["Linux", "iOS"];

fn step() -> impl Strategy<Value = Step> {
    let campaign = (text(UTM), text(UTM), text(UTM), text(UTM), text(UTM)).prop_map(
        |(source, medium, name, term, content)| Campaign { source, medium, name, term, content },
    );
    let what = (
        prop_oneof![3 => Just(None), 1 => select(EVENTS).prop_map(|name| Some(name.to_owned()))],
        prop_oneof![4 => Just(None), 1 => select(HOSTS).prop_map(|host| Some(host.to_owned()))],
        prop_oneof![3 => select(&PAGES[..3]), 1 => select(PAGES)],
    );
    let acquisition = (text(SOURCES), text(REFERRERS), campaign);
    let countries = vec![None, Country::parse("DE"), Country::parse("US")];
    let devices = vec![None, Some(Device::Desktop), Some(Device::Mobile)];
    let screens = vec![None, Some(ScreenSize::Mobile), Some(ScreenSize::Laptop)];
    let client = (
        select(countries),
        text(BROWSERS),
        text(VERSIONS),
        text(SYSTEMS),
        text(VERSIONS),
        select(devices),
        select(screens),
    );
    let props = prop_oneof![
        2 => Just(Vec::new()),
        1 => select(PROPS).prop_map(|value| vec![("plan".to_owned(), value.to_owned())]),
    ];
    let hit = (what, acquisition, client, props).prop_map(|(what, acquisition, client, props)| {
        let (event, host, page) = what;
        let (source, referrer, campaign) = acquisition;
        let (country, browser, browser_version, os, os_version, device, screen) = client;
        Step::Hit(Box::new(Hit {
            visitor: VisitorId::new(0),
            event,
            host,
            page: page.to_owned(),
            source,
            referrer,
            campaign,
            country,
            browser,
            browser_version,
            os,
            os_version,
            device,
            screen,
            props,
        }))
    });
    let filtered = (select(ExclusionReason::ALL.to_vec()), select(PAGES))
        .prop_map(|(reason, page)| Step::Excluded(Excluded { reason, page: page.to_owned() }));
    let scroll = prop_oneof![1 => Just(None), 2 => (0..=100_u8).prop_map(Some)];
    let engaged = prop_oneof![1 => Just(0), 2 => 1..40 * 60_000_u32];
    let engagement = (select(&PAGES[..3]), scroll, engaged).prop_map(|(page, scroll, engaged)| {
        let (visitor, page) = (VisitorId::new(0), page.to_owned());
        Step::Engagement(Engagement { visitor, host: None, page, scroll, engaged })
    });
    prop_oneof![10 => hit, 1 => filtered, 2 => engagement]
}

fn walk() -> impl Strategy<Value = Walk> {
    let steps = proptest::collection::vec((gap(), step(), 0..3_u8, 0..3_u8), 1..6);
    (1..4_u64, start(), steps).prop_map(|(visitor, start, steps)| Walk { visitor, start, steps })
}

fn filter() -> impl Strategy<Value = Tree> {
    // Dimensions that most hits have are the most frequent.
    let often = vec![
        Dimension::Page,
        Dimension::Event,
        Dimension::Host,
        Dimension::EntryPage,
        Dimension::ExitPage,
        Dimension::Source,
    ];
    let dimension = prop_oneof![2 => select(often), 1 => select(Dimension::ALL.to_vec())];
    let key = prop_oneof![
        8 => dimension.prop_map(Key::Dimension),
        1 => Just(Key::Goal),
        1 => Just(Key::Prop("plan".to_owned())),
    ];
    (select(Operator::ALL.to_vec()), key).prop_flat_map(|(operator, key)| {
        let known: Vec<&str> = match &key {
            Key::Goal => vec!["click", "A", "Visit /a*", "V", "i"],
            Key::Prop(_) => [PROPS, &["r", "x"]].concat(),
            Key::Dimension(dimension) => known_values(*dimension),
        };
        let value = prop_oneof![1 => Just(""), 8 => select(known), 1 => Just("nothing")];
        // Every value is a valid regular expression, except a single backslash.
        let is_regex = matches!(operator, Operator::Matches | Operator::MatchesNot);
        let value = value.prop_map(move |text| match is_regex {
            true => text.replace('\\', "^/.$").replace(['+', '%'], "."),
            false => text.to_owned(),
        });
        let values = proptest::collection::vec(value, 1..4);
        values.prop_map(move |values| {
            let key = key.clone();
            Tree::Filter(FilterText { operator, key, values })
        })
    })
}

/// Values that hits have of a dimension, and similar ones.
fn known_values(dimension: Dimension) -> Vec<&'static str> {
    match dimension {
        Dimension::Page | Dimension::EntryPage | Dimension::ExitPage => {
            [PAGES, &["blog.example.com/a", "a", "blog"]].concat()
        }
        Dimension::Host => [HOSTS, &[DOMAIN, "example"]].concat(),
        Dimension::Event => [EVENTS, &["sign", "i"]].concat(),
        Dimension::Source => [SOURCES, &["oogle", "Direct"]].concat(),
        Dimension::Referrer => [REFERRERS, &["/", "google.com"]].concat(),
        Dimension::UtmSource
        | Dimension::UtmMedium
        | Dimension::UtmCampaign
        | Dimension::UtmTerm
        | Dimension::UtmContent => [UTM, &["b", ","]].concat(),
        Dimension::Country => vec!["DE", "US", "D", "AT"],
        Dimension::Browser => [BROWSERS, &["o", "firefox"]].concat(),
        Dimension::BrowserVersion | Dimension::OsVersion => [VERSIONS, &["15"]].concat(),
        Dimension::Channel => vec!["Organic Search", "Referral", "Direct", "Organic"],
        Dimension::Os => [SYSTEMS, &["i"]].concat(),
        Dimension::Device | Dimension::Screen => vec!["Desktop", "Mobile", "Laptop", "top"],
    }
}

fn tree() -> impl Strategy<Value = Tree> {
    filter().prop_recursive(3, 8, 3, |inner| {
        let some = proptest::collection::vec(inner.clone(), 1..4);
        prop_oneof![
            some.clone().prop_map(Tree::All),
            some.prop_map(Tree::Any),
            inner.clone().prop_map(|tree| Tree::Not(Box::new(tree))),
            inner.prop_map(|tree| Tree::Done(Box::new(tree))),
        ]
    })
}

fn ask(day: Date) -> impl Strategy<Value = Ask> {
    let from = move |range| {
        (range, prop_oneof![3 => Just(0), 2 => 1..9_i64, 1 => 90..110_i64, 1 => 100..500_i64])
            .prop_map(move |(days, more): (i64, i64)| {
                let from = day + days.days();
                Ask::Custom(from, from + more.days())
            })
    };
    prop_oneof![
        2 => Just(Ask::Today),
        2 => Just(Ask::Yesterday),
        2 => select(vec![1, 2, 7, 28, 91, 100, 101, 400]).prop_map(Ask::Days),
        1 => Just(Ask::Month),
        1 => Just(Ask::Year),
        1 => Just(Ask::All),
        // One day or more around the unusual one.
        6 => from(-2..3_i64),
        // Before, during and after the traffic.
        2 => from(-120..20_i64),
    ]
}

fn case() -> impl Strategy<Value = Case> {
    (select(PLACES.to_vec()), select(vec![1, 1, 3])).prop_flat_map(|((zone, day), shards)| {
        let day: Date = day.parse().unwrap();
        let walks = proptest::collection::vec(walk(), 1..8);
        // Time between the last hit and the question.
        let after = prop_oneof![
            4 => select(vec![0, 1, 5 * MINUTE, 5 * MINUTE - 1, 5 * MINUTE + 1]),
            4 => 0..DAY,
            2 => 0..9 * DAY,
            1 => select(vec![35 * DAY, 100 * DAY, 400 * DAY]),
        ];
        let filters = prop_oneof![
            1 => Just(Vec::new()),
            2 => proptest::collection::vec(filter(), 1..2),
            1 => proptest::collection::vec(filter(), 2..4),
            2 => proptest::collection::vec(tree(), 1..3),
        ];
        let limit = prop_oneof![3 => Just(1000_usize), 1 => 0..4_usize];
        let questions = proptest::collection::vec((ask(day), filters, limit), 2..4);
        let rollups = proptest::collection::vec(0.0..1.1, 0..3);
        (walks, after, questions, rollups).prop_map(move |(walks, after, asked, rollups)| {
            let mut records: Vec<Sent> =
                walks.iter().flat_map(|walk| sent(walk, zone, day, shards)).collect();
            records.sort_by_key(|sent| sent.at);
            let last = records.last().unwrap().at;
            let now = last + SignedDuration::from_millis(after);
            let questions = asked
                .into_iter()
                .map(|(ask, filters, limit)| Question { ask, filters, now, limit })
                .collect();
            Case { zone, shards, records, rollups, questions }
        })
    })
}

fn sent(walk: &Walk, zone: &str, day: Date, shards: u8) -> Vec<Sent> {
    let zone = jiff::tz::TimeZone::get(zone).unwrap();
    let day = day + walk.start.days.days();
    let at = match walk.start.base {
        Base::LocalMidnight => day.to_zoned(zone),
        Base::UtcMidnight => day.to_zoned(jiff::tz::TimeZone::UTC),
        Base::Noon => day.at(12, 0, 0, 0).to_zoned(zone),
    };
    let mut at = at.unwrap().timestamp() + SignedDuration::from_millis(walk.start.millis);
    let mut sent = Vec::new();
    for (gap, step, shard, order) in &walk.steps {
        let kind = match step {
            Step::Hit(hit) => {
                Kind::Hit(Hit { visitor: VisitorId::new(walk.visitor), ..*hit.clone() })
            }
            Step::Engagement(engagement) => Kind::Engagement(Engagement {
                visitor: VisitorId::new(walk.visitor),
                ..engagement.clone()
            }),
            Step::Excluded(filtered) => Kind::Excluded(filtered.clone()),
        };
        sent.push(Sent { at, kind, shard: shard % shards, order: *order });
        at += SignedDuration::from_millis(*gap);
    }
    sent
}

/// Asks over raw, partly rolled-up and fully rolled-up hits. Where answers differ, the first is the wrong one.
fn check(case: &Case) {
    let mut world = World::new(case.zone, case.shards);
    for sent in &case.records {
        world.add(sent.at, sent.kind.clone(), sent.shard, sent.order);
    }
    let now = case.questions[0].now;
    let (first, last) = (world.records[0].at, world.records.last().unwrap().at);
    world.fold_old(now);
    let ask_all = |world: &World| {
        for question in &case.questions {
            world.checked(question);
        }
    };
    ask_all(&world);
    let mut rollups = case.rollups.clone();
    rollups.sort_by(f64::total_cmp);
    let span = last.duration_since(first);
    for part in rollups {
        let at = first + SignedDuration::from_secs_f64(span.as_secs_f64() * part);
        if world
            .checkpoint()
            .rolled_up_through
            .is_none_or(|through| at > reference::midnight(through))
        {
            world.fold_until(at);
            world.rollup(at);
            ask_all(&world);
        }
    }
    world.fold_all();
    ask_all(&world);
    assert_eq!(world.checkpoint().first, world.first(), "the first day");
}

#[test]
fn engine_agrees_with_the_reference() {
    // `CASES=2000 cargo test …` searches further.
    let cases = std::env::var("CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(200);
    // Shrinking a failure takes seconds, not minutes.
    let max_shrink_iters = 300;
    let config = Config { cases, max_shrink_iters, failure_persistence: None, ..Config::default() };
    let dice = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut runner = TestRunner::new_with_rng(config, dice);
    let result = runner.run(&case(), |case| {
        check(&case);
        Ok(())
    });
    if let Err(failure) = result {
        panic!("{failure}");
    }
}
