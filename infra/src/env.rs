//! The environment variables through which a deployed function learns what it serves.

/// The name of the DynamoDB table.
pub const TABLE: &str = "FOOTFALL_TABLE";

/// The [`Settings`](crate::settings::Settings) as JSON. Lambda allows 4 KB for all variables.
pub const SETTINGS: &str = "FOOTFALL_SETTINGS";
