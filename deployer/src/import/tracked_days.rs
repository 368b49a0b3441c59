//! Days on which the tracker counted.

use std::collections::BTreeSet;

use anyhow::Result;
use footfall_infra::settings::{Settings, Site};
use footfall_runtime::catalog::checkpoint::Checkpoint;
use footfall_runtime::storage::hour::{Hour, Span, utc_day};
use footfall_runtime::storage::{Store, StoreError, keys, range_items, retention};
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use jiff::Timestamp;
use jiff::civil::Date;

/// Maximum number of partitions that are queried at once.
const MAX_CONCURRENT_QUERIES: usize = 16;

/// Returns which of the days have hits of the tracker, excluded ones included.
pub(crate) async fn tracked_days<S: Store>(
    store: &S,
    settings: &Settings,
    site: &Site,
    now: Timestamp,
    days: impl Iterator<Item = Date>,
) -> Result<BTreeSet<Date>> {
    let checkpoint = Checkpoint::load(store, site).await?;
    let shards = checkpoint.shards(settings.shards.get());
    let (mut tracked, mut month, mut keys) = (BTreeSet::new(), None, BTreeSet::new());
    for day in days {
        // There is nothing to read before the site's first day.
        let rolled_up = checkpoint.is_rolled_up(day);
        if rolled_up && checkpoint.first.is_none_or(|first| day < first) {
            continue;
        }
        if month != Some(day.first_of_month()) {
            month = Some(day.first_of_month());
            let range = keys::segments(site, day.first_of_month(), day.last_of_month());
            let items = range_items(store, &range).await?;
            keys = items.into_iter().map(|item| item.key).collect();
        }
        let has = |span| keys.contains(&keys::segment_key(site, span));
        let mut found = has(Span::Day(day)) || Hour::of_day(day).any(|hour| has(Span::Hour(hour)));
        if !found && !rolled_up && day >= utc_day(retention::oldest_hit(site, now)) {
            let ranges = Hour::of_day(day)
                .flat_map(|hour| (0..shards).map(move |shard| keys::hits(site, hour, shard)));
            let queries = ranges.map(|range| async move {
                Ok::<_, StoreError>(!store.query(&range, None).await?.items.is_empty())
            });
            let queries: Vec<_> = queries.collect();
            let queries = stream::iter(queries).buffer_unordered(MAX_CONCURRENT_QUERIES);
            found = queries.try_fold(false, async |any, has| Ok(any || has)).await?;
        }
        if found {
            tracked.insert(day);
        }
    }
    Ok(tracked)
}
