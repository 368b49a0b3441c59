//! What is asked for: a period, and filters. A query that exists can be answered.

use std::fmt;

use crate::dimension::Dimension;
use crate::http::Request;
use crate::period::{Asked, Period, PeriodError};

/// The most filters of a query.
const MAX_FILTERS: usize = 20;

/// The most values of all filters together: each is compared with every text of its dimension.
const MAX_VALUES: usize = 100;

/// The most bytes of all filters together, as they stand in the address.
const MAX_BYTES: usize = 4096;

/// A question to the hits of a site.
#[derive(Debug, Clone, PartialEq)]
pub struct Query {
    /// Which days.
    pub period: Period,
    /// Which hits of those: those for which all filters hold.
    pub filters: Vec<Filter>,
}

/// A condition on hits or on visits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter {
    /// How values are compared.
    pub operator: Operator,
    /// What is compared.
    pub dimension: Dimension,
    /// With what: at least one value. The empty one stands for none.
    pub values: Vec<String>,
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
}

impl Operator {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Is, Self::IsNot, Self::Contains, Self::ContainsNot];

    /// The name in addresses.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Is => "is",
            Self::IsNot => "is_not",
            Self::Contains => "contains",
            Self::ContainsNot => "contains_not",
        }
    }

    /// The operator of a name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|operator| operator.name() == name)
    }
}

/// A query that cannot be asked, and what to ask instead.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QueryError {
    /// The period.
    #[error(transparent)]
    Period(#[from] PeriodError),
    /// A filter is not of the right form.
    #[error(
        "the filter f={0} is none: write f=is,page,/about, with is, is_not, contains or contains_not"
    )]
    Filter(String),
    /// A filter's dimension is not there.
    #[error("there is nothing called {0} to filter by; there are {names}", names = names())]
    Dimension(String),
    /// There are too many filters.
    #[error(
        "there are at most {MAX_FILTERS} filters, of {MAX_VALUES} values and {MAX_BYTES} bytes together: take some \
         off"
    )]
    TooMuch,
}

fn names() -> String {
    Dimension::ALL.map(Dimension::name).join(", ")
}

impl Query {
    /// The query that a request's parameters ask: `period`, `from`, `to` and `days` as
    /// [`Period::of`] reads them, and an `f` for each filter, such as `f=is,page,/about`.
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
        let mut filters = Vec::new();
        for text in &texts {
            let filter = text.parse()?;
            // The same twice says nothing more.
            if !filters.contains(&filter) {
                filters.push(filter);
            }
        }
        if filters.iter().map(|filter: &Filter| filter.values.len()).sum::<usize>() > MAX_VALUES {
            return Err(QueryError::TooMuch);
        }
        Ok(Self { period: Period::of(request, asked)?, filters })
    }
}

/// `OPERATOR,DIMENSION,VALUE[,VALUE…]`: a comma within a value is written `\,`, and `\` as `\\`.
impl std::str::FromStr for Filter {
    type Err = QueryError;

    fn from_str(text: &str) -> Result<Self, QueryError> {
        let wrong = || QueryError::Filter(crate::text::clean(text, 100));
        let mut parts = split(text).into_iter();
        let operator = parts.next().and_then(|name| Operator::parse(&name)).ok_or_else(wrong)?;
        let name = parts.next().ok_or_else(wrong)?;
        let dimension = Dimension::parse(&name)
            .ok_or_else(|| QueryError::Dimension(crate::text::clean(&name, 100)))?;
        let values: Vec<String> = parts.collect();
        if values.is_empty() { Err(wrong()) } else { Ok(Self { operator, dimension, values }) }
    }
}

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{},{}", self.operator.name(), self.dimension)?;
        for value in &self.values {
            write!(f, ",{}", value.replace('\\', "\\\\").replace(',', "\\,"))?;
        }
        Ok(())
    }
}

impl Filter {
    /// Whether it holds for a value.
    #[must_use]
    pub fn holds(&self, value: Option<&str>) -> bool {
        let value = value.unwrap_or_default();
        let mut values = self.values.iter();
        match self.operator {
            Operator::Is => values.any(|wanted| wanted == value),
            Operator::IsNot => values.all(|unwanted| unwanted != value),
            Operator::Contains => values.any(|wanted| contains(value, wanted)),
            Operator::ContainsNot => !values.any(|unwanted| contains(value, unwanted)),
        }
    }
}

/// The empty text is a part of nothing: it stands for none.
fn contains(value: &str, part: &str) -> bool {
    !part.is_empty() && value.contains(part)
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
        let check = |text: &str, operator, dimension, values: &[&str]| {
            let filter: Filter = text.parse().unwrap();
            let values = values.iter().map(|value| (*value).to_owned()).collect();
            assert_eq!(filter, Filter { operator, dimension, values }, "{text}");
            assert_eq!(filter.to_string(), text);
        };
        check("is,page,/about", Operator::Is, Dimension::Page, &["/about"]);
        check("is,source,", Operator::Is, Dimension::Source, &[""]);
        check("is_not,country,DE,AT", Operator::IsNot, Dimension::Country, &["DE", "AT"]);
        check("contains,page,a\\,b\\\\", Operator::Contains, Dimension::Page, &["a,b\\"]);
    }

    #[test]
    fn what_is_no_filter_is_explained() {
        let error = |text: &str| text.parse::<Filter>().unwrap_err().to_string();
        for text in ["", "is", "is,page", "has,page,/", "is;page;/"] {
            assert!(error(text).contains("write f=is,page,/about"), "{text}");
        }
        assert!(error("is,pages,/").contains("nothing called pages"), "{}", error("is,pages,/"));
        assert!(error("is,pages,/").contains("entry_page"));
    }

    #[test]
    fn a_filter_holds_or_not() {
        let check = |text: &str, value: Option<&str>, expected: bool| {
            let filter: Filter = text.parse().unwrap();
            assert_eq!(filter.holds(value), expected, "{text} {value:?}");
        };
        check("is,source,Google", Some("Google"), true);
        check("is,source,Google", Some("google"), false);
        check("is,source,Google", None, false);
        check("is,source,", None, true);
        check("is,source,Bing,Google", Some("Google"), true);
        check("is_not,source,Bing,Google", Some("Google"), false);
        check("is_not,source,Bing,Google", None, true);
        check("contains,page,/blog", Some("/blog/a"), true);
        check("contains,page,/a,/b", Some("/blog"), true);
        check("contains,page,", Some("/blog"), false);
        check("contains_not,page,/blog", Some("/blog/a"), false);
        check("contains_not,page,/blog", None, true);
    }
}
