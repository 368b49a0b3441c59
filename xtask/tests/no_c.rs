//! The runtime is Rust alone: no crate below it compiles C, or links a library of the system.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test ends there")]

use std::process::Command;

use serde_json::Value;

/// Crates by which a build script reaches for C.
const C_BUILDERS: [&str; 5] = ["bindgen", "cc", "cmake", "pkg-config", "vcpkg"];

/// What a cargo command prints.
fn cargo(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO")).args(arguments).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// The packages below the runtime as it is built for a target, by name and version. Build scripts
/// are run, so what they need counts; tests are not shipped.
fn below_the_runtime(target: &str) -> Vec<(String, String)> {
    let tree = cargo(&[
        "tree",
        "--package",
        "footfall-runtime",
        "--features",
        "lambda,dev",
        "--target",
        target,
        "--edges",
        "normal,build",
        "--prefix",
        "none",
        "--format",
        "{p}",
    ]);
    let package = |line: &str| {
        let mut words = line.split(' ');
        let (name, version) = (words.next().unwrap(), words.next().unwrap());
        (name.to_owned(), version.trim_start_matches('v').to_owned())
    };
    tree.lines().filter(|line| !line.is_empty()).map(package).collect()
}

#[test]
fn nothing_below_the_runtime_is_c() {
    let metadata: Value =
        serde_json::from_str(&cargo(&["metadata", "--all-features", "--format-version", "1"]))
            .unwrap();
    let links = |name: &str, version: &str| {
        let packages = metadata["packages"].as_array().unwrap();
        let package = packages.iter().find(|p| p["name"] == name && p["version"] == version);
        package.unwrap_or_else(|| panic!("{name} {version} is in no metadata"))["links"].clone()
    };
    for target in ["aarch64-unknown-linux-musl", "x86_64-unknown-linux-gnu"] {
        let packages = below_the_runtime(target);
        // The walk has gone all the way down.
        for expected in ["lambda_runtime", "graviola", "redb", "libc"] {
            assert!(packages.iter().any(|(name, _)| name == expected), "{expected} on {target}");
        }
        for (name, version) in packages {
            assert!(!C_BUILDERS.contains(&&*name), "{name} builds C, on {target}");
            // Its size, its memory and its time at every hit: see runtime/src/store/dynamodb.rs.
            assert!(!name.starts_with("aws-s"), "{name} is of AWS's SDK, on {target}");
            let found = links(&name, &version);
            assert!(found.is_null(), "{name} links {found}, on {target}");
        }
    }
}
