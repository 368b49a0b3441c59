//! The owner's password, if they want one: what can be one, what the table knows of it, and how often
//! anybody may try.
//!
//! There is one owner, and so one password and one limit for everybody together: a stranger can use all tries
//! up, and so keep the owner's password out, too. No stranger can do that to the link of `cargo xtask open`.

use std::fmt;

use argon2::{Argon2, PasswordHasher as _, PasswordVerifier as _};
use footfall_infra::settings::Domain;

use super::{AuthError, Authenticator, Login, SESSION_LIFETIME, Session, cookie};
use crate::storage::hour::Hour;
use crate::storage::keys;
use crate::storage::{Item, KeyRange, PutOutcome, Store, StoreError};

/// The fewest characters of a password, and no other rule: what a limit on tries stands in front of needs no
/// more. <https://pages.nist.gov/800-63-4/sp800-63b.html#passwordver> asks for 15 where a password is all that
/// is asked for, and advises against rules on characters.
const MIN_CHARACTERS: usize = 12;

/// The most bytes of a password: four times what NIST has verifiers take at least, and not for ever to hash.
const MAX_BYTES: usize = 256;

/// How many tries there may be within how many seconds, of everybody together: 262,800 in a year, which is
/// nothing against 12 characters that are not in the first pages of every list of passwords.
const LIMITS: [(usize, i64); 2] = [(5, 60), (30, 3600)];

/// How long a try is kept, in seconds: longer than it counts, and than clocks differ.
const TRY_LIFE: i64 = 2 * 3600;

/// What can be the owner's password: at least 12 characters, at most 256 bytes.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(String);

/// Why something can be no password.
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
    /// A text as a password. All of its characters count, spaces and all.
    ///
    /// # Errors
    /// If it is too short or too long.
    pub fn parse(text: String) -> Result<Self, PasswordError> {
        if text.len() > MAX_BYTES {
            return Err(PasswordError::Long);
        }
        // A character is a code point, as NIST counts them.
        if text.chars().count() < MIN_CHARACTERS {
            return Err(PasswordError::Short);
        }
        Ok(Self(text))
    }
}

/// A secret does not show itself in a log.
impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}

/// What the table knows of a password: Argon2id's hash, as `$argon2id$v=19$m=19456,t=2,p=1$SALT$HASH`.
///
/// 19 MiB, two passes and one lane are what
/// <https://cheatsheetseries.owasp.org/cheatsheets/Password_Storage_Cheat_Sheet.html> asks for at least, and
/// what fits into any function beside its work.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(String);

impl PasswordHash {
    /// The hash of a password with a salt that no other has.
    ///
    /// # Errors
    /// If there is not the memory for it.
    pub fn new(password: &Password, salt: [u8; 16]) -> Result<Self, argon2::password_hash::Error> {
        // Its default is Argon2id with those very parameters; a test holds it to them.
        let hash = Argon2::default().hash_password_with_salt(password.0.as_bytes(), &salt)?;
        Ok(Self(hash.to_string()))
    }

    /// Reads a stored one.
    ///
    /// # Errors
    /// If the item is none.
    pub fn decode(item: &Item) -> Result<Self, StoreError> {
        let text = String::from_utf8(item.value.clone()).ok();
        text.filter(|text| argon2::PasswordHash::new(text).is_ok()).map(Self).ok_or_else(|| {
            StoreError::Refused(
                "the password's hash cannot be read; `cargo xtask password` makes another"
                    .to_owned(),
            )
        })
    }

    /// What is stored.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        self.0.as_bytes().to_vec()
    }

    /// Whether it is the hash of this password. How long that takes does not depend on how much is right.
    #[must_use]
    pub fn matches(&self, password: &Password) -> bool {
        Argon2::default().verify_password(password.0.as_bytes(), self.0.as_str()).is_ok()
    }
}

/// Who has a hash can guess as often as they like.
impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash(…)")
    }
}

impl<S: Store> Authenticator<'_, S> {
    /// Whether the owner has set a password. One read.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub async fn has_password(&self) -> Result<bool, StoreError> {
        Ok(self.password_hash().await?.is_some())
    }

    /// Signs a browser in with the owner's password, to see a site. `random` tells this try from all others.
    ///
    /// # Errors
    /// If there is no password, if it is another, or if there were too many tries: whoever comes then is not
    /// heard, be the password right or wrong, and costs no hash.
    pub async fn login_with_password(
        &self,
        text: String,
        site: Option<Domain>,
        random: [u8; 16],
    ) -> Result<Login, AuthError> {
        let hash = self.password_hash().await?.ok_or(AuthError::Login)?;
        // What can be no password is not the right one, which everybody knows: it is no try.
        let password = Password::parse(text).map_err(|_| AuthError::Password)?;
        self.take_try(random).await?;
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

    /// Takes one of the tries that there may be, if any is left. It is gone, whatever becomes of it.
    ///
    /// The tries of an hour are stored under numbers without a gap, each by whom no other was before: whoever
    /// takes one has seen all that were taken earlier. So of however many functions at once, no more get one
    /// than there are.
    async fn take_try(&self, random: [u8; 16]) -> Result<(), AuthError> {
        let (now, hour) = (self.now.as_second(), Hour::of(self.now));
        // Few, so that they are one page.
        let tries = self.store.query(&keys::tries_since(hour.before()), None).await?.items;
        let first = keys::try_key(hour, 0);
        let mut number = tries.iter().filter(|item| item.key >= first).count();
        let mut times: Vec<i64> = tries.iter().filter_map(time_of).collect();
        loop {
            if let Some(seconds) = wait(&times, now) {
                return Err(AuthError::TooManyTries(seconds));
            }
            let value = [now.to_be_bytes().as_slice(), &random].concat();
            let key = keys::try_key(hour, number);
            let item = Item { key, value, expires: Some(now + TRY_LIFE) };
            match self.store.put_if_absent(item).await? {
                PutOutcome::Inserted => return Ok(()),
                // Somebody was quicker. That counts, and ends: there are few tries in an hour.
                PutOutcome::Existing(item) => times.push(time_of(&item).unwrap_or(now)),
            }
            number += 1;
        }
    }
}

/// When a try was, in seconds since 1970.
fn time_of(item: &Item) -> Option<i64> {
    let (time, _) = item.value.split_first_chunk()?;
    Some(i64::from_be_bytes(*time))
}

/// How many seconds from now the next try may be; `None` if it may be now. A try that another function's clock
/// has after now counts as well.
fn wait(times: &[i64], now: i64) -> Option<u32> {
    let wait = |(most, seconds): (usize, i64)| {
        let mut recent: Vec<i64> =
            times.iter().copied().filter(|time| now - time < seconds).collect();
        recent.sort_unstable();
        // Once this one is old enough, there are fewer than may be.
        let blocking = *recent.get(recent.len().checked_sub(most)?)?;
        u32::try_from((blocking + seconds - now).clamp(1, seconds)).ok()
    };
    LIMITS.into_iter().filter_map(wait).max()
}

/// Seconds, as a person says them: `59 seconds`, `12 minutes`.
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
    fn a_password_is_long_and_not_too_long() {
        let check = |text: &str, expected: Result<(), PasswordError>| {
            assert_eq!(Password::parse(text.to_owned()).map(|_| ()), expected, "{text}");
        };
        check("", Err(PasswordError::Short));
        check("elevenchars", Err(PasswordError::Short));
        check("twelve chars", Ok(()));
        // Characters, and not bytes, on the one side; bytes on the other.
        check("пароль пар", Err(PasswordError::Short));
        check("пароль парол", Ok(()));
        check(&"x".repeat(256), Ok(()));
        check(&"x".repeat(257), Err(PasswordError::Long));
        check(&"п".repeat(129), Err(PasswordError::Long));
    }

    #[test]
    fn a_hash_is_of_its_password_alone() {
        let right = password("correct horse battery");
        let hash = PasswordHash::new(&right, [7; 16]).unwrap();
        let text = String::from_utf8(hash.to_bytes()).unwrap();
        // As the reference implementation says, by argon2-cffi's `hash_secret`.
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
    fn a_hash_is_read_back_or_refused() {
        let item =
            |value: &[u8]| Item { key: keys::password_key(), value: value.to_vec(), expires: None };
        let hash = PasswordHash::new(&password("correct horse battery"), [7; 16]).unwrap();
        assert_eq!(PasswordHash::decode(&item(&hash.to_bytes())).unwrap(), hash);
        for wrong in [&b""[..], b"correct horse battery", b"$argon2id$", b"\xff"] {
            let error = PasswordHash::decode(&item(wrong)).unwrap_err().to_string();
            assert!(error.contains("`cargo xtask password` makes another"), "{error}");
        }
        // Another algorithm's hash is of nothing.
        let scrypt = "$scrypt$ln=16,r=8,p=1$aM15713r3Xsvxbi31lqr1Q$nFNh2CVHVjNldFVKDHDlm4CbdRSCdEBsjjJxD+iCs5E";
        let scrypt = PasswordHash::decode(&item(scrypt.as_bytes())).unwrap();
        assert!(!scrypt.matches(&password("correct horse battery")));
    }

    #[test]
    fn a_try_waits_until_there_are_fewer_than_may_be() {
        let check = |times: &[i64], now: i64, expected: Option<u32>| {
            assert_eq!(wait(times, now), expected, "{times:?} at {now}");
        };
        check(&[], 1000, None);
        check(&[1000; 4], 1000, None);
        check(&[1000; 5], 1000, Some(60));
        check(&[1000; 5], 1059, Some(1));
        check(&[1000; 5], 1060, None);
        // The first of the last five is what is waited for, in whichever order they are read.
        check(&[1030, 1000, 1010, 1020, 1040, 990], 1041, Some(19));
        // A clock that is ahead keeps nobody out for longer than the limit does.
        check(&[2000; 5], 1000, Some(60));
        let hour: Vec<i64> = (0..30).map(|i| 1000 + 100 * i).collect();
        check(&hour, 4000, Some(600));
        check(&hour, 4599, Some(1));
        check(&hour, 4600, None);
        check(&hour[1..], 4000, None);
    }

    #[test]
    fn times_are_said_as_people_do() {
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
    fn neither_shows_itself() {
        let secret = password("correct horse battery");
        let hash = PasswordHash::new(&secret, [7; 16]).unwrap();
        assert_eq!(format!("{secret:?} {hash:?}"), "Password(…) PasswordHash(…)");
    }
}
