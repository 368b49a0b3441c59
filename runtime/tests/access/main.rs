//! Access control of a deployment, tested on the request handler with a store in memory and a fixed clock.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test ends there")]

mod passwords;
mod sessions;
mod tokens;
mod visibility;

use footfall_infra::settings::{Domain, Settings};
use footfall_runtime::auth::admin::{self, TokenRequest};
use footfall_runtime::auth::{AccessMode, Authenticator, EmbedOrigin, Token, TokenKind};
use footfall_runtime::platform::http::{Request, Response};
use footfall_runtime::web::Web;
use footfall_testkit::context::Fixed;
use footfall_testkit::memory::Memory;
use footfall_testkit::request;
use footfall_testkit::wait::wait;
use http::{HeaderName, HeaderValue};
use serde_json::Value;

const NOW: &str = "2026-11-22T13:05:06Z";
const LATER: &str = "2026-11-22T13:15:05Z";
const TOO_LATE: &str = "2026-11-22T13:15:06Z";

const SETTINGS: &str = "\
sites:
  - domain: closed.example
  - domain: other.example
  - domain: open.example
    public: true
";

/// A deployment, with what its owner and its visitors do.
struct Deployed {
    settings: Settings,
    store: Memory,
    clock: Fixed,
    dashboard: Web<Memory, Fixed>,
}

impl Deployed {
    fn new() -> Self {
        let settings = Settings::from_yaml(SETTINGS).unwrap();
        let (store, clock) = (Memory::default(), Fixed::at(NOW));
        let dashboard =
            Web::new(settings.clone(), store.clone(), clock.clone(), AccessMode::Closed).unwrap();
        let deployed = Self { settings, store, clock, dashboard };
        wait(admin::signing_key(&deployed.store, &deployed.clock)).unwrap();
        deployed
    }

    fn handle(&self, request: &Request) -> Response {
        wait(self.dashboard.handle(request))
    }

    /// Requests the dashboard with a query and headers.
    fn get_dashboard(&self, query: &str, headers: &[(&str, &str)]) -> Response {
        self.handle(&with(request::dashboard(query), headers))
    }

    fn status(&self, query: &str, headers: &[(&str, &str)]) -> u16 {
        self.get_dashboard(query, headers).status().as_u16()
    }

    fn create_token(&self, kind: TokenKind, site: &str, expires: Option<&str>) -> (String, Token) {
        self.create_embeddable(kind, site, expires, &[])
    }

    fn create_embeddable(
        &self,
        kind: TokenKind,
        site: &str,
        expires: Option<&str>,
        embed: &[&str],
    ) -> (String, Token) {
        let embed = embed.iter().map(|o| EmbedOrigin::try_from((*o).to_owned()).unwrap());
        let request = TokenRequest {
            kind,
            site: Domain::try_from(site.to_owned()).unwrap(),
            name: "a name".to_owned(),
            expires: expires.map(|at| at.parse().unwrap()),
            embed: embed.collect(),
        };
        let (secret, token) = wait(admin::create(&self.store, &self.clock, request)).unwrap();
        (secret.expose().to_owned(), token)
    }

    /// Creates the signed text of a login link, as `cargo xtask open` does.
    fn login_link(&self, site: Option<&str>) -> String {
        let key = wait(admin::signing_key(&self.store, &self.clock)).unwrap();
        let site = site.map(|site| Domain::try_from(site.to_owned()).unwrap());
        admin::login_link(&self.clock, &key, site).unwrap()
    }

    /// Presses the button on the page that a login link opens.
    fn sign_in(&self, link: &str) -> Response {
        self.post("/login", &form("link", link), &[("sec-fetch-site", "same-origin")])
    }

    fn post(&self, path: &str, body: &str, headers: &[(&str, &str)]) -> Response {
        let request = Request { path: path.to_owned(), ..request::post(body) };
        self.handle(&with(request, headers))
    }

    /// Signs in, and returns the session cookie as a browser sends it back.
    fn start_session(&self) -> String {
        let answer = self.sign_in(&self.login_link(None));
        assert_eq!(answer.status(), 303);
        header(&answer, "set-cookie").split(';').next().unwrap().to_owned()
    }

    fn authenticator(&self) -> Authenticator<'_, Memory> {
        let now = footfall_runtime::platform::context::Context::now(&self.clock);
        Authenticator {
            store: &self.store,
            settings: &self.settings,
            mode: AccessMode::Closed,
            now,
        }
    }
}

fn with(mut request: Request, headers: &[(&str, &str)]) -> Request {
    for (name, value) in headers {
        let name = HeaderName::try_from(*name).unwrap();
        request.headers.append(name, HeaderValue::try_from(*value).unwrap());
    }
    request
}

fn form(name: &str, value: &str) -> String {
    url::form_urlencoded::Serializer::new(String::new()).append_pair(name, value).finish()
}

fn header<'a>(answer: &'a Response, name: &str) -> &'a str {
    answer.headers().get(name).map_or("", |value| value.to_str().unwrap())
}

fn text(answer: &Response) -> String {
    String::from_utf8(answer.body().clone()).unwrap()
}

fn error(answer: &Response) -> String {
    let body: Value = serde_json::from_slice(answer.body()).unwrap();
    body["error"].as_str().unwrap().to_owned()
}

fn bearer(secret: &str) -> [(&'static str, String); 1] {
    [("authorization", format!("Bearer {secret}"))]
}
