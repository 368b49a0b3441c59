//! Table key layout. No other module builds keys.
//!
//! | what | pk | sk |
//! |---|---|---|
//! | a hit | `hit#SITE#2026-11-22T13#SHARD` | `MILLIS#RANDOM` |
//! | a segment, or its first part | `seg#SITE#2026-11` | `22T13#00` for an hour, `22#00` for a day |
//! | its other parts | the same | `22#01#HASH`; the first part has the hash |
//! | an imported segment of a day | the same | `22iIMPORT#00`; other parts as above |
//! | a day's salt | `salt` | `2026-11-22` |
//! | a site's rollup progress | `meta` | `site#SITE` |
//! | an import | `meta` | `site#SITE#import#IMPORT` |
//! | the imported files | `meta` | `files#SITE#IMPORT#0000` |
//! | the lease for changing a site's history | `meta` | `lock#SITE` |
//! | the last run of the rollup | `meta` | `rollup` |
//! | a token or a share link, by the hash of its secret | `access` | `token#SHA256` |
//! | the key that signs sessions and login links | `access` | `key` |
//! | the hash of the dashboard's password | `access` | `password` |
//! | a used login link | `login` | its ID |
//! | a password attempt, by hour | `login` | `try#2026-11-22T13#00` |

use std::fmt::Write as _;

use footfall_infra::settings::Site;
use jiff::Timestamp;
use jiff::civil::Date;

use crate::storage::hour::Hour;
use crate::storage::hour::Span;
use crate::storage::import_id::ImportId;
use crate::storage::{Key, KeyRange};

/// Makes the key of a new hit.
///
/// Call it once per hit, before the first attempt to store it. A retry after a lost answer then writes the same item
/// again, and the hit counts once.
#[must_use]
pub fn hit_key(site: &Site, at: Timestamp, shard: u8, random: [u8; 16]) -> Key {
    let mut sk = format!("{:013}#", at.as_millisecond().max(0));
    // 64 random bits, so hits of the same millisecond in one partition do not collide.
    for byte in &random[..8] {
        // Writing to a String cannot fail.
        let _ = write!(sk, "{byte:02x}");
    }
    Key { pk: hit_partition(site, Hour::of(at), shard), sk }
}

/// Returns the range of all hits in one shard of an hour.
#[must_use]
pub fn hits(site: &Site, hour: Hour, shard: u8) -> KeyRange {
    KeyRange::whole(hit_partition(site, hour, shard))
}

fn hit_partition(site: &Site, hour: Hour, shard: u8) -> String {
    format!("hit#{}#{hour}#{shard:02}", site.domain)
}

/// Returns the range of the hits in one shard of an hour that arrived at `from` or later.
#[must_use]
pub fn hits_since(site: &Site, hour: Hour, shard: u8, from: Timestamp) -> KeyRange {
    KeyRange { from: hit_key(site, from, shard, [0; 16]).sk, ..hits(site, hour, shard) }
}

/// Returns when the hit with a sort key arrived. `None` if it is not the key of a hit.
#[must_use]
pub fn hit_time(sk: &str) -> Option<Timestamp> {
    let (millis, _) = sk.split_once('#')?;
    Timestamp::from_millisecond(millis.parse().ok()?).ok()
}

/// Returns the key of a segment, which is that of its first part. That part is stored last, so a segment appears whole
/// or not at all.
#[must_use]
pub fn segment_key(site: &Site, span: Span) -> Key {
    let pk = segment_partition(site, span.day());
    Key { pk, sk: format!("{}#00", span.in_month()) }
}

/// Returns the key of another part of a segment. It contains the hash of the parts' bytes, so the parts of different
/// segments never mix.
#[must_use]
pub fn segment_part_key(site: &Site, span: Span, part: usize, content_hash: &str) -> Key {
    let pk = segment_partition(site, span.day());
    Key { pk, sk: format!("{}#{part:02}#{content_hash}", span.in_month()) }
}

/// Returns the range of all segments of some days of one month, with those of their hours and imports.
#[must_use]
pub fn segments(site: &Site, from: Date, to: Date) -> KeyRange {
    let pk = segment_partition(site, from);
    KeyRange { pk, from: Span::Day(from).in_month(), to: format!("{}~", Span::Day(to).in_month()) }
}

/// Returns the range of the segments of a day's hours.
#[must_use]
pub fn hour_segments(site: &Site, day: Date) -> KeyRange {
    let start = Span::Day(day).in_month();
    let pk = segment_partition(site, day);
    KeyRange { pk, from: format!("{start}T"), to: format!("{start}T~") }
}

/// Returns the range of the parts of a day's imported segment.
#[must_use]
pub fn imported_segment(site: &Site, day: Date, id: ImportId) -> KeyRange {
    let start = Span::Imported(day, id).in_month();
    let pk = segment_partition(site, day);
    KeyRange { pk, from: format!("{start}#"), to: format!("{start}#~") }
}

fn segment_partition(site: &Site, day: Date) -> String {
    format!("seg#{}#{}", site.domain, day.strftime("%Y-%m"))
}

/// Returns the key of a site's checkpoint.
#[must_use]
pub fn checkpoint_key(site: &Site) -> Key {
    Key { pk: META.to_owned(), sk: format!("{SITE}{}", site.domain) }
}

/// Returns the range of a site's checkpoint and imports. Domains have no `#`, so it contains no other site's items.
#[must_use]
pub fn site_meta(site: &Site) -> KeyRange {
    let Key { pk, sk } = checkpoint_key(site);
    KeyRange { pk, to: format!("{sk}#~"), from: sk }
}

/// Returns the key of an import.
#[must_use]
pub fn import_key(site: &Site, id: ImportId) -> Key {
    Key { pk: META.to_owned(), sk: format!("{SITE}{}{IMPORT}{id}", site.domain) }
}

/// Returns an import's domain and ID. `None` if this is not the key of an import.
#[must_use]
pub fn parse_import_key(key: &Key) -> Option<(&str, ImportId)> {
    let (domain, id) = key.sk.strip_prefix(SITE)?.split_once(IMPORT)?;
    Some((domain, id.parse().ok()?))
}

/// Returns the key of one of the lists of an import's files.
#[must_use]
pub fn import_files_key(site: &Site, id: ImportId, number: usize) -> Key {
    Key { pk: META.to_owned(), sk: format!("{FILES}{}#{id}#{number:04}", site.domain) }
}

/// Returns the range of the file lists of all imports of a site, or of one import.
#[must_use]
pub fn import_files(site: &Site, id: Option<ImportId>) -> KeyRange {
    let start = format!("{FILES}{}#", site.domain);
    let start = id.map_or(start.clone(), |id| format!("{start}{id}#"));
    KeyRange { pk: META.to_owned(), to: format!("{start}~"), from: start }
}

/// Returns the range of the checkpoints and imports of all sites, those of removed sites included.
#[must_use]
pub fn checkpoints() -> KeyRange {
    KeyRange { pk: META.to_owned(), from: SITE.to_owned(), to: format!("{SITE}~") }
}

/// Returns a checkpoint's domain. `None` if this is not the key of a checkpoint.
#[must_use]
pub fn checkpoint_domain(key: &Key) -> Option<&str> {
    key.sk.strip_prefix(SITE).filter(|domain| !domain.contains('#'))
}

/// Returns the key of a site's lease.
#[must_use]
pub fn lock_key(site: &Site) -> Key {
    Key { pk: META.to_owned(), sk: format!("lock#{}", site.domain) }
}

/// Returns the key of the summary of the last rollup.
#[must_use]
pub fn rollup_key() -> Key {
    Key { pk: META.to_owned(), sk: "rollup".to_owned() }
}

/// Returns the key of a token or share link. It contains the hash of the secret, so secrets are neither stored nor
/// compared.
#[must_use]
pub fn token_key(hash: &str) -> Key {
    Key { pk: ACCESS.to_owned(), sk: format!("{TOKEN}{hash}") }
}

/// Returns the range of all tokens and share links of all sites.
#[must_use]
pub fn tokens() -> KeyRange {
    KeyRange { pk: ACCESS.to_owned(), from: TOKEN.to_owned(), to: format!("{TOKEN}~") }
}

/// Returns the key of the item that holds the signing key of sessions and login links.
#[must_use]
pub fn signing_key() -> Key {
    Key { pk: ACCESS.to_owned(), sk: "key".to_owned() }
}

/// Returns the key of the hash of the dashboard's password.
#[must_use]
pub fn password_key() -> Key {
    Key { pk: ACCESS.to_owned(), sk: "password".to_owned() }
}

/// Returns the key that marks a login link as used.
///
/// Sign-ins and attempts have a partition of their own, because they are the only access data that a function may
/// write.
#[must_use]
pub fn login_key(id: &str) -> Key {
    Key { pk: LOGIN.to_owned(), sk: id.to_owned() }
}

/// Returns the key of a password attempt. The attempts of an hour are numbered from 0. A link's ID has hex digits only,
/// so it never equals such a key.
#[must_use]
pub fn try_key(hour: Hour, number: usize) -> Key {
    Key { pk: LOGIN.to_owned(), sk: format!("{TRY}{hour}#{number:02}") }
}

/// Returns the range of the password attempts since the beginning of an hour.
#[must_use]
pub fn tries_since(hour: Hour) -> KeyRange {
    let Key { pk, sk } = try_key(hour, 0);
    KeyRange { pk, from: sk, to: format!("{TRY}~") }
}

const ACCESS: &str = "access";
const LOGIN: &str = "login";
const TRY: &str = "try#";
const TOKEN: &str = "token#";
const META: &str = "meta";
const SITE: &str = "site#";
const IMPORT: &str = "#import#";
const FILES: &str = "files#";
const SALT: &str = "salt";

/// Returns the key of a UTC day's salt.
#[must_use]
pub fn salt_key(day: Date) -> Key {
    Key { pk: SALT.to_owned(), sk: day.to_string() }
}

/// Returns the range of the salts of all days up to `day`.
#[must_use]
pub fn salts_up_to(day: Date) -> KeyRange {
    KeyRange { to: day.to_string(), ..KeyRange::whole(SALT.to_owned()) }
}

#[cfg(test)]
mod tests {
    use footfall_infra::settings::Settings;

    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn hit_and_salt_keys_have_the_documented_layout() {
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
    fn segment_of_a_day_sorts_before_those_of_its_hours() {
        let site = &Settings::local().sites[0];
        let day = Span::Day("2026-11-22".parse().unwrap());
        let hour = Span::Hour(Hour::of(at("2026-11-22T13:05:06Z")));
        assert_eq!(hour.to_string(), "2026-11-22T13");
        let keys = [
            segment_key(site, day),
            segment_part_key(site, day, 1, "ab"),
            segment_key(site, hour),
            segment_part_key(site, hour, 12, "ab"),
        ];
        let sks: Vec<&str> = keys.iter().map(|key| key.sk.as_str()).collect();
        assert_eq!(sks, ["22#00", "22#01#ab", "22T13#00", "22T13#12#ab"]);
        assert!(sks.is_sorted());
        assert!(keys.iter().all(|key| key.pk == "seg#localhost#2026-11"));
        let of = |range: &KeyRange| {
            sks.iter().filter(|sk| (range.from.as_str()..=range.to.as_str()).contains(*sk)).count()
        };
        assert_eq!(of(&segments(site, day.day(), day.day())), 4);
        assert_eq!(of(&hour_segments(site, day.day())), 2);
        let day = |text: &str| text.parse::<Date>().unwrap();
        assert_eq!(of(&segments(site, day("2026-11-23"), day("2026-11-30"))), 0);
        assert_eq!(of(&segments(site, day("2026-11-01"), day("2026-11-21"))), 0);
    }

    #[test]
    fn imported_segment_is_in_the_range_of_its_day_but_not_of_its_hours() {
        let site = &Settings::local().sites[0];
        let id: ImportId = "0123456789ab".parse().unwrap();
        let day: Date = "2026-11-22".parse().unwrap();
        let span = Span::Imported(day, id);
        assert_eq!(span.to_string(), "2026-11-22i0123456789ab");
        let keys = [segment_key(site, span), segment_part_key(site, span, 1, "cd")];
        assert_eq!(keys[0].sk, "22i0123456789ab#00");
        assert_eq!(keys[1].sk, "22i0123456789ab#01#cd");
        let has = |range: &KeyRange, key: &Key| {
            range.pk == key.pk && (range.from.as_str()..=range.to.as_str()).contains(&&*key.sk)
        };
        for key in &keys {
            assert!(
                has(&segments(site, day, day), key) && has(&imported_segment(site, day, id), key)
            );
            // The rollup of the day does not delete it.
            assert!(!has(&hour_segments(site, day), key));
        }
        assert!(!has(&imported_segment(site, day, id), &segment_key(site, Span::Day(day))));

        let key = import_key(site, id);
        assert_eq!(key.sk, "site#localhost#import#0123456789ab");
        assert_eq!(parse_import_key(&key), Some(("localhost", id)));
        assert_eq!(
            (checkpoint_domain(&key), parse_import_key(&checkpoint_key(site))),
            (None, None)
        );
        let other = checkpoint_key(&Site::of("localhost-2.x".to_owned().try_into().unwrap()));
        assert!(has(&site_meta(site), &key) && has(&site_meta(site), &checkpoint_key(site)));
        assert!(!has(&site_meta(site), &other) && has(&checkpoints(), &key));
        let files = import_files_key(site, id, 0);
        assert!(
            has(&import_files(site, None), &files) && has(&import_files(site, Some(id)), &files)
        );
        assert!(!has(&checkpoints(), &files));
    }

    #[test]
    fn hit_before_1970_has_a_valid_key() {
        let site = &Settings::local().sites[0];
        let key = hit_key(site, at("1969-12-31T23:59:59Z"), 0, [0; 16]);
        assert_eq!(key.sk, "0000000000000#0000000000000000");
    }
}
