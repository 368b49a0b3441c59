//! Entry point for users and developers: parses the command and starts the right binary.
//!
//! It links nothing heavy, so that the first `cargo xtask` in a fresh checkout is fast.

mod process;
mod tasks;
mod tools;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Web analytics that run in your own AWS account.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", version, propagate_version = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Write a footfall.yaml that explains every key
    #[command(disable_help_flag = true)]
    Init(Rest),
    /// Run Footfall on this machine
    #[command(disable_help_flag = true)]
    Dev(Rest),
    /// Check what a deploy needs, and explain how to fix what is missing
    #[command(disable_help_flag = true)]
    Doctor(Rest),
    /// Build and package the functions for Lambda
    #[command(disable_help_flag = true)]
    Build(Rest),
    /// Print the CloudFormation template
    #[command(disable_help_flag = true)]
    Template(Rest),
    /// Build, plan, and deploy the stack to AWS
    #[command(disable_help_flag = true)]
    Deploy(Rest),
    /// Return to the previous deploy
    #[command(disable_help_flag = true)]
    Rollback(Rest),
    /// Show the state of the deployed stack
    #[command(disable_help_flag = true)]
    Status(Rest),
    /// Print the expected monthly cost, and the worst case
    #[command(disable_help_flag = true)]
    Cost(Rest),
    /// Print the functions' logs
    #[command(disable_help_flag = true)]
    Logs(Rest),
    /// Open the deployed dashboard in the browser, and sign in
    #[command(disable_help_flag = true)]
    Open(Rest),
    /// Set or remove a password for the dashboard
    #[command(disable_help_flag = true)]
    Password(Rest),
    /// Create, list and revoke API tokens for programs
    #[command(disable_help_flag = true)]
    Token(Rest),
    /// Create, list and revoke share links to a site's dashboard
    #[command(disable_help_flag = true)]
    Share(Rest),
    /// Import data from other tools and server logs
    #[command(disable_help_flag = true)]
    Import(Rest),
    /// Delete the stack from AWS, but keep the data unless told otherwise
    #[command(disable_help_flag = true)]
    Destroy(Rest),
    /// Export every hit of a site as Parquet, CSV or JSON Lines
    #[command(disable_help_flag = true)]
    Export(Rest),
    /// Permanently delete hits, by day and page
    #[command(disable_help_flag = true)]
    Delete(Rest),
    /// Print the snippet for a site's pages
    #[command(disable_help_flag = true)]
    Snippet(Rest),
    /// Install what the tests need, and run all of them
    Test(tasks::test::Arguments),
    /// Run the benchmarks, and write BENCHMARKS.md
    Bench(tasks::bench::Arguments),
    /// Take the README's screenshots of the dashboard
    Screenshots,
    /// Regenerate files: lists, the minified tracker, golden templates
    Generate,
}

/// Remaining arguments, passed on to the binary, which has its own `--help`.
#[derive(Debug, clap::Args)]
struct Rest {
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, hide = true)]
    arguments: Vec<String>,
}

fn main() -> ExitCode {
    let done = match Arguments::parse().command {
        Command::Init(rest) => tasks::deployer("init", &rest.arguments),
        Command::Dev(rest) => tasks::dev(&rest.arguments),
        Command::Doctor(rest) => tasks::deployer("doctor", &rest.arguments),
        Command::Snippet(rest) => tasks::deployer("snippet", &rest.arguments),
        Command::Build(rest) => tasks::deployer("build", &rest.arguments),
        Command::Template(rest) => tasks::deployer("template", &rest.arguments),
        Command::Deploy(rest) => tasks::deployer("deploy", &rest.arguments),
        Command::Rollback(rest) => tasks::deployer("rollback", &rest.arguments),
        Command::Status(rest) => tasks::deployer("status", &rest.arguments),
        Command::Cost(rest) => tasks::deployer("cost", &rest.arguments),
        Command::Logs(rest) => tasks::deployer("logs", &rest.arguments),
        Command::Open(rest) => tasks::deployer("open", &rest.arguments),
        Command::Password(rest) => tasks::deployer("password", &rest.arguments),
        Command::Token(rest) => tasks::deployer("token", &rest.arguments),
        Command::Share(rest) => tasks::deployer("share", &rest.arguments),
        Command::Import(rest) => tasks::deployer("import", &rest.arguments),
        Command::Destroy(rest) => tasks::deployer("destroy", &rest.arguments),
        Command::Export(rest) => tasks::deployer("export", &rest.arguments),
        Command::Delete(rest) => tasks::deployer("delete", &rest.arguments),
        Command::Test(arguments) => tasks::test::run_parts(&arguments),
        Command::Bench(arguments) => tasks::bench::run_parts(&arguments),
        Command::Screenshots => tasks::screenshots::take(),
        Command::Generate => tasks::generate(),
    };
    match done {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
