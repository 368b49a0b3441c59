//! The generated templates are the committed ones, so that a change of the stack can be reviewed.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test ends where it fails")]

mod support;

use std::path::Path;
use std::{env, fs};

use footfall_infra::stack::INLINE_TEMPLATE_LIMIT;

/// Compares with a file, or rewrites it.
fn check(variant: &str, file: &str) {
    let variants = support::variants();
    let (_, _, template) = variants.iter().find(|(name, ..)| *name == variant).unwrap();
    let generated = template.to_yaml().unwrap();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden").join(file);
    if env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&path, &generated).unwrap();
    }
    let committed = fs::read_to_string(&path).unwrap_or_default();
    if committed == generated {
        return;
    }
    let lines = generated.lines().zip(committed.lines().chain(std::iter::repeat("")));
    let (number, (new, old)) =
        lines.enumerate().find(|(_, (new, old))| new != old).unwrap_or((0, ("", "")));
    panic!(
        "infra/golden/{file} is not what the settings make; line {}:\n- {old}\n+ {new}\n\
         If this is meant, run `UPDATE_GOLDEN=1 cargo test --package footfall-infra --test golden` \
         and commit what it wrote.",
        number + 1
    );
}

#[test]
fn one_site_and_nothing_else_said() {
    check("default", "template.yaml");
}

#[test]
fn everything_said() {
    check("full", "template-full.yaml");
}

#[test]
fn within_the_free_tier() {
    check("free-tier", "template-free-tier.yaml");
}

#[test]
fn every_template_fits_into_a_call() {
    for (name, _, template) in support::variants() {
        let size = template.to_json().unwrap().len();
        assert!(size < INLINE_TEMPLATE_LIMIT, "{name} has {size} bytes");
    }
}
