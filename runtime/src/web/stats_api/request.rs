//! The body of a v2 query, parsed once into a [`Question`] that can be answered.
//!
//! <https://plausible.io/docs/stats-api#request-structure>. Errors begin with the place in the body, as in
//! Plausible: `#/metrics/1: Invalid metric "baa"`.

use footfall_infra::settings::Site;
use jiff::civil::Date;
use serde_json::{Map, Value, json};

use crate::query::condition::Condition;
use crate::query::period::PeriodContext;
use crate::query::time_range::{TimeBucket, Unit};

use super::InvalidQuery;
use super::date_range::{self, ComparisonMode, DateRange, MAX_BUCKETS, RangeError, ResolvedRange};
use super::dimension::{Dimension, Property};
use super::filters::{self, FilterParser};
use super::metric::Metric;

/// Maximum number of rows, and the default.
const MAX_ROWS: usize = 10_000;

/// Maximum number of dimensions. Each one multiplies the rows.
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

/// A valid query.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Question {
    /// Metrics to return. Never empty.
    pub(super) metrics: Vec<Metric>,
    /// Dimensions to group by. At most one of them is time.
    pub(super) dimensions: Vec<Dimension>,
    /// Conditions that a hit must meet.
    pub(super) conditions: Vec<Condition>,
    /// Range of time.
    pub(super) time: QueryTime,
    /// Range to compare with.
    pub(super) compared: Option<QueryTime>,
    /// Order of the rows.
    pub(super) order: Vec<Order>,
    /// Maximum number of rows.
    pub(super) limit: usize,
    /// Number of rows to skip.
    pub(super) offset: usize,
    /// What to include in the response.
    pub(super) include: Include,
}

/// A range of time, with its buckets if the query has a time dimension.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct QueryTime {
    /// Range of time.
    pub(super) range: ResolvedRange,
    /// Time buckets. `None` without a time dimension.
    pub(super) buckets: Option<Vec<TimeBucket>>,
}

/// One criterion by which rows are ordered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Order {
    /// Column to sort by.
    pub(super) by: SortKey,
    /// Whether the largest value comes first.
    pub(super) is_descending: bool,
}

/// A column of the response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SortKey {
    /// Metric at this index.
    Metric(usize),
    /// Dimension at this index.
    Dimension(usize),
}

/// What to include in the response besides the rows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Include {
    /// Whether imports are included.
    pub(super) imports: bool,
    /// Names of all time buckets.
    pub(super) time_labels: bool,
    /// Total number of rows.
    pub(super) total_rows: bool,
    /// Cut off the future part of a day, month or year.
    pub(super) trim: bool,
    /// What to compare with, and whether to begin on the same day of the week.
    pub(super) compare: Option<(ComparisonMode, bool)>,
}

/// A range of time, with the context that it is relative to.
#[derive(Debug, Clone, Copy)]
pub(super) struct RelativeRange<'a> {
    /// Range as named in the request.
    pub(super) date_range: DateRange,
    /// Day that the range is relative to.
    pub(super) date: Date,
    /// Current time and time zone.
    pub(super) context: &'a PeriodContext<'a>,
}

/// A dimension as parsed. `Time(None)` chooses the unit by the length of the range.
enum DimensionArg {
    Time(Option<Unit>),
    Property(Property),
}

impl Question {
    /// Parses the body of `POST /api/v2/query`.
    ///
    /// # Errors
    /// If the body is invalid. The error says what is valid instead.
    pub(super) fn parse(
        body: &Map<String, Value>,
        site: &Site,
        context: &PeriodContext<'_>,
    ) -> Result<Self, InvalidQuery> {
        if let Some(key) = body.keys().find(|key| !KEYS.contains(&key.as_str())) {
            let near = if ["limit", "offset"].contains(&key.as_str()) {
                "write \"pagination\": {\"limit\": 100, \"offset\": 0}".to_owned()
            } else {
                format!("use {}", KEYS.join(", "))
            };
            let key = crate::platform::sanitize::clean(key, 100);
            return Err(InvalidQuery::new(format!("#/{key}: unknown key; {near}")));
        }
        let metrics = metrics(body.get("metrics"))?;
        let dimensions = dimensions(body.get("dimensions"))?;
        let filters = body.get("filters").filter(|filters| !filters.is_null());
        let conditions = match filters {
            Some(filters) => FilterParser::new(site).list(filters)?,
            None => Vec::new(),
        };
        let include = include(body.get("include"))?;
        let date_range = date_range(body.get("date_range"))?;
        let relative = RelativeRange { date_range, date: date_range::today(context), context };
        let (limit, offset) = pagination(body.get("pagination"))?;
        let mut question = Self::new(metrics, dimensions, conditions, &relative, include)?;
        if let Some(order) = body.get("order_by").filter(|order| !order.is_null()) {
            question.order = question.order_of(order)?;
        }
        Ok(Self { limit, offset, ..question })
    }

    fn new(
        metrics: Vec<Metric>,
        dimensions: Vec<DimensionArg>,
        conditions: Vec<Condition>,
        relative: &RelativeRange<'_>,
        include: Include,
    ) -> Result<Self, InvalidQuery> {
        let wrong = |error: RangeError| {
            InvalidQuery::new(format!("#/date_range: Invalid date range: {error}"))
        };
        let mut range = ResolvedRange::new(relative.date_range, relative.date, relative.context)
            .map_err(wrong)?;
        if include.trim {
            range = range.trimmed(relative.context);
        }
        let dimensions: Vec<Dimension> = dimensions
            .into_iter()
            .map(|dimension| match dimension {
                DimensionArg::Time(unit) => Dimension::Time(unit.unwrap_or_else(|| range.unit())),
                DimensionArg::Property(property) => Dimension::Property(property),
            })
            .collect();
        Self::of(metrics, dimensions, conditions, range, relative.context, include)
    }

    /// Creates a query with the default order and the default number of rows.
    ///
    /// # Errors
    /// If the parts do not fit together.
    pub(super) fn of(
        metrics: Vec<Metric>,
        dimensions: Vec<Dimension>,
        conditions: Vec<Condition>,
        range: ResolvedRange,
        context: &PeriodContext<'_>,
        include: Include,
    ) -> Result<Self, InvalidQuery> {
        let unit = dimensions.iter().find_map(|dimension| match dimension {
            Dimension::Time(unit) => Some(*unit),
            Dimension::Property(_) => None,
        });
        if include.time_labels && unit.is_none() {
            return Err(InvalidQuery::new(
                "#/include/time_labels: Invalid include.time_labels: requires a time dimension",
            ));
        }
        let time = |range: ResolvedRange| {
            let buckets = unit.map(|unit| {
                let refused = || {
                    let unit = unit.name();
                    InvalidQuery::new(format!(
                        "#/dimensions: time:{unit} has at most {MAX_BUCKETS} values: use a shorter \
                         date_range or a larger unit"
                    ))
                };
                range.buckets(unit, context.zone).ok_or_else(refused)
            });
            Ok::<_, InvalidQuery>(QueryTime { range, buckets: buckets.transpose()? })
        };
        let compared = include.compare.map(|(mode, same_weekday)| {
            let compared = range.compared(mode, same_weekday, context);
            compared.map_err(|error| InvalidQuery::new(format!("#/include/comparisons: {error}")))
        });
        let compared = compared.transpose()?.map(time).transpose()?;
        let is_goal = |it: &Dimension| it.property().is_some_and(Property::is_goal);
        let has_goal = dimensions.iter().any(is_goal) || filters::has_goal(&conditions);
        if let Some(metric) = metrics.iter().find(|metric| metric.is_of_conversions()) {
            let name = metric.name();
            if !has_goal {
                return Err(InvalidQuery::new(format!(
                    "#/metrics: Metric `{name}` can only be queried with event:goal filters or dimensions"
                )));
            }
            if filters::has_deep_conversion(&conditions) {
                return Err(InvalidQuery::new(format!(
                    "#/filters: With `{name}`, goals and custom properties can only be \
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
            limit: MAX_ROWS,
            offset: 0,
            include,
        };
        question.order = question.default_order();
        Ok(question)
    }

    /// Orders by time, then by the first metric, largest first.
    fn default_order(&self) -> Vec<Order> {
        let time = self.dimensions.iter().position(|it| matches!(it, Dimension::Time(_)));
        let time = time.map(|place| Order { by: SortKey::Dimension(place), is_descending: false });
        let first = Order { by: SortKey::Metric(0), is_descending: true };
        time.into_iter().chain([first]).collect()
    }

    fn order_of(&self, order: &Value) -> Result<Vec<Order>, InvalidQuery> {
        let hint = "write [[\"visitors\", \"desc\"]], with metrics and dimensions of this query";
        let Some(entries) = order.as_array() else {
            return Err(InvalidQuery::at("#/order_by", "Invalid order_by", order, hint));
        };
        let entry = |(place, entry): (usize, &Value)| {
            let at = format!("#/order_by/{place}");
            let wrong = || InvalidQuery::at(&at, "Invalid order_by entry", entry, hint);
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
        Ok(if orders.is_empty() { self.default_order() } else { orders })
    }

    fn column(&self, name: &str) -> Option<SortKey> {
        let metric = self.metrics.iter().position(|metric| metric.name() == name);
        let dimension = || {
            self.dimensions.iter().position(|dimension| {
                let is_time = matches!(dimension, Dimension::Time(_));
                dimension.name() == name || is_time && name == "time"
            })
        };
        metric.map(SortKey::Metric).or_else(|| dimension().map(SortKey::Dimension))
    }

    /// Returns the query as the response repeats it, with defaults filled in.
    #[must_use]
    pub(super) fn echo(&self, site: &Site, body: &Map<String, Value>) -> Value {
        let names: Vec<String> = self.dimensions.iter().map(Dimension::name).collect();
        let order: Vec<Value> = self
            .order
            .iter()
            .map(|order| {
                let name = match order.by {
                    SortKey::Metric(place) => {
                        self.metrics.get(place).map(|metric| metric.name().into())
                    }
                    SortKey::Dimension(place) => names.get(place).cloned(),
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
            "date_range": self.time.range.bounds(&site.time_zone),
            "filters": body.get("filters").filter(|it| !it.is_null()).unwrap_or(&json!([])),
            "dimensions": names,
            "order_by": order,
            "include": include.unwrap_or_default(),
            "pagination": { "limit": self.limit, "offset": self.offset },
        })
    }
}

fn metrics(value: Option<&Value>) -> Result<Vec<Metric>, InvalidQuery> {
    let Some(list) = value.and_then(Value::as_array).filter(|list| !list.is_empty()) else {
        let hint = "write a list of at least one, such as [\"visitors\", \"pageviews\"]";
        return Err(InvalidQuery::missing("metrics", value, hint));
    };
    let mut metrics = Vec::new();
    for (place, value) in list.iter().enumerate() {
        let wrong = |hint: &str| {
            InvalidQuery::at(&format!("#/metrics/{place}"), "Invalid metric", value, hint)
        };
        let name = value.as_str().ok_or_else(|| wrong("write its name"))?;
        let metric = Metric::parse(name).map_err(|hint| wrong(&hint))?;
        if metrics.contains(&metric) {
            return Err(InvalidQuery::new(
                "#/metrics: Expected items to be unique but they were not.",
            ));
        }
        metrics.push(metric);
    }
    Ok(metrics)
}

fn dimensions(value: Option<&Value>) -> Result<Vec<DimensionArg>, InvalidQuery> {
    let Some(value) = value.filter(|value| !value.is_null()) else { return Ok(Vec::new()) };
    let Some(list) = value.as_array() else {
        let hint = "write a list, such as [\"event:page\"]";
        return Err(InvalidQuery::at("#/dimensions", "Invalid dimensions", value, hint));
    };
    if list.len() > MAX_DIMENSIONS {
        return Err(InvalidQuery::new(format!("#/dimensions: use at most {MAX_DIMENSIONS}")));
    }
    let mut has_time = false;
    let mut dimensions = Vec::new();
    for (place, value) in list.iter().enumerate() {
        let wrong = |hint: &str| {
            InvalidQuery::at(&format!("#/dimensions/{place}"), "Invalid dimension", value, hint)
        };
        if list[..place].contains(value) {
            return Err(InvalidQuery::new(
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
                dimensions.push(DimensionArg::Time(unit));
            }
            None => {
                let property = Property::parse(name).map_err(|hint| wrong(&hint))?;
                dimensions.push(DimensionArg::Property(property));
            }
        }
    }
    Ok(dimensions)
}

fn date_range(value: Option<&Value>) -> Result<DateRange, InvalidQuery> {
    let date_range = match value {
        Some(Value::String(name)) => DateRange::parse(name),
        Some(Value::Array(pair)) => pair_of(pair),
        _ => return Err(InvalidQuery::missing("date_range", value, RANGES)),
    };
    date_range.ok_or_else(|| {
        let value = value.unwrap_or(&Value::Null);
        InvalidQuery::at("#/date_range", "Invalid date range", value, RANGES)
    })
}

fn pair_of(pair: &[Value]) -> Option<DateRange> {
    match pair {
        [Value::String(from), Value::String(to)] => DateRange::between(from, to),
        _ => None,
    }
}

fn pagination(value: Option<&Value>) -> Result<(usize, usize), InvalidQuery> {
    let Some(value) = value.filter(|value| !value.is_null()) else { return Ok((MAX_ROWS, 0)) };
    let hint =
        format!("write {{\"limit\": 100, \"offset\": 0}}, with a limit from 1 to {MAX_ROWS}");
    let wrong = |at: &str, value: &Value| InvalidQuery::at(at, "Invalid pagination", value, &hint);
    let Some(map) = value.as_object() else { return Err(wrong("#/pagination", value)) };
    let (mut limit, mut offset) = (MAX_ROWS, 0);
    for (key, value) in map {
        let at = format!("#/pagination/{}", crate::platform::sanitize::clean(key, 100));
        let number = value.as_u64().and_then(|number| usize::try_from(number).ok());
        match (key.as_str(), number) {
            ("limit", Some(number @ 1..=MAX_ROWS)) => limit = number,
            ("offset", Some(number)) => offset = number,
            _ => return Err(wrong(&at, value)),
        }
    }
    Ok((limit, offset))
}

/// Parses `include`. A comparison is the object `comparisons`, or `compare` and `compare_match_day_of_week` as in
/// requests of Plausible's dashboard.
fn include(value: Option<&Value>) -> Result<Include, InvalidQuery> {
    let mut include = Include::default();
    let Some(value) = value.filter(|value| !value.is_null()) else { return Ok(include) };
    let Some(map) = value.as_object() else {
        let hint = "write an object, such as {\"total_rows\": true}";
        return Err(InvalidQuery::at("#/include", "Invalid include", value, hint));
    };
    let (mut mode, mut same_weekday) = (None, false);
    for (key, value) in map {
        let at = format!("#/include/{}", crate::platform::sanitize::clean(key, 100));
        let flag = || {
            let is_off = value.is_null();
            let flag = value.as_bool().or_else(|| is_off.then_some(false));
            flag.ok_or_else(|| {
                InvalidQuery::at(&at, "Invalid include", value, "write true or false")
            })
        };
        match key.as_str() {
            "imports" => include.imports = flag()?,
            "time_labels" => include.time_labels = flag()?,
            "total_rows" => include.total_rows = flag()?,
            "trim_relative_date_range" => include.trim = flag()?,
            "compare" if value.is_null() => {}
            "compare" => mode = Some(comparison_mode(value, value, &at)?),
            "compare_match_day_of_week" => same_weekday = flag()?,
            "comparisons" if value.is_null() => {}
            "comparisons" => (mode, same_weekday) = comparisons(value, &at)?,
            _ => {
                return Err(InvalidQuery::new(format!(
                    "{at}: unknown key; use imports, time_labels, total_rows, \
                     trim_relative_date_range or comparisons"
                )));
            }
        }
    }
    include.compare = mode.map(|mode| (mode, same_weekday));
    Ok(include)
}

fn comparisons(value: &Value, at: &str) -> Result<(Option<ComparisonMode>, bool), InvalidQuery> {
    let hint = "write {\"mode\": \"previous_period\", \"match_day_of_week\": true}, with the mode \
                previous_period, year_over_year, or custom and a \"date_range\"";
    let wrong = || InvalidQuery::at(at, "Invalid comparisons", value, hint);
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
    Ok((Some(comparison_mode(chosen, value, at)?), same_weekday))
}

/// Parses a mode of comparison, or two days.
fn comparison_mode(mode: &Value, whole: &Value, at: &str) -> Result<ComparisonMode, InvalidQuery> {
    let mode = match mode {
        Value::String(name) if name == "previous_period" => Some(ComparisonMode::PreviousPeriod),
        Value::String(name) if name == "year_over_year" => Some(ComparisonMode::YearOverYear),
        Value::Array(pair) => match pair_of(pair) {
            Some(DateRange::Days(from, to)) => Some(ComparisonMode::Days(from, to)),
            _ => None,
        },
        _ => None,
    };
    let hint = "use previous_period, year_over_year, or two days such as \
                [\"2026-01-01\", \"2026-01-31\"]";
    mode.ok_or_else(|| InvalidQuery::at(at, "Invalid comparisons", whole, hint))
}
