//! Filters.

use super::{LATER, TUESDAY, berlin, monday, utc};

/// `is source ""` is Direct
/// `contains source ""` matches nobody.
#[test]
fn empty_source_is_direct() {
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
        // The empty string is contained in nothing.
        ("f=contains,source,", "total -"),
        ("f=contains_not,source,", both),
    ] {
        traffic.says(LATER, &monday(filter), expected);
    }
}

/// Filtered by page `/b`, Ann's visit `/a`, `/b` is one visit, one view, no bounce, entered at
/// `/a`. Filtered by page `/a` and by page `/b`, it is nothing: no hit is both.
#[test]
fn filtering_by_page_keeps_the_whole_visits_numbers() {
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
    // By a dimension of visits: all hits of the visit.
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
fn selects_hits_that_match_every_filter() {
    let traffic = utc("
        2026-11-23 09:00 ann /a source=Google
        2026-11-23 09:01 ann /b event=click
        2026-11-23 09:02 ann blog.example.com/b
    ");
    let one = "total 1 visitor, 1 visit, 1 view, 120 s";
    for (filters, expected) in [
        // No hit is on both pages, although the visit has both.
        ("f=is,page,/a&f=is,page,/b", "total -"),
        ("f=is,page,/a&f=is,event,click", "total -"),
        ("f=is,page,/b&f=is,event,click", "total 1 visitor, 1 visit, 1 event, 120 s"),
        // The event of a page view is the empty value.
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
fn counts_visits_with_any_selected_hit() {
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
fn escapes_commas_in_values() {
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
