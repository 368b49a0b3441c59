//! Queries of the Stats API v2, from JSON to the answer.

use footfall_runtime::platform::http::Request;
use serde_json::Value;

use crate::site;
use footfall_testkit::request;

/// Checks that a query gets an answer or a 4xx error with a message.
///
/// An answer contains its query. Sending that gives the same answer, except for comparisons: the period before
/// "12mo" differs from the one before its 365 days.
pub fn check(body: &[u8]) {
    let (status, answer) = ask(body);
    if status != 200 {
        assert!((400..500).contains(&status), "{status}: {answer}");
        assert!(!answer["error"].as_str().unwrap().is_empty());
        return;
    }
    let asked = &answer["query"];
    let count = |key: &str| asked[key].as_array().unwrap().len();
    let (metrics, dimensions) = (count("metrics"), count("dimensions"));
    let results = answer["results"].as_array().unwrap();
    assert!(results.len() as u64 <= asked["pagination"]["limit"].as_u64().unwrap());
    for row in results {
        assert_eq!(row["metrics"].as_array().unwrap().len(), metrics);
        assert_eq!(row["dimensions"].as_array().unwrap().len(), dimensions);
    }
    let (status, mut again) = ask(asked.to_string().as_bytes());
    assert_eq!(status, 200, "{asked} is rejected: {again}");
    let mut answer = answer;
    for answer in [&mut again, &mut answer] {
        for row in answer["results"].as_array_mut().unwrap() {
            row.as_object_mut().unwrap().remove("comparison");
        }
    }
    assert_eq!(again, answer);
}

fn ask(body: &[u8]) -> (u16, Value) {
    let path = "/api/v2/query".to_owned();
    let body = body.to_vec();
    let request = Request { method: "POST".to_owned(), path, body, ..request::dashboard("") };
    let answer = site::answer(&request);
    (answer.status().as_u16(), site::json_of(&answer))
}
