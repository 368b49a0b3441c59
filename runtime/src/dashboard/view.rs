//! What the page prints, made ready: the template puts it in place and decides nothing.

use footfall_infra::settings::Site;
use jiff::civil::Date;
use jiff::{Timestamp, ToSpan as _};
use serde::Serialize;

use super::cards::{Card, Cards, Link};
use super::state::{Range, State};
use super::words::{self, Change};
use crate::chart::Chart;
use crate::period::{Choice, Period, Unit};
use crate::query::{Condition, Query};
use crate::read::kept_from;
use crate::report::{FilteredRow, Report, Tally};

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
    pub report: &'a Report,
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
    sites: Vec<Link>,
    days: String,
    choices: Vec<Link>,
    form: Form,
    earlier: Option<Link>,
    later: Option<Link>,
    now: u64,
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
    unit: &'static str,
    chart: Option<Chart>,
    cards: Vec<Card>,
    single: Option<Card>,
    /// Where all tables are.
    whole: String,
    foot: Vec<String>,
    json: String,
    csv: String,
    meanings: &'static [Meaning],
}

/// The form for any days.
#[derive(Debug, Serialize)]
struct Form {
    fields: Vec<(&'static str, String)>,
    from: Date,
    to: Date,
    is_current: bool,
}

/// A filter, and the way out of it.
#[derive(Debug, Serialize)]
struct Chip {
    dimension: String,
    operator: &'static str,
    value: String,
    href: String,
}

/// A number of the whole period.
#[derive(Debug, Serialize)]
struct Tile {
    name: &'static str,
    title: &'static str,
    value: String,
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

/// A first day and a last one.
type Days = (Date, Date);

const MEANINGS: [Meaning; 7] = [
    Meaning {
        name: "visitors",
        title: "Visitors",
        text: "An address and a browser, on one day of UTC. The next day nobody knows them any \
               more: visitors of several days are the sum of each day's.",
    },
    Meaning {
        name: "visits",
        title: "Visits",
        text: "What one visitor does without a pause of 30 minutes. A visit counts where it begins.",
    },
    Meaning {
        name: "views",
        title: "Page views",
        text: "Pages that were opened: loads, and steps in single-page apps.",
    },
    Meaning {
        name: "views_per_visit",
        title: "Views per visit",
        text: "Page views divided by visits.",
    },
    Meaning {
        name: "bounce_rate",
        title: "Bounce rate",
        text: "Visits of one page view and nothing else, in per cent of all visits.",
    },
    Meaning {
        name: "visit_duration",
        title: "Visit duration",
        text: "From the first to the last hit of a visit, on average; 0 for a visit of one hit.",
    },
    Meaning {
        name: "events",
        title: "Events",
        text: "What your pages report by name, such as a sign-up. They are no page views.",
    },
];

/// A number of a tally that a tile shows: as a number and as text, and whether more of it is better.
type Measure = (fn(&Tally) -> Option<f64>, fn(Option<f64>) -> String, bool);

fn measure(name: &str) -> Measure {
    let count: fn(Option<f64>) -> String =
        |number| words::thousands(number.unwrap_or_default() as u64);
    match name {
        "visitors" => (|tally| Some(tally.visitors as f64), count, true),
        "visits" => (|tally| Some(tally.visits as f64), count, true),
        "views" => (|tally| Some(tally.views as f64), count, true),
        "views_per_visit" => (Tally::views_per_visit, words::ratio, true),
        "bounce_rate" => (Tally::bounce_rate, words::per_cent, false),
        "visit_duration" => (Tally::visit_duration, words::duration, true),
        _ => (|tally| Some(tally.events as f64), count, true),
    }
}

impl View {
    /// The page of a report.
    #[must_use]
    pub(super) fn of(answer: &Answer<'_>) -> Self {
        let Answer { site, query, report, state, .. } = *answer;
        let is_empty = report.totals == Tally::default();
        let cards = Cards { site, report, state };
        let single = state.show.and_then(|dimension| cards.single(dimension));
        let is_whole = single.is_none() && !is_empty;
        let href = |from, to| state.with_range(Range::Days(from, to)).href();
        let (earlier, later) = answer.neighbours();
        Self {
            site: site.domain.to_string(),
            sites: answer.sites(),
            days: words::days(report.from, report.to),
            choices: answer.choices(),
            form: Form {
                fields: state.form_fields(),
                from: report.from,
                to: report.to,
                is_current: query.period.choice == Choice::Custom,
            },
            earlier,
            later,
            now: report.now,
            chips: chips(state),
            unfiltered: (!state.filters.is_empty()).then(|| state.without_filters().href()),
            notices: answer.notices(),
            is_empty,
            is_new: answer.is_new(),
            all_time: answer.all_time(),
            tiles: if is_whole { answer.tiles() } else { Vec::new() },
            compared: answer.compared(),
            unit: match report.unit {
                Unit::Hour => "hour",
                Unit::Day => "day",
                Unit::Month => "month",
            },
            chart: is_whole.then(|| Chart::of(&query.period, &report.bars, answer.now, href)),
            cards: if is_whole { cards.all() } else { Vec::new() },
            single: single.filter(|_| !is_empty),
            whole: state.with_show(None).href(),
            foot: answer.foot(),
            json: state.data_href("json"),
            csv: state.data_href("csv"),
            meanings: &MEANINGS,
        }
    }
}

impl Answer<'_> {
    fn sites(&self) -> Vec<Link> {
        let link = |site: &String| Link {
            title: site.clone(),
            href: self.state.with_site(site).href(),
            is_current: *site == self.report.site,
        };
        self.sites.iter().map(link).collect()
    }

    fn choices(&self) -> Vec<Link> {
        let link = |(choice, title): (Choice, &str)| Link {
            title: title.to_owned(),
            href: self.state.with_range(Range::Choice(choice)).href(),
            is_current: self.query.period.choice == choice,
        };
        Choice::OFFERED.map(link).into()
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
            title: words::days(from, to),
            href: self.state.with_range(Range::Days(from, to)).href(),
            is_current: false,
        };
        let earliest = self.earliest();
        let earlier = earlier.filter(|(_, to)| earliest.is_some_and(|earliest| *to >= earliest));
        (earlier.map(link), later.filter(|(from, _)| *from <= self.today()).map(link))
    }

    /// What the numbers are compared with, in words. Nothing if not all of it was counted and kept:
    /// whoever starts in the middle of a month would see their site explode in the next.
    fn compared(&self) -> Option<String> {
        let (from, end) = self.query.period.before(self.now)?;
        self.report.before.filter(|before| *before != Tally::default())?;
        let (from, end) = (self.query.period.zoned(from), self.query.period.zoned(end));
        let earliest = self.first.unwrap_or(Date::MIN).max(kept_from(self.site, self.now));
        (from.date() >= earliest).then(|| words::instants(&from, &end))
    }

    fn tiles(&self) -> Vec<Tile> {
        let Report { totals, before, .. } = self.report;
        let before = before.filter(|_| self.compared().is_some());
        let tile = |meaning: &Meaning| {
            let (number, text, is_more_better) = measure(meaning.name);
            let change = before
                .and_then(|before| Change::of(number(totals), number(&before), is_more_better));
            Tile {
                name: meaning.name,
                title: meaning.title,
                value: text(number(totals)),
                before: before.filter(|_| change.is_some()).map(|before| text(number(&before))),
                change,
                meaning: meaning.text,
            }
        };
        let is_there = |meaning: &&Meaning| meaning.name != "events" || totals.events > 0;
        MEANINGS.iter().filter(is_there).map(tile).collect()
    }

    fn all_time(&self) -> Option<String> {
        let is_all = self.query.period.choice == Choice::All;
        let all = || self.state.with_range(Range::Choice(Choice::All)).href();
        (!is_all && !self.is_new()).then(all)
    }

    /// Nothing is folded yet, and there is nothing up to now.
    fn is_new(&self) -> bool {
        let is_empty = self.report.totals == Tally::default();
        self.first.is_none() && is_empty && self.report.to >= self.today()
    }

    /// What is missing, and why.
    fn notices(&self) -> Vec<String> {
        let mut notices = Vec::new();
        let kept = kept_from(self.site, self.now);
        if let Some(days) = self.site.retention_days.filter(|_| self.report.from < kept) {
            notices.push(format!(
                "This site's hits are kept for {}: before {} there is nothing left.",
                words::counted(u64::from(days.get()), "day"),
                kept
            ));
        }
        for problem in &self.report.incomplete {
            notices.push(format!("These numbers are incomplete. Left out is {problem}."));
        }
        match self.report.unreadable {
            0 => {}
            1 => notices.push(
                "1 stored hit cannot be read and is missing here; the function's log says why."
                    .to_owned(),
            ),
            hits => notices.push(format!(
                "{} stored hits cannot be read and are missing here; the function's log says why.",
                words::thousands(hits)
            )),
        }
        notices
    }

    /// What else must be known to read the numbers.
    fn foot(&self) -> Vec<String> {
        let mut foot = Vec::new();
        if self.report.from < self.report.to {
            foot.push(
                "Visitors over several days are the sum of daily visitors: after its day, nobody \
                 is known again."
                    .to_owned(),
            );
        }
        foot.push(format!("Days are those of {}.", self.report.time_zone));
        if !self.report.filtered.is_empty() {
            let reasons: Vec<String> = self.report.filtered.iter().map(reason).collect();
            foot.push(format!("Not counted: {}.", reasons.join(", ")));
        }
        foot
    }
}

fn chips(state: &State) -> Vec<Chip> {
    let chip = |(at, filter): (usize, &Condition)| {
        let (dimension, operator, value) = match filter {
            Condition::Filter(filter) => words::filter(filter),
            other => (String::new(), "", words::condition(other)),
        };
        Chip { dimension, operator, value, href: state.without_filter(at).href() }
    };
    state.filters.iter().enumerate().map(chip).collect()
}

/// Hits that were not counted for one reason.
fn reason(row: &FilteredRow) -> String {
    let hits = words::counted(row.count, "hit");
    match row.reason.as_str() {
        "bot" => format!("{hits} of bots"),
        "headless" => format!("{hits} of browsers that a program drives"),
        "prefetch" => format!("{hits} of pages loaded in advance"),
        "no-user-agent" => format!("{hits} without a User-Agent"),
        "referrer-spam" => format!("{hits} of referrer spam"),
        // A newer version's.
        reason => format!("{hits} ({reason})"),
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
    use crate::dashboard::state::tests::state;
    use crate::dimension::Dimension;
    use crate::report::{Bar, Row, Table};

    fn tally(visitors: u64) -> Tally {
        Tally {
            visitors,
            visits: visitors,
            views: 2 * visitors,
            bounces: visitors / 2,
            duration: 1000 * visitors,
            events: 0,
            ..Tally::default()
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
                .map(|start| Bar { at: start.name, tally: tally(2) })
                .collect(),
            bars_before: Vec::new(),
            tables: vec![
                table(Dimension::Page, vec![row(Some("/"), 10), row(Some("/a"), 4)]),
                table(Dimension::Source, vec![row(None, 6), row(Some("Google"), 4)]),
                table(Dimension::Host, vec![row(Some("localhost"), 10)]),
            ],
            filtered: vec![FilteredRow { reason: "bot".to_owned(), count: 1234 }],
            unreadable: 0,
            incomplete: Vec::new(),
        }
    }

    fn view(report: &Report, state: &State, yaml: &str) -> View {
        let settings = Settings::from_yaml(yaml).unwrap();
        View::of(&Answer {
            site: &settings.sites[0],
            sites: &[],
            query: &Query {
                period: period(Choice::Days(7), "2026-11-16", "2026-11-22"),
                conditions: state.filters.clone(),
            },
            report,
            state,
            first: Some("2026-11-09".parse().unwrap()),
            now: "2026-11-22T18:50:00Z".parse().unwrap(),
        })
    }

    const YAML: &str = "sites: [{domain: localhost}]";

    #[test]
    fn tiles_are_compared_with_the_period_before() {
        let view = view(&report(), &state(), YAML);
        assert_eq!(view.compared.as_deref(), Some("9 – 15 Nov 2026, until 18:50"));
        let tiles: Vec<_> = view
            .tiles
            .iter()
            .map(|tile| {
                let change = tile.change.as_ref().map(|it| (it.arrow, it.text.as_str(), it.tone));
                (tile.name, tile.value.as_str(), change)
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
        let view = view(&report(), &state(), "sites: [{domain: localhost, retention_days: 5}]");
        assert_eq!(view.compared, None);
        assert!(view.tiles.iter().all(|tile| tile.change.is_none()));
        assert_eq!(
            view.notices,
            ["This site's hits are kept for 5 days: before 2026-11-17 there is nothing left."]
        );
    }

    #[test]
    fn cards_that_say_nothing_are_left_out() {
        let ids = |state: &State| -> Vec<&str> {
            view(&report(), state, YAML).cards.iter().map(|card| card.id).collect()
        };
        assert_eq!(ids(&state()), ["pages", "sources", "countries", "devices"]);
        let of_host = state().toggled(&"is,host,localhost".parse().unwrap());
        assert_eq!(ids(&of_host).last(), Some(&"hosts"));
    }

    #[test]
    fn what_is_missing_is_said() {
        let mut report = report();
        report.unreadable = 1;
        report.incomplete = vec!["the segment 2026-11-17 of localhost: it is cut".to_owned()];
        let view = view(&report, &state(), YAML);
        assert_eq!(view.notices.len(), 2);
        assert!(view.notices[0].contains("2026-11-17"));
        assert!(view.foot.iter().any(|line| line == "Not counted: 1,234 hits of bots."));
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
        let view = view(&report(), &state(), YAML);
        assert_eq!(view.earlier.map(|link| link.title).as_deref(), Some("9 – 15 Nov 2026"));
        assert_eq!(view.later, None);
    }
}
