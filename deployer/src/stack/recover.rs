//! Bringing a stack, in whatever state it was left, to where it can be made or changed.

use anyhow::{Result, bail};
use aws_sdk_cloudformation::types::{Stack, StackStatus};

use crate::aws::clients::Aws;
use crate::error::{CommandError, OrCannot as _};
use crate::stack::change_set::{RUN, run_name};
use crate::stack::progress::{Until, Watch};
use crate::stack::state::{self, Step, look, state, step};

/// Whether the stack is new, for a plan: nothing is waited for or cleared away. Nothing, if it will be
/// new once what is left of it is cleared away.
pub(crate) async fn ready(aws: &Aws, name: &str) -> Result<Option<bool>> {
    let found = look(aws, name).await?;
    let status = found.as_ref().and_then(|stack| stack.stack_status.as_ref());
    match step(status) {
        Step::Create => Ok(Some(true)),
        Step::Update => Ok(Some(false)),
        Step::Delete => {
            eprintln!("{}", state(name, status));
            Ok(None)
        }
        Step::Wait | Step::ContinueRollback | Step::Explain => Err(CommandError::rejected(
            format!("no plan can be made now: {}", state(name, status)),
            "wait until it is over, or run `cargo xtask deploy`, which does",
        )
        .into()),
    }
}

/// Brings the stack into a state in which it can be made or changed. Returns whether it is new.
pub(crate) async fn settle(aws: &Aws, name: &str) -> Result<bool> {
    let mut tried = None;
    loop {
        let found = look(aws, name).await?;
        let status = found.as_ref().and_then(|stack| stack.stack_status.as_ref());
        let next = step(status);
        match next {
            Step::Create => return Ok(true),
            Step::Update => return Ok(false),
            Step::Explain => bail!("{}", state(name, status)),
            _ if tried == Some(next) => bail!("it did not help. {}", state(name, status)),
            Step::Wait | Step::Delete | Step::ContinueRollback => {}
        }
        eprintln!("{}", state(name, status));
        let id = found.as_ref().and_then(Stack::stack_id).unwrap_or(name);
        let watch = Watch::from_now(aws, id).await?;
        let cloudformation = &aws.cloudformation;
        let run = run_name();
        let until = match next {
            Step::Delete => {
                if let Some(stack) = &found {
                    state::check_table_is_kept(aws, stack).await?;
                    check_plans_are_ours(aws, stack).await?;
                }
                let delete = cloudformation.delete_stack().stack_name(id);
                let deleted = delete.client_request_token(run).send().await;
                deleted.or_cannot("clear the stack away")?;
                Until::Over
            }
            Step::ContinueRollback => {
                let go_on = cloudformation.continue_update_rollback().stack_name(id);
                let gone_on = go_on.client_request_token(run).send().await;
                gone_on.or_cannot("go on with the way back")?;
                Until::Over
            }
            _ => Until::Idle,
        };
        // However it ends, the next look says what to do.
        watch.follow(aws, until).await?;
        tried = (next != Step::Wait).then_some(next);
    }
}

/// Refuses to clear away a stack in which somebody else plans something.
async fn check_plans_are_ours(aws: &Aws, stack: &Stack) -> Result<()> {
    if stack.stack_status() != Some(&StackStatus::ReviewInProgress) {
        return Ok(());
    }
    let list = aws.cloudformation.list_change_sets().set_stack_name(stack.stack_name.clone());
    let sets = list.send().await.or_cannot("look for change sets")?;
    let mut names = sets.summaries().iter().filter_map(|set| set.change_set_name());
    match names.find(|name| !name.starts_with(RUN)) {
        None => Ok(()),
        Some(name) => Err(CommandError::rejected(
            format!("the stack was planned by somebody else, with the change set {name}"),
            "choose another name with --stack, or delete that stack in the AWS console",
        )
        .into()),
    }
}
