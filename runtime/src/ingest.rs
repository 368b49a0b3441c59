//! Ingest of hits: `POST /track`, `POST /api/event`, `GET /pixel.gif`, and the tracker script.
//!
//! A request is parsed once and stored with a single write. The response reports success only after that write.

pub mod bot;
pub mod filter;
mod hit_input;
pub mod payload;
pub mod rejection;
mod script;

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use footfall_infra::api;
use footfall_infra::settings::{Settings, Site};
use http::StatusCode;
use http::header::{HeaderName, HeaderValue, RETRY_AFTER};
use jiff::Timestamp;
use jiff::civil::Date;

use self::filter::Signals;
pub use self::hit_input::{HitInput, MAX_PAGE};
use self::hit_input::{other_host, plain_host};
use self::payload::{ENGAGEMENT, Payload};
use self::rejection::Rejection;
pub use self::script::{ENGAGEMENT_SCRIPT, SCRIPT};
use crate::hit::country::Country;
use crate::hit::exclusion::ExclusionReason;
use crate::hit::page_url::PageUrl;
use crate::hit::rate_limit::RateLimiter;
use crate::hit::user_agent::{self, ClientHints};
use crate::hit::visitor::{Salt, VisitorId};
use crate::hit::{Engagement, Excluded, Kind};
use crate::platform::context::{Context, RandomError};
use crate::platform::http::{Request, Response, response, set, text};
use crate::platform::log;
use crate::platform::sanitize::clean;
use crate::storage::hour::utc_day;
use crate::storage::keys;
use crate::storage::retention;
use crate::storage::{Item, Key, KeyRange, PutOutcome, Store, StoreError, WRITE_UNIT};

const DROPPED: HeaderName = HeaderName::from_static(api::DROPPED);
const PLAUSIBLE_DROPPED: HeaderName = HeaderName::from_static(api::PLAUSIBLE_DROPPED);

/// A GIF with one transparent pixel.
const PIXEL: &[u8] = b"GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff!\xf9\x04\x01\x00\x00\x00\x00,\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;";

/// Maximum time to handle a hit. Shorter than the function's timeout, so that the client gets a response.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

/// Maximum time to warm up. Lambda stops an initialization after 10 seconds.
const WARM_UP_TIMEOUT: Duration = Duration::from_secs(5);

/// Stores hits.
pub struct Ingest<S, C> {
    settings: Settings,
    store: S,
    context: C,
    /// The most recently used salt, with its day.
    salt: Mutex<Option<(Date, Salt)>>,
    /// One limiter for hits and one for engagements, which are not hits.
    rate_limiters: Mutex<[RateLimiter; 2]>,
}

/// What happened to a hit that was not rejected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    /// Stored as a hit.
    Counted,
    /// Stored as an excluded hit.
    Excluded(ExclusionReason),
    /// Not stored, for a reason that is not the sender's fault.
    Dropped(&'static str),
}

/// Why a hit was not stored.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Rejected(#[from] Rejection),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Random(#[from] RandomError),
    #[error(transparent)]
    Encode(#[from] serde_json::Error),
}

impl<S: Store, C: Context> Ingest<S, C> {
    /// Creates a handler for the hits of the sites in `settings`.
    pub fn new(settings: Settings, store: S, context: C) -> Self {
        Self { settings, store, context, salt: Mutex::new(None), rate_limiters: Mutex::default() }
    }

    /// Prepares for the first hit: connects to the store, and reads or creates the day's salt.
    pub async fn warm(&self) {
        let salt = self.salt(utc_day(self.context.now()));
        // If this fails, the first hit tries again.
        let _ = tokio::time::timeout(WARM_UP_TIMEOUT, salt).await;
    }

    /// Responds to a request to one of the routes of the function `track`.
    pub async fn handle(&self, request: &Request) -> Response {
        match request.path.as_str() {
            api::SCRIPT => {
                let has_engagement = self.settings.sites.iter().any(|site| site.engagement);
                script::script(request, has_engagement)
            }
            api::PIXEL => self.pixel(request).await,
            _ => self.event(request).await,
        }
    }

    /// Responds to a tracker in Plausible's format: 202 and `ok`, or 400 and `errors` by key.
    async fn event(&self, request: &Request) -> Response {
        let result = match parse(request) {
            Ok(payload) => self.store_within_timeout(request, payload).await,
            Err(rejection) => Err(rejection.into()),
        };
        match result {
            Ok(outcome) => {
                let mut response = text(StatusCode::ACCEPTED, "ok");
                if let Outcome::Excluded(_) | Outcome::Dropped(_) = outcome {
                    set(&mut response, PLAUSIBLE_DROPPED, "1");
                }
                with_reason(response, outcome)
            }
            Err(failure) => failure_response(&failure),
        }
    }

    /// Counts a view by a browser without JavaScript. By default, the page is the one that embeds the pixel.
    async fn pixel(&self, request: &Request) -> Response {
        let url = request.parameter("u").or_else(|| request.header("referer").map(str::to_owned));
        let payload = Payload {
            url: url.unwrap_or_default(),
            referrer: request.parameter("r"),
            ..Payload::default()
        };
        match self.store_within_timeout(request, payload).await {
            Ok(outcome) => with_reason(response(StatusCode::OK, "image/gif", PIXEL), outcome),
            Err(failure) => failure_response(&failure),
        }
    }

    /// Stores a hit, or fails after [`REQUEST_TIMEOUT`].
    async fn store_within_timeout(
        &self,
        request: &Request,
        payload: Payload,
    ) -> Result<Outcome, Failure> {
        tokio::time::timeout(REQUEST_TIMEOUT, self.classify_and_store(request, payload))
            .await
            .map_err(|_| StoreError::Unavailable("timed out".to_owned()))?
    }

    /// Decides whether a hit counts, and stores it.
    async fn classify_and_store(
        &self,
        request: &Request,
        payload: Payload,
    ) -> Result<Outcome, Failure> {
        let now = self.context.now();
        let page = PageUrl::parse(&payload.url, request.header("referer"))
            .ok_or(Rejection::Key("url", "must be the URL of a page, with https:// or http://"))?;
        let site = self.site(&page, payload.domain.as_deref())?;
        if payload.engagement.is_some() && !site.engagement {
            // Plausible's trackers always send engagements, even for sites that do not measure them.
            return Ok(Outcome::Dropped(ENGAGEMENT));
        }
        if site.respect_dnt && asks_not_to_be_tracked(request) {
            return Ok(Outcome::Dropped("do-not-track"));
        }
        let referrer = payload.referrer.as_deref().and_then(|text| url::Url::parse(text).ok());
        let purpose = filter::PURPOSE_HEADERS.iter().find_map(|name| request.header(name));
        let user_agent = request.user_agent();
        let reason = filter::exclusion_reason(&Signals {
            user_agent: user_agent.as_deref(),
            purpose,
            automated: payload.automated,
            referrer_host: referrer.as_ref().and_then(url::Url::host_str),
            blocked_referrers: &self.settings.blocked_referrers,
        });
        let kind = match (reason, payload.engagement) {
            // Its page view is already excluded.
            (Some(reason), Some(_)) => return Ok(Outcome::Dropped(reason.as_str())),
            (Some(reason), None) => {
                Kind::Excluded(Excluded { reason, page: page.path(payload.fragment, MAX_PAGE) })
            }
            (None, engagement) => {
                let salt = self.salt(utc_day(now)).await?;
                let trusted = self.settings.trusted_proxies;
                let address = request.client_address(trusted);
                let user_agent = user_agent.unwrap_or_default();
                let visitor = salt.visitor(site.domain.as_str(), address, &user_agent);
                if self.is_over_limit(now, visitor, engagement.is_some()) {
                    return Err(Rejection::RateLimited.into());
                }
                match engagement {
                    Some(data) => Kind::Engagement(Engagement {
                        visitor,
                        host: other_host(site, &page),
                        page: page.path(payload.fragment, MAX_PAGE),
                        scroll: data.scroll,
                        engaged: data.engaged,
                    }),
                    None => {
                        // Only a trusted proxy sets this header. Without one, clients could forge it.
                        let country =
                            request.header("cloudfront-viewer-country").filter(|_| trusted > 0);
                        let input = HitInput {
                            site,
                            page: &page,
                            payload,
                            referrer: referrer.as_ref(),
                            user_agent: user_agent::parse(&user_agent, client_hints(request)),
                            visitor,
                            country: country.and_then(Country::from_header),
                        };
                        Kind::Hit(input.into_hit())
                    }
                }
            }
        };
        self.put(site, now, &kind).await?;
        Ok(reason.map_or(Outcome::Counted, Outcome::Excluded))
    }

    /// Returns the site that a page belongs to. If the sender names sites, this one must be among them. As in
    /// Plausible, `www.` makes no difference.
    fn site(&self, page: &PageUrl, domains: Option<&str>) -> Result<&Site, Rejection> {
        let unknown = || Rejection::UnknownHost(clean(page.host(), 100));
        let site = self.settings.site_of_host(page.host()).ok_or_else(unknown)?;
        match domains {
            Some(domains) => {
                let own = plain_host(site.domain.as_str());
                let domains = domains.to_ascii_lowercase();
                let is_named = domains.split(',').any(|domain| plain_host(domain.trim()) == own);
                if is_named { Ok(site) } else { Err(Rejection::UnknownSite) }
            }
            None => Ok(site),
        }
    }

    async fn put(&self, site: &Site, at: Timestamp, kind: &Kind) -> Result<(), Failure> {
        let random = self.context.random()?;
        // The key contains the first 8 bytes, so the shard uses another one.
        let shard = random[15] % self.settings.shards.get();
        let key = keys::hit_key(site, at, shard, random);
        let value = kind.encode(WRITE_UNIT.saturating_sub(Item::overhead(&key)))?;
        let expires = Some(retention::hit_expiry(site, at));
        self.store.put(Item { key, value, expires }).await?;
        Ok(())
    }

    fn is_over_limit(&self, now: Timestamp, visitor: VisitorId, is_engagement: bool) -> bool {
        let mut limiters = self.rate_limiters.lock().unwrap_or_else(PoisonError::into_inner);
        limiters[usize::from(is_engagement)].is_over_limit(now, visitor)
    }

    /// Returns the salt of a day: from memory, from the store, or newly created. If two instances create one at
    /// the same time, both use the one stored first.
    async fn salt(&self, day: Date) -> Result<Salt, Failure> {
        let cached = *self.salt.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, salt)) = cached.filter(|(of, _)| *of == day) {
            return Ok(salt);
        }
        let key = keys::salt_key(day);
        let salt = match self.stored_salt(&key).await? {
            Some(salt) => salt,
            None => {
                let salt = Salt::new(self.context.random()?);
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
    Salt::from_bytes(&item.value).ok_or_else(|| {
        StoreError::Refused(format!("the stored salt of {} is invalid", item.key.sk))
    })
}

fn client_hints(request: &Request) -> ClientHints<'_> {
    ClientHints {
        brands: request.header("sec-ch-ua"),
        mobile: request.header("sec-ch-ua-mobile"),
        platform: request.header("sec-ch-ua-platform"),
    }
}

/// Parses a tracker's body. Plausible's API requires the event's name.
fn parse(request: &Request) -> Result<Payload, Rejection> {
    let payload = Payload::parse(&request.body)?;
    if request.path == api::PLAUSIBLE_EVENT && !payload.has_name {
        return Err(Rejection::Key("name", "is missing"));
    }
    Ok(payload)
}

/// Returns whether the browser sends Do Not Track (<https://www.w3.org/TR/tracking-dnt/>) or Global Privacy
/// Control (<https://w3c.github.io/gpc/>).
fn asks_not_to_be_tracked(request: &Request) -> bool {
    ["dnt", "sec-gpc"].iter().any(|name| request.header(name) == Some("1"))
}

/// Adds the reason why a hit does not count, if there is one.
fn with_reason(mut response: Response, outcome: Outcome) -> Response {
    match outcome {
        Outcome::Counted => {}
        Outcome::Excluded(reason) => set(&mut response, DROPPED, reason.as_str()),
        Outcome::Dropped(reason) => set(&mut response, DROPPED, reason),
    }
    response
}

fn failure_response(failure: &Failure) -> Response {
    let (status, key, reason) = match failure {
        Failure::Rejected(rejection) => (rejection.status(), rejection.key(), rejection.reason()),
        Failure::Store(StoreError::Unavailable(_)) | Failure::Random(_) => {
            (StatusCode::SERVICE_UNAVAILABLE, "store", "unavailable")
        }
        Failure::Store(StoreError::Refused(_)) | Failure::Encode(_) => {
            (StatusCode::INTERNAL_SERVER_ERROR, "store", "broken")
        }
    };
    // Errors of the store go to the owner's log, not to strangers.
    let message = if status.is_server_error() {
        log::error("a hit was not stored", failure);
        "the hit could not be stored".to_owned()
    } else {
        failure.to_string()
    };
    let body = serde_json::json!({ "errors": { key: [message] } });
    let mut response = response(status, "application/json", body.to_string());
    set(&mut response, DROPPED, reason);
    let retry_after = match status {
        StatusCode::SERVICE_UNAVAILABLE => Some("1"),
        StatusCode::TOO_MANY_REQUESTS => Some("60"),
        _ => None,
    };
    if let Some(seconds) = retry_after {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static(seconds));
    }
    response
}
