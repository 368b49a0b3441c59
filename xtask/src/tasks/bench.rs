//! `cargo xtask bench`: measures, and writes what came of it into BENCHMARKS.md.

use std::process::ExitCode;

use anyhow::Result;
use clap::ValueEnum;

use crate::process::{cargo, hand_over};

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// What to measure
    #[arg(value_enum)]
    part: Part,
    /// What the part is told: see the file of its bench
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    rest: Vec<String>,
}

/// A part of BENCHMARKS.md.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    /// Hits a second through `dev`, beside SQLite from Node
    Throughput,
}

pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode> {
    let (features, bench) = match arguments.part {
        Part::Throughput => ("dev", "throughput"),
    };
    let mut command = cargo();
    command.args(["bench", "--package", "footfall-runtime", "--features", features]);
    command.args(["--bench", bench, "--"]).args(&arguments.rest);
    hand_over(command)
}
