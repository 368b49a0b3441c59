//! What an owner can limit: the table's capacity, requests a second, memory, days of logs, the bill.

use serde::Deserialize;

use crate::function::Function;

/// How the table's reads and writes are paid for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(try_from = "String")]
pub enum Capacity {
    /// Each one, as it comes.
    #[default]
    OnDemand,
    /// 25 units of each, provisioned: what DynamoDB's free tier gives, for all tables of an
    /// account in a region together.
    FreeTier,
}

impl TryFrom<String> for Capacity {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        match text.as_str() {
            "on-demand" => Ok(Self::OnDemand),
            "free-tier" => Ok(Self::FreeTier),
            _ => Err(format!("{text:?} is no capacity; use on-demand or free-tier")),
        }
    }
}

/// For how many days CloudWatch keeps the functions' logs; 14 if not said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "u64")]
pub struct LogRetention(u16);

impl LogRetention {
    /// What CloudWatch can do.
    ///
    /// <https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html>
    pub const ALLOWED: [u16; 22] = [
        1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557,
        2922, 3288, 3653,
    ];

    /// The number of days.
    #[must_use]
    pub const fn days(self) -> u16 {
        self.0
    }
}

impl Default for LogRetention {
    fn default() -> Self {
        Self(14)
    }
}

impl TryFrom<u64> for LogRetention {
    type Error = String;

    fn try_from(days: u64) -> Result<Self, String> {
        match u16::try_from(days) {
            Ok(days) if Self::ALLOWED.contains(&days) => Ok(Self(days)),
            _ => {
                let allowed: Vec<String> = Self::ALLOWED.iter().map(u16::to_string).collect();
                Err(format!(
                    "CloudWatch cannot keep logs for {days} days; use one of {}",
                    allowed.join(", ")
                ))
            }
        }
    }
}

/// How many requests the API lets through; what is over it is answered 429, and costs nothing. It
/// is to be thought of as each route's: AWS does not say that routes share what a stage sets for
/// them, and calls it a target, not a ceiling.
///
/// <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-throttling.html>
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "WrittenThrottle")]
pub struct Throttle {
    rate: u16,
    burst: u16,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenThrottle {
    rate: u64,
    burst: u64,
}

impl Throttle {
    /// What holds where nothing is said. 50 a second are 4 million views a day, and put a ceiling
    /// on the bill of a flood.
    ///
    /// In the free tier, whatever is let in must be taken by 25 units, and folded by them. What comes at once, and
    /// the segment of a day, DynamoDB lends from what the five minutes before left unused: the segment of a day of
    /// 2 hits a second, all day long, is about as much as that. `tests/contract.rs` does the sums.
    ///
    /// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/burst-adaptive-capacity.html>
    #[must_use]
    pub const fn default_of(capacity: Capacity) -> Self {
        match capacity {
            Capacity::OnDemand => Self { rate: 50, burst: 500 },
            Capacity::FreeTier => Self { rate: 2, burst: 2000 },
        }
    }

    /// Requests a second, over time.
    #[must_use]
    pub const fn rate(self) -> u16 {
        self.rate
    }

    /// Requests at once.
    #[must_use]
    pub const fn burst(self) -> u16 {
        self.burst
    }
}

impl TryFrom<WrittenThrottle> for Throttle {
    type Error = String;

    fn try_from(written: WrittenThrottle) -> Result<Self, String> {
        // A stage cannot have more than its account, which has these unless AWS was asked for more.
        // https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html
        let within = |name, n: u64, most: u16| match u16::try_from(n) {
            Ok(n) if (1..=most).contains(&n) => Ok(n),
            _ => Err(format!("a {name} of {n} cannot be; use a number from 1 to {most}")),
        };
        Ok(Self {
            rate: within("rate", written.rate, 10_000)?,
            burst: within("burst", written.burst, 5_000)?,
        })
    }
}

/// How much memory the functions have that hold what grows with a site: the dashboard a report's segments, the rollup
/// a day's hits. docs/scale.md says from which size they need more than they have where nothing is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(try_from = "WrittenMemory")]
pub struct Memory {
    dashboard: Option<u16>,
    rollup: Option<u16>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenMemory {
    dashboard: Option<u64>,
    rollup: Option<u64>,
}

impl Memory {
    /// That of a function, in MB, if it is said.
    #[must_use]
    pub const fn of(self, function: Function) -> Option<u16> {
        match function {
            Function::Track => None,
            Function::Dashboard => self.dashboard,
            Function::Rollup => self.rollup,
        }
    }
}

impl TryFrom<WrittenMemory> for Memory {
    type Error = String;

    fn try_from(written: WrittenMemory) -> Result<Self, String> {
        // No less than a small site needs, and no more than Lambda has. New accounts have less than that at first.
        // https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
        let within = |mb: u64| match u16::try_from(mb) {
            Ok(mb @ 512..=10_240) => Ok(mb),
            _ => Err(format!("{mb} MB cannot be; use a number from 512 to 10240")),
        };
        Ok(Self {
            dashboard: written.dashboard.map(within).transpose()?,
            rollup: written.rollup.map(within).transpose()?,
        })
    }
}

/// How many US dollars a month may cost before an e-mail is sent, 1 to 1,000,000.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "u64")]
pub struct MonthlyBudget(u32);

impl MonthlyBudget {
    /// The number of dollars, at least 1.
    #[must_use]
    pub const fn usd(self) -> u32 {
        self.0
    }
}

impl TryFrom<u64> for MonthlyBudget {
    type Error = String;

    fn try_from(usd: u64) -> Result<Self, String> {
        match u32::try_from(usd) {
            Ok(usd @ 1..=1_000_000) => Ok(Self(usd)),
            _ => Err(format!("a budget of {usd} cannot be; use whole dollars from 1 to 1000000")),
        }
    }
}
