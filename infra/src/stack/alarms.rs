//! What the owner is told by e-mail, if there is an address: that something fails, or does not run.

use serde_json::{Value, json};

use super::api::API;
use super::functions::{self, Spec};
use super::schedule::Schedule;
use super::template::{LogicalId, Resource, Template, Type};
use super::{Inputs, StackName};
use crate::api::Function;
use crate::settings::Settings;

const TOPIC: LogicalId = LogicalId::new("AlarmTopic");
const SUBSCRIPTION: LogicalId = LogicalId::new("AlarmEmail");

/// What is watched of every function:
/// <https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html>
const FUNCTION_METRICS: [&str; 2] = ["Errors", "Throttles"];

/// How often in a row what runs on a schedule may not run before somebody is told. Once is no news: AWS
/// may run it late, and the next run does it all.
const MISSED_RUNS: u8 = 3;

/// Adds the alarms, if there is somebody to tell.
pub(super) fn add(template: &mut Template, settings: &Settings, inputs: &Inputs) {
    let Some(email) = &settings.alarm_email else { return };
    // Not encrypted with the key that SNS has for everybody: CloudWatch may not use that one.
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

/// A metric, and when it is a reason to tell somebody.
struct Watched {
    id: LogicalId,
    name: String,
    description: String,
    namespace: &'static str,
    metric: &'static str,
    dimension: (&'static str, Value),
    when: When,
}

/// What is alarming about a metric.
enum When {
    /// So many within five minutes.
    AtLeast(u8),
    /// None, in so many periods of so many seconds in a row.
    None(u8, u32),
}

fn of_function(function: Function, metric: &'static str) -> Watched {
    let name = function.name();
    Watched {
        id: LogicalId::of(function, &format!("{metric}Alarm")),
        name: format!("{name}-{}", metric.to_lowercase()),
        description: format!("Footfall's function {name} has {}", metric.to_lowercase()),
        namespace: "AWS/Lambda",
        metric,
        dimension: ("FunctionName", functions::function(function).reference()),
        when: When::AtLeast(1),
    }
}

/// What does not run does not fail: a rule that was disabled, a permission that was taken away, or a
/// concurrency of 0 would be seen by nobody until hits expire that were never folded.
///
/// Of a new stack this is true until the first hour is over. By then hardly anybody has confirmed the
/// subscription, without which SNS sends nothing.
fn of_schedule(function: Function, schedule: Schedule) -> Watched {
    let name = function.name();
    let period = schedule.period();
    let seconds = u32::from(MISSED_RUNS) * period;
    Watched {
        id: LogicalId::of(function, "MissingAlarm"),
        name: format!("{name}-missing"),
        description: format!("Footfall's function {name} did not run for {} hours", seconds / 3600),
        namespace: "AWS/Lambda",
        metric: "Invocations",
        dimension: ("FunctionName", functions::function(function).reference()),
        when: When::None(MISSED_RUNS, period),
    }
}

/// Answers of 500 and above: also what a function answered in good order because the table did not.
///
/// <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-metrics.html>
fn of_api() -> Watched {
    Watched {
        id: LogicalId::new("ApiServerErrorsAlarm"),
        name: "api-server-errors".to_owned(),
        description: "Footfall's API answers with server errors".to_owned(),
        namespace: "AWS/ApiGateway",
        metric: "5xx",
        dimension: ("ApiId", API.reference()),
        when: When::AtLeast(5),
    }
}

fn add_alarm(template: &mut Template, name: &StackName, watched: &Watched) {
    let (dimension, value) = &watched.dimension;
    let (comparison, threshold, periods, seconds, missing) = match watched.when {
        When::AtLeast(number) => ("GreaterThanOrEqualToThreshold", number, 1, 300, "notBreaching"),
        // There is no data at all of what does not run.
        When::None(periods, seconds) => ("LessThanThreshold", 1, periods, seconds, "breaching"),
    };
    let properties = json!({
        "AlarmName": name.part(&watched.name),
        "AlarmDescription": watched.description,
        "Namespace": watched.namespace,
        "MetricName": watched.metric,
        "Dimensions": [{ "Name": dimension, "Value": value }],
        "Statistic": "Sum",
        "Period": seconds,
        "EvaluationPeriods": periods,
        "ComparisonOperator": comparison,
        "Threshold": threshold,
        "TreatMissingData": missing,
        "AlarmActions": [TOPIC.reference()],
    });
    template.add(watched.id.clone(), Resource::new(Type::Alarm, properties));
}
