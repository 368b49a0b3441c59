//! `cargo xtask deploy`: builds the functions and deploys the stack. It can be repeated at any time.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use footfall_infra::settings::Settings;
use footfall_infra::stack::{Artifact, StackName, Template};
use footfall_runtime::auth::admin;
use footfall_runtime::platform::context::SystemContext;

use crate::artifact::bucket::Bucket;
use crate::artifact::build;
use crate::artifact::package::Package;
use crate::artifact::toolchain::Arch;
use crate::aws::clients::{Aws, Target};
use crate::settings;
use crate::stack::apply::{Done, How, Upload, apply, guarded, report};
use crate::stack::change_set::Pending;
use crate::stack::concurrency::Concurrency;
use crate::stack::history;
use crate::stack::plan::Plan;
use crate::stack::recover::{is_new_for_plan, recover};
use crate::stack::template::template;
use crate::stack::template_body;

/// Build the functions and deploy the stack to AWS
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    how: How,
    /// Architecture of the functions
    #[arg(long, value_enum, default_value_t = Arch::Arm64)]
    arch: Arch,
    /// Use the functions' binaries in this folder instead of building them
    #[arg(long, value_name = "DIR")]
    functions: Option<PathBuf>,
    #[command(flatten)]
    target: Target,
}

pub(crate) async fn run(arguments: &Arguments) -> Result<()> {
    let settings = settings::required()?;
    arguments.how.check()?;
    let aws = Aws::connect(&arguments.target).await?;
    let pending = Pending::default();
    guarded(&aws, &pending, deploy(arguments, &settings, &aws, &pending)).await
}

async fn deploy(
    arguments: &Arguments,
    settings: &Settings,
    aws: &Aws,
    pending: &Pending,
) -> Result<()> {
    let name = &arguments.target.stack;
    let how = arguments.how;
    let bucket = Bucket::of(aws, name);
    eprintln!("Account  {}\nRegion   {}\nStack    {name}", aws.account, aws.region);

    let packages = match &arguments.functions {
        Some(folder) => build::packages_from(folder)?,
        None => build::packages(arguments.arch)?,
    };
    let uploads = uploads(&bucket, &packages).await?;
    let concurrency = Concurrency::of(aws, name.as_str()).await?;
    eprintln!("Concurrency  {concurrency}");
    let template = the_template(arguments, settings, &bucket, &packages, concurrency.reserved)?;
    let template_text = template.to_json()?;
    template_body::check(&template_text)?;

    // A plan changes nothing: neither the bucket (but for a template that is too large to be sent), nor
    // a stack that has to be cleared away first.
    let is_new = if how.plan {
        is_new_for_plan(aws, name.as_str()).await?
    } else {
        upload(&bucket, &packages, &uploads).await?;
        Some(recover(aws, name.as_str()).await?)
    };
    let done = match is_new {
        Some(is_new) => apply(&bucket, pending, &template_text, is_new, how).await?,
        None => Done::planned(Plan::of_new(&template)),
    };
    if done.applied {
        prune(&bucket).await;
    }
    if !how.plan {
        make_key(aws, name).await;
    }
    report(&bucket, settings, &uploads, &done, how)
}

fn the_template(
    arguments: &Arguments,
    settings: &Settings,
    bucket: &Bucket<'_>,
    packages: &[Package],
    reserve_concurrency: bool,
) -> Result<Template> {
    let artifact = |package: &Package| {
        let artifact = Artifact { bucket: bucket.name.clone(), key: package.key.clone() };
        (package.function, artifact)
    };
    let artifacts = packages.iter().map(artifact).collect();
    let name = arguments.target.stack.clone();
    let region = bucket.aws.region.clone();
    template(settings, name, region, arguments.arch, artifacts, reserve_concurrency)
}

async fn uploads(bucket: &Bucket<'_>, packages: &[Package]) -> Result<Vec<Upload>> {
    let exists = bucket.exists().await?;
    eprintln!("Bucket   {}{}", bucket.name, if exists { "" } else { " (new)" });
    let mut uploads = Vec::new();
    for package in packages {
        let missing = !exists || !bucket.has(&package.key).await?;
        eprintln!(
            "  {}  {} bytes{}",
            package.key,
            package.zip.len(),
            if missing { ", to upload" } else { ", already uploaded" }
        );
        let function = package.function.name();
        let (key, bytes) = (package.key.clone(), package.zip.len());
        uploads.push(Upload { function, key, bytes, missing });
    }
    Ok(uploads)
}

async fn upload(bucket: &Bucket<'_>, packages: &[Package], uploads: &[Upload]) -> Result<()> {
    bucket.ensure().await?;
    for (package, upload) in packages.iter().zip(uploads) {
        if upload.missing {
            eprintln!("Uploading {}", upload.key);
            bucket.upload(package).await?;
        }
    }
    Ok(())
}

/// Makes the key that login links are signed with, if there is none. `open` would make it, too.
async fn make_key(aws: &Aws, name: &StackName) {
    if let Err(error) = admin::signing_key(&aws.table(name), &SystemContext).await {
        eprintln!(
            "warning: cannot create the key for login links; `cargo xtask open` will retry: {error}"
        );
    }
}

/// Old code costs next to nothing: that it could not be deleted is no failure.
async fn prune(bucket: &Bucket<'_>) {
    match history::prune(bucket).await {
        Ok(0) => {}
        Ok(count) => eprintln!("Deleted {count} old zips from the bucket."),
        Err(error) => eprintln!("warning: cannot delete old zips: {error:#}"),
    }
}
