//! What the page shows, as an address: every state of the dashboard is one, and every link leads to
//! another. Addresses are written here and nowhere else.

use jiff::civil::Date;
use url::form_urlencoded::Serializer;

use crate::access::SHARE_PARAMETER;
use crate::dimension::Dimension;
use crate::http::Request;
use crate::period::Choice;
use crate::query::{Condition, Query};

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
    /// The tabs that were chosen, in any order: each is of one card.
    pub tabs: Vec<Dimension>,
    /// The one table that is shown, if it is one.
    pub show: Option<Dimension>,
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
        let mut tabs: Vec<Dimension> = Vec::new();
        for dimension in request.parameters("tab").iter().filter_map(|name| Dimension::parse(name))
        {
            if !tabs.contains(&dimension) {
                tabs.push(dimension);
            }
        }
        let show = request.parameter("show").and_then(|name| Dimension::parse(&name));
        let auth = request.parameter(SHARE_PARAMETER);
        let site = site.map(str::to_owned);
        let filters = query.conditions.clone();
        Self { auth, site, range, filters, tabs, show }
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
        let filters = self.filters.iter().map(|filter| ("f", filter.to_string()));
        let tabs = self.tabs.iter().map(|tab| ("tab", tab.name().to_owned()));
        let show = self.show.map(|show| ("show", show.name().to_owned()));
        filters.chain(tabs).chain(show).collect()
    }

    /// The address, relative to the page.
    #[must_use]
    pub(super) fn href(&self) -> String {
        self.href_with(&[])
    }

    /// The address of the same as data.
    #[must_use]
    pub(super) fn data_href(&self, format: &'static str) -> String {
        Self { tabs: Vec::new(), show: None, ..self.clone() }
            .href_with(&[("format", format.to_owned())])
    }

    fn href_with(&self, more: &[(&'static str, String)]) -> String {
        let mut query = Serializer::for_suffix("?".to_owned(), 1);
        query.extend_pairs(self.fields()).extend_pairs(more);
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

    /// Whether a dimension is filtered by.
    #[must_use]
    pub(super) fn filters_by(&self, dimension: Dimension) -> bool {
        let filters = self.filters.iter().flat_map(Condition::filters);
        filters.into_iter().any(|filter| filter.key == dimension.into())
    }

    /// The same without the filter at a place.
    #[must_use]
    pub(super) fn without_filter(&self, at: usize) -> Self {
        let mut state = self.clone();
        if at < state.filters.len() {
            state.filters.remove(at);
        }
        state
    }

    /// The same without any filter.
    #[must_use]
    pub(super) fn without_filters(&self) -> Self {
        Self { filters: Vec::new(), ..self.clone() }
    }

    /// The same with another of a card's tabs; `all` are the card's, the first of which needs no
    /// mention.
    #[must_use]
    pub(super) fn with_tab(&self, tab: Dimension, all: &[Dimension]) -> Self {
        let mut state = self.clone();
        state.tabs.retain(|other| !all.contains(other));
        if all.first() != Some(&tab) {
            state.tabs.push(tab);
        }
        state
    }

    /// The same with one table alone, or with all.
    #[must_use]
    pub(super) fn with_show(&self, show: Option<Dimension>) -> Self {
        Self { show, ..self.clone() }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::query::Filter;

    pub(crate) fn state() -> State {
        State {
            auth: None,
            site: None,
            range: Range::Choice(Choice::Days(7)),
            filters: Vec::new(),
            tabs: Vec::new(),
            show: None,
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
        let state = state().with_range(days).with_site("e.x").with_show(Some(Dimension::Page));
        assert_eq!(state.href(), "?site=e.x&period=custom&from=2026-11-01&to=2026-11-02&show=page");
        assert_eq!(
            state.data_href("csv"),
            "?site=e.x&period=custom&from=2026-11-01&to=2026-11-02&format=csv"
        );
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
        let both = state().with_show(Some(Dimension::Page)).toggled(&page).toggled(&source);
        assert_eq!((both.filters.len(), both.show), (2, None));
        assert_eq!(both.toggled(&page).filters, std::slice::from_ref(&source));
        assert_eq!(both.without_filter(0).filters, [source]);
        assert_eq!(both.without_filter(9).filters.len(), 2);
        assert_eq!(both.without_filters(), state());
        assert!(both.with_site("e.x").filters.is_empty());
    }

    #[test]
    fn a_card_has_one_tab() {
        use Dimension::{Browser, EntryPage, ExitPage, Page, System};
        let pages = [Page, EntryPage, ExitPage];
        let chosen = state().with_tab(EntryPage, &pages).with_tab(System, &[Browser, System]);
        assert_eq!(chosen.tabs, [EntryPage, System]);
        assert_eq!(chosen.with_tab(ExitPage, &pages).tabs, [System, ExitPage]);
        assert_eq!(chosen.with_tab(Page, &pages).href(), "?period=7d&tab=system");
    }
}
