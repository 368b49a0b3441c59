//! Tags: every resource that supports tags gets them.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::name::StackName;
use super::resource_type::Type;
use crate::settings::Settings;

/// The tag whose value is the stack's name. It identifies the stack of a table that was kept.
pub const STACK_TAG: &str = "footfall:stack";

/// Tags by key.
pub(super) type Pairs = BTreeMap<String, String>;

/// The tags of every resource of a stack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tags(Pairs);

/// Returns Footfall's own tag and the owner's.
pub(super) fn all(settings: &Settings, name: &StackName) -> Tags {
    let own = (STACK_TAG, name.as_str());
    let pairs = std::iter::once(own).chain(settings.tags.iter());
    Tags(pairs.map(|(key, value)| (key.to_owned(), value.to_owned())).collect())
}

impl Tags {
    /// Adds the tags to a resource's properties, if its type supports tags.
    ///
    /// The form depends on the type. CloudFormation's schema of each type defines it.
    ///
    /// <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-template-resource-type-ref.html>
    pub(super) fn apply_to(&self, kind: Type, properties: &mut Value) {
        match kind {
            Type::Alarm
            | Type::Function
            | Type::LogGroup
            | Type::Role
            | Type::Rule
            | Type::Table
            | Type::Topic => properties["Tags"] = self.list(),
            Type::Budget => properties["ResourceTags"] = self.list(),
            Type::Api | Type::DomainName | Type::Stage => properties["Tags"] = json!(self.0),
            Type::ApiMapping
            | Type::Integration
            | Type::Permission
            | Type::Route
            | Type::Subscription => {}
        }
    }

    fn list(&self) -> Value {
        self.0.iter().map(|(key, value)| json!({ "Key": key, "Value": value })).collect()
    }
}
