//! Access to the dashboard of `dev`, with and without `--closed`.

use footfall_testkit::http;

use super::totals;
use crate::process::{self, Dev};

/// Protects against DNS rebinding: a foreign host name that resolves to this machine is rejected.
#[test]
fn open_dashboard_is_for_this_machine_alone() {
    let folder = process::folder(None);
    let dev = Dev::start(folder.path());
    let status = |host: &str| {
        let ask = format!("GET /dashboard HTTP/1.1\r\n{host}Connection: close\r\n\r\n");
        http::exchange(dev.address, ask.as_bytes()).unwrap().status
    };
    for host in ["127.0.0.1:8787", "localhost", "localhost:1", "[::1]:8787"] {
        assert_eq!(status(&format!("Host: {host}\r\n")), 200, "{host}");
    }
    for host in ["evil.example", "127.0.0.1.evil.example:8787", "localhost.evil.example", "x y", ""]
    {
        assert_eq!(status(&format!("Host: {host}\r\n")), 403, "{host}");
    }
}

/// With `--closed`, the dashboard asks for sign-in like a deployment, and `dev` prints a login link.
#[test]
fn closed_dashboard_opens_with_the_printed_link() {
    let folder = process::folder(None);
    let dev = Dev::spawn(process::command(folder.path(), &["--closed"])).unwrap();
    assert_eq!(dev.get("/dashboard?format=json").status, 401);
    dev.view("http://localhost/");
    let (address, closed) = (dev.address, dev.get("/dashboard"));
    assert!(closed.text().contains("cargo xtask open"));
    let (_, greeting) = dev.stop();
    let link = greeting.lines().find_map(|line| line.split_once("Dashboard  ")).unwrap().1;
    let (_, form) = link.split_once(&format!("http://{address}/login?")).unwrap();

    // After a restart, the data and the signing key are still there.
    let dev = Dev::spawn(process::command(folder.path(), &["--closed"])).unwrap();
    let sends = |origin: &str| dev.send("POST", "/login", &[("Origin", origin)], form.as_bytes());
    assert_eq!(sends("http://evil.example").status, 403);
    let own = format!("http://{}", dev.address);
    let answer = sends(&own);
    assert_eq!((answer.status, answer.header("location")), (303, Some("/dashboard")));
    assert_eq!(sends(&own).status, 403, "it works once");
    let cookie = answer.header("set-cookie").unwrap().split(';').next().unwrap();
    let shown = dev.send("GET", "/dashboard?days=2&format=json", &[("Cookie", cookie)], b"");
    assert_eq!(totals(&shown.json())[0], 1);
}
