//! Daily visitor pseudonyms.
//!
//! A pseudonym is `HMAC-SHA-256(salt of the day, site, IP address, User-Agent)`, truncated to 64 bits. The
//! salt is random, created once a day, and deleted when the day is rolled up. From then on nobody can link a
//! pseudonym to a person, or to a pseudonym of another day.

use std::fmt;
use std::net::IpAddr;

use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

/// The random secret of a day.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Salt([u8; 16]);

/// Pseudonym of a visitor of one site on one day. It has 64 bits: among a million visitors of a day, two share
/// a pseudonym with a probability of 3 in 100 million.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct VisitorId(u64);

impl Salt {
    /// Creates a salt from random bytes.
    #[must_use]
    pub const fn new(random: [u8; 16]) -> Self {
        Self(random)
    }

    /// Reads a salt that [`to_bytes`](Self::to_bytes) returned. `None` if the length is wrong.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// Returns the bytes to store.
    #[must_use]
    pub fn to_bytes(self) -> Vec<u8> {
        self.0.to_vec()
    }

    /// Returns the pseudonym for this IP address and browser on this salt's day.
    ///
    /// Only the first 64 bits of an IPv6 address are used. The device chooses the rest and changes it within
    /// a day (RFC 8981), which would turn one visitor into many.
    #[must_use]
    pub fn visitor(&self, site: &str, address: IpAddr, user_agent: &str) -> VisitorId {
        // HMAC pads a short key with zeros to SHA-256's block size (RFC 2104). Padding it here makes the
        // length a constant, so creating the HMAC cannot fail.
        let mut key = [0; 64];
        key[..self.0.len()].copy_from_slice(&self.0);
        let mut mac = Hmac::<Sha256>::new(&key.into());
        mac.update(site.as_bytes());
        // The zero bytes separate the parts, so that different inputs never concatenate to the same bytes.
        mac.update(&[0]);
        match address.to_canonical() {
            IpAddr::V4(v4) => mac.update(&v4.octets()),
            IpAddr::V6(v6) => mac.update(&v6.octets()[..8]),
        }
        mac.update(&[0]);
        mac.update(user_agent.as_bytes());
        let hash = mac.finalize().into_bytes();
        VisitorId(hash.iter().take(8).fold(0, |id, byte| id << 8 | u64::from(*byte)))
    }
}

/// Hides the secret, so that it cannot end up in a log.
impl fmt::Debug for Salt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Salt(…)")
    }
}

impl VisitorId {
    /// Creates a pseudonym from a number, for generated traffic.
    #[must_use]
    pub const fn new(id: u64) -> Self {
        Self(id)
    }

    /// Returns the pseudonym as a number.
    #[must_use]
    pub const fn number(self) -> u64 {
        self.0
    }
}

impl fmt::Debug for VisitorId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VisitorId({:016x})", self.0)
    }
}

impl From<VisitorId> for String {
    fn from(id: VisitorId) -> Self {
        format!("{:016x}", id.0)
    }
}

impl TryFrom<String> for VisitorId {
    type Error = std::num::ParseIntError;

    fn try_from(hex: String) -> Result<Self, Self::Error> {
        u64::from_str_radix(&hex, 16).map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pseudonym_depends_on_day_site_address_and_browser() {
        let visitor = |salt: u8, site: &str, address: &str, agent: &str| {
            Salt::new([salt; 16]).visitor(site, address.parse().unwrap(), agent)
        };
        let one = visitor(1, "e.x", "192.0.2.1", "Firefox");
        assert_eq!(one, visitor(1, "e.x", "192.0.2.1", "Firefox"));
        assert_eq!(one, visitor(1, "e.x", "::ffff:192.0.2.1", "Firefox"));
        assert_ne!(one, visitor(2, "e.x", "192.0.2.1", "Firefox"));
        assert_ne!(one, visitor(1, "e.y", "192.0.2.1", "Firefox"));
        assert_ne!(one, visitor(1, "e.x", "192.0.2.2", "Firefox"));
        assert_ne!(one, visitor(1, "e.x", "192.0.2.1", "Chrome"));
    }

    #[test]
    fn temporary_ipv6_addresses_are_one_visitor() {
        let visitor =
            |address: &str| Salt::new([1; 16]).visitor("e.x", address.parse().unwrap(), "");
        assert_eq!(visitor("2001:db8:1:2::1"), visitor("2001:db8:1:2:ffff::9"));
        assert_ne!(visitor("2001:db8:1:2::1"), visitor("2001:db8:1:3::1"));
    }

    #[test]
    fn id_is_16_hex_digits() {
        let id = VisitorId::new(0xab);
        let text = String::from(id);
        assert_eq!(text, "00000000000000ab");
        assert_eq!(VisitorId::try_from(text).unwrap(), id);
    }

    #[test]
    fn debug_hides_the_salt() {
        assert_eq!(format!("{:?}", Salt::new([7; 16])), "Salt(…)");
    }
}
