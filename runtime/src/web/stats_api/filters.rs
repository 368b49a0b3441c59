//! Filters of v2: `["is", "event:page", ["/about"]]`, combined with `and`, `or` and `not`.
//!
//! <https://plausible.io/docs/stats-api#filters>. Accepts more than Plausible: goals may be
//! used at any depth and with every operator.

use footfall_infra::settings::Site;
use serde_json::Value;

use crate::query::QueryError;
use crate::query::condition::{Condition, MAX_DEPTH, MAX_FILTERS, MAX_VALUES, Operator};
use crate::query::dimension::Key;

use super::InvalidQuery;
use super::dimension::Property;

/// Parses filters, and limits their number.
#[derive(Debug)]
pub(super) struct FilterParser<'a> {
    site: &'a Site,
    filters: usize,
    values: usize,
}

impl<'a> FilterParser<'a> {
    /// Creates a parser for the filters of one query.
    #[must_use]
    pub(super) const fn new(site: &'a Site) -> Self {
        Self { site, filters: 0, values: 0 }
    }

    /// Parses a list of filters, all of which must hold.
    ///
    /// # Errors
    /// If a filter is invalid.
    pub(super) fn list(&mut self, filters: &Value) -> Result<Vec<Condition>, InvalidQuery> {
        let Some(list) = filters.as_array() else {
            return Err(InvalidQuery::at("#/filters", "Invalid filters", filters, "write a list"));
        };
        let tree = |(place, filter)| self.tree(filter, &format!("#/filters/{place}"), 1);
        list.iter().enumerate().map(tree).collect()
    }

    fn tree(&mut self, filter: &Value, at: &str, depth: usize) -> Result<Condition, InvalidQuery> {
        let wrong = |hint: &str| InvalidQuery::at(at, "Invalid filter", filter, hint);
        if depth > MAX_DEPTH {
            return Err(InvalidQuery::new(format!(
                "{at}: filters can be nested at most {MAX_DEPTH} deep"
            )));
        }
        let parts = filter.as_array().map(Vec::as_slice).unwrap_or_default();
        let Some(word) = parts.first().and_then(Value::as_str) else {
            return Err(wrong("write [\"is\", \"event:page\", [\"/about\"]]"));
        };
        match (word, &parts[1..]) {
            ("and" | "or", [Value::Array(inner)]) if !inner.is_empty() => {
                let inner = inner.iter().enumerate();
                let inner = inner
                    .map(|(place, filter)| self.tree(filter, &format!("{at}/1/{place}"), depth + 1))
                    .collect::<Result<_, _>>()?;
                Ok(if word == "and" { Condition::All(inner) } else { Condition::Any(inner) })
            }
            ("and" | "or", _) => Err(wrong(&format!("write [\"{word}\", [FILTER, FILTER]]"))),
            ("not" | "has_done" | "has_not_done", [inner]) => {
                let inner = Box::new(self.tree(inner, &format!("{at}/1"), depth + 1)?);
                Ok(match word {
                    "not" => Condition::Not(inner),
                    "has_done" => Condition::Done(inner),
                    _ => Condition::Not(Box::new(Condition::Done(inner))),
                })
            }
            ("not" | "has_done" | "has_not_done", _) => {
                Err(wrong(&format!("write [\"{word}\", FILTER]")))
            }
            (_, parts) => {
                let Some(operator) = Operator::parse(word) else {
                    let names = Operator::ALL.map(Operator::name).join(", ");
                    let hint = format!("use {names}, and, or, not, has_done or has_not_done");
                    return Err(wrong(&hint));
                };
                self.leaf(operator, parts, at, filter)
            }
        }
    }

    fn leaf(
        &mut self,
        operator: Operator,
        parts: &[Value],
        at: &str,
        filter: &Value,
    ) -> Result<Condition, InvalidQuery> {
        let wrong = |hint: &str| InvalidQuery::at(at, "Invalid filter", filter, hint);
        let (name, clauses, modifiers) = match parts {
            [Value::String(name), Value::Array(clauses)] => (name, clauses, None),
            [Value::String(name), Value::Array(clauses), Value::Object(modifiers)] => {
                (name, clauses, Some(modifiers))
            }
            _ => {
                let operator = operator.name();
                return Err(wrong(&format!("write [\"{operator}\", DIMENSION, [VALUE, VALUE]]")));
            }
        };
        if name == "segment" {
            return Err(wrong("saved segments are not supported: write out their filters"));
        }
        if name.starts_with("time") {
            return Err(wrong("use date_range to choose a time"));
        }
        let property = Property::parse(name).map_err(|hint| wrong(&hint))?;
        let texts = clauses.iter().map(|value| value.as_str().map(str::to_owned));
        let Some(values) = texts.collect::<Option<Vec<String>>>().filter(|it| !it.is_empty())
        else {
            return Err(wrong("the values must be a list of at least one string"));
        };
        let mut ignore_case = false;
        for (key, value) in modifiers.into_iter().flatten() {
            match (key.as_str(), value.as_bool()) {
                ("case_sensitive", Some(sensitive)) => ignore_case = !sensitive,
                _ => return Err(wrong("the only modifier is {\"case_sensitive\": false}")),
            }
        }
        self.condition(&property, operator, values, ignore_case).map_err(|hint| wrong(&hint))
    }

    /// Creates a condition on a property, and counts it.
    ///
    /// # Errors
    /// If the values are invalid, or there are too many filters.
    pub(super) fn condition(
        &mut self,
        property: &Property,
        operator: Operator,
        values: Vec<String>,
        ignore_case: bool,
    ) -> Result<Condition, String> {
        self.filters += 1;
        self.values += values.len();
        if self.filters > MAX_FILTERS || self.values > MAX_VALUES {
            return Err(format!(
                "at most {MAX_FILTERS} filters with {MAX_VALUES} values in total are allowed"
            ));
        }
        let is_equality = matches!(operator, Operator::Is | Operator::IsNot);
        if property.name == "visit:country" && is_equality {
            let is_invalid = |value: &&String| value.chars().count() != 2 && !is_none(value);
            if let Some(value) = values.iter().find(is_invalid) {
                return Err(format!(
                    "invalid visit:country {value:?}: expected a 2-letter country code"
                ));
            }
        }
        if property.is_goal() && is_equality && !ignore_case {
            let is_goal = |value: &str| self.site.goals.iter().any(|goal| goal.name == value);
            if let Some(value) = values.iter().find(|value| !is_goal(value) && !value.is_empty()) {
                return Err(unknown_goal(self.site, value));
            }
        }
        let condition = property.filter(operator, values, ignore_case);
        condition.map_err(|error: QueryError| error.to_string())
    }
}

fn is_none(value: &str) -> bool {
    value.is_empty() || value == "(not set)"
}

/// Returns the error for an unknown goal, with the goals that exist.
fn unknown_goal(site: &Site, value: &str) -> String {
    let names: Vec<&str> = site.goals.iter().map(|goal| goal.name.as_str()).collect();
    let known = match names.as_slice() {
        [] => "add `goals` to the site's settings".to_owned(),
        names => format!("use {}", names.join(", ")),
    };
    format!("the goal `{value}` is not configured for this site; {known}")
}

/// Returns the conditions without those on goals and properties: the basis of conversion rates. `has_done` stays,
/// as in Plausible.
#[must_use]
pub(super) fn without_conversions(conditions: &[Condition]) -> Vec<Condition> {
    Condition::without(conditions, is_of_conversions)
}

/// Returns whether one of the conditions is a filter by goal.
#[must_use]
pub(super) fn has_goal(conditions: &[Condition]) -> bool {
    let is_goal = |condition: &Condition| matches!(condition, Condition::Filter(filter) if filter.key == Key::Goal);
    Condition::flat(conditions).any(is_goal)
}

/// Returns whether a filter by goal or property is nested in another condition. `has_done` does not count.
#[must_use]
pub(super) fn has_deep_conversion(conditions: &[Condition]) -> bool {
    fn is_deep(condition: &Condition) -> bool {
        match condition {
            Condition::Filter(_) => is_of_conversions(condition),
            Condition::All(inner) | Condition::Any(inner) => inner.iter().any(is_deep),
            Condition::Not(inner) => is_deep(inner),
            Condition::Done(_) => false,
        }
    }
    Condition::flat(conditions).any(|condition| !is_of_conversions(condition) && is_deep(condition))
}

fn is_of_conversions(condition: &Condition) -> bool {
    matches!(condition, Condition::Filter(filter) if matches!(filter.key, Key::Goal | Key::Prop(_)))
}

#[cfg(test)]
mod tests {
    use footfall_infra::settings::Settings;
    use serde_json::json;

    use super::*;

    fn read(filters: Value) -> Result<Vec<String>, String> {
        let yaml = "sites: [{domain: example.com, goals: [{event: signup}]}]";
        let settings = Settings::from_yaml(yaml).unwrap();
        let conditions = FilterParser::new(&settings.sites[0]).list(&filters);
        let texts = |list: Vec<Condition>| list.iter().map(ToString::to_string).collect();
        conditions.map(texts).map_err(|refused| refused.to_string())
    }

    #[test]
    fn parses_filters() {
        let check = |filter: Value, expected: &str| {
            assert_eq!(read(json!([filter])).unwrap(), [expected], "{filter}");
        };
        check(json!(["is", "event:page", ["/a", "/b"]]), "is,page,/a,/b");
        check(json!(["is_not", "visit:source", ["Google"]]), "is_not,source,Google");
        check(json!(["contains", "event:hostname", ["a"]]), "contains,host,a");
        check(json!(["contains_not", "visit:os", ["X"]]), "contains_not,os,X");
        check(json!(["matches", "event:page", ["^/a"]]), "matches,page,^/a");
        check(json!(["matches_not", "event:page", ["^/a"]]), "matches_not,page,^/a");
        check(json!(["is", "event:goal", ["signup"]]), "is,goal,signup");
        check(json!(["is", "event:page", ["/A"], {"case_sensitive": false}]), "is~,page,/A");
        check(json!(["is", "event:page", ["/A"], {"case_sensitive": true}]), "is,page,/A");
        check(
            json!(["or", [["is", "visit:os", ["A"]], ["not", ["is", "visit:os", ["B"]]]]]),
            "any(is,os,A)(not(is,os,B))",
        );
        check(json!(["and", [["is", "visit:os", ["A"]]]]), "all(is,os,A)");
        check(json!(["has_done", ["is", "event:goal", ["signup"]]]), "done(is,goal,signup)");
        check(json!(["has_not_done", ["is", "event:page", ["/"]]]), "not(done(is,page,/))");
    }

    #[test]
    fn explains_invalid_filters() {
        let check = |filters: Value, expected: &str| {
            let error = read(filters.clone()).unwrap_err();
            assert!(error.contains(expected), "{filters}: {error}");
        };
        check(json!({}), "#/filters: Invalid filters {}");
        check(json!([["is", "event:page", "/a"]]), "#/filters/0: Invalid filter [\"is\"");
        check(json!([7]), "#/filters/0: Invalid filter 7");
        check(json!([["is"]]), "DIMENSION");
        check(json!([[]]), "#/filters/0");
        check(json!([["is", "event:page", []]]), "at least one string");
        check(json!([["is", "event:page", [1]]]), "at least one string");
        check(json!([["is", "event:page", ["a"], {"x": 1}]]), "case_sensitive");
        check(json!([["is", "event:page", ["a"], {}, 1]]), "write [\"is\"");
        check(json!([["has", "event:page", ["a"]]]), "use is, is_not");
        check(json!([["is", "visit:city_name", ["Berlin"]]]), "personal data");
        check(json!([["is", "visit:country", ["USA"]]]), "2-letter country code");
        check(json!([["is", "event:goal", ["Nothing"]]]), "`Nothing` is not configured");
        check(json!([["is", "segment", [1]]]), "segments");
        check(json!([["is", "time:day", ["2026-01-01"]]]), "date_range");
        check(json!([["and", []]]), "write [\"and\"");
        check(json!([["not", []]]), "#/filters/0/1");
        check(json!([["or", [["is", "event:page", ["/"]], ["x"]]]]), "#/filters/0/1/1");
        check(json!([["matches", "event:page", ["("]]]), "invalid regular expression");
        let mut deep = json!(["is", "event:page", ["/"]]);
        for _ in 0..MAX_DEPTH {
            deep = json!(["not", deep]);
        }
        check(json!([deep]), "at most 6 deep");
        check(json!(vec![json!(["is", "event:page", ["/"]]); MAX_FILTERS + 1]), "at most 20");
        check(json!([["is", "event:page", vec!["/"; MAX_VALUES + 1]]]), "100 values");
    }

    #[test]
    fn recognizes_filters_by_goal_and_property() {
        let conditions = |texts: &[&str]| -> Vec<Condition> {
            texts.iter().map(|text| text.parse().unwrap()).collect()
        };
        let all = conditions(&[
            "all(is,goal,a)(is,page,/)",
            "is,props:x,1",
            "any(is,page,/)(is,page,/b)",
            "done(is,goal,b)",
        ]);
        let base: Vec<String> = without_conversions(&all).iter().map(ToString::to_string).collect();
        assert_eq!(base, ["is,page,/", "any(is,page,/)(is,page,/b)", "done(is,goal,b)"]);
        assert!(has_goal(&all));
        assert!(!has_goal(&conditions(&["any(is,goal,a)(is,page,/)", "done(is,goal,b)"])));
        assert!(!has_deep_conversion(&all));
        assert!(has_deep_conversion(&conditions(&["any(is,goal,a)(is,page,/)"])));
        assert!(has_deep_conversion(&conditions(&["not(is,props:x,1)"])));
    }
}
