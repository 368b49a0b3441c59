//! Tags: which every resource has that can have any, by its type.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::StackName;
use super::template::Type;
use crate::settings::Settings;

/// The tag that says to which Footfall a resource belongs: its value is the stack's name. A table
/// that was kept is known by it.
pub const STACK_TAG: &str = "footfall:stack";

/// Keys and values.
pub(super) type Pairs = BTreeMap<String, String>;

/// The tags of every resource of a stack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tags(Pairs);

/// Footfall's own tag and the owner's.
pub(super) fn all(settings: &Settings, name: &StackName) -> Tags {
    let own = (STACK_TAG, name.as_str());
    let pairs = std::iter::once(own).chain(settings.tags.iter());
    Tags(pairs.map(|(key, value)| (key.to_owned(), value.to_owned())).collect())
}

impl Tags {
    /// Puts the tags among the properties of a resource, if its type has any. Which types do, and
    /// where, is written in CloudFormation's schema of each.
    ///
    /// <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-template-resource-type-ref.html>
    pub(super) fn put_on(&self, kind: Type, properties: &mut Value) {
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
