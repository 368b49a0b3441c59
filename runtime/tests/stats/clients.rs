//! Requests of published clients, copied from each client's code.

use serde_json::{Value, json};

use super::world::{World, get, post};
use footfall_testkit::request::headers;

/// `plausible-mcp` 0.1.2 from PyPI (`plausible_mcp/server.py`, `make_plausible_request`), a client of v1.
#[test]
fn answers_plausible_mcp() {
    let world = World::of_three();
    let ask = |target: &str| {
        let (path, query) = target.split_once('?').unwrap();
        let mut request = get(path, query);
        request.headers = headers(&[
            ("authorization", "Bearer secret"),
            ("user-agent", "plausible-mcp/0.1.2"),
            ("accept", "application/json"),
        ]);
        let (status, answer) = world.answer(&request);
        assert_eq!(status, 200, "{target}: {answer}");
        answer
    };
    // get_aggregate_stats flattens {"visitors": {"value": 4}}.
    let totals = ask("/api/v1/stats/aggregate?site_id=example.com&period=30d\
         &metrics=visitors%2Cpageviews%2Cbounce_rate%2Cvisit_duration");
    let value = |name: &str| totals["results"][name]["value"].clone();
    let values = ["visitors", "pageviews", "bounce_rate", "visit_duration"].map(value);
    assert_eq!(Value::from(values.to_vec()), json!([4, 6, 50, 195]));
    // get_breakdown expects a list of flat rows.
    let pages = ask(
        "/api/v1/stats/breakdown?site_id=example.com&property=event%3Apage&period=30d&limit=20",
    );
    assert_eq!(pages["results"][0], json!({ "page": "/a", "visitors": 3 }));
    let systems = ask(
        "/api/v1/stats/breakdown?site_id=example.com&property=visit%3Aos&period=custom&limit=20\
         &date=2026-11-18%2C2026-11-18",
    );
    let expected = json!([{ "os": "Linux", "visitors": 1 }, { "os": "iOS", "visitors": 1 }]);
    assert_eq!(systems["results"], expected);
    // get_timeseries expects a list of rows with dates.
    let days = ask("/api/v1/stats/timeseries?site_id=example.com&period=7d&interval=date");
    assert_eq!(days["results"].as_array().unwrap().len(), 7);
    assert_eq!(days["results"][6], json!({ "date": "2026-11-19", "visitors": 2 }));
    // get_realtime_visitors expects a bare number.
    assert_eq!(ask("/api/v1/stats/realtime/visitors?site_id=example.com"), json!(0));
}

/// `airbyte-source-plausible` 0.1.14 from PyPI (`source_plausible/manifest.yaml`), a client of v1. It requests every
/// day since 2019 and drops days whose bounce rate is null.
#[test]
fn answers_airbyte_source_plausible() {
    let world = World::of_three();
    let mut request = get(
        "/api/v1/stats/timeseries",
        "site_id=example.com&period=custom&metrics=visitors%2Cpageviews%2Cbounce_rate%2Cvisit_duration%2Cvisits\
         &date=2019-01-01%2C2026-11-20",
    );
    request.headers = headers(&[("authorization", "Bearer secret")]);
    let (status, answer) = world.answer(&request);
    assert_eq!(status, 200);
    let days = answer["results"].as_array().unwrap();
    assert_eq!(days.len(), 2881);
    let last = json!({
        "date": "2026-11-19",
        "visitors": 2,
        "pageviews": 3,
        "bounce_rate": 50,
        "visit_duration": 240,
        "visits": 2,
    });
    assert_eq!(days[2879], last);
}

/// The crate `plausible-cli` 2.0.0 (`src/client/mod.rs`, `StatsQueryPayload`), a client of v2.
#[test]
fn answers_plausible_cli() {
    let world = World::of_three();
    let ask = |body: Value| {
        let mut request = post(body.to_string());
        request.headers =
            headers(&[("authorization", "Bearer test-key"), ("content-type", "application/json")]);
        let (status, answer) = world.answer(&request);
        assert_eq!(status, 200, "{answer}");
        answer
    };
    // stats aggregate
    let answer = ask(json!({
        "site_id": "example.com",
        "metrics": ["visitors", "pageviews"],
        "date_range": "30d",
    }));
    assert_eq!(answer["results"], json!([{ "dimensions": [], "metrics": [4, 6] }]));
    // stats timeseries
    let answer = ask(json!({
        "site_id": "example.com",
        "metrics": ["visitors"],
        "date_range": "30d",
        "dimensions": ["time:day"],
        "include": { "time_labels": true },
    }));
    assert_eq!(answer["results"][0], json!({ "dimensions": ["2026-11-18"], "metrics": [2] }));
    assert_eq!(answer["meta"]["time_labels"].as_array().unwrap().len(), 30);
    // stats breakdown
    let answer = ask(json!({
        "site_id": "example.com",
        "metrics": ["visitors"],
        "date_range": "30d",
        "dimensions": ["event:page"],
        "order_by": [["visitors", "desc"]],
        "include": { "total_rows": true },
    }));
    assert_eq!(answer["results"][0], json!({ "dimensions": ["/a"], "metrics": [3] }));
    assert_eq!(answer["meta"]["total_rows"], json!(3));
}
