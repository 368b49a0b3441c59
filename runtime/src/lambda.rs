//! How a function meets Lambda: its settings from the environment, its requests from HTTP API
//! events in payload format 2.0, or its runs from a schedule.
//!
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html>

use std::env;
use std::fmt::Display;
use std::future::Future;
use std::net::{IpAddr, Ipv4Addr};

use aws_lambda_events::apigw::{ApiGatewayV2httpRequest, ApiGatewayV2httpResponse};
use aws_lambda_events::encodings::Body;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use footfall_infra::env::{SETTINGS, TABLE};
use footfall_infra::settings::Settings;
use http::HeaderMap;
use http::header::{CONTENT_ENCODING, COOKIE, HeaderValue, SET_COOKIE, STRICT_TRANSPORT_SECURITY};
use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde::Serialize;
use serde::de::IgnoredAny;

use crate::connector::{Connector, roots};
use crate::http::{Request, Response, compressed};
use crate::log;
use crate::store::dynamodb::{Access, DynamoDb, MissingVariable};
use crate::text::clean;

/// What a function is started with.
#[derive(Debug)]
pub struct Deployed {
    /// The owner's settings.
    pub settings: Settings,
    /// The table.
    pub store: DynamoDb,
}

impl Deployed {
    /// Reads the environment that the stack sets. Nothing else is asked: no file, no service.
    ///
    /// # Errors
    /// If a variable is missing or wrong; the message names it.
    pub fn from_environment() -> Result<Self, Error> {
        // As words: Rust prints an error that ends `main` as it is written in the code.
        Self::read().map_err(|error| error.to_string().into())
    }

    fn read() -> Result<Self, Error> {
        let get = |name: &str| env::var(name).ok().filter(|value| !value.is_empty());
        let settings = get(SETTINGS).ok_or(MissingVariable(SETTINGS))?;
        let settings = Settings::from_json(&settings)
            .map_err(|error| format!("the environment variable {SETTINGS}: {error}"))?;
        let table = get(TABLE).ok_or(MissingVariable(TABLE))?;
        let connector = Connector::trusting(roots(get)?)?;
        let store = DynamoDb::new(Access::from_variables(get)?, table, connector);
        Ok(Self { settings, store })
    }
}

/// Answers events with `handle` until Lambda ends the function.
///
/// # Errors
/// If the Runtime API cannot be reached.
pub async fn serve<F, R>(handle: F) -> Result<(), Error>
where
    F: Fn(Request) -> R,
    R: Future<Output = Response>,
{
    let handle = &handle;
    lambda_runtime::run(service_fn(|event: LambdaEvent<ApiGatewayV2httpRequest>| async move {
        let request = request(event.payload)?;
        let accepts = request.headers.clone();
        Ok::<_, Error>(event_response(compressed(&accepts, handle(request).await)))
    }))
    .await
}

/// Does `job` at every event until Lambda ends the function. What the event says does not matter: a
/// schedule's, or whatever somebody sends who invokes the function by hand.
///
/// What was done is the invocation's answer. A failure is the invocation's error: Lambda counts it, and
/// invokes the function again, twice, if it was a schedule that did
/// (<https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html>).
///
/// # Errors
/// If the Runtime API cannot be reached.
pub async fn serve_schedule<F, R, T, E>(job: F) -> Result<(), Error>
where
    F: Fn() -> R,
    R: Future<Output = Result<T, E>>,
    T: Serialize,
    E: Display,
{
    let job = &job;
    lambda_runtime::run(service_fn(|_: LambdaEvent<IgnoredAny>| async move {
        // In a box: the compiler has a limit for how deep what waits for what may go.
        match Box::pin(job()).await {
            Ok(outcome) => {
                log::done("a run is done", &outcome);
                Ok(outcome)
            }
            Err(error) => {
                log::error("a run failed", &error);
                // Some errors quote whole answers.
                Err(Error::from(clean(&error.to_string(), 500)))
            }
        }
    }))
    .await
}

/// How long browsers are to come by TLS alone, as the gateway would have it anyway: a year.
const TLS_ONLY: &str = "max-age=31536000";

/// A request from an event.
fn request(event: ApiGatewayV2httpRequest) -> Result<Request, Error> {
    let body = event.body.unwrap_or_default();
    let body = if event.is_base64_encoded { BASE64.decode(body)? } else { body.into_bytes() };
    let mut headers = event.headers;
    // The gateway takes the cookies out of the headers.
    for cookie in event.cookies.unwrap_or_default() {
        if let Ok(cookie) = HeaderValue::try_from(cookie) {
            headers.append(COOKIE, cookie);
        }
    }
    let http = event.request_context.http;
    let peer = http.source_ip.and_then(|address| address.parse().ok());
    Ok(Request {
        method: http.method.as_str().to_owned(),
        // With a stage of its own the raw path begins with it; ours is `$default`, which does not.
        path: event.raw_path.or(http.path).unwrap_or_default(),
        query: event.raw_query_string.unwrap_or_default(),
        headers,
        body,
        // The gateway always says it. Without it, everybody would be one visitor, and be counted.
        peer: peer.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED)),
    })
}

/// An answer as the gateway takes it: what is no text goes as base64.
fn event_response(response: Response) -> ApiGatewayV2httpResponse {
    let (mut parts, body) = response.into_parts();
    parts.headers.insert(STRICT_TRANSPORT_SECURITY, HeaderValue::from_static(TLS_ONLY));
    let encoded = parts.headers.contains_key(CONTENT_ENCODING);
    let body = match String::from_utf8(body) {
        Ok(text) if !encoded => Body::Text(text),
        Ok(text) => Body::Binary(text.into_bytes()),
        Err(bytes) => Body::Binary(bytes.into_bytes()),
    };
    let mut answer = ApiGatewayV2httpResponse::default();
    // And it takes them apart from the headers.
    let cookies = parts.headers.get_all(SET_COOKIE).iter().filter_map(|value| value.to_str().ok());
    answer.cookies = cookies.map(str::to_owned).collect();
    parts.headers.remove(SET_COOKIE);
    answer.status_code = i64::from(parts.status.as_u16());
    answer.headers = parts.headers;
    answer.multi_value_headers = HeaderMap::new();
    answer.is_base64_encoded = matches!(body, Body::Binary(_));
    answer.body = Some(body);
    answer
}
