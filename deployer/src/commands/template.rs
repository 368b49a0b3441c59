//! `cargo xtask template`: prints the CloudFormation template without asking AWS.

use std::env;
use std::io::{self, Write as _};
use std::path::Path;

use anyhow::{Context as _, Result};
use clap::Args;
use footfall_infra::function::Function;
use footfall_infra::settings;
use footfall_infra::stack::{Artifact, StackName};
use footfall_runtime::platform::settings_file;

use crate::artifact::toolchain::Arch;
use crate::stack::template::template;

/// Print the CloudFormation template
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Architecture of the functions
    #[arg(long, value_enum, default_value_t = Arch::Arm64)]
    arch: Arch,
    /// Name of the stack
    #[arg(long, value_name = "NAME", default_value_t, value_parser = |name: &str| StackName::try_from(name.to_owned()))]
    stack: StackName,
    /// AWS region [default: AWS_REGION, or us-east-1]
    #[arg(long, value_name = "REGION")]
    region: Option<String>,
    /// Print it as JSON, as a deploy sends it
    #[arg(long)]
    json: bool,
}

pub(crate) async fn run(arguments: &Arguments) -> Result<()> {
    let settings = settings_file::read(Path::new(settings::FILE))?;
    let set = |name| env::var(name).ok().filter(|value: &String| !value.is_empty());
    let region = arguments.region.clone();
    let region = region.or_else(|| set("AWS_REGION")).or_else(|| set("AWS_DEFAULT_REGION"));
    // Nothing is built for this: the places of the code are examples.
    let artifact = |function: Function| {
        let key = format!("{}/HASH.zip", function.name());
        (function, Artifact { bucket: "footfall-ACCOUNT-REGION".to_owned(), key })
    };
    let template = template(
        &settings,
        arguments.stack.clone(),
        region.unwrap_or_else(|| "us-east-1".to_owned()),
        arguments.arch,
        Function::ALL.map(artifact).into(),
        // AWS is not asked whether there is room for it.
        false,
    )?;
    let mut text = if arguments.json { template.to_json()? } else { template.to_yaml()? };
    if !text.ends_with('\n') {
        text.push('\n');
    }
    io::stdout().write_all(text.as_bytes()).context("cannot print the template")
}
