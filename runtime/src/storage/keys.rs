//! The table: which keys things have. Written here only.
//!
//! | what | pk | sk |
//! |---|---|---|
//! | a hit | `hit#SITE#2026-11-22T13#SHARD` | `MILLIS#RANDOM` |
//! | a segment, or the first part of it | `seg#SITE#2026-11` | `22T13#00` for an hour, `22#00` for a day |
//! | its other parts | the same | `22#01#ID`; the first part has the ID |
//! | what was imported of a day | the same | `22iIMPORT#00`, and its other parts likewise |
//! | a day's salt | `salt` | `2026-11-22` |
//! | how far a site is folded | `meta` | `site#SITE` |
//! | an import of a site | `meta` | `site#SITE#import#IMPORT` |
//! | the files it was made from | `meta` | `files#SITE#IMPORT#0000` |
//! | who rewrites what is stored of a site | `meta` | `lock#SITE` |
//! | when the rollup last ran | `meta` | `rollup` |
//! | a token or a share link, by the hash of its secret | `access` | `token#SHA256` |
//! | what sessions and login links are signed with | `access` | `key` |
//! | the hash of the dashboard's password | `access` | `password` |
//! | that a login link was used | `login` | its ID |
//! | that a password was tried, by the hour | `login` | `try#2026-11-22T13#00` |

use std::fmt::Write as _;

use footfall_infra::settings::Site;
use jiff::Timestamp;
use jiff::civil::Date;

use crate::storage::hour::Hour;
use crate::storage::hour::Span;
use crate::storage::import_id::ImportId;
use crate::storage::{Key, KeyRange};

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

/// The hits of a site in one shard of an hour that came in at `from` or later.
#[must_use]
pub fn hits_since(site: &Site, hour: Hour, shard: u8, from: Timestamp) -> KeyRange {
    KeyRange { from: hit_key(site, from, shard, [0; 16]).sk, ..hits(site, hour, shard) }
}

/// When the hit under a sort key came in; `None` if it is no hit's.
#[must_use]
pub fn hit_time(sk: &str) -> Option<Timestamp> {
    let (millis, _) = sk.split_once('#')?;
    Timestamp::from_millisecond(millis.parse().ok()?).ok()
}

/// The key of a segment: of its first part, which is stored last, so that a segment is there whole or not
/// at all.
#[must_use]
pub fn segment_key(site: &Site, span: Span) -> Key {
    let pk = segment_partition(site, span.day());
    Key { pk, sk: format!("{}#00", span.in_month()) }
}

/// The key of another part of a segment. The ID is made from its bytes: two segments that differ
/// never mix.
#[must_use]
pub fn segment_part_key(site: &Site, span: Span, part: usize, id: &str) -> Key {
    let pk = segment_partition(site, span.day());
    Key { pk, sk: format!("{}#{part:02}#{id}", span.in_month()) }
}

/// Every part of the segments of some days of one month, of their hours, and of what was imported.
#[must_use]
pub fn segments(site: &Site, from: Date, to: Date) -> KeyRange {
    let pk = segment_partition(site, from);
    KeyRange { pk, from: Span::Day(from).in_month(), to: format!("{}~", Span::Day(to).in_month()) }
}

/// Every part of the segments of a day's hours.
#[must_use]
pub fn hour_segments(site: &Site, day: Date) -> KeyRange {
    let start = Span::Day(day).in_month();
    let pk = segment_partition(site, day);
    KeyRange { pk, from: format!("{start}T"), to: format!("{start}T~") }
}

/// Every part of what an import has of a day.
#[must_use]
pub fn imported_segment(site: &Site, day: Date, id: ImportId) -> KeyRange {
    let start = Span::Imported(day, id).in_month();
    let pk = segment_partition(site, day);
    KeyRange { pk, from: format!("{start}#"), to: format!("{start}#~") }
}

fn segment_partition(site: &Site, day: Date) -> String {
    format!("seg#{}#{}", site.domain, day.strftime("%Y-%m"))
}

/// The key of what is known of a site's segments.
#[must_use]
pub fn checkpoint_key(site: &Site) -> Key {
    Key { pk: META.to_owned(), sk: format!("{SITE}{}", site.domain) }
}

/// The checkpoint of a site, and its imports. No domain has a `#`, so that this is no other site's.
#[must_use]
pub fn site_meta(site: &Site) -> KeyRange {
    let Key { pk, sk } = checkpoint_key(site);
    KeyRange { pk, to: format!("{sk}#~"), from: sk }
}

/// The key of what is known of an import.
#[must_use]
pub fn import_key(site: &Site, id: ImportId) -> Key {
    Key { pk: META.to_owned(), sk: format!("{SITE}{}{IMPORT}{id}", site.domain) }
}

/// The domain of the site that an import is of, and its name; `None` if the key is no import's.
#[must_use]
pub fn parse_import_key(key: &Key) -> Option<(&str, ImportId)> {
    let (domain, id) = key.sk.strip_prefix(SITE)?.split_once(IMPORT)?;
    Some((domain, id.parse().ok()?))
}

/// The key of one of the lists of the files that an import was made from.
#[must_use]
pub fn import_files_key(site: &Site, id: ImportId, number: usize) -> Key {
    Key { pk: META.to_owned(), sk: format!("{FILES}{}#{id}#{number:04}", site.domain) }
}

/// The lists of the files that a site's imports were made from, or those of one of them.
#[must_use]
pub fn import_files(site: &Site, id: Option<ImportId>) -> KeyRange {
    let start = format!("{FILES}{}#", site.domain);
    let start = id.map_or(start.clone(), |id| format!("{start}{id}#"));
    KeyRange { pk: META.to_owned(), to: format!("{start}~"), from: start }
}

/// The checkpoints of all sites that there ever were, and their imports.
#[must_use]
pub fn checkpoints() -> KeyRange {
    KeyRange { pk: META.to_owned(), from: SITE.to_owned(), to: format!("{SITE}~") }
}

/// The domain of the site that a checkpoint is of; `None` if the key is no checkpoint's.
#[must_use]
pub fn checkpoint_domain(key: &Key) -> Option<&str> {
    key.sk.strip_prefix(SITE).filter(|domain| !domain.contains('#'))
}

/// The key of a site's lock.
#[must_use]
pub fn lock_key(site: &Site) -> Key {
    Key { pk: META.to_owned(), sk: format!("lock#{}", site.domain) }
}

/// The key of what the rollup last did.
#[must_use]
pub fn rollup_key() -> Key {
    Key { pk: META.to_owned(), sk: "rollup".to_owned() }
}

/// The key of a token or share link: found by the hash of its secret, so that no secret is stored, and none
/// is compared.
#[must_use]
pub fn token_key(hash: &str) -> Key {
    Key { pk: ACCESS.to_owned(), sk: format!("{TOKEN}{hash}") }
}

/// All tokens and share links of all sites.
#[must_use]
pub fn tokens() -> KeyRange {
    KeyRange { pk: ACCESS.to_owned(), from: TOKEN.to_owned(), to: format!("{TOKEN}~") }
}

/// The key of what sessions and login links are signed with.
#[must_use]
pub fn signing_key() -> Key {
    Key { pk: ACCESS.to_owned(), sk: "key".to_owned() }
}

/// The key of the hash of the dashboard's password.
#[must_use]
pub fn password_key() -> Key {
    Key { pk: ACCESS.to_owned(), sk: "password".to_owned() }
}

/// The key of the note that a login link was used. In a partition of its own, as how somebody signed in, or
/// tried to, is the one thing about access that a function may write.
#[must_use]
pub fn login_key(id: &str) -> Key {
    Key { pk: LOGIN.to_owned(), sk: id.to_owned() }
}

/// The key of the note that a password was tried: the first one of an hour has the number 0. (A link's ID is
/// hex digits, and so is never one of these.)
#[must_use]
pub fn try_key(hour: Hour, number: usize) -> Key {
    Key { pk: LOGIN.to_owned(), sk: format!("{TRY}{hour}#{number:02}") }
}

/// Every try of a password from the beginning of an hour on.
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

/// The key of a day's salt. Days are UTC.
#[must_use]
pub fn salt_key(day: Date) -> Key {
    Key { pk: SALT.to_owned(), sk: day.to_string() }
}

/// The salts of all days up to one.
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
    fn segments_of_a_day_come_before_those_of_its_hours() {
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
    fn what_is_imported_is_beside_its_day() {
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
            // It outlives the folding of its day.
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
    fn a_hit_before_1970_still_sorts() {
        let site = &Settings::local().sites[0];
        let key = hit_key(site, at("1969-12-31T23:59:59Z"), 0, [0; 16]);
        assert_eq!(key.sk, "0000000000000#0000000000000000");
    }
}
