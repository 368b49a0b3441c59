//! Lambda's Runtime API as a function sees it, with the times of requests and responses recorded.
//!
//! <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html>

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use http_body_util::Full;
use hyper::Response;
use hyper::body::Bytes;
use serde_json::Value;
use tempfile::NamedTempFile;
use tokio::sync::{Mutex, mpsc};

use super::process::Process;
use footfall_testkit::fake::{self, Asked, Told};

/// A program to measure, with all that Lambda would start it with.
#[derive(Debug, Clone)]
pub(crate) struct Program {
    /// Program and arguments.
    pub(crate) command: Vec<PathBuf>,
    /// Working directory.
    pub(crate) folder: PathBuf,
    /// Environment variables besides those that Lambda sets.
    pub(crate) variables: Vec<(&'static str, String)>,
}

/// Maximum time for any step of a function. valgrind slows it down about fifty times.
const PATIENCE: Duration = Duration::from_secs(180);

/// Messages from the function to the Runtime API.
#[derive(Debug)]
enum Said {
    /// The function asks for the next event.
    Next,
    /// A response, and when it arrived.
    Answer(Vec<u8>, Instant),
    /// The function reported an error.
    Failed(String),
}

/// A running function that has asked for its first event. Dropping it ends the process.
pub(crate) struct Function {
    child: Child,
    log: NamedTempFile,
    events: mpsc::UnboundedSender<(String, Vec<u8>)>,
    said: mpsc::UnboundedReceiver<Said>,
}

impl Function {
    /// Starts a program and waits until it asks for its first event.
    pub(crate) async fn start(program: &Program) -> Self {
        let (events, queue) = mpsc::unbounded_channel();
        let (saying, said) = mpsc::unbounded_channel();
        let queue = Arc::new(Mutex::new(queue));
        let api = fake::serve(move |asked| {
            let (queue, saying) = (Arc::clone(&queue), saying.clone());
            async move { answer(asked, &queue, &saying).await }
        })
        .await;
        let log = NamedTempFile::new().unwrap();
        let path = std::env::var_os("PATH").unwrap_or_default();
        let child = Command::new(&program.command[0])
            .args(&program.command[1..])
            .current_dir(&program.folder)
            .env_clear()
            .env("PATH", path)
            .env("TZ", "UTC")
            .env("AWS_LAMBDA_RUNTIME_API", api.to_string())
            .env("AWS_LAMBDA_FUNCTION_NAME", "bench")
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128")
            .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
            .env("LAMBDA_TASK_ROOT", &program.folder)
            .envs(program.variables.iter().map(|(name, value)| (*name, value)))
            .stdin(Stdio::null())
            .stdout(log.reopen().unwrap())
            .stderr(log.reopen().unwrap())
            .spawn()
            .unwrap_or_else(|error| panic!("cannot start {:?}: {error}", program.command));
        let mut function = Self { child, log, events, said };
        assert!(matches!(function.next_said().await, Said::Next), "{}", function.log());
        function
    }

    pub(crate) fn process(&self) -> Process {
        Process::of(&self.child)
    }

    /// Everything the function has logged so far.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.log.path()).unwrap()
    }

    async fn next_said(&mut self) -> Said {
        let deadline = Instant::now() + PATIENCE;
        loop {
            match tokio::time::timeout(Duration::from_millis(200), self.said.recv()).await {
                Ok(Some(Said::Failed(why))) => panic!("the function failed: {why}\n{}", self.log()),
                Ok(Some(said)) => return said,
                _ => {}
            }
            let ended = self.child.try_wait().unwrap();
            assert!(ended.is_none(), "the function ended ({ended:?}); it logged:\n{}", self.log());
            assert!(
                Instant::now() < deadline,
                "the function sent nothing; it logged:\n{}",
                self.log()
            );
        }
    }

    /// Sends an event and returns the response with the time it took on the clock. The function has then asked for
    /// the next event.
    pub(crate) async fn invoke(&mut self, event: &Value) -> (Value, Duration) {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let id = format!("request-{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        let event = serde_json::to_vec(event).unwrap();
        let began = Instant::now();
        self.events.send((id, event)).unwrap();
        let Said::Answer(answer, at) = self.next_said().await else {
            panic!("expected a response; the function logged:\n{}", self.log())
        };
        assert!(matches!(self.next_said().await, Said::Next), "{}", self.log());
        (serde_json::from_slice(&answer).unwrap(), at - began)
    }

    /// Like `event`, but limited to the CPU share of a 128 MB function.
    pub(crate) async fn invoke_held_back(&mut self, event: &Value) -> (Value, Duration) {
        let (is_over, process) = (Arc::new(AtomicBool::new(false)), self.process());
        let holding = Arc::clone(&is_over);
        let holding = std::thread::spawn(move || {
            process.hold_back(|| holding.load(Ordering::Relaxed));
        });
        let answer = self.invoke(event).await;
        is_over.store(true, Ordering::Relaxed);
        holding.join().unwrap();
        answer
    }

    /// Asks the function to end, and waits until it has.
    pub(crate) fn end(mut self) {
        self.process().terminate();
        self.child.wait().unwrap();
    }
}

impl Drop for Function {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

async fn answer(
    asked: Asked,
    queue: &Mutex<mpsc::UnboundedReceiver<(String, Vec<u8>)>>,
    saying: &mpsc::UnboundedSender<Said>,
) -> Told {
    let at = Instant::now();
    let path = asked.path.strip_prefix("/2018-06-01/runtime/").unwrap_or(&asked.path);
    let parts: Vec<&str> = path.split('/').collect();
    match (asked.method.as_str(), &parts[..]) {
        ("GET", ["invocation", "next"]) => {
            saying.send(Said::Next).ok()?;
            let (id, event) = queue.lock().await.recv().await?;
            let deadline = jiff::Timestamp::now().as_millisecond() + 60_000;
            let answer = Response::builder()
                .header("content-type", "application/json")
                .header("lambda-runtime-aws-request-id", id)
                .header("lambda-runtime-deadline-ms", deadline)
                .header("lambda-runtime-trace-id", "Root=1-6928a6f0-2f1e5a7c3b9d8e4f60718293")
                .header(
                    "lambda-runtime-invoked-function-arn",
                    "arn:aws:lambda:eu-central-1:123456789012:function:bench",
                );
            return Some(answer.body(Full::new(Bytes::from(event))).unwrap());
        }
        ("POST", ["invocation", _, "response"]) => {
            saying.send(Said::Answer(asked.body, at)).ok()?;
        }
        _ => {
            let body = String::from_utf8_lossy(&asked.body);
            saying.send(Said::Failed(format!("{} {}: {body}", asked.method, asked.path))).ok()?;
        }
    }
    fake::json(202, r#"{"status":"OK"}"#)
}

/// Returns the path if the file exists, and fails otherwise.
pub(crate) fn existing(file: &Path) -> PathBuf {
    assert!(file.exists(), "{} does not exist: run `cargo xtask bench`", file.display());
    file.to_owned()
}
