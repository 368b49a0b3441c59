//! Golden templates: generated ones equal the committed ones, so a change to the stack can be reviewed.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a panic fails the test")]

mod support;

use std::path::Path;
use std::{env, fs};

use footfall_infra::stack::{BUDGET_REGIONS, INLINE_TEMPLATE_LIMIT};

/// Compares a generated template with its file, or rewrites the file.
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
        "infra/golden/{file} is out of date; line {}:\n- {old}\n+ {new}\n\
         If the change is intended, run `UPDATE_GOLDEN=1 cargo test --package footfall-infra --test golden` \
         and commit the file.",
        number + 1
    );
}

#[test]
fn default_settings() {
    check("default", "template.yaml");
}

#[test]
fn every_setting() {
    check("full", "template-full.yaml");
}

#[test]
fn free_tier() {
    check("free-tier", "template-free-tier.yaml");
}

#[test]
fn every_template_fits_into_a_request() {
    for (name, _, template) in support::variants() {
        let size = template.to_json().unwrap().len();
        assert!(size < INLINE_TEMPLATE_LIMIT, "{name} has {size} bytes");
    }
}

/// Writes every variant's template, and the region list, for `lint_template.py`.
#[test]
fn writes_templates_for_the_linter() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("templates");
    fs::create_dir_all(&folder).unwrap();
    for (name, _, template) in support::variants() {
        fs::write(folder.join(format!("{name}.yaml")), template.to_yaml().unwrap()).unwrap();
        fs::write(folder.join(format!("{name}.json")), template.to_json().unwrap()).unwrap();
    }
    fs::write(folder.join("budget-regions.txt"), BUDGET_REGIONS.join("\n")).unwrap();
}
