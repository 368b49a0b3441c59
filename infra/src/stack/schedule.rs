//! Schedules: an EventBridge rule for each function that has one.
//!
//! Unlike EventBridge Scheduler, a rule needs no role and can have tags.

use serde_json::json;

use super::ids::{self, LogicalId, function_arn};
use super::resource_type::Type;
use super::spec::{Schedule, Spec};
use super::template::{Resource, Template};
use crate::function::Function;

/// Adds a rule for every function that has a schedule.
pub(super) fn add(template: &mut Template) {
    for spec in Function::ALL.map(Spec::of) {
        if let Some(schedule) = spec.schedule {
            add_rule(template, spec.function, schedule);
        }
    }
}

/// Adds one rule.
///
/// Lambda's default suffices: it repeats a failed run twice within minutes, and a late run does no harm.
///
/// <https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html>
fn add_rule(template: &mut Template, scheduled: Function, schedule: Schedule) {
    let rule = LogicalId::of(scheduled, "Schedule");
    let properties = json!({
        "Description": format!("Runs Footfall's function {}", scheduled.name()),
        "ScheduleExpression": schedule.expression(),
        "State": "ENABLED",
        "Targets": [{ "Id": scheduled.name(), "Arn": function_arn(scheduled) }],
    });
    let permission = json!({
        "FunctionName": ids::function(scheduled).reference(),
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
    use crate::stack::name::StackName;
    use crate::stack::tags;

    #[test]
    fn adds_a_rule_and_its_permission() {
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
