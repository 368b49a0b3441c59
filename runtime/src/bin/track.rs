//! The function `track`: stores hits in the table.

use footfall_runtime::ingest::Ingest;
use footfall_runtime::lambda::{Allocator, FunctionEnv, serve};
use footfall_runtime::platform::context::SystemContext;

#[global_allocator]
static ALLOCATOR: Allocator = Allocator;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    let FunctionEnv { settings, store } = FunctionEnv::from_env()?;
    let ingest = Ingest::new(settings, store, SystemContext);
    // Lambda gives the initialization a full core.
    ingest.warm().await;
    let ingest = &ingest;
    serve(|request| async move { ingest.handle(&request).await }).await
}
