//! `cargo xtask screenshots`: takes the README's pictures of the dashboard, light and dark.

use std::process::ExitCode;

use anyhow::Result;

use crate::process::{cargo, npm_folder, program, root, run, target_folder};
use crate::tools::{apt, npm};

/// Programs it needs, and the Debian packages that have them.
const PROGRAMS: [(&str, &str); 3] = [("node", "nodejs"), ("npm", "npm"), ("chromium", "chromium")];

/// Writes `docs/images/dashboard-light.png` and `dashboard-dark.png`, of `dev --demo` on a temporary folder.
pub(crate) fn take() -> Result<ExitCode> {
    apt::install_packages(&apt::missing(&PROGRAMS))?;
    npm::install()?;
    let dev = ["build", "--package", "footfall-runtime", "--features", "dev", "--bin", "dev"];
    run(cargo().args(dev))?;
    run(program("node", &npm_folder())
        .arg("screenshots.mjs")
        .arg(root().join("docs/images"))
        .env("FOOTFALL_DEV", target_folder().join("debug/dev")))?;
    Ok(ExitCode::SUCCESS)
}
