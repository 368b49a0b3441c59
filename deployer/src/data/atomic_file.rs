//! What is written and not whole yet: it lies beside its place, and gets there when it is.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use crate::error::CommandError;

/// Refuses to write over a file or a folder.
pub(crate) fn check_is_new(place: &Path) -> Result<(), CommandError> {
    if fs::symlink_metadata(place).is_err() {
        return Ok(());
    }
    Err(CommandError::rejected(
        format!("{} is there already", place.display()),
        "name another place, or move that one away",
    ))
}

/// A file or a folder that is not whole yet, beside its place. If it never gets there, it goes.
#[derive(Debug)]
pub(crate) struct Partial {
    pub(crate) path: PathBuf,
}

impl Partial {
    pub(crate) fn beside(place: &Path) -> Result<Self> {
        let name =
            place.file_name().and_then(|name| name.to_str()).context("it has no file name")?;
        let name = format!(".{name}.{}.partial", std::process::id());
        Ok(Self { path: place.with_file_name(name) })
    }

    /// Makes it as a file.
    pub(crate) fn create(&self) -> io::Result<File> {
        create(&self.path)
    }

    /// Makes it as a folder.
    pub(crate) fn create_folder(&self) -> io::Result<()> {
        let mut folder = fs::DirBuilder::new();
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut folder, 0o700);
        folder.create(&self.path)
    }

    /// Puts it in its place, but not over anything else.
    pub(crate) fn keep(self, place: &Path) -> Result<()> {
        let context = || format!("cannot write {}", place.display());
        match fs::hard_link(&self.path, place) {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::AlreadyExists => check_is_new(place)?,
            // Folders, and not every file system, have no such links.
            Err(_) => {
                check_is_new(place)?;
                fs::rename(&self.path, place).with_context(context)?;
            }
        }
        // Its name has to last as well.
        let folder = place.parent().filter(|folder| !folder.as_os_str().is_empty());
        sync_folder(folder.unwrap_or(Path::new("."))).with_context(context)
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path).or_else(|_| fs::remove_dir_all(&self.path));
    }
}

/// Makes a file that nobody else may read: it is all that is known of visitors.
pub(crate) fn create(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// Sees to it that the names in a folder last.
pub(crate) fn sync_folder(folder: &Path) -> io::Result<()> {
    #[cfg(unix)]
    File::open(folder)?.sync_all()?;
    #[cfg(not(unix))]
    let _ = folder;
    Ok(())
}
