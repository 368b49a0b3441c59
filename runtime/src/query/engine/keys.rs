//! The keys that plans use, and the codes of their values for hits and visits.

use std::collections::HashMap;

use footfall_infra::settings::{Goal, Reached, Site};

use super::visit::Visit;
use crate::hit::channel::{self, AcquisitionParams};
use crate::query::dimension::{Dimension, Key, Scope};
use crate::segment::column::Column;
use crate::segment::dictionary::{DictKey, Dictionaries, Dictionary, NULL_KEY};
use crate::segment::hit_batch::HitBatch;

/// Columns needed to find visits and page views.
const BASE_COLUMNS: [Column; 4] = [Column::Event, Column::Host, Column::Page, Column::Exclusion];

/// Columns from which a channel is derived.
const CHANNEL_COLUMNS: [Column; 4] =
    [Column::Source, Column::UtmSource, Column::UtmMedium, Column::UtmCampaign];

/// The distinct keys of all plans, with the dictionaries of those that are not columns.
#[derive(Debug)]
pub(super) struct KeySet<'a> {
    site: &'a Site,
    keys: Vec<KeyEntry>,
    /// Full names of pages on other hosts, by the codes of host and path.
    pages: HashMap<(DictKey, DictKey), DictKey>,
}

#[derive(Debug)]
struct KeyEntry {
    key: Key,
    /// The values, if they are derived. Empty for columns.
    dictionary: Dictionary,
    source: Source,
}

/// Where the values of a key come from, with a cache of what was derived.
#[derive(Debug)]
enum Source {
    /// A column, unchanged.
    Column(Column),
    Entry,
    Exit,
    /// By the codes of [`CHANNEL_COLUMNS`].
    Channel(HashMap<[DictKey; 4], DictKey, foldhash::fast::RandomState>),
    /// Name of the property, and its values by the code of the properties.
    Prop(String, Vec<DictKey>),
    /// Bit sets with one bit per goal, by the code of the event or of the page.
    Goals {
        of_events: Vec<u64>,
        of_pages: Vec<u64>,
    },
}

/// The codes of one key for a day's rows or visits.
#[derive(Debug)]
pub(super) enum Codes<'d> {
    /// By index of the visit.
    OfVisits(Vec<DictKey>),
    /// By row.
    OfRows(std::borrow::Cow<'d, [DictKey]>),
    /// Bit sets of goals by row.
    Goals(Goals<'d>),
}

/// The goals that rows reach.
#[derive(Debug)]
pub(super) struct Goals<'d> {
    events: &'d [DictKey],
    pages: &'d [DictKey],
    of_events: &'d [u64],
    of_pages: &'d [u64],
}

impl Goals<'_> {
    /// Returns the goals that a row reaches, one bit each.
    pub(super) fn of(&self, row: usize) -> u64 {
        match self.events[row] {
            NULL_KEY => self.of_pages[self.pages[row] as usize],
            event => self.of_events[event as usize],
        }
    }
}

/// Returns the codes of the goals in a bit set.
pub(super) fn bits(mut bits: u64) -> impl Iterator<Item = DictKey> {
    std::iter::from_fn(move || {
        let lowest = (bits != 0).then(|| bits.trailing_zeros())?;
        bits &= bits - 1;
        Some(lowest + 1)
    })
}

impl<'a> KeySet<'a> {
    pub(super) fn new(site: &'a Site) -> Self {
        Self { site, keys: Vec::new(), pages: HashMap::new() }
    }

    /// Returns the index of a key, and adds it if it is new.
    pub(super) fn index(&mut self, key: Key) -> usize {
        if let Some(index) = self.keys.iter().position(|entry| entry.key == key) {
            return index;
        }
        let mut dictionary = Dictionary::default();
        let source = match &key {
            Key::Dimension(Dimension::EntryPage) => Source::Entry,
            Key::Dimension(Dimension::ExitPage) => Source::Exit,
            Key::Dimension(Dimension::Channel) => Source::Channel(HashMap::default()),
            Key::Dimension(dimension) => Source::Column(dimension.column()),
            Key::Prop(name) => Source::Prop(name.clone(), Vec::new()),
            Key::Goal => {
                for goal in &self.site.goals {
                    dictionary.key_for(&goal.name);
                }
                Source::Goals { of_events: Vec::new(), of_pages: Vec::new() }
            }
        };
        self.keys.push(KeyEntry { key, dictionary, source });
        self.keys.len() - 1
    }

    pub(super) fn scope(&self, index: usize) -> Scope {
        self.keys[index].key.scope()
    }

    pub(super) fn is_goal(&self, index: usize) -> bool {
        self.keys[index].key == Key::Goal
    }

    /// Returns the columns that the keys need, in their order.
    pub(super) fn columns(&self) -> Vec<Column> {
        let mut columns = BASE_COLUMNS.to_vec();
        for entry in &self.keys {
            let more: &[Column] = match &entry.source {
                Source::Column(column) => std::slice::from_ref(column),
                Source::Channel(_) => &CHANNEL_COLUMNS,
                Source::Prop(..) => &[Column::Props],
                Source::Entry | Source::Exit | Source::Goals { .. } => &[],
            };
            columns.extend(more);
        }
        columns.sort_by_key(|column| column.index());
        columns.dedup();
        columns
    }

    /// Returns the values of a key.
    pub(super) fn dictionary<'s>(
        &'s self,
        index: usize,
        dictionaries: &'s Dictionaries,
    ) -> &'s Dictionary {
        let entry = &self.keys[index];
        match entry.source {
            Source::Column(column) => dictionaries.of(column),
            Source::Entry | Source::Exit => dictionaries.of(Column::Page),
            Source::Channel(_) | Source::Prop(..) | Source::Goals { .. } => &entry.dictionary,
        }
    }

    /// Prefixes page paths of other hosts with the host, and fills in the site's domain where no host is stored.
    pub(super) fn name_pages(&mut self, batch: &mut HitBatch, dictionaries: &mut Dictionaries) {
        let own = dictionaries.of_mut(Column::Host).key_for(self.site.domain.as_str());
        if batch.column(Column::Host).iter().all(|host| *host == NULL_KEY) {
            batch.column_mut(Column::Host).fill(own);
            return;
        }
        for row in 0..batch.len() {
            let host = batch.column(Column::Host)[row];
            let page = batch.column(Column::Page)[row];
            if host == NULL_KEY {
                batch.column_mut(Column::Host)[row] = own;
            } else if page != NULL_KEY {
                let name = *self.pages.entry((host, page)).or_insert_with(|| {
                    let host = dictionaries.of(Column::Host).value(host).unwrap_or_default();
                    let path = dictionaries.of(Column::Page).value(page).unwrap_or_default();
                    let name = format!("{host}{path}");
                    dictionaries.of_mut(Column::Page).key_for(&name)
                });
                batch.column_mut(Column::Page)[row] = name;
            }
        }
    }

    /// Derives the values that are new in a batch.
    pub(super) fn learn(
        &mut self,
        batch: &HitBatch,
        visits: &[Visit],
        dictionaries: &Dictionaries,
    ) {
        let goals = &self.site.goals;
        for entry in &mut self.keys {
            match &mut entry.source {
                Source::Column(_) | Source::Entry | Source::Exit => {}
                Source::Channel(channels) => {
                    for visit in visits {
                        channels
                            .entry(
                                CHANNEL_COLUMNS
                                    .map(|column| batch.column(column)[visit.rows.start]),
                            )
                            .or_insert_with_key(|codes| {
                                let text = |place: usize| {
                                    dictionaries.of(CHANNEL_COLUMNS[place]).value(codes[place])
                                };
                                entry.dictionary.key_for(channel::channel(&AcquisitionParams {
                                    source: text(0),
                                    utm_source: text(1),
                                    utm_medium: text(2),
                                    utm_campaign: text(3),
                                }))
                            });
                    }
                }
                Source::Prop(name, codes) => {
                    for (_, props) in dictionaries.of(Column::Props).iter().skip(codes.len()) {
                        let value = props.and_then(|props| prop(props, name));
                        let code = value.map_or(NULL_KEY, |value| entry.dictionary.key_for(&value));
                        codes.push(code);
                    }
                }
                Source::Goals { of_events, of_pages } => {
                    let events = dictionaries.of(Column::Event).iter().skip(of_events.len());
                    of_events.extend(events.map(|(_, event)| reached(goals, event, None)));
                    let pages = dictionaries.of(Column::Page).iter().skip(of_pages.len());
                    of_pages.extend(pages.map(|(_, page)| reached(goals, None, page)));
                }
            }
        }
    }

    /// Returns the codes of every key for a day that [`learn`](Self::learn) has seen.
    pub(super) fn codes<'d>(&'d self, batch: &'d HitBatch, visits: &[Visit]) -> Vec<Codes<'d>> {
        let of_visits =
            |code: &dyn Fn(&Visit) -> DictKey| Codes::OfVisits(visits.iter().map(code).collect());
        let codes = |entry: &'d KeyEntry| match &entry.source {
            Source::Column(column) if entry.key.scope() == Scope::Hit => {
                Codes::OfRows(batch.column(*column).into())
            }
            Source::Column(column) => {
                let codes = batch.column(*column);
                Codes::OfVisits(visits.iter().map(|visit| codes[visit.rows.start]).collect())
            }
            Source::Entry => of_visits(&|visit| visit.entry),
            Source::Exit => of_visits(&|visit| visit.exit),
            Source::Channel(channels) => of_visits(&|visit| {
                let codes = CHANNEL_COLUMNS.map(|column| batch.column(column)[visit.rows.start]);
                channels.get(&codes).copied().unwrap_or(NULL_KEY)
            }),
            Source::Prop(_, values) => {
                let props = batch.column(Column::Props);
                Codes::OfRows(props.iter().map(|props| values[*props as usize]).collect())
            }
            Source::Goals { of_events, of_pages } => Codes::Goals(Goals {
                events: batch.column(Column::Event),
                pages: batch.column(Column::Page),
                of_events,
                of_pages,
            }),
        };
        self.keys.iter().map(codes).collect()
    }
}

/// Returns the value of a property. `None` if it is missing or empty.
fn prop(props: &str, name: &str) -> Option<String> {
    let props: serde_json::Map<String, serde_json::Value> = serde_json::from_str(props).ok()?;
    props.get(name)?.as_str().filter(|value| !value.is_empty()).map(str::to_owned)
}

/// Returns the goals that an event or a page view reaches, one bit each.
fn reached(goals: &[Goal], event: Option<&str>, page: Option<&str>) -> u64 {
    let reaches = |goal: &Goal| match &goal.reached_by {
        Reached::Event(name) => event == Some(name),
        Reached::Page(pattern) => page.is_some_and(|page| pattern.matches(page)),
    };
    // A site has at most 50 goals.
    let bits = goals.iter().enumerate().filter(|(_, goal)| reaches(goal));
    bits.fold(0, |bits, (place, _)| bits | 1_u64.checked_shl(place as u32).unwrap_or(0))
}
