//! Cards, ready to print: the tables of the page with their tabs, and where their rows lead.

use footfall_infra::settings::Site;
use serde::Serialize;

use super::card_specs::{CardSpec, TabSpec, specs};
use super::columns::{self, Column};
use super::filters::negated;
use super::format::{self, Figure};
use super::heatmap::Day;
use super::links;
use super::map::Map;
use super::params::{Params, Sort};
use super::queries::{self, Numbers};
use crate::query::condition::{Condition, Filter};
use crate::query::dimension::{Dimension, Key};
use crate::query::metrics::Metrics;
use crate::query::report::{Row, Table};

/// Maximum rows of a table on the overview.
const ROWS: usize = 9;

/// A card, ready to print.
#[derive(Debug, Serialize)]
pub(super) struct Card {
    /// Its id on the page.
    pub id: &'static str,
    /// Its heading.
    pub title: &'static str,
    /// Its tabs. Empty if there is only one.
    pub tabs: Vec<Link>,
    /// The tables behind the current tab. Empty if there is only one.
    pub parts: Vec<Link>,
    /// Its table, list or heatmap.
    pub content: Content,
    /// A sentence below the content that explains it.
    pub note: Option<String>,
    /// The URL of its data as CSV.
    pub csv: Option<String>,
    /// Whether it spans the width of the page.
    pub is_wide: bool,
}

/// Content of a card.
#[derive(Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Content {
    /// A table.
    Table(Box<TableView>),
    /// Excluded hits: the reason, how many, and the length of the bar in percent.
    Reasons(Vec<(String, Figure, f64)>),
    /// Hours of the week, as a heatmap.
    Week(Vec<Day>),
}

/// A link that is one of several choices.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Link {
    /// Its text.
    pub title: String,
    /// Its URL.
    pub href: String,
    /// Whether it is the current choice.
    pub is_current: bool,
}

/// A table, ready to print.
#[derive(Debug, Serialize)]
pub(super) struct TableView {
    /// The key's name.
    pub key: String,
    /// The name of the attribute that has a row's value: `data-entry-page`.
    pub attribute: String,
    /// The table's title: `Top pages`.
    pub title: String,
    /// The column heads.
    pub columns: Vec<ColumnHead>,
    /// The rows.
    pub rows: Vec<TableRow>,
    /// The table on its own page, with all rows and columns.
    pub all: Option<Link>,
    /// Number of rows beyond the maximum.
    pub more: u64,
    /// The map, in the table of countries.
    pub map: Option<Map>,
}

/// A column head.
#[derive(Debug, Serialize)]
pub(super) struct ColumnHead {
    /// Its text.
    pub title: String,
    /// The URL that sorts the table by this column. `None` if it cannot be sorted.
    pub href: Option<String>,
    /// `ascending` or `descending` if the table is sorted by this column.
    pub sorted: Option<&'static str>,
}

/// A row, ready to print.
#[derive(Debug, Serialize)]
pub(super) struct TableRow {
    /// The stored value; `Direct` or empty for rows without one.
    pub value: String,
    /// The value as the page shows it.
    pub name: String,
    /// The flag of a country.
    pub flag: Option<String>,
    /// The URL that adds this row as a filter, or clears it.
    pub href: String,
    /// The URL that excludes this row.
    pub not: String,
    /// Whether the page is filtered by it.
    pub is_on: bool,
    /// The URL of the web page that the row is about.
    pub open: Option<String>,
    /// Length of the bar behind the name, in percent.
    pub fill: f64,
    /// The cells after the name.
    pub cells: Vec<Figure>,
}

/// Makes the cards of a page.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cards<'a> {
    /// The site.
    pub site: &'a Site,
    /// Its numbers.
    pub numbers: &'a Numbers,
    /// The page's parameters.
    pub state: &'a Params,
}

impl Cards<'_> {
    /// Returns the cards of the overview.
    #[must_use]
    pub(super) fn all(&self) -> Vec<Card> {
        let props = queries::prop_names(&self.numbers.report);
        let specs = specs(self.site, &props);
        let shown = specs.iter().filter(|spec| self.is_shown(spec));
        let mut cards: Vec<Card> = shown.filter_map(|spec| self.card(spec)).collect();
        cards.extend(self.week());
        cards.extend(self.filtered());
        spread(&mut cards);
        cards
    }

    /// Hides the event and host cards on sites without such data.
    fn is_shown(&self, spec: &CardSpec) -> bool {
        let is_filtered = |by: Key| self.state.filters_by(by);
        let report = &self.numbers.report;
        match spec.id {
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

    fn card(&self, spec: &CardSpec) -> Option<Card> {
        let all = spec.keys();
        let shown = spec.shown(self.state)?;
        let href = |to: &Key| format!("{}#{}", self.state.with_tab(to, &all).href(), spec.id);
        let columns = Column::of_card(&shown, self.numbers);
        Some(Card {
            tabs: tabs(spec, &shown, href),
            parts: self.parts(spec, &shown, href),
            content: Content::Table(Box::new(self.table(&shown, &columns, ROWS))),
            ..self.plain(spec, &shown)
        })
    }

    fn plain(&self, spec: &CardSpec, shown: &Key) -> Card {
        Card {
            id: spec.id,
            title: spec.title,
            tabs: Vec::new(),
            parts: Vec::new(),
            content: Content::Reasons(Vec::new()),
            note: self.note(shown),
            csv: Some(self.state.data_href("csv", Some(&shown.to_string()))),
            is_wide: *shown == Dimension::Country.into(),
        }
    }

    /// Returns the card of one table with all rows and columns, and with links to the card's other tables.
    #[must_use]
    pub(super) fn single(&self, shown: &Key) -> Card {
        let mut specs = specs(self.site, &[]);
        let place = specs.iter().position(|spec| spec.keys().contains(shown));
        let spec = match (place, shown) {
            (Some(place), _) => specs.swap_remove(place),
            (None, Key::Goal) => CardSpec::new("events", "Goals", Vec::new()),
            (None, _) => CardSpec::new("props", "Properties", Vec::new()),
        };
        let href = |to: &Key| self.state.with_show(Some(to.clone())).href();
        let columns = Column::of_table(shown, self.numbers);
        Card {
            tabs: tabs(&spec, shown, href),
            parts: self.parts(&spec, shown, href),
            content: Content::Table(Box::new(self.table(shown, &columns, queries::ALL_ROWS))),
            ..self.plain(&spec, shown)
        }
    }

    /// Explains the denominator of conversion rates.
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

    /// Versions are offered once the page is filtered by a browser or operating system, because they mean nothing across
    /// several.
    fn parts(&self, spec: &CardSpec, shown: &Key, href: impl Fn(&Key) -> String) -> Vec<Link> {
        let Some(tab) = spec.tabs.iter().find(|tab| tab.has(shown)) else { return Vec::new() };
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

    fn table(&self, key: &Key, columns: &[Column], most: usize) -> TableView {
        let nothing = Table { key: key.clone(), rows: Vec::new(), more: 0 };
        let table = self.numbers.report.table(key.clone()).unwrap_or(&nothing);
        let is_ranked_by_visits =
            matches!(key, Key::Dimension(dimension) if dimension.is_ranked_by_visits());
        let rank =
            |tally: &Metrics| if is_ranked_by_visits { tally.visits } else { tally.visitors };
        let longest = table.rows.iter().map(|row| rank(&row.metrics)).max().unwrap_or(0).max(1);
        let row = |row: &&Row| {
            let fill = rank(&row.metrics) as f64 / longest as f64 * 100.0;
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
        TableView {
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

    /// Returns the column heads, starting with that of the names.
    fn heads(&self, key: &Key, columns: &[Column], is_sortable: bool) -> Vec<ColumnHead> {
        let current = self.state.sort;
        let head = |title: &str, by| {
            let sorted = current.filter(|sort| is_sortable && Some(sort.by) == by);
            // The first click sorts names from A and numbers from the largest; the second reverses.
            let first = by == Some(None);
            let is_rising = sorted.map_or(first, |sort| !sort.is_rising);
            ColumnHead {
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

    fn row(&self, key: &Key, row: &Row, columns: &[Column], fill: f64) -> TableRow {
        let value = row.value.as_deref().unwrap_or_default();
        let filter = Condition::from(Filter::is(key.clone(), value));
        let dimension = match key {
            Key::Dimension(dimension) => Some(*dimension),
            Key::Prop(_) | Key::Goal => None,
        };
        TableRow {
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
                // On its own page, the table scrolls sideways.
                .map(|cell| if self.state.show.is_some() { cell.in_full() } else { cell })
                .collect(),
        }
    }

    /// Returns the heatmap of weekdays and hours.
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

    /// Returns the card of excluded traffic. `None` if there is none.
    #[must_use]
    pub(super) fn filtered(&self) -> Option<Card> {
        let filtered = &self.numbers.report.excluded;
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

/// Widens a card that would otherwise have an empty place beside it.
fn spread(cards: &mut [Card]) {
    for run in cards.split_mut(|card| card.is_wide) {
        if let (false, Some(last)) = (run.len().is_multiple_of(2), run.last_mut()) {
            last.is_wide = true;
        }
    }
}

/// Returns the end of a data attribute's name: `entry-page`.
fn attribute(key: &Key) -> String {
    match key {
        Key::Prop(_) => "prop".to_owned(),
        key => key.to_string().replace('_', "-"),
    }
}

fn tabs(spec: &CardSpec, shown: &Key, href: impl Fn(&Key) -> String) -> Vec<Link> {
    if spec.tabs.len() < 2 {
        return Vec::new();
    }
    let link = |tab: &TabSpec| {
        let (first, _) = tab.keys.first()?;
        let is_current = tab.has(shown);
        Some(Link { title: tab.title.to_owned(), href: href(first), is_current })
    };
    spec.tabs.iter().filter_map(link).collect()
}

#[cfg(test)]
mod tests {
    use footfall_infra::settings::Settings;

    use super::*;
    use crate::web::dashboard::card_specs::tables;
    use crate::web::dashboard::params::tests::state;
    use crate::web::dashboard::view_model::tests::numbers;

    fn site() -> Site {
        let yaml = "sites: [{domain: example.com, goals: [{event: signup}]}]";
        Settings::from_yaml(yaml).unwrap().sites.remove(0)
    }

    fn shown(card: &Card) -> &TableView {
        let Content::Table(shown) = &card.content else { panic!("{} has no table", card.id) };
        shown
    }

    fn card(cards: Vec<Card>, id: &str) -> Card {
        cards.into_iter().find(|card| card.id == id).unwrap()
    }

    #[test]
    fn shows_the_chosen_tab() {
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
    fn a_row_toggles_its_filter() {
        let (site, numbers) = (site(), numbers());
        let row = |state: &Params| {
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
    fn offers_versions_of_one_browser() {
        let (site, numbers) = (site(), numbers());
        let parts = |state: &Params| {
            let cards = Cards { site: &site, numbers: &numbers, state };
            card(cards.all(), "devices").parts.len()
        };
        assert_eq!(parts(&state()), 0);
        assert_eq!(parts(&state().toggled(&"is,browser,Firefox".parse().unwrap())), 2);
    }

    #[test]
    fn a_column_head_sorts_and_reverses() {
        let (site, numbers) = (site(), numbers());
        let mut state = state().with_show(Some(Dimension::Page.into()));
        let heads = |state: &Params| {
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
    fn leaves_no_gap_beside_a_card() {
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
