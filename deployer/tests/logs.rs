//! The functions' logs, as CloudWatch Logs gives them: in pages, late, twice, or not just now.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may panic")]

mod support;

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};
use std::time::{SystemTime, UNIX_EPOCH};

use support::scripted::*;
use support::{Owner, ran};

/// <https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_FilterLogEvents.html>
fn page(events: &[(&str, i64, &str)], next: Option<&str>) -> Answer {
    let event = |(id, at, message): &(&str, i64, &str)| {
        serde_json::json!({
            "eventId": id, "timestamp": at, "ingestionTime": at, "logStreamName": "2026/11/22/[$LATEST]ab",
            "message": message,
        })
    };
    let events: Vec<_> = events.iter().map(event).collect();
    let mut page = serde_json::json!({ "events": events, "searchedLogStreams": [] });
    if let Some(next) = next {
        page["nextToken"] = next.into();
    }
    Answer::Says(200, page.to_string())
}

fn refused(code: &str) -> Answer {
    Answer::Says(400, format!("{{\"__type\":\"{code}\",\"message\":\"Rate exceeded\"}}"))
}

fn aws(pages: Vec<Answer>) -> Scripted {
    Scripted::start(&[
        ("DescribeStacks", vec![stack("UPDATE_COMPLETE")]),
        ("FilterLogEvents", pages),
    ])
}

const ERROR: &str = r#"{"timestamp":"x","level":"ERROR","message":"a hit was not stored"}"#;

#[test]
fn merges_all_pages_of_all_functions_in_chronological_order() {
    let aws = aws(vec![
        // Asked too often, at first.
        refused("ThrottlingException"),
        page(&[("3", 3000, "third")], Some("one")),
        page(&[], Some("two")),
        page(&[("1", 1000, ERROR)], None),
        // The other functions'.
        page(&[("2", 2000, "second"), ("2", 2000, "second")], None),
        page(&[("4", 4000, "fourth")], None),
    ]);
    let owner = Owner::of(&aws.endpoint);
    let ran = owner.runs(&["logs", "--since", "2d"]).ended(0);
    assert_eq!(
        ran.stdout,
        "1970-01-01T00:00:01Z      track      ERROR  a hit was not stored\n\
         1970-01-01T00:00:02Z      dashboard  second\n\
         1970-01-01T00:00:03Z      track      third\n\
         1970-01-01T00:00:04Z      rollup     fourth\n"
    );
    assert_eq!(aws.times("FilterLogEvents"), 6);
}

#[test]
fn skips_functions_that_are_not_deployed_yet() {
    let aws = aws(vec![refused("ResourceNotFoundException"), page(&[("1", 1, ERROR)], None)]);
    let owner = Owner::of(&aws.endpoint);
    let ran = owner.runs(&["logs", "--function", "track", "dashboard", "--json"]).ended(0);
    let event: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(
        (&event["function"], &event["message"]["level"]),
        (&"dashboard".into(), &"ERROR".into())
    );
}

#[test]
fn failures_have_a_message_and_a_hint() {
    let aws = aws(vec![refused("AccessDeniedException")]);
    let owner = Owner::of(&aws.endpoint);
    owner.runs(&["logs"]).ended(1).says("cannot read the logs").says("hint: grant the user");
    owner.runs(&["logs", "--since", "1y"]).ended(2).says("as in 30s, 15m, 1h or 2d");
    owner
        .runs(&["logs", "--function", "rolup"])
        .ended(2)
        .says("the functions are track, dashboard");
    let none = Scripted::start(&[("DescribeStacks", vec![no_stack()])]);
    Owner::of(&none.endpoint).runs(&["logs"]).ended(1).says("stack footfall is not deployed");
}

#[test]
fn follow_prints_each_line_once_and_ends_on_interrupt() {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis();
    let now = i64::try_from(now).unwrap();
    let (first, second) = (("1", now - 5000, "first"), ("2", now - 3000, "second"));
    let aws = aws(vec![
        page(&[first], None),
        page(&[first, second], None),
        page(&[second, ("3", now - 4000, "late")], None),
        page(&[first, second], None),
    ]);
    let owner = Owner::of(&aws.endpoint);
    let mut follow = owner.command(&["logs", "--follow", "--function", "track"]);
    let mut child = follow.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    for expected in ["first", "second", "late"] {
        let line = lines.next().unwrap().unwrap();
        assert!(line.ends_with(expected), "{line}");
    }
    let id = child.id().to_string();
    assert!(Command::new("kill").args(["-INT", &id]).status().unwrap().success());
    assert!(lines.next().is_none());
    let ran = ran(child.wait_with_output().unwrap()).ended(0);
    assert_eq!(ran.stderr, "");
}
