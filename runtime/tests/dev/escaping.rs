//! Values that visitors choose are shown exactly, and escaped.

use std::collections::HashSet;

use footfall_testkit::FIREFOX;
use serde_json::json;

use super::{pages, rows, sources, totals};
use crate::process::{self, Dev};

/// Returns a page without its own style and script, so that any script left was injected.
fn without_own_code(page: &str) -> String {
    let own = [
        include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/assets/dashboard.css")),
        include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/assets/dashboard.js")),
    ];
    let [style, script] = own;
    let script = format!("<script>{script}</script>");
    assert!(page.matches(&script).count() <= 1 && page.contains(style), "{page}");
    page.replace(&script, "").replace(style, "")
}

#[test]
fn pages_are_exact_and_escaped() {
    let folder = process::folder(None);
    let dev = Dev::start(folder.path());
    let long = "p".repeat(8192);
    // The URL that is sent, and its page in the report.
    let shown: Vec<(&str, String)> = vec![
        ("http://user:secret@localhost/userinfo", "/userinfo".into()),
        ("http://localhost:4711/port?query=secret#fragment", "/port".into()),
        ("http://localhost/a/./b/../c", "/a/c".into()),
        ("http://localhost/%2e%2e/%2E%2e/dots", "/dots".into()),
        ("http://localhost/a%2Fb%3Fc%23d%00", "/a%2Fb%3Fc%23d%00".into()),
        ("http://localhost/%C3", "/%C3".into()),
        ("http://localhost/%C0%AFoverlong", "/%C0%AFoverlong".into()),
        ("http://localhost/caf%C3%A9", "/café".into()),
        ("http://localhost/🦀/👩‍💻", "/🦀/👩‍💻".into()),
        ("http://localhost/שלום", "/שלום".into()),
        ("http://localhost/%E2%80%AEgnp.exe", "/%E2%80%AEgnp.exe".into()),
        ("http://localhost/<script>alert(1)</script>", "/%3Cscript%3Ealert(1)%3C/script%3E".into()),
        ("http://localhost/'\"&{{7*7}}", "/'%22&%7B%7B7*7%7D%7D".into()),
        ("http://127.0.0.1/elsewhere", "127.0.0.1/elsewhere".into()),
    ];
    for (url, _) in &shown {
        dev.view(url);
    }
    dev.view(&format!("http://localhost/{long}"));
    let report = dev.report();
    let got: HashSet<(&str, u64)> = pages(&report).into_iter().collect();
    for (url, page) in &shown {
        assert!(got.contains(&(page.as_str(), 1)), "{url} as {page}: {got:?}");
    }
    let cut = got.iter().find(|(page, _)| page.starts_with("/ppp")).unwrap().0;
    assert!(cut.len() <= 500 && cut.ends_with('…'), "{} bytes", cut.len());
    assert_eq!(got.len(), shown.len() + 1);
    // Also the detail view, which lists all pages.
    let page = without_own_code(&dev.page())
        + &without_own_code(&dev.get("/dashboard?days=2&show=page").text());
    assert!(!page.contains("<script") && !page.contains("secret"), "{page}");
    assert!(!page.contains('\u{202e}'));
    // `bdi` keeps right-to-left names from moving the text beside them.
    assert!(page.contains("<bdi>&#x2f;שלום</bdi>"), "{page}");
}

#[test]
fn campaigns_and_events_are_exact_and_escaped() {
    let folder = process::folder(None);
    let dev = Dev::start(folder.path());
    let long = "s".repeat(4096);
    let cases = [
        ("my-blog", "my-blog"),
        ("a, b :x", "a, b :x"),
        ("<script>", "<script>"),
        ("\"><img src=x onerror=alert(1)>", "\"><img src=x onerror=alert(1)>"),
        ("{{ report }}", "{{ report }}"),
        ("שלום", "שלום"),
        ("\u{202e}gnp", "gnp"),
        (" two\n lines\u{0} ", "two lines"),
        ("🦀", "🦀"),
    ];
    let expected_cut = format!("{}…", "s".repeat(97));
    let sent = cases.into_iter().chain([(long.as_str(), expected_cut.as_str())]);
    for (number, (source, shown)) in sent.enumerate() {
        // A new visitor each time, because a visit keeps its first source.
        let agent = format!("{FIREFOX} {number}");
        // Once as a key of its own, once in the URL.
        let beside = json!({ "url": "http://localhost/", "utm_source": source });
        let mut url = url::Url::parse("http://localhost/").unwrap();
        url.query_pairs_mut().append_pair("utm_source", source);
        for body in [beside, json!({ "u": url.as_str() })] {
            let body = body.to_string();
            let answer = dev.send("POST", "/track", &[("User-Agent", &agent)], body.as_bytes());
            assert_eq!(answer.status, 202, "{source}");
        }
        let report = dev.report();
        assert!(
            sources(&report).contains(&(shown, 2)),
            "{source:?} as {shown:?}: {:?}",
            sources(&report)
        );
    }
    // The same for event names and properties.
    for name in ["signup", "<script>alert(1)</script>", "שלום"] {
        let props = json!({ "<b>": "<script>", "n": 1, "list": [1], "none": null });
        let body = json!({ "n": name, "u": "http://localhost/", "p": props });
        assert_eq!(dev.hit(&body.to_string()).status, 202);
    }
    let report = dev.report();
    let events = rows(&report, "event", "events");
    assert_eq!(events, [("<script>alert(1)</script>", 1), ("signup", 1), ("שלום", 1)]);
    assert_eq!(totals(&report), [20, 11, 3]);
    let page = without_own_code(&dev.page())
        + &without_own_code(&dev.get("/dashboard?days=2&show=source").text());
    for raw in ["<script", "<img", "onerror=alert(1)>", "<b>"] {
        assert!(!page.contains(raw), "{raw}");
    }
    assert!(page.contains("data-source=\"&lt;script&gt;\""), "{page}");
    assert!(page.contains("data-event=\"&lt;script&gt;alert(1)&lt;&#x2f;script&gt;\""), "{page}");
    assert!(page.contains("{{ report }}"), "template syntax is plain text");
}
