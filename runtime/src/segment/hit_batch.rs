//! Hits in columns: the form in which they are folded into segments, and counted.
//!
//! A text is held once, in a dictionary of its column, and stands in a row as a code.

use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};

use serde_json::Value;

use crate::hit::{Engagement, Excluded, Hit, Kind, Record};
use crate::segment::column::Column;
use crate::segment::dictionary::DictKey;
use crate::segment::dictionary::Dictionaries;
use crate::segment::dictionary::NULL_KEY;

/// The name of the event that says how long a page was looked at, in the place of an event's. It is no
/// hit: [`HitBatch::attach_engagement`] puts what it says where it belongs.
pub const ENGAGEMENT: &str = "engagement";

/// What stands for all texts of a column that are too many.
pub const OTHER: &str = "(other)";

/// So many combinations of properties' names are kept where their values are not.
const MAX_PROPERTY_NAMES: usize = 100;

/// How far a page was scrolled where nobody knows.
pub const NO_SCROLL: u8 = u8::MAX;

/// Some hits, each in a row of every column.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HitBatch {
    /// When, in milliseconds since 1970.
    pub times: Vec<i64>,
    /// Whose, within a day of UTC. 0 where it does not count.
    pub visitors: Vec<u64>,
    /// How long its page was looked at, in milliseconds; 0 where nobody knows.
    pub engaged: Vec<u32>,
    /// How far its page was scrolled, in per cent of its height; [`NO_SCROLL`] where nobody knows.
    pub scrolled: Vec<u8>,
    codes: [Vec<DictKey>; Column::COUNT],
}

impl HitBatch {
    /// How many there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.times.len()
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.times.is_empty()
    }

    /// A column: empty if it was not read.
    #[must_use]
    pub fn column(&self, column: Column) -> &[DictKey] {
        &self.codes[column.index()]
    }

    /// A column, to write.
    pub const fn column_mut(&mut self, column: Column) -> &mut Vec<DictKey> {
        &mut self.codes[column.index()]
    }

    /// Adds a hit.
    pub fn push(&mut self, texts: &mut Dictionaries, record: &Record) {
        self.times.push(record.at.as_millisecond());
        match &record.kind {
            Kind::Hit(hit) => self.push_hit(texts, hit),
            Kind::Engagement(engagement) => self.push_engagement(texts, engagement),
            Kind::Excluded(filtered) => self.push_filtered(texts, filtered),
        }
    }

    fn push_hit(&mut self, texts: &mut Dictionaries, hit: &Hit) {
        self.visitors.push(hit.visitor.number());
        self.engaged.push(0);
        self.scrolled.push(NO_SCROLL);
        let props = props_text(&hit.props);
        for column in Column::ALL {
            let text = match column {
                Column::Event => hit.event.as_deref(),
                Column::Host => hit.host.as_deref(),
                Column::Page => Some(hit.page.as_str()),
                Column::Source => hit.source.as_deref(),
                Column::Referrer => hit.referrer.as_deref(),
                Column::UtmSource => hit.campaign.source.as_deref(),
                Column::UtmMedium => hit.campaign.medium.as_deref(),
                Column::UtmCampaign => hit.campaign.name.as_deref(),
                Column::UtmTerm => hit.campaign.term.as_deref(),
                Column::UtmContent => hit.campaign.content.as_deref(),
                Column::Country => hit.country.as_ref().map(|country| country.as_str()),
                Column::Browser => hit.browser.as_deref(),
                Column::BrowserVersion => hit.browser_version.as_deref(),
                Column::Os => hit.os.as_deref(),
                Column::OsVersion => hit.os_version.as_deref(),
                Column::Device => hit.device.map(|device| device.as_str()),
                Column::Screen => hit.screen.map(|screen| screen.as_str()),
                Column::Props => props.as_deref(),
                Column::Exclusion => None,
            };
            self.push_text(texts, column, text);
        }
    }

    fn push_engagement(&mut self, texts: &mut Dictionaries, engagement: &Engagement) {
        self.visitors.push(engagement.visitor.number());
        self.engaged.push(engagement.engaged);
        self.scrolled.push(engagement.scroll.unwrap_or(NO_SCROLL));
        for column in Column::ALL {
            let text = match column {
                Column::Event => Some(ENGAGEMENT),
                Column::Host => engagement.host.as_deref(),
                Column::Page => Some(engagement.page.as_str()),
                _ => None,
            };
            self.push_text(texts, column, text);
        }
    }

    fn push_filtered(&mut self, texts: &mut Dictionaries, filtered: &Excluded) {
        self.visitors.push(0);
        self.engaged.push(0);
        self.scrolled.push(NO_SCROLL);
        for column in Column::ALL {
            let text = match column {
                Column::Page => Some(filtered.page.as_str()),
                Column::Exclusion => Some(filtered.reason.as_str()),
                _ => None,
            };
            self.push_text(texts, column, text);
        }
    }

    fn push_text(&mut self, texts: &mut Dictionaries, column: Column, text: Option<&str>) {
        // An empty text says as much as none, and a report cannot tell them apart.
        let text = text.filter(|text| !text.is_empty());
        let code = text.map_or(NULL_KEY, |text| texts.of_mut(column).key_for(text));
        self.codes[column.index()].push(code);
    }

    /// Adds the rows of others, which have the same dictionaries. A column that neither has is still not there.
    pub fn append(&mut self, other: &mut Self) {
        if self.is_empty() {
            std::mem::swap(self, other);
            return;
        }
        let (len, others) = (self.len(), other.len());
        for (own, their) in self.codes.iter_mut().zip(&mut other.codes) {
            if own.len() + their.len() > 0 {
                own.resize(len, NULL_KEY);
                their.resize(others, NULL_KEY);
            }
        }
        self.times.append(&mut other.times);
        self.visitors.append(&mut other.visitors);
        self.engaged.append(&mut other.engaged);
        self.scrolled.append(&mut other.scrolled);
        for (own, others) in self.codes.iter_mut().zip(&mut other.codes) {
            own.append(others);
        }
    }

    /// Brings rows into the order of visitors, and each visitor's into that of time. Rows of one visitor
    /// and one millisecond stay in the order that they have.
    pub fn sort(&mut self) {
        let key = |row: usize| (self.visitors[row], self.times[row]);
        if (1..self.len()).all(|row| key(row - 1) <= key(row)) {
            return;
        }
        let mut order: Vec<usize> = (0..self.len()).collect();
        order.sort_by_key(|row| key(*row));
        *self = self.select_rows(&order);
    }

    /// Puts what engagements say to the views that they are of, and leaves them out. Rows are sorted: an
    /// engagement is of its visitor's last view of its page before it, and without one it is of nothing.
    pub fn attach_engagement(&mut self, texts: &Dictionaries) {
        let Some(engagement) = texts.of(Column::Event).find(ENGAGEMENT) else { return };
        let events = self.column(Column::Event);
        if !events.contains(&engagement) {
            return;
        }
        let page = |row: usize| (self.column(Column::Host)[row], self.column(Column::Page)[row]);
        let mut views: HashMap<(DictKey, DictKey), usize> = HashMap::new();
        let mut attached = Vec::new();
        let mut kept = Vec::with_capacity(self.len());
        for (row, event) in events.iter().enumerate() {
            if row > 0 && self.visitors[row] != self.visitors[row - 1] {
                views.clear();
            }
            if *event == engagement {
                attached.extend(views.get(&page(row)).map(|view| (row, *view)));
                continue;
            }
            kept.push(row);
            if *event == NULL_KEY {
                views.insert(page(row), row);
            }
        }
        for (row, view) in attached {
            self.engaged[view] = self.engaged[view].saturating_add(self.engaged[row]);
            let (known, new) = (self.scrolled[view], self.scrolled[row]);
            self.scrolled[view] = match (known, new) {
                (NO_SCROLL, new) => new,
                (known, NO_SCROLL) => known,
                (known, new) => known.max(new),
            };
        }
        *self = self.select_rows(&kept);
    }

    /// Gives visitors the numbers 1, 2, 3 … in the order in which they first came, in place of
    /// hashes: after this, nothing is left that came from an address or a browser's name.
    pub fn number_visitors(&mut self) {
        let mut order: Vec<usize> =
            (0..self.len()).filter(|row| self.visitors[*row] != 0).collect();
        order.sort_by_key(|row| self.times[*row]);
        let mut numbers = HashMap::new();
        for row in order {
            let next = numbers.len() as u64 + 1;
            self.visitors[row] = *numbers.entry(self.visitors[row]).or_insert(next);
        }
    }

    /// Keeps the `most` most frequent texts of every column, and puts [`OTHER`] for the rest: strangers choose
    /// texts, and what they choose must not grow a segment without bound. No row is lost.
    pub fn limit_distinct_values(&mut self, texts: &mut Dictionaries, most: usize) {
        for column in Column::ALL {
            let texts = texts.of_mut(column);
            let mut counts = vec![0_usize; texts.len()];
            let codes = &mut self.codes[column.index()];
            codes.iter().for_each(|code| counts[*code as usize] += 1);
            // These two are no strangers' words.
            let is_kept = |text: &str| text == OTHER || text == ENGAGEMENT;
            let mut found: Vec<(usize, &str, DictKey)> = texts
                .iter()
                .filter_map(|(code, text)| Some((counts[code as usize], text?, code)))
                .filter(|(count, text, _)| *count > 0 && !is_kept(text))
                .collect();
            if found.len() <= most {
                continue;
            }
            // Of those that are as frequent, the first by name, whatever the order in which they came.
            found.sort_unstable_by_key(|(count, text, _)| (Reverse(*count), *text));
            let rest = found.split_off(most).into_iter();
            let rest = others(column, rest.map(|(_, text, code)| (code, text)).collect());
            let mut stands_for: Vec<DictKey> = (0..).take(texts.len()).collect();
            for (code, other) in rest {
                stands_for[code as usize] = texts.key_for(&other);
            }
            codes.iter_mut().for_each(|code| *code = stands_for[*code as usize]);
        }
    }

    /// Moves the numbers of visitors out of the way of others', which count from 1 as well: to a range of
    /// their own for each `number`.
    pub fn separate_visitors(&mut self, number: u64) {
        for visitor in self.visitors.iter_mut().filter(|visitor| **visitor != 0) {
            *visitor |= number << 40;
        }
    }

    /// Some of the rows, in the order given. A row that is not there is left out.
    #[must_use]
    pub fn select_rows(&self, order: &[usize]) -> Self {
        fn pick<T: Copy>(from: &[T], order: &[usize]) -> Vec<T> {
            order.iter().filter_map(|row| from.get(*row).copied()).collect()
        }
        Self {
            times: pick(&self.times, order),
            visitors: pick(&self.visitors, order),
            engaged: pick(&self.engaged, order),
            scrolled: pick(&self.scrolled, order),
            codes: std::array::from_fn(|column| pick(&self.codes[column], order)),
        }
    }
}

/// What stands for each text. Properties keep their names, if those are not too many as well.
fn others(column: Column, texts: Vec<(DictKey, &str)>) -> Vec<(DictKey, String)> {
    let all = |other: &str| texts.iter().map(|(code, _)| (*code, other.to_owned())).collect();
    if column != Column::Props {
        return all(OTHER);
    }
    let nameless = || serde_json::json!({ OTHER: OTHER }).to_string();
    let named = |text: &str| {
        let mut props: serde_json::Map<String, Value> = serde_json::from_str(text).ok()?;
        props.values_mut().for_each(|value| *value = OTHER.into());
        Some(Value::Object(props).to_string())
    };
    let found: Vec<(DictKey, String)> =
        texts.iter().map(|(code, text)| (*code, named(text).unwrap_or_else(nameless))).collect();
    let names: HashSet<&String> = found.iter().map(|(_, other)| other).collect();
    if names.len() > MAX_PROPERTY_NAMES { all(&nameless()) } else { found }
}

/// Properties as one text; of two with one name, the first is kept.
fn props_text(props: &[(String, String)]) -> Option<String> {
    if props.is_empty() {
        return None;
    }
    let mut map = serde_json::Map::new();
    for (name, value) in props {
        map.entry(name.clone()).or_insert_with(|| value.clone().into());
    }
    Some(Value::Object(map).to_string())
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::hit::exclusion::ExclusionReason;
    use crate::hit::visitor::VisitorId;

    fn view(at: i64, visitor: u64, page: &str) -> Record {
        let hit = serde_json::json!({ "v": format!("{visitor:016x}"), "p": page });
        let kind = Kind::Hit(serde_json::from_value(hit).unwrap());
        Record { at: Timestamp::from_millisecond(at).unwrap(), kind }
    }

    fn rows(records: &[Record]) -> (HitBatch, Dictionaries) {
        let (mut rows, mut texts) = (HitBatch::default(), Dictionaries::default());
        for record in records {
            rows.push(&mut texts, record);
        }
        (rows, texts)
    }

    #[test]
    fn a_text_is_held_once() {
        let (rows, texts) = rows(&[view(1, 1, "/a"), view(2, 1, "/b"), view(3, 2, "/a")]);
        assert_eq!(rows.column(Column::Page), [1, 2, 1]);
        assert_eq!(texts.of(Column::Page).value(2), Some("/b"));
        assert_eq!(texts.of(Column::Page).value(NULL_KEY), None);
        assert_eq!(texts.of(Column::Page).value(3), None);
        assert_eq!(rows.column(Column::Source), [NULL_KEY; 3]);
    }

    #[test]
    fn visitors_are_numbered_as_they_come() {
        let reason = ExclusionReason::Bot;
        let bot = Kind::Excluded(Excluded { reason, page: "/".to_owned() });
        let bot = Record { at: Timestamp::UNIX_EPOCH, kind: bot };
        let (mut rows, _) = rows(&[view(9, 7, "/a"), bot, view(5, 9, "/b"), view(9, 9, "/c")]);
        rows.number_visitors();
        assert_eq!(rows.visitors, [2, 0, 1, 1]);
        rows.sort();
        assert_eq!(rows.visitors, [0, 1, 1, 2]);
        assert_eq!(rows.times, [0, 5, 9, 9]);
    }

    #[test]
    fn texts_that_are_too_many_are_one() {
        let hit = |page: &str, props: &[(&str, &str)]| {
            let hit = serde_json::json!({ "v": "00000000000000ab", "p": page, "m": props });
            let kind = Kind::Hit(serde_json::from_value(hit).unwrap());
            Record { at: Timestamp::UNIX_EPOCH, kind }
        };
        let (mut rows, mut texts) = rows(&[
            hit("/c", &[("plan", "a"), ("size", "1")]),
            hit("/b", &[("plan", "b"), ("size", "2")]),
            hit("/b", &[("plan", "c")]),
            hit("/d", &[("plan", "d")]),
            hit("/a", &[]),
        ]);
        let all = rows.clone();
        rows.limit_distinct_values(&mut texts, 3);
        let words = |rows: &HitBatch, texts: &Dictionaries, column: Column| -> Vec<String> {
            let text =
                |code: &DictKey| texts.of(column).value(*code).unwrap_or_default().to_owned();
            rows.column(column).iter().map(text).collect()
        };
        assert_eq!(words(&rows, &texts, Column::Page), ["/c", "/b", "/b", OTHER, "/a"]);
        rows.limit_distinct_values(&mut texts, 3);
        let pages = words(&rows, &texts, Column::Page);
        assert_eq!(pages[3..], [OTHER, "/a"], "what stands for others is none of them");
        let mut rows = all;
        rows.limit_distinct_values(&mut texts, 1);
        assert_eq!(words(&rows, &texts, Column::Page), [OTHER, "/b", "/b", OTHER, OTHER]);
        let props = words(&rows, &texts, Column::Props);
        assert_eq!(props[0], r#"{"plan":"a","size":"1"}"#);
        assert_eq!(props[1], r#"{"plan":"(other)","size":"(other)"}"#);
        assert_eq!(props[2..], [r#"{"plan":"(other)"}"#, r#"{"plan":"(other)"}"#, ""]);
    }

    #[test]
    fn engagements_go_to_their_views() {
        let engagement = |at: i64, visitor: u64, page: &str, engaged: u32, scroll: Option<u8>| {
            let (visitor, page) = (VisitorId::new(visitor), page.to_owned());
            let kind = Kind::Engagement(Engagement { visitor, host: None, page, scroll, engaged });
            Record { at: Timestamp::from_millisecond(at).unwrap(), kind }
        };
        let (mut rows, texts) = rows(&[
            engagement(1, 7, "/a", 1000, Some(9)), // before any view
            view(2, 7, "/a"),
            engagement(3, 7, "/a", 200, Some(40)),
            engagement(4, 7, "/b", 1000, Some(9)), // of no view
            view(5, 7, "/b"),
            engagement(6, 7, "/a", 30, Some(20)),
            view(7, 7, "/a"),
            engagement(8, 7, "/a", 4, None),
            engagement(9, 8, "/a", 1000, Some(9)), // another visitor's
        ]);
        rows.sort();
        rows.attach_engagement(&texts);
        assert_eq!(rows.times, [2, 5, 7]);
        assert_eq!(rows.engaged, [230, 0, 4]);
        assert_eq!(rows.scrolled, [40, NO_SCROLL, NO_SCROLL]);
    }

    #[test]
    fn properties_are_one_text() {
        let prop = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(props_text(&[]), None);
        let text = props_text(&[prop("b", "1"), prop("a", "\""), prop("b", "2")]);
        assert_eq!(text.as_deref(), Some(r#"{"a":"\"","b":"1"}"#));
    }
}
