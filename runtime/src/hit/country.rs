//! Countries of visitors, from CloudFront's header or the browser's time zone.
//!
//! No IP address is looked up or stored anywhere.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::platform::sorted_list::SortedList;

static TIME_ZONES: SortedList = SortedList::new(include_str!("../../lists/countries.txt"));
static NAMES: SortedList = SortedList::new(include_str!("../../lists/country-names.txt"));

/// A known country: its upper-case ISO 3166-1 alpha-2 code, or `XK` for Kosovo.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Country([u8; 2]);

/// An unknown country code.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown country code {0:?}")]
pub struct UnknownCountry(String);

impl TryFrom<String> for Country {
    type Error = UnknownCountry;

    fn try_from(code: String) -> Result<Self, UnknownCountry> {
        Self::parse(&code).ok_or(UnknownCountry(code))
    }
}

impl From<Country> for String {
    fn from(country: Country) -> Self {
        country.as_str().to_owned()
    }
}

impl Country {
    /// Parses a two-letter code in either case. `None` if the code is unknown, such as the placeholders `XX`
    /// and `ZZ`.
    #[must_use]
    pub fn parse(code: &str) -> Option<Self> {
        let bytes: [u8; 2] = code.as_bytes().try_into().ok()?;
        let country = Self(bytes.map(|byte| byte.to_ascii_uppercase()));
        let known =
            bytes.iter().all(u8::is_ascii_alphabetic) && NAMES.get(country.as_str()).is_some();
        known.then_some(country)
    }

    /// Parses a value of the header `CloudFront-Viewer-Country`. `None` if the country is unknown (`XX`), the
    /// network is anonymous (`T1`), or the value is invalid.
    #[must_use]
    pub fn from_header(value: &str) -> Option<Self> {
        Self::parse(value.trim_ascii())
    }

    /// Returns the country of an IANA time zone, also by an old name such as `Asia/Calcutta`. For a zone that
    /// spans several countries, it is the most populous one, which the tz database lists first. `None` for a
    /// zone without a country, such as `UTC`.
    #[must_use]
    pub fn from_time_zone(zone: &str) -> Option<Self> {
        Self::parse(TIME_ZONES.get(zone)?)
    }

    /// Returns the code, such as `DE`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        // Always valid UTF-8: the bytes are two ASCII letters.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// Returns the short English name, such as `Germany`.
    #[must_use]
    pub fn name(&self) -> &'static str {
        NAMES.get(self.as_str()).unwrap_or_default()
    }
}

impl fmt::Display for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Country({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_country_header() {
        let check = |value: &str, expected: Option<&str>| {
            assert_eq!(
                Country::from_header(value).map(|country| country.to_string()).as_deref(),
                expected,
                "{value:?}"
            );
        };
        check("DE", Some("DE"));
        check(" gb ", Some("GB"));
        check("XK", Some("XK"));
        for unknown in ["", "XX", "ZZ", "T1", "A1", "EU", "AP", "D", "DEU", "é", "--", "#\t"] {
            check(unknown, None);
        }
    }

    #[test]
    fn maps_time_zone_to_country() {
        let check = |zone: &str, expected: Option<&str>| {
            assert_eq!(
                Country::from_time_zone(zone).as_ref().map(Country::as_str),
                expected,
                "{zone}"
            );
        };
        check("Europe/Berlin", Some("DE"));
        check("Europe/Stockholm", Some("SE"));
        check("Europe/Kiev", Some("UA"));
        check("Europe/Kyiv", Some("UA"));
        check("Europe/Simferopol", Some("UA"));
        check("Asia/Calcutta", Some("IN"));
        check("Asia/Kolkata", Some("IN"));
        check("America/Argentina/Buenos_Aires", Some("AR"));
        check("US/Pacific", Some("US"));
        check("Japan", Some("JP"));
        for nowhere in
            ["", "UTC", "GMT", "Etc/GMT+3", "CET", "EST", "europe/berlin", "Mars/Olympus"]
        {
            check(nowhere, None);
        }
    }

    #[test]
    fn every_time_zone_has_a_country_with_a_name() {
        for (zone, _) in TIME_ZONES.lines() {
            assert!(!Country::from_time_zone(zone).expect(zone).name().is_empty());
        }
        for (code, name) in NAMES.lines() {
            assert_eq!(Country::parse(code).expect(code).name(), name);
        }
        assert_eq!(NAMES.lines().count(), 250, "ISO 3166-1 has 249, and Kosovo");
    }
}
