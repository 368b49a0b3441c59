//! The tables of a redb file, and the operations on them.

use std::ops::Bound::{Excluded, Included};
use std::path::Path;

use redb::{Database, DatabaseError, ReadableDatabase, ReadableTable, TableDefinition};

use super::BATCH;
use crate::storage::{Item, Key, KeyRange, Page, StoreError};

/// Maps `(pk, sk)` to the expiry in seconds since 1970 ([`NO_EXPIRY`] for never) and the value.
pub(super) const ITEMS: TableDefinition<(&str, &str), (i64, &[u8])> = TableDefinition::new("items");

/// Describes the file: maps `format` to its number.
const META: TableDefinition<&str, u64> = TableDefinition::new("meta");

/// The format that this version writes. Newer formats are rejected.
const FORMAT: u64 = 1;

const NO_EXPIRY: i64 = i64::MAX;

/// Size of redb's cache, in bytes. The operating system caches the rest of the file. redb's default is 1 GiB.
const CACHE_SIZE: usize = 64 * 1024 * 1024;

/// The table of items, in the transaction of the writer thread.
pub(super) type Items<'t> = redb::Table<'t, (&'static str, &'static str), (i64, &'static [u8])>;

/// Opens a file, creates its tables if necessary, and checks its format.
pub(super) fn open(path: &Path) -> Result<Database, StoreError> {
    let refused = |what: String| Err(StoreError::Refused(what));
    let shown = path.display();
    let database = match Database::builder().set_cache_size(CACHE_SIZE).create(path) {
        Ok(database) => database,
        Err(DatabaseError::DatabaseAlreadyOpen) => {
            return refused(format!(
                "{shown} is in use by another `cargo xtask dev`; stop that one, or choose another \
                 folder with --data"
            ));
        }
        Err(DatabaseError::UpgradeRequired(version)) => {
            return refused(format!(
                "{shown} has the redb file format {version}, which this version does not read; \
                 update Footfall, or choose another folder with --data"
            ));
        }
        Err(error) => {
            return refused(format!(
                "cannot open {shown}: {error}; check that the folder is writable and the disk is \
                 not full, or choose another with --data"
            ));
        }
    };
    match prepare(&database) {
        Ok(FORMAT) => Ok(database),
        Ok(newer) => refused(format!(
            "{shown} was written by a newer Footfall (format {newer}, this one knows {FORMAT}); \
             update, or choose another folder with --data"
        )),
        Err(error) => refused(format!(
            "cannot write {shown}: {error}; check that the disk is not full, or choose another \
             folder with --data"
        )),
    }
}

/// Creates the tables if necessary, and returns the format of the file.
fn prepare(database: &Database) -> Result<u64, redb::Error> {
    let transaction = database.begin_write()?;
    let format = {
        let mut meta = transaction.open_table(META)?;
        let existing = meta.get("format")?.map(|format| format.value());
        if existing.is_none() {
            meta.insert("format", FORMAT)?;
        }
        transaction.open_table(ITEMS)?;
        existing.unwrap_or(FORMAT)
    };
    transaction.commit()?;
    Ok(format)
}

/// Reads a page of a range, from behind the sort key `after`.
pub(super) fn page(
    database: &Database,
    range: &KeyRange,
    after: Option<&str>,
) -> Result<Page, redb::Error> {
    let items = database.begin_read()?.open_table(ITEMS)?;
    let pk = range.pk.as_str();
    let from = match after {
        Some(sk) if sk >= range.from.as_str() => Excluded((pk, sk)),
        _ => Included((pk, range.from.as_str())),
    };
    let to = Included((pk, range.to.as_str()));
    let mut page = Page::default();
    if range.is_empty_after(after) {
        return Ok(page);
    }
    for entry in items.range((from, to))? {
        if page.items.len() == BATCH {
            page.next = page.items.last().map(|item| item.key.sk.clone());
            break;
        }
        let (key, value) = entry?;
        page.items.push(item(key.value(), value.value()));
    }
    Ok(page)
}

/// Makes changes in one transaction. Returns once it is durable.
pub(super) fn in_transaction(
    database: &Database,
    change: impl FnOnce(&mut Items<'_>) -> Result<(), redb::Error>,
) -> Result<(), redb::Error> {
    let transaction = database.begin_write()?;
    change(&mut transaction.open_table(ITEMS)?)?;
    transaction.commit()?;
    Ok(())
}

/// Inserts an item, and overwrites any other under its key.
pub(super) fn insert(items: &mut Items<'_>, item: &Item) -> Result<(), redb::Error> {
    let key = (item.key.pk.as_str(), item.key.sk.as_str());
    let value = (item.expires.unwrap_or(NO_EXPIRY), item.value.as_slice());
    items.insert(key, value)?;
    Ok(())
}

/// Converts an entry of the table to an item.
pub(super) fn item((pk, sk): (&str, &str), (expires, value): (i64, &[u8])) -> Item {
    Item {
        key: Key { pk: pk.to_owned(), sk: sk.to_owned() },
        value: value.to_vec(),
        expires: (expires != NO_EXPIRY).then_some(expires),
    }
}
