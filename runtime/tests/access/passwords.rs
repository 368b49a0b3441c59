//! The owner's password, and the limits on guessing it.

use footfall_runtime::auth::{AccessMode, Password, admin};
use footfall_runtime::platform::http::{Request, Response};
use footfall_runtime::storage::{Item, Key, KeyRange, Page, PutOutcome, Store, StoreError, keys};
use footfall_runtime::web::Web;
use footfall_testkit::memory::Memory;
use footfall_testkit::request;
use footfall_testkit::wait::wait;
use jiff::Timestamp;

use super::{Deployed, form, header, text};

const PASSWORD: &str = "correct horse battery";
const WRONG: &str = "incorrect horse battery";

/// The password field of the sign-in form, shown if the owner has set a password.
const FIELD: &str = "name=\"password\" autocomplete=\"current-password\"";

impl Deployed {
    /// A deployment whose owner has set a password.
    fn with_password() -> Self {
        let deployed = Self::new();
        deployed.set_password(PASSWORD);
        deployed
    }

    fn set_password(&self, password: &str) {
        let password = Password::parse(password.to_owned()).unwrap();
        wait(admin::set_password(&self.store, &self.clock, &password)).unwrap();
    }

    fn try_password(&self, password: &str) -> Response {
        self.post("/login", &form("password", password), &[("sec-fetch-site", "same-origin")])
    }

    /// Returns the stored attempts at the password.
    fn attempts(&self) -> Vec<Item> {
        let items = self.store.items().into_iter();
        items.filter(|item| item.key.sk.starts_with("try#")).collect()
    }
}

fn assert_rejected(answer: &Response, status: u16) {
    assert_eq!((answer.status().as_u16(), header(answer, "set-cookie")), (status, ""));
}

#[test]
fn right_password_starts_a_session() {
    let deployed = Deployed::with_password();
    // The sign-in page asks for it, and keeps the requested site, whether that exists or not.
    let page = |site: &str| text(&deployed.get_dashboard(&form("site", site), &[]));
    let closed = page("closed.example");
    assert!(closed.contains(FIELD) && closed.contains("cargo xtask open"), "{closed}");
    assert!(closed.contains("name=\"site\" value=\"closed.example\""), "{closed}");
    assert_eq!(page("not.there").replace("not.there", "closed.example"), closed);
    assert!(!page("<script>").contains("name=\"site\""));
    assert_eq!(
        header(&deployed.get_dashboard("site=closed.example", &[]), "www-authenticate"),
        "Bearer realm=\"footfall\""
    );
    // Requests for data get no form.
    for format in ["json", "csv"] {
        let answer =
            text(&deployed.get_dashboard(&format!("site=closed.example&format={format}"), &[]));
        assert!(!answer.contains("assword"), "{answer}");
    }
    let login = Request { path: "/login".to_owned(), ..request::dashboard("") };
    let login = deployed.handle(&login);
    assert!(login.status() == 200 && text(&login).contains(FIELD));

    let answer = deployed.try_password(PASSWORD);
    assert_eq!((answer.status().as_u16(), header(&answer, "location")), (303, "/dashboard"));
    let (session, attributes) = header(&answer, "set-cookie").split_once("; ").unwrap();
    assert_eq!(attributes, "Max-Age=2592000; Path=/; HttpOnly; Secure; SameSite=Lax");
    assert_eq!(deployed.status("site=other.example", &[("cookie", session)]), 200);
    // It redirects to the requested site, and nowhere else.
    for (site, expected) in [
        ("closed.example", "/dashboard?site=closed.example"),
        ("//evil.example", "/dashboard"),
        ("https://evil.example", "/dashboard"),
        ("evil.example\r\nx: y", "/dashboard"),
    ] {
        let body =
            format!("{}&{}&next=//evil.example", form("password", PASSWORD), form("site", site));
        assert_eq!(header(&deployed.post("/login", &body, &[]), "location"), expected, "{site}");
    }
}

#[test]
fn wrong_password_starts_no_session() {
    let deployed = Deployed::with_password();
    let body = format!("{}&site=other.example", form("password", WRONG));
    let answer = deployed.post("/login", &body, &[]);
    assert_rejected(&answer, 403);
    let page = text(&answer);
    assert!(page.contains("Wrong password") && page.contains(FIELD), "{page}");
    assert!(page.contains("value=\"other.example\"") && !page.contains(WRONG), "{page}");
    assert_eq!(deployed.attempts().len(), 1);
    // A text that cannot be a password is not hashed and does not count as an attempt.
    for nonsense in ["", "short", &PASSWORD.repeat(13), &"x".repeat(1_000_000)] {
        assert_rejected(&deployed.try_password(nonsense), 403);
    }
    // Nor does a form of another site, and its answer does not mention a password.
    for headers in [("sec-fetch-site", "cross-site"), ("origin", "https://evil.example")] {
        let answer = deployed.post("/login", &form("password", PASSWORD), &[headers]);
        assert_rejected(&answer, 403);
        assert!(!text(&answer).contains("name=\"password\""));
    }
    assert_eq!(deployed.attempts().len(), 1);
    // If a form has a link as well, only the link counts.
    let both = format!("{}&link=x", form("password", PASSWORD));
    assert_rejected(&deployed.post("/login", &both, &[]), 403);
    assert_eq!(deployed.try_password(PASSWORD).status(), 303);
}

#[test]
fn rejects_every_password_if_none_is_set() {
    let deployed = Deployed::new();
    let none = deployed.try_password(PASSWORD);
    assert_rejected(&none, 403);
    assert_eq!(text(&none), text(&deployed.sign_in("x")));
    assert!(!text(&deployed.get_dashboard("site=closed.example", &[])).contains(FIELD));
    assert!(deployed.attempts().is_empty());

    // A password is valid until it is removed or replaced. Sessions go on.
    deployed.set_password(PASSWORD);
    let session = deployed.start_session();
    assert_eq!(deployed.try_password(PASSWORD).status(), 303);
    deployed.set_password(WRONG);
    assert_rejected(&deployed.try_password(PASSWORD), 403);
    assert_eq!(deployed.try_password(WRONG).status(), 303);
    assert!(wait(admin::remove_password(&deployed.store)).unwrap());
    assert!(!wait(admin::remove_password(&deployed.store)).unwrap());
    assert_rejected(&deployed.try_password(WRONG), 403);
    assert_eq!(text(&deployed.try_password(WRONG)), text(&none));
    assert_eq!(deployed.status("site=closed.example", &[("cookie", &session)]), 200);
    // Without a signing key, the password does not work. Setting a password creates a key.
    deployed.set_password(PASSWORD);
    wait(deployed.store.delete(&keys::signing_key())).unwrap();
    assert_rejected(&deployed.try_password(PASSWORD), 403);
    deployed.set_password(PASSWORD);
    assert_eq!(deployed.try_password(PASSWORD).status(), 303);
    // The password is not stored.
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
fn allows_five_password_attempts_per_minute() {
    let deployed = Deployed::with_password();
    for _ in 0..5 {
        assert_rejected(&deployed.try_password(WRONG), 403);
    }
    // Even the right password is rejected.
    let limited = deployed.try_password(PASSWORD);
    assert_rejected(&limited, 429);
    assert_eq!(header(&limited, "retry-after"), "60");
    let page = text(&limited);
    assert!(
        page.contains("For 60 seconds, further attempts are rejected")
            && page.contains("cargo xtask open"),
        "{page}"
    );
    assert_eq!(deployed.attempts().len(), 5);
    // Login links and sessions still work.
    let session = deployed.start_session();
    assert_eq!(deployed.status("site=closed.example", &[("cookie", &session)]), 200);
    // Rejected attempts do not prolong the wait.
    deployed.clock.set("2026-11-22T13:06:05Z");
    let limited = deployed.try_password(PASSWORD);
    assert_rejected(&limited, 429);
    assert_eq!(header(&limited, "retry-after"), "1");
    deployed.clock.set("2026-11-22T13:06:06Z");
    assert_eq!(deployed.try_password(PASSWORD).status(), 303);
}

#[test]
fn allows_thirty_password_attempts_in_any_hour() {
    let deployed = Deployed::with_password();
    let at = |minutes: i64, seconds: i64| {
        let start: Timestamp = "2026-11-22T13:40:00Z".parse().unwrap();
        let at = start + jiff::SignedDuration::from_secs(60 * minutes + seconds);
        deployed.clock.set(&at.to_string());
    };
    // Half of them before the hour changes, half after.
    for minute in 0..30 {
        at(minute + minute / 15 * 5, 0);
        assert_rejected(&deployed.try_password(WRONG), 403);
    }
    let hours =
        |hour: &str| deployed.attempts().iter().filter(|item| item.key.sk.contains(hour)).count();
    assert_eq!((hours("T13#"), hours("T14#")), (15, 15));
    at(36, 0);
    let limited = deployed.try_password(PASSWORD);
    assert_rejected(&limited, 429);
    assert_eq!(header(&limited, "retry-after"), "1440");
    assert!(text(&limited).contains("For 24 minutes, further attempts are rejected"));
    at(59, 59);
    assert_rejected(&deployed.try_password(PASSWORD), 429);
    at(60, 0);
    assert_eq!(deployed.try_password(PASSWORD).status(), 303);
    assert_rejected(&deployed.try_password(PASSWORD), 429);
    at(61, 0);
    assert_eq!(deployed.try_password(PASSWORD).status(), 303);
    // The table lets them expire.
    assert!(deployed.attempts().iter().all(|item| item.expires.is_some()));
}

/// A store that shows no login attempts, as a function sees it that reads before others write.
#[derive(Clone)]
struct WithoutAttempts(Memory);

impl Store for WithoutAttempts {
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

/// Even if several functions read the attempts before any of them writes one, the limit holds.
#[test]
fn concurrent_functions_share_one_limit() {
    let Deployed { settings, store, clock, .. } = Deployed::with_password();
    let statuses: Vec<u16> = (0..8)
        .map(|_| {
            let store = WithoutAttempts(store.clone());
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
