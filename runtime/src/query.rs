//! Queries: a period and conditions, how they are evaluated, and the reports they give.

pub mod condition;
pub mod dimension;
pub mod engine;
pub mod matcher;
pub mod metrics;
pub mod period;
pub mod reader;
pub mod report;
pub mod time_range;

use self::condition::{Condition, ConditionError, MAX_BYTES, MAX_FILTERS, MAX_VALUES};
use self::period::{Period, PeriodContext, PeriodError};
use crate::platform::http::Request;

/// A valid query: a period and conditions.
#[derive(Debug, Clone, PartialEq)]
pub struct Query {
    /// Days to report on.
    pub period: Period,
    /// Conditions that a hit must meet.
    pub conditions: Vec<Condition>,
}

/// An invalid query.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QueryError {
    /// Invalid period.
    #[error(transparent)]
    Period(#[from] PeriodError),
    /// Invalid condition.
    #[error(transparent)]
    Condition(#[from] ConditionError),
}

impl Query {
    /// Parses a request's parameters: those of [`Period::of`], and an `f` for each condition, such as
    /// `f=is,page,/about`.
    ///
    /// # Errors
    /// If a parameter is invalid.
    pub fn of(request: &Request, context: &PeriodContext<'_>) -> Result<Self, QueryError> {
        let texts: Vec<String> =
            request.parameters("f").into_iter().filter(|text| !text.is_empty()).collect();
        let bytes: usize = texts.iter().map(String::len).sum();
        if texts.len() > MAX_FILTERS || bytes > MAX_BYTES {
            return Err(ConditionError::TooMuch.into());
        }
        let mut conditions: Vec<Condition> = Vec::new();
        for text in &texts {
            let condition = text.parse()?;
            // Drop duplicates.
            if !conditions.contains(&condition) {
                conditions.push(condition);
            }
        }
        check(&conditions)?;
        Ok(Self { period: Period::of(request, context)?, conditions })
    }
}

/// Checks that there are not too many conditions, and that regular expressions are valid.
///
/// # Errors
/// [`ConditionError::TooMuch`] or [`ConditionError::Regex`].
pub fn check(conditions: &[Condition]) -> Result<(), ConditionError> {
    let mut filters = Vec::new();
    for condition in conditions {
        condition.collect(1, &mut filters)?;
    }
    let values: usize = filters.iter().map(|filter| filter.values.len()).sum();
    if filters.len() > MAX_FILTERS || values > MAX_VALUES {
        return Err(ConditionError::TooMuch);
    }
    filters.into_iter().try_for_each(|filter| filter.matcher().map(|_| ()))
}

#[cfg(test)]
mod tests {
    use super::condition::{Filter, MAX_DEPTH, Operator};
    use super::dimension::{Dimension, Key};
    use super::*;

    #[test]
    fn filters_survive_parsing_and_writing() {
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
        // Older URLs have parentheses without a backslash.
        assert_eq!("is,page,/(a)".parse::<Filter>().unwrap().values, ["/(a)"]);
    }

    #[test]
    fn conditions_can_be_nested() {
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
        assert_eq!(deep(MAX_DEPTH).parse::<Condition>(), Err(ConditionError::TooMuch));
        assert_eq!(deep(10_000).parse::<Condition>(), Err(ConditionError::TooMuch));
    }

    #[test]
    fn leaves_out_conditions_one_by_one() {
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
        // Neither of these two can be left out without the other.
        check(&["any(is,goal,A)(is,page,/)"], &["any(is,goal,A)(is,page,/)"]);
        assert!(!is_of_goals(&Condition::Any(Vec::new())));
    }

    #[test]
    fn explains_invalid_filters() {
        let error = |text: &str| text.parse::<Filter>().unwrap_err().to_string();
        for text in ["", "is", "is,page", "has,page,/", "is;page;/"] {
            assert!(error(text).contains("write f=is,page,/about"), "{text}");
        }
        assert!(error("is,pages,/").contains("unknown key pages"), "{}", error("is,pages,/"));
        assert!(error("is,pages,/").contains("entry_page"));
        let regex: Condition = "matches,page,(".parse().unwrap();
        assert!(matches!(check(&[regex]), Err(ConditionError::Regex(..))));
        let regex: Condition = "matches,page,((a{9}){99}){999}".parse().unwrap();
        assert!(matches!(check(&[regex]), Err(ConditionError::Regex(..))));
    }
}
