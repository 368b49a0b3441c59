//! Stores the days of an import as segments.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Result;
use footfall_infra::settings::Site;
use footfall_runtime::rollup;
use footfall_runtime::storage::hour::Span;
use footfall_runtime::storage::import_id::ImportId;
use footfall_runtime::storage::{Item, Key, Store, StoreError, WRITE_UNIT, keys, range_items};
use jiff::civil::Date;
use tokio::time::sleep;

use super::temp_files::TempFiles;

/// Maximum number of items in one batch, as DynamoDB has it.
const MAX_BATCH_ITEMS: usize = 25;

/// Maximum size of a batch in bytes. A slow connection must be able to send it before the request times out.
const MAX_BATCH_BYTES: usize = 1024 * 1024;

/// Stores the days of one import. A dry run only counts.
#[derive(Debug)]
pub(crate) struct DayWriter<'a, S> {
    pub(crate) store: &'a S,
    pub(crate) site: &'a Site,
    pub(crate) id: ImportId,
    pub(crate) dry_run: bool,
    /// Whether an interrupted run of this import may have stored some of its items.
    pub(crate) is_resumed: bool,
    /// Pauses between retries while the store is unavailable, in seconds.
    pub(crate) pauses: &'a [u64],
    pub(crate) batch: Batch,
    /// Size of the segments, in bytes.
    pub(crate) bytes: u64,
    pub(crate) write_units: u64,
}

impl<S: Store> DayWriter<'_, S> {
    /// Stores a day. Skips items that an interrupted run has stored, and deletes its other items.
    pub(crate) async fn write_day(&mut self, day: Date, hits: &mut TempFiles) -> Result<()> {
        let span = Span::Imported(day, self.id);
        let (rows, mut dictionaries) = hits.rows(day)?;
        let encoded = rollup::encode_segment(self.site, span, rows, &mut dictionaries, 0)?;
        let (first, rest) = rollup::segment_items(self.site, span, encoded, None);
        let mut stored = if self.is_resumed { self.stored(day).await? } else { BTreeMap::new() };
        for item in rest.into_iter().chain([first]) {
            self.bytes += item.value.len() as u64;
            if stored.remove(&item.key).is_some_and(|value| value == item.value) {
                continue;
            }
            self.batch.add(item);
            if self.batch.is_full() {
                self.flush().await?;
            }
        }
        self.delete(stored).await
    }

    /// Deletes a day that an interrupted run has stored.
    pub(crate) async fn delete_day(&self, day: Date) -> Result<()> {
        self.delete(self.stored(day).await?).await
    }

    /// Stores the items that are waiting in the batch. Storing an item twice is safe.
    pub(crate) async fn flush(&mut self) -> Result<()> {
        let Batch { items, .. } = std::mem::take(&mut self.batch);
        for item in &items {
            let bytes = Item::overhead(&item.key) + item.value.len();
            self.write_units += bytes.div_ceil(WRITE_UNIT) as u64;
        }
        if self.dry_run || items.is_empty() {
            return Ok(());
        }
        for pause in self.pauses {
            match self.store.put_all(items.clone()).await {
                Err(StoreError::Unavailable(_)) => sleep(Duration::from_secs(*pause)).await,
                done => return Ok(done?),
            }
        }
        Ok(self.store.put_all(items).await?)
    }

    /// Returns what is stored of a day of this import.
    async fn stored(&self, day: Date) -> Result<BTreeMap<Key, Vec<u8>>> {
        let range = keys::imported_segment(self.site, day, self.id);
        let items = range_items(self.store, &range).await?;
        Ok(items.into_iter().map(|item| (item.key, item.value)).collect())
    }

    /// Deletes items that this run does not have. Another version of Footfall may have stored them.
    async fn delete(&self, items: BTreeMap<Key, Vec<u8>>) -> Result<()> {
        for key in items.keys().filter(|_| !self.dry_run) {
            self.store.delete(key).await?;
        }
        Ok(())
    }
}

/// Items that are stored together.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    items: Vec<Item>,
    bytes: usize,
}

impl Batch {
    pub(crate) fn add(&mut self, item: Item) {
        self.bytes += item.value.len();
        self.items.push(item);
    }

    const fn is_full(&self) -> bool {
        self.items.len() >= MAX_BATCH_ITEMS || self.bytes >= MAX_BATCH_BYTES
    }
}
