//! The function `rollup`: folds the hits of closed hours and days, every hour.

use std::time::Duration;

use footfall_runtime::lambda::{Allocator, Deployed, serve_schedule};
use footfall_runtime::platform::clock::Machine;
use footfall_runtime::rollup::Rollup;

/// How long one request may be throttled: a table of 25 units takes a minute for 6 MB. The run has 15.
const PATIENCE: Duration = Duration::from_secs(300);

#[global_allocator]
static ALLOCATOR: Allocator = Allocator;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    let Deployed { settings, store } = Deployed::from_environment()?;
    let rollup = &Rollup::new(settings, store.patient(PATIENCE), Machine);
    serve_schedule(|| async move { rollup.run().await }).await
}
