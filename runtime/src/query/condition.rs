//! Conditions: what must hold for a hit or its visit, and how they are written in an address.

use std::fmt;

use super::dimension::{Dimension, Key};
use crate::platform::sanitize::clean;

/// The most filters of a query.
pub const MAX_FILTERS: usize = 20;

/// The most values of all filters together: each is compared with every text of its dimension.
pub const MAX_VALUES: usize = 100;

/// The most bytes of all conditions together, as they stand in the address.
pub(super) const MAX_BYTES: usize = 4096;

/// How deep conditions may stand in conditions.
pub const MAX_DEPTH: usize = 6;

/// What must hold for a hit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    /// A filter.
    Filter(Filter),
    /// Every one of some.
    All(Vec<Self>),
    /// At least one of some.
    Any(Vec<Self>),
    /// What must not hold.
    Not(Box<Self>),
    /// It holds for some hit of the visit.
    Done(Box<Self>),
}

/// A condition on one property of hits or of visits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter {
    /// How values are compared.
    pub operator: Operator,
    /// What is compared.
    pub key: Key,
    /// With what: at least one value. The empty one stands for none.
    pub values: Vec<String>,
    /// Whether capitals and small letters are the same.
    pub ignore_case: bool,
}

/// How a filter compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operator {
    /// It is one of the values.
    Is,
    /// It is none of the values.
    IsNot,
    /// One of the values is a part of it.
    Contains,
    /// None of the values is a part of it.
    ContainsNot,
    /// One of the values, as a regular expression, is found in it.
    Matches,
    /// None of the values, as regular expressions, is found in it.
    MatchesNot,
}

impl Operator {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Is, Self::IsNot, Self::Contains, Self::ContainsNot, Self::Matches, Self::MatchesNot];

    /// The name in addresses.
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

    /// The operator of a name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|operator| operator.name() == name)
    }

    /// Whether it holds for what is not there: the opposite of another operator.
    #[must_use]
    pub const fn is_negative(self) -> bool {
        matches!(self, Self::IsNot | Self::ContainsNot | Self::MatchesNot)
    }
}

/// A query that cannot be asked, and what to ask instead.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConditionError {
    /// A condition is not of the right form.
    #[error(
        "the filter f={0} is none: write f=is,page,/about, with is, is_not, contains, contains_not, \
         matches or matches_not, or put filters together as in f=any(is,page,/a)(is,page,/b), with all, \
         any, not or done"
    )]
    Filter(String),
    /// A filter's key is not there.
    #[error(
        "there is nothing called {0} to filter by; there are {names}, goal, and props:NAME for the \
         properties of events",
        names = names()
    )]
    Key(String),
    /// What a filter matches with is no regular expression.
    #[error("{0} is no regular expression that can be used here: {1}")]
    Regex(String, String),
    /// There is too much of it.
    #[error(
        "there are at most {MAX_FILTERS} filters, of {MAX_VALUES} values and {MAX_BYTES} bytes together, \
         and {MAX_DEPTH} deep: take some off"
    )]
    TooMuch,
}

fn names() -> String {
    Dimension::ALL.map(Dimension::name).join(", ")
}

impl Condition {
    /// Adds all filters of it.
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

    /// All its filters.
    #[must_use]
    pub fn filters(&self) -> Vec<&Filter> {
        match self {
            Self::Filter(filter) => vec![filter],
            Self::All(inner) | Self::Any(inner) => inner.iter().flat_map(Self::filters).collect(),
            Self::Not(inner) | Self::Done(inner) => inner.filters(),
        }
    }

    /// Conditions one by one, without the `all` around them: what all of them ask for is the same.
    pub fn flat(conditions: &[Self]) -> Box<dyn Iterator<Item = &Self> + '_> {
        Box::new(conditions.iter().flat_map(|condition| match condition {
            Self::All(inner) => Self::flat(inner),
            condition => Box::new(std::iter::once(condition)),
        }))
    }

    /// Conditions but those that are left out, such as those on goals: what remains says who might have
    /// reached one.
    #[must_use]
    pub fn without(conditions: &[Self], is_out: impl Fn(&Self) -> bool) -> Vec<Self> {
        Self::flat(conditions).filter(|condition| !is_out(condition)).cloned().collect()
    }

    /// Whether all its filters, wherever they stand in it, are on such keys.
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

/// A filter, or `all(C)(C)…`, `any(C)(C)…`, `not(C)`, `done(C)` of conditions C.
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

/// What stands in each of some parentheses, one behind the other; at least one, and nothing beside them.
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

/// `OPERATOR,KEY,VALUE[,VALUE…]`: a comma or a parenthesis within a value has a `\` before it, and `\` is
/// `\\`. An operator with a `~` behind it takes capitals and small letters for the same.
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
    /// That a property is one value.
    #[must_use]
    pub fn is(key: impl Into<Key>, value: impl Into<String>) -> Self {
        let values = vec![value.into()];
        Self { operator: Operator::Is, key: key.into(), values, ignore_case: false }
    }
}

/// Splits at commas that have no backslash before them.
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
