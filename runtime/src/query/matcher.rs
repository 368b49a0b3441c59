//! Filters made ready to be compared with many values.

use regex_lite::{Regex, RegexBuilder};

use super::condition::{ConditionError, Filter, Operator};
use crate::platform::sanitize::clean;

impl Filter {
    /// What finds out whether it holds.
    ///
    /// # Errors
    /// [`ConditionError::Regex`] if it has a regular expression that is none, or too large.
    pub fn matcher(&self) -> Result<Matcher, ConditionError> {
        let regex = |text: &String| {
            let built = RegexBuilder::new(text)
                .size_limit(MAX_REGEX)
                .case_insensitive(self.ignore_case)
                .build();
            built.map_err(|error| ConditionError::Regex(clean(text, 100), error.to_string()))
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

/// The most memory that a regular expression may take, in bytes.
const MAX_REGEX: usize = 64 * 1024;

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

#[cfg(test)]
mod tests {
    use super::*;

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
