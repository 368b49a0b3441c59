//! Why a stack cannot be made.

use super::limits::ENVIRONMENT_LIMIT;

/// Why a stack cannot be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StackError {
    /// The deployer passed no artifact for a function.
    #[error("missing code for the function {0}; pass the bucket and key of its zip")]
    NoArtifact(&'static str),
    /// The settings exceed Lambda's limit.
    #[error(
        "the settings take {0} bytes of a function's environment, but Lambda allows \
         {ENVIRONMENT_LIMIT}; replace hosts by a wildcard (*.example.com), shorten blocked_referrers, or \
         split the sites between two stacks"
    )]
    Environment(usize),
    /// The certificate is in another region than the API.
    #[error(
        "custom_domain.certificate_arn: the certificate is in {0} but the stack is in {1}; use a \
         certificate in the stack's region"
    )]
    Certificate(String, String),
    /// CloudFormation does not support budgets in the region.
    #[error(
        "monthly_budget_usd: CloudFormation has no budgets in {0}; remove the key and create a budget in \
         the AWS console under Billing, or deploy to another region, such as {1}"
    )]
    Budget(String, &'static str),
    /// The settings cannot be written as JSON. No settings are known to cause this.
    #[error("cannot write the settings for a function: {0}")]
    Settings(String),
}
