//! An owner's folder, the deployer to run in it, and scripted answers in place of AWS.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may panic")]
#![allow(dead_code, reason = "not every test uses all of it")]

pub(crate) mod import_job;
pub(crate) mod ministack;
pub(crate) mod scripted;

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::mpsc;
use std::time::Duration;
use std::{env, fs, thread};

use footfall_infra::function::Function;

/// Maximum duration of a command. Packing unstripped functions takes longest.
const PATIENCE: Duration = Duration::from_secs(120);

/// Result of a command.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ran {
    /// Ends the test if the command did not end so.
    pub(crate) fn ended(self, code: i32) -> Self {
        assert_eq!(self.code, code, "stdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self
    }

    pub(crate) fn says(self, text: &str) -> Self {
        assert!(self.stderr.contains(text), "no {text:?} in:\n{}", self.stderr);
        self
    }

    pub(crate) fn prints(self, text: &str) -> Self {
        assert!(self.stdout.contains(text), "no {text:?} in:\n{}", self.stdout);
        self
    }
}

/// A folder to deploy from.
pub(crate) struct Owner {
    folder: tempfile::TempDir,
    endpoint: String,
}

impl Owner {
    /// With a site, and credentials that are sent to `endpoint` in place of AWS.
    pub(crate) fn of(endpoint: &str) -> Self {
        let owner = Self { folder: tempfile::tempdir().unwrap(), endpoint: endpoint.to_owned() };
        owner.writes("footfall.yaml", b"sites:\n  - domain: example.com\n");
        owner
    }

    /// Puts something in the place of every function's binary.
    pub(crate) fn has_functions(&self) {
        for function in Function::ALL {
            let name = function.name();
            self.writes(&format!("functions/{name}"), name.as_bytes());
        }
    }

    pub(crate) fn writes(&self, name: &str, bytes: &[u8]) {
        let file = self.folder.path().join(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, bytes).unwrap();
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The deployer as a command in this folder, without this machine's AWS configuration.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_footfall-deployer"));
        command.args(arguments).current_dir(self.folder.path()).env_clear();
        command.stdin(Stdio::null());
        command.env("HOME", self.folder.path()).env("PATH", env::var_os("PATH").unwrap());
        command.env("AWS_ENDPOINT_URL", &self.endpoint).env("AWS_REGION", "eu-central-1");
        command.env("AWS_ACCESS_KEY_ID", "test").env("AWS_SECRET_ACCESS_KEY", "test");
        command.env("AWS_EC2_METADATA_DISABLED", "true");
        command
    }

    pub(crate) fn runs(&self, arguments: &[&str]) -> Ran {
        ran(output(self.command(arguments)))
    }

    /// A deploy of the binaries in the folder `functions`.
    pub(crate) fn deploys(&self, arguments: &[&str]) -> Ran {
        let mut all = vec!["deploy", "--functions", "functions", "--arch", "x86_64"];
        all.extend(arguments);
        self.runs(&all)
    }
}

/// Runs a command to its end, which it must come to: a command that waits for ever fails the test, and
/// does not hang it.
fn output(mut command: Command) -> Output {
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let id = child.id().to_string();
    let (done, ended) = mpsc::channel();
    thread::spawn(move || done.send(child.wait_with_output()));
    let Ok(output) = ended.recv_timeout(PATIENCE) else {
        let _ = Command::new("kill").arg(id).status();
        panic!("{command:?} does not end");
    };
    output.unwrap()
}

pub(crate) fn ran(output: Output) -> Ran {
    Ran {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// Cargo's folder of binaries.
pub(crate) fn bin_folder() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_footfall-deployer")).parent().unwrap()
}

/// The items of an export.
pub(crate) fn exported(file: &Path) -> Vec<serde_json::Value> {
    let file = fs::File::open(file).unwrap();
    let lines = BufReader::new(flate2::read::GzDecoder::new(file)).lines();
    let item = |line: String| {
        let mut line: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(line.as_object().unwrap().len(), 1);
        line["Item"].take()
    };
    lines.map(|line| item(line.unwrap())).collect()
}
