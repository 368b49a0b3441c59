//! Applies a template: plans it, shows the plan, asks for confirmation, executes it and watches.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use aws_sdk_cloudformation::types::StackStatus;
use clap::Args;
use footfall_infra::api;
use footfall_infra::settings::Settings;
use footfall_infra::snippet::snippet;
use footfall_infra::stack::outputs;
use serde::Serialize;

use crate::artifact::bucket::Bucket;
use crate::aws::clients::Aws;
use crate::error::CommandError;
use crate::stack::change_set::{Made, Pending, run_name};
use crate::stack::history;
use crate::stack::plan::{self, Plan};
use crate::stack::progress::{Until, Watch};
use crate::stack::state::{self, describe, find_owned};
use crate::stack::template_body::Body;
use crate::terminal::output::{print, print_json};
use crate::terminal::prompt;

/// How to apply a template
#[derive(Debug, Clone, Copy, Args)]
#[allow(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub(crate) struct How {
    /// Print the plan and change nothing
    #[arg(long)]
    pub(crate) plan: bool,
    /// Apply the plan without asking
    #[arg(long)]
    yes: bool,
    /// Print the plan and the result as JSON
    #[arg(long)]
    json: bool,
    /// Allow a plan that deletes or replaces the table with all data
    #[arg(long)]
    lose_data: bool,
}

impl How {
    /// Fails if the plan needs confirmation but there is no terminal.
    pub(crate) fn check(self) -> Result<(), CommandError> {
        if self.plan || self.yes || prompt::is_interactive() {
            return Ok(());
        }
        Err(CommandError::rejected(
            "the plan needs confirmation, but there is no terminal",
            "pass --yes to apply it, or --plan to only see it",
        ))
    }
}

/// A plan or its result.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Done {
    pub(crate) plan: Plan,
    pub(crate) applied: bool,
    /// Outputs of the stack. Empty if it was only planned.
    outputs: BTreeMap<String, String>,
}

impl Done {
    /// A plan made without asking AWS.
    pub(crate) const fn planned(plan: Plan) -> Self {
        Self { plan, applied: false, outputs: BTreeMap::new() }
    }
}

/// A function's code, and whether it must be uploaded.
#[derive(Debug, Serialize)]
pub(crate) struct Upload {
    pub(crate) function: &'static str,
    pub(crate) key: String,
    pub(crate) bytes: usize,
    pub(crate) missing: bool,
}

/// Plan and result as JSON.
#[derive(Debug, Serialize)]
struct Outcome<'a> {
    account: &'a str,
    region: &'a str,
    stack: &'a str,
    bucket: &'a str,
    uploads: &'a [Upload],
    changes: &'a [plan::Change],
    applied: bool,
    outputs: &'a BTreeMap<String, String>,
}

/// Runs an operation that may leave a change set behind, and deletes the change set after a failure or Ctrl-C.
pub(crate) async fn guarded<T>(
    aws: &Aws,
    pending: &Pending,
    work: impl Future<Output = Result<T>>,
) -> Result<T> {
    tokio::select! {
        done = work => {
            // The original error matters more than one from cleaning up.
            if done.is_err() && let Err(error) = pending.discard(aws).await {
                eprintln!("warning: {error:#}");
            }
            done
        }
        _ = tokio::signal::ctrl_c() => {
            // Moves past the `^C` that the terminal shows.
            eprintln!();
            pending.discard(aws).await?;
            Err(CommandError::failed("stopped", pending.after_stop()).into())
        }
    }
}

/// Plans the template and applies it if confirmed. The stack is created if it `is_new`, and updated otherwise.
pub(crate) async fn apply(
    bucket: &Bucket<'_>,
    pending: &Pending,
    template: &str,
    is_new: bool,
    how: How,
) -> Result<Done> {
    let aws = bucket.aws;
    let name = bucket.stack.as_str();
    let body = Body::of(bucket, template).await?;
    let made = pending.make(aws, name, is_new, body, &run_name()).await?;
    let Made::Changes(change_set) = made else {
        eprintln!("Nothing to change: stack {name} is up to date.");
        let outputs = outputs(aws, name).await?;
        return Ok(Done { plan: Plan::default(), applied: false, outputs });
    };
    let plan = change_set.plan;
    if how.plan {
        pending.discard(aws).await?;
        return Ok(Done::planned(plan));
    }
    eprintln!("\n{plan}\n");
    if plan.losses().next().is_some() && !how.lose_data {
        return Err(CommandError::rejected(
            "this plan removes the table with all data from the stack",
            "undo the change that causes it, or pass --lose-data if you mean it",
        )
        .into());
    }
    if !how.yes && !prompt::confirm("Apply this?").await? {
        return Err(CommandError::rejected(
            "cancelled; nothing was changed",
            "run this again to apply the plan",
        )
        .into());
    }
    if !is_new {
        history::note(bucket).await?;
    }
    let watch = Watch::from_now(aws, &change_set.stack).await?;
    pending.execute(aws).await?;
    let ending = watch.follow(aws, Until::Over).await?;
    let status = StackStatus::from(ending.status.as_str());
    let is_done = matches!(
        status,
        StackStatus::CreateComplete | StackStatus::UpdateComplete | StackStatus::ImportComplete
    );
    if !is_done {
        let cause = ending.cause.unwrap_or_else(|| "AWS gives no reason".to_owned());
        return Err(CommandError::failed(
            format!("the change failed: {cause}"),
            format!("fix the cause and deploy again. {}", describe(name, Some(&status))),
        )
        .into());
    }
    Ok(Done { plan, applied: true, outputs: outputs(aws, name).await? })
}

async fn outputs(aws: &Aws, name: &str) -> Result<BTreeMap<String, String>> {
    let found = find_owned(aws, name).await?;
    Ok(found.map(|stack| state::outputs(&stack)).unwrap_or_default())
}

/// Prints a plan or result in the requested format.
pub(crate) fn report(
    bucket: &Bucket<'_>,
    settings: &Settings,
    uploads: &[Upload],
    done: &Done,
    how: How,
) -> Result<()> {
    let Done { plan, applied, outputs } = done;
    if how.json {
        let aws = bucket.aws;
        return print_json(&Outcome {
            account: &aws.account,
            region: &aws.region,
            stack: bucket.stack.as_str(),
            bucket: &bucket.name,
            uploads,
            changes: &plan.changes,
            applied: *applied,
            outputs,
        });
    }
    if how.plan { print(&format!("{plan}\n")) } else { show(settings, outputs) }
}

/// Prints what owners need next: the dashboard's URL and the snippets to paste.
fn show(settings: &Settings, outputs: &BTreeMap<String, String>) -> Result<()> {
    let endpoint =
        outputs.get(outputs::ENDPOINT).context("the stack has no output with its endpoint")?;
    let endpoint = endpoint.trim_end_matches('/');
    if let Some(target) = outputs.get(outputs::CUSTOM_DOMAIN_TARGET) {
        let address = outputs.get(outputs::API_ENDPOINT).map_or("", String::as_str);
        eprintln!(
            "\nIn DNS, point your domain at {target} (CNAME or alias). Until then, use {address}."
        );
    }
    let dashboard = api::DASHBOARD;
    let mut text =
        format!("Dashboard: {endpoint}{dashboard}\nPrivate. Run `cargo xtask open` to sign in.\n");
    for site in &settings.sites {
        text.push_str(&format!(
            "\nSnippet for the pages of {}:\n{}",
            site.domain,
            snippet(site, endpoint)
        ));
    }
    print(&text)
}
