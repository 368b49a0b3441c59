//! How long stored items live, and from which day on a site's data are kept.

use footfall_infra::settings::Site;
use jiff::civil::Date;
use jiff::{Timestamp, ToSpan as _};

use super::hour::{Span, utc_day};
use crate::storage::hour::utc_start;

/// How long a hit is kept, in days: longer than it takes to fold it, whatever goes wrong.
pub const HIT_DAYS: u16 = 30;

/// How long a hit is kept at least, in days, whatever the site's retention: until its day is folded.
const MIN_HIT_DAYS: u16 = 3;

/// When a hit of `site` from `at` is to be deleted, in seconds since 1970.
#[must_use]
pub fn hit_expiry(site: &Site, at: Timestamp) -> i64 {
    at.as_second() + hit_life(site)
}

/// When a segment of `site` is to be deleted, in seconds since 1970: an hour's with the last of the hits it
/// is made from; a day's is kept until somebody deletes it.
#[must_use]
pub fn segment_expiry(site: &Site, span: Span) -> Option<i64> {
    match span {
        Span::Hour(hour) => Some(hit_expiry(site, hour.end())),
        Span::Day(_) | Span::Imported(..) => None,
    }
}

/// The time before which no hit of `site` is left at `now`.
#[must_use]
pub fn oldest_hit(site: &Site, now: Timestamp) -> Timestamp {
    Timestamp::from_second(now.as_second() - hit_life(site)).unwrap_or(Timestamp::MIN)
}

/// How long a hit of `site` is kept, in seconds.
fn hit_life(site: &Site) -> i64 {
    let days = site.retention_days.map_or(HIT_DAYS, |days| days.get());
    let days = days.clamp(MIN_HIT_DAYS, HIT_DAYS);
    i64::from(days) * 86_400
}

/// How long a salt is kept at most, in days, its own included: two more, should its day not be folded.
pub const SALT_DAYS: i64 = 3;

/// When a day's salt is deleted at the latest, in seconds since 1970.
#[must_use]
pub fn salt_expiry(day: Date) -> i64 {
    utc_start(day).unwrap_or(Timestamp::UNIX_EPOCH).as_second() + SALT_DAYS * 86_400
}

/// The first day of UTC that a site's retention still keeps.
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
    fn hours_go_with_their_hits_and_days_stay() {
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
    fn retention_shortens_a_hits_life() {
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
