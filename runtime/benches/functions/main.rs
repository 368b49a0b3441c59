//! Speed of the functions in what Lambda bills, compared with the design Footfall grew out of: `cargo xtask bench
//! functions`.
//!
//! Each program is started repeatedly, in turn with the others, by the benchmark's own Runtime API and over its own
//! DynamoDB stub (functions/stub.rs). Times are CPU time: other load lengthens them by some percent but keeps their
//! ratios. `-- instructions` counts the instructions of `track` alone and fails above the limit. `-- beside FOLDER`
//! compares our functions with another build of them, such as one from before a change, and prints the results.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a bench ends there"
)]

mod contenders;
mod instructions;
mod lambda;
mod process;
mod rounds;
mod site;
mod sizes;
mod stub;
mod written;

use std::path::Path;
use std::process::ExitCode;

use contenders::Contenders;
use footfall_testkit::report::whole;
use stub::Stub;

/// Maximum instructions of `track` over TLS: until its first response, and for each later one. These are 3,499,264
/// and 461,357 as measured when the limit was set, plus 5 %. The aims were 5.5 and 0.5 million.
const MOST_TO_FIRST: u64 = 3_674_000;
const MOST_WARM: u64 = 484_000;

/// Starts of each program.
const ROUNDS: usize = 15;

#[tokio::main]
async fn main() -> ExitCode {
    let asked: Vec<String> = std::env::args().skip(1).filter(|it| !it.starts_with("--")).collect();
    match asked.first().map(String::as_str) {
        Some("instructions") => gate().await,
        Some("beside") => {
            let folder = asked.get(1).expect("the folder with the other functions");
            print!("{}", written::beside(&rounds::beside(ROUNDS, Path::new(folder)).await));
            ExitCode::SUCCESS
        }
        rounds => {
            let rounds = rounds.map_or(ROUNDS, |rounds| rounds.parse().expect("how many rounds"));
            let measured = rounds::measure(rounds).await;
            written::write(&measured);
            ExitCode::SUCCESS
        }
    }
}

/// Fails if `track` uses more instructions than the limit.
async fn gate() -> ExitCode {
    let stub = Stub::start().await;
    let track = Contenders::find().track(&stub, true);
    let counted = instructions::count(&track, site::own_hit).await;
    stub.tables.asked();
    println!("track: {} instructions until its first response", whole(counted.init));
    println!("track: {} for it", whole(counted.first));
    println!("track: {} for each later event", whole(counted.warm));
    let to_first = counted.init + counted.first;
    if to_first > MOST_TO_FIRST || counted.warm > MOST_WARM {
        println!(
            "too many instructions: at most {} until the first response, and {} for each later event",
            whole(MOST_TO_FIRST),
            whole(MOST_WARM)
        );
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}
