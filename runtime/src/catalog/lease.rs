//! Exclusive access for changing a site's history: one deletion or import at a time. Only the deployer needs a
//! lease, because everything that functions write is safe to do concurrently.
//!
//! The lease compares no clocks, since those of two machines may differ. Its holder sends heartbeats. Whoever
//! finds the lease taken waits for one, and takes over only if none comes for the whole lease duration.

use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use footfall_infra::settings::Site;
use futures_util::future::{Either, select};

use crate::storage::keys;
use crate::storage::{Item, Key, KeyRange, PutOutcome, Store, StoreError};

/// How long a lease lasts without a heartbeat: much longer than a write with all its retries.
pub const LEASE_DURATION: Duration = Duration::from_secs(60);

/// A lease on a site's history.
#[derive(Debug)]
pub struct Lease<S> {
    store: S,
    key: Key,
    holder: u128,
    /// How many heartbeats the holder sent.
    heartbeat_count: u64,
    duration: Duration,
}

/// Why a lease could not be acquired or was lost.
#[derive(Debug, Clone, thiserror::Error)]
pub enum LeaseError {
    /// Another holder has it.
    #[error("another import or deletion is running for this site")]
    Held,
    /// Another holder took it over, because no heartbeat came in time.
    #[error("another import or deletion took over, because this one was interrupted for too long")]
    Lost,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl<S: Store> Lease<S> {
    /// Acquires the lease of a site. `holder` is a random ID that nobody else uses.
    ///
    /// If another holder has the lease, this calls `on_wait` and waits one `duration` for a heartbeat. Without
    /// one, it takes the lease over.
    ///
    /// # Errors
    /// [`LeaseError::Held`] if the other holder is still alive.
    pub async fn acquire(
        store: &S,
        site: &Site,
        holder: [u8; 16],
        duration: Duration,
        on_wait: impl FnOnce(),
    ) -> Result<Self, LeaseError> {
        let holder = u128::from_be_bytes(holder);
        let key = keys::lock_key(site);
        let lease = Self { store: store.clone(), key, holder, heartbeat_count: 0, duration };
        let PutOutcome::Existing(existing) = store.put_if_absent(lease.item()).await? else {
            return Ok(lease);
        };
        on_wait();
        tokio::time::sleep(duration).await;
        // Without a heartbeat the item is unchanged. If its holder released it meanwhile, it is gone.
        if store.compare_and_set(lease.item(), &existing.value).await?
            || store.put_if_absent(lease.item()).await? == PutOutcome::Inserted
        {
            return Ok(lease);
        }
        Err(LeaseError::Held)
    }

    /// Runs `work` while holding the lease, then releases it.
    ///
    /// # Errors
    /// [`LeaseError::Lost`] if another holder took the lease over. `work` is then cancelled halfway.
    pub async fn hold_during<T>(mut self, work: impl Future<Output = T>) -> Result<T, LeaseError> {
        let done = match select(pin!(self.send_heartbeats()), pin!(work)).await {
            Either::Left((lost, _)) => return Err(lost),
            Either::Right((done, _)) => done,
        };
        // If releasing fails, the next holder takes over after the lease duration.
        let _ = self.release().await;
        Ok(done)
    }

    async fn release(&self) -> Result<(), StoreError> {
        let page = self.store.query(&KeyRange::one(&self.key), None).await?;
        let holder = format!("{:032x} ", self.holder);
        // If another holder took over meanwhile, the lease is theirs to release.
        if page.items.first().is_some_and(|item| item.value.starts_with(holder.as_bytes())) {
            self.store.delete(&self.key).await?;
        }
        Ok(())
    }

    /// Sends heartbeats until the lease is lost.
    async fn send_heartbeats(&mut self) -> LeaseError {
        loop {
            tokio::time::sleep(self.duration / 4).await;
            // After an error, try again: the store may be unavailable for just a moment.
            if let Ok(false) = self.send_heartbeat().await {
                return LeaseError::Lost;
            }
        }
    }

    /// Sends one heartbeat. Returns false if another holder has the lease.
    async fn send_heartbeat(&mut self) -> Result<bool, StoreError> {
        let old = self.item().value;
        self.heartbeat_count += 1;
        let is_held = self.store.compare_and_set(self.item(), &old).await;
        if is_held.is_err() {
            // The write may have succeeded nonetheless. The next heartbeat then repeats it, which is accepted.
            self.heartbeat_count -= 1;
        }
        is_held
    }

    fn item(&self) -> Item {
        let value = format!("{:032x} {}", self.holder, self.heartbeat_count).into_bytes();
        Item { key: self.key.clone(), value, expires: None }
    }
}
