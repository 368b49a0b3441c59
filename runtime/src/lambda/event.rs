//! API Gateway's requests and responses: the used part of payload format 2.0 for HTTP APIs.
//! (`aws_lambda_events` parses every field of every event.)
//!
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html>

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use http::HeaderMap;
use http::header::{
    CONTENT_ENCODING, COOKIE, HeaderName, HeaderValue, SET_COOKIE, STRICT_TRANSPORT_SECURITY,
};
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::platform::http::{Request, Response};

/// Makes browsers use only TLS for a year. The gateway accepts nothing else anyway.
const HSTS: &str = "max-age=31536000";

/// An HTTP event.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Event {
    raw_path: Option<String>,
    raw_query_string: Option<String>,
    #[serde(default)]
    headers: Headers,
    /// The gateway passes cookies separately from the headers.
    cookies: Option<Vec<String>>,
    request_context: RequestContext,
    body: Option<String>,
    #[serde(default)]
    is_base64_encoded: bool,
}

#[derive(Debug, Deserialize)]
struct RequestContext {
    http: Http,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Http {
    method: String,
    path: Option<String>,
    source_ip: Option<String>,
}

#[derive(Debug, Default)]
struct Headers(HeaderMap);

impl<'de> Deserialize<'de> for Headers {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Pairs;
        impl<'de> Visitor<'de> for Pairs {
            type Value = Headers;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("headers")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Headers, A::Error> {
                let mut headers = HeaderMap::with_capacity(24);
                while let Some((name, value)) = map.next_entry::<String, String>()? {
                    let name = HeaderName::try_from(name.as_str());
                    // Skip invalid headers.
                    if let (Ok(name), Ok(value)) = (name, HeaderValue::try_from(value)) {
                        headers.append(name, value);
                    }
                }
                Ok(Headers(headers))
            }
        }
        deserializer.deserialize_map(Pairs)
    }
}

impl Event {
    /// Converts the event into a request.
    ///
    /// # Errors
    /// If its body is not valid base64, but should be.
    pub(super) fn into_request(self) -> Result<Request, base64::DecodeError> {
        let body = self.body.unwrap_or_default();
        let body = if self.is_base64_encoded { BASE64.decode(body)? } else { body.into_bytes() };
        let mut headers = self.headers.0;
        for cookie in self.cookies.unwrap_or_default() {
            if let Ok(cookie) = HeaderValue::try_from(cookie) {
                headers.append(COOKIE, cookie);
            }
        }
        let http = self.request_context.http;
        let peer = http.source_ip.and_then(|address| address.parse().ok());
        Ok(Request {
            method: http.method,
            // The raw path would start with the stage's name, except for the stage `$default` used here.
            path: self.raw_path.or(http.path).unwrap_or_default(),
            query: self.raw_query_string.unwrap_or_default(),
            headers,
            body,
            // The gateway always sends it. Without it, all hits would count as one visitor's.
            peer: peer.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED)),
        })
    }
}

/// A response. A body that is not text is encoded as base64.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Answer {
    status_code: u16,
    #[serde(serialize_with = "header_map")]
    headers: HeaderMap,
    /// The gateway expects cookies separately from the headers.
    cookies: Vec<String>,
    body: String,
    is_base64_encoded: bool,
}

/// Serializes headers as a map. No header except cookies occurs twice.
fn header_map<S: Serializer>(headers: &HeaderMap, serializer: S) -> Result<S::Ok, S::Error> {
    let texts = headers.iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap_or("")));
    serializer.collect_map(texts)
}

impl From<Response> for Answer {
    fn from(response: Response) -> Self {
        let (mut parts, body) = response.into_parts();
        parts.headers.insert(STRICT_TRANSPORT_SECURITY, HeaderValue::from_static(HSTS));
        let is_text = !parts.headers.contains_key(CONTENT_ENCODING);
        let (body, is_base64_encoded) = match String::from_utf8(body) {
            Ok(text) if is_text => (text, false),
            Ok(text) => (BASE64.encode(text), true),
            Err(bytes) => (BASE64.encode(bytes.as_bytes()), true),
        };
        let cookies = parts.headers.get_all(SET_COOKIE).iter();
        let cookies = cookies.filter_map(|value| value.to_str().ok());
        let cookies = cookies.map(str::to_owned).collect();
        parts.headers.remove(SET_COOKIE);
        let status_code = parts.status.as_u16();
        Self { status_code, headers: parts.headers, cookies, body, is_base64_encoded }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn request(event: Value) -> Request {
        serde_json::from_value::<Event>(event).unwrap().into_request().unwrap()
    }

    #[test]
    fn event_becomes_request() {
        let event = json!({
            "version": "2.0",
            "rawPath": "/track",
            "rawQueryString": "a=1&b=%20",
            "cookies": ["one=1", "two=2"],
            "headers": { "User-Agent": "Fire\"fox é", "x-bad name": "x", "x-bad-value": "a\nb" },
            "requestContext": { "http": {
                "method": "POST", "path": "/other", "sourceIp": "2001:db8::1", "protocol": "HTTP/1.1",
            } },
            "body": "aMOp",
            "isBase64Encoded": true,
        });
        let request = request(event);
        assert_eq!((&*request.method, &*request.path), ("POST", "/track"));
        assert_eq!((&*request.query, &*request.body), ("a=1&b=%20", "hé".as_bytes()));
        assert_eq!(request.peer.to_string(), "2001:db8::1");
        assert_eq!(request.headers["user-agent"].as_bytes(), "Fire\"fox é".as_bytes());
        let cookies: Vec<_> = request.headers.get_all(COOKIE).iter().collect();
        assert_eq!(cookies, ["one=1", "two=2"]);
        assert_eq!(request.headers.len(), 3, "{:?}", request.headers);
    }

    #[test]
    fn minimal_event_becomes_request() {
        let request = request(json!({ "requestContext": { "http": { "method": "GET" } } }));
        assert_eq!((&*request.path, &*request.query, &*request.body), ("", "", &b""[..]));
        assert_eq!(request.peer.to_string(), "0.0.0.0");
        let bad = json!({
            "requestContext": { "http": { "method": "GET" } }, "body": "!", "isBase64Encoded": true,
        });
        assert!(serde_json::from_value::<Event>(bad).unwrap().into_request().is_err());
        assert!(serde_json::from_value::<Event>(json!({})).is_err());
    }

    #[test]
    fn response_has_the_gateways_format() {
        let answer = |body: &[u8], encoding: Option<&str>| {
            let mut response = http::Response::builder().status(202).header("x-a", "1");
            response = response.header("set-cookie", "a=1").header("set-cookie", "b=2");
            if let Some(encoding) = encoding {
                response = response.header("content-encoding", encoding);
            }
            serde_json::to_value(Answer::from(response.body(body.to_vec()).unwrap())).unwrap()
        };
        let expected = json!({
            "statusCode": 202,
            "headers": { "x-a": "1", "strict-transport-security": "max-age=31536000" },
            "cookies": ["a=1", "b=2"],
            "body": "hé",
            "isBase64Encoded": false,
        });
        assert_eq!(answer("hé".as_bytes(), None), expected);
        for (body, encoding) in [(&b"\xff"[..], None), (b"x", Some("gzip"))] {
            let answer = answer(body, encoding);
            assert_eq!(answer["isBase64Encoded"], true);
            assert_eq!(answer["body"], BASE64.encode(body));
        }
    }
}
