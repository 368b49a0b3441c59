//! Requests to pass to a handler directly, without a server.

use footfall_runtime::platform::http::Request;
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::FIREFOX;

/// Returns a hit from Firefox at an address reserved for documentation.
pub fn post(body: impl Into<Vec<u8>>) -> Request {
    Request {
        method: "POST".to_owned(),
        path: "/track".to_owned(),
        query: String::new(),
        headers: headers(&[("user-agent", FIREFOX), ("content-type", "text/plain")]),
        body: body.into(),
        peer: "192.0.2.1".parse().unwrap(),
    }
}

/// Returns a request for the dashboard with a query such as `days=1&format=json`.
pub fn dashboard(query: &str) -> Request {
    Request {
        method: "GET".to_owned(),
        path: "/dashboard".to_owned(),
        query: query.to_owned(),
        headers: HeaderMap::new(),
        body: Vec::new(),
        peer: "192.0.2.1".parse().unwrap(),
    }
}

/// Returns a header map of these names and values.
pub fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in pairs {
        let name = HeaderName::try_from(*name).unwrap();
        headers.append(name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
    }
    headers
}
