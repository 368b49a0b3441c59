//! Usage in the last 30 days, from CloudWatch metrics.
//!
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricStatistics.html>: a million such
//! questions a month are free, unlike those of `GetMetricData`.

use anyhow::{Context as _, Result};
use aws_sdk_cloudformation::primitives::DateTime;
use aws_sdk_cloudformation::types::Stack;
use footfall_infra::function::Function;
use footfall_infra::stack::outputs;
use footfall_infra::stack::{StackName, log_group_name};
use futures_util::future::try_join_all;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::facts::Facts;
use super::usage::Usage;
use crate::aws::clients::Aws;
use crate::aws::signed_request::SignedRequest;
use crate::error::OrCannot as _;
use crate::stack::state;

/// Number of days in the past.
pub(crate) const DAYS: i64 = 30;

const GB: f64 = (1_u64 << 30) as f64;

/// A metric whose sum is read.
#[derive(Debug)]
struct Metric {
    namespace: &'static str,
    name: &'static str,
    of: (&'static str, String),
}

/// Returns the usage of a stack.
pub(crate) async fn usage(
    aws: &Aws,
    name: &StackName,
    found: &Stack,
    facts: &Facts,
    now: Timestamp,
) -> Result<Usage> {
    let outputs = state::outputs(found);
    let endpoint =
        outputs.get(outputs::API_ENDPOINT).context("the stack has no output with its API")?;
    let host = endpoint.split_once("://").map_or(endpoint.as_str(), |(_, host)| host);
    let api = host.split('.').next().unwrap_or_default();
    let of_api = |name| Metric { namespace: "AWS/ApiGateway", name, of: ("ApiId", api.to_owned()) };
    let of_table = |name| Metric {
        namespace: "AWS/DynamoDB",
        name,
        of: ("TableName", outputs.get(outputs::TABLE_NAME).cloned().unwrap_or_default()),
    };
    let of_function = |function: Function, metric| Metric {
        namespace: "AWS/Lambda",
        name: metric,
        of: ("FunctionName", name.part(function.name())),
    };
    let of_logs = |function: Function| Metric {
        namespace: "AWS/Logs",
        name: "IncomingBytes",
        of: ("LogGroupName", log_group_name(name, function)),
    };
    // Where an answer's place is known by its order: see below.
    let mut metrics = vec![
        of_api("Count"),
        of_api("DataProcessed"),
        of_table("ConsumedWriteCapacityUnits"),
        of_table("ConsumedReadCapacityUnits"),
    ];
    for function in Function::ALL {
        metrics.push(of_function(function, "Invocations"));
        metrics.push(of_function(function, "Duration"));
        metrics.push(of_logs(function));
    }
    let sums = try_join_all(metrics.iter().map(|metric| sum(aws, metric, now))).await?;
    let [count, data, writes, reads, rest @ ..] = &sums[..] else {
        anyhow::bail!("CloudWatch's answer is incomplete");
    };
    let mut usage = Usage::standing(facts);
    usage.api_requests = *count;
    // In and out together: nobody says what of it went out.
    usage.transfer = data / GB;
    usage.table_writes = *writes;
    usage.table_reads = *reads;
    let sizes = [facts.track, facts.dashboard, facts.rollup];
    for (size, of) in sizes.iter().zip(rest.chunks(3)) {
        let [invocations, millis, logged] = of else { continue };
        usage.function_requests += invocations;
        usage.function_seconds += millis / 1e3 * size.gb;
        usage.logs += logged / GB;
    }
    usage.runs = rest.get(6).copied().unwrap_or_default();
    Ok(usage)
}

/// Returns the sum of a metric over the last days.
async fn sum(aws: &Aws, metric: &Metric, now: Timestamp) -> Result<f64> {
    let from = now - SignedDuration::from_hours(24 * DAYS);
    let (dimension, value) = &metric.of;
    let body = json!({
        "Namespace": metric.namespace,
        "MetricName": metric.name,
        "Dimensions": [{ "Name": dimension, "Value": value }],
        "StartTime": from.as_second(),
        // Exclusive.
        "EndTime": now.as_second() + 1,
        "Period": 86_400,
        "Statistics": ["Sum"],
    });
    let body = body.to_string();
    let question = SignedRequest {
        action: "read usage from CloudWatch (cloudwatch:GetMetricStatistics)",
        method: "POST",
        path: "/",
        headers: &[
            ("content-type", "application/x-amz-json-1.0"),
            ("x-amz-target", "GraniteServiceVersion20100801.GetMetricStatistics"),
        ],
        body: &body,
    };
    let answer = aws.metrics.send(&question).await?;
    let points = answer["Datapoints"].as_array().into_iter().flatten();
    // The sum of no numbers is -0.
    Ok(points.filter_map(|point| point["Sum"].as_f64()).fold(0.0, |sum, point| sum + point))
}

/// Returns the table's size in GB, as DynamoDB last measured it.
pub(crate) async fn table_storage(aws: &Aws, table: &str) -> Result<f64> {
    let described = aws.dynamodb.describe_table().table_name(table).send().await;
    let described = described.or_cannot("look at the table")?;
    let bytes = described.table.and_then(|table| table.table_size_bytes).unwrap_or_default();
    Ok(bytes as f64 / GB)
}

/// Returns how many of the last days the stack has existed.
pub(crate) fn days(found: &Stack, now: Timestamp) -> i64 {
    let made = found.creation_time().map(DateTime::secs);
    let age = made.map_or(i64::MAX, |made| now.as_second() - made);
    (age / 86_400).clamp(0, DAYS)
}
