//! The site's lease, which imports and deletions hold.

use std::time::Duration;

use footfall_infra::settings::Site;
use footfall_runtime::catalog::lease::{Lease, LeaseError};
use footfall_runtime::storage::Store;

use crate::error::CommandError;

/// Duration of a site's lease in the folder of `dev`. Only one process can open the folder, so a lease that is
/// still there belongs to a killed process.
pub(crate) const FOLDER_LEASE: Duration = Duration::from_secs(1);

/// Acquires a site's lease. Prints a note if it has to wait.
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

/// Explains why the lease was not acquired, or was lost.
pub(crate) fn locked(error: LeaseError) -> CommandError {
    match error {
        LeaseError::Store(error) => CommandError::from(error),
        error @ (LeaseError::Held | LeaseError::Lost) => {
            CommandError::failed(error.to_string(), "run this again once it is done")
        }
    }
}
