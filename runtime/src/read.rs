//! Reading a period's hits back: hour by hour, shard by shard, many at a time.

use footfall_infra::settings::{Settings, Site};
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use jiff::{SignedDuration, Timestamp};

use crate::hit::{Kind, Record};
use crate::log;
use crate::period::Period;
use crate::report::{Counter, Report};
use crate::store::{Item, KeyRange, Store, StoreError};
use crate::table::{self, Hour};

/// How many partitions are read at once: enough to hide the time of a round trip, few enough for
/// the connections of one small function.
const AT_ONCE: usize = 24;

/// Computes the report of a period from the hits in the store.
///
/// A record that cannot be read, such as one that a newer version wrote, is left out; the report says
/// how many there are, and the log what is wrong with the first.
///
/// # Errors
/// If the store cannot be read.
pub async fn report<S: Store>(
    store: &S,
    settings: &Settings,
    site: &Site,
    period: &Period,
    now: Timestamp,
) -> Result<Report, StoreError> {
    let (from, to) = period.instants();
    // Nothing is newer than now, but for clocks that differ.
    let newest = now.checked_add(SignedDuration::from_hours(1)).unwrap_or(Timestamp::MAX);
    let hours = Hour::between(from.max(table::oldest_hit(site, now)), to.min(newest));
    let partitions =
        hours.flat_map(|hour| (0..settings.shards.get()).map(move |shard| (hour, shard)));
    let reads = partitions.map(|(hour, shard)| read(store, table::hits(site, hour, shard), now));
    let mut counter = Counter::new(site, period);
    let mut partitions = stream::iter(reads).buffered(AT_ONCE);
    let mut unreadable: Option<String> = None;
    while let Some(records) = partitions.try_next().await? {
        for record in records {
            match record {
                Ok(record) => counter.add(&record),
                Err(problem) => {
                    counter.add_unreadable();
                    unreadable.get_or_insert(problem);
                }
            }
        }
    }
    if let Some(problem) = unreadable {
        log::error("a stored hit is left out of the reports", problem);
    }
    Ok(counter.finish())
}

/// Every record of a range that has not expired, all its pages.
async fn read<S: Store>(
    store: &S,
    range: KeyRange,
    now: Timestamp,
) -> Result<Vec<Result<Record, String>>, StoreError> {
    let mut records = Vec::new();
    let mut after = None;
    loop {
        let page = store.query(&range, after.as_deref()).await?;
        // DynamoDB takes its time with what has expired.
        let lives = |item: &Item| item.expires.is_none_or(|expires| expires > now.as_second());
        records.extend(page.items.into_iter().filter(lives).map(|item| record(&item)));
        after = page.next;
        if after.is_none() {
            return Ok(records);
        }
    }
}

fn record(item: &Item) -> Result<Record, String> {
    let named = |what: String| format!("{} {}: {what}", item.key.pk, item.key.sk);
    let at = table::hit_time(&item.key.sk).ok_or_else(|| named("no hit's key".to_owned()))?;
    let kind = Kind::decode(&item.value).map_err(|error| named(error.to_string()))?;
    Ok(Record { at, kind })
}
