//! The stack's contract with the runtime and with the owner.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a panic fails the test")]

mod support;

use std::collections::{BTreeMap, BTreeSet};

use footfall_infra::api::{Cors, ROUTES};
use footfall_infra::env;
use footfall_infra::function::Function;
use footfall_infra::settings::Settings;
use footfall_infra::stack::outputs;
use footfall_infra::stack::{
    ENVIRONMENT_LIMIT, EXPIRY, Inputs, SALTS, STACK_TAG, Spec, Stack, StackError, StackName, TABLE,
    Template, salts_table,
};
use serde_json::{Value, json};
use support::{inputs, variants};

fn parsed(template: &Template) -> Value {
    serde_json::from_str(&template.to_json().unwrap()).unwrap()
}

/// Returns the resources of a type by logical id.
fn of_type<'a>(template: &'a Value, kind: &str) -> BTreeMap<&'a str, &'a Value> {
    let resources = template["Resources"].as_object().unwrap();
    let of_type = resources.iter().filter(|(_, resource)| resource["Type"] == kind);
    of_type.map(|(id, resource)| (id.as_str(), &resource["Properties"])).collect()
}

fn function(template: &Value, function: Function) -> &Value {
    &template["Resources"][id_of(function)]["Properties"]
}

/// Returns a function's logical id, such as `TrackFunction`.
fn id_of(function: Function) -> String {
    let (first, rest) = function.name().split_at(1);
    format!("{}{rest}Function", first.to_uppercase())
}

/// Returns the resource that a `Ref`, a `Fn::GetAtt` or an ARN refers to.
fn target(value: &Value) -> &str {
    let named = || value["Fn::Sub"].as_str()?.rsplit_once("${")?.1.strip_suffix('}');
    let found = value["Ref"].as_str().or_else(|| value["Fn::GetAtt"][0].as_str()).or_else(named);
    found.unwrap_or_else(|| panic!("{value} is not a reference"))
}

/// Returns the statements of a function's role.
fn statements(template: &Value, of: Function) -> &Vec<Value> {
    let role = target(&function(template, of)["Role"]);
    let policies = template["Resources"][role]["Properties"]["Policies"].as_array().unwrap();
    assert_eq!(policies.len(), 1);
    policies[0]["PolicyDocument"]["Statement"].as_array().unwrap()
}

#[test]
fn every_reference_has_a_resource() {
    fn walk(value: &Value, found: &mut Vec<String>) {
        match value {
            Value::Object(object) => {
                for (key, value) in object {
                    match (key.as_str(), value) {
                        ("Ref", Value::String(id)) => found.push(id.clone()),
                        ("Fn::GetAtt", Value::Array(parts)) => {
                            found.push(parts[0].as_str().unwrap().to_owned());
                        }
                        ("Fn::Sub", Value::String(text)) => found.extend(
                            text.split("${")
                                .skip(1)
                                .map(|t| t.split('}').next().unwrap().to_owned()),
                        ),
                        _ => walk(value, found),
                    }
                }
            }
            Value::Array(values) => values.iter().for_each(|value| walk(value, found)),
            _ => {}
        }
    }
    for (name, _, template) in variants() {
        let ids: Vec<&str> = template.resources().map(|(id, _)| id.as_str()).collect();
        let unique: BTreeSet<&str> = ids.iter().copied().collect();
        assert_eq!(unique.len(), ids.len(), "{name} has two resources of the same name");
        let mut found = Vec::new();
        walk(&parsed(&template), &mut found);
        assert!(found.len() > 20);
        for id in found.iter().filter(|id| !id.starts_with("AWS::")) {
            assert!(unique.contains(id.as_str()), "{name} refers to {id}, which is missing");
        }
    }
}

#[test]
fn every_route_calls_its_function() {
    for (name, _, template) in variants() {
        let template = parsed(&template);
        let mut routes = BTreeMap::new();
        for route in of_type(&template, "AWS::ApiGatewayV2::Route").values() {
            let join = &route["Target"]["Fn::Join"];
            assert_eq!((&join[0], &join[1][0]), (&json!("/"), &json!("integrations")));
            let integration = &template["Resources"][target(&join[1][1])]["Properties"];
            assert_eq!(integration["PayloadFormatVersion"], "2.0");
            assert_eq!(integration["IntegrationType"], "AWS_PROXY");
            let function = target(&integration["IntegrationUri"]).to_owned();
            routes.insert(route["RouteKey"].as_str().unwrap().to_owned(), function);
        }
        let expected = ROUTES
            .iter()
            .map(|route| (format!("{} {}", route.method, route.path), id_of(route.function)));
        assert_eq!(routes, expected.collect(), "{name}");
    }
}

#[test]
fn only_this_api_and_its_schedule_may_call_a_function() {
    let routed: BTreeSet<String> = ROUTES.iter().map(|route| id_of(route.function)).collect();
    for (name, _, template) in variants() {
        let template = parsed(&template);
        let permissions = of_type(&template, "AWS::Lambda::Permission");
        let mut called = BTreeSet::new();
        for permission in permissions.values() {
            if permission["Principal"] == "events.amazonaws.com" {
                let rule = target(&permission["SourceArn"]);
                assert_eq!(template["Resources"][rule]["Type"], "AWS::Events::Rule");
                continue;
            }
            assert_eq!(permission["Principal"], "apigateway.amazonaws.com");
            let source = permission["SourceArn"]["Fn::Sub"].as_str().unwrap();
            assert!(source.ends_with(":${Api}/*/*"), "{source}");
            called.insert(target(&permission["FunctionName"]).to_owned());
        }
        assert_eq!(called, routed, "{name}");
    }
}

#[test]
fn functions_get_the_table_and_the_settings() {
    for (name, settings, template) in variants() {
        let template = parsed(&template);
        for of in Function::ALL {
            let variables = &function(&template, of)["Environment"]["Variables"];
            let names: Vec<&String> = variables.as_object().unwrap().keys().collect();
            assert_eq!(names, [env::SETTINGS, env::TABLE], "{name}");
            assert_eq!(target(&variables[env::TABLE]), TABLE.as_str());
            let read = Settings::from_json(variables[env::SETTINGS].as_str().unwrap()).unwrap();
            assert_eq!(read.sites, settings.sites);
            assert_eq!(read.trusted_proxies, settings.trusted_proxies);
            assert_eq!(read.shards, settings.shards);
            assert_eq!(read.blocked_referrers, settings.blocked_referrers);
        }
    }
}

#[test]
fn every_function_may_write_its_own_log() {
    for (name, _, template) in variants() {
        let template = parsed(&template);
        for of in Function::ALL {
            let logs = target(&function(&template, of)["LoggingConfig"]["LogGroup"]);
            let statements = statements(&template, of).iter();
            let other: Vec<_> = statements
                .filter(|it| ![TABLE.as_str(), SALTS.as_str()].contains(&target(&it["Resource"])))
                .collect();
            let [statement] = other[..] else { panic!("{name}: {other:?}") };
            assert_eq!(target(&statement["Resource"]), logs);
            let actions = ["logs:CreateLogStream", "logs:PutLogEvents"];
            assert_eq!(statement["Action"], json!(actions));
        }
    }
}

#[test]
fn no_function_has_a_wildcard_permission() {
    for (name, _, template) in variants() {
        let template = parsed(&template);
        for of in Function::ALL {
            for statement in statements(&template, of) {
                let what = format!("{}{}", statement["Action"], statement["Resource"]);
                assert!(!what.contains('*'), "{name}: {what}");
            }
        }
    }
}

#[test]
fn every_grant_is_a_statement_about_one_table() {
    for (_, _, template) in variants() {
        let template = parsed(&template);
        for of in Function::ALL {
            let grants = Spec::of(of).grants;
            let statements = statements(&template, of);
            for (grant, statement) in grants.iter().zip(statements) {
                assert_eq!(statement["Action"], json!([grant.action.name()]));
                let patterns: Vec<&str> = grant.partitions.iter().map(|p| p.pattern()).collect();
                assert!(!patterns.is_empty());
                let tables = grant.partitions.iter().map(|partition| partition.table());
                let tables: BTreeSet<_> = tables.collect();
                assert_eq!(tables.len(), 1, "a statement covers one table");
                let of = tables.first().unwrap().as_str();
                assert_eq!(target(&statement["Resource"]), of);
                let expected =
                    json!({ "ForAllValues:StringLike": { "dynamodb:LeadingKeys": patterns } });
                assert_eq!(statement["Condition"], expected);
            }
            assert_eq!(statements.len(), grants.len() + 1);
        }
    }
}

#[test]
fn functions_are_configured_as_specified() {
    for (name, settings, template) in variants() {
        let template = parsed(&template);
        for of in Function::ALL {
            let spec = Spec::of(of);
            let properties = function(&template, of);
            let said = settings.memory_mb.of(spec.function);
            assert_eq!(properties["MemorySize"], said.unwrap_or(spec.memory));
            assert_eq!(properties["Timeout"], spec.timeout);
            let reserved = &properties["ReservedConcurrentExecutions"];
            if name == "no-concurrency" {
                assert!(reserved.is_null());
            } else {
                assert_eq!(reserved, spec.reserved);
            }
            let architecture = if name == "x86_64" { "x86_64" } else { "arm64" };
            assert_eq!(properties["Architectures"], json!([architecture]));
            let logging = &properties["LoggingConfig"];
            assert_eq!(logging["LogFormat"], "JSON");
            assert_eq!(logging["SystemLogLevel"], "WARN");
            let logs = &template["Resources"][target(&logging["LogGroup"])]["Properties"];
            assert_eq!(
                logs["LogGroupName"],
                format!("/aws/lambda/{}", properties["FunctionName"].as_str().unwrap())
            );
            assert_eq!(logs["RetentionInDays"], settings.log_retention_days.days());
        }
    }
}

#[test]
fn functions_without_a_route_run_on_a_schedule() {
    for (name, settings, template) in variants() {
        let template = parsed(&template);
        let mut run = BTreeMap::new();
        for rule in of_type(&template, "AWS::Events::Rule").values() {
            assert_eq!((&rule["State"], &rule["Targets"][1]), (&json!("ENABLED"), &Value::Null));
            let function = target(&rule["Targets"][0]["Arn"]).to_owned();
            run.insert(function, rule["ScheduleExpression"].clone());
        }
        for of in Function::ALL {
            let is_routed = ROUTES.iter().any(|route| route.function == of);
            assert_ne!(is_routed, run.contains_key(&id_of(of)), "{name}: {}", of.name());
        }
        assert_eq!(run["RollupFunction"], "cron(7 * * * ? *)");
        let permissions = of_type(&template, "AWS::Lambda::Permission");
        let mut allowed = permissions.values().filter(|p| p["Principal"] == "events.amazonaws.com");
        let allowed = allowed.next().unwrap();
        assert_eq!(target(&allowed["FunctionName"]), "RollupFunction");
        assert_eq!(target(&allowed["SourceArn"]), "RollupSchedule");
        if settings.alarm_email.is_some() {
            let alarm = &template["Resources"]["RollupMissingAlarm"]["Properties"];
            assert_eq!((&alarm["Period"], &alarm["EvaluationPeriods"]), (&json!(3600), &json!(3)));
            assert_eq!((&alarm["Threshold"], &alarm["Statistic"]), (&json!(1), &json!("Sum")));
            assert_eq!(alarm["ComparisonOperator"], "LessThanThreshold");
            // A function that does not run reports no data.
            assert_eq!(alarm["TreatMissingData"], "breaching");
            let function = &alarm["Dimensions"][0];
            assert_eq!(target(&function["Value"]), "RollupFunction");
        }
    }
}

#[test]
fn the_table_is_kept_and_the_salts_are_not() {
    for (name, settings, template) in variants() {
        let kept: Vec<_> = template.resources().filter(|(_, r)| r.is_retained()).collect();
        assert_eq!(kept.len(), 1, "{name}");
        assert_eq!(kept[0].0, &TABLE);
        let template = parsed(&template);
        let table = &template["Resources"][TABLE.as_str()]["Properties"];
        assert_eq!(table["DeletionProtectionEnabled"], true);
        assert_eq!(table["TimeToLiveSpecification"]["AttributeName"], EXPIRY);
        assert_eq!(
            table["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"],
            settings.point_in_time_recovery
        );
        let salts = &template["Resources"][SALTS.as_str()];
        assert_eq!(salts["DeletionPolicy"], "Delete");
        assert_eq!(
            salts["Properties"]["TableName"],
            salts_table(table["TableName"].as_str().unwrap())
        );
        assert_eq!(salts["Properties"]["TimeToLiveSpecification"]["AttributeName"], EXPIRY);
        let recovery = &salts["Properties"]["PointInTimeRecoverySpecification"];
        assert_eq!(
            recovery["PointInTimeRecoveryEnabled"], false,
            "deleted salts must not be recoverable"
        );
        // A table can only be adopted by a literal name: see src/stack/table.rs.
        assert!(table["TableName"].is_string());
        let units = &table["ProvisionedThroughput"];
        if name == "free-tier" {
            assert_eq!(table["BillingMode"], "PROVISIONED");
            assert_eq!(*units, json!({ "ReadCapacityUnits": 25, "WriteCapacityUnits": 25 }));
        } else {
            assert_eq!(table["BillingMode"], "PAY_PER_REQUEST");
            assert!(units.is_null());
        }
        // A public site limits reads.
        let most = &table["OnDemandThroughput"]["MaxReadRequestUnits"];
        let is_public = settings.sites.iter().any(|site| site.public);
        assert_eq!(most.as_u64(), is_public.then_some(2_000), "{name}");
    }
}

/// 25 read and 25 write units cover the throttled hits, their rollup, and bursts.
#[test]
fn the_free_tier_covers_everything_that_the_throttle_allows() {
    const UNITS: f64 = 25.0;
    // DynamoDB's burst capacity: five unused minutes. See src/settings/limits.rs.
    const BURST: f64 = 300.0 * UNITS;
    // Bytes of a hit's item, and of a hit in a segment, measured by runtime/benches/footprint.rs and reports.rs.
    const ITEM: f64 = 233.0;
    const AT_REST: f64 = 20.0;
    let settings =
        Settings::from_yaml(&format!("{}capacity: free-tier\n", support::DEFAULT)).unwrap();
    let (rate, burst) = (f64::from(settings.throttle().rate()), settings.throttle().burst());
    let writing = ROUTES.iter().filter(|route| {
        route.function == Function::Track && route.path != footfall_infra::api::SCRIPT
    });
    let writing = writing.count() as f64;
    // A hit is written once. Its hour's segment is written and deleted again, and its day's is written.
    let each = 1.0 + 3.0 * AT_REST / 1024.0;
    assert!(writing * rate * each <= UNITS);
    assert!(writing * f64::from(burst) <= BURST);
    // A full day of the tracker's route, rolled up in one run. Reading takes up to two thirds of its time. The
    // burst capacity covers writing the day and deleting its hours.
    let day = 86_400.0 * rate + f64::from(burst);
    let run = f64::from(Spec::of(Function::Rollup).timeout) * 2.0 / 3.0;
    assert!(day * ITEM / 4096.0 <= BURST + run * UNITS, "{day} hits cannot be read in {run} s");
    assert!(day * 2.0 * AT_REST / 1024.0 <= BURST, "{day} hits cannot be written at once");
    // An hour of the largest items at the throttle of all routes.
    let hour = 3600.0 * rate * writing * 1024.0 / 4096.0;
    assert!(hour <= BURST + run * UNITS, "{hour} units");
}

/// Neither API Gateway nor Lambda records a request: no log line, no trace.
#[test]
fn requests_are_not_logged() {
    for (name, _, template) in variants() {
        let template = parsed(&template);
        for stage in of_type(&template, "AWS::ApiGatewayV2::Stage").values() {
            assert!(stage["AccessLogSettings"].is_null(), "{name}");
            let settings = &stage["DefaultRouteSettings"];
            assert!(settings["DataTraceEnabled"].is_null(), "{name}");
            assert!(
                settings["DetailedMetricsEnabled"].is_null(),
                "{name}: detailed metrics cost money"
            );
            assert!(settings["LoggingLevel"].is_null(), "{name}");
        }
        for of in Function::ALL {
            let function = function(&template, of);
            assert!(function["TracingConfig"].is_null(), "{name}: X-Ray would record IP addresses");
            assert_eq!(function["LoggingConfig"]["SystemLogLevel"], "WARN", "{name}");
        }
    }
}

#[test]
fn cors_follows_the_settings() {
    for (name, settings, template) in variants() {
        let template = parsed(&template);
        let cors = Cors::of(&settings);
        let api = *of_type(&template, "AWS::ApiGatewayV2::Api").values().next().unwrap();
        let expected = json!({
            "AllowOrigins": cors.allow_origins,
            "AllowMethods": cors.allow_methods,
            "AllowHeaders": cors.allow_headers,
            "ExposeHeaders": cors.expose_headers,
            "MaxAge": cors.max_age,
        });
        assert_eq!(api["CorsConfiguration"], expected, "{name}");
    }
}

#[test]
fn the_api_is_throttled() {
    for (name, settings, template) in variants() {
        let template = parsed(&template);
        let stage = *of_type(&template, "AWS::ApiGatewayV2::Stage").values().next().unwrap();
        let limits = &stage["DefaultRouteSettings"];
        assert_eq!(limits["ThrottlingRateLimit"], settings.throttle().rate(), "{name}");
        assert_eq!(limits["ThrottlingBurstLimit"], settings.throttle().burst(), "{name}");
        assert_eq!((&stage["StageName"], &stage["AutoDeploy"]), (&json!("$default"), &json!(true)));
    }
}

/// The property with each type's tags. `None` if the type has no tags.
///
/// Other types are unexpected. `lint_template.py` compares this with CloudFormation's schemas.
const TYPES: [(&str, Option<&str>); 16] = [
    ("AWS::ApiGatewayV2::Api", Some("Tags")),
    ("AWS::ApiGatewayV2::ApiMapping", None),
    ("AWS::ApiGatewayV2::DomainName", Some("Tags")),
    ("AWS::ApiGatewayV2::Integration", None),
    ("AWS::ApiGatewayV2::Route", None),
    ("AWS::ApiGatewayV2::Stage", Some("Tags")),
    ("AWS::Budgets::Budget", Some("ResourceTags")),
    ("AWS::CloudWatch::Alarm", Some("Tags")),
    ("AWS::DynamoDB::Table", Some("Tags")),
    ("AWS::Events::Rule", Some("Tags")),
    ("AWS::IAM::Role", Some("Tags")),
    ("AWS::Lambda::Function", Some("Tags")),
    ("AWS::Lambda::Permission", None),
    ("AWS::Logs::LogGroup", Some("Tags")),
    ("AWS::SNS::Subscription", None),
    ("AWS::SNS::Topic", Some("Tags")),
];

#[test]
fn every_taggable_resource_is_tagged() {
    let types = BTreeMap::from(TYPES);
    for (variant, settings, template) in variants() {
        let name = if variant == "another-name" { "Another-footfall" } else { "footfall" };
        let mut expected: BTreeMap<&str, &str> = settings.tags.iter().collect();
        expected.insert(STACK_TAG, name);
        for (id, resource) in parsed(&template)["Resources"].as_object().unwrap() {
            let kind = resource["Type"].as_str().unwrap();
            let place = types.get(kind).unwrap_or_else(|| panic!("{variant} has a {kind}, {id}"));
            let properties = &resource["Properties"];
            let Some(place) = place else {
                assert!(properties["Tags"].is_null());
                continue;
            };
            let found: BTreeMap<&str, &str> = match &properties[place] {
                Value::Object(map) => {
                    map.iter().map(|(key, value)| (key.as_str(), value.as_str().unwrap())).collect()
                }
                list => {
                    let list = list.as_array().unwrap_or_else(|| panic!("{id} has no tags"));
                    let text = |tag: &'_ Value, part| tag[part].as_str().unwrap().to_owned();
                    let pairs = list.iter().map(|tag| (text(tag, "Key"), text(tag, "Value")));
                    let pairs: BTreeMap<String, String> = pairs.collect();
                    let owned = expected.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
                    assert_eq!(pairs, owned.collect(), "{variant}: {id}");
                    continue;
                }
            };
            assert_eq!(found, expected, "{variant}: {id}");
        }
    }
}

#[test]
fn alarms_need_an_email_address() {
    for (name, settings, template) in variants() {
        let template = parsed(&template);
        let alarms = of_type(&template, "AWS::CloudWatch::Alarm");
        let scheduled = Function::ALL.iter().filter(|of| Spec::of(**of).schedule.is_some()).count();
        let all = 2 * Function::ALL.len() + scheduled + 1;
        let count = if settings.alarm_email.is_some() { all } else { 0 };
        assert_eq!(alarms.len(), count, "{name}");
        for alarm in alarms.values() {
            assert_eq!(target(&alarm["AlarmActions"][0]), "AlarmTopic");
        }
        for kind in ["AWS::SNS::Topic", "AWS::SNS::Subscription"] {
            assert_eq!(of_type(&template, kind).len(), usize::from(count > 0), "{name}");
        }
        let budgets = of_type(&template, "AWS::Budgets::Budget");
        assert_eq!(budgets.len(), usize::from(settings.monthly_budget_usd.is_some()), "{name}");
    }
}

#[test]
fn outputs_are_those_that_others_read() {
    for (name, settings, template) in variants() {
        let mut expected = vec![outputs::ENDPOINT, outputs::API_ENDPOINT, outputs::TABLE_NAME];
        let functions = Function::ALL.map(outputs::function_name);
        expected.extend(functions.iter().map(String::as_str));
        let value = &parsed(&template)["Outputs"][outputs::ENDPOINT]["Value"];
        if settings.custom_domain.is_some() {
            expected.extend([outputs::CUSTOM_DOMAIN_TARGET, outputs::CUSTOM_DOMAIN_ZONE]);
            assert_eq!(value, "https://stats.example.com");
        } else {
            assert_eq!(target(value), "Api");
        }
        let found: BTreeSet<&str> = template.outputs().collect();
        assert_eq!(found, expected.into_iter().collect(), "{name}");
        // https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/outputs-section-structure.html
        assert!(found.iter().all(|name| name.chars().all(|c| c.is_ascii_alphanumeric())));
    }
}

#[test]
fn rejects_settings_that_exceed_the_environment() {
    let of = |sites: usize| {
        let sites: String =
            (0..sites).map(|i| format!("  - domain: site-number-{i:03}.example.com\n")).collect();
        Stack::of(&Settings::from_yaml(&format!("sites:\n{sites}")).unwrap(), &inputs())
    };
    assert!(of(80).is_ok());
    let StackError::Environment(bytes) = of(200).unwrap_err() else { panic!("unexpected error") };
    assert!(bytes > ENVIRONMENT_LIMIT);
    let message = of(200).unwrap_err().to_string();
    assert!(message.contains("Lambda allows 4096; replace hosts by a wildcard"), "{message}");
}

#[test]
fn rejects_a_function_without_code() {
    let mut inputs = inputs();
    inputs.artifacts.remove(&Function::Track);
    let error = Stack::of(&Settings::local(), &inputs).unwrap_err();
    assert_eq!(
        error.to_string(),
        "missing code for the function track; pass the bucket and key of its zip"
    );
}

#[test]
fn rejects_what_a_region_does_not_support() {
    let settings = Settings::from_yaml(support::FULL).unwrap();
    let refused = |settings: &Settings, region: &str| {
        let inputs = Inputs { region: region.to_owned(), ..inputs() };
        Stack::of(settings, &inputs).unwrap_err().to_string()
    };
    assert_eq!(
        refused(&settings, "eu-west-1"),
        "custom_domain.certificate_arn: the certificate is in eu-central-1 but the stack is in \
         eu-west-1; use a certificate in the stack's region"
    );
    let elsewhere = Settings { custom_domain: None, ..settings };
    assert_eq!(
        refused(&elsewhere, "eu-north-1"),
        "monthly_budget_usd: CloudFormation has no budgets in eu-north-1; remove the key and create a \
         budget in the AWS console under Billing, or deploy to another region, such as eu-central-1"
    );
}

#[test]
fn a_new_build_changes_only_its_function() {
    let settings = Settings::from_yaml(support::DEFAULT).unwrap();
    let before = parsed(&Stack::of(&settings, &inputs()).unwrap());
    let mut rebuilt: Inputs = inputs();
    rebuilt.artifacts.get_mut(&Function::Track).unwrap().key = "track/fedcba9876543210.zip".into();
    let after = parsed(&Stack::of(&settings, &rebuilt).unwrap());
    let resources = before["Resources"].as_object().unwrap();
    let changed = resources.iter().filter(|(id, r)| after["Resources"][id.as_str()] != **r);
    assert_eq!(changed.map(|(id, _)| id.as_str()).collect::<Vec<_>>(), ["TrackFunction"]);
}

#[test]
fn a_stack_name_is_valid_for_every_service() {
    let name = |text: &str| StackName::try_from(text.to_owned());
    for good in ["footfall", "Footfall-2", "abc"] {
        assert_eq!(name(good).unwrap().as_str(), good);
    }
    for bad in ["", "ab", "2footfall", "foot_fall", "foot.fall", "füße", &"a".repeat(51)] {
        let error = name(bad).unwrap_err();
        assert!(error.ends_with("use 3 to 50 letters, digits and -, a letter first"), "{error}");
    }
    // https://docs.aws.amazon.com/lambda/latest/api/API_CreateFunction.html
    let longest = name(&"a".repeat(50)).unwrap();
    assert!(Function::ALL.iter().all(|function| longest.part(function.name()).len() <= 64));
}
