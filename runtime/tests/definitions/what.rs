//! What happens: hits, page views, events, pages.

use super::{LATER, MONDAY, monday, utc};

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
