//! Two weeks of a site, with the same views for every design: as hits taken by `track` and rolled up by `rollup`, and
//! as counters by day, URL and source.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

use fastrand::Rng;
use footfall_infra::settings::Settings;
use footfall_runtime::auth::{COOKIE_NAME, Session, SigningKey};
use footfall_runtime::ingest::Ingest;
use footfall_runtime::platform::http::Request;
use footfall_runtime::rollup::Rollup;
use footfall_runtime::storage::Item;
use footfall_runtime::storage::hour::{utc_day, utc_start};
use footfall_runtime::storage::keys;
use http::{HeaderMap, HeaderName, HeaderValue};
use jiff::{SignedDuration, Timestamp, ToSpan as _};
use serde_json::{Value, json};

use super::stub::Tables;
use footfall_testkit::context::Fixed;
use footfall_testkit::memory::Memory;

/// The page shows seven days, and our comparison reads the seven days before.
const DAYS: i64 = 14;

const BROWSERS: [&str; 5] = [
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/150.0.0.0 Safari/537.36",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/19.0 Mobile/15E148 Safari/604.1",
    "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/150.0.0.0 Mobile Safari/537.36",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/19.0 Safari/605.1.15",
    "Mozilla/5.0 (X11; Linux x86_64; rv:151.0) Gecko/20100101 Firefox/151.0",
];
const ZONES: [&str; 6] = [
    "Europe/Berlin",
    "America/New_York",
    "Asia/Kolkata",
    "Europe/Paris",
    "America/Sao_Paulo",
    "Asia/Tokyo",
];
const REFERRERS: [&str; 6] = [
    "",
    "",
    "https://news.ycombinator.com/",
    "https://www.google.com/",
    "https://www.reddit.com/r/programming/",
    "https://lobste.rs/",
];

/// Size of a site.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Size {
    pub(crate) pages: usize,
    /// Number of pages. Each has at least one view.
    pub(crate) views_a_day: usize,
}

/// A blog with a few dozen readers, as the other design assumes.
pub(crate) const SMALL: Size = Size { pages: 25, views_a_day: 150 };

/// 10,000 URLs, each viewed every day.
pub(crate) const LARGE: Size = Size { pages: 10_000, views_a_day: 15_000 };

/// A view before anything has counted it.
struct View {
    at: Timestamp,
    reader: u32,
    url: String,
    source: Option<&'static str>,
}

/// Settings of the site as the stack passes them to the functions.
pub(crate) fn settings() -> Settings {
    Settings::from_yaml("sites: [{domain: example.com}]").unwrap()
}

/// Two weeks of views up to `now`, in order of time.
fn views(size: Size, now: Timestamp) -> Vec<View> {
    let mut random = Rng::with_seed(42);
    let today = utc_day(now);
    let mut views = Vec::new();
    for ago in (0..DAYS).rev() {
        let start = utc_start(today.checked_sub(ago.days()).unwrap()).unwrap();
        // The fraction of the day that has passed.
        let over = now.duration_since(start).as_secs_f64().min(86_400.0);
        let count = (size.views_a_day as f64 * over / 86_400.0).ceil() as usize;
        let mut pages: Vec<usize> = (0..size.pages).collect();
        random.shuffle(&mut pages);
        // After one view for each page, page k gets about 1/k of the rest.
        let more = std::iter::repeat_with(|| {
            ((size.pages as f64 + 1.0).powf(random.f64()) - 1.0) as usize % size.pages
        });
        let more: Vec<usize> = more.take(count.saturating_sub(size.pages)).collect();
        for page in pages.into_iter().chain(more).take(count) {
            let seconds = random.f64() * over;
            views.push(View {
                at: start + SignedDuration::from_secs_f64(seconds),
                // About two views per visitor.
                reader: random.u32(..(count / 2).max(1) as u32) + 1,
                url: match page {
                    0 => "https://example.com/".to_owned(),
                    page => format!("https://example.com/posts/2026/a-post-with-a-title-{page}"),
                },
                source: match random.u8(..20) {
                    0 | 1 => Some("twitter"),
                    2 => Some("slack"),
                    _ => None,
                },
            });
        }
    }
    views.sort_by_key(|view| view.at);
    views
}

/// Fills the tables of both designs with two weeks of a site. Returns a session cookie for our dashboard.
pub(crate) async fn fill(tables: &Tables, size: Size) -> String {
    let now = Timestamp::now();
    let views = views(size, now);
    let mut rows: BTreeMap<(String, &str), BTreeMap<String, u64>> = BTreeMap::new();
    for view in &views {
        let row = rows.entry((utc_day(view.at).to_string(), &view.url)).or_default();
        let by_source = view.source.map(|source| format!("views_{source}"));
        for counter in by_source.into_iter().chain(["views".to_owned()]) {
            *row.entry(counter).or_default() += 1;
        }
    }
    for ((day, url), counters) in rows {
        let counters: Vec<(String, u64)> = counters.into_iter().collect();
        tables.put_row(&day, url, &counters);
    }
    let key = SigningKey::new([7; 32]);
    tables.put(hits_and_segments(&views, now).await);
    tables.put(vec![Item { key: keys::signing_key(), value: key.to_bytes(), expires: None }]);
    format!("{COOKIE_NAME}={}", Session::new(now).signed(&key))
}

/// Stores the views as our functions do: taken when they arrived, and rolled up as far as they are due.
async fn hits_and_segments(views: &[View], now: Timestamp) -> Vec<Item> {
    let (store, clock) = (Memory::default(), Fixed::at(&views[0].at.to_string()));
    let track = Ingest::new(settings(), store.clone(), clock.clone());
    for view in views {
        clock.set(&view.at.to_string());
        let answer = track.handle(&request(view)).await;
        assert_eq!(answer.status(), 202, "{answer:?}");
    }
    let rollup = Rollup::new(settings(), store.clone(), Fixed::at(&now.to_string()));
    let run = rollup.run().await.unwrap();
    assert!(i64::from(run.days) >= DAYS - 2, "{run:?}");
    // Hits that are rolled up are never read.
    let partitions: Vec<Item> = store.items();
    assert!(
        !store.hits().is_empty() || views.last().unwrap().at < now - SignedDuration::from_hours(1)
    );
    partitions
}

fn request(view: &View) -> Request {
    let reader = view.reader as usize;
    let mut url = view.url.clone();
    if let Some(source) = view.source {
        url += &format!("?utm_source={source}");
    }
    let widths = [1440, 390, 1920];
    let body = json!({
        "n": "pageview",
        "u": url,
        "r": if view.source.is_none() { REFERRERS[reader % REFERRERS.len()] } else { "" },
        "w": widths[reader % widths.len()],
        "z": ZONES[reader % ZONES.len()],
    });
    let mut headers = HeaderMap::new();
    headers.insert(
        HeaderName::from_static("user-agent"),
        HeaderValue::from_static(BROWSERS[reader % BROWSERS.len()]),
    );
    Request {
        method: "POST".to_owned(),
        path: "/track".to_owned(),
        query: String::new(),
        headers,
        body: body.to_string().into_bytes(),
        peer: IpAddr::V4(Ipv4Addr::from_bits(0xc633_0000 + view.reader)),
    }
}

/// An event from the tests' data, as API Gateway sends it.
fn event(name: &str) -> Value {
    let file = format!("{}/tests/data/events/{name}.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap()
}

/// A view by one of many readers, for our `track`.
pub(crate) fn own_hit(number: usize) -> Value {
    let mut event = event("track");
    let address = format!("198.51.{}.{}", number / 250 % 250, number % 250);
    event["requestContext"]["http"]["sourceIp"] = address.into();
    event
}

/// The same view as the other design's snippet sends it.
pub(crate) fn other_hit(number: usize) -> Value {
    let mut event = own_hit(number);
    event["headers"]["content-type"] = "application/json".into();
    let body =
        json!({ "url": "https://example.com/posts/rust-on-lambda", "utm_source": "twitter" });
    event["body"] = body.to_string().into();
    event
}

/// A request for the last seven days by a signed-in browser that accepts gzip.
pub(crate) fn page(cookie: &str) -> Value {
    let mut event = event("dashboard");
    event["rawQueryString"] = "period=7d".into();
    event["queryStringParameters"] = json!({ "period": "7d" });
    event["headers"]["accept-encoding"] = "gzip, deflate, br, zstd".into();
    event["cookies"] = json!([cookie]);
    event
}
