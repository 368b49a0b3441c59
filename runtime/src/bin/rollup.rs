//! The function `rollup`: rolls up the hits of past hours and days, once an hour.

use std::time::Duration;

use footfall_runtime::lambda::{Allocator, FunctionEnv, serve_schedule};
use footfall_runtime::platform::context::SystemContext;
use footfall_runtime::rollup::Rollup;

/// Maximum time that one request may be throttled. A table with 25 capacity units takes a minute for 6 MB; a run may
/// take 15 minutes.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(300);

#[global_allocator]
static ALLOCATOR: Allocator = Allocator;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    let FunctionEnv { settings, store } = FunctionEnv::from_env()?;
    let rollup = &Rollup::new(settings, store.patient(REQUEST_TIMEOUT), SystemContext);
    serve_schedule(|| async move { rollup.run().await }).await
}
