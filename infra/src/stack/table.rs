//! The table: all that is kept, and all that outlives the stack. And beside it the one of the salts, which are to be lost.

use serde_json::{Value, json};

use super::Inputs;
use super::template::{LogicalId, Resource, Template, Type};
use crate::outputs;
use crate::settings::{Capacity, Settings};

/// The table's name within the template: the one resource that holds data.
pub const TABLE: LogicalId = LogicalId::new("Table");

/// The table of the salts within the template.
pub const SALTS: LogicalId = LogicalId::new("Salts");

/// The attribute by which items are spread.
pub const PARTITION_KEY: &str = "pk";

/// The attribute by which the items of a partition are ordered.
pub const SORT_KEY: &str = "sk";

/// The attribute that says when DynamoDB may delete an item, in seconds since 1970.
pub const EXPIRY: &str = "ttl";

/// DynamoDB's free tier, for all provisioned tables of an account in a region together.
///
/// <https://aws.amazon.com/dynamodb/pricing/provisioned/>
const FREE_UNITS: u8 = 25;

/// How many read units a second may be used where a site is public: whoever asks for its reports makes the
/// dashboard read all its segments, and on demand that costs as much as is read. A report of 400,000 hits reads
/// as much, and one of more takes as many seconds.
///
/// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/on-demand-capacity-mode-max-throughput.html>
const PUBLIC_READS: u32 = 2_000;

/// The name of the table of salts that belongs to a table.
#[must_use]
pub fn salts_table(table: &str) -> String {
    format!("{table}-salts")
}

/// The table has a name that is fixed, for three reasons: CloudFormation then refuses every change
/// that would put an empty table in its place; a table that was kept is found without a search; and
/// the next deploy can adopt it in the change set that makes all the rest (`ImportExistingResources`),
/// which takes names that stand in the template as they are, and nothing computed.
///
/// To adopt a table is not to change it, whatever the template says of it: one that was kept with
/// another capacity is adopted with that, and changed by the deploy after.
///
/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/import-resources-automatically.html>
pub(super) fn add(template: &mut Template, settings: &Settings, inputs: &Inputs) {
    let mut properties = shape(inputs.name.as_str(), settings.point_in_time_recovery);
    properties["DeletionProtectionEnabled"] = json!(true);
    set_capacity(&mut properties, settings);
    template.add(TABLE, Resource::new(Type::Table, properties).retained());
    template.output(outputs::TABLE_NAME, "The table of hits", TABLE.reference());
    add_salts(template, inputs);
}

/// A table of their own for the salts, without recovery: out of a table that can be restored as it was, a salt that
/// was deleted can be had again for 35 days, and with it who came. It goes with the stack. On demand in any case:
/// it is written once a day and read when a function starts, which is less than a cent a month.
fn add_salts(template: &mut Template, inputs: &Inputs) {
    let mut properties = shape(&salts_table(inputs.name.as_str()), false);
    properties["BillingMode"] = json!("PAY_PER_REQUEST");
    template.add(SALTS, Resource::new(Type::Table, properties).deleted());
}

fn shape(name: &str, recovery: bool) -> Value {
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
