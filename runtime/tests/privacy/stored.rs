//! Data that is stored, and data that is not.

use std::collections::{BTreeMap, BTreeSet};

use footfall_infra::settings::Settings;
use footfall_runtime::auth::AccessMode;
use footfall_runtime::hit::visitor::VisitorId;
use footfall_runtime::ingest::{ENGAGEMENT_SCRIPT, SCRIPT};
use footfall_runtime::platform::http::Request;
use footfall_runtime::web::Web;
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::HeaderValue;
use serde_json::{Value, json};
use sha2::Sha256;

use super::page;
use super::world::{
    ADDRESS, BROWSER, NEXT_DAY, NOON, PLAIN, World, bytes, from, has, post, reader, view, visitor,
};
use footfall_testkit::memory::Memory;
use footfall_testkit::request;
use footfall_testkit::wait::wait;

/// A body with every key.
fn full() -> Value {
    json!({
        "n": "signup",
        "u": "https://shop.example.com/a?utm_source=news&utm_medium=email&utm_campaign=may\
              &utm_term=shoes&utm_content=button&secret=of-the-query#part",
        "r": "https://www.google.com/search?q=secret-of-the-referrer",
        "w": 1280,
        "z": "Europe/Berlin",
        "p": { "plan": "pro" },
    })
}

/// Values of all items by their keys.
fn kept(items: impl IntoIterator<Item = Value>) -> BTreeMap<String, Value> {
    let objects = items.into_iter().map(|item| item.as_object().unwrap().clone());
    objects.flatten().collect()
}

/// > A page view or an event is one item in the owner's table, with some of the keys listed here
/// > and no others.
#[test]
fn items_have_only_the_documented_keys() {
    let world = World::with("  engagement: true\n");
    let event = world.item(&full());
    let engagement =
        json!({ "n": "engagement", "u": "https://shop.example.com/a", "sd": 40, "e": 3000 });
    let engagement = world.item(&engagement);
    let mut robot = post(&view());
    robot.headers = request::headers(&[("user-agent", "curl/8.0")]);
    let robot: Value = serde_json::from_slice(&world.stored(&robot)[0].value).unwrap();
    let salt = world.salts().remove(0).value;
    let number =
        String::from(reader(footfall_runtime::hit::visitor::Salt::from_bytes(&salt).unwrap()));

    let mut all = kept([robot, engagement, event]);
    let expected = json!({
        "v": number, "n": "signup", "m": [["plan", "pro"]], "p": "/a", "h": "shop.example.com",
        "s": "news", "r": "google.com/search", "us": "news", "um": "email", "uc": "may",
        "ut": "shoes", "uo": "button", "c": "DE", "b": "Firefox", "bv": "151", "o": "GNU/Linux",
        "d": "Desktop", "w": "l", "ev": number, "ep": "/a", "sd": 40, "e": 3000, "x": "bot",
    });
    let mut expected = kept([expected]);
    // Linux sends no version; Android does.
    expected.insert("ov".to_owned(), "15".into());
    let android = "Mozilla/5.0 (Android 15; Mobile; rv:151.0) Gecko/151.0 Firefox/151.0";
    let android = world.stored(&from(ADDRESS, android, &view())).remove(0);
    let android: Value = serde_json::from_slice(&android.value).unwrap();
    all.insert("ov".to_owned(), android["ov"].clone());
    assert_eq!(all, expected);
    assert_eq!(all.into_keys().collect::<BTreeSet<String>>(), page::keys());
    assert_eq!(world.item(&view()).as_object().unwrap().len(), 6, "most are missing");
}

/// > The item's own key consists of the site, the millisecond when the hit arrived, and random
/// > digits.
#[test]
fn keys_consist_of_site_time_and_randomness() {
    let world = World::with("");
    let [one, two] = [0, 1].map(|_| world.stored(&post(&view())).remove(0).key);
    assert_eq!(one.pk, "hit#example.com#2026-11-22T12#00");
    assert_eq!(one.pk, two.pk);
    let (millis, random) = one.sk.split_once('#').unwrap();
    assert_eq!(millis, "1795348800000");
    assert!(random.len() == 16 && random.bytes().all(|byte| byte.is_ascii_hexdigit()));
    assert!(two.sk.starts_with(millis) && two.sk != one.sk);
}

/// > The IP address and the User-Agent of a request are never stored.
#[test]
fn addresses_and_user_agents_are_not_stored() {
    let world = World::with("  engagement: true\n");
    let robot = format!("{BROWSER} Googlebot/2.1");
    for browser in [BROWSER, &robot] {
        for body in [
            view(),
            full(),
            json!({ "n": "engagement", "u": "https://example.com/", "e": 1 }),
            json!({ "u": "https://elsewhere.example/" }),
            json!("nonsense"),
        ] {
            for path in ["/track", "/api/event", "/pixel.gif"] {
                let mut request =
                    Request { path: path.to_owned(), ..from(ADDRESS, browser, &body) };
                let forwarded = format!("{ADDRESS}, {ADDRESS}");
                let forwarded = HeaderValue::from_str(&forwarded).unwrap();
                request.headers.insert("x-forwarded-for", forwarded);
                request.headers.insert("referer", HeaderValue::from_static("https://example.com/"));
                wait(world.handle(&request));
            }
        }
    }
    assert!(world.store.hits().len() > 10);
    let check = |when: &str| {
        let all = bytes(&world.store.items());
        assert!(has(&all, "example.com"), "the search finds something");
        for secret in [ADDRESS, "Mozilla", "Reader-of-e.x", "Gecko"] {
            assert!(!has(&all, secret), "{secret} is stored, {when}");
        }
        let octets: [u8; 4] = [198, 51, 100, 237];
        assert!(!all.windows(4).any(|window| window == octets), "{when}");
    };
    check("as it came in");
    world.dice.set(NEXT_DAY);
    wait(world.fold());
    check("folded");
}

/// > Of the page's query string, only those five parameters are kept; `ref` or `source` may replace
/// > the first of them.
#[test]
fn query_strings_are_not_stored() {
    let world = World::with("");
    let item = world.item(&full()).to_string();
    assert!(item.contains("news") && !item.contains("secret"), "{item}");
    for name in ["ref", "source"] {
        let item = world.item(&json!({ "u": format!("https://example.com/?{name}=hn&id=secret") }));
        assert_eq!(item["us"], "hn");
        assert!(!item.to_string().contains("secret"), "{item}");
    }
}

/// > The fragment of the page (from the `#` on) is kept only if the tracker has `data-hash`.
#[test]
fn fragments_are_stored_only_with_data_hash() {
    let world = World::with("");
    let page = |body: Value| world.item(&body)["p"].clone();
    assert_eq!(page(json!({ "u": "https://example.com/a#b" })), "/a");
    assert_eq!(page(json!({ "u": "https://example.com/a#b", "h": 1 })), "/a#b");
    assert!(SCRIPT.contains("\"hash\"in "), "the tracker looks for that attribute");
}

/// > The query string of the previous page is not kept.
#[test]
fn referrer_queries_are_not_stored() {
    let item = World::with("").item(&full());
    assert_eq!(item["r"], "google.com/search");
    assert!(!item.to_string().contains("secret-of-the-referrer"));
}

/// > The country is that of the browser's time zone, or the one that CloudFront names if
/// > `trusted_proxies` is set: no IP address is looked up.
#[test]
fn countries_come_from_time_zone_or_cloudfront() {
    let country = |more: &str, zone: Option<&str>| {
        let world = World::with(more);
        let mut request = post(&json!({ "u": "https://example.com/", "z": zone }));
        request.headers.insert("cloudfront-viewer-country", HeaderValue::from_static("FR"));
        let item: Value = serde_json::from_slice(&world.stored(&request)[0].value).unwrap();
        item["c"].as_str().map(str::to_owned)
    };
    assert_eq!(country("", Some("Europe/Berlin")).as_deref(), Some("DE"));
    assert_eq!(country("", None), None);
    assert_eq!(country("trusted_proxies: 1\n", Some("Europe/Berlin")).as_deref(), Some("FR"));
}

/// > Properties are stored as the page sends them, so if the page sends a name, the name is stored.
#[test]
fn properties_are_stored_as_sent() {
    let body = json!({ "n": "login", "u": "https://example.com/", "p": { "who": "ann@e.x" } });
    assert_eq!(World::with("").item(&body)["m"], json!([["who", "ann@e.x"]]));
}

/// > Of excluded traffic (bots, headless browsers, prefetches, referrer spam), the time, the path
/// > and the reason are kept, but no visitor number.
#[test]
fn excluded_hits_keep_no_visitor() {
    let world = World::with("blocked_referrers: [spam.example]\n");
    let with = |body: &Value, name: &'static str, value: &str| {
        let mut request = post(body);
        request.headers.insert(name, HeaderValue::from_str(value).unwrap());
        request
    };
    let headless = json!({ "u": "https://example.com/read", "b": 1 });
    let spam = json!({ "u": "https://example.com/read", "r": "https://spam.example/" });
    for (request, reason) in [
        (with(&view(), "user-agent", "Googlebot/2.1"), "bot"),
        (post(&headless), "headless"),
        (with(&view(), "sec-purpose", "prefetch"), "prefetch"),
        (post(&spam), "referrer-spam"),
    ] {
        let item = world.stored(&request).remove(0);
        assert!(item.key.sk.starts_with("1795348800000#"));
        let value: Value = serde_json::from_slice(&item.value).unwrap();
        assert_eq!(value, json!({ "x": reason, "p": "/read" }));
        assert_eq!(visitor(&item), None);
    }
}

/// > How far pages are scrolled and how long they are looked at is stored only with `engagement:
/// > true`.
#[test]
fn engagement_is_stored_only_if_enabled() {
    let engagement = json!({ "n": "engagement", "u": "https://example.com/", "sd": 40, "e": 3000 });
    for (more, count) in [("", 0), ("  engagement: false\n", 0), ("  engagement: true\n", 1)] {
        let world = World::with(more);
        assert_eq!(world.stored(&post(&engagement)).len(), count, "{more}");
    }
}

/// > With `respect_dnt: true`, nothing is stored of a request with `DNT: 1` or `Sec-GPC: 1`.
#[test]
fn respects_do_not_track() {
    for (more, count) in [("", 1), ("  respect_dnt: true\n", 0)] {
        for name in ["dnt", "sec-gpc"] {
            let world = World::with(more);
            let mut request = post(&view());
            request.headers.insert(name, HeaderValue::from_static("1"));
            assert_eq!(world.stored(&request).len(), count, "{name}, {more}");
            assert_eq!(world.store.items().len(), 2 * count, "not even a salt");
        }
    }
}

/// > Visitors get no cookie, and the tracker stores nothing in the browser, except the “no” of a
/// > visitor who opened a page with `#footfall` and was asked.
#[test]
fn stores_nothing_in_the_browser() {
    let world = World::with("");
    for path in ["/track", "/api/event", "/pixel.gif", "/js/footfall.js"] {
        let request = Request { path: path.to_owned(), ..post(&full()) };
        let answer = wait(world.handle(&request));
        assert!(
            answer.status().is_success() || path == "/pixel.gif",
            "{path}: {}",
            answer.status()
        );
        for name in ["set-cookie", "etag", "last-modified"] {
            assert!(!answer.headers().contains_key(name), "{path} sends {name}");
        }
    }
    for script in [SCRIPT, ENGAGEMENT_SCRIPT] {
        assert!(script.contains("sendBeacon") || script.contains("fetch"), "it is the tracker");
        for keeps in
            ["cookie", "setItem", "sessionStorage", "indexedDB", "caches.", "serviceWorker"]
        {
            assert!(!script.contains(keeps), "the tracker uses {keeps}");
        }
        let others = script.replace("localStorage.footfall", "");
        assert!(script != others && !others.contains("localStorage"), "only the word itself");
    }
}

/// > A visitor number is a hash (HMAC-SHA-256, cut to 64 bits) of the site, the IP address and the
/// > User-Agent, keyed with the day's salt; of an IPv6 address, only the first half is used.
#[test]
fn visitor_numbers_are_salted_hashes() {
    let by_hand = |salt: &[u8], address: &[u8]| {
        let mut mac = Hmac::<Sha256>::new_from_slice(salt).unwrap();
        mac.update(&[b"example.com\0", address, b"\0", BROWSER.as_bytes()].concat());
        let hash = mac.finalize().into_bytes();
        Some(VisitorId::new(u64::from_be_bytes(hash[..8].try_into().unwrap())))
    };
    let world = World::with("");
    let of = |address: &str| visitor(&world.stored(&from(address, BROWSER, &view()))[0]);
    let four = of(ADDRESS);
    let salt = world.salts().remove(0).value;
    assert_eq!(four, by_hand(&salt, &[198, 51, 100, 237]));
    let six = by_hand(&salt, &[0x20, 0x01, 0x0d, 0xb8, 0, 1, 0, 2]);
    assert_eq!(of("2001:db8:1:2::7"), six);
    assert_eq!(of("2001:db8:1:2:ffff::9"), six);
    assert_ne!(of("2001:db8:1:3::7"), six);
}

/// > The salt is 128 random bits, new for each UTC day, and stored in one item of a table.
#[test]
fn every_day_has_its_own_salt() {
    let world = World::with("");
    for now in [NOON, "2026-11-22T23:59:59.999Z", "2026-11-23T00:00:00Z", NEXT_DAY] {
        world.dice.set(now);
        wait(world.handle(&post(&view())));
    }
    let salts = world.salts();
    let days: Vec<&str> = salts.iter().map(|item| item.key.sk.as_str()).collect();
    assert_eq!(days, ["2026-11-22", "2026-11-23"]);
    assert!(salts.iter().all(|item| item.value.len() == 16));
    assert_ne!(salts[0].value, salts[1].value);
    let others: Vec<_> =
        world.store.items().into_iter().filter(|item| item.key.pk != "salt").collect();
    let others = bytes(&others);
    for salt in salts {
        assert!(!others.windows(16).any(|window| window == salt.value));
    }
}

/// > So the same person has another number on another day, and on another site.
#[test]
fn visitor_numbers_differ_by_day_and_site() {
    let world = World::over(
        Memory::default(),
        Settings::from_yaml("sites: [{domain: example.com}, {domain: other.example}]").unwrap(),
    );
    let of = |body: &Value| visitor(&world.stored(&post(body))[0]).unwrap();
    let today = of(&view());
    assert_eq!(of(&view()), today);
    let elsewhere = of(&json!({ "u": "https://other.example/" }));
    world.dice.set(NEXT_DAY);
    let tomorrow = of(&view());
    assert!(today != elsewhere && today != tomorrow && elsewhere != tomorrow);
}

/// > The dashboard's pages load nothing from third parties, and their Content-Security-Policy
/// > enforces that.
#[test]
fn dashboard_loads_nothing_from_third_parties() {
    let world = World::with("");
    wait(world.handle(&from(ADDRESS, PLAIN, &view())));
    let dashboard = dashboard(&world, AccessMode::Open);
    let answer = wait(dashboard.handle(&request::dashboard("")));
    let policy = answer.headers()["content-security-policy"].to_str().unwrap();
    assert!(policy.starts_with("default-src 'none'"), "{policy}");
    for source in policy.split([' ', ';']).filter(|it| it.contains([':', '.', '*'])) {
        assert!(source.starts_with("data:"), "{source} in {policy}");
    }
    let page = String::from_utf8(answer.into_body()).unwrap();
    for loads in
        ["src=\"http", "src=\"//", "url(http", "@import", "<link rel=\"stylesheet\" href=\"http"]
    {
        assert!(!page.contains(loads), "{loads}");
    }
}

/// > Once deployed, a dashboard needs a session, a token or a share link, unless the site has
/// > `public: true`.
#[test]
fn dashboards_require_access() {
    for (more, is_shown) in [("", false), ("  public: true\n", true)] {
        let world = World::with(more);
        wait(world.handle(&post(&view())));
        let dashboard = dashboard(&world, AccessMode::Closed);
        for path in ["/dashboard", "/api/v1/stats/realtime/visitors", "/api/v1/export"] {
            let query = "site=example.com&site_id=example.com&format=csv";
            let request = Request { path: path.to_owned(), ..request::dashboard(query) };
            let answer = wait(dashboard.handle(&request));
            let status = answer.status().as_u16();
            let body = String::from_utf8(answer.into_body()).unwrap();
            match is_shown && path == "/dashboard" {
                true => assert_eq!(status, 200, "{path}: {body}"),
                false if is_shown => {}
                false => assert!([401, 403].contains(&status), "{path}: {status} {body}"),
            }
            assert!(is_shown || !body.contains("/read"), "{body}");
        }
    }
}

fn dashboard(world: &World<Memory>, door: AccessMode) -> Web<Memory, super::world::Dice> {
    let (settings, store) = (world.settings.clone(), world.store.clone());
    Web::new(settings, store, world.dice.clone(), door).unwrap()
}
