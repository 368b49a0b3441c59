//! How a function meets Lambda: its settings from the environment, its requests from HTTP API
//! events in payload format 2.0, or its runs from a schedule.
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

/// What a function has its memory from. musl's own gives every block of some kilobytes back to the system at once, and takes
/// it again: a hit took seven pairs of system calls for that.
pub use dlmalloc::GlobalDlmalloc as Allocator;

/// What a function is started with.
#[derive(Debug)]
pub struct FunctionEnv {
    /// The owner's settings.
    pub settings: Settings,
    /// The table.
    pub store: DynamoDb,
}

impl FunctionEnv {
    /// Reads the environment that the stack sets. Nothing else is asked: no file, no service.
    ///
    /// # Errors
    /// If a variable is missing or wrong; the message names it.
    pub fn from_env() -> Result<Self, Error> {
        // As words: Rust prints an error that ends `main` as it is written in the code.
        Self::read().map_err(|error| error.to_string().into())
    }

    fn read() -> Result<Self, Error> {
        let get = |name: &str| env::var(name).ok().filter(|value| !value.is_empty());
        let settings = get(SETTINGS).ok_or(MissingVariable(SETTINGS))?;
        let settings = Settings::from_json(&settings)
            .map_err(|error| format!("the environment variable {SETTINGS}: {error}"))?;
        let table = get(TABLE).ok_or(MissingVariable(TABLE))?;
        let connector = HttpClient::with_roots(roots(get)?)?;
        let store = DynamoDb::new(Access::from_variables(get)?, table, connector);
        Ok(Self { settings, store })
    }
}

/// Answers events with `handle` until Lambda ends the function.
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

/// Does `job` at every event until Lambda ends the function. What the event says does not matter: a
/// schedule's, or whatever somebody sends who invokes the function by hand.
///
/// What was done is the invocation's answer. A failure is the invocation's error: Lambda counts it, and
/// invokes the function again, twice, if it was a schedule that did
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
        // In a box: the compiler has a limit for how deep what waits for what may go.
        match Box::pin(job()).await {
            Ok(outcome) => {
                log::info("a run is done", &outcome);
                Ok(outcome)
            }
            Err(error) => {
                log::error("a run failed", &error);
                // Some errors quote whole answers.
                Err(Error::from(clean(&error.to_string(), 500)))
            }
        }
    }))
    .await
}
