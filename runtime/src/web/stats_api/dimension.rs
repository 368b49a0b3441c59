//! Dimensions by Plausible's names, and the keys that they map to.
//!
//! <https://plausible.io/docs/stats-api#dimensions>. Missing values have the names from Plausible's
//! `lib/plausible/stats/sql/expression.ex`.

use crate::hit::country::Country;
use crate::query::QueryError;
use crate::query::condition::{Condition, Filter, Operator};
use crate::query::dimension::{self, Key};
use crate::query::time_range::Unit;

/// Name of a page view among events.
const PAGEVIEW: &str = "pageview";

const NOT_SET: &str = "(not set)";
const DIRECT: &str = "Direct / None";
const NO_PROP: &str = "(none)";

/// Plausible's names, with our dimensions and the name of a missing value.
const NAMES: [(&str, dimension::Dimension, &str); 21] = [
    ("event:page", dimension::Dimension::Page, ""),
    ("event:name", dimension::Dimension::Event, PAGEVIEW),
    ("event:hostname", dimension::Dimension::Host, ""),
    ("visit:entry_page", dimension::Dimension::EntryPage, ""),
    ("visit:exit_page", dimension::Dimension::ExitPage, ""),
    ("visit:source", dimension::Dimension::Source, DIRECT),
    ("visit:channel", dimension::Dimension::Channel, "Direct"),
    ("visit:referrer", dimension::Dimension::Referrer, DIRECT),
    ("visit:utm_source", dimension::Dimension::UtmSource, NOT_SET),
    ("visit:utm_medium", dimension::Dimension::UtmMedium, NOT_SET),
    ("visit:utm_campaign", dimension::Dimension::UtmCampaign, NOT_SET),
    ("visit:utm_content", dimension::Dimension::UtmContent, NOT_SET),
    ("visit:utm_term", dimension::Dimension::UtmTerm, NOT_SET),
    ("visit:device", dimension::Dimension::Device, NOT_SET),
    ("visit:screen", dimension::Dimension::Screen, NOT_SET),
    ("visit:browser", dimension::Dimension::Browser, NOT_SET),
    ("visit:browser_version", dimension::Dimension::BrowserVersion, NOT_SET),
    ("visit:os", dimension::Dimension::Os, NOT_SET),
    ("visit:os_version", dimension::Dimension::OsVersion, NOT_SET),
    ("visit:country", dimension::Dimension::Country, ""),
    (COUNTRY_NAME, dimension::Dimension::Country, ""),
];

const COUNTRY_NAME: &str = "visit:country_name";
const GOAL: &str = "event:goal";
const PROPS: &str = "event:props:";

/// Dimensions that would need the visitor's IP address.
const PLACES: [&str; 4] = ["visit:region", "visit:city", "visit:region_name", "visit:city_name"];

/// Maximum length of a property's name, in bytes, as in Plausible.
const MAX_PROP: usize = 300;

/// A dimension to group by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Dimension {
    /// Time.
    Time(Unit),
    /// A property of hits or visits.
    Property(Property),
}

/// A property of hits or visits, by Plausible's name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Property {
    /// Plausible's name.
    pub(super) name: String,
    /// Key that it maps to.
    pub(super) key: Key,
    /// Name of a missing value.
    none: &'static str,
}

impl Dimension {
    /// Returns the name in queries.
    #[must_use]
    pub(super) fn name(&self) -> String {
        match self {
            Self::Time(unit) => format!("time:{}", unit.name()),
            Self::Property(property) => property.name.clone(),
        }
    }

    /// Returns the property. `None` if the dimension is time.
    #[must_use]
    pub(super) const fn property(&self) -> Option<&Property> {
        match self {
            Self::Time(_) => None,
            Self::Property(property) => Some(property),
        }
    }
}

impl Property {
    /// Parses a name.
    ///
    /// # Errors
    /// If the property is unknown or unsupported. The error says what to use instead.
    pub(super) fn parse(name: &str) -> Result<Self, String> {
        let property = |key, none| Ok(Self { name: name.to_owned(), key, none });
        if let Some((_, known, none)) = NAMES.into_iter().find(|(known, ..)| *known == name) {
            return property(known.into(), none);
        }
        if name == GOAL {
            return property(Key::Goal, "");
        }
        match name.strip_prefix(PROPS) {
            Some(prop) if (1..=MAX_PROP).contains(&prop.len()) => {
                return property(Key::Prop(prop.to_owned()), NO_PROP);
            }
            Some(_) => return Err(format!("write {PROPS}NAME, with the name of a property")),
            None => {}
        }
        if PLACES.contains(&name) {
            return Err("regions and cities would need personal data, the visitor's IP \
                        address: use visit:country or visit:country_name"
                .to_owned());
        }
        let names: Vec<&str> = NAMES.iter().map(|(name, ..)| *name).collect();
        Err(format!(
            "use {}, {GOAL} or {PROPS}NAME; to group by time, use time, time:hour, time:day, time:week or \
             time:month",
            names.join(", ")
        ))
    }

    /// Returns whether this is the goal.
    #[must_use]
    pub(super) fn is_goal(&self) -> bool {
        self.key == Key::Goal
    }

    /// Returns a value as answers show it.
    #[must_use]
    pub(super) fn shown<'a>(&self, value: Option<&'a str>) -> &'a str {
        match value {
            Some(code) if self.name == COUNTRY_NAME => {
                Country::parse(code).map_or(code, |country| country.name())
            }
            Some(value) => value,
            None => self.none,
        }
    }

    /// Creates the condition for a filter that uses Plausible's names of values.
    ///
    /// # Errors
    /// If a regular expression is invalid.
    pub(super) fn filter(
        &self,
        operator: Operator,
        values: Vec<String>,
        ignore_case: bool,
    ) -> Result<Condition, QueryError> {
        let filter = Filter { operator, key: self.key.clone(), values, ignore_case };
        let matcher = filter.matcher()?;
        let is = |values: Vec<String>| {
            let operator = if operator.is_negative() { Operator::IsNot } else { Operator::Is };
            Condition::Filter(Filter { operator, values, ignore_case: false, ..filter.clone() })
        };
        if self.name == COUNTRY_NAME {
            let letters = || b'A'..=b'Z';
            let codes = letters().flat_map(|one| letters().map(move |two| [one, two]));
            let countries =
                codes.filter_map(|code| Country::parse(std::str::from_utf8(&code).ok()?));
            let mut found: Vec<String> = countries
                .filter(|country| matcher.finds(Some(country.name())))
                .map(|country| country.as_str().to_owned())
                .collect();
            // Keeps unknown names, which match no code, and the empty name, which stands for an unknown country.
            found.extend(filter.values.iter().filter(|_| is_equality(operator)).cloned());
            return Ok(is(found.iter().map(|value| self.stored(value)).collect()));
        }
        if is_equality(operator) {
            let values = filter.values.iter().map(|value| self.stored(value)).collect();
            return Ok(Condition::Filter(Filter { values, ..filter }));
        }
        if self.none == PAGEVIEW && matcher.finds(Some(PAGEVIEW)) {
            // A page view is stored as an event without a name.
            let inner = vec![Condition::Filter(filter.clone()), is(vec![String::new()])];
            let negative = operator.is_negative();
            return Ok(if negative { Condition::All(inner) } else { Condition::Any(inner) });
        }
        Ok(Condition::Filter(filter))
    }

    /// Returns a value as stored. The name of a missing value becomes the empty string.
    fn stored(&self, value: &str) -> String {
        let is_missing = value == self.none || value == NOT_SET && self.none.is_empty();
        // Every visit has a channel.
        let is_never_missing = self.key == Key::Dimension(dimension::Dimension::Channel);
        if is_missing && !is_never_missing { String::new() } else { value.to_owned() }
    }
}

const fn is_equality(operator: Operator) -> bool {
    matches!(operator, Operator::Is | Operator::IsNot)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn property(name: &str) -> Property {
        Property::parse(name).unwrap()
    }

    #[test]
    fn parses_supported_properties_only() {
        for (name, key, _) in NAMES {
            assert_eq!(property(name).key, key.into(), "{name}");
        }
        assert_eq!(property("event:props:a b").key, Key::Prop("a b".to_owned()));
        assert_eq!(property("event:goal").key, Key::Goal);
        let error = |name: &str| Property::parse(name).unwrap_err();
        assert!(error("visit:city").contains("personal data"));
        assert!(error("event:props:").contains("event:props:NAME"));
        assert!(error("page").contains("use event:page"));
    }

    #[test]
    fn missing_values_have_a_name() {
        assert_eq!(property("visit:source").shown(None), "Direct / None");
        assert_eq!(property("visit:utm_term").shown(None), "(not set)");
        assert_eq!(property("event:name").shown(None), "pageview");
        assert_eq!(property("event:props:x").shown(None), "(none)");
        assert_eq!(property("visit:country_name").shown(Some("DE")), "Germany");
        assert_eq!(property("visit:country").shown(Some("DE")), "DE");
    }

    #[test]
    fn filters_use_stored_values() {
        let check = |name: &str, operator, value: &str, expected: &str| {
            let condition = property(name).filter(operator, vec![value.to_owned()], false).unwrap();
            assert_eq!(condition.to_string(), expected, "{name} {value}");
        };
        check("visit:source", Operator::Is, "Direct / None", "is,source,");
        check("visit:source", Operator::IsNot, "", "is_not,source,");
        check("visit:channel", Operator::Is, "Direct", "is,channel,Direct");
        check("visit:country", Operator::Is, "(not set)", "is,country,");
        check("event:props:a", Operator::Is, "(none)", "is,props:a,");
        check("event:name", Operator::Is, "pageview", "is,event,");
        check("event:name", Operator::Contains, "page", "any(contains,event,page)(is,event,)");
        check(
            "event:name",
            Operator::MatchesNot,
            "^page",
            "all(matches_not,event,^page)(is_not,event,)",
        );
        check("event:name", Operator::Contains, "sign", "contains,event,sign");
        check("visit:country_name", Operator::Is, "Germany", "is,country,DE,Germany");
        check("visit:country_name", Operator::IsNot, "", "is_not,country,");
        check("visit:country_name", Operator::Contains, "Korea", "is,country,KP,KR");
        check("visit:country_name", Operator::MatchesNot, "^Icel", "is_not,country,IS");
        assert!(property("event:page").filter(Operator::Matches, vec!["(".into()], false).is_err());
    }
}
