//! The functions as Lambda runs them: the real binaries, against a Runtime API of the tests' own
//! and DynamoDB Local, with events as API Gateway sends them (data/events).

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test ends there")]
#![allow(clippy::print_stdout, reason = "measurements are for the reader")]

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use footfall_infra::settings::{Domain, Settings, Site};
use footfall_runtime::auth::admin::{self, TokenRequest};
use footfall_runtime::auth::{COOKIE_NAME, Kind, Session, SigningKey};
use footfall_runtime::platform::context::SystemContext;
use footfall_runtime::storage::dynamodb::DynamoDb;
use footfall_runtime::storage::hour::{Hour, Span, utc_day};
use footfall_runtime::storage::keys;
use footfall_runtime::storage::retention;
use footfall_runtime::storage::{Item, KeyRange, Store as _};
use footfall_testkit::runtime_api::{Function, fails_to_start};
use footfall_testkit::store::read_all;
use footfall_testkit::{dynamodb_local, fake, http};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

const TRACK: &str = env!("CARGO_BIN_EXE_track");
const DASHBOARD: &str = env!("CARGO_BIN_EXE_dashboard");
const ROLLUP: &str = env!("CARGO_BIN_EXE_rollup");

/// An event of data/events.
fn event(name: &str) -> Value {
    let file = format!("{}/tests/data/events/{name}.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap()
}

/// The same from a browser in which somebody is signed in, as the gateway hands on what it sent.
fn signed_in(name: &str, cookie: &str) -> Value {
    let mut event = event(name);
    event["cookies"] = json!(["theme=dark", cookie]);
    event
}

/// Signs a browser in: with a link that the table's owner makes, by the button on its page.
async fn sign_in(dashboard: &Function, store: &DynamoDb) -> String {
    let key = admin::signing_key(store, &SystemContext).await.unwrap();
    let link = admin::login_link(&SystemContext, &key, None).unwrap();
    let answer = sent(dashboard, &button(&link)).await;
    assert_eq!((answer.status, answer.header("location")), (303, "/dashboard"));
    // The gateway takes cookies apart from the headers, and loses them there.
    assert_eq!(answer.header("set-cookie"), "");
    let [cookie] = &answer.cookies[..] else { panic!("one cookie: {:?}", answer.cookies) };
    assert!(cookie.ends_with("; Path=/; HttpOnly; Secure; SameSite=Lax"), "{cookie}");
    // It works once.
    assert_eq!(sent(dashboard, &button(&link)).await.status, 403);
    cookie.split(';').next().unwrap().to_owned()
}

/// What a browser sends when the button on the page behind a link is pressed.
fn button(link: &str) -> Value {
    let mut event = event("dashboard");
    event["routeKey"] = "POST /login".into();
    event["rawPath"] = "/login".into();
    event["rawQueryString"] = "".into();
    event["requestContext"]["http"]["method"] = "POST".into();
    event["requestContext"]["http"]["path"] = "/login".into();
    let host = event["headers"]["host"].as_str().unwrap();
    event["headers"]["origin"] = format!("https://{host}").into();
    event["headers"]["content-type"] = "application/x-www-form-urlencoded".into();
    event["headers"]["sec-fetch-site"] = "same-origin".into();
    event["body"] = BASE64.encode(format!("link={link}")).into();
    event["isBase64Encoded"] = true.into();
    event
}

/// The environment of a function over a table, as the stack sets it.
fn variables(endpoint: SocketAddr, table: &str) -> Vec<(&'static str, String)> {
    let settings = Settings::from_yaml("sites: [{domain: example.com}]").unwrap();
    let own =
        [("FOOTFALL_TABLE", table.to_owned()), ("FOOTFALL_SETTINGS", settings.to_json().unwrap())];
    dynamodb_local::variables(endpoint).into_iter().chain(own).collect()
}

/// An answer as the gateway would send it on.
struct Sent {
    status: u64,
    headers: Value,
    cookies: Vec<String>,
    is_base64: bool,
    body: Vec<u8>,
}

impl Sent {
    fn header(&self, name: &str) -> &str {
        self.headers[name].as_str().unwrap_or_default()
    }

    fn text(&self) -> String {
        let body = match self.header("content-encoding") {
            "gzip" => http::gunzip(&self.body),
            _ => self.body.clone(),
        };
        String::from_utf8(body).unwrap()
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.text()).unwrap()
    }
}

/// Reads an answer as strictly as API Gateway does: what it does not understand is a 500 there.
async fn sent(function: &Function, event: &Value) -> Sent {
    let answer = function.invoke(event).await.unwrap_or_else(|error| panic!("{error}"));
    let headers = answer["headers"].clone();
    for (name, value) in headers.as_object().unwrap() {
        assert!(value.is_string(), "{name}: {value}");
    }
    let is_base64 = answer["isBase64Encoded"].as_bool().unwrap();
    let body = answer["body"].as_str().unwrap();
    let body = if is_base64 { BASE64.decode(body).unwrap() } else { body.as_bytes().to_vec() };
    let cookies = serde_json::from_value(answer["cookies"].clone()).unwrap();
    let sent =
        Sent { status: answer["statusCode"].as_u64().unwrap(), headers, cookies, is_base64, body };
    // Whatever it is.
    assert_eq!(sent.header("x-content-type-options"), "nosniff");
    assert_eq!(sent.header("strict-transport-security"), "max-age=31536000");
    assert_eq!(sent.header("referrer-policy"), "same-origin");
    assert!(sent.header("content-security-policy").contains("frame-ancestors 'none'"));
    sent
}

/// The page views, visitors and events of something.
fn counted(of: &Value) -> (u64, u64, u64) {
    let number = |name: &str| of[name].as_u64().unwrap_or_else(|| panic!("no {name}: {of}"));
    (number("views"), number("visitors"), number("events"))
}

/// The rows of a table: value (empty for none), page views, visitors.
fn rows(report: &Value, table: &str) -> Vec<(String, u64, u64)> {
    let rows = report["tables"][table]["rows"].as_array().unwrap();
    let row = |row: &Value| {
        let (views, visitors, _) = counted(row);
        (row["value"].as_str().unwrap_or_default().to_owned(), views, visitors)
    };
    rows.iter().map(row).collect()
}

/// What the dashboard says, as data.
async fn report(dashboard: &Function, cookie: &str) -> Value {
    sent(dashboard, &signed_in("dashboard-json", cookie)).await.json()
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs DynamoDB Local: run cargo xtask test"]
async fn what_is_tracked_is_on_the_dashboard() {
    tracked_is_shown(TRACK, DASHBOARD).await;
}

/// The same with what is deployed: the functions built for arm64, run by an emulator.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs the functions built for arm64: run cargo xtask test"]
async fn arm64_what_is_tracked_is_on_the_dashboard() {
    let variable = |name| {
        std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set: run cargo xtask test"))
    };
    let (functions, runner) =
        (variable("FOOTFALL_ARM64_FUNCTIONS"), variable("FOOTFALL_ARM64_RUNNER"));
    let folder = tempfile::tempdir().unwrap();
    let emulated = |name: &str| {
        let file = folder.path().join(name);
        std::fs::write(&file, format!("#!/bin/sh\nexec {runner} {functions}/{name}\n")).unwrap();
        std::fs::set_permissions(&file, PermissionsExt::from_mode(0o755)).unwrap();
        file.to_str().unwrap().to_owned()
    };
    tracked_is_shown(&emulated("track"), &emulated("dashboard")).await;
}

async fn tracked_is_shown(track: &str, dashboard: &str) {
    footfall_testkit::wait::away_from_midnight();
    let (store, table) = dynamodb_local::table("functions").await;
    let variables = variables(dynamodb_local::address(), &table);
    let track = Function::start(track, &variables).await;
    let dashboard = Function::start(dashboard, &variables).await;

    // A stranger gets the door, before and after there is a key.
    assert_eq!(sent(&dashboard, &event("dashboard")).await.status, 401);
    let cookie = &sign_in(&dashboard, &store).await;
    let stranger = sent(&dashboard, &event("dashboard")).await;
    assert_eq!((stranger.status, stranger.cookies.len()), (401, 0));
    assert!(stranger.text().contains("cargo xtask open"), "{}", stranger.text());

    let empty = sent(&dashboard, &signed_in("dashboard", cookie)).await;
    assert_eq!(empty.status, 200);
    // The snippet is for the address that the gateway was asked at.
    let endpoint = "https://r3pmxmplak.execute-api.eu-central-1.amazonaws.com/js/footfall.js";
    assert!(empty.text().contains(&endpoint.replace('/', "&#x2f;")), "{}", empty.text());

    let mut huge = event("track");
    huge["body"] =
        json!({ "u": format!("https://example.com/{}", "x".repeat(1 << 20)) }).to_string().into();
    let ok = "text/plain; charset=utf-8";
    let errors = "application/json";
    let cases: [(&str, Value, u64, &str, &str); 13] = [
        ("track", event("track"), 202, "", ok),
        ("track-base64", event("track-base64"), 202, "", ok),
        ("track-cookies", event("track-cookies"), 202, "", ok),
        ("track-forged-address", event("track-forged-address"), 202, "", ok),
        ("track-user-agent-not-ascii", event("track-user-agent-not-ascii"), 202, "", ok),
        ("plausible-event", event("plausible-event"), 202, "", ok),
        ("plausible-pageview", event("plausible-pageview"), 202, "", ok),
        ("pixel", event("pixel"), 200, "", "image/gif"),
        ("track-bot", event("track-bot"), 202, "bot", ok),
        ("track-no-body", event("track-no-body"), 400, "not-json", errors),
        ("track-not-utf-8", event("track-not-utf-8"), 400, "not-json", errors),
        ("track-unknown-host", event("track-unknown-host"), 403, "unknown-host", errors),
        ("1 MB", huge, 413, "too-large", errors),
    ];
    for (name, event, status, dropped, content_type) in cases {
        let answer = sent(&track, &event).await;
        let got =
            (answer.status, answer.header("x-footfall-dropped"), answer.header("content-type"));
        assert_eq!(got, (status, dropped, content_type), "{name}: {:?}", answer.body);
        assert_eq!(answer.header("cache-control"), "no-store", "{name}");
        match content_type {
            "image/gif" => {
                assert!(answer.is_base64 && answer.body.starts_with(b"GIF89a"), "{name}");
            }
            _ if status == 202 => {
                assert_eq!((answer.is_base64, answer.text()), (false, "ok".into()));
            }
            _ => assert!(answer.json()["errors"].is_object(), "{name}: {}", answer.text()),
        }
    }

    let script = sent(&track, &event("script")).await;
    assert_eq!(script.status, 200);
    assert_eq!(script.header("content-type"), "text/javascript; charset=utf-8");
    assert_eq!(script.header("cache-control"), "public, max-age=86400");
    assert_eq!(script.text(), footfall_runtime::ingest::SCRIPT);

    let answer = sent(&dashboard, &signed_in("dashboard-json", cookie)).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), "application/json");
    let report = answer.json();
    // Firefox from one address, whatever X-Forwarded-For claims; the one with é; the iPhone.
    assert_eq!(counted(&report["totals"]), (7, 3, 1));
    // Of a visit's hits, the first one's: Firefox came from Hacker News, whatever it came from later.
    let sources = [("Hacker News", 5, 1), ("", 2, 2)];
    let found = rows(&report, "source");
    let named = found.iter().map(|(value, views, visitors)| (value.as_str(), *views, *visitors));
    assert_eq!(named.collect::<BTreeSet<_>>(), BTreeSet::from(sources));
    // Of pages with as many visitors and views, the one with an event comes first.
    let pages = [
        ("/", 3, 2),
        ("/pricing", 1, 1),
        ("/archive", 1, 1),
        ("/posts/café", 1, 1),
        ("/posts/rust-on-lambda", 1, 1),
    ];
    let found = rows(&report, "page");
    let found = found.iter().map(|(page, views, visitors)| (page.as_str(), *views, *visitors));
    assert_eq!(found.collect::<Vec<_>>(), pages);
    let events = report["tables"]["event"]["rows"].as_array().unwrap();
    let [signup] = &events[..] else { panic!("one event: {events:?}") };
    assert_eq!((&signup["value"], counted(signup)), (&json!("signup"), (0, 1, 1)));
    assert_eq!(report["filtered"], json!([{ "reason": "bot", "count": 1 }]));

    // The same as a page: plain for who takes no gzip, compressed for who does.
    let plain = sent(&dashboard, &signed_in("dashboard", cookie)).await;
    assert_eq!((plain.status, plain.is_base64, plain.header("content-encoding")), (200, false, ""));
    assert_eq!(plain.header("content-type"), "text/html; charset=utf-8");
    assert!(plain.header("content-security-policy").starts_with("default-src 'none'"));
    assert!(plain.text().contains("data-source=\"Hacker News\""), "{}", plain.text());
    let mut compressed = signed_in("dashboard", cookie);
    compressed["headers"]["accept-encoding"] = "gzip, deflate, br, zstd".into();
    let gzip = sent(&dashboard, &compressed).await;
    assert_eq!((gzip.is_base64, gzip.header("content-encoding")), (true, "gzip"));
    assert_eq!(gzip.header("vary"), "accept-encoding");
    assert_eq!(gzip.text(), plain.text());
    println!("the page: {} bytes, {} as gzip", plain.body.len(), gzip.body.len());

    let bad = sent(&dashboard, &signed_in("dashboard-bad", cookie)).await;
    assert_eq!(bad.status, 404);
    assert!(!bad.text().contains("<script>"), "{}", bad.text());

    programs_and_links(&dashboard, &store).await;
    assert_eq!(
        (dashboard.log(), track.log()),
        (String::new(), String::new()),
        "no line for any of it"
    );
}

/// A program's token and a share link, and what becomes of both when they are revoked.
async fn programs_and_links(dashboard: &Function, store: &DynamoDb) {
    for kind in [Kind::Api, Kind::Share] {
        let wish = TokenRequest {
            kind,
            site: Domain::try_from("example.com".to_owned()).unwrap(),
            name: "test".to_owned(),
            expires: None,
            embed: Vec::new(),
        };
        let (secret, token) = admin::create(store, &SystemContext, wish).await.unwrap();
        let mut asks = event("dashboard-json");
        match kind {
            Kind::Api => {
                asks["headers"]["authorization"] = format!("Bearer {}", secret.expose()).into();
            }
            Kind::Share => {
                asks["rawQueryString"] =
                    format!("auth={}&days=2&format=json", secret.expose()).into();
            }
        }
        assert_eq!(sent(dashboard, &asks).await.json()["totals"]["views"], 7, "{kind:?}");
        admin::revoke(store, kind, &token.id).await.unwrap().unwrap();
        let answer = sent(dashboard, &asks).await;
        assert!([401, 403].contains(&answer.status), "{kind:?}: {}", answer.status);
        assert!(!answer.text().contains(secret.expose()));
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs DynamoDB Local: run cargo xtask test"]
async fn a_function_outlives_what_is_no_event() {
    let (_, table) = dynamodb_local::table("no-event").await;
    let track = Function::start(TRACK, &variables(dynamodb_local::address(), &table)).await;
    let mut broken = event("track");
    broken["isBase64Encoded"] = true.into();
    for nonsense in [json!({}), json!([]), json!("ping"), json!({ "version": "2.0" }), broken] {
        // An answer of an error's status is as good as an error.
        if let Ok(answer) = track.invoke(&nonsense).await {
            assert!(answer["statusCode"].as_u64().unwrap() >= 400, "{nonsense}: {answer}");
        }
    }
    assert_eq!(sent(&track, &event("track")).await.status, 202);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs DynamoDB Local: run cargo xtask test"]
async fn what_is_not_stored_is_not_accepted() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let nobody = free.local_addr().unwrap();
    drop(free);
    let check = async |what: &str, endpoint, status, dropped: &str, cause: &str| {
        let variables = variables(endpoint, "there-is-no-such-table");
        let track = Function::start(TRACK, &variables).await;
        let answer = sent(&track, &event("track")).await;
        assert_eq!(
            (answer.status, answer.header("x-footfall-dropped")),
            (status, dropped),
            "{what}"
        );
        // What AWS says is for the owner's log.
        assert!(!answer.text().contains("there-is-no-such-table"), "{}", answer.text());
        assert_eq!(answer.header("retry-after"), if status == 503 { "1" } else { "" }, "{what}");
        check_log(&track.log(), "a hit was not stored", cause);
        let dashboard = Function::start(DASHBOARD, &variables).await;
        // The page of a stranger needs no table.
        assert_eq!(sent(&dashboard, &event("dashboard")).await.status, 401);
        let session = Session::starting(Timestamp::now()).signed(&SigningKey::new([1; 32]));
        let cookie = format!("{COOKIE_NAME}={session}");
        let answer = sent(&dashboard, &signed_in("dashboard", &cookie)).await;
        assert_eq!(answer.status, status, "{what}: {}", answer.text());
        assert!(!answer.text().contains("there-is-no-such-table"), "{}", answer.text());
        check_log(&dashboard.log(), "a report was not made", cause);
        // Lambda counts an error, and tries again: an alarm is on it, and on nothing else.
        let rollup = Function::start(ROLLUP, &variables).await;
        let error = rollup.invoke(&json!({})).await.expect_err("there is nothing to fold");
        assert!(error["errorMessage"].as_str().unwrap().contains(cause), "{what}: {error}");
        check_log(&rollup.log(), "a run failed", cause);
    };
    let local = dynamodb_local::address();
    check("no table", local, 500, "broken", "ResourceNotFoundException").await;
    check("out of reach", nobody, 503, "unavailable", "Connection refused").await;
}

/// A log has one line for what failed, as JSON, with the cause in it, and nothing of a visitor.
fn check_log(log: &str, message: &str, cause: &str) {
    let lines: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let [line] = &lines[..] else { panic!("one line: {log}") };
    assert_eq!((line["level"].as_str(), line["message"].as_str()), (Some("ERROR"), Some(message)));
    assert!(line["error"].as_str().unwrap().contains(cause), "{log}");
    for secret in ["203.0.113.9", "Firefox", "rust-on-lambda"] {
        assert!(!log.contains(secret), "{secret}: {log}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_missing_is_named() {
    // Nothing is sent to it.
    let nobody = SocketAddr::from(([127, 0, 0, 1], 9));
    let whole = variables(nobody, "t");
    for binary in [TRACK, DASHBOARD, ROLLUP] {
        let check = async |variables: &[(&str, String)], expected: &[&str]| {
            let (status, said) = fails_to_start(binary, variables).await;
            assert!(!status.success(), "{expected:?}");
            for part in expected {
                assert!(said.contains(part), "{said:?} should say {part:?}");
            }
        };
        let needed = [
            "FOOTFALL_TABLE",
            "FOOTFALL_SETTINGS",
            "AWS_REGION",
            "AWS_ACCESS_KEY_ID",
            "AWS_SECRET_ACCESS_KEY",
        ];
        for name in needed {
            let without: Vec<_> = whole.iter().filter(|v| v.0 != name).cloned().collect();
            check(&without, &[&format!("the environment variable {name} is not set")]).await;
            let empty: Vec<_> = without.into_iter().chain([(name, String::new())]).collect();
            check(&empty, &[&format!("the environment variable {name} is not set")]).await;
        }
        for (wrong, what) in
            [("", "not set"), ("{", "EOF"), ("{}", "`sites`"), (r#"{"sites":[]}"#, "no site")]
        {
            let mut variables = whole.clone();
            variables.retain(|v| v.0 != "FOOTFALL_SETTINGS");
            variables.push(("FOOTFALL_SETTINGS", wrong.to_owned()));
            check(&variables, &["FOOTFALL_SETTINGS", what]).await;
        }
    }
}

/// What EventBridge sends at every run of a schedule.
fn scheduled() -> Value {
    json!({
        "version": "0",
        "id": "53dc4d37-cffa-4f76-80c9-8b7d4a4d2eaa",
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "account": "123456789012",
        "time": "2026-11-22T13:07:00Z",
        "region": "eu-central-1",
        "resources": ["arn:aws:events:eu-central-1:123456789012:rule/footfall-RollupSchedule"],
        "detail": {},
    })
}

/// Puts a page view of a visitor into the table, as `track` does.
async fn put_view(store: &DynamoDb, site: &Site, at: Timestamp, visitor: u8, page: &str) {
    let value = json!({ "v": format!("{visitor:016x}"), "p": page }).to_string().into_bytes();
    let key = keys::hit_key(site, at, 0, [visitor; 16]);
    let expires = Some(retention::hit_expiry(site, at));
    store.put(Item { key, value, expires }).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs DynamoDB Local: run cargo xtask test"]
async fn what_is_closed_is_folded_and_shown_as_before() {
    footfall_testkit::wait::away_from_midnight();
    let (store, name) = dynamodb_local::table("rollup").await;
    let variables = variables(dynamodb_local::address(), &name);
    let settings = Settings::from_yaml("sites: [{domain: example.com}]").unwrap();
    let site = &settings.sites[0];
    let now = Timestamp::now();
    let ago = |hours: i64| now - SignedDuration::from_hours(hours);
    // Two days that are over, one of them with two hours, and an hour that is over; two of its visitors
    // came on another day, too.
    let views =
        [(75, 1, "/"), (74, 1, "/a"), (74, 2, "/a"), (50, 1, "/b"), (2, 2, "/"), (2, 3, "/c")];
    for (hours, visitor, page) in views {
        put_view(&store, site, ago(hours), visitor, page).await;
    }
    // That hour is a busy one: others stay as they are until their day is over.
    for visitor in 100..200 {
        put_view(&store, site, ago(2), visitor, "/busy").await;
    }
    let salts = [utc_day(ago(74)), utc_day(now)];
    for day in salts {
        let item = Item { key: keys::salt_key(day), value: vec![7; 16], expires: None };
        store.put(item).await.unwrap();
    }
    // And one that is not over.
    let track = Function::start(TRACK, &variables).await;
    assert_eq!(sent(&track, &event("track")).await.status, 202);

    let dashboard = Function::start(DASHBOARD, &variables).await;
    let cookie = sign_in(&dashboard, &store).await;
    let mut week = signed_in("dashboard-json", &cookie);
    week["rawQueryString"] = "site=example.com&days=7&format=json".into();
    let before = sent(&dashboard, &week).await.json();
    assert_eq!(before["totals"]["views"], 107, "{before}");

    let rollup = Function::start(ROLLUP, &variables).await;
    let run = rollup.invoke(&scheduled()).await.unwrap();
    // Around midnight, the two days may be three, and what was two hours ago of a day that is over.
    let expected: BTreeSet<Span> = views
        .iter()
        .map(|(hours, ..)| {
            let is_over = *hours > 48 || utc_day(ago(1)) > utc_day(ago(2));
            if is_over {
                Span::Day(utc_day(ago(*hours)))
            } else {
                Span::Hour(Hour::of(ago(*hours)))
            }
        })
        .collect();
    let days = expected.iter().filter(|span| matches!(span, Span::Day(_))).count();
    assert_eq!((&run["days"], &run["hours"]), (&json!(days), &json!(expected.len() - days)));
    let at: Timestamp = run["at"].as_str().unwrap().parse().unwrap();
    assert!(at >= now, "{run}");
    for span in expected {
        let key = KeyRange::one(&keys::segment_key(site, span));
        assert_eq!(store.query(&key, None).await.unwrap().items.len(), 1, "{span}");
    }
    // Who came on a day that is folded, nobody can say any more.
    let (left, _) = read_all(&store, &KeyRange::whole("salt".to_owned())).await.unwrap();
    let left: Vec<String> = left.into_iter().map(|item| item.key.sk).collect();
    assert_eq!(left, [salts[1].to_string()]);
    let note = store.query(&KeyRange::one(&keys::rollup_key()), None).await.unwrap();
    assert_eq!(serde_json::from_slice::<Value>(&note.items[0].value).unwrap(), run);
    let log: Value = serde_json::from_str(rollup.log().trim()).unwrap();
    assert_eq!((&log["level"], &log["outcome"]), (&json!("INFO"), &run), "{log}");

    let mut after = sent(&dashboard, &week).await.json();
    // Only this goes by the clock.
    after["now"] = before["now"].clone();
    assert_eq!(after, before);

    // Again, and whatever it is asked by.
    for event in [json!({}), json!(null), json!("now"), json!([1])] {
        let again = rollup.invoke(&event).await.unwrap();
        assert_eq!((&again["days"], &again["hours"]), (&json!(0), &json!(0)), "{event}");
    }
    let mut after = sent(&dashboard, &week).await.json();
    after["now"] = before["now"].clone();
    assert_eq!(after, before);
}

/// Both look for the day's salt before either has made it.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs DynamoDB Local: run cargo xtask test"]
async fn two_that_make_the_salt_at_once_share_one() {
    footfall_testkit::wait::away_from_midnight();
    let (store, table) = dynamodb_local::table("salt").await;
    let database = dynamodb_local::address();
    let both = Arc::new(tokio::sync::Barrier::new(2));
    let (looks, puts) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
    let (seen, made) = (Arc::clone(&looks), Arc::clone(&puts));
    // Between the functions and the table: it holds the first two answers back until it has both.
    let between = fake::serve(move |asked| {
        let (both, seen, made) = (Arc::clone(&both), Arc::clone(&seen), Arc::clone(&made));
        async move {
            let target = asked.headers["x-amz-target"].to_str().unwrap().to_owned();
            let is_salt = String::from_utf8_lossy(&asked.body).contains(r#""salt""#);
            let asked_now = target.clone();
            let answer = tokio::task::spawn_blocking(move || {
                let header = |name: &'static str| (name, asked.headers[name].to_str().unwrap());
                let headers =
                    ["content-type", "x-amz-target", "x-amz-date", "authorization"].map(header);
                http::request(database, "POST", "/", &headers, &asked.body).unwrap()
            })
            .await
            .unwrap();
            if is_salt && asked_now.ends_with(".Query") && seen.fetch_add(1, Ordering::SeqCst) < 2 {
                both.wait().await;
            }
            if is_salt && target.ends_with(".PutItem") {
                made.fetch_add(1, Ordering::SeqCst);
            }
            fake::json(answer.status, answer.body)
        }
    })
    .await;
    let variables = variables(between, &table);
    let (one, two) =
        tokio::join!(Function::start(TRACK, &variables), Function::start(TRACK, &variables));
    for track in [&one, &two] {
        assert_eq!(sent(track, &event("track")).await.status, 202);
    }
    assert_eq!(puts.load(Ordering::SeqCst), 2, "both tried to make it");
    assert_eq!(looks.load(Ordering::SeqCst), 2, "each remembers it after one look");
    let (salts, _) = read_all(&store, &KeyRange::whole("salt".to_owned())).await.unwrap();
    assert_eq!(salts.len(), 1);
    let dashboard = Function::start(DASHBOARD, &variables).await;
    let cookie = sign_in(&dashboard, &store).await;
    assert_eq!(counted(&report(&dashboard, &cookie).await["totals"]), (2, 1, 0));
    // A third one, that starts later, reads it.
    let three = Function::start(TRACK, &variables).await;
    assert_eq!(sent(&three, &event("track")).await.status, 202);
    assert_eq!(puts.load(Ordering::SeqCst), 2);
    assert_eq!(report(&dashboard, &cookie).await["totals"]["visitors"], 1);
    let page = store.query(&KeyRange::whole("salt".to_owned()), None).await.unwrap();
    assert_eq!(page.items, salts);
}
