//! A site: whose hits are stored, and how its reports are read.

use serde::de::{Error as _, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use super::{Domain, Goal, Host, TimeZone, is_default};

/// One site: what its hits are stored under, and how its reports are read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(from = "WrittenSite", into = "WrittenSite")]
pub struct Site {
    /// The site's name in the table, the dashboard and Plausible's `domain`.
    pub domain: Domain,
    /// The hosts whose pages belong to the site.
    pub hosts: Vec<Host>,
    /// Where the site's days begin.
    pub time_zone: TimeZone,
    /// Whether Do Not Track and Global Privacy Control are honoured.
    pub respect_dnt: bool,
    /// Whether it is measured how far a page is scrolled and how long it is looked at: a second
    /// request, call and write unit beside most views'.
    pub engagement: bool,
    /// After how many days what was counted is deleted; kept for good if not said.
    pub retention_days: Option<RetentionDays>,
    /// What visitors are hoped to do, each under a name of its own.
    pub goals: Vec<Goal>,
    /// Whether anybody may look at the site's dashboard, and have its badge.
    pub public: bool,
}

/// A site as it stands in the file and in a function's environment, where all but the domain may
/// be left out.
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
    /// A site of which nothing but its domain is known.
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

    /// Whether pages on `host` (lower case, no port) are this site's.
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

/// A list of at least one site in which no domain and no host stands twice. Checked while it is
/// read, so that the error knows its line.
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
