//! The function `rollup`: folds the hits of closed hours and days, every hour.

use std::time::Duration;

use footfall_runtime::lambda::{Allocator, FunctionEnv, serve_schedule};
use footfall_runtime::platform::context::SystemContext;
use footfall_runtime::rollup::Rollup;

/// How long one request may be throttled: a table of 25 units takes a minute for 6 MB. The run has 15.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(300);

#[global_allocator]
static ALLOCATOR: Allocator = Allocator;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    let FunctionEnv { settings, store } = FunctionEnv::from_env()?;
    let rollup = &Rollup::new(settings, store.patient(REQUEST_TIMEOUT), SystemContext);
    serve_schedule(|| async move { rollup.run().await }).await
}
