//! The tables of the page: which cards there are, what their tabs show, and where their rows lead.

use footfall_infra::settings::Site;
use serde::Serialize;

use super::columns::{self, Column};
use super::filters::negated;
use super::format::{self, Figure};
use super::heatmap::Day;
use super::links;
use super::map::Map;
use super::params::{Sort, State};
use super::queries::{self, Numbers};
use crate::query::condition::{Condition, Filter};
use crate::query::dimension::{Dimension, Key};
use crate::query::metrics::Metrics;
use crate::query::report::{Row, Table};

/// How many rows a table of the page has.
const ROWS: usize = 9;

/// How many rows the table alone has.
pub(super) const ALL_ROWS: usize = 1000;

/// A card: tables of one kind, of which one is shown.
struct Plan {
    id: &'static str,
    title: &'static str,
    tabs: Vec<Tab>,
}

/// A tab of a card, and the keys behind it: mostly one.
struct Tab {
    title: &'static str,
    keys: Vec<(Key, String)>,
}

impl Tab {
    fn of(title: &'static str, dimension: Dimension) -> Self {
        Self { title, keys: vec![(dimension.into(), String::new())] }
    }

    fn with_parts(title: &'static str, parts: &[(Dimension, &str)]) -> Self {
        let part =
            |(dimension, title): &(Dimension, &str)| (Key::from(*dimension), (*title).to_owned());
        Self { title, keys: parts.iter().map(part).collect() }
    }

    fn has(&self, key: &Key) -> bool {
        self.keys.iter().any(|(each, _)| each == key)
    }
}

impl Plan {
    fn new(id: &'static str, title: &'static str, tabs: Vec<Tab>) -> Self {
        Self { id, title, tabs }
    }

    fn keys(&self) -> Vec<Key> {
        self.tabs.iter().flat_map(|tab| &tab.keys).map(|(key, _)| key.clone()).collect()
    }

    /// The key that is shown of it.
    fn shown(&self, state: &State) -> Option<Key> {
        let keys = self.keys();
        let chosen = state.tabs.iter().find(|tab| keys.contains(tab)).cloned();
        chosen.or_else(|| keys.into_iter().next())
    }
}

/// All cards with tables, in the order of the page. The properties are those of the one event that is filtered by.
fn plans(site: &Site, props: &[String]) -> Vec<Plan> {
    use Dimension as D;
    let mut conversions = vec![Tab::of("Events", D::Event)];
    if !site.goals.is_empty() {
        conversions.insert(0, Tab { title: "Goals", keys: vec![(Key::Goal, String::new())] });
    }
    let conversions_title = if site.goals.is_empty() { "Events" } else { "Goals" };
    let campaigns = [
        (D::UtmSource, "source"),
        (D::UtmMedium, "medium"),
        (D::UtmCampaign, "campaign"),
        (D::UtmTerm, "term"),
        (D::UtmContent, "content"),
    ];
    let props = props.iter().map(|name| (Key::Prop(name.clone()), name.clone())).collect();
    vec![
        Plan::new(
            "pages",
            "Pages",
            vec![
                Tab::of("Top", D::Page),
                Tab::of("Entry", D::EntryPage),
                Tab::of("Exit", D::ExitPage),
            ],
        ),
        Plan::new(
            "sources",
            "Sources",
            vec![
                Tab::of("Sources", D::Source),
                Tab::of("Channels", D::Channel),
                Tab::of("Referrers", D::Referrer),
                Tab::with_parts("Campaigns", &campaigns),
            ],
        ),
        Plan::new("countries", "Countries", vec![Tab::of("Countries", D::Country)]),
        Plan::new(
            "devices",
            "Devices",
            vec![
                Tab::with_parts(
                    "Browsers",
                    &[(D::Browser, "names"), (D::BrowserVersion, "versions")],
                ),
                Tab::with_parts("OS", &[(D::Os, "names"), (D::OsVersion, "versions")]),
                Tab::of("Devices", D::Device),
                Tab::of("Screens", D::Screen),
            ],
        ),
        Plan::new("events", conversions_title, conversions),
        Plan::new("props", "Properties", vec![Tab { title: "Properties", keys: props }]),
        Plan::new("hosts", "Hosts", vec![Tab::of("Hosts", D::Host)]),
    ]
}

/// The tables that a page shows, but for properties of events.
#[must_use]
pub(super) fn tables(site: &Site, state: &State) -> Vec<Key> {
    match &state.show {
        Some(show) => vec![show.clone()],
        None => plans(site, &[]).iter().filter_map(|plan| plan.shown(state)).collect(),
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
    /// What is in it.
    pub content: Content,
    /// What else must be known to read it.
    pub note: Option<String>,
    /// Where its table is as data.
    pub csv: Option<String>,
    /// Whether it takes the whole width.
    pub is_wide: bool,
}

/// What is in a card.
#[derive(Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Content {
    /// A table.
    Table(Box<Shown>),
    /// Why hits were not counted: the reason, how many, and the length of the bar in per cent.
    Reasons(Vec<(String, Figure, f64)>),
    /// The hours of the week.
    Week(Vec<Day>),
}

/// Where a choice leads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
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
    /// The key's name.
    pub key: String,
    /// The name of the attribute that has a row's value: `data-entry-page`.
    pub attribute: String,
    /// The table's title: `Top pages`.
    pub title: String,
    /// The heads of the columns.
    pub columns: Vec<Head>,
    /// The rows.
    pub rows: Vec<ShownRow>,
    /// Where all rows are, and how many, if these are not all or have more to tell.
    pub all: Option<Link>,
    /// How many rows there are beyond what any table shows.
    pub more: u64,
    /// The map of countries.
    pub map: Option<Map>,
}

/// The head of a column.
#[derive(Debug, Serialize)]
pub(super) struct Head {
    /// What it is called.
    pub title: String,
    /// Where the table is sorted by it, if it can be.
    pub href: Option<String>,
    /// How it is sorted by it: `ascending` or `descending`.
    pub sorted: Option<&'static str>,
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
    /// Where all others are.
    pub not: String,
    /// Whether the page is filtered by it.
    pub is_on: bool,
    /// The address of the page itself.
    pub open: Option<String>,
    /// How long the bar behind it is, in per cent.
    pub fill: f64,
    /// The numbers.
    pub cells: Vec<Figure>,
}

/// A site's numbers in a state of the page: what cards are made of.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cards<'a> {
    /// The site.
    pub site: &'a Site,
    /// Its numbers.
    pub numbers: &'a Numbers,
    /// What is shown of them.
    pub state: &'a State,
}

impl Cards<'_> {
    /// The cards of the whole page.
    #[must_use]
    pub(super) fn all(&self) -> Vec<Card> {
        let props = queries::prop_names(&self.numbers.report);
        let plans = plans(self.site, &props);
        let shown = plans.iter().filter(|plan| self.is_shown(plan));
        let mut cards: Vec<Card> = shown.filter_map(|plan| self.card(plan)).collect();
        cards.extend(self.week());
        cards.extend(self.filtered());
        spread(&mut cards);
        cards
    }

    /// Events, their properties and hosts are not everybody's.
    fn is_shown(&self, plan: &Plan) -> bool {
        let is_filtered = |by: Key| self.state.filters_by(by);
        let report = &self.numbers.report;
        match plan.id {
            "events" => {
                report.totals.events > 0
                    || !self.site.goals.is_empty()
                    || is_filtered(Dimension::Event.into())
            }
            "hosts" => {
                let hosts = report.table(Dimension::Host).map_or(0, |table| table.rows.len());
                hosts > 1 || is_filtered(Dimension::Host.into())
            }
            _ => true,
        }
    }

    fn card(&self, plan: &Plan) -> Option<Card> {
        let all = plan.keys();
        let shown = plan.shown(self.state)?;
        let href = |to: &Key| format!("{}#{}", self.state.with_tab(to, &all).href(), plan.id);
        let columns = Column::of_card(&shown, self.numbers);
        Some(Card {
            tabs: tabs(plan, &shown, href),
            parts: self.parts(plan, &shown, href),
            content: Content::Table(Box::new(self.table(&shown, &columns, ROWS))),
            ..self.plain(plan, &shown)
        })
    }

    fn plain(&self, plan: &Plan, shown: &Key) -> Card {
        Card {
            id: plan.id,
            title: plan.title,
            tabs: Vec::new(),
            parts: Vec::new(),
            content: Content::Reasons(Vec::new()),
            note: self.note(shown),
            csv: Some(self.state.data_href("csv", Some(&shown.to_string()))),
            is_wide: *shown == Dimension::Country.into(),
        }
    }

    /// One table with all of its rows and columns, and its card's other tables beside it.
    #[must_use]
    pub(super) fn single(&self, shown: &Key) -> Card {
        let mut plans = plans(self.site, &[]);
        let place = plans.iter().position(|plan| plan.keys().contains(shown));
        let plan = match (place, shown) {
            (Some(place), _) => plans.swap_remove(place),
            (None, Key::Goal) => Plan::new("events", "Goals", Vec::new()),
            (None, _) => Plan::new("props", "Properties", Vec::new()),
        };
        let href = |to: &Key| self.state.with_show(Some(to.clone())).href();
        let columns = Column::of_table(shown, self.numbers);
        Card {
            tabs: tabs(&plan, shown, href),
            parts: self.parts(&plan, shown, href),
            content: Content::Table(Box::new(self.table(shown, &columns, ALL_ROWS))),
            ..self.plain(&plan, shown)
        }
    }

    /// What a conversion is of.
    fn note(&self, shown: &Key) -> Option<String> {
        let visitors = |number| format::counted(number, "visitor");
        match (&self.numbers.base, shown) {
            (Some(base), Key::Goal) => Some(format!(
                "Conversion rate: share of the {} who match the other filters. In other tables, share of the \
                 visitors in that row.",
                visitors(base.report.totals.visitors)
            )),
            (None, Key::Goal) => {
                let of = visitors(self.numbers.report.totals.visitors);
                let whom =
                    if self.state.filters.is_empty() { "" } else { " who match the filters" };
                Some(format!("Conversion rate: share of the {of}{whom}."))
            }
            _ => None,
        }
    }

    /// Versions say something of one browser or system only, and stand there once it is filtered by.
    fn parts(&self, plan: &Plan, shown: &Key, href: impl Fn(&Key) -> String) -> Vec<Link> {
        let Some(tab) = plan.tabs.iter().find(|tab| tab.has(shown)) else { return Vec::new() };
        let is_offered = |of: &Key| match of {
            Key::Dimension(Dimension::BrowserVersion) => {
                of == shown || self.state.filters_by(Dimension::Browser)
            }
            Key::Dimension(Dimension::OsVersion) => {
                of == shown || self.state.filters_by(Dimension::Os)
            }
            _ => true,
        };
        let offered: Vec<_> = tab.keys.iter().filter(|(each, _)| is_offered(each)).collect();
        let is_prop = matches!(shown, Key::Prop(_));
        if offered.len() < 2 && !is_prop {
            return Vec::new();
        }
        let link = |(each, title): &&(Key, String)| Link {
            title: title.clone(),
            href: href(each),
            is_current: each == shown,
        };
        offered.iter().map(link).collect()
    }

    fn table(&self, key: &Key, columns: &[Column], most: usize) -> Shown {
        let nothing = Table { key: key.clone(), rows: Vec::new(), more: 0 };
        let table = self.numbers.report.table(key.clone()).unwrap_or(&nothing);
        let is_ranked_by_visits =
            matches!(key, Key::Dimension(dimension) if dimension.is_ranked_by_visits());
        let rank =
            |tally: &Metrics| if is_ranked_by_visits { tally.visits } else { tally.visitors };
        let longest = table.rows.iter().map(|row| rank(&row.tally)).max().unwrap_or(0).max(1);
        let row = |row: &&Row| {
            let fill = rank(&row.tally) as f64 / longest as f64 * 100.0;
            self.row(key, row, columns, (fill * 10.0).round() / 10.0)
        };
        let count = table.rows.len() as u64 + table.more;
        let is_whole = self.state.show.is_some();
        let mut rows: Vec<&Row> = table.rows.iter().collect();
        if let Some(sort) = self.state.sort.filter(|_| is_whole) {
            columns::sort(&mut rows, key, sort);
        }
        let all = (!is_whole && !rows.is_empty()).then(|| Link {
            title: match count {
                more if more > most as u64 => format!("All {} rows", format::thousands(more)),
                _ => "Details".to_owned(),
            },
            href: self.state.with_show(Some(key.clone())).href(),
            is_current: false,
        });
        let is_country = *key == Dimension::Country.into();
        Shown {
            key: key.to_string(),
            attribute: format!("data-{}", attribute(key)),
            title: format::table_title(key, is_whole),
            columns: self.heads(key, columns, is_whole),
            rows: rows.iter().take(most).map(row).collect(),
            all,
            more: if is_whole { count.saturating_sub(most as u64) } else { 0 },
            map: (is_country && !is_whole && !rows.is_empty()).then(|| Map::of(table, self.state)),
        }
    }

    /// The heads of all columns, that of the names first.
    fn heads(&self, key: &Key, columns: &[Column], is_sortable: bool) -> Vec<Head> {
        let current = self.state.sort;
        let head = |title: &str, by| {
            let sorted = current.filter(|sort| is_sortable && Some(sort.by) == by);
            // Names from A, numbers from the largest; and the other way round at the second click.
            let first = by == Some(None);
            let is_rising = sorted.map_or(first, |sort| !sort.is_rising);
            Head {
                title: title.to_owned(),
                href: by
                    .filter(|_| is_sortable)
                    .map(|by| self.state.with_sort(Sort { by, is_rising }).href()),
                sorted: sorted.map(|sort| if sort.is_rising { "ascending" } else { "descending" }),
            }
        };
        let name = format::key(key);
        let columns = columns.iter().map(|column| head(column.title(), column.metric().map(Some)));
        std::iter::once(head(&name, Some(None))).chain(columns).collect()
    }

    fn row(&self, key: &Key, row: &Row, columns: &[Column], fill: f64) -> ShownRow {
        let value = row.value.as_deref().unwrap_or_default();
        let filter = Condition::from(Filter::is(key.clone(), value));
        let dimension = match key {
            Key::Dimension(dimension) => Some(*dimension),
            Key::Prop(_) | Key::Goal => None,
        };
        ShownRow {
            value: match (dimension, value) {
                (Some(Dimension::Source), "") => format::value(Dimension::Source, value),
                (_, value) => value.to_owned(),
            },
            name: format::key_value(key, value),
            flag: dimension.and_then(|dimension| format::flag(dimension, value)),
            href: self.state.toggled(&filter).href(),
            not: self.state.toggled(&negated(&filter)).href(),
            is_on: self.state.has(&filter),
            open: links::address(self.site, key, value),
            fill,
            cells: columns
                .iter()
                .map(|column| column.cell(key, row, self.numbers))
                // A table of its own can be scrolled sideways.
                .map(|cell| if self.state.show.is_some() { cell.in_full() } else { cell })
                .collect(),
        }
    }

    /// When in the week people come.
    fn week(&self) -> Option<Card> {
        let week = self.numbers.week.as_ref()?;
        Some(Card {
            id: "week",
            title: "Hours of the week",
            tabs: Vec::new(),
            parts: Vec::new(),
            content: Content::Week(week.days()),
            note: Some(format!("Average visitors per hour ({}).", self.numbers.report.time_zone)),
            csv: Some(self.state.data_href("csv", Some("week"))),
            is_wide: false,
        })
    }

    /// What was not counted.
    #[must_use]
    pub(super) fn filtered(&self) -> Option<Card> {
        let filtered = &self.numbers.report.filtered;
        let most = filtered.iter().map(|row| row.count).max()?.max(1);
        let reason = |row: &crate::query::report::ExcludedRow| {
            let fill = (row.count as f64 / most as f64 * 1000.0).round() / 10.0;
            (format::reason(&row.reason), Figure::of(row.count), fill)
        };
        Some(Card {
            id: "filtered",
            title: "Excluded traffic",
            tabs: Vec::new(),
            parts: Vec::new(),
            content: Content::Reasons(filtered.iter().map(reason).collect()),
            note: Some(
                "Not included in any other number on this page. Filters do not apply here."
                    .to_owned(),
            ),
            csv: Some(self.state.data_href("csv", Some("filtered"))),
            is_wide: self.numbers.report.totals == Metrics::default(),
        })
    }
}

/// A card that would stand alone in its row takes all of it.
fn spread(cards: &mut [Card]) {
    for run in cards.split_mut(|card| card.is_wide) {
        if let (false, Some(last)) = (run.len().is_multiple_of(2), run.last_mut()) {
            last.is_wide = true;
        }
    }
}

/// The end of an attribute's name: `entry-page`.
fn attribute(key: &Key) -> String {
    match key {
        Key::Prop(_) => "prop".to_owned(),
        key => key.to_string().replace('_', "-"),
    }
}

fn tabs(plan: &Plan, shown: &Key, href: impl Fn(&Key) -> String) -> Vec<Link> {
    if plan.tabs.len() < 2 {
        return Vec::new();
    }
    let link = |tab: &Tab| {
        let (first, _) = tab.keys.first()?;
        let is_current = tab.has(shown);
        Some(Link { title: tab.title.to_owned(), href: href(first), is_current })
    };
    plan.tabs.iter().filter_map(link).collect()
}

#[cfg(test)]
mod tests {
    use footfall_infra::settings::Settings;

    use super::*;
    use crate::web::dashboard::params::tests::state;
    use crate::web::dashboard::view_model::tests::numbers;

    fn site() -> Site {
        let yaml = "sites: [{domain: example.com, goals: [{event: signup}]}]";
        Settings::from_yaml(yaml).unwrap().sites.remove(0)
    }

    fn shown(card: &Card) -> &Shown {
        let Content::Table(shown) = &card.content else { panic!("{} has no table", card.id) };
        shown
    }

    fn card(cards: Vec<Card>, id: &str) -> Card {
        cards.into_iter().find(|card| card.id == id).unwrap()
    }

    #[test]
    fn every_key_is_in_one_card() {
        let mut all: Vec<Key> =
            plans(&site(), &["plan".to_owned()]).iter().flat_map(Plan::keys).collect();
        all.sort_unstable();
        let mut expected: Vec<Key> = crate::query::report::all_tables();
        expected.push(Key::Prop("plan".to_owned()));
        expected.sort_unstable();
        assert_eq!(all, expected);
    }

    #[test]
    fn a_card_shows_the_tab_that_is_chosen() {
        let (site, numbers) = (site(), numbers());
        let mut state = state();
        state.tabs = vec![Dimension::UtmMedium.into()];
        assert!(tables(&site, &state).contains(&Dimension::UtmMedium.into()));
        assert!(!tables(&site, &state).contains(&Dimension::Source.into()));
        let cards = Cards { site: &site, numbers: &numbers, state: &state };
        let sources = card(cards.all(), "sources");
        assert_eq!(shown(&sources).key, "utm_medium");
        let current = |links: &[Link]| {
            links.iter().filter(|it| it.is_current).map(|it| it.title.clone()).collect::<Vec<_>>()
        };
        assert_eq!(current(&sources.tabs), ["Campaigns"]);
        assert_eq!(current(&sources.parts), ["medium"]);
        assert_eq!(sources.tabs[0].href, "?period=7d#sources");
        assert_eq!(sources.parts[4].href, "?period=7d&tab=utm_content#sources");
        assert_eq!(sources.csv.as_deref(), Some("?period=7d&show=utm_medium&format=csv"));
        assert!(shown(&sources).rows.is_empty() && shown(&sources).all.is_none());
    }

    #[test]
    fn a_row_leads_to_its_filter_and_back() {
        let (site, numbers) = (site(), numbers());
        let row = |state: &State| {
            let cards = Cards { site: &site, numbers: &numbers, state };
            let mut card = cards.single(&Dimension::Source.into());
            let Content::Table(shown) = &mut card.content else { panic!() };
            let row = shown.rows.swap_remove(0);
            (row.href, row.not, row.is_on, row.value)
        };
        let plain = state();
        let (is, not) = ("?period=7d&f=is%2Csource%2C", "?period=7d&f=is_not%2Csource%2C");
        assert_eq!(row(&plain), (is.into(), not.into(), false, "Direct".into()));
        let filtered = plain.toggled(&"is,source,".parse().unwrap());
        assert_eq!((row(&filtered).0.as_str(), row(&filtered).2), ("?period=7d", true));
    }

    #[test]
    fn versions_are_those_of_one_browser() {
        let (site, numbers) = (site(), numbers());
        let parts = |state: &State| {
            let cards = Cards { site: &site, numbers: &numbers, state };
            card(cards.all(), "devices").parts.len()
        };
        assert_eq!(parts(&state()), 0);
        assert_eq!(parts(&state().toggled(&"is,browser,Firefox".parse().unwrap())), 2);
    }

    #[test]
    fn a_head_sorts_and_turns() {
        let (site, numbers) = (site(), numbers());
        let mut state = state().with_show(Some(Dimension::Page.into()));
        let heads = |state: &State| {
            let cards = Cards { site: &site, numbers: &numbers, state };
            let card = cards.single(&Dimension::Page.into());
            let heads = shown(&card).columns.iter();
            heads.map(|it| (it.title.clone(), it.href.clone(), it.sorted)).collect::<Vec<_>>()
        };
        let sorted = |sort: &str| Some(format!("?period=7d&show=page&sort={sort}"));
        assert_eq!(heads(&state)[0], ("Page".into(), sorted("name%3Aasc"), None));
        assert_eq!(heads(&state)[1], ("Visitors".into(), sorted("visitors"), None));
        assert_eq!(heads(&state)[2], ("Share".into(), None, None));
        state.sort =
            Some(Sort { by: Some(super::super::metric::Metric::Visitors), is_rising: false });
        assert_eq!(
            heads(&state)[1],
            ("Visitors".into(), sorted("visitors%3Aasc"), Some("descending"))
        );
    }

    #[test]
    fn no_card_stands_beside_a_gap() {
        let (site, numbers) = (site(), numbers());
        let state = state();
        let cards = Cards { site: &site, numbers: &numbers, state: &state }.all();
        let shape: Vec<_> = cards.iter().map(|card| (card.id, card.is_wide)).collect();
        let expected = [
            ("pages", false),
            ("sources", false),
            ("countries", true),
            ("devices", false),
            ("events", false),
            ("filtered", true),
        ];
        assert_eq!(shape, expected);
    }
}
