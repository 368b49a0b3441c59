//! Watches a stack while it changes. Prints a line for each event, or on a terminal updates a line for each
//! resource, and finds the first cause of a failure.

use std::collections::BTreeMap;
use std::io::{self, IsTerminal as _, Write as _};
use std::time::Duration;

use anyhow::Result;
use aws_sdk_cloudformation::error::ProvideErrorMetadata as _;
use aws_sdk_cloudformation::types::StackEvent;
use tokio::time::sleep;

use crate::aws::clients::Aws;
use crate::error::CommandError;
use crate::stack::state::{self, NextAction, next_action};

/// Maximum number of resources in progress that are shown.
const MAX_SHOWN: usize = 10;

/// Maximum consecutive requests that may fail while watching.
const MAX_FAILURES: u8 = 5;

/// How an operation ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ending {
    /// The stack's final state, such as `UPDATE_COMPLETE`.
    pub(crate) status: String,
    /// The resource that failed and AWS's reason, if any.
    pub(crate) cause: Option<String>,
}

/// When to stop watching.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Until {
    /// When the events say that the operation is over.
    Over,
    /// When the stack is no longer busy, because the operation may have begun long ago.
    Idle,
}

/// An event of a stack.
#[derive(Debug, Clone, PartialEq)]
struct Event {
    id: String,
    /// The resource's logical ID, or the stack's name.
    resource: String,
    resource_type: String,
    status: String,
    reason: String,
    /// Whether it is about the stack itself.
    of_stack: bool,
    /// Unix time in seconds.
    at: f64,
}

impl Event {
    fn of(event: &StackEvent) -> Self {
        let text = |value: Option<&str>| value.unwrap_or_default().to_owned();
        Self {
            id: text(event.event_id()),
            resource: text(event.logical_resource_id()),
            resource_type: text(event.resource_type()),
            status: text(event.resource_status().map(|status| status.as_str())),
            reason: text(event.resource_status_reason()),
            of_stack: event.stack_id().is_some()
                && event.stack_id() == event.physical_resource_id(),
            at: event
                .timestamp()
                .map_or(0.0, aws_sdk_cloudformation::primitives::DateTime::as_secs_f64),
        }
    }

    fn is_over(&self) -> bool {
        ["_COMPLETE", "_FAILED", "_SKIPPED"].iter().any(|end| self.status.ends_with(end))
    }

    /// Whether the resource itself failed. When one resource fails, AWS cancels the others, and reports those as
    /// failed, too.
    fn is_cause(&self) -> bool {
        self.status.ends_with("_FAILED")
            && !self.of_stack
            && !self.reason.starts_with("Resource creation cancelled")
            && !self.reason.starts_with("Resource update cancelled")
            && !self.reason.starts_with("Resource deletion cancelled")
    }
}

/// Returns the first cause of a failure. The events are in chronological order.
fn cause(events: &[Event]) -> Option<String> {
    let event = events.iter().find(|event| event.is_cause())?;
    let reason = if event.reason.is_empty() { &event.status } else { &event.reason };
    Some(format!("{} ({}): {reason}", event.resource, event.resource_type))
}

/// Follows a stack's events from a certain one on.
#[derive(Debug)]
pub(crate) struct Watch {
    stack: String,
    last: Option<String>,
}

impl Watch {
    /// Watches from now on. `stack` must be its ID, because a deleted stack is not found by name.
    pub(crate) async fn from_now(aws: &Aws, stack: &str) -> Result<Self> {
        let mut watch = Self { stack: stack.to_owned(), last: None };
        watch.last = watch.fresh(aws, true).await?.last().map(|event| event.id.clone());
        Ok(watch)
    }

    /// Shows events until the operation is over.
    pub(crate) async fn follow(mut self, aws: &Aws, until: Until) -> Result<Ending> {
        let mut view = View::new(io::stderr().is_terminal());
        let mut seen: Vec<Event> = Vec::new();
        let mut pause = Duration::from_millis(250);
        let mut failures = 0;
        loop {
            // Read the state before the events, so that no event that led to it is missed.
            let idle = if until == Until::Idle { self.idle(aws).await? } else { None };
            match self.fresh(aws, false).await {
                Ok(events) => {
                    failures = 0;
                    for event in &events {
                        view.show(event);
                    }
                    seen.extend(events);
                }
                Err(error) => {
                    failures += 1;
                    if failures >= MAX_FAILURES {
                        view.close();
                        return Err(error.context(
                            "lost track of the stack; the operation continues, and `cargo xtask status` shows its state",
                        ));
                    }
                }
            }
            let over = seen.iter().rev().find(|event| event.of_stack && event.is_over());
            let over = over.map(|event| event.status.clone()).filter(|_| until == Until::Over);
            if let Some(status) = over.or(idle) {
                view.close();
                return Ok(Ending { status, cause: cause(&seen) });
            }
            sleep(pause).await;
            pause = (pause * 3 / 2).min(Duration::from_secs(3));
        }
    }

    /// Returns the stack's state. `None` while it is busy.
    async fn idle(&self, aws: &Aws) -> Result<Option<String>> {
        let found = state::find(aws, &self.stack).await?;
        let status = found.and_then(|stack| stack.stack_status);
        let name = status.as_ref().map_or("DELETE_COMPLETE", |status| status.as_str());
        Ok((next_action(status.as_ref()) != NextAction::Wait).then(|| name.to_owned()))
    }

    /// Returns the new events, oldest first. AWS sends the newest first, in pages; the first page is enough to find
    /// the starting point.
    async fn fresh(&mut self, aws: &Aws, newest_page: bool) -> Result<Vec<Event>> {
        let mut fresh = Vec::new();
        let mut token = None;
        'pages: loop {
            let describe = aws.cloudformation.describe_stack_events().stack_name(&self.stack);
            let page = match describe.set_next_token(token).send().await {
                Ok(page) => page,
                Err(error) => {
                    let message = error.as_service_error().and_then(|e| e.message());
                    if state::is_absent(message) {
                        // Events of a deleted stack are found by its ID only.
                        fresh.push(gone(&self.stack));
                        break;
                    }
                    return Err(CommandError::from_sdk("watch the stack", &error).into());
                }
            };
            for event in page.stack_events() {
                if event.event_id() == self.last.as_deref() {
                    break 'pages;
                }
                fresh.push(Event::of(event));
            }
            token = page.next_token;
            if newest_page || token.is_none() {
                break;
            }
        }
        fresh.reverse();
        if let Some(event) = fresh.last() {
            self.last = Some(event.id.clone());
        }
        Ok(fresh)
    }
}

fn gone(stack: &str) -> Event {
    Event {
        id: String::new(),
        resource: stack.to_owned(),
        resource_type: "AWS::CloudFormation::Stack".to_owned(),
        status: "DELETE_COMPLETE".to_owned(),
        reason: String::new(),
        of_stack: true,
        at: 0.0,
    }
}

/// The lines on the screen.
#[derive(Debug)]
struct View {
    on_terminal: bool,
    /// Resources in progress, with the time when each began.
    working: BTreeMap<String, (f64, String)>,
    /// Number of lines on the screen that are redrawn.
    drawn: usize,
}

impl View {
    const fn new(on_terminal: bool) -> Self {
        Self { on_terminal, working: BTreeMap::new(), drawn: 0 }
    }

    fn show(&mut self, event: &Event) {
        let text = self.on_event(event);
        // Ignore errors: progress is not essential.
        let _ = io::stderr().write_all(text.as_bytes());
    }

    fn close(&mut self) {
        self.working.clear();
        let _ = io::stderr().write_all(self.redrawn("").as_bytes());
    }

    /// Returns the text to write for an event.
    fn on_event(&mut self, event: &Event) -> String {
        let begun = self.working.get(&event.resource).map(|(since, _)| *since);
        let took = begun.filter(|_| event.at > 0.0).map(|since| event.at - since);
        if event.is_over() {
            self.working.remove(&event.resource);
        } else if begun.is_none() {
            self.working.insert(event.resource.clone(), (event.at, event.status.clone()));
        }
        if self.on_terminal && !event.is_over() {
            return self.redrawn("");
        }
        let line = line(event, took.filter(|_| event.is_over()));
        if self.on_terminal { self.redrawn(&line) } else { line }
    }

    /// Returns permanent lines, followed by the redrawn lines.
    fn redrawn(&mut self, above: &str) -> String {
        if !self.on_terminal {
            return above.to_owned();
        }
        // Move up to the first redrawn line and clear the screen from there.
        let mut text =
            if self.drawn > 0 { format!("\x1b[{}F\x1b[0J", self.drawn) } else { String::new() };
        text.push_str(above);
        for (resource, (_, status)) in self.working.iter().take(MAX_SHOWN) {
            text.push_str(&format!("  …  {status:<20}  {resource}\n"));
        }
        self.drawn = self.working.len().min(MAX_SHOWN);
        text
    }
}

fn line(event: &Event, took: Option<f64>) -> String {
    let mut line = format!("{}  {:<20}  {}", clock(event.at), event.status, event.resource);
    if let Some(took) = took {
        line.push_str(&format!("  {took:.1} s"));
    }
    if !event.reason.is_empty() {
        line.push_str(&format!("  {}", event.reason));
    }
    line.push('\n');
    line
}

/// Returns the time of day in UTC.
fn clock(at: f64) -> String {
    if at <= 0.0 {
        return "        ".to_owned();
    }
    let second = (at.rem_euclid(86_400.0)) as u32;
    format!("{:02}:{:02}:{:02}", second / 3600, second / 60 % 60, second % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(resource: &str, status: &str, reason: &str, at: f64) -> Event {
        Event {
            id: format!("{resource}-{status}"),
            resource: resource.to_owned(),
            resource_type: "AWS::Lambda::Function".to_owned(),
            status: status.to_owned(),
            reason: reason.to_owned(),
            of_stack: resource == "footfall",
            at,
        }
    }

    /// Reasons as in
    /// <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/troubleshooting.html>
    #[test]
    fn cause_is_the_first_failure_that_was_not_cancelled() {
        let events = [
            event("footfall", "CREATE_IN_PROGRESS", "User Initiated", 1.0),
            event("A", "CREATE_FAILED", "Resource creation cancelled", 2.0),
            event("B", "CREATE_FAILED", "Code not found", 2.0),
            event("C", "CREATE_FAILED", "Later", 3.0),
            event("footfall", "ROLLBACK_COMPLETE", "", 4.0),
        ];
        assert_eq!(cause(&events).unwrap(), "B (AWS::Lambda::Function): Code not found");
        assert_eq!(cause(&events[..2]), None);
    }

    #[test]
    fn prints_a_line_per_event_without_a_terminal() {
        let mut view = View::new(false);
        assert_eq!(
            view.on_event(&event("A", "CREATE_IN_PROGRESS", "", 3661.0)),
            "01:01:01  CREATE_IN_PROGRESS    A\n"
        );
        assert_eq!(
            view.on_event(&event("A", "CREATE_FAILED", "No", 3663.5)),
            "01:01:03  CREATE_FAILED         A  2.5 s  No\n"
        );
    }

    #[test]
    fn redraws_one_line_per_resource_on_a_terminal() {
        let mut view = View::new(true);
        view.on_event(&event("A", "CREATE_IN_PROGRESS", "", 1.0));
        view.on_event(&event("A", "CREATE_IN_PROGRESS", "Resource creation Initiated", 2.0));
        let text = view.on_event(&event("B", "CREATE_IN_PROGRESS", "", 2.0));
        assert_eq!(
            text,
            "\x1b[1F\x1b[0J  …  CREATE_IN_PROGRESS    A\n  …  CREATE_IN_PROGRESS    B\n"
        );
        let text = view.on_event(&event("A", "CREATE_COMPLETE", "", 4.0));
        assert_eq!(
            text,
            "\x1b[2F\x1b[0J00:00:04  CREATE_COMPLETE       A  3.0 s\n  \
               …  CREATE_IN_PROGRESS    B\n"
        );
    }
}
