//! Plausible's Stats API v1: parses its parameters, and writes answers in its format.
//!
//! <https://plausible.io/docs/stats-api-v1>; `lib/plausible_web/controllers/api/external_stats_controller.ex` has
//! the errors, and `lib/plausible/stats/legacy` the rest.

use footfall_infra::settings::Site;
use jiff::civil::Date;
use serde_json::{Map, Value, json};

use crate::platform::http::Request;
use crate::platform::sanitize::clean;
use crate::query::condition::{Condition, Operator};
use crate::query::period::PeriodContext;
use crate::query::time_range::Unit;

use super::InvalidQuery;
use super::date_range::{self, ComparisonMode, DateRange, ResolvedRange};
use super::dimension::{Dimension, Property};
use super::filters::FilterParser;
use super::metric::Metric;
use super::request::{Include, Order, Question, RelativeRange, SortKey};
use super::response::{Answer, Row};

/// Maximum number of rows in a breakdown.
const MAX_LIMIT: usize = 1000;

/// Number of rows in a breakdown if the request names none.
const DEFAULT_LIMIT: usize = 100;

/// Properties whose breakdown has no row for missing values.
const WITHOUT_NONE: [&str; 8] = [
    "visit:country",
    "visit:utm_medium",
    "visit:utm_source",
    "visit:utm_campaign",
    "visit:utm_content",
    "visit:utm_term",
    "visit:entry_page",
    "visit:exit_page",
];

const PERIODS: &str = "use day, 24h, 7d, 28d, 30d, 91d (or any number of days), month, 6mo, 12mo, year, all, or \
                       custom";

/// An endpoint of v1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Endpoint {
    /// Metrics of a period.
    Aggregate,
    /// Metrics of each hour, day, week or month.
    Timeseries,
    /// Metrics of each value of a property.
    Breakdown,
}

/// A query, and the format of its answer.
#[derive(Debug)]
pub(super) struct V1Query {
    /// The query.
    pub(super) question: Question,
    endpoint: Endpoint,
    /// Names of the metrics in the answer.
    names: Vec<&'static str>,
}

/// Parses a request's parameters. Unknown ones are ignored.
///
/// # Errors
/// If a parameter is invalid.
pub(super) fn question(
    endpoint: Endpoint,
    request: &Request,
    site: &Site,
    context: &PeriodContext<'_>,
) -> Result<V1Query, InvalidQuery> {
    let parameter = |name: &str| request.parameter(name).filter(|value| !value.is_empty());
    let period = parameter("period").unwrap_or_else(|| "30d".to_owned());
    let relative = relative_range(&period, &parameter, context)?;
    let wrong = |error| InvalidQuery::new(format!("Error parsing `date` parameter: {error}"));
    let range = ResolvedRange::new(relative.date_range, relative.date, context).map_err(wrong)?;
    let mut conditions = match parameter("filters") {
        Some(filters) => filter_list(&filters, site)?,
        None => Vec::new(),
    };
    let dimensions = match endpoint {
        Endpoint::Aggregate => Vec::new(),
        Endpoint::Timeseries => {
            vec![Dimension::Time(interval(parameter("interval"), relative.date_range, &range)?)]
        }
        Endpoint::Breakdown => {
            let properties = properties(parameter("property"))?;
            for property in &properties {
                if WITHOUT_NONE.contains(&property.name.as_str()) {
                    let none = vec![String::new()];
                    let filter = property.filter(Operator::IsNot, none, false);
                    conditions.push(filter.map_err(|error| InvalidQuery::new(error.to_string()))?);
                }
            }
            properties.into_iter().map(Dimension::Property).collect()
        }
    };
    let (names, metrics) = metrics(parameter("metrics"), endpoint, &dimensions)?;
    let mut include = Include::default();
    match parameter("compare").as_deref() {
        Some("previous_period") if endpoint == Endpoint::Aggregate => {
            include.compare = Some((ComparisonMode::PreviousPeriod, false));
        }
        Some(other) if endpoint == Endpoint::Aggregate => {
            let other = clean(other, 100);
            return Err(InvalidQuery::new(format!(
                "Error parsing `compare` parameter: invalid `{other}`; use previous_period"
            )));
        }
        _ => {}
    }
    let mut question = Question::of(metrics, dimensions, conditions, range, context, include)?;
    if endpoint == Endpoint::Breakdown {
        (question.limit, question.offset) = page(&parameter)?;
        let first = names.iter().position(|name| *name != "time_on_page").unwrap_or(0);
        question.order = vec![
            Order { by: SortKey::Metric(first), is_descending: true },
            Order { by: SortKey::Dimension(0), is_descending: false },
        ];
    }
    Ok(V1Query { question, endpoint, names })
}

fn relative_range<'a>(
    period: &str,
    parameter: &dyn Fn(&str) -> Option<String>,
    context: &'a PeriodContext<'a>,
) -> Result<RelativeRange<'a>, InvalidQuery> {
    let today = date_range::today(context);
    if period == "custom" {
        let pair = match (parameter("date"), parameter("from"), parameter("to")) {
            (Some(date), ..) => {
                date.split_once(',').map(|(from, to)| (from.to_owned(), to.to_owned()))
            }
            (None, Some(from), Some(to)) => Some((from, to)),
            _ => {
                return Err(InvalidQuery::new(
                    "The `date` parameter is required when using a custom period: two dates joined by a \
                     comma, such as 2026-01-01,2026-01-31",
                ));
            }
        };
        let date_range = pair.and_then(|(from, to)| {
            Some(DateRange::Days(from.trim().parse().ok()?, to.trim().parse().ok()?))
        });
        let date_range = date_range.ok_or_else(|| {
            InvalidQuery::new(
                "Invalid format for `date` parameter. RelativeRange using a custom period, please include two \
                 ISO-8601 formatted dates joined by a comma, such as 2026-01-01,2026-01-31",
            )
        })?;
        return Ok(RelativeRange { date_range, date: today, context });
    }
    let date_range = DateRange::parse(period).ok_or_else(|| {
        let period = clean(period, 100);
        InvalidQuery::new(format!(
            "Error parsing `period` parameter: invalid period `{period}`: {PERIODS}"
        ))
    })?;
    let date: Date = match parameter("date").as_deref() {
        None | Some("today") => today,
        Some(date) => date.parse().map_err(|_| {
            InvalidQuery::new(
                "Error parsing `date` parameter: invalid_format. Please specify a valid date in \
                 ISO-8601 format.",
            )
        })?,
    };
    Ok(RelativeRange { date_range, date, context })
}

/// Parses the unit of a time series. The default is hours for a day, months for several of them, else days.
fn interval(
    interval: Option<String>,
    date_range: DateRange,
    range: &ResolvedRange,
) -> Result<Unit, InvalidQuery> {
    match (interval.as_deref(), date_range) {
        (Some("day" | "date"), _) => Ok(Unit::Day),
        (Some("month"), _) => Ok(Unit::Month),
        (Some("hour"), _) => Ok(Unit::Hour),
        (Some("week"), _) => Ok(Unit::Week),
        (Some(other), _) => {
            let other = clean(other, 100);
            Err(InvalidQuery::new(format!(
                "Error parsing `interval` parameter: invalid interval `{other}`. Valid intervals are \
                 `hour`, `day`, `week`, `month`"
            )))
        }
        (None, DateRange::Day | DateRange::Hours24) => Ok(Unit::Hour),
        (None, DateRange::LastMonths(_) | DateRange::Year) => Ok(Unit::Month),
        (None, DateRange::All) => Ok(match range.unit() {
            Unit::Week => Unit::Month,
            unit => unit,
        }),
        (None, _) => Ok(Unit::Day),
    }
}

/// Parses the property. A version comes with the browser or operating system, which goes before it.
fn properties(name: Option<String>) -> Result<Vec<Property>, InvalidQuery> {
    let name = name.ok_or_else(|| {
        InvalidQuery::new(
            "The `property` parameter is required. Please provide at least one property to show a \
             breakdown by, such as event:page.",
        )
    })?;
    let parse = |name: &str| {
        Property::parse(name).map_err(|hint| {
            let name = clean(name, 100);
            InvalidQuery::new(format!("Invalid property '{name}': {hint}"))
        })
    };
    let before = match name.as_str() {
        "visit:browser_version" => Some("visit:browser"),
        "visit:os_version" => Some("visit:os"),
        _ => None,
    };
    before.into_iter().chain([name.as_str()]).map(parse).collect()
}

fn metrics(
    names: Option<String>,
    endpoint: Endpoint,
    dimensions: &[Dimension],
) -> Result<(Vec<&'static str>, Vec<Metric>), InvalidQuery> {
    let names = names.unwrap_or_else(|| "visitors".to_owned());
    // Conversion rates are relative to the row, unless its values are goals or event properties.
    let is_of_row = match (endpoint, dimensions.first().and_then(Dimension::property)) {
        (Endpoint::Aggregate, _) => false,
        (_, Some(property)) => !property.is_goal() && !property.name.starts_with("event:props:"),
        (_, None) => true,
    };
    let (mut called, mut metrics) = (Vec::new(), Vec::new());
    for name in names.split(',').map(str::trim) {
        let metric = Metric::parse(name).map_err(|hint| {
            let name = clean(name, 100);
            InvalidQuery::new(format!("The metric `{name}` is not recognized: {hint}"))
        })?;
        if called.contains(&metric.name()) {
            return Err(InvalidQuery::new("Metrics cannot be queried multiple times."));
        }
        called.push(metric.name());
        metrics.push(match metric {
            Metric::ConversionRate if is_of_row => Metric::GroupConversionRate,
            metric => metric,
        });
    }
    Ok((called, metrics))
}

fn page(parameter: &dyn Fn(&str) -> Option<String>) -> Result<(usize, usize), InvalidQuery> {
    let limit = match parameter("limit").map(|limit| limit.parse::<usize>()) {
        None => DEFAULT_LIMIT,
        Some(Ok(limit)) if (1..=MAX_LIMIT).contains(&limit) => limit,
        Some(_) => {
            return Err(InvalidQuery::new(format!(
                "Please provide limit as a number between 1 and {MAX_LIMIT}."
            )));
        }
    };
    let page = match parameter("page").map(|page| page.parse::<usize>()) {
        None => 1,
        Some(Ok(page)) if page > 0 => page,
        Some(_) => return Err(InvalidQuery::new("Please provide page as a positive number.")),
    };
    Ok((limit, (page - 1).saturating_mul(limit)))
}

/// Parses filters such as `visit:source==Google|Bing;event:page!=/blog/*`. A `\` escapes `|` and `;`.
fn filter_list(text: &str, site: &Site) -> Result<Vec<Condition>, InvalidQuery> {
    let mut parser = FilterParser::new(site);
    let filter = |text: &String| {
        let wrong = |hint: &str| {
            let text = clean(text, 200);
            InvalidQuery::new(format!("Invalid filter '{text}': {hint}"))
        };
        let equals = text.find("==").map(|at| (at, Operator::Is));
        let differs = text.find("!=").map(|at| (at, Operator::IsNot));
        let found = [equals, differs].into_iter().flatten().min_by_key(|(at, _)| *at);
        let Some((at, operator)) = found else {
            return Err(wrong("write event:page==/about, with == or !="));
        };
        let name = text[..at].trim();
        let property = Property::parse(name).map_err(|hint| {
            let name = clean(name, 100);
            InvalidQuery::new(format!("Invalid filter property '{name}': {hint}"))
        })?;
        let values: Vec<String> = split(text[at + 2..].trim(), '|');
        let has_wildcard = values.iter().any(|value| value.contains('*'));
        let condition = if has_wildcard && !property.is_goal() {
            let negative = operator.is_negative();
            let operator = if negative { Operator::MatchesNot } else { Operator::Matches };
            let patterns = values.iter().map(|value| pattern(value)).collect();
            parser.condition(&property, operator, patterns, false)
        } else {
            parser.condition(&property, operator, values, false)
        };
        condition.map_err(|hint| wrong(&hint))
    };
    let texts = split_keeping(text, ';');
    texts.iter().filter(|text| !text.trim().is_empty()).map(filter).collect()
}

/// Converts a value with the wildcard `*` to a regular expression.
fn pattern(value: &str) -> String {
    let parts: Vec<String> = value.split('*').map(regex_lite::escape).collect();
    format!("^{}$", parts.join(".*"))
}

/// Splits at a character that has no `\` before it, and removes the escapes.
fn split(text: &str, at: char) -> Vec<String> {
    let escaped = format!("\\{at}");
    split_keeping(text, at)
        .into_iter()
        .map(|part| part.replace(&escaped, &at.to_string()))
        .collect()
}

/// Splits at a character that has no `\` before it, and keeps the escapes.
fn split_keeping(text: &str, at: char) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut is_escaped = false;
    for letter in text.chars() {
        match parts.last_mut() {
            Some(part) if letter != at || is_escaped => part.push(letter),
            _ => parts.push(String::new()),
        }
        is_escaped = letter == '\\' && !is_escaped;
    }
    parts
}

impl V1Query {
    /// Returns the answer in the format of v1.
    #[must_use]
    pub(super) fn to_json(&self, answer: Answer) -> Value {
        let warning = super::warning(&answer.missing);
        let results = match self.endpoint {
            Endpoint::Aggregate => self.totals(answer.rows.into_iter().next()),
            Endpoint::Timeseries => self.buckets(answer.rows),
            Endpoint::Breakdown => answer.rows.into_iter().map(|row| self.row(row)).collect(),
        };
        match warning {
            None => json!({ "results": results }),
            Some(warning) => json!({ "results": results, "warning": warning }),
        }
    }

    fn totals(&self, row: Option<Row>) -> Value {
        let Some(row) = row else { return json!({}) };
        let value = |place: usize, name: &&str| {
            let value = match &row.comparison {
                None => json!({ "value": row.metrics.get(place) }),
                Some(other) => json!({
                    "value": row.metrics.get(place),
                    "comparison_value": other.metrics.get(place),
                    "change": other.change.get(place),
                }),
            };
            ((*name).to_owned(), value)
        };
        self.names.iter().enumerate().map(|(place, name)| value(place, name)).collect()
    }

    /// Returns all time buckets, including empty ones.
    fn buckets(&self, rows: Vec<Row>) -> Value {
        let mut rows = rows.into_iter().peekable();
        let buckets = self.question.time.buckets.iter().flatten();
        buckets
            .map(|bucket| {
                let is_same = |row: &Row| row.dimensions.first() == Some(&bucket.name);
                let metrics = match rows.next_if(is_same) {
                    Some(row) => row.metrics,
                    None => {
                        self.question.metrics.iter().map(|metric| metric.empty_value()).collect()
                    }
                };
                let mut named = self.named(metrics);
                named.insert("date".to_owned(), bucket.name.as_str().into());
                Value::Object(named)
            })
            .collect()
    }

    fn row(&self, row: Row) -> Value {
        let mut named = self.named(row.metrics);
        for (dimension, value) in self.question.dimensions.iter().zip(row.dimensions) {
            let name = dimension.name();
            let key = name.strip_prefix("event:props:").or_else(|| name.split(':').nth(1));
            named.insert(key.unwrap_or(&name).to_owned(), value.into());
        }
        Value::Object(named)
    }

    fn named(&self, metrics: Vec<Value>) -> Map<String, Value> {
        self.names.iter().map(|name| (*name).to_owned()).zip(metrics).collect()
    }
}

#[cfg(test)]
mod tests {
    use footfall_infra::settings::Settings;

    use super::*;

    fn read(text: &str) -> Result<Vec<String>, String> {
        let yaml = "sites: [{domain: example.com, goals: [{page: /thanks*}, {event: A|B}]}]";
        let settings = Settings::from_yaml(yaml).unwrap();
        let conditions = filter_list(text, &settings.sites[0]);
        let texts = |list: Vec<Condition>| list.iter().map(ToString::to_string).collect();
        conditions.map(texts).map_err(|refused| refused.to_string())
    }

    #[test]
    fn parses_filters() {
        let check = |text: &str, expected: &[&str]| {
            assert_eq!(read(text).unwrap(), expected, "{text}");
        };
        check("event:page==/about", &["is,page,/about"]);
        check(" event:page == /about ", &["is,page,/about"]);
        check("visit:source==Google|Bing", &["is,source,Google,Bing"]);
        check("visit:country!=FR;event:page==/", &["is_not,country,FR", "is,page,/"]);
        check(r"visit:utm_campaign==a\|b", &["is,utm_campaign,a|b"]);
        check("event:page==/blog/*", &["matches,page,^/blog/.*$"]);
        check("event:page!=/a.b*", &[r"matches_not,page,^/a\\.b.*$"]);
        check("event:goal==Visit /thanks*", &["is,goal,Visit /thanks*"]);
        check(r"event:goal==A\|B", &["is,goal,A|B"]);
        check("event:props:a==x==y", &["is,props:a,x==y"]);
        check("visit:source==Direct / None", &["is,source,"]);
        check(";", &[]);
    }

    #[test]
    fn explains_invalid_filters() {
        let check = |text: &str, expected: &str| {
            let error = read(text).unwrap_err();
            assert!(error.contains(expected), "{text}: {error}");
        };
        check("event:page", "write event:page==/about");
        check("page==/", "Invalid filter property 'page'");
        check("visit:city==Berlin", "personal data");
        check("event:goal==Nothing", "`Nothing` is not configured");
        check("visit:country==Germany", "2-letter");
    }
}
