//! A store that records which operations are used on which partitions.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use footfall_infra::stack::Partition;
use footfall_runtime::storage::{Item, Key, KeyRange, Page, PutOutcome, Store, StoreError};

use crate::memory::Memory;

/// An operation of a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs, reason = "each is the method of `Store` of the same name")]
pub enum Operation {
    Put,
    PutAll,
    PutIfAbsent,
    Replace,
    Query,
    Delete,
}

/// A store in memory that records its use. Clones share items and records.
#[derive(Clone, Default)]
pub struct Recorder {
    inner: Memory,
    used: Arc<Mutex<BTreeSet<(Operation, String)>>>,
}

impl Recorder {
    /// Records the use of a store from now on.
    pub fn new(inner: &Memory) -> Self {
        Self { inner: inner.clone(), used: Arc::default() }
    }

    /// Returns every operation so far, with the partition key it was used on.
    pub fn used(&self) -> BTreeSet<(Operation, String)> {
        self.used.lock().unwrap().clone()
    }

    fn record(&self, operation: Operation, pk: &str) {
        self.used.lock().unwrap().insert((operation, pk.to_owned()));
    }
}

impl Store for Recorder {
    async fn put(&self, item: Item) -> Result<(), StoreError> {
        self.record(Operation::Put, &item.key.pk);
        self.inner.put(item).await
    }

    async fn put_all(&self, items: Vec<Item>) -> Result<(), StoreError> {
        items.iter().for_each(|item| self.record(Operation::PutAll, &item.key.pk));
        self.inner.put_all(items).await
    }

    async fn put_if_absent(&self, item: Item) -> Result<PutOutcome, StoreError> {
        self.record(Operation::PutIfAbsent, &item.key.pk);
        self.inner.put_if_absent(item).await
    }

    async fn compare_and_set(&self, item: Item, old: &[u8]) -> Result<bool, StoreError> {
        self.record(Operation::Replace, &item.key.pk);
        self.inner.compare_and_set(item, old).await
    }

    async fn query(&self, range: &KeyRange, after: Option<&str>) -> Result<Page, StoreError> {
        self.record(Operation::Query, &range.pk);
        self.inner.query(range, after).await
    }

    async fn delete(&self, key: &Key) -> Result<(), StoreError> {
        self.record(Operation::Delete, &key.pk);
        self.inner.delete(key).await
    }

    async fn compact(&self, of: Partition) -> Result<(), StoreError> {
        self.inner.compact(of).await
    }
}
