//! The country of a visitor: from the header that CloudFront sets, or from the browser's time
//! zone. Not here: addresses. No IP address is looked up anywhere, and none is kept.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::platform::sorted_list::List;

static OF_TIME_ZONES: List = List::new(include_str!("../../lists/countries.txt"));
static NAMES: List = List::new(include_str!("../../lists/country-names.txt"));

/// A country that exists: its ISO 3166-1 alpha-2 code, or `XK` for Kosovo, in capitals.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Country([u8; 2]);

/// A text that is no country's code.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no country's code")]
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
    /// The country of a two-letter code, in capitals or not. None for a code that is no
    /// country's, which takes in what sources of such codes use for "unknown", such as XX or ZZ.
    #[must_use]
    pub fn parse(code: &str) -> Option<Self> {
        let bytes: [u8; 2] = code.as_bytes().try_into().ok()?;
        let country = Self(bytes.map(|byte| byte.to_ascii_uppercase()));
        let known =
            bytes.iter().all(u8::is_ascii_alphabetic) && NAMES.get(country.as_str()).is_some();
        known.then_some(country)
    }

    /// The country of the value of `CloudFront-Viewer-Country`, None for an unknown one (`XX`),
    /// an anonymising network (`T1`), or a client's own invention.
    #[must_use]
    pub fn from_header(value: &str) -> Option<Self> {
        Self::parse(value.trim_ascii())
    }

    /// The country whose clock an IANA time zone is, old names such as `Asia/Calcutta` included.
    /// Some zones span countries: theirs is the first that the tz database names, by population.
    /// None for zones of no country, such as `UTC`.
    #[must_use]
    pub fn of_time_zone(zone: &str) -> Option<Self> {
        Self::parse(OF_TIME_ZONES.get(zone)?)
    }

    /// The code, such as `DE`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        // Two ASCII letters are UTF-8, and nothing else gets into the type.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// The short English name, such as `Germany`.
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
    fn of_headers() {
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
    fn of_time_zones() {
        let check = |zone: &str, expected: Option<&str>| {
            assert_eq!(
                Country::of_time_zone(zone).as_ref().map(Country::as_str),
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
    fn every_zone_has_a_country_with_a_name() {
        for (zone, _) in OF_TIME_ZONES.lines() {
            assert!(!Country::of_time_zone(zone).expect(zone).name().is_empty());
        }
        for (code, name) in NAMES.lines() {
            assert_eq!(Country::parse(code).expect(code).name(), name);
        }
        assert_eq!(NAMES.lines().count(), 250, "ISO 3166-1 has 249, and Kosovo");
    }
}
