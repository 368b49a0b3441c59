//! `cargo xtask cost`: estimates the monthly cost, and the worst case.

use std::io::{self, Write as _};

use anyhow::{Context as _, Result};
use clap::Args;

use crate::aws::clients::{self, Target};
use crate::cost::month::Month;
use crate::cost::prices::Prices;
use crate::cost::report::Report;
use crate::cost::text;
use crate::terminal::output::print_json;

/// How many views a month has where nobody says, and nothing is deployed.
const VIEWS: u64 = 100_000;

/// Where prices are those of, if no region is chosen.
const REGION: &str = "us-east-1";

/// Estimate the monthly cost, and the worst case
///
/// For a deployed stack, uses the last 30 days of CloudWatch metrics. With --views, or if nothing is deployed,
/// estimates from the settings in this folder without asking AWS.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Estimate for this many page views a month, without asking AWS [default if nothing is deployed: 100000]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(..=1_000_000_000_000))]
    views: Option<u64>,
    /// Print the estimate as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    target: Target,
}

pub(crate) async fn run(arguments: &Arguments) -> Result<()> {
    let prices = Prices::load()?;
    let region = clients::region(&arguments.target).await;
    let region = region.map_or_else(|| REGION.to_owned(), |region| region.to_string());
    let month = match arguments.views {
        Some(views) => Month::reckoned(views, &region)?,
        None => match Month::deployed(&arguments.target).await {
            Ok(Some(used)) => used,
            other => {
                let why = match other {
                    Err(error) => format!("Cannot read a deployed stack: {error:#}."),
                    _ => format!("Stack {} not found in {region}.", arguments.target.stack),
                };
                eprintln!("{why}\nEstimating for {VIEWS} views; pass --views for another number.");
                Month::reckoned(VIEWS, &region)?
            }
        },
    };
    let report = Report::new(month, &prices, region)?;
    if arguments.json {
        return print_json(&report);
    }
    let text = text::of(&report, prices.credits());
    io::stdout().write_all(text.as_bytes()).context("cannot print")
}
