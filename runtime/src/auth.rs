//! Access control. A deployed dashboard shows nothing without authentication, except public sites:
//!
//! | who | authenticates with | sees |
//! |---|---|---|
//! | the owner | a session: a signed cookie, from a login link or the password | every site |
//! | anyone with a share link | its secret, in the URL: `?auth=…` | its site |
//! | a program | a token: `Authorization: Bearer …` | its site |
//! | everyone | nothing | the sites with `public: true` |
//!
//! Strangers cannot tell a private site from one that does not exist.

mod cookie;
mod cross_site;
mod error;
mod password;
mod session;
mod token;

pub mod admin;

use footfall_infra::settings::{Domain, Settings, Site};
use http::header::AUTHORIZATION;
use jiff::Timestamp;

use crate::platform::http::Request;
use crate::platform::sanitize::clean;
use crate::storage::keys;
use crate::storage::{Item, KeyRange, PutOutcome, Store, StoreError};

pub use self::cookie::{COOKIE_NAME, expired_cookie};
use self::cookie::{cookie, session_cookie};
pub use self::cross_site::is_cross_site;
pub use self::error::AuthError;
pub(crate) use self::password::format_seconds;
pub use self::password::{Password, PasswordError, PasswordHash};
pub use self::session::{LoginLink, SESSION_LIFETIME, Session, Signed, SigningKey};
pub use self::token::{EmbedOrigin, Secret, Token, TokenKind};

/// Query parameter with the secret of a share link.
pub const SHARE_PARAMETER: &str = "auth";

/// How long the record of a used login link outlives the link, in seconds. A margin for clocks that differ.
const USED_MARGIN: i64 = 3600;

/// Whether requests must authenticate. The host sets it explicitly.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccessMode {
    /// They must: the API is on the internet.
    Closed,
    /// They need not: `dev` accepts connections only from its own machine.
    Open,
}

/// Decides whether a request may see a site. Caches nothing, so a revoked credential is rejected immediately.
#[derive(Debug, Clone, Copy)]
pub struct Authenticator<'a, S> {
    /// Holds the tokens and the signing key.
    pub store: &'a S,
    /// Holds the sites.
    pub settings: &'a Settings,
    /// Whether requests must authenticate.
    pub mode: AccessMode,
    /// The current time.
    pub now: Timestamp,
}

/// Permission to see a site.
#[derive(Debug, Clone, PartialEq)]
pub struct Grant<'a> {
    /// The requested site.
    pub site: &'a Site,
    /// All sites that may be requested, including this one.
    pub sites: Vec<&'a Site>,
    /// How the request authenticated.
    pub by: AuthMethod,
}

/// How a request was authenticated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AuthMethod {
    /// Authentication is off.
    NoAuth,
    /// The owner's session.
    Session,
    /// A share link. Holds the origins that may embed the dashboard.
    Share(Vec<EmbedOrigin>),
    /// A token.
    Token,
    /// The site is public.
    Public,
}

/// The result of signing in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Login {
    /// The value of `Set-Cookie`.
    pub cookie: String,
    /// The site to open. `None` for the first one.
    pub site: Option<Domain>,
}

impl<'a, S: Store> Authenticator<'a, S> {
    /// Authorizes a request of the API to read the site `name`, or the token's site if `name` is empty. Only the
    /// token counts. Cookies are ignored, so that other pages cannot read reports through a visitor's browser.
    ///
    /// # Errors
    /// If access is denied. [`AuthError::response`] returns the response.
    pub async fn api(&self, request: &Request, name: &str) -> Result<Grant<'a>, AuthError> {
        if self.mode == AccessMode::Open {
            return self.grant_every(name, AuthMethod::NoAuth);
        }
        let token = self.bearer_token(request).await?.ok_or(AuthError::NoToken)?;
        self.grant_token(&token, name)
    }

    /// Authorizes a request for the dashboard of the site in the parameter `site`, or of the first accessible
    /// site.
    ///
    /// A share link or token takes precedence over a session: the request sees only the site that it is for.
    ///
    /// # Errors
    /// If access is denied.
    pub async fn dashboard(&self, request: &Request) -> Result<Grant<'a>, AuthError> {
        let name = request.parameter("site").unwrap_or_default();
        if self.mode == AccessMode::Open {
            return self.grant_every(&name, AuthMethod::NoAuth);
        }
        if let Some(secret) = request.parameter(SHARE_PARAMETER) {
            return self.grant_share(&secret, &name).await;
        }
        if let Some(token) = self.bearer_token(request).await? {
            return self.grant_token(&token, &name);
        }
        if self.has_session(request).await? {
            return self.grant_every(&name, AuthMethod::Session);
        }
        self.grant_public(&name)
    }

    /// Signs a browser in with a login link, once. `random` identifies the attempt.
    ///
    /// # Errors
    /// If the link is invalid, used or expired.
    pub async fn login(&self, link: &str, random: [u8; 16]) -> Result<Login, AuthError> {
        let signed = Signed::parse(link).ok_or(AuthError::Login)?;
        let key = self.signing_key().await?.ok_or(AuthError::Login)?;
        let link = LoginLink::verify(&signed, &key, self.now).ok_or(AuthError::Login)?;
        // `put_if_absent` counts an equal existing item as inserted, so each attempt needs its own value.
        let record = Item {
            key: keys::login_key(&link.id),
            value: random.to_vec(),
            expires: Some(link.expires + USED_MARGIN),
        };
        match self.store.put_if_absent(record).await? {
            PutOutcome::Inserted => {}
            PutOutcome::Existing(_) => return Err(AuthError::Login),
        }
        let session = Session::new(self.now).signed(&key);
        Ok(Login { cookie: cookie(&session, SESSION_LIFETIME), site: link.site })
    }

    /// Grants access to every site.
    fn grant_every(&self, name: &str, by: AuthMethod) -> Result<Grant<'a>, AuthError> {
        let sites: Vec<&Site> = self.settings.sites.iter().collect();
        let site = site_by_name(&sites, name).ok_or_else(|| self.unknown_site(name))?;
        Ok(Grant { site, sites, by })
    }

    /// Grants access to the public sites.
    fn grant_public(&self, name: &str) -> Result<Grant<'a>, AuthError> {
        let sites: Vec<&Site> = self.settings.sites.iter().filter(|site| site.public).collect();
        let site = site_by_name(&sites, name).ok_or(AuthError::SignIn)?;
        Ok(Grant { site, sites, by: AuthMethod::Public })
    }

    /// Grants access to a token's site.
    fn grant_token(&self, token: &Token, name: &str) -> Result<Grant<'a>, AuthError> {
        let site = self.token_site(token, name).ok_or(AuthError::OtherSite)?;
        Ok(Grant { site, sites: vec![site], by: AuthMethod::Token })
    }

    /// Grants access to a share link's site.
    async fn grant_share(&self, secret: &str, name: &str) -> Result<Grant<'a>, AuthError> {
        let secret = Secret::parse(TokenKind::Share, secret).ok_or(AuthError::Share)?;
        let token = self.valid_token(&secret).await?.ok_or(AuthError::Share)?;
        let site = self.token_site(&token, name).ok_or(AuthError::Share)?;
        Ok(Grant { site, sites: vec![site], by: AuthMethod::Share(token.embed) })
    }

    /// Returns a token's site, if the settings still list it and no other site is requested.
    fn token_site(&self, token: &Token, name: &str) -> Option<&'a Site> {
        let site = self.settings.site(token.site.as_str())?;
        (name.is_empty() || name == site.domain.as_str()).then_some(site)
    }

    /// Returns the token in a request's `Authorization` header. `None` if it has no such header.
    async fn bearer_token(&self, request: &Request) -> Result<Option<Token>, AuthError> {
        let Some(header) = request.header(AUTHORIZATION.as_str()) else { return Ok(None) };
        let secret = header
            .split_once(' ')
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
            .and_then(|(_, secret)| Secret::parse(TokenKind::Api, secret.trim()))
            .ok_or(AuthError::Token)?;
        Ok(Some(self.valid_token(&secret).await?.ok_or(AuthError::Token)?))
    }

    /// Returns the stored token of a secret, if it is valid now.
    async fn valid_token(&self, secret: &Secret) -> Result<Option<Token>, StoreError> {
        let key = keys::token_key(&secret.hash());
        let page = self.store.query(&KeyRange::one(&key), None).await?;
        let token = page.items.first().map(Token::decode).transpose()?;
        Ok(token.filter(|token| token.is_valid(secret.kind(), self.now)))
    }

    async fn has_session(&self, request: &Request) -> Result<bool, StoreError> {
        // A cookie in the wrong format costs no read.
        let Some(signed) = session_cookie(request).and_then(Signed::parse) else {
            return Ok(false);
        };
        let key = self.signing_key().await?;
        Ok(key.is_some_and(|key| Session::is_valid(&signed, &key, self.now)))
    }

    async fn signing_key(&self) -> Result<Option<SigningKey>, StoreError> {
        let page = self.store.query(&KeyRange::one(&keys::signing_key()), None).await?;
        page.items.first().map(SigningKey::decode).transpose()
    }

    fn unknown_site(&self, name: &str) -> AuthError {
        AuthError::UnknownSite(clean(name, 100), self.settings.domains())
    }
}

/// Returns the site with a name, or the first site if the name is empty.
fn site_by_name<'a>(sites: &[&'a Site], name: &str) -> Option<&'a Site> {
    let mut sites = sites.iter().copied();
    if name.is_empty() { sites.next() } else { sites.find(|site| site.domain.as_str() == name) }
}
