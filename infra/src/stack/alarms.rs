//! What the owner is told by e-mail, if there is an address: that something fails.

use serde_json::{Value, json};

use super::api::API;
use super::functions;
use super::template::{LogicalId, Resource, Template, Type};
use super::{Inputs, StackName};
use crate::api::Function;
use crate::settings::Settings;

const TOPIC: LogicalId = LogicalId::new("AlarmTopic");
const SUBSCRIPTION: LogicalId = LogicalId::new("AlarmEmail");

/// What is watched of every function:
/// <https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html>
const FUNCTION_METRICS: [&str; 2] = ["Errors", "Throttles"];

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
    }
    add_alarm(template, &inputs.name, &of_api());
}

/// A metric that is above a number within five minutes.
struct Watched {
    id: LogicalId,
    name: String,
    description: String,
    namespace: &'static str,
    metric: &'static str,
    dimension: (&'static str, Value),
    at_least: u8,
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
        at_least: 1,
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
        at_least: 5,
    }
}

fn add_alarm(template: &mut Template, name: &StackName, watched: &Watched) {
    let (dimension, value) = &watched.dimension;
    let properties = json!({
        "AlarmName": name.part(&watched.name),
        "AlarmDescription": watched.description,
        "Namespace": watched.namespace,
        "MetricName": watched.metric,
        "Dimensions": [{ "Name": dimension, "Value": value }],
        "Statistic": "Sum",
        "Period": 300,
        "EvaluationPeriods": 1,
        "ComparisonOperator": "GreaterThanOrEqualToThreshold",
        "Threshold": watched.at_least,
        "TreatMissingData": "notBreaching",
        "AlarmActions": [TOPIC.reference()],
    });
    template.add(watched.id.clone(), Resource::new(Type::Alarm, properties));
}
