//! How far a site is folded: the one thing about its segments that is not in them.

use footfall_infra::settings::{RetentionDays, Site};
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::store::{Item, KeyRange, Store, StoreError};
use crate::table;

/// What is known of a site's segments.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
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
}

impl Checkpoint {
    /// Reads a site's. To be asked before its segments are: what it says is folded is stored already.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub async fn of<S: Store>(store: &S, site: &Site) -> Result<Self, StoreError> {
        let key = KeyRange::one(&table::checkpoint_key(site));
        let page = store.query(&key, None).await?;
        page.items.first().map_or_else(|| Ok(Self::default()), Self::decode)
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
        store.put(Item { key: table::checkpoint_key(site), value, expires: None }).await
    }

    /// Notes that something was counted on a day.
    pub fn counted(&mut self, day: Date) {
        self.first = Some(self.first.map_or(day, |first| first.min(day)));
    }

    /// Whether a day is folded.
    #[must_use]
    pub fn has_folded(&self, day: Date) -> bool {
        self.through.is_some_and(|through| day <= through)
    }

    /// In how many shards hits may be, with so many in the settings.
    #[must_use]
    pub fn shards(&self, settings: u8) -> u8 {
        self.shards.max(settings)
    }
}
