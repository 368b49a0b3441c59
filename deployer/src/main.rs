//! How Footfall gets to AWS, and back.
//!
//! One file for each command, and one async function in it: `init`, `doctor`, `build`, `template`,
//! `deploy`, `rollback`, `status`, `cost`, `logs`, `open`, `password`, `token`, `share`, `snippet`, `import`, `export`,
//! `delete`, `destroy`. Below them, from the machine to AWS:
//!
//! ```text
//! toolchain -> build -> package -> artifacts -> history            what runs, into the bucket
//! stack -> settle -> body -> change_set -> plan -> apply, progress  what exists: planned, applied, watched
//! place, partial, today, dump, import                              what was counted, here and elsewhere
//! access                                                           who may look
//! aws, signed, problem, ask                                        the way there, and what to say
//! ```
//!
//! What goes to stdout is data; what is said meanwhile goes to stderr. 0 is done, or nothing to do; 1 is
//! failed; 2 is not even tried.

mod artifact;
mod aws;
mod commands;
mod cost;
mod data;
mod error;
mod import;
mod settings;
mod stack;
mod terminal;

use std::process::ExitCode;

use anyhow::{Context as _, Result};
use clap::Parser;

use crate::commands::Command;
use crate::error::CommandError;

/// Deploys Footfall, and tells what was deployed.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(arguments.command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            let problem = error.downcast_ref::<CommandError>();
            if let Some(hint) = problem.and_then(|problem| problem.hint.as_ref()) {
                eprintln!("hint: {hint}");
            }
            let rejected = problem.is_some_and(CommandError::is_rejected);
            if rejected { ExitCode::from(2) } else { ExitCode::FAILURE }
        }
    }
}

fn run(command: Command) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.context("cannot start")?;
    let done = runtime.block_on(command.run());
    // A question that nobody answers any more is not waited for.
    runtime.shutdown_background();
    done
}
