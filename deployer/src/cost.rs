//! `cargo xtask cost`: what a month costs, what of it is free, and what a flood could make of it.
//!
//! The stack's template says what there is (facts), a number of views or AWS's own metrics what is used (usage, by
//! what was measured; metrics), a dated table what that costs (prices, bill).

mod bill;
mod facts;
mod measured;
mod metrics;
mod prices;
mod text;
mod usage;

use std::collections::BTreeMap;
use std::io::{self, Write as _};
use std::path::Path;

use anyhow::{Context as _, Result};
use clap::Args;
use footfall_infra::api::Function;
use footfall_infra::outputs;
use footfall_infra::settings::{FILE, Settings};
use footfall_infra::stack::{Artifact, StackName};
use footfall_runtime::platform::settings_file;
use jiff::Timestamp;
use serde::Serialize;

use self::bill::Bill;
use self::facts::Facts;
use self::prices::Prices;
use self::usage::{Flood, Usage};
use crate::apply::print_json;
use crate::aws::{self, Aws, Target};
use crate::stack::{self, look};
use crate::template;
use crate::toolchain::Arch;

/// How many views a month has where nobody says, and nothing is deployed.
const VIEWS: u64 = 100_000;

/// Where prices are those of, if no region is chosen.
const REGION: &str = "us-east-1";

/// Print what it costs a month, and what it could cost at worst
///
/// Of a deployed stack, the numbers are those of the last 30 days, as CloudWatch has them. With --views, or where
/// nothing is deployed, they are reckoned from the settings in this folder, and AWS is not asked.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Reckon with so many page views a month, and do not ask AWS [default where nothing is deployed: 100000]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(..=1_000_000_000_000))]
    views: Option<u64>,
    /// Print it as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    target: Target,
}

/// What the numbers are of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Basis {
    /// So many page views in a month.
    Views(u64),
    /// What a stack used in so many days.
    Used { stack: String, days: i64 },
}

/// All that is known of a month.
#[derive(Debug, Serialize)]
struct Report {
    region: String,
    prices_as_of: String,
    currency: String,
    basis: Basis,
    month: Bill,
    worst: Worst,
    /// The items whose price in this region was not found noted down anywhere.
    unverified_prices: Vec<prices::Item>,
    stack: Facts,
}

/// What a month could cost that is a flood at the API's throttle from its first second to its last.
#[derive(Debug, Serialize)]
struct Worst {
    /// Requests a second.
    rate: f64,
    routes: f64,
    /// If all routes share the throttle: through the one that costs most.
    shared: Bill,
    /// If each has it for itself.
    each: Bill,
    /// Both in dollars, with a throttle of 1 request a second.
    at_rate_1: (f64, f64),
}

pub(crate) async fn run(arguments: &Arguments) -> Result<()> {
    let prices = Prices::load()?;
    let region = aws::region(&arguments.target).await;
    let region = region.map_or_else(|| REGION.to_owned(), |region| region.to_string());
    let rates = prices.in_region(&region)?;
    let found = match arguments.views {
        Some(views) => reckoned(views, &region)?,
        None => match deployed(&arguments.target).await {
            Ok(Some(used)) => used,
            other => {
                let why = match other {
                    Err(error) => format!("Nothing is known of a deployed stack: {error:#}."),
                    _ => format!("There is no stack {} in {region}.", arguments.target.stack),
                };
                eprintln!(
                    "{why}\nSo these are the costs of {VIEWS} views; --views says another number."
                );
                reckoned(VIEWS, &region)?
            }
        },
    };
    let (basis, facts, usage) = found;
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
    let report = Report {
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
    };
    if arguments.json {
        return print_json(&report);
    }
    let text = text::of(&report, prices.credits());
    io::stdout().write_all(text.as_bytes()).context("cannot print")
}

/// A stack as the settings in this folder would make it, and a month of so many views.
fn reckoned(views: u64, region: &str) -> Result<(Basis, Facts, Usage)> {
    let file = Path::new(FILE);
    let settings = if file.exists() {
        settings_file::read(file)?
    } else {
        eprintln!(
            "There is no {FILE} in this folder: these are the costs of the settings that hold without one."
        );
        Settings::local()
    };
    // Where it is deployed does not matter to what it consists of, but for what some regions lack.
    let settings = Settings { custom_domain: None, monthly_budget_usd: None, ..settings };
    let artifact = |function| (function, Artifact { bucket: String::new(), key: String::new() });
    let artifacts: BTreeMap<Function, Artifact> = Function::ALL.map(artifact).into();
    let name = StackName::default();
    let region = region.to_owned();
    // Whether there is room to reserve executions, AWS would have to be asked: without, a flood can cost more.
    let made = template::template(&settings, name, region, Arch::Arm64, artifacts, false)?;
    let made = serde_json::from_str(&made.to_json()?)?;
    let facts = Facts::of(&made).context("the template is not what is expected")?;
    let usage = Usage::of_views(&facts, views as f64);
    Ok((Basis::Views(views), facts, usage))
}

/// The deployed stack, and what it used; `None` if there is none.
async fn deployed(target: &Target) -> Result<Option<(Basis, Facts, Usage)>> {
    let aws = Aws::connect(target).await?;
    let name = &target.stack;
    let Some(found) = look(&aws, name.as_str()).await? else { return Ok(None) };
    let template = stack::template(&aws, &found).await?;
    let facts = template.as_ref().and_then(Facts::of);
    let facts = facts.context("its template is none that this version knows")?;
    let now = Timestamp::now();
    let mut usage = metrics::usage(&aws, name, &found, &facts, now).await?;
    let table = stack::outputs(&found).remove(outputs::TABLE_NAME).unwrap_or_default();
    usage.is_stored(&facts, metrics::table_storage(&aws, &table).await?);
    let days = metrics::days(&found, now);
    Ok(Some((Basis::Used { stack: name.to_string(), days }, facts, usage)))
}
