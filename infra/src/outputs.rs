//! The names of the stack's outputs: what the deployer and the tests read of a deployed stack.

use crate::api::Function;

/// Where the dashboard and the snippet find the API: the owner's own domain, if there is one.
pub const ENDPOINT: &str = "Endpoint";

/// Where AWS itself put the API. It works before a domain of the owner's points here.
pub const API_ENDPOINT: &str = "ApiEndpoint";

/// The name of the table.
pub const TABLE_NAME: &str = "TableName";

/// Where the owner's domain must point in DNS, by a CNAME or an alias. Only with a custom domain.
pub const CUSTOM_DOMAIN_TARGET: &str = "CustomDomainTarget";

/// The Route 53 zone of that target, which an alias record needs. Only with a custom domain.
pub const CUSTOM_DOMAIN_ZONE: &str = "CustomDomainZone";

/// The name of a function.
#[must_use]
pub fn function_name(function: Function) -> String {
    format!("{}FunctionName", crate::stack::capitalized(function.name()))
}
