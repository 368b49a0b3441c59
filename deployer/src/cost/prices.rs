//! AWS's prices: a dated table by region with the source of each price, and the permanent free tier.
//!
//! `prices.json` is maintained by hand. It marks prices that could not be read on AWS's own page.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::error::CommandError;

/// A billed item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Item {
    ApiRequests,
    /// Requests beyond [`API_TIER`].
    ApiRequestsBeyond,
    FunctionRequests,
    #[serde(rename = "arm64_seconds")]
    Arm64Seconds,
    #[serde(rename = "x86_64_seconds")]
    X86Seconds,
    TableWrites,
    TableReads,
    WriteUnitHours,
    ReadUnitHours,
    TableStorage,
    TableRecovery,
    Logs,
    LogStorage,
    Alarms,
    Transfer,
    BucketStorage,
    BucketPuts,
}

impl Item {
    #[cfg(test)]
    pub(crate) const ALL: [Self; 17] = [
        Self::ApiRequests,
        Self::ApiRequestsBeyond,
        Self::FunctionRequests,
        Self::Arm64Seconds,
        Self::X86Seconds,
        Self::TableWrites,
        Self::TableReads,
        Self::WriteUnitHours,
        Self::ReadUnitHours,
        Self::TableStorage,
        Self::TableRecovery,
        Self::Logs,
        Self::LogStorage,
        Self::Alarms,
        Self::Transfer,
        Self::BucketStorage,
        Self::BucketPuts,
    ];

    /// Name in the table.
    pub(crate) fn name(self) -> String {
        let name = serde_json::to_value(self).unwrap_or_default();
        name.as_str().unwrap_or_default().to_owned()
    }
}

/// Monthly HTTP API requests at the first price tier.
pub(crate) const API_TIER: f64 = 300e6;

/// Evidence for a price or an allowance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Checked {
    /// Read from its source.
    Read,
    /// Copied from others who read the source.
    Quoted,
}

/// A price by region.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Price {
    /// Number of units the price covers.
    per: f64,
    /// Name of the unit.
    #[allow(dead_code, reason = "for who reads the table")]
    unit: String,
    usd: BTreeMap<String, f64>,
    #[allow(dead_code, reason = "for who reads the table, and its test")]
    source: String,
    #[allow(dead_code, reason = "for who reads the table, and its test")]
    published: Date,
    #[allow(dead_code, reason = "for who reads the table, and its test")]
    checked: Checked,
    /// Regions for which no source was found.
    #[serde(default)]
    unverified: Vec<String>,
}

/// The monthly free tier that never expires.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Allowance {
    FunctionRequests,
    /// GB-seconds.
    FunctionSeconds,
    /// Provisioned units of each kind.
    TableUnits,
    /// GB.
    TableStorage,
    /// GB ingested and stored, together.
    Logs,
    Alarms,
    /// GB.
    Transfer,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Free {
    amount: f64,
    #[allow(dead_code, reason = "for who reads the table, and its test")]
    source: String,
    #[allow(dead_code, reason = "for who reads the table, and its test")]
    checked: Checked,
}

/// Evidence for something that is free.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Note {
    text: String,
    #[allow(dead_code, reason = "for who reads the table, and its test")]
    source: String,
    #[allow(dead_code, reason = "for who reads the table, and its test")]
    checked: Checked,
}

/// The price table.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Prices {
    /// Date of the table.
    pub(crate) as_of: Date,
    pub(crate) currency: String,
    #[allow(dead_code, reason = "for who reads the table")]
    checked: BTreeMap<String, String>,
    free_since_2025: Note,
    #[allow(dead_code, reason = "for who reads the table, and its test")]
    nothing_charged: BTreeMap<String, Note>,
    prices: BTreeMap<Item, Price>,
    always_free: BTreeMap<Allowance, Free>,
}

/// Prices of a region.
#[derive(Debug, Clone)]
pub(crate) struct Rates {
    usd: BTreeMap<Item, f64>,
    free: BTreeMap<Allowance, f64>,
    /// Items whose price has no verified source.
    pub(crate) unverified: Vec<Item>,
}

impl Prices {
    /// The built-in table.
    pub(crate) fn load() -> Result<Self> {
        serde_json::from_str(include_str!("prices.json")).context("the table of prices is broken")
    }

    /// Additional offers to new accounts.
    pub(crate) fn credits(&self) -> &str {
        &self.free_since_2025.text
    }

    /// Regions with a known price for every item.
    fn regions(&self) -> Vec<&str> {
        let mut prices = self.prices.values();
        let first = prices.next().map(|price| price.usd.keys()).into_iter().flatten();
        let known = |region: &&String| prices.clone().all(|price| price.usd.contains_key(*region));
        first.filter(known).map(String::as_str).collect()
    }

    /// Prices of a region.
    pub(crate) fn in_region(&self, region: &str) -> Result<Rates, CommandError> {
        let known = self.regions();
        if !known.contains(&region) {
            return Err(CommandError::rejected(
                format!("unknown prices for {region}"),
                format!("choose a region with similar prices with --region: {}", known.join(", ")),
            ));
        }
        let usd =
            |(item, price): (&Item, &Price)| Some((*item, price.usd.get(region)? / price.per));
        let is_unverified =
            |(_, price): &(&Item, &Price)| price.unverified.iter().any(|r| r == region);
        Ok(Rates {
            usd: self.prices.iter().filter_map(usd).collect(),
            free: self.always_free.iter().map(|(what, free)| (*what, free.amount)).collect(),
            unverified: self.prices.iter().filter(is_unverified).map(|(item, _)| *item).collect(),
        })
    }
}

impl Rates {
    /// Price of one unit in dollars. A test ensures that every item is in the table.
    pub(crate) fn usd(&self, item: Item) -> f64 {
        self.usd.get(&item).copied().unwrap_or(f64::NAN)
    }

    /// Number of free units.
    pub(crate) fn free(&self, allowance: Allowance) -> f64 {
        self.free.get(&allowance).copied().unwrap_or_default()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, reason = "a test may panic")]
mod tests {
    use super::*;

    #[test]
    fn every_price_is_plausible_and_has_a_source() {
        let prices = Prices::load().unwrap();
        assert_eq!(prices.regions(), ["eu-central-1", "eu-west-1", "us-east-1"]);
        assert!(Item::ALL.iter().all(|item| prices.prices.contains_key(item)));
        assert_eq!(prices.prices.len(), Item::ALL.len());
        assert_eq!(prices.currency, "USD, without taxes");
        for (item, price) in &prices.prices {
            assert!(price.source.starts_with("https://"), "{item:?}");
            assert!(price.published <= prices.as_of, "{item:?}");
            assert!(!price.unit.is_empty() && price.per >= 1.0, "{item:?}");
            let regions: Vec<&str> = price.usd.keys().map(String::as_str).collect();
            assert_eq!(regions, prices.regions(), "{item:?}");
            // Catches a mistyped digit: no price differs by half between these regions.
            let base = price.usd["us-east-1"];
            for (region, usd) in &price.usd {
                assert!(*usd >= base && *usd < base * 1.5, "{item:?} in {region}: {usd}");
            }
            assert!(
                price.unverified.iter().all(|region| price.usd.contains_key(region)),
                "{item:?}"
            );
        }
        let usd = |item: Item| prices.in_region("us-east-1").unwrap().usd(item);
        // AWS's fixed relations: arm64 costs a fifth less, and reads cost a fifth of writes.
        assert!((usd(Item::Arm64Seconds) / usd(Item::X86Seconds) - 0.8).abs() < 0.001);
        assert!((usd(Item::TableReads) / usd(Item::TableWrites) - 0.2).abs() < 0.001);
        assert!((usd(Item::ReadUnitHours) / usd(Item::WriteUnitHours) - 0.2).abs() < 0.001);
        assert!(usd(Item::ApiRequestsBeyond) < usd(Item::ApiRequests));
    }

    #[test]
    fn every_allowance_has_a_source() {
        let prices = Prices::load().unwrap();
        let rates = prices.in_region("eu-west-1").unwrap();
        assert!((rates.free(Allowance::FunctionSeconds) - 400_000.0).abs() < 1.0);
        assert_eq!(prices.always_free.len(), 7);
        assert!(prices.always_free.values().all(|free| free.amount > 0.0));
        assert!(prices.always_free.values().all(|free| free.source.starts_with("https://")));
        assert!(prices.nothing_charged.values().all(|note| note.source.starts_with("https://")));
        assert!(prices.credits().contains("15 July 2025"));
        // Few prices were read on AWS's own page, and the table marks the others.
        for checked in ["read", "quoted"] {
            assert!(prices.checked.contains_key(checked));
        }
    }

    #[test]
    fn unknown_region_lists_the_known_ones() {
        let problem = Prices::load().unwrap().in_region("eu-north-1").unwrap_err();
        assert_eq!(problem.message, "unknown prices for eu-north-1");
        assert!(
            problem.hint.as_ref().unwrap().ends_with("eu-central-1, eu-west-1, us-east-1"),
            "{problem:?}"
        );
        assert!(problem.is_rejected());
    }
}
