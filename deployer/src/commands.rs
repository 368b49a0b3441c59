//! One file for each command, with its arguments and one async function, `run`.

mod build;
mod cost;
mod delete;
mod deploy;
mod destroy;
mod doctor;
mod export;
mod import;
mod init;
mod logs;
mod open;
mod password;
mod rollback;
mod share;
mod snippet;
mod status;
mod template;
mod token;

use anyhow::Result;
use clap::Subcommand;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Init(init::Arguments),
    Doctor(doctor::Arguments),
    Build(build::Arguments),
    Template(template::Arguments),
    Deploy(Box<deploy::Arguments>),
    Rollback(rollback::Arguments),
    Status(status::Arguments),
    Cost(cost::Arguments),
    Logs(logs::Arguments),
    Open(open::Arguments),
    Password(password::Arguments),
    Token(token::Arguments),
    Share(share::Arguments),
    Snippet(snippet::Arguments),
    Import(Box<import::Arguments>),
    Destroy(destroy::Arguments),
    Export(export::Arguments),
    Delete(delete::Arguments),
}

impl Command {
    /// Runs the command.
    pub(crate) async fn run(self) -> Result<()> {
        match self {
            Self::Init(arguments) => init::run(&arguments).await,
            Self::Doctor(arguments) => doctor::run(&arguments).await,
            Self::Build(arguments) => build::run(&arguments).await,
            Self::Template(arguments) => template::run(&arguments).await,
            Self::Deploy(arguments) => deploy::run(&arguments).await,
            Self::Rollback(arguments) => rollback::run(&arguments).await,
            Self::Status(arguments) => status::run(&arguments).await,
            Self::Cost(arguments) => cost::run(&arguments).await,
            Self::Logs(arguments) => logs::run(&arguments).await,
            Self::Open(arguments) => open::run(&arguments).await,
            Self::Password(arguments) => password::run(&arguments).await,
            Self::Token(arguments) => token::run(&arguments).await,
            Self::Share(arguments) => share::run(&arguments).await,
            Self::Snippet(arguments) => snippet::run(&arguments).await,
            Self::Import(arguments) => import::run(&arguments).await,
            Self::Destroy(arguments) => destroy::run(&arguments).await,
            Self::Export(arguments) => export::run(&arguments).await,
            Self::Delete(arguments) => delete::run(&arguments).await,
        }
    }
}
