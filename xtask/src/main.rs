//! How you drive Footfall: parses the command, and starts the binary that does it.
//!
//! Nothing heavy is linked here, so that the first `cargo xtask` of a fresh checkout is quick.

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
    /// Write a footfall.yaml in which every key is explained
    #[command(disable_help_flag = true)]
    Init(Rest),
    /// Run Footfall on this machine
    #[command(disable_help_flag = true)]
    Dev(Rest),
    /// Check what a deploy needs, and say what to do where something is missing
    #[command(disable_help_flag = true)]
    Doctor(Rest),
    /// Build the functions for Lambda, and pack them
    #[command(disable_help_flag = true)]
    Build(Rest),
    /// Print the CloudFormation template
    #[command(disable_help_flag = true)]
    Template(Rest),
    /// Build, plan, and bring the stack to AWS
    #[command(disable_help_flag = true)]
    Deploy(Rest),
    /// Go back to the deploy before
    #[command(disable_help_flag = true)]
    Rollback(Rest),
    /// Show how the deployed stack is
    #[command(disable_help_flag = true)]
    Status(Rest),
    /// Print what it costs a month, and what it could cost at worst
    #[command(disable_help_flag = true)]
    Cost(Rest),
    /// Print what the functions log
    #[command(disable_help_flag = true)]
    Logs(Rest),
    /// Open the deployed dashboard in the browser, and sign in
    #[command(disable_help_flag = true)]
    Open(Rest),
    /// Set a password by which you sign in to the dashboard, or remove it
    #[command(disable_help_flag = true)]
    Password(Rest),
    /// Make, list and revoke tokens, by which programs read a site
    #[command(disable_help_flag = true)]
    Token(Rest),
    /// Make, list and revoke links, by which anybody who has them sees a site
    #[command(disable_help_flag = true)]
    Share(Rest),
    /// Import what other tools and servers have counted
    #[command(disable_help_flag = true)]
    Import(Rest),
    /// Take the stack out of AWS; what was counted stays, unless told otherwise
    #[command(disable_help_flag = true)]
    Destroy(Rest),
    /// Write every hit of a site into files: Parquet, CSV or JSON Lines
    #[command(disable_help_flag = true)]
    Export(Rest),
    /// Delete hits for good, by day and by page
    #[command(disable_help_flag = true)]
    Delete(Rest),
    /// Print what to paste into the pages of a site
    #[command(disable_help_flag = true)]
    Snippet(Rest),
    /// Run every test, after installing what they need
    Test(tasks::test::Arguments),
    /// Measure, and write BENCHMARKS.md
    Bench(tasks::bench::Arguments),
    /// Take the README's screenshots of the dashboard
    Screenshots,
    /// Write generated files anew: lists, the minified tracker, golden templates
    Generate,
}

/// Whatever else is said, for the binary that is started: it has its own `--help`.
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
