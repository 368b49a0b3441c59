//! Filters: the chips that show them, the links that change them, and the form that adds one.

use serde::Serialize;
use url::form_urlencoded::{self, Serializer};

use super::format;
use super::params::Params;
use crate::platform::http::Request;
use crate::query::condition::{Condition, Filter, Operator};
use crate::query::dimension::{Dimension, Key};
use crate::query::report::{Report, Table};

/// Parameters of the form, which are not part of a page's URL.
const FORM: [&str; 5] = ["key", "op", "value", "how", "done"];

/// Key for any property in the form. Its name then precedes the value: `plan=pro`.
const ANY_PROP: &str = "props:";

/// Maximum number of values that the form suggests per table.
const SUGGESTED: usize = 12;

/// A filter in words, with links that change it.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct Chip {
    /// How it is joined to the previous chip. `None` for the first.
    pub joint: Option<Joint>,
    /// The dimension, or the whole condition if it is more than a filter.
    pub key: String,
    /// The operator: `is`.
    pub operator: &'static str,
    /// The values.
    pub value: String,
    /// The whole filter as a sentence.
    pub said: String,
    /// URL that inverts the filter.
    pub negate: String,
    /// URL that clears the filter.
    pub remove: String,
}

/// `and` or `or` between two chips.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct Joint {
    /// Whether it is `or`.
    pub is_or: bool,
    /// URL that changes it to the other.
    pub href: String,
}

/// Form that adds a filter.
#[derive(Debug, Serialize)]
pub(super) struct Form {
    /// Parameters of the current URL.
    pub fields: Vec<(&'static str, String)>,
    /// Dimensions by name and title.
    pub keys: Vec<(String, String)>,
    /// Operators by name and title.
    pub operators: Vec<(&'static str, &'static str)>,
    /// Values of the report, each with its dimension.
    pub suggestions: Vec<(String, String)>,
    /// Whether the page is filtered already.
    pub is_joined: bool,
}

/// Returns the chips of a page in order. The parts of an `any` are chips joined by `or`.
#[must_use]
pub(super) fn chips(state: &Params) -> Vec<Chip> {
    let mut chips = Vec::new();
    for (at, condition) in state.filters.iter().enumerate() {
        let parts = match condition {
            Condition::Any(parts) if !parts.is_empty() => parts.as_slice(),
            other => std::slice::from_ref(other),
        };
        for (part, shown) in parts.iter().enumerate() {
            let with = |other: Vec<Condition>| {
                let parts = [&parts[..part], &other, &parts[part + 1..]].concat();
                replaced(state, at..=at, any(parts).into_iter().collect())
            };
            let joint = match (at, part) {
                (0, 0) => None,
                (_, 0) => {
                    let both = joined(&state.filters[at - 1], condition);
                    Some(Joint { is_or: false, href: replaced(state, at - 1..=at, vec![both]) })
                }
                _ => {
                    let (before, behind) = (parts[..part].to_vec(), parts[part..].to_vec());
                    let split = any(before).into_iter().chain(any(behind)).collect();
                    Some(Joint { is_or: true, href: replaced(state, at..=at, split) })
                }
            };
            let (key, operator, value) = match shown {
                Condition::Filter(filter) => format::filter(filter),
                other => (format::condition(other), "", String::new()),
            };
            chips.push(Chip {
                joint,
                key,
                operator,
                value,
                said: format::condition(shown),
                negate: with(vec![negated(shown)]),
                remove: with(Vec::new()),
            });
        }
    }
    chips
}

/// Returns the URL of the page with some filters replaced.
fn replaced(state: &Params, at: std::ops::RangeInclusive<usize>, with: Vec<Condition>) -> String {
    let mut filters = state.filters.clone();
    filters.splice(at, with);
    state.with_filters(filters).href()
}

/// Joins conditions by `or`. `None` if there are none.
fn any(mut conditions: Vec<Condition>) -> Option<Condition> {
    match conditions.len() {
        0 | 1 => conditions.pop(),
        _ => Some(Condition::Any(conditions)),
    }
}

/// Negates a condition.
#[must_use]
pub(super) fn negated(condition: &Condition) -> Condition {
    match condition {
        Condition::Not(inner) => (**inner).clone(),
        Condition::Filter(filter) => {
            let operator = match filter.operator {
                Operator::Is => Operator::IsNot,
                Operator::IsNot => Operator::Is,
                Operator::Contains => Operator::ContainsNot,
                Operator::ContainsNot => Operator::Contains,
                Operator::Matches => Operator::MatchesNot,
                Operator::MatchesNot => Operator::Matches,
            };
            Filter { operator, ..filter.clone() }.into()
        }
        other => Condition::Not(Box::new(other.clone())),
    }
}

/// Joins two conditions by `or`, as one filter with the values of both where that is equivalent.
fn joined(one: &Condition, other: &Condition) -> Condition {
    if let (Condition::Filter(one), Condition::Filter(other)) = (one, other) {
        let is_same = (one.operator, &one.key, one.ignore_case)
            == (other.operator, &other.key, other.ignore_case);
        if is_same && !one.operator.is_negative() {
            let mut values = one.values.clone();
            values.extend(other.values.iter().filter(|it| !one.values.contains(it)).cloned());
            return Filter { values, ..one.clone() }.into();
        }
    }
    let parts = |condition: &Condition| match condition {
        Condition::Any(parts) => parts.clone(),
        other => vec![other.clone()],
    };
    Condition::Any([parts(one), parts(other)].concat())
}

/// Returns the URL with the filter that a form adds. `None` if the request is not from that form. An invalid filter is
/// reported by the page at that URL.
#[must_use]
pub(super) fn added(request: &Request) -> Option<String> {
    let form = |name| request.parameter(name).unwrap_or_default();
    let (mut key, mut value) = (form("key"), form("value"));
    if key.is_empty() {
        return None;
    }
    if key == ANY_PROP {
        let (name, rest) = value.split_once('=').map_or((value.as_str(), ""), |pair| pair);
        (key, value) = (format!("{ANY_PROP}{}", name.trim()), rest.trim().to_owned());
    }
    let pairs = form_urlencoded::parse(request.query.as_bytes());
    let pairs = pairs.filter(|(name, _)| !FORM.contains(&&**name));
    let mut pairs: Vec<(String, String)> =
        pairs.map(|(name, value)| (name.into_owned(), value.into_owned())).collect();
    let filter = match (Operator::parse(&form("op")), Key::parse(&key)) {
        (Some(operator), Some(key)) => {
            let is_whole = matches!(operator, Operator::Is | Operator::IsNot);
            let value = if is_whole { format::typed(&key, value.trim()) } else { value };
            let filter =
                Condition::from(Filter { operator, values: vec![value], key, ignore_case: false });
            match form("done").as_str() {
                "" => filter,
                _ => Condition::Done(Box::new(filter)),
            }
            .to_string()
        }
        // The query parser reports the error.
        _ => format!("{},{key},{value}", form("op")),
    };
    let last = pairs.iter().rposition(|(name, _)| name == "f").filter(|_| form("how") == "or");
    match last.map(|at| (at, pairs[at].1.parse(), filter.parse())) {
        Some((at, Ok(one), Ok(other))) => pairs[at].1 = joined(&one, &other).to_string(),
        _ => pairs.push(("f".to_owned(), filter)),
    }
    Some(Serializer::for_suffix("?".to_owned(), 1).extend_pairs(pairs).finish())
}

impl Form {
    /// Makes the form of a page. `props` are the known properties.
    #[must_use]
    pub(super) fn of(state: &Params, report: &Report, has_goals: bool, props: &[String]) -> Self {
        let dimensions = Dimension::ALL.map(Key::from).into_iter();
        let goals = has_goals.then_some(Key::Goal);
        let props = props.iter().map(|name| Key::Prop(name.clone()));
        let named = |key: Key| (key.to_string(), format::key(&key));
        let mut keys: Vec<_> = dimensions.chain(goals).chain(props).map(named).collect();
        keys.push((ANY_PROP.to_owned(), "Property (name=value)".to_owned()));
        Self {
            fields: Params { show: None, ..state.clone() }.fields(),
            keys,
            operators: Operator::ALL.map(|it| (it.name(), format::operator(it))).into(),
            suggestions: report.tables.iter().flat_map(suggestions).collect(),
            is_joined: !state.filters.is_empty(),
        }
    }
}

fn suggestions(table: &Table) -> impl Iterator<Item = (String, String)> {
    let values = table.rows.iter().take(SUGGESTED).filter_map(|row| row.value.as_deref());
    values.map(|value| match &table.key {
        Key::Dimension(of) => (format::value(*of, value), format::dimension(*of).to_owned()),
        other => (value.to_owned(), format::key(other)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::web::dashboard::params::tests::state;

    fn get(query: &str) -> Request {
        Request {
            method: "GET".to_owned(),
            path: "/dashboard".to_owned(),
            query: query.to_owned(),
            headers: http::HeaderMap::new(),
            body: Vec::new(),
            peer: "203.0.113.9".parse().unwrap(),
        }
    }

    fn filters(href: &str) -> Vec<String> {
        let query = href.strip_prefix('?').unwrap();
        let pairs = form_urlencoded::parse(query.as_bytes());
        pairs.filter(|(name, _)| name == "f").map(|(_, value)| value.into_owned()).collect()
    }

    fn of(texts: &[&str]) -> Vec<Chip> {
        chips(&state().with_filters(texts.iter().map(|text| text.parse().unwrap()).collect()))
    }

    #[test]
    fn inverts_and_clears_a_filter() {
        let chips = of(&["is,page,/a", "not(done(is,goal,Order))"]);
        let said: Vec<&str> = chips.iter().map(|chip| chip.said.as_str()).collect();
        assert_eq!(said, ["Page is /a", "not a visit where Goal is Order"]);
        assert_eq!(filters(&chips[0].remove), ["not(done(is,goal,Order))"]);
        assert_eq!(filters(&chips[0].negate), ["is_not,page,/a", "not(done(is,goal,Order))"]);
        assert_eq!(filters(&chips[1].negate), ["is,page,/a", "done(is,goal,Order)"]);
        for operator in Operator::ALL {
            let text = format!("{},page,x", operator.name());
            let opposite = negated(&text.parse().unwrap());
            assert_ne!(opposite.to_string(), text);
            assert_eq!(negated(&opposite).to_string(), text);
        }
    }

    #[test]
    fn joins_and_splits_filters() {
        let check = |before: &[&str], at: usize, is_or: bool, after: &[&str]| {
            let joint = of(before).swap_remove(at).joint.unwrap();
            assert_eq!(
                (joint.is_or, filters(&joint.href)),
                (is_or, after.iter().map(|it| (*it).to_owned()).collect())
            );
        };
        // Two filters of the same dimension and operator become one with two values.
        check(&["is,source,A", "is,source,B"], 1, false, &["is,source,A,B"]);
        check(
            &["is_not,source,A", "is_not,source,B"],
            1,
            false,
            &["any(is_not,source,A)(is_not,source,B)"],
        );
        let any = "any(is,source,A)(is,page,/b)";
        check(&["is,source,A", "is,page,/b"], 1, false, &[any]);
        check(&[any], 1, true, &["is,source,A", "is,page,/b"]);
        check(&[any, "is,page,/c"], 2, false, &["any(is,source,A)(is,page,/b)(is,page,/c)"]);
        let three = "any(is,page,/a)(is,page,/b)(is,source,C)";
        check(&[three], 2, true, &["any(is,page,/a)(is,page,/b)", "is,source,C"]);
        let chips = of(&[three]);
        assert_eq!(filters(&chips[1].remove), ["any(is,page,/a)(is,source,C)"]);
        assert_eq!(filters(&of(&[any])[0].remove), ["is,page,/b"]);
        assert_eq!(filters(&of(&[any])[0].negate), ["any(is_not,source,A)(is,page,/b)"]);
    }

    #[test]
    fn a_form_adds_a_filter() {
        let check = |query: &str, expected: &[&str]| {
            assert_eq!(filters(&added(&get(query)).unwrap()), expected, "{query}");
        };
        assert_eq!(added(&get("period=7d")), None);
        check("key=page&op=contains&value=/blog", &["contains,page,/blog"]);
        check("key=page&op=is&value=a,(b)", &[r"is,page,a\,\(b\)"]);
        check("f=is,page,/a&key=source&op=is&value=Google", &["is,page,/a", "is,source,Google"]);
        check("f=is,page,/a&how=or&key=page&op=is&value=/b", &["is,page,/a,/b"]);
        check("f=is,page,/a&how=or&key=goal&op=is&value=X", &["any(is,page,/a)(is,goal,X)"]);
        check("key=goal&op=is&value=X&done=1", &["done(is,goal,X)"]);
        check("key=props:&op=is&value=plan%3Dpro", &["is,props:plan,pro"]);
        // Displayed values differ from stored ones.
        check("key=country&op=is&value=Germany", &["is,country,DE"]);
        check("key=source&op=is_not&value=Direct", &["is_not,source,"]);
        check("key=screen&op=is&value=Under 576 px", &["is,screen,Mobile"]);
        // The page reports errors.
        check("key=colour&op=is&value=red", &["is,colour,red"]);
        let all = added(&get("site=e.x&period=28d&metric=views&key=page&op=is&value=/")).unwrap();
        assert_eq!(all, "?site=e.x&period=28d&metric=views&f=is%2Cpage%2C%2F");
    }
}
