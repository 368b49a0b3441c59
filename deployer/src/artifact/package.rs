//! Packages a function's binary for Lambda: a zip with one file, `bootstrap`.
//!
//! The same binary always gives the same bytes. Its key contains a hash of the binary, so CloudFormation sees a
//! change only if there is one.

use std::io::{Cursor, Write as _};

use anyhow::{Context as _, Result};
use footfall_infra::function::Function;
use sha2::{Digest as _, Sha256};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipWriter};

/// The file that Lambda's custom runtimes start.
///
/// <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-custom.html>
const BOOTSTRAP: &str = "bootstrap";

/// A packaged function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Package {
    /// The function.
    pub(crate) function: Function,
    /// Its key in the bucket. Contains the hash of the binary, because the zip also depends on the library that
    /// wrote it.
    pub(crate) key: String,
    /// The zip.
    pub(crate) zip: Vec<u8>,
    /// Size of the binary in bytes.
    pub(crate) binary_bytes: usize,
}

impl Package {
    /// Packages a binary.
    pub(crate) fn of(function: Function, binary: &[u8]) -> Result<Self> {
        let hash = Sha256::digest(binary);
        let hash: String = hash.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
        Ok(Self {
            function,
            key: format!("{}/{hash}.zip", function.name()),
            zip: zip(binary).context("cannot package the binary")?,
            binary_bytes: binary.len(),
        })
    }
}

fn zip(binary: &[u8]) -> zip::result::ZipResult<Vec<u8>> {
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .compression_level(Some(9))
        // Lambda runs it as another user.
        .unix_permissions(0o755)
        // A fixed time, the oldest that zips support, keeps the bytes reproducible.
        .last_modified_time(DateTime::default());
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    zip.start_file(BOOTSTRAP, options)?;
    zip.write_all(binary)?;
    Ok(zip.finish()?.into_inner())
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    #[test]
    fn package_contains_only_the_binary() {
        let binary = b"\x7fELF and so on".repeat(1000);
        let package = Package::of(Function::Track, &binary).unwrap();
        assert_eq!(package, Package::of(Function::Track, &binary).unwrap());
        let mut archive = zip::ZipArchive::new(Cursor::new(&package.zip)).unwrap();
        assert_eq!(archive.len(), 1);
        let mut file = archive.by_index(0).unwrap();
        assert_eq!(file.name().unwrap(), "bootstrap");
        assert_eq!(file.unix_mode().map(|mode| mode & 0o777), Some(0o755));
        let mut unpacked = Vec::new();
        file.read_to_end(&mut unpacked).unwrap();
        assert_eq!(unpacked, binary);
    }

    #[test]
    fn key_depends_on_function_and_binary() {
        let key = |function, binary: &[u8]| Package::of(function, binary).unwrap().key;
        let one = key(Function::Track, b"one");
        assert_eq!(one, "track/7692c3ad3540bb803c020b3aee66cd88.zip");
        assert_ne!(one, key(Function::Track, b"two"));
        assert_ne!(one, key(Function::Dashboard, b"one"));
    }
}
