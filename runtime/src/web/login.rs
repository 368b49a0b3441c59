//! Pages and forms for signing in and out.

use footfall_infra::api;
use footfall_infra::settings::Domain;
use http::StatusCode;
use http::header::SET_COOKIE;
use minijinja::context;
use url::form_urlencoded;

use super::Web;
use super::assets::STYLE;
use super::error::{Format, WebError};
use super::pages::{query, see};
use crate::auth::{AccessMode, AuthError, expired_cookie, format_seconds, is_cross_site};
use crate::platform::context::Context;
use crate::platform::http::{Request, Response, set};
use crate::storage::Store;

/// Title of the page for visitors who are not signed in.
const PRIVATE: &str = "This dashboard is private";

/// The command that creates a sign-in link.
const OPEN: &str = "cargo xtask open";

/// Introduces that command to someone without the password.
const FORGOTTEN: &str = "Forgot the password? This command creates a sign-in link:";

impl<S: Store, A: Context> Web<S, A> {
    /// Shows the page of a sign-in link, or of the password if there is no link.
    ///
    /// A link is used up by a button and not by opening the page, because mail scanners and chat previews open links.
    pub(super) async fn login_page(&self, request: &Request) -> Result<Response, WebError> {
        if self.door == AccessMode::Open {
            return Ok(see(api::DASHBOARD, StatusCode::FOUND));
        }
        let context = match request.parameter("link").filter(|link| !link.is_empty()) {
            Some(link) => context! {
                style => STYLE,
                title => "Sign in to your dashboard",
                text => "You stay signed in on this browser for 30 days. The link works once and expires after 10 minutes.",
                link,
            },
            None if self.access().has_password().await? => context! {
                style => STYLE,
                title => "Sign in to your dashboard",
                text => "You stay signed in on this browser for 30 days.",
                password => true,
                site => site_of(request).as_ref().map(Domain::as_str),
                hint => FORGOTTEN,
                command => OPEN,
            },
            None => return Err(AuthError::Login.into()),
        };
        Ok(self.message_page(StatusCode::OK, context))
    }

    /// Shows the sign-in page in place of a private dashboard. Only a page mentions the password, never data.
    pub(super) async fn closed_page(&self, request: &Request) -> Result<Response, WebError> {
        // If the table cannot be read, the page without a password still works.
        if !self.access().has_password().await.unwrap_or(false) {
            return Err(AuthError::SignIn.into());
        }
        let page = self.message_page(
            AuthError::SignIn.status(),
            context! {
                style => STYLE,
                title => PRIVATE,
                text => "Sign in to see it.",
                password => true,
                site => site_of(request).as_ref().map(Domain::as_str),
                hint => FORGOTTEN,
                command => OPEN,
            },
        );
        Ok(AuthError::SignIn.with_auth_headers(page))
    }

    pub(super) async fn login(&self, request: &Request) -> Result<Response, WebError> {
        if is_cross_site(request) {
            return Err(AuthError::CrossSite.into());
        }
        let (access, random) = (self.access(), self.ambient.random()?);
        let login = match (field(request, "link"), field(request, "password")) {
            (None, Some(password)) => {
                access.login_with_password(password, site_of(request), random).await?
            }
            (link, _) => access.login(&link.unwrap_or_default(), random).await?,
        };
        // Redirects to the dashboard of this host only, whatever the form contains. An unknown site is reported there.
        let site = login.site.map(|site| query("site", site.as_str())).unwrap_or_default();
        let mut answer = see(&format!("{}{site}", api::DASHBOARD), StatusCode::SEE_OTHER);
        set(&mut answer, SET_COOKIE, &login.cookie);
        Ok(answer)
    }

    pub(super) fn logout(&self, request: &Request) -> Response {
        if is_cross_site(request) {
            return self.failed(&WebError::Auth(AuthError::CrossSite), Format::Html, request);
        }
        let mut answer = see(api::DASHBOARD, StatusCode::SEE_OTHER);
        set(&mut answer, SET_COOKIE, &expired_cookie());
        answer
    }

    /// Shows why access was denied.
    pub(super) fn closed(&self, denied: &AuthError, request: &Request) -> Response {
        let (title, text, hint, command) = match denied {
            AuthError::SignIn => (
                PRIVATE,
                "Sign in to see it. This command creates a sign-in link:".to_owned(),
                None,
                Some(OPEN),
            ),
            AuthError::Login => (
                "This sign-in link has expired or was already used",
                "A link works once, within 10 minutes. This command creates a new one:".to_owned(),
                None,
                Some(OPEN),
            ),
            AuthError::Password => (
                "Wrong password",
                "Try again:".to_owned(),
                Some(FORGOTTEN),
                Some(OPEN),
            ),
            AuthError::TooManyTries(seconds) => (
                "Too many attempts",
                format!(
                    "For {}, further attempts are rejected, even with the right password.",
                    format_seconds(*seconds)
                ),
                Some("To sign in now, create a sign-in link with this command:"),
                Some(OPEN),
            ),
            AuthError::Share => (
                "This share link does not work",
                "It is incomplete, has expired or was revoked. Ask the person who sent it for a new one."
                    .to_owned(),
                None,
                None,
            ),
            AuthError::CrossSite => (
                "Request blocked",
                "It came from another site, so nothing was changed.".to_owned(),
                None,
                None,
            ),
            denied => ("Access denied", denied.to_string(), None, None),
        };
        let password = matches!(denied, AuthError::Password | AuthError::TooManyTries(_));
        let site = site_of(request);
        let site = site.as_ref().map(Domain::as_str);
        let context = context! { style => STYLE, title, text, hint, command, password, site };
        self.message_page(denied.status(), context)
    }
}

/// Returns a field of a submitted form.
fn field(request: &Request, name: &str) -> Option<String> {
    let mut fields = form_urlencoded::parse(&request.body);
    fields.find(|(field, _)| field == name).map(|(_, value)| value.into_owned())
}

/// Returns the site that was requested before signing in, whether it exists or not.
fn site_of(request: &Request) -> Option<Domain> {
    let name = request.parameter("site").or_else(|| field(request, "site"))?;
    Domain::try_from(name).ok()
}
