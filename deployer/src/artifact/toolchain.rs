//! The Rust toolchain for Lambda: the target's standard library and Rust's own linker. Building needs no
//! Docker, no Zig and no C compiler.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};
use clap::ValueEnum;

use crate::error::CommandError;

/// Lambda architecture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Arch {
    /// Graviton, a fifth cheaper for the same work
    Arm64,
    /// Intel and AMD
    #[value(name = "x86_64")]
    X86_64,
}

impl Arch {
    /// Returns Rust's target. It links statically, so binaries run on any Linux.
    pub(crate) const fn target(self) -> &'static str {
        match self {
            Self::Arm64 => "aarch64-unknown-linux-musl",
            Self::X86_64 => "x86_64-unknown-linux-musl",
        }
    }
}

/// Returns the compiler that cargo will use.
pub(crate) fn rustc() -> OsString {
    let named = env::var_os("RUSTC").filter(|rustc| !rustc.is_empty());
    named.unwrap_or_else(|| OsString::from("rustc"))
}

/// Whether the target's standard library is installed.
pub(crate) fn has_target(arch: Arch) -> Result<bool> {
    Ok(has_core(&library(arch)?))
}

/// Installs the target's standard library with rustup if it is missing. Fails with a hint if there is no
/// rustup.
pub(crate) fn ensure_target(arch: Arch) -> Result<()> {
    if has_target(arch)? {
        return Ok(());
    }
    let target = arch.target();
    eprintln!("Adding Rust's target {target}.");
    let added = Command::new("rustup").args(["target", "add", target]).status();
    match added {
        Ok(status) if status.success() => Ok(()),
        Ok(_) => Err(CommandError::failed(
            format!("`rustup target add {target}` failed, see above"),
            "fix the cause and run this again",
        )
        .into()),
        Err(_) => Err(CommandError::failed(
            format!(
                "Rust has no standard library for {target}: {} is missing",
                library(arch)?.display()
            ),
            "install Rust from https://rustup.rs, or your system's package for this target",
        )
        .into()),
    }
}

/// Fails if Rust's own linker is missing.
pub(crate) fn ensure_linker() -> Result<()> {
    let host = rustc_prints(&["--print", "host-tuple"])?;
    let linker = sysroot()?.join("lib/rustlib").join(host.trim()).join("bin/rust-lld");
    if linker.is_file() {
        return Ok(());
    }
    Err(CommandError::failed(
        format!("Rust's linker {} is missing", linker.display()),
        "install Rust from https://rustup.rs, or your system's package rust-lld",
    )
    .into())
}

fn library(arch: Arch) -> Result<PathBuf> {
    Ok(sysroot()?.join("lib/rustlib").join(arch.target()).join("lib"))
}

fn sysroot() -> Result<PathBuf> {
    Ok(PathBuf::from(rustc_prints(&["--print", "sysroot"])?.trim()))
}

fn has_core(library: &Path) -> bool {
    let Ok(files) = library.read_dir() else { return false };
    let is_core = |name: OsString| name.to_string_lossy().starts_with("libcore-");
    files.filter_map(Result::ok).any(|file| is_core(file.file_name()))
}

fn rustc_prints(arguments: &[&str]) -> Result<String> {
    let rustc = rustc();
    let output = Command::new(&rustc).args(arguments).output();
    let output = output.with_context(|| format!("cannot start {}", rustc.to_string_lossy()))?;
    if !output.status.success() {
        bail!(
            "`{} {}` failed: {}",
            rustc.to_string_lossy(),
            arguments.join(" "),
            String::from_utf8_lossy(&output.stderr).trim()
        );
    }
    String::from_utf8(output.stdout).context("rustc did not print text")
}
