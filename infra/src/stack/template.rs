//! The template: resources and outputs, and how they are written.

use std::collections::BTreeMap;

use serde::{Serialize, Serializer};
use serde_json::Value;

use super::ids::LogicalId;
use super::resource_type::Type;
use super::tags::Tags;
use super::yaml;

/// A resource of the template.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Resource {
    #[serde(rename = "Type", serialize_with = "type_name")]
    kind: Type,
    #[serde(skip_serializing_if = "Option::is_none")]
    deletion_policy: Option<DeletionPolicy>,
    #[serde(skip_serializing_if = "Option::is_none")]
    update_replace_policy: Option<DeletionPolicy>,
    #[serde(serialize_with = "sorted")]
    properties: Value,
}

/// The fate of a resource that leaves the stack or is replaced.
///
/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-attribute-deletionpolicy.html>
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
enum DeletionPolicy {
    Delete,
    Retain,
}

impl Resource {
    /// Returns a resource that is deleted with the stack.
    pub(super) const fn new(kind: Type, properties: Value) -> Self {
        Self { kind, deletion_policy: None, update_replace_policy: None, properties }
    }

    /// Keeps the resource if it leaves the stack, for whatever reason.
    pub(super) const fn retained(self) -> Self {
        self.with_policy(DeletionPolicy::Retain)
    }

    /// States explicitly that a resource with data is deleted with the stack, which is also the default.
    pub(super) const fn deleted(self) -> Self {
        self.with_policy(DeletionPolicy::Delete)
    }

    const fn with_policy(mut self, policy: DeletionPolicy) -> Self {
        self.deletion_policy = Some(policy);
        self.update_replace_policy = Some(policy);
        self
    }

    /// Returns the resource's type.
    #[must_use]
    pub const fn kind(&self) -> Type {
        self.kind
    }

    /// Returns whether the resource outlives the stack.
    #[must_use]
    pub fn is_retained(&self) -> bool {
        (self.deletion_policy, self.update_replace_policy)
            == (Some(DeletionPolicy::Retain), Some(DeletionPolicy::Retain))
    }

    /// Returns the resource's properties.
    #[must_use]
    pub const fn properties(&self) -> &Value {
        &self.properties
    }
}

/// A CloudFormation template. The table comes first, then what each module added, in order.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Template {
    #[serde(rename = "AWSTemplateFormatVersion")]
    version: &'static str,
    description: &'static str,
    #[serde(serialize_with = "map")]
    resources: Vec<(LogicalId, Resource)>,
    #[serde(serialize_with = "map")]
    outputs: Vec<(String, Output)>,
    #[serde(skip)]
    tags: Tags,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Output {
    description: &'static str,
    #[serde(serialize_with = "sorted")]
    value: Value,
}

/// Cannot write the template. No input is known to cause this.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("cannot write the template: {0}")]
pub struct TemplateError(String);

impl Template {
    /// Returns an empty template that puts these tags on every resource.
    pub(super) const fn new(tags: Tags) -> Self {
        Self {
            version: "2010-09-09",
            description: "Footfall: web analytics. Generated from footfall.yaml; edit that and redeploy.",
            resources: Vec::new(),
            outputs: Vec::new(),
            tags,
        }
    }

    /// Adds a resource with its tags, in the form that its type expects.
    pub(super) fn add(&mut self, id: LogicalId, mut resource: Resource) {
        self.tags.apply_to(resource.kind, &mut resource.properties);
        self.resources.push((id, resource));
    }

    /// Adds an output.
    pub(super) fn output(&mut self, name: &str, description: &'static str, value: Value) {
        self.outputs.push((name.to_owned(), Output { description, value }));
    }

    /// Returns the resources, in order.
    pub fn resources(&self) -> impl Iterator<Item = (&LogicalId, &Resource)> {
        self.resources.iter().map(|(id, resource)| (id, resource))
    }

    /// Returns the names of the outputs, in order.
    pub fn outputs(&self) -> impl Iterator<Item = &str> {
        self.outputs.iter().map(|(name, _)| name.as_str())
    }

    /// Returns the template as YAML, for people.
    ///
    /// # Errors
    /// No input is known to cause one.
    pub fn to_yaml(&self) -> Result<String, TemplateError> {
        yaml::to_string(self).map_err(|error| TemplateError(error.to_string()))
    }

    /// Returns the template as compact JSON, for programs.
    ///
    /// # Errors
    /// No input is known to cause one.
    pub fn to_json(&self) -> Result<String, TemplateError> {
        serde_json::to_string(self).map_err(|error| TemplateError(error.to_string()))
    }
}

fn type_name<S: Serializer>(kind: &Type, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(kind.name())
}

fn map<K: Serialize, V: Serialize, S: Serializer>(
    entries: &[(K, V)],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_map(entries.iter().map(|(key, value)| (key, value)))
}

/// Writes a value with the keys of every object sorted, whichever features `serde_json` was built with.
fn sorted<S: Serializer>(value: &Value, serializer: S) -> Result<S::Ok, S::Error> {
    struct Sorted<'a>(&'a Value);

    impl Serialize for Sorted<'_> {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            match self.0 {
                Value::Object(object) => {
                    let entries: BTreeMap<&str, Sorted<'_>> =
                        object.iter().map(|(key, value)| (key.as_str(), Sorted(value))).collect();
                    serializer.collect_map(entries)
                }
                Value::Array(values) => serializer.collect_seq(values.iter().map(Sorted)),
                other => other.serialize(serializer),
            }
        }
    }

    Sorted(value).serialize(serializer)
}
