//! Who rewrites what is stored of a site (a deletion, an import) does it alone. For the deployer: what
//! functions do is safe at once, and no function takes a lock.
//!
//! It goes by no clock, since those of two machines may differ: who holds it says so again and again, and who
//! finds it held waits for that. Only one that was silent for long enough is taken over.

use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use footfall_infra::settings::Site;
use futures_util::future::{Either, select};

use crate::storage::keys;
use crate::storage::{Item, Key, KeyRange, PutOutcome, Store, StoreError};

/// After how long a silence its holder has ended: much longer than a write takes that is tried again.
pub const LEASE_DURATION: Duration = Duration::from_secs(60);

/// A lock that is held.
#[derive(Debug)]
pub struct Lease<S> {
    store: S,
    key: Key,
    /// Who holds it, and how often that was said.
    holder: u128,
    beats: u64,
    lease: Duration,
}

/// Why there is no lock, or none any more.
#[derive(Debug, Clone, thiserror::Error)]
pub enum LeaseError {
    /// Somebody else has it.
    #[error("hits of this site are being imported or deleted by somebody else")]
    Held,
    /// Somebody else took it over, since this one was silent.
    #[error("this was interrupted for so long that somebody else began to import or delete")]
    Lost,
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl<S: Store> Lease<S> {
    /// Takes a site's lock. `holder` is random, and nobody else's. If it is held, that is said by `waits`, and
    /// for the time of a lease it is waited whether its holder still is there.
    ///
    /// # Errors
    /// [`LeaseError::Held`] if so.
    pub async fn take(
        store: &S,
        site: &Site,
        holder: [u8; 16],
        lease: Duration,
        waits: impl FnOnce(),
    ) -> Result<Self, LeaseError> {
        let holder = u128::from_be_bytes(holder);
        let key = keys::lock_key(site);
        let lock = Self { store: store.clone(), key, holder, beats: 0, lease };
        let PutOutcome::Existing(held) = store.put_if_absent(lock.item()).await? else {
            return Ok(lock);
        };
        waits();
        tokio::time::sleep(lease).await;
        // What was silent is still the same. What was let go meanwhile is not there.
        if store.replace(lock.item(), &held.value).await?
            || store.put_if_absent(lock.item()).await? == PutOutcome::Inserted
        {
            return Ok(lock);
        }
        Err(LeaseError::Held)
    }

    /// Does some work with the lock held, and lets it go.
    ///
    /// # Errors
    /// [`LeaseError::Lost`] if somebody else took it over, at which the work has ended in the middle.
    pub async fn during<T>(mut self, work: impl Future<Output = T>) -> Result<T, LeaseError> {
        let done = match select(pin!(self.beats()), pin!(work)).await {
            Either::Left((lost, _)) => return Err(lost),
            Either::Right((done, _)) => done,
        };
        // What cannot be let go is taken over by who waits for it.
        let _ = self.release().await;
        Ok(done)
    }

    async fn release(&self) -> Result<(), StoreError> {
        let page = self.store.query(&KeyRange::one(&self.key), None).await?;
        let holder = format!("{:032x} ", self.holder);
        // One that is somebody else's by now is theirs to let go.
        if page.items.first().is_some_and(|item| item.value.starts_with(holder.as_bytes())) {
            self.store.delete(&self.key).await?;
        }
        Ok(())
    }

    /// Says again and again that somebody is there, until somebody else is.
    async fn beats(&mut self) -> LeaseError {
        loop {
            tokio::time::sleep(self.lease / 4).await;
            // A store that is out of reach for a moment may be there the next time.
            if let Ok(false) = self.beat().await {
                return LeaseError::Lost;
            }
        }
    }

    /// False if it is somebody else's.
    async fn beat(&mut self) -> Result<bool, StoreError> {
        let old = self.item().value;
        self.beats += 1;
        let kept = self.store.replace(self.item(), &old).await;
        if kept.is_err() {
            // It may have been written all the same.
            self.beats -= 1;
        }
        kept
    }

    fn item(&self) -> Item {
        let value = format!("{:032x} {}", self.holder, self.beats).into_bytes();
        Item { key: self.key.clone(), value, expires: None }
    }
}
