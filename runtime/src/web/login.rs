//! Signing in and out: the pages for it, and what their forms send.

use footfall_infra::api;
use footfall_infra::settings::Domain;
use http::StatusCode;
use http::header::SET_COOKIE;
use minijinja::context;
use url::form_urlencoded;

use super::Web;
use super::error::{Format, WebError};
use super::pages::{STYLE, query, see};
use crate::auth::{Denied, Door, in_words, is_cross_site, no_cookie};
use crate::platform::clock::Ambient;
use crate::platform::http::{Request, Response, set};
use crate::storage::Store;

/// The title of the closed door.
const CLOSED: &str = "This dashboard is closed";

/// The command that always opens it.
const OPEN: &str = "cargo xtask open";

impl<S: Store, A: Ambient> Web<S, A> {
    /// The page behind a login link: a button. What looks at links before anybody clicks them (a mail's
    /// scanner, a chat's preview) only asks for the page, and does not use the link up. Without a link, the
    /// page is for the password.
    pub(super) async fn login_page(&self, request: &Request) -> Result<Response, WebError> {
        if self.door == Door::Open {
            return Ok(see(api::DASHBOARD, StatusCode::FOUND));
        }
        let context = match request.parameter("link").filter(|link| !link.is_empty()) {
            Some(link) => context! {
                style => STYLE,
                title => "Sign in to your dashboard",
                text => "This browser stays signed in for 30 days. The link works once, and for 10 minutes.",
                link,
            },
            None if self.access().takes_passwords().await? => context! {
                style => STYLE,
                title => "Sign in to your dashboard",
                text => "This browser stays signed in for 30 days.",
                password => true,
                site => site_of(request).as_ref().map(Domain::as_str),
                hint => "Without the password, this makes a link that does the same:",
                command => OPEN,
            },
            None => return Err(Denied::Login.into()),
        };
        Ok(self.door_page(StatusCode::OK, context))
    }

    /// The closed door. Whether there is a password, nobody is told who asks for data.
    pub(super) async fn closed_page(&self, request: &Request) -> Result<Response, WebError> {
        // A stranger's page does not depend on the table: where it fails, there is the link of `open` still.
        if !self.access().takes_passwords().await.unwrap_or(false) {
            return Err(Denied::SignIn.into());
        }
        let page = self.door_page(
            Denied::SignIn.status(),
            context! {
                style => STYLE,
                title => CLOSED,
                text => "It is its owner's. If that is you, sign in:",
                password => true,
                site => site_of(request).as_ref().map(Domain::as_str),
                hint => "Without the password, this makes a link that signs your browser in:",
                command => OPEN,
            },
        );
        Ok(Denied::SignIn.challenged(page))
    }

    pub(super) async fn login(&self, request: &Request) -> Result<Response, WebError> {
        if is_cross_site(request) {
            return Err(Denied::CrossSite.into());
        }
        let (access, random) = (self.access(), self.ambient.random()?);
        let login = match (field(request, "link"), field(request, "password")) {
            (None, Some(password)) => {
                access.login_by_password(password, site_of(request), random).await?
            }
            (link, _) => access.login(&link.unwrap_or_default(), random).await?,
        };
        // Where it leads is this page, whatever the form says: a site that is not there is an error of it.
        let site = login.site.map(|site| query("site", site.as_str())).unwrap_or_default();
        let mut answer = see(&format!("{}{site}", api::DASHBOARD), StatusCode::SEE_OTHER);
        set(&mut answer, SET_COOKIE, &login.cookie);
        Ok(answer)
    }

    pub(super) fn logout(&self, request: &Request) -> Response {
        if is_cross_site(request) {
            return self.failed(&WebError::Denied(Denied::CrossSite), Format::Html, request);
        }
        let mut answer = see(api::DASHBOARD, StatusCode::SEE_OTHER);
        set(&mut answer, SET_COOKIE, &no_cookie());
        answer
    }

    /// Why the door stays closed.
    pub(super) fn closed(&self, denied: &Denied, request: &Request) -> Response {
        let (title, text, hint, command) = match denied {
            Denied::SignIn => (
                CLOSED,
                "It is its owner's. If that is you, this makes a link that signs your browser in:"
                    .to_owned(),
                None,
                Some(OPEN),
            ),
            Denied::Login => (
                "This link does not sign you in",
                "It works once, and for 10 minutes. This makes another:".to_owned(),
                None,
                Some(OPEN),
            ),
            Denied::Password => (
                "This is not the password",
                "Nobody was signed in. Try again:".to_owned(),
                Some("Without the password, this makes a link that signs your browser in:"),
                Some(OPEN),
            ),
            Denied::TooManyTries(seconds) => (
                "Too many tries",
                format!(
                    "Passwords were tried too often, by whoever it was. For {} none is taken, not even the \
                     right one.",
                    in_words(*seconds)
                ),
                Some("This makes a link that signs your browser in at once:"),
                Some(OPEN),
            ),
            denied => ("This cannot be shown", denied.to_string(), None, None),
        };
        let password = matches!(denied, Denied::Password | Denied::TooManyTries(_));
        let site = site_of(request);
        let site = site.as_ref().map(Domain::as_str);
        let context = context! { style => STYLE, title, text, hint, command, password, site };
        self.door_page(denied.status(), context)
    }
}

/// A field of the form that was sent.
fn field(request: &Request, name: &str) -> Option<String> {
    let mut fields = form_urlencoded::parse(&request.body);
    fields.find(|(field, _)| field == name).map(|(_, value)| value.into_owned())
}

/// The site that somebody wants to see who has to sign in first: as the address or the form has it, and whether
/// there is one or not.
fn site_of(request: &Request) -> Option<Domain> {
    let name = request.parameter("site").or_else(|| field(request, "site"))?;
    Domain::try_from(name).ok()
}
