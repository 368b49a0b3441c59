//! Single questions to services of AWS, signed here: the SDK for one of them would take half a minute to compile.

use std::time::{Duration, SystemTime};

use anyhow::{Context as _, Result};
use aws_config::SdkConfig;
use aws_credential_types::provider::{ProvideCredentials as _, SharedCredentialsProvider};
use aws_sdk_s3::primitives::{ByteStream, SdkBody};
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4::SigningParams;
use aws_smithy_runtime_api::client::http::HttpConnector as _;
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use footfall_runtime::platform::aws_http::HttpClient;
use footfall_runtime::storage::dynamodb::domain;
use serde_json::Value;

use crate::error::{CommandError, Fault, root_cause};

/// How long a question may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// A service that speaks JSON.
#[derive(Debug, Clone)]
pub(crate) struct Signed {
    connector: HttpClient,
    credentials: Option<SharedCredentialsProvider>,
    region: String,
    endpoint: String,
    /// What a signature is for, which is mostly what its host begins with.
    service: &'static str,
}

/// A question.
#[derive(Debug, Clone, Default)]
pub(crate) struct Question<'a> {
    /// What it is asked for, such as "ask Lambda for the account's limits".
    pub(crate) doing: &'a str,
    pub(crate) method: &'a str,
    pub(crate) path: &'a str,
    pub(crate) headers: &'a [(&'static str, &'a str)],
    pub(crate) body: &'a str,
}

impl Signed {
    pub(crate) fn new(
        config: &SdkConfig,
        region: &str,
        connector: HttpClient,
        service: &'static str,
    ) -> Self {
        let domain = domain(region);
        let endpoint = config.endpoint_url().map(|url| url.trim_end_matches('/').to_owned());
        Self {
            connector,
            credentials: config.credentials_provider(),
            region: region.to_owned(),
            endpoint: endpoint.unwrap_or_else(|| format!("https://{service}.{region}.{domain}")),
            service,
        }
    }

    /// What the service answers.
    pub(crate) async fn ask(&self, question: &Question<'_>) -> Result<Value> {
        let asked = tokio::time::timeout(PATIENCE, self.send(question)).await;
        let late =
            |_| CommandError::from_fault(question.doing, Fault::NoAnswer("timed out")).into();
        asked.unwrap_or_else(|elapsed| Err(late(elapsed)))
    }

    async fn send(&self, question: &Question<'_>) -> Result<Value> {
        let Question { doing, method, path, headers, body } = *question;
        let credentials = self.credentials.as_ref().context("no credentials for AWS")?;
        let identity = credentials.provide_credentials().await?.into();
        let uri = format!("{}{path}", self.endpoint);
        let parameters = SigningParams::builder()
            .identity(&identity)
            .region(&self.region)
            .name(self.service)
            .time(SystemTime::now())
            .settings(SigningSettings::default())
            .build()?;
        let bytes = SignableBody::Bytes(body.as_bytes());
        let signed = SignableRequest::new(method, &uri, headers.iter().copied(), bytes)?;
        let (signature, _) = sign(signed, &parameters.into())?.into_parts();
        let mut request = HttpRequest::new(SdkBody::from(body));
        request.set_method(method)?;
        request.set_uri(uri)?;
        for (name, value) in headers.iter().copied().chain(signature.headers()) {
            request.headers_mut().insert(name.to_owned(), value.to_owned());
        }
        let answer = self.connector.call(request).await;
        let answer = answer.map_err(|error| {
            CommandError::from_fault(doing, Fault::NoAnswer(&root_cause(&error)))
        })?;
        let status = answer.status();
        let code = answer.headers().get("x-amzn-errortype").map(str::to_owned);
        let body = ByteStream::new(answer.into_body()).collect().await?;
        let body: Value = serde_json::from_slice(&body.into_bytes()).unwrap_or_default();
        if status.is_success() {
            return Ok(body);
        }
        let text = |key| body.get(key).and_then(Value::as_str);
        let code = code.or_else(|| text("__type").map(str::to_owned)).unwrap_or_default();
        // "AccessDeniedException:http://internal.amazon.com/…", "com.amazonaws.x#AccessDenied"
        let code = code.split(':').next().and_then(|code| code.rsplit('#').next());
        let code = code.filter(|code| !code.is_empty());
        let code = code.map_or_else(|| status.as_u16().to_string(), str::to_owned);
        let message = text("message").or_else(|| text("Message")).unwrap_or_default();
        Err(CommandError::from_fault(doing, Fault::Service { code: &code, message }).into())
    }
}
