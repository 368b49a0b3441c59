//! What runs by itself: a rule of EventBridge for each function that has a schedule.
//!
//! A rule, not EventBridge's Scheduler: it needs no role of its own, and can be tagged.

use serde_json::json;

use super::functions::{self, Spec};
use super::template::{LogicalId, Resource, Template, Type};
use crate::api::Function;

/// When a function runs by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Schedule {
    /// Every hour, so many minutes after it began.
    HourlyAt(u8),
}

impl Schedule {
    /// The expression that EventBridge knows it by, such as `cron(7 * * * ? *)`.
    ///
    /// <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-scheduled-rule-pattern.html>
    #[must_use]
    pub fn expression(self) -> String {
        match self {
            Self::HourlyAt(minute) => format!("cron({minute} * * * ? *)"),
        }
    }

    /// Within how many seconds it runs once.
    #[must_use]
    pub const fn period(self) -> u32 {
        match self {
            Self::HourlyAt(_) => 3600,
        }
    }
}

/// Adds a rule for every function that has a schedule.
pub(super) fn add(template: &mut Template) {
    for spec in Function::ALL.map(Spec::of) {
        if let Some(schedule) = spec.schedule {
            add_rule(template, spec.function, schedule);
        }
    }
}

/// A run that fails is tried again by Lambda, twice and within minutes, and what comes late is as good as
/// what comes in time: that needs no configuration of its own.
///
/// <https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html>
fn add_rule(template: &mut Template, scheduled: Function, schedule: Schedule) {
    let rule = LogicalId::of(scheduled, "Schedule");
    let properties = json!({
        "Description": format!("Runs Footfall's function {}", scheduled.name()),
        "ScheduleExpression": schedule.expression(),
        "State": "ENABLED",
        "Targets": [{ "Id": scheduled.name(), "Arn": functions::arn(scheduled) }],
    });
    let permission = json!({
        "FunctionName": functions::function(scheduled).reference(),
        "Action": "lambda:InvokeFunction",
        "Principal": "events.amazonaws.com",
        "SourceArn": rule.attribute("Arn"),
    });
    template.add(rule, Resource::new(Type::Rule, properties));
    template.add(
        LogicalId::of(scheduled, "SchedulePermission"),
        Resource::new(Type::Permission, permission),
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Settings;
    use crate::stack::{StackName, tags};

    #[test]
    fn a_schedule_is_a_rule_and_its_permission() {
        let tags = tags::all(&Settings::local(), &StackName::default());
        let mut template = Template::new(tags);
        add_rule(&mut template, Function::Rollup, Schedule::HourlyAt(7));
        let expected = "\
  RollupSchedule:
    Type: AWS::Events::Rule
    Properties:
      Description: Runs Footfall's function rollup
      ScheduleExpression: cron(7 * * * ? *)
      State: ENABLED
      Tags:
      - Key: footfall:stack
        Value: footfall
      Targets:
      - Arn:
          Fn::Sub: arn:${AWS::Partition}:lambda:${AWS::Region}:${AWS::AccountId}:function:${RollupFunction}
        Id: rollup
  RollupSchedulePermission:
    Type: AWS::Lambda::Permission
    Properties:
      Action: lambda:InvokeFunction
      FunctionName:
        Ref: RollupFunction
      Principal: events.amazonaws.com
      SourceArn:
        Fn::GetAtt:
        - RollupSchedule
        - Arn
";
        let yaml = template.to_yaml().unwrap();
        assert!(yaml.contains(expected), "{yaml}");
    }
}
