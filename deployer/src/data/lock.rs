//! A site's lock, which an import and a deletion hold.

use std::time::Duration;

use footfall_infra::settings::Site;
use footfall_runtime::catalog::lease::{Lease, LeaseError};
use footfall_runtime::storage::Store;

use crate::error::CommandError;

/// How long the lock of a site is waited for whose data is in a folder: nobody else has that open, and who held
/// it was killed.
pub(crate) const FOLDER_LEASE: Duration = Duration::from_secs(1);

/// Takes a site's lock, and says so if that takes a while.
pub(crate) async fn take<S: Store>(
    store: &S,
    site: &Site,
    holder: [u8; 16],
    lease: Duration,
) -> Result<Lease<S>, CommandError> {
    let waits = || {
        eprintln!(
            "Another import or deletion for {} may be running. Waiting {} s to find out.",
            site.domain,
            lease.as_secs()
        );
    };
    Lease::acquire(store, site, holder, lease, waits).await.map_err(locked)
}

/// Why there is no lock, or none any more.
pub(crate) fn locked(error: LeaseError) -> CommandError {
    match error {
        LeaseError::Store(error) => CommandError::from(error),
        error @ (LeaseError::Held | LeaseError::Lost) => {
            CommandError::failed(error.to_string(), "run this again once it is done")
        }
    }
}
