//! `cargo xtask rollback`: back to the deploy before: its code and its settings, but for the table's
//! content, which stays as it is.

use std::path::Path;

use anyhow::Result;
use clap::Args;
use footfall_infra::settings;
use footfall_runtime::platform::settings_file;

use crate::artifact::bucket::Bucket;
use crate::aws::clients::{Aws, Target};
use crate::error::CommandError;
use crate::stack::apply::{How, apply, guarded, report};
use crate::stack::change_set::Pending;
use crate::stack::history;
use crate::stack::recover::{is_new_for_plan, recover};

/// Return to the previous deploy; run it twice to undo
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    how: How,
    #[command(flatten)]
    target: Target,
}

pub(crate) async fn run(arguments: &Arguments) -> Result<()> {
    let Arguments { how, target } = arguments;
    let settings = settings_file::read(Path::new(settings::FILE))?;
    how.check()?;
    let aws = Aws::connect(target).await?;
    let pending = Pending::default();
    let bucket = Bucket::of(&aws, &target.stack);
    let done = guarded(&aws, &pending, async {
        eprintln!("Account  {}\nRegion   {}\nStack    {}", aws.account, aws.region, target.stack);
        let name = target.stack.as_str();
        let is_new = if how.plan {
            is_new_for_plan(&aws, name).await? != Some(false)
        } else {
            recover(&aws, name).await?
        };
        let template =
            if is_new || !bucket.exists().await? { None } else { history::before(&bucket).await? };
        let Some(template) = template else {
            return Err(CommandError::rejected(
                "no earlier deploy to return to",
                "check out the sources and settings that you want, and run `cargo xtask deploy`",
            )
            .into());
        };
        apply(&bucket, &pending, &template, false, *how).await
    })
    .await?;
    if done.applied {
        eprintln!("{} is unchanged; the next deploy applies it again.", settings::FILE);
    }
    report(&bucket, &settings, &[], &done, *how)
}
