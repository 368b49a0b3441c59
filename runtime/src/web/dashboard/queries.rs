//! Queries of a page: the report, and the numbers that only the page shows.

use std::collections::{BTreeSet, HashMap};

use futures_util::future;

use super::card_specs;
use super::heatmap::Week;
use super::params::Params;
use crate::query::Query;
use crate::query::condition::{Condition, Filter, Operator};
use crate::query::dimension::{Dimension, Key};
use crate::query::engine::{Engine, GroupBy};
use crate::query::reader::{ReadError, Reader};
use crate::query::report::{Missing, Report, ReportRequest, Table};
use crate::segment::column::Column;
use crate::storage::Store;
use crate::storage::hour::utc_start;
use footfall_infra::settings::{Reached, Site};

/// Maximum rows of a table on its own page.
pub(super) const ALL_ROWS: usize = 1000;

/// Maximum number of event properties offered.
const PROPS: usize = 20;

/// Parts of a page that need numbers beyond the totals.
#[derive(Debug, Clone, Default)]
pub(super) struct Wanted {
    /// Keys of the tables.
    pub tables: Vec<Key>,
    /// Whether to count the hours of the week.
    pub has_week: bool,
    /// Whether to count the properties of events.
    pub has_props: bool,
    /// Maximum rows of a table.
    pub limit: usize,
}

impl Wanted {
    /// Returns what a page needs. Sorting a table needs all of its rows.
    #[must_use]
    pub(super) fn of_page(site: &Site, state: &Params) -> Self {
        let is_whole = state.show.is_none();
        Self {
            tables: card_specs::tables(site, state),
            has_week: is_whole,
            has_props: is_whole && event(site, state).is_some(),
            limit: if state.sort.is_some() { usize::MAX } else { ALL_ROWS },
        }
    }
}

/// Numbers of a page.
#[derive(Debug)]
pub(super) struct Numbers {
    /// The report. Its tables of properties come last.
    pub report: Report,
    /// Hours of the week, if wanted and if the period is neither too short nor too long.
    pub week: Option<Week>,
    /// Denominators of conversion rates. `None` if no filter is a goal.
    pub base: Option<Base>,
}

impl Numbers {
    /// Denominators of conversion rates, if every hit of the report reaches a goal.
    #[must_use]
    pub(super) fn conversions(&self) -> Option<&Base> {
        self.base.as_ref().filter(|base| base.has_conversions_only)
    }
}

/// Denominators of conversion rates: the visitors who match the filters other than goals.
#[derive(Debug)]
pub(super) struct Base {
    /// The report without the filters by goals. Its tables are in `tables`.
    pub report: Report,
    /// Visitors by key and value.
    tables: HashMap<Key, HashMap<Option<String>, u64>>,
    /// Whether the filters leave nothing but hits that reach a goal.
    has_conversions_only: bool,
}

impl Base {
    fn new(mut report: Report, has_conversions_only: bool) -> Self {
        let visitors = |table: Table| {
            let rows = table.rows.into_iter().map(|row| (row.value, row.metrics.visitors));
            (table.key, rows.collect())
        };
        let tables = std::mem::take(&mut report.tables).into_iter().map(visitors).collect();
        Self { report, tables, has_conversions_only }
    }

    /// Returns the visitors of a table's row.
    #[must_use]
    pub(super) fn of(&self, key: &Key, value: Option<&str>) -> Option<u64> {
        self.tables.get(key)?.get(&value.map(str::to_owned)).copied()
    }
}

/// Queries the numbers of a page.
///
/// # Errors
/// If the store cannot be read.
pub(super) async fn ask<S: Store>(
    reader: &Reader<'_, S>,
    query: &Query,
    wanted: &Wanted,
) -> Result<Numbers, ReadError> {
    let asked = ReportRequest::of(query, &wanted.tables, reader.now);
    let mut plan = asked.plan();
    let since = reader.checkpoint.first_day().and_then(|day| utc_start(day).ok());
    let week = wanted.has_week.then(|| Week::of(&query.period, since, reader.now)).flatten();
    let mut others = Vec::new();
    others.extend(week.as_ref().map(Week::grouping));
    // Querying any property loads the dictionary of properties, which has their names.
    others.extend(wanted.has_props.then(|| GroupBy::by(Key::Prop(String::new()))));
    let last = others.len();
    if let Some(span) = plan.spans.first_mut() {
        span.groupings.extend(others);
    }
    let mut plans = vec![plan];
    let base_query = without_goals(&query.conditions)
        .map(|conditions| Query { period: query.period.clone(), conditions });
    let base =
        base_query.as_ref().map(|query| ReportRequest::of(query, &wanted.tables, reader.now));
    plans.extend(base.as_ref().map(ReportRequest::plan));
    let mut engine = Engine::new(reader.site, plans)?;
    let read = async { reader.scan(&mut engine).await.map_err(ReadError::from) };
    let (missing, now) = future::try_join(read, reader.visitors_now()).await?;
    let props = if wanted.has_props { props(&engine) } else { Vec::new() };
    let mut plans = engine.finish().into_iter();
    let mut found = plans.next().unwrap_or_default();
    let mut others = Vec::new();
    if let Some(span) = found.first_mut() {
        others = span.groups.split_off(span.groups.len().saturating_sub(last));
    }
    let week = week.map(|week| week.counted(others.first().map_or(&[], Vec::as_slice)));
    let base = base.zip(plans.next()).map(|(base, found)| {
        let report = base.report(reader.site, found, 0, Missing::default(), usize::MAX);
        Base::new(report, are_conversions(&query.conditions))
    });
    let mut report = asked.report(reader.site, found, now, missing, wanted.limit);
    if !props.is_empty() {
        // Their names are known only now, so they need a second query.
        report.tables.extend(reader.report(query, &props, wanted.limit).await?.tables);
    }
    Ok(Numbers { report, week, base })
}

/// Returns the properties of all events in the report.
fn props(engine: &Engine<'_>) -> Vec<Key> {
    let texts = engine.dictionaries.of(Column::Props).iter().filter_map(|(_, text)| text);
    let mut names = BTreeSet::new();
    for text in texts {
        let props: serde_json::Map<String, serde_json::Value> =
            serde_json::from_str(text).unwrap_or_default();
        names.extend(props.into_iter().map(|(name, _)| name).filter(|name| !name.is_empty()));
    }
    names.into_iter().take(PROPS).map(Key::Prop).collect()
}

/// Returns the conditions that do not involve goals. `None` if no condition does.
fn without_goals(conditions: &[Condition]) -> Option<Vec<Condition>> {
    let is_of_goals = |condition: &Condition| condition.is_of(|key| *key == Key::Goal);
    let has_goals = Condition::flat(conditions).any(is_of_goals);
    has_goals.then(|| Condition::without(conditions, is_of_goals))
}

/// Returns whether every hit that matches the conditions reaches a goal.
///
/// It does not if a goal is excluded, or if whole visits match.
fn are_conversions(conditions: &[Condition]) -> bool {
    conditions.iter().any(|condition| match condition {
        Condition::Filter(filter) => filter.key == Key::Goal && !filter.operator.is_negative(),
        Condition::All(all) => are_conversions(all),
        Condition::Any(any) => {
            !any.is_empty() && any.iter().all(|it| are_conversions(std::slice::from_ref(it)))
        }
        Condition::Not(_) | Condition::Done(_) => false,
    })
}

/// Returns the event that the page is filtered by, as an event or as a goal. Properties are shown for one event only.
#[must_use]
pub(super) fn event<'a>(site: &'a Site, state: &'a Params) -> Option<&'a str> {
    state.filters.iter().find_map(|condition| {
        let Condition::Filter(Filter { operator: Operator::Is, key, values, .. }) = condition
        else {
            return None;
        };
        let [value] = values.as_slice() else { return None };
        match key {
            Key::Dimension(Dimension::Event) => Some(value.as_str()).filter(|it| !it.is_empty()),
            Key::Goal => {
                let goal = site.goals.iter().find(|goal| goal.name == *value)?;
                match &goal.reached_by {
                    Reached::Event(event) => Some(event.as_str()),
                    Reached::Page(_) => None,
                }
            }
            _ => None,
        }
    })
}

/// Returns the names of the properties that a report has tables of.
#[must_use]
pub(super) fn prop_names(report: &Report) -> Vec<String> {
    let name = |table: &Table| match &table.key {
        Key::Prop(name) => Some(name.clone()),
        _ => None,
    };
    report.tables.iter().filter_map(name).collect()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Denominators of a report that is filtered by a goal.
    pub(in crate::web::dashboard) fn conversions_of(report: Report) -> Base {
        Base::new(report, true)
    }

    use crate::web::dashboard::params::tests::state;
    use footfall_infra::settings::Settings;

    #[test]
    fn leaves_out_filters_by_goals() {
        let check = |conditions: &[&str], expected: Option<&[&str]>| {
            let conditions: Vec<_> = conditions.iter().map(|it| it.parse().unwrap()).collect();
            let kept = without_goals(&conditions);
            let kept: Option<Vec<_>> = kept.map(|it| it.iter().map(ToString::to_string).collect());
            assert_eq!(
                kept.as_deref(),
                expected
                    .map(|it| it.iter().map(ToString::to_string).collect::<Vec<_>>())
                    .as_deref()
            );
        };
        check(&["is,page,/"], None);
        check(&["is,page,/", "is,goal,A"], Some(&["is,page,/"]));
        check(&["all(is,page,/)(is,goal,A)"], Some(&["is,page,/"]));
        // A property belongs to an event, which need not be a goal.
        check(&["is,props:plan,pro"], None);
        check(&["done(any(is,goal,A)(is,goal,B))"], Some(&[]));
        check(&["any(is,goal,A)(is,page,/)"], None);
    }

    #[test]
    fn tells_conversions_from_other_hits() {
        let check = |conditions: &[&str], expected: bool| {
            let parsed: Vec<_> = conditions.iter().map(|it| it.parse().unwrap()).collect();
            assert_eq!(are_conversions(&parsed), expected, "{conditions:?}");
        };
        check(&[], false);
        check(&["is,page,/"], false);
        check(&["is,page,/", "is,goal,A"], true);
        check(&["contains,goal,A"], true);
        check(&["is_not,goal,A"], false);
        check(&["not(is,goal,A)"], false);
        check(&["done(is,goal,A)"], false);
        check(&["all(is,page,/)(is,goal,A)"], true);
        check(&["any(is,page,/)(is,goal,A)"], false);
        check(&["any(is,goal,B)(is,goal,A)"], true);
    }

    #[test]
    fn shows_properties_of_one_event() {
        let yaml = "sites: [{domain: a.example, goals: [{event: signup}, {page: /thanks}]}]";
        let site = Settings::from_yaml(yaml).unwrap().sites.remove(0);
        let check = |condition: &str, expected: Option<&str>| {
            let state = state().with_filters(vec![condition.parse().unwrap()]);
            assert_eq!(event(&site, &state), expected, "{condition}");
        };
        check("is,event,play", Some("play"));
        check("is,event,play,stop", None);
        check("is_not,event,play", None);
        check("is,goal,signup", Some("signup"));
        check("is,goal,Visit /thanks", None);
        check("is,event,", None);
    }
}
