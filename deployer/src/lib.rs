//! Deploys Footfall to AWS and manages what was deployed: the commands behind `cargo xtask`.
//!
//! ```text
//! commands    one file for each command, as typed
//! import      what other tools have counted: files to segments
//! cost        what a month costs: template, usage, prices, bill
//! data        stored data: where it is, who may read it, and its backups
//! stack       the stack: its state, plans, change sets and progress
//! artifact    the functions' code: toolchain, build, package, bucket
//! aws         clients, credentials, signed requests
//! settings    footfall.yaml
//! terminal    prompts, output, time spans, Ctrl-C
//! error       a kind, a message and a hint
//! ```
//!
//! Imports run down this list. Commands print data to stdout and everything else to stderr. They exit with 0 on
//! success, with 1 if something failed, and with 2 if a command was rejected before it did anything.

mod artifact;
mod aws;
mod commands;
mod cost;
mod data;
mod error;
pub mod import;
mod settings;
mod stack;
mod terminal;

use std::process::ExitCode;

use anyhow::{Context as _, Result};
use clap::Parser;

use crate::commands::Command;
use crate::error::CommandError;

/// Deploy Footfall and manage what was deployed
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

/// Runs the command that the program's arguments name.
#[must_use]
pub fn run() -> ExitCode {
    let arguments = Arguments::parse();
    match run_command(arguments.command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            let error = error.downcast_ref::<CommandError>();
            if let Some(hint) = error.and_then(|error| error.hint.as_ref()) {
                eprintln!("hint: {hint}");
            }
            let is_rejected = error.is_some_and(CommandError::is_rejected);
            if is_rejected { ExitCode::from(2) } else { ExitCode::FAILURE }
        }
    }
}

fn run_command(command: Command) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.context("cannot start the async runtime")?;
    let done = runtime.block_on(command.run());
    // Do not wait for a prompt that was left open.
    runtime.shutdown_background();
    done
}
