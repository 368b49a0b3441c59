//! `POST /api/v2/query`.

use footfall_infra::settings::Settings;
use footfall_runtime::auth::{AccessMode, Authenticator};
use footfall_runtime::storage::{Item, Key, KeyRange, Page, PutOutcome, Store, StoreError};
use footfall_runtime::web::stats_api;
use serde_json::{Value, json};

use super::world::{NOW, World, filled, get, post};
use footfall_testkit::request::headers;

#[test]
fn totals_have_every_metric() {
    let world = World::of_three();
    // Ann counts as two visitors, one per day. The 4 visits have 6 views and an event. Bob's and Ann's second visit
    // are bounces; the others last 300 and 480 seconds.
    let metrics = json!([
        "visitors",
        "visits",
        "pageviews",
        "views_per_visit",
        "bounce_rate",
        "visit_duration",
        "events",
        "percentage",
        "scroll_depth",
        "time_on_page",
    ]);
    let question = json!({ "metrics": metrics });
    world.check(question.clone(), json!([[4, 4, 6, 1.5, 50, 195, 7, 100.0, null, null]]));
    let answer = world.ask(&question);
    assert_eq!(answer["results"][0]["dimensions"], json!([]));
    assert_eq!(answer["meta"], json!({}));
    assert_eq!(
        answer["query"],
        json!({
            "site_id": "example.com",
            "metrics": metrics,
            "date_range": ["2026-11-18T00:00:00+00:00", "2026-11-19T23:59:59+00:00"],
            "filters": [],
            "dimensions": [],
            "order_by": [["visitors", "desc"]],
            "include": {},
            "pagination": { "limit": 10_000, "offset": 0 },
        })
    );
    // Without visitors there is one row of zeros.
    let question = json!({ "metrics": metrics, "date_range": ["2026-11-01", "2026-11-02"] });
    world.check(question, json!([[0, 0, 0, 0.0, 0, 0, 0, 0.0, null, null]]));
}

#[test]
fn breaks_down_by_every_dimension() {
    let world = World::of_three();
    let check = |dimension: &str, expected: Value| {
        let metrics = ["visitors", "pageviews", "events"];
        world.check(json!({ "dimensions": [dimension], "metrics": metrics }), expected);
    };
    check("event:page", json!([["/a", 3, 3, 3], ["/b", 2, 2, 3], ["/thanks", 1, 1, 1]]));
    check("event:name", json!([["pageview", 4, 6, 6], ["signup", 1, 0, 1]]));
    check("event:hostname", json!([["example.com", 4, 6, 7]]));
    check("event:props:plan", json!([["(none)", 4, 6, 6], ["pro", 1, 0, 1]]));
    check("event:goal", json!([["Order", 1, 1, 1], ["signup", 1, 0, 1]]));
    check("visit:entry_page", json!([["/a", 3, 5, 6], ["/b", 1, 1, 1]]));
    check("visit:exit_page", json!([["/b", 2, 3, 4], ["/a", 1, 1, 1], ["/thanks", 1, 2, 2]]));
    check(
        "visit:source",
        json!([["Google", 2, 3, 4], ["Direct / None", 1, 1, 1], ["news", 1, 2, 2]]),
    );
    check(
        "visit:channel",
        json!([["Organic Search", 2, 3, 4], ["Direct", 1, 1, 1], ["Email", 1, 2, 2]]),
    );
    check("visit:referrer", json!([["Direct / None", 2, 3, 3], ["google.com/", 2, 3, 4]]));
    check("visit:utm_source", json!([["(not set)", 3, 4, 5], ["news", 1, 2, 2]]));
    check("visit:utm_medium", json!([["(not set)", 3, 4, 5], ["email", 1, 2, 2]]));
    check("visit:utm_campaign", json!([["(not set)", 3, 4, 5], ["may", 1, 2, 2]]));
    check("visit:utm_content", json!([["(not set)", 4, 6, 7]]));
    check("visit:utm_term", json!([["(not set)", 4, 6, 7]]));
    check(
        "visit:device",
        json!([["Desktop", 2, 3, 4], ["(not set)", 1, 2, 2], ["Mobile", 1, 1, 1]]),
    );
    check("visit:screen", json!([["(not set)", 2, 3, 3], ["Laptop", 2, 3, 4]]));
    check(
        "visit:browser",
        json!([["Firefox", 2, 3, 4], ["(not set)", 1, 2, 2], ["Safari", 1, 1, 1]]),
    );
    check("visit:browser_version", json!([["(not set)", 2, 3, 3], ["151", 2, 3, 4]]));
    check("visit:os", json!([["Linux", 2, 3, 4], ["(not set)", 1, 2, 2], ["iOS", 1, 1, 1]]));
    check("visit:os_version", json!([["(not set)", 4, 6, 7]]));
    check("visit:country", json!([["DE", 2, 3, 4], ["", 1, 2, 2], ["FR", 1, 1, 1]]));
    check("visit:country_name", json!([["Germany", 2, 3, 4], ["", 1, 2, 2], ["France", 1, 1, 1]]));
    // 4 of 4, 2 of 4; Ann's first visit, which is not a bounce, and her second, which is.
    world.check(
        json!({ "dimensions": ["visit:source"], "metrics": ["percentage", "bounce_rate"] }),
        json!([["Google", 50.0, 50], ["Direct / None", 25.0, 100], ["news", 25.0, 0]]),
    );
    world.check(
        json!({
            "dimensions": ["visit:country_name", "event:page", "event:name"],
            "filters": [["is_not", "visit:country_name", [""]]],
        }),
        json!([
            ["Germany", "/b", "pageview", 2],
            ["France", "/a", "pageview", 1],
            ["Germany", "/a", "pageview", 1],
            ["Germany", "/b", "signup", 1],
        ]),
    );
}

#[test]
fn conversion_rates_are_of_possible_converters() {
    let world = World::of_three();
    let rates = ["visitors", "events", "conversion_rate", "group_conversion_rate"];
    world.check(
        json!({ "dimensions": ["event:goal"], "metrics": rates }),
        json!([["Order", 1, 1, 25.0, 25.0], ["signup", 1, 1, 25.0, 25.0]]),
    );
    // Without the goal, 3 visitors have read /a in the same visit.
    world.check(
        json!({
            "metrics": rates,
            "filters": [["is", "event:goal", ["Order"]], ["has_done", ["is", "event:page", ["/a"]]]],
        }),
        json!([[1, 1, 33.33, 33.33]]),
    );
    world.check(
        json!({
            "dimensions": ["visit:country"],
            "metrics": rates,
            "filters": [["is", "event:goal", ["signup", "Order"]]],
        }),
        json!([["", 1, 1, 25.0, 100.0], ["DE", 1, 1, 25.0, 50.0]]),
    );
    world.check(
        json!({
            "dimensions": ["event:goal", "time:day"],
            "metrics": rates,
            "filters": [["is", "event:props:plan", ["pro"]]],
        }),
        json!([["signup", "2026-11-18", 1, 1, 25.0, 50.0]]),
    );
    world.check(
        json!({
            "metrics": ["conversion_rate"],
            "filters": [["is", "event:goal", ["signup"]]],
            "date_range": ["2026-11-01", "2026-11-02"],
        }),
        json!([[0.0]]),
    );
}

#[test]
fn applies_filters() {
    let world = World::of_three();
    let check = |filter: Value, visitors: u64, visits: u64, events: u64| {
        let metrics = ["visitors", "visits", "events"];
        let question = json!({ "metrics": metrics, "filters": [filter] });
        world.check(question, json!([[visitors, visits, events]]));
    };
    check(json!(["is", "event:page", ["/b"]]), 2, 2, 3);
    check(json!(["is", "event:page", ["/b", "/thanks"]]), 3, 3, 4);
    check(json!(["is", "event:page", ["/B"]]), 0, 0, 0);
    check(json!(["is", "event:page", ["/B"], { "case_sensitive": false }]), 2, 2, 3);
    check(json!(["is_not", "event:page", ["/b"]]), 3, 3, 4);
    check(json!(["contains", "event:page", ["than", "x"]]), 1, 1, 1);
    check(json!(["contains_not", "event:page", ["a"]]), 2, 2, 3);
    check(json!(["matches", "event:page", ["^/[ab]$"]]), 4, 4, 6);
    check(json!(["matches_not", "event:page", ["^/[ab]$"]]), 1, 1, 1);
    check(json!(["is", "event:name", ["pageview"]]), 4, 4, 6);
    check(json!(["is_not", "event:name", ["pageview"]]), 1, 1, 1);
    check(json!(["contains", "event:name", ["i"]]), 4, 4, 7);
    check(json!(["matches_not", "event:name", ["^page"]]), 1, 1, 1);
    check(json!(["is", "event:props:plan", ["pro"]]), 1, 1, 1);
    check(json!(["is", "event:props:plan", ["(none)"]]), 4, 4, 6);
    check(json!(["is", "event:goal", ["signup"]]), 1, 1, 1);
    check(json!(["contains", "event:goal", ["r"]]), 1, 1, 1);
    check(json!(["is", "visit:source", ["Direct / None"]]), 1, 1, 1);
    check(json!(["is", "visit:country", ["DE", "FR"]]), 3, 3, 5);
    check(json!(["is", "visit:country_name", ["Germany"]]), 2, 2, 4);
    check(json!(["contains", "visit:country_name", ["an"]]), 3, 3, 5);
    check(json!(["is_not", "visit:country_name", [""]]), 3, 3, 5);
    check(json!(["is", "visit:entry_page", ["/b"]]), 1, 1, 1);
    let (google, page_a) =
        (json!(["is", "visit:source", ["Google"]]), json!(["is", "event:page", ["/a"]]));
    check(json!(["and", [google, page_a]]), 1, 1, 1);
    check(json!(["or", [google, page_a]]), 4, 4, 6);
    check(json!(["not", ["or", [google, page_a]]]), 1, 1, 1);
    check(json!(["has_done", ["is", "event:goal", ["signup"]]]), 1, 1, 3);
    check(json!(["has_not_done", ["is", "event:goal", ["signup"]]]), 3, 3, 4);
    // All filters must hold, and no hit is on two pages.
    let both = json!([["is", "event:page", ["/a"]], ["is", "event:page", ["/b"]]]);
    world.check(json!({ "filters": both }), json!([[0]]));
}

#[test]
fn orders_and_paginates_rows() {
    let world = World::of_three();
    let check = |more: Value, expected: Value| {
        let mut question =
            json!({ "dimensions": ["event:page"], "metrics": ["visitors", "events"] });
        question.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        world.check(question, expected);
    };
    check(json!({}), json!([["/a", 3, 3], ["/b", 2, 3], ["/thanks", 1, 1]]));
    check(
        json!({ "order_by": [["visitors", "asc"]] }),
        json!([["/thanks", 1, 1], ["/b", 2, 3], ["/a", 3, 3]]),
    );
    check(
        json!({ "order_by": [["events", "desc"], ["event:page", "desc"]] }),
        json!([["/b", 2, 3], ["/a", 3, 3], ["/thanks", 1, 1]]),
    );
    let page =
        json!({ "pagination": { "limit": 1, "offset": 1 }, "include": { "total_rows": true } });
    check(page.clone(), json!([["/b", 2, 3]]));
    let mut question = page;
    question["dimensions"] = json!(["event:page"]);
    assert_eq!(world.ask(&question)["meta"], json!({ "total_rows": 3 }));
    check(json!({ "pagination": { "offset": 3 } }), json!([]));
    // Time comes first, in ascending order.
    world.check(
        json!({ "dimensions": ["visit:source", "time:day"] }),
        json!([
            ["Direct / None", "2026-11-18", 1],
            ["Google", "2026-11-18", 1],
            ["Google", "2026-11-19", 1],
            ["news", "2026-11-19", 1],
        ]),
    );
}

#[test]
fn sorts_missing_values_last() {
    let world = World::of_three();
    // In a comparison, a day without visits has a row without a duration.
    let check = |direction: &str, expected: [&str; 3]| {
        let answer = world.ask(&json!({
            "metrics": ["visit_duration"],
            "dimensions": ["time:day"],
            "date_range": ["2026-11-17", "2026-11-19"],
            "order_by": [["visit_duration", direction]],
            "include": { "comparisons": { "mode": "previous_period" } },
        }));
        let days = answer["results"].as_array().unwrap().iter().map(|row| &row["dimensions"][0]);
        assert_eq!(days.collect::<Vec<_>>(), expected, "{direction}");
    };
    check("asc", ["2026-11-18", "2026-11-19", "2026-11-17"]);
    check("desc", ["2026-11-19", "2026-11-18", "2026-11-17"]);
}

#[test]
fn groups_by_time() {
    let world = World::of_three();
    let metrics = json!(["visitors", "visits", "pageviews"]);
    let check = |dimension: &str, range: Value, expected: Value| {
        let question =
            json!({ "dimensions": [dimension], "metrics": metrics, "date_range": range });
        world.check(question, expected);
    };
    let days = json!(["2026-11-18", "2026-11-19"]);
    check("time:day", days.clone(), json!([["2026-11-18", 2, 2, 3], ["2026-11-19", 2, 2, 3]]));
    check(
        "time:hour",
        days.clone(),
        json!([
            ["2026-11-18 09:00:00", 1, 1, 2],
            ["2026-11-18 10:00:00", 1, 1, 1],
            ["2026-11-19 08:00:00", 1, 1, 1],
            ["2026-11-19 23:00:00", 1, 1, 2],
        ]),
    );
    check(
        "time:minute",
        json!(["2026-11-19T23:45:00Z", "2026-11-19T23:59:59Z"]),
        json!([["2026-11-19 23:50:00", 1, 1, 1], ["2026-11-19 23:58:00", 1, 0, 1]]),
    );
    check("time:week", days.clone(), json!([["2026-11-18", 4, 4, 6]]));
    check("time:week", json!("30d"), json!([["2026-11-16", 4, 4, 6]]));
    check("time:month", days, json!([["2026-11-01", 4, 4, 6]]));
    // Two days get hours, a month gets days.
    check(
        "time",
        json!(["2026-11-19", "2026-11-19"]),
        json!([["2026-11-19 08:00:00", 1, 1, 1], ["2026-11-19 23:00:00", 1, 1, 2],]),
    );
    check("time", json!("month"), json!([["2026-11-18", 2, 2, 3], ["2026-11-19", 2, 2, 3]]));
    let answer = world.ask(&json!({
        "dimensions": ["time"],
        "date_range": ["2026-11-17", "2026-11-19"],
        "order_by": [["time", "desc"]],
        "include": { "time_labels": true, "total_rows": false },
    }));
    assert_eq!(
        answer["meta"],
        json!({ "time_labels": ["2026-11-17", "2026-11-18", "2026-11-19"] })
    );
    assert_eq!(answer["query"]["dimensions"], json!(["time:day"]));
    assert_eq!(answer["query"]["order_by"], json!([["time:day", "desc"]]));
    assert_eq!(answer["query"]["include"], json!({ "time_labels": true }));
    assert_eq!(answer["results"][0]["dimensions"], json!(["2026-11-19"]));
}

#[test]
fn answers_every_date_range() {
    let world = World::of_three();
    // It is Friday noon: ranges that end before today contain Wednesday and Thursday; the months before are empty.
    let check = |range: Value, views: u64| {
        world.check(json!({ "metrics": ["pageviews"], "date_range": range }), json!([[views]]));
    };
    for (range, views) in [
        ("day", 0),
        ("24h", 2),
        ("1d", 3),
        ("7d", 6),
        ("28d", 6),
        ("30d", 6),
        ("91d", 6),
        ("month", 6),
        ("6mo", 0),
        ("12mo", 0),
        ("year", 6),
    ] {
        check(json!(range), views);
    }
    check(json!(["2026-11-19", "2026-11-19"]), 3);
    check(json!(["2026-11-18T09:04:00Z", "2026-11-18T10:00:00Z"]), 2);
    check(json!(["2026-11-18T10:04:00+01:00", "2026-11-18T10:59:59+01:00"]), 1);
    // "all" begins with the first day that is rolled up.
    world.fold("2026-11-20T12:00:00Z");
    check(json!("all"), 6);
    check(json!("7d"), 6);
}

#[test]
fn days_follow_the_sites_time_zone() {
    // In Kathmandu, 5:45 ahead of UTC, Cid arrives on Friday at 5:35.
    let mut world = World::new("Asia/Kathmandu");
    world.add("2026-11-18T18:14:59Z", json!({ "v": 1, "p": "/" }));
    world.add("2026-11-18T18:15:00Z", json!({ "v": 2, "p": "/" }));
    let check = |world: &World, dimension: &str, range: Value, expected: Value| {
        world.check(json!({ "dimensions": [dimension], "date_range": range }), expected);
    };
    check(&world, "time:day", json!("7d"), json!([["2026-11-18", 1], ["2026-11-19", 1]]));
    let thursday = json!(["2026-11-19", "2026-11-19"]);
    check(&world, "time:hour", thursday.clone(), json!([["2026-11-19 00:00:00", 1]]));
    let answer = world.ask(&json!({ "date_range": thursday }));
    assert_eq!(
        answer["query"]["date_range"],
        json!(["2026-11-19T00:00:00+05:45", "2026-11-19T23:59:59+05:45"])
    );
}

#[test]
fn hours_can_repeat_or_be_skipped() {
    // On 25 October, clocks in Berlin go back from 3:00 to 2:00, at 1:00 UTC.
    let mut world = World::new("Europe/Berlin");
    for (visitor, at) in [
        "2026-10-24T22:00:00Z",
        "2026-10-25T00:30:00Z",
        "2026-10-25T01:30:00Z",
        "2026-10-25T22:59:59Z",
    ]
    .into_iter()
    .enumerate()
    {
        world.add(at, json!({ "v": visitor + 1, "p": "/" }));
    }
    let question = json!({
        "dimensions": ["time:hour"],
        "metrics": ["pageviews"],
        "date_range": ["2026-10-25", "2026-10-25"],
        "include": { "time_labels": true },
    });
    world.check(
        question.clone(),
        json!([
            ["2026-10-25 00:00:00", 1],
            ["2026-10-25 02:00:00", 1],
            ["2026-10-25 02:00:00", 1],
            ["2026-10-25 23:00:00", 1],
        ]),
    );
    assert_eq!(world.ask(&question)["meta"]["time_labels"].as_array().unwrap().len(), 25);
    let spring = json!({
        "dimensions": ["time:hour"],
        "date_range": ["2026-03-29", "2026-03-29"],
        "include": { "time_labels": true },
    });
    let labels = world.ask(&spring)["meta"]["time_labels"].clone();
    assert_eq!(labels.as_array().unwrap().len(), 23);
    assert_eq!(
        (&labels[1], &labels[2]),
        (&json!("2026-03-29 01:00:00"), &json!("2026-03-29 03:00:00"))
    );
}

#[test]
fn compares_with_other_periods() {
    let world = World::of_three();
    let thursday = json!(["2026-11-19", "2026-11-19"]);
    let compared = |more: Value| {
        let mut question = json!({
            "date_range": thursday,
            "metrics": ["pageviews", "bounce_rate", "visit_duration"],
            "include": { "comparisons": { "mode": "previous_period" } },
        });
        question.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        world.ask(&question)["results"].clone()
    };
    // Thursday: a bounce and a visit of 480 seconds. Wednesday: a bounce and one of 300.
    let change = json!({ "dimensions": [], "metrics": [3, 50, 150], "change": [0, 0, 60] });
    assert_eq!(
        compared(json!({})),
        json!([{ "dimensions": [], "metrics": [3, 50, 240], "comparison": change }])
    );
    let custom = json!({ "mode": "custom", "date_range": ["2026-11-18", "2026-11-18"] });
    let before = |include: Value| compared(json!({ "include": include }))[0]["comparison"].clone();
    assert_eq!(before(json!({ "comparisons": custom })), change);
    assert_eq!(before(json!({ "compare": "previous_period" })), change);
    assert_eq!(before(json!({ "compare": ["2026-11-18", "2026-11-18"] })), change);
    let nothing = json!({ "dimensions": [], "metrics": [0, 0, 0], "change": [100, null, 100] });
    let year = json!({ "mode": "year_over_year", "match_day_of_week": true });
    assert_eq!(before(json!({ "comparisons": year })), nothing);
    // The rows are those of the requested time.
    let pages = compared(json!({
        "dimensions": ["event:page"],
        "metrics": ["visitors", "percentage"],
        "pagination": { "limit": 2 },
    }));
    let page = |page: &str, now: Value, before: Value, change: Value| {
        let comparison = json!({ "dimensions": [page], "metrics": before, "change": change });
        json!({ "dimensions": [page], "metrics": now, "comparison": comparison })
    };
    let expected = json!([
        page("/a", json!([1, 50.0]), json!([2, 100.0]), json!([-50, -50])),
        page("/b", json!([1, 50.0]), json!([1, 50.0]), json!([0, 0])),
    ]);
    assert_eq!(pages, expected);
    // Grouped by time alone, every bar is present, even an empty one.
    let days = compared(json!({
        "dimensions": ["time:day"],
        "metrics": ["pageviews", "visit_duration"],
        "date_range": ["2026-11-19", "2026-11-20"],
    }));
    let day = |day: &str, other: &str, now: Value, before: Value, change: Value| {
        let comparison = json!({ "dimensions": [other], "metrics": before, "change": change });
        json!({ "dimensions": [day], "metrics": now, "comparison": comparison })
    };
    let expected = json!([
        day("2026-11-19", "2026-11-17", json!([3, 240]), json!([0, null]), json!([100, null])),
        day("2026-11-20", "2026-11-18", json!([0, null]), json!([3, 150]), json!([-100, null])),
    ]);
    assert_eq!(days, expected);
    // Conversions are compared too: 1 of 2 on Thursday, and 1 of 2 on Wednesday.
    let rates = compared(json!({
        "metrics": ["conversion_rate", "group_conversion_rate"],
        "filters": [["contains", "event:goal", ["Order", "signup"]]],
    }));
    assert_eq!(rates[0]["metrics"], json!([50.0, 50.0]));
    assert_eq!(rates[0]["comparison"]["metrics"], json!([50.0, 50.0]));
    assert_eq!(rates[0]["comparison"]["change"], json!([0.0, 0]));
}

#[test]
fn returns_included_metadata() {
    let world = World::of_three();
    let meta = |include: Value| world.ask(&json!({ "include": include }))["meta"].clone();
    let imports = meta(json!({ "imports": true }));
    assert_eq!(imports["imports_included"], json!(false));
    assert_eq!(imports["imports_skip_reason"], json!("no_imported_data"));
    assert_eq!(meta(json!({ "imports": false, "total_rows": null })), json!({}));
    let trimmed = world.ask(&json!({
        "date_range": "month",
        "dimensions": ["time:day"],
        "include": { "time_labels": true, "trim_relative_date_range": true },
    }));
    assert_eq!(trimmed["meta"]["time_labels"].as_array().unwrap().len(), 20);
}

#[test]
fn errors_name_the_invalid_key() {
    let world = World::of_three();
    let check = |question: Value, expected: &str| {
        let (status, answer) = world.post(filled(&question).to_string());
        let error = answer["error"].as_str().unwrap_or_else(|| panic!("{question}: {answer}"));
        assert_eq!(status, 400, "{question}: {error}");
        assert!(error.contains(expected), "{question}: {error}");
        assert_eq!(answer.as_object().unwrap().len(), 1);
    };
    check(
        json!({ "metrics": ["visitors", "baa"] }),
        r##"#/metrics/1: Invalid metric "baa": use visitors"##,
    );
    check(json!({ "metrics": ["total_revenue"] }), "#/metrics/0");
    check(json!({ "metrics": ["exit_rate"] }), "exit rates are not counted");
    check(json!({ "metrics": [] }), "#/metrics");
    check(json!({ "metrics": [1] }), "#/metrics/0");
    check(json!({ "metrics": "visitors" }), "#/metrics");
    check(json!({ "metrics": ["visits", "visits"] }), "#/metrics: Expected items to be unique");
    check(
        json!({ "metrics": ["conversion_rate"] }),
        "#/metrics: Metric `conversion_rate` can only be queried with event:goal filters or dimensions",
    );
    check(
        json!({
            "metrics": ["group_conversion_rate"],
            "filters": [["has_done", ["is", "event:goal", ["signup"]]]],
        }),
        "event:goal filters or dimensions",
    );
    check(
        json!({
            "metrics": ["conversion_rate"],
            "dimensions": ["event:goal"],
            "filters": [["not", ["is", "event:props:plan", ["pro"]]]],
        }),
        "only be filtered at the top level",
    );
    check(
        json!({ "dimensions": ["badproperty"] }),
        r##"#/dimensions/0: Invalid dimension "badproperty""##,
    );
    check(
        json!({ "dimensions": ["event:props:"] }),
        r##"#/dimensions/0: Invalid dimension "event:props:""##,
    );
    check(json!({ "dimensions": ["visit:city"] }), "personal data");
    check(json!({ "dimensions": ["time:year"] }), "time:month");
    check(json!({ "dimensions": ["time:day", "time:hour"] }), "at most one time dimension");
    check(
        json!({ "dimensions": ["event:page", "event:page"] }),
        "#/dimensions: Expected items to be",
    );
    check(json!({ "dimensions": "event:page" }), "#/dimensions: Invalid dimensions");
    check(
        json!({ "dimensions": (0..9).map(|n| format!("event:props:{n}")).collect::<Vec<_>>() }),
        "at most 8",
    );
    check(json!({ "dimensions": ["time:minute"], "date_range": "year" }), "at most 10000 values");
    check(
        json!({ "date_range": "bad_period" }),
        r##"#/date_range: Invalid date range "bad_period": use "day""##,
    );
    check(json!({ "date_range": ["2026-11-19", "2026-11-18"] }), "the end is before the start");
    check(json!({ "date_range": ["2026-11-19"] }), "#/date_range");
    check(json!({ "date_range": 7 }), "#/date_range");
    check(json!({ "filters": [["is", "event:page", "/a"]] }), "#/filters/0: Invalid filter");
    check(json!({ "filters": {} }), "#/filters");
    check(json!({ "filters": [["matches", "event:page", ["("]]] }), "invalid regular expression");
    check(
        json!({ "order_by": [["visits", "desc"]] }),
        r##"#/order_by/0: Invalid order_by entry ["visits","desc"]"##,
    );
    check(json!({ "order_by": [["visitors", "up"]] }), "#/order_by/0");
    check(json!({ "order_by": ["visitors"] }), "#/order_by/0");
    check(json!({ "order_by": {} }), "#/order_by");
    check(json!({ "pagination": { "limit": 0 } }), "#/pagination/limit");
    check(json!({ "pagination": { "limit": 10_001 } }), "limit from 1 to 10000");
    check(json!({ "pagination": { "offset": -1 } }), "#/pagination/offset");
    check(json!({ "pagination": { "page": 1 } }), "#/pagination/page");
    check(json!({ "pagination": 7 }), "#/pagination");
    check(json!({ "include": { "time_labels": true } }), "requires a time dimension");
    check(json!({ "include": { "imports": "yes" } }), "#/include/imports");
    check(json!({ "include": { "other": true } }), "#/include/other: unknown key");
    check(json!({ "include": { "comparisons": { "mode": "other" } } }), "#/include/comparisons");
    check(json!({ "include": { "comparisons": { "mode": "custom" } } }), "#/include/comparisons");
    check(
        json!({ "include": { "comparisons": { "mode": "previous_period", "x": 1 } } }),
        "#/include/comparisons",
    );
    check(json!({ "include": { "compare": "other" } }), "#/include/compare");
    check(json!({ "include": [] }), "#/include");
    check(json!({ "limit": 10 }), "#/limit: unknown key; write \"pagination\"");
    check(json!({ "Metrics": [] }), "#/Metrics: unknown key; use site_id");

    let error = |body: &[u8]| {
        let (status, answer) = world.post(body);
        (status, answer["error"].as_str().unwrap().to_owned())
    };
    let missing = filled(&json!({}));
    for key in ["metrics", "date_range"] {
        let mut body = missing.clone();
        body.as_object_mut().unwrap().remove(key);
        let (status, message) = error(body.to_string().as_bytes());
        assert_eq!(status, 400);
        assert!(
            message.contains(&format!("#/{key}: Required property {key} was not present")),
            "{message}"
        );
    }
    for body in ["", "[]", "{", "null", "7", "\u{feff}{}", &"[".repeat(10_000)] {
        assert_eq!(error(body.as_bytes()).0, 400, "{body:.20}");
    }
    assert_eq!(error(b"\xff").0, 400);
    let long = filled(&json!({ "filters": [["is", "event:page", ["x".repeat(65_536)]]] }));
    assert_eq!(error(long.to_string().as_bytes()).0, 413);
}

#[test]
fn limits_the_number_of_groups() {
    let mut world = World::new("UTC");
    for number in 0..25_100 {
        let props = json!([["x", number.to_string()]]);
        world.add(
            "2026-11-18T09:00:00Z",
            json!({ "v": 1 + number / 200, "p": "/", "n": "signup", "m": props }),
        );
    }
    // For each group: its row, the row of possible converters, and both for the other time.
    let question = |limit: u64| {
        filled(&json!({
            "metrics": ["events", "group_conversion_rate"],
            "dimensions": ["event:goal", "event:props:x"],
            "filters": [["matches_not", "event:props:x", ["^1234.$"]]],
            "include": {
                "total_rows": true,
                "comparisons": { "mode": "custom", "date_range": ["2026-11-18", "2026-11-18"] },
            },
            "pagination": { "limit": limit },
        }))
    };
    let (status, answer) = world.post(question(2).to_string());
    assert_eq!(status, 400);
    let error = answer["error"].as_str().unwrap();
    assert!(
        error.starts_with(
            "#/dimensions: these dimensions have more than 100000 combinations of values"
        ),
        "{error}"
    );
    // Without a comparison it is answered, with at most 10,000 rows.
    let mut question = question(10_000);
    question["include"] = json!({ "total_rows": true });
    let (status, answer) = world.post(question.to_string());
    assert_eq!((status, answer["results"].as_array().unwrap().len()), (200, 10_000));
    assert_eq!(answer["meta"]["total_rows"], json!(25_090));
    assert_eq!(
        answer["results"][0],
        json!({ "dimensions": ["signup", "0"], "metrics": [1, 100.0] })
    );
}

#[test]
fn warns_of_unreadable_data() {
    let mut world = World::of_three();
    world.add_unreadable("2026-11-19T12:00:00Z");
    let answer = world.ask(&json!({}));
    assert_eq!(answer["results"][0]["metrics"], json!([4]));
    let warning = answer["meta"]["warning"].as_str().unwrap();
    assert!(warning.starts_with("1 hits and 0 segments could not be read"), "{warning}");
    let (_, answer) = world.get("/api/v1/stats/aggregate", "site_id=example.com");
    assert_eq!(answer["warning"], json!(warning));
}

/// A store that fails at everything.
#[derive(Clone)]
struct Broken(StoreError);

impl Store for Broken {
    async fn put(&self, _: Item) -> Result<(), StoreError> {
        Err(self.0.clone())
    }

    async fn put_all(&self, _: Vec<Item>) -> Result<(), StoreError> {
        Err(self.0.clone())
    }

    async fn put_if_absent(&self, _: Item) -> Result<PutOutcome, StoreError> {
        Err(self.0.clone())
    }

    async fn compare_and_set(&self, _: Item, _: &[u8]) -> Result<bool, StoreError> {
        Err(self.0.clone())
    }

    async fn query(&self, _: &KeyRange, _: Option<&str>) -> Result<Page, StoreError> {
        Err(self.0.clone())
    }

    async fn delete(&self, _: &Key) -> Result<(), StoreError> {
        Err(self.0.clone())
    }
}

/// As in `dev`.
fn access<'a>(settings: &'a Settings, store: &'a Broken) -> Authenticator<'a, Broken> {
    Authenticator { store, settings, mode: AccessMode::Open, now: NOW.parse().unwrap() }
}

#[tokio::test]
async fn store_errors_reveal_nothing() {
    let settings = Settings::from_yaml("sites: [{domain: example.com}]").unwrap();
    let request = post(filled(&json!({})).to_string());
    let secret = || "arn:aws:…".to_owned();
    for (error, status) in
        [(StoreError::Unavailable(secret()), 503), (StoreError::Refused(secret()), 500)]
    {
        let store = Broken(error);
        let answer = stats_api::handle(access(&settings, &store), &request).await;
        let answer = answer.unwrap();
        assert_eq!(answer.status().as_u16(), status);
        let body: Value = serde_json::from_slice(answer.body()).unwrap();
        assert!(!body["error"].as_str().unwrap().contains("arn"), "{body}");
    }
    let other = footfall_testkit::request::dashboard("");
    let store = Broken(StoreError::Refused(secret()));
    assert!(stats_api::handle(access(&settings, &store), &other).await.is_none());
}

#[test]
fn tokens_open_only_their_site() {
    let mut world = World::of_three();
    world.door = AccessMode::Closed;
    let secret = world.token("example.com");
    let check = |token: Option<&str>, site: &str, expected: u16| {
        let bearer = token.map(|token| format!("Bearer {token}"));
        let sent: Vec<_> = bearer.iter().map(|it| ("authorization", it.as_str())).collect();
        let v2 = post(filled(&json!({ "site_id": site })).to_string());
        let v1 = get("/api/v1/stats/aggregate", &format!("site_id={site}"));
        for mut request in [v2, v1] {
            request.headers = headers(&sent);
            let (status, answer) = world.answer(&request);
            assert_eq!(status, expected, "{} {token:?} {site}: {answer}", request.path);
            assert_eq!(answer["error"].is_string(), expected != 200);
        }
    };
    check(Some(&secret), "example.com", 200);
    check(Some(&secret), "other.example", 403);
    check(Some(&secret), "not.there", 403);
    check(Some(&secret), "", 400);
    check(Some("nonsense"), "example.com", 401);
    check(None, "example.com", 401);
    check(None, "not.there", 401);
    check(None, "", 401);
    // Without access, nobody learns whether the question was valid.
    assert_eq!(world.post("{").0, 401);
}

#[test]
fn engagement_averages_views_that_report_it() {
    let mut world = World::of_three();
    // Ann views /a for 4 seconds and sees half of it; Bob for 9.5 seconds and all of it; Cid sends nothing.
    world.engage("2026-11-18T09:03:00Z", 1, "/a", 50, 4000);
    world.engage("2026-11-18T10:01:00Z", 2, "/a", 100, 9500);
    let metrics = ["visitors", "events", "time_on_page", "scroll_depth"];
    world.check(
        json!({ "metrics": metrics, "dimensions": ["event:page"] }),
        json!([["/a", 3, 3, 7, 75], ["/b", 2, 3, null, null], ["/thanks", 1, 1, null, null]]),
    );
    world.check(
        json!({ "metrics": metrics, "filters": [["is", "visit:country", ["DE"]]] }),
        json!([[2, 4, 4, 50]]),
    );
}

#[test]
fn rejects_unknown_sites() {
    let world = World::of_three();
    let ask = |site: Value| {
        let (status, answer) = world.post(filled(&json!({ "site_id": site })).to_string());
        (status, answer["error"].as_str().unwrap_or_default().to_owned())
    };
    assert_eq!(ask(json!("other.example")).0, 200);
    for site in [json!("elsewhere.example"), json!("EXAMPLE.com "), json!("*")] {
        let (status, error) = ask(site);
        assert_eq!(status, 404);
        assert!(error.contains("the sites are example.com, other.example"), "{error}");
    }
    for site in [json!(""), json!(null), json!(7)] {
        let (status, error) = ask(site);
        assert_eq!(status, 400);
        assert!(error.starts_with("Missing site ID."), "{error}");
    }
}
