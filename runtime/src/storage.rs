//! Where items are kept: a small trait, and what both of its implementations agree on.
//!
//! An item has a partition key, a sort key and bytes. What the bytes mean is not known here.

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
    /// The partition key: items of one partition are kept together, in the order of `sk`.
    pub pk: String,
    /// The sort key, compared by bytes.
    pub sk: String,
}

/// What is stored under a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// Where it is stored.
    pub key: Key,
    /// What is stored.
    pub value: Vec<u8>,
    /// When the item may be deleted, in seconds since 1970. It happens some time after (up to two
    /// days, in DynamoDB), and until then the item is still read.
    pub expires: Option<i64>,
}

/// The most that an item may weigh so that writing it costs one write unit, in bytes.
///
/// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/read-write-operations.html>
pub const WRITE_UNIT: usize = 1024;

impl Item {
    /// What DynamoDB bills for an item with this key but for its value, in bytes: names and values
    /// of every attribute, the number of the expiry included.
    ///
    /// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html>
    #[must_use]
    pub fn overhead(key: &Key) -> usize {
        // "pk", "sk", "v" and "ttl", and up to 7 bytes for a number of 10 digits.
        2 + key.pk.len() + 2 + key.sk.len() + 1 + 3 + 7
    }
}

/// A part of one partition: the sort keys from one to another, both included.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyRange {
    /// The partition.
    pub pk: String,
    /// The first sort key.
    pub from: String,
    /// The last sort key.
    pub to: String,
}

impl KeyRange {
    /// All of a partition.
    #[must_use]
    pub fn whole(pk: String) -> Self {
        // DynamoDB allows no empty key. A space comes before, and U+10FFFF after, every key that
        // this program makes.
        Self { pk, from: " ".to_owned(), to: '\u{10ffff}'.to_string() }
    }

    /// Whether nothing can be in the range behind the sort key `after`.
    #[cfg(any(feature = "dynamodb", feature = "embedded"))]
    fn is_empty_after(&self, after: Option<&str>) -> bool {
        self.from > self.to || after.is_some_and(|sk| sk >= self.to.as_str())
    }

    /// One key alone.
    #[must_use]
    pub fn one(key: &Key) -> Self {
        Self { pk: key.pk.clone(), from: key.sk.clone(), to: key.sk.clone() }
    }
}

/// Some of the items of a range, in order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Page {
    /// The items; there may be none although more follow.
    pub items: Vec<Item>,
    /// The last sort key looked at, if there is more to read after it.
    pub next: Option<String>,
}

/// What [`Store::put_if_absent`] found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PutOutcome {
    /// Nothing, and stored the item.
    Inserted,
    /// This item, and left it as it was.
    Existing(Item),
}

/// Why an operation on the store failed.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// It may work later: throttled, out of reach, timed out, out of space. Retries were made
    /// already.
    #[error("the store cannot be used just now: {0}")]
    Unavailable(String),
    /// It will not work like this: no such table, no permission, a newer version.
    #[error("the store refuses: {0}")]
    Refused(String),
}

impl StoreError {
    /// The status of the answer to a request that needed the store.
    #[must_use]
    pub const fn status(&self) -> StatusCode {
        match self {
            Self::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Refused(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

/// A store of items. Every write is durable when its future is ready.
pub trait Store: Clone + Send + Sync + 'static {
    /// Stores an item, in place of any other under its key.
    fn put(&self, item: Item) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Stores many items, in place of any others. If it fails, some may have been stored: to do it
    /// again is safe.
    fn put_all(&self, items: Vec<Item>) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Stores an item unless there is another under its key. Of two at once, one finds the other's.
    /// One with the same value counts as this one: it is what a try leaves whose answer was lost.
    fn put_if_absent(
        &self,
        item: Item,
    ) -> impl Future<Output = Result<PutOutcome, StoreError>> + Send;

    /// Stores an item in place of the one under its key, if that one has still this value; says whether it did.
    /// One that has the new value already counts as this one, as in [`put_if_absent`](Self::put_if_absent).
    fn compare_and_set(
        &self,
        item: Item,
        old: &[u8],
    ) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// Reads a range, in pages: from its start, or from behind the sort key `after`. A range that
    /// ends before it begins has nothing in it.
    fn query(
        &self,
        range: &KeyRange,
        after: Option<&str>,
    ) -> impl Future<Output = Result<Page, StoreError>> + Send;

    /// Deletes the item under a key, if there is one.
    fn delete(&self, key: &Key) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Destroys the bytes of what was deleted of a kind of item, where the store has them still. DynamoDB shows none
    /// to anybody, but by a backup.
    fn compact(&self, of: Partition) -> impl Future<Output = Result<(), StoreError>> + Send {
        let _ = of;
        async { Ok(()) }
    }
}

/// Everything in a range.
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
    use crate::platform::http::{json_error, told};

    #[test]
    fn strangers_are_not_told_what_the_store_says() {
        let check = |error: &StoreError, status: u16, expected: &str| {
            let found = error.status();
            assert_eq!(found, status);
            let answer = json_error(found, &told(found, "a test was not made", error));
            assert_eq!(
                (answer.status(), answer.headers()[CONTENT_TYPE].as_bytes()),
                (found, &b"application/json"[..])
            );
            let body = String::from_utf8(answer.into_body()).unwrap();
            assert_eq!(body, format!("{{\"error\":\"{expected}\"}}"));
        };
        let secret = || "table arn:aws:…".to_owned();
        let again = "The store cannot be read just now. Try again in a moment.";
        check(&StoreError::Unavailable(secret()), 503, again);
        let broken = "This cannot be answered. The function's log says why.";
        check(&StoreError::Refused(secret()), 500, broken);
        assert_eq!(told(StatusCode::BAD_REQUEST, "", &"say which"), "say which");
    }
}
