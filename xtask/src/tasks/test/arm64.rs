//! The functions as they are deployed: built reproducibly, and run by an emulator.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, bail};

use crate::process::{cargo, find, heading, output, program, root, run, target_folder};
use crate::tools::dynamodb_local;
use crate::tools::functions::{ARM64_FUNCTIONS, build_for_arm64};

/// The function that is built a second time.
///
/// All three are made of the same library, and a second build of all would link two more. This one contains what the
/// build script generates, which is the most likely part to depend on a folder.
const REBUILT: &str = "track";

/// Builds the functions, checks that the build is reproducible, and runs their tests in an emulator.
pub(super) fn run_emulated() -> Result<()> {
    let functions = target_folder().join(ARM64_FUNCTIONS);
    is_reproducible(&functions)?;
    // An arm64 machine needs no emulator, so `env` takes its place.
    let runner = if cfg!(target_arch = "aarch64") { "env" } else { "qemu-aarch64-static" };
    let runner = find(runner).with_context(|| format!("{runner} is not installed"))?;
    run(cargo()
        .args(["test", "--workspace", "--all-features", "--test", "functions", "arm64"])
        .args(["--", "--ignored"])
        .env("FOOTFALL_DYNAMODB_LOCAL", dynamodb_local::install()?)
        .env("FOOTFALL_ARM64_FUNCTIONS", functions)
        .env("FOOTFALL_ARM64_RUNNER", runner))
}

/// Builds the functions, and checks that a copy of the sources in another folder gives the same bytes.
///
/// The copy starts from what is built already, and has all optimizations. Both builds keep both folders out of the
/// binaries, so the compiler's flags are equal. Otherwise cargo would build the dependencies again, which takes most of
/// the time and tells nothing: their sources are in the same place for both. Only the workspace's own crates and one
/// function are built twice.
fn is_reproducible(functions: &Path) -> Result<()> {
    let folder = target_folder().join("copy");
    if folder.exists() {
        fs::remove_dir_all(&folder)
            .with_context(|| format!("cannot empty {}", folder.display()))?;
    }
    let (sources, target) = (folder.join("in/another/place"), folder.join("target"));
    let remap = |sources: &Path, target: &Path| {
        [(sources, "/footfall"), (target, "/target")]
            .map(|(folder, name)| format!("--remap={}={name}", folder.display()))
    };
    run(build_for_arm64()?.args(remap(&sources, &target)))?;
    heading("Arm64, once more from a copy of the sources");
    copy_sources(&sources)?;
    // Build scripts and macros are in the host's folder.
    for part in ["lambda", ARM64_FUNCTIONS] {
        copy_folder(&target_folder().join(part), &target.join(part))?;
        forget_own_crates(&target.join(part))?;
    }
    let copies = target.join(ARM64_FUNCTIONS);
    let read = |folder: &Path, file: &str| {
        let file = folder.join(file);
        fs::read(&file).with_context(|| format!("cannot read {}", file.display()))
    };
    let files = [REBUILT.to_owned(), format!("{REBUILT}.zip")];
    for file in &files {
        fs::remove_file(copies.join(file)).with_context(|| format!("missing {file}"))?;
    }
    let mut build = build_for_arm64()?;
    build.args(["--function", REBUILT, "--workspace"]).arg(&sources);
    build.args(remap(root(), &target_folder()));
    run(build.env("CARGO_TARGET_DIR", &target))?;
    for file in &files {
        if read(functions, file)? != read(&copies, file)? {
            bail!(
                "{file} depends on the folder that it is built in; compare with {}",
                copies.display()
            );
        }
    }
    // The other functions must not contain their folder either. (They may contain that of Rust's own library, which is
    // part of the toolchain.)
    for place in [root().to_path_buf(), target_folder()] {
        let place = place.to_string_lossy();
        for file in ["track", "dashboard", "rollup"] {
            let binary = read(functions, file)?;
            if binary.windows(place.len()).any(|w| w == place.as_bytes()) {
                bail!("{file} contains {place}; remap it in deployer/src/artifact/build.rs");
            }
        }
    }
    fs::remove_dir_all(&folder).with_context(|| format!("cannot remove {}", folder.display()))
}

/// Makes cargo build the workspace's own crates again.
fn forget_own_crates(profile: &Path) -> Result<()> {
    let folder = profile.join(".fingerprint");
    for entry in
        fs::read_dir(&folder).with_context(|| format!("cannot read {}", folder.display()))?
    {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with("footfall-") {
            fs::remove_dir_all(entry.path()).context("cannot remove a fingerprint")?;
        }
    }
    Ok(())
}

/// Copies the files that are committed or would be.
fn copy_sources(to: &Path) -> Result<()> {
    let files = ["ls-files", "--cached", "--others", "--exclude-standard"];
    for file in output(program("git", root()).args(files))?.lines() {
        let (from, to) = (root().join(file), to.join(file));
        // A deleted file is listed until that is committed.
        if from.is_file() {
            fs::create_dir_all(to.parent().context("a file has no folder")?)?;
            fs::copy(&from, &to).with_context(|| format!("cannot copy {file}"))?;
        }
    }
    Ok(())
}

/// Copies a folder with its timestamps, by which cargo knows what is up to date.
fn copy_folder(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to).with_context(|| format!("cannot create {}", to.display()))?;
    run(program("cp", from).args(["--recursive", "--preserve=timestamps", "."]).arg(to))
}
