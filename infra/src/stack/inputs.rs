//! What the deployer adds to the settings.

use std::collections::BTreeMap;

use super::name::StackName;
use crate::function::Function;

/// The deployer's part of the stack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inputs {
    /// The stack's name.
    pub name: StackName,
    /// The stack's region, such as `eu-central-1`.
    pub region: String,
    /// The code of every function.
    ///
    /// Bucket and key are literals in the template, not parameters. So a template is a complete deploy: a
    /// plan shows every change, and a rollback applies the previous template.
    pub artifacts: BTreeMap<Function, Artifact>,
    /// The processor architecture of the code.
    pub architecture: Architecture,
    /// Whether the account allows [`reserved_concurrency`](super::reserved_concurrency). A new account has 10
    /// concurrent executions and cannot reserve any.
    ///
    /// <https://docs.aws.amazon.com/lambda/latest/dg/configuration-concurrency.html>
    pub reserve_concurrency: bool,
}

/// The location of a function's zip.
///
/// The key contains a hash of the content, because CloudFormation sees no change if the key stays the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Artifact {
    /// The bucket, in the stack's own region.
    pub bucket: String,
    /// The object's key.
    pub key: String,
}

/// A processor architecture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Architecture {
    /// Graviton, which is 20 % cheaper.
    #[default]
    Arm64,
    /// For tests on x86-64.
    X86_64,
}

impl Architecture {
    /// Returns its name in Lambda.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Arm64 => "arm64",
            Self::X86_64 => "x86_64",
        }
    }
}
