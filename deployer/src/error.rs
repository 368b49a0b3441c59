//! Errors of commands: a message in one line, and a hint that says what to do.

use std::error::Error;
use std::fmt;

use aws_sdk_cloudformation::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};
use footfall_runtime::storage::StoreError;

/// Kind of failure: failed, or rejected without trying.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ErrorKind {
    /// It was tried and failed. Exits with 1.
    Failed,
    /// It was not tried, because the command or the answer to a question was wrong. Exits with 2.
    Rejected,
}

/// An error that the owner can do something about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CommandError {
    pub(crate) kind: ErrorKind,
    pub(crate) message: String,
    /// The remedy. `None` if the message already contains it.
    pub(crate) hint: Option<String>,
}

impl CommandError {
    /// Returns an error for something that was tried and failed.
    pub(crate) fn failed(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { kind: ErrorKind::Failed, message: message.into(), hint: Some(hint.into()) }
    }

    /// Returns an error for something that was not tried.
    pub(crate) fn rejected(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { kind: ErrorKind::Rejected, message: message.into(), hint: Some(hint.into()) }
    }

    /// Returns an error whose message needs no hint.
    pub(crate) fn without_hint(message: impl Into<String>) -> Self {
        Self { kind: ErrorKind::Failed, message: message.into(), hint: None }
    }

    /// Returns whether the command was rejected without trying.
    pub(crate) fn is_rejected(&self) -> bool {
        self.kind == ErrorKind::Rejected
    }

    /// Explains why AWS could not do `action`, such as "read the stack".
    pub(crate) fn from_fault(action: &str, fault: Fault<'_>) -> Self {
        match fault {
            Fault::NoAnswer(text) => Self::failed(
                format!("cannot {action}: AWS did not answer ({text})"),
                "check the network, a proxy or firewall in front of it, and that the region exists",
            ),
            Fault::NoRequest(text) => Self::failed(
                format!("cannot {action}: {text}"),
                "check the AWS profile and the variables that begin with AWS_",
            ),
            Fault::Service { code, message } => from_service(action, code, message),
        }
    }

    /// Explains why an SDK call could not do `action`.
    pub(crate) fn from_sdk<E, R>(action: &str, error: &SdkError<E, R>) -> Self
    where
        E: ProvideErrorMetadata + Error + 'static,
        R: fmt::Debug,
    {
        match error {
            SdkError::ServiceError(context) => {
                let code = context.err().code().unwrap_or("an error without a code");
                let message = context.err().message().unwrap_or_default();
                Self::from_fault(action, Fault::Service { code, message })
            }
            SdkError::TimeoutError(_) => Self::from_fault(action, Fault::NoAnswer("timed out")),
            SdkError::DispatchFailure(failure) if !failure.is_user() => {
                let text =
                    failure.as_connector_error().map_or_else(String::new, |e| root_cause(&e));
                Self::from_fault(action, Fault::NoAnswer(&text))
            }
            SdkError::ResponseError(_) => {
                Self::from_fault(action, Fault::NoAnswer("the answer was cut off"))
            }
            other => {
                let text = DisplayErrorContext(other).to_string();
                Self::from_fault(action, Fault::NoRequest(&text))
            }
        }
    }
}

impl fmt::Display for CommandError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for CommandError {}

impl From<StoreError> for CommandError {
    fn from(error: StoreError) -> Self {
        let hint = match error {
            StoreError::Unavailable(_) => {
                "check the credentials and the network, then run the same command again"
            }
            StoreError::Refused(_) => "fix what the message names, then run the same command again",
        };
        Self::failed(error.to_string(), hint)
    }
}

/// Cause of a failed request to AWS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault<'a> {
    /// AWS answered with an error.
    Service { code: &'a str, message: &'a str },
    /// AWS did not answer.
    NoAnswer(&'a str),
    /// The request could not be made.
    NoRequest(&'a str),
}

/// Explains the error codes that all AWS services share:
/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/CommonErrors.html> and
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html>
fn from_service(action: &str, code: &str, message: &str) -> CommandError {
    let failed =
        |cause: &str, hint: &str| CommandError::failed(format!("cannot {action}: {cause}"), hint);
    match code {
        "ExpiredToken" | "ExpiredTokenException" | "TokenRefreshRequired" => failed(
            "the AWS credentials have expired",
            "renew them, for example with `aws sso login`, and run this again",
        ),
        "InvalidClientTokenId"
        | "UnrecognizedClientException"
        | "InvalidAccessKeyId"
        | "AuthFailure"
        | "MissingAuthenticationToken" => failed(
            "AWS does not recognise these credentials",
            "check AWS_ACCESS_KEY_ID, AWS_SESSION_TOKEN and the profile; `aws sts \
             get-caller-identity` must succeed",
        ),
        "RequestExpired" | "RequestTimeTooSkewed" | "InvalidSignatureException" => failed(
            &format!("AWS rejects the signature ({message})"),
            "set this machine's clock; if it is right, check AWS_SECRET_ACCESS_KEY",
        ),
        "SignatureDoesNotMatch" => failed(
            "AWS rejects the signature",
            "check AWS_SECRET_ACCESS_KEY; if it is right, set this machine's clock",
        ),
        "OptInRequired" => failed(
            "this region or service is not enabled for the account",
            "enable the region in the AWS console under Account, or choose another with --region",
        ),
        _ if is_denied(code) => failed(
            &format!("access denied{}", in_brackets(message)),
            "grant the user or role that permission, or use another with --profile",
        ),
        _ => failed(
            &format!("{code}: {message}"),
            "if the message does not help, run this again in a few minutes",
        ),
    }
}

fn is_denied(code: &str) -> bool {
    matches!(
        code,
        "AccessDenied"
            | "AccessDeniedException"
            | "UnauthorizedOperation"
            | "NotAuthorized"
            | "Forbidden"
            | "403"
    )
}

fn in_brackets(message: &str) -> String {
    if message.is_empty() { String::new() } else { format!(" ({message})") }
}

/// Returns the innermost error's text, which is usually the operating system's.
pub(crate) fn root_cause(error: &dyn Error) -> String {
    let mut at = error;
    while let Some(source) = at.source() {
        at = source;
    }
    at.to_string()
}

/// `?` for answers of the SDK.
pub(crate) trait OrCannot<T> {
    /// Returns the answer, or an error that begins with "cannot" and the action.
    fn or_cannot(self, action: &str) -> Result<T, CommandError>;
}

impl<T, E, R> OrCannot<T> for Result<T, SdkError<E, R>>
where
    E: ProvideErrorMetadata + Error + 'static,
    R: fmt::Debug,
{
    fn or_cannot(self, action: &str) -> Result<T, CommandError> {
        self.map_err(|error| CommandError::from_sdk(action, &error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_has_a_message_and_a_hint_of_one_line() {
        let faults = [
            (Fault::Service { code: "ExpiredToken", message: "" }, "expired", "aws sso login"),
            (
                Fault::Service { code: "AccessDenied", message: "User: x is not authorized" },
                "cannot read the stack: access denied (User: x is not authorized)",
                "--profile",
            ),
            (
                Fault::Service { code: "InvalidClientTokenId", message: "" },
                "does not recognise these credentials",
                "AWS_ACCESS_KEY_ID",
            ),
            (Fault::NoAnswer("Connection refused"), "(Connection refused)", "network"),
        ];
        for (fault, message, hint) in faults {
            let error = CommandError::from_fault("read the stack", fault);
            let found = error.hint.clone().unwrap_or_default();
            assert!(error.message.contains(message), "{error:?}");
            assert!(found.contains(hint), "{error:?}");
            assert!(!error.message.contains('\n') && !found.contains('\n'));
        }
    }
}
