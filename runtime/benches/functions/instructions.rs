//! How many instructions a function takes, by valgrind's callgrind: the same from run to run, nearly, and on any machine
//! of the kind. So it can be held to a limit where times cannot.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

use super::lambda::{Function, Program};

/// Where to leave what callgrind counted, by function, for `callgrind_annotate`. Build the functions with
/// `CARGO_PROFILE_LAMBDA_STRIP=none`, so that they have names.
const KEEP: &str = "FOOTFALL_BENCH_CALLGRIND";

/// So many calls are counted after the first, for the average.
const CALLS: usize = 20;

/// So often it is counted. On a busy machine, valgrind is so slow that a request may be given up and sent again: what
/// lies on top of the least is that.
const TRIES: usize = 3;

/// What a function takes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Instructions {
    /// From its start until it asked for its first event.
    pub(crate) init: u64,
    /// For the first event.
    pub(crate) first: u64,
    /// For each of those after it.
    pub(crate) warm: u64,
}

/// Counts the instructions of a program that is given events.
pub(crate) async fn count(program: &Program, event: impl Fn(usize) -> Value) -> Instructions {
    // Without valgrind, so that what is made once a day is there.
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

/// The instructions of a run with so many events.
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

/// What valgrind says of its version, if it is there.
pub(crate) fn valgrind() -> Option<String> {
    let output = Command::new("valgrind").arg("--version").output().ok()?;
    Some(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
