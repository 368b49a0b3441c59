//! Hosts functions on Lambda. Reads their settings from the environment, and handles HTTP API events in payload
//! format 2.0 or scheduled events.
//!
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html>

mod event;

use std::env;
use std::fmt::Display;
use std::future::Future;

use event::{Answer, Event};
use footfall_infra::env::{SETTINGS, TABLE};
use footfall_infra::settings::Settings;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde::Serialize;
use serde::de::IgnoredAny;

use crate::platform::aws_http::{HttpClient, roots};
use crate::platform::http::{Request, Response};
use crate::platform::log;
use crate::platform::sanitize::clean;
use crate::storage::dynamodb::{Access, DynamoDb, MissingVariable};

/// Global allocator. musl's own returns and re-requests small blocks: seven pairs of system calls per hit.
pub use dlmalloc::GlobalDlmalloc as Allocator;

/// The environment of a function.
#[derive(Debug)]
pub struct FunctionEnv {
    /// The settings.
    pub settings: Settings,
    /// The table.
    pub store: DynamoDb,
}

impl FunctionEnv {
    /// Reads the environment variables that the stack sets. Uses no files and no services.
    ///
    /// # Errors
    /// If a variable is missing or invalid. The message names it.
    pub fn from_env() -> Result<Self, Error> {
        // Converted to text, because Rust prints an error returned by `main` in its `Debug` format.
        Self::read().map_err(|error| error.to_string().into())
    }

    fn read() -> Result<Self, Error> {
        let get = |name: &str| env::var(name).ok().filter(|value| !value.is_empty());
        let settings = get(SETTINGS).ok_or(MissingVariable(SETTINGS))?;
        let settings = Settings::from_json(&settings)
            .map_err(|error| format!("invalid environment variable {SETTINGS}: {error}"))?;
        let table = get(TABLE).ok_or(MissingVariable(TABLE))?;
        let client = HttpClient::with_roots(roots(get)?)?;
        let store = DynamoDb::new(Access::from_variables(get)?, table, client);
        Ok(Self { settings, store })
    }
}

/// Answers HTTP events with `handle` until Lambda stops the function.
///
/// # Errors
/// If the Runtime API cannot be reached.
pub async fn serve<F, R>(handle: F) -> Result<(), Error>
where
    F: Fn(Request) -> R,
    R: Future<Output = Response>,
{
    let handle = &handle;
    lambda_runtime::run(service_fn(|event: LambdaEvent<Event>| async move {
        Ok::<_, Error>(Answer::from(handle(event.payload.into_request()?).await))
    }))
    .await
}

/// Runs `job` at every event until Lambda stops the function. Ignores the event's content, so the function can
/// also be invoked by hand.
///
/// The outcome is the invocation's response. A failure is the invocation's error, which Lambda counts. If a
/// schedule invoked the function, Lambda retries twice
/// (<https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html>).
///
/// # Errors
/// If the Runtime API cannot be reached.
pub async fn serve_schedule<F, R, T, E>(job: F) -> Result<(), Error>
where
    F: Fn() -> R,
    R: Future<Output = Result<T, E>>,
    T: Serialize,
    E: Display,
{
    let job = &job;
    lambda_runtime::run(service_fn(|_: LambdaEvent<IgnoredAny>| async move {
        // Boxed, because the compiler limits how deeply futures can be nested.
        match Box::pin(job()).await {
            Ok(outcome) => {
                log::info("a run is done", &outcome);
                Ok(outcome)
            }
            Err(error) => {
                log::error("a run failed", &error);
                // Some errors quote entire responses.
                Err(Error::from(clean(&error.to_string(), 500)))
            }
        }
    }))
    .await
}
