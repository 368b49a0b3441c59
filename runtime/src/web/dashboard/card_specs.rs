//! Card specifications: which cards the page has, with their tabs and the tables behind them.

use footfall_infra::settings::Site;

use super::params::Params;
use crate::query::dimension::{Dimension, Key};

/// A card: tables of one kind, one of which is shown.
pub(super) struct CardSpec {
    /// Its id on the page.
    pub id: &'static str,
    /// Its heading.
    pub title: &'static str,
    /// Its tabs, in order.
    pub tabs: Vec<TabSpec>,
}

/// A tab of a card.
pub(super) struct TabSpec {
    /// Its title.
    pub title: &'static str,
    /// The keys of its tables with their titles: mostly one.
    pub keys: Vec<(Key, String)>,
}

impl TabSpec {
    fn of(title: &'static str, dimension: Dimension) -> Self {
        Self { title, keys: vec![(dimension.into(), String::new())] }
    }

    fn with_parts(title: &'static str, parts: &[(Dimension, &str)]) -> Self {
        let part =
            |(dimension, title): &(Dimension, &str)| (Key::from(*dimension), (*title).to_owned());
        Self { title, keys: parts.iter().map(part).collect() }
    }

    /// Whether a key is behind this tab.
    pub(super) fn has(&self, key: &Key) -> bool {
        self.keys.iter().any(|(each, _)| each == key)
    }
}

impl CardSpec {
    pub(super) fn new(id: &'static str, title: &'static str, tabs: Vec<TabSpec>) -> Self {
        Self { id, title, tabs }
    }

    /// The keys of all its tables.
    pub(super) fn keys(&self) -> Vec<Key> {
        self.tabs.iter().flat_map(|tab| &tab.keys).map(|(key, _)| key.clone()).collect()
    }

    /// The key of the table that is shown: the chosen one, or the first.
    pub(super) fn shown(&self, state: &Params) -> Option<Key> {
        let keys = self.keys();
        let chosen = state.tabs.iter().find(|tab| keys.contains(tab)).cloned();
        chosen.or_else(|| keys.into_iter().next())
    }
}

/// Returns all cards with tables, in the order of the page. `props` are the properties of the event that the page is
/// filtered by.
pub(super) fn specs(site: &Site, props: &[String]) -> Vec<CardSpec> {
    use Dimension as D;
    let mut conversions = vec![TabSpec::of("Events", D::Event)];
    if !site.goals.is_empty() {
        conversions.insert(0, TabSpec { title: "Goals", keys: vec![(Key::Goal, String::new())] });
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
        CardSpec::new(
            "pages",
            "Pages",
            vec![
                TabSpec::of("Top", D::Page),
                TabSpec::of("Entry", D::EntryPage),
                TabSpec::of("Exit", D::ExitPage),
            ],
        ),
        CardSpec::new(
            "sources",
            "Sources",
            vec![
                TabSpec::of("Sources", D::Source),
                TabSpec::of("Channels", D::Channel),
                TabSpec::of("Referrers", D::Referrer),
                TabSpec::with_parts("Campaigns", &campaigns),
            ],
        ),
        CardSpec::new("countries", "Countries", vec![TabSpec::of("Countries", D::Country)]),
        CardSpec::new(
            "devices",
            "Devices",
            vec![
                TabSpec::with_parts(
                    "Browsers",
                    &[(D::Browser, "names"), (D::BrowserVersion, "versions")],
                ),
                TabSpec::with_parts("OS", &[(D::Os, "names"), (D::OsVersion, "versions")]),
                TabSpec::of("Devices", D::Device),
                TabSpec::of("Screens", D::Screen),
            ],
        ),
        CardSpec::new("events", conversions_title, conversions),
        CardSpec::new("props", "Properties", vec![TabSpec { title: "Properties", keys: props }]),
        CardSpec::new("hosts", "Hosts", vec![TabSpec::of("Hosts", D::Host)]),
    ]
}

/// Returns the tables of a page, except those of event properties.
#[must_use]
pub(super) fn tables(site: &Site, state: &Params) -> Vec<Key> {
    match &state.show {
        Some(show) => vec![show.clone()],
        None => specs(site, &[]).iter().filter_map(|spec| spec.shown(state)).collect(),
    }
}

#[cfg(test)]
mod tests {
    use footfall_infra::settings::Settings;

    use super::*;

    #[test]
    fn has_every_key_in_one_card() {
        let yaml = "sites: [{domain: example.com, goals: [{event: signup}]}]";
        let site = Settings::from_yaml(yaml).unwrap().sites.remove(0);
        let mut all: Vec<Key> =
            specs(&site, &["plan".to_owned()]).iter().flat_map(CardSpec::keys).collect();
        all.sort_unstable();
        let mut expected: Vec<Key> = crate::query::report::all_tables();
        expected.push(Key::Prop("plan".to_owned()));
        expected.sort_unstable();
        assert_eq!(all, expected);
    }
}
