//! The function `track`: takes hits into the table.

use footfall_runtime::ingest::Ingest;
use footfall_runtime::lambda::{Allocator, FunctionEnv, serve};
use footfall_runtime::platform::context::SystemContext;

#[global_allocator]
static ALLOCATOR: Allocator = Allocator;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    let FunctionEnv { settings, store } = FunctionEnv::from_env()?;
    let track = Ingest::new(settings, store, SystemContext);
    // Lambda runs this part on a whole core.
    track.warm().await;
    let track = &track;
    serve(|request| async move { track.handle(&request).await }).await
}
