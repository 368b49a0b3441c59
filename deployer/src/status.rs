//! `cargo xtask status`: how the stack is, what runs in it, and where.

use std::collections::BTreeMap;
use std::io::{self, Write as _};

use anyhow::{Context as _, Result};
use aws_sdk_cloudformation::types::Stack;
use clap::Args;
use footfall_infra::api::Function;
use footfall_infra::{api, outputs};
use serde::Serialize;
use serde_json::Value;

use crate::apply::print_json;
use crate::aws::{Aws, Target};
use crate::stack::{self, look, state};

/// Show how the deployed stack is
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Print it as JSON
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
    /// As CloudFormation calls it; `null` if there is no stack.
    status: Option<String>,
    updated: Option<String>,
    endpoint: Option<String>,
    dashboard: Option<String>,
    table: Option<String>,
    /// As DynamoDB last counted, which it does every six hours or so.
    size: Option<Size>,
    functions: Vec<Running>,
}

/// How large the table is.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Size {
    items: i64,
    bytes: i64,
}

/// A function of the deployed stack.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Running {
    function: &'static str,
    name: String,
    architecture: String,
    /// The key of its zip, which names its content.
    artifact: String,
}

pub(crate) async fn run(arguments: &Arguments) -> Result<()> {
    let aws = Aws::connect(&arguments.target).await?;
    let name = &arguments.target.stack;
    let found = look(&aws, name.as_str()).await?;
    let template = match &found {
        // One that is only planned has none yet.
        Some(stack) => stack::template(&aws, stack).await.unwrap_or_default(),
        None => None,
    };
    let mut status =
        status(&aws.account, &aws.region, name.as_str(), found.as_ref(), template.as_ref());
    status.size = size(&aws, status.table.as_deref()).await;
    if arguments.json {
        return print_json(&status);
    }
    eprintln!("{}", state(name.as_str(), found.as_ref().and_then(|s| s.stack_status.as_ref())));
    io::stdout().write_all(text(&status).as_bytes()).context("cannot print")
}

/// How large the table is, for whoever may know.
async fn size(aws: &Aws, table: Option<&str>) -> Option<Size> {
    let described = aws.dynamodb.describe_table().table_name(table?).send().await.ok()?;
    let table = described.table?;
    Some(Size { items: table.item_count?, bytes: table.table_size_bytes? })
}

fn status(
    account: &str,
    region: &str,
    name: &str,
    found: Option<&Stack>,
    template: Option<&Value>,
) -> Status {
    let outputs = found.map_or_else(BTreeMap::new, stack::outputs);
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
        table: outputs.get(outputs::TABLE_NAME).cloned(),
        size: None,
        functions: Function::ALL
            .into_iter()
            .filter_map(|function| running(function, &outputs, template))
            .collect(),
    }
}

/// A function, by the name that the stack says it has.
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
    text.push_str(&row("table", &status.table));
    if let Some(Size { items, bytes }) = &status.size {
        text.push_str(&format!("size       {items} items, {bytes} bytes, as of some hours ago\n"));
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
    fn a_function_is_found_by_its_name() {
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
    fn no_stack_is_a_status_too() {
        let status = status("1", "r", "footfall", None, None);
        assert_eq!(
            text(&status),
            "account    1\nregion     r\nstack      footfall\nstatus     not deployed\n"
        );
    }
}
