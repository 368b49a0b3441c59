//! Derives a hit from a request or an imported record.

use footfall_infra::settings::Site;
use url::Url;

use super::payload::Payload;
use crate::hit::country::Country;
use crate::hit::page_url::PageUrl;
use crate::hit::source::{self, DIRECT};
use crate::hit::user_agent::UserAgent;
use crate::hit::visitor::VisitorId;
use crate::hit::{Campaign, Hit, ScreenSize};
use crate::platform::sanitize::clean;

// Together, values of maximum length may exceed a write unit. Encoding then shortens the longest ones.
/// Maximum length of a page's path, in bytes.
pub const MAX_PAGE: usize = 500;
const MAX_REFERRER: usize = 200;
const MAX_CAMPAIGN: usize = 100;
const MAX_PROP_NAME: usize = 50;
const MAX_PROP_VALUE: usize = 200;

/// Everything that determines a visitor's hit. Ingest and imports derive hits from it alike.
#[derive(Debug)]
pub struct HitInput<'a> {
    /// The site that the page belongs to.
    pub site: &'a Site,
    /// The page's URL.
    pub page: &'a PageUrl,
    /// The event, its properties, and data about the browser.
    pub payload: Payload,
    /// The referrer's URL.
    pub referrer: Option<&'a Url>,
    /// The parsed User-Agent.
    pub user_agent: UserAgent,
    /// The visitor's pseudonym.
    pub visitor: VisitorId,
    /// The country. If it is `None`, the payload's time zone determines it.
    pub country: Option<Country>,
}

impl HitInput<'_> {
    /// Derives the hit to store.
    #[must_use]
    pub fn into_hit(self) -> Hit {
        let Self { site, page, payload, referrer, user_agent, visitor, country } = self;
        let UserAgent { browser, browser_version, os, os_version, device } = user_agent;
        let parameters = page.campaign();
        let campaign_value = |value: Option<String>| {
            value.map(|value| clean(&value, MAX_CAMPAIGN)).filter(|value| !value.is_empty())
        };
        let campaign = Campaign {
            source: campaign_value(payload.utm_source.or(parameters.source)),
            medium: campaign_value(parameters.medium),
            name: campaign_value(parameters.campaign),
            term: campaign_value(parameters.term),
            content: campaign_value(parameters.content),
        };
        // A page of the site itself is not a referrer.
        let referrer =
            referrer.filter(|url| !url.host_str().is_some_and(|host| site.has_host(host)));
        let source = match &campaign.source {
            Some(utm_source) => source::from_utm(utm_source),
            None => referrer.and_then(source::from_referrer),
        };
        let time_zone = payload.time_zone.as_deref();
        Hit {
            visitor,
            event: payload.event,
            host: other_host(site, page),
            page: page.path(payload.fragment, MAX_PAGE),
            // Direct traffic has no source, even if `utm_source` says "Direct".
            source: source.map(|source| source.name.into_owned()).filter(|name| name != DIRECT),
            referrer: referrer.and_then(referrer_without_query),
            campaign,
            country: country.or_else(|| time_zone.and_then(Country::from_time_zone)),
            browser: browser.map(str::to_owned),
            browser_version: browser_version.map(|version| version.to_string()),
            os: os.map(str::to_owned),
            os_version: os_version.map(|version| version.to_string()),
            device: Some(device),
            screen: payload.width.and_then(ScreenSize::from_width),
            props: payload
                .props
                .into_iter()
                .map(|(name, value)| (clean(&name, MAX_PROP_NAME), clean(&value, MAX_PROP_VALUE)))
                .filter(|(name, _)| !name.is_empty())
                .collect(),
        }
    }
}

/// Returns a page's host if it differs from the site's domain.
pub(super) fn other_host(site: &Site, page: &PageUrl) -> Option<String> {
    (plain_host(page.host()) != plain_host(site.domain.as_str()))
        .then(|| clean(page.host(), MAX_REFERRER))
}

/// Returns a host without `www.`, which does not make it a different site.
pub(super) fn plain_host(host: &str) -> &str {
    host.strip_prefix("www.").unwrap_or(host)
}

/// Returns a referrer without scheme, `www.`, user, port and query: `news.ycombinator.com/item`. `None` if it has
/// no host.
fn referrer_without_query(referrer: &Url) -> Option<String> {
    let host = plain_host(referrer.host_str()?);
    if host.is_empty() {
        return None;
    }
    let path = referrer.path().trim_end_matches('/');
    Some(clean(&format!("{host}{path}"), MAX_REFERRER))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn referrer_keeps_only_host_and_path() {
        let check = |referrer: &str, expected: Option<&str>| {
            let url = Url::parse(referrer).unwrap();
            assert_eq!(referrer_without_query(&url).as_deref(), expected, "{referrer}");
        };
        check("https://www.example.org/a/?q=x#y", Some("example.org/a"));
        check("https://user:password@example.org:8443/", Some("example.org"));
        // `None`, not an empty string, which segments do not preserve.
        check("https://www./", None);
        check("https://www.#example.org/search", None);
        check("file:///home/jane/page.html", None);
    }
}
