//! Python packages.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};

use super::cache;
use crate::process::{heading, output, run};

/// Returns a Python with the packages of a requirements file, in a cached environment of its own.
pub(crate) fn install(requirements: &Path) -> Result<PathBuf> {
    let sum = output(Command::new("sha256sum").arg(requirements))?;
    let name: String = sum.chars().take(16).collect();
    let folder = cache::folder()?.join(format!("python-{name}"));
    let python = folder.join("bin/python");
    let stamp = folder.join("complete");
    if stamp.is_file() {
        return Ok(python);
    }
    heading(&format!("Installing {}", requirements.display()));
    run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder))?;
    let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"];
    run(Command::new(&python).args(pip).arg(requirements))?;
    fs::write(stamp, "").context("cannot record what was installed")?;
    Ok(python)
}
