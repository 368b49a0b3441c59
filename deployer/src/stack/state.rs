//! The state that a stack is in, and what that means for a deploy.
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

/// What to do with a stack so that it becomes what it should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// Make it.
    Create,
    /// Change it.
    Update,
    /// Wait until what is being done to it is done.
    Wait,
    /// Delete what is left of it, then make it anew.
    Delete,
    /// Finish the way back to what was before.
    ContinueRollback,
    /// Nothing that is known; say so.
    Explain,
}

/// What to do with a stack that is in `status`, or not there at all.
pub(crate) fn step(status: Option<&StackStatus>) -> Step {
    match status {
        None | Some(StackStatus::DeleteComplete) => Step::Create,
        Some(
            StackStatus::CreateComplete
            | StackStatus::UpdateComplete
            | StackStatus::UpdateRollbackComplete
            // An update whose failure was left as it is: the next update goes on from there.
            | StackStatus::UpdateFailed
            | StackStatus::ImportComplete
            | StackStatus::ImportRollbackComplete,
        ) => Step::Update,
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
        ) => Step::Wait,
        Some(
            // It was never made: all there is is a change set that nobody applied.
            StackStatus::ReviewInProgress
            // It was made in part, and can only be deleted.
            | StackStatus::RollbackComplete
            | StackStatus::RollbackFailed
            | StackStatus::CreateFailed
            | StackStatus::DeleteFailed,
        ) => Step::Delete,
        Some(StackStatus::UpdateRollbackFailed) => Step::ContinueRollback,
        Some(_) => Step::Explain,
    }
}

/// What a state means to somebody who does not know CloudFormation.
pub(crate) fn meaning(status: &StackStatus) -> &'static str {
    match status {
        StackStatus::CreateComplete | StackStatus::UpdateComplete | StackStatus::ImportComplete => {
            "it is as it was last deployed"
        }
        StackStatus::UpdateRollbackComplete | StackStatus::ImportRollbackComplete => {
            "the last change failed, and what was there before runs as before"
        }
        StackStatus::ReviewInProgress => "it was planned and not made yet; deploy makes it",
        StackStatus::RollbackComplete => {
            "it could not be made, and nothing of it runs; deploy clears it away and begins anew"
        }
        StackStatus::CreateFailed | StackStatus::RollbackFailed => {
            "it could not be made, and parts of it are left; deploy clears them away and begins anew"
        }
        StackStatus::DeleteFailed => {
            "it could not be deleted, and parts of it are left; destroy or deploy tries again"
        }
        StackStatus::DeleteComplete => "it is gone",
        StackStatus::UpdateFailed => "the last change failed halfway; deploy goes on from there",
        StackStatus::UpdateRollbackFailed => {
            "the last change failed, and so did the way back; deploy goes on with the way back"
        }
        StackStatus::ImportRollbackFailed => {
            "resources could not be given back that it was to adopt; see the stack in the AWS console"
        }
        status if step(Some(status)) == Step::Wait => "something is being done to it just now",
        _ => "a state that this version of Footfall does not know; see the AWS console",
    }
}

/// The stack, if there is one.
pub(crate) async fn find(aws: &Aws, name: &str) -> Result<Option<Stack>> {
    match aws.cloudformation.describe_stacks().stack_name(name).send().await {
        Ok(answer) => Ok(answer.stacks.unwrap_or_default().into_iter().next()),
        Err(error) => match error.as_service_error() {
            Some(service) if is_absent(service.message()) => Ok(None),
            _ => Err(CommandError::from_sdk("read the stack", &error).into()),
        },
    }
}

/// The stack, if there is one and it is Footfall's.
pub(crate) async fn look(aws: &Aws, name: &str) -> Result<Option<Stack>> {
    let found = find(aws, name).await?;
    if let Some(stack) = &found
        && !is_ours(stack)
    {
        return Err(CommandError::rejected(
            format!("the stack {name} is there, and it is not Footfall's"),
            "choose another name with --stack",
        )
        .into());
    }
    Ok(found)
}

/// A stack that is only planned says nothing of itself; every other has the template's description.
fn is_ours(stack: &Stack) -> bool {
    stack.stack_status == Some(StackStatus::ReviewInProgress)
        || stack.description().is_some_and(|text| text.starts_with("Footfall"))
        || outputs(stack).contains_key(API_ENDPOINT)
}

/// A sentence on the stack's state.
pub(crate) fn state(name: &str, status: Option<&StackStatus>) -> String {
    match status {
        None => format!("The stack {name} is not there."),
        Some(status) => {
            format!("The stack {name} is in {}: {}.", status.as_str(), meaning(status))
        }
    }
}

/// That there is no such stack is known by the message alone: the code is that of any wrong request.
pub(crate) fn is_absent(message: Option<&str>) -> bool {
    message.is_some_and(|message| message.contains("does not exist"))
}

/// What the stack says of itself.
pub(crate) fn outputs(stack: &Stack) -> BTreeMap<String, String> {
    let pair = |output: &aws_sdk_cloudformation::types::Output| {
        Some((output.output_key()?.to_owned(), output.output_value()?.to_owned()))
    };
    stack.outputs().iter().filter_map(pair).collect()
}

/// The template that a stack was last given, if it is JSON, which is what Footfall gives.
pub(crate) async fn template(aws: &Aws, stack: &Stack) -> Result<Option<Value>> {
    let get = aws.cloudformation.get_template();
    let answer = get.set_stack_name(stack.stack_name.clone()).send().await;
    let answer = answer.or_cannot("read the stack's template")?;
    Ok(answer.template_body().and_then(|body| serde_json::from_str(body).ok()))
}

/// The settings that a stack was deployed with: those in the environment of its functions.
pub(crate) fn settings(template: Option<&Value>) -> Option<Settings> {
    let resources = template?.get("Resources")?.as_object()?;
    let pointer = format!("/Properties/Environment/Variables/{SETTINGS}");
    let mut all = resources.values().filter_map(|r| r.pointer(&pointer)?.as_str());
    all.find_map(|text| Settings::from_json(text).ok())
}

/// Refuses to delete a stack by which the table would go, which is not that of the salts: it is to go. Whether it stays is decided by the template
/// that the stack was made from, and by nothing that is said when it is deleted.
pub(crate) async fn check_table_is_kept(aws: &Aws, stack: &Stack) -> Result<()> {
    // Nothing was made from a template that was only planned.
    if stack.stack_status() == Some(&StackStatus::ReviewInProgress) {
        return Ok(());
    }
    if template(aws, stack).await?.as_ref().is_some_and(keeps_tables) {
        return Ok(());
    }
    let name = stack.stack_name().unwrap_or_default();
    Err(CommandError::rejected(
        format!("the template of the stack {name} does not say that its table is kept"),
        "`cargo xtask deploy` mends that where the stack can be changed; else see the AWS console",
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
    fn a_table_is_kept_by_its_template() {
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
    fn every_state_has_a_step() {
        // All that CloudFormation knows today: to a new one, `Explain` is the answer.
        for name in StackStatus::values() {
            let status = StackStatus::from(*name);
            let expected = match *name {
                "DELETE_COMPLETE" => Step::Create,
                "ROLLBACK_COMPLETE" | "REVIEW_IN_PROGRESS" | "CREATE_FAILED"
                | "ROLLBACK_FAILED" | "DELETE_FAILED" => Step::Delete,
                "UPDATE_ROLLBACK_FAILED" => Step::ContinueRollback,
                "IMPORT_ROLLBACK_FAILED" => Step::Explain,
                name if name.ends_with("_IN_PROGRESS") => Step::Wait,
                _ => Step::Update,
            };
            assert_eq!(step(Some(&status)), expected, "{name}");
            assert!(!meaning(&status).starts_with("a state that"), "{name}");
        }
        assert_eq!(step(None), Step::Create);
        assert_eq!(step(Some(&StackStatus::from("NEW_IN_2030"))), Step::Explain);
    }

    #[test]
    fn absence_is_known_by_its_message() {
        assert!(is_absent(Some("Stack with id footfall does not exist")));
        assert!(!is_absent(Some("1 validation error detected: Value at 'stackName'")));
        assert!(!is_absent(None));
    }
}
