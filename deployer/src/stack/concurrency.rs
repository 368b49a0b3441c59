//! Whether the account has enough concurrency to reserve some for the functions.
//!
//! AWS requires that 100 of an account's concurrent executions stay unreserved. A new account has 10 in all.
//! <https://docs.aws.amazon.com/lambda/latest/dg/configuration-concurrency.html>

use std::fmt;

use anyhow::{Context as _, Result};
use aws_sdk_cloudformation::types::Stack;
use footfall_infra::stack::{Type, reserved_concurrency};
use serde_json::Value;

use crate::aws::clients::Aws;
use crate::aws::signed_request::{SignedClient, SignedRequest};
use crate::stack::state::{self, NextAction, find_owned, next_action};

/// Number of executions that must stay unreserved.
const MIN_UNRESERVED: u64 = 100;

/// The only request to Lambda:
/// <https://docs.aws.amazon.com/lambda/latest/api/API_GetAccountSettings.html>
const ACCOUNT_SETTINGS: SignedRequest<'_> = SignedRequest {
    action: "read the account's Lambda limits",
    method: "GET",
    path: "/2016-08-19/account-settings",
    headers: &[],
    body: "",
};

/// Returns how many of the account's executions are unreserved.
async fn unreserved(lambda: &SignedClient) -> Result<u64> {
    let settings = lambda.send(&ACCOUNT_SETTINGS).await?;
    let unreserved = settings.pointer("/AccountLimit/UnreservedConcurrentExecutions");
    unreserved.and_then(Value::as_u64).context("Lambda's answer lacks the unreserved concurrency")
}

/// Whether executions are reserved, with the reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Concurrency {
    /// Whether executions are reserved.
    pub(crate) reserved: bool,
    reason: Reason,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Reason {
    /// Number of executions that could be reserved, including those of the stack itself.
    Room(u64),
    /// The limits are unknown, so it stays as deployed.
    Unknown(String),
}

impl Concurrency {
    /// Reads the limits, and decides for a stack that may exist already.
    pub(crate) async fn of(aws: &Aws, name: &str) -> Result<Self> {
        let own = match find_owned(aws, name).await? {
            Some(stack) if is_made(&stack) => own(state::template(aws, &stack).await?.as_ref()),
            _ => 0,
        };
        Ok(Self::judged(own, unreserved(&aws.lambda).await))
    }

    fn judged(own: u64, unreserved: Result<u64>) -> Self {
        match unreserved {
            Ok(unreserved) => {
                let room = (unreserved + own).saturating_sub(MIN_UNRESERVED);
                let reserved = room >= u64::from(reserved_concurrency());
                Self { reserved, reason: Reason::Room(room) }
            }
            Err(error) => Self { reserved: own > 0, reason: Reason::Unknown(format!("{error:#}")) },
        }
    }
}

impl fmt::Display for Concurrency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let wanted = reserved_concurrency();
        match (self.reserved, &self.reason) {
            (true, Reason::Room(_)) => write!(f, "{wanted} reserved"),
            (false, Reason::Room(room)) => {
                write!(f, "not reserved: the account can reserve {room}, but {wanted} are needed")
            }
            (reserved, Reason::Unknown(cause)) => {
                let so = if reserved { "reserved" } else { "not reserved" };
                write!(f, "{so}, as before: {cause}")
            }
        }
    }
}

/// Whether the stack has functions. New stacks, and those that can only be deleted, have none.
fn is_made(stack: &Stack) -> bool {
    !matches!(next_action(stack.stack_status()), NextAction::Create | NextAction::Delete)
}

/// Returns how many executions the functions of a template reserve.
fn own(template: Option<&Value>) -> u64 {
    let resources = template.and_then(|t| t.get("Resources")).and_then(Value::as_object);
    let resources = resources.into_iter().flat_map(serde_json::Map::values);
    let functions = resources.filter(|r| r["Type"] == Type::Function.name());
    let reserved = |r: &Value| r.pointer("/Properties/ReservedConcurrentExecutions")?.as_u64();
    functions.filter_map(reserved).sum()
}

#[cfg(test)]
mod tests {
    use anyhow::anyhow;
    use serde_json::json;

    use super::*;

    #[test]
    fn leaves_100_executions_unreserved() {
        let wanted = u64::from(reserved_concurrency());
        let check = |own: u64, unreserved: u64, expected: bool, text: &str| {
            let judged = Concurrency::judged(own, Ok(unreserved));
            assert_eq!((judged.reserved, judged.to_string().as_str()), (expected, text));
        };
        let reserved = format!("{wanted} reserved");
        let not = |room: u64| {
            format!("not reserved: the account can reserve {room}, but {wanted} are needed")
        };
        check(0, 10, false, &not(0));
        check(0, 1000, true, &reserved);
        check(0, 99 + wanted, false, &not(wanted - 1));
        check(0, 100 + wanted, true, &reserved);
        // Executions that the stack has reserved already count as available.
        check(wanted, 100, true, &reserved);
        check(wanted, 99, false, &not(wanted - 1));
    }

    #[test]
    fn keeps_the_reservation_when_limits_are_unknown() {
        for (own, expected) in [(0, "not reserved, as before: no"), (60, "reserved, as before: no")]
        {
            let judged = Concurrency::judged(own, Err(anyhow!("no")));
            assert_eq!((judged.reserved, judged.to_string().as_str()), (own > 0, expected));
        }
    }

    #[test]
    fn reads_the_reservation_from_the_template() {
        let function = |reserved: Value| {
            let properties = json!({ "ReservedConcurrentExecutions": reserved });
            json!({ "Type": "AWS::Lambda::Function", "Properties": properties })
        };
        let template = json!({ "Resources": {
            "A": function(json!(50)), "B": function(json!(10)), "C": function(Value::Null),
            "Table": { "Type": "AWS::DynamoDB::Table" },
        } });
        assert_eq!(own(Some(&template)), 60);
        assert_eq!(own(None), 0);
    }
}
