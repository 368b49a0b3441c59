//! `cargo xtask logs`: prints the functions' logs from CloudWatch Logs.

mod line;

use std::collections::BTreeMap;
use std::io::{self, ErrorKind, Write as _};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result};
use aws_sdk_cloudwatchlogs::config::Builder as Override;
use aws_sdk_cloudwatchlogs::config::retry::RetryConfig;
use aws_sdk_cloudwatchlogs::error::ProvideErrorMetadata as _;
use aws_sdk_cloudwatchlogs::types::FilteredLogEvent;
use clap::Args;
use footfall_infra::function::Function;
use footfall_infra::stack::{StackName, log_group_name};
use tokio::time::sleep;

use self::line::Line;
use crate::aws::clients::{Aws, Target};
use crate::error::CommandError;
use crate::stack::state::find_owned;
use crate::terminal::duration;

/// Polling interval with `--follow`. AWS allows five to ten such requests per second for a whole account, and each
/// function takes one:
/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/cloudwatch_limits_cwl.html>
const PAUSE: Duration = Duration::from_secs(3);

/// Longest interval after AWS has throttled requests.
const LONG_PAUSE: Duration = Duration::from_secs(30);

/// Maximum delay in milliseconds of a line that is still shown.
const LATE: i64 = 2 * 60 * 1000;

/// Consecutive failures that end `--follow`.
const PATIENCE: u8 = 5;

/// Print the functions' logs
///
/// One line per event, in chronological order (UTC). Lambda's own events are logged from level WARN on; without
/// --json, they are shown by type.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Keep printing new events until Ctrl-C
    #[arg(long, short)]
    follow: bool,
    /// How far back to start, in seconds, minutes, hours or days
    #[arg(long, value_name = "30s|15m|1h|2d", default_value = "1h", value_parser = duration::parse)]
    since: Duration,
    /// Only these functions
    #[arg(long, value_name = "NAME", num_args = 1.., value_parser = function)]
    function: Vec<Function>,
    /// Print each event as a line of JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    target: Target,
}

fn function(name: &str) -> Result<Function, String> {
    Function::ALL.into_iter().find(|function| function.name() == name).ok_or_else(|| {
        let names = Function::ALL.map(Function::name).join(", ");
        format!("unknown function {name:?}; the functions are {names}")
    })
}

/// A log event.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Event {
    /// Milliseconds since 1970.
    at: i64,
    /// Unique ID that AWS assigns.
    id: String,
    function: Function,
    /// Log stream of the function instance that wrote it.
    stream: String,
    message: String,
}

impl Event {
    fn of(function: Function, event: FilteredLogEvent) -> Self {
        let at = event.timestamp.unwrap_or_default();
        let stream = event.log_stream_name.unwrap_or_default();
        let message = event.message.unwrap_or_default();
        // AWS always sets an ID; an emulator may not.
        let id = event.event_id.unwrap_or_else(|| format!("{stream} {at} {message}"));
        Self { at, id, function, stream, message }
    }
}

pub(crate) async fn run(arguments: &Arguments) -> Result<()> {
    let target = &arguments.target;
    let aws = Aws::connect(target).await?;
    if find_owned(&aws, target.stack.as_str()).await?.is_none() {
        return Err(CommandError::failed(
            format!("stack {} is not deployed, so there are no logs", target.stack),
            "deploy it with `cargo xtask deploy`, or choose another with --stack or --region",
        )
        .into());
    }
    let functions =
        if arguments.function.is_empty() { &Function::ALL[..] } else { &arguments.function };
    let logs = Logs { aws: &aws, stack: &target.stack, functions };
    let since = now() - i64::try_from(arguments.since.as_millis()).unwrap_or(i64::MAX / 2);
    if !arguments.follow {
        let events = Tail::from(since).fresh(logs.read(since).await?);
        if events.is_empty() {
            eprintln!("No log events in this time. The functions log errors and warnings only.");
        }
        return print(&events, arguments.json).map(|_| ());
    }
    tokio::select! {
        done = logs.follow(since, arguments.json) => done,
        // Ctrl-C ends `--follow`.
        _ = tokio::signal::ctrl_c() => Ok(()),
    }
}

/// Logs of selected functions of a stack.
struct Logs<'a> {
    aws: &'a Aws,
    stack: &'a StackName,
    functions: &'a [Function],
}

impl Logs<'_> {
    /// Events since a time, function by function.
    async fn read(&self, since: i64) -> Result<Vec<Event>> {
        let mut events = Vec::new();
        for function in self.functions {
            self.read_one(*function, since, &mut events).await?;
        }
        Ok(events)
    }

    async fn read_one(&self, function: Function, since: i64, to: &mut Vec<Event>) -> Result<()> {
        let group = log_group_name(self.stack, function);
        let filter = self.aws.logs.filter_log_events().log_group_name(&group).start_time(since);
        let mut next = None;
        loop {
            let page = filter.clone().set_next_token(next).customize();
            // Throttled requests are retried with doubling pauses, a minute in total.
            let patient = RetryConfig::standard().with_max_attempts(8);
            let page = page.config_override(Override::default().retry_config(patient)).send().await;
            let page = match page {
                Ok(page) => page,
                // The function is new in this version and not deployed yet.
                Err(error) if error.code() == Some("ResourceNotFoundException") => return Ok(()),
                Err(error) => return Err(CommandError::from_sdk("read the logs", &error).into()),
            };
            to.extend(page.events.unwrap_or_default().into_iter().map(|e| Event::of(function, e)));
            // A page may be empty although more follow:
            // https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_FilterLogEvents.html
            next = page.next_token;
            if next.is_none() {
                return Ok(());
            }
        }
    }

    /// Prints new events until it is interrupted. It polls: AWS's Live Tail would be faster, but it is billed by the
    /// minute, starts without history, and drops lines under load.
    ///
    /// <https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_StartLiveTail.html>
    async fn follow(&self, since: i64, json: bool) -> Result<()> {
        let mut tail = Tail::from(since);
        let mut pause = PAUSE;
        let mut failures = 0;
        loop {
            match self.read(tail.begin(now())).await {
                Ok(events) => {
                    if !print(&tail.fresh(events), json)? {
                        return Ok(());
                    }
                    (failures, pause) = (0, PAUSE);
                }
                Err(error) => {
                    failures += 1;
                    if failures >= PATIENCE {
                        return Err(error);
                    }
                    pause = (pause * 2).min(LONG_PAUSE);
                    eprintln!("warning: {error:#}; retrying in {} s", pause.as_secs());
                }
            }
            sleep(pause).await;
        }
    }
}

/// Events already printed that can appear again.
///
/// Events arrive late, out of order, and possibly stamped by a clock that differs from this machine's. So each poll
/// starts some minutes back and skips what was printed.
#[derive(Debug)]
struct Tail {
    since: i64,
    newest: Option<i64>,
    printed: BTreeMap<String, i64>,
}

impl Tail {
    const fn from(since: i64) -> Self {
        Self { since, newest: None, printed: BTreeMap::new() }
    }

    /// Start of the next poll.
    fn begin(&mut self, now: i64) -> i64 {
        let newest = self.newest.unwrap_or(self.since);
        let begin = newest.min(now).saturating_sub(LATE).max(self.since);
        self.printed.retain(|_, at| *at >= begin);
        begin
    }

    /// New events in order of time.
    fn fresh(&mut self, events: Vec<Event>) -> Vec<Event> {
        let mut fresh: Vec<Event> = events
            .into_iter()
            .filter(|event| self.printed.insert(event.id.clone(), event.at).is_none())
            .collect();
        // A stable sort keeps AWS's order within a millisecond.
        fresh.sort_by_key(|event| event.at);
        self.newest = self.newest.max(fresh.last().map(|event| event.at));
        fresh
    }
}

/// Prints events. Returns false once nobody reads the output, as behind `| head`.
fn print(events: &[Event], json: bool) -> Result<bool> {
    let mut out = io::stdout().lock();
    for event in events {
        let line = Line(event);
        let printed = if json { writeln!(out, "{}", line.json()) } else { writeln!(out, "{line}") };
        match printed.and_then(|()| out.flush()) {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::BrokenPipe => return Ok(false),
            Err(error) => return Err(error).context("cannot print"),
        }
    }
    Ok(true)
}

fn now() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(now.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(at: i64, id: &str) -> Event {
        let (function, stream) = (Function::Track, "s".to_owned());
        Event { at, id: id.to_owned(), function, stream, message: "m".to_owned() }
    }

    #[test]
    fn prints_late_events_and_none_twice() {
        let ids = |events: Vec<Event>| events.into_iter().map(|event| event.id).collect::<String>();
        let mut tail = Tail::from(0);
        assert_eq!(tail.begin(1_000_000), 0);
        assert_eq!(ids(tail.fresh(vec![event(900_000, "b"), event(800_000, "a")])), "ab");
        // The next poll overlaps the last one, and also finds an event that arrived late.
        assert_eq!(tail.begin(1_000_000), 900_000 - LATE);
        assert_eq!(ids(tail.fresh(vec![event(900_000, "b"), event(850_000, "c")])), "c");
        // Events too old to appear again are forgotten.
        tail.fresh(vec![event(2_000_000, "d")]);
        tail.begin(2_000_000);
        assert_eq!(tail.printed.len(), 1);
        // A future timestamp does not hide the events before it.
        assert_eq!(tail.begin(1_000_000), 1_000_000 - LATE);
    }
}
