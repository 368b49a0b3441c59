//! Limits the number of distinct values per column.

use std::cmp::Reverse;
use std::collections::HashSet;

use serde_json::Value;

use super::{ENGAGEMENT, HitBatch};
use crate::segment::column::Column;
use crate::segment::dictionary::{DictKey, Dictionaries};

/// Replaces the values over a column's limit.
pub const OTHER: &str = "(other)";

/// Maximum distinct sets of property names that stay when their values are replaced.
const MAX_PROPERTY_NAMES: usize = 100;

impl HitBatch {
    /// Keeps the `max` most frequent values of each column, and replaces the others with [`OTHER`].
    ///
    /// Anybody can send new values, and these must not grow a segment without bound. No row is lost.
    pub fn limit_distinct_values(&mut self, dictionaries: &mut Dictionaries, max: usize) {
        for column in Column::ALL {
            let dictionary = dictionaries.of_mut(column);
            let mut counts = vec![0_usize; dictionary.len()];
            let keys = self.column_mut(column);
            keys.iter().for_each(|key| counts[*key as usize] += 1);
            // These two come from us, not from clients, and are always kept.
            let is_reserved = |value: &str| value == OTHER || value == ENGAGEMENT;
            let mut values: Vec<(usize, &str, DictKey)> = dictionary
                .iter()
                .filter_map(|(key, value)| Some((counts[key as usize], value?, key)))
                .filter(|(count, value, _)| *count > 0 && !is_reserved(value))
                .collect();
            if values.len() <= max {
                continue;
            }
            // Equally frequent values are sorted by name, so the result does not depend on the order of arrival.
            values.sort_unstable_by_key(|(count, value, _)| (Reverse(*count), *value));
            let rare = values.split_off(max).into_iter();
            let replaced = replacements(column, rare.map(|(_, value, key)| (key, value)).collect());
            let mut new_keys: Vec<DictKey> = (0..).take(dictionary.len()).collect();
            for (key, replacement) in replaced {
                new_keys[key as usize] = dictionary.key_for(&replacement);
            }
            keys.iter_mut().for_each(|key| *key = new_keys[*key as usize]);
        }
    }
}

/// Returns the replacement for each value. Properties keep their names, unless there are too many sets of names.
fn replacements(column: Column, values: Vec<(DictKey, &str)>) -> Vec<(DictKey, String)> {
    let all = |other: &str| values.iter().map(|(key, _)| (*key, other.to_owned())).collect();
    if column != Column::Props {
        return all(OTHER);
    }
    let without_names = || serde_json::json!({ OTHER: OTHER }).to_string();
    let with_names = |json: &str| {
        let mut props: serde_json::Map<String, Value> = serde_json::from_str(json).ok()?;
        props.values_mut().for_each(|value| *value = OTHER.into());
        Some(Value::Object(props).to_string())
    };
    let replaced: Vec<(DictKey, String)> = values
        .iter()
        .map(|(key, json)| (*key, with_names(json).unwrap_or_else(without_names)))
        .collect();
    let name_sets: HashSet<&String> = replaced.iter().map(|(_, json)| json).collect();
    if name_sets.len() > MAX_PROPERTY_NAMES { all(&without_names()) } else { replaced }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::super::tests::batch_of;
    use super::*;
    use crate::hit::{Kind, Record};

    #[test]
    fn rare_values_become_other() {
        let hit = |page: &str, props: &[(&str, &str)]| {
            let hit = serde_json::json!({ "v": "00000000000000ab", "p": page, "m": props });
            let kind = Kind::Hit(serde_json::from_value(hit).unwrap());
            Record { at: Timestamp::UNIX_EPOCH, kind }
        };
        let (mut batch, mut dictionaries) = batch_of(&[
            hit("/c", &[("plan", "a"), ("size", "1")]),
            hit("/b", &[("plan", "b"), ("size", "2")]),
            hit("/b", &[("plan", "c")]),
            hit("/d", &[("plan", "d")]),
            hit("/a", &[]),
        ]);
        let all = batch.clone();
        batch.limit_distinct_values(&mut dictionaries, 3);
        let values =
            |batch: &HitBatch, dictionaries: &Dictionaries, column: Column| -> Vec<String> {
                let value = |key: &DictKey| {
                    dictionaries.of(column).value(*key).unwrap_or_default().to_owned()
                };
                batch.column(column).iter().map(value).collect()
            };
        assert_eq!(values(&batch, &dictionaries, Column::Page), ["/c", "/b", "/b", OTHER, "/a"]);
        batch.limit_distinct_values(&mut dictionaries, 3);
        let pages = values(&batch, &dictionaries, Column::Page);
        assert_eq!(pages[3..], [OTHER, "/a"], "(other) does not count towards the limit");
        let mut batch = all;
        batch.limit_distinct_values(&mut dictionaries, 1);
        let pages = values(&batch, &dictionaries, Column::Page);
        assert_eq!(pages, [OTHER, "/b", "/b", OTHER, OTHER]);
        let props = values(&batch, &dictionaries, Column::Props);
        assert_eq!(props[0], r#"{"plan":"a","size":"1"}"#);
        assert_eq!(props[1], r#"{"plan":"(other)","size":"(other)"}"#);
        assert_eq!(props[2..], [r#"{"plan":"(other)"}"#, r#"{"plan":"(other)"}"#, ""]);
    }
}
