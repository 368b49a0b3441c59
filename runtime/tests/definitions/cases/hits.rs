//! Hits, page views, events and pages.

use super::{LATER, MONDAY, TUESDAY, monday, utc};

#[test]
fn excluded_hits_are_in_no_number() {
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
    // With any filter.
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
fn page_views_and_events_count_separately() {
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

/// Ann opens `/a` at 9:00, and scrolls and reads for 40 minutes: one visit of 40 minutes, one view, one
/// bounce.
#[test]
fn engagements_are_not_hits() {
    let traffic = utc("
        2026-11-23 09:00 ann /a
        2026-11-23 09:40 ann /a looked=2400 scrolled=80
    ");
    let expected = "
        now 0
        total 1 visitor, 1 visit, 1 view, 1 bounce, 2400 s, 2400 s on 1, 80 % deep on 1
        bar 2026-11-23T09:00+00:00 1 visitor, 1 visit, 1 view, 1 bounce, 2400 s, 2400 s on 1, 80 % deep on 1
        page /a 1 visitor, 1 visit, 1 view, 1 bounce, 2400 s, 2400 s on 1, 80 % deep on 1
        event -
    ";
    traffic.says("2026-11-23 09:41", MONDAY, expected);
}

#[test]
fn engagements_belong_to_the_last_view_of_their_page() {
    utc("
        2026-11-23 09:00 ann /a
        2026-11-23 09:02 ann /a looked=60 scrolled=50
        2026-11-23 09:03 ann /b
        2026-11-23 09:04 ann /a looked=20 scrolled=40
        2026-11-23 09:05 ann /b looked=90 scrolled=10
        2026-11-23 09:06 ann /a
        2026-11-23 09:07 ann /a looked=30
        2026-11-23 09:07 ann blog.example.com/a looked=5
        2026-11-23 09:07 bob /a looked=7 scrolled=100
    ")
    .says(
        LATER,
        MONDAY,
        "
        total 1 visitor, 1 visit, 3 views, 390 s, 200 s on 3, 60 % deep on 2
        page /a 1 visitor, 1 visit, 2 views, 390 s, 110 s on 2, 50 % deep on 1
        page /b 1 visitor, 1 visit, 1 view, 390 s, 90 s on 1, 10 % deep on 1
    ",
    );
}

/// Ann opens `/a` at 23:50 UTC and leaves it at 0:10: the new day does not know her, so the time that she
/// looked at it is lost.
#[test]
fn drops_engagements_without_a_view() {
    let traffic = utc("
        2026-11-23 23:50 ann /a
        2026-11-24 00:10 ann /a looked=1200 scrolled=80
    ");
    traffic.says(LATER, MONDAY, "total 1 visitor, 1 visit, 1 view, 1 bounce");
    traffic.says(LATER, TUESDAY, "total -");
}

#[test]
fn pages_of_other_hosts_begin_with_the_host() {
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
