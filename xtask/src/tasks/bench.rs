//! `cargo xtask bench`: measures, and writes what came of it into BENCHMARKS.md.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context as _, Result};
use clap::ValueEnum;

use crate::process::{cargo, hand_over, output, program, root, run, target_folder};
use crate::tasks::test::{
    ARM64_FUNCTIONS, build_for_arm64, install_locked, install_packages, missing,
};

/// Makes graviola start under valgrind, which does not say that it knows the instructions of ADX: it leaves out the
/// check for them, and nothing else.
const FOR_VALGRIND: (&str, &str) = ("VALGRIND_BUG_494162", "1");

/// As the functions' own target links them: with the C library, so that nothing else is loaded, and to a place that is
/// known, so that no address has to be adapted when it starts.
const STATIC: [&str; 4] = ["-C", "target-feature=+crt-static", "-C", "relocation-model=static"];

/// What the design that we come from runs under is published as sources of C++, and these build it.
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

/// Node's own headers, and the package of Debian's that has them where Node's does not.
const NODE_HEADERS: (&str, &str) = ("/usr/include/node/node.h", "libnode-dev");

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// What to measure; everything if not said
    #[arg(value_enum)]
    part: Option<Part>,
    /// What the part is told: see the file of its bench
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    rest: Vec<String>,
}

/// A part of BENCHMARKS.md.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    /// The functions: start, memory, size and instructions, beside the design they come from
    Functions,
    /// Hits a second through `dev`, beside SQLite from Node
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
                // How large they are for Lambda.
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

/// Node, and what our functions are measured beside.
fn install_contenders() -> Result<()> {
    let mut packages = missing(&PROGRAMS);
    let (headers, package) = NODE_HEADERS;
    if !Path::new(headers).is_file() {
        packages.push(package);
    }
    install_packages(&packages)?;
    install_locked(&root().join("runtime/benches/contenders"), &["aws-lambda-ric"])
}

/// Builds functions as they are deployed, but for this machine: the folder where they are.
pub(crate) fn build_functions(names: &[&str]) -> Result<PathBuf> {
    let host = host()?;
    let mut build = cargo();
    build.args(["build", "--package", "footfall-runtime", "--features", "lambda"]);
    build.args(["--profile", "lambda", "--target", &host]).env(FOR_VALGRIND.0, FOR_VALGRIND.1);
    let flags = STATIC.map(|flag| format!("\"{flag}\"")).join(", ");
    build.arg("--config").arg(format!("target.{host}.rustflags = [{flags}]"));
    for name in names {
        build.args(["--bin", name]);
    }
    run(&mut build)?;
    Ok(target_folder().join(host).join("lambda"))
}

/// Builds the bootstrap that does nothing by the compiler alone, as the profile `lambda` would: cargo would build with it
/// whatever else the tests need.
fn build_empty(folder: &Path) -> Result<()> {
    let mut build = rustc();
    build.args(["--edition", "2024", "-C", "opt-level=3", "-C", "lto=fat"]);
    build.args(["-C", "codegen-units=1", "-C", "strip=symbols"]).args(STATIC);
    build.arg("runtime/examples/empty.rs").arg("-o");
    run(build.arg(folder.join("empty")))
}

/// What this machine is to the compiler, such as `x86_64-unknown-linux-gnu`.
fn host() -> Result<String> {
    let said = output(rustc().arg("-vV"))?;
    let host = said.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(host.context("rustc does not say what this machine is")?.to_owned())
}

fn rustc() -> Command {
    program(env::var_os("RUSTC").unwrap_or_else(|| OsString::from("rustc")), root())
}
