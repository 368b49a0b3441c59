//! Requests and answers as plain values: what a Lambda event and a connection to `dev` both become.

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

/// A request, whole.
#[derive(Debug, Clone)]
pub struct Request {
    /// The method, in capitals.
    pub method: String,
    /// The path, as the gateway matched it.
    pub path: String,
    /// The query, without `?` and still encoded.
    pub query: String,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Vec<u8>,
    /// Who is at the other end of the connection, as the gateway saw it. Nobody can forge this.
    pub peer: IpAddr,
}

/// An answer, whole.
pub type Response = http::Response<Vec<u8>>;

impl Request {
    /// The User-Agent. Some are not UTF-8, and still somebody's.
    #[must_use]
    pub fn user_agent(&self) -> Option<Cow<'_, str>> {
        self.headers.get(USER_AGENT).map(|value| String::from_utf8_lossy(value.as_bytes()))
    }

    /// A header's value, if there is one and it is text. Browsers send nothing but ASCII; of other
    /// senders, UTF-8 is taken.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        std::str::from_utf8(self.headers.get(name)?.as_bytes()).ok()
    }

    /// The client's address: the peer's, unless it is one of the owner's own proxies.
    ///
    /// Each proxy appends the address it was asked from to `X-Forwarded-For`; the gateway does so
    /// too (<https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-http.html>).
    /// So with `trusted` proxies, the client is that many before the last. What stands further to
    /// the left is whatever the client made up.
    #[must_use]
    pub fn client(&self, trusted: u8) -> IpAddr {
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

    /// The first value of a parameter of the query, decoded.
    #[must_use]
    pub fn parameter(&self, name: &str) -> Option<String> {
        url::form_urlencoded::parse(self.query.as_bytes())
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.into_owned())
    }

    /// Every value of a parameter of the query, decoded, in order.
    #[must_use]
    pub fn parameters(&self, name: &str) -> Vec<String> {
        url::form_urlencoded::parse(self.query.as_bytes())
            .filter(|(key, _)| key == name)
            .map(|(_, value)| value.into_owned())
            .collect()
    }

    /// The scheme and host that the request was sent to, such as `https://stats.example.com`.
    #[must_use]
    pub fn origin(&self) -> String {
        let host = self.header(HOST.as_str()).unwrap_or("localhost");
        // The gateway says https; `dev` has no TLS, and says nothing.
        let scheme =
            if self.header("x-forwarded-proto") == Some("https") { "https" } else { "http" };
        format!("{scheme}://{host}")
    }
}

/// An address, of which some proxies give the port too.
fn parse_address(text: &str) -> Option<IpAddr> {
    text.parse().ok().or_else(|| text.parse().map(|addr: std::net::SocketAddr| addr.ip()).ok())
}

/// The Content-Security-Policy of what is no page: nothing from anywhere, and in nobody's frame.
const NOTHING: &str = "default-src 'none'; frame-ancestors 'none'";

/// An answer that no cache keeps, and of which a browser makes nothing else than it says it is.
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
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(NOTHING));
    // Secrets may stand in an address. (Without any referrer, a form would not say whose it is.)
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    response
}

/// An answer of one line of plain text.
#[must_use]
pub fn text(status: StatusCode, body: &str) -> Response {
    response(status, "text/plain; charset=utf-8", body)
}

/// An answer that says what is wrong, to a program: `{"error": "…"}`.
#[must_use]
pub fn json_error(status: StatusCode, message: &str) -> Response {
    response(status, "application/json", serde_json::json!({ "error": message }).to_string())
}

/// What is said beside a status: the error, if it is the asker's own. One of ours goes to the log, under what
/// it stood in the way of: strangers are told no more than what to do.
#[must_use]
pub fn told(status: StatusCode, undone: &str, error: &impl Display) -> String {
    if !status.is_server_error() {
        return error.to_string();
    }
    log::error(undone, error);
    match status {
        StatusCode::SERVICE_UNAVAILABLE => {
            "The store cannot be read just now. Try again in a moment.".to_owned()
        }
        _ => "This cannot be answered. The function's log says why.".to_owned(),
    }
}

/// Sets a header to a value that is known to be one.
pub fn set(response: &mut Response, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}

/// Compresses an answer if its reader takes gzip and it is worth it: API Gateway does not do it.
#[must_use]
pub fn compressed(request: &HeaderMap, mut response: Response) -> Response {
    // Below this, one packet carries it anyway.
    const WORTH: usize = 1200;
    // Of 86 KB, a page becomes 21.7 KB in 0.5 ms; by 6, the default, 20.7 in 1.4.
    const LEVEL: Compression = Compression::new(3);
    let image =
        response.headers().get(CONTENT_TYPE).is_some_and(|t| t.as_bytes().starts_with(b"image/"));
    if response.body().len() < WORTH || image || response.headers().contains_key(CONTENT_ENCODING) {
        return response;
    }
    response.headers_mut().append(VARY, HeaderValue::from_static("accept-encoding"));
    if !takes_gzip(request) {
        return response;
    }
    let mut encoder = GzEncoder::new(Vec::new(), LEVEL);
    // Writing to memory does not fail; if it did, the answer goes out as it is.
    let compressed = encoder.write_all(response.body()).and_then(|()| encoder.finish());
    if let Ok(body) = compressed {
        *response.body_mut() = body;
        response.headers_mut().insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    response
}

/// Whether who asks takes gzip.
#[must_use]
pub fn takes_gzip(request: &HeaderMap) -> bool {
    let accepted = request.get_all(ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    accepted.flat_map(|value| value.split(',')).any(|coding| {
        let (name, weight) = coding.split_once(';').unwrap_or((coding, ""));
        // "0", or with zeros after a point: <https://www.rfc-editor.org/rfc/rfc9110#section-12.4.2>
        let is_zero = |weight: &str| {
            weight.starts_with('0') && weight.bytes().all(|it| matches!(it, b'0' | b'.'))
        };
        let refused = weight.trim().strip_prefix("q=").is_some_and(is_zero);
        matches!(name.trim(), "gzip" | "*") && !refused
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
    fn a_forged_address_is_not_believed() {
        let check = |forwarded: &[&str], trusted: u8, expected: &str| {
            let headers: Vec<_> =
                forwarded.iter().map(|value| ("x-forwarded-for", *value)).collect();
            let client = request(&headers).client(trusted);
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
    fn parameters_are_decoded_and_the_first_counts() {
        let request = request(&[]);
        assert_eq!(request.parameter("a").as_deref(), Some("1"));
        assert_eq!(request.parameter("b").as_deref(), Some("x y z"));
        assert_eq!(request.parameter("c").as_deref(), Some(""));
        assert_eq!(request.parameter("d"), None);
    }

    #[test]
    fn gzip_is_for_those_who_take_it() {
        let check = |accepted: &str, body: usize, expected: bool| {
            let request = request(&[("accept-encoding", accepted)]);
            let answer = text(StatusCode::OK, &"x".repeat(body));
            let answer = compressed(&request.headers, answer);
            assert_eq!(answer.headers().contains_key(CONTENT_ENCODING), expected, "{accepted}");
            assert_eq!(answer.body().len() < body, expected);
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
