//! Turns stored records into rows.

use serde_json::Value;

use super::{ENGAGEMENT, HitBatch, NO_SCROLL};
use crate::hit::{Engagement, Excluded, Hit, Kind, Record};
use crate::segment::column::Column;
use crate::segment::dictionary::{Dictionaries, NULL_KEY};

impl HitBatch {
    /// Appends a record as a row.
    pub fn push(&mut self, dictionaries: &mut Dictionaries, record: &Record) {
        self.times.push(record.at.as_millisecond());
        match &record.kind {
            Kind::Hit(hit) => self.push_hit(dictionaries, hit),
            Kind::Engagement(engagement) => self.push_engagement(dictionaries, engagement),
            Kind::Excluded(excluded) => self.push_excluded(dictionaries, excluded),
        }
    }

    fn push_hit(&mut self, dictionaries: &mut Dictionaries, hit: &Hit) {
        self.visitors.push(hit.visitor.number());
        self.engaged.push(0);
        self.scrolled.push(NO_SCROLL);
        let props = props_json(&hit.props);
        for column in Column::ALL {
            let value = match column {
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
            self.push_value(dictionaries, column, value);
        }
    }

    fn push_engagement(&mut self, dictionaries: &mut Dictionaries, engagement: &Engagement) {
        self.visitors.push(engagement.visitor.number());
        self.engaged.push(engagement.engaged);
        self.scrolled.push(engagement.scroll.unwrap_or(NO_SCROLL));
        for column in Column::ALL {
            let value = match column {
                Column::Event => Some(ENGAGEMENT),
                Column::Host => engagement.host.as_deref(),
                Column::Page => Some(engagement.page.as_str()),
                _ => None,
            };
            self.push_value(dictionaries, column, value);
        }
    }

    fn push_excluded(&mut self, dictionaries: &mut Dictionaries, excluded: &Excluded) {
        self.visitors.push(0);
        self.engaged.push(0);
        self.scrolled.push(NO_SCROLL);
        for column in Column::ALL {
            let value = match column {
                Column::Page => Some(excluded.page.as_str()),
                Column::Exclusion => Some(excluded.reason.as_str()),
                _ => None,
            };
            self.push_value(dictionaries, column, value);
        }
    }

    fn push_value(&mut self, dictionaries: &mut Dictionaries, column: Column, value: Option<&str>) {
        // Reports cannot tell an empty value from a missing one.
        let value = value.filter(|value| !value.is_empty());
        let key = value.map_or(NULL_KEY, |value| dictionaries.of_mut(column).key_for(value));
        self.column_mut(column).push(key);
    }
}

/// Encodes properties as a JSON object. Of two with the same name, the first wins.
fn props_json(props: &[(String, String)]) -> Option<String> {
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
    use super::super::tests::{batch_of, view};
    use super::*;

    #[test]
    fn equal_values_share_a_key() {
        let (batch, dictionaries) =
            batch_of(&[view(1, 1, "/a"), view(2, 1, "/b"), view(3, 2, "/a")]);
        assert_eq!(batch.column(Column::Page), [1, 2, 1]);
        assert_eq!(dictionaries.of(Column::Page).value(2), Some("/b"));
        assert_eq!(dictionaries.of(Column::Page).value(NULL_KEY), None);
        assert_eq!(dictionaries.of(Column::Page).value(3), None);
        assert_eq!(batch.column(Column::Source), [NULL_KEY; 3]);
    }

    #[test]
    fn properties_become_one_json_object() {
        let prop = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(props_json(&[]), None);
        let json = props_json(&[prop("b", "1"), prop("a", "\""), prop("b", "2")]);
        assert_eq!(json.as_deref(), Some(r#"{"a":"\"","b":"1"}"#));
    }
}
