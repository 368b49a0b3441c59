//! What the dependencies may be, by `deny.toml`.

use anyhow::Result;

use super::{heading, tool};
use crate::process::{program, root, run};

/// Reads the advisories of RustSec as cargo-audit does: that one would say the same again.
const CARGO_DENY: &str = "cargo-deny@0.20.2";

/// Licences, sources and bans need nothing but the lock file and the registry. The list of advisories is a
/// repository on GitHub: where that cannot be reached, it is said and not passed over.
pub(super) fn check() -> Result<()> {
    let deny = tool(CARGO_DENY, "cargo-deny")?;
    let deny = || {
        let mut deny = program(&deny, root());
        deny.args(["--config", "deny.toml"]);
        deny
    };
    let check = |manifest: &str, what: &[&str]| {
        run(deny().args(["--manifest-path", manifest, "--locked", "check"]).args(what))
    };
    // The fuzzer is in no program that is given out, and runs on its developers' machines.
    for manifest in ["Cargo.toml", "fuzz/Cargo.toml"] {
        check(manifest, &["bans", "licenses", "sources"])?;
    }
    heading("Supply, advisories");
    if run(deny().args(["fetch", "db"])).is_err() {
        eprintln!(
            "SKIPPED: advisories. https://github.com/RustSec/advisory-db cannot be fetched from here, so that \
             nobody has looked whether a dependency has a known hole. Run `cargo xtask test supply` where it can."
        );
        return Ok(());
    }
    for manifest in ["Cargo.toml", "fuzz/Cargo.toml"] {
        check(manifest, &["advisories"])?;
    }
    Ok(())
}
