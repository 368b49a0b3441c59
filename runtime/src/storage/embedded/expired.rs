//! Deletes expired items, like DynamoDB does by itself.

use std::ops::Bound::{Excluded, Unbounded};

use redb::{Database, ReadableDatabase, ReadableTable};

use super::database::{ITEMS, Items};
use super::{BATCH, File};
use crate::storage::{Key, StoreError};

impl File {
    /// Deletes the items that expired before `now`. Returns their number.
    pub(super) async fn sweep(&self, now: i64) -> Result<usize, StoreError> {
        let (mut swept, mut after) = (0, None);
        loop {
            let expired = self.read(move |database| find(database, now, after.as_ref())).await?;
            after = expired.last().cloned();
            if after.is_none() {
                return Ok(swept);
            }
            swept += self.change(move |items| remove(items, now, &expired)).await?;
        }
    }
}

/// Finds the first keys behind `after` whose items expired before `now`: at most [`BATCH`].
fn find(database: &Database, now: i64, after: Option<&Key>) -> Result<Vec<Key>, redb::Error> {
    let items = database.begin_read()?.open_table(ITEMS)?;
    let from = after.map_or(Unbounded, |key| Excluded((key.pk.as_str(), key.sk.as_str())));
    let mut keys = Vec::new();
    for entry in items.range::<(&str, &str)>((from, Unbounded))? {
        let (key, value) = entry?;
        if value.value().0 < now {
            let (pk, sk) = key.value();
            keys.push(Key { pk: pk.to_owned(), sk: sk.to_owned() });
        }
        if keys.len() == BATCH {
            break;
        }
    }
    Ok(keys)
}

/// Removes those of `keys` that are still expired. Returns their number.
fn remove(items: &mut Items<'_>, now: i64, keys: &[Key]) -> Result<usize, redb::Error> {
    let mut removed = 0;
    for key in keys {
        let key = (key.pk.as_str(), key.sk.as_str());
        if items.get(key)?.is_some_and(|value| value.value().0 < now) {
            items.remove(key)?;
            removed += 1;
        }
    }
    Ok(removed)
}
