//! A reader, and what is stored of their visit.

use footfall_testkit::wait::wait;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use footfall_infra::settings::Settings;
use footfall_runtime::hit::Kind;
use footfall_runtime::hit::visitor::VisitorId;
use footfall_runtime::ingest::Ingest;
use footfall_runtime::platform::context::{Context, RandomError};
use footfall_runtime::platform::http::{Request, Response};
use footfall_runtime::rollup::Rollup;
use footfall_runtime::storage::{Item, Store};
use jiff::Timestamp;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use footfall_testkit::memory::Memory;
use footfall_testkit::{FIREFOX, request};

/// Address and browser that occur nowhere else.
pub(crate) const ADDRESS: &str = "198.51.100.237";
pub(crate) const BROWSER: &str =
    "Mozilla/5.0 (X11; Linux x86_64; rv:151.0) Gecko/20100101 Firefox/151.0 Reader-of-e.x";

pub(crate) const NOON: &str = "2026-11-22T12:00:00Z";
pub(crate) const NEXT_DAY: &str = "2026-11-23T12:00:00Z";

/// A fixed clock, and random bytes that can be recognised in a search.
#[derive(Clone)]
pub(crate) struct Dice {
    now: Arc<Mutex<Timestamp>>,
    thrown: Arc<AtomicU64>,
}

impl Dice {
    pub(crate) fn at(now: &str) -> Self {
        Self { now: Arc::new(Mutex::new(now.parse().unwrap())), thrown: Arc::default() }
    }

    pub(crate) fn set(&self, now: &str) {
        *self.now.lock().unwrap() = now.parse().unwrap();
    }
}

impl Context for Dice {
    fn now(&self) -> Timestamp {
        *self.now.lock().unwrap()
    }

    fn random(&self) -> Result<[u8; 16], RandomError> {
        let throw = self.thrown.fetch_add(1, Ordering::Relaxed);
        let hash = Sha256::digest(format!("throw {throw}"));
        Ok(hash[..16].try_into().unwrap())
    }
}

/// The function `track` over a store.
pub(crate) struct World<S> {
    pub(crate) store: S,
    pub(crate) dice: Dice,
    pub(crate) settings: Settings,
    track: Ingest<S, Dice>,
}

impl World<Memory> {
    /// Adds lines below the site `example.com` and its hosts, such as `  engagement: true`.
    pub(crate) fn with(more: &str) -> Self {
        let yaml = format!(
            "sites:\n- domain: example.com\n  hosts: ['example.com', '*.example.com']\n{more}"
        );
        Self::over(Memory::default(), Settings::from_yaml(&yaml).unwrap())
    }

    /// What is stored of a single request.
    pub(crate) fn stored(&self, request: &Request) -> Vec<Item> {
        let before = self.store.hits();
        wait(self.handle(request));
        self.store.hits().into_iter().filter(|item| !before.contains(item)).collect()
    }

    /// The one item stored for a body.
    #[track_caller]
    pub(crate) fn item(&self, body: &Value) -> Value {
        let items = self.stored(&post(body));
        let [item] = &items[..] else { panic!("{} items", items.len()) };
        serde_json::from_slice(&item.value).unwrap()
    }

    pub(crate) fn salts(&self) -> Vec<Item> {
        self.store.items().into_iter().filter(|item| item.key.pk == "salt").collect()
    }
}

impl<S: Store> World<S> {
    pub(crate) fn over(store: S, settings: Settings) -> Self {
        let dice = Dice::at(NOON);
        let track = Ingest::new(settings.clone(), store.clone(), dice.clone());
        Self { store, dice, settings, track }
    }

    pub(crate) async fn handle(&self, request: &Request) -> Response {
        self.track.handle(request).await
    }

    /// Rolls up what is complete.
    pub(crate) async fn fold(&self) {
        let (settings, store) = (self.settings.clone(), self.store.clone());
        Rollup::new(settings, store, self.dice.clone()).min_hits(1).run().await.unwrap();
    }
}

/// Sends a body as the reader's browser does.
pub(crate) fn post(body: &Value) -> Request {
    from(ADDRESS, BROWSER, body)
}

/// Sends a body from an address and a browser.
pub(crate) fn from(address: &str, browser: &str, body: &Value) -> Request {
    let mut request = request::post(body.to_string());
    request.peer = address.parse().unwrap();
    request.headers = request::headers(&[("user-agent", browser)]);
    request
}

/// A view of the page.
pub(crate) fn view() -> Value {
    json!({ "u": "https://example.com/read" })
}

/// Visitor number of an item.
pub(crate) fn visitor(item: &Item) -> Option<VisitorId> {
    match Kind::decode(&item.value).unwrap() {
        Kind::Hit(hit) => Some(hit.visitor),
        Kind::Engagement(engagement) => Some(engagement.visitor),
        Kind::Excluded(_) => None,
    }
}

/// The reader's visitor number under a salt.
pub(crate) fn reader(salt: footfall_runtime::hit::visitor::Salt) -> VisitorId {
    salt.visitor("example.com", ADDRESS.parse::<IpAddr>().unwrap(), BROWSER)
}

/// All bytes of an item, including its key.
pub(crate) fn bytes(items: &[Item]) -> Vec<u8> {
    let of_item =
        |item: &Item| [item.key.pk.as_bytes(), item.key.sk.as_bytes(), &item.value].concat();
    items.iter().flat_map(of_item).collect()
}

/// Whether the bytes contain a string.
pub(crate) fn has(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

/// A common Firefox.
pub(crate) const PLAIN: &str = FIREFOX;
