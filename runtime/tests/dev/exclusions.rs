//! Excluded traffic: bots, prefetches, referrer spam, and visitors who ask not to be tracked.

use footfall_testkit::FIREFOX;
use serde_json::json;

use super::{dropped, totals, view};
use crate::process::{self, Dev};

const HEADLESS: &str = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/152.0.0.0 Safari/537.36";
const GOOGLEBOT: &str = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)";

#[test]
fn bots_are_answered_and_counted_separately() {
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
        // The status does not tell a bot that it was excluded.
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
    assert!(
        first < place("Bots (by User-Agent)</span></th><td>2</td>"),
        "the most frequent reason comes first"
    );
    let csv = dev.get("/dashboard?days=2&format=csv&show=filtered").text();
    assert!(csv.starts_with("reason,hits\r\nprefetch,3\r\nbot,2\r\n"), "{csv}");
}

#[test]
fn do_not_track_is_respected_where_the_site_says_so() {
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
        assert_eq!(
            report["filtered"],
            json!([]),
            "hits of visitors who ask not to be tracked are not stored"
        );
    }
}
