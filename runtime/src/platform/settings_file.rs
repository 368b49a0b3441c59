//! Reading the owner's settings from their file. What may stand in it is in `infra`, which reads no
//! files.

use std::path::Path;
use std::{fs, io};

use footfall_infra::settings::Settings;

/// Why a settings file could not be had: its name, and what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct FileError(String);

/// Reads a settings file; where there is none, the settings are [`Settings::local`].
///
/// # Errors
/// If the file cannot be read, or is wrong: the message has its name in front.
pub fn read(file: &Path) -> Result<Settings, FileError> {
    let named = |what: String| FileError(format!("{}, {what}", file.display()));
    match fs::read_to_string(file) {
        Ok(text) => Settings::from_yaml(&text).map_err(|error| named(error.to_string())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Settings::local()),
        Err(error) => Err(named(format!("which cannot be read: {error}"))),
    }
}
