//! The function `dashboard`: serves the dashboard, reports and exports.

use std::time::Duration;

use footfall_runtime::auth::AccessMode;
use footfall_runtime::lambda::{Allocator, FunctionEnv, serve};
use footfall_runtime::platform::context::SystemContext;
use footfall_runtime::platform::http::compressed;
use footfall_runtime::web::Web;

/// Maximum time for a report. Shorter than the 30 seconds that Lambda and the gateway allow, so that the client
/// gets a response. A report takes long if many of the table's responses are slow.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(25);

#[global_allocator]
static ALLOCATOR: Allocator = Allocator;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    let FunctionEnv { settings, store } = FunctionEnv::from_env()?;
    let dashboard = Web::new(settings, store, SystemContext, AccessMode::Closed)?;
    // Lambda gives the initialization a full core.
    dashboard.warm().await;
    let dashboard = &dashboard;
    serve(|request| async move {
        let response = tokio::time::timeout(REQUEST_TIMEOUT, dashboard.handle(&request)).await;
        let response = response.unwrap_or_else(|_| dashboard.late(&request));
        compressed(&request.headers, response)
    })
    .await
}
