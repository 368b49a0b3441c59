//! The functions: each has a log group, a role and its code.

use serde_json::{Value, json};

use super::error::StackError;
use super::ids::{self, TABLE, log_group, role_arn};
use super::inputs::Inputs;
use super::limits::ENVIRONMENT_LIMIT;
use super::name::StackName;
use super::resource_type::Type;
use super::spec::Spec;
use super::template::{Resource, Template};
use super::{outputs, permissions};
use crate::env;
use crate::function::Function;
use crate::settings::Settings;

/// Returns the name of a function's log group.
#[must_use]
pub fn log_group_name(stack: &StackName, function: Function) -> String {
    format!("/aws/lambda/{}", stack.part(function.name()))
}

/// Adds every function with its log group and role.
pub(super) fn add(
    template: &mut Template,
    settings: &Settings,
    inputs: &Inputs,
) -> Result<(), StackError> {
    let environment = environment(settings, inputs)?;
    for spec in Function::ALL.map(Spec::of) {
        add_log_group(template, settings, inputs, &spec);
        permissions::add_role(template, &spec);
        add_function(template, settings, inputs, &spec, &environment)?;
    }
    Ok(())
}

fn add_log_group(template: &mut Template, settings: &Settings, inputs: &Inputs, spec: &Spec) {
    let properties = json!({
        "LogGroupName": log_group_name(&inputs.name, spec.function),
        "RetentionInDays": settings.log_retention_days.days(),
    });
    template.add(log_group(spec.function), Resource::new(Type::LogGroup, properties).deleted());
}

fn add_function(
    template: &mut Template,
    settings: &Settings,
    inputs: &Inputs,
    spec: &Spec,
    environment: &Value,
) -> Result<(), StackError> {
    let name = spec.function.name();
    let artifact = inputs.artifacts.get(&spec.function).ok_or(StackError::NoArtifact(name))?;
    let mut properties = json!({
        "FunctionName": inputs.name.part(name),
        "Description": format!("Footfall: {}", spec.description),
        "Runtime": "provided.al2023",
        "Architectures": [inputs.architecture.name()],
        "Handler": "bootstrap",
        "Code": { "S3Bucket": artifact.bucket, "S3Key": artifact.key },
        "MemorySize": settings.memory_mb.of(spec.function).unwrap_or(spec.memory),
        "Timeout": spec.timeout,
        "Role": role_arn(spec.function),
        "Environment": { "Variables": environment },
        "LoggingConfig": {
            "LogFormat": "JSON",
            // Lambda treats a line without a timestamp as INFO, whichever level it names, and so the message of a
            // panic. WARN would drop the most important lines.
            // https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-log-level.html
            "ApplicationLogLevel": "INFO",
            // Lambda's START, END and REPORT lines would cost more than the run itself.
            "SystemLogLevel": "WARN",
            "LogGroup": log_group(spec.function).reference(),
        },
    });
    if inputs.reserve_concurrency {
        properties["ReservedConcurrentExecutions"] = json!(spec.reserved);
    }
    let id = ids::function(spec.function);
    template.output(&outputs::function_name(spec.function), spec.description, id.reference());
    template.add(id, Resource::new(Type::Function, properties));
    Ok(())
}

/// Returns a function's environment variables, if they fit.
///
/// Lambda counts all of them as one JSON text, in which the quotes of the settings are escaped.
fn environment(settings: &Settings, inputs: &Inputs) -> Result<Value, StackError> {
    let settings = settings.to_json().map_err(|error| StackError::Settings(error.to_string()))?;
    let variables = |table: Value| json!({ env::TABLE: table, env::SETTINGS: settings });
    let measured = variables(json!(inputs.name.as_str())).to_string().len();
    if measured > ENVIRONMENT_LIMIT {
        return Err(StackError::Environment(measured));
    }
    Ok(variables(TABLE.reference()))
}
