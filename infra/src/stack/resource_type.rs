//! The types of resources.

/// A type of resource that the stack has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs, reason = "`name` gives the CloudFormation type of each")]
pub enum Type {
    Alarm,
    Api,
    ApiMapping,
    Budget,
    DomainName,
    Function,
    Integration,
    LogGroup,
    Permission,
    Role,
    Route,
    Rule,
    Stage,
    Subscription,
    Table,
    Topic,
}

impl Type {
    /// Returns its name in CloudFormation.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Alarm => "AWS::CloudWatch::Alarm",
            Self::Api => "AWS::ApiGatewayV2::Api",
            Self::ApiMapping => "AWS::ApiGatewayV2::ApiMapping",
            Self::Budget => "AWS::Budgets::Budget",
            Self::DomainName => "AWS::ApiGatewayV2::DomainName",
            Self::Function => "AWS::Lambda::Function",
            Self::Integration => "AWS::ApiGatewayV2::Integration",
            Self::LogGroup => "AWS::Logs::LogGroup",
            Self::Permission => "AWS::Lambda::Permission",
            Self::Role => "AWS::IAM::Role",
            Self::Route => "AWS::ApiGatewayV2::Route",
            Self::Rule => "AWS::Events::Rule",
            Self::Stage => "AWS::ApiGatewayV2::Stage",
            Self::Subscription => "AWS::SNS::Subscription",
            Self::Table => "AWS::DynamoDB::Table",
            Self::Topic => "AWS::SNS::Topic",
        }
    }
}
