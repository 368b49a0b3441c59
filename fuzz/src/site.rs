//! A site with a few hits: one day is rolled up, another is not.

use footfall_infra::settings::Settings;
use footfall_runtime::auth::AccessMode;
use footfall_runtime::hit::Kind;
use footfall_runtime::platform::http::{Request, Response};
use footfall_runtime::rollup::Rollup;
use footfall_runtime::storage::keys::hit_key;
use footfall_runtime::storage::retention::hit_expiry;
use footfall_runtime::storage::{Item, Store as _};
use footfall_runtime::web::Web;
use jiff::Timestamp;
use serde_json::{Value, json};

use footfall_testkit::context::Fixed;
use footfall_testkit::memory::Memory;
use footfall_testkit::wait::wait;

/// The time of every request: a Friday.
const NOW: &str = "2026-11-20T12:00:00Z";

const SITES: &str = "
sites:
- domain: example.com
  time_zone: America/New_York
  engagement: true
  goals: [{event: signup}, {page: /thanks*, name: Order}]
- domain: other.example
";

/// Answers a request.
pub(crate) fn answer(request: &Request) -> Response {
    thread_local! {
        static DASHBOARD: Web<Memory, Fixed> = dashboard();
    }
    DASHBOARD.with(|dashboard| wait(dashboard.handle(request)))
}

fn dashboard() -> Web<Memory, Fixed> {
    let settings = Settings::from_yaml(SITES).unwrap();
    let store = Memory::default();
    let hits = [
        (
            "2026-11-18T09:00:00Z",
            json!({ "v": 1, "p": "/a", "s": "Google", "r": "google.com", "c": "DE" }),
        ),
        (
            "2026-11-18T09:04:00Z",
            json!({ "v": 1, "p": "/b", "b": "Firefox", "bv": "151", "o": "Linux" }),
        ),
        (
            "2026-11-18T09:05:00Z",
            json!({ "v": 1, "p": "/b", "n": "signup", "m": [["plan", "pro"]] }),
        ),
        ("2026-11-18T10:00:00Z", json!({ "v": 2, "p": "/a", "d": "Mobile", "w": "m", "c": "FR" })),
        (
            "2026-11-19T23:50:00Z",
            json!({ "v": 3, "p": "/a", "s": "news", "us": "news", "um": "email" }),
        ),
        (
            "2026-11-19T23:58:00Z",
            json!({ "v": 3, "p": "/thanks", "h": "shop.example.com", "uc": "may" }),
        ),
        ("2026-11-20T11:58:00Z", json!({ "v": 4, "p": "/<script>", "ut": "a,b", "uo": "(c)" })),
    ];
    let mut stored = 0_u128;
    let mut put = |at: &str, value: Vec<u8>| {
        let site = &settings.sites[0];
        let at: Timestamp = at.parse().unwrap();
        stored += 1;
        let key = hit_key(site, at, 0, (stored << 64).to_be_bytes());
        wait(store.put(Item { key, value, expires: Some(hit_expiry(site, at)) })).unwrap();
    };
    for (at, mut hit) in hits {
        hit["v"] = format!("{:016x}", hit["v"].as_u64().unwrap()).into();
        let kind = Kind::Hit(serde_json::from_value(hit).unwrap());
        put(at, kind.encode(900).unwrap());
    }
    let engaged = json!({ "ev": format!("{:016x}", 1), "ep": "/b", "sd": 60, "e": 9000 });
    put("2026-11-18T09:06:00Z", engaged.to_string().into_bytes());
    put("2026-11-18T09:07:00Z", json!({ "x": "bot", "p": "/a" }).to_string().into_bytes());
    let rollup = Rollup::new(settings.clone(), store.clone(), Fixed::at(NOW)).min_hits(1);
    wait(rollup.run()).unwrap();
    Web::new(settings, store, Fixed::at(NOW), AccessMode::Open).unwrap()
}

/// Returns the body of a JSON answer.
pub(crate) fn json_of(answer: &Response) -> Value {
    assert_eq!(answer.headers()["content-type"], "application/json");
    serde_json::from_slice(answer.body()).unwrap()
}
