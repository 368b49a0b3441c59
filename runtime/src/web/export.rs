//! `GET /api/v1/export`: every hit of a site, page by page.

use footfall_infra::api;
use http::StatusCode;
use http::header::{HeaderName, LINK};
use jiff::civil::Date;

use super::Web;
use crate::archive::RawData;
use crate::archive::export::{self, Cursor, Format, PAGE, Page};
use crate::auth::AuthError;
use crate::platform::context::Context;
use crate::platform::http::{Request, Response, client_message, json_error, response, set};
use crate::platform::log;
use crate::platform::sanitize::clean;
use crate::storage::{Store, StoreError};

/// Header that lists the days of a page that cannot be read.
const INCOMPLETE: HeaderName = HeaderName::from_static("x-footfall-incomplete");

/// Reason why there is no page.
#[derive(Debug, thiserror::Error)]
enum ExportError {
    #[error(transparent)]
    Auth(#[from] AuthError),
    #[error("format must be csv or jsonl; for Parquet files, run `cargo xtask export`")]
    Format,
    #[error("{0} must be a UTC day such as 2026-11-22")]
    Day(&'static str),
    #[error("from must not be later than to")]
    Order,
    #[error("invalid after: expected the value from the URL of the next page")]
    Cursor,
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl<S: Store, A: Context> Web<S, A> {
    /// Returns a page to the holder of a token, with the URL of the next page in the header `Link` (RFC 8288).
    pub(super) async fn export(&self, request: &Request) -> Response {
        let error = match self.page_of(request).await {
            Ok(answer) => return answer,
            Err(error) => error,
        };
        let status = match &error {
            ExportError::Auth(denied) => return denied.response(),
            ExportError::Store(error) => error.status(),
            _ => StatusCode::BAD_REQUEST,
        };
        json_error(status, &client_message(status, "cannot make a page of an export", &error))
    }

    async fn page_of(&self, request: &Request) -> Result<Response, ExportError> {
        let given = |name: &str| request.parameter(name).filter(|value| !value.is_empty());
        let site = self.access().api(request, &given("site").unwrap_or_default()).await?.site;
        let format = given("format").map_or(Some(Format::Csv), |name| Format::parse(&name));
        let format = format.ok_or(ExportError::Format)?;
        let day = |name| -> Result<Option<Date>, ExportError> {
            given(name).map(|day| day.parse().map_err(|_| ExportError::Day(name))).transpose()
        };
        let (from, to) = (day("from")?, day("to")?);
        if from.zip(to).is_some_and(|(from, to)| from > to) {
            return Err(ExportError::Order);
        }
        let after = given("after").map(|text| Cursor::parse(&text).ok_or(ExportError::Cursor));
        let after = after.transpose()?;
        let now = self.ambient.now();
        let archive = RawData::open(&self.store, &self.settings, site, now).await?;
        let (first, last) = archive.range();
        let (cursor, head) = match after {
            Some(cursor) => (cursor, String::new()),
            // Only the first page has the column heads, because the pages are parts of one file.
            None => {
                let first = Cursor::first(from.unwrap_or(first), to.unwrap_or(last), now);
                (first, format.header())
            }
        };
        let page = export::page(&archive, format, cursor, head.into_bytes(), PAGE).await?;
        let Page { body, next, incomplete } = page;
        let mut answer = response(StatusCode::OK, format.media_type(), body);
        if let Some(next) = next {
            let query = url::form_urlencoded::Serializer::new(String::new())
                .append_pair("site", site.domain.as_str())
                .append_pair("format", format.name())
                .append_pair("after", &next.to_string())
                .finish();
            let link = format!("<{}{}?{query}>; rel=\"next\"", request.origin(), api::EXPORT);
            set(&mut answer, LINK, &link);
        }
        if !incomplete.is_empty() {
            log::error("a segment is left out of an export", incomplete.join("; "));
            set(&mut answer, INCOMPLETE, &clean(&incomplete.join("; "), 1000));
        }
        Ok(answer)
    }
}
