//! What runs by itself: a rule of EventBridge for each function that has a schedule.
//!
//! A rule, not EventBridge's Scheduler: it needs no role of its own, and can be tagged.

use serde_json::json;

use super::functions::{self, Spec};
use super::template::{LogicalId, Resource, Template, Type};
use crate::api::Function;

/// When a function runs, in UTC: an expression such as `cron(7 * * * ? *)` or `rate(1 hour)`.
///
/// <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-scheduled-rule-pattern.html>
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Schedule(pub &'static str);

/// Adds a rule for every function that has a schedule.
pub(super) fn add(template: &mut Template) {
    for spec in Function::ALL.map(Spec::of) {
        if let Some(schedule) = spec.schedule {
            add_rule(template, spec.function, schedule);
        }
    }
}

fn add_rule(template: &mut Template, scheduled: Function, schedule: Schedule) {
    let rule = LogicalId::of(scheduled, "Schedule");
    let properties = json!({
        "Description": format!("Runs Footfall's function {}", scheduled.name()),
        "ScheduleExpression": schedule.0,
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
        add_rule(&mut template, Function::Dashboard, Schedule("cron(7 * * * ? *)"));
        let expected = "\
  DashboardSchedule:
    Type: AWS::Events::Rule
    Properties:
      Description: Runs Footfall's function dashboard
      ScheduleExpression: cron(7 * * * ? *)
      State: ENABLED
      Tags:
      - Key: footfall:stack
        Value: footfall
      Targets:
      - Arn:
          Fn::Sub: arn:${AWS::Partition}:lambda:${AWS::Region}:${AWS::AccountId}:function:${DashboardFunction}
        Id: dashboard
  DashboardSchedulePermission:
    Type: AWS::Lambda::Permission
    Properties:
      Action: lambda:InvokeFunction
      FunctionName:
        Ref: DashboardFunction
      Principal: events.amazonaws.com
      SourceArn:
        Fn::GetAtt:
        - DashboardSchedule
        - Arn
";
        let yaml = template.to_yaml().unwrap();
        assert!(yaml.contains(expected), "{yaml}");
    }
}
