//! Invalid requests get an error with its reason, store nothing and do not harm the server.

use footfall_testkit::{FIREFOX, http};
use serde_json::json;

use super::{dropped, pages, view};
use crate::process::{self, Dev};

#[test]
fn rejects_bad_bodies_with_the_reason() {
    let folder = process::folder(None);
    let dev = Dev::start(folder.path());
    let nested = |depth: usize| {
        let (open, close) = ("[".repeat(depth), "]".repeat(depth));
        format!(r#"{{"u":"http://localhost/nested","x":{open}{close}}}"#).into_bytes()
    };
    let text = |text: &str| text.as_bytes().to_vec();
    let cases: Vec<(&str, Vec<u8>, u16, &str)> = vec![
        ("empty", Vec::new(), 400, "not-json"),
        ("256 KB and a byte", vec![b' '; 256 * 1024 + 1], 413, "too-large"),
        ("1 MB", view(&format!("http://localhost/{}", "x".repeat(1 << 20))), 413, "too-large"),
        ("not UTF-8", b"\xff\xfe\xfd".to_vec(), 400, "not-json"),
        (
            "not UTF-8 in a string",
            b"{\"u\":\"http://localhost/\xff\xfe\"}".to_vec(),
            400,
            "not-json",
        ),
        ("UTF-16", "{}".encode_utf16().flat_map(u16::to_le_bytes).collect(), 400, "not-json"),
        ("half a character", text(r#"{"u":"http://localhost/\ud800"}"#), 400, "not-json"),
        ("a form", text("u=http://localhost/"), 400, "not-json"),
        ("cut off", text(r#"{"u":"http://localhost/"#), 400, "not-json"),
        ("trailing data", text(r#"{"u":"http://localhost/"}{}"#), 400, "not-json"),
        ("an array", text("[]"), 400, "not-json"),
        ("null", text("null"), 400, "not-json"),
        ("a number", text("1e999"), 400, "not-json"),
        ("60,000 deep", "[".repeat(60_000).into(), 400, "not-json"),
        ("20,000 deep, and closed", nested(20_000), 400, "not-json"),
        ("100 deep, in an unknown key", nested(100), 202, ""),
        ("no url", text("{}"), 400, "bad-key"),
        ("url: null", text(r#"{"u":null}"#), 400, "bad-key"),
        ("url: number", text(r#"{"u":7}"#), 400, "bad-key"),
        ("url: array", text(r#"{"u":["http://localhost/"]}"#), 400, "bad-key"),
        ("url: empty", text(r#"{"u":""}"#), 400, "bad-key"),
        ("name: object", text(r#"{"u":"http://localhost/","n":{}}"#), 400, "bad-key"),
        (
            "name: 121 characters",
            text(&json!({"u":"http://localhost/","n":"n".repeat(121)}).to_string()),
            400,
            "bad-key",
        ),
        ("name: blank", text(r#"{"u":"http://localhost/","n":" "}"#), 400, "bad-key"),
        ("domain: number", text(r#"{"u":"http://localhost/","d":7}"#), 400, "bad-key"),
        // As in Plausible, invalid optional keys are dropped and the view still counts.
        ("width: text", text(r#"{"u":"http://localhost/","w":"wide"}"#), 202, ""),
        ("width: negative", text(r#"{"u":"http://localhost/","w":-1}"#), 202, ""),
        ("width: huge", text(r#"{"u":"http://localhost/w","w":1e300}"#), 202, ""),
        ("props: array", text(r#"{"u":"http://localhost/","p":[]}"#), 202, ""),
        ("referrer: number", text(r#"{"u":"http://localhost/","r":1}"#), 202, ""),
        ("referrer: nonsense", text(r#"{"u":"http://localhost/r","r":"::::"}"#), 202, ""),
        ("zone: nonsense", text(r#"{"u":"http://localhost/z","z":"Mars/Olympus"}"#), 202, ""),
        (
            "another site",
            text(r#"{"u":"http://localhost/","d":"elsewhere.example"}"#),
            403,
            "unknown-site",
        ),
        ("javascript:", view("javascript:alert(1)"), 400, "bad-key"),
        ("data:", view("data:text/html,<script>alert(1)</script>"), 400, "bad-key"),
        ("file:", view("file:///etc/passwd"), 400, "bad-key"),
        ("blob:", view("blob:http://localhost/4d2f"), 400, "bad-key"),
        ("no scheme", view("localhost/"), 400, "bad-key"),
        ("another host", view("https://elsewhere.example/"), 403, "unknown-host"),
        ("our host as a prefix", view("http://localhost.elsewhere.example/"), 403, "unknown-host"),
        ("our host as a suffix", view("http://notlocalhost/"), 403, "unknown-host"),
        ("our host as a user", view("http://localhost@elsewhere.example/"), 403, "unknown-host"),
        (
            "our host as a user, slashes",
            view(r"http://elsewhere.example\@localhost/"),
            403,
            "unknown-host",
        ),
        (
            "our host as a fragment",
            view("http://elsewhere.example#@localhost/"),
            403,
            "unknown-host",
        ),
        ("a host with a zero byte", view("http://localhost%00.elsewhere.example/"), 400, "bad-key"),
        ("the host in uppercase, with a port", view("HTTP://LocalHost:4711/capitals"), 202, ""),
        ("an IP address in hexadecimal", view("http://0x7f.1/address"), 202, ""),
    ];
    let accepted = cases.iter().filter(|case| case.2 == 202).count() as u64;
    for (name, body, status, reason) in cases {
        let headers = [("User-Agent", FIREFOX), ("Content-Type", "text/plain")];
        let answer = dev.send("POST", "/track", &headers, &body);
        assert_eq!(
            (answer.status, dropped(&answer)),
            (status, reason),
            "{name}: {}",
            answer.text()
        );
        if status == 202 {
            assert_eq!(answer.text(), "ok", "{name}");
        } else {
            // Also as a sentence, in Plausible's format: {"errors": {"url": ["…"]}}.
            let errors = answer.json()["errors"].clone();
            let (_, sentences) = errors.as_object().unwrap().iter().next().unwrap();
            assert!(!sentences[0].as_str().unwrap().is_empty(), "{name}: {errors}");
        }
    }
    // Rejected hits are not stored, and the server still works.
    assert_eq!(dev.report()["totals"]["views"], accepted);
    assert_eq!(dev.report()["filtered"], json!([]));
}

#[test]
fn gateway_accepts_up_to_10_mb() {
    let folder = process::folder(None);
    let dev = Dev::start(folder.path());
    let headers = [("User-Agent", FIREFOX)];
    let answer = dev.send("POST", "/track", &headers, &vec![b' '; 10 << 20]);
    assert_eq!((answer.status, dropped(&answer)), (413, "too-large"), "rejected by the function");
    let answer = dev.send("POST", "/track", &headers, &vec![b' '; 11 << 20]);
    assert_eq!((answer.status, dropped(&answer)), (413, ""), "rejected by the gateway");
    assert_eq!(answer.json(), json!({ "message": "Request Entity Too Large" }));
    dev.view("http://localhost/");
    assert_eq!(dev.report()["totals"]["views"], 1);
}

#[test]
fn survives_broken_http() {
    let folder = process::folder(None);
    let dev = Dev::start(folder.path());
    let post = |headers: &str, body: &str| {
        format!("POST /track HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{headers}\r\n{body}")
    };
    let cases: Vec<(&str, Vec<u8>)> = vec![
        ("not HTTP", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".to_vec()),
        ("zero bytes", vec![0; 1000]),
        ("an unfinished head", b"GET /dashboard HTTP/1.1\r\nX: y".to_vec()),
        (
            "a truncated body",
            post("Content-Length: 500\r\n", r#"{"u":"http://localhost/cut"}"#).into(),
        ),
        ("a negative length", post("Content-Length: -1\r\n", "").into()),
        ("two lengths", post("Content-Length: 1\r\nContent-Length: 2\r\n", "{}").into()),
        ("a header of 1 MB", post(&format!("X: {}\r\n", "y".repeat(1 << 20)), "").into()),
        ("10,000 headers", post(&"X: y\r\n".repeat(10_000), "").into()),
        ("a path of 1 MB", format!("GET /{} HTTP/1.1\r\n\r\n", "x".repeat(1 << 20)).into()),
    ];
    for (name, bytes) in cases {
        use std::io::{Read as _, Write as _};
        let mut stream = std::net::TcpStream::connect(dev.address).unwrap();
        // The server may hang up before it has read everything.
        let _ = stream.write_all(&bytes);
        let _ = stream.shutdown(std::net::Shutdown::Write);
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        let status = String::from_utf8_lossy(answer.get(9..12).unwrap_or_default()).into_owned();
        assert!(status.is_empty() || status.starts_with('4'), "{name}: {status}");
    }
    // A chunked body is valid.
    let body = r#"{"u":"http://localhost/chunks"}"#;
    let chunks =
        format!("5\r\n{}\r\n{:x}\r\n{}\r\n0\r\n\r\n", &body[..5], body.len() - 5, &body[5..]);
    let headers = format!("User-Agent: {FIREFOX}\r\nTransfer-Encoding: chunked\r\n");
    let answer = http::exchange(dev.address, post(&headers, &chunks).as_bytes()).unwrap();
    assert_eq!((answer.status, dropped(&answer)), (202, ""));
    assert_eq!(pages(&dev.report()), [("/chunks", 1)]);
}
