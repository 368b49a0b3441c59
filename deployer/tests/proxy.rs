//! The deployer behind an HTTP proxy: whom it asks for the way to AWS, and what it says where there is none.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may panic")]

mod support;

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::thread;

use support::{Owner, Ran, ran};

fn status(proxy: &str) -> Ran {
    let owner = Owner::of("");
    let mut command = owner.command(&["status"]);
    // As for everybody: at AWS's own address.
    command.env_remove("AWS_ENDPOINT_URL").env("HTTPS_PROXY", proxy);
    ran(command.output().unwrap())
}

#[test]
fn connects_to_aws_through_the_proxy() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let proxy = format!("http://user:pass@{}", listener.local_addr().unwrap());
    let asked = thread::spawn(move || {
        let mut heads = String::new();
        // Once, and again as often as the SDK tries.
        for stream in listener.incoming().take(4) {
            let mut stream = stream.unwrap();
            let mut head = [0; 1024];
            let length = stream.read(&mut head).unwrap();
            heads.push_str(std::str::from_utf8(&head[..length]).unwrap());
            stream.write_all(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n").unwrap();
        }
        heads
    });
    status(&proxy)
        .ended(1)
        .says("cannot ask AWS who you are: AWS did not answer (tunnel error: proxy authorization required)")
        .says("hint: check the network, a proxy or firewall in front of it");
    let asked = asked.join().unwrap();
    assert!(
        asked.starts_with("CONNECT sts.eu-central-1.amazonaws.com:443 HTTP/1.1\r\n"),
        "{asked}"
    );
    assert!(asked.contains("Proxy-Authorization: Basic dXNlcjpwYXNz\r\n"), "{asked}");
}

#[test]
fn rejects_other_kinds_of_proxies() {
    status("socks5://user:pass@127.0.0.1:1080")
        .ended(2)
        .says("error: invalid proxy in HTTPS_PROXY: expected the URL of an HTTP proxy\n")
        .says("hint: write it as http://HOST:PORT");
}
