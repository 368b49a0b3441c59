//! `cargo xtask bench`: measures, and writes the results to BENCHMARKS.md.

use std::path::Path;
use std::process::ExitCode;

use anyhow::Result;
use clap::ValueEnum;

use crate::process::{cargo, hand_over, root, run, target_folder};
use crate::tools::functions::{ARM64_FUNCTIONS, build_empty, build_for_arm64, build_functions};
use crate::tools::{apt, npm};

/// Programs that build the Lambda runtime of the Node contenders, which is published as C++ source.
const PROGRAMS: [(&str, &str); 8] = [
    ("node", "nodejs"),
    ("npm", "npm"),
    ("c++", "g++"),
    ("cmake", "cmake"),
    ("autoreconf", "autoconf"),
    ("aclocal", "automake"),
    ("libtoolize", "libtool"),
    ("valgrind", "valgrind"),
];

/// Node's headers, and the Debian package that has them if Node's own does not.
const NODE_HEADERS: (&str, &str) = ("/usr/include/node/node.h", "libnode-dev");

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// What to measure [default: everything]
    #[arg(value_enum)]
    part: Option<Part>,
    /// Arguments for the part, which the file of its bench describes
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    rest: Vec<String>,
}

/// A part of BENCHMARKS.md.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    /// The functions: start-up, memory, size and instructions, compared with their Node predecessor
    Functions,
    /// Hits per second of `dev`, compared with SQLite from Node
    Throughput,
}

pub(crate) fn run_parts(arguments: &Arguments) -> Result<ExitCode> {
    let parts = arguments.part.as_ref().map_or(Part::value_variants(), std::slice::from_ref);
    for part in parts {
        let code = part.run(&arguments.rest)?;
        if code != ExitCode::SUCCESS {
            return Ok(code);
        }
    }
    Ok(ExitCode::SUCCESS)
}

impl Part {
    fn run(self, rest: &[String]) -> Result<ExitCode> {
        let mut command = cargo();
        command.args(["bench", "--package", "footfall-runtime"]);
        match self {
            Self::Functions => {
                install_contenders()?;
                let functions = build_functions(&["track", "dashboard"])?;
                build_empty(&functions)?;
                command.env("FOOTFALL_BENCH_FUNCTIONS", functions);
                // Their sizes as deployed.
                run(&mut build_for_arm64()?)?;
                command.env("FOOTFALL_BENCH_PACKAGES", target_folder().join(ARM64_FUNCTIONS));
                command.args(["--features", "dev,lambda", "--bench", "functions"]);
            }
            Self::Throughput => {
                command.args(["--features", "dev", "--bench", "throughput"]);
            }
        }
        command.arg("--").args(rest);
        hand_over(command)
    }
}

/// Installs Node and the contenders that the functions are compared with.
fn install_contenders() -> Result<()> {
    let mut packages = apt::missing(&PROGRAMS);
    let (headers, package) = NODE_HEADERS;
    if !Path::new(headers).is_file() {
        packages.push(package);
    }
    apt::install_packages(&packages)?;
    npm::install_locked(&root().join("runtime/benches/contenders"), &["aws-lambda-ric"])
}
