//! Keys, and the codes that hits and visits have of them.

use std::collections::HashMap;

use footfall_infra::settings::{Goal, Reached, Site};

use super::Visit;
use crate::hit::channel::{self, AcquisitionParams};
use crate::query::dimension::{Dimension, Key, Scope};
use crate::segment::column::Column;
use crate::segment::dictionary::{DictKey, Dictionaries, Dictionary, NULL_KEY};
use crate::segment::hit_batch::HitBatch;

/// The columns that say what visits there are, and what is a view.
const BASE: [Column; 4] = [Column::Event, Column::Host, Column::Page, Column::Exclusion];

/// What a channel is made from.
const ORIGIN: [Column; 4] =
    [Column::Source, Column::UtmSource, Column::UtmMedium, Column::UtmCampaign];

/// All keys that are asked for, each once, and the texts of those that no column has.
#[derive(Debug)]
pub(super) struct Keys<'a> {
    site: &'a Site,
    keys: Vec<Known>,
    /// The names of pages of other hosts, by the codes of host and path.
    pages: HashMap<(DictKey, DictKey), DictKey>,
}

#[derive(Debug)]
struct Known {
    key: Key,
    /// The values of what is derived.
    dictionary: Dictionary,
    derived: Derived,
}

/// What is remembered of values that are derived.
#[derive(Debug)]
enum Derived {
    /// It is a column as it stands.
    Column(Column),
    Entry,
    Exit,
    /// By the codes of its columns.
    Channel(HashMap<[DictKey; 4], DictKey, foldhash::fast::RandomState>),
    /// By the code of the properties.
    Prop(String, Vec<DictKey>),
    /// By the codes of the event and of the page, a bit for each goal.
    Goals {
        of_events: Vec<u64>,
        of_pages: Vec<u64>,
    },
}

/// The codes of a day's rows or visits.
#[derive(Debug)]
pub(super) enum Codes<'d> {
    /// By the visit's place.
    OfVisits(Vec<DictKey>),
    /// By row.
    OfRows(std::borrow::Cow<'d, [DictKey]>),
    /// Bits, by row.
    Goals(Goals<'d>),
}

/// Which goals rows reach.
#[derive(Debug)]
pub(super) struct Goals<'d> {
    events: &'d [DictKey],
    pages: &'d [DictKey],
    of_events: &'d [u64],
    of_pages: &'d [u64],
}

impl Goals<'_> {
    /// A bit for each goal that a row reaches.
    pub(super) fn of(&self, row: usize) -> u64 {
        match self.events[row] {
            NULL_KEY => self.of_pages[self.pages[row] as usize],
            event => self.of_events[event as usize],
        }
    }
}

/// The codes of the goals that some bits stand for.
pub(super) fn bits(mut bits: u64) -> impl Iterator<Item = DictKey> {
    std::iter::from_fn(move || {
        let lowest = (bits != 0).then(|| bits.trailing_zeros())?;
        bits &= bits - 1;
        Some(lowest + 1)
    })
}

impl<'a> Keys<'a> {
    pub(super) fn new(site: &'a Site) -> Self {
        Self { site, keys: Vec::new(), pages: HashMap::new() }
    }

    /// The place of a key, new if it is.
    pub(super) fn place(&mut self, key: Key) -> usize {
        if let Some(place) = self.keys.iter().position(|known| known.key == key) {
            return place;
        }
        let mut dictionary = Dictionary::default();
        let derived = match &key {
            Key::Dimension(Dimension::EntryPage) => Derived::Entry,
            Key::Dimension(Dimension::ExitPage) => Derived::Exit,
            Key::Dimension(Dimension::Channel) => Derived::Channel(HashMap::default()),
            Key::Dimension(dimension) => Derived::Column(dimension.column()),
            Key::Prop(name) => Derived::Prop(name.clone(), Vec::new()),
            Key::Goal => {
                for goal in &self.site.goals {
                    dictionary.key_for(&goal.name);
                }
                Derived::Goals { of_events: Vec::new(), of_pages: Vec::new() }
            }
        };
        self.keys.push(Known { key, dictionary, derived });
        self.keys.len() - 1
    }

    pub(super) fn scope(&self, place: usize) -> Scope {
        self.keys[place].key.scope()
    }

    pub(super) fn is_goal(&self, place: usize) -> bool {
        self.keys[place].key == Key::Goal
    }

    /// The columns that days must have.
    pub(super) fn columns(&self) -> Vec<Column> {
        let mut columns = BASE.to_vec();
        for known in &self.keys {
            let more: &[Column] = match &known.derived {
                Derived::Column(column) => std::slice::from_ref(column),
                Derived::Channel(_) => &ORIGIN,
                Derived::Prop(..) => &[Column::Props],
                Derived::Entry | Derived::Exit | Derived::Goals { .. } => &[],
            };
            columns.extend(more);
        }
        columns.sort_by_key(|column| column.index());
        columns.dedup();
        columns
    }

    /// The values of a key.
    pub(super) fn dictionary<'s>(
        &'s self,
        place: usize,
        texts: &'s Dictionaries,
    ) -> &'s Dictionary {
        let known = &self.keys[place];
        match known.derived {
            Derived::Column(column) => texts.of(column),
            Derived::Entry | Derived::Exit => texts.of(Column::Page),
            Derived::Channel(_) | Derived::Prop(..) | Derived::Goals { .. } => &known.dictionary,
        }
    }

    /// Puts the host before a page's path where it is not the site's own, and the site's own domain where
    /// no host is stored.
    pub(super) fn name_pages(&mut self, day: &mut HitBatch, texts: &mut Dictionaries) {
        let own = texts.of_mut(Column::Host).key_for(self.site.domain.as_str());
        if day.column(Column::Host).iter().all(|host| *host == NULL_KEY) {
            day.column_mut(Column::Host).fill(own);
            return;
        }
        for row in 0..day.len() {
            let host = day.column(Column::Host)[row];
            let page = day.column(Column::Page)[row];
            if host == NULL_KEY {
                day.column_mut(Column::Host)[row] = own;
            } else if page != NULL_KEY {
                let name = *self.pages.entry((host, page)).or_insert_with(|| {
                    let host = texts.of(Column::Host).value(host).unwrap_or_default();
                    let path = texts.of(Column::Page).value(page).unwrap_or_default();
                    let name = format!("{host}{path}");
                    texts.of_mut(Column::Page).key_for(&name)
                });
                day.column_mut(Column::Page)[row] = name;
            }
        }
    }

    /// Learns what a day has that no day before it had.
    pub(super) fn learn(&mut self, day: &HitBatch, visits: &[Visit], texts: &Dictionaries) {
        let goals = &self.site.goals;
        for known in &mut self.keys {
            match &mut known.derived {
                Derived::Column(_) | Derived::Entry | Derived::Exit => {}
                Derived::Channel(channels) => {
                    for visit in visits {
                        channels
                            .entry(ORIGIN.map(|column| day.column(column)[visit.rows.start]))
                            .or_insert_with_key(|codes| {
                                let text =
                                    |place: usize| texts.of(ORIGIN[place]).value(codes[place]);
                                known.dictionary.key_for(channel::channel(&AcquisitionParams {
                                    source: text(0),
                                    utm_source: text(1),
                                    utm_medium: text(2),
                                    utm_campaign: text(3),
                                }))
                            });
                    }
                }
                Derived::Prop(name, codes) => {
                    for (_, props) in texts.of(Column::Props).iter().skip(codes.len()) {
                        let value = props.and_then(|props| prop(props, name));
                        let code = value.map_or(NULL_KEY, |value| known.dictionary.key_for(&value));
                        codes.push(code);
                    }
                }
                Derived::Goals { of_events, of_pages } => {
                    let events = texts.of(Column::Event).iter().skip(of_events.len());
                    of_events.extend(events.map(|(_, event)| reached(goals, event, None)));
                    let pages = texts.of(Column::Page).iter().skip(of_pages.len());
                    of_pages.extend(pages.map(|(_, page)| reached(goals, None, page)));
                }
            }
        }
    }

    /// The codes of every key in a day of which everything is learnt.
    pub(super) fn codes<'d>(&'d self, day: &'d HitBatch, visits: &[Visit]) -> Vec<Codes<'d>> {
        let of_visits =
            |code: &dyn Fn(&Visit) -> DictKey| Codes::OfVisits(visits.iter().map(code).collect());
        let codes = |known: &'d Known| match &known.derived {
            Derived::Column(column) if known.key.scope() == Scope::Hit => {
                Codes::OfRows(day.column(*column).into())
            }
            Derived::Column(column) => {
                let codes = day.column(*column);
                Codes::OfVisits(visits.iter().map(|visit| codes[visit.rows.start]).collect())
            }
            Derived::Entry => of_visits(&|visit| visit.entry),
            Derived::Exit => of_visits(&|visit| visit.exit),
            Derived::Channel(channels) => of_visits(&|visit| {
                let codes = ORIGIN.map(|column| day.column(column)[visit.rows.start]);
                channels.get(&codes).copied().unwrap_or(NULL_KEY)
            }),
            Derived::Prop(_, values) => {
                let props = day.column(Column::Props);
                Codes::OfRows(props.iter().map(|props| values[*props as usize]).collect())
            }
            Derived::Goals { of_events, of_pages } => Codes::Goals(Goals {
                events: day.column(Column::Event),
                pages: day.column(Column::Page),
                of_events,
                of_pages,
            }),
        };
        self.keys.iter().map(codes).collect()
    }
}

/// The value of a property, if it is there and says anything.
fn prop(props: &str, name: &str) -> Option<String> {
    let props: serde_json::Map<String, serde_json::Value> = serde_json::from_str(props).ok()?;
    props.get(name)?.as_str().filter(|value| !value.is_empty()).map(str::to_owned)
}

/// The goals that an event of a name, or a view of a page, reaches.
fn reached(goals: &[Goal], event: Option<&str>, page: Option<&str>) -> u64 {
    let reaches = |goal: &Goal| match &goal.reached_by {
        Reached::Event(name) => event == Some(name),
        Reached::Page(pattern) => page.is_some_and(|page| pattern.matches(page)),
    };
    // There are at most 50.
    let bits = goals.iter().enumerate().filter(|(_, goal)| reaches(goal));
    bits.fold(0, |bits, (place, _)| bits | 1_u64.checked_shl(place as u32).unwrap_or(0))
}
