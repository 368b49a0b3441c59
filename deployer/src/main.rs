//! How Footfall gets to AWS. So far it prints the snippet; to deploy is to come.

mod snippet;

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
    Snippet(snippet::Arguments),
}

fn main() -> Result<()> {
    match Arguments::parse().command {
        Command::Snippet(arguments) => snippet::run(&arguments),
    }
}
