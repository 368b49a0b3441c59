//! A site with a few hits, and questions to its API.

use footfall_infra::settings::{Domain, Settings};
use footfall_runtime::auth::admin::{self, TokenRequest};
use footfall_runtime::auth::{self, AccessMode};
use footfall_runtime::hit::Kind;
use footfall_runtime::platform::http::Request;
use footfall_runtime::rollup::Rollup;
use footfall_runtime::storage::keys::hit_key;
use footfall_runtime::storage::retention::hit_expiry;
use footfall_runtime::storage::{Item, Store as _};
use footfall_runtime::web::Web;
use jiff::Timestamp;
use serde_json::{Value, json};

use footfall_testkit::context::Fixed;
use footfall_testkit::memory::Memory;
use footfall_testkit::request;
use footfall_testkit::wait::wait;

/// Time of all questions: a Friday.
pub(crate) const NOW: &str = "2026-11-20T12:00:00Z";

/// A site and its handler.
pub(crate) struct World {
    settings: Settings,
    store: Memory,
    /// Open unless a test closes it.
    pub(crate) door: AccessMode,
    stored: u128,
}

impl World {
    pub(crate) fn new(zone: &str) -> Self {
        let yaml = format!(
            "sites:\n- domain: example.com\n  time_zone: {zone}\n  goals:\n  \
             - {{event: signup}}\n  - {{page: /thanks*, name: Order}}\n- domain: other.example\n"
        );
        Self {
            settings: Settings::from_yaml(&yaml).unwrap(),
            store: Memory::default(),
            door: AccessMode::Open,
            stored: 0,
        }
    }

    /// Two days with three people.
    ///
    /// - Wednesday: Ann comes from Google at 9:00 and reads /a, at 9:04 /b, where she signs up at 9:05 for the plan
    ///   "pro". Bob comes directly at 10:00 and reads /a.
    /// - Thursday: Ann comes from Google at 8:00 and reads /b. Cid comes from a campaign at 23:50, reads /a, and at
    ///   23:58 /thanks.
    pub(crate) fn of_three() -> Self {
        let mut world = Self::new("UTC");
        let ann = json!({
            "v": 1, "s": "Google", "r": "google.com/", "c": "DE", "b": "Firefox", "bv": "151",
            "o": "Linux", "d": "Desktop", "w": "l",
        });
        let bob = json!({ "v": 2, "c": "FR", "b": "Safari", "o": "iOS", "d": "Mobile" });
        let cid = json!({ "v": 3, "s": "news", "us": "news", "um": "email", "uc": "may" });
        let with = |person: &Value, more: Value| {
            let mut hit = person.clone();
            hit.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            hit
        };
        world.add("2026-11-18T09:00:00Z", with(&ann, json!({ "p": "/a" })));
        world.add("2026-11-18T09:04:00Z", with(&ann, json!({ "p": "/b" })));
        let plan = json!({ "p": "/b", "n": "signup", "m": [["plan", "pro"]] });
        world.add("2026-11-18T09:05:00Z", with(&ann, plan));
        world.add("2026-11-18T10:00:00Z", with(&bob, json!({ "p": "/a" })));
        world.add("2026-11-19T08:00:00Z", with(&ann, json!({ "p": "/b" })));
        world.add("2026-11-19T23:50:00Z", with(&cid, json!({ "p": "/a" })));
        world.add("2026-11-19T23:58:00Z", with(&cid, json!({ "p": "/thanks" })));
        world
    }

    /// Stores a hit. `v` is the visitor's number.
    pub(crate) fn add(&mut self, at: &str, mut hit: Value) {
        let at: Timestamp = at.parse().unwrap();
        let visitor = hit["v"].as_u64().unwrap();
        hit["v"] = format!("{visitor:016x}").into();
        let kind = Kind::Hit(serde_json::from_value(hit).unwrap());
        let site = &self.settings.sites[0];
        self.stored += 1;
        let key = hit_key(site, at, 0, (self.stored << 64).to_be_bytes());
        let (value, expires) = (kind.encode(900).unwrap(), Some(hit_expiry(site, at)));
        wait(self.store.put(Item { key, value, expires })).unwrap();
    }

    /// Stores an engagement: milliseconds, and scroll depth in per cent.
    pub(crate) fn engage(&mut self, at: &str, visitor: u64, page: &str, scroll: u8, engaged: u32) {
        let visitor = format!("{visitor:016x}");
        let said = json!({ "ev": visitor, "ep": page, "sd": scroll, "e": engaged });
        self.add_item(at, &said);
    }

    /// Stores a hit as a newer version would write it.
    pub(crate) fn add_unreadable(&mut self, at: &str) {
        self.add_item(at, &json!({}));
    }

    fn add_item(&mut self, at: &str, value: &Value) {
        let site = &self.settings.sites[0];
        self.stored += 1;
        let key = hit_key(site, at.parse().unwrap(), 0, (self.stored << 64).to_be_bytes());
        let item = Item { key, value: value.to_string().into(), expires: None };
        wait(self.store.put(item)).unwrap();
    }

    /// Creates a token for a site, and returns its secret.
    pub(crate) fn token(&self, site: &str) -> String {
        let wish = TokenRequest {
            kind: auth::TokenKind::Api,
            site: Domain::try_from(site.to_owned()).unwrap(),
            name: "reports".to_owned(),
            expires: None,
            embed: Vec::new(),
        };
        let clock = Fixed::at(NOW);
        let made = wait(admin::create(&self.store, &clock, wish));
        made.unwrap().0.expose().to_owned()
    }

    /// Rolls up everything that is complete at `now`.
    pub(crate) fn fold(&self, now: &str) {
        let rollup =
            Rollup::new(self.settings.clone(), self.store.clone(), Fixed::at(now)).min_hits(1);
        wait(rollup.run()).unwrap();
    }

    /// The function's response to a request at a given time.
    pub(crate) fn answer_at(&self, now: &str, request: &Request) -> (u16, Value) {
        let (settings, store) = (self.settings.clone(), self.store.clone());
        let dashboard = Web::new(settings, store, Fixed::at(now), self.door).unwrap();
        let answer = wait(dashboard.handle(request));
        assert_eq!(answer.headers()["content-type"], "application/json");
        assert_eq!(answer.headers()["cache-control"], "no-store");
        (answer.status().as_u16(), serde_json::from_slice(answer.body()).unwrap())
    }

    pub(crate) fn answer(&self, request: &Request) -> (u16, Value) {
        self.answer_at(NOW, request)
    }

    /// Sends a body to v2.
    pub(crate) fn post(&self, body: impl Into<Vec<u8>>) -> (u16, Value) {
        self.answer(&post(body))
    }

    /// The answer to a question about Wednesday and Thursday, unless it has its own date range.
    #[track_caller]
    pub(crate) fn ask(&self, question: &Value) -> Value {
        let (status, answer) = self.post(filled(question).to_string());
        assert_eq!(status, 200, "{question}: {answer}");
        answer
    }

    /// Rows of an answer: dimensions followed by metrics.
    #[track_caller]
    pub(crate) fn rows(&self, question: &Value) -> Vec<Value> {
        let answer = self.ask(question);
        let row = |row: &Value| {
            let (dimensions, metrics) = (row["dimensions"].as_array(), row["metrics"].as_array());
            dimensions.unwrap().iter().chain(metrics.unwrap()).cloned().collect()
        };
        answer["results"].as_array().unwrap().iter().map(row).collect()
    }

    #[track_caller]
    pub(crate) fn check(&self, question: Value, expected: Value) {
        assert_eq!(Value::from(self.rows(&question)), expected, "{question}");
    }

    /// Requests a path of v1 with a query string.
    pub(crate) fn get(&self, path: &str, query: &str) -> (u16, Value) {
        self.answer(&get(path, query))
    }
}

/// A request with the required keys only.
pub(crate) fn filled(question: &Value) -> Value {
    let mut body = json!({
        "site_id": "example.com",
        "metrics": ["visitors"],
        "date_range": ["2026-11-18", "2026-11-19"],
    });
    body.as_object_mut().unwrap().extend(question.as_object().unwrap().clone());
    body
}

pub(crate) fn post(body: impl Into<Vec<u8>>) -> Request {
    let path = "/api/v2/query".to_owned();
    Request { method: "POST".to_owned(), path, body: body.into(), ..request::dashboard("") }
}

pub(crate) fn get(path: &str, query: &str) -> Request {
    Request { path: path.to_owned(), ..request::dashboard(query) }
}
