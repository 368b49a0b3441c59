//! The HTTP API: which function answers which route, and what browsers may do across origins.

use crate::function::Function;
use crate::settings::Settings;

/// A route of the HTTP API. API Gateway matches method and path exactly.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Route {
    /// The method, in capitals.
    pub method: &'static str,
    /// The path, without a stage, because the stage is `$default`.
    pub path: &'static str,
    /// The function that answers.
    pub function: Function,
}

/// Footfall's own tracker posts hits here.
pub const TRACK: &str = "/track";
/// Plausible's trackers post hits here.
pub const PLAUSIBLE_EVENT: &str = "/api/event";
/// The snippet's `<noscript>` image.
pub const PIXEL: &str = "/pixel.gif";
/// The tracker script.
pub const SCRIPT: &str = "/js/footfall.js";
/// The dashboard, as HTML, JSON or CSV.
pub const DASHBOARD: &str = "/dashboard";
/// The view counter of a public site's page, as an SVG image.
pub const BADGE: &str = "/badge.svg";
/// Starts a session. The link of `cargo xtask open` leads here.
pub const LOGIN: &str = "/login";
/// Ends a session.
pub const LOGOUT: &str = "/logout";
/// Exports every hit of a site, in pages.
pub const EXPORT: &str = "/api/v1/export";
/// Queries of Plausible's Stats API v2.
pub const STATS_QUERY: &str = "/api/v2/query";
/// Current visitors, in Plausible's Stats API v1.
pub const STATS_REALTIME: &str = "/api/v1/stats/realtime/visitors";
/// Metrics of a period, in v1.
pub const STATS_AGGREGATE: &str = "/api/v1/stats/aggregate";
/// Metrics per hour, day or month, in v1.
pub const STATS_TIMESERIES: &str = "/api/v1/stats/timeseries";
/// Metrics per value of a property, in v1.
pub const STATS_BREAKDOWN: &str = "/api/v1/stats/breakdown";
/// Redirects to the dashboard.
pub const HOME: &str = "/";

/// Response header with the reason why a hit was not counted.
pub const DROPPED: &str = "x-footfall-dropped";
/// Plausible's name for that header, which its clients look for.
pub const PLAUSIBLE_DROPPED: &str = "x-plausible-dropped";

/// Every route. API Gateway answers 404 for anything else.
pub const ROUTES: [Route; 16] = [
    Route { method: "POST", path: TRACK, function: Function::Track },
    Route { method: "POST", path: PLAUSIBLE_EVENT, function: Function::Track },
    Route { method: "GET", path: PIXEL, function: Function::Track },
    Route { method: "GET", path: SCRIPT, function: Function::Track },
    Route { method: "GET", path: DASHBOARD, function: Function::Dashboard },
    Route { method: "GET", path: BADGE, function: Function::Dashboard },
    // GET only shows a button that posts, so that a link preview does not use up the link.
    Route { method: "GET", path: LOGIN, function: Function::Dashboard },
    Route { method: "POST", path: LOGIN, function: Function::Dashboard },
    Route { method: "POST", path: LOGOUT, function: Function::Dashboard },
    Route { method: "GET", path: EXPORT, function: Function::Dashboard },
    Route { method: "POST", path: STATS_QUERY, function: Function::Dashboard },
    Route { method: "GET", path: STATS_REALTIME, function: Function::Dashboard },
    Route { method: "GET", path: STATS_AGGREGATE, function: Function::Dashboard },
    Route { method: "GET", path: STATS_TIMESERIES, function: Function::Dashboard },
    Route { method: "GET", path: STATS_BREAKDOWN, function: Function::Dashboard },
    Route { method: "GET", path: HOME, function: Function::Dashboard },
];

/// Returns the function that answers `method` on `path`, if any.
#[must_use]
pub fn route(method: &str, path: &str) -> Option<Function> {
    ROUTES.iter().find(|r| r.method == method && r.path == path).map(|r| r.function)
}

/// The API's CORS configuration. API Gateway answers preflights with it, and ignores a function's own
/// CORS headers.
///
/// It is not access control: it tells browsers which responses a page may *read*. The hosts in the settings
/// decide which hits are counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cors {
    /// Origins, such as `https://example.com`, or `https://*` for a whole scheme.
    pub allow_origins: Vec<String>,
    /// Methods that a preflight may request.
    pub allow_methods: &'static [&'static str],
    /// Request headers that a preflight may request, in lower case.
    pub allow_headers: &'static [&'static str],
    /// Response headers that a script may read.
    pub expose_headers: &'static [&'static str],
    /// Seconds for which a browser may cache the answer to a preflight.
    pub max_age: u32,
}

impl Cors {
    /// Allows every host of the sites, with both schemes.
    ///
    /// A host with a wildcard can only be allowed by its scheme. So can `localhost`, whose port is unknown.
    #[must_use]
    pub fn of(settings: &Settings) -> Self {
        let mut allow_origins = Vec::new();
        for host in settings.sites.iter().flat_map(|site| &site.hosts) {
            let name = host.as_str();
            for scheme in ["https", "http"] {
                let origin = if host.is_wildcard() || host.is_local() {
                    format!("{scheme}://*")
                } else {
                    format!("{scheme}://{name}")
                };
                if !allow_origins.contains(&origin) {
                    allow_origins.push(origin);
                }
            }
        }
        Self {
            allow_origins,
            allow_methods: &["GET", "POST"],
            allow_headers: &["content-type"],
            expose_headers: &[DROPPED, PLAUSIBLE_DROPPED],
            max_age: 86_400,
        }
    }

    /// Returns whether pages of `origin` are allowed.
    #[must_use]
    pub fn allows(&self, origin: &str) -> bool {
        self.allow_origins.iter().any(|allowed| match allowed.strip_suffix('*') {
            Some(scheme) => origin.len() > scheme.len() && origin.starts_with(scheme),
            None => allowed == origin,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matches_routes_exactly() {
        assert_eq!(route("POST", "/track"), Some(Function::Track));
        assert_eq!(route("GET", "/track"), None);
        assert_eq!(route("GET", "/dashboard/"), None);
        assert_eq!(route("GET", "/dashboard"), Some(Function::Dashboard));
    }

    #[test]
    fn allows_the_origins_of_the_sites_only() {
        let settings = Settings::from_yaml("sites:\n  - domain: example.com\n").unwrap();
        let cors = Cors::of(&settings);
        assert_eq!(
            cors.allow_origins,
            [
                "https://example.com",
                "http://example.com",
                "https://www.example.com",
                "http://www.example.com"
            ]
        );
        assert!(cors.allows("https://example.com"));
        assert!(!cors.allows("https://example.com.evil.org"));
        assert!(!cors.allows("https://evil.org"));
    }

    #[test]
    fn allows_localhost_on_any_port() {
        let cors = Cors::of(&Settings::local());
        assert_eq!(cors.allow_origins, ["https://*", "http://*"]);
        assert!(cors.allows("http://localhost:4000"));
        assert!(!cors.allows("null"));
    }
}
