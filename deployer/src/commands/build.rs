//! `cargo xtask build`: builds and packages the functions for Lambda.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context as _, Result};
use clap::Args;
use footfall_infra::function::Function;

use crate::artifact::build::{check_size, folder, packages_of, root};
use crate::artifact::toolchain::Arch;

/// Build and package the functions for Lambda
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Architecture to build for
    #[arg(long, value_enum, default_value_t = Arch::Arm64)]
    arch: Arch,
    /// Build a copy of the workspace, for the test that builds are reproducible
    #[arg(long, hide = true)]
    workspace: Option<PathBuf>,
    /// Build only this function of that workspace
    #[arg(long, hide = true, requires = "workspace")]
    function: Option<String>,
    /// Keep this folder out of the functions as well
    #[arg(long, hide = true, value_name = "FOLDER=NAME")]
    remap: Vec<String>,
}

pub(crate) async fn run(arguments: &Arguments) -> Result<()> {
    let is_wanted =
        |it: &Function| arguments.function.as_deref().is_none_or(|name| name == it.name());
    let functions: Vec<Function> = Function::ALL.into_iter().filter(is_wanted).collect();
    let root = match &arguments.workspace {
        Some(copy) => copy,
        None => root(),
    };
    let packages = packages_of(root, arguments.arch, &functions, &arguments.remap)?;
    if arguments.workspace.is_none() {
        packages.iter().try_for_each(check_size)?;
    }
    let folder = folder(root, arguments.arch);
    for package in &packages {
        let file = folder.join(format!("{}.zip", package.function.name()));
        fs::write(&file, &package.zip)
            .with_context(|| format!("cannot write {}", file.display()))?;
        eprintln!(
            "{:<10} binary {:>9} bytes, zip {:>9} bytes, {}",
            package.function.name(),
            package.binary_bytes,
            package.zip.len(),
            file.display()
        );
    }
    Ok(())
}
