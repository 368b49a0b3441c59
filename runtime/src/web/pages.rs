//! HTML pages: templates, their Content-Security-Policy, and error pages.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use http::StatusCode;
use http::header::{CONTENT_SECURITY_POLICY, LOCATION};
use minijinja::{AutoEscape, Environment, context};
use sha2::{Digest as _, Sha256};
use url::form_urlencoded::Serializer;

use super::Web;
use super::assets::{LOGIN, PAGE, SCRIPT, STYLE};
use super::dashboard::format;
use super::error::{Format, WebError};
use crate::auth::{AuthError, EmbedOrigin, SHARE_PARAMETER};
use crate::platform::context::Context;
use crate::platform::http::{Request, Response, client_message, json_error, response, set, text};
use crate::platform::log;
use crate::storage::Store;

/// Parses the templates.
///
/// # Errors
/// If a template does not parse, which a test would have seen.
pub(super) fn templates() -> Result<Environment<'static>, minijinja::Error> {
    let mut templates = Environment::new();
    // Everything is HTML, so everything is escaped.
    templates.set_auto_escape_callback(|_| AutoEscape::Html);
    templates.add_filter("thousands", format::thousands);
    templates.add_template("page", PAGE)?;
    templates.add_template("login", LOGIN)?;
    Ok(templates)
}

impl<S: Store, A: Context> Web<S, A> {
    /// Shows a page without numbers, such as the sign-in page.
    pub(super) fn message_page(&self, status: StatusCode, context: minijinja::Value) -> Response {
        let page = self.templates.get_template("login").and_then(|page| page.render(context));
        match page {
            Ok(page) => self.guarded(response(status, "text/html; charset=utf-8", page), &[]),
            Err(error) => {
                log::error("cannot render a page", error);
                text(status, "This page cannot be shown. The function's log says why.")
            }
        }
    }

    pub(super) fn failed(&self, failure: &WebError, format: Format, request: &Request) -> Response {
        let status = match failure {
            WebError::Auth(denied) => denied.status(),
            WebError::Query(_) | WebError::Format | WebError::Part(_) => StatusCode::BAD_REQUEST,
            WebError::Store(error) => error.status(),
            WebError::Template(_) | WebError::Json(_) | WebError::Random(_) => {
                StatusCode::INTERNAL_SERVER_ERROR
            }
        };
        let message = client_message(status, "cannot make a report", failure);
        match (format, failure) {
            (Format::Json, WebError::Auth(denied)) => return denied.response(),
            (Format::Json, _) => return json_error(status, &message),
            (Format::Csv, WebError::Auth(denied)) => {
                return denied.with_auth_headers(text(status, &message));
            }
            (Format::Csv, _) => return text(status, &message),
            (Format::Html, WebError::Auth(AuthError::UnknownSite(..))) => {}
            (Format::Html, WebError::Auth(denied)) => {
                return denied.with_auth_headers(self.closed(denied, request));
            }
            (Format::Html, _) => {}
        }
        let error_title = match status.is_server_error() {
            true => "Something went wrong",
            false => "Something is wrong with this link",
        };
        let back = back(request);
        let context = context! { style => STYLE, error_title, error => &message, back };
        let page = self.templates.get_template("page").and_then(|page| page.render(context));
        // If the page cannot be rendered, the message is shown alone.
        self.guarded(response(status, "text/html; charset=utf-8", page.unwrap_or(message)), &[])
    }

    /// Sets the Content-Security-Policy. Only pages of the origins in `frames` may embed the page.
    pub(super) fn guarded(&self, mut response: Response, frames: &[EmbedOrigin]) -> Response {
        let frames: Vec<&str> = frames.iter().map(EmbedOrigin::as_str).collect();
        let frames = if frames.is_empty() { "'none'".to_owned() } else { frames.join(" ") };
        let policy = format!("{}; frame-ancestors {frames}", self.policy);
        set(&mut response, CONTENT_SECURITY_POLICY, &policy);
        response
    }
}

/// Redirects to another page of this host.
pub(super) fn see(path: &str, status: StatusCode) -> Response {
    let mut answer = text(status, "The dashboard is at /dashboard.");
    set(&mut answer, LOCATION, path);
    answer
}

/// Returns the link back from an error page: to the dashboard, through the share link if it was one.
pub(super) fn back(request: &Request) -> String {
    let auth = request.parameter(SHARE_PARAMETER);
    auth.map_or_else(|| "?".to_owned(), |auth| query(SHARE_PARAMETER, &auth))
}

/// Returns a query string with one parameter.
pub(super) fn query(name: &str, value: &str) -> String {
    Serializer::for_suffix("?".to_owned(), 1).append_pair(name, value).finish()
}

/// Returns the Content-Security-Policy without its rule for frames. It allows the style sheet and the script of the
/// page by their hashes, requests of the script to this host, and forms to this host.
pub(super) fn policy() -> String {
    let hash = |text: &str| BASE64.encode(Sha256::digest(text));
    format!(
        "default-src 'none'; style-src 'sha256-{}'; script-src 'sha256-{}'; connect-src 'self'; \
         img-src data:; form-action 'self'; base-uri 'none'",
        hash(STYLE),
        hash(SCRIPT)
    )
}
