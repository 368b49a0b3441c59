//! One function or module for each task.

pub(crate) mod bench;
pub(crate) mod screenshots;
pub(crate) mod test;

use std::io::{self, IsTerminal as _};
use std::process::{Command, ExitCode};

use anyhow::Result;

use crate::process::{cargo, hand_over, npm_folder, program, run};
use crate::tools::npm;

/// Runs `cargo xtask dev`, built without the AWS SDK, which takes minutes.
pub(crate) fn dev(arguments: &[String]) -> Result<ExitCode> {
    let mut command = cargo_run();
    command.args(["--package", "footfall-runtime", "--features", "dev", "--bin", "dev", "--"]);
    command.args(arguments);
    hand_over(command)
}

/// Returns `cargo run`. It shows build progress on a terminal only.
fn cargo_run() -> Command {
    let mut command = cargo();
    command.arg("run");
    if !io::stderr().is_terminal() {
        command.arg("--quiet");
    }
    command
}

/// Runs a command of the deployer, such as `cargo xtask snippet`.
pub(crate) fn deployer(task: &str, arguments: &[String]) -> Result<ExitCode> {
    let mut command = cargo_run();
    command.args(["--package", "footfall-deployer", "--", task]).args(arguments);
    hand_over(command)
}

/// Runs `cargo xtask generate`, which rewrites every committed file that is generated.
///
/// Tests compare these files with their sources, and fail until this has run.
pub(crate) fn generate() -> Result<ExitCode> {
    npm::install()?;
    for script in ["lists.mjs", "world.mjs", "tracker.mjs"] {
        run(program("node", &npm_folder()).arg(script))?;
    }
    let golden = ["test", "--quiet", "--package", "footfall-infra", "--test", "golden"];
    run(cargo().args(golden).env("UPDATE_GOLDEN", "1"))?;
    Ok(ExitCode::SUCCESS)
}
