//! The program behind `cargo xtask`: see the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    footfall_deployer::run()
}
