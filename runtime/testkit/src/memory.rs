//! A store in memory, fast enough for thousands of cases. It never fails.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Arc, Mutex};

use footfall_runtime::storage::{Item, Key, KeyRange, Page, PutOutcome, Store, StoreError};

/// A store in memory. Clones share the items.
#[derive(Clone, Default)]
pub struct Memory(Arc<Mutex<BTreeMap<Key, Item>>>);

impl Memory {
    /// Returns every item, ordered by key.
    pub fn items(&self) -> Vec<Item> {
        self.0.lock().unwrap().values().cloned().collect()
    }

    /// Returns the items of hits only.
    pub fn hits(&self) -> Vec<Item> {
        self.items().into_iter().filter(|item| item.key.pk.starts_with("hit#")).collect()
    }
}

impl Store for Memory {
    async fn put(&self, item: Item) -> Result<(), StoreError> {
        self.0.lock().unwrap().insert(item.key.clone(), item);
        Ok(())
    }

    async fn put_all(&self, items: Vec<Item>) -> Result<(), StoreError> {
        self.0.lock().unwrap().extend(items.into_iter().map(|item| (item.key.clone(), item)));
        Ok(())
    }

    async fn put_if_absent(&self, item: Item) -> Result<PutOutcome, StoreError> {
        let mut items = self.0.lock().unwrap();
        if let Some(found) = items.get(&item.key).filter(|found| found.value != item.value) {
            return Ok(PutOutcome::Existing(found.clone()));
        }
        items.insert(item.key.clone(), item);
        Ok(PutOutcome::Inserted)
    }

    async fn compare_and_set(&self, item: Item, old: &[u8]) -> Result<bool, StoreError> {
        let mut items = self.0.lock().unwrap();
        let found = items.get(&item.key).map(|found| found.value.clone());
        let is_old = found.is_some_and(|found| found == old || found == item.value);
        if is_old {
            items.insert(item.key.clone(), item);
        }
        Ok(is_old)
    }

    async fn query(&self, range: &KeyRange, after: Option<&str>) -> Result<Page, StoreError> {
        let key = |sk: &str| Key { pk: range.pk.clone(), sk: sk.to_owned() };
        let start = after.map_or(Bound::Included(key(&range.from)), |sk| Bound::Excluded(key(sk)));
        let end = Bound::Included(key(&range.to));
        let is_empty = range.from > range.to || after.is_some_and(|after| *after >= *range.to);
        let items = self.0.lock().unwrap();
        let items = match is_empty {
            true => Vec::new(),
            false => items.range((start, end)).map(|(_, item)| item.clone()).collect(),
        };
        Ok(Page { items, next: None })
    }

    async fn delete(&self, key: &Key) -> Result<(), StoreError> {
        self.0.lock().unwrap().remove(key);
        Ok(())
    }
}
