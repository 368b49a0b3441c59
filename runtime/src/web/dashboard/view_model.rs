//! View model: everything the page prints. The template places it and decides nothing.

use footfall_infra::settings::Site;
use jiff::Timestamp;
use jiff::civil::Date;
use serde::Serialize;

use super::cards::{Card, Cards, Link};
use super::filters::{self, Chip, Form};
use super::format::{self, Change, Figure};
use super::host_name;
use super::metric::Metric;
use super::neighbors;
use super::params::{Params, Range};
use super::queries::{self, Numbers};
use crate::query::Query;
use crate::query::metrics::Metrics;
use crate::query::period::Choice;
use crate::storage::retention::retained_from;
use crate::web::dashboard::chart::{Bar, Chart, Series, Stage};

/// Input of a view.
#[derive(Debug, Clone, Copy)]
pub(super) struct Answer<'a> {
    /// The site.
    pub site: &'a Site,
    /// Domains of all sites.
    pub sites: &'a [String],
    /// The query.
    pub query: &'a Query,
    /// Its numbers.
    pub numbers: &'a Numbers,
    /// The page's parameters.
    pub state: &'a Params,
    /// The first UTC day with data. `None` if it is unknown.
    pub first: Option<Date>,
    /// The time now.
    pub now: Timestamp,
}

/// The page.
#[derive(Debug, Serialize)]
pub(super) struct View {
    site: String,
    /// Title of the page.
    title: String,
    sites: Vec<Link>,
    days: String,
    choices: Vec<Choosable>,
    form: DaysForm,
    filter: Form,
    earlier: Option<Link>,
    later: Option<Link>,
    now: u64,
    /// URL of the number of current visitors. `None` if the period is over.
    now_href: Option<String>,
    chips: Vec<Chip>,
    /// URL without filters. `None` if there are none.
    unfiltered: Option<String>,
    notices: Vec<String>,
    is_empty: bool,
    /// Whether the site has no data yet, as far as is known.
    is_new: bool,
    /// URL of all time. `None` if that is empty, too, or shown already.
    all_time: Option<String>,
    tiles: Vec<Tile>,
    compared: Option<String>,
    /// Returns the link that hides or shows the comparison.
    comparison: Option<Link>,
    unit: &'static str,
    metric: &'static str,
    chart: Option<Chart>,
    bars: Vec<BarText>,
    /// Labels of the horizontal lines, from the lowest.
    lines: Vec<String>,
    bar_table: Option<BarTable>,
    cards: Vec<Card>,
    single: Option<Card>,
    /// URL of the overview.
    whole: String,
    foot: Vec<String>,
    json: String,
    csv: String,
    meanings: Vec<Meaning>,
    /// Whether keyboard shortcuts are on.
    has_keys: bool,
    /// URL that turns them off or on.
    other_keys: String,
    /// URL of the page that excludes one's own visits.
    opt_out: String,
    keys: &'static [(&'static str, &'static str)],
}

/// An offered period with its keyboard shortcut.
#[derive(Debug, Serialize)]
struct Choosable {
    #[serde(flatten)]
    link: Link,
    key: &'static str,
}

/// A bar in words.
#[derive(Debug, Serialize)]
struct BarText {
    /// The number above it.
    value: String,
    /// The bar as a sentence.
    said: String,
}

/// The bars as a table.
#[derive(Debug, Serialize)]
struct BarTable {
    columns: Vec<String>,
    /// One row per bar.
    rows: Vec<Vec<String>>,
    csv: String,
}

/// Form for a custom range.
#[derive(Debug, Serialize)]
struct DaysForm {
    fields: Vec<(&'static str, String)>,
    from: Date,
    to: Date,
    is_current: bool,
}

/// A metric of the whole period.
#[derive(Debug, Serialize)]
struct Tile {
    name: &'static str,
    title: &'static str,
    /// URL that shows it in the chart.
    href: String,
    is_current: bool,
    value: Figure,
    change: Option<Change>,
    /// The previous period's number.
    before: Option<String>,
    meaning: &'static str,
}

/// A metric's definition. `docs/definitions.md` has examples.
#[derive(Debug, Serialize)]
struct Meaning {
    name: &'static str,
    title: &'static str,
    text: &'static str,
}

/// Keyboard shortcuts and their actions.
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
    /// Makes the page of a report.
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
        let (earlier, later) = answer.neighbors();
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
            unit: report.unit.name(),
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
                // Excluded traffic may explain why there is no data.
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
            opt_out: state.opt_out_href(),
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

    /// Returns the title: site, table, days and filters.
    fn title(&self, single: Option<&Card>) -> String {
        let report = &self.numbers.report;
        let what = single.and(self.state.show.as_ref()).map(format::key);
        let filters = self.state.filters.iter().map(format::condition);
        let parts = [host_name::decoded(&report.site)].into_iter().chain(what);
        let parts = parts.chain([format::days(report.from, report.to)]).chain(filters);
        parts.collect::<Vec<_>>().join(", ")
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

    /// Returns the first day that can have data.
    fn earliest(&self) -> Option<Date> {
        Some(self.first?.max(retained_from(self.site, self.now)))
    }

    /// Returns the earlier and later periods that can have data.
    fn neighbors(&self) -> (Option<Link>, Option<Link>) {
        let (earlier, later) = neighbors::neighbors(&self.query.period);
        let link = |(from, to): (Date, Date)| Link {
            title: format::days(from, to),
            href: self.state.with_range(Range::Days(from, to)).href(),
            is_current: false,
        };
        let earliest = self.earliest();
        let earlier = earlier.filter(|(_, to)| earliest.is_some_and(|earliest| *to >= earliest));
        (earlier.map(link), later.filter(|(from, _)| *from <= self.today()).map(link))
    }

    /// Returns the days compared with, in words. `None` if the comparison is hidden.
    pub(super) fn compared(&self) -> Option<String> {
        self.comparable().filter(|_| self.state.is_compared)
    }

    /// Returns the days that can be compared with, in words.
    ///
    /// `None` unless data was collected and kept for all of them. Otherwise a site that started in the middle of a
    /// month would seem to explode in the next.
    fn comparable(&self) -> Option<String> {
        let (from, end) = self.query.period.previous(self.now)?;
        self.numbers.report.previous.filter(|before| *before != Metrics::default())?;
        let (from, end) = (self.query.period.zoned(from), self.query.period.zoned(end));
        let earliest = self.first.unwrap_or(Date::MIN).max(retained_from(self.site, self.now));
        (from.date() >= earliest).then(|| format::instants(&from, &end))
    }

    /// Returns the link that hides or shows the comparison.
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

    /// Returns whether nothing has been rolled up and nothing was counted up to now.
    fn is_new(&self) -> bool {
        let is_empty = self.numbers.report.totals == Metrics::default();
        self.first.is_none() && is_empty && self.numbers.report.to >= self.today()
    }
}

#[cfg(test)]
pub(crate) mod tests;
