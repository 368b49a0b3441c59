//! What doctor says of an AWS that is well, refuses, or lives at another time: the real command against
//! scripted answers.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may panic")]

mod support;

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::thread;

use support::scripted::*;
use support::{Owner, Ran};

/// The machine's own architecture: its toolchain may lack the other one's library.
fn doctor(owner: &Owner, arguments: &[&str]) -> Ran {
    let mut all = vec!["doctor", "--arch", "x86_64"];
    all.extend(arguments);
    owner.runs(&all)
}

/// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html>
fn no_table() -> Answer {
    let kind = "com.amazonaws.dynamodb.v20120810#ResourceNotFoundException";
    Answer::Says(
        400,
        format!("{{\"__type\":\"{kind}\",\"message\":\"Table: footfall not found\"}}"),
    )
}

#[test]
fn reports_a_healthy_account() {
    let aws = Scripted::start(&[
        ("DescribeStacks", vec![stack("UPDATE_COMPLETE")]),
        ("DescribeTable", vec![no_table()]),
    ]);
    doctor(&Owner::of(&aws.endpoint), &[])
        .prints("ok     settings    footfall.yaml has the site example.com\n")
        .prints("ok     region      eu-central-1\n")
        .prints(
            "ok     credentials account 123456789012, as arn:aws:iam::123456789012:user/Alice\n",
        )
        .prints("ok     clock       as AWS has it")
        .prints("ok     permission  cloudformation:DescribeStacks is allowed\n")
        .prints("ok     permission  s3:ListBucket is allowed\n")
        .prints("ok     permission  dynamodb:DescribeTable is allowed\n")
        .prints("ok     stack       footfall: up to date (UPDATE_COMPLETE)\n");
    // Nothing is changed by looking.
    let reads = [
        "GetCallerIdentity",
        "DescribeStacks",
        "DescribeTable",
        "HEAD bucket",
        "GetTemplate",
        "GetAccountSettings",
    ];
    assert!(aws.asked().iter().all(|asked| reads.contains(&asked.as_str())), "{:?}", aws.asked());
}

#[test]
fn reports_denied_permissions_and_checks_the_rest() {
    let denied = "User: arn:aws:iam::123456789012:user/Alice is not authorized to perform: \
                  cloudformation:DescribeStacks";
    let aws = Scripted::start(&[
        ("DescribeStacks", vec![error(403, "AccessDenied", denied)]),
        ("HEAD bucket", vec![Answer::Says(403, String::new())]),
        ("DescribeTable", vec![no_table()]),
    ]);
    let owner = Owner::of(&aws.endpoint);
    owner.writes("footfall.yaml", b"sites:\n  - domain: https://example.com\n");
    let ran = doctor(&owner, &["--json"]).ended(1);
    let report: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(report["ok"], false);
    let states = |check: &str| -> Vec<&str> {
        let all = report["checks"].as_array().unwrap().iter();
        all.filter(|c| c["check"] == check).map(|c| c["state"].as_str().unwrap()).collect()
    };
    assert_eq!(states("settings"), ["wrong"]);
    assert_eq!(states("credentials"), ["ok"]);
    assert_eq!(states("permission"), ["wrong", "wrong", "ok"]);
    assert_eq!(states("stack"), ["unknown"]);
    let said = ran.stdout;
    assert!(said.contains(denied) && said.contains("s3:ListBucket: no access"), "{said}");
}

#[test]
fn checks_the_rest_without_region_and_credentials() {
    let owner = Owner::of("http://127.0.0.1:9");
    let mut command = owner.command(&["doctor"]);
    command.env_remove("AWS_REGION").env_remove("AWS_ACCESS_KEY_ID");
    let output = command.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    let ran = Ran {
        code: output.status.code().unwrap(),
        stdout: text(output.stdout),
        stderr: text(output.stderr),
    };
    // However many lines others have to say.
    assert_eq!(ran.stdout.lines().count(), 9, "{}", ran.stdout);
    ran.ended(1)
        .prints("ok     settings")
        .prints("FAIL   region      no AWS region configured; pass --region")
        .prints("FAIL   credentials no credentials for AWS; run `aws configure sso`")
        .prints("?      clock       unknown")
        .prints("?      permission  unknown")
        .prints("?      stack       unknown");
}

#[test]
fn finds_a_wrong_clock_by_the_date_of_the_answer() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let owner = Owner::of(&format!("http://{}", listener.local_addr().unwrap()));
    // An AWS in which it is still 2015, and which knows nobody.
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let _ = stream.read(&mut [0; 16 * 1024]);
            let _ = stream.write_all(
                b"HTTP/1.1 403 Forbidden\r\nDate: Wed, 21 Oct 2015 07:28:00 GMT\r\n\
                  Content-Length: 0\r\nConnection: close\r\n\r\n",
            );
        }
    });
    doctor(&owner, &[])
        .ended(1)
        .prints("FAIL   clock       this machine's clock is ")
        .prints(" days ahead of that of AWS; set it");
}
