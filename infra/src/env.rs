//! Environment variables of a deployed function.

/// The name of the DynamoDB table.
pub const TABLE: &str = "FOOTFALL_TABLE";

/// The settings as JSON. Lambda allows 4 KB for all variables together.
pub const SETTINGS: &str = "FOOTFALL_SETTINGS";
