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
mod build_command;
mod cost;
mod cost_command;
mod data;
mod delete;
mod deploy;
mod destroy;
mod doctor;
mod error;
mod export;
mod import;
mod import_command;
mod init;
mod logs;
mod open;
mod password;
mod rollback;
mod settings;
mod share;
mod snippet;
mod stack;
mod status;
mod template_command;
mod terminal;
mod token;

use std::process::ExitCode;

use anyhow::{Context as _, Result};
use clap::{Parser, Subcommand};

use crate::error::Problem;

/// Deploys Footfall, and tells what was deployed.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Init(init::Arguments),
    Doctor(doctor::Arguments),
    Build(build_command::Arguments),
    Template(template_command::Arguments),
    Deploy(Box<deploy::Arguments>),
    Rollback(rollback::Arguments),
    Status(status::Arguments),
    Cost(cost_command::Arguments),
    Logs(logs::Arguments),
    Open(open::Arguments),
    Password(password::Arguments),
    Token(token::Arguments),
    Share(share::Arguments),
    Snippet(snippet::Arguments),
    Import(Box<import_command::Arguments>),
    Destroy(destroy::Arguments),
    Export(export::Arguments),
    Delete(delete::Arguments),
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(arguments.command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            let problem = error.downcast_ref::<Problem>();
            if let Some(problem) = problem {
                eprintln!("help: {}", problem.remedy);
            }
            let refused = problem.is_some_and(|problem| problem.refused);
            if refused { ExitCode::from(2) } else { ExitCode::FAILURE }
        }
    }
}

fn run(command: Command) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.context("cannot start")?;
    let done = runtime.block_on(async {
        match command {
            Command::Init(arguments) => init::run(&arguments).await,
            Command::Doctor(arguments) => doctor::run(&arguments).await,
            Command::Build(arguments) => build_command::run(&arguments).await,
            Command::Template(arguments) => template_command::run(&arguments).await,
            Command::Deploy(arguments) => deploy::run(&arguments).await,
            Command::Rollback(arguments) => rollback::run(&arguments).await,
            Command::Status(arguments) => status::run(&arguments).await,
            Command::Cost(arguments) => cost_command::run(&arguments).await,
            Command::Logs(arguments) => logs::run(&arguments).await,
            Command::Open(arguments) => open::run(&arguments).await,
            Command::Password(arguments) => password::run(&arguments).await,
            Command::Token(arguments) => token::run(&arguments).await,
            Command::Share(arguments) => share::run(&arguments).await,
            Command::Snippet(arguments) => snippet::run(&arguments).await,
            Command::Import(arguments) => import_command::run(&arguments).await,
            Command::Destroy(arguments) => destroy::run(&arguments).await,
            Command::Export(arguments) => export::run(&arguments).await,
            Command::Delete(arguments) => delete::run(&arguments).await,
        }
    });
    // A question that nobody answers any more is not waited for.
    runtime.shutdown_background();
    done
}
