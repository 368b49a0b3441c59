//! Atomic files and folders: written beside the target, then renamed.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use crate::error::CommandError;

/// Fails if a file or folder exists at the path.
pub(crate) fn check_is_new(place: &Path) -> Result<(), CommandError> {
    if fs::symlink_metadata(place).is_err() {
        return Ok(());
    }
    Err(CommandError::rejected(
        format!("{} already exists", place.display()),
        "choose another path, or move it away",
    ))
}

/// An unfinished file or folder beside its target. It is deleted on drop.
#[derive(Debug)]
pub(crate) struct Partial {
    pub(crate) path: PathBuf,
}

impl Partial {
    pub(crate) fn beside(place: &Path) -> Result<Self> {
        let name = place
            .file_name()
            .and_then(|name| name.to_str())
            .context("the path has no file name")?;
        let name = format!(".{name}.{}.partial", std::process::id());
        Ok(Self { path: place.with_file_name(name) })
    }

    /// Creates it as a file.
    pub(crate) fn create(&self) -> io::Result<File> {
        create(&self.path)
    }

    /// Creates it as a folder.
    pub(crate) fn create_folder(&self) -> io::Result<()> {
        let mut folder = fs::DirBuilder::new();
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut folder, 0o700);
        folder.create(&self.path)
    }

    /// Moves it to its target. Never replaces anything.
    pub(crate) fn keep(self, place: &Path) -> Result<()> {
        let context = || format!("cannot write {}", place.display());
        match fs::hard_link(&self.path, place) {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::AlreadyExists => check_is_new(place)?,
            // Folders and some file systems do not support hard links.
            Err(_) => {
                check_is_new(place)?;
                fs::rename(&self.path, place).with_context(context)?;
            }
        }
        // Make its name durable, too.
        let folder = place.parent().filter(|folder| !folder.as_os_str().is_empty());
        sync_folder(folder.unwrap_or(Path::new("."))).with_context(context)
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path).or_else(|_| fs::remove_dir_all(&self.path));
    }
}

/// Creates a file that only the user can read, because it has visitors' data.
pub(crate) fn create(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// Makes the names in a folder durable.
pub(crate) fn sync_folder(folder: &Path) -> io::Result<()> {
    #[cfg(unix)]
    File::open(folder)?.sync_all()?;
    #[cfg(not(unix))]
    let _ = folder;
    Ok(())
}
