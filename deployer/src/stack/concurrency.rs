//! Whether the account has room to keep concurrent executions free for the functions.
//!
//! Of an account's executions, 100 must stay that no function reserves. A new account has 10 in all.
//! <https://docs.aws.amazon.com/lambda/latest/dg/configuration-concurrency.html>

use std::fmt;

use anyhow::{Context as _, Result};
use aws_sdk_cloudformation::types::Stack;
use footfall_infra::stack::{Type, reserved_concurrency};
use serde_json::Value;

use crate::aws::clients::Aws;
use crate::aws::signed_request::{Question, Signed};
use crate::stack::state::{self, Step, look, step};

/// What must stay unreserved.
const UNRESERVED: u64 = 100;

/// Of Lambda, there is one question:
/// <https://docs.aws.amazon.com/lambda/latest/api/API_GetAccountSettings.html>
const ACCOUNT_SETTINGS: Question<'_> = Question {
    doing: "ask Lambda for the account's limits",
    method: "GET",
    path: "/2016-08-19/account-settings",
    headers: &[],
    body: "",
};

/// How many of the account's executions no function reserves.
async fn unreserved(lambda: &Signed) -> Result<u64> {
    let settings = lambda.ask(&ACCOUNT_SETTINGS).await?;
    let unreserved = settings.pointer("/AccountLimit/UnreservedConcurrentExecutions");
    unreserved.and_then(Value::as_u64).context("Lambda does not say what is unreserved")
}

/// Whether executions are reserved, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Concurrency {
    /// Whether they are.
    pub(crate) reserved: bool,
    why: Why,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Why {
    /// There is room for so many, those of the stack itself included.
    Room(u64),
    /// It cannot be asked: it stays as it was deployed.
    Unknown(String),
}

impl Concurrency {
    /// Asks how much room there is for a stack that may be there.
    pub(crate) async fn of(aws: &Aws, name: &str) -> Result<Self> {
        let own = match look(aws, name).await? {
            Some(stack) if is_made(&stack) => own(state::template(aws, &stack).await?.as_ref()),
            _ => 0,
        };
        Ok(Self::judged(own, unreserved(&aws.lambda).await))
    }

    fn judged(own: u64, unreserved: Result<u64>) -> Self {
        match unreserved {
            Ok(unreserved) => {
                let room = (unreserved + own).saturating_sub(UNRESERVED);
                let reserved = room >= u64::from(reserved_concurrency());
                Self { reserved, why: Why::Room(room) }
            }
            Err(error) => Self { reserved: own > 0, why: Why::Unknown(format!("{error:#}")) },
        }
    }
}

impl fmt::Display for Concurrency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let wanted = reserved_concurrency();
        match (self.reserved, &self.why) {
            (true, Why::Room(_)) => write!(f, "{wanted} reserved"),
            (false, Why::Room(room)) => {
                write!(f, "not reserved: the account has room for {room}, and this takes {wanted}")
            }
            (reserved, Why::Unknown(cause)) => {
                let so = if reserved { "reserved" } else { "not reserved" };
                write!(f, "{so}, as before: {cause}")
            }
        }
    }
}

/// Whether a stack has its functions: one that is new, or only to be cleared away, has none.
fn is_made(stack: &Stack) -> bool {
    !matches!(step(stack.stack_status()), Step::Create | Step::Delete)
}

/// How many executions the functions of a template reserve.
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
    fn a_hundred_stay_for_everybody() {
        let wanted = u64::from(reserved_concurrency());
        let check = |own: u64, unreserved: u64, expected: bool, text: &str| {
            let judged = Concurrency::judged(own, Ok(unreserved));
            assert_eq!((judged.reserved, judged.to_string().as_str()), (expected, text));
        };
        let reserved = format!("{wanted} reserved");
        let not = |room: u64| {
            format!("not reserved: the account has room for {room}, and this takes {wanted}")
        };
        check(0, 10, false, &not(0));
        check(0, 1000, true, &reserved);
        check(0, 99 + wanted, false, &not(wanted - 1));
        check(0, 100 + wanted, true, &reserved);
        // What the stack has already is room for itself.
        check(wanted, 100, true, &reserved);
        check(wanted, 99, false, &not(wanted - 1));
    }

    #[test]
    fn what_cannot_be_asked_stays_as_it_is() {
        for (own, expected) in [(0, "not reserved, as before: no"), (60, "reserved, as before: no")]
        {
            let judged = Concurrency::judged(own, Err(anyhow!("no")));
            assert_eq!((judged.reserved, judged.to_string().as_str()), (own > 0, expected));
        }
    }

    #[test]
    fn what_is_reserved_stands_in_the_template() {
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
