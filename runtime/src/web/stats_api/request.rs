//! A question as v2 asks it, parsed once: one that exists can be answered.
//!
//! <https://plausible.io/docs/stats-api#request-structure>. Errors begin with the place in the body, as those of
//! Plausible's schema do: `#/metrics/1: Invalid metric "baa"`.

use footfall_infra::settings::Site;
use jiff::civil::Date;
use serde_json::{Map, Value, json};

use crate::query::condition::Condition;
use crate::query::period::{PeriodContext, TimeBucket};

use super::Refused;
use super::date_range::{self, Against, MAX_BARS, Range, RangeError, Unit, Wanted};
use super::dimension::{Dimension, Property};
use super::filters::{self, Parser};
use super::metric::Metric;

/// The most rows of an answer, where the question does not say.
const LIMIT: usize = 10_000;

/// The most dimensions at once. Each more multiplies the rows.
const MAX_DIMENSIONS: usize = 8;

const KEYS: [&str; 8] = [
    "site_id",
    "date_range",
    "metrics",
    "dimensions",
    "filters",
    "order_by",
    "include",
    "pagination",
];

const RANGES: &str = "use \"day\", \"24h\", \"7d\", \"28d\", \"30d\", \"91d\" (or any number of days), \"month\", \
                      \"6mo\", \"12mo\", \"year\", \"all\", [\"2026-01-01\", \"2026-01-31\"], or two times such as \
                      \"2026-01-01T12:00:00+02:00\"";

/// A question that can be answered.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Question {
    /// What is asked for: at least one.
    pub(super) metrics: Vec<Metric>,
    /// By what: at most one of them is time.
    pub(super) dimensions: Vec<Dimension>,
    /// What must hold for a hit.
    pub(super) conditions: Vec<Condition>,
    /// When.
    pub(super) time: Time,
    /// What it is compared with.
    pub(super) compared: Option<Time>,
    /// In which order the rows stand.
    pub(super) order: Vec<Order>,
    /// How many rows.
    pub(super) limit: usize,
    /// How many rows before them are left out.
    pub(super) offset: usize,
    /// What else is told.
    pub(super) include: Include,
}

/// A time, and where its bars begin, if it is asked by time.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Time {
    /// The time.
    pub(super) range: Range,
    /// Its bars.
    pub(super) bars: Option<Vec<TimeBucket>>,
}

/// What rows are ordered by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Order {
    /// By what.
    pub(super) by: By,
    /// Whether the largest stands first.
    pub(super) is_descending: bool,
}

/// A column of the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum By {
    /// The metric at this place.
    Metric(usize),
    /// The dimension at this place.
    Dimension(usize),
}

/// What is told beside the rows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Include {
    /// That nothing was imported.
    pub(super) imports: bool,
    /// The names of all bars.
    pub(super) time_labels: bool,
    /// How many rows there are.
    pub(super) total_rows: bool,
    /// What of a day, month or year is to come is left out.
    pub(super) trim: bool,
    /// With what it is compared, and whether from the same day of the week on.
    pub(super) compare: Option<(Against, bool)>,
}

/// What a time is made of.
#[derive(Debug, Clone, Copy)]
pub(super) struct When<'a> {
    /// How it is wanted.
    pub(super) wanted: Wanted,
    /// The day around which that is.
    pub(super) date: Date,
    /// The time now, and the zone.
    pub(super) asked: &'a PeriodContext<'a>,
}

/// `time` stands for the unit that suits the range.
enum Grouped {
    Time(Option<Unit>),
    Property(Property),
}

impl Question {
    /// Reads the body of `POST /api/v2/query`, whose site is known.
    ///
    /// # Errors
    /// What is wrong with it, and what may stand there.
    pub(super) fn parse(
        body: &Map<String, Value>,
        site: &Site,
        asked: &PeriodContext<'_>,
    ) -> Result<Self, Refused> {
        if let Some(key) = body.keys().find(|key| !KEYS.contains(&key.as_str())) {
            let near = if ["limit", "offset"].contains(&key.as_str()) {
                "write \"pagination\": {\"limit\": 100, \"offset\": 0}".to_owned()
            } else {
                format!("use {}", KEYS.join(", "))
            };
            let key = crate::platform::sanitize::clean(key, 100);
            return Err(Refused::new(format!("#/{key}: there is no such key; {near}")));
        }
        let metrics = metrics(body.get("metrics"))?;
        let dimensions = dimensions(body.get("dimensions"))?;
        let filters = body.get("filters").filter(|filters| !filters.is_null());
        let conditions = match filters {
            Some(filters) => Parser::new(site).list(filters)?,
            None => Vec::new(),
        };
        let include = include(body.get("include"))?;
        let wanted = wanted(body.get("date_range"))?;
        let when = When { wanted, date: date_range::today(asked), asked };
        let (limit, offset) = pagination(body.get("pagination"))?;
        let mut question = Self::new(metrics, dimensions, conditions, &when, include)?;
        if let Some(order) = body.get("order_by").filter(|order| !order.is_null()) {
            question.order = question.order_of(order)?;
        }
        Ok(Self { limit, offset, ..question })
    }

    fn new(
        metrics: Vec<Metric>,
        dimensions: Vec<Grouped>,
        conditions: Vec<Condition>,
        when: &When<'_>,
        include: Include,
    ) -> Result<Self, Refused> {
        let wrong =
            |error: RangeError| Refused::new(format!("#/date_range: Invalid date range: {error}"));
        let mut range = Range::of(when.wanted, when.date, when.asked).map_err(wrong)?;
        if include.trim {
            range = range.trimmed(when.asked);
        }
        let dimensions: Vec<Dimension> = dimensions
            .into_iter()
            .map(|dimension| match dimension {
                Grouped::Time(unit) => Dimension::Time(unit.unwrap_or_else(|| range.unit())),
                Grouped::Property(property) => Dimension::Property(property),
            })
            .collect();
        Self::of(metrics, dimensions, conditions, range, when.asked, include)
    }

    /// A question in its parts, in the usual order, with as many rows as usual.
    ///
    /// # Errors
    /// If they do not fit together.
    pub(super) fn of(
        metrics: Vec<Metric>,
        dimensions: Vec<Dimension>,
        conditions: Vec<Condition>,
        range: Range,
        asked: &PeriodContext<'_>,
        include: Include,
    ) -> Result<Self, Refused> {
        let unit = dimensions.iter().find_map(|dimension| match dimension {
            Dimension::Time(unit) => Some(*unit),
            Dimension::Property(_) => None,
        });
        if include.time_labels && unit.is_none() {
            return Err(Refused::new(
                "#/include/time_labels: Invalid include.time_labels: requires a time dimension",
            ));
        }
        let time = |range: Range| {
            let bars = unit.map(|unit| {
                let refused = || {
                    let unit = unit.name();
                    Refused::new(format!(
                        "#/dimensions: time:{unit} has at most {MAX_BARS} values: ask for a shorter \
                         date_range, or a larger unit"
                    ))
                };
                range.bars(unit, asked.zone).ok_or_else(refused)
            });
            Ok::<_, Refused>(Time { range, bars: bars.transpose()? })
        };
        let compared = include.compare.map(|(against, same_weekday)| {
            let compared = range.compared(against, same_weekday, asked);
            compared.map_err(|error| Refused::new(format!("#/include/comparisons: {error}")))
        });
        let compared = compared.transpose()?.map(time).transpose()?;
        let is_goal = |it: &Dimension| it.property().is_some_and(Property::is_goal);
        let has_goal = dimensions.iter().any(is_goal) || filters::has_goal(&conditions);
        if let Some(metric) = metrics.iter().find(|metric| metric.is_of_conversions()) {
            let name = metric.name();
            if !has_goal {
                return Err(Refused::new(format!(
                    "#/metrics: Metric `{name}` can only be queried with event:goal filters or dimensions"
                )));
            }
            if filters::has_deep_conversion(&conditions) {
                return Err(Refused::new(format!(
                    "#/filters: When `{name}` is asked for, goals and custom properties can only be \
                     filtered at the top level"
                )));
            }
        }
        let mut question = Self {
            metrics,
            dimensions,
            conditions,
            time: time(range)?,
            compared,
            order: Vec::new(),
            limit: LIMIT,
            offset: 0,
            include,
        };
        question.order = question.usual_order();
        Ok(question)
    }

    /// By time, then by the first metric, the largest first.
    fn usual_order(&self) -> Vec<Order> {
        let time = self.dimensions.iter().position(|it| matches!(it, Dimension::Time(_)));
        let time = time.map(|place| Order { by: By::Dimension(place), is_descending: false });
        let first = Order { by: By::Metric(0), is_descending: true };
        time.into_iter().chain([first]).collect()
    }

    fn order_of(&self, order: &Value) -> Result<Vec<Order>, Refused> {
        let hint = "write [[\"visitors\", \"desc\"]], with metrics and dimensions of this query";
        let Some(entries) = order.as_array() else {
            return Err(Refused::at("#/order_by", "Invalid order_by", order, hint));
        };
        let entry = |(place, entry): (usize, &Value)| {
            let at = format!("#/order_by/{place}");
            let wrong = || Refused::at(&at, "Invalid order_by entry", entry, hint);
            let [name, direction] = entry.as_array().map(Vec::as_slice).unwrap_or_default() else {
                return Err(wrong());
            };
            let is_descending = match direction.as_str() {
                Some("asc") => false,
                Some("desc") => true,
                _ => return Err(wrong()),
            };
            let by = name.as_str().and_then(|name| self.column(name)).ok_or_else(wrong)?;
            Ok(Order { by, is_descending })
        };
        let orders: Vec<Order> = entries.iter().enumerate().map(entry).collect::<Result<_, _>>()?;
        Ok(if orders.is_empty() { self.usual_order() } else { orders })
    }

    fn column(&self, name: &str) -> Option<By> {
        let metric = self.metrics.iter().position(|metric| metric.name() == name);
        let dimension = || {
            self.dimensions.iter().position(|dimension| {
                let is_time = matches!(dimension, Dimension::Time(_));
                dimension.name() == name || is_time && name == "time"
            })
        };
        metric.map(By::Metric).or_else(|| dimension().map(By::Dimension))
    }

    /// The question as the answer repeats it, with what it was taken for.
    #[must_use]
    pub(super) fn repeated(&self, site: &Site, body: &Map<String, Value>) -> Value {
        let names: Vec<String> = self.dimensions.iter().map(Dimension::name).collect();
        let order: Vec<Value> = self
            .order
            .iter()
            .map(|order| {
                let name = match order.by {
                    By::Metric(place) => self.metrics.get(place).map(|metric| metric.name().into()),
                    By::Dimension(place) => names.get(place).cloned(),
                };
                json!([name, if order.is_descending { "desc" } else { "asc" }])
            })
            .collect();
        let mut include = body.get("include").and_then(Value::as_object).cloned();
        if let Some(include) = &mut include {
            include.retain(|_, value| !value.is_null() && *value != Value::Bool(false));
        }
        json!({
            "site_id": site.domain.as_str(),
            "metrics": self.metrics.iter().map(|metric| metric.name()).collect::<Vec<_>>(),
            "date_range": self.time.range.written(&site.time_zone),
            "filters": body.get("filters").filter(|it| !it.is_null()).unwrap_or(&json!([])),
            "dimensions": names,
            "order_by": order,
            "include": include.unwrap_or_default(),
            "pagination": { "limit": self.limit, "offset": self.offset },
        })
    }
}

fn metrics(value: Option<&Value>) -> Result<Vec<Metric>, Refused> {
    let Some(list) = value.and_then(Value::as_array).filter(|list| !list.is_empty()) else {
        let hint = "write a list of at least one, such as [\"visitors\", \"pageviews\"]";
        return Err(Refused::missing("metrics", value, hint));
    };
    let mut metrics = Vec::new();
    for (place, value) in list.iter().enumerate() {
        let wrong =
            |hint: &str| Refused::at(&format!("#/metrics/{place}"), "Invalid metric", value, hint);
        let name = value.as_str().ok_or_else(|| wrong("write its name"))?;
        let metric = Metric::parse(name).map_err(|hint| wrong(&hint))?;
        if metrics.contains(&metric) {
            return Err(Refused::new("#/metrics: Expected items to be unique but they were not."));
        }
        metrics.push(metric);
    }
    Ok(metrics)
}

fn dimensions(value: Option<&Value>) -> Result<Vec<Grouped>, Refused> {
    let Some(value) = value.filter(|value| !value.is_null()) else { return Ok(Vec::new()) };
    let Some(list) = value.as_array() else {
        let hint = "write a list, such as [\"event:page\"]";
        return Err(Refused::at("#/dimensions", "Invalid dimensions", value, hint));
    };
    if list.len() > MAX_DIMENSIONS {
        return Err(Refused::new(format!("#/dimensions: there are at most {MAX_DIMENSIONS}")));
    }
    let mut has_time = false;
    let mut dimensions = Vec::new();
    for (place, value) in list.iter().enumerate() {
        let wrong = |hint: &str| {
            Refused::at(&format!("#/dimensions/{place}"), "Invalid dimension", value, hint)
        };
        if list[..place].contains(value) {
            return Err(Refused::new(
                "#/dimensions: Expected items to be unique but they were not.",
            ));
        }
        let name = value.as_str().ok_or_else(|| wrong("write its name"))?;
        let unit = match name.strip_prefix("time") {
            Some("") => Some(None),
            Some(unit) => Some(unit.strip_prefix(':').and_then(Unit::parse)),
            None => None,
        };
        match unit {
            Some(None) if name != "time" => {
                return Err(wrong(
                    "use time, time:minute, time:hour, time:day, time:week or time:month",
                ));
            }
            Some(_) if has_time => return Err(wrong("a query has at most one time dimension")),
            Some(unit) => {
                has_time = true;
                dimensions.push(Grouped::Time(unit));
            }
            None => {
                let property = Property::parse(name).map_err(|hint| wrong(&hint))?;
                dimensions.push(Grouped::Property(property));
            }
        }
    }
    Ok(dimensions)
}

fn wanted(value: Option<&Value>) -> Result<Wanted, Refused> {
    let wanted = match value {
        Some(Value::String(name)) => Wanted::parse(name),
        Some(Value::Array(pair)) => pair_of(pair),
        _ => return Err(Refused::missing("date_range", value, RANGES)),
    };
    wanted.ok_or_else(|| {
        let value = value.unwrap_or(&Value::Null);
        Refused::at("#/date_range", "Invalid date range", value, RANGES)
    })
}

fn pair_of(pair: &[Value]) -> Option<Wanted> {
    match pair {
        [Value::String(from), Value::String(to)] => Wanted::between(from, to),
        _ => None,
    }
}

fn pagination(value: Option<&Value>) -> Result<(usize, usize), Refused> {
    let Some(value) = value.filter(|value| !value.is_null()) else { return Ok((LIMIT, 0)) };
    let hint = format!("write {{\"limit\": 100, \"offset\": 0}}, with a limit from 1 to {LIMIT}");
    let wrong = |at: &str, value: &Value| Refused::at(at, "Invalid pagination", value, &hint);
    let Some(map) = value.as_object() else { return Err(wrong("#/pagination", value)) };
    let (mut limit, mut offset) = (LIMIT, 0);
    for (key, value) in map {
        let at = format!("#/pagination/{}", crate::platform::sanitize::clean(key, 100));
        let number = value.as_u64().and_then(|number| usize::try_from(number).ok());
        match (key.as_str(), number) {
            ("limit", Some(number @ 1..=LIMIT)) => limit = number,
            ("offset", Some(number)) => offset = number,
            _ => return Err(wrong(&at, value)),
        }
    }
    Ok((limit, offset))
}

/// What comparisons are asked for: `comparisons` is an object; `compare` and `compare_match_day_of_week` are
/// its fields, as Plausible's dashboard asks for them.
fn include(value: Option<&Value>) -> Result<Include, Refused> {
    let mut include = Include::default();
    let Some(value) = value.filter(|value| !value.is_null()) else { return Ok(include) };
    let Some(map) = value.as_object() else {
        let hint = "write an object, such as {\"total_rows\": true}";
        return Err(Refused::at("#/include", "Invalid include", value, hint));
    };
    let (mut against, mut same_weekday) = (None, false);
    for (key, value) in map {
        let at = format!("#/include/{}", crate::platform::sanitize::clean(key, 100));
        let flag = || {
            let is_off = value.is_null();
            let flag = value.as_bool().or_else(|| is_off.then_some(false));
            flag.ok_or_else(|| Refused::at(&at, "Invalid include", value, "write true or false"))
        };
        match key.as_str() {
            "imports" => include.imports = flag()?,
            "time_labels" => include.time_labels = flag()?,
            "total_rows" => include.total_rows = flag()?,
            "trim_relative_date_range" => include.trim = flag()?,
            "compare" if value.is_null() => {}
            "compare" => against = Some(mode(value, value, &at)?),
            "compare_match_day_of_week" => same_weekday = flag()?,
            "comparisons" if value.is_null() => {}
            "comparisons" => (against, same_weekday) = comparisons(value, &at)?,
            _ => {
                return Err(Refused::new(format!(
                    "{at}: there is no such key; use imports, time_labels, total_rows, \
                     trim_relative_date_range or comparisons"
                )));
            }
        }
    }
    include.compare = against.map(|against| (against, same_weekday));
    Ok(include)
}

fn comparisons(value: &Value, at: &str) -> Result<(Option<Against>, bool), Refused> {
    let hint = "write {\"mode\": \"previous_period\", \"match_day_of_week\": true}, with the mode \
                previous_period, year_over_year, or custom and a \"date_range\"";
    let wrong = || Refused::at(at, "Invalid comparisons", value, hint);
    let map = value.as_object().ok_or_else(wrong)?;
    let known = ["mode", "date_range", "match_day_of_week"];
    if map.keys().any(|key| !known.contains(&key.as_str())) {
        return Err(wrong());
    }
    let same_weekday = match map.get("match_day_of_week") {
        None => false,
        Some(flag) => flag.as_bool().ok_or_else(wrong)?,
    };
    let chosen = map.get("mode").ok_or_else(wrong)?;
    let chosen = match (chosen.as_str(), map.get("date_range")) {
        (Some("custom"), Some(range)) => range,
        (Some("custom"), None) => return Err(wrong()),
        (Some(_), None) => chosen,
        _ => return Err(wrong()),
    };
    Ok((Some(mode(chosen, value, at)?), same_weekday))
}

/// A mode, or two days.
fn mode(mode: &Value, whole: &Value, at: &str) -> Result<Against, Refused> {
    let against = match mode {
        Value::String(name) if name == "previous_period" => Some(Against::Previous),
        Value::String(name) if name == "year_over_year" => Some(Against::YearBefore),
        Value::Array(pair) => match pair_of(pair) {
            Some(Wanted::Days(from, to)) => Some(Against::Days(from, to)),
            _ => None,
        },
        _ => None,
    };
    let hint = "use previous_period, year_over_year, or two days such as \
                [\"2026-01-01\", \"2026-01-31\"]";
    against.ok_or_else(|| Refused::at(at, "Invalid comparisons", whole, hint))
}
