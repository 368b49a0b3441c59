//! The function `dashboard`: answers what was read.

use footfall_runtime::access::Door;
use footfall_runtime::ambient::Machine;
use footfall_runtime::dashboard::Dashboard;
use footfall_runtime::lambda::{Deployed, serve};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    let Deployed { settings, store } = Deployed::from_environment()?;
    let dashboard = Dashboard::new(settings, store, Machine, Door::Closed)?;
    // Lambda runs this part on a whole core.
    dashboard.warm().await;
    let dashboard = &dashboard;
    serve(|request| async move { dashboard.handle(&request).await }).await
}
