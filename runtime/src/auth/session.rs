//! What Footfall itself says and later believes: login links and sessions, signed with a key that the table
//! alone holds. `PAYLOAD.SIGNATURE`, HMAC-SHA-256 over what it is for and what it says.
//!
//! Another key makes all of them invalid at once: that is how everybody is signed out.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use footfall_infra::settings::Domain;
use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use sha2::Sha256;

use super::token::hex;
use crate::storage::{Item, StoreError};

/// How long a login link can be used, in seconds.
const LOGIN_LIFE: i64 = 10 * 60;

/// How long a session lasts, in seconds: 30 days.
pub const SESSION_LIFETIME: i64 = 30 * 86_400;

/// The key that login links and sessions are signed with: 256 random bits.
#[derive(Clone, PartialEq, Eq)]
pub struct SigningKey([u8; 32]);

/// What is signed. A signature of one kind is none of the other.
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
    /// A key of random bytes.
    #[must_use]
    pub const fn new(random: [u8; 32]) -> Self {
        Self(random)
    }

    /// Reads a stored one.
    ///
    /// # Errors
    /// If the item is none.
    pub fn decode(item: &Item) -> Result<Self, StoreError> {
        let bytes = item.value.as_slice().try_into();
        bytes.map(Self).map_err(|_| {
            StoreError::Refused(
                "the signing key cannot be read; `cargo xtask open --rotate` makes another"
                    .to_owned(),
            )
        })
    }

    /// What is stored.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        self.0.to_vec()
    }

    fn mac(&self, purpose: Purpose, payload: &str) -> Hmac<Sha256> {
        // Filled up with zeros to SHA-256's block (RFC 2104), where the length is known.
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

/// A secret does not show itself in a log.
impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKey(…)")
    }
}

/// A text that has the form of a signed one, and may be anybody's.
#[derive(Debug, Clone, Copy)]
pub struct Signed<'a> {
    payload: &'a str,
    signature: [u8; 32],
}

impl<'a> Signed<'a> {
    /// What has the form of a signed text.
    #[must_use]
    pub fn parse(text: &'a str) -> Option<Self> {
        let (payload, signature) = text.rsplit_once('.')?;
        let signature = BASE64.decode(signature).ok()?.try_into().ok()?;
        Some(Self { payload, signature })
    }

    /// What it says, if the key's holder said it. How long the comparison takes does not depend on how much
    /// of the signature is right.
    fn verify(&self, key: &SigningKey, purpose: Purpose) -> Option<&'a str> {
        let mac = key.mac(purpose, self.payload);
        mac.verify_slice(&self.signature).is_ok().then_some(self.payload)
    }
}

/// That a browser is its owner's, until a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Session {
    /// When it is over, in seconds since 1970.
    expires: i64,
}

impl Session {
    /// A session that begins now.
    #[must_use]
    pub fn new(now: Timestamp) -> Self {
        Self { expires: now.as_second() + SESSION_LIFETIME }
    }

    /// As text, for a cookie.
    #[must_use]
    pub fn signed(&self, key: &SigningKey) -> String {
        key.sign(Purpose::Session, &self.expires.to_string())
    }

    /// Whether a text is one that is not over.
    #[must_use]
    pub fn is_valid(signed: &Signed<'_>, key: &SigningKey, now: Timestamp) -> bool {
        let expires = signed.verify(key, Purpose::Session).and_then(|text| text.parse().ok());
        expires.is_some_and(|expires: i64| now.as_second() < expires)
    }
}

/// A link that makes a session, once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoginLink {
    /// What it is known by once it is used.
    pub id: String,
    /// When it is over, in seconds since 1970.
    pub expires: i64,
    /// The site whose dashboard it leads to; the first if not said.
    pub site: Option<Domain>,
}

impl LoginLink {
    /// A link from now on.
    #[must_use]
    pub fn new(now: Timestamp, random: [u8; 16], site: Option<Domain>) -> Self {
        Self { id: hex(&random), expires: now.as_second() + LOGIN_LIFE, site }
    }

    /// As text, for an address.
    #[must_use]
    pub fn signed(&self, key: &SigningKey) -> String {
        let site = self.site.as_ref().map_or("", Domain::as_str);
        key.sign(Purpose::Login, &format!("{}.{}.{site}", self.expires, self.id))
    }

    /// The link that a text is, if it is one that is not over.
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
    fn a_session_is_valid_for_30_days_by_its_key() {
        let text = Session::new(at(1000)).signed(&KEY);
        // As Python's hmac says of "footfall session\0" and the time.
        assert_eq!(text, "2593000.8bej0VXHNKUc13Y-BktLIvbAs8Rdsaqp3YaN-vOcFhY");
        assert!(is_session(&text, &KEY, 1000));
        assert!(is_session(&text, &KEY, 1000 + SESSION_LIFETIME - 1));
        assert!(!is_session(&text, &KEY, 1000 + SESSION_LIFETIME));
        assert!(!is_session(&text, &OTHER, 1000));
    }

    #[test]
    fn every_character_of_a_signed_text_counts() {
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
    fn a_login_link_is_read_back_and_is_no_session() {
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
    fn a_key_stays_secret() {
        assert_eq!(format!("{KEY:?}"), "SigningKey(…)");
    }
}
