//! What is left of a table that is deleted: the file that is written first. The real command against
//! scripted answers.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may panic")]

mod support;

use std::process::{Command, Stdio};
use std::time::Duration;
use std::{fs, thread};

use serde_json::{Value, json};
use support::scripted::*;
use support::{Owner, Ran, exported, ran};

fn says(value: Value) -> Answer {
    Answer::Says(200, value.to_string())
}

fn fails(code: &str) -> Answer {
    let code = format!("com.amazonaws.dynamodb.v20120810#{code}");
    Answer::Says(400, json!({ "__type": code, "message": "no" }).to_string())
}

/// An account in which nothing is left but the table, which says this when it is read. The answers are
/// those of <https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_Operations.html>
fn aws(pages: Vec<Answer>) -> Scripted {
    let table = json!({ "Table": {
        "TableName": "footfall", "ItemCount": 3, "TableStatus": "ACTIVE",
        "TableArn": "arn:aws:dynamodb:eu-central-1:123456789012:table/footfall",
    } });
    let tags = json!({ "Tags": [{ "Key": "footfall:stack", "Value": "footfall" }] });
    Scripted::start(&[
        ("DescribeStacks", vec![no_stack()]),
        ("HEAD bucket", vec![Answer::Says(404, String::new())]),
        ("DescribeTable", vec![says(table)]),
        ("ListTagsOfResource", vec![says(tags)]),
        ("Scan", pages),
        ("UpdateTable", vec![says(json!({}))]),
        ("DeleteTable", vec![says(json!({})), fails("ResourceNotFoundException")]),
    ])
}

fn destroy(owner: &Owner, more: &[&str]) -> Ran {
    let mut all = vec!["destroy", "--yes", "--delete-data", "--site", "example.com"];
    all.extend(more);
    owner.runs(&all)
}

fn hit(sk: &str) -> Value {
    json!({ "pk": { "S": "hit#example.com#2026-11-22T13#00" }, "sk": { "S": sk }, "v": { "B": "eyJ9" },
            "ttl": { "N": "1797944706" } })
}

fn salt() -> Value {
    json!({ "pk": { "S": "salt" }, "sk": { "S": "2026-11-22" }, "v": { "B": "c2VjcmV0" } })
}

fn access(sk: &str) -> Value {
    json!({ "pk": { "S": "access" }, "sk": { "S": sk }, "v": { "B": "c2VjcmV0" } })
}

#[test]
fn all_but_the_secrets_is_written_before_the_table_goes() {
    let key = json!({ "pk": { "S": "a" }, "sk": { "S": "b" } });
    let aws = aws(vec![
        says(json!({ "Items": [hit("1"), salt(), access("key")], "LastEvaluatedKey": key })),
        // A page may be empty although others follow.
        says(json!({ "Items": [], "LastEvaluatedKey": key })),
        // A password's hash would allow guessing.
        says(json!({ "Items": [access("password")], "LastEvaluatedKey": key })),
        // A token's item does not contain its secret.
        says(json!({ "Items": [access("token#ab"), hit("2")] })),
    ]);
    let owner = Owner::of(&aws.endpoint);
    destroy(&owner, &["--export", "out.json.gz"])
        .ended(0)
        .says("all data is exported to out.json.gz")
        .says("Exported 3 items to out.json.gz")
        .says("Deleted the table footfall");
    assert_eq!(exported(&owner.path("out.json.gz")), [hit("1"), access("token#ab"), hit("2")]);
    let asked = aws.asked();
    let last_scan = asked.iter().rposition(|asked| asked == "Scan").unwrap();
    let unprotected = asked.iter().position(|asked| asked == "UpdateTable").unwrap();
    assert!(last_scan < unprotected, "{asked:?}");
    // Nobody else may read it.
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = fs::metadata(owner.path("out.json.gz")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}

#[test]
fn without_an_export_nothing_is_deleted() {
    let key = json!({ "pk": { "S": "a" }, "sk": { "S": "b" } });
    let half = says(json!({ "Items": [hit("1")], "LastEvaluatedKey": key }));
    let keyless = says(json!({ "Items": [{ "v": { "S": "?" } }] }));
    let failures = [
        (vec![half, fails("AccessDeniedException")], "cannot read the table: access denied"),
        (vec![keyless], "an item has no key"),
    ];
    for (pages, cause) in failures {
        let aws = aws(pages);
        let owner = Owner::of(&aws.endpoint);
        destroy(&owner, &[]).ended(1).says("nothing was deleted").says(cause).says("hint: ");
        assert_eq!((aws.times("UpdateTable"), aws.times("DeleteTable")), (0, 0));
        // Nor is a part of it left.
        let left: Vec<_> =
            fs::read_dir(owner.path("")).unwrap().map(|f| f.unwrap().file_name()).collect();
        assert_eq!(left, ["footfall.yaml"]);
    }
    let aws = aws(vec![says(json!({ "Items": [] }))]);
    let owner = Owner::of(&aws.endpoint);
    destroy(&owner, &["--export", "no/such/folder.gz"]).ended(1).says("nothing was deleted");
    destroy(&owner, &["--export", "footfall.yaml"]).ended(2).says("footfall.yaml already exists");
    assert!(fs::read_to_string(owner.path("footfall.yaml")).unwrap().starts_with("sites:"));
    assert_eq!(aws.times("DeleteTable"), 0);
}

/// Ctrl-C while the table is read: the file that was begun is gone, and the table is not.
#[test]
fn deletes_nothing_when_interrupted() {
    let key = json!({ "pk": { "S": "a" }, "sk": { "S": "b" } });
    // Page after page, without an end.
    let aws = aws(vec![says(json!({ "Items": [hit("1")], "LastEvaluatedKey": key }))]);
    let owner = Owner::of(&aws.endpoint);
    let all = ["destroy", "--yes", "--delete-data", "--site", "example.com"];
    let child = owner.command(&all).stderr(Stdio::piped()).spawn().unwrap();
    while aws.times("Scan") < 3 {
        thread::sleep(Duration::from_millis(10));
    }
    let interrupted = Command::new("kill").args(["-INT", &child.id().to_string()]).status();
    assert!(interrupted.unwrap().success());
    ran(child.wait_with_output().unwrap()).ended(1).says("error: stopped");
    assert_eq!(aws.times("UpdateTable"), 0);
    let left: Vec<_> =
        fs::read_dir(owner.path("")).unwrap().map(|f| f.unwrap().file_name()).collect();
    assert_eq!(left, ["footfall.yaml"]);
}
