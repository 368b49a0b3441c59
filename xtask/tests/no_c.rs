//! The runtime is pure Rust: no dependency compiles C or links a system library.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a panic fails the test")]

use std::process::Command;

use serde_json::Value;

/// Crates that build scripts use to compile or find C.
const C_BUILDERS: [&str; 5] = ["bindgen", "cc", "cmake", "pkg-config", "vcpkg"];

/// Returns the output of a cargo command.
fn cargo(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO")).args(arguments).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Returns the runtime's dependencies for a target, by name and version.
///
/// Dependencies of build scripts are included because these run during a build. Those of tests are not.
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
fn no_dependency_of_the_runtime_is_c() {
    let metadata: Value =
        serde_json::from_str(&cargo(&["metadata", "--all-features", "--format-version", "1"]))
            .unwrap();
    let links = |name: &str, version: &str| {
        let packages = metadata["packages"].as_array().unwrap();
        let package = packages.iter().find(|p| p["name"] == name && p["version"] == version);
        package.unwrap_or_else(|| panic!("missing metadata of {name} {version}"))["links"].clone()
    };
    for target in ["aarch64-unknown-linux-musl", "x86_64-unknown-linux-gnu"] {
        let packages = below_the_runtime(target);
        // The list is complete.
        for expected in ["lambda_runtime", "graviola", "redb", "libc"] {
            assert!(packages.iter().any(|(name, _)| name == expected), "{expected} on {target}");
        }
        for (name, version) in packages {
            assert!(!C_BUILDERS.contains(&&*name), "{name} compiles C on {target}");
            // The AWS SDK costs size, memory, and time per hit: see runtime/src/storage/dynamodb.rs.
            assert!(!name.starts_with("aws-s"), "{name} is part of the AWS SDK, on {target}");
            let found = links(&name, &version);
            assert!(found.is_null(), "{name} links {found} on {target}");
        }
    }
}
