//! What went wrong, in one line, and what to do about it, in another.

use std::error::Error;
use std::fmt;

use aws_sdk_cloudformation::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};
use footfall_runtime::storage::StoreError;

/// A failure that an owner can do something about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    /// What is wrong.
    pub(crate) cause: String,
    /// What to do.
    pub(crate) remedy: String,
    /// Whether nothing was done because nothing should be: the command, or its answer, was wrong.
    pub(crate) refused: bool,
}

impl Problem {
    /// Something that was tried and failed.
    pub(crate) fn failed(cause: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { cause: cause.into(), remedy: remedy.into(), refused: false }
    }

    /// Something that is not tried at all.
    pub(crate) fn refused(cause: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { cause: cause.into(), remedy: remedy.into(), refused: true }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.cause)
    }
}

impl Error for Problem {}

/// What an answer of AWS says, as far as it matters here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault<'a> {
    /// AWS answered with an error.
    Service { code: &'a str, message: &'a str },
    /// There was no answer.
    NoAnswer(&'a str),
    /// There was no request.
    NoRequest(&'a str),
}

/// Says what a fault means that came up while `doing` something, such as "read the stack".
pub(crate) fn problem(doing: &str, fault: Fault<'_>) -> Problem {
    match fault {
        Fault::NoAnswer(text) => Problem::failed(
            format!("cannot {doing}: AWS did not answer ({text})"),
            "check the network, a proxy or firewall in front of it, and that the region exists",
        ),
        Fault::NoRequest(text) => Problem::failed(
            format!("cannot {doing}: {text}"),
            "check the AWS profile and the variables that begin with AWS_",
        ),
        Fault::Service { code, message } => of_service(doing, code, message),
    }
}

/// The codes that every service of AWS answers with:
/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/CommonErrors.html> and
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html>
fn of_service(doing: &str, code: &str, message: &str) -> Problem {
    let cause = |what: &str| format!("cannot {doing}: {what}");
    match code {
        "ExpiredToken" | "ExpiredTokenException" | "TokenRefreshRequired" => Problem::failed(
            cause("the AWS credentials have expired"),
            "get new ones, with `aws sso login` or however you got these, and run this again",
        ),
        "InvalidClientTokenId"
        | "UnrecognizedClientException"
        | "InvalidAccessKeyId"
        | "AuthFailure"
        | "MissingAuthenticationToken" => Problem::failed(
            cause("AWS does not know these credentials"),
            "check AWS_ACCESS_KEY_ID, AWS_SESSION_TOKEN and the profile; `aws sts \
             get-caller-identity` must answer",
        ),
        "RequestExpired" | "RequestTimeTooSkewed" | "InvalidSignatureException" => Problem::failed(
            cause(&format!("AWS refuses the signature ({message})")),
            "set this machine's clock; if it is right, check AWS_SECRET_ACCESS_KEY",
        ),
        "SignatureDoesNotMatch" => Problem::failed(
            cause("AWS refuses the signature"),
            "check AWS_SECRET_ACCESS_KEY; if it is right, set this machine's clock",
        ),
        "OptInRequired" => Problem::failed(
            cause("the account does not use this region or service yet"),
            "enable the region in the AWS console under Account, or choose another with --region",
        ),
        _ if is_denied(code) => Problem::failed(
            cause(&format!("access denied{}", in_brackets(message))),
            "give the user or role that permission, or use another with --profile",
        ),
        _ => Problem::failed(
            cause(&format!("{code}: {message}")),
            "if that does not explain itself, run this again in a while",
        ),
    }
}

/// What is wrong with a store. Where it says itself what to do, that is the remedy.
pub(crate) fn of_store(error: StoreError) -> Problem {
    let text = error.to_string();
    match text.split_once("; ") {
        Some((cause, remedy)) => Problem::failed(cause, remedy),
        None => Problem::failed(
            text,
            "check the credentials and the network, and run this again: it begins anew, or goes on where it \
             ended",
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

/// Turns an error of the SDK into a problem.
pub(crate) fn explained<E, R>(doing: &str, error: &SdkError<E, R>) -> Problem
where
    E: ProvideErrorMetadata + Error + 'static,
    R: fmt::Debug,
{
    match error {
        SdkError::ServiceError(context) => {
            let code = context.err().code().unwrap_or("an error without a name");
            problem(
                doing,
                Fault::Service { code, message: context.err().message().unwrap_or_default() },
            )
        }
        SdkError::TimeoutError(_) => problem(doing, Fault::NoAnswer("it took too long")),
        SdkError::DispatchFailure(failure) if !failure.is_user() => {
            let text = failure.as_connector_error().map_or_else(String::new, |e| innermost(&e));
            problem(doing, Fault::NoAnswer(&text))
        }
        SdkError::ResponseError(_) => problem(doing, Fault::NoAnswer("the answer broke off")),
        other => problem(doing, Fault::NoRequest(&DisplayErrorContext(other).to_string())),
    }
}

/// What is at the bottom of an error: mostly what the operating system said.
pub(crate) fn innermost(error: &dyn Error) -> String {
    let mut at = error;
    while let Some(source) = at.source() {
        at = source;
    }
    at.to_string()
}

/// `?` for answers of the SDK.
pub(crate) trait Explain<T> {
    /// The answer, or the problem that came up while `doing` something.
    fn or_explain(self, doing: &str) -> Result<T, Problem>;
}

impl<T, E, R> Explain<T> for Result<T, SdkError<E, R>>
where
    E: ProvideErrorMetadata + Error + 'static,
    R: fmt::Debug,
{
    fn or_explain(self, doing: &str) -> Result<T, Problem> {
        self.map_err(|error| explained(doing, &error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_has_a_cause_and_a_remedy_of_one_line() {
        let faults = [
            (Fault::Service { code: "ExpiredToken", message: "" }, "expired", "aws sso login"),
            (
                Fault::Service { code: "AccessDenied", message: "User: x is not authorized" },
                "cannot read the stack: access denied (User: x is not authorized)",
                "--profile",
            ),
            (
                Fault::Service { code: "InvalidClientTokenId", message: "" },
                "does not know these credentials",
                "AWS_ACCESS_KEY_ID",
            ),
            (Fault::NoAnswer("Connection refused"), "(Connection refused)", "network"),
        ];
        for (fault, cause, remedy) in faults {
            let problem = problem("read the stack", fault);
            assert!(problem.cause.contains(cause), "{problem:?}");
            assert!(problem.remedy.contains(remedy), "{problem:?}");
            assert!(!problem.cause.contains('\n') && !problem.remedy.contains('\n'));
        }
    }
}
