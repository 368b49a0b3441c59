//! What the tests share: a clock and dice that are fixed, stores, servers on port 0, and a client
//! that sends bytes as they are given.

#![allow(dead_code, reason = "every file of tests uses a part of this")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test ends there")]

pub(crate) mod ambient;
#[cfg(feature = "dev")]
pub(crate) mod dev;
#[cfg(feature = "lambda")]
pub(crate) mod dynamodb_local;
#[cfg(feature = "lambda")]
pub(crate) mod fake;
pub(crate) mod faulty;
pub(crate) mod http;
pub(crate) mod memory;
#[cfg(feature = "lambda")]
pub(crate) mod microburst;
pub(crate) mod request;
#[cfg(feature = "lambda")]
pub(crate) mod runtime_api;

use std::time::{Duration, Instant};

use footfall_runtime::storage::{Item, Key, KeyRange, Store, StoreError};

/// A browser that counts.
pub(crate) const FIREFOX: &str =
    "Mozilla/5.0 (X11; Linux x86_64; rv:151.0) Gecko/20100101 Firefox/151.0";

/// Waits until `found` gives something; fails after `seconds`, saying what did not happen.
pub(crate) fn wait_for<T>(what: &str, seconds: u64, mut found: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + Duration::from_secs(seconds);
    loop {
        if let Some(value) = found() {
            return value;
        }
        assert!(Instant::now() < deadline, "{what}: not within {seconds} seconds");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Waits where the day of UTC ends within the minute: who comes before and after is two visitors.
pub(crate) fn away_from_midnight() {
    wait_for("a new day", 70, || {
        let left = 86_400 - jiff::Timestamp::now().as_second().rem_euclid(86_400);
        (left > 60).then_some(())
    });
}

/// An item without an expiry.
pub(crate) fn item(pk: &str, sk: &str, value: impl Into<Vec<u8>>) -> Item {
    let key = Key { pk: pk.to_owned(), sk: sk.to_owned() };
    Item { key, value: value.into(), expires: None }
}

/// Every page of a range: its items, and how many pages they came in.
pub(crate) async fn read_all<S: Store>(
    store: &S,
    range: &KeyRange,
) -> Result<(Vec<Item>, usize), StoreError> {
    let (mut items, mut pages, mut after) = (Vec::new(), 0, None);
    loop {
        let page = store.query(range, after.as_deref()).await?;
        items.extend(page.items);
        pages += 1;
        after = page.next;
        if after.is_none() {
            return Ok((items, pages));
        }
        assert!(pages < 10_000, "the pages of {range:?} do not end");
    }
}
