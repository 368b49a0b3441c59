//! Limits against abuse: rate-limited visitors do not count, and the distinct values of a day are bounded. All other
//! numbers stay exact.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test ends there")]

use footfall_testkit::wait::wait;
use std::collections::HashMap;

use footfall_infra::settings::Settings;
use footfall_runtime::auth::AccessMode;
use footfall_runtime::hit::rate_limit::MAX_HITS_PER_MINUTE;
use footfall_runtime::ingest::Ingest;
use footfall_runtime::platform::http::{Request, Response};
use footfall_runtime::rollup::{MAX_DISTINCT_VALUES, Rollup};
use footfall_runtime::web::Web;
use footfall_testkit::context::Fixed;
use footfall_testkit::memory::Memory;
use footfall_testkit::request;
use http::HeaderValue;
use serde_json::{Value, json};

const NOW: &str = "2026-11-22T13:05:06.789Z";
const TOMORROW: &str = "2026-11-23T02:00:00Z";
const MAX: u64 = MAX_HITS_PER_MINUTE as u64;

/// A site, its store and its clock.
struct World {
    settings: Settings,
    store: Memory,
    clock: Fixed,
}

impl World {
    fn new() -> Self {
        let settings = Settings::from_yaml("sites: [{domain: e.x, engagement: true}]").unwrap();
        Self { settings, store: Memory::default(), clock: Fixed::at(NOW) }
    }

    /// Starts a function that takes hits, with nothing in memory.
    fn track(&self) -> Ingest<Memory, Fixed> {
        Ingest::new(self.settings.clone(), self.store.clone(), self.clock.clone())
    }

    fn roll_up(&self) {
        self.clock.set(TOMORROW);
        let rollup = Rollup::new(self.settings.clone(), self.store.clone(), self.clock.clone());
        assert_eq!(wait(rollup.run()).unwrap().days, 1);
    }

    fn report(&self, query: &str) -> Value {
        let (settings, store) = (self.settings.clone(), self.store.clone());
        let dashboard = Web::new(settings, store, self.clock.clone(), AccessMode::Open).unwrap();
        let query = format!("from=2026-11-22&to=2026-11-22&format=json&{query}");
        let answer = wait(dashboard.handle(&request::dashboard(&query)));
        assert_eq!(answer.status(), 200, "{}", String::from_utf8_lossy(answer.body()));
        serde_json::from_slice(answer.body()).unwrap()
    }

    /// Returns views, visitors, and excluded hits by reason.
    fn numbers(&self) -> (u64, u64, Value) {
        let report = self.report("");
        let number = |name: &str| report["totals"][name].as_u64().unwrap();
        (number("views"), number("visitors"), report["filtered"].clone())
    }
}

fn view(agent: &str, page: &str) -> Request {
    let mut request = request::post(json!({ "u": format!("https://e.x{page}") }).to_string());
    request.headers.insert("user-agent", HeaderValue::from_str(agent).unwrap());
    request
}

fn browser(number: usize) -> String {
    format!("{} {number}", footfall_testkit::FIREFOX)
}

fn outcome(answer: &Response) -> (u16, Option<&str>) {
    let reason = answer.headers().get("x-footfall-dropped");
    (answer.status().as_u16(), reason.map(|reason| reason.to_str().unwrap()))
}

#[test]
fn stores_nothing_of_a_rate_limited_visitor() {
    let world = World::new();
    let track = world.track();
    let send = |request: &Request| wait(track.handle(request));
    for _ in 0..MAX {
        assert_eq!(outcome(&send(&view(&browser(1), "/"))), (202, None));
    }
    let stored = world.store.items().len();
    let answer = send(&view(&browser(1), "/"));
    assert_eq!(outcome(&answer), (429, Some("rate-limited")));
    assert_eq!(answer.headers().get("retry-after").unwrap(), "60");
    let said = String::from_utf8_lossy(answer.body()).into_owned();
    assert!(said.contains("240 hits per minute"), "{said}");
    assert_eq!(world.store.items().len(), stored);
    // Engagement has a limit of its own. Other visitors and the next minute are not affected.
    let engaged = json!({ "n": "engagement", "u": "https://e.x/", "sd": 9, "e": 5000 }).to_string();
    let mut engagement = view(&browser(1), "/");
    engagement.body = engaged.into_bytes();
    for _ in 0..MAX {
        assert_eq!(outcome(&send(&engagement)), (202, None));
    }
    assert_eq!(outcome(&send(&engagement)), (429, Some("rate-limited")));
    assert_eq!(outcome(&send(&view(&browser(2), "/"))), (202, None));
    world.clock.set("2026-11-22T13:06:00Z");
    assert_eq!(outcome(&send(&view(&browser(1), "/"))), (202, None));
    assert_eq!(world.numbers(), (MAX + 2, 2, json!([])));
}

#[test]
fn rollup_excludes_what_several_functions_let_through() {
    let world = World::new();
    for _ in 0..3 {
        let track = world.track();
        for _ in 0..200 {
            assert_eq!(outcome(&wait(track.handle(&view(&browser(1), "/a")))), (202, None));
        }
        wait(track.handle(&view(&browser(2), "/b")));
    }
    let apart = json!([{ "reason": "rate-limited", "count": 600 - MAX }]);
    let expected = (MAX + 3, 2, apart);
    assert_eq!(world.numbers(), expected);
    world.roll_up();
    assert_eq!(world.numbers(), expected);
}

#[test]
fn values_over_the_limit_are_combined_with_an_exact_count() {
    let world = World::new();
    let (track, most, over) = (world.track(), MAX_DISTINCT_VALUES, 50);
    let mut expected: HashMap<String, u64> = HashMap::new();
    for number in 0..most + over {
        // Names of equal length, so that they sort as their numbers. Some are frequent.
        let page = format!("/{number:05}");
        let views = if number % 1000 == 7 { 3 } else { 1 };
        for view_number in 0..views {
            let request = view(&browser((number + view_number) % 97), &page);
            let mut body: Value = serde_json::from_slice(&request.body).unwrap();
            body["r"] = json!(format!("https://r{number}.example/"));
            let request = Request { body: body.to_string().into_bytes(), ..request };
            assert_eq!(outcome(&wait(track.handle(&request))), (202, None));
            *expected.entry(page.clone()).or_default() += 1;
        }
        // Keep all 97 browsers below the limit per minute.
        if number % 5000 == 0 {
            world.clock.set(&format!("2026-11-22T13:{:02}:00Z", 10 + number / 5000));
        }
    }
    let before = world.numbers();
    assert_eq!((before.0, before.1), (expected.values().sum(), 97));
    world.roll_up();
    assert_eq!(world.numbers(), before);
    let tables = world.report("")["tables"].clone();
    let rows = |table: &str| -> HashMap<String, u64> {
        let rows = tables[table]["rows"].as_array().unwrap().iter();
        rows.map(|row| {
            (row["value"].as_str().unwrap_or("-").to_owned(), row["views"].as_u64().unwrap())
        })
        .collect()
    };
    let pages = rows("page");
    // The rarest values are combined: of those seen once, the last ones by name.
    assert_eq!(pages["(other)"], over as u64);
    for number in [7, 1007, 9007] {
        assert_eq!(pages[&format!("/{number:05}")], 3);
    }
}

#[test]
fn opt_out_page_stores_nothing_on_the_server() {
    let world = World::new();
    let (settings, store) = (world.settings.clone(), world.store.clone());
    let dashboard = Web::new(settings, store, world.clock.clone(), AccessMode::Open).unwrap();
    let shown = |query: &str| {
        let answer = wait(dashboard.handle(&request::dashboard(query)));
        assert_eq!(answer.status(), 200);
        String::from_utf8(answer.into_body()).unwrap()
    };
    assert!(shown("").contains(r#"href="?myself""#));
    let page = shown("myself");
    assert!(page.contains(r#"href="https:&#x2f;&#x2f;e.x&#x2f;#footfall""#), "{page}");
    assert!(page.contains("<path d="), "{page}");
    assert!(world.store.items().is_empty(), "the choice stays in the browser");
}
