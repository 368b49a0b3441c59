//! Small cases: every definition, and every example, of docs/definitions.md. A case says what came in,
//! and what is said of it, over raw hits and folded. The reference must say the same.

use std::collections::BTreeSet;

use footfall_runtime::filter::FilterReason;
use footfall_runtime::hit::{Filtered, Hit, Kind};
use footfall_runtime::track::Track;
use jiff::Timestamp;
use jiff::civil::DateTime;
use serde_json::json;

use super::support::ambient::Fixed;
use super::support::request;
use super::wait;
use super::world::{Question, World, lines};

/// What came in at a site, in a zone: a line a hit, such as
/// `2026-11-23 09:00 ann /a event=sign+up source=Google`. Times are of the zone's clock, or of UTC with
/// a `Z` behind them; `+` stands for a space. Who begins with a `!` is no visitor, but why it is none.
struct Traffic {
    zone: &'static str,
    hits: &'static str,
}

impl Traffic {
    fn time(&self, day: &str, time: &str) -> Timestamp {
        let (time, zone) = match time.strip_suffix('Z') {
            Some(time) => (time, "UTC"),
            None => (time, self.zone),
        };
        let at: DateTime = format!("{day}T{time}").parse().unwrap();
        at.in_tz(zone).unwrap().timestamp()
    }

    fn world(&self) -> World {
        let mut world = World::new(self.zone, 1);
        for line in self.hits.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let parts: Vec<&str> = line.split(' ').collect();
            let [day, time, who, page, rest @ ..] = parts.as_slice() else { panic!("{line}") };
            let at = self.time(day, time);
            let kind = match who.strip_prefix('!') {
                Some(reason) => {
                    let known = FilterReason::ALL.into_iter().find(|of| of.as_str() == reason);
                    Kind::Filtered(Filtered { reason: known.unwrap(), page: (*page).to_owned() })
                }
                None => Kind::Hit(hit(who, page, rest)),
            };
            world.add(at, kind, 0, 0);
        }
        world
    }

    /// Asks at a time of the zone. Every group of numbers that `expected` has a line of must be all that
    /// is said of it: `total`, `bar`, `page` … A group that is not there is written `page -`; bars
    /// without anything are left out.
    #[track_caller]
    fn says(&self, now: &str, query: &str, expected: &str) {
        let (day, time) = now.split_once(' ').unwrap();
        let now = self.time(day, time);
        let world = self.world();
        let question = Question::parse(query, now);
        let check = |how: &str| {
            let report = world.checked_as(query, &question);
            let found = lines(&report);
            let expected: Vec<&str> = expected.lines().map(str::trim).collect();
            let expected: Vec<&str> =
                expected.into_iter().filter(|line| !line.is_empty()).collect();
            let group = |line: &str| line.split(' ').next().unwrap().to_owned();
            let groups: BTreeSet<String> = expected.iter().map(|line| group(line)).collect();
            for name in groups {
                let is_said =
                    |line: &&str| group(line) == name && !(name == "bar" && line.ends_with(" -"));
                let found: Vec<&str> = found.iter().map(String::as_str).filter(is_said).collect();
                let nothing = format!("{name} -");
                let expected = expected.iter().copied();
                let expected: Vec<&str> =
                    expected.filter(|line| group(line) == name && *line != nothing).collect();
                let found: Vec<&str> = found.into_iter().filter(|line| *line != nothing).collect();
                assert_eq!(found, expected, "{how}: {query} at {now} of {}", self.hits);
            }
        };
        world.fold_old(now);
        check("raw");
        world.fold_all();
        check("folded");
    }
}

fn hit(who: &str, page: &str, rest: &[&str]) -> Hit {
    let visitor = who.bytes().fold(0_u64, |number, byte| number << 8 | u64::from(byte));
    let (host, page) = page.split_at(page.find('/').unwrap());
    let mut hit = json!({ "v": format!("{visitor:016x}"), "p": page });
    if !host.is_empty() {
        hit["h"] = host.into();
    }
    for part in rest {
        let (name, value) = part.split_once('=').unwrap();
        // As in hit.rs.
        let key = match name {
            "event" => "n",
            "source" => "s",
            "referrer" => "r",
            "utm_source" => "us",
            "utm_medium" => "um",
            "utm_campaign" => "uc",
            "utm_term" => "ut",
            "utm_content" => "uo",
            "country" => "c",
            "browser" => "b",
            "browser_version" => "bv",
            "system" => "o",
            "system_version" => "ov",
            "device" => "d",
            "screen" => "w",
            other => panic!("{other}"),
        };
        hit[key] = value.replace('+', " ").into();
    }
    serde_json::from_value(hit).unwrap()
}

const fn utc(hits: &'static str) -> Traffic {
    Traffic { zone: "UTC", hits }
}

const fn berlin(hits: &'static str) -> Traffic {
    Traffic { zone: "Europe/Berlin", hits }
}

/// Some days after the case's, so that nothing of the period is to come.
const LATER: &str = "2026-12-01 12:00";

/// Monday, 23 November 2026.
const MONDAY: &str = "period=custom&from=2026-11-23&to=2026-11-23";
const TUESDAY: &str = "period=custom&from=2026-11-24&to=2026-11-24";
const BOTH: &str = "period=custom&from=2026-11-23&to=2026-11-24";

fn monday(rest: &str) -> String {
    format!("{MONDAY}&{rest}")
}

#[test]
fn every_example_of_the_page_has_a_case() {
    let page = include_str!("../../../docs/definitions.md").replace("**", "");
    // Between stars; the page has no others.
    let examples: Vec<String> = page.split('*').skip(1).step_by(2).map(one_line).collect();
    assert!(examples.len() > 15, "{examples:?}");
    let comments = include_str!("cases.rs").lines().filter_map(|line| line.strip_prefix("///"));
    let comments = one_line(&comments.collect::<String>());
    for example in examples {
        assert!(comments.contains(&example), "no case has the example: {example}");
    }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

// What happens

#[test]
fn what_a_program_does_is_in_none_of_the_numbers() {
    let traffic = utc("
        2026-11-23 09:00 ann /a
        2026-11-23 09:01 !bot /a
        2026-11-23 09:02 !bot /b
        2026-11-23 09:03 !headless /a
        2026-11-23 09:03 !prefetch /a
        2026-11-22 09:03 !referrer-spam /a
    ");
    let expected = "
        now 1
        total 1 visitor, 1 visit, 1 view, 1 bounce
        page /a 1 visitor, 1 visit, 1 view, 1 bounce
        filtered bot 2
        filtered headless 1
        filtered prefetch 1
    ";
    traffic.says("2026-11-23 09:04", MONDAY, expected);
    // Whatever is filtered by.
    traffic.says(
        "2026-11-23 09:04",
        &monday("f=is,page,/nothing"),
        "
        total -
        filtered bot 2
        filtered headless 1
        filtered prefetch 1
    ",
    );
}

/// Ann opens `/a` and clicks "sign up": one page view, one event.
#[test]
fn ann_opens_a_page_and_clicks_sign_up_one_page_view_one_event() {
    utc("
        2026-11-23 09:00 ann /a
        2026-11-23 09:01 ann /a event=sign+up
    ")
    .says(
        LATER,
        MONDAY,
        "
        total 1 visitor, 1 visit, 1 view, 1 event, 60 s
        page /a 1 visitor, 1 visit, 1 view, 1 event, 60 s
        event sign up 1 visitor, 1 visit, 1 event, 60 s
    ",
    );
}

#[test]
fn on_another_host_the_host_stands_before_the_path() {
    utc("
        2026-11-23 09:00 ann /a
        2026-11-23 09:01 ann blog.example.com/a
    ")
    .says(
        LATER,
        MONDAY,
        "
        page /a 1 visitor, 1 visit, 1 view, 60 s
        page blog.example.com/a 1 visitor, 1 visit, 1 view, 60 s
        host blog.example.com 1 visitor, 1 visit, 1 view, 60 s
        host example.com 1 visitor, 1 visit, 1 view, 60 s
        entry_page /a 1 visitor, 1 visit, 2 views, 60 s
        exit_page blog.example.com/a 1 visitor, 1 visit, 2 views, 60 s
    ",
    );
}

// Who

/// Ann reads on Monday morning and on Monday evening, and again on Tuesday: two visitors.
#[test]
fn ann_reads_on_monday_morning_and_evening_and_on_tuesday_two_visitors() {
    utc("
        2026-11-23 08:00 ann /a
        2026-11-23 20:00 ann /a
        2026-11-24 08:00 ann /a
    ")
    .says(
        LATER,
        BOTH,
        "
        total 2 visitors, 3 visits, 3 views, 3 bounces
        page /a 2 visitors, 3 visits, 3 views, 3 bounces
        bar 2026-11-23 1 visitor, 2 visits, 2 views, 2 bounces
        bar 2026-11-24 1 visitor, 1 visit, 1 view, 1 bounce
    ",
    );
}

/// Ann reads at 9 and at 10 o'clock: one visitor in each hour, one visitor of the day.
#[test]
fn ann_reads_at_9_and_at_10_one_visitor_in_each_hour_one_of_the_day() {
    utc("
        2026-11-23 09:50 ann /a
        2026-11-23 10:00 ann /b
    ")
    .says(
        LATER,
        MONDAY,
        "
        unit Hour 24
        bar 2026-11-23T09:00+00:00 1 visitor, 1 visit, 1 view, 600 s
        bar 2026-11-23T10:00+00:00 1 visitor, 1 view
        total 1 visitor, 1 visit, 2 views, 600 s
    ",
    );
}

#[test]
fn a_day_of_another_zone_has_parts_of_two_days_of_utc() {
    // The day of UTC begins at 1 o'clock in Berlin.
    berlin(
        "
        2026-11-23 00:30 ann /a
        2026-11-23 00:59:59.999 ann /a
        2026-11-23 01:00 ann /a
    ",
    )
    .says(
        LATER,
        MONDAY,
        "
        total 2 visitors, 2 visits, 3 views, 1 bounce, 1799.999 s
    ",
    );
    berlin("2026-11-23 00:59:59.999 ann /a\n2026-11-23 23:00 bob /a").says(
        LATER,
        MONDAY,
        "
        total 2 visitors, 2 visits, 2 views, 2 bounces
    ",
    );
}

/// Ann reads at 9:00, 9:29 and 9:59: the second pause is of 30 minutes, so these are two visits.
#[test]
fn ann_reads_at_9_00_9_29_and_9_59_two_visits() {
    utc("
        2026-11-23 09:00 ann /a
        2026-11-23 09:29 ann /b
        2026-11-23 09:59 ann /c
    ")
    .says(
        LATER,
        MONDAY,
        "
        total 1 visitor, 2 visits, 3 views, 1 bounce, 1740 s
        entry_page /a 1 visitor, 1 visit, 2 views, 1740 s
        entry_page /c 1 visitor, 1 visit, 1 view, 1 bounce
    ",
    );
    utc("
        2026-11-23 09:00 ann /a
        2026-11-23 09:29:59.999 ann /b
        2026-11-23 09:59:59.998 ann /c
    ")
    .says(LATER, MONDAY, "total 1 visitor, 1 visit, 3 views, 3599.998 s");
}

#[test]
fn two_visitors_at_once_are_two_visits() {
    utc("
        2026-11-23 09:00 ann /a
        2026-11-23 09:00 bob /a
        2026-11-23 09:01 ann /b
        2026-11-23 09:02 bob /b
    ")
    .says(LATER, MONDAY, "total 2 visitors, 2 visits, 4 views, 180 s");
}

#[test]
fn the_end_of_a_day_of_utc_ends_a_visit() {
    utc("
        2026-11-23 23:59:59.999 ann /a
        2026-11-24 00:00 ann /b
    ")
    .says(LATER, BOTH, "total 2 visitors, 2 visits, 2 views, 2 bounces");
}

/// Ann reads at 23:55 and at 00:05 of her site's clock (and not UTC's): the first day has a visit
/// and a view, the second a view and a visitor, and no visit.
#[test]
fn ann_reads_at_23_55_and_at_00_05_the_second_day_has_a_view_and_no_visit() {
    let traffic = berlin(
        "
        2026-11-23 23:55 ann /a
        2026-11-24 00:05 ann /b
    ",
    );
    traffic.says(
        LATER,
        BOTH,
        "
        total 1 visitor, 1 visit, 2 views, 600 s
        bar 2026-11-23 1 visitor, 1 visit, 1 view, 600 s
        bar 2026-11-24 1 visitor, 1 view
    ",
    );
    traffic.says(
        LATER,
        MONDAY,
        "
        total 1 visitor, 1 visit, 1 view, 600 s
        page /a 1 visitor, 1 visit, 1 view, 600 s
        page /b 1 visit, 600 s
        exit_page /b 1 visitor, 1 visit, 1 view, 600 s
    ",
    );
    traffic.says(
        LATER,
        TUESDAY,
        "
        total 1 visitor, 1 view
        average - views, - % bounced, - s
        page /b 1 visitor, 1 view
        entry_page /a 1 visitor, 1 view
        before 1 visitor, 1 visit, 1 view, 600 s
    ",
    );
}

#[test]
fn views_per_visit_are_none_without_visits() {
    utc("2026-11-23 09:00 ann /a\n2026-11-23 09:01 ann /b\n2026-11-23 12:00 ann /b").says(
        LATER,
        MONDAY,
        "average 1.5 views, 50 % bounced, 30 s",
    );
    utc("2026-11-22 09:00 ann /a").says(
        LATER,
        MONDAY,
        "
        total -
        average - views, - % bounced, - s
    ",
    );
}

/// Ann opens `/a` and leaves: a bounce. Bob opens `/a` and clicks "sign up": no bounce.
#[test]
fn ann_leaves_a_bounce_bob_clicks_sign_up_no_bounce() {
    utc("
        2026-11-23 09:00 ann /a
        2026-11-23 09:00 bob /a
        2026-11-23 09:00 bob /a event=sign+up
    ")
    .says(
        LATER,
        MONDAY,
        "
        total 2 visitors, 2 visits, 2 views, 1 event, 1 bounce
        average 1 views, 50 % bounced, 0 s
    ",
    );
    // Neither is the same page twice, nor an event alone.
    utc("
        2026-11-23 09:00 ann /a
        2026-11-23 09:00 ann /a
        2026-11-23 09:00 bob /a event=sign+up
    ")
    .says(LATER, MONDAY, "total 2 visitors, 2 visits, 2 views, 1 event");
}

/// Ann reads for at least 4 minutes, Bob bounces: 2 minutes.
#[test]
fn ann_reads_for_at_least_4_minutes_bob_bounces_2_minutes() {
    utc("
        2026-11-23 09:00 ann /a
        2026-11-23 09:03 ann /b
        2026-11-23 09:04 ann /b event=click
        2026-11-23 09:00 bob /a
    ")
    .says(
        LATER,
        MONDAY,
        "
        total 2 visitors, 2 visits, 3 views, 1 event, 1 bounce, 240 s
        average 1.5 views, 50 % bounced, 120 s
    ",
    );
}

#[test]
fn entry_and_exit_are_the_first_and_the_last_page_view() {
    utc("
        2026-11-23 09:00 ann /x event=click
        2026-11-23 09:01 ann /a
        2026-11-23 09:02 ann /b
        2026-11-23 09:03 ann /c
        2026-11-23 09:04 ann /x event=click
    ")
    .says(
        LATER,
        MONDAY,
        "
        entry_page /a 1 visitor, 1 visit, 3 views, 2 events, 240 s
        exit_page /c 1 visitor, 1 visit, 3 views, 2 events, 240 s
    ",
    );
}

#[test]
fn a_visit_of_events_alone_has_neither_entry_nor_exit() {
    let traffic = utc("2026-11-23 09:00 ann /a event=click");
    traffic.says(
        LATER,
        MONDAY,
        "
        total 1 visitor, 1 visit, 1 event
        page /a 1 visitor, 1 visit, 1 event
        entry_page -
        exit_page -
    ",
    );
    traffic.says(LATER, &monday("f=is,entry_page,"), "total 1 visitor, 1 visit, 1 event");
    traffic.says(LATER, &monday("f=is_not,exit_page,"), "total -");
}

// From where

/// Ann comes from Google and reads three pages: three views from Google.
#[test]
fn ann_comes_from_google_and_reads_three_pages_three_views_from_google() {
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
fn ann_comes_without_a_source_and_by_a_link_from_google_still_direct() {
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
fn of_hits_of_one_millisecond_one_is_always_the_first() {
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
fn what_is_known_of_a_visit_is_known_from_its_first_hit() {
    utc("
        2026-11-23 09:00 ann /a referrer=t.co/x utm_source=a utm_medium=b utm_campaign=c \
            utm_term=d utm_content=e country=DE browser=Firefox browser_version=151 system=Linux \
            system_version=6 device=Desktop screen=l
        2026-11-23 09:01 ann /b referrer=t.co/y utm_source=z utm_medium=z utm_campaign=z \
            utm_term=z utm_content=z country=US browser=Chrome browser_version=1 system=iOS \
            system_version=7 device=Mobile screen=m
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
        system Linux 1 visitor, 1 visit, 2 views, 60 s
        system_version 6 1 visitor, 1 visit, 2 views, 60 s
        device Desktop 1 visitor, 1 visit, 2 views, 60 s
        screen Laptop 1 visitor, 1 visit, 2 views, 60 s
    ",
    );
}

/// A hit as a browser sends it, and what a report then says of it.
#[track_caller]
fn sent(body: &serde_json::Value, agent: &str, expected: &str) {
    let world = World::new("UTC", 1);
    let clock = Fixed::at("2026-11-23T09:00:00Z");
    let track = Track::new(world.settings.clone(), world.store.clone(), clock);
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
fn t_co_is_twitter_and_www_is_no_other_host() {
    let agent = super::support::FIREFOX;
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
    // Not from the site itself.
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

// When

#[test]
fn a_period_is_whole_days_of_the_zone() {
    let traffic = berlin(
        "
        2026-11-22 23:59:59.999 ann /a
        2026-11-23 00:00 ann /b
        2026-11-23 23:59:59.999 ann /c
        2026-11-24 00:00 ann /d
    ",
    );
    for (now, query, period) in [
        (LATER, MONDAY, "custom 2026-11-23 to 2026-11-23"),
        ("2026-11-23 23:59:59.999", "period=today", "today 2026-11-23 to 2026-11-23"),
        ("2026-11-24 00:00", "period=yesterday", "yesterday 2026-11-23 to 2026-11-23"),
    ] {
        traffic.says(
            now,
            query,
            &format!(
                "
            period {period}
            page /c 1 visitor, 1 visit, 1 view, 0.001 s
            page /b 1 visitor, 1 view
            page /d 1 visit, 0.001 s
        "
            ),
        );
    }
    for (query, period) in [
        ("period=7d", "7d 2026-11-18 to 2026-11-24"),
        ("period=28d", "28d 2026-10-28 to 2026-11-24"),
        ("period=91d", "91d 2026-08-26 to 2026-11-24"),
        ("period=month", "month 2026-11-01 to 2026-11-24"),
        ("period=year", "year 2026-01-01 to 2026-11-24"),
        ("days=28", "28d 2026-10-28 to 2026-11-24"),
        ("from=2026-11-22&to=2026-11-24", "custom 2026-11-22 to 2026-11-24"),
        ("", "7d 2026-11-18 to 2026-11-24"),
    ] {
        let expected =
            format!("period {period}\ntotal 3 visitors, 3 visits, 4 views, 1 bounce, 0.002 s");
        traffic.says("2026-11-24 12:00", query, &expected);
    }
}

#[test]
fn all_begins_with_the_first_day_on_which_anything_was_counted() {
    utc("
        2025-07-03 09:00 ann /a
        2026-11-23 09:00 ann /a
    ")
    .says(
        LATER,
        "period=all",
        "
        period all 2025-07-03 to 2026-12-01
        unit Month 18
        total 2 visitors, 2 visits, 2 views, 2 bounces
        bar 2025-07 1 visitor, 1 visit, 1 view, 1 bounce
        bar 2026-11 1 visitor, 1 visit, 1 view, 1 bounce
        before -
    ",
    );
}

#[test]
fn bars_are_hours_days_or_months() {
    let traffic = utc("2026-11-23 09:00 ann /a\n2026-11-01 09:00 ann /a");
    for (query, unit) in [
        (MONDAY, "Hour 24"),
        (BOTH, "Day 2"),
        ("period=100d", "Day 100"),
        ("period=101d", "Month 5"),
    ] {
        traffic.says(LATER, query, &format!("unit {unit}"));
    }
    traffic.says(LATER, "period=101d", "bar 2026-11 2 visitors, 2 visits, 2 views, 2 bounces");
}

/// a day of 23 hours has 23 of them, and one of 25 hours has the same hour twice.
#[test]
fn a_day_of_23_hours_has_23_bars() {
    berlin(
        "
        2026-03-29 01:59:59.999 ann /a
        2026-03-29 03:00 ann /a
        2026-03-29 23:59:59.999 bob /a
    ",
    )
    .says(
        "2026-04-01 12:00",
        "from=2026-03-29&to=2026-03-29",
        "
        unit Hour 23
        bar 2026-03-29T01:00+01:00 1 visitor, 1 visit, 1 view, 0.001 s
        bar 2026-03-29T03:00+02:00 1 visitor, 1 view
        bar 2026-03-29T23:00+02:00 1 visitor, 1 visit, 1 view, 1 bounce
    ",
    );
}

#[test]
fn a_day_of_25_hours_has_two_bars_of_one_hour() {
    berlin(
        "
        2026-10-25 00:30Z ann /a
        2026-10-25 01:30Z bob /a
    ",
    )
    .says(
        "2026-11-01 12:00",
        "from=2026-10-25&to=2026-10-25",
        "
        unit Hour 25
        bar 2026-10-25T02:00+02:00 1 visitor, 1 visit, 1 view, 1 bounce
        bar 2026-10-25T02:00+01:00 1 visitor, 1 visit, 1 view, 1 bounce
    ",
    );
}

#[test]
fn an_hours_bar_begins_where_the_zone_says() {
    let kathmandu = |hits| Traffic { zone: "Asia/Kathmandu", hits };
    kathmandu("2026-11-22 18:14:59.999Z ann /a\n2026-11-22 18:15Z bob /a").says(
        LATER,
        MONDAY,
        "
        bar 2026-11-23T00:00+05:45 1 visitor, 1 visit, 1 view, 1 bounce
    ",
    );
    let howe = Traffic { zone: "Australia/Lord_Howe", hits: "2026-10-03 16:00Z ann /a" };
    howe.says(
        "2026-10-09 12:00",
        "from=2026-10-04&to=2026-10-04",
        "
        unit Hour 24
        bar 2026-10-04T02:30+11:00 1 visitor, 1 visit, 1 view, 1 bounce
    ",
    );
}

/// 30 December 2011 in Apia.
#[test]
fn a_day_that_was_skipped_has_nothing() {
    let apia = Traffic {
        zone: "Pacific/Apia",
        hits: "2011-12-29 23:59:59.999 ann /a\n2011-12-31 00:00 ann /b",
    };
    let now = "2012-01-05 12:00";
    apia.says(now, "from=2011-12-30&to=2011-12-30", "total -\nunit Hour 1");
    apia.says(
        now,
        "from=2011-12-29&to=2011-12-31",
        "
        unit Day 3
        bar 2011-12-29 1 visitor, 1 visit, 1 view, 0.001 s
        bar 2011-12-31 1 visitor, 1 view
    ",
    );
}

/// 6 September 2026 begins at 1 o'clock in Santiago, and has 23 hours.
#[test]
fn a_day_without_a_midnight_begins_after_it() {
    let santiago = Traffic {
        zone: "America/Santiago",
        hits: "2026-09-05 23:59:59.999 ann /a\n2026-09-06 01:00 bob /a",
    };
    santiago.says(
        "2026-09-09 12:00",
        "from=2026-09-06&to=2026-09-06",
        "
        unit Hour 23
        bar 2026-09-06T01:00-03:00 1 visitor, 1 visit, 1 view, 1 bounce
    ",
    );
}

/// at noon, today is compared with yesterday's first 12 hours
#[test]
fn a_change_is_against_the_period_before() {
    let one = "1 visitor, 1 visit, 1 view, 1 bounce";
    let two = "2 visitors, 2 visits, 2 views, 2 bounces";
    let traffic = utc("
        2025-01-01 00:00 ann /a
        2025-11-24 11:59:59.999 ann /a
        2025-11-24 12:00 bob /a
        2026-10-01 00:00 ann /a
        2026-10-24 11:59:59.999 ann /a
        2026-10-24 12:00 bob /a
        2026-11-11 00:00 ann /a
        2026-11-17 11:59:59.999 ann /a
        2026-11-17 12:00 bob /a
        2026-11-23 11:59:59.999 ann /a
        2026-11-23 12:00 bob /a
        2026-11-24 11:00 ann /a
    ");
    let now = "2026-11-24 12:00";
    // Half of today has passed.
    traffic.says(now, "period=today", &format!("total {one}\nbefore {one}"));
    traffic.says(now, "period=7d", &format!("before {two}"));
    traffic.says(now, "period=month", &format!("before {two}"));
    traffic.says(now, "period=year", &format!("before {two}"));
    // What is over is compared with all of it.
    traffic.says(LATER, TUESDAY, &format!("before {two}"));
    traffic.says("2026-11-24 12:00", "from=2026-11-25&to=2026-11-25", "total -\nbefore -");
    traffic.says(now, "period=yesterday&f=is,page,/b", "before -");
}

/// on 31 March, with all of February
#[test]
fn a_month_is_never_compared_with_more_than_the_month_before() {
    utc("
        2026-02-01 00:00 ann /a
        2026-02-28 23:59:59.999 ann /a
        2026-03-01 00:00 ann /a
    ")
    .says(
        "2026-03-31 12:00",
        "period=month",
        "
        total 1 visitor, 1 visit, 1 view, 1 bounce
        before 2 visitors, 2 visits, 2 views, 2 bounces
    ",
    );
}

#[test]
fn now_is_who_has_a_hit_in_the_last_5_minutes() {
    let traffic = utc("
        2026-11-23 11:54:59.999 ann /a
        2026-11-23 11:55 bob /a
        2026-11-23 11:56 bob /a
        2026-11-23 12:00 eve /a event=click
        2026-11-23 12:00 !bot /a
    ");
    let now = "2026-11-23 12:00";
    traffic.says(
        now,
        "period=today",
        "now 2\ntotal 3 visitors, 3 visits, 3 views, 1 event, 1 bounce, 60 s",
    );
    traffic.says(now, "period=yesterday&f=is,page,/nothing", "now 2\ntotal -");
    // Nobody is known from one day of UTC to the next.
    utc("2026-11-23 23:59 ann /a\n2026-11-24 00:00 ann /a").says(
        "2026-11-24 00:01",
        "period=today",
        "now 2\ntotal 1 visitor, 1 visit, 1 view, 1 bounce",
    );
}

// Filters

/// `is source ""` is Direct
/// `contains source ""` is nobody.
#[test]
fn source_is_empty_is_direct() {
    let traffic = utc("
        2026-11-23 09:00 ann /a
        2026-11-23 09:01 ann /b source=Google
        2026-11-23 09:00 bob /a source=Google
    ");
    let ann = "total 1 visitor, 1 visit, 2 views, 60 s";
    let bob = "total 1 visitor, 1 visit, 1 view, 1 bounce";
    let both = "total 2 visitors, 2 visits, 3 views, 1 bounce, 60 s";
    for (filter, expected) in [
        ("f=is,source,", ann),
        ("f=is_not,source,", bob),
        ("f=is,source,Google", bob),
        ("f=is,source,Google,", both),
        ("f=is,source,google", "total -"),
        ("f=is_not,source,Google", ann),
        ("f=is_not,source,Google,", "total -"),
        ("f=contains,source,oo,x", bob),
        ("f=contains,source,OO", "total -"),
        ("f=contains_not,source,x,oo", ann),
        // Nothing is a part of anything.
        ("f=contains,source,", "total -"),
        ("f=contains_not,source,", both),
    ] {
        traffic.says(LATER, &monday(filter), expected);
    }
}

/// Filtered by page `/b`, Ann's visit `/a`, `/b` is one visit, one view, no bounce, entered at
/// `/a`. Filtered by page `/a` and by page `/b`, it is nothing: no hit is both.
#[test]
fn ann_s_visit_filtered_by_page_b_is_one_visit_one_view_no_bounce_entered_at_a() {
    let traffic = utc("
        2026-11-23 09:00 ann /a source=Google
        2026-11-23 09:01 ann /b
        2026-11-23 09:00 bob /c
    ");
    traffic.says(
        LATER,
        &monday("f=is,page,/b"),
        "
        total 1 visitor, 1 visit, 1 view, 60 s
        page /b 1 visitor, 1 visit, 1 view, 60 s
        entry_page /a 1 visitor, 1 visit, 1 view, 60 s
        exit_page /b 1 visitor, 1 visit, 1 view, 60 s
        source Google 1 visitor, 1 visit, 1 view, 60 s
    ",
    );
    // By a visit's: all of its hits.
    for filter in ["f=is,entry_page,/a", "f=is,exit_page,/b", "f=is,source,Google"] {
        traffic.says(
            LATER,
            &monday(filter),
            "
            total 1 visitor, 1 visit, 2 views, 60 s
            page /a 1 visitor, 1 visit, 1 view, 60 s
            page /b 1 visitor, 1 visit, 1 view, 60 s
        ",
        );
    }
}

#[test]
fn a_hit_is_selected_if_every_filter_holds_for_it() {
    let traffic = utc("
        2026-11-23 09:00 ann /a source=Google
        2026-11-23 09:01 ann /b event=click
        2026-11-23 09:02 ann blog.example.com/b
    ");
    let one = "total 1 visitor, 1 visit, 1 view, 120 s";
    for (filters, expected) in [
        // No hit is both, although the visit has both.
        ("f=is,page,/a&f=is,page,/b", "total -"),
        ("f=is,page,/a&f=is,event,click", "total -"),
        ("f=is,page,/b&f=is,event,click", "total 1 visitor, 1 visit, 1 event, 120 s"),
        // A page view's event is the empty value.
        ("f=is,page,/b&f=is,event,", "total -"),
        ("f=is,event,", "total 1 visitor, 1 visit, 2 views, 120 s"),
        ("f=is,page,blog.example.com/b", one),
        ("f=is,host,blog.example.com", one),
        ("f=is,host,example.com", "total 1 visitor, 1 visit, 1 view, 1 event, 120 s"),
        ("f=contains,page,/b", "total 1 visitor, 1 visit, 1 view, 1 event, 120 s"),
        ("f=is,page,/a&f=is,source,Google", one),
        ("f=is,page,/a&f=is,source,", "total -"),
        ("f=is,page,/a&f=is,page,/a", one),
    ] {
        traffic.says(LATER, &monday(filters), expected);
    }
}

/// Ann reads `/a` at 23:55 and `/b` at 00:05: on the first day, `/b` has a visit, and neither a
/// view nor a visitor.
#[test]
fn a_visit_counts_if_any_of_its_hits_wherever_it_lies_is_selected() {
    let traffic = berlin(
        "
        2026-11-23 23:55 ann /a
        2026-11-24 00:05 ann /b
    ",
    );
    traffic.says(
        LATER,
        &monday("f=is,page,/b"),
        "
        total 1 visit, 600 s
        bar 2026-11-23T23:00+01:00 1 visit, 600 s
        page /b 1 visit, 600 s
        source (none) 1 visit, 600 s
    ",
    );
    traffic.says(LATER, &format!("{TUESDAY}&f=is,page,/a"), "total -\npage -");
    traffic.says(LATER, &format!("{TUESDAY}&f=is,entry_page,/a"), "total 1 visitor, 1 view");
}

#[test]
fn values_with_commas_are_written_with_a_backslash() {
    let traffic = utc("2026-11-23 09:00 ann /a,b\n2026-11-23 09:00 bob /a");
    traffic.says(
        LATER,
        &monday("f=is%2Cpage%2C%2Fa%5C%2Cb"),
        "
        filter is,page,/a\\,b
        page /a,b 1 visitor, 1 visit, 1 view, 1 bounce
    ",
    );
}

// Tables

#[test]
fn what_has_no_value_has_a_row_for_some_and_none_for_others() {
    let none = "(none) 1 visitor, 1 visit, 1 view, 1 bounce";
    utc("2026-11-23 09:00 ann /a").says(
        LATER,
        MONDAY,
        &format!(
            "
        source {none}
        country {none}
        browser {none}
        system {none}
        device {none}
        screen {none}
        event -
        referrer -
        utm_source -
        utm_medium -
        utm_campaign -
        utm_term -
        utm_content -
        browser_version -
        system_version -
    "
        ),
    );
}

#[test]
fn a_visit_counts_in_the_row_of_every_value_that_its_hits_have() {
    utc("
        2026-11-23 09:00 ann /a
        2026-11-23 09:01 ann /b
        2026-11-23 09:02 ann /a
    ")
    .says(
        LATER,
        MONDAY,
        "
        total 1 visitor, 1 visit, 3 views, 120 s
        page /a 1 visitor, 1 visit, 2 views, 120 s
        page /b 1 visitor, 1 visit, 1 view, 120 s
    ",
    );
}

#[test]
fn rows_stand_in_falling_order() {
    // By visitors, views, events, visits, and by name.
    utc("
        2026-11-23 01:00 ann /visitors
        2026-11-23 01:00 bob /visitors
        2026-11-23 02:00 ann /views
        2026-11-23 02:01 ann /views
        2026-11-23 02:02 ann /views
        2026-11-23 03:00 ann /events
        2026-11-23 03:01 ann /events event=x
        2026-11-23 03:02 ann /events
        2026-11-23 04:00 ann /visits
        2026-11-23 05:00 ann /visits
        2026-11-23 06:00 ann /two
        2026-11-23 06:01 ann /two
        2026-11-23 07:00 ann /b
        2026-11-23 08:00 ann /a
        2026-11-23 09:00 ann /B
    ")
    .says(
        LATER,
        MONDAY,
        "
        page /visitors 2 visitors, 2 visits, 2 views, 2 bounces
        page /views 1 visitor, 1 visit, 3 views, 120 s
        page /events 1 visitor, 1 visit, 2 views, 1 event, 120 s
        page /visits 1 visitor, 2 visits, 2 views, 2 bounces
        page /two 1 visitor, 1 visit, 2 views, 60 s
        page /B 1 visitor, 1 visit, 1 view, 1 bounce
        page /a 1 visitor, 1 visit, 1 view, 1 bounce
        page /b 1 visitor, 1 visit, 1 view, 1 bounce
    ",
    );
}

#[test]
fn entry_and_exit_pages_stand_in_falling_order_of_visits() {
    utc("
        2026-11-23 01:00 ann /visitors
        2026-11-23 01:00 bob /visitors
        2026-11-23 02:00 ann /visits
        2026-11-23 03:00 ann /visits
        2026-11-23 04:00 ann /visits
    ")
    .says(
        LATER,
        MONDAY,
        "
        entry_page /visits 1 visitor, 3 visits, 3 views, 3 bounces
        entry_page /visitors 2 visitors, 2 visits, 2 views, 2 bounces
        exit_page /visits 1 visitor, 3 visits, 3 views, 3 bounces
        exit_page /visitors 2 visitors, 2 visits, 2 views, 2 bounces
        page /visitors 2 visitors, 2 visits, 2 views, 2 bounces
        page /visits 1 visitor, 3 visits, 3 views, 3 bounces
    ",
    );
}

#[test]
fn what_has_no_value_stands_before_all_names() {
    utc("
        2026-11-23 01:00 ann /a source=!
        2026-11-23 01:00 bob /a
    ")
    .says(
        LATER,
        MONDAY,
        "
        source (none) 1 visitor, 1 visit, 1 view, 1 bounce
        source ! 1 visitor, 1 visit, 1 view, 1 bounce
    ",
    );
}
