//! The owner's optional password: its rules, its stored hash, and the limit on attempts.
//!
//! There is one owner, so there is one password, and one limit shared by everyone. A stranger can use up all
//! attempts and thereby lock out the owner's password. The link of `cargo xtask open` still works then.

use std::fmt;

use argon2::{Argon2, PasswordHasher as _, PasswordVerifier as _};
use footfall_infra::settings::Domain;

use super::{AuthError, Authenticator, Login, SESSION_LIFETIME, Session, cookie};
use crate::storage::hour::Hour;
use crate::storage::keys;
use crate::storage::{Item, KeyRange, PutOutcome, Store, StoreError};

/// Minimum number of characters in a password. There is no other rule: with a limit on attempts, this is enough.
/// <https://pages.nist.gov/800-63-4/sp800-63b.html#passwordver> requires 15 if the password is the only factor,
/// and advises against rules on which characters to use.
const MIN_CHARACTERS: usize = 12;

/// Maximum length of a password, in bytes. Four times what NIST requires verifiers to accept, and quick to hash.
const MAX_BYTES: usize = 256;

/// Maximum number of attempts by everyone together, each within a number of seconds. They allow 262,800 a year:
/// too few to guess 12 characters that are not at the top of every list of common passwords.
const LIMITS: [(usize, i64); 2] = [(5, 60), (30, 3600)];

/// How long an attempt is stored, in seconds. Longer than it counts, with a margin for clocks that differ.
const ATTEMPT_LIFETIME: i64 = 2 * 3600;

/// A valid password: at least 12 characters, at most 256 bytes.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(String);

/// Why a password is invalid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    /// Too short.
    #[error("a password has at least {MIN_CHARACTERS} characters")]
    Short,
    /// Too long.
    #[error("a password has at most {MAX_BYTES} bytes")]
    Long,
}

impl Password {
    /// Parses a password. Every character counts, including spaces.
    ///
    /// # Errors
    /// If it is too short or too long.
    pub fn parse(text: String) -> Result<Self, PasswordError> {
        if text.len() > MAX_BYTES {
            return Err(PasswordError::Long);
        }
        // NIST counts code points as characters.
        if text.chars().count() < MIN_CHARACTERS {
            return Err(PasswordError::Short);
        }
        Ok(Self(text))
    }
}

/// Hides the secret, so that it cannot end up in a log.
impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}

/// The stored hash of a password: Argon2id, as `$argon2id$v=19$m=19456,t=2,p=1$SALT$HASH`.
///
/// 19 MiB, two passes and one lane are the minimum of
/// <https://cheatsheetseries.owasp.org/cheatsheets/Password_Storage_Cheat_Sheet.html>, and fit into the memory of
/// every function beside its other work.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(String);

impl PasswordHash {
    /// Hashes a password with a unique salt.
    ///
    /// # Errors
    /// If there is not enough memory.
    pub fn new(password: &Password, salt: [u8; 16]) -> Result<Self, argon2::password_hash::Error> {
        // The default is Argon2id with these parameters, which a test checks.
        let hash = Argon2::default().hash_password_with_salt(password.0.as_bytes(), &salt)?;
        Ok(Self(hash.to_string()))
    }

    /// Decodes a stored hash.
    ///
    /// # Errors
    /// If the item is not a hash.
    pub fn decode(item: &Item) -> Result<Self, StoreError> {
        let text = String::from_utf8(item.value.clone()).ok();
        text.filter(|text| argon2::PasswordHash::new(text).is_ok()).map(Self).ok_or_else(|| {
            StoreError::Refused(
                "cannot decode the password's hash; run `cargo xtask password` to set a new password"
                    .to_owned(),
            )
        })
    }

    /// Returns the bytes to store.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        self.0.as_bytes().to_vec()
    }

    /// Returns whether this is the hash of a password. Compares in constant time.
    #[must_use]
    pub fn matches(&self, password: &Password) -> bool {
        Argon2::default().verify_password(password.0.as_bytes(), self.0.as_str()).is_ok()
    }
}

/// Hides the hash, because it allows unlimited guessing.
impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash(…)")
    }
}

impl<S: Store> Authenticator<'_, S> {
    /// Returns whether the owner has set a password. Costs one read.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub async fn has_password(&self) -> Result<bool, StoreError> {
        Ok(self.password_hash().await?.is_some())
    }

    /// Signs a browser in with the owner's password, and opens `site`. `random` identifies the attempt.
    ///
    /// # Errors
    /// If no password is set, if it is wrong, or after too many attempts. Then further attempts are rejected
    /// without hashing, even with the right password.
    pub async fn login_with_password(
        &self,
        text: String,
        site: Option<Domain>,
        random: [u8; 16],
    ) -> Result<Login, AuthError> {
        let hash = self.password_hash().await?.ok_or(AuthError::Login)?;
        // An invalid password cannot be the right one, so it does not use up an attempt.
        let password = Password::parse(text).map_err(|_| AuthError::Password)?;
        self.claim_attempt(random).await?;
        if !hash.matches(&password) {
            return Err(AuthError::Password);
        }
        let key = self.signing_key().await?.ok_or(AuthError::Login)?;
        let session = Session::new(self.now).signed(&key);
        Ok(Login { cookie: cookie(&session, SESSION_LIFETIME), site })
    }

    async fn password_hash(&self) -> Result<Option<PasswordHash>, StoreError> {
        let page = self.store.query(&KeyRange::one(&keys::password_key()), None).await?;
        page.items.first().map(PasswordHash::decode).transpose()
    }

    /// Uses up one of the allowed attempts, whether or not it succeeds.
    ///
    /// Attempts are numbered per hour without gaps; each claims the next free number with a conditional put. So
    /// each sees every earlier one, and concurrent functions cannot exceed the limit.
    async fn claim_attempt(&self, random: [u8; 16]) -> Result<(), AuthError> {
        let (now, hour) = (self.now.as_second(), Hour::of(self.now));
        // They are few, so one page holds them all.
        let attempts = self.store.query(&keys::tries_since(hour.before()), None).await?.items;
        let first = keys::try_key(hour, 0);
        let mut number = attempts.iter().filter(|item| item.key >= first).count();
        let mut times: Vec<i64> = attempts.iter().filter_map(time_of).collect();
        loop {
            if let Some(seconds) = seconds_to_wait(&times, now) {
                return Err(AuthError::TooManyTries(seconds));
            }
            let value = [now.to_be_bytes().as_slice(), &random].concat();
            let key = keys::try_key(hour, number);
            let item = Item { key, value, expires: Some(now + ATTEMPT_LIFETIME) };
            match self.store.put_if_absent(item).await? {
                PutOutcome::Inserted => return Ok(()),
                // Someone else claimed this number. This ends soon, because the limit is low.
                PutOutcome::Existing(item) => times.push(time_of(&item).unwrap_or(now)),
            }
            number += 1;
        }
    }
}

/// Returns the time of an attempt, in seconds since 1970.
fn time_of(item: &Item) -> Option<i64> {
    let (time, _) = item.value.split_first_chunk()?;
    Some(i64::from_be_bytes(*time))
}

/// Returns the seconds until the next attempt is allowed. `None` if it is allowed now. Attempts after `now`, by
/// another function's clock, count too.
fn seconds_to_wait(times: &[i64], now: i64) -> Option<u32> {
    let wait_for = |(max, seconds): (usize, i64)| {
        let mut recent: Vec<i64> =
            times.iter().copied().filter(|time| now - time < seconds).collect();
        recent.sort_unstable();
        // The next attempt is allowed when this one no longer counts.
        let blocking = *recent.get(recent.len().checked_sub(max)?)?;
        u32::try_from((blocking + seconds - now).clamp(1, seconds)).ok()
    };
    LIMITS.into_iter().filter_map(wait_for).max()
}

/// Formats seconds for people: `59 seconds`, `12 minutes`.
pub(crate) fn format_seconds(seconds: u32) -> String {
    match seconds {
        0..=1 => "1 second".to_owned(),
        2..=90 => format!("{seconds} seconds"),
        _ => format!("{} minutes", seconds.div_ceil(60)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn password(text: &str) -> Password {
        Password::parse(text.to_owned()).unwrap()
    }

    #[test]
    fn password_has_a_minimum_and_a_maximum_length() {
        let check = |text: &str, expected: Result<(), PasswordError>| {
            assert_eq!(Password::parse(text.to_owned()).map(|_| ()), expected, "{text}");
        };
        check("", Err(PasswordError::Short));
        check("elevenchars", Err(PasswordError::Short));
        check("twelve chars", Ok(()));
        // The minimum counts characters; the maximum counts bytes.
        check("пароль пар", Err(PasswordError::Short));
        check("пароль парол", Ok(()));
        check(&"x".repeat(256), Ok(()));
        check(&"x".repeat(257), Err(PasswordError::Long));
        check(&"п".repeat(129), Err(PasswordError::Long));
    }

    #[test]
    fn hash_matches_only_its_password() {
        let right = password("correct horse battery");
        let hash = PasswordHash::new(&right, [7; 16]).unwrap();
        let text = String::from_utf8(hash.to_bytes()).unwrap();
        // Computed with the reference implementation, by argon2-cffi's `hash_secret`.
        assert_eq!(
            text,
            "$argon2id$v=19$m=19456,t=2,p=1$BwcHBwcHBwcHBwcHBwcHBw\
             $WLRGUa13/B3MXznFse33FId4O++DaYL6ulYUMEhpRqE"
        );
        assert!(hash.matches(&right));
        for wrong in ["correct horse battery ", "Correct horse battery", "correct horse batter"] {
            assert!(!hash.matches(&password(wrong)), "{wrong}");
        }
        let other = PasswordHash::new(&right, [8; 16]).unwrap();
        assert!(other != hash && other.matches(&right));
    }

    #[test]
    fn hash_round_trips_and_rejects_other_bytes() {
        let item =
            |value: &[u8]| Item { key: keys::password_key(), value: value.to_vec(), expires: None };
        let hash = PasswordHash::new(&password("correct horse battery"), [7; 16]).unwrap();
        assert_eq!(PasswordHash::decode(&item(&hash.to_bytes())).unwrap(), hash);
        for wrong in [&b""[..], b"correct horse battery", b"$argon2id$", b"\xff"] {
            let error = PasswordHash::decode(&item(wrong)).unwrap_err().to_string();
            assert!(error.contains("run `cargo xtask password`"), "{error}");
        }
        // The hash of another algorithm matches no password.
        let scrypt = "$scrypt$ln=16,r=8,p=1$aM15713r3Xsvxbi31lqr1Q$nFNh2CVHVjNldFVKDHDlm4CbdRSCdEBsjjJxD+iCs5E";
        let scrypt = PasswordHash::decode(&item(scrypt.as_bytes())).unwrap();
        assert!(!scrypt.matches(&password("correct horse battery")));
    }

    #[test]
    fn attempt_waits_until_the_limit_allows_it() {
        let check = |times: &[i64], now: i64, expected: Option<u32>| {
            assert_eq!(seconds_to_wait(times, now), expected, "{times:?} at {now}");
        };
        check(&[], 1000, None);
        check(&[1000; 4], 1000, None);
        check(&[1000; 5], 1000, Some(60));
        check(&[1000; 5], 1059, Some(1));
        check(&[1000; 5], 1060, None);
        // The oldest of the last five decides, in whichever order they are read.
        check(&[1030, 1000, 1010, 1020, 1040, 990], 1041, Some(19));
        // A clock that is ahead does not extend the wait beyond the limit's period.
        check(&[2000; 5], 1000, Some(60));
        let hour: Vec<i64> = (0..30).map(|i| 1000 + 100 * i).collect();
        check(&hour, 4000, Some(600));
        check(&hour, 4599, Some(1));
        check(&hour, 4600, None);
        check(&hour[1..], 4000, None);
    }

    #[test]
    fn formats_seconds_for_people() {
        let words = [0, 1, 2, 60, 90, 91, 3600].map(format_seconds);
        let expected = [
            "1 second",
            "1 second",
            "2 seconds",
            "60 seconds",
            "90 seconds",
            "2 minutes",
            "60 minutes",
        ];
        assert_eq!(words, expected);
    }

    #[test]
    fn debug_hides_password_and_hash() {
        let secret = password("correct horse battery");
        let hash = PasswordHash::new(&secret, [7; 16]).unwrap();
        assert_eq!(format!("{secret:?} {hash:?}"), "Password(…) PasswordHash(…)");
    }
}
