//! Who may do what: the role of each function, with nothing that its code does not do.

use serde_json::{Value, json};

use super::functions::{self, Spec};
use super::table::{SALTS, TABLE};
use super::template::{LogicalId, Resource, Template, Type};
use crate::api::Function;

/// A kind of item that a function may get at, by its partition key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Partition {
    /// The hits of any site, hour and shard.
    Hits,
    /// The segments of any site and month.
    Segments,
    /// The salts of the days.
    Salts,
    /// What is known of the segments: how far each site is folded, and when the rollup last ran.
    Meta,
    /// Who may look: tokens, share links, and the key that signs.
    Access,
    /// Which login links were used, and when a password was tried.
    Logins,
}

impl Partition {
    /// Every kind there is.
    pub const ALL: [Self; 6] =
        [Self::Hits, Self::Segments, Self::Salts, Self::Meta, Self::Access, Self::Logins];

    /// The table that has them.
    #[must_use]
    pub const fn table(self) -> LogicalId {
        match self {
            Self::Salts => SALTS,
            Self::Hits | Self::Segments | Self::Meta | Self::Access | Self::Logins => TABLE,
        }
    }

    /// The partition keys, as a pattern of IAM.
    #[must_use]
    pub const fn pattern(self) -> &'static str {
        match self {
            Self::Hits => "hit#*",
            Self::Segments => "seg#*",
            Self::Salts => "salt",
            Self::Meta => "meta",
            Self::Access => "access",
            Self::Logins => "login",
        }
    }
}

/// An operation of DynamoDB on items of one partition, which the request names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// `PutItem`, with a condition or without.
    PutItem,
    /// `Query`.
    Query,
    /// `DeleteItem`.
    DeleteItem,
}

impl Action {
    /// The name that IAM knows it by.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::PutItem => "dynamodb:PutItem",
            Self::Query => "dynamodb:Query",
            Self::DeleteItem => "dynamodb:DeleteItem",
        }
    }
}

/// What a function may do, and with which items.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grant {
    /// What it does.
    pub action: Action,
    /// With what: partitions of one table.
    pub partitions: &'static [Partition],
}

fn role(function: Function) -> LogicalId {
    LogicalId::of(function, "Role")
}

/// What a function works as.
pub(super) fn role_arn(function: Function) -> Value {
    role(function).arn("iam::${AWS::AccountId}:role/")
}

/// Adds a function's role. It has no name of its own: a role with one asks for
/// `CAPABILITY_NAMED_IAM`, and cannot be replaced.
pub(super) fn add_role(template: &mut Template, spec: &Spec) {
    let mut statements: Vec<Value> = spec.grants.iter().map(table_statement).collect();
    statements.push(json!({
        "Effect": "Allow",
        "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
        // The attribute ends in `:*`: the streams of this one group, whose names Lambda chooses.
        "Resource": functions::log_group(spec.function).attribute("Arn"),
    }));
    let properties = json!({
        "Description": format!("What Footfall's function {} may do", spec.function.name()),
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

/// Allows an operation on the partitions that are meant, and no other, in the table that has them.
///
/// `ForAllValues` is also true of a request in which there is no partition key at all. These
/// operations always have one: DynamoDB refuses them without. One that has none (`Scan`, PartiQL)
/// would need `"Null": {"dynamodb:LeadingKeys": "false"}` beside it.
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
