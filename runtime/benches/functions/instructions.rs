//! Instruction counts from valgrind's callgrind. They barely vary between runs or machines of one kind, so a test can
//! hold them to a limit.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

use super::lambda::{Function, Program};

/// Folder for callgrind's counts per function, to read with `callgrind_annotate`. Build the functions with
/// `CARGO_PROFILE_LAMBDA_STRIP=none` to see their names.
const KEEP: &str = "FOOTFALL_BENCH_CALLGRIND";

/// Calls counted after the first; their average is reported.
const CALLS: usize = 20;

/// Repetitions of each count, of which the lowest is reported: on a busy machine valgrind is so slow that requests
/// time out and are retried, which adds instructions.
const TRIES: usize = 3;

/// Instructions of a function, by phase.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Instructions {
    /// From its start to its first request for an event.
    pub(crate) init: u64,
    /// The first event.
    pub(crate) first: u64,
    /// Each later event, on average.
    pub(crate) warm: u64,
}

/// Counts the instructions of a program that handles events.
pub(crate) async fn count(program: &Program, event: impl Fn(usize) -> Value) -> Instructions {
    // Runs once without valgrind, so that what is created once a day exists.
    Function::start(program).await.invoke(&event(0)).await;
    let init = least(program, &event, 0).await;
    let first = least(program, &event, 1).await;
    let all = least(program, &event, 1 + CALLS).await;
    Instructions {
        init,
        first: first.saturating_sub(init),
        warm: all.saturating_sub(first) / CALLS as u64,
    }
}

async fn least(program: &Program, event: &impl Fn(usize) -> Value, events: usize) -> u64 {
    let mut least = u64::MAX;
    for _ in 0..TRIES {
        least = least.min(run(program, event, events).await);
    }
    least
}

/// Instructions of one run with `events` events.
async fn run(program: &Program, event: &impl Fn(usize) -> Value, events: usize) -> u64 {
    let folder = tempfile::tempdir().unwrap();
    let kept = std::env::var_os(KEEP).map(PathBuf::from);
    let out = kept.as_deref().unwrap_or_else(|| folder.path());
    let out = out.join(format!("callgrind.{events}.out"));
    let mut counted = program.clone();
    counted.command = ["valgrind", "--tool=callgrind", "-q"].map(PathBuf::from).into();
    counted.command.push(format!("--callgrind-out-file={}", out.display()).into());
    counted.command.extend(program.command.iter().cloned());
    let mut function = Function::start(&counted).await;
    for number in 0..events {
        function.invoke(&event(number)).await;
    }
    function.end();
    let out = fs::read_to_string(&out).expect("callgrind leaves what it counted");
    let total =
        out.lines().find_map(|line| line.strip_prefix("totals:").or(line.strip_prefix("summary:")));
    total.and_then(|total| total.trim().parse().ok()).expect("callgrind counts instructions")
}

/// valgrind's version, if it is installed.
pub(crate) fn valgrind() -> Option<String> {
    let output = Command::new("valgrind").arg("--version").output().ok()?;
    Some(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
