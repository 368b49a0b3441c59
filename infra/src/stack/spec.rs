//! Every function's memory, timeout, permissions and schedule, in one table.

use super::ids::{LogicalId, SALTS, TABLE};
use crate::function::Function;

/// A function's configuration.
#[derive(Debug, Clone, Copy)]
pub struct Spec {
    /// The function.
    pub function: Function,
    /// Description for people who see it in the AWS console.
    pub description: &'static str,
    /// Default memory in MB. Lambda gives one core at 1,769 MB:
    /// <https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html>
    pub memory: u16,
    /// Timeout in seconds.
    pub timeout: u16,
    /// Reserved concurrency, if the account allows it.
    pub reserved: u16,
    /// Permissions on the tables.
    pub grants: &'static [Grant],
    /// Schedule, if it has one.
    pub schedule: Option<Schedule>,
}

impl Spec {
    /// Returns a function's configuration.
    #[must_use]
    pub const fn of(function: Function) -> Self {
        match function {
            Function::Track => Self {
                function,
                description: "Takes hits",
                // Lambda's minimum. The function mostly waits for one write.
                memory: 128,
                // Longer than the 12 seconds for which it retries a write.
                timeout: 15,
                reserved: 50,
                grants: &[
                    Grant { action: Action::PutItem, partitions: &[Partition::Hits] },
                    Grant { action: Action::PutItem, partitions: &[Partition::Salts] },
                    Grant { action: Action::Query, partitions: &[Partition::Salts] },
                ],
                schedule: None,
            },
            Function::Dashboard => Self {
                function,
                description: "Answers reports",
                memory: 512,
                // API Gateway waits no longer:
                // https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html
                timeout: 30,
                reserved: 10,
                // Everything but the salts, because reports never identify visitors. It reads access rules but
                // cannot change them: its only writes are used login links and password attempts.
                grants: &[
                    Grant {
                        action: Action::Query,
                        partitions: &[
                            Partition::Hits,
                            Partition::Segments,
                            Partition::Meta,
                            Partition::Access,
                            Partition::Logins,
                        ],
                    },
                    Grant { action: Action::PutItem, partitions: &[Partition::Logins] },
                ],
                schedule: None,
            },
            Function::Rollup => Self {
                function,
                description: "Rolls hits up into segments",
                // A site's day is in memory while it is rolled up. 3.3 million hits took 828 MB (docs/scale.md), and
                // the throttle allows 4.3 million a day. This much memory comes with a full core, which shortens a
                // run as much as it raises its price.
                memory: 1769,
                // Lambda's maximum, to catch up after days without a run.
                timeout: 900,
                // One scheduled run, and one that is late, repeated or started by hand. Two at once are safe.
                reserved: 2,
                // It never changes hits, which expire by their TTL.
                grants: &[
                    Grant {
                        action: Action::Query,
                        partitions: &[Partition::Hits, Partition::Segments, Partition::Meta],
                    },
                    Grant { action: Action::Query, partitions: &[Partition::Salts] },
                    Grant {
                        action: Action::PutItem,
                        partitions: &[Partition::Segments, Partition::Meta],
                    },
                    Grant { action: Action::DeleteItem, partitions: &[Partition::Segments] },
                    Grant { action: Action::DeleteItem, partitions: &[Partition::Salts] },
                ],
                // The previous hour can be rolled up 5 minutes after its end (runtime/src/rollup.rs). The odd
                // minute avoids the rush of everybody else's schedules.
                schedule: Some(Schedule::HourlyAt(7)),
            },
        }
    }
}

/// Returns the reserved concurrency of all functions together.
///
/// AWS requires that the account keeps 100 more unreserved:
/// <https://docs.aws.amazon.com/lambda/latest/dg/configuration-concurrency.html>
#[must_use]
pub fn reserved_concurrency() -> u16 {
    Function::ALL.iter().map(|function| Spec::of(*function).reserved).sum()
}

/// A kind of items, told apart by partition key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Partition {
    /// Hits of every site, hour and shard.
    Hits,
    /// Segments of every site and month.
    Segments,
    /// Daily salts.
    Salts,
    /// Rollup progress of each site, imports, leases, and the time of the last rollup.
    Meta,
    /// Tokens, share links, the password, and the signing key.
    Access,
    /// Used login links and password attempts.
    Logins,
}

impl Partition {
    /// Every kind.
    pub const ALL: [Self; 6] =
        [Self::Hits, Self::Segments, Self::Salts, Self::Meta, Self::Access, Self::Logins];

    /// Returns the table of these items.
    #[must_use]
    pub const fn table(self) -> LogicalId {
        match self {
            Self::Salts => SALTS,
            Self::Hits | Self::Segments | Self::Meta | Self::Access | Self::Logins => TABLE,
        }
    }

    /// Returns the IAM pattern of the partition keys.
    #[must_use]
    pub const fn pattern(self) -> &'static str {
        match self {
            Self::Hits => "hit#*",
            Self::Segments => "seg#*",
            Self::Salts => "salt",
            Self::Meta => "meta",
            Self::Access => "access",
            Self::Logins => "login",
        }
    }
}

/// A DynamoDB operation on items of one partition, which the request names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// `PutItem`, with or without a condition.
    PutItem,
    /// `Query`.
    Query,
    /// `DeleteItem`.
    DeleteItem,
}

impl Action {
    /// Returns its name in IAM.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::PutItem => "dynamodb:PutItem",
            Self::Query => "dynamodb:Query",
            Self::DeleteItem => "dynamodb:DeleteItem",
        }
    }
}

/// Permission for one operation on some items.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grant {
    /// The operation.
    pub action: Action,
    /// The items, all of one table.
    pub partitions: &'static [Partition],
}

/// When a function runs without a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Schedule {
    /// Every hour, at this minute.
    HourlyAt(u8),
}

impl Schedule {
    /// Returns its EventBridge expression, such as `cron(7 * * * ? *)`.
    ///
    /// <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-scheduled-rule-pattern.html>
    #[must_use]
    pub fn expression(self) -> String {
        match self {
            Self::HourlyAt(minute) => format!("cron({minute} * * * ? *)"),
        }
    }

    /// Returns the seconds between two runs.
    #[must_use]
    pub const fn period(self) -> u32 {
        match self {
            Self::HourlyAt(_) => 3600,
        }
    }
}
