//! `cargo xtask status`: the stack's state, its endpoint and code, and today's traffic.

use std::collections::BTreeMap;
use std::io::{self, Write as _};
use std::path::Path;

use anyhow::{Context as _, Result};
use aws_sdk_cloudformation::types::Stack;
use aws_sdk_dynamodb::types::{AttributeValue, BillingMode, TableDescription};
use clap::Args;
use footfall_infra::api;
use footfall_infra::function::Function;
use footfall_infra::settings::FILE;
use footfall_infra::stack::outputs;
use footfall_infra::stack::{PARTITION_KEY, SORT_KEY};
use footfall_runtime::platform::settings_file;
use footfall_runtime::rollup::Run;
use footfall_runtime::storage::Key;
use footfall_runtime::storage::dynamodb::VALUE;
use footfall_runtime::storage::keys::rollup_key;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use crate::aws::clients::{Aws, Target};
use crate::data::today::{Today, today};
use crate::error::OrCannot as _;
use crate::stack::state::{self, describe, find_owned};
use crate::terminal::output::print_json;

/// Show the state of the deployed stack
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Print the state as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    target: Target,
}

#[derive(Debug, PartialEq, Eq, Serialize)]
struct Status {
    account: String,
    region: String,
    stack: String,
    /// State as CloudFormation names it; `null` if there is no stack.
    status: Option<String>,
    updated: Option<String>,
    endpoint: Option<String>,
    dashboard: Option<String>,
    table: Option<Table>,
    /// Today's traffic by site. Empty if it could not be counted.
    today: Vec<Today>,
    /// Time and results of the last rollup; `null` if none has run.
    rollup: Option<Run>,
    functions: Vec<Running>,
}

/// The table of the deployed stack.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
struct Table {
    name: String,
    /// Number and total size of its items, which DynamoDB updates about every six hours.
    ///
    /// <https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TableDescription.html>
    items: Option<i64>,
    bytes: Option<i64>,
    /// Billing mode.
    capacity: Option<String>,
}

/// A function of the deployed stack.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Running {
    function: &'static str,
    name: String,
    architecture: String,
    /// Key of its zip, which contains the hash of its content.
    artifact: String,
}

pub(crate) async fn run(arguments: &Arguments) -> Result<()> {
    let aws = Aws::connect(&arguments.target).await?;
    let name = &arguments.target.stack;
    let found = find_owned(&aws, name.as_str()).await?;
    let template = match &found {
        // A stack that is only planned has none yet.
        Some(stack) => state::template(&aws, stack).await.unwrap_or_default(),
        None => None,
    };
    let mut status =
        status(&aws.account, &aws.region, name.as_str(), found.as_ref(), template.as_ref());
    if let Some(table) = &mut status.table {
        // Unknown parts are reported, and the rest is still shown.
        if let Err(error) = look_at(&aws, table).await {
            eprintln!("warning: {error:#}");
        }
        match last_rollup(&aws, &table.name).await {
            Ok(run) => status.rollup = run,
            Err(error) => eprintln!("warning: {error:#}"),
        }
        match hits(&aws, &table.name, template.as_ref()).await {
            Ok(hits) => status.today = hits,
            Err(error) => eprintln!("warning: {error:#}"),
        }
    }
    if arguments.json {
        return print_json(&status);
    }
    eprintln!("{}", describe(name.as_str(), found.as_ref().and_then(|s| s.stack_status.as_ref())));
    io::stdout().write_all(text(&status).as_bytes()).context("cannot print")
}

async fn look_at(aws: &Aws, table: &mut Table) -> Result<()> {
    let described = aws.dynamodb.describe_table().table_name(&table.name).send().await;
    let described = described.or_cannot("look at the table")?;
    let Some(description) = described.table else { return Ok(()) };
    table.items = description.item_count;
    table.bytes = description.table_size_bytes;
    table.capacity = Some(capacity(&description));
    Ok(())
}

/// Status item of the last complete run of the function `rollup`.
async fn last_rollup(aws: &Aws, table: &str) -> Result<Option<Run>> {
    let Key { pk, sk } = rollup_key();
    let asked = aws
        .dynamodb
        .get_item()
        .table_name(table)
        .key(PARTITION_KEY, AttributeValue::S(pk))
        .key(SORT_KEY, AttributeValue::S(sk));
    let found = asked.send().await.or_cannot("read the last rollup")?;
    let value = found.item.as_ref().and_then(|item| item.get(VALUE));
    let Some(AttributeValue::B(value)) = value else { return Ok(None) };
    let run = serde_json::from_slice(value.as_ref());
    Ok(Some(run.context("cannot read the record of the last rollup")?))
}

/// Billing mode of a table. AWS omits it if the table was never on demand.
fn capacity(table: &TableDescription) -> String {
    let mode = table.billing_mode_summary().and_then(|summary| summary.billing_mode());
    let units = table.provisioned_throughput();
    match (mode, units) {
        (Some(BillingMode::PayPerRequest), _) => "on demand".to_owned(),
        (_, Some(units)) => format!(
            "provisioned, {} read units and {} write units",
            units.read_capacity_units().unwrap_or_default(),
            units.write_capacity_units().unwrap_or_default()
        ),
        (_, None) => "provisioned".to_owned(),
    }
}

/// Today's hits of the deployed sites, whose settings may be older than those in this folder. Uses the folder's
/// settings if the template has none.
async fn hits(aws: &Aws, table: &str, template: Option<&Value>) -> Result<Vec<Today>> {
    let settings = match state::settings(template) {
        Some(settings) => settings,
        None if Path::new(FILE).exists() => settings_file::read(Path::new(FILE))?,
        None => return Ok(Vec::new()),
    };
    today(aws, table, &settings, Timestamp::now()).await
}

fn status(
    account: &str,
    region: &str,
    name: &str,
    found: Option<&Stack>,
    template: Option<&Value>,
) -> Status {
    let outputs = found.map_or_else(BTreeMap::new, state::outputs);
    let endpoint = outputs.get(outputs::ENDPOINT).map(|e| e.trim_end_matches('/').to_owned());
    let updated = found.and_then(|stack| stack.last_updated_time().or(stack.creation_time()));
    Status {
        account: account.to_owned(),
        region: region.to_owned(),
        stack: name.to_owned(),
        status: found.and_then(Stack::stack_status).map(|status| status.as_str().to_owned()),
        updated: updated.map(ToString::to_string),
        dashboard: endpoint.as_ref().map(|endpoint| format!("{endpoint}{}", api::DASHBOARD)),
        endpoint,
        table: outputs
            .get(outputs::TABLE_NAME)
            .map(|name| Table { name: name.clone(), ..Table::default() }),
        today: Vec::new(),
        rollup: None,
        functions: Function::ALL
            .into_iter()
            .filter_map(|function| running(function, &outputs, template))
            .collect(),
    }
}

/// A function by the name the stack gives it.
fn running(
    function: Function,
    outputs: &BTreeMap<String, String>,
    template: Option<&Value>,
) -> Option<Running> {
    let name = outputs.get(&outputs::function_name(function))?;
    let resources = template.and_then(|t| t.get("Resources")).and_then(Value::as_object);
    let properties = resources.into_iter().flat_map(serde_json::Map::values).find_map(|resource| {
        let properties = resource.get("Properties")?;
        (properties.get("FunctionName")?.as_str()? == name && properties.get("Code").is_some())
            .then_some(properties)
    });
    let at = |pointer: &str| {
        let value = properties.and_then(|p| p.pointer(pointer)).and_then(Value::as_str);
        value.unwrap_or("unknown").to_owned()
    };
    Some(Running {
        function: function.name(),
        name: name.clone(),
        architecture: at("/Architectures/0"),
        artifact: at("/Code/S3Key"),
    })
}

fn text(status: &Status) -> String {
    let row = |key: &str, value: &Option<String>| {
        value.as_ref().map_or_else(String::new, |value| format!("{key:<10} {value}\n"))
    };
    let mut text = format!(
        "account    {}\nregion     {}\nstack      {}\n",
        status.account, status.region, status.stack
    );
    let none = Some("not deployed".to_owned());
    text.push_str(&row("status", if status.status.is_some() { &status.status } else { &none }));
    text.push_str(&row("updated", &status.updated));
    text.push_str(&row("endpoint", &status.endpoint));
    text.push_str(&row("dashboard", &status.dashboard));
    if let Some(table) = &status.table {
        text.push_str(&row("table", &Some(table.name.clone())));
        if let (Some(items), Some(bytes)) = (table.items, table.bytes) {
            let size = format!("{items} items, {bytes} bytes (updated about every six hours)");
            text.push_str(&row("size", &Some(size)));
        }
        text.push_str(&row("capacity", &table.capacity));
    }
    for Today { site, day, time_zone, hits } in &status.today {
        let hits = format!("{hits} views and events of {site} on {day} in {time_zone}");
        text.push_str(&row("today", &Some(hits)));
    }
    if status.table.is_some() {
        let last = match &status.rollup {
            Some(Run { at, hours, days }) => {
                format!("last run {at:.0}: {hours} hours and {days} days rolled up")
            }
            None => "no run yet".to_owned(),
        };
        text.push_str(&row("rollup", &Some(last)));
    }
    for running in &status.functions {
        let Running { function, name, architecture, artifact } = running;
        text.push_str(&format!("{function:<10} {name}, {architecture}, {artifact}\n"));
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn finds_a_function_by_its_name() {
        let outputs =
            BTreeMap::from([("TrackFunctionName".to_owned(), "footfall-track".to_owned())]);
        let template = json!({ "Resources": { "TrackFunction": { "Properties": {
            "FunctionName": "footfall-track",
            "Architectures": ["arm64"],
            "Code": { "S3Bucket": "b", "S3Key": "track/1.zip" },
        } } } });
        let running = running(Function::Track, &outputs, Some(&template)).unwrap();
        assert_eq!(
            (running.architecture.as_str(), running.artifact.as_str()),
            ("arm64", "track/1.zip")
        );
        assert_eq!(super::running(Function::Dashboard, &outputs, Some(&template)), None);
    }

    #[test]
    fn shows_a_status_without_a_stack() {
        let status = status("1", "r", "footfall", None, None);
        assert_eq!(
            text(&status),
            "account    1\nregion     r\nstack      footfall\nstatus     not deployed\n"
        );
    }
}
