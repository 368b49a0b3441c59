//! Taking hits: `POST /track`, `POST /api/event`, `GET /pixel.gif`, and the tracker itself.
//!
//! A request is parsed once. What comes of it is stored with one write, and only then answered
//! with success.

pub mod bot;
pub mod filter;
pub mod payload;
pub mod rejection;

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use footfall_infra::api;
use footfall_infra::settings::{Settings, Site};
use http::StatusCode;
use http::header::{CACHE_CONTROL, CONTENT_ENCODING, HeaderName, HeaderValue, RETRY_AFTER, VARY};
use jiff::Timestamp;
use jiff::civil::Date;

use self::filter::Signals;
use self::payload::{ENGAGEMENT, Payload};
use self::rejection::Rejection;
use crate::hit::country::Country;
use crate::hit::exclusion::ExclusionReason;
use crate::hit::page_url::PageUrl;
use crate::hit::rate_limit::RateLimiter;
use crate::hit::source;
use crate::hit::source::DIRECT;
use crate::hit::user_agent::{self, ClientHints, UserAgent};
use crate::hit::visitor::{Salt, VisitorId};
use crate::hit::{Campaign, Engagement, Excluded, Hit, Kind, Screen};
use crate::platform::context::Context;
use crate::platform::http::{Request, Response, response, set, takes_gzip, text};
use crate::platform::log;
use crate::platform::sanitize::clean;
use crate::storage::hour::utc_day;
use crate::storage::keys;
use crate::storage::retention;
use crate::storage::{Item, Key, KeyRange, PutOutcome, Store, StoreError, WRITE_UNIT};

/// The tracker as browsers get it.
pub const SCRIPT: &str = include_str!("../assets/footfall.min.js");
const SCRIPT_GZIP: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/footfall.min.js.gz"));

/// The tracker where a site measures engagement. Elsewhere it is spared what that takes.
pub const MEASURING_SCRIPT: &str = include_str!("../assets/footfall.engagement.min.js");
const MEASURING_SCRIPT_GZIP: &[u8] =
    include_bytes!(concat!(env!("OUT_DIR"), "/footfall.engagement.min.js.gz"));

const DROPPED: HeaderName = HeaderName::from_static(api::DROPPED);
const PLAUSIBLE_DROPPED: HeaderName = HeaderName::from_static(api::PLAUSIBLE_DROPPED);

/// A GIF of one transparent pixel.
const PIXEL: &[u8] = b"GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff!\xf9\x04\x01\x00\x00\x00\x00,\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;";

// The most bytes that each text of a hit may have. Together they may be more than a write unit
// holds: then the longest are cut further.
/// The most bytes of a page.
pub const MAX_PAGE: usize = 500;
const MAX_REFERRER: usize = 200;
const MAX_CAMPAIGN: usize = 100;
const MAX_PROP_NAME: usize = 50;
const MAX_PROP_VALUE: usize = 200;

/// How long a hit may take before it is given up with an answer: less than the function has.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

/// How long may be spent before the first hit. Lambda ends what takes 10 seconds.
const WARM_UP_TIMEOUT: Duration = Duration::from_secs(5);

/// Takes hits into a store.
pub struct Ingest<S, A> {
    settings: Settings,
    store: S,
    ambient: A,
    /// The salt of the last day that was asked for.
    salt: Mutex<Option<(Date, Salt)>>,
    /// Of hits, and of engagements, which are no hits.
    paces: Mutex<[RateLimiter; 2]>,
}

/// What became of a hit that was not refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    /// It is durably stored as a hit.
    Counted,
    /// It is durably stored among those that do not count.
    Excluded(ExclusionReason),
    /// It is not stored at all, for a reason that is no mistake of the sender's.
    Dropped(&'static str),
}

/// Why a hit was not taken.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Refused(#[from] Rejection),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Random(#[from] crate::platform::context::RandomError),
    #[error(transparent)]
    Encode(#[from] serde_json::Error),
}

impl<S: Store, A: Context> Ingest<S, A> {
    /// Takes the hits of the sites in `settings`.
    pub fn new(settings: Settings, store: S, ambient: A) -> Self {
        Self { settings, store, ambient, salt: Mutex::new(None), paces: Mutex::default() }
    }

    /// Does what the first hit would otherwise wait for: opens the connection to the store, and
    /// reads or makes the day's salt.
    pub async fn warm(&self) {
        let salt = self.salt(utc_day(self.ambient.now()));
        // If it fails, the first hit tries again.
        let _ = tokio::time::timeout(WARM_UP_TIMEOUT, salt).await;
    }

    /// Answers a request to one of this function's routes.
    pub async fn handle(&self, request: &Request) -> Response {
        match request.path.as_str() {
            api::SCRIPT => self.script(request),
            api::PIXEL => self.pixel(request).await,
            _ => self.event(request).await,
        }
    }

    /// The tracker. A day in caches: it changes with a deploy, and its address is on every page.
    fn script(&self, request: &Request) -> Response {
        let is_measured = self.settings.sites.iter().any(|site| site.engagement);
        let (plain, gzip) = if is_measured {
            (MEASURING_SCRIPT, MEASURING_SCRIPT_GZIP)
        } else {
            (SCRIPT, SCRIPT_GZIP)
        };
        let takes_gzip = takes_gzip(&request.headers);
        let body = if takes_gzip { gzip } else { plain.as_bytes() };
        let mut response = response(StatusCode::OK, "text/javascript; charset=utf-8", body);
        if takes_gzip {
            set(&mut response, CONTENT_ENCODING, "gzip");
        }
        set(&mut response, VARY, "accept-encoding");
        set(&mut response, CACHE_CONTROL, "public, max-age=86400");
        response
    }

    /// Answers a tracker as Plausible does: 202 and `ok`, or 400 and `errors` by key.
    async fn event(&self, request: &Request) -> Response {
        let taken = match parse(request) {
            Ok(payload) => self.take(request, payload).await,
            Err(refusal) => Err(refusal.into()),
        };
        match taken {
            Ok(outcome) => {
                let mut response = text(StatusCode::ACCEPTED, "ok");
                if let Outcome::Excluded(_) | Outcome::Dropped(_) = outcome {
                    set(&mut response, PLAUSIBLE_DROPPED, "1");
                }
                noted(response, outcome)
            }
            Err(failure) => refused(&failure),
        }
    }

    /// Answers a browser without JavaScript: the page is the one that embeds the pixel.
    async fn pixel(&self, request: &Request) -> Response {
        let url = request.parameter("u").or_else(|| request.header("referer").map(str::to_owned));
        let payload = Payload {
            url: url.unwrap_or_default(),
            referrer: request.parameter("r"),
            ..Payload::default()
        };
        match self.take(request, payload).await {
            Ok(outcome) => noted(response(StatusCode::OK, "image/gif", PIXEL), outcome),
            Err(failure) => refused(&failure),
        }
    }

    /// Decides what a hit is, and stores it, in the time there is.
    async fn take(&self, request: &Request, payload: Payload) -> Result<Outcome, Failure> {
        tokio::time::timeout(REQUEST_TIMEOUT, self.decide_and_put(request, payload))
            .await
            .map_err(|_| StoreError::Unavailable("it took too long".to_owned()))?
    }

    async fn decide_and_put(
        &self,
        request: &Request,
        payload: Payload,
    ) -> Result<Outcome, Failure> {
        let now = self.ambient.now();
        let page = PageUrl::parse(&payload.url, request.header("referer")).ok_or(
            Rejection::Key("url", "must be the address of a page, with https:// or http://"),
        )?;
        let site = self.site(&page, payload.domain.as_deref())?;
        if payload.engagement.is_some() && !site.engagement {
            // Plausible's trackers send it whether or not somebody asked them to.
            return Ok(Outcome::Dropped(ENGAGEMENT));
        }
        if site.respect_dnt && asks_not_to_be_tracked(request) {
            return Ok(Outcome::Dropped("do-not-track"));
        }
        let referrer = payload.referrer.as_deref().and_then(|text| url::Url::parse(text).ok());
        let purpose = filter::PURPOSE_HEADERS.iter().find_map(|name| request.header(name));
        let user_agent = request.user_agent();
        let reason = filter::reason(&Signals {
            user_agent: user_agent.as_deref(),
            purpose,
            automated: payload.automated,
            referrer_host: referrer.as_ref().and_then(url::Url::host_str),
            blocked_referrers: &self.settings.blocked_referrers,
        });
        let kind = match (reason, payload.engagement) {
            // The view that it would belong to is counted apart already.
            (Some(reason), Some(_)) => return Ok(Outcome::Dropped(reason.as_str())),
            (Some(reason), None) => {
                Kind::Excluded(Excluded { reason, page: page.path(payload.fragment, MAX_PAGE) })
            }
            (None, measured) => {
                let salt = self.salt(utc_day(now)).await?;
                let trusted = self.settings.trusted_proxies;
                let address = request.client(trusted);
                let user_agent = user_agent.unwrap_or_default();
                let visitor = salt.visitor(site.domain.as_str(), address, &user_agent);
                if self.is_over_limit(now, visitor, measured.is_some()) {
                    return Err(Rejection::RateLimited.into());
                }
                match measured {
                    Some(measured) => Kind::Engagement(Engagement {
                        visitor,
                        host: other_host(site, &page),
                        page: page.path(payload.fragment, MAX_PAGE),
                        scroll: measured.scroll,
                        engaged: measured.engaged,
                    }),
                    None => {
                        // CloudFront says where the viewer is. Without it in front, anybody could.
                        let country =
                            request.header("cloudfront-viewer-country").filter(|_| trusted > 0);
                        let country = country.and_then(Country::from_header);
                        let client = user_agent::parse(&user_agent, hints(request));
                        let from = referrer.as_ref();
                        Kind::Hit(hit(site, &page, payload, from, client, visitor, country))
                    }
                }
            }
        };
        self.put(site, now, &kind).await?;
        Ok(reason.map_or(Outcome::Counted, Outcome::Excluded))
    }

    /// The site that a page belongs to. A sender that names a site must name that one; `www.` in
    /// front makes no other of it, as with Plausible.
    fn site(&self, page: &PageUrl, domains: Option<&str>) -> Result<&Site, Rejection> {
        let unknown = || Rejection::UnknownHost(clean(page.host(), 100));
        let site = self.settings.site_of_host(page.host()).ok_or_else(unknown)?;
        match domains {
            Some(domains) => {
                let own = plain_host(site.domain.as_str());
                let domains = domains.to_ascii_lowercase();
                let names_it = domains.split(',').any(|domain| plain_host(domain.trim()) == own);
                if names_it { Ok(site) } else { Err(Rejection::UnknownSite) }
            }
            None => Ok(site),
        }
    }

    async fn put(&self, site: &Site, at: Timestamp, kind: &Kind) -> Result<(), Failure> {
        let random = self.ambient.random()?;
        // The first 8 bytes go into the key.
        let shard = random[15] % self.settings.shards.get();
        let key = keys::hit_key(site, at, shard, random);
        let value = kind.encode(WRITE_UNIT.saturating_sub(Item::overhead(&key)))?;
        let expires = Some(retention::hit_expiry(site, at));
        self.store.put(Item { key, value, expires }).await?;
        Ok(())
    }

    fn is_over_limit(&self, now: Timestamp, visitor: VisitorId, is_engagement: bool) -> bool {
        let mut paces = self.paces.lock().unwrap_or_else(PoisonError::into_inner);
        paces[usize::from(is_engagement)].is_over_limit(now, visitor)
    }

    /// The salt of a day: remembered, or read, or made. Of two functions that make one at once, one
    /// wins, and both use it.
    async fn salt(&self, day: Date) -> Result<Salt, Failure> {
        let remembered = *self.salt.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, salt)) = remembered.filter(|(of, _)| *of == day) {
            return Ok(salt);
        }
        let key = keys::salt_key(day);
        let salt = match self.stored_salt(&key).await? {
            Some(salt) => salt,
            None => {
                let salt = Salt::new(self.ambient.random()?);
                let expires = Some(retention::salt_expiry(day));
                let item = Item { key, value: salt.to_bytes(), expires };
                match self.store.put_if_absent(item).await? {
                    PutOutcome::Inserted => salt,
                    PutOutcome::Existing(item) => read_salt(&item)?,
                }
            }
        };
        *self.salt.lock().unwrap_or_else(PoisonError::into_inner) = Some((day, salt));
        Ok(salt)
    }

    async fn stored_salt(&self, key: &Key) -> Result<Option<Salt>, StoreError> {
        let page = self.store.query(&KeyRange::one(key), None).await?;
        page.items.first().map(read_salt).transpose()
    }
}

fn read_salt(item: &Item) -> Result<Salt, StoreError> {
    Salt::from_bytes(&item.value)
        .ok_or_else(|| StoreError::Refused(format!("the salt of {} is none", item.key.sk)))
}

/// What a browser says of itself beside the User-Agent.
fn hints(request: &Request) -> ClientHints<'_> {
    ClientHints {
        brands: request.header("sec-ch-ua"),
        mobile: request.header("sec-ch-ua-mobile"),
        platform: request.header("sec-ch-ua-platform"),
    }
}

/// What is kept of a visitor's hit. An import makes its hits of the same.
#[must_use]
pub fn hit(
    site: &Site,
    page: &PageUrl,
    payload: Payload,
    referrer: Option<&url::Url>,
    client: UserAgent,
    visitor: VisitorId,
    country: Option<Country>,
) -> Hit {
    let UserAgent { browser, browser_version, os, os_version, device } = client;
    let parameters = page.campaign();
    let campaign_text = |text: Option<String>| {
        text.map(|text| clean(&text, MAX_CAMPAIGN)).filter(|text| !text.is_empty())
    };
    let campaign = Campaign {
        source: campaign_text(payload.utm_source.or(parameters.source)),
        medium: campaign_text(parameters.medium),
        name: campaign_text(parameters.campaign),
        term: campaign_text(parameters.term),
        content: campaign_text(parameters.content),
    };
    // A page of the site itself sends nobody here.
    let referrer = referrer.filter(|url| !url.host_str().is_some_and(|host| site.has_host(host)));
    let source = match &campaign.source {
        Some(named) => source::from_utm(named),
        None => referrer.and_then(source::source_of),
    };
    let time_zone = payload.time_zone.as_deref();
    Hit {
        visitor,
        event: payload.event,
        host: other_host(site, page),
        page: page.path(payload.fragment, MAX_PAGE),
        // That nobody sent the visitor is no source, whoever says so.
        source: source.map(|source| source.name.into_owned()).filter(|name| name != DIRECT),
        referrer: referrer.and_then(address_of),
        campaign,
        country: country.or_else(|| time_zone.and_then(Country::of_time_zone)),
        browser: browser.map(str::to_owned),
        browser_version: browser_version.map(|version| version.to_string()),
        os: os.map(str::to_owned),
        os_version: os_version.map(|version| version.to_string()),
        device: Some(device),
        screen: payload.width.and_then(Screen::of_width),
        props: payload
            .props
            .into_iter()
            .map(|(name, value)| (clean(&name, MAX_PROP_NAME), clean(&value, MAX_PROP_VALUE)))
            .filter(|(name, _)| !name.is_empty())
            .collect(),
    }
}

/// A page's host, where it is not the site's own domain.
fn other_host(site: &Site, page: &PageUrl) -> Option<String> {
    (plain_host(page.host()) != plain_host(site.domain.as_str()))
        .then(|| clean(page.host(), MAX_REFERRER))
}

/// A tracker's body. Plausible's trackers always name the event.
fn parse(request: &Request) -> Result<Payload, Rejection> {
    let payload = Payload::parse(&request.body)?;
    if request.path == api::PLAUSIBLE_EVENT && !payload.is_named {
        return Err(Rejection::Key("name", "is missing"));
    }
    Ok(payload)
}

/// A referrer without scheme, `www.`, user, port and query: `news.ycombinator.com/item`. None if it names no host.
fn address_of(referrer: &url::Url) -> Option<String> {
    let host = plain_host(referrer.host_str()?);
    if host.is_empty() {
        return None;
    }
    let path = referrer.path().trim_end_matches('/');
    Some(clean(&format!("{host}{path}"), MAX_REFERRER))
}

/// A host without the `www.` that makes no other site of it.
fn plain_host(host: &str) -> &str {
    host.strip_prefix("www.").unwrap_or(host)
}

/// Do Not Track (<https://www.w3.org/TR/tracking-dnt/>) or Global Privacy Control
/// (<https://w3c.github.io/gpc/>), as browsers send them with every request.
fn asks_not_to_be_tracked(request: &Request) -> bool {
    ["dnt", "sec-gpc"].iter().any(|name| request.header(name) == Some("1"))
}

fn noted(mut response: Response, outcome: Outcome) -> Response {
    match outcome {
        Outcome::Counted => {}
        Outcome::Excluded(reason) => set(&mut response, DROPPED, reason.as_str()),
        Outcome::Dropped(reason) => set(&mut response, DROPPED, reason),
    }
    response
}

fn refused(failure: &Failure) -> Response {
    let (status, key, reason) = match failure {
        Failure::Refused(refusal) => (refusal.status(), refusal.key(), refusal.reason()),
        Failure::Store(StoreError::Unavailable(_)) | Failure::Random(_) => {
            (StatusCode::SERVICE_UNAVAILABLE, "store", "unavailable")
        }
        Failure::Store(StoreError::Refused(_)) | Failure::Encode(_) => {
            (StatusCode::INTERNAL_SERVER_ERROR, "store", "broken")
        }
    };
    // What the store says is for its owner's log, not for strangers.
    let message = if status.is_server_error() {
        log::error("a hit was not stored", failure);
        "the hit could not be stored".to_owned()
    } else {
        failure.to_string()
    };
    let body = serde_json::json!({ "errors": { key: [message] } });
    let mut response = response(status, "application/json", body.to_string());
    set(&mut response, DROPPED, reason);
    let again = match status {
        StatusCode::SERVICE_UNAVAILABLE => Some("1"),
        StatusCode::TOO_MANY_REQUESTS => Some("60"),
        _ => None,
    };
    if let Some(seconds) = again {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static(seconds));
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_referrer_is_kept_as_the_address_that_it_is() {
        let check = |referrer: &str, expected: Option<&str>| {
            let url = url::Url::parse(referrer).unwrap();
            assert_eq!(address_of(&url).as_deref(), expected, "{referrer}");
        };
        check("https://www.example.org/a/?q=x#y", Some("example.org/a"));
        check("https://user:password@example.org:8443/", Some("example.org"));
        // No address is none, and not an empty one, which a segment would not give back.
        check("https://www./", None);
        check("https://www.#example.org/search", None);
        check("file:///home/jane/page.html", None);
    }
}
