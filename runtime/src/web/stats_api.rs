//! Plausible's Stats API, answered by the engine: `POST /api/v2/query`, and v1 for old clients.
//!
//! <https://plausible.io/docs/stats-api>, <https://plausible.io/docs/stats-api-v1>; where the references are
//! silent, what Plausible's tests expect (`test/plausible_web/controllers/api/external_stats_controller`).
//! What is answered, and how the numbers differ from Plausible's, is in docs/stats-api.md.

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
use crate::platform::http::{Request, Response, json_error, response, told};
use crate::query::QueryError;
use crate::query::period::PeriodContext;
use crate::query::reader::{ReadError, Reader};
use crate::query::report::Missing;
use crate::storage::{Store, StoreError};

use self::request::Question;
use self::response::Answer;

/// The largest body of a question, in bytes.
const MAX_BODY: usize = 64 * 1024;

/// A question that cannot be answered as it is: where it is wrong, and what may stand there.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Refused(String);

impl Refused {
    fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }

    /// What is wrong with a value at a place in the body.
    fn at(place: &str, what: &str, value: &Value, hint: &str) -> Self {
        let value = crate::platform::sanitize::clean(&value.to_string(), 200);
        Self(format!("{place}: {what} {value}: {hint}"))
    }

    /// That a key is missing, or no such thing.
    fn missing(key: &str, value: Option<&Value>, hint: &str) -> Self {
        match value {
            Some(value) => Self::at(&format!("#/{key}"), &format!("Invalid {key}"), value, hint),
            None => Self(format!("#/{key}: Required property {key} was not present: {hint}")),
        }
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
enum Problem {
    #[error("{0}")]
    Refused(Refused),
    #[error(transparent)]
    Query(#[from] QueryError),
    #[error("The question has more than {MAX_BODY} bytes: take some filters off.")]
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

impl From<Refused> for Problem {
    fn from(refused: Refused) -> Self {
        Self::Refused(refused)
    }
}

impl From<ReadError> for Problem {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Store(error) => error.into(),
            ReadError::Query(error) => error.into(),
        }
    }
}

/// Answers a request to one of the Stats API's routes; `None` if it is to another.
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
        Err(problem) => failed(&problem),
    })
}

/// An answer of v2, in Plausible's order.
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
    /// The site of a domain, if whoever asks may read it. Who may not is told that before anything else.
    async fn site(&self, request: &Request, domain: Option<&str>) -> Result<&'a Site, Problem> {
        let domain = domain.unwrap_or_default();
        let site = self.access.api(request, domain).await?.site;
        if domain.is_empty() { Err(Problem::NoSite) } else { Ok(site) }
    }

    async fn reader<'s>(&'s self, site: &'s Site) -> Result<Reader<'s, S>, Problem> {
        let Authenticator { store, settings, now, .. } = self.access;
        let checkpoint = Checkpoint::load(store, site).await?;
        Ok(Reader { store, settings, site, checkpoint, now })
    }

    async fn query(&self, request: &Request) -> Result<Vec<u8>, Problem> {
        let body = object(&request.body);
        let domain = body.as_ref().ok().and_then(|body| body.get("site_id")?.as_str());
        let site = match self.site(request, domain).await {
            // What is no question has no site, either.
            Err(Problem::NoSite) => return Err(body.err().unwrap_or(Problem::NoSite)),
            site => site?,
        };
        let body = body?;
        let reader = self.reader(site).await?;
        let asked = asked(&reader);
        let question = Question::parse(&body, site, &asked)?;
        let answer = response::answer(&reader, &question).await?;
        let query = question.repeated(site, &body);
        let meta = meta(&question, &answer);
        let body = Body { results: answer.rows, meta, query };
        Ok(serde_json::to_vec(&body)?)
    }

    async fn realtime(&self, request: &Request) -> Result<Vec<u8>, Problem> {
        let site = self.site(request, request.parameter("site_id").as_deref()).await?;
        let visitors = self.reader(site).await?.visitors_now().await?;
        Ok(visitors.to_string().into_bytes())
    }

    async fn v1(&self, request: &Request, endpoint: v1::Endpoint) -> Result<Vec<u8>, Problem> {
        let site = self.site(request, request.parameter("site_id").as_deref()).await?;
        let reader = self.reader(site).await?;
        let asked = asked(&reader);
        let question = v1::question(endpoint, request, site, &asked)?;
        let answer = response::answer(&reader, &question.question).await?;
        Ok(serde_json::to_vec(&question.shape(answer))?)
    }
}

fn asked<'a, S>(reader: &Reader<'a, S>) -> PeriodContext<'a> {
    PeriodContext {
        now: reader.now,
        zone: &reader.site.time_zone,
        first: reader.checkpoint.first_day(),
    }
}

fn object(body: &[u8]) -> Result<Map<String, Value>, Problem> {
    if body.len() > MAX_BODY {
        return Err(Problem::TooLarge);
    }
    let hint =
        "write {\"site_id\": \"example.com\", \"metrics\": [\"visitors\"], \"date_range\": \"7d\"}";
    match serde_json::from_slice(body) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err(Refused(format!("#: The body must be a JSON object: {hint}")).into()),
        Err(error) => Err(Refused(format!("#: The body is no JSON ({error}): {hint}")).into()),
    }
}

/// What is told beside the rows.
fn meta(question: &Question, answer: &Answer) -> Map<String, Value> {
    let mut meta = Map::new();
    let include = &question.include;
    if include.imports {
        meta.insert("imports_included".to_owned(), false.into());
        meta.insert("imports_skip_reason".to_owned(), "no_imported_data".into());
        let warning =
            "What is imported is counted like all other hits, and is never apart from them.";
        meta.insert("imports_warning".to_owned(), warning.into());
    }
    if let Some(bars) = question.time.bars.as_ref().filter(|_| include.time_labels) {
        let labels: Vec<&str> = bars.iter().map(|bar| bar.name.as_str()).collect();
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

/// That something could not be read, and so is in no number.
fn warning(missing: &Missing) -> Option<String> {
    let Missing { unreadable, incomplete } = missing;
    let whole = *unreadable == 0 && incomplete.is_empty();
    (!whole).then(|| {
        let segments = incomplete.len();
        format!(
            "{unreadable} hits and {segments} segments could not be read, and are missing from the \
             results: the function's log says why."
        )
    })
}

fn failed(problem: &Problem) -> Response {
    let status = match problem {
        Problem::Auth(denied) => return denied.response(),
        Problem::Refused(_) | Problem::Query(_) | Problem::NoSite => StatusCode::BAD_REQUEST,
        Problem::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        Problem::Store(error) => error.status(),
        Problem::Json(_) => StatusCode::INTERNAL_SERVER_ERROR,
    };
    json_error(status, &told(status, "a question was not answered", problem))
}
