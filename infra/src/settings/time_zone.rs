//! The time zone in which a site's days begin.

use std::sync::OnceLock;

use jiff::tz::{TimeZone as Zone, TimeZoneDatabase};
use serde::{Deserialize, Serialize};

/// The default zone.
const DEFAULT: &str = "UTC";

/// A zone of the IANA time zone database. The default is UTC.
///
/// Its rules are loaded on first use. The function that takes hits never needs them, so its binary does not contain
/// the database.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TimeZone {
    name: String,
    rules: OnceLock<Zone>,
}

impl TimeZone {
    /// Returns the zone's rules.
    #[must_use]
    pub fn rules(&self) -> &Zone {
        // Every name has rules, as a test below shows.
        self.rules.get_or_init(|| TimeZoneDatabase::bundled().get(&self.name).unwrap_or(Zone::UTC))
    }

    /// Returns the zone's name, such as `Europe/Berlin`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    fn called(name: impl Into<String>) -> Self {
        Self { name: name.into(), rules: OnceLock::new() }
    }
}

impl PartialEq for TimeZone {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Default for TimeZone {
    fn default() -> Self {
        Self::called(DEFAULT)
    }
}

impl TryFrom<String> for TimeZone {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        let zones = TimeZoneDatabase::bundled();
        let known = zones.available().find(|zone| zone.as_str().eq_ignore_ascii_case(&name));
        known.map(|zone| Self::called(zone.as_str())).ok_or_else(|| {
            let near = similar(&zones, &name);
            let near = if near.is_empty() { "Europe/Berlin".to_owned() } else { near };
            format!("unknown time zone {name:?}; use an IANA name, such as {near}")
        })
    }
}

impl From<TimeZone> for String {
    fn from(zone: TimeZone) -> Self {
        zone.name
    }
}

/// Returns up to three zones whose city starts like the last part of `name`.
fn similar(zones: &TimeZoneDatabase, name: &str) -> String {
    let place = name.rsplit('/').next().unwrap_or(name).to_lowercase();
    let start: String = place.chars().take(4).collect();
    if start.is_empty() {
        return String::new();
    }
    let names = zones.available().map(|zone| zone.as_str().to_owned());
    let near = |zone: &String| {
        zone.rsplit('/').next().is_some_and(|p| p.to_lowercase().starts_with(&start))
    };
    names.filter(near).take(3).collect::<Vec<_>>().join(" or ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_has_rules() {
        let zones = TimeZoneDatabase::bundled();
        let mut count = 0;
        for name in zones.available() {
            let zone = TimeZone::try_from(name.as_str().to_owned()).unwrap();
            assert_eq!(zone.rules().iana_name(), Some(name.as_str()));
            count += 1;
        }
        assert!(count > 400, "{count} zones");
        assert_eq!(TimeZone::default().rules(), &Zone::UTC);
    }

    #[test]
    fn names_are_spelled_as_in_the_database() {
        let check = |name: &str, expected: &str| {
            let zone = TimeZone::try_from(name.to_owned()).unwrap();
            assert_eq!(zone.name(), expected);
            assert_eq!(zone, TimeZone::called(expected));
        };
        check("europe/BERLIN", "Europe/Berlin");
        check("utc", "UTC");
        check("Asia/Calcutta", "Asia/Calcutta");
        assert!(TimeZone::try_from("Europe/Berln".to_owned()).is_err());
        assert!(TimeZone::try_from(String::new()).is_err());
    }
}
