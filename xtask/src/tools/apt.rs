//! Debian packages.

use std::process::{Command, Stdio};

use anyhow::{Result, bail};

use crate::process::{find, heading, output, run};

/// Returns the packages of the programs that are missing.
pub(crate) fn missing(programs: &[(&str, &'static str)]) -> Vec<&'static str> {
    let missing = programs.iter().filter(|(name, _)| find(name).is_none());
    missing.map(|(_, package)| *package).collect()
}

/// Installs packages with apt. This needs Debian or a relative of it, and root.
pub(crate) fn install_packages(packages: &[&str]) -> Result<()> {
    if packages.is_empty() {
        return Ok(());
    }
    let is_root = output(Command::new("id").arg("-u")).is_ok_and(|id| id.trim() == "0");
    if !is_root || find("apt-get").is_none() {
        bail!("missing packages; on Debian, run `sudo apt-get install {}`", packages.join(" "));
    }
    heading(&format!("Installing {}", packages.join(" ")));
    let apt = || {
        let mut apt = Command::new("apt-get");
        apt.env("DEBIAN_FRONTEND", "noninteractive").arg("-qq");
        apt
    };
    run(apt().arg("update"))?;
    run(apt()
        .args(["install", "--yes", "--no-install-recommends"])
        .args(packages)
        .stdout(Stdio::null()))
}
