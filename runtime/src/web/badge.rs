//! Badges: `GET /badge.svg?site=…&page=…&period=…` returns the views of a page of a public site as a picture.
//!
//! Anyone can request any page. So that this costs little, the store is queried for all pages of a site and period at
//! once, at most every five minutes per instance of the function.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use footfall_infra::settings::{Settings, Site};
use http::StatusCode;
use http::header::CACHE_CONTROL;
use jiff::{SignedDuration, Timestamp};

use crate::catalog::checkpoint::Checkpoint;
use crate::platform::http::{Request, Response, response, set, text};
use crate::platform::sanitize::clean;
use crate::query::Query;
use crate::query::dimension::Dimension;
use crate::query::period::PeriodContext;
use crate::query::reader::{ReadError, Reader};
use crate::storage::Store;
use crate::web::dashboard::format::thousands;
use crate::web::dashboard::host_name;

/// Periods of a badge with their wording. They are few, so that few reports are cached.
const PERIODS: [(&str, &str); 4] = [
    ("7d", "in the last 7 days"),
    ("30d", "in the last 30 days"),
    ("year", "this year"),
    ("all", "in total"),
];

/// How long a report is cached here and by HTTP caches.
const FRESH: SignedDuration = SignedDuration::from_mins(5);
const CACHED: &str = "public, max-age=300";

/// Maximum bytes of a page's name on a badge.
const MAX_PAGE: usize = 500;

/// Views by page.
type Views = Arc<HashMap<String, u64>>;

/// Cached reports with their time, by site and period.
type Remembered = HashMap<(String, &'static str), (Timestamp, Views)>;

/// Badges, with their cached reports.
#[derive(Debug, Default)]
pub struct Badges(Mutex<Remembered>);

impl Badges {
    /// Returns a badge.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub async fn answer<S: Store>(
        &self,
        store: &S,
        settings: &Settings,
        request: &Request,
        now: Timestamp,
    ) -> Result<Response, ReadError> {
        let asked = request.parameter("period");
        let asked = asked.as_deref().filter(|period| !period.is_empty()).unwrap_or("30d");
        let Some((period, said)) = PERIODS.into_iter().find(|(period, _)| *period == asked) else {
            let names = PERIODS.map(|(period, _)| period).join(", ");
            return Ok(text(StatusCode::BAD_REQUEST, &format!("period must be one of {names}")));
        };
        let name = request.parameter("site").unwrap_or_default();
        // A private site is answered like an unknown one.
        let Some(site) = settings.site(&name).filter(|site| site.public) else {
            let mut answer = text(
                StatusCode::NOT_FOUND,
                "No public site has this name. To make a site public, set `public: true` in footfall.yaml.",
            );
            set(&mut answer, CACHE_CONTROL, CACHED);
            return Ok(answer);
        };
        let page = request.parameter("page").filter(|page| !page.is_empty());
        let page = page.unwrap_or_else(|| "/".to_owned());
        let views = self.views(store, settings, site, period, now).await?;
        let views = views.get(&page).copied().unwrap_or_default();
        let title = format!(
            "{} views of {} {said}",
            thousands(views),
            clean(&host_name::decoded(&page), MAX_PAGE)
        );
        let mut answer = response(StatusCode::OK, "image/svg+xml", svg(views, &title));
        set(&mut answer, CACHE_CONTROL, CACHED);
        Ok(answer)
    }

    async fn views<S: Store>(
        &self,
        store: &S,
        settings: &Settings,
        site: &Site,
        period: &'static str,
        now: Timestamp,
    ) -> Result<Views, ReadError> {
        let key = (site.domain.to_string(), period);
        let remembered = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&key).cloned();
        if let Some((at, views)) = remembered
            && now.duration_since(at).abs() < FRESH
        {
            return Ok(views);
        }
        let views = Arc::new(report(store, settings, site, period, now).await?);
        let kept = (now, Arc::clone(&views));
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(key, kept);
        Ok(views)
    }
}

/// Queries every page of a period.
async fn report<S: Store>(
    store: &S,
    settings: &Settings,
    site: &Site,
    period: &str,
    now: Timestamp,
) -> Result<HashMap<String, u64>, ReadError> {
    let checkpoint = Checkpoint::load(store, site).await?;
    let asked = PeriodContext { now, zone: &site.time_zone, first: checkpoint.first_day() };
    let query = Query::of(&question(period), &asked)?;
    let reader = Reader { store, settings, site, checkpoint, now };
    let report = reader.report(&query, &[Dimension::Page.into()], usize::MAX).await?;
    let rows = report.tables.into_iter().flat_map(|table| table.rows);
    Ok(rows.map(|row| (row.value.unwrap_or_default(), row.metrics.views)).collect())
}

/// Makes a request for a period.
fn question(period: &str) -> Request {
    Request {
        method: "GET".to_owned(),
        path: String::new(),
        query: format!("period={period}"),
        headers: http::HeaderMap::new(),
        body: Vec::new(),
        peer: std::net::IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED),
    }
}

/// Draws a word and a number. The title has the full sentence, also for screen readers.
fn svg(views: u64, title: &str) -> String {
    // About 7 pixels per character at 11 px, and a margin.
    const LABEL: usize = 46;
    let number = thousands(views);
    let width = number.len() * 7 + 14;
    let (total, middle) = (LABEL + width, LABEL + width / 2);
    let title = escape(title);
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{total}\" height=\"20\" role=\"img\" \
         aria-labelledby=\"t\"><title id=\"t\">{title}</title>\
         <clipPath id=\"r\"><rect width=\"{total}\" height=\"20\" rx=\"4\"/></clipPath>\
         <g clip-path=\"url(#r)\"><rect width=\"{LABEL}\" height=\"20\" fill=\"#444\"/>\
         <rect x=\"{LABEL}\" width=\"{width}\" height=\"20\" fill=\"#0f766e\"/></g>\
         <g fill=\"#fff\" text-anchor=\"middle\" font-family=\"Verdana,DejaVu Sans,sans-serif\" \
         font-size=\"11\"><text x=\"{}\" y=\"14\">views</text>\
         <text x=\"{middle}\" y=\"14\">{number}</text></g></svg>",
        LABEL / 2
    )
}

/// Escapes text for XML. `clean` has removed characters that XML cannot have.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fits_its_number_and_escapes_its_title() {
        let badge = svg(1_234_567, "1,234,567 views of /<script>&\"");
        assert!(badge.starts_with("<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"123\""));
        assert!(
            badge.contains("<title id=\"t\">1,234,567 views of /&lt;script&gt;&amp;&quot;</title>")
        );
        assert!(badge.contains(">1,234,567</text>"));
        assert!(svg(0, "").contains(" width=\"67\""));
    }
}
