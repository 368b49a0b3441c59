//! `cargo xtask init`: creates a `footfall.yaml` that explains every key.

use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::path::Path;
use std::{env, fs};

use anyhow::{Context as _, Result};
use clap::Args;
use footfall_infra::settings::{Domain, Email, FILE, Settings, SettingsError, TimeZone};

use crate::error::CommandError;
use crate::terminal::prompt;

/// Create a footfall.yaml that explains every key
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Domain of the site, such as example.com
    #[arg(long, value_name = "DOMAIN")]
    domain: Option<String>,
    /// Time zone of the site's days, such as Europe/Berlin [default: this machine's time zone]
    #[arg(long, value_name = "ZONE")]
    time_zone: Option<String>,
    /// E-mail address for alarms: errors, throttling, missing rollups
    #[arg(long, value_name = "EMAIL")]
    alarm_email: Option<String>,
    /// Honour Do Not Track and Global Privacy Control
    #[arg(long)]
    respect_dnt: bool,
    /// Replace an existing file
    #[arg(long)]
    force: bool,
}

/// Chosen settings. Others stay commented out.
#[derive(Debug, Default)]
struct Choices {
    domain: String,
    time_zone: Option<String>,
    alarm_email: Option<String>,
    respect_dnt: bool,
}

pub(crate) async fn run(arguments: &Arguments) -> Result<()> {
    // Before anything is asked whose answer would be thrown away.
    if !arguments.force && fs::symlink_metadata(FILE).is_ok() {
        return Err(is_there().into());
    }
    let text = text(&choices(arguments).await?);
    check(&text)?;
    write(&text, arguments.force)?;
    eprintln!(
        "Created {FILE}. `cargo xtask dev` runs Footfall on this machine; `cargo xtask doctor` checks whether you \
         can deploy it."
    );
    Ok(())
}

fn is_there() -> CommandError {
    CommandError::rejected(
        format!("{FILE} already exists in this folder"),
        "edit it, or pass --force to replace it",
    )
}

/// Takes the flags, and asks for the rest if there is a terminal.
async fn choices(arguments: &Arguments) -> Result<Choices> {
    let somebody = prompt::is_interactive();
    let domain = match &arguments.domain {
        Some(domain) => domain.clone(),
        None if somebody => {
            let answer = answer("Domain of the site, such as example.com:", of::<Domain>).await?;
            answer.ok_or_else(no_domain)?
        }
        None => return Err(no_domain().into()),
    };
    let machines = machines_zone();
    let time_zone = match &arguments.time_zone {
        Some(zone) => Some(zone.clone()),
        None if somebody => {
            let default = machines.as_deref().unwrap_or("UTC");
            let question = format!("Time zone of its days [{default}]:");
            answer(&question, of::<TimeZone>).await?.or(machines)
        }
        None => machines,
    };
    let alarm_email = match &arguments.alarm_email {
        Some(email) => Some(email.clone()),
        None if somebody => {
            answer("E-mail address for alarms (leave empty for none):", of::<Email>).await?
        }
        None => None,
    };
    Ok(Choices { domain, time_zone, alarm_email, respect_dnt: arguments.respect_dnt })
}

fn no_domain() -> CommandError {
    CommandError::rejected(
        "missing domain",
        "pass it, as in `cargo xtask init --domain example.com`",
    )
}

/// Asks until the answer can be used. Nothing is an answer, too.
async fn answer(
    question: &str,
    check: impl Fn(String) -> Result<(), String>,
) -> Result<Option<String>> {
    loop {
        let line = prompt::line(question).await?;
        if line.is_empty() {
            return Ok(None);
        }
        match check(line.clone()) {
            Ok(()) => return Ok(Some(line)),
            Err(problem) => eprintln!("{problem}"),
        }
    }
}

/// Returns whether a text is a valid value of the settings.
fn of<T: TryFrom<String, Error = String>>(text: String) -> Result<(), String> {
    T::try_from(text).map(|_| ())
}

/// Refuses what could not be read again: a flag was wrong.
fn check(text: &str) -> Result<(), CommandError> {
    match Settings::from_yaml(text) {
        Ok(_) => Ok(()),
        // Its line is one of a file that is not there.
        Err(error) => Err(CommandError::rejected(
            SettingsError { line: None, ..error }.to_string(),
            format!("fix it and run this again; no {FILE} was written"),
        )),
    }
}

fn write(text: &str, anew: bool) -> Result<()> {
    let mut options = OpenOptions::new();
    options.write(true);
    if anew {
        options.create(true).truncate(true);
    } else {
        // Somebody else may have written one while this one asked.
        options.create_new(true);
    }
    match options.open(FILE) {
        Ok(mut file) => file.write_all(text.as_bytes()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Err(is_there().into()),
        Err(error) => Err(error),
    }
    .with_context(|| format!("cannot write {FILE}"))
}

/// The time zone that this machine is set to, if it has a name.
fn machines_zone() -> Option<String> {
    let variable = env::var("TZ").ok();
    zone_of(variable.as_deref(), fs::read_link("/etc/localtime").ok().as_deref())
}

/// The zone that the variable `TZ` names (POSIX allows a colon in front, and a path), or else the one
/// that `/etc/localtime` is a link to. A variable that is set to something else wins, too: then the
/// link is not what the machine goes by.
fn zone_of(variable: Option<&str>, link: Option<&Path>) -> Option<String> {
    let link = link.and_then(Path::to_str);
    let said = variable.filter(|text| !text.is_empty()).or(link)?;
    let said = said.strip_prefix(':').unwrap_or(said);
    let name = said.rsplit_once("zoneinfo/").map_or(said, |(_, name)| name);
    TimeZone::try_from(name.to_owned()).ok().map(|zone| zone.name().to_owned())
}

/// The settings file. A `#` with a space behind it is prose; one without is a key that is left out,
/// with the value that holds then, or else an example.
fn text(choices: &Choices) -> String {
    let Choices { domain, time_zone, alarm_email, respect_dnt } = choices;
    let domain = scalar(domain);
    let (zone_off, zone) = chosen(time_zone.as_deref(), "UTC");
    let (email_off, email) = chosen(alarm_email.as_deref(), "you@example.com");
    let dnt_off = if *respect_dnt { "" } else { "#" };
    format!(
        "\
# What Footfall counts, and what its stack on AWS is like. A line that begins with # and no space is
# a key that is left out: with its default or, where it has none, with an example. Take the # away to
# have it. A mistake is answered with its line, its key and what to write instead.

sites:
  # The site's name. Its pages are on this host and on www. in front of it …
  - domain: {domain}
    # … or on these; *. in front stands for every host below one.
    #hosts: [{domain}]
    # Where its days begin: a name of the IANA time zone database.
    {zone_off}time_zone: {zone}
    # Whether Do Not Track and Global Privacy Control are honoured: who sends them is not counted.
    {dnt_off}respect_dnt: {respect_dnt}
    # Whether it is measured how far a page is scrolled and how long it is looked at. Most views then cost
    # twice: a second request, call and write unit.
    #engagement: false
    # Delete what is older than these days. Example; everything is kept if not said.
    #retention_days: 365
    # What visitors are hoped to do: events, and views of pages. Example; there are no goals if not said.
    #goals: [{{event: signup}}, {{page: /thanks*, name: Order}}]
    # Whether anybody may look at its dashboard, and show the views of its pages as a badge.
    #public: false

# How many proxies of your own stand in front of the API; only then are X-Forwarded-For and
# CloudFront-Viewer-Country believed.
#trusted_proxies: 0

# Partitions for a busy site's hits, each for some 1,000 a second, up to 100. Raise it at will, but
# hits in shards that a lower number leaves out are not read.
#shards: 1

# More referrer spam, beside the list that Footfall brings; a list such as [spam.example].
#blocked_referrers: []

# What follows is for the stack on AWS.

# How the table is paid for: on-demand, or free-tier for 25 provisioned units each way, which cost nothing.
# `cargo xtask cost` says what either comes to.
#capacity: on-demand

# Requests a second that the API takes, and at once; 2 and 2000 with free-tier.
#throttle: {{rate: 50, burst: 500}}

# Memory of the functions that read: reports, and days that are folded. 1769 come with a whole core, and
# with less, less of it. docs/scale.md says which sites need more.
#memory_mb: {{dashboard: 512, rollup: 1769}}

# Keep what it takes to restore the table to any second of the last 35 days.
#point_in_time_recovery: true

# Days for which the functions' logs are kept.
#log_retention_days: 14

# Who is told of errors, of throttling, and when nothing is folded any more. Nobody if not said.
{email_off}alarm_email: {email}

# Tell them, too, when the account's bill of a month passes these dollars. Example; needs alarm_email.
#monthly_budget_usd: 5

# Serve the API on a domain of your own. Example; the certificate is in the stack's region.
#custom_domain: {{domain: stats.example.com, certificate_arn: {CERTIFICATE}}}

# Tags that every resource gets. Example; none if not said.
#tags: {{team: web}}
"
    )
}

/// A certificate that is nobody's.
const CERTIFICATE: &str =
    "'arn:aws:acm:eu-central-1:123456789012:certificate/01234567-89ab-cdef-0123-456789abcdef'";

/// Comment above a key, and its line: the chosen value, or the default commented out.
fn chosen(value: Option<&str>, default: &str) -> (&'static str, String) {
    value.map_or_else(|| ("#", default.to_owned()), |value| ("", scalar(value)))
}

/// A text as YAML has it: plain where nothing could be made of it but a text, else in quotes.
fn scalar(text: &str) -> String {
    let is_plain = text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-/+@".contains(&b))
        // Not one of YAML's other words, such as `null`.
        && (text.contains(['.', '/']) || matches!(text, "localhost" | "UTC"));
    // JSON's strings are YAML's.
    if is_plain { text.to_owned() } else { serde_json::Value::from(text).to_string() }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, reason = "a test may panic")]
mod tests {
    use footfall_infra::function::Function;
    use footfall_infra::settings::Memory;
    use footfall_infra::stack::Spec;

    use super::*;

    fn example() -> Choices {
        Choices { domain: "example.com".to_owned(), ..Choices::default() }
    }

    /// The line without the `#`, if it is a key that is left out.
    fn taken_in(line: &str) -> Option<String> {
        let at = line.find(|c| c != ' ')?;
        let rest = line[at..].strip_prefix('#')?;
        (!rest.is_empty() && !rest.starts_with(' ')).then(|| format!("{}{rest}", &line[..at]))
    }

    /// The keys that a wrong one is answered with.
    fn keys(wrong: &str) -> Vec<String> {
        let error = Settings::from_yaml(wrong).unwrap_err().problem;
        let (_, known) = error.split_once("; use ").unwrap();
        known.split('`').skip(1).step_by(2).map(str::to_owned).collect()
    }

    #[test]
    fn every_key_is_present_and_can_be_uncommented() {
        let text = text(&example());
        let all: String =
            text.lines().map(|l| taken_in(l).unwrap_or_else(|| l.to_owned()) + "\n").collect();
        Settings::from_yaml(&all).unwrap_or_else(|error| panic!("{error}\n{all}"));
        let of_site = keys("sites:\n  - nope: 1\n");
        let of_all = keys("sites: [{domain: a.example}]\nnope: 1\n");
        assert!(of_site.len() >= 5 && of_all.len() >= 12, "{of_site:?} {of_all:?}");
        let has = |start: &str| all.lines().any(|line| line.starts_with(start));
        for key in of_site {
            assert!(has(&format!("    {key}:")) || has(&format!("  - {key}:")), "{key}\n{all}");
        }
        for key in of_all {
            assert!(has(&format!("{key}:")), "{key}\n{all}");
        }
    }

    #[test]
    fn commented_keys_show_their_defaults() {
        let text = text(&example());
        let plain = Settings::from_yaml(&text).unwrap();
        // These have no default, or depend on each other.
        let examples = [
            "retention_days",
            "alarm_email",
            "monthly_budget_usd",
            "custom_domain",
            "tags",
            "hosts",
            "goals",
        ];
        for line in text.lines() {
            let Some(key) = taken_in(line) else { continue };
            if examples.iter().any(|example| key.trim_start().starts_with(example)) {
                continue;
            }
            let mut with = Settings::from_yaml(&text.replace(line, &key)).unwrap();
            assert_eq!(with.throttle(), plain.throttle());
            with.throttle = None;
            for function in Function::ALL {
                let said = with.memory_mb.of(function);
                assert!(said.is_none_or(|mb| mb == Spec::of(function).memory), "{key}");
            }
            with.memory_mb = Memory::default();
            assert_eq!(with, plain, "{key}");
        }
    }

    #[test]
    fn choices_take_effect() {
        let choices = Choices {
            domain: "bücher.example".to_owned(),
            time_zone: Some("Europe/Berlin".to_owned()),
            alarm_email: Some("jane+it's@example.com".to_owned()),
            respect_dnt: true,
        };
        let settings = Settings::from_yaml(&text(&choices)).unwrap();
        let site = &settings.sites[0];
        assert_eq!(site.domain.as_str(), "xn--bcher-kva.example");
        assert_eq!(site.time_zone.name(), "Europe/Berlin");
        assert!(site.respect_dnt);
        assert_eq!(settings.alarm_email.unwrap().as_str(), "jane+it's@example.com");
    }

    #[test]
    fn texts_stay_texts() {
        // Some are not valid hosts, but the settings quote each as it was typed.
        for word in ["null", "true", "1.5", "- x", "it's", "a: b", "#x", "a\"b", "example.com"] {
            let read = Settings::from_yaml(&format!("sites: [{{domain: {}}}]", scalar(word)));
            let refused = read.err().map(|error| error.problem).unwrap_or_default();
            assert!(!refused.contains("invalid type") && !refused.contains("YAML"), "{refused}");
        }
        assert_eq!(scalar("Europe/Berlin"), "Europe/Berlin");
        assert_eq!(scalar("null"), "\"null\"");
    }

    #[test]
    fn finds_the_time_zone_of_the_machine() {
        let link = Path::new("/usr/share/zoneinfo/Asia/Tokyo");
        let check = |variable, link, expected: Option<&str>| {
            assert_eq!(zone_of(variable, link).as_deref(), expected, "{variable:?} {link:?}");
        };
        check(Some("Europe/Berlin"), Some(link), Some("Europe/Berlin"));
        check(Some(":Europe/Berlin"), None, Some("Europe/Berlin"));
        check(Some(":/usr/share/zoneinfo/Europe/Berlin"), None, Some("Europe/Berlin"));
        check(Some("CET-1CEST"), Some(link), None);
        check(Some(""), Some(link), Some("Asia/Tokyo"));
        check(None, Some(Path::new("/var/db/timezone/zoneinfo/Asia/Tokyo")), Some("Asia/Tokyo"));
        check(None, Some(Path::new("../usr/share/zoneinfo/Asia/Tokyo")), Some("Asia/Tokyo"));
        check(None, Some(Path::new("/etc/somewhere")), None);
        check(None, None, None);
    }
}
