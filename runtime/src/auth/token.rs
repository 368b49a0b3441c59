//! API tokens and share links. The secret is shown once; the table stores only its hash.

use std::fmt;
use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use footfall_infra::settings::Domain;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::storage::{Item, StoreError};

/// What a secret gives access to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TokenKind {
    /// The API, and the dashboard's reports as data.
    Api,
    /// The dashboard, for anyone with the share link.
    Share,
}

impl TokenKind {
    /// Returns the prefix of secrets of this kind. It lets people and secret scanners recognize leaked secrets.
    const fn prefix(self) -> &'static str {
        match self {
            Self::Api => "fft_",
            Self::Share => "ffs_",
        }
    }
}

/// A secret of 256 random bits, as URL-safe text.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret {
    kind: TokenKind,
    text: String,
}

impl Secret {
    /// Creates a secret from random bytes.
    #[must_use]
    pub fn new(kind: TokenKind, random: [[u8; 16]; 2]) -> Self {
        Self { kind, text: format!("{}{}", kind.prefix(), BASE64.encode(random.concat())) }
    }

    /// Parses text in the format of a secret. Only the table knows whether the secret is valid.
    #[must_use]
    pub fn parse(kind: TokenKind, text: &str) -> Option<Self> {
        let bytes = BASE64.decode(text.strip_prefix(kind.prefix())?).ok()?;
        (bytes.len() == 32).then(|| Self { kind, text: text.to_owned() })
    }

    /// Returns what the secret gives access to.
    #[must_use]
    pub const fn kind(&self) -> TokenKind {
        self.kind
    }

    /// Returns the secret itself, to show to its owner.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.text
    }

    /// Returns the hash to store: SHA-256, in hex. A slow hash is not needed: unlike passwords, 256 random bits
    /// cannot be guessed.
    #[must_use]
    pub fn hash(&self) -> String {
        hex(&Sha256::digest(&self.text))
    }
}

/// Hides the secret, so that it cannot end up in a log.
impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secret({:?}, …)", self.kind)
    }
}

/// Formats bytes as hex digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// A stored API token or share link, without its secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Token {
    /// ID for listing and revoking: 8 hex digits. It is not a secret.
    pub id: String,
    /// What it gives access to.
    pub kind: TokenKind,
    /// The only site that it gives access to.
    pub site: Domain,
    /// The owner's name for it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// When it was created.
    pub created: Timestamp,
    /// When it expires. `None` means never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<Timestamp>,
    /// Origins whose pages may embed the shared dashboard in a frame.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub embed: Vec<EmbedOrigin>,
}

impl Token {
    /// Decodes a stored token.
    ///
    /// # Errors
    /// If the item is not a token.
    pub fn decode(item: &Item) -> Result<Self, StoreError> {
        // The message omits the item's key, which is the hash of a secret.
        serde_json::from_slice(&item.value)
            .map_err(|error| StoreError::Refused(format!("cannot decode a token: {error}")))
    }

    /// Returns whether it is of this kind and not expired.
    #[must_use]
    pub fn is_valid(&self, kind: TokenKind, now: Timestamp) -> bool {
        self.kind == kind && self.expires.is_none_or(|expires| now < expires)
    }
}

/// An origin whose pages may embed a shared dashboard, such as `https://blog.example.com`. It is part of a
/// `Content-Security-Policy`, so it must be exactly one host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct EmbedOrigin(String);

impl EmbedOrigin {
    /// Returns the origin as text.
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
        // Rejects everything beyond the origin, such as a path or a user.
        origin
            .filter(|origin| text.trim_end_matches('/').eq_ignore_ascii_case(origin))
            .map(Self)
            .ok_or_else(|| {
                format!(
                    "invalid origin {text:?}: expected https://blog.example.com, without a path"
                )
            })
    }
}

/// Returns whether an origin may embed the dashboard: it needs TLS or must be this machine. Rejects hosts with
/// wildcards, or with characters that would end the policy's directive.
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
    fn secret_round_trips_and_debug_hides_it() {
        let secret = Secret::new(TokenKind::Api, [[1; 16], [2; 16]]);
        assert_eq!(secret.expose(), "fft_AQEBAQEBAQEBAQEBAQEBAQICAgICAgICAgICAgICAgI");
        assert_eq!(Secret::parse(TokenKind::Api, secret.expose()), Some(secret.clone()));
        assert_eq!(Secret::parse(TokenKind::Share, secret.expose()), None);
        assert_eq!(format!("{secret:?}"), "Secret(Api, …)");
        // Computed with sha256sum.
        assert_eq!(
            secret.hash(),
            "b7f4f517ae680cd6203dbe2b900fd79d318ebd6c212c01f197eaddf630156ab3"
        );
        for invalid in ["", "fft_", "fft_AQ", &format!("{}A", secret.expose()), "fft_é"] {
            assert_eq!(Secret::parse(TokenKind::Api, invalid), None, "{invalid}");
        }
    }

    #[test]
    fn accepts_only_single_hosts_as_embed_origin() {
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
