//! Periods, bars, changes, and current visitors.

use super::{BOTH, LATER, MONDAY, TUESDAY, Traffic, berlin, utc};

#[test]
fn periods_are_whole_days_of_the_time_zone() {
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
        let expected = format!("period {period}\ntotal 2 visitors, 2 visits, 4 views, 0.002 s");
        traffic.says("2026-11-24 12:00", query, &expected);
    }
}

#[test]
fn all_time_begins_with_the_first_recorded_day() {
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
fn hourly_bars_begin_at_the_zones_hours() {
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
fn skipped_days_are_empty() {
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
fn days_without_a_midnight_begin_after_it() {
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
fn changes_compare_with_the_previous_period() {
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
    // A period that has ended is compared with the whole previous one.
    traffic.says(LATER, TUESDAY, &format!("before {two}"));
    traffic.says("2026-11-24 12:00", "from=2026-11-25&to=2026-11-25", "total -\nbefore -");
    traffic.says(now, "period=yesterday&f=is,page,/b", "before -");
}

/// on 31 March, with all of February
#[test]
fn months_compare_with_at_most_the_previous_month() {
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
        2026-11-23 11:56 eve /a
        2026-11-23 12:00 eve /a event=click
        2026-11-23 12:00 !bot /a
    ");
    let now = "2026-11-23 12:00";
    traffic.says(
        now,
        "period=today",
        "now 2\ntotal 3 visitors, 3 visits, 3 views, 1 event, 2 bounces, 240 s",
    );
    traffic.says(now, "period=yesterday&f=is,page,/nothing", "now 2\ntotal -");
    // No visitor is recognised on another UTC day.
    utc("2026-11-23 23:59 ann /a\n2026-11-24 00:00 ann /a").says(
        "2026-11-24 00:01",
        "period=today",
        "now 2\ntotal 1 visitor, 1 visit, 1 view, 1 bounce",
    );
}
