//! Lambda as a function sees it: the Runtime API, and an otherwise empty environment.
//!
//! <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html>

use std::collections::HashMap;
use std::io::Read as _;
use std::net::SocketAddr;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http_body_util::Full;
use hyper::body::Bytes;
use serde_json::Value;
use tempfile::NamedTempFile;
use tokio::sync::{Mutex as AsyncMutex, mpsc, oneshot};

use crate::fake::{self, Asked, Told};
use crate::wait::wait_for;

/// A function's answer to an event, or its error.
type Outcome = Result<Value, Value>;

/// Senders for pending outcomes, by invocation id.
type Waiting = Mutex<HashMap<String, oneshot::Sender<Outcome>>>;

/// A running function. Dropping it ends the process.
pub struct Function {
    child: Child,
    /// Its standard error, which Lambda keeps as the log.
    log: NamedTempFile,
    events: mpsc::UnboundedSender<(String, Vec<u8>)>,
    waiting: Arc<Waiting>,
}

impl Function {
    /// Starts `binary` as Lambda starts a `bootstrap`.
    ///
    /// Only a few of Lambda's own variables are set. A function must not need the others.
    pub async fn start(binary: &str, variables: &[(&str, String)]) -> Self {
        let (events, queue) = mpsc::unbounded_channel::<(String, Vec<u8>)>();
        let queue = Arc::new(AsyncMutex::new(queue));
        let waiting = Arc::new(Waiting::default());
        let told = Arc::clone(&waiting);
        let api = fake::serve(move |asked| {
            let (queue, told) = (Arc::clone(&queue), Arc::clone(&told));
            async move { answer(asked, &queue, &told).await }
        })
        .await;
        let log = NamedTempFile::new().unwrap();
        let file = log.reopen().unwrap();
        let child = command(binary, api, variables).stdout(Stdio::null()).stderr(file).spawn();
        Self { child: child.unwrap(), log, events, waiting }
    }

    /// Returns its log so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.log.path()).unwrap()
    }

    /// Returns the CPU time used so far, to a hundredth of a second.
    pub fn cpu(&self) -> Duration {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap();
        // The name, in brackets, may contain any character: https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html
        let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
        let ticks: u64 = fields[11..13].iter().map(|ticks| ticks.parse::<u64>().unwrap()).sum();
        Duration::from_millis(ticks * 10)
    }

    /// Returns its peak memory so far, in bytes.
    pub fn peak(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
    }

    /// Sends an event, and waits for the outcome.
    pub async fn invoke(&self, event: &Value) -> Outcome {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let id = format!("request-{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        let (sender, outcome) = oneshot::channel();
        self.waiting.lock().unwrap().insert(id.clone(), sender);
        self.events.send((id, serde_json::to_vec(event).unwrap())).unwrap();
        let outcome = tokio::time::timeout(Duration::from_secs(300), outcome).await;
        outcome.expect("the function answers within 5 minutes").unwrap()
    }
}

impl Drop for Function {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Starts `binary` with an environment that it must reject. Returns its exit status and its standard error.
pub async fn fails_to_start(binary: &str, variables: &[(&str, String)]) -> (ExitStatus, String) {
    let api =
        fake::serve(|asked| async move { panic!("unexpected request for {}", asked.path) }).await;
    let mut child = command(binary, api, variables).stderr(Stdio::piped()).spawn().unwrap();
    let status = wait_for("the function gives up", 300, || child.try_wait().unwrap());
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    (status, said)
}

fn command(binary: &str, api: SocketAddr, variables: &[(&str, String)]) -> Command {
    let mut command = Command::new(binary);
    command
        .env_clear()
        .env("AWS_LAMBDA_RUNTIME_API", api.to_string())
        .env("AWS_LAMBDA_FUNCTION_NAME", "footfall-test")
        .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128")
        .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
        .envs(variables.iter().map(|(name, value)| (*name, value)))
        .stdin(Stdio::null());
    command
}

async fn answer(
    asked: Asked,
    queue: &AsyncMutex<mpsc::UnboundedReceiver<(String, Vec<u8>)>>,
    waiting: &Waiting,
) -> Told {
    let path = asked.path.strip_prefix("/2018-06-01/runtime/").unwrap_or(&asked.path);
    let parts: Vec<&str> = path.split('/').collect();
    let (id, outcome) = match (asked.method.as_str(), &parts[..]) {
        ("GET", ["invocation", "next"]) => {
            // Lambda does not respond until there is an event.
            let (id, event) = queue.lock().await.recv().await?;
            let answer = hyper::Response::builder()
                .header("content-type", "application/json")
                .header("lambda-runtime-aws-request-id", id)
                .header("lambda-runtime-deadline-ms", deadline_ms())
                .header("lambda-runtime-trace-id", "Root=1-6928a6f0-2f1e5a7c3b9d8e4f60718293")
                .header(
                    "lambda-runtime-invoked-function-arn",
                    "arn:aws:lambda:eu-central-1:123456789012:function:footfall-test",
                );
            return Some(answer.body(Full::new(Bytes::from(event))).unwrap());
        }
        ("POST", ["invocation", id, "response"]) => (*id, Ok(json(&asked.body))),
        ("POST", ["invocation", id, "error"]) => (*id, Err(json(&asked.body))),
        (method, _) => panic!("{method} {} is not part of the Runtime API", asked.path),
    };
    let waits = waiting.lock().unwrap().remove(id).expect("one outcome for each invocation");
    // The test may have stopped waiting.
    let _ = waits.send(outcome);
    fake::json(202, r#"{"status":"OK"}"#)
}

fn deadline_ms() -> String {
    (jiff::Timestamp::now().as_millisecond() + 10_000).to_string()
}

fn json(body: &[u8]) -> Value {
    serde_json::from_slice(body).unwrap()
}
