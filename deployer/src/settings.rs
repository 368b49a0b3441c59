//! The owner's settings, as far as a deploy goes.

use std::path::Path;

use anyhow::Result;
use footfall_infra::settings::{FILE, Settings};
use footfall_runtime::platform::settings_file;

use crate::error::CommandError;

/// The settings to deploy. Elsewhere, no file means one site, `localhost`; a stack for it would count
/// nothing.
pub(crate) fn required() -> Result<Settings> {
    let file = Path::new(FILE);
    if !file.exists() {
        return Err(CommandError::rejected(
            format!("there is no {FILE} in this folder"),
            "write one with `cargo xtask init`",
        )
        .into());
    }
    Ok(settings_file::read(file)?)
}

/// The settings in this folder. What of them matters to stored data (how many shards there were) the table
/// knows as well.
pub(crate) fn or_local() -> Result<Settings> {
    Ok(settings_file::read(Path::new(FILE))?)
}
