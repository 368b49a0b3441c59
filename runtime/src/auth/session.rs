//! Signed login links and session cookies.
//!
//! Their format is `PAYLOAD.SIGNATURE`. The signature is an HMAC-SHA-256 over purpose and payload, with a key
//! that only the table holds. Replacing the key invalidates all of them, which signs everyone out.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use footfall_infra::settings::Domain;
use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use sha2::Sha256;

use super::token::hex;
use crate::storage::{Item, StoreError};

/// How long a login link is valid, in seconds.
const LOGIN_LINK_LIFETIME: i64 = 10 * 60;

/// How long a session lasts, in seconds: 30 days.
pub const SESSION_LIFETIME: i64 = 30 * 86_400;

/// The key that signs login links and sessions: 256 random bits.
#[derive(Clone, PartialEq, Eq)]
pub struct SigningKey([u8; 32]);

/// What a signature is for. A signature for one purpose is invalid for the other.
#[derive(Debug, Clone, Copy)]
enum Purpose {
    Login,
    Session,
}

impl Purpose {
    const fn name(self) -> &'static [u8] {
        match self {
            Self::Login => b"footfall login\0",
            Self::Session => b"footfall session\0",
        }
    }
}

impl SigningKey {
    /// Creates a key from random bytes.
    #[must_use]
    pub const fn new(random: [u8; 32]) -> Self {
        Self(random)
    }

    /// Decodes a stored key.
    ///
    /// # Errors
    /// If the item is not a key.
    pub fn decode(item: &Item) -> Result<Self, StoreError> {
        let bytes = item.value.as_slice().try_into();
        bytes.map(Self).map_err(|_| {
            StoreError::Refused(
                "cannot decode the signing key; run `cargo xtask open --rotate` to create a new one"
                    .to_owned(),
            )
        })
    }

    /// Returns the bytes to store.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        self.0.to_vec()
    }

    fn mac(&self, purpose: Purpose, payload: &str) -> Hmac<Sha256> {
        // Padded with zeros to SHA-256's block size (RFC 2104), so the length is a constant.
        let mut key = [0; 64];
        key[..self.0.len()].copy_from_slice(&self.0);
        let mut mac = Hmac::<Sha256>::new(&key.into());
        mac.update(purpose.name());
        mac.update(payload.as_bytes());
        mac
    }

    fn sign(&self, purpose: Purpose, payload: &str) -> String {
        let signature = self.mac(purpose, payload).finalize().into_bytes();
        format!("{payload}.{}", BASE64.encode(signature))
    }
}

/// Hides the secret, so that it cannot end up in a log.
impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKey(…)")
    }
}

/// Text in the signed format, not verified yet.
#[derive(Debug, Clone, Copy)]
pub struct Signed<'a> {
    payload: &'a str,
    signature: [u8; 32],
}

impl<'a> Signed<'a> {
    /// Parses text in the signed format, without verifying its signature.
    #[must_use]
    pub fn parse(text: &'a str) -> Option<Self> {
        let (payload, signature) = text.rsplit_once('.')?;
        let signature = BASE64.decode(signature).ok()?.try_into().ok()?;
        Some(Self { payload, signature })
    }

    /// Returns the payload if the signature is valid. Compares in constant time.
    fn verify(&self, key: &SigningKey, purpose: Purpose) -> Option<&'a str> {
        let mac = key.mac(purpose, self.payload);
        mac.verify_slice(&self.signature).is_ok().then_some(self.payload)
    }
}

/// A session of the owner's browser.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Session {
    /// When it expires, in seconds since 1970.
    expires: i64,
}

impl Session {
    /// Creates a session that starts now.
    #[must_use]
    pub fn new(now: Timestamp) -> Self {
        Self { expires: now.as_second() + SESSION_LIFETIME }
    }

    /// Signs the session, for a cookie.
    #[must_use]
    pub fn signed(&self, key: &SigningKey) -> String {
        key.sign(Purpose::Session, &self.expires.to_string())
    }

    /// Returns whether signed text is a session that has not expired.
    #[must_use]
    pub fn is_valid(signed: &Signed<'_>, key: &SigningKey, now: Timestamp) -> bool {
        let expires = signed.verify(key, Purpose::Session).and_then(|text| text.parse().ok());
        expires.is_some_and(|expires: i64| now.as_second() < expires)
    }
}

/// A link that creates a session, once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoginLink {
    /// ID under which its use is recorded.
    pub id: String,
    /// When it expires, in seconds since 1970.
    pub expires: i64,
    /// The site whose dashboard it opens. `None` for the first site.
    pub site: Option<Domain>,
}

impl LoginLink {
    /// Creates a link that is valid from now.
    #[must_use]
    pub fn new(now: Timestamp, random: [u8; 16], site: Option<Domain>) -> Self {
        Self { id: hex(&random), expires: now.as_second() + LOGIN_LINK_LIFETIME, site }
    }

    /// Signs the link, for a URL.
    #[must_use]
    pub fn signed(&self, key: &SigningKey) -> String {
        let site = self.site.as_ref().map_or("", Domain::as_str);
        key.sign(Purpose::Login, &format!("{}.{}.{site}", self.expires, self.id))
    }

    /// Returns the link if its signature is valid and it has not expired.
    #[must_use]
    pub fn verify(signed: &Signed<'_>, key: &SigningKey, now: Timestamp) -> Option<Self> {
        let mut parts = signed.verify(key, Purpose::Login)?.splitn(3, '.');
        let expires = parts.next()?.parse().ok()?;
        let id = parts.next()?.to_owned();
        let site = parts.next().filter(|site| !site.is_empty()).map(str::to_owned);
        let site = site.map(Domain::try_from).transpose().ok()?;
        (now.as_second() < expires).then_some(Self { id, expires, site })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    const KEY: SigningKey = SigningKey::new([7; 32]);
    const OTHER: SigningKey = SigningKey::new([8; 32]);

    fn is_session(text: &str, key: &SigningKey, now: i64) -> bool {
        Signed::parse(text).is_some_and(|signed| Session::is_valid(&signed, key, at(now)))
    }

    #[test]
    fn session_is_valid_for_30_days_with_its_key() {
        let text = Session::new(at(1000)).signed(&KEY);
        // Computed with Python's hmac over "footfall session\0" and the time.
        assert_eq!(text, "2593000.8bej0VXHNKUc13Y-BktLIvbAs8Rdsaqp3YaN-vOcFhY");
        assert!(is_session(&text, &KEY, 1000));
        assert!(is_session(&text, &KEY, 1000 + SESSION_LIFETIME - 1));
        assert!(!is_session(&text, &KEY, 1000 + SESSION_LIFETIME));
        assert!(!is_session(&text, &OTHER, 1000));
    }

    #[test]
    fn rejects_any_change_to_signed_text() {
        let text = Session::new(at(1000)).signed(&KEY);
        for i in 0..text.len() {
            for c in "0A9._-~".chars().filter(|c| text.as_bytes()[i] != *c as u8) {
                let mut changed = text.clone();
                changed.replace_range(i..=i, &c.to_string());
                assert!(!is_session(&changed, &KEY, 1000), "{changed}");
            }
            assert!(!is_session(&text[..i], &KEY, 1000));
            assert!(!is_session(&text[i + 1..], &KEY, 1000));
        }
        for text in ["", ".", "a.b", "9999999999.", &format!("{text}="), &format!("{text}A")] {
            assert!(!is_session(text, &KEY, 1000), "{text}");
        }
    }

    #[test]
    fn login_link_round_trips_and_is_not_a_session() {
        for site in [None, Some("example.com"), Some("[::1]"), Some("a.b.c.example")] {
            let site = site.map(|site| Domain::try_from(site.to_owned()).unwrap());
            let link = LoginLink::new(at(1000), [0xab; 16], site);
            assert_eq!(
                (link.id.as_str(), link.expires),
                ("abababababababababababababababab", 1600)
            );
            let text = link.signed(&KEY);
            let signed = Signed::parse(&text).unwrap();
            assert_eq!(LoginLink::verify(&signed, &KEY, at(1599)), Some(link));
            assert_eq!(LoginLink::verify(&signed, &KEY, at(1600)), None);
            assert_eq!(LoginLink::verify(&signed, &OTHER, at(1000)), None);
            assert!(!Session::is_valid(&signed, &KEY, at(1000)));
        }
        let session = Session::new(at(1000)).signed(&KEY);
        assert_eq!(LoginLink::verify(&Signed::parse(&session).unwrap(), &KEY, at(1000)), None);
    }

    #[test]
    fn debug_hides_the_signing_key() {
        assert_eq!(format!("{KEY:?}"), "SigningKey(…)");
    }
}
