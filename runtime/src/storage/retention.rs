//! Retention: when stored items expire, and which days of a site are retained.

use footfall_infra::settings::Site;
use jiff::civil::Date;
use jiff::{Timestamp, ToSpan as _};

use super::hour::{Span, utc_day};
use crate::storage::hour::utc_start;

/// How long hits are retained, in days. Leaves time to roll them up, even if that fails for a while.
pub const HIT_DAYS: u16 = 30;

/// Minimum retention of hits, in days, even if the site's is shorter. Until then their day is rolled up.
const MIN_HIT_DAYS: u16 = 3;

/// Returns when a hit of `at` expires, in seconds since 1970.
#[must_use]
pub fn hit_expiry(site: &Site, at: Timestamp) -> i64 {
    at.as_second() + hit_lifetime(site)
}

/// Returns when a segment expires, in seconds since 1970. An hour's segment expires with the last of its hits. Those of
/// days and imports never expire; the rollup deletes them after the site's retention.
#[must_use]
pub fn segment_expiry(site: &Site, span: Span) -> Option<i64> {
    match span {
        Span::Hour(hour) => Some(hit_expiry(site, hour.end())),
        Span::Day(_) | Span::Imported(..) => None,
    }
}

/// Returns the time of the oldest hit of `site` that may still be stored at `now`.
#[must_use]
pub fn oldest_hit(site: &Site, now: Timestamp) -> Timestamp {
    Timestamp::from_second(now.as_second() - hit_lifetime(site)).unwrap_or(Timestamp::MIN)
}

/// Returns how long a hit is retained, in seconds.
fn hit_lifetime(site: &Site) -> i64 {
    let days = site.retention_days.map_or(HIT_DAYS, |days| days.get());
    let days = days.clamp(MIN_HIT_DAYS, HIT_DAYS);
    i64::from(days) * 86_400
}

/// Maximum lifetime of a salt, in days, its own day included. Two more days are for a rollup that is late.
pub const SALT_DAYS: i64 = 3;

/// Returns when a day's salt expires, in seconds since 1970.
#[must_use]
pub fn salt_expiry(day: Date) -> i64 {
    utc_start(day).unwrap_or(Timestamp::UNIX_EPOCH).as_second() + SALT_DAYS * 86_400
}

/// Returns the first UTC day that a site retains at `now`.
#[must_use]
pub fn retained_from(site: &Site, now: Timestamp) -> Date {
    let days = site.retention_days.map(|days| i64::from(days.get()));
    let from = days.and_then(|days| utc_day(now).checked_sub(days.days()).ok());
    from.unwrap_or(Date::MIN)
}

#[cfg(test)]
mod tests {
    use footfall_infra::settings::Settings;

    use super::*;
    use crate::storage::hour::Hour;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn only_segments_of_hours_expire() {
        let site = &Settings::local().sites[0];
        let day = "2026-11-22".parse().unwrap();
        let hour = Hour::of(at("2026-11-22T13:05:06Z"));
        let expires = at("2026-12-22T14:00:00Z").as_second();
        assert_eq!(segment_expiry(site, Span::Hour(hour)), Some(expires));
        assert_eq!(segment_expiry(site, Span::Day(day)), None);
        assert_eq!(
            segment_expiry(site, Span::Imported(day, "0123456789ab".parse().unwrap())),
            None
        );
    }

    #[test]
    fn short_retention_makes_hits_expire_earlier() {
        let days = |yaml: &str| {
            let settings = Settings::from_yaml(yaml).unwrap();
            hit_expiry(&settings.sites[0], Timestamp::UNIX_EPOCH) / 86_400
        };
        assert_eq!(days("sites: [{domain: e.x}]"), 30);
        assert_eq!(days("sites: [{domain: e.x, retention_days: 7}]"), 7);
        assert_eq!(days("sites: [{domain: e.x, retention_days: 1}]"), 3);
        assert_eq!(days("sites: [{domain: e.x, retention_days: 700}]"), 30);
    }
}
