//! Queries in the URLs of the dashboard, the badge, the export, and the Stats API v1.

use footfall_runtime::platform::http::{Request, Response};

use crate::site;
use footfall_testkit::request;

/// The paths to ask.
const PATHS: [&str; 7] = [
    "/dashboard",
    "/badge.svg",
    "/api/v1/export",
    "/api/v1/stats/realtime/visitors",
    "/api/v1/stats/aggregate",
    "/api/v1/stats/timeseries",
    "/api/v1/stats/breakdown",
];

/// Checks that every query gets an answer or a 4xx error, and that no part of it becomes markup.
///
/// The first byte chooses the path.
pub fn check(text: &str) {
    let Some(first) = text.chars().next() else { return };
    let path = PATHS[first as usize % PATHS.len()];
    let query = &text[first.len_utf8()..];
    let answer = get(path, query);
    let status = answer.status().as_u16();
    assert!(status < 500, "{path}?{query}: {status}");
    let kind = answer.headers()["content-type"].to_str().unwrap();
    if path == "/dashboard" && status == 200 && kind.starts_with("text/html") {
        leads_somewhere(std::str::from_utf8(answer.body()).unwrap(), query.len());
    }
}

/// Checks that a page has only its own script, and that one of its links works. The query chooses the link.
fn leads_somewhere(page: &str, seed: usize) {
    let scripts = page.matches("<script").count();
    assert_eq!(scripts, 1, "{page}");
    let links: Vec<&str> = page
        .split("href=\"?")
        .skip(1)
        .map(|rest| rest.split('"').next().unwrap_or_default())
        .collect();
    let Some(link) = links.get(seed % links.len().max(1)) else { return };
    let link = link.replace("&amp;", "&").replace("&#x2f;", "/").replace("&#x27;", "'");
    let link = link.replace("&quot;", "\"").replace("&lt;", "<").replace("&gt;", ">");
    let (query, _) = link.split_once('#').unwrap_or((&link, ""));
    let answer = get("/dashboard", query);
    let status = answer.status().as_u16();
    assert_eq!(
        status,
        200,
        "the page links to {query}: {}",
        String::from_utf8_lossy(answer.body())
    );
}

fn get(path: &str, query: &str) -> Response {
    site::answer(&Request { path: path.to_owned(), ..request::dashboard(query) })
}
