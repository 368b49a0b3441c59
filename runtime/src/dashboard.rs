//! Showing what was counted: `GET /dashboard`, as a page and as data, to those who may look. What the page
//! says is made ready in dashboard/view.rs; how it looks is in assets/; who may look is decided in access.rs.

mod ask;
mod cards;
mod columns;
pub(crate) mod csv;
mod data;
mod export;
mod filters;
mod links;
mod map;
mod metric;
mod myself;
mod state;
mod view;
mod week;
pub(crate) mod words;

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use footfall_infra::api;
use footfall_infra::settings::{Domain, Settings};
use http::StatusCode;
use http::header::{CONTENT_SECURITY_POLICY, LOCATION, SET_COOKIE};
use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment, context};
use sha2::{Digest as _, Sha256};
use url::form_urlencoded::{self, Serializer};

use crate::access::{
    Access, By, Denied, Door, EmbedOrigin, Grant, SHARE_PARAMETER, in_words, is_cross_site,
    no_cookie,
};
use crate::ambient::{Ambient, RandomError};
use crate::badge::Badges;
use crate::checkpoint::Checkpoint;
use crate::http::{Request, Response, json_error, response, set, text, told, unanswered};
use crate::log;
use crate::period::Asked;
use crate::query::Query;
use crate::read::{ReadError, Reader};
use crate::snippet::snippet;
use crate::stats;
use crate::store::{Store, StoreError};
use crate::table::{self, Hour};

use self::ask::Wanted;
use self::data::Part;
use self::myself::Myself;
use self::state::State;
use self::view::{Answer, View};

const PAGE: &str = include_str!("../assets/dashboard.html");
const DOOR: &str = include_str!("../assets/door.html");
const STYLE: &str = include_str!("../assets/dashboard.css");
const SCRIPT: &str = include_str!("../assets/dashboard.js");

/// The title of the closed door.
const CLOSED: &str = "This dashboard is closed";

/// The command that always opens it.
const OPEN: &str = "cargo xtask open";

/// How long may be spent before the first request. Lambda ends what takes 10 seconds.
const WARM_PATIENCE: Duration = Duration::from_secs(5);

/// Answers with the reports of the sites in `settings`.
pub struct Dashboard<S, A> {
    settings: Settings,
    store: S,
    ambient: A,
    door: Door,
    templates: Environment<'static>,
    policy: String,
    badges: Badges,
}

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Denied(Denied),
    #[error(transparent)]
    Query(#[from] crate::query::QueryError),
    #[error("format must be html, json or csv")]
    Format,
    #[error(
        "there is no part called {0}: show a table such as page, goal or props:NAME, or bars, week, \
         filtered or now"
    )]
    Part(String),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Template(#[from] minijinja::Error),
    #[error(transparent)]
    Json(#[from] serde_json::Error),
    #[error(transparent)]
    Random(#[from] RandomError),
}

impl From<Denied> for Failure {
    fn from(denied: Denied) -> Self {
        match denied {
            Denied::Store(error) => Self::Store(error),
            denied => Self::Denied(denied),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Html,
    Json,
    Csv,
}

impl From<ReadError> for Failure {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Store(error) => error.into(),
            ReadError::Query(error) => error.into(),
        }
    }
}

impl<S: Store, A: Ambient> Dashboard<S, A> {
    /// Answers for the sites in `settings`, to everybody if the door is open. Templates are parsed here, once.
    ///
    /// # Errors
    /// If a template does not parse, which a test would have seen.
    pub fn new(
        settings: Settings,
        store: S,
        ambient: A,
        door: Door,
    ) -> Result<Self, minijinja::Error> {
        let mut templates = Environment::new();
        // Everything is HTML here, and nothing is shown unescaped.
        templates.set_auto_escape_callback(|_| AutoEscape::Html);
        templates.add_filter("thousands", words::thousands);
        templates.add_template("page", PAGE)?;
        templates.add_template("door", DOOR)?;
        let (policy, badges) = (policy(), Badges::default());
        Ok(Self { settings, store, ambient, door, templates, policy, badges })
    }

    /// Opens the connection to the store, which the first request would otherwise wait for.
    pub async fn warm(&self) {
        if let Some(site) = self.settings.sites.first() {
            let hits = table::hits(site, Hour::of(self.ambient.now()), 0);
            let _ = tokio::time::timeout(WARM_PATIENCE, self.store.query(&hits, None)).await;
        }
    }

    /// Answers a request to one of this function's routes.
    pub async fn handle(&self, request: &Request) -> Response {
        match (request.path.as_str(), request.method.as_str()) {
            (api::HOME, _) => see(api::DASHBOARD, StatusCode::FOUND),
            (api::BADGE, _) => {
                let now = self.ambient.now();
                let badge = self.badges.answer(&self.store, &self.settings, request, now).await;
                badge.unwrap_or_else(|error| self.failed(&error.into(), Format::Csv, request))
            }
            (api::LOGIN, "POST") => {
                let answer = self.login(request).await;
                answer.unwrap_or_else(|failure| self.failed(&failure, Format::Html, request))
            }
            (api::LOGIN, _) => {
                let answer = self.login_page(request).await;
                answer.unwrap_or_else(|failure| self.failed(&failure, Format::Html, request))
            }
            (api::EXPORT, _) => self.export(request).await,
            (api::LOGOUT, _) => self.logout(request),
            _ => match stats::handle(self.access(), request).await {
                Some(answer) => answer,
                None => self.dashboard(request).await,
            },
        }
    }

    /// Answers a request whose report takes too long, in place of it.
    #[must_use]
    pub fn late(&self, request: &Request) -> Response {
        let format = match request.parameter("format").as_deref() {
            Some("json") => Format::Json,
            Some("csv") => Format::Csv,
            _ if request.path == api::DASHBOARD => Format::Html,
            _ => Format::Json,
        };
        let failure = StoreError::Unavailable("it took too long".to_owned()).into();
        self.failed(&failure, format, request)
    }

    async fn dashboard(&self, request: &Request) -> Response {
        let format = match request.parameter("format").as_deref() {
            None | Some("" | "html") => Format::Html,
            Some("json") => Format::Json,
            Some("csv") => Format::Csv,
            Some(_) => return self.failed(&Failure::Format, Format::Html, request),
        };
        let mut answer = self.answer(request, format).await;
        if let (Err(Failure::Denied(Denied::SignIn)), Format::Html) = (&answer, format) {
            answer = self.closed_page(request).await;
        }
        answer.unwrap_or_else(|failure| self.failed(&failure, format, request))
    }

    fn access(&self) -> Access<'_, S> {
        let now = self.ambient.now();
        Access { store: &self.store, settings: &self.settings, door: self.door, now }
    }

    /// The page behind a login link: a button. What looks at links before anybody clicks them (a mail's
    /// scanner, a chat's preview) only asks for the page, and does not use the link up. Without a link, the
    /// page is for the password.
    async fn login_page(&self, request: &Request) -> Result<Response, Failure> {
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
    async fn closed_page(&self, request: &Request) -> Result<Response, Failure> {
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

    async fn login(&self, request: &Request) -> Result<Response, Failure> {
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

    fn logout(&self, request: &Request) -> Response {
        if is_cross_site(request) {
            return self.failed(&Failure::Denied(Denied::CrossSite), Format::Html, request);
        }
        let mut answer = see(api::DASHBOARD, StatusCode::SEE_OTHER);
        set(&mut answer, SET_COOKIE, &no_cookie());
        answer
    }

    async fn answer(&self, request: &Request, format: Format) -> Result<Response, Failure> {
        let now = self.ambient.now();
        let Grant { site, sites, by } = self.access().dashboard(request).await?;
        if request.parameter("myself").is_some() {
            return Ok(self.door_page(
                StatusCode::OK,
                context! {
                    style => STYLE,
                    title => "Do not count my own visits",
                    myself => Serde(Myself::of(site)),
                },
            ));
        }
        let checkpoint = Checkpoint::of(&self.store, site).await?;
        let asked = Asked { now, zone: &site.time_zone, first: checkpoint.first_day() };
        let query = Query::of(request, &asked)?;
        let first = checkpoint.first_day();
        let reader = Reader { store: &self.store, settings: &self.settings, site, checkpoint, now };
        if format != Format::Html {
            let part = Part::of(request)?;
            return data::answer(&reader, &query, &part, format == Format::Csv).await;
        }
        if let Some(address) = filters::added(request) {
            let mut answer = text(StatusCode::SEE_OTHER, "The filter is in the address.");
            set(&mut answer, LOCATION, &address);
            return Ok(answer);
        }
        let sites: Vec<String> = sites.iter().map(|site| site.domain.to_string()).collect();
        let named = (sites.len() > 1).then_some(site.domain.as_str());
        let state = State::of(request, named, &query);
        let numbers = ask::ask(&reader, &query, &Wanted::of_page(site, &state)).await?;
        let view = View::of(&Answer {
            site,
            sites: &sites,
            query: &query,
            numbers: &numbers,
            state: &state,
            first,
            now,
        });
        self.page(&view, &snippet(site, &request.origin()), &by)
    }

    fn page(&self, view: &View, snippet: &str, by: &By) -> Result<Response, Failure> {
        let html = self.templates.get_template("page")?.render(context! {
            style => STYLE,
            script => SCRIPT,
            view => Serde(view),
            snippet,
            is_signed_in => *by == By::Session,
            is_public => *by == By::Public,
        })?;
        let frames = match by {
            By::Share(origins) => origins.as_slice(),
            _ => &[],
        };
        Ok(self.guarded(response(StatusCode::OK, "text/html; charset=utf-8", html), frames))
    }

    /// A page without numbers: to sign in, or that says why it stays closed.
    fn door_page(&self, status: StatusCode, context: minijinja::Value) -> Response {
        let page = self.templates.get_template("door").and_then(|page| page.render(context));
        match page {
            Ok(page) => self.guarded(response(status, "text/html; charset=utf-8", page), &[]),
            Err(error) => {
                log::error("a page was not made", error);
                text(status, "This page cannot be made. The function's log says why.")
            }
        }
    }

    /// Why the door stays closed.
    fn closed(&self, denied: &Denied, request: &Request) -> Response {
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

    fn failed(&self, failure: &Failure, format: Format, request: &Request) -> Response {
        let status = match failure {
            Failure::Denied(denied) => denied.status(),
            Failure::Query(_) | Failure::Format | Failure::Part(_) => StatusCode::BAD_REQUEST,
            Failure::Store(error) => unanswered(error),
            Failure::Template(_) | Failure::Json(_) | Failure::Random(_) => {
                StatusCode::INTERNAL_SERVER_ERROR
            }
        };
        let message = told(status, "a report was not made", failure);
        match (format, failure) {
            (Format::Json, Failure::Denied(denied)) => return denied.response(),
            (Format::Json, _) => return json_error(status, &message),
            (Format::Csv, Failure::Denied(denied)) => {
                return denied.challenged(text(status, &message));
            }
            (Format::Csv, _) => return text(status, &message),
            (Format::Html, Failure::Denied(Denied::UnknownSite(..))) => {}
            (Format::Html, Failure::Denied(denied)) => {
                return denied.challenged(self.closed(denied, request));
            }
            (Format::Html, _) => {}
        }
        let context = context! { style => STYLE, error => &message, back => back(request) };
        let page = self.templates.get_template("page").and_then(|page| page.render(context));
        // Without a page, the sentence alone does.
        self.guarded(response(status, "text/html; charset=utf-8", page.unwrap_or(message)), &[])
    }

    /// Nothing from elsewhere, no script but the page's own, and no frame around it but of pages that are named.
    fn guarded(&self, mut response: Response, frames: &[EmbedOrigin]) -> Response {
        let frames: Vec<&str> = frames.iter().map(EmbedOrigin::as_str).collect();
        let frames = if frames.is_empty() { "'none'".to_owned() } else { frames.join(" ") };
        let policy = format!("{}; frame-ancestors {frames}", self.policy);
        set(&mut response, CONTENT_SECURITY_POLICY, &policy);
        response
    }
}

/// Leads to another page of this very host.
fn see(path: &str, status: StatusCode) -> Response {
    let mut answer = text(status, "The dashboard is at /dashboard.");
    set(&mut answer, LOCATION, path);
    answer
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

/// Where the way back leads from an error: to the dashboard, as a share link shows it if it was one.
fn back(request: &Request) -> String {
    let auth = request.parameter(SHARE_PARAMETER);
    auth.map_or_else(|| "?".to_owned(), |auth| query(SHARE_PARAMETER, &auth))
}

/// A query of one parameter.
fn query(name: &str, value: &str) -> String {
    Serializer::for_suffix("?".to_owned(), 1).append_pair(name, value).finish()
}

/// The pages' Content-Security-Policy but for frames: the one style sheet and the one script that stand in them,
/// known by their hashes, what the script asks this very address for, and forms that ask the page itself.
fn policy() -> String {
    let hash = |text: &str| BASE64.encode(Sha256::digest(text));
    format!(
        "default-src 'none'; style-src 'sha256-{}'; script-src 'sha256-{}'; connect-src 'self'; \
         img-src data:; form-action 'self'; base-uri 'none'",
        hash(STYLE),
        hash(SCRIPT)
    )
}
