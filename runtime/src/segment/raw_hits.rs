//! Reads stored hits of hours that have no segment yet.

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

/// Number of hours to read at once. A quiet site's hours are nearly empty, and each concurrent read opens another
/// connection, whose TLS handshake costs more than all the hits.
const CONCURRENT_HOURS: usize = 2;

/// Reads the stored hits of a site.
#[derive(Debug, Clone, Copy)]
pub struct HitReader<'a, S> {
    /// Where the hits are stored.
    pub store: &'a S,
    /// The site to read.
    pub site: &'a Site,
    /// The number of shards to read.
    pub shards: u8,
    /// The current time. Expired hits are ignored.
    pub now: Timestamp,
}

impl<S: Store> HitReader<'_, S> {
    /// Appends the hits of some hours to `batch`, in the order of arrival. Returns how many could not be read.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub async fn read_hours(
        &self,
        hours: Vec<Hour>,
        batch: &mut HitBatch,
        dictionaries: &mut Dictionaries,
    ) -> Result<u64, StoreError> {
        let reads = hours.into_iter().map(|hour| {
            let shards = (0..self.shards).map(|shard| keys::hits(self.site, hour, shard)).collect();
            read_shards(self.store, shards, self.now)
        });
        let mut hours = stream::iter(reads).buffered(CONCURRENT_HOURS);
        let mut unreadable = 0;
        while let Some(items) = hours.try_next().await? {
            unreadable += append_hits(&items, batch, dictionaries);
        }
        Ok(unreadable)
    }
}

/// Appends the stored hits of an hour to `batch`. The items must be in the order of time. Returns how many could not
/// be read.
pub(crate) fn append_hits(
    items: &[Item],
    batch: &mut HitBatch,
    dictionaries: &mut Dictionaries,
) -> u64 {
    let (mut unreadable, mut rate_limiter) = (0, RateLimiter::default());
    for item in items {
        match record(item) {
            Ok(record) => batch.push(dictionaries, &rate_limiter.exclude_over_limit(record)),
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
    let named = |cause: String| format!("{} {}: {cause}", item.key.pk, item.key.sk);
    let at =
        keys::hit_time(&item.key.sk).ok_or_else(|| named("not the key of a hit".to_owned()))?;
    let kind = Kind::decode(&item.value).map_err(|error| named(error.to_string()))?;
    Ok(Record { at, kind })
}

/// Reads all shards of an hour. Returns the hits that have not expired, in the order of time.
pub(crate) async fn read_shards<S: Store>(
    store: &S,
    shards: Vec<KeyRange>,
    now: Timestamp,
) -> Result<Vec<Item>, StoreError> {
    let reads = shards.iter().map(|range| range_items(store, range));
    let items = future::try_join_all(reads).await?;
    let mut items: Vec<Item> = items.into_iter().flatten().collect();
    // DynamoDB may take days to delete expired items.
    items.retain(|item| item.expires.is_none_or(|expires| expires > now.as_second()));
    items.sort_by(|one, other| one.key.sk.cmp(&other.key.sk));
    Ok(items)
}
