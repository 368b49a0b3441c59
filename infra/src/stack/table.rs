//! The table, which outlives the stack, and the table of salts, which is deleted with it.

use serde_json::{Value, json};

use super::ids::{SALTS, TABLE};
use super::inputs::Inputs;
use super::outputs;
use super::resource_type::Type;
use super::template::{Resource, Template};
use crate::settings::{Capacity, Settings};

/// Attribute with the partition key.
pub const PARTITION_KEY: &str = "pk";

/// Attribute with the sort key.
pub const SORT_KEY: &str = "sk";

/// Attribute with the time after which DynamoDB may delete an item, in seconds since 1970.
pub const EXPIRY: &str = "ttl";

/// Capacity units of DynamoDB's free tier, for all provisioned tables of an account in a region together.
///
/// <https://aws.amazon.com/dynamodb/pricing/provisioned/>
const FREE_UNITS: u8 = 25;

/// Maximum read units per second if a site is public.
///
/// Anyone can then make the dashboard read all segments, and on demand every read costs money. A report over
/// 400,000 hits reads this much. A larger one takes proportionally longer.
///
/// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/on-demand-capacity-mode-max-throughput.html>
const PUBLIC_READS: u32 = 2_000;

/// Returns the name of the salts table that belongs to a table.
#[must_use]
pub fn salts_table(table: &str) -> String {
    format!("{table}-salts")
}

/// Adds both tables, under fixed names.
///
/// A fixed name has three advantages. CloudFormation then rejects any change that would replace the table by an
/// empty one. A table that was kept is found without a search. And the next deploy can adopt it in the change set
/// that creates everything else (`ImportExistingResources`), which requires a literal name in the template.
///
/// Adopting a table does not change it. If a kept table has another capacity than the template says, the deploy
/// after that changes it.
///
/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/import-resources-automatically.html>
pub(super) fn add(template: &mut Template, settings: &Settings, inputs: &Inputs) {
    let mut properties = table_properties(inputs.name.as_str(), settings.point_in_time_recovery);
    properties["DeletionProtectionEnabled"] = json!(true);
    set_capacity(&mut properties, settings);
    template.add(TABLE, Resource::new(Type::Table, properties).retained());
    template.output(outputs::TABLE_NAME, "Name of the table", TABLE.reference());
    add_salts(template, inputs);
}

/// Adds the salts table, without point-in-time recovery.
///
/// With recovery, a deleted salt could be restored for 35 days, and visitors could be identified with it. The
/// table is deleted with the stack. It is always on demand: one write a day and one read per cold start cost less
/// than a cent a month.
fn add_salts(template: &mut Template, inputs: &Inputs) {
    let mut properties = table_properties(&salts_table(inputs.name.as_str()), false);
    properties["BillingMode"] = json!("PAY_PER_REQUEST");
    template.add(SALTS, Resource::new(Type::Table, properties).deleted());
}

fn table_properties(name: &str, recovery: bool) -> Value {
    json!({
        "TableName": name,
        "AttributeDefinitions": [
            { "AttributeName": PARTITION_KEY, "AttributeType": "S" },
            { "AttributeName": SORT_KEY, "AttributeType": "S" },
        ],
        "KeySchema": [
            { "AttributeName": PARTITION_KEY, "KeyType": "HASH" },
            { "AttributeName": SORT_KEY, "KeyType": "RANGE" },
        ],
        "TimeToLiveSpecification": { "AttributeName": EXPIRY, "Enabled": true },
        "PointInTimeRecoverySpecification": { "PointInTimeRecoveryEnabled": recovery },
    })
}

fn set_capacity(properties: &mut Value, settings: &Settings) {
    match settings.capacity {
        Capacity::OnDemand => {
            properties["BillingMode"] = json!("PAY_PER_REQUEST");
            if settings.sites.iter().any(|site| site.public) {
                properties["OnDemandThroughput"] = json!({ "MaxReadRequestUnits": PUBLIC_READS });
            }
        }
        Capacity::FreeTier => {
            properties["BillingMode"] = json!("PROVISIONED");
            properties["ProvisionedThroughput"] =
                json!({ "ReadCapacityUnits": FREE_UNITS, "WriteCapacityUnits": FREE_UNITS });
        }
    }
}
