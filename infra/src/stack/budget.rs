//! A budget that sends an e-mail if AWS costs more than expected, if the settings ask for it.

use serde_json::json;

use super::error::StackError;
use super::ids::LogicalId;
use super::inputs::Inputs;
use super::resource_type::Type;
use super::template::{Resource, Template};
use crate::settings::Settings;

const BUDGET: LogicalId = LogicalId::new("MonthlyBudget");

/// Regions in which CloudFormation supports budgets, by its schemas.
///
/// AWS's non-public regions are left out. A budget itself always covers every region.
pub const REGIONS: [&str; 17] = [
    "eu-central-1",
    "eu-west-1",
    "eu-west-2",
    "eu-west-3",
    "us-east-1",
    "us-east-2",
    "us-west-1",
    "us-west-2",
    "ca-central-1",
    "sa-east-1",
    "ap-northeast-1",
    "ap-northeast-2",
    "ap-south-1",
    "ap-southeast-1",
    "ap-southeast-2",
    "cn-north-1",
    "cn-northwest-1",
];

/// Adds a budget for the whole account.
///
/// A budget for the stack alone would need a tag, and count nothing until the owner activates that tag for cost
/// allocation.
///
/// <https://docs.aws.amazon.com/awsaccountbilling/latest/aboutv2/activating-tags.html>
pub(super) fn add(
    template: &mut Template,
    settings: &Settings,
    inputs: &Inputs,
) -> Result<(), StackError> {
    let (Some(budget), Some(email)) = (settings.monthly_budget_usd, &settings.alarm_email) else {
        return Ok(());
    };
    if !REGIONS.contains(&inputs.region.as_str()) {
        return Err(StackError::Budget(inputs.region.clone(), REGIONS[0]));
    }
    let notify = |kind: &str| {
        json!({
            "Notification": {
                "NotificationType": kind,
                "ComparisonOperator": "GREATER_THAN",
                "Threshold": 100,
                "ThresholdType": "PERCENTAGE",
            },
            "Subscribers": [{ "SubscriptionType": "EMAIL", "Address": email.as_str() }],
        })
    };
    let properties = json!({
        "Budget": {
            // Budget names are unique per account, not per region:
            // https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_budgets_Budget.html
            "BudgetName": inputs.name.part(&format!("{}-monthly", inputs.region)),
            "BudgetType": "COST",
            "TimeUnit": "MONTHLY",
            "BudgetLimit": { "Amount": budget.usd(), "Unit": "USD" },
        },
        "NotificationsWithSubscribers": [notify("ACTUAL"), notify("FORECASTED")],
    });
    template.add(BUDGET, Resource::new(Type::Budget, properties));
    Ok(())
}
