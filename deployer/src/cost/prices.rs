//! What AWS charges: a dated table of prices by region, each with its source, and what every account has free.
//!
//! `prices.json` is written by hand. Where AWS's own page of a price could not be read, it says so.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::error::CommandError;

/// What is charged for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Item {
    ApiRequests,
    /// Beyond [`API_TIER`].
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

    /// As it is called in the table.
    pub(crate) fn name(self) -> String {
        let name = serde_json::to_value(self).unwrap_or_default();
        name.as_str().unwrap_or_default().to_owned()
    }
}

/// So many requests of a month to an HTTP API have the first price.
pub(crate) const API_TIER: f64 = 300e6;

/// How a price or an allowance came into the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Checked {
    /// Read at its source.
    Read,
    /// Read where others noted it down from its source.
    Quoted,
}

/// A price by region.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Price {
    /// How many units it is for.
    per: f64,
    /// Of what.
    #[allow(dead_code, reason = "for who reads the table")]
    unit: String,
    usd: BTreeMap<String, f64>,
    #[allow(dead_code, reason = "for who reads the table, and its test")]
    source: String,
    #[allow(dead_code, reason = "for who reads the table, and its test")]
    published: Date,
    #[allow(dead_code, reason = "for who reads the table, and its test")]
    checked: Checked,
    /// The regions in which it was not found noted down anywhere.
    #[serde(default)]
    unverified: Vec<String>,
}

/// What every account has free in every month, for good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Allowance {
    FunctionRequests,
    /// GB-seconds.
    FunctionSeconds,
    /// Provisioned units, of each kind.
    TableUnits,
    /// GB.
    TableStorage,
    /// GB taken in and kept, together.
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

/// What is known of something that costs nothing.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Note {
    text: String,
    #[allow(dead_code, reason = "for who reads the table, and its test")]
    source: String,
    #[allow(dead_code, reason = "for who reads the table, and its test")]
    checked: Checked,
}

/// The table.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Prices {
    /// When it was put together.
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

/// What is charged in a region.
#[derive(Debug, Clone)]
pub(crate) struct Rates {
    usd: BTreeMap<Item, f64>,
    free: BTreeMap<Allowance, f64>,
    /// Whose price was not found noted down.
    pub(crate) unverified: Vec<Item>,
}

impl Prices {
    /// The table that is built in.
    pub(crate) fn load() -> Result<Self> {
        serde_json::from_str(include_str!("prices.json")).context("the table of prices is broken")
    }

    /// What accounts have beside what is always free.
    pub(crate) fn credits(&self) -> &str {
        &self.free_since_2025.text
    }

    /// The regions that every price is known in.
    fn regions(&self) -> Vec<&str> {
        let mut prices = self.prices.values();
        let first = prices.next().map(|price| price.usd.keys()).into_iter().flatten();
        let known = |region: &&String| prices.clone().all(|price| price.usd.contains_key(*region));
        first.filter(known).map(String::as_str).collect()
    }

    /// The prices of a region.
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
    /// Dollars for one unit. What is not in the table is caught by its test.
    pub(crate) fn usd(&self, item: Item) -> f64 {
        self.usd.get(&item).copied().unwrap_or(f64::NAN)
    }

    /// How many units are free.
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
            // A slip of a digit: no price of AWS's differs by half from region to region of these.
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
        // Fixed relations of AWS's own: a gigabyte that is provisioned, arm64 a fifth below, reads a fifth
        // of writes.
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
        // Those whose own page was read are few, and the table says of the others that it was not.
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
