//! Events that are not valid, a table out of reach, and an incomplete environment.

use std::net::SocketAddr;

use footfall_runtime::auth::{COOKIE_NAME, Session, SigningKey};
use footfall_testkit::dynamodb_local;
use footfall_testkit::runtime_api::{Function, fails_to_start};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{DASHBOARD, ROLLUP, TRACK, event, sent, signed_in, variables};

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs DynamoDB Local: run cargo xtask test"]
async fn function_survives_invalid_events() {
    let (_, table) = dynamodb_local::table("no-event").await;
    let track = Function::start(TRACK, &variables(dynamodb_local::address(), &table)).await;
    let mut broken = event("track");
    broken["isBase64Encoded"] = true.into();
    for nonsense in [json!({}), json!([]), json!("ping"), json!({ "version": "2.0" }), broken] {
        // Either an error, or an answer with the status of one.
        if let Ok(answer) = track.invoke(&nonsense).await {
            assert!(answer["statusCode"].as_u64().unwrap() >= 400, "{nonsense}: {answer}");
        }
    }
    assert_eq!(sent(&track, &event("track")).await.status, 202);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs DynamoDB Local: run cargo xtask test"]
async fn hits_that_cannot_be_stored_are_not_accepted() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let unreachable = free.local_addr().unwrap();
    drop(free);
    let check = async |what: &str, endpoint, status, dropped: &str, cause: &str| {
        let variables = variables(endpoint, "there-is-no-such-table");
        let track = Function::start(TRACK, &variables).await;
        let answer = sent(&track, &event("track")).await;
        assert_eq!(
            (answer.status, answer.header("x-footfall-dropped")),
            (status, dropped),
            "{what}"
        );
        // The message of AWS is only in the owner's log.
        assert!(!answer.text().contains("there-is-no-such-table"), "{}", answer.text());
        assert_eq!(answer.header("retry-after"), if status == 503 { "1" } else { "" }, "{what}");
        check_log(&track.log(), "a hit was not stored", cause);
        let dashboard = Function::start(DASHBOARD, &variables).await;
        // The page that asks to sign in needs no table.
        assert_eq!(sent(&dashboard, &event("dashboard")).await.status, 401);
        let session = Session::new(Timestamp::now()).signed(&SigningKey::new([1; 32]));
        let cookie = format!("{COOKIE_NAME}={session}");
        let answer = sent(&dashboard, &signed_in("dashboard", &cookie)).await;
        assert_eq!(answer.status, status, "{what}: {}", answer.text());
        assert!(!answer.text().contains("there-is-no-such-table"), "{}", answer.text());
        check_log(&dashboard.log(), "cannot make a report", cause);
        // Lambda counts the error and retries. The alarm of the stack watches that count alone.
        let rollup = Function::start(ROLLUP, &variables).await;
        let error = rollup.invoke(&json!({})).await.expect_err("the rollup must fail");
        assert!(error["errorMessage"].as_str().unwrap().contains(cause), "{what}: {error}");
        check_log(&rollup.log(), "a run failed", cause);
    };
    let local = dynamodb_local::address();
    check("no table", local, 500, "broken", "ResourceNotFoundException").await;
    check("out of reach", unreachable, 503, "unavailable", "Connection refused").await;
}

/// Asserts that the log has one line of JSON with the cause, and nothing of a visitor.
fn check_log(log: &str, message: &str, cause: &str) {
    let lines: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let [line] = &lines[..] else { panic!("one line: {log}") };
    assert_eq!((line["level"].as_str(), line["message"].as_str()), (Some("ERROR"), Some(message)));
    assert!(line["error"].as_str().unwrap().contains(cause), "{log}");
    for secret in ["203.0.113.9", "Firefox", "rust-on-lambda"] {
        assert!(!log.contains(secret), "{secret}: {log}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn missing_variables_are_named() {
    // Never connected to.
    let unreachable = SocketAddr::from(([127, 0, 0, 1], 9));
    let whole = variables(unreachable, "t");
    for binary in [TRACK, DASHBOARD, ROLLUP] {
        let check = async |variables: &[(&str, String)], expected: &[&str]| {
            let (status, said) = fails_to_start(binary, variables).await;
            assert!(!status.success(), "{expected:?}");
            for part in expected {
                assert!(said.contains(part), "{said:?} should say {part:?}");
            }
        };
        let needed = [
            "FOOTFALL_TABLE",
            "FOOTFALL_SETTINGS",
            "AWS_REGION",
            "AWS_ACCESS_KEY_ID",
            "AWS_SECRET_ACCESS_KEY",
        ];
        for name in needed {
            let without: Vec<_> = whole.iter().filter(|v| v.0 != name).cloned().collect();
            check(&without, &[&format!("missing environment variable {name}")]).await;
            let empty: Vec<_> = without.into_iter().chain([(name, String::new())]).collect();
            check(&empty, &[&format!("missing environment variable {name}")]).await;
        }
        for (wrong, what) in
            [("", "missing"), ("{", "EOF"), ("{}", "`sites`"), (r#"{"sites":[]}"#, "no site")]
        {
            let mut variables = whole.clone();
            variables.retain(|v| v.0 != "FOOTFALL_SETTINGS");
            variables.push(("FOOTFALL_SETTINGS", wrong.to_owned()));
            check(&variables, &["FOOTFALL_SETTINGS", what]).await;
        }
    }
}
