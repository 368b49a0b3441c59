//! The owner's settings: `footfall.yaml`, parsed once into values that are valid by type.
//!
//! A deployed function gets the same value as JSON in [`env::SETTINGS`](crate::env::SETTINGS).

mod host;
mod time_zone;

use std::path::Path;
use std::{fs, io};

use serde::de::{Error as _, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

pub use host::{Domain, Host};
pub use time_zone::TimeZone;

/// The name of the settings file, looked for in the folder that a command is run in.
pub const FILE: &str = "footfall.yaml";

/// Everything an owner can decide.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The sites whose hits are stored. At least one; no host belongs to two of them.
    #[serde(deserialize_with = "sites")]
    pub sites: Vec<Site>,

    /// How many proxies of the owner's own stand in front of the API, each of which appends to
    /// `X-Forwarded-For`. 0, the default, means that the header is not believed at all.
    #[serde(default, skip_serializing_if = "is_default")]
    pub trusted_proxies: u8,

    /// Over how many partitions of the table the hits of a site's hour are spread. One takes
    /// about 1,000 hits a second.
    #[serde(default)]
    pub shards: Shards,

    /// Domains whose visits are referrer spam, beside the list that Footfall brings.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub blocked_referrers: Vec<Domain>,
}

/// One site: what its hits are stored under, and how its reports are read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(from = "WrittenSite")]
pub struct Site {
    /// The site's name in the table, the dashboard and Plausible's `domain`.
    pub domain: Domain,
    /// The hosts whose pages belong to the site.
    pub hosts: Vec<Host>,
    /// Where the site's days begin.
    pub time_zone: TimeZone,
    /// Whether Do Not Track and Global Privacy Control are honoured.
    pub respect_dnt: bool,
    /// After how many days what was counted is deleted; kept for good if not said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retention_days: Option<RetentionDays>,
}

/// A site as it stands in the file, where all but the domain may be left out.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenSite {
    domain: Domain,
    #[serde(default)]
    hosts: Vec<Host>,
    #[serde(default)]
    time_zone: TimeZone,
    #[serde(default)]
    respect_dnt: bool,
    #[serde(default)]
    retention_days: Option<RetentionDays>,
}

impl From<WrittenSite> for Site {
    fn from(written: WrittenSite) -> Self {
        let hosts =
            if written.hosts.is_empty() { written.domain.default_hosts() } else { written.hosts };
        Self {
            domain: written.domain,
            hosts,
            time_zone: written.time_zone,
            respect_dnt: written.respect_dnt,
            retention_days: written.retention_days,
        }
    }
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

/// A number of days, 1 to 36,500.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "u64")]
pub struct RetentionDays(u16);

impl RetentionDays {
    /// The number itself, at least 1.
    #[must_use]
    pub const fn get(self) -> u16 {
        self.0
    }
}

impl TryFrom<u64> for RetentionDays {
    type Error = String;

    fn try_from(n: u64) -> Result<Self, String> {
        match u16::try_from(n) {
            Ok(n @ 1..=36_500) => Ok(Self(n)),
            _ => Err(format!(
                "{n} days cannot be; use a number from 1 to 36500, or leave the key out to keep \
                 everything"
            )),
        }
    }
}

/// Why a settings file is refused: where, which key, and what to write instead.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}{}{problem}", at(*.line), key_prefix(.key))]
pub struct SettingsError {
    /// The line in the file, from 1, where it is known.
    pub line: Option<usize>,
    /// The path of the key, such as `sites[0].time_zone`; empty for the file as a whole.
    pub key: String,
    /// What is wrong, and what to write instead.
    pub problem: String,
}

/// Why a settings file could not be had: its name, and what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct FileError(String);

fn at(line: Option<usize>) -> String {
    line.map_or_else(String::new, |line| format!("line {line}: "))
}

fn key_prefix(key: &str) -> String {
    if key.is_empty() { String::new() } else { format!("{key}: ") }
}

impl Settings {
    /// What `dev` runs with where there is no file: one site, `localhost`.
    #[must_use]
    pub fn local() -> Self {
        let domain = Domain::localhost();
        let hosts = domain.default_hosts();
        Self {
            sites: vec![Site {
                domain,
                hosts,
                time_zone: TimeZone::default(),
                respect_dnt: false,
                retention_days: None,
            }],
            trusted_proxies: 0,
            shards: Shards::default(),
            blocked_referrers: Vec::new(),
        }
    }

    /// Reads a settings file; where there is none, the settings are [`local`](Self::local).
    ///
    /// # Errors
    /// If the file cannot be read, or is wrong: the message has its name in front.
    pub fn from_file(file: &Path) -> Result<Self, FileError> {
        let named = |what: String| FileError(format!("{}, {what}", file.display()));
        match fs::read_to_string(file) {
            Ok(text) => Self::from_yaml(&text).map_err(|error| named(error.to_string())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::local()),
            Err(error) => Err(named(format!("which cannot be read: {error}"))),
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
        serde_path_to_error::deserialize(serde_yaml::Deserializer::from_str(text)).map_err(
            |error| {
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
            },
        )
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

    /// The settings for a function's environment.
    ///
    /// # Errors
    /// None that is known: every part of the settings is a string, a number or a list.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string(self)
    }

    /// The site whose pages live on `host` (lower case, no port).
    #[must_use]
    pub fn site_of_host(&self, host: &str) -> Option<&Site> {
        self.sites.iter().find(|site| site.has_host(host))
    }

    /// The site called `domain`.
    #[must_use]
    pub fn site(&self, domain: &str) -> Option<&Site> {
        self.sites.iter().find(|site| site.domain.as_str() == domain)
    }
}

impl Site {
    /// Whether pages on `host` (lower case, no port) are this site's.
    #[must_use]
    pub fn has_host(&self, host: &str) -> bool {
        self.hosts.iter().any(|pattern| pattern.matches(host))
    }
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// A list of at least one site in which no domain and no host stands twice. Checked while it is
/// read, so that the error knows its line.
fn sites<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Site>, D::Error> {
    struct Sites;

    impl<'de> Visitor<'de> for Sites {
        type Value = Vec<Site>;

        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("a list of sites, such as `- domain: example.com`")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Vec<Site>, A::Error> {
            let mut sites: Vec<Site> = Vec::new();
            while let Some(site) = seq.next_element::<Site>()? {
                for other in &sites {
                    if other.domain == site.domain {
                        return Err(A::Error::custom(format!(
                            "the site {} is there twice; remove one",
                            site.domain
                        )));
                    }
                    if let Some(host) = site.hosts.iter().find(|host| other.hosts.contains(host)) {
                        return Err(A::Error::custom(format!(
                            "the host {host} belongs to both {} and {}; give it to one",
                            other.domain, site.domain
                        )));
                    }
                }
                sites.push(site);
            }
            if sites.is_empty() {
                return Err(A::Error::custom("there is no site; add `- domain: example.com`"));
            }
            Ok(sites)
        }
    }

    deserializer.deserialize_seq(Sites)
}

/// The line of the key that ends `path`, at or after line `from`: serde_yaml gives the place of
/// the mapping around a value that is refused after it was read.
fn line_of(text: &str, from: usize, path: &str) -> usize {
    let key = path.rsplit('.').next().unwrap_or(path);
    let is_key = |line: &str| {
        line.trim_start_matches([' ', '-']).strip_prefix(key).is_some_and(|r| r.starts_with(':'))
    };
    let found = text.lines().skip(from.saturating_sub(1)).position(is_key);
    found.map_or(from, |offset| from + offset)
}

/// Turns serde's words into ones that an owner knows, and adds what to do. The place is left
/// out: it stands in front already.
fn remedied(message: &str) -> String {
    let message = match message.rfind(" at line ") {
        Some(at) => &message[..at],
        None => message,
    };
    if let Some(rest) = message.strip_prefix("unknown field ") {
        return format!("unknown key {}", rest.replacen(", expected ", "; use ", 1));
    }
    if let Some(rest) = message.strip_prefix("missing field ") {
        return format!("the key {rest} is missing; add it");
    }
    if message.starts_with("invalid ") {
        return message.replacen(", expected ", "; write ", 1);
    }
    if message.contains("; ") {
        return message.to_owned();
    }
    format!("{message}; this is not YAML as it stands, look at the indentation and the quotes")
}

#[cfg(test)]
mod tests;
