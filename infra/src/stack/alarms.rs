//! Alarms by e-mail, if there is an address: a function fails, is throttled, or does not run.

use serde_json::{Value, json};

use super::ids::{self, API, LogicalId};
use super::inputs::Inputs;
use super::name::StackName;
use super::resource_type::Type;
use super::spec::{Schedule, Spec};
use super::template::{Resource, Template};
use crate::function::Function;
use crate::settings::Settings;

const TOPIC: LogicalId = LogicalId::new("AlarmTopic");
const SUBSCRIPTION: LogicalId = LogicalId::new("AlarmEmail");

/// Metrics watched for every function:
/// <https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html>
const FUNCTION_METRICS: [&str; 2] = ["Errors", "Throttles"];

/// Missed runs in a row before the alarm.
///
/// AWS may run a schedule late, and the next run catches up, so one missed run is no reason for an alarm.
const MISSED_RUNS: u8 = 3;

/// Adds the alarms, if there is an e-mail address.
pub(super) fn add(template: &mut Template, settings: &Settings, inputs: &Inputs) {
    let Some(email) = &settings.alarm_email else { return };
    // Unencrypted, because CloudWatch may not use SNS's default key.
    // https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Notify_Users_Alarm_Changes.html
    let properties = json!({ "TopicName": inputs.name.part("alarms"), "DisplayName": "Footfall" });
    template.add(TOPIC, Resource::new(Type::Topic, properties));
    let properties =
        json!({ "TopicArn": TOPIC.reference(), "Protocol": "email", "Endpoint": email.as_str() });
    template.add(SUBSCRIPTION, Resource::new(Type::Subscription, properties));
    for function in Function::ALL {
        for metric in FUNCTION_METRICS {
            add_alarm(template, &inputs.name, &of_function(function, metric));
        }
        if let Some(schedule) = Spec::of(function).schedule {
            add_alarm(template, &inputs.name, &of_schedule(function, schedule));
        }
    }
    add_alarm(template, &inputs.name, &of_api());
}

/// A metric and the condition for its alarm.
struct Alarm {
    id: LogicalId,
    name: String,
    description: String,
    namespace: &'static str,
    metric: &'static str,
    dimension: (&'static str, Value),
    condition: Condition,
}

/// The condition for an alarm.
enum Condition {
    /// This many within five minutes.
    AtLeast(u8),
    /// No data in this many periods in a row, each of this many seconds.
    Missing(u8, u32),
}

fn of_function(function: Function, metric: &'static str) -> Alarm {
    let name = function.name();
    Alarm {
        id: LogicalId::of(function, &format!("{metric}Alarm")),
        name: format!("{name}-{}", metric.to_lowercase()),
        description: format!("Footfall's function {name} has {}", metric.to_lowercase()),
        namespace: "AWS/Lambda",
        metric,
        dimension: ("FunctionName", ids::function(function).reference()),
        condition: Condition::AtLeast(1),
    }
}

/// Watches that a scheduled function runs.
///
/// A disabled rule, a removed permission or a concurrency of 0 causes no error. Without this alarm, nobody would
/// notice until hits expire before they are rolled up.
///
/// A new stack is in this state until its first hour is over. SNS sends nothing before the owner has confirmed
/// the subscription, which rarely happens that fast.
fn of_schedule(function: Function, schedule: Schedule) -> Alarm {
    let name = function.name();
    let period = schedule.period();
    let seconds = u32::from(MISSED_RUNS) * period;
    Alarm {
        id: LogicalId::of(function, "MissingAlarm"),
        name: format!("{name}-missing"),
        description: format!("Footfall's function {name} did not run for {} hours", seconds / 3600),
        namespace: "AWS/Lambda",
        metric: "Invocations",
        dimension: ("FunctionName", ids::function(function).reference()),
        condition: Condition::Missing(MISSED_RUNS, period),
    }
}

/// Watches responses of 500 and above, including a function's own response if the table fails.
///
/// <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-metrics.html>
fn of_api() -> Alarm {
    Alarm {
        id: LogicalId::new("ApiServerErrorsAlarm"),
        name: "api-server-errors".to_owned(),
        description: "Footfall's API answers with server errors".to_owned(),
        namespace: "AWS/ApiGateway",
        metric: "5xx",
        dimension: ("ApiId", API.reference()),
        condition: Condition::AtLeast(5),
    }
}

fn add_alarm(template: &mut Template, name: &StackName, alarm: &Alarm) {
    let (dimension, value) = &alarm.dimension;
    let (comparison, threshold, periods, seconds, missing) = match alarm.condition {
        Condition::AtLeast(number) => {
            ("GreaterThanOrEqualToThreshold", number, 1, 300, "notBreaching")
        }
        // A function that does not run reports no data.
        Condition::Missing(periods, seconds) => {
            ("LessThanThreshold", 1, periods, seconds, "breaching")
        }
    };
    let properties = json!({
        "AlarmName": name.part(&alarm.name),
        "AlarmDescription": alarm.description,
        "Namespace": alarm.namespace,
        "MetricName": alarm.metric,
        "Dimensions": [{ "Name": dimension, "Value": value }],
        "Statistic": "Sum",
        "Period": seconds,
        "EvaluationPeriods": periods,
        "ComparisonOperator": comparison,
        "Threshold": threshold,
        "TreatMissingData": missing,
        "AlarmActions": [TOPIC.reference()],
    });
    template.add(alarm.id.clone(), Resource::new(Type::Alarm, properties));
}
