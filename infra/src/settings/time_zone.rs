//! The time zone in which a site's days begin.

use jiff::tz::{TimeZone as Zone, TimeZoneDatabase};
use serde::{Deserialize, Serialize};

/// A zone of the IANA time zone database. UTC where none is said.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TimeZone(Zone);

impl TimeZone {
    /// The zone's rules.
    #[must_use]
    pub const fn rules(&self) -> &Zone {
        &self.0
    }

    /// The zone's name, such as `Europe/Berlin`.
    #[must_use]
    pub fn name(&self) -> &str {
        self.0.iana_name().unwrap_or("UTC")
    }
}

impl Default for TimeZone {
    fn default() -> Self {
        Self(Zone::UTC)
    }
}

impl TryFrom<String> for TimeZone {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        let zones = TimeZoneDatabase::bundled();
        match zones.get(&name) {
            Ok(zone) => Ok(Self(zone)),
            Err(_) => {
                let near = similar(&zones, &name);
                let near = if near.is_empty() { "Europe/Berlin".to_owned() } else { near };
                Err(format!("{name:?} is no time zone; use an IANA name, such as {near}"))
            }
        }
    }
}

impl From<TimeZone> for String {
    fn from(zone: TimeZone) -> Self {
        zone.name().to_owned()
    }
}

/// Up to three zones whose place begins as the last part of `name` does.
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
