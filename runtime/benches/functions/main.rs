//! How fast the functions are where Lambda bills it, beside the design they come from: `cargo xtask bench functions`.
//!
//! Every program is started again and again, in turn with the others, by a Runtime API of the bench's own, over a
//! DynamoDB of the bench's own (functions/stub.rs). Times are CPU time: what else the machine does makes them longer by
//! some percent, and leaves their ratios as they are. `-- instructions` counts those of `track` alone, and fails where
//! they are more than the limit. `-- beside FOLDER` measures our functions beside others of ours, such as those of before
//! a change, and prints what it finds.

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

/// How many instructions `track` may take over TLS until its first answer, and for each after it: 3,499,264 and 461,357 on
/// the day that this was written, and 5 %. The aims were 5.5 and 0.5 million.
const MOST_TO_FIRST: u64 = 3_674_000;
const MOST_WARM: u64 = 484_000;

/// How often each program is started.
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

/// Whether `track` takes as few instructions as it may.
async fn gate() -> ExitCode {
    let stub = Stub::start().await;
    let track = Contenders::find().track(&stub, true);
    let counted = instructions::count(&track, site::own_hit).await;
    stub.tables.asked();
    println!("track: {} instructions to its first event", whole(counted.init));
    println!("track: {} for it", whole(counted.first));
    println!("track: {} for each after it", whole(counted.warm));
    let to_first = counted.init + counted.first;
    if to_first > MOST_TO_FIRST || counted.warm > MOST_WARM {
        println!(
            "That is too much: at most {} until the first is answered, and {} for each after it",
            whole(MOST_TO_FIRST),
            whole(MOST_WARM)
        );
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}
