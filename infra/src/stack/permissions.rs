//! Roles: each function may do what its code does, and nothing else.

use serde_json::{Value, json};

use super::ids::{TABLE, log_group, role};
use super::resource_type::Type;
use super::spec::{Grant, Spec};
use super::template::{Resource, Template};

/// Adds a function's role.
///
/// The role has no fixed name, because that would need `CAPABILITY_NAMED_IAM` and prevent replacement.
pub(super) fn add_role(template: &mut Template, spec: &Spec) {
    let mut statements: Vec<Value> = spec.grants.iter().map(table_statement).collect();
    statements.push(json!({
        "Effect": "Allow",
        "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
        // The attribute ends in `:*`, which means every stream of this group. Lambda names them.
        "Resource": log_group(spec.function).attribute("Arn"),
    }));
    let properties = json!({
        "Description": format!("Permissions of Footfall's function {}", spec.function.name()),
        "AssumeRolePolicyDocument": {
            "Version": "2012-10-17",
            "Statement": [{
                "Effect": "Allow",
                "Principal": { "Service": "lambda.amazonaws.com" },
                "Action": "sts:AssumeRole",
            }],
        },
        "Policies": [{
            "PolicyName": "footfall",
            "PolicyDocument": { "Version": "2012-10-17", "Statement": statements },
        }],
    });
    template.add(role(spec.function), Resource::new(Type::Role, properties));
}

/// Allows an operation on the granted partitions only.
///
/// `ForAllValues` also holds for a request without any partition key. DynamoDB rejects these operations without
/// one. An operation that needs none (`Scan`, PartiQL) would need a second condition,
/// `"Null": {"dynamodb:LeadingKeys": "false"}`.
///
/// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/specifying-conditions.html>
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-single-vs-multi-valued-context-keys.html>
fn table_statement(grant: &Grant) -> Value {
    let patterns: Vec<&str> = grant.partitions.iter().map(|p| p.pattern()).collect();
    let table = grant.partitions.first().map_or(TABLE, |partition| partition.table());
    json!({
        "Effect": "Allow",
        "Action": [grant.action.name()],
        "Resource": table.arn("dynamodb:${AWS::Region}:${AWS::AccountId}:table/"),
        "Condition": {
            "ForAllValues:StringLike": { "dynamodb:LeadingKeys": patterns },
        },
    })
}
