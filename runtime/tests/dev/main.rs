//! `dev` as its user meets it: the real binary, over HTTP, with whatever strangers send and
//! machines do to it.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test ends there")]

mod process;

use std::collections::HashSet;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use footfall_infra::settings::Settings;
use footfall_runtime::storage::embedded::Embedded;
use footfall_runtime::storage::hour::utc_day;
use footfall_runtime::storage::hour::utc_start;
use footfall_runtime::storage::keys;
use footfall_runtime::storage::retention;
use footfall_runtime::storage::{Item, Store as _};
use footfall_testkit::FIREFOX;
use footfall_testkit::http::{self, Answer};
use footfall_testkit::wait::{away_from_midnight, wait_for};
use jiff::{Timestamp, ToSpan as _};
use process::Dev;
use serde_json::{Value, json};

const SAFARI: &str = "Mozilla/5.0 (iPhone; CPU iPhone OS 26_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.0 Mobile/15E148 Safari/604.1";

const HEADLESS: &str = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/152.0.0.0 Safari/537.36";
const GOOGLEBOT: &str = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)";

/// Why a hit was not counted, as its answer says.
fn dropped(answer: &Answer) -> &str {
    answer.header("x-footfall-dropped").unwrap_or_default()
}

/// A list of a report as the names and numbers of its rows.
fn rows<'a>(report: &'a Value, dimension: &str, number: &str) -> Vec<(&'a str, u64)> {
    let Some(rows) = report["tables"][dimension]["rows"].as_array() else { return Vec::new() };
    let value = |row: &'a Value| row["value"].as_str().unwrap_or("Direct");
    rows.iter().map(|row| (value(row), row[number].as_u64().unwrap())).collect()
}

fn pages(report: &Value) -> Vec<(&str, u64)> {
    rows(report, "page", "views")
}

fn sources(report: &Value) -> Vec<(&str, u64)> {
    rows(report, "source", "views")
}

/// Page views, visitors and events.
fn totals(report: &Value) -> [u64; 3] {
    ["views", "visitors", "events"].map(|name| report["totals"][name].as_u64().unwrap())
}

/// A page without its own style and script: what is left came from elsewhere.
fn foreign(page: &str) -> String {
    let own = [
        include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/assets/dashboard.css")),
        include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/assets/dashboard.js")),
    ];
    let [style, script] = own;
    let script = format!("<script>{script}</script>");
    assert!(page.matches(&script).count() <= 1 && page.contains(style), "{page}");
    page.replace(&script, "").replace(style, "")
}

/// The body of a page view.
fn view(url: &str) -> Vec<u8> {
    json!({ "u": url }).to_string().into()
}

#[test]
fn bad_bodies_are_refused_with_the_reason() {
    let folder = process::folder(None);
    let dev = Dev::start(folder.path());
    let nested = |depth: usize| {
        let (open, close) = ("[".repeat(depth), "]".repeat(depth));
        format!(r#"{{"u":"http://localhost/nested","x":{open}{close}}}"#).into_bytes()
    };
    let text = |text: &str| text.as_bytes().to_vec();
    let cases: Vec<(&str, Vec<u8>, u16, &str)> = vec![
        ("empty", Vec::new(), 400, "not-json"),
        ("256 KB and a byte", vec![b' '; 256 * 1024 + 1], 413, "too-large"),
        ("1 MB", view(&format!("http://localhost/{}", "x".repeat(1 << 20))), 413, "too-large"),
        ("not UTF-8", b"\xff\xfe\xfd".to_vec(), 400, "not-json"),
        ("not UTF-8 in a text", b"{\"u\":\"http://localhost/\xff\xfe\"}".to_vec(), 400, "not-json"),
        ("UTF-16", "{}".encode_utf16().flat_map(u16::to_le_bytes).collect(), 400, "not-json"),
        ("half a character", text(r#"{"u":"http://localhost/\ud800"}"#), 400, "not-json"),
        ("a form", text("u=http://localhost/"), 400, "not-json"),
        ("cut off", text(r#"{"u":"http://localhost/"#), 400, "not-json"),
        ("more behind it", text(r#"{"u":"http://localhost/"}{}"#), 400, "not-json"),
        ("an array", text("[]"), 400, "not-json"),
        ("null", text("null"), 400, "not-json"),
        ("a number", text("1e999"), 400, "not-json"),
        ("60,000 deep", "[".repeat(60_000).into(), 400, "not-json"),
        ("20,000 deep, and closed", nested(20_000), 400, "not-json"),
        ("100 deep, where nobody looks", nested(100), 202, ""),
        ("no url", text("{}"), 400, "bad-key"),
        ("url: null", text(r#"{"u":null}"#), 400, "bad-key"),
        ("url: number", text(r#"{"u":7}"#), 400, "bad-key"),
        ("url: array", text(r#"{"u":["http://localhost/"]}"#), 400, "bad-key"),
        ("url: empty", text(r#"{"u":""}"#), 400, "bad-key"),
        ("name: object", text(r#"{"u":"http://localhost/","n":{}}"#), 400, "bad-key"),
        (
            "name: 121 characters",
            text(&json!({"u":"http://localhost/","n":"n".repeat(121)}).to_string()),
            400,
            "bad-key",
        ),
        ("name: nothing visible", text(r#"{"u":"http://localhost/","n":" "}"#), 400, "bad-key"),
        ("domain: number", text(r#"{"u":"http://localhost/","d":7}"#), 400, "bad-key"),
        // What a hit can do without is left out, as Plausible does; the view is not lost over it.
        ("width: text", text(r#"{"u":"http://localhost/","w":"wide"}"#), 202, ""),
        ("width: negative", text(r#"{"u":"http://localhost/","w":-1}"#), 202, ""),
        ("width: huge", text(r#"{"u":"http://localhost/w","w":1e300}"#), 202, ""),
        ("props: array", text(r#"{"u":"http://localhost/","p":[]}"#), 202, ""),
        ("referrer: number", text(r#"{"u":"http://localhost/","r":1}"#), 202, ""),
        ("referrer: nonsense", text(r#"{"u":"http://localhost/r","r":"::::"}"#), 202, ""),
        ("zone: nonsense", text(r#"{"u":"http://localhost/z","z":"Mars/Olympus"}"#), 202, ""),
        (
            "another site",
            text(r#"{"u":"http://localhost/","d":"elsewhere.example"}"#),
            403,
            "unknown-site",
        ),
        ("javascript:", view("javascript:alert(1)"), 400, "bad-key"),
        ("data:", view("data:text/html,<script>alert(1)</script>"), 400, "bad-key"),
        ("file:", view("file:///etc/passwd"), 400, "bad-key"),
        ("blob:", view("blob:http://localhost/4d2f"), 400, "bad-key"),
        ("no scheme", view("localhost/"), 400, "bad-key"),
        ("another host", view("https://elsewhere.example/"), 403, "unknown-host"),
        ("our host in front", view("http://localhost.elsewhere.example/"), 403, "unknown-host"),
        ("our host behind", view("http://notlocalhost/"), 403, "unknown-host"),
        ("our host as a user", view("http://localhost@elsewhere.example/"), 403, "unknown-host"),
        (
            "our host as a user, slashes",
            view(r"http://elsewhere.example\@localhost/"),
            403,
            "unknown-host",
        ),
        (
            "our host as a fragment",
            view("http://elsewhere.example#@localhost/"),
            403,
            "unknown-host",
        ),
        ("a host with a zero byte", view("http://localhost%00.elsewhere.example/"), 400, "bad-key"),
        ("the host in capitals, with a port", view("HTTP://LocalHost:4711/capitals"), 202, ""),
        ("an address in other numbers", view("http://0x7f.1/address"), 202, ""),
    ];
    let accepted = cases.iter().filter(|case| case.2 == 202).count() as u64;
    for (name, body, status, reason) in cases {
        let headers = [("User-Agent", FIREFOX), ("Content-Type", "text/plain")];
        let answer = dev.send("POST", "/track", &headers, &body);
        assert_eq!(
            (answer.status, dropped(&answer)),
            (status, reason),
            "{name}: {}",
            answer.text()
        );
        if status == 202 {
            assert_eq!(answer.text(), "ok", "{name}");
        } else {
            // In words too, in Plausible's form: {"errors": {"url": ["…"]}}.
            let errors = answer.json()["errors"].clone();
            let (_, sentences) = errors.as_object().unwrap().iter().next().unwrap();
            assert!(!sentences[0].as_str().unwrap().is_empty(), "{name}: {errors}");
        }
    }
    // Refused hits have left no trace, and the server is well.
    assert_eq!(dev.report()["totals"]["views"], accepted);
    assert_eq!(dev.report()["filtered"], json!([]));
}

#[test]
fn the_gateway_takes_10_mb() {
    let folder = process::folder(None);
    let dev = Dev::start(folder.path());
    let headers = [("User-Agent", FIREFOX)];
    let answer = dev.send("POST", "/track", &headers, &vec![b' '; 10 << 20]);
    assert_eq!((answer.status, dropped(&answer)), (413, "too-large"), "the function says so");
    let answer = dev.send("POST", "/track", &headers, &vec![b' '; 11 << 20]);
    assert_eq!((answer.status, dropped(&answer)), (413, ""), "the gateway says so");
    assert_eq!(answer.json(), json!({ "message": "Request Entity Too Large" }));
    dev.view("http://localhost/");
    assert_eq!(dev.report()["totals"]["views"], 1);
}

#[test]
fn broken_http_harms_nobody() {
    let folder = process::folder(None);
    let dev = Dev::start(folder.path());
    let post = |headers: &str, body: &str| {
        format!("POST /track HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{headers}\r\n{body}")
    };
    let cases: Vec<(&str, Vec<u8>)> = vec![
        ("no HTTP", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".to_vec()),
        ("zero bytes", vec![0; 1000]),
        ("a head without an end", b"GET /dashboard HTTP/1.1\r\nX: y".to_vec()),
        (
            "a body cut off",
            post("Content-Length: 500\r\n", r#"{"u":"http://localhost/cut"}"#).into(),
        ),
        ("a length that is none", post("Content-Length: -1\r\n", "").into()),
        ("two lengths", post("Content-Length: 1\r\nContent-Length: 2\r\n", "{}").into()),
        ("a header of 1 MB", post(&format!("X: {}\r\n", "y".repeat(1 << 20)), "").into()),
        ("10,000 headers", post(&"X: y\r\n".repeat(10_000), "").into()),
        ("a path of 1 MB", format!("GET /{} HTTP/1.1\r\n\r\n", "x".repeat(1 << 20)).into()),
    ];
    for (name, bytes) in cases {
        use std::io::{Read as _, Write as _};
        let mut stream = std::net::TcpStream::connect(dev.address).unwrap();
        // It may hang up before it has read all.
        let _ = stream.write_all(&bytes);
        let _ = stream.shutdown(std::net::Shutdown::Write);
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        let status = String::from_utf8_lossy(answer.get(9..12).unwrap_or_default()).into_owned();
        assert!(status.is_empty() || status.starts_with('4'), "{name}: {status}");
    }
    // A body in chunks is one like any other.
    let body = r#"{"u":"http://localhost/chunks"}"#;
    let chunks =
        format!("5\r\n{}\r\n{:x}\r\n{}\r\n0\r\n\r\n", &body[..5], body.len() - 5, &body[5..]);
    let headers = format!("User-Agent: {FIREFOX}\r\nTransfer-Encoding: chunked\r\n");
    let answer = http::exchange(dev.address, post(&headers, &chunks).as_bytes()).unwrap();
    assert_eq!((answer.status, dropped(&answer)), (202, ""));
    assert_eq!(pages(&dev.report()), [("/chunks", 1)]);
}

#[test]
fn what_is_shown_is_exact_and_escaped() {
    let folder = process::folder(None);
    let dev = Dev::start(folder.path());
    let long = "p".repeat(8192);
    // The path of what is sent, and what the report calls it.
    let shown: Vec<(&str, String)> = vec![
        ("http://user:secret@localhost/userinfo", "/userinfo".into()),
        ("http://localhost:4711/port?query=secret#fragment", "/port".into()),
        ("http://localhost/a/./b/../c", "/a/c".into()),
        ("http://localhost/%2e%2e/%2E%2e/dots", "/dots".into()),
        ("http://localhost/a%2Fb%3Fc%23d%00", "/a%2Fb%3Fc%23d%00".into()),
        ("http://localhost/%C3", "/%C3".into()),
        ("http://localhost/%C0%AFoverlong", "/%C0%AFoverlong".into()),
        ("http://localhost/caf%C3%A9", "/café".into()),
        ("http://localhost/🦀/👩‍💻", "/🦀/👩‍💻".into()),
        ("http://localhost/שלום", "/שלום".into()),
        ("http://localhost/%E2%80%AEgnp.exe", "/%E2%80%AEgnp.exe".into()),
        ("http://localhost/<script>alert(1)</script>", "/%3Cscript%3Ealert(1)%3C/script%3E".into()),
        ("http://localhost/'\"&{{7*7}}", "/'%22&%7B%7B7*7%7D%7D".into()),
        ("http://127.0.0.1/elsewhere", "127.0.0.1/elsewhere".into()),
    ];
    for (url, _) in &shown {
        dev.view(url);
    }
    dev.view(&format!("http://localhost/{long}"));
    let report = dev.report();
    let got: HashSet<(&str, u64)> = pages(&report).into_iter().collect();
    for (url, page) in &shown {
        assert!(got.contains(&(page.as_str(), 1)), "{url} as {page}: {got:?}");
    }
    let cut = got.iter().find(|(page, _)| page.starts_with("/ppp")).unwrap().0;
    assert!(cut.len() <= 500 && cut.ends_with('…'), "{} bytes", cut.len());
    assert_eq!(got.len(), shown.len() + 1);
    // All of the pages, and not the first few.
    let page = foreign(&dev.page()) + &foreign(&dev.get("/dashboard?days=2&show=page").text());
    assert!(!page.contains("<script") && !page.contains("secret"), "{page}");
    assert!(!page.contains('\u{202e}'));
    // What is to the right of a page's name stays there, whichever way the name runs.
    assert!(page.contains("<bdi>&#x2f;שלום</bdi>"), "{page}");
}

#[test]
fn campaigns_and_events_are_exact_and_escaped() {
    let folder = process::folder(None);
    let dev = Dev::start(folder.path());
    let long = "s".repeat(4096);
    let cases = [
        ("my-blog", "my-blog"),
        ("a, b :x", "a, b :x"),
        ("<script>", "<script>"),
        ("\"><img src=x onerror=alert(1)>", "\"><img src=x onerror=alert(1)>"),
        ("{{ report }}", "{{ report }}"),
        ("שלום", "שלום"),
        ("\u{202e}gnp", "gnp"),
        (" two\n lines\u{0} ", "two lines"),
        ("🦀", "🦀"),
    ];
    let expected_cut = format!("{}…", "s".repeat(97));
    let sent = cases.into_iter().chain([(long.as_str(), expected_cut.as_str())]);
    for (number, (source, shown)) in sent.enumerate() {
        // Somebody else each time: a visit has the source that it began with.
        let agent = format!("{FIREFOX} {number}");
        // Beside the address, and in it.
        let beside = json!({ "url": "http://localhost/", "utm_source": source });
        let mut url = url::Url::parse("http://localhost/").unwrap();
        url.query_pairs_mut().append_pair("utm_source", source);
        for body in [beside, json!({ "u": url.as_str() })] {
            let body = body.to_string();
            let answer = dev.send("POST", "/track", &[("User-Agent", &agent)], body.as_bytes());
            assert_eq!(answer.status, 202, "{source}");
        }
        let report = dev.report();
        assert!(
            sources(&report).contains(&(shown, 2)),
            "{source:?} as {shown:?}: {:?}",
            sources(&report)
        );
    }
    // The names and texts of an event go the same way.
    for name in ["signup", "<script>alert(1)</script>", "שלום"] {
        let props = json!({ "<b>": "<script>", "n": 1, "list": [1], "none": null });
        let body = json!({ "n": name, "u": "http://localhost/", "p": props });
        assert_eq!(dev.hit(&body.to_string()).status, 202);
    }
    let report = dev.report();
    let events = rows(&report, "event", "events");
    assert_eq!(events, [("<script>alert(1)</script>", 1), ("signup", 1), ("שלום", 1)]);
    assert_eq!(totals(&report), [20, 11, 3]);
    let page = foreign(&dev.page()) + &foreign(&dev.get("/dashboard?days=2&show=source").text());
    for raw in ["<script", "<img", "onerror=alert(1)>", "<b>"] {
        assert!(!page.contains(raw), "{raw}");
    }
    assert!(page.contains("data-source=\"&lt;script&gt;\""), "{page}");
    assert!(page.contains("data-event=\"&lt;script&gt;alert(1)&lt;&#x2f;script&gt;\""), "{page}");
    assert!(page.contains("{{ report }}"), "a template is text like any other");
}

#[test]
fn a_forged_address_makes_no_visitor() {
    away_from_midnight();
    let folder = process::folder(None);
    let dev = Dev::start(folder.path());
    let body = view("http://localhost/");
    for n in 0..20 {
        let address = format!("203.0.113.{n}");
        let chain = format!("{address}, 127.0.0.1");
        let forged = format!("for={address}");
        let headers = [
            ("User-Agent", FIREFOX),
            ("X-Forwarded-For", if n % 2 == 0 { &address } else { &chain }),
            ("X-Real-IP", &address),
            ("CF-Connecting-IP", &address),
            ("True-Client-IP", &address),
            ("Forwarded", &forged),
        ];
        assert_eq!(dev.send("POST", "/track", &headers, &body).status, 202);
    }
    assert_eq!(totals(&dev.report()), [20, 1, 0]);
    dev.send("POST", "/track", &[("User-Agent", SAFARI)], &body);
    assert_eq!(dev.report()["totals"]["visitors"], 2, "another browser is another visitor");
}

#[test]
fn a_trusted_proxy_is_believed_and_no_further() {
    away_from_midnight();
    let folder = process::folder(Some("sites: [{domain: localhost}]\ntrusted_proxies: 1\n"));
    let dev = Dev::start(folder.path());
    for (forwarded, visitors) in [
        ("203.0.113.1", 1),
        ("203.0.113.2", 2),
        // What the client made up stands further to the left.
        ("192.0.2.66, 203.0.113.2", 2),
        ("192.0.2.67, 203.0.113.2", 2),
    ] {
        let headers = [("User-Agent", FIREFOX), ("X-Forwarded-For", forwarded)];
        dev.send("POST", "/track", &headers, &view("http://localhost/"));
        assert_eq!(dev.report()["totals"]["visitors"], visitors, "{forwarded}");
    }
}

#[test]
fn what_is_no_route_is_not_found() {
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
fn the_bare_address_leads_to_the_dashboard() {
    let folder = process::folder(None);
    let answer = Dev::start(folder.path()).get("/");
    assert_eq!((answer.status, answer.header("location")), (302, Some("/dashboard")));
}

#[test]
fn pages_of_the_site_may_ask_across_origins() {
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
        // The browser has sent it: what it may not do is read the answer.
        assert_eq!(answer.status, 202, "{origin}");
        assert_eq!(answer.header("access-control-allow-origin"), expected);
        // An error can be read by who may read an answer.
        let answer = dev.send("POST", "/track", &headers, b"");
        assert_eq!(answer.status, 400);
        assert_eq!(answer.header("access-control-allow-origin"), expected);
    }
    assert_eq!(dev.report()["totals"]["views"], cases.len());
}

#[test]
fn the_tracker_is_small_and_cached() {
    let folder = process::folder(None);
    let dev = Dev::start(folder.path());
    let plain = dev.get("/js/footfall.js");
    let gzip = dev.send("GET", "/js/footfall.js", &[("Accept-Encoding", "gzip, br")], b"");
    for answer in [&plain, &gzip] {
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("content-type"), Some("text/javascript; charset=utf-8"));
        assert_eq!(answer.header("cache-control"), Some("public, max-age=86400"));
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
        // A cache between must not give the one to who asks for the other.
        assert_eq!(answer.header("vary"), Some("accept-encoding"));
        assert_eq!(answer.text(), footfall_runtime::ingest::SCRIPT);
    }
    assert_eq!(plain.header("content-encoding"), None);
    assert_eq!(gzip.header("content-encoding"), Some("gzip"));
    println!("the tracker: {} bytes, {} as gzip", plain.body.len(), gzip.body.len());
    assert!(gzip.body.len() < 1024, "{} bytes", gzip.body.len());
}

#[test]
fn plausible_trackers_are_answered_as_plausible_does() {
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
        // A visit has the source that it began with: these are several.
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
    // With Plausible, `www.` in front of a domain makes no other of it.
    let www = json!({ "n": "www", "u": "http://localhost/", "d": "WWW.localhost" });
    let answer = dev.send("POST", "/api/event", &by_firefox, www.to_string().as_bytes());
    assert_eq!(answer.status, 202, "{}", answer.text());
    let nameless = view("http://localhost/");
    let answer = dev.send("POST", "/api/event", &by_firefox, &nameless);
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
fn programs_are_answered_and_counted_apart() {
    let folder =
        process::folder(Some("sites: [{domain: localhost}]\nblocked_referrers: [spam.example]\n"));
    let dev = Dev::start(folder.path());
    let body = String::from_utf8(view("http://localhost/")).unwrap();
    let automated = json!({ "u": "http://localhost/", "b": 1 }).to_string();
    let spam = |from: &str| json!({ "u": "http://localhost/", "r": from }).to_string();
    // The reason, the headers, the body.
    type Case<'a> = (&'a str, &'a [(&'a str, &'a str)], String);
    let cases: Vec<Case> = vec![
        ("no-user-agent", &[], body.clone()),
        ("no-user-agent", &[("User-Agent", "")], body.clone()),
        ("bot", &[("User-Agent", "curl/8.9.1")], body.clone()),
        ("bot", &[("User-Agent", GOOGLEBOT)], body.clone()),
        ("headless", &[("User-Agent", HEADLESS)], body.clone()),
        ("headless", &[("User-Agent", FIREFOX)], automated),
        (
            "prefetch",
            &[("User-Agent", FIREFOX), ("Sec-Purpose", "prefetch;prerender")],
            body.clone(),
        ),
        ("prefetch", &[("User-Agent", FIREFOX), ("Purpose", "prefetch")], body.clone()),
        ("prefetch", &[("User-Agent", FIREFOX), ("X-Moz", "prefetch")], body),
        ("referrer-spam", &[("User-Agent", FIREFOX)], spam("https://semalt.com/x")),
        ("referrer-spam", &[("User-Agent", FIREFOX)], spam("https://a.spam.example/")),
    ];
    for (reason, headers, body) in &cases {
        let answer = dev.send("POST", "/track", headers, body.as_bytes());
        // A bot learns nothing from the status.
        assert_eq!((answer.status, dropped(&answer)), (202, *reason), "{headers:?}");
        assert_eq!(answer.text(), "ok");
    }
    let report = dev.report();
    assert_eq!(totals(&report), [0, 0, 0]);
    let filtered = report["filtered"].as_array().unwrap().iter();
    let filtered: Vec<(&str, u64)> = filtered
        .map(|row| (row["reason"].as_str().unwrap(), row["count"].as_u64().unwrap()))
        .collect();
    let expected =
        [("prefetch", 3), ("bot", 2), ("headless", 2), ("no-user-agent", 2), ("referrer-spam", 2)];
    assert_eq!(filtered, expected);
    let page = dev.page();
    let place = |reason: &str| page.find(reason).unwrap_or_else(|| panic!("no {reason}: {page}"));
    let first = place("Prefetched pages</span></th><td>3</td>");
    assert!(first < place("Bots (by User-Agent)</span></th><td>2</td>"), "the most frequent first");
    let csv = dev.get("/dashboard?days=2&format=csv&show=filtered").text();
    assert!(csv.starts_with("reason,hits\r\nprefetch,3\r\nbot,2\r\n"), "{csv}");
}

#[test]
fn a_user_agent_need_not_be_ascii() {
    away_from_midnight();
    let folder = process::folder(None);
    let dev = Dev::start(folder.path());
    let body = view("http://localhost/");
    for agent in [format!("{FIREFOX} Café"), format!("{FIREFOX} 日本")] {
        let answer = dev.send("POST", "/track", &[("User-Agent", &agent)], &body);
        assert_eq!((answer.status, dropped(&answer)), (202, ""), "{agent}");
    }
    assert_eq!(dev.report()["totals"]["visitors"], 2);
}

#[test]
fn who_asks_not_to_be_tracked_is_not_where_the_site_respects_it() {
    let settings =
        "sites:\n  - domain: asks.example\n    respect_dnt: true\n  - domain: other.example\n";
    let folder = process::folder(Some(settings));
    let dev = Dev::start(folder.path());
    for (header, value, reason) in [
        ("DNT", "1", "do-not-track"),
        ("Sec-GPC", "1", "do-not-track"),
        ("DNT", "0", ""),
        ("DNT", "null", ""),
    ] {
        let headers = [("User-Agent", FIREFOX), (header, value)];
        let answer = dev.send("POST", "/track", &headers, &view("https://asks.example/"));
        assert_eq!((answer.status, dropped(&answer)), (202, reason), "{header}: {value}");
        let answer = dev.send("POST", "/track", &headers, &view("https://other.example/"));
        assert_eq!((answer.status, dropped(&answer)), (202, ""), "{header}: {value}");
    }
    for (site, views) in [("asks.example", 2), ("other.example", 4)] {
        let report = dev.get(&format!("/dashboard?site={site}&days=2&format=json")).json();
        assert_eq!(report["totals"]["views"], views, "{site}");
        assert_eq!(report["filtered"], json!([]), "nothing of it is kept");
    }
}

#[test]
fn the_pixel_counts_the_page_around_it() {
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

#[test]
fn a_dashboard_that_cannot_be_says_why() {
    let folder = process::folder(None);
    let dev = Dev::start(folder.path());
    let cases = [
        ("days=0", 400, "days must be a number from 1 to 7320"),
        ("days=7321", 400, "days must be a number from 1 to 7320"),
        ("days=-1", 400, "days must be a number from 1 to 7320"),
        ("days=%3Cscript%3E", 400, "days must be a number from 1 to 7320"),
        ("from=2026-11-02&to=2026-11-01", 400, "the end date is before the start date"),
        ("from=2026-11-01", 400, "from and to go together: give both, or use period"),
        ("from=2026-11-31&to=2026-12-01", 400, "from must be a day such as 2026-11-22"),
        ("from=1926-01-01&to=2026-11-01", 400, "a period has at most 7320 days: ask for fewer"),
        (
            "site=elsewhere.example",
            404,
            "there is no site called elsewhere.example; the sites are localhost",
        ),
        ("site=%3Cscript%3E", 404, "there is no site called <script>; the sites are localhost"),
        ("site=%ff%00", 404, "there is no site called \u{fffd}; the sites are localhost"),
    ];
    for (query, status, sentence) in cases {
        let page = dev.get(&format!("/dashboard?{query}"));
        assert_eq!(page.status, status, "{query}");
        assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
        let escaped = sentence.replace('<', "&lt;").replace('>', "&gt;");
        assert!(page.text().contains(&format!("<p>{escaped}</p>")), "{query}: {}", page.text());
        assert!(!page.text().contains("<script"), "{query}");
        let data = dev.get(&format!("/dashboard?{query}&format=json"));
        assert_eq!((data.status, data.json()), (status, json!({ "error": sentence })), "{query}");
        assert_eq!(data.header("content-type"), Some("application/json"));
    }
    let page = dev.get("/dashboard?format=xml");
    assert_eq!(page.status, 400);
    assert!(page.text().contains("<p>format must be html, json or csv</p>"), "{}", page.text());
}

#[test]
fn the_page_asks_nobody_else() {
    let folder = process::folder(None);
    let dev = Dev::start(folder.path());
    let answer = dev.get("/dashboard");
    let policy = answer.header("content-security-policy").unwrap();
    assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"), "{policy}");
    assert!(policy.contains("; script-src 'sha256-") && !policy.contains("unsafe"), "{policy}");
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let page = answer.text();
    // Empty, it shows the snippet, for this very address, as text.
    let snippet = format!("&lt;script defer src=&quot;http:&#x2f;&#x2f;{}&#x2f;js", dev.address);
    assert!(page.contains(&snippet), "{page}");
    dev.view("http://localhost/");
    assert!(!dev.page().contains("&lt;script"), "the snippet is for an empty dashboard");
    for elsewhere in ["src=\"http", "href=\"http", "@import", "url(http"] {
        assert!(!page.contains(elsewhere), "{elsewhere}");
    }
    // Another's name for the host ends no attribute.
    let forged = "GET /dashboard HTTP/1.1\r\nHost: x\"><script>y\r\nConnection: close\r\n\r\n";
    if let Ok(answer) = http::exchange(dev.address, forged.as_bytes()) {
        // Such a name is not this machine's: there is no page for it at all.
        assert!(!answer.text().contains("<script"), "{}", answer.text());
    }
}

#[test]
fn a_filter_form_leads_to_an_address() {
    let folder = process::folder(None);
    let dev = Dev::start(folder.path());
    for page in ["a", "b", "c"] {
        dev.view(&format!("http://localhost/{page}"));
    }
    let form = "/dashboard?days=2&f=is,page,/a&how=or&key=page&op=contains&value=/b";
    let answer = dev.get(form);
    assert_eq!(answer.status, 303);
    let address = answer.header("location").unwrap();
    assert_eq!(address, "?days=2&f=any%28is%2Cpage%2C%2Fa%29%28contains%2Cpage%2C%2Fb%29");
    let page = dev.get(&format!("/dashboard{address}")).text();
    let title = "Page is &#x2f;a or Page contains &#x2f;b) – Footfall</title>";
    assert!(page.contains(title), "{page}");
    let report = dev.get(&format!("/dashboard{address}&format=json")).json();
    assert_eq!(pages(&report), [("/a", 1), ("/b", 1)]);
    // What is wrong is said where it leads.
    let wrong = dev.get("/dashboard?key=page&op=matches&value=(");
    let page = dev.get(&format!("/dashboard{}", wrong.header("location").unwrap()));
    assert_eq!(page.status, 400);
    assert!(page.text().contains("is no regular expression"), "{}", page.text());
}

#[test]
fn each_table_is_data_alone() {
    away_from_midnight();
    let folder = process::folder(Some("sites: [{domain: localhost, goals: [{event: signup}]}]\n"));
    let dev = Dev::start(folder.path());
    dev.view("http://localhost/");
    for plan in ["free", "pro", "pro"] {
        let body = json!({ "n": "signup", "u": "http://localhost/", "p": { "plan": plan } });
        assert_eq!(dev.hit(&body.to_string()).status, 202);
    }
    let get = |show: &str| dev.get(&format!("/dashboard?days=7&show={show}"));
    let csv = get("goal&format=csv");
    let name = csv.header("content-disposition").unwrap();
    assert!(name.starts_with("attachment; filename=\"footfall-localhost-goal-"), "{name}");
    assert!(csv.text().contains("\r\nsignup,1,1,0,3,"), "{}", csv.text());
    let plans = get("props:plan&format=json").json();
    assert_eq!(plans["rows"][0]["events"], 2, "{plans}");
    let bars = get("bars&format=json").json();
    assert_eq!(bars["bars"].as_array().unwrap().len(), 7);
    let week = get("week&format=json").json();
    let hours = week["hours"].as_array().unwrap();
    assert_eq!(hours.len(), 7 * 24);
    assert_eq!(hours.iter().map(|hour| hour["views"].as_u64().unwrap()).sum::<u64>(), 1);
    assert_eq!(get("now&format=json").json(), json!({ "now": 1 }));
    let unknown = get("colour&format=json");
    assert_eq!(unknown.status, 400);
    assert!(unknown.json()["error"].as_str().unwrap().contains("invalid show \"colour\""));
    // Filtered by its event, the page shows the properties; by the goal, too.
    for filter in ["is,event,signup", "is,goal,signup"] {
        let page = dev.get(&format!("/dashboard?days=7&f={filter}")).text();
        assert!(page.contains("<tr data-prop=\"pro\">"), "{filter}: {page}");
    }
    assert!(!dev.page().contains("data-prop="), "properties are those of one event");
}

#[test]
fn a_wrong_settings_file_is_explained() {
    let cases: [(&str, &[&str]); 9] = [
        (
            "sites:\n  - domain: https://example.com/\n",
            &["line 2", "sites[0].domain", "write the host alone"],
        ),
        (
            "sites:\n  - domain: example.com\n    time_zone: Berlin\n",
            &["line 3", "sites[0].time_zone", "Europe/Berlin"],
        ),
        (
            "sites:\n  - domain: example.com\n    timezone: UTC\n",
            &["line 3", "sites[0].timezone", "unknown key", "time_zone"],
        ),
        ("sites:\n  - domain: example.com\nshards: 0\n", &["line 3", "shards", "from 1 to 100"]),
        (
            "sites:\n  - domain: a.example\n    retention_days: soon\n",
            &["line 3", "retention_days", "write"],
        ),
        ("sites: []\n", &["sites", "add `- domain: example.com`"]),
        ("# nothing yet\n", &["sites", "write `sites:`"]),
        ("sites:\n\t- domain: example.com\n", &["line 2", "not YAML"]),
        (
            "sites:\n  - domain: a.example\n  - domain: a.example\n",
            &["line", "sites", "twice", "remove one"],
        ),
    ];
    for (yaml, expected) in cases {
        let folder = process::folder(Some(yaml));
        let (status, said) = process::fails(process::command(folder.path(), &[]));
        assert!(!status.success(), "{yaml}");
        for part in expected.iter().chain(&["footfall.yaml"]) {
            assert!(said.contains(part), "{yaml}: {said:?} should say {part:?}");
        }
        assert!(!said.contains("panicked"), "{said}");
        assert!(!folder.path().join("data").exists(), "nothing was begun");
    }
    // What cannot be read at all.
    let folder = process::folder(None);
    fs::write(folder.path().join("footfall.yaml"), b"\xff\xfe").unwrap();
    let (status, said) = process::fails(process::command(folder.path(), &[]));
    assert!(!status.success() && said.contains("cannot be read"), "{said}");
}

#[test]
fn a_port_in_use_is_explained() {
    let (folder, other) = (process::folder(None), process::folder(None));
    let dev = Dev::start(folder.path());
    let port = dev.address.port().to_string();
    let (status, said) = process::fails(process::command_on(&port, other.path(), &[]));
    assert!(!status.success());
    assert!(said.contains(&format!("cannot listen on 127.0.0.1:{port}")), "{said}");
    assert!(said.contains("--port"), "{said}");
}

#[test]
fn a_folder_in_use_is_explained() {
    let folder = process::folder(None);
    let dev = Dev::start(folder.path());
    let (status, said) = process::fails(process::command(folder.path(), &[]));
    assert!(!status.success());
    assert!(
        said.contains("in use by another `cargo xtask dev`") && said.contains("--data"),
        "{said}"
    );
    dev.view("http://localhost/");
    assert_eq!(dev.report()["totals"]["views"], 1, "the first is not disturbed");
}

#[test]
fn a_folder_of_a_newer_version_is_explained() {
    let folder = process::folder(None);
    fs::create_dir(folder.path().join("data")).unwrap();
    let database = redb::Database::create(folder.path().join("data/footfall.redb")).unwrap();
    let write = database.begin_write().unwrap();
    let meta = redb::TableDefinition::<&str, u64>::new("meta");
    write.open_table(meta).unwrap().insert("format", 2).unwrap();
    write.commit().unwrap();
    drop(database);
    let (status, said) = process::fails(process::command(folder.path(), &[]));
    assert!(!status.success());
    for part in ["newer Footfall", "format 2", "knows 1", "--data"] {
        assert!(said.contains(part), "{said:?} should say {part:?}");
    }
}

#[test]
fn a_restart_keeps_data_and_visitors() {
    away_from_midnight();
    let folder = process::folder(None);
    for run in 1..=3 {
        let dev = Dev::start(folder.path());
        dev.view("http://localhost/");
        assert_eq!(totals(&dev.report()), [run, 1, 0]);
        let (status, said) = dev.stop();
        assert!(status.success(), "{status}");
        assert!(said.contains("/dashboard") && said.contains("<script defer"), "{said}");
    }
}

/// The pages that a load made, and how often each was viewed. A table has 1,000 rows at most, so that
/// they are asked for in pieces.
fn loaded(dev: &Dev) -> Vec<(String, u64)> {
    let pieces = (0..10).map(|piece| format!("contains,page,/load/{piece}/"));
    let pieces = pieces.chain(["is,page,/load/first,/load/after".to_owned()]);
    let mut all = Vec::new();
    for filter in pieces {
        let answer = dev.get(&format!("/dashboard?days=2&format=json&f={filter}"));
        assert_eq!(answer.status, 200, "{}", answer.text());
        let report = answer.json();
        assert!(report["tables"]["page"]["more"].as_u64().unwrap_or(0) == 0, "{filter}");
        all.extend(pages(&report).into_iter().map(|(page, views)| (page.to_owned(), views)));
    }
    all
}

/// Hits of yesterday, which `dev` folds as soon as it starts: their pages.
fn yesterdays(folder: &Path) -> HashSet<String> {
    let settings = Settings::local();
    let site = &settings.sites[0];
    let noon = utc_start(utc_day(Timestamp::now() - 24.hours())).unwrap() + 12.hours();
    let mut pages = HashSet::new();
    let items = (0..2000_u32).map(|number| {
        let page = format!("/load/{}/yesterday/{number}", 4 + number % 6);
        let value = json!({ "v": format!("{:016x}", number % 300), "p": page });
        pages.insert(page);
        let at = noon + i64::from(number * 10).seconds();
        let mut random = [0; 16];
        random[..4].copy_from_slice(&number.to_be_bytes());
        let key = keys::hit_key(site, at, 0, random);
        let expires = Some(retention::hit_expiry(site, at));
        Item { key, value: value.to_string().into_bytes(), expires }
    });
    let store = Embedded::open(&folder.join("data")).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(store.put_all(items.collect())).unwrap();
    pages
}

/// Hits come in, yesterday is folded, and somebody looks, when it is killed.
#[test]
fn what_was_acknowledged_survives_kill_9_under_load() {
    const CLIENTS: usize = 8;
    /// After how many hits it is killed: in the first rounds, while it folds.
    const KILLS: [usize; 6] = [1, 20, 60, 150, 220, 290];
    away_from_midnight();
    let folder = process::folder(None);
    let yesterdays = yesterdays(folder.path());
    let acknowledged = Mutex::new(HashSet::new());
    let (sent, mut looks, mut most) = (AtomicUsize::new(0), 0, 0);
    for (round, kill) in KILLS.into_iter().enumerate() {
        let mut dev = Dev::spawn(process::command(folder.path(), &[])).unwrap();
        let address = dev.address;
        let (acknowledged, sent, count) = (&acknowledged, &sent, &AtomicUsize::new(0));
        std::thread::scope(|scope| {
            for client in 0..CLIENTS {
                scope.spawn(move || {
                    for n in 0.. {
                        let page = format!("/load/{}/{round}/{client}/{n}", round % 4);
                        let body = view(&format!("http://localhost{page}"));
                        // One of them after the other, each for a while: a single one would be too fast.
                        let agent = format!("{FIREFOX} {round}/{client}/{}", n / 100);
                        let headers = [("User-Agent", agent.as_str())];
                        sent.fetch_add(1, Ordering::Relaxed);
                        match http::request(address, "POST", "/track", &headers, &body) {
                            Ok(answer) if answer.status == 202 => {
                                acknowledged.lock().unwrap().insert(page);
                                count.fetch_add(1, Ordering::Relaxed);
                            }
                            Ok(answer) => panic!("{}: {}", answer.status, answer.text()),
                            // It is gone, in the middle of this one.
                            Err(_) => break,
                        }
                    }
                });
            }
            // Never fewer than before, and all that was acknowledged.
            let dashboard = scope.spawn(move || {
                let (mut looks, mut most) = (0, most);
                loop {
                    let least = acknowledged.lock().unwrap().len() as u64;
                    let target = "/dashboard?days=2&format=json";
                    let Ok(answer) = http::request(address, "GET", target, &[], b"") else { break };
                    let [views, ..] = totals(&answer.json());
                    assert!(views >= most && views >= least, "{views} after {most}, of {least}");
                    (looks, most) = (looks + 1, views);
                }
                (looks, most)
            });
            wait_for("the load runs", 60, || (count.load(Ordering::Relaxed) >= kill).then_some(()));
            dev.kill();
            let (more, views) = dashboard.join().unwrap();
            (looks, most) = (looks + more, views);
        });
    }
    let dev = Dev::start(folder.path());
    let reported = loaded(&dev);
    let acknowledged = acknowledged.into_inner().unwrap();
    let sent = sent.into_inner();
    println!(
        "sent: {sent}, acknowledged: {}, reported: {} and {} of yesterday, looks: {looks}",
        acknowledged.len(),
        reported.len() - yesterdays.len(),
        yesterdays.len()
    );
    let views: HashSet<&str> = reported.iter().map(|(page, _)| page.as_str()).collect();
    let expected = acknowledged.iter().chain(&yesterdays);
    let lost: Vec<_> = expected.filter(|page| !views.contains(page.as_str())).collect();
    assert!(lost.is_empty(), "lost: {lost:?}");
    assert!(reported.iter().all(|(_, views)| *views == 1), "nothing is counted twice");
    // What was stored, but not answered any more: at most one of each client's in each round.
    let most = acknowledged.len() + KILLS.len() * CLIENTS;
    assert!(reported.len() - yesterdays.len() <= most.min(sent));
    assert!(looks > 0);
}

/// Whether this process may do whatever it likes with files, as root may.
fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output().unwrap();
    String::from_utf8_lossy(&id.stdout).trim() == "0"
}

#[test]
fn a_folder_that_is_read_only_is_explained() {
    let folder = process::folder(None);
    let dev = Dev::start(folder.path());
    dev.view("http://localhost/");
    dev.stop();
    let file = folder.path().join("data/footfall.redb");
    let before = fs::read(&file).unwrap();
    let mode = |path: &Path, mode| fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    // Root may write anywhere: somebody else has to try, who can reach the binary here at least.
    let binary = folder.path().join("dev");
    fs::copy(env!("CARGO_BIN_EXE_dev"), &binary).unwrap();
    let run = if is_root() {
        r#"shift; exec setpriv --reuid=65534 --regid=65534 --clear-groups ./dev "$@""#
    } else {
        r#"shift; exec ./dev "$@""#
    };
    let attempt = |data: &str| {
        let script = run.replace(r#""$@""#, &format!(r#"--port 0 --data {data}"#));
        process::fails(process::command_through(folder.path(), &script))
    };
    mode(&file, 0o444);
    mode(&folder.path().join("data"), 0o555);
    mode(folder.path(), 0o555);
    let (existing, absent) = (attempt("data"), attempt("new/data"));
    mode(folder.path(), 0o755);
    mode(&folder.path().join("data"), 0o755);
    mode(&file, 0o644);
    if existing.1.contains("setpriv") || existing.1.contains("not found") {
        println!("SKIPPED: nobody else can be had here: {}", existing.1);
        return;
    }
    for ((status, said), what) in [(existing, "cannot open"), (absent, "cannot make the folder")] {
        assert!(!status.success(), "{said}");
        assert!(said.contains(what) && said.contains("ermission denied"), "{said}");
        assert!(said.contains("--data"), "{said}");
    }
    assert!(fs::read(&file).unwrap() == before, "nothing was changed");
    let dev = Dev::start(folder.path());
    assert_eq!(dev.report()["totals"]["views"], 1);
}

/// A disk that is full, as a limit on the size of files has it: that needs no privilege.
#[test]
fn a_full_disk_loses_nothing_and_recovers() {
    let folder = process::folder(None);
    // Without the trap, the limit's signal would end the server before it can answer.
    let limited = process::command_through(folder.path(), r#"trap '' XFSZ; exec "$@""#);
    let dev = Dev::spawn(limited).unwrap();
    let limit = |size: &str| {
        let limit = ["--pid", &dev.id(), &format!("--fsize={size}:")];
        Command::new("prlimit").args(limit).status().is_ok_and(|status| status.success())
    };
    dev.view("http://localhost/load/first");
    let size = fs::metadata(folder.path().join("data/footfall.redb")).unwrap().len();
    if !limit(&(size + 4096).to_string()) {
        println!("SKIPPED: there is no prlimit here, so the disk cannot be filled");
        return;
    }
    let mut acknowledged = HashSet::from(["/load/first".to_owned()]);
    let full = (0..20_000).find_map(|n| {
        let page = format!("/load/{}/{n}/{}", n % 10, "x".repeat(450));
        let answer = dev.hit(&json!({ "u": format!("http://localhost{page}") }).to_string());
        (answer.status != 202 || !acknowledged.insert(page)).then_some(answer)
    });
    let answer = full.expect("the disk gets full");
    println!("{} hits fit; then {} {}", acknowledged.len(), answer.status, answer.text());
    assert_eq!((answer.status, dropped(&answer)), (503, "unavailable"), "{}", answer.text());
    assert_eq!(answer.header("retry-after"), Some("1"));
    let is_all_there = |when: &str| {
        let views: HashSet<String> = loaded(&dev).into_iter().map(|row| row.0).collect();
        let lost = acknowledged.iter().filter(|page| !views.contains(*page)).count();
        assert_eq!(lost, 0, "{when}: lost of {}", acknowledged.len());
    };
    is_all_there("while the disk is full");
    assert!(limit("unlimited"));
    dev.view("http://localhost/load/after");
    is_all_there("with room again");
    assert!(loaded(&dev).contains(&("/load/after".to_owned(), 1)));
    drop(dev);
    let dev = Dev::start(folder.path());
    assert!(loaded(&dev).len() > acknowledged.len(), "after a restart");
}

/// A name of a stranger's that leads to this machine is none of its own.
#[test]
fn an_open_door_is_open_to_this_machine_alone() {
    let folder = process::folder(None);
    let dev = Dev::start(folder.path());
    let status = |host: &str| {
        let ask = format!("GET /dashboard HTTP/1.1\r\n{host}Connection: close\r\n\r\n");
        http::exchange(dev.address, ask.as_bytes()).unwrap().status
    };
    for host in ["127.0.0.1:8787", "localhost", "localhost:1", "[::1]:8787"] {
        assert_eq!(status(&format!("Host: {host}\r\n")), 200, "{host}");
    }
    for host in ["evil.example", "127.0.0.1.evil.example:8787", "localhost.evil.example", "x y", ""]
    {
        assert_eq!(status(&format!("Host: {host}\r\n")), 403, "{host}");
    }
}

/// With `--closed`, the door is that of the deployed API, and the greeting has the way in.
#[test]
fn a_closed_door_opens_with_the_link_that_is_printed() {
    let folder = process::folder(None);
    let dev = Dev::spawn(process::command(folder.path(), &["--closed"])).unwrap();
    assert_eq!(dev.get("/dashboard?format=json").status, 401);
    dev.view("http://localhost/");
    let (address, closed) = (dev.address, dev.get("/dashboard"));
    assert!(closed.text().contains("cargo xtask open"));
    let (_, greeting) = dev.stop();
    let link = greeting.lines().find_map(|line| line.split_once("Dashboard  ")).unwrap().1;
    let (_, form) = link.split_once(&format!("http://{address}/login?")).unwrap();

    // The data and its key are there still.
    let dev = Dev::spawn(process::command(folder.path(), &["--closed"])).unwrap();
    let sends = |origin: &str| dev.send("POST", "/login", &[("Origin", origin)], form.as_bytes());
    assert_eq!(sends("http://evil.example").status, 403);
    let own = format!("http://{}", dev.address);
    let answer = sends(&own);
    assert_eq!((answer.status, answer.header("location")), (303, Some("/dashboard")));
    assert_eq!(sends(&own).status, 403, "it works once");
    let cookie = answer.header("set-cookie").unwrap().split(';').next().unwrap();
    let shown = dev.send("GET", "/dashboard?days=2&format=json", &[("Cookie", cookie)], b"");
    assert_eq!(totals(&shown.json())[0], 1);
}

#[test]
fn a_demo_is_the_same_whenever_it_is_filled() {
    away_from_midnight();
    let folder = process::folder(None);
    let fill = |folder: &Path| {
        let dev = Dev::spawn(process::command(folder, &["--demo"])).unwrap();
        // Today goes on while the demo is filled.
        let today = Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date();
        let (from, to) = (today.saturating_sub(28.days()), today.saturating_sub(1.days()));
        let mut report = dev.get(&format!("/dashboard?from={from}&to={to}&format=json")).json();
        report["now"] = json!(null);
        let page = dev.page();
        assert!(page.contains("data-tile=\"views\"") && !page.contains("data-empty"), "{page}");
        report
    };
    let first = fill(folder.path());
    let days: Vec<u64> = first["bars"]
        .as_array()
        .unwrap()
        .iter()
        .map(|day| day["views"].as_u64().unwrap())
        .collect();
    assert_eq!(days.len(), 28);
    assert!(days.iter().all(|views| *views > 100), "{days:?}");
    assert!(sources(&first).len() >= 10 && pages(&first).len() >= 10);
    println!("the demo: {}", first["totals"]);
    assert_eq!(fill(folder.path()), first, "into what is there");
    let anew = process::folder(None);
    assert_eq!(fill(anew.path()), first, "anew");
}
