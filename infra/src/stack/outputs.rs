//! Names of the stack's outputs, which the deployer and the tests read.

use super::name::capitalized;
use crate::function::Function;

/// URL of the API for the dashboard and the snippet: the owner's custom domain if there is one.
pub const ENDPOINT: &str = "Endpoint";

/// URL that AWS gives the API. It works before a custom domain points here.
pub const API_ENDPOINT: &str = "ApiEndpoint";

/// Name of the table.
pub const TABLE_NAME: &str = "TableName";

/// DNS target of the custom domain, for a CNAME or an alias. Only with a custom domain.
pub const CUSTOM_DOMAIN_TARGET: &str = "CustomDomainTarget";

/// Route 53 zone of that target, which an alias record needs. Only with a custom domain.
pub const CUSTOM_DOMAIN_ZONE: &str = "CustomDomainZone";

/// Returns the output with a function's name.
#[must_use]
pub fn function_name(function: Function) -> String {
    format!("{}FunctionName", capitalized(function.name()))
}
