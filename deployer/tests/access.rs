//! Who may look, by its owner's commands: in the table of a stack, against scripted answers, and in the data
//! of `dev`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may panic")]

mod support;

use std::fs;
use std::io::Write as _;
use std::process::{Command, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use footfall_infra::settings::Settings;
use footfall_runtime::auth::AccessMode;
use footfall_runtime::platform::context::SystemContext;
use footfall_runtime::platform::http::Request;
use footfall_runtime::storage::embedded::Embedded;
use footfall_runtime::storage::keys;
use footfall_runtime::storage::{Item, Store as _};
use footfall_runtime::web::Web;
use serde_json::{Value, json};
use support::scripted::*;
use support::{Owner, Ran, ran};

/// A stack with two sites, whose table says this when it is asked.
fn aws(more: &[(&str, Vec<Answer>)]) -> Scripted {
    let settings = r#"{\"sites\":[{\"domain\":\"example.com\"},{\"domain\":\"b.example\"}]}"#;
    let deployed = format!(
        "{{\"Resources\":{{\"F\":{{\"Properties\":{{\"Environment\":{{\"Variables\":{{\
         \"FOOTFALL_SETTINGS\":\"{settings}\"}}}}}}}}}}}}"
    );
    let mut all = vec![
        ("DescribeStacks", vec![stack("UPDATE_COMPLETE")]),
        ("GetTemplate", vec![template(&deployed)]),
    ];
    all.extend_from_slice(more);
    Scripted::start(&all)
}

fn says(value: Value) -> Answer {
    Answer::Says(200, value.to_string())
}

const LOGIN: &str = "https://api.example.com/login?link=";

#[test]
fn a_login_link_is_printed_and_opened_where_there_is_a_browser() {
    let aws = aws(&[]);
    let owner = Owner::of(&aws.endpoint);
    let alone = owner.runs(&["open"]).ended(0).says("No display found").says("works once");
    assert!(alone.stdout.starts_with(LOGIN) && alone.stdout.lines().count() == 1);
    // Each is another one.
    assert_ne!(owner.runs(&["open"]).ended(0).stdout, alone.stdout);
    let opens = |browser: &str, arguments: &[&str]| {
        let mut command = owner.command(arguments);
        ran(command.env("BROWSER", browser).output().unwrap())
    };
    // A browser that is not there is no failure, either.
    opens("/nowhere/browser", &["open"]).ended(0).prints(LOGIN);
    owner.writes("browser", b"#!/bin/sh\nprintf %s \"$1\" > \"$HOME/opened\"\n");
    let browser = owner.path("browser");
    assert!(Command::new("chmod").arg("+x").arg(&browser).status().unwrap().success());
    let site = ["open", "--site", "b.example"];
    let opening = opens(browser.to_str().unwrap(), &site).ended(0).prints(".b.example.");
    let begun = std::time::Instant::now();
    // Browser openers do not wait for the browser.
    let opened = loop {
        match fs::read_to_string(owner.path("opened")) {
            Ok(text) if !text.is_empty() => break text,
            _ => assert!(begun.elapsed().as_secs() < 20, "no browser was opened"),
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    };
    assert_eq!(opened, opening.stdout.trim_end());
    owner
        .runs(&["open", "--site", "c.example"])
        .ended(2)
        .says("the sites are example.com, b.example");
}

#[test]
fn the_key_that_is_there_signs_unless_another_is_asked_for() {
    let key = json!({ "pk": { "S": "access" }, "sk": { "S": "key" }, "v": { "B": BASE64.encode([7; 32]) } });
    // <https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_PutItem.html>
    let there = json!({
        "__type": "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException",
        "Message": "The conditional request failed",
        "Item": key,
    });
    let aws = aws(&[("PutItem", vec![Answer::Says(400, there.to_string()), says(json!({}))])]);
    let owner = Owner::of(&aws.endpoint);
    owner.runs(&["open"]).ended(0).prints(LOGIN);
    assert!(aws.bodies("PutItem").contains("attribute_not_exists"));
    owner.runs(&["open", "--rotate"]).ended(0).prints(LOGIN).says("All browsers are signed out");
    let rotation = aws.bodies("PutItem").split_once("}{").unwrap().1.to_owned();
    assert!(!rotation.contains("attribute_not_exists"), "{rotation}");
}

#[test]
fn where_nothing_is_deployed_nothing_opens() {
    let none = Scripted::start(&[("DescribeStacks", vec![no_stack()])]);
    let owner = Owner::of(&none.endpoint);
    for command in [&["open"][..], &["token", "create"], &["share", "list"]] {
        owner.runs(command).ended(2).says("is not deployed").says("hint: deploy it");
    }
}

#[test]
fn a_token_is_stored_as_its_hash() {
    let aws = aws(&[]);
    let owner = Owner::of(&aws.endpoint);
    owner.runs(&["token", "create"]).ended(2).says("--site with one of example.com, b.example");
    let wrong = ["token", "create", "--site", "c.example"];
    owner.runs(&wrong).ended(2).says("unknown site c.example");
    owner.runs(&["token", "create", "--expires", "soon"]).ended(2).says("time span");
    assert_eq!(aws.times("PutItem"), 0);
    let right = ["token", "create", "--site", "b.example", "--name", "CI", "--expires", "90d"];
    let made = owner.runs(&right).ended(0).says("shown only once").says("for b.example");
    let secret = made.stdout.trim_end();
    assert!(secret.starts_with("fft_") && secret.len() == 47, "{secret}");
    let put: Value = serde_json::from_str(&aws.bodies("PutItem")).unwrap();
    assert!(!put.to_string().contains(&secret[4..]));
    let text = BASE64.decode(put["Item"]["v"]["B"].as_str().unwrap()).unwrap();
    let stored: Value = serde_json::from_slice(&text).unwrap();
    assert_eq!((&stored["site"], &stored["name"]), (&json!("b.example"), &json!("CI")));
    let hash = sha256(secret);
    assert_eq!(put["Item"]["sk"]["S"], format!("token#{hash}"));
    // DynamoDB deletes it when it is over.
    assert!(put["Item"]["ttl"]["N"].is_string());
}

fn sha256(text: &str) -> String {
    use sha2::{Digest as _, Sha256};
    Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn share_link_is_a_url() {
    let aws = aws(&[]);
    let owner = Owner::of(&aws.endpoint);
    let create = ["share", "create", "--site", "example.com"];
    for wrong in
        ["https://blog.example/path", "https://*", "http://blog.example", "x; script-src *"]
    {
        let mut all = create.to_vec();
        all.extend(["--embed", wrong]);
        owner.runs(&all).ended(2).says("invalid origin");
    }
    let mut all = create.to_vec();
    all.extend(["--embed", "https://blog.example", "--embed", "https://docs.example"]);
    let made = owner.runs(&all).ended(0).says("never expires");
    assert!(
        made.stdout.starts_with("https://api.example.com/dashboard?auth=ffs_"),
        "{}",
        made.stdout
    );
    let put: Value = serde_json::from_str(&aws.bodies("PutItem")).unwrap();
    let text = BASE64.decode(put["Item"]["v"]["B"].as_str().unwrap()).unwrap();
    let stored: Value = serde_json::from_slice(&text).unwrap();
    assert_eq!(stored["embed"], json!(["https://blog.example", "https://docs.example"]));
    assert!(put["Item"].get("ttl").is_none());
}

#[test]
fn listed_tokens_can_be_revoked() {
    let item = |sk: &str, value: &Value| json!({ "pk": { "S": "access" }, "sk": { "S": sk }, "v": { "B": BASE64.encode(value.to_string()) } });
    let token = |id: &str, kind: &str| json!({ "id": id, "kind": kind, "site": "example.com", "created": "2026-11-22T13:05:06Z" });
    let page = json!({ "Items": [
        item("token#aa", &token("0000000a", "api")),
        item("token#bb", &token("0000000b", "share")),
    ] });
    let aws = aws(&[("Query", vec![says(page)]), ("DeleteItem", vec![says(json!({}))])]);
    let owner = Owner::of(&aws.endpoint);
    let listed = owner.runs(&["token", "list"]).ended(0);
    assert_eq!(
        listed.stdout,
        "0000000a  example.com  created 2026-11-22T13:05:06Z  never expires\n"
    );
    let listed: Value =
        serde_json::from_str(&owner.runs(&["share", "list", "--json"]).ended(0).stdout).unwrap();
    assert_eq!((listed.as_array().unwrap().len(), &listed[0]["id"]), (1, &json!("0000000b")));
    // A share link cannot be revoked as a token.
    owner.runs(&["token", "revoke", "0000000b"]).ended(1).says("`cargo xtask token list`");
    assert_eq!(aws.times("DeleteItem"), 0);
    owner.runs(&["share", "revoke", "0000000b"]).ended(0).says("was revoked");
    let deleted: Value = serde_json::from_str(&aws.bodies("DeleteItem")).unwrap();
    assert_eq!(deleted["Key"]["sk"]["S"], "token#bb");
}

#[test]
fn explains_a_denied_write() {
    let denied = json!({
        "__type": "com.amazon.coral.service#AccessDeniedException",
        "Message": "User: arn:aws:iam::123456789012:user/Alice is not authorized to perform: dynamodb:PutItem",
    });
    let aws = aws(&[("PutItem", vec![Answer::Says(400, denied.to_string())])]);
    let owner = Owner::of(&aws.endpoint);
    let ran = owner.runs(&["token", "create", "--site", "example.com"]).ended(1);
    assert!(ran.stderr.contains("dynamodb:PutItem") && ran.stdout.is_empty(), "{}", ran.stderr);
}

const ACCESS_LOG: &[u8] = br#"203.0.113.9 - - [20/Nov/2026:13:55:36 +0000] "GET / HTTP/1.1" 200 1"#;

#[test]
fn manages_tokens_in_the_data_of_dev() {
    let owner = Owner::of("http://127.0.0.1:9");
    owner.runs(&["token", "create", "--local"]).ended(2).says("no data of `cargo xtask dev`");
    // The data begin with an import.
    owner.writes("access.log", ACCESS_LOG);
    owner.runs(&["import", "access.log", "--local"]);
    let made = owner.runs(&["token", "create", "--local", "--name", "mine"]).ended(0);
    assert!(made.stdout.starts_with("fft_"));
    let shared = owner.runs(&["share", "create", "--local", "--expires", "1h"]).ended(0);
    let (address, secret) = shared.stdout.trim_end().split_once("?auth=").unwrap();
    assert_eq!(address, "http://127.0.0.1:8787/dashboard");
    let listed = owner.runs(&["token", "list", "--local"]).ended(0).stdout;
    assert!(listed.ends_with("  never expires  mine\n"), "{listed}");
    let id = listed.split(' ').next().unwrap();
    owner.runs(&["token", "revoke", id, "--local"]).ended(0);
    owner.runs(&["token", "revoke", id, "--local"]).ended(1);
    let store = Embedded::open(&owner.path(".footfall")).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let left = runtime.block_on(store.query(&keys::tokens(), None)).unwrap().items;
    let [Item { key, .. }] = &left[..] else { panic!("the share link is left: {left:?}") };
    assert_eq!(key.sk, format!("token#{}", sha256(secret)));
    // As while `dev` runs.
    owner.runs(&["token", "list", "--local"]).ended(1).says("another");
}

/// A command that something is piped into.
fn piped(owner: &Owner, arguments: &[&str], input: &str) -> Ran {
    let mut command = owner.command(arguments);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // One that is refused before it is read leaves nobody who reads.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    ran(child.wait_with_output().unwrap())
}

const PASSWORD: &str = "correct horse battery";

#[test]
fn stores_only_the_hash_of_a_password() {
    let aws = aws(&[
        ("Query", vec![says(json!({ "Items": [] }))]),
        ("DeleteItem", vec![says(json!({}))]),
    ]);
    let owner = Owner::of(&aws.endpoint);
    // Never as an argument.
    owner.runs(&["password", PASSWORD]).ended(2);
    for (input, cause) in [
        ("", "at least 12 characters"),
        ("short\n", "at least 12 characters"),
        (&"x".repeat(257), "at most 256 bytes"),
        (&"x".repeat(1_000_000), "at most 256 bytes"),
    ] {
        piped(&owner, &["password"], input).ended(2).says(cause).says("hint: ");
    }
    assert_eq!(aws.times("PutItem"), 0);
    let set = piped(&owner, &["password"], &format!("{PASSWORD}\r\nanother line\n")).ended(0);
    assert!(set.stdout.is_empty() && !set.stderr.contains(PASSWORD), "{}", set.stderr);
    set.says("Sign in at https://api.example.com/login");
    // First the signing key, if there is none, and then the password.
    let puts = aws.bodies("PutItem").replace("}{", "}\n{");
    let puts: Vec<Value> = puts.lines().map(|put| serde_json::from_str(put).unwrap()).collect();
    let [key, password] = &puts[..] else { panic!("{puts:?}") };
    assert_eq!(key["Item"]["sk"]["S"], "key");
    assert!(key["ConditionExpression"].is_string());
    assert_eq!(password["Item"]["sk"]["S"], "password");
    let hash = BASE64.decode(password["Item"]["v"]["B"].as_str().unwrap()).unwrap();
    let hash = String::from_utf8(hash).unwrap();
    assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");

    owner.runs(&["password", "--remove"]).ended(0).says("No password was set");
    let deleted: Value = serde_json::from_str(&aws.bodies("DeleteItem")).unwrap();
    assert_eq!(deleted["Key"]["sk"]["S"], "password");
    // Nobody is signed out who need not be.
    assert_eq!(aws.times("PutItem"), 2);
    owner
        .runs(&["password", "--remove", "--sign-out"])
        .ended(0)
        .says("All browsers are signed out");
    assert_eq!(aws.times("PutItem"), 3);
}

#[test]
fn password_signs_in_until_it_is_removed() {
    let owner = Owner::of("http://127.0.0.1:9");
    piped(&owner, &["password", "--local"], PASSWORD).ended(2).says("no data of");
    owner.writes("access.log", ACCESS_LOG);
    owner.runs(&["import", "access.log", "--local"]).ended(0);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    // `dev --closed` answers to a password.
    let tries = |password: &str| {
        let store = Embedded::open(&owner.path(".footfall")).unwrap();
        let dashboard =
            Web::new(Settings::local(), store, SystemContext, AccessMode::Closed).unwrap();
        let form = format!("password={}", password.replace(' ', "+"));
        let request = Request {
            method: "POST".to_owned(),
            path: "/login".to_owned(),
            query: String::new(),
            headers: http::HeaderMap::new(),
            body: form.into_bytes(),
            peer: "203.0.113.9".parse().unwrap(),
        };
        let answer = runtime.block_on(dashboard.handle(&request));
        (answer.status().as_u16(), answer.headers().contains_key("set-cookie"))
    };
    assert_eq!(tries(PASSWORD), (403, false));
    piped(&owner, &["password", "--local"], PASSWORD)
        .ended(0)
        .says("Sign in at `cargo xtask dev --closed`");
    assert_eq!(tries(PASSWORD), (303, true));
    assert_eq!(tries("correct horse bakery"), (403, false));
    piped(&owner, &["password", "--local"], "quite another one").ended(0);
    assert_eq!(tries(PASSWORD), (403, false));
    assert_eq!(tries("quite another one"), (303, true));
    owner.runs(&["password", "--remove", "--local"]).ended(0).says("Password removed");
    assert_eq!(tries("quite another one"), (403, false));
}
