//! Visitors, visits, bounces, durations, entry and exit pages.

use super::{BOTH, LATER, MONDAY, TUESDAY, berlin, monday, utc};

/// Ann reads on Monday morning and on Monday evening, and again on Tuesday: two visitors.
#[test]
fn a_reader_on_two_days_is_two_visitors() {
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
fn local_days_contain_parts_of_two_utc_days() {
    // The UTC day begins at 1:00 in Berlin.
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

/// Ann reads at 9:00, 9:29 and 9:59: the second pause is 30 minutes long, so these are two visits.
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
fn simultaneous_visitors_have_separate_visits() {
    utc("
        2026-11-23 09:00 ann /a
        2026-11-23 09:00 bob /a
        2026-11-23 09:01 ann /b
        2026-11-23 09:02 bob /b
    ")
    .says(LATER, MONDAY, "total 2 visitors, 2 visits, 4 views, 180 s");
}

#[test]
fn visits_end_with_the_utc_day() {
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
fn views_per_visit_are_missing_without_visits() {
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
fn an_event_prevents_a_bounce() {
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
    // Viewing the same page twice is not a bounce, and neither is a lone event.
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
fn entry_and_exit_are_the_first_and_last_page_view() {
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
fn visits_of_events_alone_have_no_entry_or_exit() {
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
