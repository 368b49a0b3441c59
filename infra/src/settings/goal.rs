//! Goals: what a site's visitors are hoped to do.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

/// The most goals of a site.
pub const MAX_GOALS: usize = 50;

/// Something that a hit can reach: an event by its name, or views of some pages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "WrittenGoal", into = "WrittenGoal")]
pub struct Goal {
    /// What it is called in reports.
    pub name: String,
    /// What reaches it.
    pub reached_by: Reached,
}

/// What reaches a goal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reached {
    /// An event of this name.
    Event(String),
    /// A view of a page that this pattern matches.
    Page(PagePattern),
}

/// A page's path, in which `*` stands for any letters, also none, `/` included.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PagePattern(String);

impl PagePattern {
    /// The pattern that a text is.
    #[must_use]
    pub fn new(pattern: impl Into<String>) -> Self {
        Self(pattern.into())
    }

    /// The pattern as it is written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it matches a page.
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
        // The first place that a part is found at leaves the most for those behind it.
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

/// A goal as it stands in the file: `{event: signup}` or `{page: /thanks, name: Order}`.
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
        let (reached_by, usual) = match (written.event, written.page) {
            (Some(event), None) if event.trim().is_empty() => {
                return Err("a goal's event has a name: the one that the page reports".to_owned());
            }
            (Some(event), None) => (Reached::Event(event.clone()), event),
            (None, Some(page)) if page.starts_with(['/', '*']) => {
                let usual = format!("Visit {page}");
                (Reached::Page(PagePattern(page)), usual)
            }
            (None, Some(page)) => {
                return Err(format!("a goal's page begins with / or *, such as /{page}"));
            }
            _ => {
                return Err("a goal is an event or a page: write `event: signup` or \
                            `page: /thanks`"
                    .to_owned());
            }
        };
        let name = written.name.unwrap_or(usual);
        if name.trim().is_empty() || name.len() > 100 || name.chars().any(char::is_control) {
            return Err("a goal's name has 1 to 100 letters".to_owned());
        }
        Ok(Self { name, reached_by })
    }
}

impl From<Goal> for WrittenGoal {
    fn from(goal: Goal) -> Self {
        let (event, page, usual) = match goal.reached_by {
            Reached::Event(event) => (Some(event.clone()), None, event),
            Reached::Page(PagePattern(page)) => {
                let usual = format!("Visit {page}");
                (None, Some(page), usual)
            }
        };
        Self { event, page, name: Some(goal.name).filter(|name| *name != usual) }
    }
}

/// A list of goals in which no name stands twice.
pub(super) fn goals<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Goal>, D::Error> {
    let goals = Vec::<Goal>::deserialize(deserializer)?;
    if goals.len() > MAX_GOALS {
        return Err(D::Error::custom(format!("a site has at most {MAX_GOALS} goals")));
    }
    for (at, goal) in goals.iter().enumerate() {
        if goals[..at].iter().any(|other| other.name == goal.name) {
            let name = &goal.name;
            return Err(D::Error::custom(format!(
                "two goals are called {name}: give one of them another `name`"
            )));
        }
    }
    Ok(goals)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_matches_pages() {
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
