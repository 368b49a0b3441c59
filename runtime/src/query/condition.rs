//! Conditions on hits and visits, and their syntax in URLs.

use std::fmt;

use super::dimension::{Dimension, Key};
use crate::platform::sanitize::clean;

/// Maximum number of filters in a query.
pub const MAX_FILTERS: usize = 20;

/// Maximum number of values in all filters of a query. Each is compared with every value of its dimension.
pub const MAX_VALUES: usize = 100;

/// Maximum length of all conditions of a query in the URL, in bytes.
pub(super) const MAX_BYTES: usize = 4096;

/// Maximum depth of nested conditions.
pub const MAX_DEPTH: usize = 6;

/// A condition that a hit must meet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    /// The filter matches.
    Filter(Filter),
    /// All conditions hold.
    All(Vec<Self>),
    /// At least one condition holds.
    Any(Vec<Self>),
    /// The condition does not hold.
    Not(Box<Self>),
    /// The condition holds for at least one hit of the visit.
    Done(Box<Self>),
}

/// A condition on one property of hits or of visits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter {
    /// How to compare.
    pub operator: Operator,
    /// Key whose value is compared.
    pub key: Key,
    /// Values to compare with: at least one. The empty string stands for a missing value.
    pub values: Vec<String>,
    /// Whether upper and lower case are the same.
    pub ignore_case: bool,
}

/// How a filter compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operator {
    /// Equals one of the values.
    Is,
    /// Equals none of the values.
    IsNot,
    /// Contains one of the values.
    Contains,
    /// Contains none of the values.
    ContainsNot,
    /// Matches one of the values, which are regular expressions.
    Matches,
    /// Matches none of the values, which are regular expressions.
    MatchesNot,
}

impl Operator {
    /// All operators.
    pub const ALL: [Self; 6] =
        [Self::Is, Self::IsNot, Self::Contains, Self::ContainsNot, Self::Matches, Self::MatchesNot];

    /// Returns the name in URLs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Is => "is",
            Self::IsNot => "is_not",
            Self::Contains => "contains",
            Self::ContainsNot => "contains_not",
            Self::Matches => "matches",
            Self::MatchesNot => "matches_not",
        }
    }

    /// Parses a name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|operator| operator.name() == name)
    }

    /// Returns whether this is the negation of another operator. If so, it holds for missing values.
    #[must_use]
    pub const fn is_negative(self) -> bool {
        matches!(self, Self::IsNot | Self::ContainsNot | Self::MatchesNot)
    }
}

/// An invalid condition, with what is valid instead.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConditionError {
    /// Syntax error.
    #[error(
        "invalid filter f={0}: write f=is,page,/about, with is, is_not, contains, contains_not, \
         matches or matches_not, or combine filters as in f=any(is,page,/a)(is,page,/b), with all, \
         any, not or done"
    )]
    Filter(String),
    /// Unknown key.
    #[error(
        "unknown key {0}; use {names}, goal, or props:NAME for an event property",
        names = names()
    )]
    Key(String),
    /// Regular expression that is invalid or too large.
    #[error("invalid regular expression {0}: {1}")]
    Regex(String, String),
    /// Too many filters, values or bytes, or too deeply nested.
    #[error(
        "at most {MAX_FILTERS} filters with {MAX_VALUES} values and {MAX_BYTES} bytes in total are allowed, nested \
         at most {MAX_DEPTH} deep"
    )]
    TooMuch,
}

fn names() -> String {
    Dimension::ALL.map(Dimension::name).join(", ")
}

impl Condition {
    /// Adds all its filters to `to`.
    pub(super) fn collect<'a>(
        &'a self,
        depth: usize,
        to: &mut Vec<&'a Filter>,
    ) -> Result<(), ConditionError> {
        if depth > MAX_DEPTH {
            return Err(ConditionError::TooMuch);
        }
        match self {
            Self::Filter(filter) => to.push(filter),
            Self::All(inner) | Self::Any(inner) => {
                inner.iter().try_for_each(|condition| condition.collect(depth + 1, to))?;
            }
            Self::Not(inner) | Self::Done(inner) => inner.collect(depth + 1, to)?,
        }
        Ok(())
    }

    /// Returns all its filters.
    #[must_use]
    pub fn filters(&self) -> Vec<&Filter> {
        match self {
            Self::Filter(filter) => vec![filter],
            Self::All(inner) | Self::Any(inner) => inner.iter().flat_map(Self::filters).collect(),
            Self::Not(inner) | Self::Done(inner) => inner.filters(),
        }
    }

    /// Returns the conditions with every `all` replaced by what is in it. Together they mean the same.
    pub fn flat(conditions: &[Self]) -> Box<dyn Iterator<Item = &Self> + '_> {
        Box::new(conditions.iter().flat_map(|condition| match condition {
            Self::All(inner) => Self::flat(inner),
            condition => Box::new(std::iter::once(condition)),
        }))
    }

    /// Returns the conditions without some, such as those on goals. These give the basis of conversion rates.
    #[must_use]
    pub fn without(conditions: &[Self], is_out: impl Fn(&Self) -> bool) -> Vec<Self> {
        Self::flat(conditions).filter(|condition| !is_out(condition)).cloned().collect()
    }

    /// Returns whether `is_key` holds for the keys of all its filters, at any depth.
    #[must_use]
    pub fn is_of(&self, is_key: impl Fn(&Key) -> bool) -> bool {
        let filters = self.filters();
        !filters.is_empty() && filters.iter().all(|filter| is_key(&filter.key))
    }
}

impl From<Filter> for Condition {
    fn from(filter: Filter) -> Self {
        Self::Filter(filter)
    }
}

/// Parses a filter, or `all(C)(C)…`, `any(C)(C)…`, `not(C)` or `done(C)` with conditions C.
impl std::str::FromStr for Condition {
    type Err = ConditionError;

    fn from_str(text: &str) -> Result<Self, ConditionError> {
        condition(text, 1)
    }
}

fn condition(text: &str, depth: usize) -> Result<Condition, ConditionError> {
    let wrong = || ConditionError::Filter(clean(text, 100));
    let group =
        text.split_once('(').filter(|(word, _)| ["all", "any", "not", "done"].contains(word));
    let Some((word, _)) = group else { return text.parse().map(Condition::Filter) };
    if depth >= MAX_DEPTH {
        return Err(ConditionError::TooMuch);
    }
    let groups = groups(&text[word.len()..]).ok_or_else(wrong)?;
    let mut inner: Vec<Condition> =
        groups.into_iter().map(|text| condition(text, depth + 1)).collect::<Result<_, _>>()?;
    match (word, inner.len()) {
        ("all", _) => Ok(Condition::All(inner)),
        ("any", _) => Ok(Condition::Any(inner)),
        ("not", 1) => Ok(Condition::Not(Box::new(inner.remove(0)))),
        ("done", 1) => Ok(Condition::Done(Box::new(inner.remove(0)))),
        _ => Err(wrong()),
    }
}

/// Returns the contents of consecutive parentheses. `None` if there are none, or if there is text outside them.
fn groups(text: &str) -> Option<Vec<&str>> {
    let (mut groups, mut start, mut depth) = (Vec::new(), 0, 0_usize);
    let mut letters = text.char_indices();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '\\' => {
                letters.next();
            }
            '(' => {
                depth += 1;
                if depth == 1 {
                    start = at + 1;
                }
            }
            ')' => {
                depth = depth.checked_sub(1)?;
                if depth == 0 {
                    groups.push(&text[start..at]);
                }
            }
            _ if depth == 0 => return None,
            _ => {}
        }
    }
    (depth == 0 && !groups.is_empty()).then_some(groups)
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (word, inner): (_, &[Self]) = match self {
            Self::Filter(filter) => return filter.fmt(f),
            Self::All(inner) => ("all", inner),
            Self::Any(inner) => ("any", inner),
            Self::Not(inner) => ("not", std::slice::from_ref(inner)),
            Self::Done(inner) => ("done", std::slice::from_ref(inner)),
        };
        f.write_str(word)?;
        inner.iter().try_for_each(|condition| write!(f, "({condition})"))
    }
}

/// Parses `OPERATOR,KEY,VALUE[,VALUE…]`. In a value, `\` escapes commas, parentheses and itself. An operator that
/// ends in `~` ignores case.
impl std::str::FromStr for Filter {
    type Err = ConditionError;

    fn from_str(text: &str) -> Result<Self, ConditionError> {
        let wrong = || ConditionError::Filter(clean(text, 100));
        let mut parts = split(text).into_iter();
        let word = parts.next().ok_or_else(wrong)?;
        let (name, ignore_case) = match word.strip_suffix('~') {
            Some(name) => (name, true),
            None => (word.as_str(), false),
        };
        let operator = Operator::parse(name).ok_or_else(wrong)?;
        let name = parts.next().ok_or_else(wrong)?;
        let key = Key::parse(&name).ok_or_else(|| ConditionError::Key(clean(&name, 100)))?;
        let values: Vec<String> = parts.collect();
        if values.is_empty() {
            return Err(wrong());
        }
        Ok(Self { operator, key, values, ignore_case })
    }
}

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let case = if self.ignore_case { "~" } else { "" };
        write!(f, "{}{case},", self.operator.name())?;
        write_escaped(f, &self.key.to_string())?;
        for value in &self.values {
            f.write_str(",")?;
            write_escaped(f, value)?;
        }
        Ok(())
    }
}

fn write_escaped(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    use fmt::Write as _;
    for letter in text.chars() {
        if matches!(letter, ',' | '(' | ')' | '\\') {
            f.write_char('\\')?;
        }
        f.write_char(letter)?;
    }
    Ok(())
}

impl Filter {
    /// Creates a filter for one exact value.
    #[must_use]
    pub fn is(key: impl Into<Key>, value: impl Into<String>) -> Self {
        let values = vec![value.into()];
        Self { operator: Operator::Is, key: key.into(), values, ignore_case: false }
    }
}

/// Splits at commas without a backslash before them.
fn split(text: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        let literal = match letter {
            ',' => None,
            '\\' => Some(letters.next().unwrap_or('\\')),
            letter => Some(letter),
        };
        match (literal, parts.last_mut()) {
            (Some(letter), Some(part)) => part.push(letter),
            _ => parts.push(String::new()),
        }
    }
    parts
}
