//! Recovers a stack so that it can be created or updated.

use anyhow::{Result, bail};
use aws_sdk_cloudformation::types::{Stack, StackStatus};

use crate::aws::clients::Aws;
use crate::error::{CommandError, OrCannot as _};
use crate::stack::change_set::{RUN, run_name};
use crate::stack::progress::{Until, Watch};
use crate::stack::state::{self, NextAction, describe, find_owned, next_action};

/// Returns whether the stack is new, for a plan, which changes nothing. `None` if it will be new once a deploy
/// has deleted what is left of it.
pub(crate) async fn is_new_for_plan(aws: &Aws, name: &str) -> Result<Option<bool>> {
    let found = find_owned(aws, name).await?;
    let status = found.as_ref().and_then(|stack| stack.stack_status.as_ref());
    match next_action(status) {
        NextAction::Create => Ok(Some(true)),
        NextAction::Update => Ok(Some(false)),
        NextAction::Delete => {
            eprintln!("{}", describe(name, status));
            Ok(None)
        }
        NextAction::Wait | NextAction::ContinueRollback | NextAction::Explain => {
            Err(CommandError::rejected(
                format!("cannot make a plan now: {}", describe(name, status)),
                "wait until the operation is over, or run `cargo xtask deploy`, which waits for it",
            )
            .into())
        }
    }
}

/// Recovers the stack, so that it can be created or updated. Returns whether it is new.
pub(crate) async fn recover(aws: &Aws, name: &str) -> Result<bool> {
    let mut tried = None;
    loop {
        let found = find_owned(aws, name).await?;
        let status = found.as_ref().and_then(|stack| stack.stack_status.as_ref());
        let next = next_action(status);
        match next {
            NextAction::Create => return Ok(true),
            NextAction::Update => return Ok(false),
            NextAction::Explain => bail!("{}", describe(name, status)),
            _ if tried == Some(next) => bail!("recovery did not help. {}", describe(name, status)),
            NextAction::Wait | NextAction::Delete | NextAction::ContinueRollback => {}
        }
        eprintln!("{}", describe(name, status));
        let id = found.as_ref().and_then(Stack::stack_id).unwrap_or(name);
        let watch = Watch::from_now(aws, id).await?;
        let cloudformation = &aws.cloudformation;
        let run = run_name();
        let until = match next {
            NextAction::Delete => {
                if let Some(stack) = &found {
                    state::check_table_is_kept(aws, stack).await?;
                    check_plans_are_ours(aws, stack).await?;
                }
                let delete = cloudformation.delete_stack().stack_name(id);
                let deleted = delete.client_request_token(run).send().await;
                deleted.or_cannot("delete the stack")?;
                Until::Over
            }
            NextAction::ContinueRollback => {
                let go_on = cloudformation.continue_update_rollback().stack_name(id);
                let gone_on = go_on.client_request_token(run).send().await;
                gone_on.or_cannot("continue the rollback")?;
                Until::Over
            }
            _ => Until::Idle,
        };
        // However it ends, the stack's new state decides what to do next.
        watch.follow(aws, until).await?;
        tried = (next != NextAction::Wait).then_some(next);
    }
}

/// Fails if the stack has a change set that is not Footfall's.
async fn check_plans_are_ours(aws: &Aws, stack: &Stack) -> Result<()> {
    if stack.stack_status() != Some(&StackStatus::ReviewInProgress) {
        return Ok(());
    }
    let list = aws.cloudformation.list_change_sets().set_stack_name(stack.stack_name.clone());
    let sets = list.send().await.or_cannot("list the change sets")?;
    let mut names = sets.summaries().iter().filter_map(|set| set.change_set_name());
    match names.find(|name| !name.starts_with(RUN)) {
        None => Ok(()),
        Some(name) => Err(CommandError::rejected(
            format!("the stack has a change set that is not Footfall's: {name}"),
            "choose another name with --stack, or delete that stack in the AWS console",
        )
        .into()),
    }
}
