//! Hits go in by one function, and reports come out of the other.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt;

use footfall_infra::settings::Domain;
use footfall_runtime::auth::TokenKind;
use footfall_runtime::auth::admin::{self, TokenRequest};
use footfall_runtime::platform::context::SystemContext;
use footfall_runtime::storage::dynamodb::DynamoDb;
use footfall_testkit::dynamodb_local;
use footfall_testkit::runtime_api::Function;
use serde_json::{Value, json};

use super::{DASHBOARD, TRACK, counted, event, sent, sign_in, signed_in, variables};

/// Returns the rows of a table: value (empty if it has none), page views, visitors.
fn rows(report: &Value, table: &str) -> Vec<(String, u64, u64)> {
    let rows = report["tables"][table]["rows"].as_array().unwrap();
    let row = |row: &Value| {
        let (views, visitors, _) = counted(row);
        (row["value"].as_str().unwrap_or_default().to_owned(), views, visitors)
    };
    rows.iter().map(row).collect()
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs DynamoDB Local: run cargo xtask test"]
async fn dashboard_shows_tracked_hits() {
    check_dashboard_shows_tracked_hits(TRACK, DASHBOARD).await;
}

/// The same with the functions as they are deployed: built for arm64, run by an emulator.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs the functions built for arm64: run cargo xtask test"]
async fn arm64_dashboard_shows_tracked_hits() {
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
    check_dashboard_shows_tracked_hits(&emulated("track"), &emulated("dashboard")).await;
}

async fn check_dashboard_shows_tracked_hits(track: &str, dashboard: &str) {
    footfall_testkit::wait::away_from_midnight();
    let (store, table) = dynamodb_local::table("functions").await;
    let variables = variables(dynamodb_local::address(), &table);
    let track = Function::start(track, &variables).await;
    let dashboard = Function::start(dashboard, &variables).await;

    // Without a session, the dashboard asks to sign in, before and after there is a signing key.
    assert_eq!(sent(&dashboard, &event("dashboard")).await.status, 401);
    let cookie = &sign_in(&dashboard, &store).await;
    let stranger = sent(&dashboard, &event("dashboard")).await;
    assert_eq!((stranger.status, stranger.cookies.len()), (401, 0));
    assert!(stranger.text().contains("cargo xtask open"), "{}", stranger.text());

    let empty = sent(&dashboard, &signed_in("dashboard", cookie)).await;
    assert_eq!(empty.status, 200);
    // The snippet has the host of the gateway.
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
    // Three visitors: Firefox at one address, whatever X-Forwarded-For claims; the one with é; the iPhone.
    assert_eq!(counted(&report["totals"]), (7, 3, 1));
    // A visit keeps its first source: Firefox came from Hacker News, and later from elsewhere.
    let sources = [("Hacker News", 5, 1), ("", 2, 2)];
    let found = rows(&report, "source");
    let named = found.iter().map(|(value, views, visitors)| (value.as_str(), *views, *visitors));
    assert_eq!(named.collect::<BTreeSet<_>>(), BTreeSet::from(sources));
    // If pages have equal visitors and views, the one with an event comes first.
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

    // The same as a page: compressed for clients that accept gzip, plain for others.
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

    check_tokens_and_share_links(&dashboard, &store).await;
    assert_eq!((dashboard.log(), track.log()), (String::new(), String::new()), "nothing is logged");
}

/// An API token and a share link work until they are revoked.
async fn check_tokens_and_share_links(dashboard: &Function, store: &DynamoDb) {
    for kind in [TokenKind::Api, TokenKind::Share] {
        let request = TokenRequest {
            kind,
            site: Domain::try_from("example.com".to_owned()).unwrap(),
            name: "test".to_owned(),
            expires: None,
            embed: Vec::new(),
        };
        let (secret, token) = admin::create(store, &SystemContext, request).await.unwrap();
        let mut asks = event("dashboard-json");
        match kind {
            TokenKind::Api => {
                asks["headers"]["authorization"] = format!("Bearer {}", secret.expose()).into();
            }
            TokenKind::Share => {
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
