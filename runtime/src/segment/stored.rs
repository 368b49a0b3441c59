//! Segments as they are stored: items that are the parts of a file.
//!
//! Reports, exports and deletions all assemble segments here, so they agree on which parts belong together.

use std::collections::BTreeMap;

use bytes::Bytes;
use jiff::civil::Date;

use super::{Header, SegmentError, SegmentPart};
use crate::segment::column::Column;
use crate::segment::dictionary::Dictionaries;
use crate::segment::hit_batch::HitBatch;
use crate::storage::hour::{Hour, Span};
use crate::storage::{Item, Key};

/// The stored segments of a month, or of some of its days.
#[derive(Debug, Default)]
pub struct StoredSegments(BTreeMap<String, Vec<Item>>);

/// A segment with its parts.
#[derive(Debug)]
pub struct StoredSegment {
    /// The beginning of its sort keys: `22` for a day, `22T13` for an hour, `22i0123456789ab` for an import.
    pub name: String,
    /// Its parts in order. If the first part cannot be read, all items under the name.
    pub parts: Vec<StoredPart>,
    /// Parts under the same name that belong to a segment which this one replaced.
    pub orphaned_parts: Vec<Key>,
    first: Result<(SegmentPart, Header), SegmentError>,
}

/// A part of a segment.
#[derive(Debug)]
pub struct StoredPart {
    /// The key of its item.
    pub key: Key,
    /// When its item expires, in seconds since 1970. `None` means never.
    pub expires: Option<i64>,
    /// The bytes of the file.
    pub file: Bytes,
}

impl StoredSegments {
    /// Groups items by segment.
    #[must_use]
    pub fn new(items: Vec<Item>) -> Self {
        let mut segments: BTreeMap<String, Vec<Item>> = BTreeMap::new();
        for item in items {
            let name = item.key.sk.split('#').next().unwrap_or_default().to_owned();
            segments.entry(name).or_default().push(item);
        }
        // Without its first part a segment is still being written, so readers skip it.
        segments.retain(|name, items| items.iter().any(|item| is_first_part(name, item)));
        Self(segments)
    }

    /// Whether there is a segment of a span.
    #[must_use]
    pub fn has(&self, span: Span) -> bool {
        self.0.contains_key(&span.in_month())
    }

    /// Removes the segment of a span and returns it.
    pub fn take(&mut self, span: Span) -> Option<StoredSegment> {
        let (name, items) = self.0.remove_entry(&span.in_month())?;
        Some(StoredSegment::assemble(name, items))
    }

    /// Returns all segments, sorted by name. A day's own segment comes before those of its hours and imports.
    #[must_use]
    pub fn into_segments(self) -> Vec<StoredSegment> {
        self.0.into_iter().map(|(name, items)| StoredSegment::assemble(name, items)).collect()
    }
}

impl StoredSegment {
    fn assemble(name: String, items: Vec<Item>) -> Self {
        let mut items: Vec<StoredPart> = items.into_iter().map(StoredPart::from).collect();
        let first = items.iter().find(|part| part.key.sk == first_part_key(&name));
        let first = first.map_or(Err(SegmentError::Incomplete(1)), |first| {
            let part = SegmentPart::open(first.file.clone())?;
            let header = part.header()?;
            Ok((part, header))
        });
        let (part, header) = match first {
            Ok(first) => first,
            Err(error) => {
                return Self { name, parts: items, orphaned_parts: Vec::new(), first: Err(error) };
            }
        };
        let others = items.extract_if(.., |part| part.number(&header).is_none());
        let orphaned_parts = others.map(|part| part.key).collect();
        items.sort_by_key(|part| part.number(&header));
        let is_whole = items.len() == header.parts;
        let incomplete = SegmentError::Incomplete(header.parts);
        let first = if is_whole { Ok((part, header)) } else { Err(incomplete) };
        Self { name, parts: items, orphaned_parts, first }
    }

    /// Returns why the segment cannot be read. `None` if its first part is valid and no part is missing.
    #[must_use]
    pub fn problem(&self) -> Option<&SegmentError> {
        self.first.as_ref().err()
    }

    /// Whether parts are missing. If a writer replaced the segment while it was read, reading it again helps.
    #[must_use]
    pub fn is_torn(&self) -> bool {
        matches!(self.first, Err(SegmentError::Incomplete(_)))
    }

    /// Returns the number of hits that could not be read when the segment was made.
    #[must_use]
    pub fn unreadable(&self) -> u64 {
        self.first.as_ref().map_or(0, |(_, header)| header.unreadable)
    }

    /// Decodes the hits, in the order in which they are stored, with the values of some columns.
    ///
    /// # Errors
    /// If the segment has a [`problem`](Self::problem) or is damaged.
    pub fn rows(
        &self,
        columns: &[Column],
        dictionaries: &mut Dictionaries,
    ) -> Result<HitBatch, SegmentError> {
        let (first, _) = self.first.as_ref().map_err(Clone::clone)?;
        let mut batch = HitBatch::default();
        first.read(columns, dictionaries, &mut batch)?;
        for part in self.parts.iter().skip(1) {
            SegmentPart::open(part.file.clone())?.read(columns, dictionaries, &mut batch)?;
        }
        Ok(batch)
    }

    /// Returns the hour of an hour's segment. `None` for all others.
    #[must_use]
    pub fn hour(&self, day: Date) -> Option<Hour> {
        let mut hours = Hour::of_day(day);
        hours.find(|hour| Span::Hour(*hour).in_month() == self.name)
    }

    /// Returns the name with year and month, such as `2026-11-22T13`, given a day of the month.
    #[must_use]
    pub fn span(&self, day: Date) -> String {
        format!("{}{}", day.strftime("%Y-%m-"), self.name)
    }
}

impl StoredPart {
    /// Returns the number of the part, from 0. `None` if it does not belong to the segment with this header.
    fn number(&self, header: &Header) -> Option<usize> {
        let mut words = self.key.sk.split('#').skip(1);
        let number = words.next().and_then(|number| number.parse::<usize>().ok())?;
        let belongs =
            number == 0 || number < header.parts && words.next() == Some(&header.content_hash);
        belongs.then_some(number)
    }
}

impl From<Item> for StoredPart {
    fn from(item: Item) -> Self {
        Self { key: item.key, expires: item.expires, file: item.value.into() }
    }
}

fn first_part_key(name: &str) -> String {
    format!("{name}#00")
}

fn is_first_part(name: &str, item: &Item) -> bool {
    item.key.sk.strip_prefix(name) == Some("#00")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::segment;

    fn part(sk: &str, file: &[u8]) -> Item {
        let key = Key { pk: "seg#e.x#2026-11".to_owned(), sk: sk.to_owned() };
        Item { key, value: file.to_vec(), expires: None }
    }

    /// The parts of a segment that is too large for one.
    fn parts() -> (Vec<Item>, usize) {
        let (mut batch, mut dictionaries) = (HitBatch::default(), Dictionaries::default());
        for i in 0..20_000_i64 {
            let page = format!("/{:x}", i.wrapping_mul(0x5851_f42d_4c95_7f2d));
            batch.times.push(i);
            batch.visitors.push(1);
            batch.engaged.push(0);
            batch.scrolled.push(segment::hit_batch::NO_SCROLL);
            for column in Column::ALL {
                let key = match column {
                    Column::Page => dictionaries.of_mut(column).key_for(&page.repeat(4)),
                    _ => segment::dictionary::NULL_KEY,
                };
                batch.column_mut(column).push(key);
            }
        }
        let encoded = segment::encode("e.x", "2026-11-22", &batch, &dictionaries, 7).unwrap();
        let count = 1 + encoded.rest.len();
        let rest = (1..).zip(&encoded.rest);
        let rest = rest.map(|(n, file)| part(&format!("22#{n:02}#{}", encoded.content_hash), file));
        let first = std::iter::once(part("22#00", &encoded.first));
        (first.chain(rest).collect(), count)
    }

    #[test]
    fn assembles_parts_in_any_order_and_reports_orphans() {
        let (mut items, count) = parts();
        assert!(count > 1);
        items.push(part("22#01#0123456789abcdef", b"of a replaced segment"));
        items.reverse();
        let mut segments = StoredSegments::new(items);
        let day = Span::Day(Date::constant(2026, 11, 22));
        assert!(segments.has(day));
        let segment = segments.take(day).unwrap();
        assert!(!segments.has(day));
        assert_eq!((segment.parts.len(), segment.unreadable()), (count, 7));
        assert_eq!(segment.orphaned_parts[0].sk, "22#01#0123456789abcdef");
        assert!(segment.problem().is_none() && !segment.is_torn());
        let rows = segment.rows(&[], &mut Dictionaries::default()).unwrap();
        assert!(rows.times.iter().copied().eq(0..20_000));
    }

    #[test]
    fn segment_without_one_of_its_parts_is_torn() {
        let (mut items, count) = parts();
        items.pop();
        let segment = StoredSegments::new(items).into_segments().remove(0);
        assert!(segment.is_torn());
        let error = segment.rows(&[], &mut Dictionaries::default()).unwrap_err();
        assert_eq!(error.to_string(), format!("some of its {count} parts are missing"));
    }

    #[test]
    fn skips_segment_without_first_part() {
        let (mut items, _) = parts();
        items.remove(0);
        assert!(StoredSegments::new(items).into_segments().is_empty());
    }

    #[test]
    fn names_what_is_wrong_with_an_unreadable_first_part() {
        let items = vec![part("22#00", b"not Parquet"), part("22#01#ab", b"")];
        let segment = StoredSegments::new(items).into_segments().remove(0);
        assert!(segment.problem().is_some() && !segment.is_torn());
        assert_eq!((segment.parts.len(), segment.unreadable()), (2, 0));
    }
}
