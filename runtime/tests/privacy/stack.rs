//! What the stack makes AWS keep, according to its CloudFormation template.

use std::collections::BTreeMap;

use footfall_infra::function::Function;
use footfall_infra::settings::Settings;
use footfall_infra::stack::{Architecture, Artifact, Inputs, Stack, StackName};
use serde_json::Value;

/// Resources of a type in the template, for settings with these lines.
fn resources(more: &str, kind: &str) -> Vec<Value> {
    let settings = format!("sites: [{{domain: example.com}}]\n{more}");
    let artifact = |function: Function| Artifact {
        bucket: "artifacts".to_owned(),
        key: format!("{}/0123456789abcdef.zip", function.name()),
    };
    let inputs = Inputs {
        name: StackName::default(),
        region: "eu-central-1".to_owned(),
        artifacts: BTreeMap::from(Function::ALL.map(|function| (function, artifact(function)))),
        architecture: Architecture::Arm64,
        reserve_concurrency: true,
    };
    let template = Stack::of(&Settings::from_yaml(&settings).unwrap(), &inputs).unwrap();
    let template: Value = serde_json::from_str(&template.to_json().unwrap()).unwrap();
    let all = template["Resources"].as_object().unwrap().values();
    let found: Vec<Value> = all.filter(|resource| resource["Type"] == kind).cloned().collect();
    assert!(!found.is_empty(), "there is no {kind}");
    found
}

/// > Unless you set `point_in_time_recovery: false`, AWS can restore the table as it was at any
/// > second of the last 35 days.
#[test]
fn backups_follow_the_settings() {
    let check = |more: &str, expected: bool| {
        let tables = resources(more, "AWS::DynamoDB::Table");
        assert_eq!(tables.len(), 2);
        for table in tables {
            let properties = &table["Properties"];
            let is_salts = properties["TableName"].as_str().unwrap().ends_with("-salts");
            let recovery = &properties["PointInTimeRecoverySpecification"];
            let recovers = &recovery["PointInTimeRecoveryEnabled"];
            assert_eq!(*recovers, expected && !is_salts, "{more}");
        }
    };
    check("", true);
    check("point_in_time_recovery: false\n", false);
}

/// > The API has no access log, and the functions are not traced.
#[test]
fn requests_are_not_logged_or_traced() {
    let full = "alarm_email: owner@example.com\nmonthly_budget_usd: 5\n";
    for more in ["", full] {
        for stage in resources(more, "AWS::ApiGatewayV2::Stage") {
            let properties = stage["Properties"].as_object().unwrap();
            for key in ["AccessLogSettings", "AccessPolicyId", "RouteSettings"] {
                assert!(!properties.contains_key(key), "{key}");
            }
            for key in ["DataTraceEnabled", "LoggingLevel", "DetailedMetricsEnabled"] {
                assert!(properties["DefaultRouteSettings"].get(key).is_none(), "{key}");
            }
        }
        for function in resources(more, "AWS::Lambda::Function") {
            let properties = function["Properties"].as_object().unwrap();
            assert!(!properties.contains_key("TracingConfig"));
            assert!(!properties.contains_key("Layers"), "an extension sees every event");
        }
    }
}

/// > The functions' logs are deleted after 14 days, or after `log_retention_days`.
#[test]
fn logs_expire() {
    for (more, days) in [("", 14), ("log_retention_days: 3\n", 3)] {
        let groups = resources(more, "AWS::Logs::LogGroup");
        assert_eq!(groups.len(), Function::ALL.len());
        for group in groups {
            assert_eq!(group["Properties"]["RetentionInDays"], days);
        }
        for function in resources(more, "AWS::Lambda::Function") {
            let group = &function["Properties"]["LoggingConfig"]["LogGroup"];
            assert!(group["Ref"].as_str().unwrap().ends_with("Logs"), "{group}");
        }
    }
}

/// > The functions may use the stack's own tables and their own logs, and nothing else in the
/// > account.
#[test]
fn functions_can_only_use_their_own_resources() {
    for role in resources("", "AWS::IAM::Role") {
        let properties = &role["Properties"];
        assert!(properties.get("ManagedPolicyArns").is_none());
        let policies = properties["Policies"].as_array().unwrap();
        let statements =
            |policy: &Value| policy["PolicyDocument"]["Statement"].as_array().unwrap().clone();
        for statement in policies.iter().flat_map(statements) {
            let actions: Vec<String> = match &statement["Action"] {
                Value::Array(actions) => {
                    actions.iter().map(|it| it.as_str().unwrap().to_owned()).collect()
                }
                action => vec![action.as_str().unwrap().to_owned()],
            };
            let resource = statement["Resource"].to_string();
            for action in actions {
                let is_own = match action.split_once(':').unwrap().0 {
                    "dynamodb" => ["Table", "Salts"]
                        .iter()
                        .any(|own| resource.contains(&format!("table/${{{own}}}\""))),
                    "logs" => resource.contains("Logs\",\"Arn\""),
                    _ => false,
                };
                assert!(is_own, "{action} on {resource}");
            }
        }
    }
}
