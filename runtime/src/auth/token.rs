//! Tokens and share links: a secret that is shown once, and what the table knows of it.

use std::fmt;
use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use footfall_infra::settings::Domain;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::storage::{Item, StoreError};

/// What a secret opens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TokenKind {
    /// The API, and the dashboard as data.
    Api,
    /// The dashboard, to whoever has the link.
    Share,
}

impl TokenKind {
    /// How secrets of this kind begin: so that a person, or a program that looks for secrets where they should
    /// not be, can tell what one is.
    const fn prefix(self) -> &'static str {
        match self {
            Self::Api => "fft_",
            Self::Share => "ffs_",
        }
    }
}

/// A secret of 256 random bits, as text that an address can hold.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret {
    kind: TokenKind,
    text: String,
}

impl Secret {
    /// A secret of random bytes.
    #[must_use]
    pub fn new(kind: TokenKind, random: [[u8; 16]; 2]) -> Self {
        Self { kind, text: format!("{}{}", kind.prefix(), BASE64.encode(random.concat())) }
    }

    /// What has the form of a secret. Whether it is one, the table knows.
    #[must_use]
    pub fn parse(kind: TokenKind, text: &str) -> Option<Self> {
        let bytes = BASE64.decode(text.strip_prefix(kind.prefix())?).ok()?;
        (bytes.len() == 32).then(|| Self { kind, text: text.to_owned() })
    }

    /// What it opens.
    #[must_use]
    pub const fn kind(&self) -> TokenKind {
        self.kind
    }

    /// The secret itself, for whom it is given to.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.text
    }

    /// What is stored of it: its SHA-256, in hex. A slow hash is for passwords, which can be guessed; among
    /// 2^256 secrets nobody guesses one, however quick each guess is.
    #[must_use]
    pub fn hash(&self) -> String {
        hex(&Sha256::digest(&self.text))
    }
}

/// A secret does not show itself in a log.
impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secret({:?}, …)", self.kind)
    }
}

/// Bytes as hex digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// What is known of a token or a share link: all but its secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Token {
    /// By which it is listed and revoked: 8 hex digits, which open nothing.
    pub id: String,
    /// What it opens.
    pub kind: TokenKind,
    /// The one site that it is for.
    pub site: Domain,
    /// What its owner calls it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// When it was made.
    pub created: Timestamp,
    /// From when on it is not valid any more; never if not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<Timestamp>,
    /// Whose pages may show a shared dashboard in a frame.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub embed: Vec<EmbedOrigin>,
}

impl Token {
    /// Reads a stored one.
    ///
    /// # Errors
    /// If the item is none.
    pub fn decode(item: &Item) -> Result<Self, StoreError> {
        // Without its key: that is the hash of a secret, and of no use to who reads the log.
        serde_json::from_slice(&item.value)
            .map_err(|error| StoreError::Refused(format!("a token cannot be read: {error}")))
    }

    /// Whether it opens what a secret of a kind does, now.
    #[must_use]
    pub fn is_valid(&self, kind: TokenKind, now: Timestamp) -> bool {
        self.kind == kind && self.expires.is_none_or(|expires| now < expires)
    }
}

/// The origin of pages that may show a shared dashboard in a frame, such as `https://blog.example.com`.
/// It stands in a `Content-Security-Policy`, and so is exactly one host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct EmbedOrigin(String);

impl EmbedOrigin {
    /// The origin.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for EmbedOrigin {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let url = url::Url::parse(&text).ok();
        let origin = url.as_ref().filter(|url| is_embeddable(url));
        let origin = origin.map(|url| url.origin().ascii_serialization());
        // Whatever else there is in it (a path, a user) is then not.
        origin
            .filter(|origin| text.trim_end_matches('/').eq_ignore_ascii_case(origin))
            .map(Self)
            .ok_or_else(|| {
                format!(
                    "{text:?} is no origin; write it as https://blog.example.com, without a path"
                )
            })
    }
}

/// TLS, or this machine. A host that is a pattern, or that would end the directive, is none.
fn is_embeddable(url: &url::Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let is_local = matches!(host, "localhost" | "127.0.0.1" | "[::1]");
    (url.scheme() == "https" || url.scheme() == "http" && is_local)
        && !host.is_empty()
        && host.bytes().all(|b| b.is_ascii_alphanumeric() || b"-.:[]_".contains(&b))
}

impl From<EmbedOrigin> for String {
    fn from(origin: EmbedOrigin) -> Self {
        origin.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_what_it_was_made_as_and_shows_itself_to_nobody() {
        let secret = Secret::new(TokenKind::Api, [[1; 16], [2; 16]]);
        assert_eq!(secret.expose(), "fft_AQEBAQEBAQEBAQEBAQEBAQICAgICAgICAgICAgICAgI");
        assert_eq!(Secret::parse(TokenKind::Api, secret.expose()), Some(secret.clone()));
        assert_eq!(Secret::parse(TokenKind::Share, secret.expose()), None);
        assert_eq!(format!("{secret:?}"), "Secret(Api, …)");
        // As sha256sum says.
        assert_eq!(
            secret.hash(),
            "b7f4f517ae680cd6203dbe2b900fd79d318ebd6c212c01f197eaddf630156ab3"
        );
        for no_secret in ["", "fft_", "fft_AQ", &format!("{}A", secret.expose()), "fft_é"] {
            assert_eq!(Secret::parse(TokenKind::Api, no_secret), None, "{no_secret}");
        }
    }

    #[test]
    fn only_one_host_may_be_embedded_in() {
        let check = |text: &str, expected: Option<&str>| {
            let origin = EmbedOrigin::try_from(text.to_owned());
            assert_eq!(origin.ok().as_ref().map(EmbedOrigin::as_str), expected, "{text}");
        };
        check("https://blog.example.com", Some("https://blog.example.com"));
        check("https://Blog.Example.com/", Some("https://blog.example.com"));
        check("https://blog.example.com:8443", Some("https://blog.example.com:8443"));
        check("http://localhost:3000", Some("http://localhost:3000"));
        for wrong in [
            "",
            "*",
            "https://*",
            "https://*.example.com",
            "http://example.com",
            "https://example.com/path",
            "https://user@example.com",
            "https://example.com; script-src *",
            "https://example.com https://evil.example",
            "data:text/html,x",
            "null",
            "example.com",
        ] {
            check(wrong, None);
        }
    }
}
