//! `GET /api/v1/stats/…`, the API for old clients.

use footfall_infra::api::ROUTES;
use footfall_infra::function::Function;
use footfall_runtime::platform::http::Request;
use serde_json::{Value, json};

use super::world::{World, get};

#[track_caller]
fn results(world: &World, endpoint: &str, query: &str) -> Value {
    let query = format!("site_id=example.com&{query}");
    let (status, answer) = world.get(&format!("/api/v1/stats/{endpoint}"), &query);
    assert_eq!(status, 200, "{query}: {answer}");
    answer["results"].clone()
}

#[test]
fn aggregates_a_period() {
    let world = World::of_three();
    let check = |query: &str, expected: Value| {
        assert_eq!(results(&world, "aggregate", query), expected, "{query}");
    };
    check("period=7d", json!({ "visitors": { "value": 4 } }));
    check("", json!({ "visitors": { "value": 4 } }));
    check(
        "period=7d&metrics=visitors,visits,pageviews,views_per_visit,bounce_rate,visit_duration,events",
        json!({
            "visitors": { "value": 4 },
            "visits": { "value": 4 },
            "pageviews": { "value": 6 },
            "views_per_visit": { "value": 1.5 },
            "bounce_rate": { "value": 50 },
            "visit_duration": { "value": 195 },
            "events": { "value": 7 },
        }),
    );
    check("period=day&date=2026-11-18", json!({ "visitors": { "value": 2 } }));
    check("period=1d&date=2026-11-19", json!({ "visitors": { "value": 2 } }));
    check("period=custom&date=2026-11-18,%202026-11-19", json!({ "visitors": { "value": 4 } }));
    check("period=custom&from=2026-11-19&to=2026-11-20", json!({ "visitors": { "value": 2 } }));
    check("period=month&date=2026-10-31", json!({ "visitors": { "value": 0 } }));
    check("period=6mo&date=2026-12-01", json!({ "visitors": { "value": 4 } }));
    check(
        "period=day&date=2026-11-19&metrics=pageviews,visit_duration&compare=previous_period",
        json!({
            "pageviews": { "value": 3, "comparison_value": 3, "change": 0 },
            "visit_duration": { "value": 240, "comparison_value": 150, "change": 60 },
        }),
    );
    check(
        "period=7d&metrics=visitors,conversion_rate&filters=event:goal%3D%3Dsignup",
        json!({ "visitors": { "value": 1 }, "conversion_rate": { "value": 25.0 } }),
    );
    check("filters=event:page%3D%3D/b%7C/thanks", json!({ "visitors": { "value": 3 } }));
    check(
        "filters=event:page%3D%3D/t*s;visit:source!%3DGoogle",
        json!({ "visitors": { "value": 1 } }),
    );
}

#[test]
fn time_series_include_empty_intervals() {
    let world = World::of_three();
    let check = |query: &str, expected: Value| {
        assert_eq!(results(&world, "timeseries", query), expected, "{query}");
    };
    let nothing = |day: &str| json!({ "date": day, "visitors": 0, "visit_duration": null });
    check(
        "period=custom&date=2026-11-17,2026-11-20&metrics=visitors,visit_duration",
        json!([
            nothing("2026-11-17"),
            { "date": "2026-11-18", "visitors": 2, "visit_duration": 150 },
            { "date": "2026-11-19", "visitors": 2, "visit_duration": 240 },
            nothing("2026-11-20"),
        ]),
    );
    check(
        "period=6mo&date=2026-12-02",
        json!([
            { "date": "2026-06-01", "visitors": 0 },
            { "date": "2026-07-01", "visitors": 0 },
            { "date": "2026-08-01", "visitors": 0 },
            { "date": "2026-09-01", "visitors": 0 },
            { "date": "2026-10-01", "visitors": 0 },
            { "date": "2026-11-01", "visitors": 4 },
        ]),
    );
    let hours = results(&world, "timeseries", "period=day&date=2026-11-18&metrics=pageviews");
    assert_eq!(hours.as_array().unwrap().len(), 24);
    assert_eq!(hours[9], json!({ "date": "2026-11-18 09:00:00", "pageviews": 2 }));
    let days = results(&world, "timeseries", "period=30d&interval=date");
    assert_eq!(days.as_array().unwrap().len(), 30);
    // One of two visitors converts on each day.
    check(
        "period=custom&date=2026-11-18,2026-11-18&metrics=conversion_rate\
         &filters=event:goal%3D%3Dsignup%7COrder",
        json!([{ "date": "2026-11-18", "conversion_rate": 50.0 }]),
    );
}

#[test]
fn breaks_down_by_property() {
    let world = World::of_three();
    let check = |query: &str, expected: Value| {
        assert_eq!(
            results(&world, "breakdown", &format!("period=7d&{query}")),
            expected,
            "{query}"
        );
    };
    check(
        "property=event:page&metrics=visitors,pageviews&limit=2",
        json!([
            { "page": "/a", "visitors": 3, "pageviews": 3 },
            { "page": "/b", "visitors": 2, "pageviews": 2 },
        ]),
    );
    check("property=event:page&limit=2&page=2", json!([{ "page": "/thanks", "visitors": 1 }]));
    check(
        "property=visit:source&metrics=visitors,bounce_rate",
        json!([
            { "source": "Google", "visitors": 2, "bounce_rate": 50 },
            { "source": "Direct / None", "visitors": 1, "bounce_rate": 100 },
            { "source": "news", "visitors": 1, "bounce_rate": 0 },
        ]),
    );
    // Hits without country or campaign get no row.
    check(
        "property=visit:country",
        json!([{ "country": "DE", "visitors": 2 }, { "country": "FR", "visitors": 1 }]),
    );
    check("property=visit:utm_campaign", json!([{ "utm_campaign": "may", "visitors": 1 }]));
    check(
        "property=visit:browser_version&filters=visit:browser%3D%3DFirefox",
        json!([{ "browser": "Firefox", "browser_version": "151", "visitors": 2 }]),
    );
    check(
        "property=event:props:plan&filters=event:goal%3D%3Dsignup",
        json!([{ "plan": "pro", "visitors": 1 }]),
    );
    check(
        "property=event:goal&metrics=visitors,events,conversion_rate",
        json!([
            { "goal": "Order", "visitors": 1, "events": 1, "conversion_rate": 25.0 },
            { "goal": "signup", "visitors": 1, "events": 1, "conversion_rate": 25.0 },
        ]),
    );
    // One of the 2 visitors from Google has signed up.
    check(
        "property=visit:source&metrics=conversion_rate&filters=event:goal%3D%3Dsignup",
        json!([{ "source": "Google", "conversion_rate": 50.0 }]),
    );
}

#[test]
fn realtime_visitors_are_a_bare_number() {
    let mut world = World::of_three();
    let now = |world: &World| world.get("/api/v1/stats/realtime/visitors", "site_id=example.com");
    assert_eq!(now(&world), (200, json!(0)));
    world.add("2026-11-20T11:54:59Z", json!({ "v": 7, "p": "/" }));
    world.add("2026-11-20T11:55:00Z", json!({ "v": 8, "p": "/" }));
    world.add("2026-11-20T11:59:59Z", json!({ "v": 8, "p": "/" }));
    assert_eq!(now(&world), (200, json!(1)));
}

#[test]
fn rejects_invalid_requests() {
    let world = World::of_three();
    let check = |endpoint: &str, query: &str, expected: &str| {
        let query = format!("site_id=example.com&{query}");
        let (status, answer) = world.get(&format!("/api/v1/stats/{endpoint}"), &query);
        let error = answer["error"].as_str().unwrap_or_else(|| panic!("{query}: {answer}"));
        assert_eq!(status, 400, "{query}: {error}");
        assert!(error.contains(expected), "{query}: {error}");
    };
    check("aggregate", "period=bad", "Error parsing `period` parameter: invalid period `bad`");
    check("aggregate", "date=2021-dkjbAS", "Error parsing `date` parameter: invalid_format.");
    check("aggregate", "period=custom", "The `date` parameter is required");
    check("aggregate", "period=custom&date=2026-01-01", "Invalid format for `date` parameter.");
    check("aggregate", "period=custom&date=2026-01-02,2026-01-01", "the end is before the start");
    check("aggregate", "metrics=visitors,baa", "The metric `baa` is not recognized");
    check("aggregate", "metrics=visitors,visitors", "Metrics cannot be queried multiple times.");
    check("aggregate", "metrics=conversion_rate", "event:goal filters or dimensions");
    check("aggregate", "compare=next_period", "Error parsing `compare` parameter");
    check("aggregate", "filters=page%3D%3D/", "Invalid filter property 'page'");
    check(
        "aggregate",
        "filters=event:goal%3D%3Dx",
        "The goal `x` is not configured".trim_start_matches("The "),
    );
    check(
        "timeseries",
        "interval=alskd",
        "Error parsing `interval` parameter: invalid interval `alskd`",
    );
    check("breakdown", "", "The `property` parameter is required.");
    check("breakdown", "property=badproperty", "Invalid property 'badproperty'");
    check("breakdown", "property=event:props:", "Invalid property 'event:props:'");
    check("breakdown", "property=visit:city", "personal data");
    check("breakdown", "property=event:page&limit=1001", "limit as a number between 1 and 1000");
    check("breakdown", "property=event:page&page=0", "page as a positive number");

    for path in ["realtime/visitors", "aggregate", "timeseries", "breakdown"] {
        let path = format!("/api/v1/stats/{path}");
        assert_eq!(world.get(&path, "site_id=elsewhere.example").0, 404, "{path}");
        assert_eq!(world.get(&path, "").0, 400, "{path}");
    }
}

#[test]
fn answers_every_route_of_v1() {
    let world = World::new("UTC");
    let is_one = |path: &str| path.starts_with("/api/v1/stats/") || path == "/api/v2/query";
    let routes: Vec<_> = ROUTES.iter().filter(|route| is_one(route.path)).collect();
    assert_eq!(routes.len(), 5);
    for route in routes {
        assert_eq!(route.function, Function::Dashboard);
        let request = Request { method: route.method.to_owned(), ..get(route.path, "") };
        let (status, answer) = world.answer(&request);
        assert_eq!(status, 400, "{}", route.path);
        assert!(answer["error"].is_string(), "{answer}");
    }
}
