//! Footfall's own binaries, built for tests and benches.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::process::{cargo, output, program, root, run, target_folder};

/// The functions' target, and the folder of their binaries below the target folder.
pub(crate) const ARM64: &str = "aarch64-unknown-linux-musl";
pub(crate) const ARM64_FUNCTIONS: &str = "aarch64-unknown-linux-musl/lambda";

/// Lets graviola start under valgrind, which does not report the ADX instructions although it supports them.
///
/// It only skips the check for them.
const FOR_VALGRIND: (&str, &str) = ("VALGRIND_BUG_494162", "1");

/// Links as the Lambda target does: statically, and without relocations at start.
const STATIC: [&str; 4] = ["-C", "target-feature=+crt-static", "-C", "relocation-model=static"];

/// Builds the workspace's binaries and returns the path of one.
///
/// All have the features of the tests, so that nothing is built twice.
pub(crate) fn binary(name: &str) -> Result<PathBuf> {
    run(cargo().args(["build", "--workspace", "--all-features", "--bins", "--quiet"]))?;
    Ok(target_folder().join("debug").join(name))
}

/// Returns the deployer's command that builds the functions.
///
/// If rustup cannot add the target, `FOOTFALL_ARM64_RUSTC` names a compiler that has it.
pub(crate) fn build_for_arm64() -> Result<Command> {
    let mut build = program(binary("footfall-deployer")?, root());
    build.arg("build");
    if let Some(rustc) = env::var_os("FOOTFALL_ARM64_RUSTC") {
        build.env("RUSTC", rustc);
    }
    Ok(build)
}

/// Builds functions as they are deployed, but for this machine. Returns their folder.
pub(crate) fn build_functions(names: &[&str]) -> Result<PathBuf> {
    let host = host()?;
    let mut build = cargo();
    build.args(["build", "--package", "footfall-runtime", "--features", "lambda"]);
    build.args(["--profile", "lambda", "--target", &host]).env(FOR_VALGRIND.0, FOR_VALGRIND.1);
    let flags = STATIC.map(|flag| format!("\"{flag}\"")).join(", ");
    build.arg("--config").arg(format!("target.{host}.rustflags = [{flags}]"));
    for name in names {
        build.args(["--bin", name]);
    }
    run(&mut build)?;
    Ok(target_folder().join(host).join("lambda"))
}

/// Builds a bootstrap that does nothing, as the profile `lambda` would.
///
/// It calls the compiler directly, because cargo would also build the tests' dependencies.
pub(crate) fn build_empty(folder: &Path) -> Result<()> {
    let mut build = rustc();
    build.args(["--edition", "2024", "-C", "opt-level=3", "-C", "lto=fat"]);
    build.args(["-C", "codegen-units=1", "-C", "strip=symbols"]).args(STATIC);
    build.arg("runtime/examples/empty.rs").arg("-o");
    run(build.arg(folder.join("empty")))
}

/// Returns this machine's target, such as `x86_64-unknown-linux-gnu`.
fn host() -> Result<String> {
    let text = output(rustc().arg("-vV"))?;
    let host = text.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(host.context("rustc -vV prints no host")?.to_owned())
}

fn rustc() -> Command {
    program(env::var_os("RUSTC").unwrap_or_else(|| OsString::from("rustc")), root())
}
