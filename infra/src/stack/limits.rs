//! AWS's own limits.

/// Maximum bytes of a template in a call to CloudFormation. A larger one must be in S3.
///
/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html>
pub const INLINE_TEMPLATE_LIMIT: usize = 51_200;

/// Maximum bytes of a function's environment, as JSON.
///
/// <https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>
pub const ENVIRONMENT_LIMIT: usize = 4096;
