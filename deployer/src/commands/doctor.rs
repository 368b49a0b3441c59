//! `cargo xtask doctor`: checks what a deploy needs, and says how to get what is missing.
//!
//! `facts` gathers the facts without changing anything. This file judges them.

mod facts;

use std::io::{self, Write as _};

use anyhow::{Context as _, Result, bail};
use aws_sdk_cloudformation::types::StackStatus;
use clap::Args;
use footfall_infra::settings::{FILE, Settings};
use serde::Serialize;

use self::facts::facts;
use crate::artifact::toolchain::Arch;
use crate::aws::clients::Target;
use crate::error::CommandError;
use crate::stack::state::{self, NextAction};
use crate::terminal::duration;
use crate::terminal::output::print_json;

/// Oldest supported Rust version.
const RUST: &str = env!("CARGO_PKG_RUST_VERSION");

/// Maximum clock error in seconds before AWS rejects signatures:
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/signature-v4-troubleshooting.html>
const SKEW: i64 = 5 * 60;

/// Explains why permissions and stacks are unknown.
const NOT_ASKED: &str = "unknown: needs a region and valid credentials";

/// Check what a deploy needs
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Architecture of the functions
    #[arg(long, value_enum, default_value_t = Arch::Arm64)]
    arch: Arch,
    /// Print the checks as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    target: Target,
}

/// Everything that was found.
#[derive(Debug)]
struct Facts {
    /// The template and settings to deploy.
    settings: Result<Settings, CommandError>,
    /// Output of `rustc --version`.
    rustc: Result<String, CommandError>,
    /// Build target, and whether its standard library is installed.
    target: (&'static str, Result<bool, CommandError>),
    linker: Result<(), CommandError>,
    region: Option<String>,
    identity: Result<Identity, CommandError>,
    clock: Clock,
    /// Results of calls to AWS by IAM action. Empty if AWS could not be asked.
    permissions: Vec<(&'static str, Result<(), CommandError>)>,
    /// The stack's name and state. `None` if AWS could not be asked.
    stack: (String, Option<Result<Option<StackStatus>, CommandError>>),
    /// Reserved concurrency of the account. `None` if AWS could not be asked.
    concurrency: Option<String>,
}

/// Owner of the credentials.
#[derive(Debug)]
struct Identity {
    account: String,
    arn: Option<String>,
}

/// State of this machine's clock.
#[derive(Debug, Default)]
struct Clock {
    /// Seconds by which AWS's clock is ahead.
    ahead: Option<i64>,
    /// The error AWS gave because of it.
    refused: Option<String>,
}

/// One requirement of a deploy.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Check {
    check: &'static str,
    state: State,
    found: String,
    remedy: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum State {
    Ok,
    Wrong,
    /// Unknown, because another check failed.
    Unknown,
}

impl Check {
    fn ok(check: &'static str, found: impl Into<String>) -> Self {
        Self { check, state: State::Ok, found: found.into(), remedy: None }
    }

    fn wrong(check: &'static str, problem: &CommandError) -> Self {
        let remedy = problem.hint.clone();
        Self { check, state: State::Wrong, found: problem.message.clone(), remedy }
    }

    fn unknown(check: &'static str, found: impl Into<String>) -> Self {
        Self { check, state: State::Unknown, found: found.into(), remedy: None }
    }

    fn line(&self) -> String {
        let state = match self.state {
            State::Ok => "ok",
            State::Wrong => "FAIL",
            State::Unknown => "?",
        };
        let remedy = self.remedy.as_ref().map_or_else(String::new, |remedy| format!("; {remedy}"));
        // Messages of other programs may have several lines.
        let text = format!("{}{remedy}", self.found);
        let text: Vec<&str> = text.lines().map(str::trim).collect();
        format!("{state:<6} {:<11} {}\n", self.check, text.join(" "))
    }
}

/// All checks as JSON.
#[derive(Debug, Serialize)]
struct Report<'a> {
    ok: bool,
    checks: &'a [Check],
}

pub(crate) async fn run(arguments: &Arguments) -> Result<()> {
    let checks = judged(&facts(arguments.arch, &arguments.target).await);
    let count = |state| checks.iter().filter(|check| check.state == state).count();
    let (wrong, unknown) = (count(State::Wrong), count(State::Unknown));
    if arguments.json {
        print_json(&Report { ok: wrong + unknown == 0, checks: &checks })?;
    } else {
        let text: String = checks.iter().map(Check::line).collect();
        io::stdout().write_all(text.as_bytes()).context("cannot print")?;
    }
    match (wrong, unknown) {
        (0, 0) => {
            eprintln!("Ready to deploy with `cargo xtask deploy`.");
            Ok(())
        }
        // An unknown result is not a success.
        (0, _) => bail!("some checks could not be made"),
        (1, _) => bail!("1 check failed"),
        _ => bail!("{wrong} checks failed"),
    }
}

/// Judges the facts.
fn judged(facts: &Facts) -> Vec<Check> {
    let mut checks = vec![
        settings(&facts.settings),
        rust(&facts.rustc),
        target(facts.target.0, &facts.target.1),
        linker(&facts.linker),
        region(facts.region.as_deref()),
        credentials(&facts.identity),
        clock(&facts.clock),
    ];
    if facts.permissions.is_empty() {
        checks.push(Check::unknown("permission", NOT_ASKED));
    }
    checks.extend(facts.permissions.iter().map(|(action, asked)| permission(action, asked)));
    checks.push(the_stack(&facts.stack.0, facts.stack.1.as_ref()));
    // Optional for a deploy, so its absence is not a failure.
    checks.extend(facts.concurrency.iter().map(|found| Check::ok("concurrency", found)));
    checks
}

fn settings(settings: &Result<Settings, CommandError>) -> Check {
    match settings {
        Ok(settings) => {
            let noun = if settings.sites.len() == 1 { "site" } else { "sites" };
            Check::ok("settings", format!("{FILE} has the {noun} {}", settings.domains()))
        }
        Err(problem) => Check::wrong("settings", problem),
    }
}

fn rust(rustc: &Result<String, CommandError>) -> Check {
    let printed = match rustc {
        Ok(printed) => printed.trim(),
        Err(problem) => return Check::wrong("rust", problem),
    };
    // "rustc 1.95.0 (59807616e 2026-04-14)", "rustc 1.97.0-nightly (…)"
    let version = printed.split_whitespace().nth(1).unwrap_or_default();
    if numbers(version) >= numbers(RUST) {
        return Check::ok("rust", printed);
    }
    let cause = format!("Footfall needs Rust {RUST} or later, and this is {printed}");
    let remedy = "run `rustup update`, or install Rust from https://rustup.rs";
    Check::wrong("rust", &CommandError::failed(cause, remedy))
}

/// Parses a version's numbers and ignores suffixes. `None` if it is not a version.
fn numbers(version: &str) -> Vec<u32> {
    let plain = version.split(['-', '+']).next().unwrap_or_default();
    plain.split('.').map_while(|number| number.parse().ok()).collect()
}

fn target(target: &str, is_there: &Result<bool, CommandError>) -> Check {
    match is_there {
        Ok(true) => Check::ok("target", format!("the standard library for {target} is there")),
        Ok(false) => {
            let cause = format!("there is no standard library for {target}");
            let remedy =
                format!("run `rustup target add {target}`; deploy does, too, where rustup is");
            Check::wrong("target", &CommandError::failed(cause, remedy))
        }
        Err(problem) => Check::wrong("target", problem),
    }
}

fn linker(linker: &Result<(), CommandError>) -> Check {
    match linker {
        Ok(()) => Check::ok("linker", "rust-lld is there"),
        Err(problem) => Check::wrong("linker", problem),
    }
}

fn region(region: Option<&str>) -> Check {
    match region {
        Some(region) => Check::ok("region", region),
        None => {
            let remedy = "pass --region eu-central-1, set AWS_REGION, or run `aws configure`";
            Check::wrong("region", &CommandError::failed("no AWS region configured", remedy))
        }
    }
}

fn credentials(identity: &Result<Identity, CommandError>) -> Check {
    match identity {
        Ok(Identity { account, arn }) => {
            let who = arn.as_ref().map_or_else(String::new, |arn| format!(", as {arn}"));
            Check::ok("credentials", format!("account {account}{who}"))
        }
        Err(problem) => Check::wrong("credentials", problem),
    }
}

fn clock(clock: &Clock) -> Check {
    let remedy = "set it; `sudo timedatectl set-ntp true` keeps it right on most Linux systems, \
                  Date & Time in the settings on others";
    match clock {
        Clock { ahead: Some(ahead), .. } if ahead.unsigned_abs() > SKEW.unsigned_abs() => {
            let side = if *ahead > 0 { "behind" } else { "ahead of" };
            let span = duration::words(ahead.unsigned_abs());
            let cause = format!("this machine's clock is {span} {side} that of AWS");
            Check::wrong("clock", &CommandError::failed(cause, remedy))
        }
        Clock { ahead: Some(-1..=1), .. } => Check::ok("clock", "as AWS has it"),
        Clock { ahead: Some(ahead), .. } => {
            let seconds = ahead.unsigned_abs();
            Check::ok("clock", format!("as AWS has it, but for {seconds} seconds"))
        }
        Clock { ahead: None, refused: Some(text) } => {
            let cause = format!("this machine's clock seems wrong: {text}");
            Check::wrong("clock", &CommandError::failed(cause, remedy))
        }
        Clock { ahead: None, refused: None } => {
            Check::unknown("clock", "unknown: no answer from AWS to compare with")
        }
    }
}

fn permission(action: &str, asked: &Result<(), CommandError>) -> Check {
    match asked {
        Ok(()) => Check::ok("permission", format!("{action} is allowed")),
        Err(error) => {
            let message = format!("{action}: {}", error.message);
            Check::wrong("permission", &CommandError { message, ..error.clone() })
        }
    }
}

fn the_stack(name: &str, state: Option<&Result<Option<StackStatus>, CommandError>>) -> Check {
    match state {
        None => Check::unknown("stack", NOT_ASKED),
        Some(Ok(None)) => Check::ok("stack", format!("{name} is not deployed yet")),
        Some(Ok(Some(status))) => {
            let found = format!("{name}: {} ({})", state::explain(status), status.as_str());
            match state::next_action(Some(status)) {
                // The explanation already contains the remedy.
                NextAction::Explain => Check::wrong("stack", &CommandError::without_hint(found)),
                _ => Check::ok("stack", found),
            }
        }
        // It exists, and deploy would leave it alone.
        Some(Err(problem)) if problem.is_rejected() => Check::wrong("stack", problem),
        // The check of permissions reports the cause.
        Some(Err(_)) => Check::unknown("stack", "unknown: cannot read it"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn healthy() -> Facts {
        Facts {
            settings: Ok(Settings::from_yaml("sites: [{domain: example.com}]").unwrap()),
            rustc: Ok("rustc 1.95.0 (59807616e 2026-04-14)\n".to_owned()),
            target: ("aarch64-unknown-linux-musl", Ok(true)),
            linker: Ok(()),
            region: Some("eu-central-1".to_owned()),
            identity: Ok(Identity {
                account: "123456789012".to_owned(),
                arn: Some("arn:aws:iam::123456789012:user/Alice".to_owned()),
            }),
            clock: Clock { ahead: Some(0), refused: None },
            permissions: vec![("cloudformation:DescribeStacks", Ok(()))],
            stack: ("footfall".to_owned(), Some(Ok(None))),
            concurrency: Some("60 reserved".to_owned()),
        }
    }

    fn problem() -> CommandError {
        CommandError::failed("it is broken", "fix it")
    }

    #[test]
    fn reports_a_healthy_machine() {
        let lines: String = judged(&healthy()).iter().map(Check::line).collect();
        assert_eq!(
            lines,
            "\
ok     settings    footfall.yaml has the site example.com
ok     rust        rustc 1.95.0 (59807616e 2026-04-14)
ok     target      the standard library for aarch64-unknown-linux-musl is there
ok     linker      rust-lld is there
ok     region      eu-central-1
ok     credentials account 123456789012, as arn:aws:iam::123456789012:user/Alice
ok     clock       as AWS has it
ok     permission  cloudformation:DescribeStacks is allowed
ok     stack       footfall is not deployed yet
ok     concurrency 60 reserved
"
        );
    }

    #[test]
    fn reports_each_failure_with_its_hint_only() {
        type Breaks = fn(&mut Facts);
        let breakages: [(&str, Breaks); 8] = [
            ("settings    it is broken; fix it", |facts| facts.settings = Err(problem())),
            ("rust        it is broken; fix it", |facts| facts.rustc = Err(problem())),
            ("target      it is broken; fix it", |facts| facts.target.1 = Err(problem())),
            ("target      there is no standard library for aarch64", |facts| {
                facts.target.1 = Ok(false);
            }),
            ("linker      it is broken; fix it", |facts| facts.linker = Err(problem())),
            ("region      no AWS region configured; pass --region", |facts| facts.region = None),
            ("credentials it is broken; fix it", |facts| facts.identity = Err(problem())),
            ("permission  cloudformation:DescribeStacks: it is broken; fix it", |facts| {
                facts.permissions[0].1 = Err(problem());
            }),
        ];
        for (expected, breaks) in breakages {
            let mut facts = healthy();
            breaks(&mut facts);
            let checks = judged(&facts);
            let wrong: Vec<String> =
                checks.iter().filter(|c| c.state != State::Ok).map(Check::line).collect();
            assert_eq!(wrong.len(), 1, "{wrong:?}");
            assert!(wrong[0].starts_with(&format!("FAIL   {expected}")), "{wrong:?}");
        }
    }

    #[test]
    fn compares_rust_versions_by_number() {
        for (printed, state) in [
            ("rustc 1.94.9 (x)", State::Wrong),
            ("rustc 1.100.0 (x)", State::Ok),
            ("rustc 1.96.0-nightly (x)", State::Ok),
            ("rustc 2.0.0", State::Ok),
            ("something else", State::Wrong),
            ("", State::Wrong),
        ] {
            assert_eq!(rust(&Ok(printed.to_owned())).state, state, "{printed}");
        }
    }

    #[test]
    fn tolerates_a_clock_that_is_five_minutes_off() {
        let check = |ahead: Option<i64>, refused: Option<&str>, state: State, found: &str| {
            let check = clock(&Clock { ahead, refused: refused.map(str::to_owned) });
            assert_eq!((check.state, check.found.as_str()), (state, found));
            assert_eq!(check.remedy.is_some(), state == State::Wrong);
        };
        let here = "this machine's clock";
        check(Some(-1), None, State::Ok, "as AWS has it");
        check(Some(300), None, State::Ok, "as AWS has it, but for 300 seconds");
        let behind = format!("{here} is 5 minutes behind that of AWS");
        check(Some(301), None, State::Wrong, &behind);
        check(Some(301), Some("Signature expired"), State::Wrong, &behind);
        check(Some(-7300), None, State::Wrong, &format!("{here} is 2 hours ahead of that of AWS"));
        check(Some(400_000), None, State::Wrong, &format!("{here} is 4 days behind that of AWS"));
        let refused = format!("{here} seems wrong: Signature expired");
        check(None, Some("Signature expired"), State::Wrong, &refused);
        check(None, None, State::Unknown, "unknown: no answer from AWS to compare with");
    }

    #[test]
    fn stack_fails_only_if_deploy_cannot_recover_it() {
        let check = |found: Option<Result<Option<StackStatus>, CommandError>>, state: State| {
            assert_eq!(the_stack("footfall", found.as_ref()).state, state, "{found:?}");
        };
        check(Some(Ok(Some(StackStatus::UpdateComplete))), State::Ok);
        check(Some(Ok(Some(StackStatus::RollbackComplete))), State::Ok);
        check(Some(Ok(Some(StackStatus::UpdateInProgress))), State::Ok);
        check(Some(Ok(Some(StackStatus::ImportRollbackFailed))), State::Wrong);
        check(Some(Err(CommandError::rejected("it is not Footfall's", "--stack"))), State::Wrong);
        check(Some(Err(problem())), State::Unknown);
        check(None, State::Unknown);
    }

    #[test]
    fn unasked_checks_are_unknown() {
        let mut facts = healthy();
        facts.permissions.clear();
        facts.stack.1 = None;
        let unknown = judged(&facts).iter().filter(|c| c.state == State::Unknown).count();
        assert_eq!(unknown, 2);
    }
}
