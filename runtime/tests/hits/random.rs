//! Random requests, valid or not.

use footfall_runtime::hit::{Hit, Kind};
use footfall_runtime::ingest::payload::{ENGAGEMENT, MAX_BODY, MAX_ENGAGED, Payload};
use footfall_runtime::platform::sanitize::clean;
use footfall_runtime::storage::{Item, WRITE_UNIT};
use footfall_testkit::request;
use http::HeaderValue;
use proptest::prelude::*;
use proptest::test_runner::Config;
use serde_json::{Map, Value, json};

use super::Footfall;

/// Returns a domain of 253 bytes, the maximum, which leaves the least room for the rest of an item.
fn longest_domain() -> String {
    [63, 63, 63, 61].map(|length| "a".repeat(length)).join(".")
}

/// Generates text: any characters, characters that grow when escaped, and markup. It is short, or a piece repeated
/// up to 10 KB, which is quicker to generate than as much random text.
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

/// Generates any JSON, not very deep.
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

/// Generates the URL of a page, in most cases one of the sites'.
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

/// Generates a body with known keys, most of them of the right type.
fn payload() -> impl Strategy<Value = Value> {
    let props = prop::collection::hash_map(text(), any_json(), 0..30)
        .prop_map(|pairs| Value::Object(pairs.into_iter().collect()));
    let short = "\\PC{0,30}".prop_map(Value::from);
    // Wrong types only now and then, because otherwise most bodies would be rejected.
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

/// Generates the value of a header.
fn header() -> impl Strategy<Value = HeaderValue> {
    prop_oneof![
        6 => Just(HeaderValue::from_static(footfall_testkit::FIREFOX)),
        1 => "[ -~]{0,300}".prop_map(|text| HeaderValue::from_str(&text).unwrap()),
        1 => prop::collection::vec(128_u8.., 0..100)
            .prop_map(|bytes| HeaderValue::from_bytes(&bytes).unwrap()),
    ]
}

/// Asserts what holds for every request. Returns the hit that it stored, if any.
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
    // Excluded hits are stored with their reason, but excluded engagement is dropped.
    let is_engagement = Payload::parse(&request.body).is_ok_and(|said| said.engagement.is_some());
    let is_stored = status.is_success() && (dropped.is_none() || pixel || !is_engagement);
    assert_eq!(hits.len(), usize::from(is_stored), "{status} {dropped:?}");
    let item = hits.first()?;
    // No part of the key is the client's choice.
    let partition = item.key.pk.strip_suffix("#2026-11-22T13#00").unwrap();
    let site = partition.strip_prefix("hit#").unwrap();
    assert!(site == "example.com" || site == longest_domain(), "{site}");
    let size = Item::overhead(&item.key) + item.value.len();
    assert!(size <= WRITE_UNIT, "{size} bytes: {}", String::from_utf8_lossy(&item.value));
    let kind = Kind::decode(&item.value).unwrap();
    assert_eq!(kind.encode(WRITE_UNIT).unwrap(), item.value, "decoded and encoded again");
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
    // A failure prints its input, so no file of failures is kept.
    Config { failure_persistence: None, ..Config::default() }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn survives_any_payload(payload in payload(), agent in header(), other in header()) {
        check(payload.to_string().into_bytes(), agent, other, false);
    }

    #[test]
    fn survives_any_json(json in any_json(), agent in header(), other in header()) {
        check(json.to_string().into_bytes(), agent, other, false);
    }

    #[test]
    fn survives_any_bytes(
        bytes in prop::collection::vec(any::<u8>(), 0..2000), agent in header(), other in header(),
    ) {
        check(bytes, agent, other, false);
    }

    #[test]
    fn survives_any_pixel(url in address(), from in text(), agent in header(), other in header()) {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.append_pair("u", &url).append_pair("r", &from);
        check(query.finish().into_bytes(), agent, other, true);
    }

    #[test]
    fn survives_any_engagement(
        payload in payload(), scroll in any_json(), engaged in any_json(), agent in header(),
        other in header(),
    ) {
        let mut payload = payload;
        payload["n"] = Value::from(ENGAGEMENT);
        payload["sd"] = scroll;
        payload["e"] = engaged;
        check(payload.to_string().into_bytes(), agent, other, false);
    }

    /// A hit of a real browser is always counted, whatever its values.
    #[test]
    fn counts_any_values_of_a_real_browser(texts in prop::collection::vec(text(), 6)) {
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
        // A name without a visible character is rejected, and an empty one is a page view's.
        prop_assume!(name.is_empty() || !clean(&name, 120).is_empty());
        let firefox = HeaderValue::from_static(footfall_testkit::FIREFOX);
        let hit = check(body.into_bytes(), firefox.clone(), firefox, false).unwrap();
        prop_assert!(hit.page.starts_with('/') && hit.page.len() <= 500);
        prop_assert!(hit.campaign.source.is_none_or(|source| source.len() <= 100));
    }
}
