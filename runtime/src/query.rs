//! What is asked for: a period, and conditions. A query that exists can be answered.

pub mod dimension;
pub mod engine;
pub mod period;
pub mod reader;
pub mod report;

use std::fmt;

use regex_lite::{Regex, RegexBuilder};

use crate::platform::http::Request;
use crate::query::dimension::{Dimension, Key};
use crate::query::period::{Asked, Period, PeriodError};

/// The most filters of a query.
pub const MAX_FILTERS: usize = 20;

/// The most values of all filters together: each is compared with every text of its dimension.
pub const MAX_VALUES: usize = 100;

/// The most bytes of all conditions together, as they stand in the address.
const MAX_BYTES: usize = 4096;

/// How deep conditions may stand in conditions.
pub const MAX_DEPTH: usize = 6;

/// The most memory that a regular expression may take, in bytes.
const MAX_REGEX: usize = 64 * 1024;

/// A question to the hits of a site.
#[derive(Debug, Clone, PartialEq)]
pub struct Query {
    /// Which days.
    pub period: Period,
    /// Which hits of those: those for which all conditions hold.
    pub conditions: Vec<Condition>,
}

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
pub enum QueryError {
    /// The period.
    #[error(transparent)]
    Period(#[from] PeriodError),
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

impl Query {
    /// The query that a request's parameters ask: `period`, `from`, `to` and `days` as
    /// [`Period::of`] reads them, and an `f` for each condition, such as `f=is,page,/about`.
    ///
    /// # Errors
    /// If they ask none.
    pub fn of(request: &Request, asked: &Asked<'_>) -> Result<Self, QueryError> {
        let texts: Vec<String> =
            request.parameters("f").into_iter().filter(|text| !text.is_empty()).collect();
        let bytes: usize = texts.iter().map(String::len).sum();
        if texts.len() > MAX_FILTERS || bytes > MAX_BYTES {
            return Err(QueryError::TooMuch);
        }
        let mut conditions: Vec<Condition> = Vec::new();
        for text in &texts {
            let condition = text.parse()?;
            // The same twice says nothing more.
            if !conditions.contains(&condition) {
                conditions.push(condition);
            }
        }
        check(&conditions)?;
        Ok(Self { period: Period::of(request, asked)?, conditions })
    }
}

/// Whether conditions can be asked: they are not too many, and their regular expressions are some.
///
/// # Errors
/// [`QueryError::TooMuch`] or [`QueryError::Regex`].
pub fn check(conditions: &[Condition]) -> Result<(), QueryError> {
    let mut filters = Vec::new();
    for condition in conditions {
        condition.collect(1, &mut filters)?;
    }
    let values: usize = filters.iter().map(|filter| filter.values.len()).sum();
    if filters.len() > MAX_FILTERS || values > MAX_VALUES {
        return Err(QueryError::TooMuch);
    }
    filters.into_iter().try_for_each(|filter| filter.matcher().map(|_| ()))
}

impl Condition {
    /// Adds all filters of it.
    fn collect<'a>(&'a self, depth: usize, to: &mut Vec<&'a Filter>) -> Result<(), QueryError> {
        if depth > MAX_DEPTH {
            return Err(QueryError::TooMuch);
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
    type Err = QueryError;

    fn from_str(text: &str) -> Result<Self, QueryError> {
        condition(text, 1)
    }
}

fn condition(text: &str, depth: usize) -> Result<Condition, QueryError> {
    let wrong = || QueryError::Filter(crate::platform::sanitize::clean(text, 100));
    let group =
        text.split_once('(').filter(|(word, _)| ["all", "any", "not", "done"].contains(word));
    let Some((word, _)) = group else { return text.parse().map(Condition::Filter) };
    if depth >= MAX_DEPTH {
        return Err(QueryError::TooMuch);
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
    type Err = QueryError;

    fn from_str(text: &str) -> Result<Self, QueryError> {
        let wrong = || QueryError::Filter(crate::platform::sanitize::clean(text, 100));
        let mut parts = split(text).into_iter();
        let word = parts.next().ok_or_else(wrong)?;
        let (name, ignore_case) = match word.strip_suffix('~') {
            Some(name) => (name, true),
            None => (word.as_str(), false),
        };
        let operator = Operator::parse(name).ok_or_else(wrong)?;
        let name = parts.next().ok_or_else(wrong)?;
        let key = Key::parse(&name)
            .ok_or_else(|| QueryError::Key(crate::platform::sanitize::clean(&name, 100)))?;
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

    /// What finds out whether it holds.
    ///
    /// # Errors
    /// [`QueryError::Regex`] if it has a regular expression that is none, or too large.
    pub fn matcher(&self) -> Result<Matcher, QueryError> {
        let regex = |text: &String| {
            let built = RegexBuilder::new(text)
                .size_limit(MAX_REGEX)
                .case_insensitive(self.ignore_case)
                .build();
            built.map_err(|error| {
                QueryError::Regex(crate::platform::sanitize::clean(text, 100), error.to_string())
            })
        };
        let texts = || {
            let texts = self.values.iter();
            texts.map(|text| if self.ignore_case { text.to_lowercase() } else { text.clone() })
        };
        let test = match self.operator {
            Operator::Is | Operator::IsNot => Test::Is(texts().collect()),
            Operator::Contains | Operator::ContainsNot => Test::Contains(texts().collect()),
            Operator::Matches | Operator::MatchesNot => {
                Test::Matches(self.values.iter().map(regex).collect::<Result<_, _>>()?)
            }
        };
        let lowers = self.ignore_case && !matches!(test, Test::Matches(_));
        Ok(Matcher { test, lowers, is_negative: self.operator.is_negative() })
    }
}

/// A filter, made ready to be asked of many values.
#[derive(Debug)]
pub struct Matcher {
    test: Test,
    lowers: bool,
    is_negative: bool,
}

#[derive(Debug)]
enum Test {
    Is(Vec<String>),
    Contains(Vec<String>),
    Matches(Vec<Regex>),
}

impl Matcher {
    /// Whether the filter holds for a value.
    #[must_use]
    pub fn holds(&self, value: Option<&str>) -> bool {
        self.finds(value) != self.is_negative
    }

    /// Whether the filter's positive finds one of its values: what has several is not what is asked not to
    /// be if none of them is it.
    #[must_use]
    pub fn finds(&self, value: Option<&str>) -> bool {
        let value = value.unwrap_or_default();
        let lowered;
        let value = if self.lowers {
            lowered = value.to_lowercase();
            &lowered
        } else {
            value
        };
        match &self.test {
            Test::Is(wanted) => wanted.iter().any(|wanted| wanted == value),
            // The empty text stands for none, and is a part of nothing.
            Test::Contains(parts) => parts.iter().any(|it| !it.is_empty() && value.contains(&**it)),
            Test::Matches(regexes) => {
                !value.is_empty() && regexes.iter().any(|regex| regex.is_match(value))
            }
        }
    }

    /// Whether it is the opposite of what it finds.
    #[must_use]
    pub const fn is_negative(&self) -> bool {
        self.is_negative
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_is_read_and_written() {
        let check = |text: &str, operator, key: Key, values: &[&str], ignore_case| {
            let filter: Filter = text.parse().unwrap();
            let values = values.iter().map(|value| (*value).to_owned()).collect();
            assert_eq!(filter, Filter { operator, key, values, ignore_case }, "{text}");
            assert_eq!(filter.to_string(), text);
        };
        let page = || Key::from(Dimension::Page);
        check("is,page,/about", Operator::Is, page(), &["/about"], false);
        check("is,source,", Operator::Is, Dimension::Source.into(), &[""], false);
        check(
            "is_not,country,DE,AT",
            Operator::IsNot,
            Dimension::Country.into(),
            &["DE", "AT"],
            false,
        );
        check("contains,page,a\\,b\\\\", Operator::Contains, page(), &["a,b\\"], false);
        check("is,page,/\\(a\\)", Operator::Is, page(), &["/(a)"], false);
        check("matches~,page,^/a", Operator::Matches, page(), &["^/a"], true);
        check("is,goal,Sign up", Operator::Is, Key::Goal, &["Sign up"], false);
        check("is,props:a\\,b,x", Operator::Is, Key::Prop("a,b".to_owned()), &["x"], false);
        // As addresses of before had it.
        assert_eq!("is,page,/(a)".parse::<Filter>().unwrap().values, ["/(a)"]);
    }

    #[test]
    fn conditions_stand_in_conditions() {
        for text in [
            "is,page,/",
            "not(is,page,/)",
            "any(is,page,/a)(all(is,source,X)(not(contains,page,\\(\\,)))",
            "done(any(is,event,signup)(is,goal,Order))",
        ] {
            assert_eq!(text.parse::<Condition>().unwrap().to_string(), text);
        }
        for text in [
            "any",
            "any()",
            "any(is,page,/",
            "any(is,page,/))",
            "any(is,page,/)x",
            "not(is,page,/)(is,page,/)",
            "all((is,page,/))",
            "some(is,page,/)",
            "not()",
        ] {
            assert!(text.parse::<Condition>().is_err(), "{text}");
        }
        let deep = |depth| format!("{}is,page,/{}", "not(".repeat(depth), ")".repeat(depth));
        assert!(check(&[deep(MAX_DEPTH - 1).parse().unwrap()]).is_ok());
        assert_eq!(deep(MAX_DEPTH).parse::<Condition>(), Err(QueryError::TooMuch));
        assert_eq!(deep(10_000).parse::<Condition>(), Err(QueryError::TooMuch));
    }

    #[test]
    fn conditions_are_left_out_one_by_one() {
        let is_of_goals = |condition: &Condition| condition.is_of(|key| *key == Key::Goal);
        let check = |conditions: &[&str], expected: &[&str]| {
            let conditions: Vec<_> = conditions.iter().map(|it| it.parse().unwrap()).collect();
            let kept = Condition::without(&conditions, is_of_goals);
            let kept: Vec<_> = kept.iter().map(ToString::to_string).collect();
            assert_eq!(kept, expected, "{conditions:?}");
        };
        check(&["is,page,/", "is,goal,A"], &["is,page,/"]);
        check(&["all(is,goal,A)(all(is,page,/)(not(is,goal,B)))"], &["is,page,/"]);
        check(&["done(any(is,goal,A)(is,goal,B))"], &[]);
        // Of these two, one cannot be left out without the other.
        check(&["any(is,goal,A)(is,page,/)"], &["any(is,goal,A)(is,page,/)"]);
        assert!(!is_of_goals(&Condition::Any(Vec::new())));
    }

    #[test]
    fn what_is_no_filter_is_explained() {
        let error = |text: &str| text.parse::<Filter>().unwrap_err().to_string();
        for text in ["", "is", "is,page", "has,page,/", "is;page;/"] {
            assert!(error(text).contains("write f=is,page,/about"), "{text}");
        }
        assert!(error("is,pages,/").contains("nothing called pages"), "{}", error("is,pages,/"));
        assert!(error("is,pages,/").contains("entry_page"));
        let regex: Condition = "matches,page,(".parse().unwrap();
        assert!(matches!(check(&[regex]), Err(QueryError::Regex(..))));
        let regex: Condition = "matches,page,((a{9}){99}){999}".parse().unwrap();
        assert!(matches!(check(&[regex]), Err(QueryError::Regex(..))));
    }

    #[test]
    fn a_filter_holds_or_not() {
        let check = |text: &str, value: Option<&str>, expected: bool| {
            let filter: Filter = text.parse().unwrap();
            assert_eq!(filter.matcher().unwrap().holds(value), expected, "{text} {value:?}");
        };
        check("is,source,Google", Some("Google"), true);
        check("is,source,Google", Some("google"), false);
        check("is~,source,GOOGLE", Some("google"), true);
        check("is,source,Google", None, false);
        check("is,source,", None, true);
        check("is,source,Bing,Google", Some("Google"), true);
        check("is_not,source,Bing,Google", Some("Google"), false);
        check("is_not,source,Bing,Google", None, true);
        check("contains,page,/blog", Some("/blog/a"), true);
        check("contains,page,/a,/b", Some("/blog"), true);
        check("contains~,page,/BLOG", Some("/Blog/a"), true);
        check("contains,page,", Some("/blog"), false);
        check("contains_not,page,/blog", Some("/blog/a"), false);
        check("contains_not,page,/blog", None, true);
        check("matches,page,^/b.*g$", Some("/blog"), true);
        check("matches,page,^/b.*g$", Some("/blogs"), false);
        check("matches,page,.*", None, false);
        check("matches_not,page,^/b", Some("/a"), true);
        check("matches_not,page,^/b", None, true);
    }
}
