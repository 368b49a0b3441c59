//! docs/definitions.md as a program: slow, obvious, and written from that page alone. It sees hits as lists of
//! strings and knows nothing of how the engine counts.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use footfall_infra::settings::TimeZone;
use footfall_runtime::hit::channel::{AcquisitionParams, channel};
use footfall_runtime::hit::{Hit, Kind};
use footfall_runtime::query::condition::Operator;
use footfall_runtime::query::dimension::{Dimension, Key};
use footfall_runtime::query::metrics::Metrics;
use footfall_runtime::query::report::{Bucket, ExcludedRow, Report, Row, Table};
use footfall_runtime::query::time_range::Unit;
use jiff::civil::{Date, date};
use jiff::{SignedDuration, Timestamp, ToSpan as _, tz};

use super::world::{Ask, FilterText, Question, Stored, Tree, World};

const PAUSE: SignedDuration = SignedDuration::from_mins(30);
const NOW: SignedDuration = SignedDuration::from_mins(5);

/// A hit with a string for everything it can be filtered by. An empty string means no value.
#[derive(Clone)]
struct Seen {
    at: Timestamp,
    /// Visitor and UTC day.
    visitor: String,
    event: String,
    page: String,
    host: String,
    /// Values of the dimensions that a visit takes from its first hit.
    others: BTreeMap<&'static str, String>,
    props: Vec<(String, String)>,
    /// Milliseconds that its page was viewed, and how far it was scrolled, according to engagements.
    engaged: u64,
    scrolled: Option<u64>,
}

struct Visit {
    hits: Vec<Seen>,
}

/// A half-open range of time.
type Range = (Timestamp, Timestamp);

/// The report that the page demands.
pub(crate) fn report(world: &World, question: &Question, first: Option<Date>) -> Report {
    let zone = &world.site().time_zone;
    let days = Days::of(question, zone, first);
    let visits = visits(world);
    let filters = distinct(&question.filters);
    let all = |_: &Visit, _: &Seen| true;
    let range = (day_start(days.from, zone), day_start(next(days.to), zone));
    let (unit, starts) = bars(&days, zone);
    let ends = starts.iter().skip(1).map(|(at, _)| *at).chain([range.1]);
    let bars = starts.iter().zip(ends).map(|((at, name), end)| Bucket {
        at: name.clone(),
        metrics: tally(&visits, (*at, end), &filters, all),
    });
    let before = before(&days, range, question.now, zone);
    let bars_before = before.map(|range| bars_before(&days, range, unit, zone)).unwrap_or_default();
    let ends = bars_before.iter().skip(1).map(|(at, _)| *at).chain(before.map(|range| range.1));
    let bars_before = bars_before.iter().zip(ends).map(|((at, name), end)| Bucket {
        at: name.clone(),
        metrics: tally(&visits, (*at, end), &filters, all),
    });
    let keys = Dimension::ALL.into_iter().map(Key::Dimension).chain([Key::Goal]);
    let tables = keys.filter_map(|key| {
        let table = table(&visits, range, &filters, &key, question.limit);
        (!table.rows.is_empty()).then_some(table)
    });
    Report {
        site: world.site().domain.to_string(),
        time_zone: zone.name().to_owned(),
        period: question.ask.name(),
        from: days.from,
        to: days.to,
        filters: filters.iter().map(|filter| filter.text()).collect(),
        now: now(&visits, question.now),
        totals: tally(&visits, range, &filters, all),
        previous: before.map(|range| tally(&visits, range, &filters, all)),
        unit,
        buckets: bars.collect(),
        previous_buckets: bars_before.collect(),
        tables: tables.collect(),
        excluded: filtered(world, range),
        unreadable: 0,
        incomplete: Vec::new(),
    }
}

/// "Hits of one visitor without a pause of 30 minutes or more […]. A UTC day's end ends it."
fn visits(world: &World) -> Vec<Visit> {
    let mut stored: Vec<&Stored> = world.records.iter().collect();
    stored.sort_by_key(|stored| (stored.at, stored.key.sk.clone()));
    let mut by_visitor: BTreeMap<String, Vec<Seen>> = BTreeMap::new();
    for stored in stored {
        let domain = world.site().domain.as_str();
        match &stored.kind {
            Kind::Hit(hit) => {
                let seen = seen(stored.at, hit, domain);
                by_visitor.entry(seen.visitor.clone()).or_default().push(seen);
            }
            // "It belongs to the visitor's last view of that page before it, on the same UTC day."
            Kind::Engagement(said) => {
                let day = stored.at.to_zoned(tz::TimeZone::UTC).date();
                let hits = by_visitor.entry(format!("{day} {:?}", said.visitor)).or_default();
                let page = format!("{}{}", said.host.as_deref().unwrap_or_default(), said.page);
                let is_view = |hit: &&mut Seen| hit.event.is_empty() && hit.page == page;
                if let Some(view) = hits.iter_mut().rev().find(is_view) {
                    view.engaged += u64::from(said.engaged);
                    view.scrolled = view.scrolled.max(said.scroll.map(u64::from));
                }
            }
            Kind::Excluded(_) => {}
        }
    }
    let mut visits: Vec<Visit> = Vec::new();
    for hits in by_visitor.into_values() {
        let mut last: Option<Timestamp> = None;
        for hit in hits {
            let at = hit.at;
            match (last, visits.last_mut()) {
                (Some(last), Some(visit)) if last.duration_until(at) < PAUSE => {
                    visit.hits.push(hit);
                }
                _ => visits.push(Visit { hits: vec![hit] }),
            }
            last = Some(at);
        }
    }
    visits
}

fn seen(at: Timestamp, hit: &Hit, domain: &str) -> Seen {
    let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
    let day = at.to_zoned(tz::TimeZone::UTC).date();
    let others = [
        ("source", text(hit.source.as_deref())),
        ("referrer", text(hit.referrer.as_deref())),
        ("utm_source", text(hit.campaign.source.as_deref())),
        ("utm_medium", text(hit.campaign.medium.as_deref())),
        ("utm_campaign", text(hit.campaign.name.as_deref())),
        ("utm_term", text(hit.campaign.term.as_deref())),
        ("utm_content", text(hit.campaign.content.as_deref())),
        ("country", text(hit.country.as_ref().map(|country| country.as_str()))),
        ("browser", text(hit.browser.as_deref())),
        ("browser_version", text(hit.browser_version.as_deref())),
        ("os", text(hit.os.as_deref())),
        ("os_version", text(hit.os_version.as_deref())),
        ("device", text(hit.device.map(|device| device.as_str()))),
        ("screen", text(hit.screen.map(|screen| screen.as_str()))),
        // src/hit/channel.rs defines channels, and has its own tests.
        (
            "channel",
            channel(&AcquisitionParams {
                source: hit.source.as_deref(),
                utm_source: hit.campaign.source.as_deref(),
                utm_medium: hit.campaign.medium.as_deref(),
                utm_campaign: hit.campaign.name.as_deref(),
            })
            .to_owned(),
        ),
    ];
    Seen {
        at,
        visitor: format!("{day} {:?}", hit.visitor),
        event: text(hit.event.as_deref()),
        page: format!("{}{}", hit.host.as_deref().unwrap_or_default(), hit.page),
        host: hit.host.clone().unwrap_or_else(|| domain.to_owned()),
        others: BTreeMap::from(others),
        props: hit.props.clone(),
        engaged: 0,
        scrolled: None,
    }
}

impl Visit {
    fn begin(&self) -> Timestamp {
        self.hits[0].at
    }

    fn views(&self) -> Vec<&Seen> {
        self.hits.iter().filter(|hit| hit.event.is_empty()).collect()
    }

    /// "A visit of one page view and nothing else: no second view, no event."
    fn is_bounce(&self) -> bool {
        self.hits.len() == 1 && self.views().len() == 1
    }

    /// "The time between the first and the last hit of a visit, and as long as that one's page was looked
    /// at."
    fn millis(&self) -> u64 {
        let last = self.hits.last().unwrap();
        last.at.as_millisecond().abs_diff(self.begin().as_millisecond()) + last.engaged
    }

    /// A hit's value of a key; empty or missing if it has none.
    fn values(&self, hit: &Seen, key: &Key) -> Vec<String> {
        match key {
            Key::Dimension(dimension) => vec![self.value(hit, *dimension)],
            Key::Prop(name) => {
                let prop = hit.props.iter().find(|(other, _)| other == name);
                prop.map(|(_, value)| value.clone()).into_iter().collect()
            }
            // As world.rs names them.
            Key::Goal => {
                let is_view = hit.event.is_empty();
                let goals = [
                    ("click", hit.event == "click"),
                    ("Visit /a*", is_view && hit.page.starts_with("/a")),
                    ("A", is_view && hit.page.ends_with("/a")),
                ];
                let reached = goals.into_iter().filter(|(_, is_reached)| *is_reached);
                reached.map(|(name, _)| name.to_owned()).collect()
            }
        }
    }

    fn value(&self, hit: &Seen, dimension: Dimension) -> String {
        let page = |view: Option<&&Seen>| view.map_or_else(String::new, |view| view.page.clone());
        match dimension {
            Dimension::Page => hit.page.clone(),
            Dimension::Host => hit.host.clone(),
            Dimension::Event => hit.event.clone(),
            Dimension::EntryPage => page(self.views().first()),
            Dimension::ExitPage => page(self.views().last()),
            other => self.hits[0].others[other.name()].clone(),
        }
    }
}

/// "A hit is selected if every condition holds for it."
fn is_selected(visit: &Visit, hit: &Seen, filters: &[&Tree]) -> bool {
    filters.iter().all(|tree| holds(visit, hit, tree))
}

fn holds(visit: &Visit, hit: &Seen, tree: &Tree) -> bool {
    match tree {
        Tree::All(inner) => inner.iter().all(|tree| holds(visit, hit, tree)),
        Tree::Any(inner) => inner.iter().any(|tree| holds(visit, hit, tree)),
        Tree::Not(inner) => !holds(visit, hit, inner),
        // "It holds for some hit of the visit."
        Tree::Done(inner) => visit.hits.iter().any(|hit| holds(visit, hit, inner)),
        Tree::Filter(filter) => filter_holds(visit, hit, filter),
    }
}

/// [`Visit::values`] knows whether the key belongs to hits or visits. A missing value compares as the empty string.
fn filter_holds(visit: &Visit, hit: &Seen, filter: &FilterText) -> bool {
    let mut found = visit.values(hit, &filter.key);
    if found.is_empty() {
        found.push(String::new());
    }
    let is = |wanted: &String| found.contains(wanted);
    // "The empty value […] is a part of nothing."
    let is_part =
        |part: &String| !part.is_empty() && found.iter().any(|value| value.contains(part.as_str()));
    let is_match = |regex: &String| {
        let regex = regex_lite::Regex::new(regex).unwrap();
        found.iter().any(|value| !value.is_empty() && regex.is_match(value))
    };
    let mut values = filter.values.iter();
    match filter.operator {
        Operator::Is => values.any(is),
        Operator::IsNot => !values.any(is),
        Operator::Contains => values.any(is_part),
        Operator::ContainsNot => !values.any(is_part),
        Operator::Matches => values.any(is_match),
        Operator::MatchesNot => !values.any(is_match),
    }
}

/// The numbers of a range for the selected hits that are `of_row`.
fn tally(
    visits: &[Visit],
    (from, to): Range,
    filters: &[&Tree],
    of_row: impl Fn(&Visit, &Seen) -> bool,
) -> Metrics {
    let is_in = |at: Timestamp| from <= at && at < to;
    let mut tally = Metrics::default();
    let mut visitors = BTreeSet::new();
    for visit in visits {
        let is_selected = |hit: &&Seen| is_selected(visit, hit, filters) && of_row(visit, hit);
        let selected: Vec<&Seen> = visit.hits.iter().filter(is_selected).collect();
        for hit in selected.iter().filter(|hit| is_in(hit.at)) {
            visitors.insert(hit.visitor.clone());
            tally.engaged += hit.engaged;
            tally.engagements += u64::from(hit.engaged > 0);
            tally.scrolled += hit.scrolled.unwrap_or(0);
            tally.scrolls += u64::from(hit.scrolled.is_some());
            if hit.event.is_empty() {
                tally.views += 1;
            } else {
                tally.events += 1;
            }
        }
        if is_in(visit.begin()) && !selected.is_empty() {
            tally.visits += 1;
            tally.bounces += u64::from(visit.is_bounce());
            tally.duration += visit.millis();
        }
    }
    tally.visitors = visitors.len() as u64;
    tally
}

fn table(visits: &[Visit], range: Range, filters: &[&Tree], key: &Key, limit: usize) -> Table {
    let has_row_of_none = ["source", "channel", "country", "browser", "os", "device", "screen"];
    let name = key.to_string();
    let is_by_visits = ["entry_page", "exit_page"].contains(&name.as_str());
    let mut values = BTreeSet::new();
    for visit in visits {
        for hit in &visit.hits {
            values.extend(visit.values(hit, key));
        }
    }
    if !has_row_of_none.contains(&name.as_str()) {
        values.remove("");
    }
    let mut rows: Vec<(String, Metrics)> = Vec::new();
    for value in values {
        let of_row = |visit: &Visit, hit: &Seen| visit.values(hit, key).contains(&value);
        let tally = tally(visits, range, filters, of_row);
        if tally != Metrics::default() {
            rows.push((value, tally));
        }
    }
    rows.sort_by_key(|(value, tally)| {
        let first = if is_by_visits { tally.visits } else { tally.visitors };
        let numbers = [first, tally.visitors, tally.views, tally.events, tally.visits];
        (numbers.map(std::cmp::Reverse), value.clone())
    });
    let more = rows.len().saturating_sub(limit) as u64;
    let rows = rows.into_iter().take(limit).map(|(value, tally)| {
        let value = (!value.is_empty()).then_some(value);
        Row { value, metrics: tally }
    });
    Table { key: key.clone(), rows: rows.collect(), more }
}

/// "Visitors with a hit in the last 5 minutes, whatever else is asked for."
fn now(visits: &[Visit], now: Timestamp) -> u64 {
    let since = now - NOW;
    let hits = visits.iter().flat_map(|visit| &visit.hits).filter(|hit| hit.at >= since);
    hits.map(|hit| hit.visitor.as_str()).collect::<BTreeSet<_>>().len() as u64
}

fn filtered(world: &World, (from, to): Range) -> Vec<ExcludedRow> {
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    for stored in world.records.iter().filter(|stored| from <= stored.at && stored.at < to) {
        if let Kind::Excluded(filtered) = &stored.kind {
            *counts.entry(filtered.reason.to_string()).or_default() += 1;
        }
    }
    let rows = counts.into_iter().map(|(reason, count)| ExcludedRow { reason, count });
    let mut rows: Vec<ExcludedRow> = rows.collect();
    rows.sort_by_key(|row| (std::cmp::Reverse(row.count), row.reason.clone()));
    rows
}

fn distinct(filters: &[Tree]) -> Vec<&Tree> {
    let mut distinct: Vec<&Tree> = Vec::new();
    for filter in filters {
        if !distinct.iter().any(|other| other.text() == filter.text()) {
            distinct.push(filter);
        }
    }
    distinct
}

/// Days of a period.
struct Days<'a> {
    ask: &'a Ask,
    from: Date,
    to: Date,
}

impl<'a> Days<'a> {
    fn of(question: &'a Question, zone: &TimeZone, first: Option<Date>) -> Self {
        let local = |at: Timestamp| at.to_zoned(zone.rules().clone()).date();
        let today = local(question.now);
        let first = || first.map_or(today, |day| local(midnight(day)).min(today));
        let (from, to) = match question.ask {
            Ask::Today => (today, today),
            Ask::Yesterday => (today - 1.day(), today - 1.day()),
            Ask::Days(days) => (today - (days - 1).days(), today),
            Ask::Month => (date(today.year(), today.month(), 1), today),
            Ask::Year => (date(today.year(), 1, 1), today),
            Ask::All => (first(), today),
            Ask::Custom(from, to) => (from, to),
        };
        Self { ask: &question.ask, from, to }
    }

    fn count(&self) -> i64 {
        (midnight(self.to).as_second() - midnight(self.from).as_second()) / 86_400 + 1
    }
}

pub(crate) fn midnight(day: Date) -> Timestamp {
    day.at(0, 0, 0, 0).to_zoned(tz::TimeZone::UTC).unwrap().timestamp()
}

fn next(day: Date) -> Date {
    day + 1.day()
}

/// First minute of a day: the first at which the zone's clock shows that day or a later one. Found by trying every
/// minute.
pub(crate) fn day_start(day: Date, zone: &TimeZone) -> Timestamp {
    thread_local! {
        static FOUND: RefCell<HashMap<(String, Date), Timestamp>> = RefCell::default();
    }
    let key = (zone.name().to_owned(), day);
    let found = FOUND.with_borrow(|found| found.get(&key).copied());
    found.unwrap_or_else(|| {
        // No zone is further from UTC.
        let mut at = midnight(day) - SignedDuration::from_hours(16);
        while zone.rules().to_datetime(at).date() < day {
            at += SignedDuration::from_mins(1);
        }
        FOUND.with_borrow_mut(|found| found.insert(key, at));
        at
    })
}

/// "Bars are hours for one day, days for up to 100, else months."
fn bars(days: &Days<'_>, zone: &TimeZone) -> (Unit, Vec<(Timestamp, String)>) {
    let unit = match days.count() {
        1 => Unit::Hour,
        2..=100 => Unit::Day,
        _ => Unit::Month,
    };
    (unit, bars_of(days, unit, zone))
}

fn bars_of(days: &Days<'_>, unit: Unit, zone: &TimeZone) -> Vec<(Timestamp, String)> {
    match unit {
        Unit::Hour => {
            let (start, end) = (day_start(days.from, zone), day_start(next(days.from), zone));
            let mut starts = vec![start];
            let mut at = start + SignedDuration::from_hours(1);
            while at < end {
                starts.push(at);
                at += SignedDuration::from_hours(1);
            }
            let name = |at: Timestamp| {
                let local = at.to_zoned(zone.rules().clone());
                let offset = local.offset().seconds() / 60;
                let sign = if offset < 0 { '-' } else { '+' };
                let (hours, minutes) = (offset.abs() / 60, offset.abs() % 60);
                let (hour, minute) = (local.hour(), local.minute());
                format!("{}T{hour:02}:{minute:02}{sign}{hours:02}:{minutes:02}", local.date())
            };
            starts.into_iter().map(|at| (at, name(at))).collect()
        }
        unit => {
            let mut starts: Vec<(Timestamp, String)> = Vec::new();
            let mut day = days.from;
            while day <= days.to {
                let name = match unit {
                    Unit::Month => format!("{:04}-{:02}", day.year(), day.month()),
                    _ => day.to_string(),
                };
                if starts.last().is_none_or(|(_, last)| *last != name) {
                    starts.push((day_start(day, zone), name));
                }
                day = next(day);
            }
            starts
        }
    }
}

/// "The period before, of as many days, ending where this one begins; `month` and `year` against the
/// month and year before. While the period lasts, against as much of the one before as has passed."
fn before(days: &Days<'_>, (start, end): Range, now: Timestamp, zone: &TimeZone) -> Option<Range> {
    let earlier = day_start(earlier(days)?, zone);
    if now >= end {
        return Some((earlier, start));
    }
    let passed = start.duration_until(now).max(SignedDuration::ZERO);
    Some((earlier, start.min(earlier + passed)))
}

/// First day of the previous period.
fn earlier(days: &Days<'_>) -> Option<Date> {
    let from = days.from;
    Some(match days.ask {
        Ask::All => return None,
        Ask::Month if from.month() == 1 => date(from.year() - 1, 12, 1),
        Ask::Month => date(from.year(), from.month() - 1, 1),
        Ask::Year => date(from.year() - 1, 1, 1),
        _ => from - days.count().days(),
    })
}

/// "The bars of the period before are of the same length, as far as that period goes."
fn bars_before(
    days: &Days<'_>,
    (_, end): Range,
    unit: Unit,
    zone: &TimeZone,
) -> Vec<(Timestamp, String)> {
    let from = earlier(days).unwrap();
    let before = Days { ask: days.ask, from, to: days.from - 1.day() };
    bars_of(&before, unit, zone).into_iter().filter(|(at, _)| *at < end).collect()
}
