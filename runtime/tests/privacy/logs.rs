//! What the real function writes to its log, which is its standard error.

use std::net::SocketAddr;

use serde_json::{Value, json};

use super::world::{ADDRESS, BROWSER};
use footfall_testkit::fake;
use footfall_testkit::runtime_api::Function;

/// The function `track`, over a server that answers like DynamoDB.
async fn track(endpoint: SocketAddr) -> Function {
    let settings = r#"{"sites":[{"domain":"example.com"}]}"#.to_owned();
    let own = [("FOOTFALL_TABLE", "footfall".to_owned()), ("FOOTFALL_SETTINGS", settings)];
    let variables = footfall_testkit::dynamodb_local::variables(endpoint).into_iter().chain(own);
    Function::start(env!("CARGO_BIN_EXE_track"), &variables.collect::<Vec<_>>()).await
}

/// The event of API Gateway when the reader's browser sends a body.
fn event(browser: &str, body: &Value) -> Value {
    let file = format!("{}/tests/data/events/track.json", env!("CARGO_MANIFEST_DIR"));
    let mut event: Value = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    event["headers"]["user-agent"] = browser.into();
    event["headers"]["x-forwarded-for"] = ADDRESS.into();
    event["headers"]["referer"] = "https://example.com/read".into();
    event["requestContext"]["http"]["sourceIp"] = ADDRESS.into();
    event["requestContext"]["http"]["userAgent"] = browser.into();
    event["body"] = body.to_string().into();
    event
}

async fn sent(track: &Function, browser: &str, body: Value) -> u64 {
    let answer = track.invoke(&event(browser, &body)).await.unwrap();
    answer["statusCode"].as_u64().unwrap()
}

/// > A hit is not logged, whether it is stored, excluded or rejected.
#[tokio::test(flavor = "multi_thread")]
async fn hits_are_not_logged() {
    let endpoint = fake::serve(|asked| async move {
        let target = asked.headers["x-amz-target"].to_str().unwrap().to_owned();
        let answer = match target.ends_with(".Query") {
            true => r#"{"Items":[],"Count":0,"ScannedCount":0}"#,
            false => "{}",
        };
        fake::json(200, answer)
    })
    .await;
    let track = track(endpoint).await;
    let page = json!({ "u": "https://example.com/read" });
    assert_eq!(sent(&track, BROWSER, page.clone()).await, 202);
    assert_eq!(sent(&track, "Googlebot/2.1", page).await, 202);
    assert_eq!(sent(&track, BROWSER, json!({ "u": "https://elsewhere.example/" })).await, 403);
    assert_eq!(sent(&track, BROWSER, json!("nonsense")).await, 400);
    assert_eq!(track.log(), "");
}

/// > If the store cannot take a hit, the log has the store's error, but nothing about the visitor.
#[tokio::test(flavor = "multi_thread")]
async fn logged_errors_omit_the_visitor() {
    let endpoint = fake::serve(|_| async {
        let refused = "com.amazonaws.dynamodb.v20120810#ResourceNotFoundException";
        fake::json(400, json!({ "__type": refused, "message": "no such table" }).to_string())
    })
    .await;
    let track = track(endpoint).await;
    let read = json!({ "u": "https://example.com/read" });
    assert_eq!(sent(&track, BROWSER, read).await, 500);
    let log = track.log();
    let line: Value = serde_json::from_str(log.lines().last().unwrap()).unwrap();
    assert_eq!(line["message"], "a hit was not stored");
    assert!(line["error"].as_str().unwrap().contains("ResourceNotFoundException"), "{log}");
    for secret in [ADDRESS, "Reader-of-e.x", "Firefox", "/read"] {
        assert!(!log.contains(secret), "{secret}: {log}");
    }
}
