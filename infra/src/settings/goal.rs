//! Goals: events and page views that a site's owner wants to see.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

/// Maximum number of goals of a site.
pub const MAX_GOALS: usize = 50;

/// A goal: an event, or views of certain pages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "WrittenGoal", into = "WrittenGoal")]
pub struct Goal {
    /// The name in reports.
    pub name: String,
    /// The hits that reach it.
    pub reached_by: Reached,
}

/// The hits that reach a goal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reached {
    /// Events of this name.
    Event(String),
    /// Views of pages that match this pattern.
    Page(PagePattern),
}

/// A pattern for page paths, in which `*` matches any characters, including `/` or none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PagePattern(String);

impl PagePattern {
    /// Creates a pattern. Every text is a valid one.
    #[must_use]
    pub fn new(pattern: impl Into<String>) -> Self {
        Self(pattern.into())
    }

    /// Returns the pattern as written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns whether the pattern matches a page.
    #[must_use]
    pub fn matches(&self, page: &str) -> bool {
        let mut parts = self.0.split('*');
        // There is always a first part.
        let first = parts.next().unwrap_or_default();
        let Some(mut rest) = page.strip_prefix(first) else { return false };
        let mut parts = parts.peekable();
        if parts.peek().is_none() {
            return rest.is_empty();
        }
        // Taking the first match leaves the most text for later parts.
        while let Some(part) = parts.next() {
            if parts.peek().is_none() {
                return rest.ends_with(part);
            }
            match rest.find(part) {
                Some(at) => rest = &rest[at + part.len()..],
                None => return false,
            }
        }
        true
    }
}

/// A goal as written in the file: `{event: signup}` or `{page: /thanks, name: Order}`.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenGoal {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    event: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    page: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    name: Option<String>,
}

impl TryFrom<WrittenGoal> for Goal {
    type Error = String;

    fn try_from(written: WrittenGoal) -> Result<Self, String> {
        let (reached_by, default) = match (written.event, written.page) {
            (Some(event), None) if event.trim().is_empty() => {
                return Err("empty event name; use the name that the page sends".to_owned());
            }
            (Some(event), None) => (Reached::Event(event.clone()), event),
            (None, Some(page)) if page.starts_with(['/', '*']) => {
                let default = format!("Visit {page}");
                (Reached::Page(PagePattern(page)), default)
            }
            (None, Some(page)) => {
                return Err(format!(
                    "invalid page {page:?}; it must start with / or *, such as /{page}"
                ));
            }
            _ => {
                return Err("a goal needs either an event or a page; use `event: signup` or \
                            `page: /thanks`"
                    .to_owned());
            }
        };
        let name = written.name.unwrap_or(default);
        if name.trim().is_empty() || name.len() > 100 || name.chars().any(char::is_control) {
            return Err(
                "invalid goal name; use 1 to 100 characters, without control characters".to_owned()
            );
        }
        Ok(Self { name, reached_by })
    }
}

impl From<Goal> for WrittenGoal {
    fn from(goal: Goal) -> Self {
        let (event, page, default) = match goal.reached_by {
            Reached::Event(event) => (Some(event.clone()), None, event),
            Reached::Page(PagePattern(page)) => {
                let default = format!("Visit {page}");
                (None, Some(page), default)
            }
        };
        Self { event, page, name: Some(goal.name).filter(|name| *name != default) }
    }
}

/// Parses a list of goals with distinct names.
pub(super) fn goals<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Goal>, D::Error> {
    let goals = Vec::<Goal>::deserialize(deserializer)?;
    if goals.len() > MAX_GOALS {
        return Err(D::Error::custom(format!(
            "too many goals; use at most {MAX_GOALS} for a site"
        )));
    }
    for (at, goal) in goals.iter().enumerate() {
        if goals[..at].iter().any(|other| other.name == goal.name) {
            let name = &goal.name;
            return Err(D::Error::custom(format!(
                "duplicate goal {name}; give one of them another `name`"
            )));
        }
    }
    Ok(goals)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_pages() {
        let check = |pattern: &str, page: &str, expected| {
            assert_eq!(PagePattern::new(pattern).matches(page), expected, "{pattern} {page}");
        };
        check("/a", "/a", true);
        check("/a", "/ab", false);
        check("/a", "/", false);
        check("/a*", "/a", true);
        check("/a*", "/a/b", true);
        check("/blog/*", "/blog", false);
        check("*/b", "/a/b", true);
        check("*/b", "/b/a", false);
        check("/a*a", "/a", false);
        check("/a*a", "/aa", true);
        check("/*/x/*", "/a/x/b", true);
        check("/*/x/*", "/a/y/b", false);
        check("*b*bc", "/abbc", true);
        check("/a*b*c", "/acb", false);
        check("/aa*aa", "/aaa", false);
        check("*.php", "/wp/login.phpx", false);
        check("/ü*", "/über", true);
        check("**", "", true);
        check("", "", true);
        check("", "/", false);
    }
}
