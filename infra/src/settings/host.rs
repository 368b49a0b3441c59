//! Host names of sites, and patterns for the hosts of their pages.

use std::fmt;

use serde::{Deserialize, Serialize};

const REMEDY: &str = "use only the host, such as example.com, without https://, port or path";

/// A host name or IP address as browsers normalise it: lower case, punycode, no port.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Domain(String);

impl Domain {
    pub(super) fn localhost() -> Self {
        Self("localhost".to_owned())
    }

    /// Returns the name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the default hosts of a site: its domain, with and without `www.`.
    pub(super) fn default_hosts(&self) -> Vec<Host> {
        let name = self.as_str();
        if name == "localhost" {
            ["localhost", "127.0.0.1", "[::1]"].map(|host| Host(host.to_owned())).into()
        } else if name.starts_with("www.") || is_address(name) || !name.contains('.') {
            vec![Host(name.to_owned())]
        } else {
            vec![Host(name.to_owned()), Host(format!("www.{name}"))]
        }
    }
}

impl TryFrom<String> for Domain {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        match url::Host::parse(&text) {
            // 253 bytes: RFC 1035, section 2.3.4.
            Ok(host) if host.to_string().len() <= 253 => Ok(Self(host.to_string())),
            _ => Err(format!("{text:?} is not a host name; {REMEDY}")),
        }
    }
}

impl From<Domain> for String {
    fn from(domain: Domain) -> Self {
        domain.0
    }
}

impl fmt::Display for Domain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A host, or `*.example.com` for every host below one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Host(String);

impl Host {
    /// Returns the host, with a leading `*.` if it is a pattern.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns whether this is a pattern.
    #[must_use]
    pub fn is_wildcard(&self) -> bool {
        self.0.starts_with("*.")
    }

    /// Returns whether this is `localhost` or an IP address, whose ports vary.
    #[must_use]
    pub fn is_local(&self) -> bool {
        self.0 == "localhost" || is_address(&self.0)
    }

    /// Returns whether `host` matches. `host` is in lower case and has no port.
    #[must_use]
    pub fn matches(&self, host: &str) -> bool {
        match self.0.strip_prefix('*') {
            Some(suffix) => host.len() > suffix.len() && host.ends_with(suffix),
            None => self.0 == host,
        }
    }
}

impl TryFrom<String> for Host {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let (star, rest) = match text.strip_prefix("*.") {
            Some(rest) => ("*.", rest),
            None => ("", text.as_str()),
        };
        match Domain::try_from(rest.to_owned()) {
            Ok(domain) => Ok(Self(format!("{star}{domain}"))),
            Err(_) => Err(format!("{text:?} is not a host name; {REMEDY}, or *.example.com")),
        }
    }
}

impl From<Host> for String {
    fn from(host: Host) -> Self {
        host.0
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Returns whether a normalised host is an IP address. IPv6 addresses are in brackets.
fn is_address(host: &str) -> bool {
    host.starts_with('[') || host.parse::<std::net::Ipv4Addr>().is_ok()
}
