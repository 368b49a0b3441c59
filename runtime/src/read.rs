//! Reading a period's hits back: hour by hour, shard by shard, many at a time.

use footfall_infra::settings::{Settings, Site};
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use jiff::{SignedDuration, Timestamp};

use crate::hit::{Kind, Record};
use crate::period::Period;
use crate::report::{Counter, Report};
use crate::store::{KeyRange, Store, StoreError};
use crate::table::{self, Hour};

/// How many partitions are read at once: enough to hide the time of a round trip, few enough for
/// the connections of one small function.
const AT_ONCE: usize = 24;

/// Computes the report of a period from the hits in the store.
///
/// # Errors
/// If the store cannot be read, or holds something under a hit's key that is no hit.
pub async fn report<S: Store>(
    store: &S,
    settings: &Settings,
    site: &Site,
    period: &Period,
    now: Timestamp,
) -> Result<Report, StoreError> {
    let (from, to) = period.instants();
    // Nothing is older than a hit's life, and nothing newer than now but for clocks that differ.
    let life = SignedDuration::from_hours(24 * (i64::from(table::HIT_DAYS) + 1));
    let oldest = now.checked_sub(life).unwrap_or(Timestamp::MIN);
    let newest = now.checked_add(SignedDuration::from_hours(1)).unwrap_or(Timestamp::MAX);
    let hours = Hour::between(from.max(oldest), to.min(newest));
    let partitions =
        hours.flat_map(|hour| (0..settings.shards.get()).map(move |shard| (hour, shard)));
    let reads = partitions.map(|(hour, shard)| read(store, table::hits(site, hour, shard)));
    let mut counter = Counter::new(site, period);
    let mut partitions = stream::iter(reads).buffered(AT_ONCE);
    while let Some(records) = partitions.try_next().await? {
        records.iter().for_each(|record| counter.add(record));
    }
    Ok(counter.finish())
}

/// Every record of a range, all its pages.
async fn read<S: Store>(store: &S, range: KeyRange) -> Result<Vec<Record>, StoreError> {
    let mut records = Vec::new();
    let mut after = None;
    loop {
        let page = store.query(&range, after.as_deref()).await?;
        for item in page.items {
            let broken = |what: String| {
                StoreError::Refused(format!("{} {}: {what}", item.key.pk, item.key.sk))
            };
            let at = table::hit_time(&item.key.sk)
                .ok_or_else(|| broken("this is no hit's key".to_owned()))?;
            let kind = Kind::decode(&item.value).map_err(|error| broken(error.to_string()))?;
            records.push(Record { at, kind });
        }
        after = page.next;
        if after.is_none() {
            return Ok(records);
        }
    }
}
