//! The folder of expensive downloads.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

/// Returns `~/.cache/footfall`, which it creates if missing.
pub(super) fn folder() -> Result<PathBuf> {
    let home = env::var_os("HOME").context("HOME is not set; the cache is kept below it")?;
    let folder = Path::new(&home).join(".cache/footfall");
    fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
    Ok(folder)
}
