//! Sites: where hits come from, and how their reports are computed.

use serde::de::{Error as _, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use super::{Domain, Goal, Host, TimeZone, is_default};

/// A site, whose hits are stored and reported together.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(from = "WrittenSite", into = "WrittenSite")]
pub struct Site {
    /// The site's name in the table, the dashboard and Plausible's `domain`.
    pub domain: Domain,
    /// The hosts whose pages belong to the site.
    pub hosts: Vec<Host>,
    /// The time zone in which the site's days begin.
    pub time_zone: TimeZone,
    /// Whether to honour Do Not Track and Global Privacy Control.
    pub respect_dnt: bool,
    /// Whether to measure scroll depth and time on page. This costs most views a second request, function call and
    /// write unit.
    pub engagement: bool,
    /// Days after which hits are deleted. `None` means never.
    pub retention_days: Option<RetentionDays>,
    /// The site's goals, with distinct names.
    pub goals: Vec<Goal>,
    /// Whether anyone may see the site's dashboard and badge.
    pub public: bool,
}

/// A site as written in the file and in a function's environment. Only the domain is required.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenSite {
    domain: Domain,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    hosts: Vec<Host>,
    #[serde(default, skip_serializing_if = "is_default")]
    time_zone: TimeZone,
    #[serde(default, skip_serializing_if = "is_default")]
    respect_dnt: bool,
    #[serde(default, skip_serializing_if = "is_default")]
    engagement: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    retention_days: Option<RetentionDays>,
    #[serde(
        default,
        deserialize_with = "super::goal::goals",
        skip_serializing_if = "Vec::is_empty"
    )]
    goals: Vec<Goal>,
    #[serde(default, skip_serializing_if = "is_default")]
    public: bool,
}

impl From<Site> for WrittenSite {
    fn from(site: Site) -> Self {
        let hosts = if site.hosts == site.domain.default_hosts() { Vec::new() } else { site.hosts };
        Self {
            domain: site.domain,
            hosts,
            time_zone: site.time_zone,
            respect_dnt: site.respect_dnt,
            engagement: site.engagement,
            retention_days: site.retention_days,
            goals: site.goals,
            public: site.public,
        }
    }
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
            engagement: written.engagement,
            retention_days: written.retention_days,
            goals: written.goals,
            public: written.public,
        }
    }
}

impl Site {
    /// Returns a site with defaults for everything but its domain.
    #[must_use]
    pub fn of(domain: Domain) -> Self {
        Self {
            hosts: domain.default_hosts(),
            domain,
            time_zone: TimeZone::default(),
            respect_dnt: false,
            engagement: false,
            retention_days: None,
            goals: Vec::new(),
            public: false,
        }
    }

    /// Returns whether `host` belongs to this site. `host` is in lower case and has no port.
    #[must_use]
    pub fn has_host(&self, host: &str) -> bool {
        self.hosts.iter().any(|pattern| pattern.matches(host))
    }
}

/// A number of days, 1 to 36,500.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "u64")]
pub struct RetentionDays(u16);

impl RetentionDays {
    /// Returns the number, at least 1.
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
                "invalid number of days {n}; use a number from 1 to 36500, or omit the key to keep \
                 everything"
            )),
        }
    }
}

/// Parses a list of at least one site, without duplicate domains or hosts.
///
/// It checks while parsing, so that the error has a line.
pub(super) fn sites<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Site>, D::Error> {
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
                            "duplicate site {}; remove one",
                            site.domain
                        )));
                    }
                    if let Some(host) = site.hosts.iter().find(|host| other.hosts.contains(host)) {
                        return Err(A::Error::custom(format!(
                            "the host {host} belongs to both {} and {}; remove it from one of them",
                            other.domain, site.domain
                        )));
                    }
                }
                sites.push(site);
            }
            if sites.is_empty() {
                return Err(A::Error::custom("no sites; add `- domain: example.com`"));
            }
            Ok(sites)
        }
    }

    deserializer.deserialize_seq(Sites)
}
