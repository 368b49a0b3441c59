//! Whether the account has room to keep concurrent executions free for the functions.
//!
//! Of an account's executions, 100 must stay that no function reserves. A new account has 10 in all.
//! <https://docs.aws.amazon.com/lambda/latest/dg/configuration-concurrency.html>

use std::fmt;
use std::time::{Duration, SystemTime};

use anyhow::{Context as _, Result};
use aws_config::SdkConfig;
use aws_credential_types::provider::{ProvideCredentials as _, SharedCredentialsProvider};
use aws_sdk_cloudformation::types::Stack;
use aws_sdk_s3::primitives::{ByteStream, SdkBody};
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4::SigningParams;
use aws_smithy_runtime_api::client::http::HttpConnector as _;
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use footfall_infra::stack::{Type, reserved_concurrency};
use footfall_runtime::connector::Connector;
use serde_json::Value;

use crate::aws::Aws;
use crate::problem::{Fault, innermost, problem};
use crate::stack::{self, Step, look, step};

/// What must stay unreserved.
const UNRESERVED: u64 = 100;

/// How long the question may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// What is asked, and doing what.
const ACCOUNT_SETTINGS: &str = "/2016-08-19/account-settings";
const DOING: &str = "ask Lambda for the account's limits";

/// Lambda, of which there is one question:
/// <https://docs.aws.amazon.com/lambda/latest/api/API_GetAccountSettings.html>
///
/// It is signed here, and not asked by the SDK for Lambda, which takes half a minute to compile.
#[derive(Debug, Clone)]
pub(crate) struct Lambda {
    connector: Connector,
    credentials: Option<SharedCredentialsProvider>,
    region: String,
    endpoint: String,
}

impl Lambda {
    pub(crate) fn new(config: &SdkConfig, region: &str, connector: Connector) -> Self {
        // https://docs.aws.amazon.com/general/latest/gr/lambda-service.html
        let domain = if region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" };
        let endpoint = config.endpoint_url().map(|url| url.trim_end_matches('/').to_owned());
        Self {
            connector,
            credentials: config.credentials_provider(),
            region: region.to_owned(),
            endpoint: endpoint.unwrap_or_else(|| format!("https://lambda.{region}.{domain}")),
        }
    }

    /// How many of the account's executions no function reserves.
    async fn unreserved(&self) -> Result<u64> {
        let asked = tokio::time::timeout(PATIENCE, self.ask()).await;
        let late = |_| problem(DOING, Fault::NoAnswer("it took too long")).into();
        let settings = asked.unwrap_or_else(|elapsed| Err(late(elapsed)))?;
        let unreserved = settings.pointer("/AccountLimit/UnreservedConcurrentExecutions");
        unreserved.and_then(Value::as_u64).context("Lambda does not say what is unreserved")
    }

    async fn ask(&self) -> Result<Value> {
        let credentials = self.credentials.as_ref().context("no credentials for AWS")?;
        let identity = credentials.provide_credentials().await?.into();
        let uri = format!("{}{ACCOUNT_SETTINGS}", self.endpoint);
        let parameters = SigningParams::builder()
            .identity(&identity)
            .region(&self.region)
            .name("lambda")
            .time(SystemTime::now())
            .settings(SigningSettings::default())
            .build()?;
        let signed = SignableRequest::new("GET", &uri, std::iter::empty(), SignableBody::empty())?;
        let (signature, _) = sign(signed, &parameters.into())?.into_parts();
        let mut request = HttpRequest::new(SdkBody::empty());
        request.set_uri(uri)?;
        for (name, value) in signature.headers() {
            request.headers_mut().insert(name.to_owned(), value.to_owned());
        }
        let answer = self.connector.call(request).await;
        let answer = answer.map_err(|error| problem(DOING, Fault::NoAnswer(&innermost(&error))))?;
        let status = answer.status();
        let code = answer.headers().get("x-amzn-errortype").unwrap_or_default().to_owned();
        let body = ByteStream::new(answer.into_body()).collect().await?;
        let body: Value = serde_json::from_slice(&body.into_bytes()).unwrap_or_default();
        if status.is_success() {
            return Ok(body);
        }
        // "AccessDeniedException:http://internal.amazon.com/…"
        let code = code.split(':').next().filter(|code| !code.is_empty());
        let code = code.map_or_else(|| status.as_u16().to_string(), str::to_owned);
        let message = body.get("message").or(body.get("Message")).and_then(Value::as_str);
        let message = message.unwrap_or_default();
        Err(problem(DOING, Fault::Service { code: &code, message }).into())
    }
}

/// Whether executions are reserved, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Concurrency {
    /// Whether they are.
    pub(crate) reserved: bool,
    why: Why,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Why {
    /// There is room for so many, those of the stack itself included.
    Room(u64),
    /// It cannot be asked: it stays as it was deployed.
    Unknown(String),
}

impl Concurrency {
    /// Asks how much room there is for a stack that may be there.
    pub(crate) async fn of(aws: &Aws, name: &str) -> Result<Self> {
        let own = match look(aws, name).await? {
            Some(stack) if is_made(&stack) => own(stack::template(aws, &stack).await?.as_ref()),
            _ => 0,
        };
        Ok(Self::judged(own, aws.lambda.unreserved().await))
    }

    fn judged(own: u64, unreserved: Result<u64>) -> Self {
        match unreserved {
            Ok(unreserved) => {
                let room = (unreserved + own).saturating_sub(UNRESERVED);
                let reserved = room >= u64::from(reserved_concurrency());
                Self { reserved, why: Why::Room(room) }
            }
            Err(error) => Self { reserved: own > 0, why: Why::Unknown(format!("{error:#}")) },
        }
    }
}

impl fmt::Display for Concurrency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let wanted = reserved_concurrency();
        match (self.reserved, &self.why) {
            (true, Why::Room(_)) => write!(f, "{wanted} reserved"),
            (false, Why::Room(room)) => {
                write!(f, "not reserved: the account has room for {room}, and this takes {wanted}")
            }
            (reserved, Why::Unknown(cause)) => {
                let so = if reserved { "reserved" } else { "not reserved" };
                write!(f, "{so}, as before: {cause}")
            }
        }
    }
}

/// Whether a stack has its functions: one that is new, or only to be cleared away, has none.
fn is_made(stack: &Stack) -> bool {
    !matches!(step(stack.stack_status()), Step::Create | Step::Delete)
}

/// How many executions the functions of a template reserve.
fn own(template: Option<&Value>) -> u64 {
    let resources = template.and_then(|t| t.get("Resources")).and_then(Value::as_object);
    let resources = resources.into_iter().flat_map(serde_json::Map::values);
    let functions = resources.filter(|r| r["Type"] == Type::Function.name());
    let reserved = |r: &Value| r.pointer("/Properties/ReservedConcurrentExecutions")?.as_u64();
    functions.filter_map(reserved).sum()
}

#[cfg(test)]
mod tests {
    use anyhow::anyhow;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_hundred_stay_for_everybody() {
        let wanted = u64::from(reserved_concurrency());
        let check = |own: u64, unreserved: u64, expected: bool, text: &str| {
            let judged = Concurrency::judged(own, Ok(unreserved));
            assert_eq!((judged.reserved, judged.to_string().as_str()), (expected, text));
        };
        let reserved = format!("{wanted} reserved");
        let not = |room: u64| {
            format!("not reserved: the account has room for {room}, and this takes {wanted}")
        };
        check(0, 10, false, &not(0));
        check(0, 1000, true, &reserved);
        check(0, 99 + wanted, false, &not(wanted - 1));
        check(0, 100 + wanted, true, &reserved);
        // What the stack has already is room for itself.
        check(wanted, 100, true, &reserved);
        check(wanted, 99, false, &not(wanted - 1));
    }

    #[test]
    fn what_cannot_be_asked_stays_as_it_is() {
        for (own, expected) in [(0, "not reserved, as before: no"), (60, "reserved, as before: no")]
        {
            let judged = Concurrency::judged(own, Err(anyhow!("no")));
            assert_eq!((judged.reserved, judged.to_string().as_str()), (own > 0, expected));
        }
    }

    #[test]
    fn what_is_reserved_stands_in_the_template() {
        let function = |reserved: Value| {
            let properties = json!({ "ReservedConcurrentExecutions": reserved });
            json!({ "Type": "AWS::Lambda::Function", "Properties": properties })
        };
        let template = json!({ "Resources": {
            "A": function(json!(50)), "B": function(json!(10)), "C": function(Value::Null),
            "Table": { "Type": "AWS::DynamoDB::Table" },
        } });
        assert_eq!(own(Some(&template)), 60);
        assert_eq!(own(None), 0);
    }
}
