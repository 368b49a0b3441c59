//! Login links, the sessions that they begin, and signing out.

use footfall_runtime::auth::{TokenKind, admin};
use footfall_runtime::platform::http::{Request, Response};
use footfall_runtime::storage::{Item, Store as _, keys};
use footfall_testkit::request;
use footfall_testkit::wait::wait;
use jiff::Timestamp;

use super::{Deployed, LATER, NOW, TOO_LATE, bearer, form, header, text};

#[test]
fn login_link_starts_one_session() {
    let deployed = Deployed::new();
    let link = deployed.login_link(Some("other.example"));
    // Opening the link does not use it up, however often.
    for _ in 0..3 {
        let page = deployed.handle(&Request {
            path: "/login".to_owned(),
            ..request::dashboard(&form("link", &link))
        });
        assert_eq!(page.status(), 200);
        assert!(text(&page).contains("<form method=\"post\" action=\"/login\">"));
        assert!(text(&page).contains(&format!("value=\"{link}\"")));
        assert_eq!(header(&page, "set-cookie"), "");
    }
    let answer = deployed.sign_in(&link);
    assert_eq!(answer.status(), 303);
    assert_eq!(header(&answer, "location"), "/dashboard?site=other.example");
    let cookie = header(&answer, "set-cookie").to_owned();
    let mut parts = cookie.split("; ");
    let session = parts.next().unwrap();
    assert!(session.starts_with("__Host-footfall="));
    let attributes: Vec<&str> = parts.collect();
    assert_eq!(attributes, ["Max-Age=2592000", "Path=/", "HttpOnly", "Secure", "SameSite=Lax"]);

    // The session sees every site, and can sign out.
    for site in ["closed.example", "other.example", "open.example"] {
        let page = deployed.get_dashboard(&format!("site={site}"), &[("cookie", session)]);
        assert_eq!(page.status(), 200, "{site}");
        assert!(text(&page).contains("action=\"/logout\""));
        assert!(text(&page).contains("closed.example"), "the site menu is missing");
    }
    assert_eq!(deployed.status("format=json", &[("cookie", session)]), 200);
    assert_eq!(deployed.status("site=not.there", &[("cookie", session)]), 404);

    // The link is used up. The note of that outlives the link.
    let again = deployed.sign_in(&link);
    assert_eq!((again.status().as_u16(), header(&again, "set-cookie")), (403, ""));
    assert!(text(&again).contains("cargo xtask open"));
    let notes: Vec<Item> =
        deployed.store.items().into_iter().filter(|item| item.key.pk == "login").collect();
    let [note] = &notes[..] else { panic!("one note: {notes:?}") };
    let end: Timestamp = TOO_LATE.parse().unwrap();
    assert!(note.expires.unwrap() > end.as_second(), "the note must outlive the link");
}

#[test]
fn rejects_login_link_that_is_expired_changed_or_cross_site() {
    let deployed = Deployed::new();
    let link = deployed.login_link(None);
    let rejected = |what: &str, answer: Response| {
        assert_eq!((answer.status().as_u16(), header(&answer, "set-cookie")), (403, ""), "{what}");
    };
    let page = deployed.handle(&Request {
        path: "/login".to_owned(),
        ..request::dashboard(&form("link", "\"><script>alert(1)</script>"))
    });
    assert!(!text(&page).contains("<script>"), "{}", text(&page));
    for nonsense in ["", ".", "x", &link[1..], &link[..link.len() - 1], &format!("{link}A")] {
        rejected(nonsense, deployed.sign_in(nonsense));
    }
    // Links that were changed after signing: a longer life, another site.
    let (payload, signature) = link.rsplit_once('.').unwrap();
    rejected("later", deployed.sign_in(&format!("9{payload}.{signature}")));
    rejected("a site", deployed.sign_in(&format!("{payload}evil.example.{signature}")));
    // The signature of a session is not valid for a link, nor that of a link for a session.
    let session = deployed.start_session();
    rejected("a session", deployed.sign_in(session.split_once('=').unwrap().1));
    let cookie = format!("__Host-footfall={link}");
    assert_eq!(deployed.status("site=closed.example", &[("cookie", &cookie)]), 401);
    // Forms of other sites.
    for headers in [
        [("sec-fetch-site", "cross-site"), ("host", "stats.example")],
        [("sec-fetch-site", "same-site"), ("host", "stats.example")],
        [("origin", "https://evil.example"), ("host", "stats.example")],
        [("origin", "null"), ("host", "stats.example")],
    ] {
        rejected("cross-site", deployed.post("/login", &form("link", &link), &headers));
        rejected("cross-site", deployed.post("/logout", "", &headers));
    }
    // None of this has used up the link, but it expires.
    deployed.clock.set(TOO_LATE);
    rejected("late", deployed.sign_in(&link));
    deployed.clock.set(LATER);
    assert_eq!(deployed.sign_in(&link).status(), 303);
}

/// The code never retries a login, so two attempts with one link are two people or two clicks.
#[test]
fn one_of_two_concurrent_logins_succeeds() {
    let deployed = Deployed::new();
    let link = deployed.login_link(None);
    let body = form("link", &link);
    let request = Request { path: "/login".to_owned(), ..request::post(body) };
    let (one, two) = (deployed.dashboard.handle(&request), deployed.dashboard.handle(&request));
    let (one, two) = wait(futures_util::future::join(one, two));
    let mut statuses = [one.status().as_u16(), two.status().as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [303, 403]);
}

#[test]
fn session_ends_when_it_expires_or_its_key_changes() {
    let deployed = Deployed::new();
    let session = deployed.start_session();
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

    // A new key ends every session and makes login links invalid. Tokens stay valid.
    let link = deployed.login_link(None);
    let (token, _) = deployed.create_token(TokenKind::Api, "closed.example", None);
    wait(admin::rotate_key(&deployed.store, &deployed.clock)).unwrap();
    assert_eq!(sees(&session), 401);
    assert_eq!(deployed.sign_in(&link).status(), 403);
    let [(name, value)] = bearer(&token);
    assert_eq!(deployed.status("format=json", &[(name, &value)]), 200);
    assert_eq!(sees(&deployed.start_session()), 200);
    // Without a key, no session is valid.
    let session = deployed.start_session();
    wait(deployed.store.delete(&keys::signing_key())).unwrap();
    assert_eq!(sees(&session), 401);
}

#[test]
fn signing_out_deletes_the_cookie() {
    let deployed = Deployed::new();
    let answer = deployed.post("/logout", "", &[("sec-fetch-site", "same-origin")]);
    assert_eq!((answer.status().as_u16(), header(&answer, "location")), (303, "/dashboard"));
    assert_eq!(
        header(&answer, "set-cookie"),
        "__Host-footfall=; Max-Age=0; Path=/; HttpOnly; Secure; SameSite=Lax"
    );
}

#[test]
fn login_never_redirects_to_another_host() {
    let deployed = Deployed::new();
    for more in ["next=https://evil.example", "site=//evil.example", "url=//evil.example"] {
        let body = format!("{}&{more}", form("link", &deployed.login_link(None)));
        let answer = deployed.post("/login", &body, &[]);
        assert_eq!(header(&answer, "location"), "/dashboard", "{more}");
    }
}

#[test]
fn signing_key_is_created_once() {
    let deployed = Deployed::new();
    let key = wait(admin::signing_key(&deployed.store, &deployed.clock)).unwrap();
    assert_eq!(wait(admin::signing_key(&deployed.store, &deployed.clock)).unwrap(), key);
    assert_ne!(wait(admin::rotate_key(&deployed.store, &deployed.clock)).unwrap(), key);
}
