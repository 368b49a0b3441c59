//! The servers compared: `dev` and its peers.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// A server under test.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Contender {
    /// Footfall's `dev`.
    Dev,
    /// A row per hit in SQLite, from Node.
    Sqlite,
    /// The same with group commit, as in `dev`.
    SqliteGrouped,
}

/// Settings of `dev`: one trusted proxy, so that the client can choose each visitor's address.
pub(crate) const SETTINGS: &str = "sites: [{domain: example.com}]\ntrusted_proxies: 1\n";

/// Folder of the peer and its dependencies.
const PEER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/peers/sqlite");

impl Contender {
    pub(crate) const ALL: [Self; 3] = [Self::Dev, Self::Sqlite, Self::SqliteGrouped];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Dev => "Footfall",
            Self::Sqlite => "SQLite, Node",
            Self::SqliteGrouped => "SQLite, Node, in groups",
        }
    }

    fn command(self, folder: &Path) -> Vec<String> {
        match self {
            Self::Dev => {
                let dev = [env!("CARGO_BIN_EXE_dev"), "--port", "0", "--data", "data"];
                dev.map(str::to_owned).into()
            }
            Self::Sqlite | Self::SqliteGrouped => {
                let file = folder.join("hits.db").display().to_string();
                let mut command = vec!["node".to_owned(), format!("{PEER}/server.mjs"), file];
                command.extend((self == Self::SqliteGrouped).then(|| "--group".to_owned()));
                command
            }
        }
    }
}

/// Installs the peer's dependencies, pinned by its lock file.
pub(crate) fn install_peer() {
    let installed = Path::new(PEER).join("node_modules/.package-lock.json");
    let lock = Path::new(PEER).join("package-lock.json");
    let age = |file: &Path| fs::metadata(file).and_then(|meta| meta.modified()).ok();
    if age(&installed) >= age(&lock) {
        return;
    }
    let status = Command::new("npm").args(["ci", "--silent"]).current_dir(PEER).status();
    assert!(status.expect("npm is installed").success(), "npm ci failed in {PEER}");
}

/// A folder for one server on a real disk, where a sync has its price.
pub(crate) fn folder() -> TempDir {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    fs::write(folder.path().join("footfall.yaml"), SETTINGS).unwrap();
    folder
}

/// A running server. Dropping it ends the process.
pub(crate) struct Server {
    child: Child,
    pub(crate) address: SocketAddr,
    /// Lines it writes to standard error.
    said: Receiver<String>,
    /// strace's summary file, if strace is used.
    watched: Option<PathBuf>,
}

/// Resources a process has used since its start.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Used {
    /// CPU milliseconds of all its threads, in user and kernel mode.
    pub(crate) cpu: f64,
    /// Bytes written to disk.
    pub(crate) written: f64,
}

impl Server {
    pub(crate) fn start(contender: Contender, folder: &Path) -> Self {
        Self::spawn(&contender.command(folder), folder, None)
    }

    /// Starts the server under strace, which counts its disk syncs.
    pub(crate) fn start_watched(contender: Contender, folder: &Path) -> Self {
        let summary = folder.join("strace");
        // The tracer runs behind the server (-D), so that the started process is the server itself.
        let strace = ["strace", "-D", "-f", "--seccomp-bpf", "-c", "-e"].map(str::to_owned);
        let mut command: Vec<String> = strace.into();
        command.push("trace=fsync,fdatasync".to_owned());
        command.extend(["-o".to_owned(), summary.display().to_string(), "--".to_owned()]);
        command.extend(contender.command(folder));
        Self::spawn(&command, folder, Some(summary))
    }

    fn spawn(command: &[String], folder: &Path, watched: Option<PathBuf>) -> Self {
        let mut child = Command::new(&command[0])
            .args(&command[1..])
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{}: {error}", command[0]));
        let (say, said) = channel();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        std::thread::spawn(move || {
            stderr.lines().map_while(Result::ok).for_each(|line| drop(say.send(line)));
        });
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        let address = lines.find_map(|line| {
            let (_, rest) = line.split_once("http://")?;
            rest.split('/').next()?.parse().ok()
        });
        // Reads everything else, so that the server never blocks on a full pipe.
        std::thread::spawn(move || lines.for_each(drop));
        let Some(address) = address else {
            let said: Vec<String> = said.iter().collect();
            panic!("{} did not start: {}", command[0], said.join("\n"));
        };
        Self { child, address, said, watched }
    }

    pub(crate) fn used(&self) -> Used {
        let written = value(&format!("/proc/{}/io", self.child.id()), "write_bytes:");
        Used { cpu: cpu(self.child.id()), written }
    }

    /// Current and peak resident memory, in megabytes.
    pub(crate) fn memory(&self) -> (f64, f64) {
        let file = format!("/proc/{}/status", self.child.id());
        let megabytes = |name| value(&file, name) * 1024.0 / 1e6;
        (megabytes("VmRSS:"), megabytes("VmHWM:"))
    }

    /// What it wrote to standard error since the last call.
    pub(crate) fn said(&self) -> Vec<String> {
        self.said.try_iter().collect()
    }

    /// Ends it with SIGTERM, as the system would.
    pub(crate) fn stop(&mut self) {
        let stopped = Command::new("kill").arg(self.child.id().to_string()).status();
        assert!(stopped.is_ok_and(|status| status.success()), "the server had ended");
        within(20, "the server ends", || self.child.try_wait().unwrap());
    }

    /// Ends it and returns the number of disk syncs.
    pub(crate) fn stop_watched(mut self) -> u64 {
        self.stop();
        let file = self.watched.take().expect("it was watched");
        let summary = within(20, "strace ends", || {
            fs::read_to_string(&file).ok().filter(|text| text.contains("total"))
        });
        // % time, seconds, usecs/call, calls, …, total
        let total = summary.lines().find(|line| line.trim_end().ends_with("total")).unwrap();
        total.split_whitespace().nth(3).and_then(|calls| calls.parse().ok()).unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// CPU time of a process's threads, in milliseconds.
pub(crate) fn cpu(id: u32) -> f64 {
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).unwrap();
    // Fields after the name, which may contain spaces: the 12th and 13th are ticks of 10 ms.
    let (_, rest) = stat.rsplit_once(')').unwrap();
    let ticks = rest.split_whitespace().skip(11).take(2).map(|ticks| ticks.parse::<f64>().unwrap());
    ticks.sum::<f64>() * 10.0
}

/// A number from a file of names and values.
fn value(file: &str, name: &str) -> f64 {
    let text = fs::read_to_string(file).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    line.split_whitespace().next().unwrap().parse().unwrap()
}

/// Waits until `found` returns a value. Fails after `seconds` and names what did not happen.
pub(crate) fn within<T>(seconds: u64, what: &str, mut found: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + Duration::from_secs(seconds);
    loop {
        if let Some(value) = found() {
            return value;
        }
        assert!(Instant::now() < deadline, "{what}: not within {seconds} seconds");
        std::thread::sleep(Duration::from_millis(5));
    }
}
