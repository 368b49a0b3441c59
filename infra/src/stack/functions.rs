//! The functions: one table of what each is given, and what each consists of.

use serde_json::{Value, json};

use super::permissions::{self, Action, Grant, Partition};
use super::schedule::Schedule;
use super::table::TABLE;
use super::template::{LogicalId, Resource, Template, Type};
use super::{Inputs, StackError, StackName};
use crate::api::Function;
use crate::settings::Settings;
use crate::{env, outputs};

/// The most bytes that the environment of a function may have, as JSON.
///
/// <https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>
pub const ENVIRONMENT_LIMIT: usize = 4096;

/// What a function is given.
#[derive(Debug, Clone, Copy)]
pub struct Spec {
    /// The function.
    pub function: Function,
    /// What it does, for people who meet it in the console.
    pub description: &'static str,
    /// Its memory, in MB, where the settings say nothing else. 1,769 of them come with one core:
    /// <https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html>
    pub memory: u16,
    /// After how many seconds it is ended.
    pub timeout: u16,
    /// How many may run at once, kept free for it, where the account has room.
    pub reserved: u16,
    /// What it may do with the table.
    pub grants: &'static [Grant],
    /// When it runs by itself.
    pub schedule: Option<Schedule>,
}

impl Spec {
    /// A function's row.
    #[must_use]
    pub const fn of(function: Function) -> Self {
        match function {
            Function::Track => Self {
                function,
                description: "Takes hits",
                // The least there is. Nearly all of its time goes to waiting for one write.
                memory: 128,
                // More than the 12 seconds that it tries to reach the table for.
                timeout: 15,
                reserved: 50,
                grants: &[
                    Grant { action: Action::PutItem, partitions: &[Partition::Hits] },
                    Grant { action: Action::PutItem, partitions: &[Partition::Salts] },
                    Grant { action: Action::Query, partitions: &[Partition::Salts] },
                ],
                schedule: None,
            },
            Function::Dashboard => Self {
                function,
                description: "Answers what was read",
                memory: 512,
                // The API waits no longer:
                // https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html
                timeout: 30,
                reserved: 10,
                // All but the salts: who looks at reports need not be able to tell who came. Who may look is
                // for it to ask and not to say: all it ever writes is that a login link was used, or a password tried.
                grants: &[
                    Grant {
                        action: Action::Query,
                        partitions: &[
                            Partition::Hits,
                            Partition::Segments,
                            Partition::Meta,
                            Partition::Access,
                            Partition::Logins,
                        ],
                    },
                    Grant { action: Action::PutItem, partitions: &[Partition::Logins] },
                ],
                schedule: None,
            },
            Function::Rollup => Self {
                function,
                description: "Folds hits into segments",
                // A day of a site is in memory while it is folded: one of 3.3 million hits took 828 MB
                // (docs/scale.md), and the throttle lets 4.3 million through. With this comes a whole core, so that a run, which
                // is billed by both, is as much shorter.
                memory: 1769,
                // As long as Lambda lets anything run: after days in which it could not, there is more
                // to do at once.
                timeout: 900,
                // One on schedule, and one that was late, is tried again or was started by hand: two at
                // once are safe.
                reserved: 2,
                // It never changes a hit: those go by their time to live.
                grants: &[
                    Grant {
                        action: Action::Query,
                        partitions: &[Partition::Hits, Partition::Segments, Partition::Meta],
                    },
                    Grant { action: Action::Query, partitions: &[Partition::Salts] },
                    Grant {
                        action: Action::PutItem,
                        partitions: &[Partition::Segments, Partition::Meta],
                    },
                    Grant { action: Action::DeleteItem, partitions: &[Partition::Segments] },
                    Grant { action: Action::DeleteItem, partitions: &[Partition::Salts] },
                ],
                // When the hour before is folded: 5 minutes after its end at the earliest, see
                // runtime/src/rollup.rs. Not on the minute, when all the world's schedules run.
                schedule: Some(Schedule::HourlyAt(7)),
            },
        }
    }
}

/// How many concurrent executions the functions reserve together. AWS wants 100 more than that left
/// in the account: <https://docs.aws.amazon.com/lambda/latest/dg/configuration-concurrency.html>
#[must_use]
pub fn reserved_concurrency() -> u16 {
    Function::ALL.iter().map(|function| Spec::of(*function).reserved).sum()
}

pub(super) fn function(function: Function) -> LogicalId {
    LogicalId::of(function, "Function")
}

/// What a function is called by. (Permissions take its name.)
pub(super) fn arn(of: Function) -> Value {
    function(of).arn("lambda:${AWS::Region}:${AWS::AccountId}:function:")
}

pub(super) fn log_group(function: Function) -> LogicalId {
    LogicalId::of(function, "Logs")
}

/// The log group of a function.
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
        "Role": permissions::role_arn(spec.function),
        "Environment": { "Variables": environment },
        "LoggingConfig": {
            "LogFormat": "JSON",
            // A line without a time stamp counts as INFO, whatever level it names, and so does the
            // text of a panic. At WARN, the lines that matter most would be lost.
            // https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-log-level.html
            "ApplicationLogLevel": "INFO",
            // Lambda's own START, END and REPORT would cost more than the run that they are about.
            "SystemLogLevel": "WARN",
            "LogGroup": log_group(spec.function).reference(),
        },
    });
    if inputs.reserve_concurrency {
        properties["ReservedConcurrentExecutions"] = json!(spec.reserved);
    }
    let id = function(spec.function);
    template.output(&outputs::function_name(spec.function), spec.description, id.reference());
    template.add(id, Resource::new(Type::Function, properties));
    Ok(())
}

/// The variables of a function, which must fit as Lambda counts them: all of them as one JSON text,
/// in which the settings' own quotes are escaped.
fn environment(settings: &Settings, inputs: &Inputs) -> Result<Value, StackError> {
    let settings = settings.to_json().map_err(|error| StackError::Settings(error.to_string()))?;
    let variables = |table: Value| json!({ env::TABLE: table, env::SETTINGS: settings });
    let measured = variables(json!(inputs.name.as_str())).to_string().len();
    if measured > ENVIRONMENT_LIMIT {
        return Err(StackError::Environment(measured));
    }
    Ok(variables(TABLE.reference()))
}
