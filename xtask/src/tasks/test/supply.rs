//! Checks the dependencies against `deny.toml`.

use anyhow::Result;

use crate::process::{heading, program, root, run};
use crate::tools::cargo_install;

/// Also reads RustSec's advisories, so cargo-audit is not needed.
const CARGO_DENY: &str = "cargo-deny@0.20.2";

/// Checks licences, sources, bans and advisories.
///
/// The advisories are a repository on GitHub. If it cannot be reached, the check says that it was skipped.
pub(super) fn check() -> Result<()> {
    let deny = cargo_install::install(CARGO_DENY, "cargo-deny")?;
    let deny = || {
        let mut deny = program(&deny, root());
        deny.args(["--config", "deny.toml"]);
        deny
    };
    let check = |manifest: &str, what: &[&str]| {
        run(deny().args(["--manifest-path", manifest, "--locked", "check"]).args(what))
    };
    // The fuzzer is a separate workspace, and is never distributed.
    for manifest in ["Cargo.toml", "fuzz/Cargo.toml"] {
        check(manifest, &["bans", "licenses", "sources"])?;
    }
    heading("Supply, advisories");
    if run(deny().args(["fetch", "db"])).is_err() {
        eprintln!(
            "SKIPPED: advisories. Cannot fetch https://github.com/RustSec/advisory-db, so dependencies were not \
             checked for known vulnerabilities. Run `cargo xtask test supply` where GitHub can be reached."
        );
        return Ok(());
    }
    for manifest in ["Cargo.toml", "fuzz/Cargo.toml"] {
        check(manifest, &["advisories"])?;
    }
    Ok(())
}
