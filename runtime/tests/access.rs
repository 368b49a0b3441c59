//! Who may look, as the handler answers: deployed, over a store in memory, with a clock that stands still.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test ends there")]

use footfall_testkit::wait::wait;

use footfall_infra::api::{self, Function, ROUTES};
use footfall_infra::settings::{Domain, Settings};
use footfall_runtime::auth::admin::{self, TokenRequest};
use footfall_runtime::auth::{
    AccessMode, AuthError, Authenticator, EmbedOrigin, Kind, Password, Token,
};
use footfall_runtime::ingest::Ingest;
use footfall_runtime::platform::http::{Request, Response};
use footfall_runtime::storage::keys;
use footfall_runtime::storage::{Item, Key, KeyRange, Page, PutOutcome, Store, StoreError};
use footfall_runtime::web::Web;
use footfall_testkit::context::Fixed;
use footfall_testkit::memory::Memory;
use footfall_testkit::request;
use http::{HeaderName, HeaderValue};
use jiff::Timestamp;
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

/// A deployed Footfall, and what its owner does with it.
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

    fn asked(&self, request: &Request) -> Response {
        wait(self.dashboard.handle(request))
    }

    /// What somebody gets who asks for the dashboard by a query and with headers.
    fn gets(&self, query: &str, headers: &[(&str, &str)]) -> Response {
        self.asked(&with(request::dashboard(query), headers))
    }

    fn status(&self, query: &str, headers: &[(&str, &str)]) -> u16 {
        self.gets(query, headers).status().as_u16()
    }

    fn makes(&self, kind: Kind, site: &str, expires: Option<&str>) -> (String, Token) {
        self.embeds(kind, site, expires, &[])
    }

    fn embeds(
        &self,
        kind: Kind,
        site: &str,
        expires: Option<&str>,
        embed: &[&str],
    ) -> (String, Token) {
        let embed = embed.iter().map(|o| EmbedOrigin::try_from((*o).to_owned()).unwrap());
        let wish = TokenRequest {
            kind,
            site: Domain::try_from(site.to_owned()).unwrap(),
            name: "a name".to_owned(),
            expires: expires.map(|at| at.parse().unwrap()),
            embed: embed.collect(),
        };
        let (secret, token) = wait(admin::create(&self.store, &self.clock, wish)).unwrap();
        (secret.expose().to_owned(), token)
    }

    /// The text of a login link, as `cargo xtask open` makes it.
    fn link(&self, site: Option<&str>) -> String {
        let key = wait(admin::signing_key(&self.store, &self.clock)).unwrap();
        let site = site.map(|site| Domain::try_from(site.to_owned()).unwrap());
        admin::login_link(&self.clock, &key, site).unwrap()
    }

    /// Presses the button on the page behind a link.
    fn signs_in(&self, link: &str) -> Response {
        self.posts("/login", &form("link", link), &[("sec-fetch-site", "same-origin")])
    }

    fn posts(&self, path: &str, body: &str, headers: &[(&str, &str)]) -> Response {
        let request = Request { path: path.to_owned(), ..request::post(body) };
        self.asked(&with(request, headers))
    }

    /// The cookie of a new session, as a browser sends it back.
    fn session(&self) -> String {
        let answer = self.signs_in(&self.link(None));
        assert_eq!(answer.status(), 303);
        header(&answer, "set-cookie").split(';').next().unwrap().to_owned()
    }

    fn access(&self) -> Authenticator<'_, Memory> {
        let now = footfall_runtime::platform::context::Context::now(&self.clock);
        Authenticator {
            store: &self.store,
            settings: &self.settings,
            door: AccessMode::Closed,
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

/// Every route there is, asked by a stranger. What takes hits, and what signs in, answers; all else is the door.
#[test]
fn every_route_is_closed_to_a_stranger() {
    let deployed = Deployed::new();
    let track =
        Ingest::new(deployed.settings.clone(), deployed.store.clone(), deployed.clock.clone());
    let views = |answer: &Response| text(answer).contains("data-tile");
    for route in ROUTES {
        let request = |query: &str| Request {
            method: route.method.to_owned(),
            path: route.path.to_owned(),
            query: query.to_owned(),
            ..request::dashboard("")
        };
        let ask = |query: &str| match route.function {
            Function::Track => wait(track.handle(&request(query))),
            Function::Dashboard => deployed.asked(&request(query)),
            Function::Rollup => panic!("the rollup has a route"),
        };
        let answer = ask("");
        let status = answer.status().as_u16();
        match (route.method, route.path) {
            ("POST", api::TRACK | api::PLAUSIBLE_EVENT) => assert_eq!(status, 400),
            ("GET", api::PIXEL) => assert_eq!(status, 400),
            ("GET", api::SCRIPT) => assert_eq!(status, 200),
            // A badge is of a public site.
            ("GET", api::BADGE) => {
                assert_eq!(status, 404);
                assert_eq!(ask("site=closed.example").status(), 404);
                assert_eq!(ask("site=open.example").status(), 200);
            }
            ("GET" | "POST", api::LOGIN) => assert_eq!(status, 403),
            // There is nothing to end, and nothing to see.
            ("POST", api::LOGOUT) | ("GET", api::HOME) => {
                assert!([302, 303].contains(&status));
                assert_eq!(header(&answer, "location"), "/dashboard");
            }
            // Everything else: a route that is new is closed until it is told apart here.
            _ => {
                for query in
                    ["site=closed.example", "site=not.there", "site=other.example&period=all"]
                {
                    let closed = ask(query);
                    assert_eq!(closed.status(), 401, "{} {}?{query}", route.method, route.path);
                    assert!(!views(&closed));
                }
            }
        }
        // Whatever it is, it says how it may be used.
        assert_eq!(header(&answer, "x-content-type-options"), "nosniff", "{}", route.path);
        assert_eq!(header(&answer, "referrer-policy"), "same-origin", "{}", route.path);
        let policy = header(&answer, "content-security-policy");
        assert!(policy.starts_with("default-src 'none'"), "{}: {policy}", route.path);
        assert!(policy.ends_with("frame-ancestors 'none'"), "{}: {policy}", route.path);
    }
}

#[test]
fn the_door_says_what_to_do_and_tells_no_site_from_another() {
    let deployed = Deployed::new();
    let closed = deployed.gets("site=closed.example", &[]);
    assert!(text(&closed).contains("cargo xtask open"), "{}", text(&closed));
    assert_eq!(header(&closed, "www-authenticate"), "Bearer realm=\"footfall\"");
    assert_eq!(header(&closed, "cache-control"), "no-store");
    for format in ["", "&format=json", "&format=csv"] {
        let mut answers = ["closed.example", "not.there", "<script>"].map(|site| {
            let answer = deployed.gets(&format!("site={site}{format}"), &[]);
            (answer.status(), answer.headers().clone(), answer.into_body())
        });
        answers.sort_by_key(|answer| answer.0.as_u16());
        assert!(answers.iter().all(|answer| *answer == answers[0]), "{format}");
    }
    assert!(error(&deployed.gets("site=closed.example&format=json", &[])).contains("xtask token"));
}

#[test]
fn a_public_site_is_open_and_no_other() {
    let deployed = Deployed::new();
    let page = deployed.gets("site=open.example", &[]);
    assert_eq!(page.status(), 200);
    let page = text(&page);
    assert!(page.contains("open.example") && page.contains("cargo xtask open"));
    // Neither do other sites show, nor a way out of where nobody is in.
    for hidden in ["closed.example", "other.example", "/logout"] {
        assert!(!page.contains(hidden), "{hidden}");
    }
    assert_eq!(deployed.status("site=open.example&format=json", &[]), 200);
    assert_eq!(deployed.status("site=open.example&format=csv", &[]), 200);
    // Who asks for none is shown the public one.
    assert!(text(&deployed.gets("", &[])).contains("open.example"));
    assert_eq!(deployed.status("site=closed.example", &[]), 401);
}

#[test]
fn a_login_link_makes_a_session_once() {
    let deployed = Deployed::new();
    let link = deployed.link(Some("other.example"));
    // To look where it leads does not use it up, however often.
    for _ in 0..3 {
        let page = deployed.asked(&Request {
            path: "/login".to_owned(),
            ..request::dashboard(&form("link", &link))
        });
        assert_eq!(page.status(), 200);
        assert!(text(&page).contains("<form method=\"post\" action=\"/login\">"));
        assert!(text(&page).contains(&format!("value=\"{link}\"")));
        assert_eq!(header(&page, "set-cookie"), "");
    }
    let answer = deployed.signs_in(&link);
    assert_eq!(answer.status(), 303);
    assert_eq!(header(&answer, "location"), "/dashboard?site=other.example");
    let cookie = header(&answer, "set-cookie").to_owned();
    let mut parts = cookie.split("; ");
    let session = parts.next().unwrap();
    assert!(session.starts_with("__Host-footfall="));
    let attributes: Vec<&str> = parts.collect();
    assert_eq!(attributes, ["Max-Age=2592000", "Path=/", "HttpOnly", "Secure", "SameSite=Lax"]);

    // The session sees every site, and can be ended.
    for site in ["closed.example", "other.example", "open.example"] {
        let page = deployed.gets(&format!("site={site}"), &[("cookie", session)]);
        assert_eq!(page.status(), 200, "{site}");
        assert!(text(&page).contains("action=\"/logout\""));
        assert!(text(&page).contains("closed.example"), "the switch between sites");
    }
    assert_eq!(deployed.status("format=json", &[("cookie", session)]), 200);
    assert_eq!(deployed.status("site=not.there", &[("cookie", session)]), 404);

    // The link is used up, at once and after its note is gone with the time.
    let again = deployed.signs_in(&link);
    assert_eq!((again.status().as_u16(), header(&again, "set-cookie")), (403, ""));
    assert!(text(&again).contains("cargo xtask open"));
    let notes: Vec<Item> =
        deployed.store.items().into_iter().filter(|item| item.key.pk == "login").collect();
    let [note] = &notes[..] else { panic!("one note: {notes:?}") };
    let end: Timestamp = TOO_LATE.parse().unwrap();
    assert!(note.expires.unwrap() > end.as_second(), "the note must outlive the link");
}

#[test]
fn a_login_link_is_refused_when_it_is_late_tampered_with_or_sent_by_others() {
    let deployed = Deployed::new();
    let link = deployed.link(None);
    let refused = |what: &str, answer: Response| {
        assert_eq!((answer.status().as_u16(), header(&answer, "set-cookie")), (403, ""), "{what}");
    };
    let page = deployed.asked(&Request {
        path: "/login".to_owned(),
        ..request::dashboard(&form("link", "\"><script>alert(1)</script>"))
    });
    assert!(!text(&page).contains("<script>"), "{}", text(&page));
    for nonsense in ["", ".", "x", &link[1..], &link[..link.len() - 1], &format!("{link}A")] {
        refused(nonsense, deployed.signs_in(nonsense));
    }
    // One that says more than was signed: a longer life, another site.
    let (payload, signature) = link.rsplit_once('.').unwrap();
    refused("later", deployed.signs_in(&format!("9{payload}.{signature}")));
    refused("a site", deployed.signs_in(&format!("{payload}evil.example.{signature}")));
    // A session's signature is none for a link, and the other way round.
    let session = deployed.session();
    refused("a session", deployed.signs_in(session.split_once('=').unwrap().1));
    let cookie = format!("__Host-footfall={link}");
    assert_eq!(deployed.status("site=closed.example", &[("cookie", &cookie)]), 401);
    // Another site's form.
    for headers in [
        [("sec-fetch-site", "cross-site"), ("host", "stats.example")],
        [("sec-fetch-site", "same-site"), ("host", "stats.example")],
        [("origin", "https://evil.example"), ("host", "stats.example")],
        [("origin", "null"), ("host", "stats.example")],
    ] {
        refused("cross-site", deployed.posts("/login", &form("link", &link), &headers));
        refused("cross-site", deployed.posts("/logout", "", &headers));
    }
    // None of this has used it up; time has.
    deployed.clock.set(TOO_LATE);
    refused("late", deployed.signs_in(&link));
    deployed.clock.set(LATER);
    assert_eq!(deployed.signs_in(&link).status(), 303);
}

/// A link whose answer was lost is tried again by its owner, and not by the code: two tries are two.
#[test]
fn of_two_who_use_a_link_at_once_one_gets_in() {
    let deployed = Deployed::new();
    let link = deployed.link(None);
    let body = form("link", &link);
    let request = Request { path: "/login".to_owned(), ..request::post(body) };
    let (one, two) = (deployed.dashboard.handle(&request), deployed.dashboard.handle(&request));
    let (one, two) = wait(futures_util::future::join(one, two));
    let mut statuses = [one.status().as_u16(), two.status().as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [303, 403]);
}

#[test]
fn a_session_ends_with_its_time_and_with_its_key() {
    let deployed = Deployed::new();
    let session = deployed.session();
    let sees = |session: &str| deployed.status("site=closed.example", &[("cookie", session)]);
    assert_eq!(sees(&session), 200);
    for changed in
        [session[..session.len() - 1].to_owned(), session.replace("=1", "=2"), String::new()]
    {
        assert_eq!(sees(&changed), 401, "{changed}");
    }
    deployed.clock.set("2026-12-22T13:05:05Z");
    assert_eq!(sees(&session), 200);
    deployed.clock.set("2026-12-22T13:05:06Z");
    assert_eq!(sees(&session), 401);
    deployed.clock.set(NOW);

    // A new key signs everybody out, and makes links that were given out useless; tokens stay.
    let link = deployed.link(None);
    let (token, _) = deployed.makes(Kind::Api, "closed.example", None);
    wait(admin::rotate_key(&deployed.store, &deployed.clock)).unwrap();
    assert_eq!(sees(&session), 401);
    assert_eq!(deployed.signs_in(&link).status(), 403);
    let [(name, value)] = bearer(&token);
    assert_eq!(deployed.status("format=json", &[(name, &value)]), 200);
    assert_eq!(sees(&deployed.session()), 200);
    // Without any key, nobody gets in.
    let session = deployed.session();
    wait(deployed.store.delete(&keys::signing_key())).unwrap();
    assert_eq!(sees(&session), 401);
}

#[test]
fn who_signs_out_has_no_session_in_that_browser() {
    let deployed = Deployed::new();
    let answer = deployed.posts("/logout", "", &[("sec-fetch-site", "same-origin")]);
    assert_eq!((answer.status().as_u16(), header(&answer, "location")), (303, "/dashboard"));
    assert_eq!(
        header(&answer, "set-cookie"),
        "__Host-footfall=; Max-Age=0; Path=/; HttpOnly; Secure; SameSite=Lax"
    );
}

#[test]
fn no_link_leads_elsewhere() {
    let deployed = Deployed::new();
    for more in ["next=https://evil.example", "site=//evil.example", "url=//evil.example"] {
        let body = format!("{}&{more}", form("link", &deployed.link(None)));
        let answer = deployed.posts("/login", &body, &[]);
        assert_eq!(header(&answer, "location"), "/dashboard", "{more}");
    }
}

const PASSWORD: &str = "correct horse battery";
const WRONG: &str = "incorrect horse battery";

/// The form that the closed door shows where there is a password.
const FIELD: &str = "name=\"password\" autocomplete=\"current-password\"";

impl Deployed {
    /// One whose owner has set a password.
    fn with_password() -> Self {
        let deployed = Self::new();
        deployed.sets(PASSWORD);
        deployed
    }

    fn sets(&self, password: &str) {
        let password = Password::parse(password.to_owned()).unwrap();
        wait(admin::set_password(&self.store, &self.clock, &password)).unwrap();
    }

    fn tries(&self, password: &str) -> Response {
        self.posts("/login", &form("password", password), &[("sec-fetch-site", "same-origin")])
    }

    /// The notes that a password was tried.
    fn notes(&self) -> Vec<Item> {
        let items = self.store.items().into_iter();
        items.filter(|item| item.key.sk.starts_with("try#")).collect()
    }
}

fn is_refused(answer: &Response, status: u16) {
    assert_eq!((answer.status().as_u16(), header(answer, "set-cookie")), (status, ""));
}

#[test]
fn the_right_password_makes_a_session() {
    let deployed = Deployed::with_password();
    // The door asks for it, with the site that was asked for, be it there or not.
    let page = |site: &str| text(&deployed.gets(&form("site", site), &[]));
    let closed = page("closed.example");
    assert!(closed.contains(FIELD) && closed.contains("cargo xtask open"), "{closed}");
    assert!(closed.contains("name=\"site\" value=\"closed.example\""), "{closed}");
    assert_eq!(page("not.there").replace("not.there", "closed.example"), closed);
    assert!(!page("<script>").contains("name=\"site\""));
    assert_eq!(
        header(&deployed.gets("site=closed.example", &[]), "www-authenticate"),
        "Bearer realm=\"footfall\""
    );
    // Who asks for data cannot type.
    for format in ["json", "csv"] {
        let answer = text(&deployed.gets(&format!("site=closed.example&format={format}"), &[]));
        assert!(!answer.contains("assword"), "{answer}");
    }
    let login = Request { path: "/login".to_owned(), ..request::dashboard("") };
    let login = deployed.asked(&login);
    assert!(login.status() == 200 && text(&login).contains(FIELD));

    let answer = deployed.tries(PASSWORD);
    assert_eq!((answer.status().as_u16(), header(&answer, "location")), (303, "/dashboard"));
    let (session, attributes) = header(&answer, "set-cookie").split_once("; ").unwrap();
    assert_eq!(attributes, "Max-Age=2592000; Path=/; HttpOnly; Secure; SameSite=Lax");
    assert_eq!(deployed.status("site=other.example", &[("cookie", session)]), 200);
    // To the site that was asked for, and nowhere else.
    for (site, expected) in [
        ("closed.example", "/dashboard?site=closed.example"),
        ("//evil.example", "/dashboard"),
        ("https://evil.example", "/dashboard"),
        ("evil.example\r\nx: y", "/dashboard"),
    ] {
        let body =
            format!("{}&{}&next=//evil.example", form("password", PASSWORD), form("site", site));
        assert_eq!(header(&deployed.posts("/login", &body, &[]), "location"), expected, "{site}");
    }
}

#[test]
fn a_wrong_password_makes_none() {
    let deployed = Deployed::with_password();
    let body = format!("{}&site=other.example", form("password", WRONG));
    let answer = deployed.posts("/login", &body, &[]);
    is_refused(&answer, 403);
    let page = text(&answer);
    assert!(page.contains("Wrong password") && page.contains(FIELD), "{page}");
    assert!(page.contains("value=\"other.example\"") && !page.contains(WRONG), "{page}");
    assert_eq!(deployed.notes().len(), 1);
    // What can be no password is no try, and is not hashed: nobody is kept out by an empty field.
    for nonsense in ["", "short", &PASSWORD.repeat(13), &"x".repeat(1_000_000)] {
        is_refused(&deployed.tries(nonsense), 403);
    }
    // A form of another site is no try either, and says nothing of a password.
    for headers in [("sec-fetch-site", "cross-site"), ("origin", "https://evil.example")] {
        let answer = deployed.posts("/login", &form("password", PASSWORD), &[headers]);
        is_refused(&answer, 403);
        assert!(!text(&answer).contains("name=\"password\""));
    }
    assert_eq!(deployed.notes().len(), 1);
    // A link that comes with it is what counts, and it alone.
    let both = format!("{}&link=x", form("password", PASSWORD));
    is_refused(&deployed.posts("/login", &both, &[]), 403);
    assert_eq!(deployed.tries(PASSWORD).status(), 303);
}

#[test]
fn where_no_password_is_set_none_is_taken() {
    let deployed = Deployed::new();
    let none = deployed.tries(PASSWORD);
    is_refused(&none, 403);
    assert_eq!(text(&none), text(&deployed.signs_in("x")));
    assert!(!text(&deployed.gets("site=closed.example", &[])).contains(FIELD));
    assert!(deployed.notes().is_empty());

    // It is taken from when it is set until it is taken away or is another; who is in stays in.
    deployed.sets(PASSWORD);
    let session = deployed.session();
    assert_eq!(deployed.tries(PASSWORD).status(), 303);
    deployed.sets(WRONG);
    is_refused(&deployed.tries(PASSWORD), 403);
    assert_eq!(deployed.tries(WRONG).status(), 303);
    assert!(wait(admin::remove_password(&deployed.store)).unwrap());
    assert!(!wait(admin::remove_password(&deployed.store)).unwrap());
    is_refused(&deployed.tries(WRONG), 403);
    assert_eq!(text(&deployed.tries(WRONG)), text(&none));
    assert_eq!(deployed.status("site=closed.example", &[("cookie", &session)]), 200);
    // Without a key that signs, it opens nothing; setting one makes a key.
    deployed.sets(PASSWORD);
    wait(deployed.store.delete(&keys::signing_key())).unwrap();
    is_refused(&deployed.tries(PASSWORD), 403);
    deployed.sets(PASSWORD);
    assert_eq!(deployed.tries(PASSWORD).status(), 303);
    // What is stored has the password nowhere.
    let stored = format!(
        "{:?}",
        deployed
            .store
            .items()
            .iter()
            .map(|item| String::from_utf8_lossy(&item.value).into_owned())
            .collect::<Vec<_>>()
    );
    assert!(stored.contains("$argon2id$v=19$m=19456,t=2,p=1$") && !stored.contains("horse"));
}

#[test]
fn passwords_can_be_tried_five_times_a_minute() {
    let deployed = Deployed::with_password();
    for _ in 0..5 {
        is_refused(&deployed.tries(WRONG), 403);
    }
    // Not even the right one.
    let limited = deployed.tries(PASSWORD);
    is_refused(&limited, 429);
    assert_eq!(header(&limited, "retry-after"), "60");
    let page = text(&limited);
    assert!(
        page.contains("For 60 seconds, further attempts are rejected")
            && page.contains("cargo xtask open"),
        "{page}"
    );
    assert_eq!(deployed.notes().len(), 5);
    // The link works, and who is in is in.
    let session = deployed.session();
    assert_eq!(deployed.status("site=closed.example", &[("cookie", &session)]), 200);
    // To be told so moves nothing.
    deployed.clock.set("2026-11-22T13:06:05Z");
    let limited = deployed.tries(PASSWORD);
    is_refused(&limited, 429);
    assert_eq!(header(&limited, "retry-after"), "1");
    deployed.clock.set("2026-11-22T13:06:06Z");
    assert_eq!(deployed.tries(PASSWORD).status(), 303);
}

#[test]
fn passwords_can_be_tried_thirty_times_an_hour_across_the_clock_s() {
    let deployed = Deployed::with_password();
    let at = |minutes: i64, seconds: i64| {
        let start: Timestamp = "2026-11-22T13:40:00Z".parse().unwrap();
        let at = start + jiff::SignedDuration::from_secs(60 * minutes + seconds);
        deployed.clock.set(&at.to_string());
    };
    // Half of them before the hour is full, half after.
    for minute in 0..30 {
        at(minute + minute / 15 * 5, 0);
        is_refused(&deployed.tries(WRONG), 403);
    }
    let hours =
        |hour: &str| deployed.notes().iter().filter(|item| item.key.sk.contains(hour)).count();
    assert_eq!((hours("T13#"), hours("T14#")), (15, 15));
    at(36, 0);
    let limited = deployed.tries(PASSWORD);
    is_refused(&limited, 429);
    assert_eq!(header(&limited, "retry-after"), "1440");
    assert!(text(&limited).contains("For 24 minutes, further attempts are rejected"));
    at(59, 59);
    is_refused(&deployed.tries(PASSWORD), 429);
    at(60, 0);
    assert_eq!(deployed.tries(PASSWORD).status(), 303);
    is_refused(&deployed.tries(PASSWORD), 429);
    at(61, 0);
    assert_eq!(deployed.tries(PASSWORD).status(), 303);
    // The table forgets them.
    assert!(deployed.notes().iter().all(|item| item.expires.is_some()));
}

/// What a function sees of the table while others write to it: nothing, as of before they did.
#[derive(Clone)]
struct Behind(Memory);

impl Store for Behind {
    async fn put(&self, item: Item) -> Result<(), StoreError> {
        self.0.put(item).await
    }

    async fn put_all(&self, items: Vec<Item>) -> Result<(), StoreError> {
        self.0.put_all(items).await
    }

    async fn put_if_absent(&self, item: Item) -> Result<PutOutcome, StoreError> {
        self.0.put_if_absent(item).await
    }

    async fn compare_and_set(&self, item: Item, old: &[u8]) -> Result<bool, StoreError> {
        self.0.compare_and_set(item, old).await
    }

    async fn query(&self, range: &KeyRange, after: Option<&str>) -> Result<Page, StoreError> {
        if range.pk == "login" {
            return Ok(Page::default());
        }
        self.0.query(range, after).await
    }

    async fn delete(&self, key: &Key) -> Result<(), StoreError> {
        self.0.delete(key).await
    }
}

/// However many functions have read the tries before any of them wrote one, no more get through.
#[test]
fn functions_at_once_have_one_limit() {
    let Deployed { settings, store, clock, .. } = Deployed::with_password();
    let statuses: Vec<u16> = (0..8)
        .map(|_| {
            let store = Behind(store.clone());
            let function =
                Web::new(settings.clone(), store, clock.clone(), AccessMode::Closed).unwrap();
            let body = form("password", WRONG);
            let request = Request { path: "/login".to_owned(), ..request::post(body) };
            wait(function.handle(&request)).status().as_u16()
        })
        .collect();
    assert_eq!(statuses, [403, 403, 403, 403, 403, 429, 429, 429]);
    let tries = store.items().into_iter().filter(|item| item.key.sk.starts_with("try#"));
    let keys: Vec<String> = tries.map(|item| item.key.sk).collect();
    assert_eq!(keys, [0, 1, 2, 3, 4].map(|number| format!("try#2026-11-22T13#{number:02}")));
}

#[test]
fn a_token_opens_the_data_of_its_site_alone() {
    let deployed = Deployed::new();
    let (secret, token) = deployed.makes(Kind::Api, "closed.example", Some("2026-11-23T00:00:00Z"));
    let [(name, value)] = bearer(&secret);
    let headers = [(name, value.as_str())];
    for query in ["format=json", "format=csv", "site=closed.example&format=json"] {
        assert_eq!(deployed.status(query, &headers), 200, "{query}");
    }
    let report: Value =
        serde_json::from_slice(deployed.gets("format=json", &headers).body()).unwrap();
    assert_eq!(report["site"], "closed.example");
    // Another site, a public one even, or one that is not there: the same answer.
    for site in ["other.example", "open.example", "not.there"] {
        let answer = deployed.gets(&format!("site={site}&format=json"), &headers);
        assert_eq!(answer.status(), 403, "{site}");
        assert!(error(&answer).contains("cargo xtask token create --site"));
    }
    // As a share link, it opens nothing.
    assert_eq!(deployed.status(&format!("auth={secret}"), &[]), 403);

    for wrong in [
        "",
        "Bearer",
        "Bearer ",
        "Basic dTpw",
        &format!("Token {secret}"),
        &format!("Bearer {secret}x"),
    ] {
        let answer = deployed.gets("site=open.example&format=json", &[("authorization", wrong)]);
        assert_eq!(answer.status(), 401, "{wrong}");
        assert!(error(&answer).contains("cargo xtask token create"));
        assert!(!error(&answer).contains("fft_"));
    }
    // Expired, and revoked.
    deployed.clock.set("2026-11-23T00:00:00Z");
    assert_eq!(deployed.status("format=json", &headers), 401);
    deployed.clock.set(NOW);
    let revoked = wait(admin::revoke(&deployed.store, Kind::Api, &token.id)).unwrap();
    assert_eq!(revoked.unwrap(), token);
    assert_eq!(deployed.status("format=json", &headers), 401);
    assert_eq!(wait(admin::revoke(&deployed.store, Kind::Api, &token.id)).unwrap(), None);
}

#[test]
fn the_api_asks_for_a_token_whoever_else_is_signed_in() {
    let deployed = Deployed::new();
    let (secret, _) = deployed.makes(Kind::Api, "closed.example", None);
    let (share, _) = deployed.makes(Kind::Share, "closed.example", None);
    let session = deployed.session();
    let check = |headers: &[(&str, &str)], site: &str, expected: Option<u16>| {
        let request = with(request::post("{}"), headers);
        let granted = wait(deployed.access().api(&request, site));
        let denied = granted.map(|grant| assert_eq!(grant.site.domain.as_str(), site));
        let status = denied.as_ref().err().map(|denied| denied.status().as_u16());
        assert_eq!(status, expected, "{headers:?} {site}: {denied:?}");
        if let Err(denied) = denied {
            let answer = denied.response();
            assert!(error(&answer).contains("cargo xtask token create"), "{}", error(&answer));
            assert_eq!(header(&answer, "content-type"), "application/json");
        }
    };
    let good = format!("Bearer {secret}");
    check(&[("authorization", &good)], "closed.example", None);
    check(&[("authorization", &good.replace("Bearer", "bearer"))], "closed.example", None);
    check(&[("authorization", &good)], "other.example", Some(403));
    check(&[("authorization", &good)], "open.example", Some(403));
    check(&[("authorization", &good)], "not.there", Some(403));
    check(&[("authorization", &format!("Bearer {share}"))], "closed.example", Some(401));
    check(&[], "closed.example", Some(401));
    check(&[], "not.there", Some(401));
    check(&[("cookie", &session)], "closed.example", Some(401));
    // `dev` asks for nothing.
    let open = Authenticator { door: AccessMode::Open, ..deployed.access() };
    assert!(wait(open.api(&request::post("{}"), "closed.example")).is_ok());
    let unknown = wait(open.api(&request::post("{}"), "not.there"));
    assert!(matches!(unknown, Err(AuthError::UnknownSite(..))), "{unknown:?}");
}

#[test]
fn a_share_link_shows_its_site_and_keeps_to_it() {
    let deployed = Deployed::new();
    let (secret, token) =
        deployed.makes(Kind::Share, "closed.example", Some("2026-11-23T00:00:00Z"));
    let query = format!("auth={secret}");
    let page = deployed.gets(&query, &[]);
    assert_eq!(page.status(), 200);
    assert!(header(&page, "content-security-policy").ends_with("; frame-ancestors 'none'"));
    let html = text(&page);
    for hidden in ["other.example", "open.example", "/logout", "class=\"menu sites\""] {
        assert!(!html.contains(hidden), "{hidden}");
    }
    // Every link and form of the page has the secret, but for those within it.
    let links: Vec<&str> =
        html.split("href=\"").skip(1).map(|l| l.split('"').next().unwrap()).collect();
    let own: Vec<&&str> = links.iter().filter(|link| link.starts_with('?')).collect();
    assert!(own.len() > 5, "{links:?}");
    assert!(own.iter().all(|link| link.contains(&format!("auth={secret}"))), "{own:?}");
    assert!(html.contains(&format!("name=\"auth\" value=\"{secret}\"")));
    for more in ["&format=json", "&format=csv", "&site=closed.example", "&show=page"] {
        assert_eq!(deployed.status(&format!("{query}{more}"), &[]), 200, "{more}");
    }
    let wrong = deployed.gets(&format!("{query}&period=never"), &[]);
    assert_eq!(wrong.status(), 400);
    assert!(text(&wrong).contains(&format!("href=\"?auth={secret}\"")), "the way back");
    // Also for the owner it is what it is for others.
    let session = deployed.session();
    assert!(!text(&deployed.gets(&query, &[("cookie", &session)])).contains("/logout"));
    for site in ["other.example", "open.example", "not.there"] {
        assert_eq!(deployed.status(&format!("{query}&site={site}"), &[]), 403, "{site}");
    }
    // As a token, it opens nothing.
    let [(name, value)] = bearer(&secret);
    assert_eq!(deployed.status("format=json", &[(name, &value)]), 401);
    for wrong in [
        "auth=",
        "auth=x",
        &format!("{query}x"),
        "auth=ffs_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    ] {
        assert_eq!(deployed.status(wrong, &[]), 403, "{wrong}");
        assert_eq!(deployed.status(wrong, &[("cookie", &session)]), 403, "{wrong}");
    }
    deployed.clock.set("2026-11-23T00:00:00Z");
    assert_eq!(deployed.status(&query, &[]), 403);
    deployed.clock.set(NOW);
    // Not by its secret, and not as a token.
    for (kind, id) in [(Kind::Share, secret.as_str()), (Kind::Api, &token.id)] {
        assert_eq!(wait(admin::revoke(&deployed.store, kind, id)).unwrap(), None);
    }
    wait(admin::revoke(&deployed.store, Kind::Share, &token.id)).unwrap().unwrap();
    assert_eq!(deployed.status(&query, &[]), 403);
}

#[test]
fn a_shared_page_is_framed_by_whom_its_owner_names() {
    let deployed = Deployed::new();
    let origins = ["https://blog.example.com", "https://docs.example.com:8443"];
    let (secret, _) = deployed.embeds(Kind::Share, "closed.example", None, &origins);
    let policy = |query: &str| {
        let answer = deployed.gets(query, &[]);
        let policy = header(&answer, "content-security-policy").to_owned();
        policy.rsplit_once("frame-ancestors ").unwrap().1.to_owned()
    };
    let query = format!("auth={secret}");
    assert_eq!(policy(&query), "https://blog.example.com https://docs.example.com:8443");
    // Neither its errors, nor anything else.
    assert_eq!(policy(&format!("{query}&period=never")), "'none'");
    assert_eq!(policy("site=open.example"), "'none'");
    assert_eq!(policy("site=closed.example"), "'none'");
}

#[test]
fn no_secret_is_stored() {
    let deployed = Deployed::new();
    let (token, _) = deployed.makes(Kind::Api, "closed.example", None);
    let (share, made) = deployed.makes(Kind::Share, "closed.example", Some("2026-11-23T00:00:00Z"));
    let session = deployed.session();
    let items = format!(
        "{:?}",
        deployed
            .store
            .items()
            .iter()
            .map(|item| { (item.key.clone(), String::from_utf8_lossy(&item.value).into_owned()) })
            .collect::<Vec<_>>()
    );
    for secret in [&token[4..], &share[4..], session.split_once('=').unwrap().1] {
        assert!(!items.contains(secret), "{secret}: {items}");
    }
    // What opens nothing any more, the table may forget, and not before.
    let shares = wait(admin::list(&deployed.store, Kind::Share)).unwrap();
    assert_eq!(shares, [made]);
    let item = deployed
        .store
        .items()
        .into_iter()
        .find(|item| item.expires.is_some() && item.key.pk == "access");
    let end: Timestamp = "2026-11-23T00:00:00Z".parse().unwrap();
    assert!(item.unwrap().expires.unwrap() > end.as_second());
}

#[test]
fn a_key_is_made_once() {
    let deployed = Deployed::new();
    let key = wait(admin::signing_key(&deployed.store, &deployed.clock)).unwrap();
    assert_eq!(wait(admin::signing_key(&deployed.store, &deployed.clock)).unwrap(), key);
    assert_ne!(wait(admin::rotate_key(&deployed.store, &deployed.clock)).unwrap(), key);
}

#[test]
fn what_is_broken_in_the_table_opens_nothing() {
    let deployed = Deployed::new();
    let (secret, _) = deployed.makes(Kind::Share, "closed.example", None);
    let session = deployed.session();
    let item = deployed.store.items().into_iter().find(|i| i.key.sk.starts_with("token#")).unwrap();
    wait(deployed.store.put(Item { value: b"{}".to_vec(), ..item })).unwrap();
    let key = Item { key: keys::signing_key(), value: vec![1; 31], expires: None };
    wait(deployed.store.put(key)).unwrap();
    assert_eq!(deployed.status(&format!("auth={secret}"), &[]), 500);
    let answer = deployed.gets("site=closed.example", &[("cookie", &session)]);
    assert_eq!(answer.status(), 500);
    assert!(!text(&answer).contains("signing"), "{}", text(&answer));
}

/// Puts page views into the table, as `track` does.
fn views(deployed: &Deployed, site: &str, page: &str, count: u8) {
    let site = deployed.settings.site(site).unwrap();
    for visitor in 0..count {
        let at: Timestamp = "2026-11-22T12:00:00Z".parse().unwrap();
        let key = keys::hit_key(site, at, 0, [visitor; 16]);
        let key = Key { sk: format!("{}{}", key.sk, page.len()), ..key };
        let value = serde_json::json!({ "v": format!("{visitor:016x}"), "p": page });
        let value = serde_json::to_vec(&value).unwrap();
        wait(deployed.store.put(Item { key, value, expires: None })).unwrap();
    }
}

#[test]
fn a_badge_has_the_views_of_a_page() {
    let deployed = Deployed::new();
    views(&deployed, "open.example", "/", 2);
    views(&deployed, "open.example", "/a<b>&\"", 3);
    let badge = |query: &str| {
        deployed.asked(&Request { path: "/badge.svg".to_owned(), ..request::dashboard(query) })
    };
    let check = |query: &str, title: &str| {
        let answer = badge(&format!("site=open.example&{query}"));
        assert_eq!(answer.status(), 200, "{query}");
        assert_eq!(header(&answer, "content-type"), "image/svg+xml");
        assert_eq!(header(&answer, "cache-control"), "public, max-age=300");
        assert_eq!(
            header(&answer, "content-security-policy"),
            "default-src 'none'; frame-ancestors 'none'"
        );
        let svg = text(&answer);
        assert!(svg.contains(&format!("<title id=\"t\">{title}</title>")), "{svg}");
        assert!(!svg.contains("<script") && !svg.contains("<b>") && svg.len() < 1000, "{svg}");
    };
    check("page=/", "2 views of / in the last 30 days");
    check("", "2 views of / in the last 30 days");
    check(&form("page", "/a<b>&\""), "3 views of /a&lt;b&gt;&amp;&quot; in the last 30 days");
    check("page=/none&period=all", "0 views of /none in total");
    check(
        &form("page", "/<script>alert(1)</script>\u{0}\u{202e}"),
        "0 views of /&lt;script&gt;alert(1)&lt;/script&gt; in the last 30 days",
    );
    check("page=/&period=7d", "2 views of / in the last 7 days");
    check("page=/&period=year", "2 views of / this year");
    assert_eq!(badge("site=open.example&period=31d").status(), 400);
    let answers =
        ["closed.example", "not.there", ""].map(|site| badge(&format!("site={site}&page=/")));
    assert!(answers.iter().all(|answer| answer.status() == 404));
    assert!(answers.iter().all(|answer| answer.body() == answers[0].body()));

    // What is asked of the table does not depend on who asks how often, or for what.
    views(&deployed, "open.example", "/", 9);
    check("page=/", "2 views of / in the last 30 days");
    deployed.clock.set("2026-11-22T13:10:05Z");
    check("page=/", "2 views of / in the last 30 days");
    deployed.clock.set("2026-11-22T13:10:06Z");
    check("page=/", "9 views of / in the last 30 days");
    // The memory is of few things: nothing was stored for it.
    let salt = KeyRange::whole("salt".to_owned());
    assert!(wait(deployed.store.query(&salt, None)).unwrap().items.is_empty());
}

/// With the door open, all of this is as it was.
#[test]
fn an_open_door_asks_for_nothing() {
    let Deployed { settings, store, clock, .. } = Deployed::new();
    let dashboard = Web::new(settings, store, clock, AccessMode::Open).unwrap();
    let page = wait(dashboard.handle(&request::dashboard("")));
    assert_eq!(page.status(), 200);
    assert!(text(&page).contains("closed.example") && !text(&page).contains("/logout"));
    let login = Request { path: "/login".to_owned(), ..request::dashboard("link=x") };
    let login = wait(dashboard.handle(&login));
    assert_eq!((login.status().as_u16(), header(&login, "location")), (302, "/dashboard"));
}
