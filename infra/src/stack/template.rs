//! What a template is made of: resources of known types, under names that only this crate makes,
//! and references to them.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use serde::{Serialize, Serializer};
use serde_json::{Value, json};

use super::tags::Tags;
use super::{capitalized, yaml};
use crate::api::Function;

/// The types of resources that the stack has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs, reason = "each is the type of CloudFormation that `name` says")]
pub enum Type {
    Alarm,
    Api,
    ApiMapping,
    Budget,
    DomainName,
    Function,
    Integration,
    LogGroup,
    Permission,
    Role,
    Route,
    Rule,
    Stage,
    Subscription,
    Table,
    Topic,
}

impl Type {
    /// The name that CloudFormation knows it by.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Alarm => "AWS::CloudWatch::Alarm",
            Self::Api => "AWS::ApiGatewayV2::Api",
            Self::ApiMapping => "AWS::ApiGatewayV2::ApiMapping",
            Self::Budget => "AWS::Budgets::Budget",
            Self::DomainName => "AWS::ApiGatewayV2::DomainName",
            Self::Function => "AWS::Lambda::Function",
            Self::Integration => "AWS::ApiGatewayV2::Integration",
            Self::LogGroup => "AWS::Logs::LogGroup",
            Self::Permission => "AWS::Lambda::Permission",
            Self::Role => "AWS::IAM::Role",
            Self::Route => "AWS::ApiGatewayV2::Route",
            Self::Rule => "AWS::Events::Rule",
            Self::Stage => "AWS::ApiGatewayV2::Stage",
            Self::Subscription => "AWS::SNS::Subscription",
            Self::Table => "AWS::DynamoDB::Table",
            Self::Topic => "AWS::SNS::Topic",
        }
    }
}

/// The name of a resource within the template. Only the stack's own modules make one, so that what
/// refers to a resource uses the very value that it was added under.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct LogicalId(Cow<'static, str>);

impl LogicalId {
    pub(super) const fn new(name: &'static str) -> Self {
        Self(Cow::Borrowed(name))
    }

    /// What `function` has of a kind, such as `TrackRole`.
    pub(super) fn of(function: Function, kind: &str) -> Self {
        Self(Cow::Owned(capitalized(function.name()) + kind))
    }

    /// A name of several words, such as `RoutePostApiEvent`.
    pub(super) fn of_words<'a>(words: impl IntoIterator<Item = &'a str>) -> Self {
        Self(Cow::Owned(words.into_iter().map(capitalized).collect()))
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What CloudFormation's `Ref` gives for the resource: mostly its name.
    pub(super) fn reference(&self) -> Value {
        json!({ "Ref": self })
    }

    /// The ARN of the resource, made of its name: `kind` is what stands in front of that, such as
    /// `lambda:${AWS::Region}:${AWS::AccountId}:function:`.
    ///
    /// Not the attribute `Arn`: a plan would say of all that refers to an attribute of a resource
    /// which changes that it may change too, and be replaced, down to the routes.
    ///
    /// <https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_ResourceChangeDetail.html>
    pub(super) fn arn(&self, kind: &str) -> Value {
        json!({ "Fn::Sub": format!("arn:${{AWS::Partition}}:{kind}${{{self}}}") })
    }

    /// An attribute of the resource, such as the `ApiEndpoint` of an API.
    pub(super) fn attribute(&self, attribute: &str) -> Value {
        json!({ "Fn::GetAtt": [self, attribute] })
    }
}

impl fmt::Display for LogicalId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A resource, as it stands in the template.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Resource {
    #[serde(rename = "Type", serialize_with = "type_name")]
    kind: Type,
    #[serde(skip_serializing_if = "Option::is_none")]
    deletion_policy: Option<Fate>,
    #[serde(skip_serializing_if = "Option::is_none")]
    update_replace_policy: Option<Fate>,
    #[serde(serialize_with = "sorted")]
    properties: Value,
}

/// What becomes of a resource that leaves the stack, or is replaced.
///
/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-attribute-deletionpolicy.html>
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
enum Fate {
    Delete,
    Retain,
}

impl Resource {
    /// A resource that goes with the stack.
    pub(super) const fn new(kind: Type, properties: Value) -> Self {
        Self { kind, deletion_policy: None, update_replace_policy: None, properties }
    }

    /// Keeps the resource when it leaves the stack, for whatever reason.
    pub(super) const fn retained(self) -> Self {
        self.with_fate(Fate::Retain)
    }

    /// Says of a resource which holds something that it goes with the stack, as it would anyway.
    pub(super) const fn deleted(self) -> Self {
        self.with_fate(Fate::Delete)
    }

    const fn with_fate(mut self, fate: Fate) -> Self {
        self.deletion_policy = Some(fate);
        self.update_replace_policy = Some(fate);
        self
    }

    /// The resource's type.
    #[must_use]
    pub const fn kind(&self) -> Type {
        self.kind
    }

    /// Whether the resource outlives the stack.
    #[must_use]
    pub fn is_retained(&self) -> bool {
        (self.deletion_policy, self.update_replace_policy)
            == (Some(Fate::Retain), Some(Fate::Retain))
    }

    /// The resource's properties.
    #[must_use]
    pub const fn properties(&self) -> &Value {
        &self.properties
    }
}

/// A CloudFormation template. The table comes first, then what each module added, in its order.
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

/// A template that could not be written. No way to this is known.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the template cannot be written: {0}")]
pub struct TemplateError(String);

impl Template {
    /// A template without resources, all of which will have these tags.
    pub(super) const fn new(tags: Tags) -> Self {
        Self {
            version: "2010-09-09",
            description: "Footfall: web analytics. Made from footfall.yaml: change that, and deploy.",
            resources: Vec::new(),
            outputs: Vec::new(),
            tags,
        }
    }

    /// Adds a resource, with the tags in the form that its type takes them.
    pub(super) fn add(&mut self, id: LogicalId, mut resource: Resource) {
        self.tags.put_on(resource.kind, &mut resource.properties);
        self.resources.push((id, resource));
    }

    /// Adds an output.
    pub(super) fn output(&mut self, name: &str, description: &'static str, value: Value) {
        self.outputs.push((name.to_owned(), Output { description, value }));
    }

    /// The resources, in order.
    pub fn resources(&self) -> impl Iterator<Item = (&LogicalId, &Resource)> {
        self.resources.iter().map(|(id, resource)| (id, resource))
    }

    /// The names of the outputs, in order.
    pub fn outputs(&self) -> impl Iterator<Item = &str> {
        self.outputs.iter().map(|(name, _)| name.as_str())
    }

    /// The template as people read it.
    ///
    /// # Errors
    /// None that is known.
    pub fn to_yaml(&self) -> Result<String, TemplateError> {
        yaml::to_string(self).map_err(|error| TemplateError(error.to_string()))
    }

    /// The template as programs read it: the same, without spaces.
    ///
    /// # Errors
    /// None that is known.
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

/// Writes a value with the keys of every object in order, whatever features `serde_json` was built
/// with.
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
