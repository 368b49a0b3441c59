//! API tokens and share links: each opens one site, and no secret is stored.

use footfall_runtime::auth::{AccessMode, AuthError, Authenticator, TokenKind, admin};
use footfall_runtime::storage::{Item, Store as _, keys};
use footfall_testkit::request;
use footfall_testkit::wait::wait;
use jiff::Timestamp;
use serde_json::Value;

use super::{Deployed, NOW, bearer, error, header, text, with};

#[test]
fn token_opens_the_data_of_its_site_alone() {
    let deployed = Deployed::new();
    let (secret, token) =
        deployed.create_token(TokenKind::Api, "closed.example", Some("2026-11-23T00:00:00Z"));
    let [(name, value)] = bearer(&secret);
    let headers = [(name, value.as_str())];
    for query in ["format=json", "format=csv", "site=closed.example&format=json"] {
        assert_eq!(deployed.status(query, &headers), 200, "{query}");
    }
    let report: Value =
        serde_json::from_slice(deployed.get_dashboard("format=json", &headers).body()).unwrap();
    assert_eq!(report["site"], "closed.example");
    // Another site, even a public one, or an unknown one: the same answer.
    for site in ["other.example", "open.example", "not.there"] {
        let answer = deployed.get_dashboard(&format!("site={site}&format=json"), &headers);
        assert_eq!(answer.status(), 403, "{site}");
        assert!(error(&answer).contains("cargo xtask token create --site"));
    }
    // It is not valid as a share link.
    assert_eq!(deployed.status(&format!("auth={secret}"), &[]), 403);

    for wrong in [
        "",
        "Bearer",
        "Bearer ",
        "Basic dTpw",
        &format!("Token {secret}"),
        &format!("Bearer {secret}x"),
    ] {
        let answer =
            deployed.get_dashboard("site=open.example&format=json", &[("authorization", wrong)]);
        assert_eq!(answer.status(), 401, "{wrong}");
        assert!(error(&answer).contains("cargo xtask token create"));
        assert!(!error(&answer).contains("fft_"));
    }
    // Expired, and revoked.
    deployed.clock.set("2026-11-23T00:00:00Z");
    assert_eq!(deployed.status("format=json", &headers), 401);
    deployed.clock.set(NOW);
    let revoked = wait(admin::revoke(&deployed.store, TokenKind::Api, &token.id)).unwrap();
    assert_eq!(revoked.unwrap(), token);
    assert_eq!(deployed.status("format=json", &headers), 401);
    assert_eq!(wait(admin::revoke(&deployed.store, TokenKind::Api, &token.id)).unwrap(), None);
}

#[test]
fn api_requires_a_token_and_ignores_sessions() {
    let deployed = Deployed::new();
    let (secret, _) = deployed.create_token(TokenKind::Api, "closed.example", None);
    let (share, _) = deployed.create_token(TokenKind::Share, "closed.example", None);
    let session = deployed.start_session();
    let check = |headers: &[(&str, &str)], site: &str, expected: Option<u16>| {
        let request = with(request::post("{}"), headers);
        let granted = wait(deployed.authenticator().api(&request, site));
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
    // `dev` requires no authentication.
    let open = Authenticator { mode: AccessMode::Open, ..deployed.authenticator() };
    assert!(wait(open.api(&request::post("{}"), "closed.example")).is_ok());
    let unknown = wait(open.api(&request::post("{}"), "not.there"));
    assert!(matches!(unknown, Err(AuthError::UnknownSite(..))), "{unknown:?}");
}

#[test]
fn share_link_shows_its_site_alone() {
    let deployed = Deployed::new();
    let (secret, token) =
        deployed.create_token(TokenKind::Share, "closed.example", Some("2026-11-23T00:00:00Z"));
    let query = format!("auth={secret}");
    let page = deployed.get_dashboard(&query, &[]);
    assert_eq!(page.status(), 200);
    assert!(header(&page, "content-security-policy").ends_with("; frame-ancestors 'none'"));
    let html = text(&page);
    for hidden in ["other.example", "open.example", "/logout", "class=\"menu sites\""] {
        assert!(!html.contains(hidden), "{hidden}");
    }
    // Every link and form that leads to another page has the secret.
    let links: Vec<&str> =
        html.split("href=\"").skip(1).map(|l| l.split('"').next().unwrap()).collect();
    let own: Vec<&&str> = links.iter().filter(|link| link.starts_with('?')).collect();
    assert!(own.len() > 5, "{links:?}");
    assert!(own.iter().all(|link| link.contains(&format!("auth={secret}"))), "{own:?}");
    assert!(html.contains(&format!("name=\"auth\" value=\"{secret}\"")));
    for more in ["&format=json", "&format=csv", "&site=closed.example", "&show=page"] {
        assert_eq!(deployed.status(&format!("{query}{more}"), &[]), 200, "{more}");
    }
    let wrong = deployed.get_dashboard(&format!("{query}&period=never"), &[]);
    assert_eq!(wrong.status(), 400);
    assert!(text(&wrong).contains(&format!("href=\"?auth={secret}\"")), "the link back is missing");
    // The owner sees the same page as others.
    let session = deployed.start_session();
    assert!(!text(&deployed.get_dashboard(&query, &[("cookie", &session)])).contains("/logout"));
    for site in ["other.example", "open.example", "not.there"] {
        assert_eq!(deployed.status(&format!("{query}&site={site}"), &[]), 403, "{site}");
    }
    // It is not valid as an API token.
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
    // It cannot be revoked by its secret, nor as an API token.
    for (kind, id) in [(TokenKind::Share, secret.as_str()), (TokenKind::Api, &token.id)] {
        assert_eq!(wait(admin::revoke(&deployed.store, kind, id)).unwrap(), None);
    }
    wait(admin::revoke(&deployed.store, TokenKind::Share, &token.id)).unwrap().unwrap();
    assert_eq!(deployed.status(&query, &[]), 403);
}

#[test]
fn shared_page_can_be_embedded_only_by_named_origins() {
    let deployed = Deployed::new();
    let origins = ["https://blog.example.com", "https://docs.example.com:8443"];
    let (secret, _) =
        deployed.create_embeddable(TokenKind::Share, "closed.example", None, &origins);
    let policy = |query: &str| {
        let answer = deployed.get_dashboard(query, &[]);
        let policy = header(&answer, "content-security-policy").to_owned();
        policy.rsplit_once("frame-ancestors ").unwrap().1.to_owned()
    };
    let query = format!("auth={secret}");
    assert_eq!(policy(&query), "https://blog.example.com https://docs.example.com:8443");
    // Only the shared page, not its errors or other pages.
    assert_eq!(policy(&format!("{query}&period=never")), "'none'");
    assert_eq!(policy("site=open.example"), "'none'");
    assert_eq!(policy("site=closed.example"), "'none'");
}

#[test]
fn secrets_are_not_stored() {
    let deployed = Deployed::new();
    let (token, _) = deployed.create_token(TokenKind::Api, "closed.example", None);
    let (share, made) =
        deployed.create_token(TokenKind::Share, "closed.example", Some("2026-11-23T00:00:00Z"));
    let session = deployed.start_session();
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
    // The table may delete the token once it has expired, and not before.
    let shares = wait(admin::list(&deployed.store, TokenKind::Share)).unwrap();
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
fn damaged_items_grant_no_access() {
    let deployed = Deployed::new();
    let (secret, _) = deployed.create_token(TokenKind::Share, "closed.example", None);
    let session = deployed.start_session();
    let item = deployed.store.items().into_iter().find(|i| i.key.sk.starts_with("token#")).unwrap();
    wait(deployed.store.put(Item { value: b"{}".to_vec(), ..item })).unwrap();
    let key = Item { key: keys::signing_key(), value: vec![1; 31], expires: None };
    wait(deployed.store.put(key)).unwrap();
    assert_eq!(deployed.status(&format!("auth={secret}"), &[]), 500);
    let answer = deployed.get_dashboard("site=closed.example", &[("cookie", &session)]);
    assert_eq!(answer.status(), 500);
    assert!(!text(&answer).contains("signing"), "{}", text(&answer));
}
