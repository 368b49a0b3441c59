//! The HTTP API: which function answers which route, and what a browser may ask across origins.

use crate::settings::Settings;

/// A Lambda function of the stack, and the name of its binary.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Function {
    /// Takes hits.
    Track,
    /// Answers what was read.
    Dashboard,
    /// Folds hits into segments. It has no route: it runs on a schedule.
    Rollup,
}

impl Function {
    /// Every function, in the order of the stack.
    pub const ALL: [Self; 3] = [Self::Track, Self::Dashboard, Self::Rollup];

    /// The function's name in the stack, and its binary's in `runtime`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Track => "track",
            Self::Dashboard => "dashboard",
            Self::Rollup => "rollup",
        }
    }
}

/// One route of the HTTP API: exact method, exact path, as API Gateway matches them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Route {
    /// The method, in capitals.
    pub method: &'static str,
    /// The path, without a stage: the stage is `$default`.
    pub path: &'static str,
    /// Who answers.
    pub function: Function,
}

/// Footfall's own snippet and script post their hits here.
pub const TRACK: &str = "/track";
/// Where Plausible's trackers post theirs.
pub const PLAUSIBLE_EVENT: &str = "/api/event";
/// The pixel of the snippet's `<noscript>`.
pub const PIXEL: &str = "/pixel.gif";
/// The tracker.
pub const SCRIPT: &str = "/js/footfall.js";
/// The dashboard, as a page and as data.
pub const DASHBOARD: &str = "/dashboard";
/// The views of a page of a public site, as a picture.
pub const BADGE: &str = "/badge.svg";
/// Where the link of `cargo xtask open` leads: it makes a session.
pub const LOGIN: &str = "/login";
/// Ends a session.
pub const LOGOUT: &str = "/logout";
/// Every hit of a site, in pages.
pub const EXPORT: &str = "/api/v1/export";
/// Answers questions, as Plausible's Stats API v2 does.
pub const STATS_QUERY: &str = "/api/v2/query";
/// How many visitors there are just now, as Plausible's Stats API v1 says it.
pub const STATS_REALTIME: &str = "/api/v1/stats/realtime/visitors";
/// The numbers of a period, as v1 says them.
pub const STATS_AGGREGATE: &str = "/api/v1/stats/aggregate";
/// The numbers of a period's hours, days or months, as v1 says them.
pub const STATS_TIMESERIES: &str = "/api/v1/stats/timeseries";
/// The numbers of a property's values, as v1 says them.
pub const STATS_BREAKDOWN: &str = "/api/v1/stats/breakdown";
/// Leads to the dashboard.
pub const HOME: &str = "/";

/// The header that says why a hit was not counted.
pub const DROPPED: &str = "x-footfall-dropped";
/// Plausible's header for the same, which its clients look for.
pub const PLAUSIBLE_DROPPED: &str = "x-plausible-dropped";

/// Every route. What is not here is answered 404 by the gateway.
pub const ROUTES: [Route; 16] = [
    Route { method: "POST", path: TRACK, function: Function::Track },
    Route { method: "POST", path: PLAUSIBLE_EVENT, function: Function::Track },
    Route { method: "GET", path: PIXEL, function: Function::Track },
    Route { method: "GET", path: SCRIPT, function: Function::Track },
    Route { method: "GET", path: DASHBOARD, function: Function::Dashboard },
    Route { method: "GET", path: BADGE, function: Function::Dashboard },
    // A page with a button, which posts: whoever only looks where a link leads does not use it up.
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

/// The function that answers `method` on `path`, if any does.
#[must_use]
pub fn route(method: &str, path: &str) -> Option<Function> {
    ROUTES.iter().find(|r| r.method == method && r.path == path).map(|r| r.function)
}

/// The API's CORS configuration. API Gateway answers preflights with it by itself, and ignores
/// what a function says on the matter.
///
/// This is no access control: it tells browsers what a page may *read*. Which hits are counted
/// is decided by the hosts in the settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cors {
    /// Origins such as `https://example.com`, or a whole scheme as `https://*`.
    pub allow_origins: Vec<String>,
    /// Methods a preflight may ask for.
    pub allow_methods: &'static [&'static str],
    /// Request headers a preflight may ask for, in lower case.
    pub allow_headers: &'static [&'static str],
    /// Headers of answers that a script may read.
    pub expose_headers: &'static [&'static str],
    /// Seconds a browser may remember the answer to a preflight.
    pub max_age: u32,
}

impl Cors {
    /// What the sites' own pages need: both schemes of every host. A host with a wildcard, and
    /// `localhost` whose port is not known, can only be allowed by scheme.
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

    /// Whether a page of `origin` is among those allowed.
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
    fn routes_are_exact() {
        assert_eq!(route("POST", "/track"), Some(Function::Track));
        assert_eq!(route("GET", "/track"), None);
        assert_eq!(route("GET", "/dashboard/"), None);
        assert_eq!(route("GET", "/dashboard"), Some(Function::Dashboard));
    }

    #[test]
    fn origins_are_those_of_the_sites() {
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
    fn a_local_site_is_allowed_on_any_port() {
        let cors = Cors::of(&Settings::local());
        assert_eq!(cors.allow_origins, ["https://*", "http://*"]);
        assert!(cors.allows("http://localhost:4000"));
        assert!(!cors.allows("null"));
    }
}
