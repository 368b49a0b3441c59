//! No crate of ours has an `unsafe` in it: the workspace forbids it, and every crate takes the workspace's lints.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test ends there")]

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

#[test]
fn every_crate_forbids_it() {
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
        let takes_them = read(Path::new(manifest)).contains("\n[lints]\nworkspace = true\n");
        assert!(takes_them, "{manifest} must have `[lints] workspace = true`");
    }
    // The fuzzer's crate is a workspace of its own.
    assert!(read(&root.join("fuzz/src/lib.rs")).contains("#![forbid(unsafe_code)]"));
}
