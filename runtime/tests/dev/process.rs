//! `dev` as its user starts it: the real binary, on port 0, in a folder of the test's own.

use std::io::{BufRead as _, BufReader, Read as _};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::JoinHandle;

use serde_json::Value;
use tempfile::TempDir;

use footfall_testkit::FIREFOX;
use footfall_testkit::http::{self, Answer};
use footfall_testkit::wait::wait_for;

const DEV: &str = env!("CARGO_BIN_EXE_dev");

/// A server that runs. It is killed when this is dropped.
pub(crate) struct Dev {
    child: Child,
    pub(crate) address: SocketAddr,
    /// What it said before the address, and after it.
    greeting: JoinHandle<String>,
}

/// A folder to start `dev` in: with settings, if any are given, and room for the data.
pub(crate) fn folder(settings: Option<&str>) -> TempDir {
    let folder = TempDir::new().unwrap();
    if let Some(settings) = settings {
        std::fs::write(folder.path().join("footfall.yaml"), settings).unwrap();
    }
    folder
}

/// `dev` in a folder, with its data there, and nothing in its environment.
pub(crate) fn command(folder: &Path, arguments: &[&str]) -> Command {
    command_on("0", folder, arguments)
}

/// The same on a port.
pub(crate) fn command_on(port: &str, folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(DEV);
    command.args(["--port", port, "--data", "data"]).args(arguments);
    in_folder(&mut command, folder);
    command
}

/// The same by way of a shell, which sets limits or another user first: `exec "$@"` ends `script`.
pub(crate) fn command_through(folder: &Path, script: &str) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", script, "sh", DEV, "--port", "0", "--data", "data"]);
    in_folder(&mut command, folder);
    command.env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
    command
}

fn in_folder(command: &mut Command, folder: &Path) {
    command.current_dir(folder).env_clear().stdin(Stdio::null());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
}

/// Runs a command that is to fail: how it ends, and what it says on standard error.
pub(crate) fn fails(mut command: Command) -> (ExitStatus, String) {
    let mut child = command.spawn().unwrap();
    let status = wait_for("it gives up", 300, || child.try_wait().unwrap());
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    (status, said)
}

impl Dev {
    /// Starts it in `folder`, and waits until it listens.
    pub(crate) fn start(folder: &Path) -> Self {
        Self::spawn(command(folder, &[])).unwrap_or_else(|said| panic!("{said}"))
    }

    /// Runs a command that starts it; what it said on standard error, if it ends instead.
    pub(crate) fn spawn(mut command: Command) -> Result<Self, String> {
        let mut child = command.spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut stderr = child.stderr.take().unwrap();
        let mut seen = String::new();
        let address = loop {
            let Some(line) = lines.next() else {
                let mut said = String::new();
                stderr.read_to_string(&mut said).unwrap();
                let _ = child.wait();
                return Err(said);
            };
            let line = line.unwrap();
            seen.push_str(&line);
            seen.push('\n');
            if let Some((_, rest)) = line.split_once("http://") {
                break rest.split('/').next().unwrap().parse().unwrap();
            }
        };
        // Both are read to their ends, so that it never waits for room in a pipe.
        let greeting = std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                seen.push_str(&line);
                seen.push('\n');
            }
            seen
        });
        std::thread::spawn(move || {
            // As the test's own words, which are shown if it fails.
            BufReader::new(stderr).lines().map_while(Result::ok).for_each(|l| eprintln!("{l}"));
        });
        Ok(Self { child, address, greeting })
    }

    /// Ends it as Ctrl-C does: how it ends, and all that it said on standard output.
    pub(crate) fn stop(mut self) -> (ExitStatus, String) {
        let id = self.id();
        let stopped = Command::new("kill").args(["-s", "INT", &id]).status().unwrap();
        assert!(stopped.success());
        let status = wait_for("it stops", 300, || self.child.try_wait().unwrap());
        let greeting = std::mem::replace(&mut self.greeting, std::thread::spawn(String::new));
        (status, greeting.join().unwrap())
    }

    /// Ends it at once, as `kill -9` does.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Its process id.
    pub(crate) fn id(&self) -> String {
        self.child.id().to_string()
    }

    pub(crate) fn send(
        &self,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Answer {
        http::request(self.address, method, target, headers, body)
            .unwrap_or_else(|error| panic!("{method} {target}: {error}"))
    }

    pub(crate) fn get(&self, target: &str) -> Answer {
        self.send("GET", target, &[], b"")
    }

    /// Posts a hit as a person's Firefox does.
    pub(crate) fn hit(&self, body: &str) -> Answer {
        let headers = [("User-Agent", FIREFOX), ("Content-Type", "text/plain")];
        self.send("POST", "/track", &headers, body.as_bytes())
    }

    /// Posts a page view that must be accepted.
    pub(crate) fn view(&self, url: &str) {
        let answer = self.hit(&serde_json::json!({ "u": url }).to_string());
        assert_eq!((answer.status, answer.header("x-footfall-dropped")), (202, None), "{url}");
    }

    /// The report of the last two days, as data: a test may run over the end of a day.
    pub(crate) fn report(&self) -> Value {
        let answer = self.get("/dashboard?days=2&format=json");
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()
    }

    /// The same as a page.
    pub(crate) fn page(&self) -> String {
        let answer = self.get("/dashboard?days=2");
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.text()
    }
}

impl Drop for Dev {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
