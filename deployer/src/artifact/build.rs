//! Builds the functions for Lambda and packages them.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};
use footfall_infra::function::Function;

use crate::artifact::package::Package;
use crate::artifact::toolchain::{self, Arch};

/// Maximum size of a zip in bytes. A larger one is a mistake, because it slows down every cold start. For arm64
/// they had 1,608,682, 2,864,689 and 1,963,729 bytes; the rest leaves room for the other architecture.
const fn max_zip(function: Function) -> usize {
    match function {
        Function::Track => 1_800_000,
        Function::Dashboard => 3_100_000,
        Function::Rollup => 2_150_000,
    }
}

/// Builds and packages every function.
pub(crate) fn packages(arch: Arch) -> Result<Vec<Package>> {
    let packages = packages_of(root(), arch, &Function::ALL, &[])?;
    packages.iter().try_for_each(check_size)?;
    Ok(packages)
}

/// Builds and packages some functions of a workspace.
///
/// `remaps` are further folders that the binaries must not name, as `FOLDER=NAME`.
pub(crate) fn packages_of(
    root: &Path,
    arch: Arch,
    functions: &[Function],
    remaps: &[String],
) -> Result<Vec<Package>> {
    toolchain::ensure_target(arch)?;
    toolchain::ensure_linker()?;
    compile(root, arch, functions, remaps)?;
    pack(&folder(root, arch), functions)
}

/// Packages every function from existing binaries.
pub(crate) fn packages_from(folder: &Path) -> Result<Vec<Package>> {
    pack(folder, &Function::ALL)
}

fn pack(folder: &Path, functions: &[Function]) -> Result<Vec<Package>> {
    let pack = |function: &Function| {
        let file = folder.join(function.name());
        let binary = fs::read(&file).with_context(|| format!("cannot read {}", file.display()))?;
        Package::of(*function, &binary)
    };
    functions.iter().map(pack).collect()
}

/// Rejects a zip that is too large.
pub(crate) fn check_size(package: &Package) -> Result<()> {
    let (function, bytes, most) = (package.function, package.zip.len(), max_zip(package.function));
    if bytes > most {
        bail!(
            "the zip of {} is too large: {bytes} bytes, expected at most {most}",
            function.name()
        );
    }
    Ok(())
}

fn compile(root: &Path, arch: Arch, functions: &[Function], remaps: &[String]) -> Result<()> {
    let target = arch.target();
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(["build", "--package", "footfall-runtime", "--features", "lambda"]);
    cargo.args(["--profile", "lambda", "--target", target]);
    for function in functions {
        cargo.args(["--bin", function.name()]);
    }
    let linker = format!("CARGO_TARGET_{}_LINKER", target.to_uppercase().replace('-', "_"));
    cargo.env(linker, "rust-lld");
    cargo.env("CARGO_ENCODED_RUSTFLAGS", flags(root, arch, remaps).join("\x1f"));
    let status = cargo.current_dir(root).status().context("cannot start cargo")?;
    if !status.success() {
        bail!("cannot build the functions, see above");
    }
    Ok(())
}

/// Returns the compiler's flags. They do not depend on the environment, so the same sources give the same bytes.
fn flags(root: &Path, arch: Arch, remaps: &[String]) -> Vec<String> {
    let mut flags = vec![
        "-Clink-self-contained=yes".to_owned(),
        // Fold identical functions.
        "-Clink-arg=--icf=all".to_owned(),
    ];
    if arch == Arch::Arm64 {
        // Lambda's arm64 is Graviton2 or later.
        flags.push("-Ctarget-cpu=neoverse-n1".to_owned());
    }
    // Keep paths of the building machine out of the binary.
    let remap = |folder: &Path, name: &str| format!("{}={name}", folder.display());
    let mut remaps = remaps.to_vec();
    let home = env::var_os("HOME").map(PathBuf::from);
    let cargo_home = env::var_os("CARGO_HOME").map(PathBuf::from);
    if let Some(cargo) = cargo_home.or_else(|| home.map(|home| home.join(".cargo"))) {
        remaps.push(remap(&cargo, "/cargo"));
    }
    remaps.push(remap(root, "/footfall"));
    // Generated code is in the target folder, possibly within the workspace.
    remaps.push(remap(&target_folder(root), "/target"));
    // The last match wins, so a folder comes after those around it.
    remaps.sort_by(|a, b| a.split('=').cmp(b.split('=')));
    flags.extend(remaps.iter().map(|remap| format!("--remap-path-prefix={remap}")));
    flags
}

/// Returns the folder of the built binaries.
pub(crate) fn folder(root: &Path, arch: Arch) -> PathBuf {
    target_folder(root).join(arch.target()).join("lambda")
}

fn target_folder(root: &Path) -> PathBuf {
    let target = env::var_os("CARGO_TARGET_DIR");
    // A relative path is relative to where cargo runs.
    target.map_or_else(|| root.join("target"), |target| root.join(target))
}

/// Returns the folder of the workspace.
pub(crate) fn root() -> &'static Path {
    // This crate is directly below it.
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or_else(|| Path::new("."))
}
