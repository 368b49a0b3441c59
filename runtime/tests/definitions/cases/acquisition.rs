//! Sources, referrers, campaigns, and the other values of a visit's first hit.

use footfall_runtime::ingest::Ingest;
use serde_json::json;

use crate::world::{World, lines};
use footfall_testkit::context::Fixed;
use footfall_testkit::request;
use footfall_testkit::wait::wait;

use super::{LATER, MONDAY, monday, utc};

/// Ann comes from Google and reads three pages: three views from Google.
#[test]
fn all_views_of_a_visit_have_its_source() {
    let traffic = utc("
        2026-11-23 09:00 ann /a source=Google
        2026-11-23 09:01 ann /b
        2026-11-23 09:02 ann /c source=Twitter
        2026-11-23 12:00 bob /a
    ");
    traffic.says(
        LATER,
        MONDAY,
        "
        source Google 1 visitor, 1 visit, 3 views, 120 s
        source (none) 1 visitor, 1 visit, 1 view, 1 bounce
    ",
    );
    traffic.says(LATER, &monday("f=is,source,Twitter"), "total -");
}

/// Ann comes without a source, and a minute later by a link from Google: still Direct.
#[test]
fn the_first_hit_determines_the_source() {
    utc("
        2026-11-23 09:00 ann /a country=DE
        2026-11-23 09:01 ann /b source=Google browser=Firefox
    ")
    .says(
        LATER,
        MONDAY,
        "
        source (none) 1 visitor, 1 visit, 2 views, 60 s
        country DE 1 visitor, 1 visit, 2 views, 60 s
        browser (none) 1 visitor, 1 visit, 2 views, 60 s
    ",
    );
}

#[test]
fn hits_of_one_millisecond_have_a_stable_order() {
    utc("
        2026-11-23 09:00 ann /b source=Google
        2026-11-23 09:00 ann /c
        2026-11-23 09:00 ann /a source=Twitter
    ")
    .says(
        LATER,
        MONDAY,
        "
        total 1 visitor, 1 visit, 3 views
        source Google 1 visitor, 1 visit, 3 views
        entry_page /b 1 visitor, 1 visit, 3 views
        exit_page /a 1 visitor, 1 visit, 3 views
    ",
    );
}

#[test]
fn visit_dimensions_come_from_the_first_hit() {
    utc("
        2026-11-23 09:00 ann /a referrer=t.co/x utm_source=a utm_medium=b utm_campaign=c \
            utm_term=d utm_content=e country=DE browser=Firefox browser_version=151 os=Linux \
            os_version=6 device=Desktop screen=l
        2026-11-23 09:01 ann /b referrer=t.co/y utm_source=z utm_medium=z utm_campaign=z \
            utm_term=z utm_content=z country=US browser=Chrome browser_version=1 os=iOS \
            os_version=7 device=Mobile screen=m
    ")
    .says(
        LATER,
        MONDAY,
        "
        referrer t.co/x 1 visitor, 1 visit, 2 views, 60 s
        utm_source a 1 visitor, 1 visit, 2 views, 60 s
        utm_medium b 1 visitor, 1 visit, 2 views, 60 s
        utm_campaign c 1 visitor, 1 visit, 2 views, 60 s
        utm_term d 1 visitor, 1 visit, 2 views, 60 s
        utm_content e 1 visitor, 1 visit, 2 views, 60 s
        country DE 1 visitor, 1 visit, 2 views, 60 s
        browser Firefox 1 visitor, 1 visit, 2 views, 60 s
        browser_version 151 1 visitor, 1 visit, 2 views, 60 s
        os Linux 1 visitor, 1 visit, 2 views, 60 s
        os_version 6 1 visitor, 1 visit, 2 views, 60 s
        device Desktop 1 visitor, 1 visit, 2 views, 60 s
        screen Laptop 1 visitor, 1 visit, 2 views, 60 s
    ",
    );
}

/// Takes a hit as a browser sends it, and compares the report.
#[track_caller]
fn sent(body: &serde_json::Value, agent: &str, expected: &str) {
    let world = World::new("UTC", 1);
    let clock = Fixed::at("2026-11-23T09:00:00Z");
    let track = Ingest::new(world.settings.clone(), world.store.clone(), clock);
    let mut request = request::post(body.to_string());
    request.headers.insert("user-agent", agent.parse().unwrap());
    let answer = wait(track.handle(&request));
    assert_eq!(answer.status(), 202, "{}", String::from_utf8_lossy(answer.body()));
    let now = "2026-11-23T09:01:00Z".parse().unwrap();
    let said = lines(&world.report("period=today", now, 100).unwrap());
    for line in expected.lines().map(str::trim).filter(|line| !line.is_empty()) {
        assert!(said.iter().any(|said| said == line), "{line} is not in\n{}", said.join("\n"));
    }
}

#[test]
fn short_links_and_www_hosts_are_normalized() {
    let agent = footfall_testkit::FIREFOX;
    let page = |page: &str, referrer: &str| json!({ "n": "pageview", "u": page, "d": "example.com", "r": referrer });
    let one = "1 visitor, 1 visit, 1 view, 1 bounce";
    sent(
        &page("https://www.example.com/a?x#y", "https://t.co/x?y"),
        agent,
        &format!(
            "
        page /a {one}
        host example.com {one}
        source Twitter {one}
        referrer t.co/x {one}
        browser Firefox {one}
    "
        ),
    );
    // Links within the site are no source.
    let own = page("https://example.com/a", "https://www.example.com/b");
    sent(&own, agent, &format!("source (none) {one}"));
    let campaign = page("https://example.com/a?utm_source=hn&utm_medium=X%20y", "https://t.co/");
    sent(
        &campaign,
        agent,
        &format!(
            "
        source Hacker News {one}
        utm_source hn {one}
        utm_medium X y {one}
    "
        ),
    );
    for name in ["ref", "source"] {
        let url = format!("https://example.com/a?{name}=twitter");
        sent(&page(&url, ""), agent, &format!("source Twitter {one}"));
    }
    sent(&page("https://example.com/a", ""), "curl/8.0", "total -\nfiltered bot 1");
}
