//! Today's hits of a site, counted in the table.

use std::time::Duration;

use anyhow::Result;
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::{AttributeValue, Select};
use footfall_infra::settings::{Settings, Site};
use footfall_infra::stack::{PARTITION_KEY, SORT_KEY};
use footfall_runtime::hit::HIT_PREFIX;
use footfall_runtime::query::period::Period;
use footfall_runtime::storage::KeyRange;
use footfall_runtime::storage::dynamodb::VALUE;
use footfall_runtime::storage::hour::Hour;
use footfall_runtime::storage::keys;
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use jiff::Timestamp;
use serde::Serialize;

use crate::aws::clients::Aws;
use crate::error::{CommandError, OrCannot as _};

/// Partitions counted at once.
const AT_ONCE: usize = 8;

/// Maximum duration of counting. It is only for display, and it costs what it reads.
const PATIENCE: Duration = Duration::from_secs(20);

/// Today's traffic of a site.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Today {
    pub(crate) site: String,
    /// The day that it is where the site's days begin.
    pub(crate) day: String,
    pub(crate) time_zone: String,
    /// Page views and events: neither what was filtered out of them nor engagements.
    pub(crate) hits: u64,
}

/// Counts today's hits of every site, in the order of the settings.
pub(crate) async fn today(
    aws: &Aws,
    table: &str,
    settings: &Settings,
    now: Timestamp,
) -> Result<Vec<Today>> {
    let all = async {
        let mut all = Vec::new();
        for site in &settings.sites {
            all.push(of_site(aws, table, settings, site, now).await?);
        }
        Ok(all)
    };
    let counted = tokio::time::timeout(PATIENCE, all).await;
    counted.unwrap_or_else(|_| {
        Err(CommandError::failed(
            format!("cannot count today's hits within {} s", PATIENCE.as_secs()),
            "check the dashboard; if that is slow as well, the table's capacity may be too small",
        )
        .into())
    })
}

async fn of_site(
    aws: &Aws,
    table: &str,
    settings: &Settings,
    site: &Site,
    now: Timestamp,
) -> Result<Today> {
    let day = Period::today(now, site.time_zone.clone());
    let ranges = ranges(settings, site, &day, now);
    let counts =
        stream::iter(ranges).map(|range| count(aws, table, range)).buffer_unordered(AT_ONCE);
    Ok(Today {
        site: site.domain.to_string(),
        day: day.to.to_string(),
        time_zone: site.time_zone.name().to_owned(),
        hits: counts.try_fold(0, async |sum, hits| Ok(sum + hits)).await?,
    })
}

/// Where a day's hits are, as far as the day has gone: whole hours but for the first, as a day begins in
/// the middle of one in some time zones.
fn ranges(settings: &Settings, site: &Site, day: &Period, now: Timestamp) -> Vec<KeyRange> {
    let (from, to) = day.instants();
    let shards = 0..settings.shards.get();
    // The hour that has begun is one of them.
    let hours = Hour::between(from, to.min(now + Duration::from_millis(1)));
    let ranges = hours.flat_map(|hour| shards.clone().map(move |shard| (hour, shard)));
    ranges
        .map(|(hour, shard)| {
            if hour == Hour::of(from) {
                keys::hits_since(site, hour, shard, from)
            } else {
                keys::hits(site, hour, shard)
            }
        })
        .collect()
}

/// The views and events of a range, which are counted where they are.
async fn count(aws: &Aws, table: &str, range: KeyRange) -> Result<u64> {
    let query = aws
        .dynamodb
        .query()
        .table_name(table)
        .select(Select::Count)
        .key_condition_expression("#pk = :pk AND #sk BETWEEN :from AND :to")
        .filter_expression("begins_with(#v, :hit)")
        .expression_attribute_names("#v", VALUE)
        .expression_attribute_values(":hit", AttributeValue::B(Blob::new(HIT_PREFIX)))
        .expression_attribute_names("#pk", PARTITION_KEY)
        .expression_attribute_names("#sk", SORT_KEY)
        .expression_attribute_values(":pk", AttributeValue::S(range.pk))
        .expression_attribute_values(":from", AttributeValue::S(range.from))
        .expression_attribute_values(":to", AttributeValue::S(range.to));
    let mut pages = query.into_paginator().send();
    let mut sum = 0;
    while let Some(page) = pages.next().await {
        let page = page.or_cannot("count today's hits")?;
        sum += u64::try_from(page.count).unwrap_or_default();
    }
    Ok(sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn day_begins_in_the_time_zone_of_the_site() {
        let yaml = "sites: [{domain: e.x, time_zone: Asia/Kathmandu}]\nshards: 2";
        let settings = Settings::from_yaml(yaml).unwrap();
        let site = &settings.sites[0];
        let now: Timestamp = "2026-11-22T19:30:00Z".parse().unwrap();
        let day = Period::today(now, site.time_zone.clone());
        let ranges = ranges(&settings, site, &day, now);
        let keys: Vec<&str> = ranges.iter().map(|range| range.pk.as_str()).collect();
        // The 23rd began there at 18:15.
        let expected =
            ["2026-11-22T18#00", "2026-11-22T18#01", "2026-11-22T19#00", "2026-11-22T19#01"];
        assert_eq!(keys, expected.map(|hour| format!("hit#e.x#{hour}")));
        assert_eq!(ranges[1].from, "1795371300000#0000000000000000");
        assert_eq!(ranges[2].from, KeyRange::whole(String::new()).from);
    }
}
