//! What the page shows, as an address: every state of the dashboard is one, and every link leads to
//! another. Addresses are written here and nowhere else.

use jiff::civil::Date;
use url::form_urlencoded::Serializer;

use super::metric::Metric;
use crate::auth::SHARE_PARAMETER;
use crate::platform::http::Request;
use crate::query::Query;
use crate::query::condition::Condition;
use crate::query::dimension::Key;
use crate::query::period::Choice;

/// The most tabs that are chosen: cards have fewer.
const TABS: usize = 20;

/// A state of the page.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct State {
    /// The secret of the share link that shows the page, if it is one.
    pub auth: Option<String>,
    /// The site, where there is more than one.
    pub site: Option<String>,
    /// Which days.
    pub range: Range,
    /// The filters.
    pub filters: Vec<Condition>,
    /// What the chart draws.
    pub metric: Metric,
    /// Whether numbers are compared with the period before.
    pub is_compared: bool,
    /// The tabs that were chosen, in any order: each is of one card.
    pub tabs: Vec<Key>,
    /// The one table that is shown, if it is one.
    pub show: Option<Key>,
    /// How that table is sorted, if not by rank.
    pub sort: Option<Sort>,
    /// Whether keys are shortcuts. Who speaks to a computer, or types by accident, can do without.
    pub has_keys: bool,
}

/// How a table is sorted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sort {
    /// By what; `None` is the name.
    pub by: Option<Metric>,
    /// Whether the least comes first.
    pub is_rising: bool,
}

impl Sort {
    /// `views` and `name`, or with the least first: `views:asc`.
    fn parse(text: &str) -> Option<Self> {
        let (name, is_rising) = match text.strip_suffix(":asc") {
            Some(name) => (name, true),
            None => (text, false),
        };
        let by = match name {
            "name" => None,
            name => Some(Metric::parse(name).filter(|it| Metric::REPORT.contains(it))?),
        };
        Some(Self { by, is_rising })
    }

    fn text(self) -> String {
        let name = self.by.map_or("name", Metric::name);
        format!("{name}{}", if self.is_rising { ":asc" } else { "" })
    }
}

/// How the days are said.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Range {
    /// By a choice, which moves on with time.
    Choice(Choice),
    /// From a day to another.
    Days(Date, Date),
}

impl State {
    /// The state that a request asks for. A tab or a table that is not there is not chosen.
    #[must_use]
    pub(super) fn of(request: &Request, site: Option<&str>, query: &Query) -> Self {
        let range = match query.period.choice {
            Choice::Custom => Range::Days(query.period.from, query.period.to),
            choice => Range::Choice(choice),
        };
        let mut tabs: Vec<Key> = Vec::new();
        for key in request.parameters("tab").iter().filter_map(|name| Key::parse(name)) {
            if !tabs.contains(&key) && tabs.len() < TABS {
                tabs.push(key);
            }
        }
        let parameter = |name| request.parameter(name).unwrap_or_default();
        Self {
            auth: request.parameter(SHARE_PARAMETER),
            site: site.map(str::to_owned),
            range,
            filters: query.conditions.clone(),
            metric: Metric::parse(&parameter("metric")).unwrap_or_default(),
            is_compared: parameter("compare") != "none",
            tabs,
            show: Key::parse(&parameter("show")),
            sort: Sort::parse(&parameter("sort")),
            has_keys: parameter("keys") != "off",
        }
    }

    /// The parameters of the address, in order.
    #[must_use]
    pub(super) fn fields(&self) -> Vec<(&'static str, String)> {
        let mut fields = self.whose();
        match self.range {
            Range::Choice(choice) => fields.push(("period", choice.name())),
            Range::Days(from, to) => fields.extend([
                ("period", Choice::Custom.name()),
                ("from", from.to_string()),
                ("to", to.to_string()),
            ]),
        }
        fields.extend(self.without_days());
        fields
    }

    /// The parameters that a form for other days keeps.
    #[must_use]
    pub(super) fn form_fields(&self) -> Vec<(&'static str, String)> {
        let mut fields = self.whose();
        fields.push(("period", Choice::Custom.name()));
        fields.extend(self.without_days());
        fields
    }

    fn whose(&self) -> Vec<(&'static str, String)> {
        let auth = self.auth.clone().map(|auth| (SHARE_PARAMETER, auth));
        auth.into_iter().chain(self.site.clone().map(|site| ("site", site))).collect()
    }

    fn without_days(&self) -> Vec<(&'static str, String)> {
        let mut fields: Vec<_> = self.filters.iter().map(|it| ("f", it.to_string())).collect();
        if self.metric != Metric::default() {
            fields.push(("metric", self.metric.name().to_owned()));
        }
        if !self.is_compared {
            fields.push(("compare", "none".to_owned()));
        }
        fields.extend(self.tabs.iter().map(|tab| ("tab", tab.to_string())));
        if let Some(show) = &self.show {
            fields.push(("show", show.to_string()));
            fields.extend(self.sort.map(|sort| ("sort", sort.text())));
        }
        if !self.has_keys {
            fields.push(("keys", "off".to_owned()));
        }
        fields
    }

    /// The address, relative to the page.
    #[must_use]
    pub(super) fn href(&self) -> String {
        self.href_with(&[])
    }

    /// The address of the same as data: all of it, or one part.
    #[must_use]
    pub(super) fn data_href(&self, format: &'static str, part: Option<&str>) -> String {
        let mut fields: Vec<_> = part.map(|part| ("show", part.to_owned())).into_iter().collect();
        fields.push(("format", format.to_owned()));
        Self {
            metric: Metric::default(),
            is_compared: true,
            tabs: Vec::new(),
            show: None,
            has_keys: true,
            ..self.clone()
        }
        .href_with(&fields)
    }

    fn href_with(&self, more: &[(&'static str, String)]) -> String {
        let mut query = Serializer::for_suffix("?".to_owned(), 1);
        query.extend_pairs(self.fields()).extend_pairs(more);
        query.finish()
    }

    /// Where somebody asks not to be counted.
    #[must_use]
    pub(super) fn myself_href(&self) -> String {
        let mut query = Serializer::for_suffix("?".to_owned(), 1);
        query.extend_pairs(self.whose()).append_key_only("myself");
        query.finish()
    }

    /// The same with other days.
    #[must_use]
    pub(super) fn with_range(&self, range: Range) -> Self {
        Self { range, ..self.clone() }
    }

    /// The same of another site. Filters are left behind: their values are the other site's.
    #[must_use]
    pub(super) fn with_site(&self, site: &str) -> Self {
        let filters = Vec::new();
        Self { site: Some(site.to_owned()), filters, show: None, ..self.clone() }
    }

    /// The same with one more filter, or without it if it is there. It leads back to the whole page.
    #[must_use]
    pub(super) fn toggled(&self, filter: &Condition) -> Self {
        let mut state = Self { show: None, ..self.clone() };
        if state.has(filter) {
            state.filters.retain(|other| other != filter);
        } else {
            state.filters.push(filter.clone());
        }
        state
    }

    /// Whether a filter is there.
    #[must_use]
    pub(super) fn has(&self, filter: &Condition) -> bool {
        self.filters.contains(filter)
    }

    /// Whether a key is filtered by.
    #[must_use]
    pub(super) fn filters_by(&self, key: impl Into<Key>) -> bool {
        let key = key.into();
        let filters = self.filters.iter().flat_map(Condition::filters);
        filters.into_iter().any(|filter| filter.key == key)
    }

    /// The same with other filters.
    #[must_use]
    pub(super) fn with_filters(&self, filters: Vec<Condition>) -> Self {
        Self { filters, ..self.clone() }
    }

    /// The same with another chart.
    #[must_use]
    pub(super) fn with_metric(&self, metric: Metric) -> Self {
        Self { metric, ..self.clone() }
    }

    /// The same, compared with the period before or not.
    #[must_use]
    pub(super) fn with_comparison(&self, is_compared: bool) -> Self {
        Self { is_compared, ..self.clone() }
    }

    /// The same with keys as shortcuts or without.
    #[must_use]
    pub(super) fn with_keys(&self, has_keys: bool) -> Self {
        Self { has_keys, ..self.clone() }
    }

    /// The same with another of a card's tabs; `all` are the card's, the first of which needs no
    /// mention.
    #[must_use]
    pub(super) fn with_tab(&self, tab: &Key, all: &[Key]) -> Self {
        let mut state = self.clone();
        state.tabs.retain(|other| !all.contains(other));
        if all.first() != Some(tab) {
            state.tabs.push(tab.clone());
        }
        state
    }

    /// The same with one table alone, or with all.
    #[must_use]
    pub(super) fn with_show(&self, show: Option<Key>) -> Self {
        Self { show, sort: None, ..self.clone() }
    }

    /// The same with its table sorted otherwise.
    #[must_use]
    pub(super) fn with_sort(&self, sort: Sort) -> Self {
        Self { sort: Some(sort), ..self.clone() }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::query::condition::Filter;
    use crate::query::dimension::Dimension;

    pub(crate) fn state() -> State {
        State {
            auth: None,
            site: None,
            range: Range::Choice(Choice::Days(7)),
            filters: Vec::new(),
            metric: Metric::Visitors,
            is_compared: true,
            tabs: Vec::new(),
            show: None,
            sort: None,
            has_keys: true,
        }
    }

    fn filter(dimension: Dimension, value: &str) -> Condition {
        Filter::is(dimension, value).into()
    }

    /// What an address says, as the handler reads it.
    fn read(href: &str) -> Vec<(String, String)> {
        url::form_urlencoded::parse(href.strip_prefix('?').unwrap().as_bytes())
            .into_owned()
            .collect()
    }

    #[test]
    fn a_state_is_an_address() {
        assert_eq!(state().href(), "?period=7d");
        let days = Range::Days("2026-11-01".parse().unwrap(), "2026-11-02".parse().unwrap());
        let state =
            state().with_range(days).with_site("e.x").with_show(Some(Dimension::Page.into()));
        assert_eq!(state.href(), "?site=e.x&period=custom&from=2026-11-01&to=2026-11-02&show=page");
        let days = "?site=e.x&period=custom&from=2026-11-01&to=2026-11-02";
        assert_eq!(state.data_href("csv", None), format!("{days}&format=csv"));
        let state = state.with_metric(Metric::Views).with_comparison(false).with_keys(false);
        let state = state.with_sort(Sort { by: Some(Metric::Visits), is_rising: true });
        assert_eq!(
            state.href(),
            format!("{days}&metric=views&compare=none&show=page&sort=visits%3Aasc&keys=off")
        );
        assert_eq!(state.data_href("json", Some("bars")), format!("{days}&show=bars&format=json"));
    }

    #[test]
    fn a_sort_is_a_word() {
        for text in ["name", "name:asc", "views_per_visit", "visitors:asc"] {
            assert_eq!(Sort::parse(text).map(Sort::text).as_deref(), Some(text));
        }
        assert_eq!((Sort::parse("page"), Sort::parse("conversion_rate")), (None, None));
    }

    #[test]
    fn any_value_stands_in_an_address() {
        for value in ["", "/a?b=c&d#e", "a,b\\c", "ünï \"<script>\"", "%2f+ =", "\u{1f600}"] {
            let filter = filter(Dimension::Page, value);
            let href = state().toggled(&filter).href();
            let found = read(&href).into_iter().find(|(name, _)| name == "f").unwrap().1;
            assert_eq!(found.parse::<Condition>(), Ok(filter), "{href}");
            assert!(href.is_ascii() && !href.contains(['"', '<', ' ']), "{href}");
        }
    }

    #[test]
    fn a_filter_is_put_on_and_taken_off() {
        let (page, source) = (filter(Dimension::Page, "/"), filter(Dimension::Source, ""));
        let both = state().with_show(Some(Dimension::Page.into())).toggled(&page).toggled(&source);
        assert_eq!((both.filters.len(), both.show.clone()), (2, None));
        assert_eq!(both.toggled(&page).filters, std::slice::from_ref(&source));
        assert_eq!(both.with_filters(vec![source.clone()]).filters, [source]);
        assert_eq!(both.with_filters(Vec::new()), state());
        assert!(both.with_site("e.x").filters.is_empty());
    }

    #[test]
    fn a_card_has_one_tab() {
        use Dimension::{Browser, EntryPage, ExitPage, Os, Page};
        let pages = [Page, EntryPage, ExitPage].map(Key::from);
        let systems = [Browser, Os].map(Key::from);
        let chosen = state().with_tab(&EntryPage.into(), &pages).with_tab(&Os.into(), &systems);
        assert_eq!(chosen.tabs, [EntryPage, Os].map(Key::from));
        let other = chosen.with_tab(&ExitPage.into(), &pages);
        assert_eq!(other.tabs, [Os, ExitPage].map(Key::from));
        assert_eq!(chosen.with_tab(&Page.into(), &pages).href(), "?period=7d&tab=os");
    }
}
