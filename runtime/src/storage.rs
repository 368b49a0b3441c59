//! The store: a trait for storing items, and the types that its implementations share.
//!
//! An item has a partition key, a sort key and bytes. This module does not know what the bytes mean.

#[cfg(feature = "dynamodb")]
pub mod dynamodb;
#[cfg(feature = "embedded")]
pub mod embedded;
pub mod hour;
pub mod import_id;
pub mod keys;
pub mod retention;

use std::future::Future;

use footfall_infra::stack::Partition;
use http::StatusCode;

/// The key of an item.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// The partition key. Items of one partition are stored together, sorted by `sk`.
    pub pk: String,
    /// The sort key, compared byte by byte.
    pub sk: String,
}

/// A stored item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// The key.
    pub key: Key,
    /// The content.
    pub value: Vec<u8>,
    /// When the item may be deleted, in seconds since 1970. `None` means never. The store deletes it some time later
    /// (in DynamoDB up to two days), and returns it in queries until then.
    pub expires: Option<i64>,
}

/// Maximum size of an item that costs one write unit, in bytes.
///
/// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/read-write-operations.html>
pub const WRITE_UNIT: usize = 1024;

impl Item {
    /// Returns the billed size of an item with this key in DynamoDB, without its value, in bytes: the names and values
    /// of all other attributes, with an expiry.
    ///
    /// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html>
    #[must_use]
    pub fn overhead(key: &Key) -> usize {
        // "pk", "sk", "v" and "ttl", and up to 7 bytes for a 10-digit number.
        2 + key.pk.len() + 2 + key.sk.len() + 1 + 3 + 7
    }
}

/// A range of sort keys in one partition, both ends included.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyRange {
    /// The partition key.
    pub pk: String,
    /// The first sort key.
    pub from: String,
    /// The last sort key.
    pub to: String,
}

impl KeyRange {
    /// Makes the range of all keys of a partition.
    #[must_use]
    pub fn whole(pk: String) -> Self {
        // DynamoDB rejects empty keys. All our keys lie between a space and U+10FFFF.
        Self { pk, from: " ".to_owned(), to: '\u{10ffff}'.to_string() }
    }

    /// Whether the range has no keys behind the sort key `after`.
    #[cfg(any(feature = "dynamodb", feature = "embedded"))]
    fn is_empty_after(&self, after: Option<&str>) -> bool {
        self.from > self.to || after.is_some_and(|sk| sk >= self.to.as_str())
    }

    /// Makes the range of a single key.
    #[must_use]
    pub fn one(key: &Key) -> Self {
        Self { pk: key.pk.clone(), from: key.sk.clone(), to: key.sk.clone() }
    }
}

/// A page of the items of a range, in order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Page {
    /// The items. May be empty even if more pages follow.
    pub items: Vec<Item>,
    /// The sort key after which the next page begins. `None` on the last page.
    pub next: Option<String>,
}

/// The outcome of [`Store::put_if_absent`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PutOutcome {
    /// The item was stored.
    Inserted,
    /// The key has this item, which stays.
    Existing(Item),
}

/// Why a store operation failed.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// It may work later: throttled, unreachable, timed out or out of disk space. All retries were made already.
    #[error("the store is unavailable: {0}")]
    Unavailable(String),
    /// A retry cannot help: missing table, missing permission, newer format.
    #[error("the store rejects the operation: {0}")]
    Refused(String),
}

impl StoreError {
    /// Returns the HTTP status for a store error.
    #[must_use]
    pub const fn status(&self) -> StatusCode {
        match self {
            Self::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Refused(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

/// A store of items. A write is durable when its future completes.
pub trait Store: Clone + Send + Sync + 'static {
    /// Stores an item, and overwrites any other under its key.
    fn put(&self, item: Item) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Stores many items, and overwrites any others under their keys. After an error, some may be stored. Repeating the
    /// call is safe.
    fn put_all(&self, items: Vec<Item>) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Stores an item unless its key has another one.
    ///
    /// Of two concurrent calls exactly one inserts; the other gets the existing item. An equal value counts as
    /// inserted, because a retry may find its own lost write.
    fn put_if_absent(
        &self,
        item: Item,
    ) -> impl Future<Output = Result<PutOutcome, StoreError>> + Send;

    /// Stores an item if the current one under its key has the value `old`. Returns whether it did.
    ///
    /// If the current item has the new value already, that counts as stored, as in
    /// [`put_if_absent`](Self::put_if_absent).
    fn compare_and_set(
        &self,
        item: Item,
        old: &[u8],
    ) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// Reads a page of a range, from its start or from behind the sort key `after`. A range that ends before it begins
    /// is empty.
    fn query(
        &self,
        range: &KeyRange,
        after: Option<&str>,
    ) -> impl Future<Output = Result<Page, StoreError>> + Send;

    /// Deletes the item under a key if it exists.
    fn delete(&self, key: &Key) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Destroys the remaining bytes of deleted items of a partition. Does nothing by default: DynamoDB reveals such
    /// bytes only through backups.
    fn compact(&self, partition: Partition) -> impl Future<Output = Result<(), StoreError>> + Send {
        let _ = partition;
        async { Ok(()) }
    }
}

/// Reads all items of a range.
///
/// # Errors
/// If the store cannot be read.
pub async fn range_items<S: Store>(store: &S, range: &KeyRange) -> Result<Vec<Item>, StoreError> {
    let mut items = Vec::new();
    let mut after = None;
    loop {
        let page = store.query(range, after.as_deref()).await?;
        items.extend(page.items);
        after = page.next;
        if after.is_none() {
            return Ok(items);
        }
    }
}

#[cfg(test)]
mod tests {
    use http::header::CONTENT_TYPE;

    use super::*;
    use crate::platform::http::{client_message, json_error};

    #[test]
    fn responses_do_not_reveal_store_errors() {
        let check = |error: &StoreError, status: u16, expected: &str| {
            let found = error.status();
            assert_eq!(found, status);
            let answer = json_error(found, &client_message(found, "a test was not made", error));
            assert_eq!(
                (answer.status(), answer.headers()[CONTENT_TYPE].as_bytes()),
                (found, &b"application/json"[..])
            );
            let body = String::from_utf8(answer.into_body()).unwrap();
            assert_eq!(body, format!("{{\"error\":\"{expected}\"}}"));
        };
        let secret = || "table arn:aws:…".to_owned();
        let again = "The data store is temporarily unavailable. Try again in a moment.";
        check(&StoreError::Unavailable(secret()), 503, again);
        let broken = "Internal error. The function's log has the details.";
        check(&StoreError::Refused(secret()), 500, broken);
        assert_eq!(client_message(StatusCode::BAD_REQUEST, "", &"say which"), "say which");
    }
}
