//! `cargo xtask destroy`: deletes the stack, and optionally the table.

use std::path::{Path, PathBuf};

use anyhow::Result;
use aws_sdk_cloudformation::types::{Stack, StackResourceSummary};
use clap::Args;
use footfall_infra::settings::{self, Settings};
use footfall_infra::stack::{StackName, Type};
use footfall_runtime::platform::settings_file;
use jiff::Timestamp;

use crate::artifact::bucket::Bucket;
use crate::aws::clients::{Aws, Target};
use crate::data::atomic_file::check_is_new;
use crate::data::backup;
use crate::data::table;
use crate::error::{CommandError, OrCannot as _};
use crate::stack::progress::{Until, Watch};
use crate::stack::state::{self, NextAction, describe, find_owned, next_action};
use crate::terminal::prompt;

/// Delete the stack from AWS; keep the data, unless told otherwise
///
/// Deletes the functions, the API, the logs and the bucket. The table is kept with all data, and the next deploy
/// adopts it. With --delete-data the table is deleted, too, after all its items were written to a file in the
/// format that DynamoDB imports from S3. The file does not contain the salts of the last days, which exist to be
/// destroyed, nor hits that arrive while it is written.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Do not ask for confirmation
    #[arg(long)]
    yes: bool,
    /// Also delete the table; asks for the site's domain
    #[arg(long)]
    delete_data: bool,
    /// The site's domain, to confirm --delete-data without a terminal
    #[arg(long, value_name = "DOMAIN", requires = "delete_data")]
    site: Option<String>,
    /// File to export all data to before it is deleted, gzipped; it must not exist [default:
    /// footfall-export-STACK-TIME.json.gz]
    #[arg(long, value_name = "FILE", requires = "delete_data")]
    export: Option<PathBuf>,
    #[command(flatten)]
    target: Target,
}

pub(crate) async fn run(arguments: &Arguments) -> Result<()> {
    tokio::select! {
        done = destroy(arguments) => done,
        // A file that was begun goes with what is dropped here.
        _ = tokio::signal::ctrl_c() => {
            eprintln!();
            Err(CommandError::failed(
                "stopped",
                "AWS finishes deletions that have begun; run this again to continue",
            )
            .into())
        }
    }
}

async fn destroy(arguments: &Arguments) -> Result<()> {
    let settings = settings_file::read(Path::new(settings::FILE))?;
    let asking = prompt::is_interactive();
    if !asking && (!arguments.yes || arguments.delete_data && arguments.site.is_none()) {
        return Err(CommandError::rejected(
            "this needs confirmation, but there is no terminal",
            "pass --yes, and with --delete-data the site's domain with --site",
        )
        .into());
    }
    let name = &arguments.target.stack;
    let aws = Aws::connect(&arguments.target).await?;
    eprintln!("Account  {}\nRegion   {}\nStack    {name}\n", aws.account, aws.region);

    let mut found = find_owned(&aws, name.as_str()).await?;
    if let Some(stack) = &found
        && next_action(stack.stack_status.as_ref()) == NextAction::Wait
    {
        eprintln!("{}", describe(name.as_str(), stack.stack_status.as_ref()));
        let id = stack.stack_id().unwrap_or(name.as_str());
        Watch::from_now(&aws, id).await?.follow(&aws, Until::Idle).await?;
        found = find_owned(&aws, name.as_str()).await?;
    }
    let bucket = Bucket::of(&aws, name);
    let has_bucket = bucket.exists().await?;
    let table = table::find(&aws, name).await?;

    if let Some(stack) = &found {
        if !arguments.delete_data {
            state::check_table_is_kept(&aws, stack).await?;
        }
        say_what_goes(&aws, name).await?;
    }
    if has_bucket {
        eprintln!("  - bucket {} with the functions' code", bucket.name);
    }
    let deletes_table = table.is_some() && arguments.delete_data;
    let file = arguments.export.clone();
    let file = file.unwrap_or_else(|| backup::default_file(name, Timestamp::now()));
    if deletes_table {
        check_is_new(&file)?;
    }
    if let Some(table) = &table {
        let items = table.item_count().unwrap_or_default();
        if deletes_table {
            eprintln!(
                "  - TABLE {name} WITH ALL DATA (about {items} items)\n\nBefore that, all data is exported to {}.",
                file.display()
            );
        } else {
            eprintln!(
                "\nThe table {name} is kept (about {items} items); you pay for its storage.\nThe next deploy adopts it."
            );
        }
    }
    if found.is_none() && !has_bucket && !deletes_table {
        eprintln!("Nothing to delete.");
        return Ok(());
    }

    if !arguments.yes && !prompt::confirm("\nDelete this?").await? {
        return Err(CommandError::rejected(
            "cancelled; nothing was deleted",
            "run this again to delete it",
        )
        .into());
    }
    if deletes_table {
        confirm_site(arguments, &settings).await?;
        table::check_is_ours(&aws, name, table.as_ref()).await?;
        write_export(&aws, name, &file).await?;
    }
    if let Some(stack) = &found {
        delete_stack(&aws, name, stack).await?;
    }
    if has_bucket {
        bucket.remove().await?;
        eprintln!("Deleted the bucket {}.", bucket.name);
    }
    if deletes_table {
        table::delete(&aws, name).await?;
        eprintln!("Deleted the table {name}.");
    }
    Ok(())
}

/// Nothing is deleted before this is done, and nothing if it cannot be done.
async fn write_export(aws: &Aws, name: &StackName, file: &Path) -> Result<()> {
    let exported = backup::dump(aws, name.as_str(), file).await;
    let items = exported.map_err(|error| {
        if error.downcast_ref::<CommandError>().is_some() {
            return error.context("nothing was deleted");
        }
        let cause = format!("nothing was deleted, because the export failed: {error:#}");
        CommandError::failed(cause, "fix the cause, or choose another file with --export").into()
    })?;
    eprintln!(
        "Exported {items} items to {}. DynamoDB can import it from S3 (DYNAMODB_JSON, GZIP).",
        file.display()
    );
    Ok(())
}

/// Asks for the name of the first site: what is gone afterwards must be on the owner's mind.
async fn confirm_site(arguments: &Arguments, settings: &Settings) -> Result<()> {
    let Some(site) = settings.sites.first() else { return Ok(()) };
    let said = match &arguments.site {
        Some(said) => said.clone(),
        None => {
            prompt::line(&format!(
                "This cannot be undone except from that file. Type {} to confirm:",
                site.domain
            ))
            .await?
        }
    };
    if said == site.domain.as_str() {
        return Ok(());
    }
    Err(CommandError::rejected(
        format!("{said:?} is not the site's domain; nothing was deleted"),
        format!("type the first domain in {}", settings::FILE),
    )
    .into())
}

async fn say_what_goes(aws: &Aws, name: &StackName) -> Result<()> {
    let list = aws.cloudformation.list_stack_resources().stack_name(name.as_str());
    let mut pages = list.into_paginator().send();
    eprintln!("Will be deleted:");
    while let Some(page) = pages.next().await {
        let page = page.or_cannot("list the stack's resources")?;
        for resource in page.stack_resource_summaries() {
            if resource.resource_type() != Some(Type::Table.name()) {
                eprintln!("  - {}", words(resource));
            }
        }
    }
    Ok(())
}

fn words(resource: &StackResourceSummary) -> String {
    format!(
        "{:<32}  {}",
        resource.resource_type().unwrap_or_default(),
        resource.physical_resource_id().or(resource.logical_resource_id()).unwrap_or_default()
    )
}

async fn delete_stack(aws: &Aws, name: &StackName, stack: &Stack) -> Result<()> {
    let id = stack.stack_id().unwrap_or(name.as_str());
    let watch = Watch::from_now(aws, id).await?;
    let delete = aws.cloudformation.delete_stack().stack_name(id);
    delete.send().await.or_cannot("delete the stack")?;
    let ending = watch.follow(aws, Until::Over).await?;
    if ending.status == "DELETE_COMPLETE" {
        eprintln!("Deleted the stack {name}.");
        return Ok(());
    }
    let cause = ending.cause.unwrap_or_else(|| "AWS gives no reason".to_owned());
    Err(CommandError::failed(
        format!("cannot delete the stack: {cause}"),
        "fix the cause and run this again to continue",
    )
    .into())
}
