//! How an event of a log reads: the function's own lines are JSON with a level and a message, Lambda's
//! are JSON with a type, and a panic is plain text.
//!
//! <https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-logformat.html>

use std::fmt;

use aws_sdk_cloudwatchlogs::primitives::{DateTime, DateTimeFormat};
use serde_json::{Map, Value, json};

use super::Event;

/// An event, as one line.
#[derive(Debug)]
pub(super) struct Line<'a>(pub(super) &'a Event);

impl Line<'_> {
    fn time(&self) -> String {
        let time = DateTime::from_millis(self.0.at);
        time.fmt(DateTimeFormat::DateTime).unwrap_or_else(|_| self.0.at.to_string())
    }

    /// The event for a program, whose message is JSON where it was logged as JSON.
    pub(super) fn json(&self) -> Value {
        let Event { id, function, stream, message, .. } = self.0;
        let message = serde_json::from_str(message).unwrap_or_else(|_| json!(message.trim_end()));
        let (time, function) = (self.time(), function.name());
        json!({ "time": time, "function": function, "id": id, "stream": stream, "message": message })
    }
}

impl fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let message = &self.0.message;
        let text = serde_json::from_str(message).ok().and_then(|fields| words(&fields));
        let text = text.unwrap_or_else(|| message.clone());
        write!(f, "{:<24}  {:<9}  {}", self.time(), self.0.function.name(), one_line(&text))
    }
}

/// A text in one line, and without what would move a terminal's cursor.
fn one_line(text: &str) -> String {
    let lines: Vec<&str> = text.lines().map(str::trim_end).filter(|l| !l.is_empty()).collect();
    lines.join(" | ").chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// An event that is JSON, in words. Nothing if it is of neither kind.
fn words(fields: &Map<String, Value>) -> Option<String> {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    if let Some(message) = fields.get("message") {
        let level = fields.get("level").map_or_else(|| "INFO".to_owned(), text);
        let known = ["level", "message", "time", "timestamp"];
        let rest = fields.iter().filter(|(name, _)| !known.contains(&name.as_str()));
        let rest: String = rest.map(|(name, value)| format!("  {name}={}", text(value))).collect();
        return Some(format!("{level:<5}  {}{rest}", text(message)));
    }
    let kind = fields.get("type")?;
    let record = fields.get("record").map_or_else(String::new, |record| format!("  {record}"));
    Some(format!("LAMBDA  {}{record}", text(kind)))
}

#[cfg(test)]
mod tests {
    use footfall_infra::function::Function;

    use super::*;

    fn event(message: &str) -> Event {
        let (id, stream) = ("1".to_owned(), "s".to_owned());
        let message = message.to_owned();
        Event { at: 1_795_352_706_789, id, function: Function::Track, stream, message }
    }

    #[test]
    fn prints_every_event_on_one_line() {
        let check = |message: &str, expected: &str| {
            let line = Line(&event(message)).to_string();
            assert_eq!(line, format!("2026-11-22T13:05:06.789Z  track      {expected}"));
        };
        check(
            r#"{"timestamp":"x","level":"ERROR","message":"a hit was not stored","error":"no table"}"#,
            "ERROR  a hit was not stored  error=no table",
        );
        check(
            r#"{"time":"x","type":"platform.runtimeDone","record":{"status":"timeout"}}"#,
            r#"LAMBDA  platform.runtimeDone  {"status":"timeout"}"#,
        );
        check("thread 'main' panicked\n  at x.rs\n\n", "thread 'main' panicked |   at x.rs");
        check("\u{1b}[2Jgone", " [2Jgone");
        check("[1, 2]", "[1, 2]");
        check(r#"{"other":1}"#, r#"{"other":1}"#);
    }

    #[test]
    fn json_contains_everything() {
        let json = Line(&event("{\"message\":\"m\"}\n")).json();
        assert_eq!(json["message"]["message"], "m");
        assert_eq!(json["time"], "2026-11-22T13:05:06.789Z");
        assert_eq!(Line(&event("text\n")).json()["message"], "text");
    }
}
