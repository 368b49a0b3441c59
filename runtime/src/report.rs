//! What a dashboard says of a period: computed purely, from records in any order.

use std::collections::{BTreeMap, HashMap, HashSet};

use footfall_infra::settings::Site;
use jiff::civil::Date;
use serde::Serialize;

use crate::filter::FilterReason;
use crate::hit::{Hit, Kind, Record};
use crate::period::Period;
use crate::visitor::VisitorId;

/// The source of a view that has none of its own: typed in, from a bookmark or an app, or from
/// another page of the site.
pub const DIRECT: &str = "Direct";

/// A period of a site in numbers. Lists are in falling order of their numbers, then by name.
///
/// Visitors are told apart within a day of UTC, and counted by day. Over several days the number is
/// the sum of those: who comes on two days counts twice.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// The site's domain.
    pub site: String,
    /// The IANA name of the site's time zone.
    pub time_zone: String,
    /// The first day.
    pub from: Date,
    /// The last day, included.
    pub to: Date,
    /// All of it.
    pub totals: Totals,
    /// Where views came from.
    pub sources: Vec<SourceRow>,
    /// Every day of the period, in order, also those without a view.
    pub days: Vec<DayRow>,
    /// Which pages were viewed.
    pub pages: Vec<PageRow>,
    /// Which events happened, other than views.
    pub events: Vec<EventRow>,
    /// What was not counted, and why.
    pub filtered: Vec<FilteredRow>,
    /// How many stored hits could not be read, and are missing from all of this.
    pub unreadable: u64,
}

/// The numbers of the whole period.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Totals {
    /// Page views.
    pub views: u64,
    /// Visitors of a day, summed over days.
    pub visitors: u64,
    /// Events other than page views.
    pub events: u64,
}

/// A source and its views.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SourceRow {
    /// The source's name, or [`DIRECT`].
    pub source: String,
    /// Page views from there.
    pub views: u64,
    /// Visitors from there.
    pub visitors: u64,
}

/// A day and its views.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DayRow {
    /// The day, in the site's time zone.
    pub day: Date,
    /// Page views of the day.
    pub views: u64,
    /// Visitors of the day. In a zone other than UTC a day has parts of two days of UTC, and who
    /// comes in both counts twice.
    pub visitors: u64,
}

/// A page and its views.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PageRow {
    /// The path; with the host in front where the host is not the site's own domain.
    pub page: String,
    /// Page views.
    pub views: u64,
    /// Visitors.
    pub visitors: u64,
    /// Where its views came from.
    pub sources: Vec<SourceViews>,
}

/// A source of one page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SourceViews {
    /// The source's name, or [`DIRECT`].
    pub source: String,
    /// Page views from there.
    pub views: u64,
}

/// An event and how often it happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EventRow {
    /// The event's name.
    pub name: String,
    /// How often it happened.
    pub count: u64,
    /// To how many visitors.
    pub visitors: u64,
}

/// What was not counted for one reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FilteredRow {
    /// The reason.
    pub reason: FilterReason,
    /// How many hits.
    pub count: u64,
}

/// A count, and whose.
#[derive(Debug, Default)]
struct Tally {
    count: u64,
    visitors: HashSet<VisitorId>,
}

impl Tally {
    fn add(&mut self, visitor: VisitorId) {
        self.count += 1;
        self.visitors.insert(visitor);
    }

    fn visitors(&self) -> u64 {
        self.visitors.len() as u64
    }
}

#[derive(Debug, Default)]
struct PageTally {
    tally: Tally,
    sources: HashMap<String, u64>,
}

/// Counts records into a report.
#[derive(Debug)]
pub struct Counter<'a> {
    site: &'a Site,
    period: &'a Period,
    days: BTreeMap<Date, Tally>,
    sources: HashMap<String, Tally>,
    pages: HashMap<String, PageTally>,
    events: HashMap<String, Tally>,
    filtered: HashMap<FilterReason, u64>,
    unreadable: u64,
}

impl<'a> Counter<'a> {
    /// A report of `period` with nothing counted yet.
    #[must_use]
    pub fn new(site: &'a Site, period: &'a Period) -> Self {
        Self {
            site,
            period,
            days: period.days().map(|day| (day, Tally::default())).collect(),
            sources: HashMap::new(),
            pages: HashMap::new(),
            events: HashMap::new(),
            filtered: HashMap::new(),
            unreadable: 0,
        }
    }

    /// Counts a record, if it lies in the period.
    pub fn add(&mut self, record: &Record) {
        let Some(day) = self.days.get_mut(&self.period.day_of(record.at)) else { return };
        match &record.kind {
            Kind::Filtered(filtered) => *self.filtered.entry(filtered.reason).or_default() += 1,
            Kind::Hit(hit) => {
                day.visitors.insert(hit.visitor);
                match &hit.event {
                    Some(name) => self.events.entry(name.clone()).or_default().add(hit.visitor),
                    None => {
                        day.add(hit.visitor);
                        let source = hit.source.clone().unwrap_or_else(|| DIRECT.to_owned());
                        let page = self.pages.entry(page_name(hit)).or_default();
                        page.tally.add(hit.visitor);
                        *page.sources.entry(source.clone()).or_default() += 1;
                        self.sources.entry(source).or_default().add(hit.visitor);
                    }
                }
            }
        }
    }

    /// Counts a record that cannot be read.
    pub const fn add_unreadable(&mut self) {
        self.unreadable += 1;
    }

    /// The report.
    #[must_use]
    pub fn finish(self) -> Report {
        let days: Vec<DayRow> = self
            .days
            .into_iter()
            .map(|(day, tally)| DayRow { day, views: tally.count, visitors: tally.visitors() })
            .collect();
        let row = |(source, tally): (String, Tally)| SourceRow {
            views: tally.count,
            visitors: tally.visitors(),
            source,
        };
        let mut sources: Vec<SourceRow> = self.sources.into_iter().map(row).collect();
        let mut pages: Vec<PageRow> = self.pages.into_iter().map(page_row).collect();
        let row = |(name, tally): (String, Tally)| EventRow {
            count: tally.count,
            visitors: tally.visitors(),
            name,
        };
        let mut events: Vec<EventRow> = self.events.into_iter().map(row).collect();
        let row = |(reason, count)| FilteredRow { reason, count };
        let mut filtered: Vec<FilteredRow> = self.filtered.into_iter().map(row).collect();
        rank(&mut sources, |row| row.views, |row| &row.source);
        rank(&mut pages, |row| row.views, |row| &row.page);
        rank(&mut events, |row| row.count, |row| &row.name);
        rank(&mut filtered, |row| row.count, |row| row.reason.as_str());
        Report {
            site: self.site.domain.to_string(),
            time_zone: self.period.zone.name().to_owned(),
            from: self.period.from,
            to: self.period.to,
            totals: Totals {
                views: days.iter().map(|day| day.views).sum(),
                visitors: days.iter().map(|day| day.visitors).sum(),
                events: events.iter().map(|event| event.count).sum(),
            },
            sources,
            days,
            pages,
            events,
            filtered,
            unreadable: self.unreadable,
        }
    }
}

/// A page by path, or by host and path where it is not on the site's own domain.
fn page_name(hit: &Hit) -> String {
    format!("{}{}", hit.host.as_deref().unwrap_or_default(), hit.page)
}

fn page_row((page, tally): (String, PageTally)) -> PageRow {
    let row = |(source, views)| SourceViews { source, views };
    let mut sources: Vec<SourceViews> = tally.sources.into_iter().map(row).collect();
    rank(&mut sources, |row| row.views, |row| &row.source);
    PageRow { page, views: tally.tally.count, visitors: tally.tally.visitors(), sources }
}

/// Largest first; equals by name, so that a report is the same whatever the order of its hits.
fn rank<T>(rows: &mut [T], number: impl Fn(&T) -> u64, name: impl Fn(&T) -> &str) {
    rows.sort_by(|a, b| number(b).cmp(&number(a)).then_with(|| name(a).cmp(name(b))));
}

#[cfg(test)]
mod tests {
    use footfall_infra::settings::Settings;

    use super::*;
    use crate::hit::Filtered;

    /// A page view of a visitor, from a source, at a time.
    fn view(at: &str, visitor: u64, page: &str, source: Option<&str>) -> Record {
        let hit = serde_json::json!({
            "v": format!("{visitor:016x}"), "p": page, "s": source,
        });
        let hit = serde_json::from_value(hit).unwrap();
        Record { at: at.parse().unwrap(), kind: Kind::Hit(hit) }
    }

    fn event(at: &str, visitor: u64, name: &str) -> Record {
        let Record { at, kind: Kind::Hit(hit) } = view(at, visitor, "/", None) else { panic!() };
        Record { at, kind: Kind::Hit(Hit { event: Some(name.to_owned()), ..hit }) }
    }

    fn report(zone: &str, from: &str, to: &str, records: &[Record]) -> Report {
        let yaml = format!("sites: [{{domain: e.x, time_zone: {zone}}}]");
        let settings = Settings::from_yaml(&yaml).unwrap();
        let site = &settings.sites[0];
        let (from, to) = (from.parse().unwrap(), to.parse().unwrap());
        let period = Period { from, to, zone: site.time_zone.clone() };
        let mut counter = Counter::new(site, &period);
        records.iter().for_each(|record| counter.add(record));
        counter.finish()
    }

    #[test]
    fn nothing_is_a_report_of_zeros() {
        let report = report("UTC", "2026-11-16", "2026-11-22", &[]);
        assert_eq!(report.totals, Totals::default());
        assert_eq!(report.days.len(), 7);
        assert!(report.days.iter().all(|day| day.views == 0));
        assert!(report.pages.is_empty() && report.sources.is_empty());
    }

    #[test]
    fn views_are_counted_by_day_source_and_page() {
        let records = [
            view("2026-11-21T10:00:00Z", 1, "/a", Some("Twitter")),
            view("2026-11-21T10:01:00Z", 1, "/b", None),
            view("2026-11-22T10:00:00Z", 2, "/a", Some("Twitter")),
            view("2026-11-22T11:00:00Z", 3, "/a", None),
            event("2026-11-22T11:01:00Z", 3, "signup"),
            event("2026-11-22T11:02:00Z", 3, "signup"),
            Record {
                at: "2026-11-22T12:00:00Z".parse().unwrap(),
                kind: Kind::Filtered(Filtered { reason: FilterReason::Bot, page: "/".to_owned() }),
            },
            view("2026-11-20T23:59:59.999Z", 4, "/before", None),
            view("2026-11-23T00:00:00Z", 4, "/after", None),
        ];
        let report = report("UTC", "2026-11-21", "2026-11-22", &records);
        assert_eq!(report.totals, Totals { views: 4, visitors: 3, events: 2 });
        let days: Vec<_> = report.days.iter().map(|d| (d.views, d.visitors)).collect();
        assert_eq!(days, [(2, 1), (2, 2)]);
        let sources: Vec<_> =
            report.sources.iter().map(|s| (s.source.as_str(), s.views, s.visitors)).collect();
        assert_eq!(sources, [("Direct", 2, 2), ("Twitter", 2, 2)]);
        let pages: Vec<_> =
            report.pages.iter().map(|p| (p.page.as_str(), p.views, p.visitors)).collect();
        assert_eq!(pages, [("/a", 3, 3), ("/b", 1, 1)]);
        let of_a: Vec<_> =
            report.pages[0].sources.iter().map(|s| (s.source.as_str(), s.views)).collect();
        assert_eq!(of_a, [("Twitter", 2), ("Direct", 1)]);
        assert_eq!(report.events[0], EventRow { name: "signup".to_owned(), count: 2, visitors: 1 });
        assert_eq!(report.filtered, [FilteredRow { reason: FilterReason::Bot, count: 1 }]);
    }

    #[test]
    fn the_order_of_hits_does_not_matter() {
        let mut records: Vec<Record> = (0..50)
            .map(|i| view("2026-11-22T10:00:00Z", i % 7, &format!("/{}", i % 5), None))
            .collect();
        let one = report("UTC", "2026-11-22", "2026-11-22", &records);
        records.reverse();
        assert_eq!(report("UTC", "2026-11-22", "2026-11-22", &records), one);
    }

    #[test]
    fn a_day_is_one_of_the_sites_zone() {
        let records = [
            view("2026-11-21T18:14:59Z", 1, "/", None),
            view("2026-11-21T18:15:00Z", 2, "/", None),
            view("2026-11-22T18:14:59Z", 3, "/", None),
        ];
        let report = report("Asia/Kathmandu", "2026-11-22", "2026-11-22", &records);
        assert_eq!(report.totals.views, 2);
    }
}
