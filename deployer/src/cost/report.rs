//! The cost of a month, and of the worst case.

use serde::Serialize;

use super::bill::Bill;
use super::facts::Facts;
use super::month::{Basis, Month};
use super::prices::{Item, Prices};
use super::usage::{Flood, Usage};
use crate::error::CommandError;

/// The cost report.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    pub(crate) region: String,
    pub(crate) prices_as_of: String,
    pub(crate) currency: String,
    pub(crate) basis: Basis,
    pub(crate) month: Bill,
    pub(crate) worst: Worst,
    /// Items whose price was not verified for this region.
    pub(crate) unverified_prices: Vec<Item>,
    pub(crate) stack: Facts,
}

/// The cost of a month of requests at the API's throttle limit.
#[derive(Debug, Serialize)]
pub(crate) struct Worst {
    /// Requests a second.
    pub(crate) rate: f64,
    pub(crate) routes: f64,
    /// If all routes share the throttle: through the one that costs most.
    pub(crate) shared: Bill,
    /// If each has it for itself.
    pub(crate) each: Bill,
    /// Both in dollars, with a throttle of 1 request a second.
    pub(crate) at_rate_1: (f64, f64),
}

impl Report {
    /// The report of a month, by the prices of a region.
    pub(crate) fn new(month: Month, prices: &Prices, region: String) -> Result<Self, CommandError> {
        let rates = prices.in_region(&region)?;
        let Month { basis, facts, usage } = month;
        let bill = |usage: &Usage| Bill::of(usage, &rates, facts.arm64);
        let flooded = |facts: &Facts, flood| bill(&usage.flooded(facts, flood));
        let shared = |facts: &Facts| {
            let hits = flooded(facts, Flood::Hits);
            let floods = if facts.public {
                &[Flood::AccessMode, Flood::Reports][..]
            } else {
                &[Flood::AccessMode]
            };
            let others = floods.iter().map(|flood| flooded(facts, *flood));
            others.fold(hits, |most, other| if other.pay > most.pay { other } else { most })
        };
        let least = Facts { rate: 1.0, ..facts.clone() };
        Ok(Self {
            region,
            prices_as_of: prices.as_of.to_string(),
            currency: prices.currency.clone(),
            basis,
            month: bill(&usage),
            worst: Worst {
                rate: facts.rate,
                routes: facts.routes(),
                shared: shared(&facts),
                each: flooded(&facts, Flood::EachRoute),
                at_rate_1: (shared(&least).pay, flooded(&least, Flood::EachRoute).pay),
            },
            unverified_prices: rates.unverified.clone(),
            stack: facts,
        })
    }
}
