//! How many instructions a function takes, by valgrind's callgrind: the same from run to run, nearly, and on any machine
//! of the kind. So it can be held to a limit where times cannot.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

use super::lambda::{Function, Program};

/// So many calls are counted after the first, for the average.
const CALLS: usize = 20;

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
    let init = run(program, &event, 0).await;
    let first = run(program, &event, 1).await;
    let all = run(program, &event, 1 + CALLS).await;
    Instructions {
        init,
        first: first.saturating_sub(init),
        warm: all.saturating_sub(first) / CALLS as u64,
    }
}

/// The instructions of a run with so many events.
async fn run(program: &Program, event: &impl Fn(usize) -> Value, events: usize) -> u64 {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("callgrind.out");
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
