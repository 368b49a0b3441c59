//! Both stores pass one suite. Besides, the embedded store is tested with its folder and disk, and DynamoDB with its
//! limits. (tests/dynamodb.rs has what depends on the network.)

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test ends there")]

mod contract;
mod embedded;
mod write_units;

use footfall_runtime::storage::{Item, KeyRange, Store};
use footfall_testkit::store::read_all;

/// Reads a whole partition.
async fn partition<S: Store>(store: &S, pk: &str) -> Vec<Item> {
    read_all(store, &KeyRange::whole(pk.to_owned())).await.unwrap().0
}

/// Returns the sort keys in a range.
async fn sort_keys_in<S: Store>(store: &S, pk: &str, from: &str, to: &str) -> Vec<String> {
    let range = KeyRange { pk: pk.to_owned(), from: from.to_owned(), to: to.to_owned() };
    let (items, _) = read_all(store, &range).await.unwrap();
    items.into_iter().map(|item| item.key.sk).collect()
}
