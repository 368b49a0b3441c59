//! Filters compiled to be evaluated on many values.

use regex_lite::{Regex, RegexBuilder};

use super::condition::{ConditionError, Filter, Operator};
use crate::platform::sanitize::clean;

impl Filter {
    /// Compiles the filter.
    ///
    /// # Errors
    /// [`ConditionError::Regex`] if a regular expression is invalid or too large.
    pub fn matcher(&self) -> Result<Matcher, ConditionError> {
        let regex = |text: &String| {
            let built = RegexBuilder::new(text)
                .size_limit(MAX_REGEX_SIZE)
                .case_insensitive(self.ignore_case)
                .build();
            built.map_err(|error| ConditionError::Regex(clean(text, 100), error.to_string()))
        };
        let values = || {
            let values = self.values.iter();
            values.map(|value| if self.ignore_case { value.to_lowercase() } else { value.clone() })
        };
        let test = match self.operator {
            Operator::Is | Operator::IsNot => Test::Is(values().collect()),
            Operator::Contains | Operator::ContainsNot => Test::Contains(values().collect()),
            Operator::Matches | Operator::MatchesNot => {
                Test::Matches(self.values.iter().map(regex).collect::<Result<_, _>>()?)
            }
        };
        let ignore_case = self.ignore_case && !matches!(test, Test::Matches(_));
        Ok(Matcher { test, ignore_case, is_negative: self.operator.is_negative() })
    }
}

/// Maximum size of a compiled regular expression, in bytes.
const MAX_REGEX_SIZE: usize = 64 * 1024;

/// A compiled filter.
#[derive(Debug)]
pub struct Matcher {
    test: Test,
    ignore_case: bool,
    is_negative: bool,
}

#[derive(Debug)]
enum Test {
    Is(Vec<String>),
    Contains(Vec<String>),
    Matches(Vec<Regex>),
}

impl Matcher {
    /// Returns whether the filter holds for a value.
    #[must_use]
    pub fn holds(&self, value: Option<&str>) -> bool {
        self.finds(value) != self.is_negative
    }

    /// Returns whether the filter without its negation matches. If a hit has several values, a negative filter
    /// holds if it matches none of them.
    #[must_use]
    pub fn finds(&self, value: Option<&str>) -> bool {
        let value = value.unwrap_or_default();
        let lowered;
        let value = if self.ignore_case {
            lowered = value.to_lowercase();
            &lowered
        } else {
            value
        };
        match &self.test {
            Test::Is(wanted) => wanted.iter().any(|wanted| wanted == value),
            // The empty string stands for a missing value, so nothing contains it.
            Test::Contains(parts) => parts.iter().any(|it| !it.is_empty() && value.contains(&**it)),
            Test::Matches(regexes) => {
                !value.is_empty() && regexes.iter().any(|regex| regex.is_match(value))
            }
        }
    }

    /// Returns whether the filter is negated.
    #[must_use]
    pub const fn is_negative(&self) -> bool {
        self.is_negative
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_hold_for_matching_values() {
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
