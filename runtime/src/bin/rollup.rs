//! The function `rollup`: folds the hits of closed hours and days, every hour.

use footfall_runtime::ambient::Machine;
use footfall_runtime::lambda::{Deployed, serve_schedule};
use footfall_runtime::rollup::Rollup;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    let Deployed { settings, store } = Deployed::from_environment()?;
    let rollup = &Rollup::new(settings, store, Machine);
    serve_schedule(|| async move { rollup.run().await }).await
}
