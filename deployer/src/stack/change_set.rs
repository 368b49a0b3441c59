//! Change sets: created, read as a plan, then applied or deleted. None is left behind.

use std::cell::{Cell, RefCell};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::Result;
use aws_sdk_cloudformation::operation::describe_change_set::DescribeChangeSetOutput;
use aws_sdk_cloudformation::types::{
    Capability, ChangeSetStatus, ChangeSetType, ExecutionStatus, StackStatus,
};
use tokio::time::sleep;

use crate::aws::clients::Aws;
use crate::error::{CommandError, OrCannot as _};
use crate::stack::plan::Plan;
use crate::stack::state;
use crate::stack::template_body::Body;

/// Prefix of change set names.
pub(crate) const RUN: &str = "footfall-";

/// Returns a unique name for this run's change set and its token.
pub(crate) fn run_name() -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    format!("{RUN}{}-{}", now.as_millis(), std::process::id())
}

/// A change set that can be applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ChangeSet {
    /// The stack's ID.
    pub(crate) stack: String,
    /// The changes.
    pub(crate) plan: Plan,
}

/// Result of creating a change set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Made {
    /// There are changes.
    Changes(ChangeSet),
    /// The stack matches the template already.
    NoChanges,
}

/// Where a change set is that was made and not applied yet.
///
/// It is noted before AWS is asked to make it, so that it is deleted even if the answer is lost.
#[derive(Debug, Default)]
pub(crate) struct Pending {
    place: RefCell<Option<Place>>,
    executed: Cell<bool>,
}

#[derive(Debug, Clone)]
struct Place {
    stack: String,
    name: String,
    /// Whether the stack is there for the change set's sake alone.
    with_stack: bool,
}

impl Pending {
    /// Makes a change set for the stack `stack`, which `is_new` or is there.
    ///
    /// `name` must be of this run alone: then one of that name which is there already, since an
    /// answer was lost on its way, is the one that was asked for.
    pub(crate) async fn make(
        &self,
        aws: &Aws,
        stack: &str,
        is_new: bool,
        template: Body<'_>,
        name: &str,
    ) -> Result<Made> {
        *self.place.borrow_mut() =
            Some(Place { stack: stack.to_owned(), name: name.to_owned(), with_stack: is_new });
        let kind = if is_new { ChangeSetType::Create } else { ChangeSetType::Update };
        let create = aws.cloudformation.create_change_set();
        let create = match template {
            Body::Text(text) => create.template_body(text),
            Body::Address(address) => create.template_url(address),
        };
        let made = create
            .stack_name(stack)
            .change_set_name(name)
            .change_set_type(kind)
            .client_token(name)
            // The roles have no names of their own: CAPABILITY_NAMED_IAM is not needed.
            .capabilities(Capability::CapabilityIam)
            // A table that was kept becomes part of the stack again.
            .import_existing_resources(true)
            .send()
            .await;
        if let Err(error) = made {
            let is_ours = error.as_service_error().is_some_and(|e| e.is_already_exists_exception());
            if !is_ours {
                return Err(CommandError::from_sdk("plan the change", &error).into());
            }
        }
        let described = settled(aws, stack, name).await?;
        if described.status == Some(ChangeSetStatus::Failed) {
            let reason = described.status_reason.unwrap_or_default();
            self.discard(aws).await?;
            return no_changes(&reason).then_some(Made::NoChanges).ok_or_else(|| {
                CommandError::failed(
                    format!("AWS rejects this change: {reason}"),
                    "`cargo xtask template` prints the template",
                )
                .into()
            });
        }
        let stack = described.stack_id.clone().unwrap_or_else(|| stack.to_owned());
        let plan = plan(aws, described).await?;
        Ok(Made::Changes(ChangeSet { stack, plan }))
    }

    /// Applies the change set. From here on, AWS continues by itself.
    pub(crate) async fn execute(&self, aws: &Aws) -> Result<()> {
        let Some(place) = self.place.borrow().clone() else { return Ok(()) };
        let executed = aws
            .cloudformation
            .execute_change_set()
            .stack_name(&place.stack)
            .change_set_name(&place.name)
            .client_request_token(&place.name)
            .send()
            .await;
        if let Err(error) = executed {
            let state = error.as_service_error().is_some_and(|e| {
                e.is_invalid_change_set_status_exception() || e.is_change_set_not_found_exception()
            });
            // The first answer may have been lost, and this be what AWS says to the second try.
            if !(state && is_executing(aws, &place).await) {
                return Err(CommandError::from_sdk("apply the change", &error).into());
            }
        }
        self.place.borrow_mut().take();
        self.executed.set(true);
        Ok(())
    }

    /// Returns the hint for a command that was stopped.
    pub(crate) fn after_stop(&self) -> &'static str {
        if self.executed.get() {
            "AWS continues the change; `cargo xtask status` shows its state, and the next \
             `cargo xtask deploy` waits for it"
        } else {
            "nothing was changed; run `cargo xtask deploy` again at any time"
        }
    }

    /// Deletes a change set that was not applied, and a stack that only exists because of it.
    pub(crate) async fn discard(&self, aws: &Aws) -> Result<()> {
        let Some(place) = self.place.borrow_mut().take() else { return Ok(()) };
        let delete = aws.cloudformation.delete_change_set();
        let deleted = delete.stack_name(&place.stack).change_set_name(&place.name).send().await;
        if let Err(error) = deleted {
            let error = CommandError::from_sdk("delete the change set", &error);
            if !state::is_absent(Some(&error.message)) {
                return Err(error.into());
            }
        }
        if place.with_stack {
            let found = state::find(aws, &place.stack).await?;
            let status = found.and_then(|stack| stack.stack_status);
            // Looked at once more: never delete a stack that somebody made in the meantime.
            if status == Some(StackStatus::ReviewInProgress) {
                let delete = aws.cloudformation.delete_stack().stack_name(&place.stack);
                delete.send().await.or_cannot("delete the stack that was only planned")?;
            }
        }
        Ok(())
    }
}

/// AWS's words for a change set that would change nothing: the first for templates without
/// transforms, the second for those that change nothing but what AWS does not count.
///
/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-updating-stacks-changesets-create.html>
fn no_changes(reason: &str) -> bool {
    reason.contains("didn't contain changes") || reason.contains("No updates are to be performed")
}

/// Waits until AWS has finished the change set.
async fn settled(aws: &Aws, stack: &str, name: &str) -> Result<DescribeChangeSetOutput> {
    let mut pause = Duration::from_millis(250);
    loop {
        let describe = aws.cloudformation.describe_change_set();
        let answer = describe.stack_name(stack).change_set_name(name).send().await;
        let answer = answer.or_cannot("read the plan")?;
        let busy = matches!(
            answer.status,
            Some(ChangeSetStatus::CreatePending | ChangeSetStatus::CreateInProgress)
        );
        if !busy {
            return Ok(answer);
        }
        sleep(pause).await;
        pause = (pause * 2).min(Duration::from_secs(3));
    }
}

/// Reads all pages of the plan.
async fn plan(aws: &Aws, first: DescribeChangeSetOutput) -> Result<Plan> {
    let mut changes = first.changes.unwrap_or_default();
    let mut next = first.next_token;
    while let Some(token) = next {
        let describe = aws.cloudformation.describe_change_set();
        let describe = describe.set_change_set_name(first.change_set_id.clone());
        let page = describe.next_token(token).send().await.or_cannot("read the plan")?;
        changes.extend(page.changes.unwrap_or_default());
        next = page.next_token;
    }
    Ok(Plan::of(&changes))
}

async fn is_executing(aws: &Aws, place: &Place) -> bool {
    let describe = aws.cloudformation.describe_change_set();
    let answer = describe.stack_name(&place.stack).change_set_name(&place.name).send().await;
    answer.is_ok_and(|answer| {
        matches!(
            answer.execution_status,
            Some(ExecutionStatus::ExecuteInProgress | ExecutionStatus::ExecuteComplete)
        )
    })
}
