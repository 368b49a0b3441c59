//! How Footfall gets to AWS. So far it builds the functions and prints the snippet; to deploy is to
//! come.

mod build;
mod package;
mod snippet;
mod toolchain;

use anyhow::Result;
use clap::{Parser, Subcommand};

/// Deploys Footfall, and tells what was deployed.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Build(build::Arguments),
    Snippet(snippet::Arguments),
}

fn main() -> Result<()> {
    match Arguments::parse().command {
        Command::Build(arguments) => build::run(&arguments),
        Command::Snippet(arguments) => snippet::run(&arguments),
    }
}
