//! Hits as they were stored, hour by hour, into rows.

use footfall_infra::settings::Site;
use futures_util::future;
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use jiff::Timestamp;

use super::hit_batch::HitBatch;
use crate::hit::rate_limit::RateLimiter;
use crate::hit::{Kind, Record};
use crate::platform::log;
use crate::segment::dictionary::Dictionaries;
use crate::storage::hour::Hour;
use crate::storage::{Item, KeyRange, Store, StoreError, keys, range_items};

/// How many hours' hits are read at once. A quiet site's hours are nearly empty, and each that is asked for beside
/// another is one more connection, of which TLS takes more than all the hits.
const HOURS_AT_ONCE: usize = 2;

/// Adds the hits of some hours to `rows`, in the order in which they came in, and says how many cannot
/// be read.
///
/// # Errors
/// If the store cannot be read.
pub async fn hits<S: Store>(
    store: &S,
    site: &Site,
    hours: Vec<Hour>,
    shards: u8,
    now: Timestamp,
    rows: &mut HitBatch,
    texts: &mut Dictionaries,
) -> Result<u64, StoreError> {
    let reads = hours.into_iter().map(|hour| {
        let ranges = (0..shards).map(|shard| keys::hits(site, hour, shard)).collect();
        read_hits(store, ranges, now)
    });
    let mut hours = stream::iter(reads).buffered(HOURS_AT_ONCE);
    let mut unreadable = 0;
    while let Some(items) = hours.try_next().await? {
        unreadable += push(&items, rows, texts);
    }
    Ok(unreadable)
}

/// Adds stored hits of an hour, in the order of time, to `rows`, and says how many cannot be read.
pub(crate) fn push(items: &[Item], rows: &mut HitBatch, texts: &mut Dictionaries) -> u64 {
    let (mut unreadable, mut pace) = (0, RateLimiter::default());
    for item in items {
        match record(item) {
            Ok(record) => rows.push(texts, &pace.paced(record)),
            Err(problem) => {
                if unreadable == 0 {
                    log::error("a stored hit is left out of the reports", problem);
                }
                unreadable += 1;
            }
        }
    }
    unreadable
}

fn record(item: &Item) -> Result<Record, String> {
    let named = |what: String| format!("{} {}: {what}", item.key.pk, item.key.sk);
    let at = keys::hit_time(&item.key.sk).ok_or_else(|| named("no hit's key".to_owned()))?;
    let kind = Kind::decode(&item.value).map_err(|error| named(error.to_string()))?;
    Ok(Record { at, kind })
}

/// The hits of some shards of an hour that have not expired, in the order of their keys, which is that
/// of time.
pub(crate) async fn read_hits<S: Store>(
    store: &S,
    shards: Vec<KeyRange>,
    now: Timestamp,
) -> Result<Vec<Item>, StoreError> {
    let reads = shards.iter().map(|range| range_items(store, range));
    let items = future::try_join_all(reads).await?;
    let mut items: Vec<Item> = items.into_iter().flatten().collect();
    // DynamoDB takes its time with what has expired.
    items.retain(|item| item.expires.is_none_or(|expires| expires > now.as_second()));
    items.sort_by(|one, other| one.key.sk.cmp(&other.key.sk));
    Ok(items)
}
