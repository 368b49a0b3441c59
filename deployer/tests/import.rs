//! `cargo xtask import` as an owner runs it: into the data of `dev` on this machine, and what is said where
//! that cannot be.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may panic")]

mod support;

use std::fs;
use std::path::Path;

use footfall_runtime::storage::embedded::Embedded;
use serde_json::Value;
use support::scripted::*;
use support::{Owner, Ran};

/// An owner without AWS, and the files that the formats' tests have.
fn owner() -> Owner {
    let owner = Owner::of("http://127.0.0.1:9");
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/import");
    for name in ["combined.log", "goatcounter-2.csv"] {
        owner.writes(name, &fs::read(data.join(name)).unwrap());
    }
    owner
}

fn import(owner: &Owner, more: &[&str]) -> Ran {
    owner.runs(&[&["import", "--local"], more].concat())
}

fn json(ran: &Ran) -> Value {
    serde_json::from_str(&ran.stdout).unwrap_or_else(|_| panic!("{ran:?}"))
}

#[test]
fn imports_can_be_listed_and_undone() {
    let owner = owner();
    let dry = import(&owner, &["combined.log", "--dry-run"]).ended(0);
    dry.prints("hits      4\n").prints("Dry run: nothing was stored.");
    import(&owner, &["--list"]).ended(0).says("No imports for example.com.");

    let first = import(&owner, &["combined.log", "goatcounter-2.csv", "--json"]).ended(0);
    let summary = json(&first);
    assert_eq!((&summary["hits"], &summary["filtered"]["bot"]), (&9.into(), &2.into()));
    assert_eq!(summary["refused"][0]["first"][0], "combined.log:9");
    let id = summary["id"].as_str().unwrap();

    import(&owner, &["combined.log"])
        .ended(0)
        .prints(&format!("({id})\n"))
        .prints("combined.log: already imported on ")
        .prints("Nothing new to import.");
    import(&owner, &["--list"]).ended(0).prints(&format!("{id}  "));
    let listed = json(&import(&owner, &["--list", "--json"]).ended(0));
    assert_eq!((&listed[id]["state"], &listed[id]["hits"]), (&"finished".into(), &9.into()));

    import(&owner, &["--undo", id])
        .ended(0)
        .says("Undid the import of 9 hits, 2026-11-20 to 2026-11-21.");
    import(&owner, &["--undo", id]).ended(2).says("unknown import").says("hint: ");
    let again = import(&owner, &["combined.log", "goatcounter-2.csv"]).ended(0);
    again.prints(&format!("Imported into example.com as {id}; "));
}

#[test]
fn what_cannot_be_is_said_with_a_remedy() {
    let owner = owner();
    import(&owner, &["gone.log"]).ended(2).says("cannot read gone.log").says("hint: ");
    import(&owner, &["."]).ended(2).says("it is a folder").says("pass its files");
    import(&owner, &[]).ended(2).says("FILE");
    import(&owner, &["combined.log", "--site", "other.com"])
        .ended(2)
        .says("unknown site other.com")
        .says("the sites are example.com");
    import(&owner, &["combined.log", "--format", "umami"]).ended(2).says("the format umami");
    import(&owner, &["footfall.yaml"]).ended(2).says("unrecognised format");
    // Whoever has the data open has it alone.
    let _dev = Embedded::open(&owner.path("in-use")).unwrap();
    import(&owner, &["combined.log", "--data", "in-use"]).ended(1).says("stop that one");
    owner.writes("footfall.yaml", b"sites: [{domain: a.example}, {domain: b.example}]");
    import(&owner, &["combined.log"]).ended(2).says("pass --site with one of a.example, b.example");
    import(&owner, &["combined.log", "--site", "b.example"]).ended(0);
}

#[test]
fn without_a_stack_there_is_nothing_to_import_into() {
    let aws = Scripted::start(&[("DescribeStacks", vec![no_stack()])]);
    let owner = Owner::of(&aws.endpoint);
    owner.writes("access.log", b"");
    owner
        .runs(&["import", "access.log"])
        .ended(2)
        .says("the stack footfall is not deployed in eu-central-1")
        .says("or pass --local");
}
