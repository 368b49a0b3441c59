//! `cargo xtask build`: builds and packages the functions for Lambda.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context as _, Result};
use clap::Args;
use footfall_infra::function::Function;

use crate::artifact::build::{folder, packages, packages_of, root};
use crate::artifact::toolchain::Arch;

/// Build and package the functions for Lambda
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Architecture to build for
    #[arg(long, value_enum, default_value_t = Arch::Arm64)]
    arch: Arch,
    /// The workspace to build, where it is not the one that this program was built from: for the test
    /// that builds a copy
    #[arg(long, hide = true)]
    workspace: Option<PathBuf>,
    /// Build only this function of that workspace
    #[arg(long, hide = true, requires = "workspace")]
    function: Option<String>,
}

pub(crate) async fn run(arguments: &Arguments) -> Result<()> {
    let (root, packages) = match &arguments.workspace {
        None => (root(), packages(arguments.arch)?),
        Some(copy) => {
            let is_wanted =
                |it: &Function| arguments.function.as_deref().is_none_or(|name| name == it.name());
            let functions: Vec<Function> = Function::ALL.into_iter().filter(is_wanted).collect();
            (copy.as_path(), packages_of(copy, arguments.arch, &functions)?)
        }
    };
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
