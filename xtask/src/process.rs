//! Starting other programs.

use std::env;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, ExitStatus, Stdio};

use anyhow::{Context as _, Result, bail};

/// Returns the workspace's folder.
pub(crate) fn root() -> &'static Path {
    // This crate lies directly below it.
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or_else(|| Path::new("."))
}

/// Returns the folder of everything that needs Node.
pub(crate) fn npm_folder() -> PathBuf {
    root().join("runtime/npm")
}

/// Returns cargo's target folder.
pub(crate) fn target_folder() -> PathBuf {
    env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}

/// Returns the current cargo, to run in the current folder, which has the settings and the data.
pub(crate) fn cargo() -> Command {
    Command::new(env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo")))
}

/// Returns a command that runs a program in a folder.
pub(crate) fn program(name: impl AsRef<OsStr>, folder: &Path) -> Command {
    let mut command = Command::new(name);
    command.current_dir(folder);
    command
}

/// Runs a program, and returns its exit code.
pub(crate) fn hand_over(mut command: Command) -> Result<ExitCode> {
    let status = start(&mut command)?;
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    Ok(code.map_or(ExitCode::FAILURE, ExitCode::from))
}

/// Runs a program, which must succeed.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let status = start(command)?;
    if !status.success() {
        bail!("`{}` failed ({status})", shown(command));
    }
    Ok(())
}

/// Returns the output of a program, which must succeed.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let output = command.stderr(Stdio::inherit()).output();
    let output = output.with_context(|| format!("cannot start `{}`", shown(command)))?;
    if !output.status.success() {
        bail!("`{}` failed ({})", shown(command), output.status);
    }
    String::from_utf8(output.stdout)
        .with_context(|| format!("`{}` printed invalid UTF-8", shown(command)))
}

/// Finds a program on the PATH.
pub(crate) fn find(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file())
}

fn start(command: &mut Command) -> Result<ExitStatus> {
    command.status().with_context(|| {
        format!("cannot start `{}`; is it installed?", command.get_program().to_string_lossy())
    })
}

/// Returns a command as it would be typed.
fn shown(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(OsStr::to_string_lossy).collect::<Vec<_>>().join(" ")
}

/// Prints a heading to standard error.
pub(crate) fn heading(text: &str) {
    eprintln!("\n== {text}");
}
