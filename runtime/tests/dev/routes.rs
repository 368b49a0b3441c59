//! Routes: the tracker, the pixel, Plausible compatibility, CORS, and unknown paths.

use footfall_testkit::FIREFOX;
use serde_json::json;

use super::{dropped, pages, rows, sources, view};
use crate::process::{self, Dev};

#[test]
fn unknown_routes_are_not_found() {
    let folder = process::folder(None);
    let dev = Dev::start(folder.path());
    let cases = [
        ("POST", "/"),
        ("GET", "/track"),
        ("PUT", "/track"),
        ("POST", "/dashboard"),
        ("GET", "/dashboard/"),
        ("GET", "/Dashboard"),
        ("GET", "//dashboard"),
        ("GET", "/%64ashboard"),
        ("GET", "/js/../dashboard"),
        ("GET", "/../../etc/passwd"),
        ("OPTIONS", "/track"),
        ("DELETE", "/api/event"),
    ];
    for (method, target) in cases {
        let answer = dev.send(method, target, &[("User-Agent", FIREFOX)], b"");
        assert_eq!(answer.status, 404, "{method} {target}");
        assert_eq!(answer.json(), json!({ "message": "Not Found" }), "{method} {target}");
        assert_eq!(answer.header("content-type"), Some("application/json"));
    }
}

#[test]
fn home_redirects_to_the_dashboard() {
    let folder = process::folder(None);
    let answer = Dev::start(folder.path()).get("/");
    assert_eq!((answer.status, answer.header("location")), (302, Some("/dashboard")));
}

#[test]
fn cors_allows_only_the_pages_of_the_site() {
    let folder = process::folder(Some("sites: [{domain: example.com}]\n"));
    let dev = Dev::start(folder.path());
    let cases = [
        ("https://example.com", true),
        ("http://www.example.com", true),
        ("https://elsewhere.example", false),
        ("https://example.com.elsewhere.example", false),
        ("https://example.com:8443", false),
        ("null", false),
    ];
    for (origin, allowed) in cases {
        let expected = allowed.then_some(origin);
        for target in ["/track", "/api/event", "/no/such/path"] {
            let headers = [
                ("Origin", origin),
                ("Access-Control-Request-Method", "POST"),
                ("Access-Control-Request-Headers", "content-type"),
            ];
            let answer = dev.send("OPTIONS", target, &headers, b"");
            assert_eq!((answer.status, answer.body.len()), (204, 0), "{origin} {target}");
            let got = ["origin", "methods", "headers"]
                .map(|what| answer.header(&format!("access-control-allow-{what}")));
            if allowed {
                assert_eq!(got, [Some(origin), Some("GET,POST"), Some("content-type")]);
                assert_eq!(answer.header("access-control-max-age"), Some("86400"));
            } else {
                assert_eq!(got, [None; 3], "{origin} {target}");
            }
        }
        let headers = [("User-Agent", FIREFOX), ("Origin", origin), ("Content-Type", "text/plain")];
        let answer = dev.send("POST", "/track", &headers, &view("https://example.com/"));
        // The browser has already sent it. CORS only keeps the page from reading the answer.
        assert_eq!(answer.status, 202, "{origin}");
        assert_eq!(answer.header("access-control-allow-origin"), expected);
        // Errors can be read by the same origins.
        let answer = dev.send("POST", "/track", &headers, b"");
        assert_eq!(answer.status, 400);
        assert_eq!(answer.header("access-control-allow-origin"), expected);
    }
    assert_eq!(dev.report()["totals"]["views"], cases.len());
}

#[test]
fn tracker_is_small_and_cached() {
    let folder = process::folder(None);
    let dev = Dev::start(folder.path());
    let plain = dev.get("/js/footfall.js");
    let gzip = dev.send("GET", "/js/footfall.js", &[("Accept-Encoding", "gzip, br")], b"");
    for answer in [&plain, &gzip] {
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("content-type"), Some("text/javascript; charset=utf-8"));
        assert_eq!(answer.header("cache-control"), Some("public, max-age=86400"));
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
        // A cache must not give one encoding to clients that ask for the other.
        assert_eq!(answer.header("vary"), Some("accept-encoding"));
        assert_eq!(answer.text(), footfall_runtime::ingest::SCRIPT);
    }
    assert_eq!(plain.header("content-encoding"), None);
    assert_eq!(gzip.header("content-encoding"), Some("gzip"));
    println!("the tracker: {} bytes, {} as gzip", plain.body.len(), gzip.body.len());
    assert!(gzip.body.len() < 1024, "{} bytes", gzip.body.len());
}

#[test]
fn answers_plausible_trackers_as_plausible_does() {
    let folder = process::folder(None);
    let dev = Dev::start(folder.path());
    let bodies = [
        json!({ "n": "pageview", "u": "http://localhost/a", "d": "localhost", "r": null, "v": 36 }),
        json!({ "name": "pageview", "url": "http://localhost/b", "domain": "localhost",
            "referrer": "https://news.ycombinator.com/", "screen_width": 1280 }),
        json!({ "name": "pageview", "url": "http://localhost/c", "domain": "e.x,localhost" }),
        json!({ "n": "signup", "u": "http://localhost/", "d": "localhost", "p": "{\"plan\":\"pro\"}" }),
    ];
    for (number, body) in bodies.iter().enumerate() {
        // Several visitors, because a visit keeps its first source.
        let agent = format!("{FIREFOX} {number}");
        for content_type in ["text/plain", "application/json"] {
            let headers = [("User-Agent", agent.as_str()), ("Content-Type", content_type)];
            let answer = dev.send("POST", "/api/event", &headers, body.to_string().as_bytes());
            assert_eq!((answer.status, answer.text().as_str()), (202, "ok"), "{body}");
            assert_eq!(answer.header("x-plausible-dropped"), None);
        }
    }
    let bot = dev.send(
        "POST",
        "/api/event",
        &[("User-Agent", "curl/8.9.1")],
        bodies[0].to_string().as_bytes(),
    );
    assert_eq!((bot.status, bot.header("x-plausible-dropped")), (202, Some("1")));
    let engagement =
        json!({ "n": "engagement", "u": "http://localhost/", "d": "localhost", "sd": 90 });
    let by_firefox = [("User-Agent", FIREFOX)];
    let answer = dev.send("POST", "/api/event", &by_firefox, engagement.to_string().as_bytes());
    assert_eq!((answer.status, dropped(&answer)), (202, "engagement"));
    // As in Plausible, `www.` in front of a domain is ignored.
    let www = json!({ "n": "www", "u": "http://localhost/", "d": "WWW.localhost" });
    let answer = dev.send("POST", "/api/event", &by_firefox, www.to_string().as_bytes());
    assert_eq!(answer.status, 202, "{}", answer.text());
    let without_name = view("http://localhost/");
    let answer = dev.send("POST", "/api/event", &by_firefox, &without_name);
    assert_eq!(answer.status, 400);
    assert!(answer.json()["errors"]["name"].is_array(), "{}", answer.text());
    let bad = dev.send("POST", "/api/event", &[("User-Agent", FIREFOX)], br#"{"n":"pageview"}"#);
    assert_eq!(bad.status, 400);
    assert!(bad.json()["errors"]["url"].is_array(), "{}", bad.text());
    let report = dev.report();
    let viewed: Vec<_> = pages(&report).into_iter().filter(|(_, views)| *views > 0).collect();
    assert_eq!(viewed, [("/a", 2), ("/b", 2), ("/c", 2)]);
    assert_eq!(rows(&report, "event", "events"), [("signup", 2), ("www", 1)]);
    assert_eq!(sources(&report), [("Direct", 4), ("Hacker News", 2)]);
}

#[test]
fn pixel_counts_the_page_that_embeds_it() {
    let folder = process::folder(None);
    let dev = Dev::start(folder.path());
    let referer = ("Referer", "http://localhost/without-javascript?utm_source=mail");
    let agent = ("User-Agent", FIREFOX);
    let answer = dev.send("GET", "/pixel.gif", &[agent, referer], b"");
    assert_eq!((answer.status, dropped(&answer)), (200, ""));
    assert_eq!(answer.header("content-type"), Some("image/gif"));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert!(answer.body.starts_with(b"GIF89a") && answer.body.ends_with(b";"));
    for (name, headers, status, reason) in [
        ("no referrer", vec![agent], 400, "bad-key"),
        ("elsewhere", vec![agent, ("Referer", "https://elsewhere.example/")], 403, "unknown-host"),
        ("a bot", vec![("User-Agent", "curl/8"), referer], 200, "bot"),
    ] {
        let answer = dev.send("GET", "/pixel.gif", &headers, b"");
        assert_eq!((answer.status, dropped(&answer)), (status, reason), "{name}");
    }
    let report = dev.report();
    assert_eq!(pages(&report), [("/without-javascript", 1)]);
    assert_eq!(sources(&report), [("mail", 1)]);
}
