//! placeholder
use anyhow::Result;
use std::process::ExitCode;
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {}
pub(crate) fn run(_: &Arguments) -> Result<ExitCode> {
    Ok(ExitCode::SUCCESS)
}
pub(crate) fn install_npm_packages() -> Result<()> {
    Ok(())
}
