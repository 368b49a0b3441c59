//! `cargo xtask test`: installs what the tests need, and runs all of them.

mod arm64;
mod browser;
mod fuzz;
mod supply;

use std::env;
use std::path::PathBuf;
use std::process::{Command, ExitCode};
use std::time::Instant;

use anyhow::Result;
use clap::ValueEnum;

use crate::process::{cargo, heading, npm_folder, program, root, run, target_folder};
use crate::tools::functions::{ARM64, binary, build_functions};
use crate::tools::{apt, cargo_install, dynamodb_local, npm, python};

/// The only published client of the Stats API, version 2.
const PLAUSIBLE_CLI: &str = "plausible-cli@2.0.0";

/// Programs that the tests need, and the Debian packages that contain them.
const PROGRAMS: [(&str, &str); 8] = [
    // Compiles libFuzzer. Nothing else here is C++.
    ("c++", "g++"),
    ("strip", "binutils"),
    ("qemu-aarch64-static", "qemu-user-static"),
    ("node", "nodejs"),
    ("npm", "npm"),
    ("java", "default-jre-headless"),
    ("chromium", "chromium"),
    ("valgrind", "valgrind"),
];

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Run only these parts
    #[arg(value_enum)]
    parts: Vec<Part>,
}

/// A part of the tests, in the order in which they run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    /// Formatting and lints
    Lint,
    /// Dependencies: licences, sources, and known vulnerabilities if the list can be downloaded
    Supply,
    /// Generated files are up to date
    Generated,
    /// Every Rust test, against the embedded store and DynamoDB Local
    Rust,
    /// Hits under load while the network to the table fails
    Faults,
    /// The deployed functions: built for arm64 reproducibly, and run by an emulator
    Arm64,
    /// Instructions per hit, counted by valgrind, stay below their limit
    Instructions,
    /// Deploy and destroy a stack on an emulator of AWS
    Deploy,
    /// The templates pass cfn-lint and parliament
    Template,
    /// The tracker in a browser
    Tracker,
    /// Plausible's published trackers in a browser, sending to `dev`
    Clients,
    /// Published clients of Plausible's Stats API, reading from `dev`
    Stats,
    /// From a page view to the dashboard in a browser, with screenshots
    Browser,
    /// Fuzzing by libFuzzer: 10 seconds a target, 60 in CI
    Fuzz,
}

pub(crate) fn run_parts(arguments: &Arguments) -> Result<ExitCode> {
    let started = Instant::now();
    let all = Part::value_variants();
    let parts = if arguments.parts.is_empty() { all } else { &arguments.parts };
    install_programs()?;
    npm::install()?;
    let mut results = Vec::new();
    for part in parts {
        let started = Instant::now();
        heading(&format!("{part:?}"));
        let result = part.run();
        if let Err(error) = &result {
            eprintln!("error: {error:#}");
        }
        results.push((part, result.is_ok(), started.elapsed()));
    }
    heading("Summary");
    for (part, passed, time) in &results {
        let outcome = if *passed { "passed" } else { "FAILED" };
        eprintln!("{outcome}  {:<10} {:>6.1} s", format!("{part:?}"), time.as_secs_f64());
    }
    eprintln!("total {:.1} s", started.elapsed().as_secs_f64());
    let all_passed = results.iter().all(|(_, passed, _)| *passed);
    Ok(if all_passed { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

impl Part {
    fn run(self) -> Result<()> {
        match self {
            Self::Lint => lint(),
            Self::Supply => supply::check(),
            Self::Generated => {
                npm::node(&["lists.mjs", "--check"])?;
                npm::node(&["world.mjs", "--check"])?;
                npm::node(&["tracker.mjs", "--check"])
            }
            Self::Rust => rust(),
            Self::Faults => faults(),
            Self::Arm64 => arm64::run_emulated(),
            Self::Instructions => instructions(),
            Self::Deploy => deploy(),
            Self::Template => template(),
            Self::Tracker => npm::node(&["--test", "tracker.test.mjs"]),
            Self::Clients => run(program("node", &npm_folder())
                .args(["--test", "clients.test.mjs"])
                .env("FOOTFALL_DEV", binary("dev")?)),
            Self::Stats => stats(),
            Self::Browser => browser::run_tests(),
            Self::Fuzz => fuzz::run_targets(),
        }
    }
}

fn lint() -> Result<()> {
    run(cargo().args(["fmt", "--all", "--check"]))?;
    run(cargo()
        .args(["clippy", "--workspace", "--all-targets", "--all-features", "--quiet"])
        .args(["--", "--deny", "warnings"]))
}

/// Runs every Rust test, including those that need DynamoDB Local, which a plain `cargo test` ignores.
fn rust() -> Result<()> {
    let emulator = dynamodb_local::install()?;
    let duckdb = python::install(&root().join("runtime/tests/requirements.txt"))?;
    run(cargo()
        .args(["test", "--workspace", "--all-features", "--no-fail-fast"])
        .args(["--", "--include-ignored"])
        .args(["--skip", "arm64", "--skip", "ministack", "--skip", "microburst"])
        .env("FOOTFALL_DUCKDB", duckdb)
        .env("FOOTFALL_DYNAMODB_LOCAL", emulator))
}

/// Puts microburst between the functions and DynamoDB Local. It prints its counts.
fn faults() -> Result<()> {
    let python = python::install(&root().join("runtime/tests/microburst-requirements.txt"))?;
    run(cargo()
        .args(["test", "--workspace", "--all-features", "--test", "load"])
        .args(["--", "--ignored", "--nocapture"])
        .env("FOOTFALL_DYNAMODB_LOCAL", dynamodb_local::install()?)
        .env("FOOTFALL_MICROBURST", python.with_file_name("microburst")))
}

/// Counts instructions, which hardly differ from machine to machine. Times would on a shared one.
fn instructions() -> Result<()> {
    let functions = build_functions(&["track"])?;
    // The bench itself need not be fast, so it uses the profile that is built already.
    run(cargo()
        .args([
            "bench",
            "--workspace",
            "--all-features",
            "--profile",
            "dev",
            "--bench",
            "functions",
        ])
        .args(["--", "instructions"])
        .env("FOOTFALL_BENCH_FUNCTIONS", functions))
}

/// Deploys to ministack, which runs the functions behind its API.
fn deploy() -> Result<()> {
    let python = python::install(&root().join("deployer/tests/requirements.txt"))?;
    // The functions to deploy, built for this machine.
    binary("track")?;
    // `doctor` looks for the target.
    if env::var_os("FOOTFALL_ARM64_RUSTC").is_none() {
        run(Command::new("rustup").args(["target", "add", ARM64]))?;
    }
    run(cargo()
        .args(["test", "--workspace", "--all-features", "--test", "ministack"])
        .args(["--", "--include-ignored"])
        .env("FOOTFALL_MINISTACK", python.with_file_name("ministack")))
}

/// Checks every variant of the template against CloudFormation's and IAM's rules.
fn template() -> Result<()> {
    let python = python::install(&root().join("infra/tests/requirements.txt"))?;
    // A test writes them. `--workspace --all-features` uses the dependencies that the other tests have built.
    run(cargo()
        .args(["test", "--workspace", "--all-features", "--quiet", "--test", "golden"])
        .arg("writes_templates_for_the_linter"))?;
    let templates = target_folder().join("tmp/templates");
    run(program(python, root()).arg("infra/tests/lint_template.py").arg(&templates))
}

/// Runs published clients of both versions of the API.
fn stats() -> Result<()> {
    run(program("node", &npm_folder())
        .args(["--test", "stats.test.mjs"])
        .env("FOOTFALL_DEPLOYER", binary("footfall-deployer")?)
        .env("FOOTFALL_DEV", binary("dev")?)
        .env(
            "FOOTFALL_STATS_PYTHON",
            python::install(&npm_folder().join("stats-requirements.txt"))?,
        )
        .env("FOOTFALL_PLAUSIBLE_CLI", plausible_cli()?))
}

/// Returns the program of the crate plausible-cli. Its keyring is not used.
fn plausible_cli() -> Result<PathBuf> {
    cargo_install::install(PLAUSIBLE_CLI, "plausible")
}

/// Installs missing programs.
fn install_programs() -> Result<()> {
    let mut packages = apt::missing(&PROGRAMS);
    // Debian splits Python and its virtual environments into two packages.
    let python = Command::new("python3").args(["-c", "import ensurepip, venv"]).output();
    if !python.is_ok_and(|python| python.status.success()) {
        packages.push("python3-venv");
    }
    apt::install_packages(&packages)
}
