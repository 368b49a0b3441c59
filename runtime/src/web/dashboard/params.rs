//! Parameters of a page. Every state of the dashboard has its own URL, and no other module writes such URLs.

use jiff::civil::Date;
use url::form_urlencoded::Serializer;

use super::metric::Metric;
use crate::auth::SHARE_PARAMETER;
use crate::platform::http::Request;
use crate::query::Query;
use crate::query::condition::Condition;
use crate::query::dimension::Key;
use crate::query::period::Choice;

/// Maximum number of chosen tabs, which is more than there are cards.
const TABS: usize = 20;

/// Parameters of a page.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Params {
    /// The secret of the share link, if it is one.
    pub auth: Option<String>,
    /// The site. `None` if there is only one.
    pub site: Option<String>,
    /// The days.
    pub range: Range,
    /// The filters.
    pub filters: Vec<Condition>,
    /// The metric of the chart.
    pub metric: Metric,
    /// Whether to compare with the previous period.
    pub is_compared: bool,
    /// The chosen tabs, in any order. Each belongs to one card.
    pub tabs: Vec<Key>,
    /// The table that is shown alone. `None` for the overview.
    pub show: Option<Key>,
    /// The sort order of that table. `None` sorts by rank.
    pub sort: Option<Sort>,
    /// Whether keyboard shortcuts are on. They get in the way of speech input and of accidental typing.
    pub has_keys: bool,
}

/// Sort order of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sort {
    /// The metric. `None` sorts by name.
    pub by: Option<Metric>,
    /// Whether the smallest comes first.
    pub is_rising: bool,
}

impl Sort {
    /// Parses `views` or `name`, or with the smallest first: `views:asc`.
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

/// Selected days.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Range {
    /// A choice relative to today.
    Choice(Choice),
    /// From a day to another, inclusive.
    Days(Date, Date),
}

impl Params {
    /// Reads the parameters of a request. Unknown tabs and tables are ignored.
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

    /// Returns the parameters of the URL, in order.
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

    /// Returns the parameters that a form for other days keeps.
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

    /// Returns the URL, relative to the page.
    #[must_use]
    pub(super) fn href(&self) -> String {
        self.href_with(&[])
    }

    /// Returns the URL of the same report, or of one part, as data.
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

    /// Returns the URL of the page that excludes one's own visits.
    #[must_use]
    pub(super) fn opt_out_href(&self) -> String {
        let mut query = Serializer::for_suffix("?".to_owned(), 1);
        query.extend_pairs(self.whose()).append_key_only("myself");
        query.finish()
    }

    /// Changes the days.
    #[must_use]
    pub(super) fn with_range(&self, range: Range) -> Self {
        Self { range, ..self.clone() }
    }

    /// Changes the site. Filters are cleared because their values belong to the other site.
    #[must_use]
    pub(super) fn with_site(&self, site: &str) -> Self {
        let filters = Vec::new();
        Self { site: Some(site.to_owned()), filters, show: None, ..self.clone() }
    }

    /// Adds a filter, or clears it if it is set. Returns to the overview.
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

    /// Whether a filter is set.
    #[must_use]
    pub(super) fn has(&self, filter: &Condition) -> bool {
        self.filters.contains(filter)
    }

    /// Whether the page is filtered by a key.
    #[must_use]
    pub(super) fn filters_by(&self, key: impl Into<Key>) -> bool {
        let key = key.into();
        let filters = self.filters.iter().flat_map(Condition::filters);
        filters.into_iter().any(|filter| filter.key == key)
    }

    /// Changes the filters.
    #[must_use]
    pub(super) fn with_filters(&self, filters: Vec<Condition>) -> Self {
        Self { filters, ..self.clone() }
    }

    /// Changes the metric of the chart.
    #[must_use]
    pub(super) fn with_metric(&self, metric: Metric) -> Self {
        Self { metric, ..self.clone() }
    }

    /// Turns the comparison on or off.
    #[must_use]
    pub(super) fn with_comparison(&self, is_compared: bool) -> Self {
        Self { is_compared, ..self.clone() }
    }

    /// Turns keyboard shortcuts on or off.
    #[must_use]
    pub(super) fn with_keys(&self, has_keys: bool) -> Self {
        Self { has_keys, ..self.clone() }
    }

    /// Changes the tab of a card. `all` are the card's keys, the first of which is the default.
    #[must_use]
    pub(super) fn with_tab(&self, tab: &Key, all: &[Key]) -> Self {
        let mut state = self.clone();
        state.tabs.retain(|other| !all.contains(other));
        if all.first() != Some(tab) {
            state.tabs.push(tab.clone());
        }
        state
    }

    /// Changes to one table, or to the overview.
    #[must_use]
    pub(super) fn with_show(&self, show: Option<Key>) -> Self {
        Self { show, sort: None, ..self.clone() }
    }

    /// Changes the sort order.
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

    pub(crate) fn state() -> Params {
        Params {
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

    /// Returns the parameters as the handler reads them.
    fn read(href: &str) -> Vec<(String, String)> {
        url::form_urlencoded::parse(href.strip_prefix('?').unwrap().as_bytes())
            .into_owned()
            .collect()
    }

    #[test]
    fn writes_a_url() {
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
    fn parses_and_writes_a_sort_order() {
        for text in ["name", "name:asc", "views_per_visit", "visitors:asc"] {
            assert_eq!(Sort::parse(text).map(Sort::text).as_deref(), Some(text));
        }
        assert_eq!((Sort::parse("page"), Sort::parse("conversion_rate")), (None, None));
    }

    #[test]
    fn keeps_any_value_in_a_url() {
        for value in ["", "/a?b=c&d#e", "a,b\\c", "ünï \"<script>\"", "%2f+ =", "\u{1f600}"] {
            let filter = filter(Dimension::Page, value);
            let href = state().toggled(&filter).href();
            let found = read(&href).into_iter().find(|(name, _)| name == "f").unwrap().1;
            assert_eq!(found.parse::<Condition>(), Ok(filter), "{href}");
            assert!(href.is_ascii() && !href.contains(['"', '<', ' ']), "{href}");
        }
    }

    #[test]
    fn adds_and_clears_a_filter() {
        let (page, source) = (filter(Dimension::Page, "/"), filter(Dimension::Source, ""));
        let both = state().with_show(Some(Dimension::Page.into())).toggled(&page).toggled(&source);
        assert_eq!((both.filters.len(), both.show.clone()), (2, None));
        assert_eq!(both.toggled(&page).filters, std::slice::from_ref(&source));
        assert_eq!(both.with_filters(vec![source.clone()]).filters, [source]);
        assert_eq!(both.with_filters(Vec::new()), state());
        assert!(both.with_site("e.x").filters.is_empty());
    }

    #[test]
    fn keeps_one_tab_per_card() {
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
