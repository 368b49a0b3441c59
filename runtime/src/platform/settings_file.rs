//! Reads the settings file. The crate `infra` defines its format, and reads no files itself.

use std::path::Path;
use std::{fs, io};

use footfall_infra::settings::Settings;

/// Why the settings could not be read: the file's name and the cause.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct FileError(String);

/// Reads a settings file. Returns [`Settings::local`] if it does not exist.
///
/// # Errors
/// If the file cannot be read or is invalid. The message names it.
pub fn read(file: &Path) -> Result<Settings, FileError> {
    let name = file.display();
    match fs::read_to_string(file) {
        Ok(text) => {
            Settings::from_yaml(&text).map_err(|error| FileError(format!("{name}, {error}")))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Settings::local()),
        Err(error) => Err(FileError(format!("cannot read {name}: {error}"))),
    }
}
