//! The dashboard over HTTP: errors, security headers, filters, downloads and demo data.

use std::path::Path;

use footfall_testkit::http;
use footfall_testkit::wait::away_from_midnight;
use jiff::{Timestamp, ToSpan as _};
use serde_json::json;

use super::{pages, sources};
use crate::process::{self, Dev};

#[test]
fn invalid_dashboard_urls_are_explained() {
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
fn page_loads_nothing_from_elsewhere() {
    let folder = process::folder(None);
    let dev = Dev::start(folder.path());
    let answer = dev.get("/dashboard");
    let policy = answer.header("content-security-policy").unwrap();
    assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"), "{policy}");
    assert!(policy.contains("; script-src 'sha256-") && !policy.contains("unsafe"), "{policy}");
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let page = answer.text();
    // Without data, the page shows the snippet for this address, as text.
    let snippet = format!("&lt;script defer src=&quot;http:&#x2f;&#x2f;{}&#x2f;js", dev.address);
    assert!(page.contains(&snippet), "{page}");
    dev.view("http://localhost/");
    assert!(!dev.page().contains("&lt;script"), "the snippet is shown only without data");
    for elsewhere in ["src=\"http", "href=\"http", "@import", "url(http"] {
        assert!(!page.contains(elsewhere), "{elsewhere}");
    }
    // A forged Host header cannot break out of an attribute.
    let forged = "GET /dashboard HTTP/1.1\r\nHost: x\"><script>y\r\nConnection: close\r\n\r\n";
    if let Ok(answer) = http::exchange(dev.address, forged.as_bytes()) {
        // It does not name this machine, so there is no page for it.
        assert!(!answer.text().contains("<script"), "{}", answer.text());
    }
}

#[test]
fn filter_form_redirects_to_a_url() {
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
    // The page after the redirect explains what is wrong.
    let wrong = dev.get("/dashboard?key=page&op=matches&value=(");
    let page = dev.get(&format!("/dashboard{}", wrong.header("location").unwrap()));
    assert_eq!(page.status, 400);
    assert!(page.text().contains("invalid regular expression"), "{}", page.text());
}

#[test]
fn each_table_can_be_downloaded() {
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
    // With a filter on the event or its goal, the page shows the properties.
    for filter in ["is,event,signup", "is,goal,signup"] {
        let page = dev.get(&format!("/dashboard?days=7&f={filter}")).text();
        assert!(page.contains("<tr data-prop=\"pro\">"), "{filter}: {page}");
    }
    assert!(!dev.page().contains("data-prop="), "properties are shown only for a single event");
}

#[test]
fn demo_data_is_deterministic() {
    away_from_midnight();
    let folder = process::folder(None);
    let fill = |folder: &Path| {
        let dev = Dev::spawn(process::command(folder, &["--demo"])).unwrap();
        // Without today, which goes on while the demo data is generated.
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
    assert_eq!(fill(folder.path()), first, "into the same folder");
    let anew = process::folder(None);
    assert_eq!(fill(anew.path()), first, "into a new folder");
}
