//! A minimal DynamoDB client: signs requests, sends JSON over HTTP, and retries.
//!
//! <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.LowLevelAPI.html>

use std::error::Error;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use flate2::Crc;
use http::header::{AUTHORIZATION, CONTENT_TYPE, DATE, HOST, HeaderMap, HeaderName, HeaderValue};
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use jiff::civil::DateTime;
use jiff::tz::Offset;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::access::{Access, Keys};
use super::failure::Failure;
use super::retries::Retries;
use super::sign::{SigningKey, stamp};
use super::wire::{
    BatchWriteItem, BatchWritten, DeleteItem, Done, PutItem, Queried, Query, Refused,
};
use crate::platform::aws_http::HttpClient;

/// Prefix of the request's target: the API version.
const API: &str = "DynamoDB_20120810.";

const JSON: &str = "application/x-amz-json-1.0";

/// Clock difference at which the client corrects its clock, in seconds. AWS rejects signatures from five minutes on.
const SKEW: i64 = 4 * 60;

/// Errors that a wrong clock can cause.
const OF_TIME: [&str; 4] = [
    "InvalidSignatureException",
    "SignatureDoesNotMatch",
    "RequestTimeTooSkewed",
    "AccessDeniedException",
];

/// A client. Clones share its connections.
#[derive(Debug, Clone)]
pub(super) struct Client {
    shared: Arc<Shared>,
    pub(super) retries: Retries,
}

#[derive(Debug)]
struct Shared {
    connector: HttpClient,
    access: Access,
    /// The latest signing key, which is valid for a day.
    signing: Mutex<Option<(Keys, SigningKey)>>,
    /// The number of seconds by which AWS's clock is ahead, 0 until known.
    skew: AtomicI64,
}

impl Client {
    pub(super) fn new(access: Access, connector: HttpClient, retries: Retries) -> Self {
        let shared =
            Shared { connector, access, signing: Mutex::default(), skew: AtomicI64::new(0) };
        Self { shared: Arc::new(shared), retries }
    }

    pub(super) async fn put_item(&self, input: &PutItem<'_>) -> Result<(), Failure> {
        self.call::<Done>("PutItem", input).await.map(drop)
    }

    pub(super) async fn delete_item(&self, input: &DeleteItem<'_>) -> Result<(), Failure> {
        self.call::<Done>("DeleteItem", input).await.map(drop)
    }

    pub(super) async fn query(&self, input: &Query<'_>) -> Result<Queried, Failure> {
        self.call("Query", input).await
    }

    pub(super) async fn batch_write_item(
        &self,
        input: &BatchWriteItem<'_>,
    ) -> Result<BatchWritten, Failure> {
        self.call("BatchWriteItem", input).await
    }

    /// Sends a request with retries. Repeats all of that while the request is throttled and patience is left.
    async fn call<A: DeserializeOwned>(
        &self,
        operation: &'static str,
        input: &impl Serialize,
    ) -> Result<A, Failure> {
        let body = serde_json::to_vec(input);
        let body = body.map_err(|error| Failure::Unsent(operation, error.to_string()))?;
        let body = Bytes::from(body);
        let begun = Instant::now();
        loop {
            let tries = self.tries(operation, &body);
            let done = tokio::time::timeout(self.retries.all, tries).await;
            match done.unwrap_or(Err(Failure::Late(operation))) {
                Err(failure)
                    if failure.is_throttled() && begun.elapsed() < self.retries.patience =>
                {
                    tokio::time::sleep(self.retries.while_throttled(fastrand::f64())).await;
                }
                done => return done,
            }
        }
    }

    async fn tries<A: DeserializeOwned>(
        &self,
        operation: &'static str,
        body: &Bytes,
    ) -> Result<A, Failure> {
        let mut tried = 1;
        loop {
            let attempt = self.shared.ask(operation, body.clone());
            let attempt = tokio::time::timeout(self.retries.attempt, attempt).await;
            let answer = attempt.unwrap_or(Err(Failure::Late(operation)));
            let answer = answer.and_then(|bytes| {
                serde_json::from_slice(&bytes).map_err(|e| Failure::unreadable(operation, e))
            });
            match answer {
                Err(failure) if failure.passes() && tried < self.retries.attempts => {
                    tokio::time::sleep(self.retries.pause(tried, fastrand::f64())).await;
                    tried += 1;
                }
                done => return done,
            }
        }
    }
}

impl Shared {
    /// Makes one attempt. Returns the body of a successful response.
    async fn ask(&self, operation: &'static str, body: Bytes) -> Result<Vec<u8>, Failure> {
        let keys = self.access.credentials.keys().await;
        let keys = keys.map_err(|error| Failure::Unsent(operation, error))?;
        let sent = self.now();
        let request = self.request(operation, body, keys, sent);
        let request = request.map_err(|error| Failure::Unsent(operation, error.to_string()))?;
        let answer = self.connector.send(request).await;
        let (head, body) =
            answer.map_err(|e| Failure::NoAnswer(operation, chain(&e)))?.into_parts();
        let body = whole(body, &head.headers).await;
        let body = body.map_err(|e| Failure::NoAnswer(operation, chain(&e)))?;
        if !is_as_sent(&head.headers, &body) {
            return Err(Failure::unreadable(operation, "its checksum does not match"));
        }
        if head.status.is_success() {
            return Ok(body);
        }
        Err(self.refused(operation, head.status, &head.headers, &body, sent))
    }

    /// Returns the time by AWS's clock.
    fn now(&self) -> Timestamp {
        let skew = SignedDuration::from_secs(self.skew.load(Ordering::Relaxed));
        Timestamp::now().saturating_add(skew).unwrap_or(Timestamp::MAX)
    }

    fn request(
        &self,
        operation: &str,
        body: Bytes,
        keys: Keys,
        at: Timestamp,
    ) -> Result<Request<Full<Bytes>>, http::Error> {
        let endpoint = &self.access.endpoint;
        let target = [API, operation].concat();
        let stamp = stamp(at);
        let host = endpoint.host.as_str();
        let mut signed = [("content-type", JSON), ("host", host), ("x-amz-date", &*stamp)].to_vec();
        signed.extend(keys.token.as_deref().map(|token| ("x-amz-security-token", token)));
        signed.push(("x-amz-target", &target));
        let authorization = self.authorization(&keys, &stamp, &signed, &body);
        let mut headers = HeaderMap::with_capacity(8);
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(JSON));
        headers.insert(HOST, HeaderValue::from_str(host)?);
        headers.insert(HeaderName::from_static("x-amz-date"), HeaderValue::from_str(&stamp)?);
        if let Some(token) = &keys.token {
            let name = HeaderName::from_static("x-amz-security-token");
            headers.insert(name, HeaderValue::from_str(token)?);
        }
        headers.insert(HeaderName::from_static("x-amz-target"), HeaderValue::from_str(&target)?);
        headers.insert(AUTHORIZATION, HeaderValue::from_str(&authorization)?);
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = endpoint.uri.clone();
        *request.headers_mut() = headers;
        Ok(request)
    }

    fn authorization(
        &self,
        keys: &Keys,
        stamp: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> String {
        let mut signing = self.signing.lock().unwrap_or_else(PoisonError::into_inner);
        let day = stamp.get(..8).unwrap_or_default();
        let known = signing.take().filter(|(of, key)| of == keys && key.is_of(day));
        let (_, key) = signing.insert(known.unwrap_or_else(|| {
            let key = SigningKey::new(&keys.secret, day, &self.access.region, "dynamodb");
            (keys.clone(), key)
        }));
        key.authorization(&keys.id, stamp, headers, body)
    }

    /// Parses an error response.
    fn refused(
        &self,
        operation: &'static str,
        status: StatusCode,
        headers: &HeaderMap,
        body: &[u8],
        sent: Timestamp,
    ) -> Failure {
        let read: Result<Refused, _> = serde_json::from_slice(body);
        let refused = match read {
            Ok(refused) => refused,
            // A proxy may answer with a body that is not JSON.
            Err(_) if status.is_server_error() => Refused { kind: None, message: None, item: None },
            Err(error) => return Failure::unreadable(operation, format_args!("{status}, {error}")),
        };
        let code = headers.get("x-amzn-errortype").and_then(|value| value.to_str().ok());
        // "com.amazonaws.dynamodb.v20120810#ThrottlingException", "AccessDeniedException:http://…"
        let code = code.or(refused.kind.as_deref()).unwrap_or_default();
        let code = code.split(':').next().and_then(|code| code.rsplit('#').next());
        let code = code.unwrap_or_default().to_owned();
        let is_early_or_late = OF_TIME.contains(&&*code) && self.learn_skew(headers, sent);
        let message = refused.message.unwrap_or_default();
        let item = refused.item.map(Box::new);
        Failure::Refused { operation, status, code, message, item, is_early_or_late }
    }

    /// Adopts AWS's clock if ours differs much. Returns whether it does.
    fn learn_skew(&self, headers: &HeaderMap, sent: Timestamp) -> bool {
        let Some(theirs) = headers.get(DATE).and_then(|date| time(date.to_str().ok()?)) else {
            return false;
        };
        let ahead = theirs.as_second() - sent.as_second();
        if ahead.abs() < SKEW {
            return false;
        }
        self.skew.fetch_add(ahead, Ordering::Relaxed);
        true
    }
}

/// Reads a whole body.
async fn whole(mut body: Incoming, headers: &HeaderMap) -> Result<Vec<u8>, hyper::Error> {
    // Limited, because the announced length may not come from DynamoDB.
    let length = number(headers, "content-length").map_or(0, |length| length.min(1 << 21));
    let mut bytes = Vec::with_capacity(length as usize);
    while let Some(frame) = body.frame().await {
        if let Ok(data) = frame?.into_data() {
            bytes.extend_from_slice(&data);
        }
    }
    Ok(bytes)
}

/// Whether a body matches the checksum that DynamoDB sends with it.
fn is_as_sent(headers: &HeaderMap, body: &[u8]) -> bool {
    let Some(expected) = headers.get("x-amz-crc32") else { return true };
    let mut crc = Crc::new();
    crc.update(body);
    expected.to_str().is_ok_and(|expected| expected.parse() == Ok(crc.sum()))
}

fn number(headers: &HeaderMap, name: &str) -> Option<u64> {
    headers.get(name)?.to_str().ok()?.parse().ok()
}

/// Parses an HTTP date: `Sun, 22 Nov 2026 13:05:06 GMT`.
fn time(text: &str) -> Option<Timestamp> {
    let mut words = text.strip_suffix(" GMT")?.split_once(", ")?.1.split(' ');
    let mut word = || words.next();
    let (day, month, year, time) = (word()?, word()?, word()?, word()?);
    let names = "JanFebMarAprMayJunJulAugSepOctNovDec";
    let month = names.find(month).filter(|at| at % 3 == 0 && month.len() == 3)? / 3 + 1;
    let date: DateTime = format!("{year}-{month:02}-{day}T{time}").parse().ok()?;
    Offset::UTC.to_timestamp(date).ok()
}

/// Formats an error with its causes.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_http_dates() {
        let check = |text: &str, expected: Option<&str>| {
            assert_eq!(time(text), expected.map(|it| it.parse().unwrap()), "{text}");
        };
        check("Sun, 22 Nov 2026 13:05:06 GMT", Some("2026-11-22T13:05:06Z"));
        check("Thu, 01 Jan 1970 00:00:00 GMT", Some("1970-01-01T00:00:00Z"));
        check("Thu, 31 Dec 2099 23:59:59 GMT", Some("2099-12-31T23:59:59Z"));
        for none in [
            "",
            "2026-11-22T13:05:06Z",
            "Sun, 22 Nov 2026 13:05:06",
            "Sun, 22 ovD 2026 13:05:06 GMT",
            "Sun, 22 No 2026 13:05:06 GMT",
            "Sun, 32 Nov 2026 13:05:06 GMT",
            "Sun, 22 Nov 2026 GMT",
        ] {
            check(none, None);
        }
    }

    #[test]
    fn detects_wrong_checksum_of_body() {
        let check = |crc: Option<&str>, body: &[u8]| {
            let mut headers = HeaderMap::new();
            let crc = crc.map(|crc| HeaderValue::from_str(crc).unwrap());
            crc.map(|crc| headers.insert("x-amz-crc32", crc));
            is_as_sent(&headers, body)
        };
        // What DynamoDB sends with an empty answer.
        assert!(check(Some("2745614147"), b"{}"));
        assert!(check(None, b"{}"));
        assert!(!check(Some("2745614147"), b"[]"));
        assert!(!check(Some("2745614146"), b"{}"));
        assert!(!check(Some("none"), b"{}"));
    }
}
