//! One function or module for each task.

pub(crate) mod test;

use std::process::ExitCode;

use anyhow::Result;

use crate::process::{cargo, hand_over, npm_folder, program, run};

/// `cargo xtask dev`: without the AWS SDK, which takes minutes to build.
pub(crate) fn dev(arguments: &[String]) -> Result<ExitCode> {
    let mut command = cargo();
    command.args(["run", "--quiet", "--package", "footfall-runtime", "--features", "dev"]);
    command.args(["--bin", "dev", "--"]).args(arguments);
    hand_over(command)
}

/// What the deployer does: `cargo xtask snippet` and others.
pub(crate) fn deployer(task: &str, arguments: &[String]) -> Result<ExitCode> {
    let mut command = cargo();
    command.args(["run", "--quiet", "--package", "footfall-deployer", "--", task]);
    command.args(arguments);
    hand_over(command)
}

/// `cargo xtask generate`: what is committed but made from something else.
///
/// The tests that compare them with their sources fail until this was run.
pub(crate) fn generate() -> Result<ExitCode> {
    test::install_npm_packages()?;
    for script in ["lists.mjs", "tracker.mjs"] {
        run(program("node", &npm_folder()).arg(script))?;
    }
    let golden = ["test", "--quiet", "--package", "footfall-infra", "--test", "golden"];
    run(cargo().args(golden).env("UPDATE_GOLDEN", "1"))?;
    Ok(ExitCode::SUCCESS)
}
