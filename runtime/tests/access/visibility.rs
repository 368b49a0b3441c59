//! What can be seen without signing in: public sites, their badges, and nothing else.

use footfall_infra::api::{self, ROUTES};
use footfall_infra::function::Function;
use footfall_runtime::auth::AccessMode;
use footfall_runtime::ingest::Ingest;
use footfall_runtime::platform::http::{Request, Response};
use footfall_runtime::storage::{Item, Key, KeyRange, Store as _, keys};
use footfall_runtime::web::Web;
use footfall_testkit::request;
use footfall_testkit::wait::wait;
use jiff::Timestamp;

use super::{Deployed, error, form, header, text};

/// Requests every route without credentials. Only those that take hits or sign in answer; the rest ask to sign in.
#[test]
fn every_route_is_closed_without_credentials() {
    let deployed = Deployed::new();
    let track =
        Ingest::new(deployed.settings.clone(), deployed.store.clone(), deployed.clock.clone());
    let views = |answer: &Response| text(answer).contains("data-tile");
    for route in ROUTES {
        let request = |query: &str| Request {
            method: route.method.to_owned(),
            path: route.path.to_owned(),
            query: query.to_owned(),
            ..request::dashboard("")
        };
        let ask = |query: &str| match route.function {
            Function::Track => wait(track.handle(&request(query))),
            Function::Dashboard => deployed.handle(&request(query)),
            Function::Rollup => panic!("the rollup has no route"),
        };
        let answer = ask("");
        let status = answer.status().as_u16();
        match (route.method, route.path) {
            ("POST", api::TRACK | api::PLAUSIBLE_EVENT) => assert_eq!(status, 400),
            ("GET", api::PIXEL) => assert_eq!(status, 400),
            ("GET", api::SCRIPT) => assert_eq!(status, 200),
            // Only public sites have badges.
            ("GET", api::BADGE) => {
                assert_eq!(status, 404);
                assert_eq!(ask("site=closed.example").status(), 404);
                assert_eq!(ask("site=open.example").status(), 200);
            }
            ("GET" | "POST", api::LOGIN) => assert_eq!(status, 403),
            // Both redirect, and show nothing.
            ("POST", api::LOGOUT) | ("GET", api::HOME) => {
                assert!([302, 303].contains(&status));
                assert_eq!(header(&answer, "location"), "/dashboard");
            }
            // Everything else. A new route has to be closed, unless it gets an arm of its own here.
            _ => {
                for query in
                    ["site=closed.example", "site=not.there", "site=other.example&period=all"]
                {
                    let closed = ask(query);
                    assert_eq!(closed.status(), 401, "{} {}?{query}", route.method, route.path);
                    assert!(!views(&closed));
                }
            }
        }
        // Every answer has the security headers.
        assert_eq!(header(&answer, "x-content-type-options"), "nosniff", "{}", route.path);
        assert_eq!(header(&answer, "referrer-policy"), "same-origin", "{}", route.path);
        let policy = header(&answer, "content-security-policy");
        assert!(policy.starts_with("default-src 'none'"), "{}: {policy}", route.path);
        assert!(policy.ends_with("frame-ancestors 'none'"), "{}: {policy}", route.path);
    }
}

#[test]
fn rejection_says_how_to_sign_in_and_reveals_no_sites() {
    let deployed = Deployed::new();
    let closed = deployed.get_dashboard("site=closed.example", &[]);
    assert!(text(&closed).contains("cargo xtask open"), "{}", text(&closed));
    assert_eq!(header(&closed, "www-authenticate"), "Bearer realm=\"footfall\"");
    assert_eq!(header(&closed, "cache-control"), "no-store");
    for format in ["", "&format=json", "&format=csv"] {
        let mut answers = ["closed.example", "not.there", "<script>"].map(|site| {
            let answer = deployed.get_dashboard(&format!("site={site}{format}"), &[]);
            (answer.status(), answer.headers().clone(), answer.into_body())
        });
        answers.sort_by_key(|answer| answer.0.as_u16());
        assert!(answers.iter().all(|answer| *answer == answers[0]), "{format}");
    }
    assert!(
        error(&deployed.get_dashboard("site=closed.example&format=json", &[]))
            .contains("xtask token")
    );
}

#[test]
fn only_the_public_site_is_open() {
    let deployed = Deployed::new();
    let page = deployed.get_dashboard("site=open.example", &[]);
    assert_eq!(page.status(), 200);
    let page = text(&page);
    assert!(page.contains("open.example") && page.contains("cargo xtask open"));
    // It shows no other site, and no way to sign out.
    for hidden in ["closed.example", "other.example", "/logout"] {
        assert!(!page.contains(hidden), "{hidden}");
    }
    assert_eq!(deployed.status("site=open.example&format=json", &[]), 200);
    assert_eq!(deployed.status("site=open.example&format=csv", &[]), 200);
    // Without a site in the query, the public one is shown.
    assert!(text(&deployed.get_dashboard("", &[])).contains("open.example"));
    assert_eq!(deployed.status("site=closed.example", &[]), 401);
}

/// Stores page views, as `track` does.
fn put_views(deployed: &Deployed, site: &str, page: &str, count: u8) {
    let site = deployed.settings.site(site).unwrap();
    for visitor in 0..count {
        let at: Timestamp = "2026-11-22T12:00:00Z".parse().unwrap();
        let key = keys::hit_key(site, at, 0, [visitor; 16]);
        let key = Key { sk: format!("{}{}", key.sk, page.len()), ..key };
        let value = serde_json::json!({ "v": format!("{visitor:016x}"), "p": page });
        let value = serde_json::to_vec(&value).unwrap();
        wait(deployed.store.put(Item { key, value, expires: None })).unwrap();
    }
}

#[test]
fn badge_shows_the_views_of_a_page() {
    let deployed = Deployed::new();
    put_views(&deployed, "open.example", "/", 2);
    put_views(&deployed, "open.example", "/a<b>&\"", 3);
    let badge = |query: &str| {
        deployed.handle(&Request { path: "/badge.svg".to_owned(), ..request::dashboard(query) })
    };
    let check = |query: &str, title: &str| {
        let answer = badge(&format!("site=open.example&{query}"));
        assert_eq!(answer.status(), 200, "{query}");
        assert_eq!(header(&answer, "content-type"), "image/svg+xml");
        assert_eq!(header(&answer, "cache-control"), "public, max-age=300");
        assert_eq!(
            header(&answer, "content-security-policy"),
            "default-src 'none'; frame-ancestors 'none'"
        );
        let svg = text(&answer);
        assert!(svg.contains(&format!("<title id=\"t\">{title}</title>")), "{svg}");
        assert!(!svg.contains("<script") && !svg.contains("<b>") && svg.len() < 1000, "{svg}");
    };
    check("page=/", "2 views of / in the last 30 days");
    check("", "2 views of / in the last 30 days");
    check(&form("page", "/a<b>&\""), "3 views of /a&lt;b&gt;&amp;&quot; in the last 30 days");
    check("page=/none&period=all", "0 views of /none in total");
    check(
        &form("page", "/<script>alert(1)</script>\u{0}\u{202e}"),
        "0 views of /&lt;script&gt;alert(1)&lt;/script&gt; in the last 30 days",
    );
    check("page=/&period=7d", "2 views of / in the last 7 days");
    check("page=/&period=year", "2 views of / this year");
    assert_eq!(badge("site=open.example&period=31d").status(), 400);
    let answers =
        ["closed.example", "not.there", ""].map(|site| badge(&format!("site={site}&page=/")));
    assert!(answers.iter().all(|answer| answer.status() == 404));
    assert!(answers.iter().all(|answer| answer.body() == answers[0].body()));

    // A badge is cached for five minutes, so requests for badges cost no reads of the table.
    put_views(&deployed, "open.example", "/", 9);
    check("page=/", "2 views of / in the last 30 days");
    deployed.clock.set("2026-11-22T13:10:05Z");
    check("page=/", "2 views of / in the last 30 days");
    deployed.clock.set("2026-11-22T13:10:06Z");
    check("page=/", "9 views of / in the last 30 days");
    // The cache is in memory: nothing was stored for it.
    let salt = KeyRange::whole("salt".to_owned());
    assert!(wait(deployed.store.query(&salt, None)).unwrap().items.is_empty());
}

#[test]
fn open_mode_requires_no_authentication() {
    let Deployed { settings, store, clock, .. } = Deployed::new();
    let dashboard = Web::new(settings, store, clock, AccessMode::Open).unwrap();
    let page = wait(dashboard.handle(&request::dashboard("")));
    assert_eq!(page.status(), 200);
    assert!(text(&page).contains("closed.example") && !text(&page).contains("/logout"));
    let login = Request { path: "/login".to_owned(), ..request::dashboard("link=x") };
    let login = wait(dashboard.handle(&login));
    assert_eq!((login.status().as_u16(), header(&login, "location")), (302, "/dashboard"));
}
