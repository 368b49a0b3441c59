//! What deploy and destroy make of the states, refusals and accidents of AWS that no emulator has: the
//! real command against scripted answers.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may panic")]

mod support;

use support::scripted::*;
use support::{Owner, Ran};

/// A stack event that was there before.
const BEFORE: (&str, &str, &str) = ("footfall", "CREATE_COMPLETE", "");

/// The events of an update that succeeds: first those before it, then all.
fn an_update() -> Vec<Answer> {
    vec![
        events(&[BEFORE]),
        events(&[
            BEFORE,
            ("footfall", "UPDATE_IN_PROGRESS", "User Initiated"),
            ("TrackFunction", "UPDATE_IN_PROGRESS", ""),
        ]),
        events(&[
            BEFORE,
            ("footfall", "UPDATE_IN_PROGRESS", "User Initiated"),
            ("TrackFunction", "UPDATE_IN_PROGRESS", ""),
            ("TrackFunction", "UPDATE_COMPLETE", ""),
            ("footfall", "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", ""),
            ("footfall", "UPDATE_COMPLETE", ""),
        ]),
    ]
}

/// The events that end what was begun in a stack that could not be made, and then make it.
fn cleared_and_made() -> Vec<Answer> {
    let deleted = [
        ("footfall", "ROLLBACK_COMPLETE", ""),
        ("footfall", "DELETE_IN_PROGRESS", "User Initiated"),
        ("footfall", "DELETE_COMPLETE", ""),
    ];
    let made = [
        ("footfall", "REVIEW_IN_PROGRESS", ""),
        ("footfall", "CREATE_IN_PROGRESS", ""),
        ("footfall", "CREATE_COMPLETE", ""),
    ];
    vec![events(&deleted[..1]), events(&deleted), events(&made[..1]), events(&made)]
}

fn deploy(aws: &Scripted, arguments: &[&str]) -> Ran {
    let owner = Owner::of(&aws.endpoint);
    owner.has_functions();
    owner.deploys(arguments)
}

#[test]
fn update_shows_plan_progress_and_snippet() {
    let aws = Scripted::start(&[
        ("DescribeStacks", vec![stack("UPDATE_COMPLETE")]),
        ("DescribeStackEvents", an_update()),
    ]);
    deploy(&aws, &["--yes"])
        .ended(0)
        .says("Account  123456789012")
        .says("Plan: 1 to add, 1 to change, 0 to remove")
        .says("22:26:28  UPDATE_COMPLETE       TrackFunction  0.0 s")
        .prints("Dashboard: https://api.example.com/dashboard")
        .prints("Private. Run `cargo xtask open` to sign in.")
        .prints("src=\"https://api.example.com/js/footfall.js\"");
    assert_eq!(aws.times("ExecuteChangeSet"), 1);
    // The key that login links are signed with is made, unless there is one.
    assert_eq!(aws.times("PutItem"), 1);
    let key: serde_json::Value = serde_json::from_str(&aws.bodies("PutItem")).unwrap();
    assert_eq!(key["Item"]["sk"]["S"], "key");
    assert_eq!(key["ConditionExpression"], "attribute_not_exists(pk)");
}

#[test]
fn deletes_a_stack_that_could_not_be_created_first() {
    for status in ["ROLLBACK_COMPLETE", "REVIEW_IN_PROGRESS"] {
        let aws = Scripted::start(&[
            (
                "DescribeStacks",
                vec![stack(status), stack(status), no_stack(), stack("CREATE_COMPLETE")],
            ),
            ("DescribeStackEvents", cleared_and_made()),
        ]);
        deploy(&aws, &["--yes"]).ended(0).says(status);
        let asked = aws.asked();
        let at = |operation| asked.iter().position(|asked| asked == operation).unwrap();
        assert!(at("DeleteStack") < at("CreateChangeSet"), "{asked:?}");
    }
}

#[test]
fn continues_a_failed_rollback() {
    let back = [
        BEFORE,
        ("footfall", "UPDATE_ROLLBACK_IN_PROGRESS", ""),
        ("footfall", "UPDATE_ROLLBACK_COMPLETE", ""),
    ];
    let mut all = vec![events(&back[..1]), events(&back)];
    all.extend(an_update());
    let aws = Scripted::start(&[
        (
            "DescribeStacks",
            vec![
                stack("UPDATE_ROLLBACK_FAILED"),
                stack("UPDATE_ROLLBACK_FAILED"),
                stack("UPDATE_ROLLBACK_COMPLETE"),
            ],
        ),
        ("DescribeStackEvents", all),
    ]);
    deploy(&aws, &["--yes"]).ended(0).says("so did its rollback");
    assert_eq!(aws.times("ContinueUpdateRollback"), 1);
}

#[test]
fn gives_up_when_the_rollback_fails_again() {
    let back = [BEFORE, ("footfall", "UPDATE_ROLLBACK_FAILED", "")];
    let aws = Scripted::start(&[
        ("DescribeStacks", vec![stack("UPDATE_ROLLBACK_FAILED")]),
        ("DescribeStackEvents", vec![events(&back[..1]), events(&back)]),
    ]);
    deploy(&aws, &["--yes"]).ended(1).says("recovery did not help");
    assert_eq!(aws.times("ContinueUpdateRollback"), 1);
}

#[test]
fn waits_for_an_operation_in_progress() {
    let mut all = vec![events(&[BEFORE]), events(&[BEFORE]), events(&[BEFORE])];
    all.extend(an_update());
    let aws = Scripted::start(&[
        (
            "DescribeStacks",
            vec![
                stack("UPDATE_IN_PROGRESS"),
                stack("UPDATE_IN_PROGRESS"),
                stack("UPDATE_IN_PROGRESS"),
                stack("UPDATE_COMPLETE"),
            ],
        ),
        ("DescribeStackEvents", all),
    ]);
    deploy(&aws, &["--yes"]).ended(0).says("an operation is in progress");
}

/// The reasons are those of
/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-updating-stacks-changesets-create.html>
#[test]
fn succeeds_without_changes() {
    let reasons = [
        "The submitted information didn&apos;t contain changes. Submit different information to \
         create a change set.",
        "No updates are to be performed.",
    ];
    for reason in reasons {
        let aws = Scripted::start(&[
            ("DescribeStacks", vec![stack("UPDATE_COMPLETE")]),
            ("DescribeChangeSet", vec![failed_change_set(reason)]),
        ]);
        deploy(&aws, &["--yes"])
            .ended(0)
            .says("Nothing to change")
            .prints("Dashboard: https://api.example.com/dashboard");
        // It is not left behind.
        assert_eq!(aws.times("DeleteChangeSet"), 1);
        assert_eq!(aws.times("ExecuteChangeSet"), 0);
    }
}

#[test]
fn reports_why_aws_rejects_a_change() {
    let aws = Scripted::start(&[
        ("DescribeStacks", vec![stack("UPDATE_COMPLETE")]),
        ("DescribeChangeSet", vec![failed_change_set("Template error: no")]),
    ]);
    deploy(&aws, &["--yes"]).ended(1).says("AWS rejects this change: Template error: no");
    assert_eq!(aws.times("DeleteChangeSet"), 1);
}

#[test]
fn failure_reports_the_first_cause_and_the_state() {
    let aws = Scripted::start(&[
        ("DescribeStacks", vec![stack("UPDATE_COMPLETE")]),
        (
            "DescribeStackEvents",
            vec![
                events(&[BEFORE]),
                events(&[
                    BEFORE,
                    ("footfall", "UPDATE_IN_PROGRESS", "User Initiated"),
                    ("DashboardFunction", "UPDATE_FAILED", "Resource update cancelled"),
                    ("TrackFunction", "UPDATE_FAILED", "Error occurred while GetObject. NoSuchKey"),
                    ("footfall", "UPDATE_ROLLBACK_IN_PROGRESS", "The following resource(s) failed"),
                    ("footfall", "UPDATE_ROLLBACK_COMPLETE", ""),
                ]),
            ],
        ),
    ]);
    deploy(&aws, &["--yes"])
        .ended(1)
        .says(
            "error: the change failed: TrackFunction (AWS::Lambda::Function): Error occurred while \
             GetObject. NoSuchKey",
        )
        .says("the last change failed; the previous version is running (UPDATE_ROLLBACK_COMPLETE)");
}

#[test]
fn expired_credentials_have_a_message_and_a_hint() {
    // https://docs.aws.amazon.com/STS/latest/APIReference/CommonErrors.html
    let expired = "The security token included in the request is expired";
    let aws = Scripted::start(&[("GetCallerIdentity", vec![error(403, "ExpiredToken", expired)])]);
    deploy(&aws, &["--yes"])
        .ended(1)
        .says("error: cannot ask AWS who you are: the AWS credentials have expired")
        .says("hint: renew them, for example with `aws sso login`");
    assert_eq!(aws.asked(), ["GetCallerIdentity"]);
}

#[test]
fn reports_the_missing_permission() {
    let denied = "User: arn:aws:iam::123456789012:user/Alice is not authorized to perform: \
                  cloudformation:CreateChangeSet";
    let aws = Scripted::start(&[
        ("DescribeStacks", vec![no_stack()]),
        ("CreateChangeSet", vec![error(403, "AccessDenied", denied)]),
    ]);
    deploy(&aws, &["--yes"]).ended(1).says("cloudformation:CreateChangeSet").says("hint: grant");
}

#[test]
fn rejects_a_bucket_without_access() {
    let aws = Scripted::start(&[("HEAD bucket", vec![Answer::Says(403, String::new())])]);
    deploy(&aws, &["--yes"]).ended(1).says("no access to the bucket footfall-123456789012");
    assert_eq!(aws.times("PUT object"), 0);
}

#[test]
fn recovers_from_a_lost_answer() {
    // AWS made the change set, and began to apply it; the SDK asked again, as it should.
    let executing = ok(
        "DescribeChangeSet",
        "<Status>CREATE_COMPLETE</Status><ExecutionStatus>EXECUTE_IN_PROGRESS</ExecutionStatus>",
    );
    let aws = Scripted::start(&[
        ("DescribeStacks", vec![stack("UPDATE_COMPLETE")]),
        ("DescribeStackEvents", an_update()),
        (
            "CreateChangeSet",
            vec![
                Answer::Lost,
                error(400, "AlreadyExistsException", "ChangeSet one already exists"),
            ],
        ),
        ("DescribeChangeSet", vec![change_set(CHANGES), executing]),
        (
            "ExecuteChangeSet",
            vec![
                Answer::Lost,
                error(400, "InvalidChangeSetStatus", "ChangeSet cannot be executed in its status"),
            ],
        ),
    ]);
    deploy(&aws, &["--yes"]).ended(0);
    assert_eq!((aws.times("CreateChangeSet"), aws.times("ExecuteChangeSet")), (2, 2));
}

#[test]
fn rejects_a_plan_that_loses_the_table() {
    let answers = |applied: bool| {
        let mut answers = vec![
            ("DescribeStacks", vec![stack("UPDATE_COMPLETE")]),
            ("DescribeChangeSet", vec![change_set(REPLACES_TABLE)]),
        ];
        if applied {
            answers.push(("DescribeStackEvents", an_update()));
        }
        answers
    };
    let aws = Scripted::start(&answers(false));
    deploy(&aws, &["--yes"]).ended(2).says("ALL DATA").says("--lose-data");
    assert_eq!((aws.times("ExecuteChangeSet"), aws.times("DeleteChangeSet")), (0, 1));
    let aws = Scripted::start(&answers(true));
    deploy(&aws, &["--yes", "--lose-data"]).ended(0);
}

#[test]
fn plan_changes_nothing() {
    let aws = Scripted::start(&[
        ("DescribeStacks", vec![no_stack(), no_stack(), stack("REVIEW_IN_PROGRESS")]),
        ("HEAD bucket", vec![Answer::Says(404, String::new())]),
    ]);
    deploy(&aws, &["--plan"]).ended(0).prints("Plan: 1 to add, 1 to change, 0 to remove\n");
    // Not even the stack that AWS makes to put the change set in.
    assert_eq!((aws.times("DeleteChangeSet"), aws.times("DeleteStack")), (1, 1));
    for operation in ["PUT bucket", "PUT object", "ExecuteChangeSet"] {
        assert_eq!(aws.times(operation), 0, "{operation}");
    }
    let aws = Scripted::start(&[("DescribeStacks", vec![stack("ROLLBACK_COMPLETE")])]);
    let plan = deploy(&aws, &["--plan", "--json"]).ended(0);
    let plan: serde_json::Value = serde_json::from_str(&plan.stdout).unwrap();
    assert!(plan["changes"].as_array().unwrap().len() > 10, "{plan}");
    assert_eq!(plan["applied"], false);
    assert_eq!((aws.times("DeleteStack"), aws.times("CreateChangeSet")), (0, 0));
}

#[test]
fn rollback_needs_an_earlier_deploy() {
    // An empty bucket, and a stack that is not there.
    for status in [stack("UPDATE_COMPLETE"), no_stack()] {
        let aws = Scripted::start(&[("DescribeStacks", vec![status])]);
        let owner = Owner::of(&aws.endpoint);
        owner.runs(&["rollback", "--yes"]).ended(2).says("no earlier deploy");
        assert_eq!(aws.times("CreateChangeSet"), 0);
    }
    let aws = Scripted::start(&[("DescribeStacks", vec![stack("UPDATE_IN_PROGRESS")])]);
    Owner::of(&aws.endpoint).runs(&["rollback", "--plan"]).ended(2).says("cannot make a plan now");
}

#[test]
fn rollback_applies_the_newest_other_template() {
    // https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html
    let list = "<ListBucketResult><IsTruncated>false</IsTruncated><Contents>\
                <Key>deploys/000000000000001-00.json</Key>\
                <LastModified>2009-10-12T17:50:30.000Z</LastModified></Contents></ListBucketResult>";
    let aws = Scripted::start(&[
        ("DescribeStacks", vec![stack("UPDATE_COMPLETE")]),
        ("DescribeStackEvents", an_update()),
        ("GET bucket", vec![Answer::Says(200, list.to_owned())]),
        ("GET object", vec![Answer::Says(200, "{\"Resources\":{}}".to_owned())]),
    ]);
    let owner = Owner::of(&aws.endpoint);
    owner.runs(&["rollback", "--yes"]).ended(0).says("Plan: 1 to add").prints("Dashboard: ");
    // The current version is recorded first, so that a rollback can be undone.
    let asked = aws.asked();
    let at = |operation| asked.iter().position(|asked| asked == operation).unwrap();
    assert!(at("PUT object") < at("ExecuteChangeSet"), "{asked:?}");
}

#[test]
fn leaves_foreign_stacks_alone() {
    for command in ["deploy", "destroy"] {
        let aws = Scripted::start(&[(
            "DescribeStacks",
            vec![described_stack("CREATE_COMPLETE", "A shop")],
        )]);
        let owner = Owner::of(&aws.endpoint);
        owner.has_functions();
        let functions = ["--functions", "functions"];
        let mut arguments = vec![command, "--yes"];
        arguments.extend(functions.iter().filter(|_| command == "deploy"));
        owner.runs(&arguments).ended(2).says("was not created by Footfall");
        assert_eq!((aws.times("DeleteStack"), aws.times("CreateChangeSet")), (0, 0));
    }
}

#[test]
fn does_nothing_without_confirmation() {
    let aws = Scripted::start(&[]);
    deploy(&aws, &[]).ended(2).says("pass --yes");
    let owner = Owner::of(&aws.endpoint);
    owner.runs(&["destroy"]).ended(2).says("pass --yes");
    owner.runs(&["destroy", "--yes", "--delete-data"]).ended(2).says("--site");
    assert!(aws.asked().is_empty());
}

#[test]
fn never_deletes_a_stack_that_does_not_retain_its_table() {
    let careless = || template(r#"{"Resources":{"Table":{"Type":"AWS::DynamoDB::Table"}}}"#);
    let absent = r#"{"__type":"com.amazonaws.dynamodb.v20120810#ResourceNotFoundException"}"#;
    let aws = Scripted::start(&[
        ("DescribeStacks", vec![stack("CREATE_COMPLETE")]),
        ("GetTemplate", vec![careless()]),
        ("DescribeTable", vec![Answer::Says(400, absent.to_owned())]),
    ]);
    let owner = Owner::of(&aws.endpoint);
    owner.runs(&["destroy", "--yes"]).ended(2).says("does not retain its table");
    assert_eq!(aws.times("DeleteStack"), 0);
    let aws = Scripted::start(&[
        ("DescribeStacks", vec![stack("DELETE_FAILED")]),
        ("DescribeStackEvents", vec![events(&[BEFORE])]),
        ("GetTemplate", vec![careless()]),
    ]);
    deploy(&aws, &["--yes"]).ended(2).says("does not retain its table");
    assert_eq!(aws.times("DeleteStack"), 0);
}

#[test]
fn what_somebody_else_plans_is_left_alone() {
    let aws = Scripted::start(&[
        ("DescribeStacks", vec![stack("REVIEW_IN_PROGRESS")]),
        ("DescribeStackEvents", vec![events(&[BEFORE])]),
        ("ListChangeSets", vec![change_sets("my-shop")]),
    ]);
    deploy(&aws, &["--yes"]).ended(2).says("a change set that is not Footfall's: my-shop");
    assert_eq!(aws.times("DeleteStack"), 0);
}

#[test]
fn the_snippet_is_that_of_the_deployed_stack_if_there_is_one() {
    let aws = Scripted::start(&[("DescribeStacks", vec![stack("CREATE_COMPLETE")])]);
    let owner = Owner::of(&aws.endpoint);
    owner.runs(&["snippet"]).ended(0).prints("\"https://api.example.com/js/footfall.js\"");
    let endpoint = ["snippet", "--endpoint", "https://mine.example"];
    owner.runs(&endpoint).ended(0).prints("\"https://mine.example/js/footfall.js\"");
    let aws = Scripted::start(&[("DescribeStacks", vec![no_stack()])]);
    Owner::of(&aws.endpoint).runs(&["snippet"]).ended(0).prints("\"http://127.0.0.1:8787/js/");
}

#[test]
fn status_counts_what_came_in_today() {
    // https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_DescribeTable.html
    let table = r#"{"Table":{"TableName":"footfall","ItemCount":7,"TableSizeBytes":700,
        "BillingModeSummary":{"BillingMode":"PAY_PER_REQUEST"}}}"#;
    let deployed = r#"{"Resources":{"F":{"Properties":{"Environment":{"Variables":{
        "FOOTFALL_SETTINGS":"{\"sites\":[{\"domain\":\"b.example\"}]}"}}}}}}"#;
    let says = |text: &str| vec![Answer::Says(200, text.to_owned())];
    // https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_Query.html
    let more = r#"{"Count":2,"LastEvaluatedKey":{"pk":{"S":"a"},"sk":{"S":"b"}}}"#;
    let counts =
        [more, r#"{"Count":3}"#, r#"{"Count":0}"#].map(|t| Answer::Says(200, t.to_owned()));
    let aws = Scripted::start(&[
        ("DescribeStacks", vec![stack_with_table()]),
        ("GetTemplate", vec![template(deployed)]),
        ("DescribeTable", says(table)),
        ("Query", counts.into()),
    ]);
    // The folder has another site than the deployed stack.
    let owner = Owner::of(&aws.endpoint);
    owner
        .runs(&["status"])
        .ended(0)
        .prints("size       7 items, 700 bytes (updated about every six hours)\n")
        .prints("capacity   on demand\n")
        .prints("today      5 views and events of b.example on ");
    // Nothing else is stored with `{"v":` at its beginning, as it is in base64 here.
    let asked = aws.bodies("Query");
    assert!(asked.contains("\"FilterExpression\":\"begins_with(#v, :hit)\""), "{asked}");
    assert!(asked.contains(r#"{"B":"eyJ2Ijo="}"#), "{asked}");
    // Parts without permission are reported, and the rest is shown.
    let denied = r#"{"__type":"AccessDeniedException","message":"User: Alice"}"#;
    let denied = || vec![Answer::Says(400, denied.to_owned())];
    let aws = Scripted::start(&[
        ("DescribeStacks", vec![stack_with_table()]),
        ("DescribeTable", denied()),
        ("Query", denied()),
    ]);
    Owner::of(&aws.endpoint)
        .runs(&["status"])
        .ended(0)
        .says("warning: cannot look at the table: access denied")
        .says("warning: cannot count today's hits: access denied")
        .prints("table      footfall\n");
}

#[test]
fn concurrency_is_reserved_where_there_is_room() {
    let plan = |settings: Answer, deployed: &str| {
        let aws = Scripted::start(&[
            ("DescribeStacks", vec![stack("UPDATE_COMPLETE")]),
            ("GetTemplate", vec![template(deployed)]),
            ("GetAccountSettings", vec![settings]),
        ]);
        let ran = deploy(&aws, &["--plan"]).ended(0);
        (ran, aws.bodies("CreateChangeSet").contains("ReservedConcurrentExecutions"))
    };
    let with = r#"{"Resources":{"F":{"Type":"AWS::Lambda::Function",
        "Properties":{"ReservedConcurrentExecutions":62}}}}"#;
    let without = "{}";
    let (ran, reserved) = plan(account_settings(1000), without);
    ran.says("Concurrency  62 reserved\n");
    assert!(reserved);
    let (ran, reserved) = plan(account_settings(10), without);
    ran.says("Concurrency  not reserved: the account can reserve 0, but 62 are needed\n");
    assert!(!reserved);
    let (_, reserved) = plan(account_settings(100), with);
    assert!(reserved, "what the stack has is room for itself");
    for (deployed, expected) in [(with, true), (without, false)] {
        let denied = Answer::Says(403, r#"{"Message":"User: Alice is not authorized"}"#.to_owned());
        let (ran, reserved) = plan(denied, deployed);
        ran.says("reserved, as before: cannot read the account's Lambda limits: access denied");
        assert_eq!(reserved, expected);
    }
}

#[test]
fn a_template_that_is_too_large_to_be_sent_goes_by_the_bucket() {
    // Every resource has every tag.
    let settings = |tags: usize| {
        let tags = (0..tags).map(|n| format!("  tag-{n}: {}\n", "x".repeat(250)));
        format!("sites:\n  - domain: example.com\ntags:\n{}", tags.collect::<String>())
    };
    let deploy = |aws: &Scripted, arguments: &[&str]| {
        let owner = Owner::of(&aws.endpoint);
        owner.writes("footfall.yaml", settings(40).as_bytes());
        owner.has_functions();
        owner.deploys(arguments)
    };
    let aws = Scripted::start(&[
        ("DescribeStacks", vec![stack("UPDATE_COMPLETE")]),
        ("DescribeStackEvents", an_update()),
        ("HEAD object", vec![Answer::Says(404, String::new())]),
    ]);
    deploy(&aws, &["--yes"]).ended(0);
    let sent = aws.bodies("CreateChangeSet");
    assert!(sent.contains("TemplateURL=") && sent.contains("templates%2F"), "{sent}");
    assert!(!sent.contains("TemplateBody"));
    assert!(aws.bodies("PUT object").contains("AWS::DynamoDB::Table"));
    // A plan makes no bucket for it.
    let aws = Scripted::start(&[
        ("DescribeStacks", vec![no_stack()]),
        ("HEAD bucket", vec![Answer::Says(404, String::new())]),
    ]);
    deploy(&aws, &["--plan"]).ended(2).says("which does not exist yet").says("hint: run");
    assert_eq!((aws.times("PUT bucket"), aws.times("PUT object")), (0, 0));
}
