//! Properties of all traffic and all questions.

use std::cell::RefCell;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::world::{World, filled, get};

/// Hits of a few visitors over three days.
fn hits() -> impl Strategy<Value = Vec<(i64, Value)>> {
    let pick = |from: &'static [&'static str]| {
        proptest::option::of(proptest::sample::select(from)).prop_map(|text| json!(text))
    };
    let hit = (
        0..3 * 1440_i64,
        1..5_u64,
        proptest::sample::select(&["/", "/a", "/thanks"][..]),
        pick(&["signup", "click"]),
        pick(&["Google", "Bing", "t.co"]),
        pick(&["DE", "FR"]),
    );
    let hit = hit.prop_map(|(minute, visitor, page, event, source, country)| {
        let hit = json!({ "v": visitor, "p": page, "n": event, "s": source, "c": country });
        (minute, hit)
    });
    proptest::collection::vec(hit, 0..40)
}

fn world_of(zone: &str, hits: Vec<(i64, Value)>) -> World {
    let mut world = World::new(zone);
    let start: jiff::Timestamp = "2026-11-17T00:00:00Z".parse().unwrap();
    for (minute, hit) in hits {
        let at = start + jiff::SignedDuration::from_mins(minute);
        world.add(&at.to_string(), hit);
    }
    world
}

const METRICS: [&str; 6] =
    ["visitors", "visits", "pageviews", "views_per_visit", "bounce_rate", "visit_duration"];

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    #[test]
    fn totals_match_the_dashboard_and_rows_add_up(
        hits in hits(),
        zone in proptest::sample::select(&["UTC", "Asia/Kathmandu", "America/New_York"][..]),
    ) {
        let world = world_of(zone, hits);
        let days = json!(["2026-11-17", "2026-11-18"]);
        let ask = |more: Value| {
            let mut question = json!({ "metrics": METRICS, "date_range": days });
            question.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            world.ask(&question)["results"].as_array().unwrap().clone()
        };
        let total = &ask(json!({}))[0]["metrics"];

        let (_, report) =
            world.answer(&get("/dashboard", "from=2026-11-17&to=2026-11-18&format=json"));
        let totals = &report["totals"];
        prop_assert_eq!(&total[0], &totals["visitors"]);
        prop_assert_eq!(&total[1], &totals["visits"]);
        prop_assert_eq!(&total[2], &totals["views"]);
        for (place, name, parts) in
            [(3, "views_per_visit", 0.011), (4, "bounce_rate", 0.55), (5, "visit_duration", 0.55)]
        {
            // The dashboard rounds less, or the other half up, and has no value without visits.
            let (theirs, ours) = (total[place].as_f64(), totals[name].as_f64().unwrap_or(0.0));
            prop_assert!((theirs.unwrap() - ours).abs() <= parts, "{} {} {}", name, total, totals);
        }

        // Dimensions of visits divide visits, visitors and views; dimensions of hits divide views alone; time divides
        // visits and views.
        let sum = |rows: &[Value], place: usize| -> u64 {
            rows.iter().map(|row| row["metrics"][place].as_u64().unwrap()).sum()
        };
        for (dimensions, visits) in [
            (json!(["visit:source"]), true),
            (json!(["visit:country", "visit:entry_page"]), true),
            (json!(["time:day"]), true),
            (json!(["time:hour", "visit:source"]), true),
            (json!(["event:page"]), false),
            (json!(["event:name", "time:day"]), false),
        ] {
            let rows = ask(json!({ "dimensions": dimensions }));
            prop_assert_eq!(json!(sum(&rows, 2)), total[2].clone(), "{}", dimensions);
            if visits {
                prop_assert_eq!(json!(sum(&rows, 1)), total[1].clone(), "{}", dimensions);
            } else {
                prop_assert!(sum(&rows, 1) >= total[1].as_u64().unwrap());
            }
            prop_assert!(sum(&rows, 0) >= total[0].as_u64().unwrap());
        }

        // A filter and its opposite divide the hits.
        let pages = |operator: &str| {
            let rows = ask(json!({ "filters": [[operator, "event:page", ["/a"]]] }));
            rows[0]["metrics"][2].as_u64().unwrap()
        };
        prop_assert_eq!(json!(pages("is") + pages("is_not")), total[2].clone());
    }
}

/// Arbitrary JSON that contains words of the API.
fn json_value() -> impl Strategy<Value = Value> {
    let words = &[
        "visitors",
        "conversion_rate",
        "event:page",
        "event:goal",
        "visit:country_name",
        "time",
        "time:week",
        "is",
        "and",
        "not",
        "has_done",
        "matches",
        "7d",
        "all",
        "2026-11-18",
        "9999-12-31",
        "0000-00-00",
        "-009999-01-01",
        "2026-11-18T00:00:00Z",
        "desc",
        "previous_period",
        "year_over_year",
        "custom",
        "signup",
        "",
        "(",
        "\u{0}",
    ][..];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        proptest::sample::select(words).prop_map(Value::from),
        "\\PC{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 4, move |inner| {
        let key = prop_oneof![
            proptest::sample::select(
                &[
                    "mode",
                    "date_range",
                    "limit",
                    "offset",
                    "comparisons",
                    "compare",
                    "time_labels",
                    "case_sensitive"
                ][..]
            )
            .prop_map(str::to_owned),
            "\\PC{0,6}",
        ];
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::vec((key, inner), 0..4)
                .prop_map(|pairs| Value::Object(pairs.into_iter().collect())),
        ]
    })
}

/// A request with every key.
fn whole() -> Value {
    filled(&json!({
        "metrics": ["visitors", "conversion_rate", "percentage"],
        "date_range": ["2026-11-18", "2026-11-19"],
        "dimensions": ["time:day", "visit:country_name", "event:goal"],
        "filters": [
            ["or", [["is", "event:page", ["/a"], { "case_sensitive": false }], ["is", "visit:source", ["X"]]]],
            ["has_not_done", ["matches", "event:name", ["^x"]]],
        ],
        "order_by": [["visitors", "desc"], ["time:day", "asc"]],
        "include": {
            "time_labels": true,
            "total_rows": true,
            "comparisons": { "mode": "custom", "date_range": ["2026-11-17", "2026-11-18"] },
        },
        "pagination": { "limit": 5, "offset": 0 },
    }))
}

/// JSON pointers to every place in a value.
fn places(value: &Value, at: &str, to: &mut Vec<String>) {
    to.push(at.to_owned());
    match value {
        Value::Array(list) => {
            for (place, value) in list.iter().enumerate() {
                places(value, &format!("{at}/{place}"), to);
            }
        }
        Value::Object(map) => map.iter().for_each(|(key, value)| {
            places(value, &format!("{at}/{}", key.replace('~', "~0").replace('/', "~1")), to);
        }),
        _ => {}
    }
}

thread_local! {
    static THREE: RefCell<World> = RefCell::new(World::of_three());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn answers_arbitrary_requests_without_crashing(
        mutations in proptest::collection::vec((any::<prop::sample::Index>(), json_value()), 0..3),
    ) {
        let mut body = whole();
        for (index, value) in mutations {
            let mut all = Vec::new();
            places(&body, "", &mut all);
            let at: &String = index.get(&all);
            *body.pointer_mut(at).unwrap() = value;
        }
        THREE.with_borrow(|world| {
            let (status, answer) = world.post(body.to_string());
            match status {
                200 => prop_assert!(answer["results"].is_array(), "{}: {}", body, answer),
                400 | 404 => {
                    let error = answer["error"].as_str().unwrap_or_default();
                    prop_assert!(!error.is_empty() && error.len() < 2000, "{}: {}", body, answer);
                }
                _ => prop_assert!(false, "{}: {} {}", body, status, answer),
            }
            Ok(())
        })?;
    }

    #[test]
    fn whatever_v1_is_asked_is_answered(
        period in "(day|7d|6mo|custom|all|\\PC{0,8})",
        date in "(2026-11-19|2026-11-18,2026-11-19|9999-12-31|-009999-01-01|\\PC{0,12})",
        filters in "((event:page|visit:country|event:goal|x)(==|!=)(/a|\\*|DE|signup|\\PC{0,6})[;|]?){0,3}",
        property in "(event:page|visit:os_version|event:props:x|event:goal|\\PC{0,8})",
        page in "(1|2|18446744073709551615|-1)",
    ) {
        let query = url::form_urlencoded::Serializer::new("site_id=example.com".to_owned())
            .extend_pairs([
                ("period", period.as_str()),
                ("date", date.as_str()),
                ("filters", filters.as_str()),
                ("property", property.as_str()),
                ("page", page.as_str()),
                ("compare", "previous_period"),
            ])
            .finish();
        THREE.with_borrow(|world| {
            for endpoint in ["aggregate", "timeseries", "breakdown"] {
                let (status, answer) = world.get(&format!("/api/v1/stats/{endpoint}"), &query);
                prop_assert!([200, 400].contains(&status), "{}: {}", query, answer);
            }
            Ok(())
        })?;
    }
}

#[test]
fn answers_a_request_with_every_key() {
    let (status, answer) = World::of_three().post(whole().to_string());
    assert_eq!(status, 200, "{answer}");
}
