//! Plausible's export: daily tables, each by one dimension.
//!
//! <https://github.com/plausible/analytics/blob/master/lib/plausible/exports.ex>
//!
//! The tables contain no hits and no combinations of dimensions. So the import generates as many visits per day as
//! there were, and each table deals out its values: as many visits get a source, a browser or a country as the table
//! says, in an order of its own. Every single table comes out right. Combinations of two tables are those of
//! independent dimensions.

use std::collections::{BTreeMap, HashMap};
use std::io::BufRead;

use anyhow::Result;
use footfall_runtime::hit::country::Country;
use footfall_runtime::hit::page_url::PageUrl;
use footfall_runtime::hit::source;
use footfall_runtime::hit::user_agent::{self, ClientHints};
use footfall_runtime::hit::{Hit, Kind, ScreenSize};
use footfall_runtime::ingest::HitInput;
use footfall_runtime::ingest::payload::Payload;
use footfall_runtime::platform::sanitize::clean;
use footfall_runtime::storage::hour::{utc_day, utc_start};
use jiff::Timestamp;
use jiff::civil::Date;
use sha2::{Digest as _, Sha256};

use super::line_counts::Reason;
use super::names;
use super::pipeline::Pipeline;
use super::table::{Row, rows};

/// Pause that ends a visit, in milliseconds: docs/definitions.md.
const PAUSE: i64 = 30 * 60 * 1000;

/// Maximum page views or visits generated from a row, as a bound on broken files.
const MOST: u64 = 2_000_000;

/// A table of the export.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Table {
    Visitors,
    Sources,
    Pages,
    EntryPages,
    ExitPages,
    CustomEvents,
    Locations,
    Devices,
    Browsers,
    OperatingSystems,
}

impl Table {
    const ALL: [(&str, Self); 10] = [
        ("imported_visitors", Self::Visitors),
        ("imported_sources", Self::Sources),
        ("imported_pages", Self::Pages),
        ("imported_entry_pages", Self::EntryPages),
        ("imported_exit_pages", Self::ExitPages),
        ("imported_custom_events", Self::CustomEvents),
        ("imported_locations", Self::Locations),
        ("imported_devices", Self::Devices),
        ("imported_browsers", Self::Browsers),
        ("imported_operating_systems", Self::OperatingSystems),
    ];

    /// Parses the table from a file name: `imported_pages.csv`, or `imported_pages_20260101_20261120.csv`.
    pub(crate) fn of(file: &str) -> Option<Self> {
        let name = file.split('.').next()?;
        let name = name.trim_end_matches(|c: char| c == '_' || c.is_ascii_digit());
        Self::ALL.into_iter().find(|(of, _)| *of == name).map(|(_, table)| table)
    }

    /// The column that counts its rows: visits, if a visit has exactly one value.
    const fn counted(self) -> &'static str {
        match self {
            Self::Pages => "pageviews",
            Self::EntryPages => "entrances",
            Self::ExitPages => "exits",
            Self::CustomEvents => "events",
            _ => "visits",
        }
    }

    /// A second count: bounces of an entry page, visitors of an event.
    const fn beside(self) -> &'static str {
        match self {
            Self::CustomEvents => "visitors",
            _ => "bounces",
        }
    }

    /// The dimensions of its rows that are kept.
    const fn columns(self) -> &'static [&'static str] {
        match self {
            Self::Visitors => &[],
            Self::Sources => &[
                "source",
                "referrer",
                "utm_source",
                "utm_medium",
                "utm_campaign",
                "utm_term",
                "utm_content",
            ],
            Self::Pages => &["page", "hostname"],
            Self::EntryPages => &["entry_page"],
            Self::ExitPages => &["exit_page"],
            Self::CustomEvents => &["name", "link_url", "path"],
            Self::Locations => &["country"],
            Self::Devices => &["device"],
            Self::Browsers => &["browser", "browser_version"],
            Self::OperatingSystems => &["operating_system", "operating_system_version"],
        }
    }
}

/// Values of a row, in the order of its table's [`columns`](Table::columns).
type Values = Vec<Option<String>>;

/// All tables of one day.
#[derive(Debug, Default)]
struct Day {
    visitors: u64,
    visits: u64,
    /// Total duration of all visits, in seconds.
    duration: u64,
    /// Rows with their count and their bounces.
    tables: BTreeMap<Table, Vec<(Values, u64, u64)>>,
}

/// All tables of all days.
#[derive(Debug, Default)]
pub(crate) struct Aggregates(BTreeMap<Date, Day>);

/// Differences between the tables and the generated hits.
#[derive(Debug, Default)]
struct Lost {
    /// Visits without a known page.
    visits: u64,
    /// Page views that fit into no visit.
    views: u64,
    /// Page views at the start or end of visits that the table of pages lacks.
    added: u64,
    /// Seconds of visits that do not fit into the day.
    duration: u64,
}

impl Aggregates {
    /// Reads a table.
    pub(crate) fn read(
        &mut self,
        table: Table,
        input: &mut dyn BufRead,
        pipeline: &mut Pipeline<'_>,
    ) -> Result<()> {
        rows(input, 0, |line, row| {
            pipeline.counts.lines += 1;
            let date = row.get("date").and_then(|date| date.parse::<Date>().ok());
            let window = date.and_then(|date| window(date, pipeline));
            let host = row.get("hostname").filter(|_| table == Table::Pages);
            match date.zip(window) {
                _ if !row.is_whole() || row.number(table.counted()) > MOST => {
                    pipeline.note(line, Reason::Unreadable);
                }
                None => pipeline.note(line, Reason::Time),
                Some((date, (from, _))) => match pipeline.check(from) {
                    Err(reason) => pipeline.note(line, reason),
                    Ok(()) if host.is_some_and(|host| pipeline.page(Some(&host), "/").is_err()) => {
                        pipeline.note(line, Reason::Host);
                    }
                    Ok(()) => self.0.entry(date).or_default().add(table, row),
                },
            }
            Ok(())
        })
    }

    /// Generates the visits of every day.
    pub(crate) fn take(self, pipeline: &mut Pipeline<'_>, notes: &mut Vec<String>) -> Result<()> {
        if self.0.is_empty() {
            return Ok(());
        }
        let mut lost = Lost::default();
        for (date, day) in self.0 {
            day.take(date, pipeline, &mut lost)?;
        }
        notes.push(
            "Plausible's export has days by one dimension each: two filters together, and times of day, \
             mean nothing"
                .to_owned(),
        );
        for (count, what) in [
            (lost.visits, "visits of which no table says what was read are left out"),
            (lost.views, "page views that no visit has room for are left out"),
            (lost.added, "page views of entry and exit pages that imported_pages lacks are added"),
            (lost.duration, "seconds of visits for which their day has no room are left out"),
        ] {
            if count > 0 {
                notes.push(format!("{count} {what}"));
            }
        }
        Ok(())
    }
}

/// Pages of a day, with the views that are not in a visit yet.
struct Pages {
    urls: Vec<PageUrl>,
    left: Vec<u64>,
    by_path: HashMap<String, usize>,
}

impl Pages {
    /// Returns a page by its path.
    fn place(&mut self, path: &str, host: Option<&str>, pipeline: &Pipeline<'_>) -> Option<usize> {
        if let Some(place) = self.by_path.get(path) {
            return Some(*place);
        }
        let slash = if path.starts_with('/') { "" } else { "/" };
        let url = pipeline.page(host, &format!("{slash}{path}")).ok()?;
        self.urls.push(url);
        self.left.push(0);
        self.by_path.insert(path.to_owned(), self.urls.len() - 1);
        Some(self.urls.len() - 1)
    }

    /// Uses up a view of a page. Returns false if none is left.
    fn take(&mut self, place: usize) -> bool {
        let left = self.left[place];
        self.left[place] = left.saturating_sub(1);
        left > 0
    }

    /// Uses up a view of the page with the most views left.
    fn take_any(&mut self) -> Option<usize> {
        let place = (0..self.left.len()).max_by_key(|place| self.left[*place])?;
        self.take(place).then_some(place)
    }
}

/// Pages of a visit, in order.
struct Route {
    pages: Vec<usize>,
    bounced: bool,
}

impl Day {
    fn add(&mut self, table: Table, row: &Row<'_>) {
        if table == Table::Visitors {
            self.visitors += row.number("visitors");
            self.visits += row.number("visits");
            self.duration += row.number("visit_duration");
            return;
        }
        let values = table.columns().iter().map(|name| row.get(name)).collect();
        let (count, of) = (row.number(table.counted()), row.number(table.beside()));
        if count > 0 {
            self.tables.entry(table).or_default().push((values, count, of));
        }
    }

    fn rows(&self, table: Table) -> &[(Values, u64, u64)] {
        self.tables.get(&table).map_or(&[], Vec::as_slice)
    }

    fn take(&self, date: Date, pipeline: &mut Pipeline<'_>, lost: &mut Lost) -> Result<()> {
        let Some((from, to)) = window(date, pipeline) else { return Ok(()) };
        let (routes, pages) = self.routes(date, pipeline, lost);
        let count = routes.len();
        if count == 0 {
            return Ok(());
        }
        let dealt = |table| self.dealt(table, count, date);
        let (sources, countries) = (dealt(Table::Sources), dealt(Table::Locations));
        let (devices, browsers) = (dealt(Table::Devices), dealt(Table::Browsers));
        let systems = dealt(Table::OperatingSystems);
        // Visits begin throughout the day. After `visitors` visits, the same visitors come again.
        let (from, length) = (from.as_millisecond(), to.as_millisecond() - from.as_millisecond());
        let start = |visit: usize| from + length * visit as i64 / count as i64;
        let visitors = usize::try_from(self.visitors)?.clamp(1, count);
        let long = routes.iter().filter(|route| route.pages.len() > 1).count().max(1);
        let duration = i64::try_from(self.duration)? * 1000 / long as i64;
        let mut spent = 0;
        let mut ends = Vec::with_capacity(count);
        for (visit, route) in routes.iter().enumerate() {
            let begin = start(visit);
            let next = visit + visitors;
            let next = if next < count { start(next) - PAUSE } else { from + length };
            let steps = route.pages.len() as i64 - 1;
            // Each view follows the previous one within half an hour, and the next visit comes later.
            let duration = duration.min(next - 1 - begin).min(steps * (PAUSE - 1)).max(0);
            spent += duration;
            let mut hit = None;
            for (step, page) in route.pages.iter().enumerate() {
                let client = user_agent::parse("", ClientHints::default());
                let visitor = pipeline.visitor(&format!("{date} {}", visit % visitors));
                let url = &pages.urls[*page];
                let input = HitInput {
                    site: pipeline.site,
                    page: url,
                    payload: Payload::default(),
                    referrer: None,
                    user_agent: client,
                    visitor,
                    country: text(countries[visit], 0).and_then(Country::parse),
                };
                let own = input.into_hit();
                let own =
                    described(own, sources[visit], browsers[visit], systems[visit], devices[visit]);
                let at = begin + duration * step as i64 / steps.max(1);
                let at = Timestamp::from_millisecond(at)?;
                pipeline.take(0, at, Kind::Hit(own.clone()))?;
                hit = Some((at, own));
            }
            ends.extend(hit);
        }
        lost.duration += self.duration.saturating_sub(spent.unsigned_abs() / 1000);
        self.take_events(date, &routes, &ends, pipeline)
    }

    /// Pages of each visit.
    fn routes(&self, date: Date, pipeline: &Pipeline<'_>, lost: &mut Lost) -> (Vec<Route>, Pages) {
        let mut pages = Pages { urls: Vec::new(), left: Vec::new(), by_path: HashMap::new() };
        for (values, views, _) in self.rows(Table::Pages) {
            let place = text(Some(values), 0)
                .and_then(|path| pages.place(path, text(Some(values), 1), pipeline));
            match place {
                Some(place) => pages.left[place] += views,
                None => lost.views += views,
            }
        }
        let mut exits: HashMap<usize, u64> = HashMap::new();
        for (values, count, _) in self.rows(Table::ExitPages) {
            if let Some(place) =
                text(Some(values), 0).and_then(|path| pages.place(path, None, pipeline))
            {
                *exits.entry(place).or_default() += count;
            }
        }
        let visits = usize::try_from(self.visits.min(MOST)).unwrap_or(0);
        let mut routes: Vec<Route> = Vec::new();
        for (values, count, bounces) in self.rows(Table::EntryPages) {
            let Some(place) =
                text(Some(values), 0).and_then(|path| pages.place(path, None, pipeline))
            else {
                continue;
            };
            for number in 0..*count {
                if routes.len() == visits {
                    break;
                }
                let bounced = number < *bounces;
                lost.added += u64::from(!pages.take(place));
                if bounced && let Some(exits) = exits.get_mut(&place) {
                    *exits = exits.saturating_sub(1);
                }
                routes.push(Route { pages: vec![place], bounced });
            }
        }
        while routes.len() < visits {
            let Some(place) = pages.take_any() else {
                lost.visits += (visits - routes.len()) as u64;
                break;
            };
            routes.push(Route { pages: vec![place], bounced: false });
        }
        shuffle(&mut routes, &format!("{date} routes"));
        let mut exits: Vec<usize> = exits
            .into_iter()
            .collect::<BTreeMap<usize, u64>>()
            .into_iter()
            .flat_map(|(place, count)| (0..count).map(move |_| place))
            .collect();
        shuffle(&mut exits, &format!("{date} exits"));
        let long: Vec<usize> = (0..routes.len()).filter(|visit| !routes[*visit].bounced).collect();
        // First the exit page, then the pages in between.
        let mut ends = Vec::new();
        for _ in &long {
            ends.push(match exits.pop() {
                Some(place) => {
                    lost.added += u64::from(!pages.take(place));
                    Some(place)
                }
                None => pages.take_any(),
            });
        }
        let mut turn = long.iter().cycle();
        for place in 0..pages.left.len() {
            while pages.left[place] > 0 {
                let Some(visit) = turn.next() else {
                    lost.views += pages.left[place];
                    break;
                };
                pages.take(place);
                routes[*visit].pages.push(place);
            }
        }
        for (visit, end) in long.iter().zip(ends) {
            routes[*visit].pages.extend(end);
        }
        (routes, pages)
    }

    /// Deals the rows of a table to visits, as often as the table says; the remaining visits get none.
    fn dealt(&self, table: Table, count: usize, date: Date) -> Vec<Option<&Values>> {
        let mut dealt: Vec<Option<&Values>> = Vec::with_capacity(count);
        for (values, times, _) in self.rows(table) {
            let left = (count - dealt.len()).min(usize::try_from(*times).unwrap_or(usize::MAX));
            dealt.extend(std::iter::repeat_n(Some(values), left));
        }
        dealt.resize(count, None);
        shuffle(&mut dealt, &format!("{date} {table:?}"));
        dealt
    }

    /// Adds events to the ends of visits, first to those that are not bounces, because an event ends a bounce.
    fn take_events(
        &self,
        date: Date,
        routes: &[Route],
        ends: &[(Timestamp, Hit)],
        pipeline: &mut Pipeline<'_>,
    ) -> Result<()> {
        for (values, events, visitors) in self.rows(Table::CustomEvents) {
            let Some(name) = text(Some(values), 0) else { continue };
            let mut visits: Vec<usize> = (0..ends.len()).collect();
            shuffle(&mut visits, &format!("{date} {name}"));
            visits.sort_by_key(|visit| routes[*visit].bounced);
            visits.truncate(usize::try_from(*visitors).unwrap_or(0).max(1));
            let prop = |(place, name): (usize, &str)| {
                Some((name.to_owned(), clean(text(Some(values), place)?, 200)))
            };
            let props: Vec<_> = [(1, "url"), (2, "path")].into_iter().filter_map(prop).collect();
            for number in 0..usize::try_from(*events)? {
                let (at, hit) = &ends[visits[number % visits.len()]];
                let event = Some(clean(name, 480));
                let hit = Hit { event, props: props.clone(), ..hit.clone() };
                pipeline.take(0, *at, Kind::Hit(hit))?;
            }
        }
        Ok(())
    }
}

/// A hit with its visit's values.
fn described(
    hit: Hit,
    source: Option<&Values>,
    browser: Option<&Values>,
    os: Option<&Values>,
    device: Option<&Values>,
) -> Hit {
    let campaign = |place| text(source, place).map(|text| clean(text, 100));
    let name = text(source, 0).filter(|name| *name != "Direct / None");
    let mut hit = hit;
    hit.source = name.and_then(source::from_utm).map(|source| source.name.into_owned());
    hit.referrer = text(source, 1).map(|address| {
        let (_, address) = address.split_once("://").unwrap_or(("", address));
        clean(address.trim_end_matches('/'), 200)
    });
    hit.campaign.source = campaign(2);
    hit.campaign.medium = campaign(3);
    hit.campaign.name = campaign(4);
    hit.campaign.term = campaign(5);
    hit.campaign.content = campaign(6);
    hit.browser = text(browser, 0).and_then(names::browser);
    hit.browser_version = text(browser, 1)
        .and_then(|version| names::browser_version(hit.browser.as_deref(), version));
    hit.os = text(os, 0).and_then(names::os);
    hit.os_version = text(os, 1).map(|version| clean(version, 20));
    let device = text(device, 0);
    hit.device = device.and_then(names::device);
    hit.screen = match device {
        Some("Mobile") => Some(ScreenSize::Mobile),
        Some("Tablet") => Some(ScreenSize::Tablet),
        Some("Laptop") => Some(ScreenSize::Laptop),
        Some("Desktop" | "Ultrawide") => Some(ScreenSize::Desktop),
        _ => None,
    };
    hit
}

/// A value of a row.
fn text(values: Option<&Values>, place: usize) -> Option<&str> {
    values?.get(place)?.as_deref()
}

/// The part of a day in which its visits are placed: within one UTC day, so that nobody becomes two visitors, and in
/// the past.
fn window(date: Date, pipeline: &Pipeline<'_>) -> Option<(Timestamp, Timestamp)> {
    let zone = pipeline.site.time_zone.rules();
    let start = |date: Date| Some(date.to_zoned(zone.clone()).ok()?.timestamp());
    let noon = utc_day(date.at(12, 0, 0, 0).to_zoned(zone.clone()).ok()?.timestamp());
    let from = start(date)?.max(utc_start(noon).ok()?);
    let to = start(date.tomorrow().ok()?)?.min(utc_start(noon.tomorrow().ok()?).ok()?);
    let to = to.min(pipeline.now.max(from.checked_add(jiff::SignedDuration::from_millis(1)).ok()?));
    (from < to).then_some((from, to))
}

/// Shuffles deterministically.
fn shuffle<T>(things: &mut [T], name: &str) {
    let hash = Sha256::digest(name.as_bytes());
    let mut state = hash.iter().take(8).fold(0_u64, |state, byte| state << 8 | u64::from(*byte));
    for last in (1..things.len()).rev() {
        // SplitMix64: https://prng.di.unimi.it/splitmix64.c
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = state;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^= bits >> 31;
        let place = bits % (last as u64 + 1);
        things.swap(last, usize::try_from(place).unwrap_or(0));
    }
}
