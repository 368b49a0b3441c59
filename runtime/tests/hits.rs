//! Whatever comes in: no body makes the handlers fail, no hit is larger than a write unit, and no
//! clock loses one.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test ends there")]

use footfall_testkit::wait::wait;

use footfall_infra::settings::Settings;
use footfall_runtime::auth::AccessMode;
use footfall_runtime::hit::{Hit, Kind};
use footfall_runtime::ingest::Ingest;
use footfall_runtime::ingest::payload::{ENGAGEMENT, MAX_BODY, MAX_ENGAGED, Payload};
use footfall_runtime::platform::http::{Request, Response};
use footfall_runtime::storage::{Item, Key, Store as _, WRITE_UNIT};
use footfall_runtime::web::Web;
use footfall_testkit::context::Fixed;
use footfall_testkit::memory::Memory;
use footfall_testkit::request;
use http::HeaderValue;
use proptest::prelude::*;
use proptest::test_runner::Config;
use serde_json::{Map, Value, json};

const NOW: &str = "2026-11-22T13:05:06.789Z";

/// Both handlers over one store and one clock.
struct Footfall {
    store: Memory,
    clock: Fixed,
    track: Ingest<Memory, Fixed>,
    dashboard: Web<Memory, Fixed>,
}

impl Footfall {
    fn new(settings: &str) -> Self {
        let settings = Settings::from_yaml(settings).unwrap();
        let (store, clock) = (Memory::default(), Fixed::at(NOW));
        let track = Ingest::new(settings.clone(), store.clone(), clock.clone());
        let dashboard = Web::new(settings, store.clone(), clock.clone(), AccessMode::Open).unwrap();
        Self { store, clock, track, dashboard }
    }

    fn track(&self, request: &Request) -> Response {
        wait(self.track.handle(request))
    }

    fn shown(&self, query: &str) -> String {
        let answer = wait(self.dashboard.handle(&request::dashboard(query)));
        assert_eq!(answer.status(), 200, "{}", String::from_utf8_lossy(answer.body()));
        String::from_utf8(answer.into_body()).unwrap()
    }

    fn report(&self, query: &str) -> Value {
        serde_json::from_str(&self.shown(&format!("{query}&format=json"))).unwrap()
    }
}

/// A domain of 253 bytes, the most there can be: the least room for the rest of an item.
fn longest_domain() -> String {
    [63, 63, 63, 61].map(|length| "a".repeat(length)).join(".")
}

/// Text of all kinds: of any characters, of those that grow when they are escaped, and markup;
/// short, or a piece again and again, up to 10 KB (which is quicker to make than as much of any).
fn text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => "\\PC{0,20}",
        1 => any::<[char; 5]>().prop_map(String::from_iter),
        1 => "[\"\\\\]{1,4}",
        1 => "[a-z<>/&'\"{}%]{1,16}",
        1 => Just("🦀".to_owned()),
        1 => Just("<script>alert(1)</script>".to_owned()),
        1 => Just("\u{202e}\u{0}\r\n</script ".to_owned()),
    ];
    let times = prop_oneof![6 => 1..=1_usize, 1 => 2..=2500_usize];
    (piece, times).prop_map(|(piece, times)| {
        let most = 10_000 / piece.len().max(1);
        piece.repeat(times.min(most))
    })
}

/// Any JSON, not very deep.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        text().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 10, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..10).prop_map(Value::from),
            prop::collection::hash_map(text(), inner, 0..10)
                .prop_map(|pairs| Value::Object(pairs.into_iter().collect())),
        ]
    })
}

/// The address of a page, of the sites' own in most cases.
fn address() -> impl Strategy<Value = String> {
    let long = longest_domain();
    let host = prop_oneof![
        12 => Just("example.com".to_owned()),
        6 => "[a-z0-9]{1,60}\\.example\\.com",
        6 => Just(long),
        1 => text(),
    ];
    let names = "(utm_source|utm_medium|utm_campaign|utm_term|utm_content|ref|source)";
    let query = prop::collection::vec((names, text()), 0..8);
    (host, text(), query, text()).prop_map(|(host, path, query, fragment)| {
        let mut pairs = url::form_urlencoded::Serializer::new(String::new());
        pairs.extend_pairs(query);
        format!("https://{host}/{path}?{}#{fragment}", pairs.finish())
    })
}

/// The keys that mean something, most of them of the type they must have.
fn payload() -> impl Strategy<Value = Value> {
    let props = prop::collection::hash_map(text(), any_json(), 0..30)
        .prop_map(|pairs| Value::Object(pairs.into_iter().collect()));
    let short = "\\PC{0,30}".prop_map(Value::from);
    // A wrong one now and then: mostly wrong bodies would mostly be refused.
    let key = prop_oneof![
        8 => ("(n|name)", short.boxed()),
        8 => ("(utm_source|z)", text().prop_map(Value::from).boxed()),
        8 => ("(r|referrer)", address().prop_map(Value::from).boxed()),
        4 => ("(w|width|screen_width)", (0.0..1e12).prop_map(Value::from).boxed()),
        12 => ("(p|props|m|meta)", props.boxed()),
        4 => ("(h|hashMode|i)", any::<bool>().prop_map(Value::from).boxed()),
        1 => ("(d|domain|b)", text().prop_map(Value::from).boxed()),
        1 => ("(u|url|n|name|r|referrer|d|domain|utm_source|w|z|p|h|b)", any_json().boxed()),
    ];
    let keys = prop::collection::vec(key, 0..8);
    (address(), keys).prop_map(|(url, keys)| {
        let mut payload = Map::from_iter([("u".to_owned(), Value::from(url))]);
        payload.extend(keys);
        Value::Object(payload)
    })
}

/// Bytes that a header's value may have.
fn header() -> impl Strategy<Value = HeaderValue> {
    prop_oneof![
        6 => Just(HeaderValue::from_static(footfall_testkit::FIREFOX)),
        1 => "[ -~]{0,300}".prop_map(|text| HeaderValue::from_str(&text).unwrap()),
        1 => prop::collection::vec(128_u8.., 0..100)
            .prop_map(|bytes| HeaderValue::from_bytes(&bytes).unwrap()),
    ]
}

/// What holds for every request, whatever it says.
fn check(body: Vec<u8>, agent: HeaderValue, other: HeaderValue, pixel: bool) -> Option<Hit> {
    let settings = format!(
        "sites: [{{domain: example.com, hosts: [example.com, '*.example.com'], engagement: true}}, \
         {{domain: {}, engagement: true}}]",
        longest_domain()
    );
    let footfall = Footfall::new(&settings);
    let mut request = request::post(body);
    if pixel {
        "GET".clone_into(&mut request.method);
        "/pixel.gif".clone_into(&mut request.path);
        request.query = String::from_utf8_lossy(&request.body).into_owned();
    }
    request.headers.insert("user-agent", agent);
    for name in [
        "referer",
        "sec-ch-ua",
        "sec-ch-ua-platform",
        "cloudfront-viewer-country",
        "x-forwarded-for",
    ] {
        request.headers.insert(name, other.clone());
    }
    let answer = footfall.track(&request);
    let status = answer.status();
    let said = String::from_utf8_lossy(answer.body());
    assert!(status.is_success() || status.is_client_error(), "{status}: {said}");
    let dropped = answer.headers().get("x-footfall-dropped").map(|reason| reason.to_str().unwrap());
    let hits = footfall.store.hits();
    // What filters a hit drops an engagement: nothing is kept of it.
    let is_engagement = Payload::parse(&request.body).is_ok_and(|said| said.engagement.is_some());
    let is_stored = status.is_success() && (dropped.is_none() || pixel || !is_engagement);
    assert_eq!(hits.len(), usize::from(is_stored), "{status} {dropped:?}");
    let item = hits.first()?;
    // Nothing of the key is the client's choice.
    let partition = item.key.pk.strip_suffix("#2026-11-22T13#00").unwrap();
    let site = partition.strip_prefix("hit#").unwrap();
    assert!(site == "example.com" || site == longest_domain(), "{site}");
    let size = Item::overhead(&item.key) + item.value.len();
    assert!(size <= WRITE_UNIT, "{size} bytes: {}", String::from_utf8_lossy(&item.value));
    let kind = Kind::decode(&item.value).unwrap();
    assert_eq!(kind.encode(WRITE_UNIT).unwrap(), item.value, "read and written again");
    let page = footfall.shown(&format!("site={site}&days=1"));
    let own = format!(
        "<script>{}</script>",
        include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/assets/dashboard.js"))
    );
    let lower = page.replace(&own, "").to_ascii_lowercase();
    assert!(!lower.contains("<script") && !lower.contains("</script"), "{page}");
    assert!(!page.contains('\0'));
    let report = footfall.report(&format!("site={site}&days=1"));
    let total = |name: &str| report["totals"][name].as_u64().unwrap();
    let hit = match kind {
        Kind::Hit(hit) => hit,
        Kind::Engagement(engagement) => {
            assert_eq!((total("views") + total("events") + total("visitors"), dropped), (0, None));
            assert!(engagement.scroll.is_none_or(|scroll| scroll <= 100));
            assert!(engagement.engaged <= MAX_ENGAGED);
            return None;
        }
        Kind::Excluded(_) => {
            assert_eq!((total("views") + total("events"), dropped.is_some()), (0, true));
            return None;
        }
    };
    assert_eq!((total("views") + total("events"), total("visitors"), dropped), (1, 1, None));
    Some(hit)
}

/// 256 cases each, or `PROPTEST_CASES`.
fn config() -> Config {
    // A failure says what it was given: there is no file of them to keep.
    Config { failure_persistence: None, ..Config::default() }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn any_payload_is_survived(payload in payload(), agent in header(), other in header()) {
        check(payload.to_string().into_bytes(), agent, other, false);
    }

    #[test]
    fn any_json_is_survived(json in any_json(), agent in header(), other in header()) {
        check(json.to_string().into_bytes(), agent, other, false);
    }

    #[test]
    fn any_bytes_are_survived(
        bytes in prop::collection::vec(any::<u8>(), 0..2000), agent in header(), other in header(),
    ) {
        check(bytes, agent, other, false);
    }

    #[test]
    fn any_pixel_is_survived(url in address(), from in text(), agent in header(), other in header()) {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.append_pair("u", &url).append_pair("r", &from);
        check(query.finish().into_bytes(), agent, other, true);
    }

    #[test]
    fn any_engagement_is_survived(
        payload in payload(), scroll in any_json(), engaged in any_json(), agent in header(),
        other in header(),
    ) {
        let mut payload = payload;
        payload["n"] = Value::from(ENGAGEMENT);
        payload["sd"] = scroll;
        payload["e"] = engaged;
        check(payload.to_string().into_bytes(), agent, other, false);
    }

    /// What a person's browser sends is always stored, whatever its texts say.
    #[test]
    fn any_text_is_counted(texts in prop::collection::vec(text(), 6)) {
        let [path, source, referrer, name, prop, value] = &texts[..] else { unreachable!() };
        let mut url = url::Url::parse("https://example.com/").unwrap();
        url.set_path(path);
        url.query_pairs_mut().append_pair("utm_source", source);
        let name: String = name.chars().take(30).collect();
        let body = json!({
            "u": url.as_str(), "r": referrer, "n": name, "p": { prop: value.as_str() },
        });
        let body = body.to_string();
        prop_assume!(body.len() <= MAX_BODY && name != ENGAGEMENT);
        let firefox = HeaderValue::from_static(footfall_testkit::FIREFOX);
        let hit = check(body.into_bytes(), firefox.clone(), firefox, false).unwrap();
        prop_assert!(hit.page.starts_with('/') && hit.page.len() <= 500);
        prop_assert!(hit.campaign.source.is_none_or(|source| source.len() <= 100));
    }
}

/// The partitions of the hits that are stored, and how many each has.
fn hours(store: &Memory) -> Vec<(String, usize)> {
    let mut hours: Vec<(String, usize)> = Vec::new();
    for item in store.hits() {
        match hours.last_mut() {
            Some((pk, count)) if *pk == item.key.pk => *count += 1,
            _ => hours.push((item.key.pk, 1)),
        }
    }
    hours
}

fn days(report: &Value) -> Vec<(&str, u64, u64)> {
    let days = report["bars"].as_array().unwrap().iter();
    days.map(|day| {
        let number = |name: &str| day[name].as_u64().unwrap();
        (day["at"].as_str().unwrap(), number("views"), number("visitors"))
    })
    .collect()
}

#[test]
fn a_clock_that_jumps_loses_nothing() {
    let footfall = Footfall::new("sites: [{domain: example.com}]");
    let view = request::post(json!({ "u": "https://example.com/" }).to_string());
    for now in [
        NOW,
        "2026-11-23T13:05:06.789Z",
        "2026-11-21T23:59:59.999Z",
        "2026-11-22T13:05:06.789Z",
        "2026-11-22T12:59:59.999Z",
        "2026-11-22T00:00:00Z",
    ] {
        footfall.clock.set(now);
        assert_eq!(footfall.track(&view).status(), 202, "{now}");
    }
    // Each under the hour that the clock showed; two of one millisecond are two.
    let expected = [
        ("hit#example.com#2026-11-21T23#00".to_owned(), 1),
        ("hit#example.com#2026-11-22T00#00".to_owned(), 1),
        ("hit#example.com#2026-11-22T12#00".to_owned(), 1),
        ("hit#example.com#2026-11-22T13#00".to_owned(), 2),
        ("hit#example.com#2026-11-23T13#00".to_owned(), 1),
    ];
    assert_eq!(hours(&footfall.store), expected);
    // A salt for each day, also for one that was gone back to: its visitor is the same.
    let salts = footfall.store.items().into_iter().filter(|item| item.key.pk == "salt").count();
    assert_eq!(salts, 3);
    footfall.clock.set("2026-11-22T14:00:00Z");
    let report = footfall.report("days=2");
    assert_eq!(days(&report), [("2026-11-21", 1, 1), ("2026-11-22", 4, 1)]);
    // What was stored for tomorrow is shown when tomorrow comes.
    footfall.clock.set("2026-11-23T14:00:00Z");
    let report = footfall.report("days=3");
    assert_eq!(days(&report), [("2026-11-21", 1, 1), ("2026-11-22", 4, 1), ("2026-11-23", 1, 1)]);
    assert_eq!((&report["totals"]["views"], &report["totals"]["visitors"]), (&json!(6), &json!(3)));
}

#[test]
fn a_clock_that_is_far_off_harms_nobody() {
    for now in [
        "1970-01-01T00:00:00Z",
        "1969-12-31T23:00:00Z",
        "2038-01-19T03:14:08Z",
        "9999-12-30T00:00:00Z",
    ] {
        let footfall = Footfall::new("sites: [{domain: example.com}]");
        footfall.clock.set(now);
        let view = request::post(json!({ "u": "https://example.com/" }).to_string());
        assert_eq!(footfall.track(&view).status(), 202, "{now}");
        assert_eq!(footfall.store.hits().len(), 1, "{now}");
        footfall.shown("days=1");
        footfall.shown("days=400");
    }
}

/// The kind of everything that is stored of hits, in the order in which it came in.
fn kinds(footfall: &Footfall) -> Vec<Kind> {
    let hits = footfall.store.hits();
    hits.iter().map(|item| Kind::decode(&item.value).unwrap()).collect()
}

/// The status of an answer, and why the hit was dropped if it was.
fn outcome(answer: &Response) -> (u16, Option<&str>) {
    let dropped = answer.headers().get("x-footfall-dropped");
    (answer.status().as_u16(), dropped.map(|reason| reason.to_str().unwrap()))
}

fn engagement(url: &str) -> Request {
    // As `@plausible-analytics/tracker` sends it.
    let domain = url::Url::parse(url).unwrap().host_str().unwrap().to_owned();
    let body = json!({
        "n": "engagement", "sd": 42, "d": domain, "u": url, "p": { "plan": "pro" }, "e": 3210, "v": 36,
    });
    request::post(body.to_string())
}

#[test]
fn an_engagement_is_one_write_and_no_hit() {
    let hosts = "hosts: [localhost, app.example]";
    for path in ["/track", "/api/event"] {
        let footfall =
            Footfall::new(&format!("sites: [{{domain: localhost, {hosts}, engagement: true}}]"));
        let view = request::post(json!({ "u": "http://localhost/a?b#/c" }).to_string());
        assert_eq!(outcome(&footfall.track(&view)), (202, None));
        let looked = Request { path: path.to_owned(), ..engagement("http://localhost/a?b#/c") };
        footfall.clock.set("2026-11-22T13:06:00Z");
        assert_eq!(outcome(&footfall.track(&looked)), (202, None), "{path}");
        // On another host, and where the fragment is part of the page.
        let body = json!({ "n": "engagement", "u": "http://app.example/#/c", "e": 5, "h": 1 });
        let app = Request { path: path.to_owned(), ..request::post(body.to_string()) };
        footfall.clock.set("2026-11-22T13:07:00Z");
        assert_eq!(outcome(&footfall.track(&app)), (202, None), "{path}");

        let [Kind::Hit(hit), Kind::Engagement(first), Kind::Engagement(second)] =
            &kinds(&footfall)[..]
        else {
            panic!("{:?}", kinds(&footfall))
        };
        // It is the view's visitor and page, or it would find none.
        assert_eq!((first.visitor, &first.page, &first.host), (hit.visitor, &hit.page, &hit.host));
        assert_eq!((first.scroll, first.engaged), (Some(42), 3210));
        assert_eq!(second.visitor, hit.visitor);
        assert_eq!((second.host.as_deref(), second.page.as_str()), (Some("app.example"), "/#/c"));
        assert_eq!((second.scroll, second.engaged), (None, 5));

        let report = footfall.report("");
        let totals =
            ["views", "events", "visitors", "visits"].map(|name| report["totals"][name].as_u64());
        assert_eq!(totals, [Some(1), Some(0), Some(1), Some(1)]);
        assert_eq!((&report["unreadable"], &report["filtered"]), (&json!(0), &json!([])));
    }
}

/// The tracker that measures is larger: it is served where a site asks for it.
#[test]
fn the_tracker_measures_where_a_site_does() {
    let mut asks = request::post("");
    "GET".clone_into(&mut asks.method);
    "/js/footfall.js".clone_into(&mut asks.path);
    let served = |settings: &str| {
        let answer = Footfall::new(settings).track(&asks);
        assert_eq!(
            (answer.status().as_u16(), answer.headers()["cache-control"].as_bytes()),
            (200, &b"public, max-age=86400"[..])
        );
        String::from_utf8(answer.into_body()).unwrap()
    };
    let plain = served("sites: [{domain: a.example}, {domain: b.example}]");
    let measuring = served("sites: [{domain: a.example}, {domain: b.example, engagement: true}]");
    assert!(!plain.contains("engagement") && measuring.contains("engagement"));
}

#[test]
fn an_engagement_is_stored_only_where_it_is_measured() {
    let drops = |settings: &str, looked: &Request, reason: &str| {
        for path in ["/track", "/api/event"] {
            let footfall = Footfall::new(settings);
            let looked = Request { path: path.to_owned(), ..looked.clone() };
            let answer = footfall.track(&looked);
            assert_eq!(outcome(&answer), (202, Some(reason)), "{path}");
            assert_eq!(answer.headers()["x-plausible-dropped"], "1");
            assert_eq!(kinds(&footfall), []);
        }
    };
    let looked = engagement("http://localhost/");
    let on = "sites: [{domain: localhost, engagement: true}]";
    drops("sites: [{domain: localhost}]", &looked, "engagement");
    // Who asks not to be tracked is not stored.
    let mut asks = looked.clone();
    asks.headers.insert("dnt", HeaderValue::from_static("1"));
    drops(
        "sites: [{domain: localhost, engagement: true, respect_dnt: true}]",
        &asks,
        "do-not-track",
    );
    // What a program looked at is not counted apart a second time.
    let mut bot = looked;
    bot.headers.insert("user-agent", HeaderValue::from_static("Googlebot/2.1"));
    drops(on, &bot, "bot");
    let automated = json!({ "n": "engagement", "u": "http://localhost/", "e": 1, "b": 1 });
    drops(on, &request::post(automated.to_string()), "headless");
    // The name is no other event's.
    let footfall = Footfall::new(on);
    let custom = json!({ "n": "engagement", "u": "http://localhost/", "p": { "plan": "pro" } });
    let answer = footfall.track(&request::post(custom.to_string()));
    assert_eq!(outcome(&answer), (400, Some("bad-key")));
    assert_eq!(kinds(&footfall), []);
}

/// What is older than the retention is not shown, whether or not it is deleted already. Days are UTC's.
#[test]
fn what_is_not_kept_is_not_shown() {
    let footfall = Footfall::new("sites: [{domain: localhost, retention_days: 1}]");
    assert_eq!(footfall.track(&request::post(r#"{"u":"http://localhost/"}"#)).status(), 202);
    let views = || footfall.report("days=3")["totals"]["views"].clone();
    assert_eq!(views(), 1);
    footfall.clock.set("2026-11-23T23:59:59Z");
    assert_eq!(views(), 1);
    footfall.clock.set("2026-11-24T00:00:00Z");
    assert_eq!(views(), 0);
    assert_eq!(footfall.store.hits().len(), 1);
}

/// A newer version may have written what this one does not know: the rest is still shown.
#[test]
fn what_cannot_be_read_is_left_out_and_said() {
    let footfall = Footfall::new("sites: [{domain: localhost}]");
    assert_eq!(footfall.track(&request::post(r#"{"u":"http://localhost/"}"#)).status(), 202);
    let known = footfall.store.hits().remove(0);
    for (number, value) in ["", "{}", r#"{"x":"a-reason-of-tomorrow","p":"/"}"#].iter().enumerate()
    {
        let sk = format!("{}{number}", known.key.sk);
        let key = Key { sk, ..known.key.clone() };
        let item = Item { key, value: value.as_bytes().to_vec(), expires: None };
        wait(footfall.store.put(item)).unwrap();
    }
    let report = footfall.report("");
    assert_eq!((&report["totals"]["views"], &report["unreadable"]), (&json!(1), &json!(3)));
    assert!(footfall.shown("").contains("3 stored hits cannot be read"));
}
