//! A plan: what a change set would do to each resource. It depends on AWS's response alone, and prints like
//! terraform's for people and as JSON for programs.
//!
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_ResourceChange.html>

use std::fmt;

use aws_sdk_cloudformation::types::{
    Change as AwsChange, ChangeAction, PolicyAction, Replacement, ResourceChange,
};
use footfall_infra::stack::{Template, Type};
use serde::Serialize;

/// The changes of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub(crate) struct Plan {
    /// Changes in the order of AWS's response.
    pub(crate) changes: Vec<Change>,
}

/// A change to one resource.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Change {
    /// The action.
    pub(crate) kind: Kind,
    /// Logical ID in the template.
    pub(crate) id: String,
    /// Resource type, such as `AWS::Lambda::Function`.
    #[serde(rename = "type")]
    pub(crate) resource_type: String,
    /// Physical name, if the resource exists.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) name: Option<String>,
    /// Changed properties.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) properties: Vec<String>,
    /// Whether AWS decides only while applying whether a replacement is needed.
    #[serde(skip_serializing_if = "is_false")]
    pub(crate) may_replace: bool,
    /// Whether AWS keeps the resource when it leaves the stack.
    #[serde(skip_serializing_if = "is_false")]
    pub(crate) kept: bool,
    /// Whether the resource holds recorded data that the stack would stop using.
    #[serde(skip_serializing_if = "is_false")]
    pub(crate) loses_data: bool,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
const fn is_false(value: &bool) -> bool {
    !*value
}

/// An action on a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kind {
    /// Creates it.
    Add,
    /// Adopts the existing resource as it is.
    Adopt,
    /// Updates it in place.
    Change,
    /// Creates a replacement and deletes this one.
    Replace,
    /// Deletes it, or only removes it from the stack.
    Remove,
}

impl Kind {
    const fn sign(self) -> &'static str {
        match self {
            Self::Add => "+",
            Self::Adopt => "<",
            Self::Change => "~",
            Self::Replace => "!",
            Self::Remove => "-",
        }
    }

    const fn verb(self) -> &'static str {
        match self {
            Self::Add => "add",
            Self::Adopt => "adopt",
            Self::Change => "change",
            Self::Replace => "replace",
            Self::Remove => "remove",
        }
    }
}

impl Plan {
    /// Makes the plan of a change set from all its pages.
    pub(crate) fn of(changes: &[AwsChange]) -> Self {
        let changes = changes.iter().filter_map(AwsChange::resource_change);
        Self { changes: changes.map(Change::of).collect() }
    }

    /// Makes the plan of a new stack, before AWS can be asked.
    pub(crate) fn of_new(template: &Template) -> Self {
        let change = |id: &str, resource_type: &str| Change {
            kind: Kind::Add,
            id: id.to_owned(),
            resource_type: resource_type.to_owned(),
            name: None,
            properties: Vec::new(),
            may_replace: false,
            kept: false,
            loses_data: false,
        };
        let resources = template.resources();
        Self { changes: resources.map(|(id, r)| change(id.as_str(), r.kind().name())).collect() }
    }

    /// Recorded data that the stack would lose.
    pub(crate) fn losses(&self) -> impl Iterator<Item = &Change> {
        self.changes.iter().filter(|change| change.loses_data)
    }

    fn count(&self, kind: Kind) -> usize {
        self.changes.iter().filter(|change| change.kind == kind).count()
    }
}

impl Change {
    fn of(change: &ResourceChange) -> Self {
        let kind = match (change.action(), change.replacement()) {
            (Some(ChangeAction::Add), _) => Kind::Add,
            (Some(ChangeAction::Import), _) => Kind::Adopt,
            (Some(ChangeAction::Remove), _) => Kind::Remove,
            (_, Some(Replacement::True)) => Kind::Replace,
            _ => Kind::Change,
        };
        let may_replace =
            kind == Kind::Change && change.replacement() == Some(&Replacement::Conditional);
        let mut properties: Vec<String> = Vec::new();
        for detail in change.details() {
            let target = detail.target();
            let attribute = target.and_then(|t| t.attribute()).map(|a| a.as_str());
            let name = target.and_then(|t| t.name()).or(attribute.filter(|a| *a != "Properties"));
            if let Some(name) = name.filter(|name| !properties.iter().any(|p| p == name)) {
                properties.push(name.to_owned());
            }
        }
        let resource_type = change.resource_type().unwrap_or_default().to_owned();
        let holds_data = resource_type == Type::Table.name();
        Self {
            kind,
            id: change.logical_resource_id().unwrap_or_default().to_owned(),
            name: change.physical_resource_id().map(str::to_owned),
            properties,
            may_replace,
            kept: matches!(
                change.policy_action(),
                Some(PolicyAction::Retain | PolicyAction::ReplaceAndRetain)
            ),
            loses_data: holds_data && (matches!(kind, Kind::Replace | Kind::Remove) || may_replace),
            resource_type,
        }
    }
}

impl fmt::Display for Plan {
    /// One line per change, and a last line that counts them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = |of: fn(&Change) -> usize| self.changes.iter().map(of).max().unwrap_or(0);
        let id_width = width(|change| change.id.len());
        let type_width = width(|change| change.resource_type.len());
        for change in &self.changes {
            let mut line = format!(
                "  {} {:<7}  {:<id_width$}  {:<type_width$}",
                change.kind.sign(),
                change.kind.verb(),
                change.id,
                change.resource_type,
            );
            if !change.properties.is_empty() {
                line = format!("{line}  {}", change.properties.join(", "));
            }
            if change.may_replace {
                line.push_str("  (may be replaced)");
            }
            if change.kept {
                line.push_str("  (kept in AWS, outside the stack)");
            }
            writeln!(f, "{}", line.trim_end())?;
        }
        for change in self.losses() {
            writeln!(
                f,
                "\n  !!! {} holds ALL DATA, and this plan would {} it !!!",
                change.id,
                if change.may_replace { "possibly replace" } else { change.kind.verb() },
            )?;
        }
        write!(f, "\nPlan: {} to add, ", self.count(Kind::Add))?;
        if self.count(Kind::Adopt) > 0 {
            write!(f, "{} to adopt, ", self.count(Kind::Adopt))?;
        }
        write!(f, "{} to change, ", self.count(Kind::Change))?;
        if self.count(Kind::Replace) > 0 {
            write!(f, "{} to replace, ", self.count(Kind::Replace))?;
        }
        write!(f, "{} to remove", self.count(Kind::Remove))
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_cloudformation::types::{
        ResourceAttribute, ResourceChangeDetail, ResourceTargetDefinition,
    };

    use super::*;

    fn change(
        action: ChangeAction,
        id: &str,
        resource_type: &str,
        replacement: Option<Replacement>,
    ) -> AwsChange {
        let detail = |name: &str| {
            let target = ResourceTargetDefinition::builder()
                .attribute(ResourceAttribute::Properties)
                .name(name)
                .build();
            ResourceChangeDetail::builder().target(target).build()
        };
        let mut resource = ResourceChange::builder()
            .logical_resource_id(id)
            .resource_type(resource_type)
            .set_replacement(replacement);
        if action == ChangeAction::Modify {
            // AWS lists a property twice if it changes both by itself and through a reference.
            resource = resource.details(detail("Code")).details(detail("Code"));
        }
        AwsChange::builder().resource_change(resource.action(action).build()).build()
    }

    const FUNCTION: &str = "AWS::Lambda::Function";
    const TABLE: &str = "AWS::DynamoDB::Table";

    #[test]
    fn plan_has_a_human_and_a_json_form() {
        let plan = Plan::of(&[
            change(ChangeAction::Add, "Api", "AWS::ApiGatewayV2::Api", None),
            change(ChangeAction::Modify, "TrackFunction", FUNCTION, Some(Replacement::False)),
            change(ChangeAction::Remove, "Old", FUNCTION, None),
        ]);
        assert_eq!(
            plan.to_string(),
            "  + add      Api            AWS::ApiGatewayV2::Api\n  \
               ~ change   TrackFunction  AWS::Lambda::Function   Code\n  \
               - remove   Old            AWS::Lambda::Function\n\
             \n\
             Plan: 1 to add, 1 to change, 1 to remove"
        );
        assert_eq!(plan.losses().count(), 0);
        assert_eq!(
            serde_json::to_value(&plan.changes[1]).unwrap(),
            serde_json::json!({
                "kind": "change", "id": "TrackFunction", "type": FUNCTION, "properties": ["Code"]
            })
        );
    }

    #[test]
    fn losing_the_table_is_loud() {
        let losing = [
            change(ChangeAction::Modify, "Table", TABLE, Some(Replacement::True)),
            change(ChangeAction::Modify, "Table", TABLE, Some(Replacement::Conditional)),
            change(ChangeAction::Remove, "Table", TABLE, None),
        ];
        for change in losing {
            let plan = Plan::of(&[change]);
            assert_eq!(plan.losses().count(), 1, "{plan}");
            assert!(plan.to_string().contains("!!! Table holds ALL DATA"), "{plan}");
        }
        let harmless = [
            change(ChangeAction::Modify, "Table", TABLE, Some(Replacement::False)),
            change(ChangeAction::Import, "Table", TABLE, None),
            change(ChangeAction::Modify, "X", FUNCTION, Some(Replacement::True)),
        ];
        let plan = Plan::of(&harmless);
        assert_eq!(plan.losses().count(), 0);
        assert!(
            plan.to_string()
                .ends_with("Plan: 0 to add, 1 to adopt, 1 to change, 1 to replace, 0 to remove")
        );
    }
}
