//! Fuzzing: every target of `fuzz/`, for a while, beginning with its corpus.

use std::env;
use std::fs;
use std::num::NonZero;
use std::path::Path;
use std::process::Command;
use std::sync::{Mutex, PoisonError};
use std::thread;

use anyhow::{Context as _, Result, bail};

use super::{heading, target_folder, tool};
use crate::process::{cargo, program, root, run};

const CARGO_FUZZ: &str = "cargo-fuzz@0.13.2";

/// What a single input may take, in seconds and in MB: more of either is a finding.
///
/// All inputs together stay far below the memory; what one of them allocates at once, too.
const LIMITS: [&str; 3] = ["-timeout=10", "-rss_limit_mb=2048", "-malloc_limit_mb=512"];

/// Builds the targets, and runs as many at a time as there are processors: each takes one. What they find lies below the
/// target folder, but for the input that fails, which is in `fuzz/artifacts`, and belongs into `fuzz/corpus` once it is
/// mended.
pub(super) fn run_targets() -> Result<()> {
    let manifest = root().join("fuzz/Cargo.toml");
    run(cargo().args(["fmt", "--check", "--manifest-path"]).arg(&manifest))?;
    // cargo-fuzz would change a lock file that does not fit.
    run(cargo()
        .args(["tree", "--quiet", "--locked", "--depth", "0", "--manifest-path"])
        .arg(&manifest))?;
    run(fuzz()?.arg("build").args(["--fuzz-dir", "fuzz"]))?;
    let seconds = seconds();
    heading(&format!("Fuzz, {seconds} s a target"));
    let left = Mutex::new(targets()?);
    let next = || left.lock().unwrap_or_else(PoisonError::into_inner).pop();
    let work = || {
        let mut failed = Vec::new();
        while let Some(target) = next() {
            if let Err(error) = run_target(&target, seconds) {
                eprintln!("error: {target}: {error:#}");
                failed.push(target);
            }
        }
        failed
    };
    let at_once = thread::available_parallelism().map_or(1, NonZero::get);
    let failed: Vec<String> = thread::scope(|scope| {
        let workers: Vec<_> = (0..at_once).map(|_| scope.spawn(work)).collect();
        let ended = workers.into_iter().map(thread::ScopedJoinHandle::join);
        ended.flat_map(|it| it.unwrap_or_else(|_| vec!["a worker panicked".to_owned()])).collect()
    });
    if !failed.is_empty() {
        bail!("there are findings: {}", failed.join(", "));
    }
    Ok(())
}

/// Runs a target. What it says comes at the end, so that two of them are not mixed.
fn run_target(target: &str, seconds: u64) -> Result<()> {
    let found = target_folder().join("fuzz/corpus").join(target);
    fs::create_dir_all(&found).with_context(|| format!("cannot make {}", found.display()))?;
    let words = Path::new("fuzz/dictionaries").join(target);
    let words = root().join(&words).is_file().then(|| format!("-dict={}", words.display()));
    let mut command = fuzz()?;
    command
        .args(["run", "--fuzz-dir", "fuzz", target])
        // New inputs go into the first folder.
        .args([&found, &Path::new("fuzz/corpus").join(target)])
        .args(["--", &format!("-max_total_time={seconds}"), "-print_final_stats=1"])
        .args(LIMITS)
        .args(words)
        // Beyond it, there is little that the shorter ones do not say.
        .args(["-max_len=8192", "-verbosity=0", "-print_funcs=0"]);
    let output = command.output().context("cannot start cargo-fuzz")?;
    heading(&format!("Fuzz, {target}, {seconds} s"));
    eprintln!("{}", String::from_utf8_lossy(&output.stderr).trim_end());
    if !output.status.success() {
        bail!("cargo-fuzz ended with {}", output.status);
    }
    Ok(())
}

/// cargo-fuzz in the root's folder. It asks the compiler for what is unstable: coverage and the address
/// sanitizer. `RUSTC_BOOTSTRAP` lets the one that builds everything else do that, so that no second toolchain
/// is needed, of which nobody would know the version.
fn fuzz() -> Result<Command> {
    let mut command = program(tool(CARGO_FUZZ, "cargo-fuzz")?, root());
    command.env("RUSTC_BOOTSTRAP", "1").env("CARGO_TARGET_DIR", target_folder().join("fuzz"));
    Ok(command)
}

/// How long each target runs: `FOOTFALL_FUZZ_SECONDS`, or what suits who waits.
fn seconds() -> u64 {
    let said = env::var("FOOTFALL_FUZZ_SECONDS").ok().and_then(|seconds| seconds.parse().ok());
    said.unwrap_or(if env::var_os("CI").is_some() { 60 } else { 10 })
}

/// The targets by name.
fn targets() -> Result<Vec<String>> {
    let folder = root().join("fuzz/fuzz_targets");
    let mut names = Vec::new();
    for file in
        fs::read_dir(&folder).with_context(|| format!("cannot read {}", folder.display()))?
    {
        let file = file?.path();
        names.extend(file.file_stem().map(|stem| stem.to_string_lossy().into_owned()));
    }
    names.sort();
    Ok(names)
}
