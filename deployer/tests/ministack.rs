//! From nothing to a running Footfall and back, on an AWS that we did not write: ministack, which runs
//! the functions for real, and enforces their roles' policies.
//!
//! Where it is laxer than AWS: change sets are ready, and applied, at once; code that is missing, an
//! architecture that is not there and capabilities that were not given are no failures; nothing is
//! rolled back; throttling, CORS and TTL that the template asks for are not there; the bucket's
//! settings and owner are not enforced. What AWS refuses is in `deploy.rs`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may panic")]

mod support;

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};
use std::{env, fs};

use serde_json::Value;
use support::{Owner, bin_folder};

const BROWSER: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0";

/// The emulator, which ends with the test.
struct Ministack {
    process: Child,
    port: u16,
    _folder: tempfile::TempDir,
}

impl Ministack {
    fn start() -> Self {
        let program =
            env::var_os("FOOTFALL_MINISTACK").expect("FOOTFALL_MINISTACK names ministack");
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let folder = tempfile::tempdir().unwrap();
        let process = Command::new(program)
            .current_dir(folder.path())
            .env_clear()
            .env("HOME", folder.path())
            .env("PATH", env::var_os("PATH").unwrap())
            // It would listen on every interface.
            .env("BIND_HOST", "127.0.0.1")
            .env("GATEWAY_PORT", port.to_string())
            // Without this, the functions would call the real AWS.
            .env("AWS_ENDPOINT_URL", format!("http://127.0.0.1:{port}"))
            .env("AUTH", "true")
            .env("MINISTACK_REGION", "eu-central-1")
            .env("SFTP_ENABLED", "0")
            .env("IOT_MTLS_ENABLED", "0")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("ministack starts");
        let ministack = Self { process, port, _folder: folder };
        let begun = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(begun.elapsed() < Duration::from_secs(60), "ministack does not listen");
            thread::sleep(Duration::from_millis(100));
        }
        ministack
    }

    fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}

impl Drop for Ministack {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The deployed API, as the emulator serves it: by a path, since host names below localhost are not
/// resolved everywhere.
#[derive(Clone)]
struct Api {
    port: u16,
    id: String,
}

impl Api {
    fn of(port: u16, status: &Value) -> Self {
        let endpoint = status["endpoint"].as_str().unwrap();
        let host = endpoint.split("//").nth(1).unwrap();
        Self { port, id: host.split('.').next().unwrap().to_owned() }
    }

    /// Asks, and gives the status and the body.
    fn ask(&self, method: &str, path: &str, body: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        let (id, length) = (&self.id, body.len());
        write!(
            stream,
            "{method} /_aws/execute-api/{id}/$default{path} HTTP/1.1\r\nhost: 127.0.0.1\r\n\
             user-agent: {BROWSER}\r\ncontent-type: text/plain\r\ncontent-length: {length}\r\n\
             connection: close\r\n\r\n{body}"
        )
        .unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        let answer = String::from_utf8(answer).unwrap();
        let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
        let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
        (status, body.to_owned())
    }

    fn hit(&self, path: &str) -> u16 {
        let body = format!(r#"{{"url":"https://example.com{path}"}}"#);
        self.ask("POST", "/track", &body).0
    }

    /// How many views the dashboard shows, today or (around midnight) yesterday.
    fn views(&self) -> u64 {
        let (status, body) = self.ask("GET", "/dashboard?site=example.com&days=2&format=json", "");
        assert_eq!(status, 200, "{body}");
        let report: Value = serde_json::from_str(&body).unwrap();
        report["totals"]["views"].as_u64().unwrap()
    }
}

/// The functions as the tests of `runtime` built them, without what is there for debuggers.
fn functions(owner: &Owner) {
    fs::create_dir_all(owner.path("functions")).unwrap();
    for name in ["track", "dashboard"] {
        let built = bin_folder().join(name);
        assert!(
            built.is_file(),
            "{} is not there; `cargo build --package footfall-runtime --features lambda --bins` \
             builds it",
            built.display()
        );
        let target = owner.path("functions").join(name);
        let mut strip = Command::new("strip");
        let stripped = strip.arg("-o").arg(target).arg(&built).status();
        assert!(stripped.expect("strip is installed").success());
    }
}

fn status(owner: &Owner) -> Value {
    serde_json::from_str(&owner.runs(&["status", "--json"]).ended(0).stdout).unwrap()
}

fn timed<T>(what: &str, run: impl FnOnce() -> T) -> T {
    let begun = Instant::now();
    let value = run();
    eprintln!("{what:<40} {:>6.1} s", begun.elapsed().as_secs_f64());
    value
}

#[test]
#[ignore = "needs ministack: run `cargo xtask test`"]
fn on_ministack_deployed_counted_changed_destroyed_and_deployed_again() {
    let ministack = timed("ministack starts", Ministack::start);
    let owner = Owner::of(&ministack.endpoint());
    timed("functions are stripped", || functions(&owner));

    // A plan makes nothing.
    timed("plan", || owner.deploys(&["--plan"])).ended(0).prints("to add, 0 to change");
    assert_eq!(status(&owner)["status"], Value::Null);

    timed("first deploy", || owner.deploys(&["--yes"]))
        .ended(0)
        .says("to be uploaded")
        .prints("/dashboard\n");
    let deployed = status(&owner);
    assert_eq!(deployed["status"], "CREATE_COMPLETE");
    assert_eq!(deployed["functions"][0]["architecture"], "x86_64");
    let api = Api::of(ministack.port, &deployed);
    timed("first hit", || assert_eq!(api.hit("/"), 202));
    for number in 1..10 {
        assert_eq!(api.hit(&format!("/{number}")), 202);
    }
    timed("dashboard", || assert_eq!(api.views(), 10));
    let endpoint = deployed["endpoint"].as_str().unwrap();
    owner.runs(&["snippet"]).ended(0).prints(endpoint);

    timed("deploy without a change", || owner.deploys(&["--yes"]))
        .ended(0)
        .says("is there")
        .says("Nothing to change");

    let load = timed("second version, under load", || second_version(&owner, &api));
    // A function that is ended between its write and its answer has stored a hit without saying so.
    let counted = api.views();
    assert!(counted >= 10 + load.accepted, "an accepted hit is lost: {counted} of {load:?}");
    assert!(counted <= 10 + load.sent, "a hit is counted twice: {counted} of {load:?}");
    let second = status(&owner);
    assert_eq!(second["status"], "UPDATE_COMPLETE");
    assert_eq!(second["endpoint"], deployed["endpoint"]);
    assert_ne!(second["functions"][0]["artifact"], deployed["functions"][0]["artifact"]);
    owner.runs(&["snippet"]).ended(0).prints("data-dnt");

    // Back, and forth again.
    timed("rollback", || owner.runs(&["rollback", "--yes"])).ended(0).says("2 to change");
    assert_eq!(status(&owner)["functions"], deployed["functions"]);
    assert_eq!(api.hit("/back"), 202);
    owner.runs(&["rollback", "--yes"]).ended(0);
    assert_eq!(status(&owner)["functions"], second["functions"]);
    let counted = counted + 1;
    assert_eq!(api.views(), counted);

    timed("destroy", || owner.runs(&["destroy", "--yes"]))
        .ended(0)
        .says("The table footfall stays")
        .says("Deleted the bucket");
    assert_eq!(status(&owner)["status"], Value::Null);
    owner.runs(&["destroy", "--yes"]).ended(0).says("There is nothing to delete");

    // What was kept is taken up again: nothing that was counted is lost.
    timed("deploy that adopts the table", || owner.deploys(&["--yes"])).ended(0).says("1 to adopt");
    let api = Api::of(ministack.port, &status(&owner));
    assert_eq!(api.views(), counted);
    assert_eq!(api.hit("/again"), 202);
    assert_eq!(api.views(), counted + 1);

    let wrong = ["destroy", "--yes", "--delete-data", "--site", "example.org"];
    owner.runs(&wrong).ended(2).says("nothing was deleted");
    let right = ["destroy", "--yes", "--delete-data", "--site", "example.com"];
    timed("destroy with the data", || owner.runs(&right)).ended(0).says("Deleted the table");
    owner.runs(&["destroy", "--yes"]).ended(0).says("There is nothing to delete");
}

/// Hits while something else happens.
#[derive(Debug, Default)]
struct Load {
    sent: u64,
    accepted: u64,
}

/// Deploys other code and other settings while hits come in.
fn second_version(owner: &Owner, api: &Api) -> Load {
    owner.writes("footfall.yaml", b"sites:\n  - domain: example.com\n    respect_dnt: true\n");
    let track = owner.path("functions/track");
    // Another file, and the same program: what follows its end is not read.
    let mut binary = fs::read(&track).unwrap();
    binary.extend(b"2");
    fs::write(&track, binary).unwrap();
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        let hits = scope.spawn(|| {
            let mut load = Load::default();
            while !over.load(Ordering::Relaxed) {
                load.sent += 1;
                load.accepted += u64::from(api.hit("/load") == 202);
                thread::sleep(Duration::from_millis(20));
            }
            load
        });
        let deployed = owner.deploys(&["--yes"]);
        // Some are also taken by the new version.
        thread::sleep(Duration::from_secs(1));
        over.store(true, Ordering::Relaxed);
        deployed.ended(0).says("0 to add, 2 to change, 0 to remove");
        let load = hits.join().unwrap();
        assert!(load.accepted > 10, "{load:?}");
        load
    })
}
