//! Programs from crates.io.

use std::path::PathBuf;

use anyhow::Result;

use super::cache;
use crate::process::{cargo, heading, run};

/// Returns the program of a crate such as `cargo-deny@0.20.2`, built unless it is cached.
pub(crate) fn install(package: &str, name: &str) -> Result<PathBuf> {
    let folder = cache::folder()?.join(package.replace('@', "-"));
    let program = folder.join("bin").join(name);
    if !program.is_file() {
        heading(&format!("Building {package}"));
        run(cargo()
            .args(["install", "--quiet", "--debug", "--locked", package, "--root"])
            .arg(&folder)
            .env_remove("CARGO_TARGET_DIR"))?;
    }
    Ok(program)
}
