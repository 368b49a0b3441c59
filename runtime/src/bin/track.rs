//! The function `track`: takes hits into the table.

use footfall_runtime::ambient::Machine;
use footfall_runtime::lambda::{Allocator, Deployed, serve};
use footfall_runtime::track::Track;

#[global_allocator]
static ALLOCATOR: Allocator = Allocator;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    let Deployed { settings, store } = Deployed::from_environment()?;
    let track = Track::new(settings, store, Machine);
    // Lambda runs this part on a whole core.
    track.warm().await;
    let track = &track;
    serve(|request| async move { track.handle(&request).await }).await
}
