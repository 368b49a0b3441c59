//! Requests and responses as plain values, the same for Lambda events and for connections to `dev`.

use std::borrow::Cow;
use std::fmt::Display;
use std::io::Write as _;
use std::net::IpAddr;

use flate2::Compression;
use flate2::write::GzEncoder;
use http::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HOST,
    HeaderName, HeaderValue, REFERRER_POLICY, USER_AGENT, VARY, X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderMap, StatusCode};

use crate::platform::log;

/// A complete request.
#[derive(Debug, Clone)]
pub struct Request {
    /// The method, in upper case.
    pub method: String,
    /// The path that the gateway matched.
    pub path: String,
    /// The query, without `?` and not yet decoded.
    pub query: String,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Vec<u8>,
    /// The IP address at the other end of the connection, as the gateway saw it. Clients cannot forge it.
    pub peer: IpAddr,
}

/// A complete response.
pub type Response = http::Response<Vec<u8>>;

impl Request {
    /// Returns the User-Agent. Bytes that are not UTF-8 are replaced, because such visitors count too.
    #[must_use]
    pub fn user_agent(&self) -> Option<Cow<'_, str>> {
        self.headers.get(USER_AGENT).map(|value| String::from_utf8_lossy(value.as_bytes()))
    }

    /// Returns a header's value. `None` if it is missing or not UTF-8. Browsers send only ASCII; other clients
    /// may send UTF-8.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        std::str::from_utf8(self.headers.get(name)?.as_bytes()).ok()
    }

    /// Returns the client's IP address, as seen by the outermost of `trusted` proxies of the owner.
    ///
    /// Each proxy appends its own client's address to `X-Forwarded-For`, and the gateway does the same
    /// (<https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-http.html>).
    /// So the client's address is `trusted` places before the last one. The client can forge every entry
    /// further left.
    #[must_use]
    pub fn client_address(&self, trusted: u8) -> IpAddr {
        if trusted == 0 {
            return self.peer;
        }
        let forwarded = self.headers.get_all("x-forwarded-for").iter();
        let forwarded = forwarded.filter_map(|value| value.to_str().ok());
        let mut chain: Vec<&str> = forwarded.flat_map(|v| v.split(',')).map(str::trim).collect();
        let peer = self.peer.to_string();
        if chain.last().is_some_and(|last| *last == peer) {
            chain.pop();
        }
        let client = chain.len().checked_sub(usize::from(trusted)).and_then(|at| chain.get(at));
        client.and_then(|address| parse_address(address)).unwrap_or(self.peer)
    }

    /// Returns the first value of a query parameter, decoded.
    #[must_use]
    pub fn parameter(&self, name: &str) -> Option<String> {
        url::form_urlencoded::parse(self.query.as_bytes())
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.into_owned())
    }

    /// Returns every value of a query parameter, decoded, in order.
    #[must_use]
    pub fn parameters(&self, name: &str) -> Vec<String> {
        url::form_urlencoded::parse(self.query.as_bytes())
            .filter(|(key, _)| key == name)
            .map(|(_, value)| value.into_owned())
            .collect()
    }

    /// Returns the origin that the request was sent to, such as `https://stats.example.com`.
    #[must_use]
    pub fn origin(&self) -> String {
        let host = self.header(HOST.as_str()).unwrap_or("localhost");
        // The gateway sends `https`. `dev` has no TLS, and sends nothing.
        let scheme =
            if self.header("x-forwarded-proto") == Some("https") { "https" } else { "http" };
        format!("{scheme}://{host}")
    }
}

/// Parses an IP address. Some proxies append the port.
fn parse_address(text: &str) -> Option<IpAddr> {
    text.parse().ok().or_else(|| text.parse().map(|addr: std::net::SocketAddr| addr.ip()).ok())
}

/// Content-Security-Policy of everything that is not a page: loads nothing, and cannot be framed.
const DENY_ALL_POLICY: &str = "default-src 'none'; frame-ancestors 'none'";

/// Creates a response that is not cached, and whose type browsers do not guess.
#[must_use]
pub fn response(
    status: StatusCode,
    content_type: &'static str,
    body: impl Into<Vec<u8>>,
) -> Response {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(DENY_ALL_POLICY));
    // URLs may contain secrets. `no-referrer` would make forms send `Origin: null`, which `is_cross_site` rejects.
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    response
}

/// Creates a plain-text response.
#[must_use]
pub fn text(status: StatusCode, body: &str) -> Response {
    response(status, "text/plain; charset=utf-8", body)
}

/// Creates an error response for programs: `{"error": "…"}`.
#[must_use]
pub fn json_error(status: StatusCode, message: &str) -> Response {
    response(status, "application/json", serde_json::json!({ "error": message }).to_string())
}

/// Returns the message for the client. 4xx errors are returned verbatim. 5xx errors are logged under
/// `log_message` and replaced by a generic text, because they may contain internals.
#[must_use]
pub fn client_message(status: StatusCode, log_message: &str, error: &impl Display) -> String {
    if !status.is_server_error() {
        return error.to_string();
    }
    log::error(log_message, error);
    match status {
        StatusCode::SERVICE_UNAVAILABLE => {
            "The data store is temporarily unavailable. Try again in a moment.".to_owned()
        }
        _ => "Internal error. The function's log has the details.".to_owned(),
    }
}

/// Sets a header. Ignores a value that headers cannot hold.
pub fn set(response: &mut Response, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}

/// Compresses a response with gzip if the client accepts it and it saves time. API Gateway does not compress.
#[must_use]
pub fn compressed(request: &HeaderMap, mut response: Response) -> Response {
    // Bodies below this size fit into one packet anyway.
    const MIN_SIZE: usize = 1200;
    // Level 3 compresses a page of 86 KB to 21.7 KB in 0.5 ms; the default, 6, to 20.7 KB in 1.4 ms.
    const LEVEL: Compression = Compression::new(3);
    let is_image =
        response.headers().get(CONTENT_TYPE).is_some_and(|t| t.as_bytes().starts_with(b"image/"));
    if response.body().len() < MIN_SIZE
        || is_image
        || response.headers().contains_key(CONTENT_ENCODING)
    {
        return response;
    }
    response.headers_mut().append(VARY, HeaderValue::from_static("accept-encoding"));
    if !accepts_gzip(request) {
        return response;
    }
    let mut encoder = GzEncoder::new(Vec::new(), LEVEL);
    // Writing to memory does not fail. If it did, the response would be sent uncompressed.
    let compressed = encoder.write_all(response.body()).and_then(|()| encoder.finish());
    if let Ok(body) = compressed {
        *response.body_mut() = body;
        response.headers_mut().insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    response
}

/// Returns whether the client accepts gzip.
#[must_use]
pub fn accepts_gzip(request: &HeaderMap) -> bool {
    let accepted = request.get_all(ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    accepted.flat_map(|value| value.split(',')).any(|coding| {
        let (name, weight) = coding.split_once(';').unwrap_or((coding, ""));
        // A weight of 0, such as `0` or `0.00`: <https://www.rfc-editor.org/rfc/rfc9110#section-12.4.2>
        let is_zero = |weight: &str| {
            weight.starts_with('0') && weight.bytes().all(|it| matches!(it, b'0' | b'.'))
        };
        let is_rejected = weight.trim().strip_prefix("q=").is_some_and(is_zero);
        matches!(name.trim(), "gzip" | "*") && !is_rejected
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(headers: &[(&str, &str)]) -> Request {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(HeaderName::try_from(*name).unwrap(), value.parse().unwrap());
        }
        Request {
            method: "GET".to_owned(),
            path: "/".to_owned(),
            query: "a=1&b=x%20y+z&a=2&c".to_owned(),
            headers: map,
            body: Vec::new(),
            peer: "203.0.113.9".parse().unwrap(),
        }
    }

    #[test]
    fn ignores_forged_address() {
        let check = |forwarded: &[&str], trusted: u8, expected: &str| {
            let headers: Vec<_> =
                forwarded.iter().map(|value| ("x-forwarded-for", *value)).collect();
            let client = request(&headers).client_address(trusted);
            assert_eq!(client.to_string(), expected, "{forwarded:?} behind {trusted}");
        };
        check(&[], 0, "203.0.113.9");
        check(&["198.51.100.1"], 0, "203.0.113.9");
        check(&["198.51.100.1, 203.0.113.9"], 0, "203.0.113.9");
        check(&[], 1, "203.0.113.9");
        check(&["198.51.100.1, 203.0.113.9"], 1, "198.51.100.1");
        check(&["198.51.100.1"], 1, "198.51.100.1");
        check(&["192.0.2.66, 198.51.100.1, 203.0.113.9"], 1, "198.51.100.1");
        check(&["192.0.2.66", "198.51.100.1, 203.0.113.9"], 1, "198.51.100.1");
        check(&["192.0.2.66, 198.51.100.1, 203.0.113.9"], 2, "192.0.2.66");
        check(&["198.51.100.1:4711, 203.0.113.9"], 1, "198.51.100.1");
        check(&["[2001:db8::1]:4711, 203.0.113.9"], 1, "2001:db8::1");
        check(&["nonsense, 203.0.113.9"], 1, "203.0.113.9");
        check(&["198.51.100.1, 203.0.113.9"], 9, "203.0.113.9");
    }

    #[test]
    fn first_value_of_parameter_counts_decoded() {
        let request = request(&[]);
        assert_eq!(request.parameter("a").as_deref(), Some("1"));
        assert_eq!(request.parameter("b").as_deref(), Some("x y z"));
        assert_eq!(request.parameter("c").as_deref(), Some(""));
        assert_eq!(request.parameter("d"), None);
    }

    #[test]
    fn compresses_only_for_clients_that_accept_gzip() {
        let check = |accepted: &str, body: usize, expected: bool| {
            let request = request(&[("accept-encoding", accepted)]);
            let response = text(StatusCode::OK, &"x".repeat(body));
            let response = compressed(&request.headers, response);
            assert_eq!(response.headers().contains_key(CONTENT_ENCODING), expected, "{accepted}");
            assert_eq!(response.body().len() < body, expected);
        };
        check("gzip, deflate, br", 5000, true);
        check("br;q=1.0, gzip;q=0.8", 5000, true);
        check("gzip;q=0", 5000, false);
        check("br, gzip; q=0.00", 5000, false);
        check("gzip;q=0.01", 5000, true);
        check("gzip;q=", 5000, true);
        check("br", 5000, false);
        check("gzip", 100, false);
    }
}
