//! Logical ids: the names of resources within the template, and references by them.

use std::borrow::Cow;
use std::fmt;

use serde::Serialize;
use serde_json::{Value, json};

use super::name::capitalized;
use crate::function::Function;

/// The table, the one resource that holds the owner's data.
pub const TABLE: LogicalId = LogicalId::new("Table");

/// The table of salts.
pub const SALTS: LogicalId = LogicalId::new("Salts");

pub(super) const API: LogicalId = LogicalId::new("Api");
pub(super) const STAGE: LogicalId = LogicalId::new("Stage");

/// The name of a resource within the template.
///
/// Only the stack's own modules can make one, so every reference uses the value of the resource itself.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct LogicalId(Cow<'static, str>);

impl LogicalId {
    pub(super) const fn new(name: &'static str) -> Self {
        Self(Cow::Borrowed(name))
    }

    /// Returns the id of a function's resource, such as `TrackRole`.
    pub(super) fn of(function: Function, kind: &str) -> Self {
        Self(Cow::Owned(capitalized(function.name()) + kind))
    }

    /// Joins words into an id, such as `RoutePostApiEvent`.
    pub(super) fn of_words<'a>(words: impl IntoIterator<Item = &'a str>) -> Self {
        Self(Cow::Owned(words.into_iter().map(capitalized).collect()))
    }

    /// Returns the id as it stands in the template.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns a CloudFormation `Ref`, which gives the resource's name for most types.
    pub(super) fn reference(&self) -> Value {
        json!({ "Ref": self })
    }

    /// Returns the resource's ARN, built from its name.
    ///
    /// `prefix` stands in front of the name, such as `lambda:${AWS::Region}:${AWS::AccountId}:function:`. The
    /// attribute `Arn` would not do: if a resource changes, a plan lists everything that refers to one of its
    /// attributes as a possible replacement, down to the routes.
    ///
    /// <https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_ResourceChangeDetail.html>
    pub(super) fn arn(&self, prefix: &str) -> Value {
        json!({ "Fn::Sub": format!("arn:${{AWS::Partition}}:{prefix}${{{self}}}") })
    }

    /// Returns an attribute of the resource, such as an API's `ApiEndpoint`.
    pub(super) fn attribute(&self, attribute: &str) -> Value {
        json!({ "Fn::GetAtt": [self, attribute] })
    }
}

impl fmt::Display for LogicalId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

pub(super) fn function(function: Function) -> LogicalId {
    LogicalId::of(function, "Function")
}

/// Returns the ARN by which other resources call a function. Permissions use its name instead.
pub(super) fn function_arn(of: Function) -> Value {
    function(of).arn("lambda:${AWS::Region}:${AWS::AccountId}:function:")
}

pub(super) fn log_group(function: Function) -> LogicalId {
    LogicalId::of(function, "Logs")
}

pub(super) fn role(function: Function) -> LogicalId {
    LogicalId::of(function, "Role")
}

/// Returns the ARN of the role that a function assumes.
pub(super) fn role_arn(function: Function) -> Value {
    role(function).arn("iam::${AWS::AccountId}:role/")
}
