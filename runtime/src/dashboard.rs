//! Showing what was counted: `GET /dashboard`, as a page and as data. What the page says is made ready
//! in dashboard/view.rs; how it looks is in assets/.

mod cards;
mod csv;
mod state;
mod view;
mod words;

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use footfall_infra::api;
use footfall_infra::settings::{Settings, Site};
use http::StatusCode;
use http::header::{CONTENT_DISPOSITION, CONTENT_SECURITY_POLICY, LOCATION, REFERRER_POLICY};
use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment, context};
use sha2::{Digest as _, Sha256};

use crate::ambient::Ambient;
use crate::checkpoint::Checkpoint;
use crate::http::{Request, Response, response, set, text};
use crate::log;
use crate::period::Asked;
use crate::query::Query;
use crate::read::{ReadError, Reader};
use crate::report::all_tables;
use crate::snippet::snippet;
use crate::store::{Store, StoreError};
use crate::table::{self, Hour};

use self::state::State;
use self::view::{Answer, View};

const PAGE: &str = include_str!("../assets/dashboard.html");
const STYLE: &str = include_str!("../assets/dashboard.css");

/// How long may be spent before the first request. Lambda ends what takes 10 seconds.
const WARM_PATIENCE: Duration = Duration::from_secs(5);

/// The most rows of a table, on a page of its own and as data.
const ROWS: usize = 1000;

/// Answers with the reports of the sites in `settings`.
pub struct Dashboard<S, A> {
    settings: Settings,
    store: S,
    ambient: A,
    templates: Environment<'static>,
    policy: String,
}

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("there is no site called {0}; the sites are {1}")]
    UnknownSite(String, String),
    #[error(transparent)]
    Query(#[from] crate::query::QueryError),
    #[error("format must be html, json or csv")]
    Format,
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Template(#[from] minijinja::Error),
    #[error(transparent)]
    Json(#[from] serde_json::Error),
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
    /// Answers for the sites in `settings`. Templates are parsed here, once.
    ///
    /// # Errors
    /// If a template does not parse, which a test would have seen.
    pub fn new(settings: Settings, store: S, ambient: A) -> Result<Self, minijinja::Error> {
        let mut templates = Environment::new();
        // Everything is HTML here, and nothing is shown unescaped.
        templates.set_auto_escape_callback(|_| AutoEscape::Html);
        templates.add_filter("thousands", words::thousands);
        templates.add_template("page", PAGE)?;
        Ok(Self { settings, store, ambient, templates, policy: policy() })
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
        if request.path == api::HOME {
            let mut answer = text(StatusCode::FOUND, "The dashboard is at /dashboard.");
            set(&mut answer, LOCATION, api::DASHBOARD);
            return answer;
        }
        let format = match request.parameter("format").as_deref() {
            None | Some("" | "html") => Format::Html,
            Some("json") => Format::Json,
            Some("csv") => Format::Csv,
            Some(_) => return self.failed(&Failure::Format, Format::Html),
        };
        let answer = self.answer(request, format).await;
        answer.unwrap_or_else(|failure| self.failed(&failure, format))
    }

    async fn answer(&self, request: &Request, format: Format) -> Result<Response, Failure> {
        let now = self.ambient.now();
        let site = self.site(request)?;
        let checkpoint = Checkpoint::of(&self.store, site).await?;
        let asked = Asked { now, zone: &site.time_zone, first: checkpoint.first };
        let query = Query::of(request, &asked)?;
        let reader = Reader { store: &self.store, settings: &self.settings, site, checkpoint, now };
        let report = reader.report(&query, &all_tables(), ROWS).await?;
        match format {
            Format::Json => {
                let body = serde_json::to_vec(&report)?;
                Ok(response(StatusCode::OK, "application/json", body))
            }
            Format::Csv => {
                let body = csv::csv(&report);
                let mut answer = response(StatusCode::OK, "text/csv; charset=utf-8", body);
                let name = csv::file_name(&report);
                set(&mut answer, CONTENT_DISPOSITION, &format!("attachment; filename=\"{name}\""));
                Ok(answer)
            }
            Format::Html => {
                let sites = self.site_names();
                let named = (sites.len() > 1).then_some(site.domain.as_str());
                let state = State::of(request, named, &query);
                let view = View::of(&Answer {
                    site,
                    sites: &sites,
                    query: &query,
                    report: &report,
                    state: &state,
                    first: checkpoint.first,
                    now,
                });
                self.page(&view, &snippet(site, &request.origin()))
            }
        }
    }

    /// The site that is asked for, or the first.
    fn site(&self, request: &Request) -> Result<&Site, Failure> {
        let name = request.parameter("site").unwrap_or_default();
        let site = match name.as_str() {
            "" => self.settings.sites.first(),
            name => self.settings.site(name),
        };
        site.ok_or_else(|| {
            Failure::UnknownSite(crate::text::clean(&name, 100), self.site_names().join(", "))
        })
    }

    fn site_names(&self) -> Vec<String> {
        self.settings.sites.iter().map(|site| site.domain.to_string()).collect()
    }

    fn page(&self, view: &View, snippet: &str) -> Result<Response, Failure> {
        let html = self.templates.get_template("page")?.render(context! {
            style => STYLE,
            view => Serde(view),
            snippet,
        })?;
        Ok(self.guarded(response(StatusCode::OK, "text/html; charset=utf-8", html)))
    }

    fn failed(&self, failure: &Failure, format: Format) -> Response {
        let status = match failure {
            Failure::UnknownSite(..) => StatusCode::NOT_FOUND,
            Failure::Query(_) | Failure::Format => StatusCode::BAD_REQUEST,
            Failure::Store(StoreError::Unavailable(_)) => StatusCode::SERVICE_UNAVAILABLE,
            Failure::Store(StoreError::Refused(_)) | Failure::Template(_) | Failure::Json(_) => {
                StatusCode::INTERNAL_SERVER_ERROR
            }
        };
        let message = match status {
            StatusCode::SERVICE_UNAVAILABLE => {
                "The store cannot be read just now. Try again in a moment.".to_owned()
            }
            StatusCode::INTERNAL_SERVER_ERROR => {
                "The report cannot be made. The function's log says why.".to_owned()
            }
            _ => failure.to_string(),
        };
        if status.is_server_error() {
            log::error("a report was not made", failure);
        }
        match format {
            Format::Json => {
                let body = serde_json::json!({ "error": message });
                return response(status, "application/json", body.to_string());
            }
            Format::Csv => return text(status, &message),
            Format::Html => {}
        }
        let context = context! { style => STYLE, error => &message };
        let page = self.templates.get_template("page").and_then(|page| page.render(context));
        // Without a page, the sentence alone does.
        self.guarded(response(status, "text/html; charset=utf-8", page.unwrap_or(message)))
    }

    /// Nothing from elsewhere, no script, no frame around it.
    fn guarded(&self, mut response: Response) -> Response {
        set(&mut response, CONTENT_SECURITY_POLICY, &self.policy);
        set(&mut response, REFERRER_POLICY, "same-origin");
        response
    }
}

/// The page's Content-Security-Policy: the one style sheet that stands in it, known by its hash,
/// and forms that ask the page itself.
fn policy() -> String {
    let hash = BASE64.encode(Sha256::digest(STYLE));
    format!(
        "default-src 'none'; style-src 'sha256-{hash}'; img-src data:; form-action 'self'; \
         base-uri 'none'; frame-ancestors 'none'"
    )
}
