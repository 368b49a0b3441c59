//! Fuzzing: runs every target of `fuzz/` for a while, starting from its corpus.

use std::env;
use std::fs;
use std::num::NonZero;
use std::path::Path;
use std::process::Command;
use std::sync::{Mutex, PoisonError};
use std::thread;

use anyhow::{Context as _, Result, bail};

use crate::process::{cargo, heading, program, root, run, target_folder};
use crate::tools::cargo_install;

const CARGO_FUZZ: &str = "cargo-fuzz@0.13.2";

/// Limits for a single input, in seconds and MB. Exceeding one is a finding.
///
/// Normal inputs stay far below them.
const LIMITS: [&str; 3] = ["-timeout=10", "-rss_limit_mb=2048", "-malloc_limit_mb=512"];

/// Builds the targets, and runs one per processor at a time.
///
/// New inputs are kept below the target folder. An input that fails is in `fuzz/artifacts`. Move it to `fuzz/corpus`
/// once its cause is fixed.
pub(super) fn run_targets() -> Result<()> {
    let manifest = root().join("fuzz/Cargo.toml");
    run(cargo().args(["fmt", "--check", "--manifest-path"]).arg(&manifest))?;
    // cargo-fuzz would update an outdated lock file.
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
        bail!("findings in {}", failed.join(", "));
    }
    Ok(())
}

/// Runs a target. Its output is printed at the end, so that parallel runs do not mix.
fn run_target(target: &str, seconds: u64) -> Result<()> {
    let found = target_folder().join("fuzz/corpus").join(target);
    fs::create_dir_all(&found).with_context(|| format!("cannot make {}", found.display()))?;
    let words = Path::new("fuzz/dictionaries").join(target);
    let words = root().join(&words).is_file().then(|| format!("-dict={}", words.display()));
    let mut command = fuzz()?;
    command
        .args(["run", "--fuzz-dir", "fuzz", target])
        // libFuzzer writes new inputs to the first folder.
        .args([&found, &Path::new("fuzz/corpus").join(target)])
        .args(["--", &format!("-max_total_time={seconds}"), "-print_final_stats=1"])
        .args(LIMITS)
        .args(words)
        // Longer inputs reach hardly any more code.
        .args(["-max_len=8192", "-verbosity=0", "-print_funcs=0"]);
    let output = command.output().context("cannot start cargo-fuzz")?;
    heading(&format!("Fuzz, {target}, {seconds} s"));
    eprintln!("{}", String::from_utf8_lossy(&output.stderr).trim_end());
    if !output.status.success() {
        bail!("cargo-fuzz ended with {}", output.status);
    }
    Ok(())
}

/// Returns a command that runs cargo-fuzz in the workspace.
///
/// It needs unstable features: coverage and the address sanitizer. `RUSTC_BOOTSTRAP` enables them in the normal
/// compiler, so no second toolchain of an unknown version is needed.
fn fuzz() -> Result<Command> {
    let mut command = program(cargo_install::install(CARGO_FUZZ, "cargo-fuzz")?, root());
    command.env("RUSTC_BOOTSTRAP", "1").env("CARGO_TARGET_DIR", target_folder().join("fuzz"));
    Ok(command)
}

/// Returns the seconds per target: `FOOTFALL_FUZZ_SECONDS`, or a default for people or for CI.
fn seconds() -> u64 {
    let set = env::var("FOOTFALL_FUZZ_SECONDS").ok().and_then(|seconds| seconds.parse().ok());
    set.unwrap_or(if env::var_os("CI").is_some() { 60 } else { 10 })
}

/// Returns the names of all targets, sorted.
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
