//! The owner's settings: `footfall.yaml`, parsed into types that only hold valid values.
//!
//! A deployed function gets them as JSON in [`env::SETTINGS`](crate::env::SETTINGS), without the keys that only
//! the stack needs.

mod error;
mod goal;
mod host;
mod limits;
mod owner;
mod site;
mod time_zone;

use serde::{Deserialize, Serialize};

pub use error::SettingsError;
use error::{line_of, remedied};
pub use goal::{Goal, MAX_GOALS, PagePattern, Reached};
pub use host::{Domain, Host};
pub use limits::{Capacity, LogRetention, Memory, MonthlyBudget, Throttle};
pub use owner::{CertificateArn, CustomDomain, Email, Tags};
pub use site::{RetentionDays, Site};
pub use time_zone::TimeZone;

/// Name of the settings file in the current folder.
pub const FILE: &str = "footfall.yaml";

/// Everything that an owner can configure.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The sites whose hits are stored: at least one. No host belongs to two of them.
    #[serde(deserialize_with = "site::sites")]
    pub sites: Vec<Site>,

    /// Number of the owner's own proxies in front of the API. Each appends to `X-Forwarded-For`.
    ///
    /// By default it is 0, which means that the header is ignored.
    #[serde(default, skip_serializing_if = "is_default")]
    pub trusted_proxies: u8,

    /// Number of table partitions for the hits of one site and hour. Each takes about 1,000 hits a second.
    #[serde(default, skip_serializing_if = "is_default")]
    pub shards: Shards,

    /// Domains treated as referrer spam, in addition to Footfall's list.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub blocked_referrers: Vec<Domain>,

    // The keys below are only for the stack. Changing them leaves the functions unchanged.
    /// The table's capacity mode.
    #[serde(default, skip_serializing)]
    pub capacity: Capacity,

    /// Whether the table can be restored to any second of the last 35 days.
    #[serde(default = "yes", skip_serializing)]
    pub point_in_time_recovery: bool,

    /// Days for which the functions' logs are kept.
    #[serde(default, skip_serializing)]
    pub log_retention_days: LogRetention,

    /// Limit on the API's requests. [`throttle`](Self::throttle) has the default.
    #[serde(default, skip_serializing)]
    pub throttle: Option<Throttle>,

    /// Memory of the functions, if it differs from the default.
    #[serde(default, skip_serializing)]
    pub memory_mb: Memory,

    /// Address for alarms: a function fails or is throttled, or the budget is spent.
    #[serde(default, skip_serializing)]
    pub alarm_email: Option<Email>,

    /// Monthly cost of the whole AWS account above which an e-mail is sent.
    #[serde(default, skip_serializing)]
    pub monthly_budget_usd: Option<MonthlyBudget>,

    /// The owner's domain for the API.
    #[serde(default, skip_serializing)]
    pub custom_domain: Option<CustomDomain>,

    /// Tags for every resource of the stack.
    #[serde(default, skip_serializing)]
    pub tags: Tags,
}

/// A number of partitions, 1 to 100.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "u64")]
pub struct Shards(u8);

impl Shards {
    /// Returns the number, at least 1.
    #[must_use]
    pub const fn get(self) -> u8 {
        self.0
    }
}

impl Default for Shards {
    fn default() -> Self {
        Self(1)
    }
}

impl TryFrom<u64> for Shards {
    type Error = String;

    fn try_from(n: u64) -> Result<Self, String> {
        match u8::try_from(n) {
            Ok(n @ 1..=100) => Ok(Self(n)),
            _ => Err(format!("invalid number of shards {n}; use a number from 1 to 100")),
        }
    }
}

impl Settings {
    /// Returns the settings of `dev` without a file: one site, `localhost`.
    #[must_use]
    pub fn local() -> Self {
        let domain = Domain::localhost();
        Self {
            sites: vec![Site::of(domain)],
            trusted_proxies: 0,
            shards: Shards::default(),
            blocked_referrers: Vec::new(),
            capacity: Capacity::default(),
            point_in_time_recovery: true,
            log_retention_days: LogRetention::default(),
            throttle: None,
            memory_mb: Memory::default(),
            alarm_email: None,
            monthly_budget_usd: None,
            custom_domain: None,
            tags: Tags::default(),
        }
    }

    /// Parses the text of a settings file.
    ///
    /// # Errors
    /// The first error, with its line, its key and the remedy.
    pub fn from_yaml(text: &str) -> Result<Self, SettingsError> {
        if text.lines().all(|line| line.trim().is_empty() || line.trim_start().starts_with('#')) {
            return Err(SettingsError {
                line: None,
                key: "sites".to_owned(),
                problem: "no sites; add `sites:` and below it \
                          `  - domain: example.com`"
                    .to_owned(),
            });
        }
        let settings: Self = serde_path_to_error::deserialize(serde_yaml::Deserializer::from_str(
            text,
        ))
        .map_err(|error| {
            let path = error.path().to_string();
            let inner = error.into_inner();
            let line = inner.location().map(|location| line_of(text, location.line(), &path));
            let message = inner.to_string();
            // serde_yaml also prefixes most messages with a path: this one or a parent's.
            let message = match message.split_once(": ") {
                Some((parent, rest)) if path.starts_with(parent) => rest,
                _ => &message,
            };
            let key = if path == "." { String::new() } else { path };
            SettingsError { line, key, problem: remedied(message) }
        })?;
        if settings.monthly_budget_usd.is_some() && settings.alarm_email.is_none() {
            let key = "monthly_budget_usd";
            return Err(SettingsError {
                line: Some(line_of(text, 1, key)),
                key: key.to_owned(),
                problem: "this needs an e-mail address; add `alarm_email: you@example.com`"
                    .to_owned(),
            });
        }
        Ok(settings)
    }

    /// Parses what [`to_json`](Self::to_json) wrote.
    ///
    /// # Errors
    /// The same errors as for the file.
    pub fn from_json(text: &str) -> Result<Self, SettingsError> {
        serde_json::from_str(text).map_err(|error| SettingsError {
            line: Some(error.line()),
            key: String::new(),
            problem: error.to_string(),
        })
    }

    /// Returns the settings for a function's environment, as compact as possible.
    ///
    /// It leaves out defaults, and keys that only the stack needs.
    ///
    /// # Errors
    /// No settings are known to cause one: every part is a string, a number or a list.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string(self)
    }

    /// Returns the limit on the API's requests.
    #[must_use]
    pub fn throttle(&self) -> Throttle {
        self.throttle.unwrap_or_else(|| Throttle::default_of(self.capacity))
    }

    /// Returns the site that `host` belongs to. `host` is in lower case and has no port.
    ///
    /// A site that names the host wins, otherwise the one with the longest matching pattern.
    #[must_use]
    pub fn site_of_host(&self, host: &str) -> Option<&Site> {
        let patterns = self.sites.iter().flat_map(|site| site.hosts.iter().map(move |h| (site, h)));
        patterns
            .filter(|(_, pattern)| pattern.matches(host))
            .max_by_key(|(_, pattern)| (!pattern.is_wildcard(), pattern.as_str().len()))
            .map(|(site, _)| site)
    }

    /// Returns the site with this domain.
    #[must_use]
    pub fn site(&self, domain: &str) -> Option<&Site> {
        self.sites.iter().find(|site| site.domain.as_str() == domain)
    }

    /// Returns the sites' domains for use in a sentence: `example.com, example.org`.
    #[must_use]
    pub fn domains(&self) -> String {
        let domains: Vec<&str> = self.sites.iter().map(|site| site.domain.as_str()).collect();
        domains.join(", ")
    }
}

const fn yes() -> bool {
    true
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

#[cfg(test)]
mod tests;
