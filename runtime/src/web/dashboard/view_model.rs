//! What the page prints, made ready: the template puts it in place and decides nothing.

use footfall_infra::settings::Site;
use jiff::civil::Date;
use jiff::{Timestamp, ToSpan as _};
use serde::Serialize;

use super::cards::{Card, Cards, Link};
use super::comparison;
use super::filters::{self, Chip, Form};
use super::format::{self, Change, Figure};
use super::heatmap::Week;
use super::host_name;
use super::metric::Metric;
use super::params::{Range, State};
use super::queries::{self, Numbers};
use crate::query::Query;
use crate::query::metrics::Metrics;
use crate::query::period::{Choice, Period, Unit};
use crate::storage::retention::kept_from;
use crate::web::dashboard::chart::{Bar, Chart, Series, Stage};

/// What a view is made of.
#[derive(Debug, Clone, Copy)]
pub(super) struct Answer<'a> {
    /// The site.
    pub site: &'a Site,
    /// Every site's domain.
    pub sites: &'a [String],
    /// What is asked.
    pub query: &'a Query,
    /// The answer.
    pub numbers: &'a Numbers,
    /// What is shown of it.
    pub state: &'a State,
    /// The first day of UTC on which anything was counted, as far as is known.
    pub first: Option<Date>,
    /// The time now.
    pub now: Timestamp,
}

/// The page.
#[derive(Debug, Serialize)]
pub(super) struct View {
    site: String,
    /// What the page is called: what it shows.
    title: String,
    sites: Vec<Link>,
    days: String,
    choices: Vec<Choosable>,
    form: DaysForm,
    filter: Form,
    earlier: Option<Link>,
    later: Option<Link>,
    now: u64,
    /// Where the number of visitors just now is as data, if it may change while the page is looked at.
    now_href: Option<String>,
    chips: Vec<Chip>,
    /// Where there are no filters, if there are any.
    unfiltered: Option<String>,
    notices: Vec<String>,
    is_empty: bool,
    /// Whether the first visit is still to come, as far as is known.
    is_new: bool,
    /// All time, if the period is empty and the site is not.
    all_time: Option<String>,
    tiles: Vec<Tile>,
    compared: Option<String>,
    /// The other choice of whether to compare, if there is one.
    comparison: Option<Link>,
    unit: &'static str,
    metric: &'static str,
    chart: Option<Chart>,
    bars: Vec<BarText>,
    /// What the values of the lines across the chart are called, from the lowest.
    lines: Vec<String>,
    bar_table: Option<BarTable>,
    cards: Vec<Card>,
    single: Option<Card>,
    /// Where all tables are.
    whole: String,
    foot: Vec<String>,
    json: String,
    csv: String,
    meanings: Vec<Meaning>,
    /// Whether keys are shortcuts.
    has_keys: bool,
    /// Where they are not, or are again.
    other_keys: String,
    /// Where somebody asks not to be counted.
    myself: String,
    keys: &'static [(&'static str, &'static str)],
}

/// A period that is offered, and the key for it.
#[derive(Debug, Serialize)]
struct Choosable {
    #[serde(flatten)]
    link: Link,
    key: &'static str,
}

/// A bar in words.
#[derive(Debug, Serialize)]
struct BarText {
    /// The number, to stand above it.
    value: String,
    /// All of it as a sentence.
    said: String,
}

/// The bars as a table.
#[derive(Debug, Serialize)]
struct BarTable {
    columns: Vec<String>,
    /// Of each bar, in their order.
    rows: Vec<Vec<String>>,
    csv: String,
}

/// The form for any days.
#[derive(Debug, Serialize)]
struct DaysForm {
    fields: Vec<(&'static str, String)>,
    from: Date,
    to: Date,
    is_current: bool,
}

/// A number of the whole period.
#[derive(Debug, Serialize)]
struct Tile {
    name: &'static str,
    title: &'static str,
    /// Where the chart draws it.
    href: String,
    is_current: bool,
    value: Figure,
    change: Option<Change>,
    /// The number before, in words.
    before: Option<String>,
    meaning: &'static str,
}

/// A word, and what it means here. `docs/definitions.md` says it with examples.
#[derive(Debug, Serialize)]
struct Meaning {
    name: &'static str,
    title: &'static str,
    text: &'static str,
}

/// A metric's numbers.
struct Values {
    /// Of the whole period.
    total: Option<f64>,
    /// Of each bar.
    bars: Vec<Option<f64>>,
}

/// A first day and a last one.
type Days = (Date, Date);

/// Keys, and what they do.
const KEYS: [(&str, &str); 15] = [
    ("t", "Today"),
    ("e", "Yesterday"),
    ("w", "7 days"),
    ("4", "28 days"),
    ("n", "91 days"),
    ("m", "This month"),
    ("y", "This year"),
    ("a", "All time"),
    ("c", "Custom range"),
    ("←", "Earlier"),
    ("→", "Later"),
    ("x", "Show or hide comparison"),
    ("f", "Add filter"),
    ("Esc", "Close, clear filters, or go back"),
    ("?", "Show this list"),
];

impl View {
    /// The page of a report.
    #[must_use]
    pub(super) fn of(answer: &Answer<'_>) -> Self {
        let Answer { site, query, numbers, state, .. } = *answer;
        let report = &numbers.report;
        let is_empty = report.totals == Metrics::default();
        let cards = Cards { site, numbers, state };
        let single = state.show.as_ref().filter(|_| !is_empty).map(|key| cards.single(key));
        let is_whole = single.is_none() && !is_empty;
        let metric = answer.metric();
        let chart = is_whole.then(|| answer.chart(metric));
        let (earlier, later) = answer.neighbours();
        Self {
            site: host_name::decoded(site.domain.as_str()),
            title: answer.title(single.as_ref()),
            sites: answer.sites(),
            days: format::days(report.from, report.to),
            choices: answer.choices(),
            form: DaysForm {
                fields: state.form_fields(),
                from: report.from,
                to: report.to,
                is_current: query.period.choice == Choice::Custom,
            },
            filter: Form::of(state, report, !site.goals.is_empty(), &queries::prop_names(report)),
            earlier,
            later,
            now: report.now,
            now_href: (report.to >= answer.today()).then(|| state.data_href("json", Some("now"))),
            chips: filters::chips(state),
            unfiltered: (!state.filters.is_empty()).then(|| state.with_filters(Vec::new()).href()),
            notices: answer.notices(),
            is_empty,
            is_new: answer.is_new(),
            all_time: answer.all_time(),
            tiles: if is_whole { answer.tiles(metric) } else { Vec::new() },
            compared: answer.compared(),
            comparison: answer.comparison(),
            unit: match report.unit {
                Unit::Hour => "hour",
                Unit::Day => "day",
                Unit::Month => "month",
            },
            metric: metric.title(),
            bars: chart.iter().flat_map(|chart| &chart.bars).map(|bar| said(metric, bar)).collect(),
            lines: chart
                .iter()
                .flat_map(|chart| &chart.lines)
                .map(|line| metric.axis(line.value))
                .collect(),
            bar_table: chart.as_ref().map(|chart| answer.bar_table(metric, chart)),
            chart,
            cards: match (is_whole, &single) {
                (true, _) => cards.all(),
                // What was not counted may be why there is nothing.
                (false, None) => cards.filtered().into_iter().collect(),
                (false, Some(_)) => Vec::new(),
            },
            single,
            whole: state.with_show(None).href(),
            foot: answer.foot(),
            json: state.data_href("json", None),
            csv: state.data_href("csv", None),
            meanings: answer
                .metrics()
                .into_iter()
                // Tables of conversions have visitors, too.
                .chain(numbers.conversions().map(|_| Metric::Visitors))
                .map(|metric| Meaning {
                    name: metric.name(),
                    title: metric.title(),
                    text: metric.meaning(),
                })
                .collect(),
            has_keys: state.has_keys,
            other_keys: state.with_keys(!state.has_keys).href(),
            myself: state.myself_href(),
            keys: &KEYS,
        }
    }
}

/// Describes a bar: `Sun, 22 Nov 2026, so far: 340 visitors, previous period: 301`.
fn said(metric: Metric, bar: &Bar) -> BarText {
    let stage = match bar.stage {
        Stage::Past => "",
        Stage::Open => ", so far",
        Stage::Ahead => {
            return BarText {
                value: metric.text(bar.value),
                said: format!("{}: not yet", bar.name),
            };
        }
    };
    let before = bar
        .before
        .map(|before| format!(", previous period: {}", metric.text(Some(before))))
        .unwrap_or_default();
    BarText {
        value: metric.bar_text(bar.value),
        said: format!("{}{stage}: {}{before}", bar.name, metric.said(bar.value)),
    }
}

impl Answer<'_> {
    fn sites(&self) -> Vec<Link> {
        let link = |site: &String| Link {
            title: host_name::decoded(site),
            href: self.state.with_site(site).href(),
            is_current: *site == self.numbers.report.site,
        };
        self.sites.iter().map(link).collect()
    }

    fn choices(&self) -> Vec<Choosable> {
        let choosable = |(choice, title): (Choice, &str)| Choosable {
            link: Link {
                title: title.to_owned(),
                href: self.state.with_range(Range::Choice(choice)).href(),
                is_current: self.query.period.choice == choice,
            },
            key: KEYS.iter().find(|(_, name)| *name == title).map_or("", |(key, _)| key),
        };
        Choice::OFFERED.map(choosable).into()
    }

    /// What the page shows, in a line: the site, what of it, the days and the filters.
    fn title(&self, single: Option<&Card>) -> String {
        let report = &self.numbers.report;
        let what = single.and(self.state.show.as_ref()).map(format::key);
        let filters = self.state.filters.iter().map(format::condition);
        let parts = [host_name::decoded(&report.site)].into_iter().chain(what);
        let parts = parts.chain([format::days(report.from, report.to)]).chain(filters);
        parts.collect::<Vec<_>>().join(", ")
    }

    /// The metrics of the tiles: those of conversions where the report has nothing else.
    fn metrics(&self) -> Vec<Metric> {
        match self.numbers.conversions() {
            Some(_) => Metric::CONVERSIONS.into(),
            None => {
                let totals = &self.numbers.report.totals;
                Metric::REPORT.into_iter().filter(|metric| metric.is_there(totals)).collect()
            }
        }
    }

    /// The metric of the chart: the chosen one if there is data for it, else the first.
    fn metric(&self) -> Metric {
        let metrics = self.metrics();
        let chosen = metrics.iter().find(|metric| **metric == self.state.metric);
        chosen.or(metrics.first()).copied().unwrap_or_default()
    }

    /// The metric's numbers of the period: in total and of each bar.
    fn values(&self, metric: Metric) -> Values {
        let (report, base) = (&self.numbers.report, self.numbers.conversions());
        let base = base.map(|base| &base.report);
        let bars = report.bars.iter().enumerate().map(|(index, bar)| {
            let all = base.and_then(|base| base.bars.get(index)).map(|bar| &bar.tally);
            metric.compared_with(&bar.tally, all)
        });
        let total = metric.compared_with(&report.totals, base.map(|base| &base.totals));
        Values { total, bars: bars.collect() }
    }

    /// The same of the previous period, each number at the index of the bar it is compared with.
    fn values_before(&self, metric: Metric) -> Option<Values> {
        let (report, base) = (&self.numbers.report, self.numbers.conversions());
        let before = report.before.filter(|_| self.compared().is_some())?;
        let base = base.map(|base| &base.report);
        let bar = |index: Option<usize>| {
            let all = base.and_then(|base| base.bars_before.get(index?)).map(|bar| &bar.tally);
            metric.compared_with(&report.bars_before.get(index?)?.tally, all)
        };
        let all = base.and_then(|base| base.before.as_ref());
        let bars = comparison::pairs(report).into_iter().map(bar).collect();
        Some(Values { total: metric.compared_with(&before, all), bars })
    }

    fn chart(&self, metric: Metric) -> Chart {
        let before = self.values_before(metric).map_or_else(Vec::new, |before| before.bars);
        let values = self.values(metric).bars;
        let series = Series { scale: metric.scale(), values: &values, before: &before };
        let href = |from, to| self.state.with_range(Range::Days(from, to)).href();
        Chart::of(&self.query.period, &series, self.now, href)
    }

    fn bar_table(&self, metric: Metric, chart: &Chart) -> BarTable {
        let mut metrics = vec![metric];
        let others = match self.numbers.conversions() {
            Some(_) => Metric::CONVERSIONS,
            None => [Metric::Visitors, Metric::Visits, Metric::Views],
        };
        metrics.extend(others.into_iter().filter(|other| *other != metric));
        let mut columns: Vec<String> = metrics.iter().map(|it| it.title().to_owned()).collect();
        let is_compared = chart.before.is_some();
        if is_compared {
            columns.insert(1, "Previous period".to_owned());
        }
        let values: Vec<_> = metrics.iter().map(|it| (it, self.values(*it).bars)).collect();
        let row = |(index, bar): (usize, &Bar)| {
            let cell = |(metric, values): &(&Metric, Vec<Option<f64>>)| {
                metric.text(values.get(index).copied().flatten())
            };
            let mut cells: Vec<String> = values.iter().map(cell).collect();
            if is_compared {
                cells.insert(1, metric.text(bar.before));
            }
            cells
        };
        let rows = chart.bars.iter().enumerate().map(row).collect();
        BarTable { columns, rows, csv: self.state.data_href("csv", Some("bars")) }
    }

    fn today(&self) -> Date {
        self.query.period.zoned(self.now).date()
    }

    /// The first day of which anything can be there.
    fn earliest(&self) -> Option<Date> {
        Some(self.first?.max(kept_from(self.site, self.now)))
    }

    /// The periods before and after, as far as there is anything to see.
    fn neighbours(&self) -> (Option<Link>, Option<Link>) {
        let (earlier, later) = neighbours(&self.query.period);
        let link = |(from, to): (Date, Date)| Link {
            title: format::days(from, to),
            href: self.state.with_range(Range::Days(from, to)).href(),
            is_current: false,
        };
        let earliest = self.earliest();
        let earlier = earlier.filter(|(_, to)| earliest.is_some_and(|earliest| *to >= earliest));
        (earlier.map(link), later.filter(|(from, _)| *from <= self.today()).map(link))
    }

    /// What the numbers are compared with, in words, unless they are not to be.
    fn compared(&self) -> Option<String> {
        self.comparable().filter(|_| self.state.is_compared)
    }

    /// What the numbers can be compared with, in words. Nothing if not all of it was counted and kept:
    /// whoever starts in the middle of a month would see their site explode in the next.
    fn comparable(&self) -> Option<String> {
        let (from, end) = self.query.period.before(self.now)?;
        self.numbers.report.before.filter(|before| *before != Metrics::default())?;
        let (from, end) = (self.query.period.zoned(from), self.query.period.zoned(end));
        let earliest = self.first.unwrap_or(Date::MIN).max(kept_from(self.site, self.now));
        (from.date() >= earliest).then(|| format::instants(&from, &end))
    }

    /// The other choice of whether to compare.
    fn comparison(&self) -> Option<Link> {
        let days = self.comparable()?;
        let is_compared = self.state.is_compared;
        Some(Link {
            title: match is_compared {
                true => "Hide comparison".to_owned(),
                false => format!("Compare with {days}"),
            },
            href: self.state.with_comparison(!is_compared).href(),
            is_current: false,
        })
    }

    fn tiles(&self, current: Metric) -> Vec<Tile> {
        let tile = |metric: Metric| {
            let value = self.values(metric).total;
            let before = self.values_before(metric).map(|before| before.total);
            let change =
                before.and_then(|before| Change::of(value, before, metric.is_more_better()));
            Tile {
                name: metric.name(),
                title: metric.title(),
                href: self.state.with_metric(metric).href(),
                is_current: metric == current,
                value: metric.figure(value),
                before: before.filter(|_| change.is_some()).map(|before| metric.text(before)),
                change,
                meaning: metric.meaning(),
            }
        };
        self.metrics().into_iter().map(tile).collect()
    }

    fn all_time(&self) -> Option<String> {
        let is_all = self.query.period.choice == Choice::All;
        let all = || self.state.with_range(Range::Choice(Choice::All)).href();
        (!is_all && !self.is_new()).then(all)
    }

    /// Nothing is folded yet, and there is nothing up to now.
    fn is_new(&self) -> bool {
        let is_empty = self.numbers.report.totals == Metrics::default();
        self.first.is_none() && is_empty && self.numbers.report.to >= self.today()
    }

    /// What is missing, and why.
    fn notices(&self) -> Vec<String> {
        let mut notices = Vec::new();
        let kept = kept_from(self.site, self.now);
        if let Some(days) = self.site.retention_days.filter(|_| self.numbers.report.from < kept) {
            notices.push(format!(
                "This site keeps data for {}. Data before {} has been deleted.",
                format::counted(u64::from(days.get()), "day"),
                format::day(kept)
            ));
        }
        for problem in &self.numbers.report.incomplete {
            notices.push(format!("This report is incomplete. Not included: {problem}."));
        }
        match self.numbers.report.unreadable {
            0 => {}
            1 => notices.push(
                "1 stored hit cannot be read and is not included. The function's log says why."
                    .to_owned(),
            ),
            hits => notices.push(format!(
                "{} stored hits cannot be read and are not included. The function's log says why.",
                format::thousands(hits)
            )),
        }
        notices
    }

    /// What else must be known to read the numbers.
    fn foot(&self) -> Vec<String> {
        let mut foot = Vec::new();
        if self.numbers.report.from < self.numbers.report.to {
            foot.push(
                "Visitors over several days are the sum of daily visitors. Visitors cannot be recognized on \
                 another day, so someone who comes on two days counts twice."
                    .to_owned(),
            );
        }
        foot.push(format!("Time zone: {}.", self.numbers.report.time_zone));
        if self.state.show.is_none()
            && self.query.period.day_count() > 1
            && !Week::fits(&self.query.period)
        {
            foot.push("Choose 7 to 100 days to see the hours of the week.".to_owned());
        }
        foot
    }
}

/// The periods of the same kind before and after: months of months, years of years, else as many
/// days. None at the ends of time, and for all of it.
fn neighbours(period: &Period) -> (Option<Days>, Option<Days>) {
    let Period { choice, from, to, .. } = *period;
    let (months, years) = (1.month(), 1.year());
    let is_year = choice == Choice::Year || from.day_of_year() == 1 && to == from.last_of_year();
    let is_month = choice == Choice::Month || from.day() == 1 && to == from.last_of_month();
    let day_before = from.yesterday().ok();
    let day_after = to.tomorrow().ok();
    if choice == Choice::All {
        (None, None)
    } else if is_year {
        let of = |first: Date| (first, first.last_of_year());
        (from.checked_sub(years).ok().map(of), from.checked_add(years).ok().map(of))
    } else if is_month {
        let of = |first: Date| (first, first.last_of_month());
        (from.checked_sub(months).ok().map(of), from.checked_add(months).ok().map(of))
    } else {
        let more = (period.day_count() - 1).days();
        (
            day_before.and_then(|last| Some((last.checked_sub(more).ok()?, last))),
            day_after.and_then(|first| Some((first, first.checked_add(more).ok()?))),
        )
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use footfall_infra::settings::{Settings, TimeZone};

    use super::*;
    use crate::query::dimension::Dimension;
    use crate::query::report::{Bucket, ExcludedRow, Report, Row, Table};
    use crate::web::dashboard::params::tests::state;
    use crate::web::dashboard::queries::tests::conversions_of;

    fn tally(visitors: u64) -> Metrics {
        Metrics {
            visitors,
            visits: visitors,
            views: 2 * visitors,
            bounces: visitors / 2,
            duration: 1000 * visitors,
            ..Metrics::default()
        }
    }

    fn period(choice: Choice, from: &str, to: &str) -> Period {
        let zone = TimeZone::try_from("UTC".to_owned()).unwrap();
        Period { choice, from: from.parse().unwrap(), to: to.parse().unwrap(), zone }
    }

    /// A week in which ten came, after one in which five did.
    pub(crate) fn report() -> Report {
        let period = period(Choice::Days(7), "2026-11-16", "2026-11-22");
        let row = |value: Option<&str>, visitors| Row {
            value: value.map(str::to_owned),
            tally: tally(visitors),
        };
        let table = |dimension: Dimension, rows| Table { key: dimension.into(), rows, more: 0 };
        Report {
            site: "localhost".to_owned(),
            time_zone: "UTC".to_owned(),
            period: "7d".to_owned(),
            from: period.from,
            to: period.to,
            filters: Vec::new(),
            now: 1,
            totals: tally(10),
            before: Some(tally(5)),
            unit: period.unit(),
            bars: period
                .bars()
                .into_iter()
                .map(|start| Bucket { at: start.name, tally: tally(2) })
                .collect(),
            bars_before: Vec::new(),
            tables: vec![
                table(Dimension::Page, vec![row(Some("/"), 10), row(Some("/a"), 4)]),
                table(Dimension::Source, vec![row(None, 6), row(Some("Google"), 4)]),
                table(Dimension::Host, vec![row(Some("localhost"), 10)]),
            ],
            filtered: vec![ExcludedRow { reason: "bot".to_owned(), count: 1234 }],
            unreadable: 0,
            incomplete: Vec::new(),
        }
    }

    pub(in crate::web::dashboard) fn numbers() -> Numbers {
        Numbers { report: report(), week: None, base: None }
    }

    fn view(numbers: &Numbers, state: &State, yaml: &str) -> View {
        let settings = Settings::from_yaml(yaml).unwrap();
        View::of(&Answer {
            site: &settings.sites[0],
            sites: &[],
            query: &Query {
                period: period(Choice::Days(7), "2026-11-16", "2026-11-22"),
                conditions: state.filters.clone(),
            },
            numbers,
            state,
            first: Some("2026-11-09".parse().unwrap()),
            now: "2026-11-22T18:50:00Z".parse().unwrap(),
        })
    }

    fn view_of(state: &State) -> View {
        view(&numbers(), state, YAML)
    }

    fn view_of_numbers(numbers: &Numbers, state: &State) -> View {
        view(numbers, state, YAML)
    }

    const YAML: &str = "sites: [{domain: localhost}]";

    #[test]
    fn tiles_are_compared_with_the_period_before() {
        let view = view(&numbers(), &state(), YAML);
        assert_eq!(view.compared.as_deref(), Some("9 – 15 Nov 2026, up to 18:50"));
        let tiles: Vec<_> = view
            .tiles
            .iter()
            .map(|tile| {
                let change = tile.change.as_ref().map(|it| (it.arrow, it.text.as_str(), it.tone));
                (tile.name, tile.value.text.as_str(), change)
            })
            .collect();
        let double = Some(("↑", "100%", "good"));
        let expected = [
            ("visitors", "10", double),
            ("visits", "10", double),
            ("views", "20", double),
            ("views_per_visit", "2.0", Some(("→", "0%", "even"))),
            ("bounce_rate", "50%", Some(("↑", "25%", "bad"))),
            ("visit_duration", "1s", Some(("→", "0%", "even"))),
        ];
        assert_eq!(tiles, expected);
    }

    #[test]
    fn what_was_not_kept_is_not_compared() {
        let view = view(&numbers(), &state(), "sites: [{domain: localhost, retention_days: 5}]");
        assert_eq!(view.compared, None);
        assert!(view.tiles.iter().all(|tile| tile.change.is_none()));
        assert_eq!(
            view.notices,
            ["This site keeps data for 5 days. Data before 17 Nov 2026 has been deleted."]
        );
    }

    #[test]
    fn a_report_of_a_goal_has_tiles_of_conversions() {
        let mut numbers = numbers();
        let reach = |visitors, events| Metrics { visitors, events, ..Metrics::default() };
        let all = numbers.report.clone();
        numbers.report.totals = reach(3, 4);
        numbers.report.before = Some(reach(2, 2));
        for bar in &mut numbers.report.bars {
            bar.tally = reach(1, 1);
        }
        numbers.base = Some(conversions_of(all));
        let state = state().with_metric(Metric::BounceRate);
        let view = view(&numbers, &state, YAML);
        let tile = |tile: &Tile| (tile.title, tile.value.text.clone(), tile.before.clone());
        let text = |text: &str| text.to_owned();
        assert_eq!(
            view.tiles.iter().map(tile).collect::<Vec<_>>(),
            [
                // 3 of 10 visitors, after 2 of 5.
                ("Unique conversions", text("3"), Some(text("2"))),
                ("Total conversions", text("4"), Some(text("2"))),
                ("Conversion rate", text("30%"), Some(text("40%"))),
            ]
        );
        // Bounces say nothing here, so the chart shows the first tile, and the state keeps the choice.
        assert_eq!((view.metric, view.tiles[0].is_current), ("Unique conversions", true));
        assert_eq!(view.tiles[2].href, "?period=7d&metric=conversion_rate");
        let rate = view_of_numbers(&numbers, &state.with_metric(Metric::ConversionRate));
        // 1 of 2 visitors of a day.
        assert_eq!(rate.bars[0].said, "Mon, 16 Nov 2026: conversion rate 50%");
        assert_eq!(rate.bar_table.unwrap().rows[0], ["50%", "1", "1"]);
    }

    #[test]
    fn a_tile_shortens_a_large_number() {
        let mut numbers = numbers();
        numbers.report.totals.views = 128_059;
        let view = view(&numbers, &state(), YAML);
        let views = &view.tiles[2].value;
        assert_eq!((views.text.as_str(), views.exact.as_deref()), ("128k", Some("128,059")));
    }

    #[test]
    fn a_tile_chooses_what_the_chart_draws() {
        let state = state().with_metric(Metric::BounceRate);
        let view = view(&numbers(), &state, YAML);
        let chosen = |tile: &Tile| (tile.is_current, tile.href.clone());
        let visitors = (false, "?period=7d".to_owned());
        assert_eq!(chosen(&view.tiles[0]), visitors);
        assert_eq!(chosen(&view.tiles[4]), (true, "?period=7d&metric=bounce_rate".to_owned()));
        assert_eq!(view.bars[0].said, "Mon, 16 Nov 2026: bounce rate 50%");
        assert_eq!(view.lines, ["0%", "20%", "40%", "60%"]);
        let table = view.bar_table.unwrap();
        assert_eq!(table.columns, ["Bounce rate", "Visitors", "Visits", "Page views"]);
        // What a site has none of is not drawn.
        let state = state.with_metric(Metric::ScrollDepth);
        assert_eq!(view_of(&state).metric, "Visitors");
    }

    #[test]
    fn a_comparison_can_be_left_out() {
        let mut numbers = numbers();
        numbers.report.bars_before = numbers.report.bars.clone();
        let shown = view(&numbers, &state(), YAML);
        assert!(shown.chart.unwrap().before.is_some());
        assert_eq!(shown.bar_table.unwrap().columns[1], "Previous period");
        assert_eq!(shown.bars[0].said, "Mon, 16 Nov 2026: 2 visitors, previous period: 2");
        assert_eq!(shown.comparison.unwrap().href, "?period=7d&compare=none");
        let hidden = view(&numbers, &state().with_comparison(false), YAML);
        assert!(hidden.chart.unwrap().before.is_none() && hidden.compared.is_none());
        assert!(hidden.tiles.iter().all(|tile| tile.change.is_none()));
        let back = hidden.comparison.unwrap();
        assert_eq!(
            (back.title.as_str(), back.href.as_str()),
            ("Compare with 9 – 15 Nov 2026, up to 18:50", "?period=7d")
        );
    }

    #[test]
    fn a_page_is_called_what_it_shows() {
        let state = state().toggled(&"is,source,".parse().unwrap());
        let title = |state: &State| view(&numbers(), state, YAML).title;
        assert_eq!(title(&state), "localhost, 16 – 22 Nov 2026, Source is Direct");
        let alone = state.with_show(Some(Dimension::Page.into()));
        assert_eq!(title(&alone), "localhost, Page, 16 – 22 Nov 2026, Source is Direct");
    }

    #[test]
    fn every_period_has_a_key() {
        let view = view(&numbers(), &state(), YAML);
        assert!(view.choices.iter().all(|choice| !choice.key.is_empty()));
        let mut keys: Vec<&str> = KEYS.iter().map(|(key, _)| *key).collect();
        keys.sort_unstable();
        keys.dedup();
        assert_eq!(keys.len(), KEYS.len());
    }

    #[test]
    fn cards_that_say_nothing_are_left_out() {
        let ids = |state: &State| -> Vec<&str> {
            view(&numbers(), state, YAML).cards.iter().map(|card| card.id).collect()
        };
        assert_eq!(ids(&state()), ["pages", "sources", "countries", "devices", "filtered"]);
        let of_host = state().toggled(&"is,host,localhost".parse().unwrap());
        assert!(ids(&of_host).contains(&"hosts"));
    }

    #[test]
    fn an_empty_page_says_what_was_not_counted() {
        let mut numbers = numbers();
        numbers.report.totals = Metrics::default();
        let view = view(&numbers, &state(), YAML);
        let ids: Vec<&str> = view.cards.iter().map(|card| card.id).collect();
        assert_eq!((view.is_empty, ids), (true, vec!["filtered"]));
        assert!(view.cards[0].is_wide && view.tiles.is_empty());
    }

    #[test]
    fn what_is_missing_is_said() {
        let mut numbers = numbers();
        numbers.report.unreadable = 1;
        numbers.report.incomplete =
            vec!["the segment 2026-11-17 of localhost: it is cut".to_owned()];
        let view = view(&numbers, &state(), YAML);
        assert_eq!(view.notices.len(), 2);
        assert!(view.notices[0].contains("2026-11-17"));
        assert!(view.foot[0].contains("sum of daily visitors"));
    }

    #[test]
    fn a_period_has_neighbours_of_its_kind() {
        let check = |choice, from, to, expected: (Option<&str>, Option<&str>)| {
            let (earlier, later) = neighbours(&period(choice, from, to));
            let text = |days: Option<(Date, Date)>| days.map(|(from, to)| format!("{from} {to}"));
            let (earlier, later) = (text(earlier), text(later));
            assert_eq!((earlier.as_deref(), later.as_deref()), expected, "{from} {to}");
        };
        let custom = Choice::Custom;
        let week = (Some("2026-11-09 2026-11-15"), Some("2026-11-23 2026-11-29"));
        check(Choice::Days(7), "2026-11-16", "2026-11-22", week);
        let month = (Some("2026-01-01 2026-01-31"), Some("2026-03-01 2026-03-31"));
        check(custom, "2026-02-01", "2026-02-28", month);
        check(Choice::Month, "2026-02-01", "2026-02-03", month);
        let year = (Some("2025-01-01 2025-12-31"), Some("2027-01-01 2027-12-31"));
        check(custom, "2026-01-01", "2026-12-31", year);
        check(Choice::All, "2026-01-01", "2026-12-31", (None, None));
        check(custom, "9999-12-31", "9999-12-31", (Some("9999-12-30 9999-12-30"), None));
    }

    #[test]
    fn there_is_nothing_to_see_before_the_first_day_or_after_today() {
        let view = view(&numbers(), &state(), YAML);
        assert_eq!(view.earlier.map(|link| link.title).as_deref(), Some("9 – 15 Nov 2026"));
        assert_eq!(view.later, None);
    }
}
