//! The stack: what a deployed Footfall consists of, as a CloudFormation template made from the
//! settings. One module for each concern; the same input gives the same bytes.

mod alarms;
mod api;
mod budget;
mod domain;
mod functions;
mod permissions;
mod schedule;
mod table;
mod tags;
mod template;
mod yaml;

use std::collections::BTreeMap;
use std::fmt;

use crate::api::Function;
use crate::settings::Settings;

pub use budget::REGIONS as BUDGET_REGIONS;
pub use functions::{ENVIRONMENT_LIMIT, Spec, log_group_name, reserved_concurrency};
pub use permissions::{Action, Grant, Partition};
pub use schedule::Schedule;
pub use table::{EXPIRY, PARTITION_KEY, SALTS, SORT_KEY, TABLE, salts_table};
pub use tags::STACK_TAG;
pub use template::{LogicalId, Resource, Template, TemplateError, Type};

/// The most bytes that a template may have in a call to CloudFormation; a larger one must be in S3.
///
/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html>
pub const INLINE_TEMPLATE_LIMIT: usize = 51_200;

/// What the stack is made of beside the settings: what only the deployer can know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inputs {
    /// The stack's name.
    pub name: StackName,
    /// The stack's region, such as `eu-central-1`.
    pub region: String,
    /// The code of every function.
    ///
    /// Bucket and key stand in the template as they are, not as parameters. So a template is the
    /// whole of a deploy: a plan shows it, and going back is applying the one before.
    pub artifacts: BTreeMap<Function, Artifact>,
    /// What the code is built for.
    pub architecture: Architecture,
    /// Whether the account has room for [`reserved_concurrency`]. A new account has not: of its 10
    /// concurrent executions none may be reserved.
    ///
    /// <https://docs.aws.amazon.com/lambda/latest/dg/configuration-concurrency.html>
    pub reserve_concurrency: bool,
}

/// Where a function's zip is. The key names its content: under the same key CloudFormation would
/// see no change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Artifact {
    /// The bucket, in the stack's own region.
    pub bucket: String,
    /// The object's key.
    pub key: String,
}

/// What a function's code is built for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Architecture {
    /// Graviton: a fifth cheaper.
    #[default]
    Arm64,
    /// What most machines are that tests run on.
    X86_64,
}

impl Architecture {
    /// The name that Lambda knows it by.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Arm64 => "arm64",
            Self::X86_64 => "x86_64",
        }
    }
}

/// The name of a stack, and of its table; the names of all else that has one begin with it. Valid
/// for CloudFormation, DynamoDB and, with a function's name behind it, Lambda.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StackName(String);

impl StackName {
    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name of a part of the stack, such as `footfall-track`.
    #[must_use]
    pub fn part(&self, part: &str) -> String {
        format!("{}-{part}", self.0)
    }
}

impl Default for StackName {
    fn default() -> Self {
        Self("footfall".to_owned())
    }
}

impl TryFrom<String> for StackName {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        let is_name = name.starts_with(|c: char| c.is_ascii_alphabetic())
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && (3..=50).contains(&name.len());
        if is_name {
            Ok(Self(name))
        } else {
            Err(format!(
                "{name:?} cannot name a stack; use 3 to 50 letters, digits and -, a letter first"
            ))
        }
    }
}

impl fmt::Display for StackName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why there is no template.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StackError {
    /// The deployer forgot a function.
    #[error("the function {0} has no code; give the place of its zip")]
    NoArtifact(&'static str),
    /// The settings are too many for Lambda.
    #[error(
        "the settings take {0} bytes of a function's environment, where Lambda allows \
         {ENVIRONMENT_LIMIT}; name hosts by a wildcard (*.example.com), shorten blocked_referrers, or \
         spread the sites over two stacks"
    )]
    Environment(usize),
    /// The certificate is out of the API's reach.
    #[error(
        "custom_domain.certificate_arn: the certificate is in {0} and the stack in {1}; use one of the \
         stack's own region"
    )]
    Certificate(String, String),
    /// The stack cannot have a budget there.
    #[error(
        "monthly_budget_usd: a stack in {0} cannot have a budget; remove the key, and make a budget in \
         the AWS console under Billing, or deploy to another region, such as {1}"
    )]
    Budget(String, &'static str),
    /// The settings could not be written; see [`Settings::to_json`].
    #[error("the settings cannot be written for a function: {0}")]
    Settings(String),
}

/// The stack.
#[derive(Debug)]
pub struct Stack;

impl Stack {
    /// The template of the stack.
    ///
    /// # Errors
    /// If a function has no code, the settings do not fit into a function's environment, or the region
    /// lacks what they ask for.
    pub fn of(settings: &Settings, inputs: &Inputs) -> Result<Template, StackError> {
        let mut template = Template::new(tags::all(settings, &inputs.name));
        table::add(&mut template, settings, inputs);
        functions::add(&mut template, settings, inputs)?;
        api::add(&mut template, settings, inputs);
        schedule::add(&mut template);
        domain::add(&mut template, settings, inputs)?;
        alarms::add(&mut template, settings, inputs);
        budget::add(&mut template, settings, inputs)?;
        Ok(template)
    }
}

/// `track` as `Track`: as it stands in logical ids and outputs, which are letters and digits.
pub(crate) fn capitalized(word: &str) -> String {
    let mut capitals = word.chars().filter(char::is_ascii_alphanumeric);
    let first = capitals.next().map(|c| c.to_ascii_uppercase());
    first.into_iter().chain(capitals).collect()
}
