//! Rewrites a file without the bytes of deleted items.

use std::path::{Path, PathBuf};
use std::sync::{PoisonError, RwLock};
use std::{fs, io};

use footfall_infra::stack::Partition;
use redb::{Database, ReadableDatabase, ReadableTable};

use super::database::{ITEMS, in_transaction, insert, open, page};
use super::{is_salts, unavailable};
use crate::storage::{KeyRange, StoreError};

/// Returns the path of the rewritten file before it replaces the original.
pub(super) fn new_file(path: &Path) -> PathBuf {
    path.with_extension("redb.new")
}

/// Removes a file if it exists.
pub(super) fn remove_if_exists(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Rewrites a file with its current items only. Whenever this is interrupted, there is one intact file in place.
pub(super) fn compact(database: &RwLock<Option<Database>>, path: &Path) -> Result<(), StoreError> {
    let new = new_file(path);
    remove_if_exists(&new).map_err(unavailable)?;
    match database.read().unwrap_or_else(PoisonError::into_inner).as_ref() {
        Some(database) => copy(database, &new)?,
        None => return Err(unavailable("it is closed")),
    }
    let mut database = database.write().unwrap_or_else(PoisonError::into_inner);
    // The file stays locked until it is closed.
    *database = None;
    let renamed = fs::rename(&new, path).map_err(unavailable);
    *database = Some(open(path).map_err(unavailable)?);
    renamed
}

/// Moves the salts to a file of their own and leaves no trace of them. Earlier versions stored them with the hits.
pub(super) fn move_salts(
    (items, path): (Database, PathBuf),
    salts: &Database,
) -> Result<(Database, PathBuf), StoreError> {
    let all = KeyRange::whole(Partition::Salts.pattern().to_owned());
    let found = page(&items, &all, None).map_err(unavailable)?.items;
    if found.is_empty() {
        return Ok((items, path));
    }
    in_transaction(salts, |items| found.iter().try_for_each(|salt| insert(items, salt)))
        .map_err(unavailable)?;
    in_transaction(&items, |items| items.retain(|(pk, _), _| !is_salts(pk)).map_err(Into::into))
        .map_err(unavailable)?;
    let database = RwLock::new(Some(items));
    compact(&database, &path)?;
    let items = database.into_inner().unwrap_or_else(PoisonError::into_inner);
    items.map(|items| (items, path)).ok_or_else(|| unavailable("it is closed"))
}

/// Copies all items into a new file.
fn copy(from: &Database, to: &Path) -> Result<(), StoreError> {
    let to = open(to)?;
    let copied = || -> Result<(), redb::Error> {
        let old = from.begin_read()?.open_table(ITEMS)?;
        in_transaction(&to, |items| {
            for entry in old.iter()? {
                let (key, value) = entry?;
                items.insert(key.value(), value.value())?;
            }
            Ok(())
        })
    };
    copied().map_err(unavailable)
}
