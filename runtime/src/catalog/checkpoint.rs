//! How far a site is folded: the one thing about its segments that is not in them.

use footfall_infra::settings::{RetentionDays, Site};
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::catalog::imports::{Import, ImportState};
use crate::storage::hour::utc_day;
use crate::storage::import_id::ImportId;
use crate::storage::keys;
use crate::storage::range_items;
use crate::storage::retention;
use crate::storage::retention::kept_from;
use crate::storage::{Item, Store, StoreError};

/// How far clocks may differ, and hits so lie ahead.
pub const MAX_CLOCK_SKEW: SignedDuration = SignedDuration::from_mins(5);

/// What is known of a site's segments.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// The first day of UTC on which anything was counted and is still kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first: Option<Date>,
    /// Up to this day of UTC, every day is folded: one without a segment had no hits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub through: Option<Date>,
    /// In how many shards hits may be that are not folded yet.
    #[serde(default)]
    pub shards: u8,
    /// The settings' number of shards, where it is lower than that, and the day on which it was first
    /// seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lowered: Option<(u8, Date)>,
    /// After how many days what was counted is deleted, as the settings said when the site was last in
    /// them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retention_days: Option<RetentionDays>,
    /// The first day of UTC that is kept, as of the last run: what was before it is deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept: Option<Date>,
    /// The first day of UTC of which anything was imported: for the rollup, also of an import that is not
    /// finished, whose segments go with their days like any. Not stored here: an import has an item of
    /// its own, so that who imports and who folds do not write the same one.
    #[serde(skip)]
    pub imported: Option<Date>,
    /// The imports that are finished, in the order of their names.
    #[serde(skip)]
    pub imports: Vec<(ImportId, Import)>,
}

impl Checkpoint {
    /// Reads a site's. To be asked before its segments are: what it says is folded is stored already.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub async fn of<S: Store>(store: &S, site: &Site) -> Result<Self, StoreError> {
        let (mut checkpoint, mut imports) = (Self::default(), Vec::new());
        for item in range_items(store, &keys::site_meta(site)).await? {
            match keys::import_of(&item.key) {
                Some((_, id)) => imports.push((id, Import::decode(&item)?)),
                None => checkpoint = Self::decode(&item)?,
            }
        }
        // One that was begun and left is no reason for reports to begin earlier.
        let finished =
            imports.into_iter().filter(|(_, import)| import.state == ImportState::Finished);
        finished.for_each(|(id, import)| checkpoint.add(id, import));
        Ok(checkpoint)
    }

    /// Notes an import.
    pub fn add(&mut self, id: ImportId, import: Import) {
        self.imported = Some(self.imported.map_or(import.first, |first| first.min(import.first)));
        if import.state == ImportState::Finished {
            self.imports.push((id, import));
        }
    }

    /// The first day of UTC on which anything was counted or imported.
    #[must_use]
    pub fn first_day(&self) -> Option<Date> {
        self.first.into_iter().chain(self.imported).min()
    }

    /// The first and the last day of UTC of which anything may be there.
    #[must_use]
    pub fn range(&self, site: &Site, now: Timestamp) -> (Date, Date) {
        // As long as nothing is folded, whatever has not expired may count.
        let unfolded = self.through.and_then(|day| day.tomorrow().ok());
        let oldest = unfolded.unwrap_or_else(|| utc_day(retention::oldest_hit(site, now)));
        let counted = self.first.unwrap_or(oldest);
        let first = self.imported.map_or(counted, |imported| imported.min(counted));
        let ahead = now.checked_add(MAX_CLOCK_SKEW).unwrap_or(Timestamp::MAX);
        (first.max(kept_from(site, now)), utc_day(ahead))
    }

    /// Reads a stored one.
    ///
    /// # Errors
    /// If the item is none.
    pub fn decode(item: &Item) -> Result<Self, StoreError> {
        serde_json::from_slice(&item.value).map_err(|error| {
            StoreError::Refused(format!(
                "the item {} {} cannot be read: {error}",
                item.key.pk, item.key.sk
            ))
        })
    }

    /// Stores a site's.
    ///
    /// # Errors
    /// If the store cannot be written.
    pub async fn put<S: Store>(&self, store: &S, site: &Site) -> Result<(), StoreError> {
        let value = serde_json::to_vec(self);
        let value = value.map_err(|error| StoreError::Refused(error.to_string()))?;
        store.put(Item { key: keys::checkpoint_key(site), value, expires: None }).await
    }

    /// Notes that something was counted on a day.
    pub fn counted(&mut self, day: Date) {
        self.first = Some(self.first.map_or(day, |first| first.min(day)));
    }

    /// Whether a day is folded.
    #[must_use]
    pub fn is_rolled_up(&self, day: Date) -> bool {
        self.through.is_some_and(|through| day <= through)
    }

    /// In how many shards hits may be, with so many in the settings.
    #[must_use]
    pub fn shards(&self, settings: u8) -> u8 {
        self.shards.max(settings)
    }
}

#[cfg(test)]
mod tests {
    use footfall_infra::settings::Settings;

    use super::*;

    #[test]
    fn the_range_begins_with_what_may_be_there() {
        let site = |yaml: &str| Settings::from_yaml(yaml).unwrap().sites.remove(0);
        let now = "2026-11-22T12:00:00Z".parse().unwrap();
        let first = |site: &Site, checkpoint: Checkpoint| checkpoint.range(site, now).0.to_string();
        let day = |text: &str| Some(text.parse::<Date>().unwrap());
        let forever = site("sites: [{domain: e.x}]");
        let unfolded = utc_day(retention::oldest_hit(&forever, now)).to_string();
        assert_eq!(first(&forever, Checkpoint::default()), unfolded);
        let through = day("2026-11-20");
        let folded = Checkpoint { through, ..Checkpoint::default() };
        assert_eq!(first(&forever, folded.clone()), "2026-11-21");
        // Hits that are not folded yet are older than what was imported.
        let imported = Checkpoint { imported: day("2026-11-22"), ..Checkpoint::default() };
        assert_eq!(first(&forever, imported), unfolded);
        let imported = Checkpoint { imported: day("2020-01-01"), ..folded };
        assert_eq!(first(&forever, imported.clone()), "2020-01-01");
        let short = site("sites: [{domain: e.x, retention_days: 30}]");
        assert_eq!(first(&short, imported), "2026-10-23");
        assert_eq!(Checkpoint::default().range(&short, now).1.to_string(), "2026-11-22");
    }
}
