//! The store on one machine: redb files in a folder. For `dev` and tests.
//!
//! The salts have a file of their own, like they have a table of their own in AWS. Destroying a deleted salt takes a
//! rewrite of its file, and this way hits never wait for a rewrite of the file with all hits.

mod compact;
mod database;
mod expired;
mod writer;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use footfall_infra::stack::Partition;
use redb::{Database, ReadableTable};

use super::{Item, Key, KeyRange, Page, PutOutcome, Store, StoreError};
use database::{Items, insert, item, open, page};
use writer::Writer;

const ITEMS_FILE: &str = "footfall.redb";
const SALTS_FILE: &str = "salts.redb";

/// Maximum writes in one transaction, and items in one page.
const BATCH: usize = 4096;

/// A store in a folder. Clones share it. Its files close when the last clone is dropped.
#[derive(Clone)]
pub struct Embedded {
    items: File,
    salts: File,
}

/// One file of the store, and the thread that writes it.
#[derive(Clone)]
struct File {
    // Dropped before the writer, whose end closes the file.
    database: Shared,
    writer: Arc<Writer>,
}

/// An open file. `None` only while it is reopened after a failure, or if that failed too.
type Shared = Arc<RwLock<Option<Database>>>;

impl Embedded {
    /// Opens the store in `folder`. Creates the folder and the store if necessary.
    ///
    /// # Errors
    /// If the folder cannot be written, another process uses the store, or a newer version wrote it. The message
    /// contains the remedy.
    pub fn open(folder: &Path) -> Result<Self, StoreError> {
        fs::create_dir_all(folder).map_err(|error| {
            StoreError::Refused(format!(
                "cannot create the folder {}: {error}; choose another with --data",
                folder.display()
            ))
        })?;
        let (items, salts) = (folder.join(ITEMS_FILE), folder.join(SALTS_FILE));
        let items = (open(&items)?, items);
        let salts = (open(&salts)?, salts);
        let items = compact::move_salts(items, &salts.0)?;
        Ok(Self { items: File::start(items)?, salts: File::start(salts)? })
    }

    /// Whether there is a store in `folder`.
    #[must_use]
    pub fn is_in(folder: &Path) -> bool {
        folder.join(ITEMS_FILE).is_file()
    }

    /// Deletes the items that expired before `now`, in seconds since 1970. Returns their number.
    ///
    /// It scans for them off the writer threads and deletes them in batches, so hits do not wait.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if a file cannot be read or written.
    pub async fn sweep(&self, now: i64) -> Result<usize, StoreError> {
        Ok(self.items.sweep(now).await? + self.salts.sweep(now).await?)
    }

    /// Returns the file that holds a partition.
    fn file_of(&self, partition: &str) -> &File {
        if is_salts(partition) { &self.salts } else { &self.items }
    }
}

fn is_salts(partition: &str) -> bool {
    partition == Partition::Salts.pattern()
}

impl File {
    /// Starts the writer thread of a file.
    fn start((database, path): (Database, PathBuf)) -> Result<Self, StoreError> {
        let database = Arc::new(RwLock::new(Some(database)));
        // An interrupted compaction may have left it. If removing fails, the next compaction reports that.
        let _ = compact::remove_if_exists(&compact::new_file(&path));
        let writer = Writer::start(Arc::clone(&database), path)?;
        Ok(Self { database, writer: Arc::new(writer) })
    }

    /// Reads, on a thread that may block on the disk.
    async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Database) -> Result<T, redb::Error> + Send + 'static,
    ) -> Result<T, StoreError> {
        let database = Arc::clone(&self.database);
        let read = move || {
            let database = database.read().unwrap_or_else(PoisonError::into_inner);
            let database = database.as_ref().ok_or_else(|| unavailable("it is being reopened"))?;
            read(database).map_err(unavailable)
        };
        tokio::task::spawn_blocking(read).await.map_err(unavailable)?
    }

    /// Sends a change to the writer thread, and waits until it is durable.
    async fn change<T: Send + 'static>(
        &self,
        apply: impl FnMut(&mut Items<'_>) -> Result<T, redb::Error> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.writer.change(apply).await
    }

    async fn put_all(&self, new: Vec<Item>) -> Result<(), StoreError> {
        self.change(move |items| new.iter().try_for_each(|item| insert(items, item))).await
    }
}

impl Store for Embedded {
    async fn put(&self, item: Item) -> Result<(), StoreError> {
        self.file_of(&item.key.pk).put_all(vec![item]).await
    }

    async fn put_all(&self, new: Vec<Item>) -> Result<(), StoreError> {
        let (salts, items): (Vec<Item>, _) = new.into_iter().partition(|it| is_salts(&it.key.pk));
        if !salts.is_empty() {
            self.salts.put_all(salts).await?;
        }
        self.items.put_all(items).await
    }

    async fn put_if_absent(&self, new: Item) -> Result<PutOutcome, StoreError> {
        let file = self.file_of(&new.key.pk);
        file.change(move |items| {
            let key = (new.key.pk.as_str(), new.key.sk.as_str());
            let existing = items.get(key)?.map(|value| item(key, value.value()));
            match existing.filter(|existing| existing.value != new.value) {
                Some(existing) => Ok(PutOutcome::Existing(existing)),
                None => insert(items, &new).map(|()| PutOutcome::Inserted),
            }
        })
        .await
    }

    async fn compare_and_set(&self, new: Item, old: &[u8]) -> Result<bool, StoreError> {
        let (file, old) = (self.file_of(&new.key.pk), old.to_vec());
        file.change(move |items| {
            let key = (new.key.pk.as_str(), new.key.sk.as_str());
            let current = items.get(key)?.map(|value| value.value().1.to_vec());
            let is_expected = current.is_some_and(|current| current == old || current == new.value);
            if is_expected {
                insert(items, &new)?;
            }
            Ok(is_expected)
        })
        .await
    }

    async fn query(&self, range: &KeyRange, after: Option<&str>) -> Result<Page, StoreError> {
        let file = self.file_of(&range.pk);
        let (range, after) = (range.clone(), after.map(str::to_owned));
        file.read(move |database| page(database, &range, after.as_deref())).await
    }

    async fn delete(&self, key: &Key) -> Result<(), StoreError> {
        let (file, key) = (self.file_of(&key.pk), key.clone());
        file.change(move |items| {
            items.remove((key.pk.as_str(), key.sk.as_str()))?;
            Ok(())
        })
        .await
    }

    async fn compact(&self, partition: Partition) -> Result<(), StoreError> {
        self.file_of(partition.pattern()).writer.compact().await
    }
}

fn unavailable(error: impl ToString) -> StoreError {
    StoreError::Unavailable(error.to_string())
}
