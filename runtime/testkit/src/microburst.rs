//! microburst, a proxy that fails the way AWS and the network do.
//!
//! <https://pypi.org/project/microburst/>

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::http;
use crate::wait::wait_for;

/// Variable with the path of the program, which `cargo xtask test` sets.
const PROGRAM: &str = "FOOTFALL_MICROBURST";

/// A running proxy. Dropping it ends the process.
pub struct Microburst {
    child: Child,
    /// The address to send requests to.
    pub address: SocketAddr,
}

impl Microburst {
    /// Starts a proxy in front of a server.
    pub fn start(upstream: SocketAddr) -> Self {
        let program = std::env::var(PROGRAM).unwrap_or_else(|_| {
            panic!("{PROGRAM} is not set; run this test with `cargo xtask test`, which installs microburst")
        });
        // It does not accept port 0.
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap();
        let child = Command::new(&program)
            .args(["--upstream", &format!("http://{upstream}"), "--port", &free.port().to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| panic!("cannot start {program}: {error}"));
        let proxy = Self { child, address: free };
        wait_for("microburst answers", 300, || {
            let answer = http::request(free, "GET", "/_microburst/health", &[], b"").ok();
            answer.filter(|answer| answer.status == 200)
        });
        proxy
    }

    /// Sets the rules for faults from now on, in microburst's format.
    pub fn set(&self, rules: &Value) {
        let rules = rules.to_string();
        let json = [("Content-Type", "application/json")];
        let target = "/_microburst/rules";
        let answer = http::request(self.address, "POST", target, &json, rules.as_bytes()).unwrap();
        assert_eq!(answer.status, 200, "{rules}: {}", answer.text());
    }

    /// Returns the number of requests that it has failed so far.
    pub fn faults(&self) -> u64 {
        let metrics = http::request(self.address, "GET", "/_microburst/metrics", &[], b"").unwrap();
        let metrics = metrics.text();
        let faults = metrics.lines().filter(|line| line.starts_with("microburst_faults_total{"));
        faults.map(|line| line.rsplit(' ').next().unwrap().parse::<u64>().unwrap()).sum()
    }
}

impl Drop for Microburst {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
