//! Adds engagement times and scroll depths to the page views that they belong to.

use std::collections::HashMap;

use super::{HitBatch, NO_SCROLL};
use crate::segment::column::Column;
use crate::segment::dictionary::{DictKey, Dictionaries, NULL_KEY};

/// Event name of engagement records. They are no hits: [`HitBatch::attach_engagement`] merges them into page views.
pub const ENGAGEMENT: &str = "engagement";

impl HitBatch {
    /// Adds each engagement record to its page view, and removes the record.
    ///
    /// The batch must be sorted. An engagement record belongs to its visitor's last earlier view of the same page.
    /// Without such a view it is dropped.
    pub fn attach_engagement(&mut self, dictionaries: &Dictionaries) {
        let Some(engagement) = dictionaries.of(Column::Event).find(ENGAGEMENT) else { return };
        let events = self.column(Column::Event);
        if !events.contains(&engagement) {
            return;
        }
        let page = |row: usize| (self.column(Column::Host)[row], self.column(Column::Page)[row]);
        let mut last_views: HashMap<(DictKey, DictKey), usize> = HashMap::new();
        let mut attached = Vec::new();
        let mut kept = Vec::with_capacity(self.len());
        for (row, event) in events.iter().enumerate() {
            if row > 0 && self.visitors[row] != self.visitors[row - 1] {
                last_views.clear();
            }
            if *event == engagement {
                attached.extend(last_views.get(&page(row)).map(|view| (row, *view)));
                continue;
            }
            kept.push(row);
            if *event == NULL_KEY {
                last_views.insert(page(row), row);
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
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::super::tests::{batch_of, view};
    use super::*;
    use crate::hit::visitor::VisitorId;
    use crate::hit::{Engagement, Kind, Record};

    #[test]
    fn engagement_is_added_to_the_last_view_of_its_page() {
        let engagement = |at: i64, visitor: u64, page: &str, engaged: u32, scroll: Option<u8>| {
            let (visitor, page) = (VisitorId::new(visitor), page.to_owned());
            let kind = Kind::Engagement(Engagement { visitor, host: None, page, scroll, engaged });
            Record { at: Timestamp::from_millisecond(at).unwrap(), kind }
        };
        let (mut batch, dictionaries) = batch_of(&[
            engagement(1, 7, "/a", 1000, Some(9)), // before any view
            view(2, 7, "/a"),
            engagement(3, 7, "/a", 200, Some(40)),
            engagement(4, 7, "/b", 1000, Some(9)), // without a view
            view(5, 7, "/b"),
            engagement(6, 7, "/a", 30, Some(20)),
            view(7, 7, "/a"),
            engagement(8, 7, "/a", 4, None),
            engagement(9, 8, "/a", 1000, Some(9)), // of another visitor
        ]);
        batch.sort();
        batch.attach_engagement(&dictionaries);
        assert_eq!(batch.times, [2, 5, 7]);
        assert_eq!(batch.engaged, [230, 0, 4]);
        assert_eq!(batch.scrolled, [40, NO_SCROLL, NO_SCROLL]);
    }
}
