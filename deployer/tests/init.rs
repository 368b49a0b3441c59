//! `init` where nobody sits at a terminal: flags, and what is refused.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may panic")]

mod support;

use std::fs;

use footfall_infra::settings::Settings;
use support::{Owner, Ran};

/// An owner who has no settings yet.
fn newcomer() -> Owner {
    let owner = Owner::of("http://127.0.0.1:9");
    fs::remove_file(owner.path("footfall.yaml")).unwrap();
    owner
}

fn init(owner: &Owner, arguments: &[&str]) -> Ran {
    let mut all = vec!["init"];
    all.extend(arguments);
    owner.runs(&all)
}

fn written(owner: &Owner) -> Settings {
    Settings::from_yaml(&fs::read_to_string(owner.path("footfall.yaml")).unwrap()).unwrap()
}

#[test]
fn flags_are_written_and_the_rest_has_its_default() {
    let owner = newcomer();
    init(&owner, &["--domain", "example.com", "--time-zone", "Asia/Tokyo"])
        .ended(0)
        .says("Created footfall.yaml.");
    let settings = written(&owner);
    assert_eq!(settings.sites[0].time_zone.name(), "Asia/Tokyo");
    assert!(!settings.sites[0].respect_dnt);
    assert_eq!(settings.alarm_email, None);

    let others = ["--domain", "other.example", "--time-zone", "UTC", "--respect-dnt"];
    init(&owner, &others).ended(2).says("footfall.yaml already exists in this folder");
    assert_eq!(written(&owner), settings);

    let mut anew = others.to_vec();
    anew.extend(["--alarm-email", "jane@example.com", "--force"]);
    init(&owner, &anew).ended(0);
    let settings = written(&owner);
    assert_eq!(settings.sites[0].domain.as_str(), "other.example");
    assert_eq!(settings.sites[0].time_zone.name(), "UTC");
    assert!(settings.sites[0].respect_dnt);
    assert_eq!(settings.alarm_email.unwrap().as_str(), "jane@example.com");
}

#[test]
fn without_a_terminal_the_domain_must_be_said() {
    let owner = newcomer();
    init(&owner, &[]).ended(2).says("missing domain").says("--domain");
    assert!(!owner.path("footfall.yaml").exists());
}

#[test]
fn a_wrong_flag_gets_the_settings_own_words_and_no_file() {
    let wrong: [(&[&str], &str); 4] = [
        (
            &["--domain", "https://example.com/"],
            "error: sites[0].domain: \"https://example.com/\" is not a host name; use only the host",
        ),
        (&["--domain", "a: b"], "\"a: b\" is not a host name"),
        (
            &["--domain", "a.example", "--time-zone", "Mars"],
            "unknown time zone \"Mars\"; use an IANA",
        ),
        (
            &["--domain", "a.example", "--alarm-email", "jane"],
            "error: alarm_email: \"jane\" is not an e-mail address",
        ),
    ];
    for (arguments, text) in wrong {
        let owner = newcomer();
        init(&owner, arguments).ended(2).says(text);
        assert!(!owner.path("footfall.yaml").exists());
    }
}
