//! Rows of tables, and their order.

use super::{LATER, MONDAY, utc};

#[test]
fn rows_without_a_value_depend_on_the_dimension() {
    let none = "(none) 1 visitor, 1 visit, 1 view, 1 bounce";
    utc("2026-11-23 09:00 ann /a").says(
        LATER,
        MONDAY,
        &format!(
            "
        source {none}
        country {none}
        browser {none}
        os {none}
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
        os_version -
    "
        ),
    );
}

#[test]
fn visits_count_in_the_row_of_every_value_of_their_hits() {
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
fn rows_are_sorted_in_descending_order() {
    // By visitors, views, events, visits, and finally by name.
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
fn entry_and_exit_pages_are_sorted_by_visits() {
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
fn rows_without_a_value_sort_before_names() {
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
