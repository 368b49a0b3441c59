//! The catalog of a site: rollup progress, imports, and the lease for changing history.

pub mod checkpoint;
pub mod imports;
pub mod lease;

use serde::de::DeserializeOwned;

use crate::storage::{Item, StoreError};

/// Decodes the JSON value of an item.
fn decode_json<T: DeserializeOwned>(item: &Item) -> Result<T, StoreError> {
    serde_json::from_slice(&item.value).map_err(|error| {
        StoreError::Refused(format!(
            "cannot read the item {} {}: {error}",
            item.key.pk, item.key.sk
        ))
    })
}
