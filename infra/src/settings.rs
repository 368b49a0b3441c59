//! The owner's settings: `footfall.yaml`, parsed once into values that are valid by type.
//!
//! A deployed function gets the same value as JSON in [`env::SETTINGS`](crate::env::SETTINGS), but
//! for the keys that only the stack is made of.

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

/// The name of the settings file, looked for in the folder that a command is run in.
pub const FILE: &str = "footfall.yaml";

/// Everything an owner can decide.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The sites whose hits are stored. At least one; no host stands in two of them.
    #[serde(deserialize_with = "site::sites")]
    pub sites: Vec<Site>,

    /// How many proxies of the owner's own stand in front of the API, each of which appends to
    /// `X-Forwarded-For`. 0, the default, means that the header is not believed at all.
    #[serde(default, skip_serializing_if = "is_default")]
    pub trusted_proxies: u8,

    /// Over how many partitions of the table the hits of a site's hour are spread. One takes
    /// about 1,000 hits a second.
    #[serde(default, skip_serializing_if = "is_default")]
    pub shards: Shards,

    /// Domains whose visits are referrer spam, beside the list that Footfall brings.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub blocked_referrers: Vec<Domain>,

    // From here on, what only the stack is made of. A function has no use for it, and a change to
    // it leaves the functions as they are.
    /// How the table's reads and writes are paid for.
    #[serde(default, skip_serializing)]
    pub capacity: Capacity,

    /// Whether the table can be restored as it was at any second of the last 35 days.
    #[serde(default = "yes", skip_serializing)]
    pub point_in_time_recovery: bool,

    /// For how many days the functions' logs are kept.
    #[serde(default, skip_serializing)]
    pub log_retention_days: LogRetention,

    /// How many requests the API lets through, if not what [`throttle`](Self::throttle) says.
    #[serde(default, skip_serializing)]
    pub throttle: Option<Throttle>,

    /// How much memory the functions have, where it is not what they have by themselves.
    #[serde(default, skip_serializing)]
    pub memory_mb: Memory,

    /// Who is told when a function fails or is throttled, or the budget is spent.
    #[serde(default, skip_serializing)]
    pub alarm_email: Option<Email>,

    /// What the whole AWS account may cost a month before an e-mail is sent.
    #[serde(default, skip_serializing)]
    pub monthly_budget_usd: Option<MonthlyBudget>,

    /// A domain of the owner's for the API.
    #[serde(default, skip_serializing)]
    pub custom_domain: Option<CustomDomain>,

    /// Tags that every resource of the stack gets.
    #[serde(default, skip_serializing)]
    pub tags: Tags,
}

/// A number of partitions, 1 to 100.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "u64")]
pub struct Shards(u8);

impl Shards {
    /// The number itself, at least 1.
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
            _ => Err(format!("{n} shards cannot be; use a number from 1 to 100")),
        }
    }
}

impl Settings {
    /// What `dev` runs with where there is no file: one site, `localhost`.
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
    /// The first thing that is wrong, with its line, its key and the remedy.
    pub fn from_yaml(text: &str) -> Result<Self, SettingsError> {
        if text.lines().all(|line| line.trim().is_empty() || line.trim_start().starts_with('#')) {
            return Err(SettingsError {
                line: None,
                key: "sites".to_owned(),
                problem: "the file names no site; write `sites:` and below it \
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
            // serde_yaml, too, puts a path in front of most messages: this one or a parent's.
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
                problem: "there is nobody to tell; add `alarm_email: you@example.com`".to_owned(),
            });
        }
        Ok(settings)
    }

    /// Parses what [`to_json`](Self::to_json) wrote.
    ///
    /// # Errors
    /// What is wrong, in the same words as for the file.
    pub fn from_json(text: &str) -> Result<Self, SettingsError> {
        serde_json::from_str(text).map_err(|error| SettingsError {
            line: Some(error.line()),
            key: String::new(),
            problem: error.to_string(),
        })
    }

    /// The settings for a function's environment, without what only the stack is made of and
    /// without what is as it would be anyway: there is little room.
    ///
    /// # Errors
    /// None that is known: every part of the settings is a string, a number or a list.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string(self)
    }

    /// How many requests the API lets through.
    #[must_use]
    pub fn throttle(&self) -> Throttle {
        self.throttle.unwrap_or_else(|| Throttle::default_of(self.capacity))
    }

    /// The site whose pages live on `host` (lower case, no port): the one that names it, or else the
    /// one whose pattern fits closest.
    #[must_use]
    pub fn site_of_host(&self, host: &str) -> Option<&Site> {
        let patterns = self.sites.iter().flat_map(|site| site.hosts.iter().map(move |h| (site, h)));
        patterns
            .filter(|(_, pattern)| pattern.matches(host))
            .max_by_key(|(_, pattern)| (!pattern.is_wildcard(), pattern.as_str().len()))
            .map(|(site, _)| site)
    }

    /// The site called `domain`.
    #[must_use]
    pub fn site(&self, domain: &str) -> Option<&Site> {
        self.sites.iter().find(|site| site.domain.as_str() == domain)
    }

    /// What the sites are called, as it stands in a sentence: `example.com, example.org`.
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
