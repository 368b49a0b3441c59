//! States of a stack, and what they mean for a deploy.
//!
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/view-stack-events.html>

use std::collections::BTreeMap;

use anyhow::Result;
use aws_sdk_cloudformation::error::ProvideErrorMetadata;
use aws_sdk_cloudformation::types::{Stack, StackStatus};
use footfall_infra::env::SETTINGS;
use footfall_infra::settings::Settings;
use footfall_infra::stack::outputs::API_ENDPOINT;
use footfall_infra::stack::{SALTS, Type};
use serde_json::Value;

use crate::aws::clients::Aws;
use crate::error::{CommandError, OrCannot as _};

/// The next action to bring a stack up to date.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NextAction {
    /// Create the stack.
    Create,
    /// Update the stack.
    Update,
    /// Wait until the current operation is done.
    Wait,
    /// Delete what is left of it, and then create it again.
    Delete,
    /// Continue a rollback that failed.
    ContinueRollback,
    /// Unknown state: only explain it.
    Explain,
}

/// Returns the next action for a stack in this state. `None` means that there is no stack.
pub(crate) fn next_action(status: Option<&StackStatus>) -> NextAction {
    match status {
        None | Some(StackStatus::DeleteComplete) => NextAction::Create,
        Some(
            StackStatus::CreateComplete
            | StackStatus::UpdateComplete
            | StackStatus::UpdateRollbackComplete
            // An update that failed without a rollback: the next update continues from there.
            | StackStatus::UpdateFailed
            | StackStatus::ImportComplete
            | StackStatus::ImportRollbackComplete,
        ) => NextAction::Update,
        Some(
            StackStatus::CreateInProgress
            | StackStatus::UpdateInProgress
            | StackStatus::UpdateCompleteCleanupInProgress
            | StackStatus::RollbackInProgress
            | StackStatus::UpdateRollbackInProgress
            | StackStatus::UpdateRollbackCompleteCleanupInProgress
            | StackStatus::ImportInProgress
            | StackStatus::ImportRollbackInProgress
            | StackStatus::DeleteInProgress,
        ) => NextAction::Wait,
        Some(
            // The stack does not exist yet: there is only a change set that was not applied.
            StackStatus::ReviewInProgress
            // It was created in part and can only be deleted.
            | StackStatus::RollbackComplete
            | StackStatus::RollbackFailed
            | StackStatus::CreateFailed
            | StackStatus::DeleteFailed,
        ) => NextAction::Delete,
        Some(StackStatus::UpdateRollbackFailed) => NextAction::ContinueRollback,
        Some(_) => NextAction::Explain,
    }
}

/// Explains a state to readers who do not know CloudFormation.
pub(crate) fn explain(status: &StackStatus) -> &'static str {
    match status {
        StackStatus::CreateComplete | StackStatus::UpdateComplete | StackStatus::ImportComplete => {
            "up to date"
        }
        StackStatus::UpdateRollbackComplete | StackStatus::ImportRollbackComplete => {
            "the last change failed; the previous version is running"
        }
        StackStatus::ReviewInProgress => "planned but not created yet; the next deploy creates it",
        StackStatus::RollbackComplete => {
            "it could not be created; the next deploy deletes it and starts over"
        }
        StackStatus::CreateFailed | StackStatus::RollbackFailed => {
            "it could not be created, and parts of it are left; the next deploy deletes them and starts over"
        }
        StackStatus::DeleteFailed => {
            "it could not be deleted completely; destroy or deploy tries again"
        }
        StackStatus::DeleteComplete => "deleted",
        StackStatus::UpdateFailed => {
            "the last change failed halfway; the next deploy continues from there"
        }
        StackStatus::UpdateRollbackFailed => {
            "the last change failed, and so did its rollback; the next deploy continues the rollback"
        }
        StackStatus::ImportRollbackFailed => {
            "the rollback of an import failed; see the stack in the AWS console"
        }
        status if next_action(Some(status)) == NextAction::Wait => "an operation is in progress",
        _ => "unknown state; see the AWS console",
    }
}

/// Returns the stack, if it exists.
pub(crate) async fn find(aws: &Aws, name: &str) -> Result<Option<Stack>> {
    match aws.cloudformation.describe_stacks().stack_name(name).send().await {
        Ok(answer) => Ok(answer.stacks.unwrap_or_default().into_iter().next()),
        Err(error) => match error.as_service_error() {
            Some(service) if is_absent(service.message()) => Ok(None),
            _ => Err(CommandError::from_sdk("read the stack", &error).into()),
        },
    }
}

/// Returns the stack, if it exists. Fails if it is not Footfall's.
pub(crate) async fn find_owned(aws: &Aws, name: &str) -> Result<Option<Stack>> {
    let found = find(aws, name).await?;
    if let Some(stack) = &found
        && !is_ours(stack)
    {
        return Err(CommandError::rejected(
            format!("the stack {name} exists but was not created by Footfall"),
            "choose another name with --stack",
        )
        .into());
    }
    Ok(found)
}

/// Whether Footfall made the stack. A stack that is only planned has no description yet.
fn is_ours(stack: &Stack) -> bool {
    stack.stack_status == Some(StackStatus::ReviewInProgress)
        || stack.description().is_some_and(|text| text.starts_with("Footfall"))
        || outputs(stack).contains_key(API_ENDPOINT)
}

/// Describes the stack's state in one line.
pub(crate) fn describe(name: &str, status: Option<&StackStatus>) -> String {
    match status {
        None => format!("Stack {name}: not deployed"),
        Some(status) => {
            format!("Stack {name}: {} ({})", explain(status), status.as_str())
        }
    }
}

/// Whether an error message says that the stack does not exist. Its code is that of any invalid request.
pub(crate) fn is_absent(message: Option<&str>) -> bool {
    message.is_some_and(|message| message.contains("does not exist"))
}

/// Returns the stack's outputs.
pub(crate) fn outputs(stack: &Stack) -> BTreeMap<String, String> {
    let pair = |output: &aws_sdk_cloudformation::types::Output| {
        Some((output.output_key()?.to_owned(), output.output_value()?.to_owned()))
    };
    stack.outputs().iter().filter_map(pair).collect()
}

/// Returns the stack's template. `None` if it is not JSON, which Footfall always sends.
pub(crate) async fn template(aws: &Aws, stack: &Stack) -> Result<Option<Value>> {
    let get = aws.cloudformation.get_template();
    let answer = get.set_stack_name(stack.stack_name.clone()).send().await;
    let answer = answer.or_cannot("read the stack's template")?;
    Ok(answer.template_body().and_then(|body| serde_json::from_str(body).ok()))
}

/// Returns the settings that a stack was deployed with, from the environment of its functions.
pub(crate) fn settings(template: Option<&Value>) -> Option<Settings> {
    let resources = template?.get("Resources")?.as_object()?;
    let pointer = format!("/Properties/Environment/Variables/{SETTINGS}");
    let mut all = resources.values().filter_map(|r| r.pointer(&pointer)?.as_str());
    all.find_map(|text| Settings::from_json(text).ok())
}

/// Fails if deleting the stack would delete the table. That depends only on the deployed template. The table of
/// salts does not count, because it is meant to be deleted.
pub(crate) async fn check_table_is_kept(aws: &Aws, stack: &Stack) -> Result<()> {
    // A stack that is only planned has no resources.
    if stack.stack_status() == Some(&StackStatus::ReviewInProgress) {
        return Ok(());
    }
    if template(aws, stack).await?.as_ref().is_some_and(keeps_tables) {
        return Ok(());
    }
    let name = stack.stack_name().unwrap_or_default();
    Err(CommandError::rejected(
        format!("the template of the stack {name} does not retain its table"),
        "`cargo xtask deploy` fixes that if the stack can be updated; otherwise see the AWS console",
    )
    .into())
}

fn keeps_tables(template: &Value) -> bool {
    let resources = template.get("Resources").and_then(Value::as_object);
    resources.is_some_and(|resources| {
        let is =
            |resource: &Value, key, value| resource.get(key).and_then(Value::as_str) == Some(value);
        resources.iter().all(|(name, resource)| {
            !is(resource, "Type", Type::Table.name())
                || name == SALTS.as_str()
                || is(resource, "DeletionPolicy", "Retain")
        })
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn template_decides_whether_the_table_is_retained() {
        let template = |policy: Value| {
            json!({ "Resources": {
                "Table": { "Type": "AWS::DynamoDB::Table", "DeletionPolicy": policy },
                "Salts": { "Type": "AWS::DynamoDB::Table", "DeletionPolicy": "Delete" },
                "Api": { "Type": "AWS::ApiGatewayV2::Api" },
            } })
        };
        assert!(keeps_tables(&template(json!("Retain"))));
        assert!(!keeps_tables(&template(json!("Delete"))));
        assert!(!keeps_tables(&template(Value::Null)));
        assert!(!keeps_tables(&json!("something else")));
    }

    #[test]
    fn every_state_has_a_next_action() {
        // All states that CloudFormation has today. New ones are only explained.
        for name in StackStatus::values() {
            let status = StackStatus::from(*name);
            let expected = match *name {
                "DELETE_COMPLETE" => NextAction::Create,
                "ROLLBACK_COMPLETE" | "REVIEW_IN_PROGRESS" | "CREATE_FAILED"
                | "ROLLBACK_FAILED" | "DELETE_FAILED" => NextAction::Delete,
                "UPDATE_ROLLBACK_FAILED" => NextAction::ContinueRollback,
                "IMPORT_ROLLBACK_FAILED" => NextAction::Explain,
                name if name.ends_with("_IN_PROGRESS") => NextAction::Wait,
                _ => NextAction::Update,
            };
            assert_eq!(next_action(Some(&status)), expected, "{name}");
            assert!(!explain(&status).starts_with("unknown state"), "{name}");
        }
        assert_eq!(next_action(None), NextAction::Create);
        assert_eq!(next_action(Some(&StackStatus::from("NEW_IN_2030"))), NextAction::Explain);
    }

    #[test]
    fn recognises_absence_by_the_message() {
        assert!(is_absent(Some("Stack with id footfall does not exist")));
        assert!(!is_absent(Some("1 validation error detected: Value at 'stackName'")));
        assert!(!is_absent(None));
    }
}
