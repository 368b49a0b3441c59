//! What is asked for: a period, and conditions. A query that exists can be answered.

pub mod condition;
pub mod dimension;
pub mod engine;
pub mod matcher;
pub mod metrics;
pub mod period;
pub mod reader;
pub mod report;

use self::condition::{Condition, ConditionError, MAX_BYTES, MAX_FILTERS, MAX_VALUES};
use self::period::{Period, PeriodContext, PeriodError};
use crate::platform::http::Request;

/// A question to the hits of a site.
#[derive(Debug, Clone, PartialEq)]
pub struct Query {
    /// Which days.
    pub period: Period,
    /// Which hits of those: those for which all conditions hold.
    pub conditions: Vec<Condition>,
}

/// A query that cannot be asked, and what to ask instead.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QueryError {
    /// The period.
    #[error(transparent)]
    Period(#[from] PeriodError),
    /// The conditions.
    #[error(transparent)]
    Condition(#[from] ConditionError),
}

impl Query {
    /// The query that a request's parameters ask: `period`, `from`, `to` and `days` as
    /// [`Period::of`] reads them, and an `f` for each condition, such as `f=is,page,/about`.
    ///
    /// # Errors
    /// If they ask none.
    pub fn of(request: &Request, asked: &PeriodContext<'_>) -> Result<Self, QueryError> {
        let texts: Vec<String> =
            request.parameters("f").into_iter().filter(|text| !text.is_empty()).collect();
        let bytes: usize = texts.iter().map(String::len).sum();
        if texts.len() > MAX_FILTERS || bytes > MAX_BYTES {
            return Err(ConditionError::TooMuch.into());
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
        assert_eq!(deep(MAX_DEPTH).parse::<Condition>(), Err(ConditionError::TooMuch));
        assert_eq!(deep(10_000).parse::<Condition>(), Err(ConditionError::TooMuch));
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
        assert!(matches!(check(&[regex]), Err(ConditionError::Regex(..))));
        let regex: Condition = "matches,page,((a{9}){99}){999}".parse().unwrap();
        assert!(matches!(check(&[regex]), Err(ConditionError::Regex(..))));
    }
}
