//! What can stand in the address of a dashboard, of a badge, and of the Stats API's first version.

use footfall_runtime::platform::http::{Request, Response};

use crate::site;
use footfall_testkit::request;

/// What is answered as a page.
const PATHS: [&str; 7] = [
    "/dashboard",
    "/badge.svg",
    "/api/v1/export",
    "/api/v1/stats/realtime/visitors",
    "/api/v1/stats/aggregate",
    "/api/v1/stats/timeseries",
    "/api/v1/stats/breakdown",
];

/// Whatever is asked for, there is an answer, or a reason why not; nothing of the question is markup in it.
/// The first byte says which path is asked.
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

/// A page runs no script but its own, and what it links to is there: one of its links is followed, another one
/// for another question.
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
