//! Rollup progress of a site.

use footfall_infra::settings::{RetentionDays, Site};
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::catalog::decode_json;
use crate::catalog::imports::{Import, ImportState};
use crate::storage::hour::utc_day;
use crate::storage::import_id::ImportId;
use crate::storage::keys;
use crate::storage::range_items;
use crate::storage::retention;
use crate::storage::retention::retained_from;
use crate::storage::{Item, Store, StoreError};

/// Maximum difference between two clocks, and so how far in the future a hit may lie.
pub const MAX_CLOCK_SKEW: SignedDuration = SignedDuration::from_mins(5);

/// Rollup progress of a site, and its imports.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// The first UTC day with tracked hits that are still retained.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first: Option<Date>,
    /// The last UTC day that is rolled up, and with it every earlier day. A rolled-up day without a segment had
    /// no hits.
    #[serde(rename = "through", default, skip_serializing_if = "Option::is_none")]
    pub rolled_up_through: Option<Date>,
    /// The number of shards that may hold hits that are not rolled up yet.
    #[serde(default)]
    pub shards: u8,
    /// The number of shards in the settings, if it is lower than `shards`, and the day when the rollup first
    /// saw it.
    #[serde(rename = "lowered", default, skip_serializing_if = "Option::is_none")]
    pub pending_shard_reduction: Option<(u8, Date)>,
    /// The retention in the settings when they last listed the site. It still applies after the site is gone
    /// from them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retention_days: Option<RetentionDays>,
    /// The first UTC day that the last rollup retained. It deleted everything older.
    #[serde(rename = "kept", default, skip_serializing_if = "Option::is_none")]
    pub retained_from: Option<Date>,
    /// The first UTC day with imported hits.
    ///
    /// In the rollup this includes unfinished imports, because their segments expire with their days too.
    /// Not stored here: each import has its own item, so importer and rollup never write the same one.
    #[serde(skip)]
    pub imported: Option<Date>,
    /// The finished imports, sorted by ID.
    #[serde(skip)]
    pub imports: Vec<(ImportId, Import)>,
}

impl Checkpoint {
    /// Reads the checkpoint of a site.
    ///
    /// Call this before reading the site's segments: every day that it calls rolled up then has its segment.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub async fn load<S: Store>(store: &S, site: &Site) -> Result<Self, StoreError> {
        let (mut checkpoint, mut imports) = (Self::default(), Vec::new());
        for item in range_items(store, &keys::site_meta(site)).await? {
            match keys::parse_import_key(&item.key) {
                Some((_, id)) => imports.push((id, Import::decode(&item)?)),
                None => checkpoint = Self::decode(&item)?,
            }
        }
        // An import that was abandoned must not make reports begin earlier.
        let finished =
            imports.into_iter().filter(|(_, import)| import.state == ImportState::Finished);
        finished.for_each(|(id, import)| checkpoint.add_import(id, import));
        Ok(checkpoint)
    }

    /// Adds an import to the known ones.
    pub fn add_import(&mut self, id: ImportId, import: Import) {
        self.imported = Some(self.imported.map_or(import.first, |first| first.min(import.first)));
        if import.state == ImportState::Finished {
            self.imports.push((id, import));
        }
    }

    /// Returns the first UTC day with tracked or imported hits.
    #[must_use]
    pub fn first_day(&self) -> Option<Date> {
        self.first.into_iter().chain(self.imported).min()
    }

    /// Returns the first and the last UTC day that may have data.
    #[must_use]
    pub fn range(&self, site: &Site, now: Timestamp) -> (Date, Date) {
        // Until the first day is rolled up, any hit that has not expired may count.
        let not_rolled_up = self.rolled_up_through.and_then(|day| day.tomorrow().ok());
        let oldest = not_rolled_up.unwrap_or_else(|| utc_day(retention::oldest_hit(site, now)));
        let tracked = self.first.unwrap_or(oldest);
        let first = self.imported.map_or(tracked, |imported| imported.min(tracked));
        let latest = now.checked_add(MAX_CLOCK_SKEW).unwrap_or(Timestamp::MAX);
        (first.max(retained_from(site, now)), utc_day(latest))
    }

    /// Decodes a stored checkpoint.
    ///
    /// # Errors
    /// If the item does not hold a checkpoint.
    pub fn decode(item: &Item) -> Result<Self, StoreError> {
        decode_json(item)
    }

    /// Stores the checkpoint of a site.
    ///
    /// # Errors
    /// If the store cannot be written.
    pub async fn save<S: Store>(&self, store: &S, site: &Site) -> Result<(), StoreError> {
        let value = serde_json::to_vec(self);
        let value = value.map_err(|error| StoreError::Refused(error.to_string()))?;
        store.put(Item { key: keys::checkpoint_key(site), value, expires: None }).await
    }

    /// Records that a day has tracked hits.
    pub fn record_hits_on(&mut self, day: Date) {
        self.first = Some(self.first.map_or(day, |first| first.min(day)));
    }

    /// Whether a day is rolled up.
    #[must_use]
    pub fn is_rolled_up(&self, day: Date) -> bool {
        self.rolled_up_through.is_some_and(|through| day <= through)
    }

    /// Returns the number of shards that may hold hits, given the number in the settings.
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
    fn range_begins_with_the_first_day_that_may_have_data() {
        let site = |yaml: &str| Settings::from_yaml(yaml).unwrap().sites.remove(0);
        let now = "2026-11-22T12:00:00Z".parse().unwrap();
        let first = |site: &Site, checkpoint: Checkpoint| checkpoint.range(site, now).0.to_string();
        let day = |text: &str| Some(text.parse::<Date>().unwrap());
        let forever = site("sites: [{domain: e.x}]");
        let oldest_hit = utc_day(retention::oldest_hit(&forever, now)).to_string();
        assert_eq!(first(&forever, Checkpoint::default()), oldest_hit);
        let rolled_up_through = day("2026-11-20");
        let rolled_up = Checkpoint { rolled_up_through, ..Checkpoint::default() };
        assert_eq!(first(&forever, rolled_up.clone()), "2026-11-21");
        // Hits that are not rolled up yet are older than the import.
        let imported = Checkpoint { imported: day("2026-11-22"), ..Checkpoint::default() };
        assert_eq!(first(&forever, imported), oldest_hit);
        let imported = Checkpoint { imported: day("2020-01-01"), ..rolled_up };
        assert_eq!(first(&forever, imported.clone()), "2020-01-01");
        let short = site("sites: [{domain: e.x, retention_days: 30}]");
        assert_eq!(first(&short, imported), "2026-10-23");
        assert_eq!(Checkpoint::default().range(&short, now).1.to_string(), "2026-11-22");
    }
}
