//! The table: which keys things have. Written here only.
//!
//! | what | pk | sk |
//! |---|---|---|
//! | a hit | `hit#SITE#2026-11-22T13#SHARD` | `MILLIS#RANDOM` |
//! | a day's salt | `salt` | `2026-11-22` |

use std::fmt;
use std::fmt::Write as _;

use footfall_infra::settings::Site;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::store::{Key, KeyRange};

/// How long a hit is kept, in days: longer than it takes to fold it, whatever goes wrong.
pub const HIT_DAYS: u16 = 30;

/// An hour of UTC: the unit in which hits are stored, and read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Hour(i64);

impl Hour {
    /// The hour in which `at` lies.
    #[must_use]
    pub fn of(at: Timestamp) -> Self {
        Self(at.as_second().div_euclid(3600))
    }

    /// The hours that have a part in `from..to`, oldest first.
    pub fn between(from: Timestamp, to: Timestamp) -> impl Iterator<Item = Self> {
        let end = to.as_second() + i64::from(to.subsec_nanosecond() > 0);
        let end = end.div_euclid(3600) + i64::from(end.rem_euclid(3600) > 0);
        (Self::of(from).0..end).map(Self)
    }
}

/// As in a key: `2026-11-22T13`.
impl fmt::Display for Hour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let start = Timestamp::from_second(self.0 * 3600).unwrap_or(Timestamp::MIN);
        let start = start.to_zoned(TimeZone::UTC);
        write!(f, "{}T{:02}", start.date(), start.hour())
    }
}

/// A new hit's key. Made once, before the first try to store it: a retry after an answer that was
/// lost puts the same item again, and counts once.
#[must_use]
pub fn hit_key(site: &Site, at: Timestamp, shard: u8, random: [u8; 16]) -> Key {
    let mut sk = format!("{:013}#", at.as_millisecond().max(0));
    // 64 bits: two hits of one millisecond in one partition never meet.
    for byte in &random[..8] {
        // Writing to a String cannot fail.
        let _ = write!(sk, "{byte:02x}");
    }
    Key { pk: hit_partition(site, Hour::of(at), shard), sk }
}

/// Every hit of a site in one shard of an hour.
#[must_use]
pub fn hits(site: &Site, hour: Hour, shard: u8) -> KeyRange {
    KeyRange::whole(hit_partition(site, hour, shard))
}

fn hit_partition(site: &Site, hour: Hour, shard: u8) -> String {
    format!("hit#{}#{hour}#{shard:02}", site.domain)
}

/// When the hit under a sort key came in; `None` if it is no hit's.
#[must_use]
pub fn hit_time(sk: &str) -> Option<Timestamp> {
    let (millis, _) = sk.split_once('#')?;
    Timestamp::from_millisecond(millis.parse().ok()?).ok()
}

/// When a hit of `site` from `at` is to be deleted, in seconds since 1970.
#[must_use]
pub fn hit_expiry(site: &Site, at: Timestamp) -> i64 {
    at.as_second() + hit_life(site)
}

/// The time before which no hit of `site` is left at `now`.
#[must_use]
pub fn oldest_hit(site: &Site, now: Timestamp) -> Timestamp {
    Timestamp::from_second(now.as_second() - hit_life(site)).unwrap_or(Timestamp::MIN)
}

/// How long a hit of `site` is kept, in seconds.
fn hit_life(site: &Site) -> i64 {
    let days = site.retention_days.map_or(HIT_DAYS, |days| days.get().min(HIT_DAYS));
    i64::from(days) * 86_400
}

/// The key of a day's salt. Days are UTC.
#[must_use]
pub fn salt_key(day: Date) -> Key {
    Key { pk: "salt".to_owned(), sk: day.to_string() }
}

/// When a day's salt is deleted at the latest, in seconds since 1970: two days after its day, which
/// is time enough for whatever still comes in late.
#[must_use]
pub fn salt_expiry(day: Date) -> i64 {
    let start = day.to_zoned(TimeZone::UTC).map_or(Timestamp::UNIX_EPOCH, |z| z.timestamp());
    start.as_second() + 72 * 3600
}

#[cfg(test)]
mod tests {
    use footfall_infra::settings::Settings;

    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn keys_are_as_designed() {
        let site = &Settings::local().sites[0];
        let key = hit_key(site, at("2026-11-22T13:05:06.789Z"), 3, [0xab; 16]);
        assert_eq!(key.pk, "hit#localhost#2026-11-22T13#03");
        assert_eq!(key.sk, "1795352706789#abababababababab");
        assert_eq!(hit_time(&key.sk), Some(at("2026-11-22T13:05:06.789Z")));
        assert_eq!(hit_time("nonsense"), None);
        assert_eq!(hit_time("nonsense#00"), None);
        let salt = salt_key("2026-11-22".parse().unwrap());
        assert_eq!((salt.pk.as_str(), salt.sk.as_str()), ("salt", "2026-11-22"));
    }

    #[test]
    fn a_hit_before_1970_still_sorts() {
        let site = &Settings::local().sites[0];
        let key = hit_key(site, at("1969-12-31T23:59:59Z"), 0, [0; 16]);
        assert_eq!(key.sk, "0000000000000#0000000000000000");
    }

    #[test]
    fn hours_cover_a_range() {
        let check = |from: &str, to: &str, expected: &[&str]| {
            let hours: Vec<String> =
                Hour::between(at(from), at(to)).map(|h| h.to_string()).collect();
            assert_eq!(hours, expected, "{from} to {to}");
        };
        check("2026-11-22T13:00:00Z", "2026-11-22T14:00:00Z", &["2026-11-22T13"]);
        check(
            "2026-11-22T13:59:59Z",
            "2026-11-22T14:00:00.001Z",
            &["2026-11-22T13", "2026-11-22T14"],
        );
        check("2026-12-31T23:30:00Z", "2027-01-01T00:30:00Z", &["2026-12-31T23", "2027-01-01T00"]);
        check("2026-11-22T13:00:00Z", "2026-11-22T13:00:00Z", &[]);
    }

    #[test]
    fn retention_shortens_a_hits_life() {
        let days = |yaml: &str| {
            let settings = Settings::from_yaml(yaml).unwrap();
            hit_expiry(&settings.sites[0], Timestamp::UNIX_EPOCH) / 86_400
        };
        assert_eq!(days("sites: [{domain: e.x}]"), 30);
        assert_eq!(days("sites: [{domain: e.x, retention_days: 7}]"), 7);
        assert_eq!(days("sites: [{domain: e.x, retention_days: 700}]"), 30);
    }
}
