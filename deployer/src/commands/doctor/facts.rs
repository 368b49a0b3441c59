//! Read-only diagnostics of this machine and AWS.

use std::process::Command;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime};

use anyhow::{Context as _, Result, bail};
use aws_config::Region;
use aws_config::retry::RetryConfig;
use aws_sdk_sts::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_sts::error::{BoxError, ProvideErrorMetadata, SdkError};
use aws_sdk_sts::primitives::{DateTime, DateTimeFormat};
use aws_smithy_runtime_api::client::interceptors::context::BeforeDeserializationInterceptorContextRef;

use super::{Clock, Facts, Identity};
use crate::artifact::bucket::Bucket;
use crate::artifact::toolchain::{self, Arch};
use crate::aws::clients::{self, Aws, Target};
use crate::error::{CommandError, root_cause};
use crate::settings;
use crate::stack::concurrency::Concurrency;
use crate::stack::state;

/// Region for the identity call if none is configured. The answer is the same everywhere.
const ANY_REGION: &str = "us-east-1";

/// Timeout for asking AWS the time.
const PATIENCE: Duration = Duration::from_secs(10);

/// All diagnostics. No failure ends the gathering.
pub(super) async fn facts(arch: Arch, target: &Target) -> Facts {
    let region = clients::region(target).await.map(|region| region.to_string());
    let place = region.clone().unwrap_or_else(|| ANY_REGION.to_owned());
    let asked = Target { region: Some(place.clone()), ..target.clone() };
    eprintln!("Asking AWS …");
    let connected = Aws::connect(&asked).await;
    let heard = tokio::time::timeout(PATIENCE, hear(&asked, place)).await;
    let heard = heard.ok().and_then(Result::ok).unwrap_or_default();

    let mut permissions = Vec::new();
    let mut found = None;
    let mut concurrency = None;
    if let (Ok(aws), Some(_)) = (&connected, &region) {
        let looked =
            state::find_owned(aws, target.stack.as_str()).await.map_err(|e| command_error(&e));
        // The stack name may belong to a stack that is not ours.
        let read = looked.as_ref().err().filter(|error| !error.is_rejected()).cloned();
        permissions.push(("cloudformation:DescribeStacks", read.map_or(Ok(()), Err)));
        permissions.push(("s3:ListBucket", bucket(aws, target).await));
        permissions.push(("dynamodb:DescribeTable", table(aws, target).await));
        found = Some(looked.map(|stack| stack.and_then(|stack| stack.stack_status)));
        let asked = Concurrency::of(aws, target.stack.as_str()).await;
        concurrency = asked.ok().map(|concurrency| concurrency.to_string());
    }
    let identity = match connected {
        Ok(aws) => Ok(Identity { account: aws.account, arn: heard.arn }),
        Err(error) => Err(command_error(&error)),
    };
    Facts {
        settings: settings::required().map_err(|error| command_error(&error)),
        rustc: version().map_err(|error| command_error(&error)),
        target: (arch.target(), toolchain::has_target(arch).map_err(|error| command_error(&error))),
        linker: toolchain::ensure_linker().map_err(|error| command_error(&error)),
        region,
        identity,
        clock: heard.clock,
        permissions,
        stack: (target.stack.to_string(), found),
        concurrency,
    }
}

/// Returns the command's error inside of an error, or one without a hint.
fn command_error(error: &anyhow::Error) -> CommandError {
    let found = error.downcast_ref::<CommandError>().cloned();
    found.unwrap_or_else(|| CommandError::without_hint(format!("{error:#}")))
}

/// Returns the compiler's version.
fn version() -> Result<String> {
    let rustc = toolchain::rustc();
    let output = Command::new(&rustc).arg("--version").output().with_context(|| {
        format!("install Rust from https://rustup.rs: cannot start {}", rustc.to_string_lossy())
    })?;
    if !output.status.success() {
        bail!("{}", String::from_utf8_lossy(&output.stderr).trim());
    }
    String::from_utf8(output.stdout).context("rustc printed no text")
}

/// Checks whether the stack's bucket, if it exists, can be accessed.
async fn bucket(aws: &Aws, target: &Target) -> Result<(), CommandError> {
    Bucket::of(aws, &target.stack).exists().await.map(|_| ()).map_err(|error| command_error(&error))
}

/// Checks whether the table, which has the stack's name, can be accessed if it exists.
async fn table(aws: &Aws, target: &Target) -> Result<(), CommandError> {
    match aws.dynamodb.describe_table().table_name(target.stack.as_str()).send().await {
        Ok(_) => Ok(()),
        Err(error) => match error.as_service_error() {
            Some(service) if service.is_resource_not_found_exception() => Ok(()),
            _ => Err(CommandError::from_sdk("look at the table", &error)),
        },
    }
}

/// Metadata of AWS's response besides the account.
#[derive(Debug, Default)]
struct Heard {
    arn: Option<String>,
    clock: Clock,
}

/// Sends one attempt without retries: the SDK would sign a second one with AWS's clock, which hides an error of this
/// machine's.
async fn hear(target: &Target, region: String) -> Result<Heard> {
    let config = clients::config(target, Region::new(region)).await?;
    let once = config.into_builder().retry_config(RetryConfig::disabled()).build();
    let sts = aws_sdk_sts::Client::new(&once);
    let dates = Dates::default();
    let call = sts.get_caller_identity().customize().interceptor(dates.clone());
    let (arn, refused) = match call.send().await {
        Ok(identity) => (identity.arn, None),
        Err(error) => (None, refused_for_the_clock(&error)),
    };
    Ok(Heard { arn, clock: Clock { ahead: dates.0.get().copied(), refused } })
}

/// Seconds by which the server's clock is ahead.
#[derive(Debug, Clone, Default)]
struct Dates(Arc<OnceLock<i64>>);

impl Intercept for Dates {
    fn name(&self) -> &'static str {
        "Dates"
    }

    fn read_before_deserialization(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let date = context.response().headers().get("date");
        let date = date.and_then(|date| DateTime::from_str(date, DateTimeFormat::HttpDate).ok());
        if let Some(date) = date {
            let here = DateTime::from(SystemTime::now());
            // There is exactly one response, so the cell is always empty.
            let _ = self.0.set(date.secs() - here.secs());
        }
        Ok(())
    }
}

/// Returns the error if the clock caused it, whether from AWS or from certificate validation.
fn refused_for_the_clock<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> Option<String> {
    match error {
        SdkError::ServiceError(context) => {
            let text = context.err().message().unwrap_or_default();
            let by_code =
                matches!(context.err().code(), Some("RequestExpired" | "RequestTimeTooSkewed"));
            // https://docs.aws.amazon.com/IAM/latest/UserGuide/signature-v4-troubleshooting.html
            let by_text = text.contains("Signature expired") || text.contains("not yet current");
            (by_code || by_text).then(|| text.to_owned())
        }
        SdkError::DispatchFailure(failure) => {
            let text = root_cause(failure.as_connector_error()?);
            let is_dated = text.contains("expired") || text.contains("not valid yet");
            (text.contains("certificate") && is_dated).then_some(text)
        }
        _ => None,
    }
}
