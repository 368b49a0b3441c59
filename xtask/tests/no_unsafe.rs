//! No `unsafe` code: the workspace forbids it, and every crate inherits the workspace's lints.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a panic fails the test")]

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

#[test]
fn every_crate_forbids_unsafe_code() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let read = |file: &Path| fs::read_to_string(file).unwrap();
    let lints = read(&root.join("Cargo.toml"));
    let (_, lints) = lints.split_once("[workspace.lints.rust]\n").unwrap();
    assert!(lints.starts_with("unsafe_code = \"forbid\"\n"));

    let arguments = ["metadata", "--no-deps", "--format-version", "1"];
    let output = Command::new(env!("CARGO")).args(arguments).output().unwrap();
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let manifests: Vec<&str> = metadata["packages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|package| package["manifest_path"].as_str().unwrap())
        .collect();
    assert!(manifests.len() >= 4, "{manifests:?}");
    for manifest in manifests {
        let inherits = read(Path::new(manifest)).contains("\n[lints]\nworkspace = true\n");
        assert!(inherits, "{manifest} must have `[lints] workspace = true`");
    }
    // The fuzz targets are a separate workspace.
    assert!(read(&root.join("fuzz/src/lib.rs")).contains("#![forbid(unsafe_code)]"));
}
