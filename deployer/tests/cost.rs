//! Costs from a number of views and from CloudWatch's metrics, as the real command prints them against scripted
//! answers.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may panic")]

mod support;

use std::{env, fs};

use serde_json::{Value, json};
use support::Owner;
use support::scripted::*;

/// Compares with a committed file, or rewrites it.
fn check(file: &str, text: &str) {
    let path = format!("{}/tests/data/cost/{file}", env!("CARGO_MANIFEST_DIR"));
    if env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&path, text).unwrap();
    }
    let committed = fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(
        committed, text,
        "tests/data/cost/{file} is another; if that is meant, run \
         `UPDATE_GOLDEN=1 cargo test --package footfall-deployer --test cost`"
    );
}

fn json(owner: &Owner, arguments: &[&str]) -> Value {
    let mut all = vec!["cost", "--json"];
    all.extend(arguments);
    serde_json::from_str(&owner.runs(&all).ended(0).stdout).unwrap()
}

fn pay(report: &Value) -> f64 {
    report["month"]["pay"].as_f64().unwrap()
}

/// The estimate before anything is deployed makes no request.
#[test]
fn estimates_a_month_without_aws() {
    let owner = Owner::of("http://127.0.0.1:9");
    let ran = owner.runs(&["cost", "--views", "100000"]).ended(0);
    assert_eq!(ran.stderr, "");
    check("on-demand.txt", &ran.stdout);
    assert!(ran.stdout.lines().all(|line| line.chars().count() <= 84), "{}", ran.stdout);
    owner.writes(
        "footfall.yaml",
        b"sites: [{domain: example.com, public: true}]\ncapacity: free-tier\nalarm_email: you@example.com\n",
    );
    check("free-tier.txt", &owner.runs(&["cost", "--views", "100000"]).ended(0).stdout);
}

#[test]
fn more_views_cost_more_and_regions_differ() {
    let owner = Owner::of("http://127.0.0.1:9");
    let of = |arguments: &[&str]| json(&owner, arguments);
    let (few, many) = (of(&["--views", "1000"]), of(&["--views", "1000000"]));
    assert!(pay(&few) < 0.05 && pay(&many) > pay(&few));
    // A million views are a few dollars.
    assert!((1.0..10.0).contains(&pay(&many)), "{many:#}");
    assert_eq!(many["region"], "eu-central-1");
    assert_eq!(many["basis"], json!({ "views": 1_000_000 }));
    let american = of(&["--views", "1000000", "--region", "us-east-1"]);
    assert!(pay(&american) < pay(&many));
    // The sums are those of the lines.
    let lines = many["month"]["lines"].as_array().unwrap();
    let sum: f64 =
        lines.iter().map(|l| l["list"].as_f64().unwrap() - l["free"].as_f64().unwrap()).sum();
    assert!((sum - pay(&many)).abs() < 1e-9);
    // A lower throttle is a lower ceiling.
    let worst = |report: &Value| report["worst"]["each"]["pay"].as_f64().unwrap();
    owner.writes(
        "footfall.yaml",
        b"sites: [{domain: example.com}]\nthrottle: {rate: 5, burst: 50}\n",
    );
    let throttled = of(&["--views", "1000000"]);
    assert!(worst(&throttled) < worst(&many) / 5.0);
    assert_eq!(throttled["stack"]["rate"], 5.0);
}

#[test]
fn rejects_what_it_cannot_estimate() {
    let owner = Owner::of("http://127.0.0.1:9");
    owner
        .runs(&["cost", "--views", "1", "--region", "eu-north-1"])
        .ended(2)
        .says("unknown prices for eu-north-1")
        .says("hint: choose a region with similar prices with --region: eu-central-1, eu-west-1, us-east-1");
    owner.runs(&["cost", "--views", "-1"]).ended(2);
    owner.runs(&["cost", "--views", "many"]).ended(2).says("invalid");
    owner.writes("footfall.yaml", b"sites: [{domain: example.com}]\ncapacity: free\n");
    owner.runs(&["cost", "--views", "1"]).ended(1).says("use on-demand or free-tier");
}

/// A stack, its template as it is deployed, and metrics: <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricStatistics.html>
fn aws(owner: &Owner, metrics: Vec<Answer>) -> Scripted {
    let made = owner.runs(&["template", "--json"]).ended(0).stdout;
    let described = json!({ "Table": {
        "TableName": "footfall", "TableStatus": "ACTIVE", "TableSizeBytes": 1_u64 << 31,
    } });
    let Answer::Says(status, stack) = stack_with_table() else { panic!("no stack") };
    let api = "<Outputs><member><OutputKey>ApiEndpoint</OutputKey>\
               <OutputValue>https://r3pmxmplak.execute-api.eu-central-1.amazonaws.com</OutputValue></member>";
    let stack = stack.replace("<Outputs>", api);
    Scripted::start(&[
        ("DescribeStacks", vec![Answer::Says(status, stack)]),
        ("GetTemplate", vec![template(&made.replace('&', "&amp;").replace('<', "&lt;"))]),
        ("DescribeTable", vec![Answer::Says(200, described.to_string())]),
        ("GetMetricStatistics", metrics),
    ])
}

#[test]
fn reports_the_usage_of_a_deployed_stack() {
    let somewhere = Owner::of("http://127.0.0.1:9");
    somewhere.writes(
        "footfall.yaml",
        b"sites: [{domain: example.com}]\nthrottle: {rate: 7, burst: 70}\n",
    );
    // Two days of everything.
    let points = json!({ "Label": "x", "Datapoints": [
        { "Timestamp": 1_795_305_600.0, "Sum": 400_000.0, "Unit": "Count" },
        { "Timestamp": 1_795_392_000.0, "Sum": 600_000.0, "Unit": "Count" },
    ] });
    let aws = aws(&somewhere, vec![Answer::Says(200, points.to_string())]);
    let owner = Owner::of(&aws.endpoint);
    let report = json(&owner, &[]);
    assert_eq!(report["basis"], json!({ "used": { "stack": "footfall", "days": 30 } }));
    // The settings of the stack, not of this folder.
    assert_eq!(report["stack"]["rate"], 7.0);
    let quantity = |what: &str| {
        let lines = report["month"]["lines"].as_array().unwrap();
        let line = lines.iter().find(|line| line["what"] == what).unwrap();
        line["quantity"].as_f64().unwrap()
    };
    assert_eq!(quantity("API requests"), 1e6);
    assert_eq!(quantity("Function requests"), 3e6);
    // A million milliseconds of each.
    let gb = (128.0 + 512.0 + 1769.0) / 1024.0;
    assert!((quantity("Function time") - 1000.0 * gb).abs() < 1e-6);
    assert_eq!((quantity("Table: writes"), quantity("Table: storage")), (1e6, 2.0));
    // Each metric was requested once, for the stack's own resources, over 30 days.
    assert_eq!(aws.times("GetMetricStatistics"), 13);
    let asked = aws.bodies("GetMetricStatistics");
    for part in [
        r#""Name":"ApiId","Value":"r3pmxmplak""#,
        r#""Name":"TableName","Value":"footfall""#,
        r#""Name":"FunctionName","Value":"footfall-rollup""#,
        r#""Name":"LogGroupName","Value":"/aws/lambda/footfall-track""#,
        r#""MetricName":"ConsumedWriteCapacityUnits""#,
        r#""Namespace":"AWS/ApiGateway""#,
    ] {
        assert!(asked.contains(part), "{part}: {asked}");
    }
    owner.runs(&["cost"]).ended(0).prints("Usage of stack footfall in eu-central-1 over 30 days");
    // Asked for a number, it asks nobody.
    let before = aws.asked().len();
    owner.runs(&["cost", "--views", "5"]).ended(0).prints("A month of 5 page views");
    assert_eq!(aws.asked().len(), before);
}

#[test]
fn falls_back_to_an_estimate_without_stack_or_permission() {
    let none = Scripted::start(&[("DescribeStacks", vec![no_stack()])]);
    Owner::of(&none.endpoint)
        .runs(&["cost"])
        .ended(0)
        .says("Stack footfall not found in eu-central-1.")
        .prints("A month of 100,000 page views");
    let other = Scripted::start(&[("DescribeStacks", vec![stack("UPDATE_COMPLETE")])]);
    Owner::of(&other.endpoint)
        .runs(&["cost"])
        .ended(0)
        .says("Cannot read a deployed stack: its template is unknown to this version")
        .prints("A month of 100,000 page views");
    let somewhere = Owner::of("http://127.0.0.1:9");
    let denied = r#"{"__type":"com.amazonaws#AccessDeniedException","message":"not you"}"#;
    let aws = aws(&somewhere, vec![Answer::Says(400, denied.to_owned())]);
    Owner::of(&aws.endpoint)
        .runs(&["cost"])
        .ended(0)
        .says("cloudwatch:GetMetricStatistics): access denied (not you)")
        .prints("A month of 100,000 page views");
}
