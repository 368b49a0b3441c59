//! npm packages, and Node to run them.

use std::fs;
use std::path::Path;
use std::process::Stdio;

use anyhow::{Context as _, Result};

use crate::process::{heading, npm_folder, program, run};

/// Installs the packages of `runtime/npm`.
pub(crate) fn install() -> Result<()> {
    install_locked(&npm_folder(), &[])
}

/// Installs the packages of a folder's lock file, unless they are up to date.
///
/// The packages in `built` are compiled here from source.
pub(crate) fn install_locked(folder: &Path, built: &[&str]) -> Result<()> {
    let stamp = folder.join("node_modules/.footfall-lock");
    let lock = fs::read(folder.join("package-lock.json"))?;
    if fs::read(&stamp).is_ok_and(|installed| installed == lock) {
        return Ok(());
    }
    heading("Installing npm packages");
    let mut npm = program("npm", folder);
    npm.args(["ci", "--silent"]);
    if built.is_empty() {
        run(&mut npm)?;
    } else {
        // Uses the headers of the installed Node instead of fetching others. Some versions of npm run the scripts of
        // every package by default, others none.
        run(npm.arg("--ignore-scripts"))?;
        let mut rebuild = program("npm", folder);
        rebuild.args(["rebuild", "--silent"]).args(built).env("npm_config_nodedir", "/usr");
        run(rebuild.stdout(Stdio::null()))?;
    }
    fs::write(stamp, lock).context("cannot record what was installed")
}

/// Runs Node in `runtime/npm`.
pub(crate) fn node(arguments: &[&str]) -> Result<()> {
    run(program("node", &npm_folder()).args(arguments))
}
