//! Engagement, from sites that measure it and from those that do not.

use footfall_runtime::hit::Kind;
use footfall_runtime::platform::http::{Request, Response};
use footfall_testkit::request;
use http::HeaderValue;
use serde_json::json;

use super::Footfall;

/// Returns the kinds of the stored records, in order of arrival.
fn kinds(footfall: &Footfall) -> Vec<Kind> {
    let hits = footfall.store.hits();
    hits.iter().map(|item| Kind::decode(&item.value).unwrap()).collect()
}

/// Returns the status of an answer, and the reason if the hit was dropped.
fn outcome(answer: &Response) -> (u16, Option<&str>) {
    let dropped = answer.headers().get("x-footfall-dropped");
    (answer.status().as_u16(), dropped.map(|reason| reason.to_str().unwrap()))
}

fn engagement(url: &str) -> Request {
    // As `@plausible-analytics/tracker` sends it.
    let domain = url::Url::parse(url).unwrap().host_str().unwrap().to_owned();
    let body = json!({
        "n": "engagement", "sd": 42, "d": domain, "u": url, "p": { "plan": "pro" }, "e": 3210, "v": 36,
    });
    request::post(body.to_string())
}

#[test]
fn engagement_is_one_write_and_not_a_hit() {
    let hosts = "hosts: [localhost, app.example]";
    for path in ["/track", "/api/event"] {
        let footfall =
            Footfall::new(&format!("sites: [{{domain: localhost, {hosts}, engagement: true}}]"));
        let view = request::post(json!({ "u": "http://localhost/a?b#/c" }).to_string());
        assert_eq!(outcome(&footfall.track(&view)), (202, None));
        let looked = Request { path: path.to_owned(), ..engagement("http://localhost/a?b#/c") };
        footfall.clock.set("2026-11-22T13:06:00Z");
        assert_eq!(outcome(&footfall.track(&looked)), (202, None), "{path}");
        // On another host, with the fragment as part of the page.
        let body = json!({ "n": "engagement", "u": "http://app.example/#/c", "e": 5, "h": 1 });
        let app = Request { path: path.to_owned(), ..request::post(body.to_string()) };
        footfall.clock.set("2026-11-22T13:07:00Z");
        assert_eq!(outcome(&footfall.track(&app)), (202, None), "{path}");

        let [Kind::Hit(hit), Kind::Engagement(first), Kind::Engagement(second)] =
            &kinds(&footfall)[..]
        else {
            panic!("{:?}", kinds(&footfall))
        };
        // It has the visitor and the page of its view, by which they are joined.
        assert_eq!((first.visitor, &first.page, &first.host), (hit.visitor, &hit.page, &hit.host));
        assert_eq!((first.scroll, first.engaged), (Some(42), 3210));
        assert_eq!(second.visitor, hit.visitor);
        assert_eq!((second.host.as_deref(), second.page.as_str()), (Some("app.example"), "/#/c"));
        assert_eq!((second.scroll, second.engaged), (None, 5));

        let report = footfall.report("");
        let totals =
            ["views", "events", "visitors", "visits"].map(|name| report["totals"][name].as_u64());
        assert_eq!(totals, [Some(1), Some(0), Some(1), Some(1)]);
        assert_eq!((&report["unreadable"], &report["filtered"]), (&json!(0), &json!([])));
    }
}

/// The tracker that measures engagement is larger, so it is served only if a site measures.
#[test]
fn tracker_measures_engagement_only_if_a_site_does() {
    let mut asks = request::post("");
    "GET".clone_into(&mut asks.method);
    "/js/footfall.js".clone_into(&mut asks.path);
    let served = |settings: &str| {
        let answer = Footfall::new(settings).track(&asks);
        assert_eq!(
            (answer.status().as_u16(), answer.headers()["cache-control"].as_bytes()),
            (200, &b"public, max-age=86400"[..])
        );
        String::from_utf8(answer.into_body()).unwrap()
    };
    let plain = served("sites: [{domain: a.example}, {domain: b.example}]");
    let measuring = served("sites: [{domain: a.example}, {domain: b.example, engagement: true}]");
    assert!(!plain.contains("engagement") && measuring.contains("engagement"));
}

#[test]
fn engagement_is_stored_only_where_it_is_measured() {
    let drops = |settings: &str, looked: &Request, reason: &str| {
        for path in ["/track", "/api/event"] {
            let footfall = Footfall::new(settings);
            let looked = Request { path: path.to_owned(), ..looked.clone() };
            let answer = footfall.track(&looked);
            assert_eq!(outcome(&answer), (202, Some(reason)), "{path}");
            assert_eq!(answer.headers()["x-plausible-dropped"], "1");
            assert_eq!(kinds(&footfall), []);
        }
    };
    let looked = engagement("http://localhost/");
    let on = "sites: [{domain: localhost, engagement: true}]";
    drops("sites: [{domain: localhost}]", &looked, "engagement");
    // Engagement of visitors who ask not to be tracked is not stored.
    let mut asks = looked.clone();
    asks.headers.insert("dnt", HeaderValue::from_static("1"));
    drops(
        "sites: [{domain: localhost, engagement: true, respect_dnt: true}]",
        &asks,
        "do-not-track",
    );
    // A bot is counted by its view, not a second time by its engagement.
    let mut bot = looked;
    bot.headers.insert("user-agent", HeaderValue::from_static("Googlebot/2.1"));
    drops(on, &bot, "bot");
    let automated = json!({ "n": "engagement", "u": "http://localhost/", "e": 1, "b": 1 });
    drops(on, &request::post(automated.to_string()), "headless");
    // The name is reserved: no custom event may have it.
    let footfall = Footfall::new(on);
    let custom = json!({ "n": "engagement", "u": "http://localhost/", "p": { "plan": "pro" } });
    let answer = footfall.track(&request::post(custom.to_string()));
    assert_eq!(outcome(&answer), (400, Some("bad-key")));
    assert_eq!(kinds(&footfall), []);
}
