//! Who may look. A deployed Footfall shows nothing to anybody who does not show something first:
//!
//! | who | shows | and sees |
//! |---|---|---|
//! | its owner | a session: a signed cookie, which a login link or the password becomes | every site |
//! | who was given a share link | its secret, in the address: `?auth=…` | its site |
//! | a program | a token: `Authorization: Bearer …` | its site |
//! | anybody | nothing | the sites with `public: true` |
//!
//! To a stranger, a site that is not there and one that is closed are the same.

mod password;
mod session;
mod token;

pub mod admin;

use footfall_infra::settings::{Domain, Settings, Site};
use http::StatusCode;
use http::header::{AUTHORIZATION, COOKIE, HOST, ORIGIN, RETRY_AFTER, WWW_AUTHENTICATE};
use jiff::Timestamp;

use crate::platform::http::{Request, Response, client_message, json_error, set};
use crate::platform::sanitize::clean;
use crate::storage::keys;
use crate::storage::{Item, KeyRange, PutOutcome, Store, StoreError};

pub(crate) use self::password::format_seconds;
pub use self::password::{Password, PasswordError, PasswordHash};
pub use self::session::{LoginLink, SESSION_LIFETIME, Session, Signed, SigningKey};
pub use self::token::{EmbedOrigin, Secret, Token, TokenKind};

/// The session's cookie. `__Host-` makes browsers take it from this host alone, for all of it, and only
/// if it is `Secure`:
/// <https://datatracker.ietf.org/doc/html/draft-ietf-httpbis-rfc6265bis#section-4.1.3.2>
pub const COOKIE_NAME: &str = "__Host-footfall";

/// The parameter with the secret of a share link.
pub const SHARE_PARAMETER: &str = "auth";

/// How long a note of a used login link outlives the link, in seconds: longer than clocks differ.
const USED_MARGIN: i64 = 3600;

/// Whether who comes has to show something. Who makes a handler says it; nothing is guessed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccessMode {
    /// They do: the API is on the internet.
    Closed,
    /// They do not: `dev` is reached from its owner's own machine alone.
    Open,
}

/// Decides who may look, by what they show and what the table knows. Nothing is remembered: what is revoked
/// is refused from then on.
#[derive(Debug, Clone, Copy)]
pub struct Authenticator<'a, S> {
    /// Where tokens and the signing key are.
    pub store: &'a S,
    /// Which sites there are.
    pub settings: &'a Settings,
    /// Whether anything has to be shown.
    pub mode: AccessMode,
    /// The time now.
    pub now: Timestamp,
}

/// What somebody may see.
#[derive(Debug, Clone, PartialEq)]
pub struct Grant<'a> {
    /// The site that was asked for.
    pub site: &'a Site,
    /// The sites that may be asked for, this one included.
    pub sites: Vec<&'a Site>,
    /// Why.
    pub by: AuthMethod,
}

/// By what somebody may look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AuthMethod {
    /// The door is open.
    NoAuth,
    /// The owner's session.
    Session,
    /// A share link, and whose pages may show it in a frame.
    Share(Vec<EmbedOrigin>),
    /// A token.
    Token,
    /// The site is public.
    Public,
}

/// What a used login link or the right password gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Login {
    /// The value of `Set-Cookie`.
    pub cookie: String,
    /// The site that it leads to, if it names one.
    pub site: Option<Domain>,
}

/// Why somebody may not look, and what to do about it.
#[derive(Debug, Clone, thiserror::Error)]
pub enum AuthError {
    /// Nothing was shown, or a session that is over.
    #[error(
        "nobody is signed in: run `cargo xtask open` for a browser, or send `Authorization: Bearer \
         TOKEN` with a token of `cargo xtask token create`"
    )]
    SignIn,
    /// No token was sent to the API.
    #[error("send `Authorization: Bearer TOKEN`; `cargo xtask token create` makes a token")]
    NoToken,
    /// The token is none, or none any more.
    #[error(
        "the token is not valid: mistyped, expired or revoked; `cargo xtask token create` makes another"
    )]
    Token,
    /// The token is good, and not for the site that was asked for, whether there is one or not.
    #[error("the token is for another site; `cargo xtask token create --site DOMAIN` makes one")]
    OtherSite,
    /// The share link is none, or none any more.
    #[error(
        "this link leads nowhere: cut short, expired or revoked; ask who gave it to you for another"
    )]
    Share,
    /// The login link is none, or was used.
    #[error(
        "this link does not sign you in: it works once, and for 10 minutes; `cargo xtask open` makes \
         another"
    )]
    Login,
    /// The password is another.
    #[error("this is not the password; nobody was signed in")]
    Password,
    /// A password was tried too often, by whoever it was; it may be after so many seconds.
    #[error(
        "passwords were tried too often, and for {} none is taken, right or wrong; `cargo xtask open` \
         makes a link that signs in at once",
        format_seconds(*.0)
    )]
    TooManyTries(u32),
    /// Another site's page sent the form.
    #[error("this was sent by a page of another site; nothing was done")]
    CrossSite,
    /// Who may see every site asks for one that is not there.
    #[error("there is no site called {0}; the sites are {1}")]
    UnknownSite(String, String),
    /// It cannot be known just now.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl AuthError {
    /// The status of the answer.
    #[must_use]
    pub const fn status(&self) -> StatusCode {
        match self {
            Self::SignIn | Self::NoToken | Self::Token => StatusCode::UNAUTHORIZED,
            Self::OtherSite | Self::Share | Self::Login | Self::Password | Self::CrossSite => {
                StatusCode::FORBIDDEN
            }
            Self::TooManyTries(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::UnknownSite(..) => StatusCode::NOT_FOUND,
            Self::Store(error) => error.status(),
        }
    }

    /// The answer for a program: `{"error": "…"}`. What the store says goes to the log alone.
    #[must_use]
    pub fn response(&self) -> Response {
        let status = self.status();
        let message = client_message(status, "who may look could not be known", self);
        self.with_auth_headers(json_error(status, &message))
    }

    /// Says in the header that HTTP has for it that a token would do, or when to come again.
    pub(crate) fn with_auth_headers(&self, mut answer: Response) -> Response {
        if self.status() == StatusCode::UNAUTHORIZED {
            set(&mut answer, WWW_AUTHENTICATE, "Bearer realm=\"footfall\"");
        }
        if let Self::TooManyTries(seconds) = self {
            set(&mut answer, RETRY_AFTER, &seconds.to_string());
        }
        answer
    }
}

impl<'a, S: Store> Authenticator<'a, S> {
    /// Whether a request of the API may read the site that it names, by its token alone: no cookie counts here,
    /// so that no page can ask in its reader's name. Without a name it is the token's site.
    ///
    /// # Errors
    /// If it may not. [`AuthError::response`] is the answer to give.
    pub async fn api(&self, request: &Request, name: &str) -> Result<Grant<'a>, AuthError> {
        if self.mode == AccessMode::Open {
            return self.every(name, AuthMethod::NoAuth);
        }
        let token = self.bearer(request).await?.ok_or(AuthError::NoToken)?;
        self.of_token(&token, name)
    }

    /// Whether a request may see the dashboard of the site that it names by `site`, or of the first it may see.
    ///
    /// A share link or a token stands for itself: who shows one sees what it is for and no more, whatever else
    /// they could show.
    ///
    /// # Errors
    /// If it may not.
    pub async fn dashboard(&self, request: &Request) -> Result<Grant<'a>, AuthError> {
        let name = request.parameter("site").unwrap_or_default();
        if self.mode == AccessMode::Open {
            return self.every(&name, AuthMethod::NoAuth);
        }
        if let Some(secret) = request.parameter(SHARE_PARAMETER) {
            return self.shared(&secret, &name).await;
        }
        if let Some(token) = self.bearer(request).await? {
            return self.of_token(&token, &name);
        }
        if self.has_session(request).await? {
            return self.every(&name, AuthMethod::Session);
        }
        self.public(&name)
    }

    /// Signs a browser in with the text of a login link, once. `random` tells this try from all others.
    ///
    /// # Errors
    /// If the link is none, is used up or too old.
    pub async fn login(&self, link: &str, random: [u8; 16]) -> Result<Login, AuthError> {
        let signed = Signed::parse(link).ok_or(AuthError::Login)?;
        let key = self.signing_key().await?.ok_or(AuthError::Login)?;
        let link = LoginLink::verify(&signed, &key, self.now).ok_or(AuthError::Login)?;
        // To find one's own item is to have stored it: two tries must not store the same.
        let note = Item {
            key: keys::login_key(&link.id),
            value: random.to_vec(),
            expires: Some(link.expires + USED_MARGIN),
        };
        match self.store.put_if_absent(note).await? {
            PutOutcome::Inserted => {}
            PutOutcome::Existing(_) => return Err(AuthError::Login),
        }
        let session = Session::new(self.now).signed(&key);
        Ok(Login { cookie: cookie(&session, SESSION_LIFETIME), site: link.site })
    }

    /// The owner's view: every site.
    fn every(&self, name: &str, by: AuthMethod) -> Result<Grant<'a>, AuthError> {
        let sites: Vec<&Site> = self.settings.sites.iter().collect();
        let site = named(&sites, name).ok_or_else(|| self.unknown(name))?;
        Ok(Grant { site, sites, by })
    }

    /// Anybody's view: the public sites.
    fn public(&self, name: &str) -> Result<Grant<'a>, AuthError> {
        let sites: Vec<&Site> = self.settings.sites.iter().filter(|site| site.public).collect();
        let site = named(&sites, name).ok_or(AuthError::SignIn)?;
        Ok(Grant { site, sites, by: AuthMethod::Public })
    }

    /// A program's view: the site that its token is for.
    fn of_token(&self, token: &Token, name: &str) -> Result<Grant<'a>, AuthError> {
        let site = self.only(token, name).ok_or(AuthError::OtherSite)?;
        Ok(Grant { site, sites: vec![site], by: AuthMethod::Token })
    }

    /// What whoever has a share link sees: the site that it is for.
    async fn shared(&self, secret: &str, name: &str) -> Result<Grant<'a>, AuthError> {
        let secret = Secret::parse(TokenKind::Share, secret).ok_or(AuthError::Share)?;
        let token = self.token(&secret).await?.ok_or(AuthError::Share)?;
        let site = self.only(&token, name).ok_or(AuthError::Share)?;
        Ok(Grant { site, sites: vec![site], by: AuthMethod::Share(token.embed) })
    }

    /// A token's site, if it is in the settings still, and nothing else is asked for.
    fn only(&self, token: &Token, name: &str) -> Option<&'a Site> {
        let site = self.settings.site(token.site.as_str())?;
        (name.is_empty() || name == site.domain.as_str()).then_some(site)
    }

    /// The token that a request sends, if it sends any.
    async fn bearer(&self, request: &Request) -> Result<Option<Token>, AuthError> {
        let Some(header) = request.header(AUTHORIZATION.as_str()) else { return Ok(None) };
        let secret = header
            .split_once(' ')
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
            .and_then(|(_, secret)| Secret::parse(TokenKind::Api, secret.trim()))
            .ok_or(AuthError::Token)?;
        Ok(Some(self.token(&secret).await?.ok_or(AuthError::Token)?))
    }

    /// The token that a secret is of, if it is valid now.
    async fn token(&self, secret: &Secret) -> Result<Option<Token>, StoreError> {
        let key = keys::token_key(&secret.hash());
        let page = self.store.query(&KeyRange::one(&key), None).await?;
        let token = page.items.first().map(Token::decode).transpose()?;
        Ok(token.filter(|token| token.is_valid(secret.kind(), self.now)))
    }

    async fn has_session(&self, request: &Request) -> Result<bool, StoreError> {
        // What has not the form of a session costs no look into the table.
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

    fn unknown(&self, name: &str) -> AuthError {
        AuthError::UnknownSite(clean(name, 100), self.settings.domains())
    }
}

/// The site of a name among some, or the first of them if there is no name.
fn named<'a>(sites: &[&'a Site], name: &str) -> Option<&'a Site> {
    let mut sites = sites.iter().copied();
    if name.is_empty() { sites.next() } else { sites.find(|site| site.domain.as_str() == name) }
}

/// A session's value of `Set-Cookie`, for so many seconds.
fn cookie(session: &str, seconds: i64) -> String {
    format!("{COOKIE_NAME}={session}; Max-Age={seconds}; Path=/; HttpOnly; Secure; SameSite=Lax")
}

/// The value of `Set-Cookie` that ends a session in a browser. In all of them, a new signing key does.
#[must_use]
pub fn expired_cookie() -> String {
    cookie("", 0)
}

fn session_cookie(request: &Request) -> Option<&str> {
    let headers = request.headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
    headers
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(name, _)| *name == COOKIE_NAME)
        .map(|(_, value)| value)
}

/// Whether a page of another site sent a request: one that changes something is then refused. Browsers say so
/// in `Sec-Fetch-Site`, old ones in `AcquisitionParams`; what is no browser has nobody's cookies.
///
/// The rules are those of <https://pkg.go.dev/net/http#CrossOriginProtection>.
#[must_use]
pub fn is_cross_site(request: &Request) -> bool {
    if let Some(site) = request.header("sec-fetch-site") {
        return !matches!(site, "same-origin" | "none");
    }
    let Some(origin) = request.header(ORIGIN.as_str()) else { return false };
    let host = origin.split_once("://").map(|(_, host)| host);
    host.is_none() || host != request.header(HOST.as_str())
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderName};

    use super::*;

    fn request(headers: &[(&'static str, &str)]) -> Request {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(HeaderName::from_static(name), value.parse().unwrap());
        }
        Request {
            method: "POST".to_owned(),
            path: "/login".to_owned(),
            query: String::new(),
            headers: map,
            body: Vec::new(),
            peer: "203.0.113.9".parse().unwrap(),
        }
    }

    #[test]
    fn a_form_of_another_site_is_known() {
        let check = |headers: &[(&'static str, &str)], expected: bool| {
            assert_eq!(is_cross_site(&request(headers)), expected, "{headers:?}");
        };
        check(&[], false);
        check(&[("sec-fetch-site", "same-origin")], false);
        check(&[("sec-fetch-site", "none")], false);
        check(&[("sec-fetch-site", "same-site")], true);
        check(&[("sec-fetch-site", "cross-site")], true);
        check(&[("sec-fetch-site", "what is new in 2030")], true);
        // The newer header counts.
        check(
            &[("sec-fetch-site", "cross-site"), ("origin", "https://e.x"), ("host", "e.x")],
            true,
        );
        check(&[("origin", "https://e.x"), ("host", "e.x")], false);
        check(&[("origin", "http://127.0.0.1:1"), ("host", "127.0.0.1:1")], false);
        check(&[("origin", "https://evil.x"), ("host", "e.x")], true);
        check(&[("origin", "https://e.x.evil.x"), ("host", "e.x")], true);
        check(&[("origin", "null"), ("host", "e.x")], true);
        check(&[("origin", "https://e.x")], true);
    }

    #[test]
    fn the_session_is_found_among_other_cookies() {
        let check = |cookies: &[&str], expected: Option<&str>| {
            let headers: Vec<_> = cookies.iter().map(|cookie| ("cookie", *cookie)).collect();
            assert_eq!(session_cookie(&request(&headers)), expected, "{cookies:?}");
        };
        check(&[], None);
        check(&["__Host-footfall=a.b"], Some("a.b"));
        check(&["theme=dark; __Host-footfall=a.b; x=y"], Some("a.b"));
        check(&["theme=dark", "__Host-footfall=a=b"], Some("a=b"));
        check(&["footfall=a; x__Host-footfall=b; __host-footfall=c; __Host-footfall"], None);
    }
}
