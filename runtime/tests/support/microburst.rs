//! microburst, a proxy that fails as AWS and the network do, in front of a server of the tests' own.
//!
//! <https://pypi.org/project/microburst/>

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use super::{http, wait_for};

/// Where `cargo xtask test` says that the program is.
const PROGRAM: &str = "FOOTFALL_MICROBURST";

/// A proxy that runs. It is ended when this is dropped.
pub(crate) struct Microburst {
    child: Child,
    pub(crate) address: SocketAddr,
}

impl Microburst {
    /// Starts one in front of a server.
    pub(crate) fn start(upstream: SocketAddr) -> Self {
        let program = std::env::var(PROGRAM).unwrap_or_else(|_| {
            panic!("{PROGRAM} is not set: this test needs microburst, run it by `cargo xtask test`")
        });
        // It takes no port 0, either.
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap();
        let child = Command::new(&program)
            .args(["--upstream", &format!("http://{upstream}"), "--port", &free.port().to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| panic!("cannot start {program}: {error}"));
        let proxy = Self { child, address: free };
        wait_for("microburst answers", 30, || {
            let answer = http::request(free, "GET", "/_microburst/health", &[], b"").ok();
            answer.filter(|answer| answer.status == 200)
        });
        proxy
    }

    /// What fails from now on, as microburst's rules say it.
    pub(crate) fn set(&self, rules: &Value) {
        let rules = rules.to_string();
        let json = [("Content-Type", "application/json")];
        let target = "/_microburst/rules";
        let answer = http::request(self.address, "POST", target, &json, rules.as_bytes()).unwrap();
        assert_eq!(answer.status, 200, "{rules}: {}", answer.text());
    }

    /// How many requests it has failed so far.
    pub(crate) fn faults(&self) -> u64 {
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
