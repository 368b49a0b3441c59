//! The function `track`: takes hits into the table.

use footfall_runtime::ingest::Ingest;
use footfall_runtime::lambda::{Allocator, Deployed, serve};
use footfall_runtime::platform::clock::Machine;

#[global_allocator]
static ALLOCATOR: Allocator = Allocator;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    let Deployed { settings, store } = Deployed::from_environment()?;
    let track = Ingest::new(settings, store, Machine);
    // Lambda runs this part on a whole core.
    track.warm().await;
    let track = &track;
    serve(|request| async move { track.handle(&request).await }).await
}
