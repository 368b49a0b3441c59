//! Limits: table capacity, request rate, memory, log retention, budget.

use serde::Deserialize;

use crate::function::Function;

/// The table's capacity mode.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(try_from = "String")]
pub enum Capacity {
    /// Pay per request.
    #[default]
    OnDemand,
    /// 25 provisioned read and write units, which is DynamoDB's free tier for all tables of an account in a
    /// region together.
    FreeTier,
}

impl TryFrom<String> for Capacity {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        match text.as_str() {
            "on-demand" => Ok(Self::OnDemand),
            "free-tier" => Ok(Self::FreeTier),
            _ => Err(format!("unknown capacity {text:?}; use on-demand or free-tier")),
        }
    }
}

/// Days for which CloudWatch keeps the functions' logs. The default is 14.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "u64")]
pub struct LogRetention(u16);

impl LogRetention {
    /// The numbers of days that CloudWatch supports.
    ///
    /// <https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html>
    pub const ALLOWED: [u16; 22] = [
        1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557,
        2922, 3288, 3653,
    ];

    /// Returns the number of days.
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
                    "CloudWatch does not support {days} days; use one of {}",
                    allowed.join(", ")
                ))
            }
        }
    }
}

/// Limit on the API's requests. AWS answers 429 above it, free of charge.
///
/// Assume that the limit applies per route. AWS does not say that routes share a stage's limit, and calls it a
/// target, not a ceiling.
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
    /// Returns the default limit. 50 requests a second are 4 million views a day, and bound the bill of a flood.
    ///
    /// In the free tier, 25 units must cover both the hits and their rollup. For bursts and for a day's segment,
    /// DynamoDB adds the unused units of the last five minutes. A day of 2 hits a second makes a segment of about
    /// that size. `tests/contract.rs` has the calculation.
    ///
    /// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/burst-adaptive-capacity.html>
    #[must_use]
    pub const fn default_of(capacity: Capacity) -> Self {
        match capacity {
            Capacity::OnDemand => Self { rate: 50, burst: 500 },
            Capacity::FreeTier => Self { rate: 2, burst: 2000 },
        }
    }

    /// Returns the sustained requests per second.
    #[must_use]
    pub const fn rate(self) -> u16 {
        self.rate
    }

    /// Returns the requests allowed at once.
    #[must_use]
    pub const fn burst(self) -> u16 {
        self.burst
    }
}

impl TryFrom<WrittenThrottle> for Throttle {
    type Error = String;

    fn try_from(written: WrittenThrottle) -> Result<Self, String> {
        // The default quotas of an account, which a stage cannot exceed.
        // https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html
        let within = |name, n: u64, most: u16| match u16::try_from(n) {
            Ok(n) if (1..=most).contains(&n) => Ok(n),
            _ => Err(format!("invalid {name} {n}; use a number from 1 to {most}")),
        };
        Ok(Self {
            rate: within("rate", written.rate, 10_000)?,
            burst: within("burst", written.burst, 5_000)?,
        })
    }
}

/// Memory of the functions whose needs grow with a site.
///
/// The dashboard holds a report's segments, the rollup a day's hits. docs/scale.md says which sizes need more than
/// the default.
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
    /// Returns a function's memory in MB. `None` means the default.
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
        // From the needs of a small site to Lambda's maximum. New accounts start with a lower maximum.
        // https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
        let within = |mb: u64| match u16::try_from(mb) {
            Ok(mb @ 512..=10_240) => Ok(mb),
            _ => Err(format!("invalid memory {mb}; use a number of MB from 512 to 10240")),
        };
        Ok(Self {
            dashboard: written.dashboard.map(within).transpose()?,
            rollup: written.rollup.map(within).transpose()?,
        })
    }
}

/// US dollars a month above which an e-mail is sent, 1 to 1,000,000.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "u64")]
pub struct MonthlyBudget(u32);

impl MonthlyBudget {
    /// Returns the number of dollars, at least 1.
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
            _ => Err(format!("invalid budget {usd}; use whole dollars from 1 to 1000000")),
        }
    }
}
