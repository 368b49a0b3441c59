//! The settings in footfall.yaml.

use std::path::Path;

use anyhow::Result;
use footfall_infra::settings::{FILE, Settings};
use footfall_runtime::platform::settings_file;

use crate::error::CommandError;

/// Reads the settings to deploy. Other commands default to one site, `localhost`, but a stack for it would
/// count nothing.
pub(crate) fn required() -> Result<Settings> {
    let file = Path::new(FILE);
    if !file.exists() {
        return Err(CommandError::rejected(
            format!("there is no {FILE} in this folder"),
            "create one with `cargo xtask init`",
        )
        .into());
    }
    Ok(settings_file::read(file)?)
}

/// Reads the settings in this folder, or the defaults for one site, `localhost`.
pub(crate) fn or_local() -> Result<Settings> {
    Ok(settings_file::read(Path::new(FILE))?)
}
