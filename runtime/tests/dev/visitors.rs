//! How `dev` tells visitors apart.

use footfall_testkit::FIREFOX;
use footfall_testkit::wait::away_from_midnight;

use super::{dropped, totals, view};
use crate::process::{self, Dev};

const SAFARI: &str = "Mozilla/5.0 (iPhone; CPU iPhone OS 26_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.0 Mobile/15E148 Safari/604.1";

#[test]
fn forged_address_makes_no_visitor() {
    away_from_midnight();
    let folder = process::folder(None);
    let dev = Dev::start(folder.path());
    let body = view("http://localhost/");
    for n in 0..20 {
        let address = format!("203.0.113.{n}");
        let chain = format!("{address}, 127.0.0.1");
        let forged = format!("for={address}");
        let headers = [
            ("User-Agent", FIREFOX),
            ("X-Forwarded-For", if n % 2 == 0 { &address } else { &chain }),
            ("X-Real-IP", &address),
            ("CF-Connecting-IP", &address),
            ("True-Client-IP", &address),
            ("Forwarded", &forged),
        ];
        assert_eq!(dev.send("POST", "/track", &headers, &body).status, 202);
    }
    assert_eq!(totals(&dev.report()), [20, 1, 0]);
    dev.send("POST", "/track", &[("User-Agent", SAFARI)], &body);
    assert_eq!(dev.report()["totals"]["visitors"], 2, "another browser is another visitor");
}

#[test]
fn trusts_only_the_address_from_the_trusted_proxy() {
    away_from_midnight();
    let folder = process::folder(Some("sites: [{domain: localhost}]\ntrusted_proxies: 1\n"));
    let dev = Dev::start(folder.path());
    for (forwarded, visitors) in [
        ("203.0.113.1", 1),
        ("203.0.113.2", 2),
        // Addresses that the client made up are further left.
        ("192.0.2.66, 203.0.113.2", 2),
        ("192.0.2.67, 203.0.113.2", 2),
    ] {
        let headers = [("User-Agent", FIREFOX), ("X-Forwarded-For", forwarded)];
        dev.send("POST", "/track", &headers, &view("http://localhost/"));
        assert_eq!(dev.report()["totals"]["visitors"], visitors, "{forwarded}");
    }
}

#[test]
fn accepts_user_agent_that_is_not_ascii() {
    away_from_midnight();
    let folder = process::folder(None);
    let dev = Dev::start(folder.path());
    let body = view("http://localhost/");
    for agent in [format!("{FIREFOX} Café"), format!("{FIREFOX} 日本")] {
        let answer = dev.send("POST", "/track", &[("User-Agent", &agent)], &body);
        assert_eq!((answer.status, dropped(&answer)), (202, ""), "{agent}");
    }
    assert_eq!(dev.report()["totals"]["visitors"], 2);
}
