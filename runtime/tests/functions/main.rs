//! The functions as Lambda runs them: the real binaries with a fake Runtime API, DynamoDB Local, and events as
//! API Gateway sends them (data/events).

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test ends there")]
#![allow(clippy::print_stdout, reason = "measurements are for the reader")]

mod failures;
mod rollup;
mod salt;
mod tracking;

use std::net::SocketAddr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use footfall_infra::settings::Settings;
use footfall_runtime::auth::admin;
use footfall_runtime::platform::context::SystemContext;
use footfall_runtime::storage::dynamodb::DynamoDb;
use footfall_testkit::runtime_api::Function;
use footfall_testkit::{dynamodb_local, http};
use serde_json::{Value, json};

const TRACK: &str = env!("CARGO_BIN_EXE_track");
const DASHBOARD: &str = env!("CARGO_BIN_EXE_dashboard");
const ROLLUP: &str = env!("CARGO_BIN_EXE_rollup");

/// Reads an event of data/events.
fn event(name: &str) -> Value {
    let file = format!("{}/tests/data/events/{name}.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap()
}

/// Reads an event and adds a session cookie, as the gateway passes it on.
fn signed_in(name: &str, cookie: &str) -> Value {
    let mut event = event(name);
    event["cookies"] = json!(["theme=dark", cookie]);
    event
}

/// Signs in with a login link, by the button on its page. Returns the session cookie.
async fn sign_in(dashboard: &Function, store: &DynamoDb) -> String {
    let key = admin::signing_key(store, &SystemContext).await.unwrap();
    let link = admin::login_link(&SystemContext, &key, None).unwrap();
    let answer = sent(dashboard, &button(&link)).await;
    assert_eq!((answer.status, answer.header("location")), (303, "/dashboard"));
    // The gateway expects cookies in a list of their own, and drops them from the headers.
    assert_eq!(answer.header("set-cookie"), "");
    let [cookie] = &answer.cookies[..] else { panic!("one cookie: {:?}", answer.cookies) };
    assert!(cookie.ends_with("; Path=/; HttpOnly; Secure; SameSite=Lax"), "{cookie}");
    // The link works once.
    assert_eq!(sent(dashboard, &button(&link)).await.status, 403);
    cookie.split(';').next().unwrap().to_owned()
}

/// Builds the event that a browser sends when the button on the page of a login link is pressed.
fn button(link: &str) -> Value {
    let mut event = event("dashboard");
    event["routeKey"] = "POST /login".into();
    event["rawPath"] = "/login".into();
    event["rawQueryString"] = "".into();
    event["requestContext"]["http"]["method"] = "POST".into();
    event["requestContext"]["http"]["path"] = "/login".into();
    let host = event["headers"]["host"].as_str().unwrap();
    event["headers"]["origin"] = format!("https://{host}").into();
    event["headers"]["content-type"] = "application/x-www-form-urlencoded".into();
    event["headers"]["sec-fetch-site"] = "same-origin".into();
    event["body"] = BASE64.encode(format!("link={link}")).into();
    event["isBase64Encoded"] = true.into();
    event
}

/// Returns the environment of a function with a table, as the stack sets it.
fn variables(endpoint: SocketAddr, table: &str) -> Vec<(&'static str, String)> {
    let settings = Settings::from_yaml("sites: [{domain: example.com}]").unwrap();
    let own =
        [("FOOTFALL_TABLE", table.to_owned()), ("FOOTFALL_SETTINGS", settings.to_json().unwrap())];
    dynamodb_local::variables(endpoint).into_iter().chain(own).collect()
}

/// An answer as the gateway passes it on.
struct Sent {
    status: u64,
    headers: Value,
    cookies: Vec<String>,
    is_base64: bool,
    body: Vec<u8>,
}

impl Sent {
    fn header(&self, name: &str) -> &str {
        self.headers[name].as_str().unwrap_or_default()
    }

    fn text(&self) -> String {
        let body = match self.header("content-encoding") {
            "gzip" => http::gunzip(&self.body),
            _ => self.body.clone(),
        };
        String::from_utf8(body).unwrap()
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.text()).unwrap()
    }
}

/// Invokes a function and reads its answer as strictly as API Gateway, which answers 500 if it cannot.
async fn sent(function: &Function, event: &Value) -> Sent {
    let answer = function.invoke(event).await.unwrap_or_else(|error| panic!("{error}"));
    let headers = answer["headers"].clone();
    for (name, value) in headers.as_object().unwrap() {
        assert!(value.is_string(), "{name}: {value}");
    }
    let is_base64 = answer["isBase64Encoded"].as_bool().unwrap();
    let body = answer["body"].as_str().unwrap();
    let body = if is_base64 { BASE64.decode(body).unwrap() } else { body.as_bytes().to_vec() };
    let cookies = serde_json::from_value(answer["cookies"].clone()).unwrap();
    let sent =
        Sent { status: answer["statusCode"].as_u64().unwrap(), headers, cookies, is_base64, body };
    // Every answer has the security headers.
    assert_eq!(sent.header("x-content-type-options"), "nosniff");
    assert_eq!(sent.header("strict-transport-security"), "max-age=31536000");
    assert_eq!(sent.header("referrer-policy"), "same-origin");
    assert!(sent.header("content-security-policy").contains("frame-ancestors 'none'"));
    sent
}

/// Returns page views, visitors and events.
fn counted(of: &Value) -> (u64, u64, u64) {
    let number = |name: &str| of[name].as_u64().unwrap_or_else(|| panic!("no {name}: {of}"));
    (number("views"), number("visitors"), number("events"))
}
