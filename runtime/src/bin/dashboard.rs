//! The function `dashboard`: answers what was read.

use std::time::Duration;

use footfall_runtime::auth::AccessMode;
use footfall_runtime::lambda::{Allocator, FunctionEnv, serve};
use footfall_runtime::platform::context::SystemContext;
use footfall_runtime::platform::http::compressed;
use footfall_runtime::web::Web;

/// How long a report may take before it is given up with an answer: less than Lambda and the gateway wait,
/// which is 30 seconds. Reading goes on for longer if each of many answers of the table comes late.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(25);

#[global_allocator]
static ALLOCATOR: Allocator = Allocator;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    let FunctionEnv { settings, store } = FunctionEnv::from_env()?;
    let dashboard = Web::new(settings, store, SystemContext, AccessMode::Closed)?;
    // Lambda runs this part on a whole core.
    dashboard.warm().await;
    let dashboard = &dashboard;
    serve(|request| async move {
        let answer = tokio::time::timeout(REQUEST_TIMEOUT, dashboard.handle(&request)).await;
        let answer = answer.unwrap_or_else(|_| dashboard.late(&request));
        compressed(&request.headers, answer)
    })
    .await
}
