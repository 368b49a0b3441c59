//! Downloads: a report, or one of its parts, as JSON or CSV.

use http::StatusCode;
use http::header::CONTENT_DISPOSITION;
use serde_json::{Value, json};

use super::csv;
use super::queries::{self, Wanted};
use crate::platform::http::{Request, Response, response, set};
use crate::query::Query;
use crate::query::dimension::Key;
use crate::query::reader::Reader;
use crate::query::report::all_tables;
use crate::storage::Store;
use crate::web::error::WebError;

/// Part of a report.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// The whole report.
    All,
    /// One table.
    Table(Key),
    /// The bars of the chart.
    Bars,
    /// The hours of the week.
    Week,
    /// Excluded hits by reason.
    Filtered,
    /// Current visitors only, which takes five minutes of hits.
    Now,
}

impl Part {
    /// Returns the part that a request's `show` names.
    ///
    /// # Errors
    /// If there is no such part.
    pub(super) fn of(request: &Request) -> Result<Self, WebError> {
        let name = request.parameter("show").unwrap_or_default();
        Ok(match name.as_str() {
            "" => Self::All,
            "bars" => Self::Bars,
            "week" => Self::Week,
            "filtered" => Self::Filtered,
            "now" => Self::Now,
            table => {
                let unknown = || WebError::Part(crate::platform::sanitize::clean(table, 100));
                Self::Table(Key::parse(table).ok_or_else(unknown)?)
            }
        })
    }

    fn name(&self) -> Option<String> {
        match self {
            Self::All => None,
            Self::Table(key) => Some(key.to_string()),
            Self::Bars => Some("bars".to_owned()),
            Self::Week => Some("week".to_owned()),
            Self::Filtered => Some("filtered".to_owned()),
            Self::Now => Some("now".to_owned()),
        }
    }
}

/// Returns a part of a report.
///
/// # Errors
/// If the store cannot be read.
pub(super) async fn answer<S: Store>(
    reader: &Reader<'_, S>,
    query: &Query,
    part: &Part,
    is_csv: bool,
) -> Result<Response, WebError> {
    if *part == Part::Now {
        let now = reader.visitors_now().await?;
        return Ok(match is_csv {
            true => response(StatusCode::OK, CSV, format!("now\r\n{now}\r\n")),
            false => response(StatusCode::OK, JSON, json!({ "now": now }).to_string()),
        });
    }
    let tables = match part {
        Part::All => all_tables(),
        Part::Table(key) => vec![key.clone()],
        Part::Bars | Part::Week | Part::Filtered | Part::Now => Vec::new(),
    };
    let has_week = *part == Part::Week;
    let wanted = Wanted { tables, has_week, has_props: false, limit: queries::ALL_ROWS };
    let queries::Numbers { report, week, .. } = queries::ask(reader, query, &wanted).await?;
    let rows = report.tables.first().map_or(&[][..], |table| &table.rows);
    if is_csv {
        let body = match part {
            Part::All | Part::Now => csv::csv(&report),
            Part::Table(key) => csv::rows(&key.to_string(), rows),
            Part::Bars => csv::bars(&report),
            Part::Week => week.as_ref().map_or_else(String::new, csv::week),
            Part::Filtered => csv::filtered(&report.excluded),
        };
        let mut answer = response(StatusCode::OK, CSV, body);
        let name = csv::file_name(&report, part.name().as_deref());
        set(&mut answer, CONTENT_DISPOSITION, &format!("attachment; filename=\"{name}\""));
        return Ok(answer);
    }
    let body: Value = match part {
        Part::All | Part::Now => {
            return Ok(response(StatusCode::OK, JSON, serde_json::to_vec(&report)?));
        }
        Part::Table(_) => {
            json!({ "rows": rows, "more": report.tables.first().map_or(0, |it| it.more) })
        }
        Part::Bars => json!({ "bars": report.buckets, "bars_before": report.previous_buckets }),
        Part::Week => {
            json!({ "hours": week.iter().flat_map(super::heatmap::Week::rows).collect::<Vec<_>>() })
        }
        Part::Filtered => json!({ "filtered": report.excluded }),
    };
    Ok(response(StatusCode::OK, JSON, body.to_string()))
}

const CSV: &str = "text/csv; charset=utf-8";
const JSON: &str = "application/json";
