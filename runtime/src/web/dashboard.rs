//! `GET /dashboard`: reports of a site, as a page and as data.

mod card_specs;
pub(super) mod cards;
pub(super) mod chart;
mod columns;
mod comparison;
pub(crate) mod csv;
pub(super) mod download;
mod filters;
pub(crate) mod format;
mod heatmap;
pub(super) mod host_name;
mod links;
mod map;
mod metric;
mod metric_values;
mod neighbors;
mod notices;
mod opt_out;
mod params;
mod queries;
pub(super) mod view_model;

use http::StatusCode;
use http::header::LOCATION;
use minijinja::context;
use minijinja::value::Serde;

use self::download::Part;
use self::opt_out::OptOut;
use self::params::Params;
use self::queries::Wanted;
use self::view_model::{Answer, View};
use super::Web;
use super::assets::{SCRIPT, STYLE};
use super::error::{Format, WebError};
use crate::auth::{AuthError, AuthMethod, Grant};
use crate::catalog::checkpoint::Checkpoint;
use crate::platform::context::Context;
use crate::platform::http::{Request, Response, response, set, text};
use crate::query::Query;
use crate::query::period::PeriodContext;
use crate::query::reader::Reader;
use crate::storage::Store;
use footfall_infra::snippet::snippet;

impl<S: Store, A: Context> Web<S, A> {
    pub(super) async fn dashboard(&self, request: &Request) -> Response {
        let format = match request.parameter("format").as_deref() {
            None | Some("" | "html") => Format::Html,
            Some("json") => Format::Json,
            Some("csv") => Format::Csv,
            Some(_) => return self.failed(&WebError::Format, Format::Html, request),
        };
        let mut answer = self.answer(request, format).await;
        if let (Err(WebError::Auth(AuthError::SignIn)), Format::Html) = (&answer, format) {
            answer = self.closed_page(request).await;
        }
        answer.unwrap_or_else(|failure| self.failed(&failure, format, request))
    }

    async fn answer(&self, request: &Request, format: Format) -> Result<Response, WebError> {
        let now = self.ambient.now();
        let Grant { site, sites, by } = self.access().dashboard(request).await?;
        if request.parameter("myself").is_some() {
            return Ok(self.message_page(
                StatusCode::OK,
                context! {
                    style => STYLE,
                    title => "Exclude my own visits",
                    opt_out => Serde(OptOut::of(site)),
                },
            ));
        }
        let checkpoint = Checkpoint::load(&self.store, site).await?;
        let asked = PeriodContext { now, zone: &site.time_zone, first: checkpoint.first_day() };
        let query = Query::of(request, &asked)?;
        let first = checkpoint.first_day();
        let reader = Reader { store: &self.store, settings: &self.settings, site, checkpoint, now };
        if format != Format::Html {
            let part = Part::of(request)?;
            return download::answer(&reader, &query, &part, format == Format::Csv).await;
        }
        if let Some(address) = filters::added(request) {
            let mut answer = text(StatusCode::SEE_OTHER, "Redirecting to the filtered report.");
            set(&mut answer, LOCATION, &address);
            return Ok(answer);
        }
        let sites: Vec<String> = sites.iter().map(|site| site.domain.to_string()).collect();
        let named = (sites.len() > 1).then_some(site.domain.as_str());
        let state = Params::of(request, named, &query);
        let numbers = queries::ask(&reader, &query, &Wanted::of_page(site, &state)).await?;
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

    fn page(&self, view: &View, snippet: &str, by: &AuthMethod) -> Result<Response, WebError> {
        let html = self.templates.get_template("page")?.render(context! {
            style => STYLE,
            script => SCRIPT,
            view => Serde(view),
            snippet,
            is_signed_in => *by == AuthMethod::Session,
            is_public => *by == AuthMethod::Public,
        })?;
        let frames = match by {
            AuthMethod::Share(origins) => origins.as_slice(),
            _ => &[],
        };
        Ok(self.guarded(response(StatusCode::OK, "text/html; charset=utf-8", html), frames))
    }
}
