//! Plausible's Stats API, answered by the engine: `POST /api/v2/query`, and v1 for old clients.
//!
//! Follows <https://plausible.io/docs/stats-api> and <https://plausible.io/docs/stats-api-v1>, and where these are
//! silent, Plausible's tests (`test/plausible_web/controllers/api/external_stats_controller`).
//! `docs/stats-api.md` says what is supported, and how the metrics differ from Plausible's.

mod date_range;
mod dimension;
mod filters;
mod metric;
mod request;
mod response;
mod v1;

use std::fmt;

use footfall_infra::api;
use footfall_infra::settings::Site;
use http::StatusCode;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::auth::{AuthError, Authenticator};
use crate::catalog::checkpoint::Checkpoint;
use crate::platform::http::{Request, Response, client_message, json_error, response};
use crate::query::QueryError;
use crate::query::period::PeriodContext;
use crate::query::reader::{ReadError, Reader};
use crate::query::report::Missing;
use crate::storage::{Store, StoreError};

use self::request::Question;
use self::response::Answer;

/// Maximum size of a query's body, in bytes.
const MAX_BODY: usize = 64 * 1024;

/// Error message for an invalid query: the place of the error, and what is valid there.
#[derive(Debug, Clone, PartialEq, Eq)]
struct InvalidQuery(String);

impl InvalidQuery {
    fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }

    /// Creates the error for an invalid value at a place in the body.
    fn at(place: &str, what: &str, value: &Value, hint: &str) -> Self {
        let value = crate::platform::sanitize::clean(&value.to_string(), 200);
        Self(format!("{place}: {what} {value}: {hint}"))
    }

    /// Creates the error for a key that is missing or has an invalid value.
    fn missing(key: &str, value: Option<&Value>, hint: &str) -> Self {
        match value {
            Some(value) => Self::at(&format!("#/{key}"), &format!("Invalid {key}"), value, hint),
            None => Self(format!("#/{key}: Required property {key} was not present: {hint}")),
        }
    }
}

impl fmt::Display for InvalidQuery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// Why a request could not be answered.
#[derive(Debug, thiserror::Error)]
enum StatsError {
    #[error("{0}")]
    Invalid(InvalidQuery),
    #[error(transparent)]
    Query(#[from] QueryError),
    #[error("The query has more than {MAX_BODY} bytes: use fewer filters.")]
    TooLarge,
    #[error("Missing site ID. Please provide the required site_id parameter with your request.")]
    NoSite,
    #[error(transparent)]
    Auth(#[from] AuthError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Json(#[from] serde_json::Error),
}

impl From<InvalidQuery> for StatsError {
    fn from(invalid: InvalidQuery) -> Self {
        Self::Invalid(invalid)
    }
}

impl From<ReadError> for StatsError {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Store(error) => error.into(),
            ReadError::Query(error) => error.into(),
        }
    }
}

/// Answers a request to the Stats API. `None` if the path is not one of its routes.
pub async fn handle<S: Store>(access: Authenticator<'_, S>, request: &Request) -> Option<Response> {
    let stats = Stats { access };
    let answer = match request.path.as_str() {
        api::STATS_QUERY => stats.query(request).await,
        api::STATS_REALTIME => stats.realtime(request).await,
        api::STATS_AGGREGATE => stats.v1(request, v1::Endpoint::Aggregate).await,
        api::STATS_TIMESERIES => stats.v1(request, v1::Endpoint::Timeseries).await,
        api::STATS_BREAKDOWN => stats.v1(request, v1::Endpoint::Breakdown).await,
        _ => return None,
    };
    Some(match answer {
        Ok(answer) => response(StatusCode::OK, "application/json", answer),
        Err(error) => error_response(&error),
    })
}

/// A response of v2. Fields are in Plausible's order.
#[derive(Serialize)]
struct Body {
    results: Vec<response::Row>,
    meta: Map<String, Value>,
    query: Value,
}

struct Stats<'a, S> {
    access: Authenticator<'a, S>,
}

impl<'a, S: Store> Stats<'a, S> {
    /// Returns the site with a domain. Checks access before anything else.
    async fn site(&self, request: &Request, domain: Option<&str>) -> Result<&'a Site, StatsError> {
        let domain = domain.unwrap_or_default();
        let site = self.access.api(request, domain).await?.site;
        if domain.is_empty() { Err(StatsError::NoSite) } else { Ok(site) }
    }

    async fn reader<'s>(&'s self, site: &'s Site) -> Result<Reader<'s, S>, StatsError> {
        let Authenticator { store, settings, now, .. } = self.access;
        let checkpoint = Checkpoint::load(store, site).await?;
        Ok(Reader { store, settings, site, checkpoint, now })
    }

    async fn query(&self, request: &Request) -> Result<Vec<u8>, StatsError> {
        let body = object(&request.body);
        let domain = body.as_ref().ok().and_then(|body| body.get("site_id")?.as_str());
        let site = match self.site(request, domain).await {
            // An invalid body has no site, so report that the body is invalid.
            Err(StatsError::NoSite) => return Err(body.err().unwrap_or(StatsError::NoSite)),
            site => site?,
        };
        let body = body?;
        let reader = self.reader(site).await?;
        let context = period_context(&reader);
        let question = Question::parse(&body, site, &context)?;
        let answer = response::answer(&reader, &question).await?;
        let query = question.echo(site, &body);
        let meta = meta(&question, &answer);
        let body = Body { results: answer.rows, meta, query };
        Ok(serde_json::to_vec(&body)?)
    }

    async fn realtime(&self, request: &Request) -> Result<Vec<u8>, StatsError> {
        let site = self.site(request, request.parameter("site_id").as_deref()).await?;
        let visitors = self.reader(site).await?.visitors_now().await?;
        Ok(visitors.to_string().into_bytes())
    }

    async fn v1(&self, request: &Request, endpoint: v1::Endpoint) -> Result<Vec<u8>, StatsError> {
        let site = self.site(request, request.parameter("site_id").as_deref()).await?;
        let reader = self.reader(site).await?;
        let context = period_context(&reader);
        let question = v1::question(endpoint, request, site, &context)?;
        let answer = response::answer(&reader, &question.question).await?;
        Ok(serde_json::to_vec(&question.to_json(answer))?)
    }
}

fn period_context<'a, S>(reader: &Reader<'a, S>) -> PeriodContext<'a> {
    PeriodContext {
        now: reader.now,
        zone: &reader.site.time_zone,
        first: reader.checkpoint.first_day(),
    }
}

fn object(body: &[u8]) -> Result<Map<String, Value>, StatsError> {
    if body.len() > MAX_BODY {
        return Err(StatsError::TooLarge);
    }
    let hint =
        "write {\"site_id\": \"example.com\", \"metrics\": [\"visitors\"], \"date_range\": \"7d\"}";
    match serde_json::from_slice(body) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err(InvalidQuery(format!("#: The body must be a JSON object: {hint}")).into()),
        Err(error) => {
            Err(InvalidQuery(format!("#: The body is not valid JSON ({error}): {hint}")).into())
        }
    }
}

/// Returns the `meta` object of a response.
fn meta(question: &Question, answer: &Answer) -> Map<String, Value> {
    let mut meta = Map::new();
    let include = &question.include;
    if include.imports {
        meta.insert("imports_included".to_owned(), false.into());
        meta.insert("imports_skip_reason".to_owned(), "no_imported_data".into());
        let warning = "Imported hits are counted like all other hits. They cannot be left out.";
        meta.insert("imports_warning".to_owned(), warning.into());
    }
    if let Some(buckets) = question.time.buckets.as_ref().filter(|_| include.time_labels) {
        let labels: Vec<&str> = buckets.iter().map(|bucket| bucket.name.as_str()).collect();
        meta.insert("time_labels".to_owned(), labels.into());
    }
    if include.total_rows {
        meta.insert("total_rows".to_owned(), answer.total_rows.into());
    }
    if let Some(warning) = warning(&answer.missing) {
        meta.insert("warning".to_owned(), warning.into());
    }
    meta
}

/// Returns a warning if some data could not be read.
fn warning(missing: &Missing) -> Option<String> {
    let Missing { unreadable, incomplete } = missing;
    let is_complete = *unreadable == 0 && incomplete.is_empty();
    (!is_complete).then(|| {
        let segments = incomplete.len();
        format!(
            "{unreadable} hits and {segments} segments could not be read and are missing from the \
             results. See the function's log for the causes."
        )
    })
}

fn error_response(error: &StatsError) -> Response {
    let status = match error {
        StatsError::Auth(denied) => return denied.response(),
        StatsError::Invalid(_) | StatsError::Query(_) | StatsError::NoSite => {
            StatusCode::BAD_REQUEST
        }
        StatsError::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        StatsError::Store(error) => error.status(),
        StatsError::Json(_) => StatusCode::INTERNAL_SERVER_ERROR,
    };
    json_error(status, &client_message(status, "cannot answer a query of the Stats API", error))
}
