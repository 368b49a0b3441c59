//! What the function `dashboard` serves: pages, reports as data, Plausible's Stats API, badges and exports.

mod assets;
pub mod badge;
pub mod dashboard;
mod error;
mod export;
mod login;
mod pages;
pub mod stats_api;

use std::time::Duration;

use footfall_infra::api;
use footfall_infra::settings::Settings;
use http::StatusCode;
use minijinja::Environment;

use self::badge::Badges;
use self::error::Format;
use self::pages::see;
use crate::auth::{AccessMode, Authenticator};
use crate::platform::context::Context;
use crate::platform::http::{Request, Response};
use crate::storage::hour::Hour;
use crate::storage::keys;
use crate::storage::{Store, StoreError};

/// How long warming up may take before the first request. Lambda stops initialization after 10 seconds.
pub(super) const WARM_UP_TIMEOUT: Duration = Duration::from_secs(5);

/// Handler of the function `dashboard`.
pub struct Web<S, A> {
    settings: Settings,
    store: S,
    ambient: A,
    door: AccessMode,
    templates: Environment<'static>,
    policy: String,
    badges: Badges,
}

impl<S: Store, A: Context> Web<S, A> {
    /// Makes a handler for the sites in `settings`. Templates are parsed here, once.
    ///
    /// # Errors
    /// If a template does not parse, which a test would have seen.
    pub fn new(
        settings: Settings,
        store: S,
        ambient: A,
        door: AccessMode,
    ) -> Result<Self, minijinja::Error> {
        let (templates, policy) = (pages::templates()?, pages::policy());
        Ok(Self { settings, store, ambient, door, templates, policy, badges: Badges::default() })
    }

    /// Opens the connection to the store ahead of the first request.
    pub async fn warm(&self) {
        if let Some(site) = self.settings.sites.first() {
            let hits = keys::hits(site, Hour::of(self.ambient.now()), 0);
            let _ = tokio::time::timeout(WARM_UP_TIMEOUT, self.store.query(&hits, None)).await;
        }
    }

    /// Routes a request.
    pub async fn handle(&self, request: &Request) -> Response {
        match (request.path.as_str(), request.method.as_str()) {
            (api::HOME, _) => see(api::DASHBOARD, StatusCode::FOUND),
            (api::BADGE, _) => {
                let now = self.ambient.now();
                let badge = self.badges.answer(&self.store, &self.settings, request, now).await;
                badge.unwrap_or_else(|error| self.failed(&error.into(), Format::Csv, request))
            }
            (api::LOGIN, "POST") => {
                let answer = self.login(request).await;
                answer.unwrap_or_else(|failure| self.failed(&failure, Format::Html, request))
            }
            (api::LOGIN, _) => {
                let answer = self.login_page(request).await;
                answer.unwrap_or_else(|failure| self.failed(&failure, Format::Html, request))
            }
            (api::EXPORT, _) => self.export(request).await,
            (api::LOGOUT, _) => self.logout(request),
            _ => match stats_api::handle(self.access(), request).await {
                Some(answer) => answer,
                None => self.dashboard(request).await,
            },
        }
    }

    /// Answers a request whose report took too long.
    #[must_use]
    pub fn late(&self, request: &Request) -> Response {
        let format = match request.parameter("format").as_deref() {
            Some("json") => Format::Json,
            Some("csv") => Format::Csv,
            _ if request.path == api::DASHBOARD => Format::Html,
            _ => Format::Json,
        };
        let failure = StoreError::Unavailable("it took too long".to_owned()).into();
        self.failed(&failure, format, request)
    }

    pub(super) fn access(&self) -> Authenticator<'_, S> {
        let now = self.ambient.now();
        Authenticator { store: &self.store, settings: &self.settings, mode: self.door, now }
    }
}
