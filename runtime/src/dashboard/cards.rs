//! The tables of the page: which cards there are, what their tabs show, and where their rows lead.

use footfall_infra::settings::Site;
use serde::Serialize;
use url::Url;

use super::state::State;
use super::words;
use crate::dimension::Dimension;
use crate::query::{Condition, Filter};
use crate::report::{Report, Row, Table, Tally};

/// How many rows a table of the page has. The table alone has all of the report's.
const ROWS: usize = 9;

/// A card: tables of one kind, of which one is shown.
struct Plan {
    id: &'static str,
    title: &'static str,
    tabs: &'static [Tab],
}

/// A tab of a card, and the dimensions behind it: mostly one.
struct Tab {
    title: &'static str,
    dimensions: &'static [(Dimension, &'static str)],
}

const fn tab(title: &'static str, dimensions: &'static [(Dimension, &'static str)]) -> Tab {
    Tab { title, dimensions }
}

/// All cards, in the order of the page.
const PLANS: [Plan; 6] = [
    Plan {
        id: "pages",
        title: "Pages",
        tabs: &[
            tab("Top", &[(Dimension::Page, "")]),
            tab("Entry", &[(Dimension::EntryPage, "")]),
            tab("Exit", &[(Dimension::ExitPage, "")]),
        ],
    },
    Plan {
        id: "sources",
        title: "Sources",
        tabs: &[
            tab("Sources", &[(Dimension::Source, "")]),
            tab("Referrers", &[(Dimension::Referrer, "")]),
            tab(
                "Campaigns",
                &[
                    (Dimension::UtmSource, "source"),
                    (Dimension::UtmMedium, "medium"),
                    (Dimension::UtmCampaign, "campaign"),
                    (Dimension::UtmTerm, "term"),
                    (Dimension::UtmContent, "content"),
                ],
            ),
        ],
    },
    Plan {
        id: "countries",
        title: "Countries",
        tabs: &[tab("Countries", &[(Dimension::Country, "")])],
    },
    Plan {
        id: "devices",
        title: "Devices",
        tabs: &[
            tab(
                "Browsers",
                &[(Dimension::Browser, "names"), (Dimension::BrowserVersion, "versions")],
            ),
            tab("Systems", &[(Dimension::System, "names"), (Dimension::SystemVersion, "versions")]),
            tab("Devices", &[(Dimension::Device, "")]),
            tab("Screens", &[(Dimension::Screen, "")]),
        ],
    },
    Plan { id: "events", title: "Events", tabs: &[tab("Events", &[(Dimension::Event, "")])] },
    Plan { id: "hosts", title: "Hosts", tabs: &[tab("Hosts", &[(Dimension::Host, "")])] },
];

impl Plan {
    fn dimensions(&self) -> Vec<Dimension> {
        let all = self.tabs.iter().flat_map(|tab| tab.dimensions);
        all.map(|(dimension, _)| *dimension).collect()
    }
}

/// A card, ready to print.
#[derive(Debug, Serialize)]
pub(super) struct Card {
    /// Its id on the page.
    pub id: &'static str,
    /// Its heading.
    pub title: &'static str,
    /// Its tabs, if there is more than one.
    pub tabs: Vec<Link>,
    /// The tables behind the tab that is shown, if there is more than one.
    pub parts: Vec<Link>,
    /// The table.
    pub table: Shown,
}

/// Where a choice leads.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct Link {
    /// What it is called.
    pub title: String,
    /// Where it leads.
    pub href: String,
    /// Whether it is what is shown.
    pub is_current: bool,
}

/// A table, ready to print.
#[derive(Debug, Serialize)]
pub(super) struct Shown {
    /// The dimension's name.
    pub dimension: &'static str,
    /// The name of the attribute that has a row's value: `data-entry-page`.
    pub attribute: String,
    /// The head of the first column.
    pub title: &'static str,
    /// The heads of the others.
    pub columns: Vec<&'static str>,
    /// The rows.
    pub rows: Vec<ShownRow>,
    /// Where all rows are, and how many, if these are not all or have more to tell.
    pub all: Option<Link>,
    /// How many rows there are beyond what any table shows.
    pub more: u64,
}

/// A row, ready to print.
#[derive(Debug, Serialize)]
pub(super) struct ShownRow {
    /// The value as data; `Direct`, or nothing, for what has none.
    pub value: String,
    /// The value as it is read.
    pub name: String,
    /// The flag of a country.
    pub flag: Option<String>,
    /// Where a click leads: the page filtered by it, or no longer.
    pub href: String,
    /// Whether the page is filtered by it.
    pub is_on: bool,
    /// The address of the page itself.
    pub open: Option<String>,
    /// How long the bar behind it is, in per cent.
    pub fill: f64,
    /// The numbers.
    pub cells: Vec<String>,
}

/// What stands in a column.
#[derive(Clone, Copy)]
enum Field {
    Visitors,
    Share,
    Visits,
    Views,
    Events,
    ViewsPerVisit,
    BounceRate,
    VisitDuration,
}

impl Field {
    const fn title(self) -> &'static str {
        match self {
            Self::Visitors => "Visitors",
            Self::Share => "Share",
            Self::Visits => "Visits",
            Self::Views => "Views",
            Self::Events => "Events",
            Self::ViewsPerVisit => "Views per visit",
            Self::BounceRate => "Bounce rate",
            Self::VisitDuration => "Duration",
        }
    }

    fn cell(self, tally: &Tally, totals: &Tally) -> String {
        match self {
            Self::Visitors => words::thousands(tally.visitors),
            Self::Share => words::share(tally.visitors, totals.visitors),
            Self::Visits => words::thousands(tally.visits),
            Self::Views => words::thousands(tally.views),
            Self::Events => words::thousands(tally.events),
            Self::ViewsPerVisit => words::ratio(tally.views_per_visit()),
            Self::BounceRate => words::per_cent(tally.bounce_rate()),
            Self::VisitDuration => words::duration(tally.visit_duration()),
        }
    }

    /// The few that a card has room for.
    const fn of_card(dimension: Dimension) -> &'static [Self] {
        match dimension {
            Dimension::Page => &[Self::Visitors, Self::Views],
            Dimension::EntryPage => &[Self::Visits, Self::BounceRate],
            Dimension::ExitPage => &[Self::Visits, Self::Visitors],
            Dimension::Event => &[Self::Visitors, Self::Events],
            _ => &[Self::Visitors, Self::Share],
        }
    }

    /// All that say something.
    const fn of_table(dimension: Dimension) -> &'static [Self] {
        match dimension {
            Dimension::Event => &[Self::Visitors, Self::Share, Self::Visits, Self::Events],
            _ => &[
                Self::Visitors,
                Self::Share,
                Self::Visits,
                Self::Views,
                Self::ViewsPerVisit,
                Self::BounceRate,
                Self::VisitDuration,
            ],
        }
    }
}

/// A site's report in a state of the page: what cards are made of.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cards<'a> {
    /// The site.
    pub site: &'a Site,
    /// Its numbers.
    pub report: &'a Report,
    /// What is shown of them.
    pub state: &'a State,
}

impl Cards<'_> {
    /// The cards of the whole page.
    #[must_use]
    pub(super) fn all(&self) -> Vec<Card> {
        PLANS.iter().filter(|plan| self.is_shown(plan)).map(|plan| self.card(plan)).collect()
    }

    /// Events and hosts are not everybody's.
    fn is_shown(&self, plan: &Plan) -> bool {
        let is_filtered = |by| self.state.filters_by(by);
        let rows = |of| self.report.table(of).map_or(0, |table| table.rows.len());
        match plan.id {
            "events" => rows(Dimension::Event) > 0 || is_filtered(Dimension::Event),
            "hosts" => rows(Dimension::Host) > 1 || is_filtered(Dimension::Host),
            _ => true,
        }
    }

    fn card(&self, plan: &Plan) -> Card {
        let all = plan.dimensions();
        let chosen = self.state.tabs.iter().find(|tab| all.contains(tab));
        let shown = chosen.or(all.first()).copied().unwrap_or(Dimension::Page);
        let href = |to| format!("{}#{}", self.state.with_tab(to, &all).href(), plan.id);
        Card {
            id: plan.id,
            title: plan.title,
            tabs: tabs(plan, shown, href),
            parts: self.parts(plan, shown, href),
            table: self.table(shown, Field::of_card(shown), ROWS),
        }
    }

    /// One table with all of its rows and columns, and its card's other tables beside it.
    #[must_use]
    pub(super) fn single(&self, shown: Dimension) -> Option<Card> {
        let plan = PLANS.iter().find(|plan| plan.dimensions().contains(&shown))?;
        let href = |to| self.state.with_show(Some(to)).href();
        Some(Card {
            id: plan.id,
            title: plan.title,
            tabs: tabs(plan, shown, href),
            parts: self.parts(plan, shown, href),
            table: self.table(shown, Field::of_table(shown), usize::MAX),
        })
    }

    /// Versions say something of one browser or system only, and stand there once it is filtered by.
    fn parts(
        &self,
        plan: &Plan,
        shown: Dimension,
        href: impl Fn(Dimension) -> String,
    ) -> Vec<Link> {
        let has_shown = |tab: &&Tab| tab.dimensions.iter().any(|(each, _)| *each == shown);
        let Some(tab) = plan.tabs.iter().find(has_shown) else { return Vec::new() };
        let is_of_one = |by| self.state.filters_by(by);
        let is_offered = |of: Dimension| match of {
            Dimension::BrowserVersion => of == shown || is_of_one(Dimension::Browser),
            Dimension::SystemVersion => of == shown || is_of_one(Dimension::System),
            _ => true,
        };
        let offered: Vec<_> = tab.dimensions.iter().filter(|(each, _)| is_offered(*each)).collect();
        if offered.len() < 2 {
            return Vec::new();
        }
        let link = |(each, title): &&(Dimension, &str)| Link {
            title: (*title).to_owned(),
            href: href(*each),
            is_current: *each == shown,
        };
        offered.iter().map(link).collect()
    }

    fn table(&self, dimension: Dimension, columns: &'static [Field], most: usize) -> Shown {
        let nothing = Table { key: dimension.into(), rows: Vec::new(), more: 0 };
        let table = self.report.table(dimension).unwrap_or(&nothing);
        let rank = |tally: &Tally| match dimension.is_ranked_by_visits() {
            true => tally.visits,
            false => tally.visitors,
        };
        let longest = table.rows.iter().map(|row| rank(&row.tally)).max().unwrap_or(0).max(1);
        let row = |row: &Row| {
            let fill = rank(&row.tally) as f64 / longest as f64 * 100.0;
            self.row(dimension, row, columns, (fill * 10.0).round() / 10.0)
        };
        let count = table.rows.len() as u64 + table.more;
        let is_whole = most == usize::MAX;
        let all = (!is_whole && !table.rows.is_empty()).then(|| Link {
            title: match count {
                more if more > most as u64 => format!("All {} rows", words::thousands(more)),
                _ => "Details".to_owned(),
            },
            href: self.state.with_show(Some(dimension)).href(),
            is_current: false,
        });
        Shown {
            dimension: dimension.name(),
            attribute: format!("data-{}", dimension.name().replace('_', "-")),
            title: words::dimension(dimension),
            columns: columns.iter().map(|column| column.title()).collect(),
            rows: table.rows.iter().take(most).map(row).collect(),
            all,
            more: if is_whole { table.more } else { 0 },
        }
    }

    fn row(
        &self,
        dimension: Dimension,
        row: &Row,
        columns: &'static [Field],
        fill: f64,
    ) -> ShownRow {
        let value = row.value.as_deref().unwrap_or_default();
        let filter = Condition::from(Filter::is(dimension, value));
        let is_page =
            matches!(dimension, Dimension::Page | Dimension::EntryPage | Dimension::ExitPage);
        ShownRow {
            value: match (dimension, value) {
                (Dimension::Source, "") => words::value(dimension, value),
                (_, value) => value.to_owned(),
            },
            name: words::value(dimension, value),
            flag: words::flag(dimension, value),
            href: self.state.toggled(&filter).href(),
            is_on: self.state.has(&filter),
            open: if is_page { page_address(self.site, value) } else { None },
            fill,
            cells: columns.iter().map(|it| it.cell(&row.tally, &self.report.totals)).collect(),
        }
    }
}

fn tabs(plan: &Plan, shown: Dimension, href: impl Fn(Dimension) -> String) -> Vec<Link> {
    if plan.tabs.len() < 2 {
        return Vec::new();
    }
    let link = |tab: &Tab| {
        let (first, _) = tab.dimensions.first()?;
        let is_current = tab.dimensions.iter().any(|(dimension, _)| *dimension == shown);
        Some(Link { title: tab.title.to_owned(), href: href(*first), is_current })
    };
    plan.tabs.iter().filter_map(link).collect()
}

/// The address of a page on one of the site's own hosts, and on no other, whatever its name says.
/// The ports of hosts on this machine are not known.
fn page_address(site: &Site, page: &str) -> Option<String> {
    let (host, path) = match page.find('/')? {
        0 => (site.domain.as_str(), page),
        at => page.split_at(at),
    };
    let url = Url::parse(&format!("https://{host}{path}")).ok()?;
    let found = url.host_str()?;
    let is_local = found == "localhost" || found.ends_with(".localhost") || url.domain().is_none();
    let is_own = url.username().is_empty() && url.port().is_none() && site.has_host(found);
    (is_own && !is_local).then(|| url.to_string())
}

#[cfg(test)]
mod tests {
    use footfall_infra::settings::Settings;

    use super::*;
    use crate::dashboard::state::tests::state;
    use crate::dashboard::view::tests::report;

    fn site() -> Site {
        let yaml = "sites: [{domain: example.com, hosts: [example.com, '*.example.com']}]";
        Settings::from_yaml(yaml).unwrap().sites.remove(0)
    }

    #[test]
    fn a_page_opens_on_the_sites_own_hosts() {
        let check = |page: &str, expected: Option<&str>| {
            assert_eq!(page_address(&site(), page).as_deref(), expected, "{page}");
        };
        check("/", Some("https://example.com/"));
        check("/café/#a", Some("https://example.com/caf%C3%A9/#a"));
        check("//evil.example", Some("https://example.com//evil.example"));
        check("blog.example.com/a", Some("https://blog.example.com/a"));
        check("evil.example/a", None);
        check("example.com@evil.example/a", None);
        check("evil.example@example.com/a", None);
        check("example.com:81/a", None);
        check("javascript:alert(1)//example.com/", None);
        check("javascript:alert(1)", None);
        check("", None);
        let local = &Settings::local().sites[0];
        assert_eq!(page_address(local, "/"), None);
    }

    #[test]
    fn every_dimension_is_in_one_card() {
        let mut all: Vec<usize> =
            PLANS.iter().flat_map(Plan::dimensions).map(Dimension::index).collect();
        all.sort_unstable();
        assert_eq!(all, (0..Dimension::COUNT).collect::<Vec<_>>());
    }

    #[test]
    fn a_card_shows_the_tab_that_is_chosen() {
        let (site, report) = (site(), report());
        let mut state = state();
        state.tabs = vec![Dimension::UtmMedium];
        let cards = Cards { site: &site, report: &report, state: &state };
        let sources = cards.all().into_iter().find(|card| card.id == "sources").unwrap();
        assert_eq!(sources.table.dimension, "utm_medium");
        let current = |links: &[Link]| {
            links.iter().filter(|it| it.is_current).map(|it| it.title.clone()).collect::<Vec<_>>()
        };
        assert_eq!(current(&sources.tabs), ["Campaigns"]);
        assert_eq!(current(&sources.parts), ["medium"]);
        assert_eq!(sources.tabs[0].href, "?period=7d#sources");
        assert_eq!(sources.parts[4].href, "?period=7d&tab=utm_content#sources");
        assert!(sources.table.rows.is_empty() && sources.table.all.is_none());
    }

    #[test]
    fn a_row_leads_to_its_filter_and_back() {
        let (site, report) = (site(), report());
        let row = |state: &State| {
            let cards = Cards { site: &site, report: &report, state };
            let card = cards.single(Dimension::Source).unwrap();
            (
                card.table.rows[0].href.clone(),
                card.table.rows[0].is_on,
                card.table.rows[0].value.clone(),
            )
        };
        let plain = state();
        assert_eq!(row(&plain), ("?period=7d&f=is%2Csource%2C".into(), false, "Direct".into()));
        let filtered = plain.toggled(&"is,source,".parse().unwrap());
        assert_eq!(row(&filtered), ("?period=7d".into(), true, "Direct".into()));
    }

    #[test]
    fn versions_are_those_of_one_browser() {
        let (site, report) = (site(), report());
        let parts = |state: &State| {
            let cards = Cards { site: &site, report: &report, state };
            cards.all().into_iter().find(|card| card.id == "devices").unwrap().parts.len()
        };
        assert_eq!(parts(&state()), 0);
        assert_eq!(parts(&state().toggled(&"is,browser,Firefox".parse().unwrap())), 2);
    }
}
