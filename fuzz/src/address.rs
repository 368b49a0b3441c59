//! URLs: of pages, of referrers, and the dashboard's own with its parameters.

use footfall_infra::settings::Settings;
use footfall_runtime::hit::page_url::PageUrl;
use footfall_runtime::hit::source;
use footfall_runtime::ingest::MAX_PAGE;
use footfall_runtime::platform::http::Request;
use footfall_runtime::query::Query;
use footfall_runtime::query::period::PeriodContext;
use url::Url;
use url::form_urlencoded::Serializer;

use crate::is_clean;
use footfall_testkit::request;

/// Parses the first line as a page's URL, the second as its referrer, and the whole text as a query.
pub fn check(text: &str) {
    let mut lines = text.split('\n');
    let (address, base) = (lines.next().unwrap_or_default(), lines.next());
    if let Some(page) = PageUrl::parse(address, base) {
        is_page(&page);
    }
    if let Some(referrer) = base.and_then(|text| Url::parse(text).ok())
        && let Some(source) = source::from_referrer(&referrer)
    {
        assert!(!source.name.is_empty());
    }
    if let Some(source) = source::from_utm(address) {
        assert!(!source.name.is_empty());
    }
    is_query(text);
}

/// Checks that a page's host and path parse to the same page again.
fn is_page(page: &PageUrl) {
    let host = page.host();
    assert!(!host.is_empty());
    assert!(
        !host.contains(|c: char| c.is_ascii_uppercase() || c.is_control() || c == '#'),
        "{host}"
    );
    for fragment in [false, true] {
        let path = page.path(fragment, MAX_PAGE);
        is_clean(&path, MAX_PAGE);
        assert!(path.starts_with('/'), "{path:?}");
        if path.len() < MAX_PAGE - '…'.len_utf8() {
            let again = PageUrl::parse(&format!("https://{host}{path}"), None).unwrap();
            assert_eq!(again.host(), host);
            assert_eq!(again.path(fragment, MAX_PAGE), path);
        }
    }
    let campaign = page.campaign();
    for text in [campaign.source, campaign.medium, campaign.campaign].into_iter().flatten() {
        assert!(!text.trim().is_empty());
    }
}

/// Checks that a valid query parses to the same query after it is written.
fn is_query(text: &str) {
    let settings = Settings::local();
    let now = "2026-11-20T12:00:00Z".parse().unwrap();
    let first = "2026-01-02".parse().ok();
    let asked = PeriodContext { now, zone: &settings.sites[0].time_zone, first };
    let Ok(query) = Query::of(&request::dashboard(text), &asked) else { return };
    assert!(query.period.from <= query.period.to);
    let mut written = Serializer::new(String::new());
    written.append_pair("from", &query.period.from.to_string());
    written.append_pair("to", &query.period.to.to_string());
    for condition in &query.conditions {
        written.append_pair("f", &condition.to_string());
    }
    let request = Request { query: written.finish(), ..request::dashboard("") };
    match Query::of(&request, &asked) {
        Ok(again) => {
            assert_eq!(again.conditions, query.conditions);
            assert_eq!((again.period.from, again.period.to), (query.period.from, query.period.to));
        }
        Err(error) => panic!("{} is rejected: {error}", request.query),
    }
}
