//! Single requests to AWS services, signed here. An SDK for each would take half a minute to compile.

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

/// Maximum duration of a request.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

/// Client for a service that answers with JSON.
#[derive(Debug, Clone)]
pub(crate) struct SignedClient {
    connector: HttpClient,
    credentials: Option<SharedCredentialsProvider>,
    region: String,
    endpoint: String,
    /// The service's signing name, which is usually the first part of its host.
    service: &'static str,
}

/// A request.
#[derive(Debug, Clone, Default)]
pub(crate) struct SignedRequest<'a> {
    /// What it is for, such as "read the account's limits".
    pub(crate) action: &'a str,
    pub(crate) method: &'a str,
    pub(crate) path: &'a str,
    pub(crate) headers: &'a [(&'static str, &'a str)],
    pub(crate) body: &'a str,
}

impl SignedClient {
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

    /// Sends a request and returns the answer.
    pub(crate) async fn send(&self, request: &SignedRequest<'_>) -> Result<Value> {
        let asked = tokio::time::timeout(REQUEST_TIMEOUT, self.attempt(request)).await;
        let late =
            |_| CommandError::from_fault(request.action, Fault::NoAnswer("timed out")).into();
        asked.unwrap_or_else(|elapsed| Err(late(elapsed)))
    }

    async fn attempt(&self, request: &SignedRequest<'_>) -> Result<Value> {
        let SignedRequest { action, method, path, headers, body } = *request;
        let credentials = self.credentials.as_ref().context("no AWS credentials found")?;
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
        let mut http = HttpRequest::new(SdkBody::from(body));
        http.set_method(method)?;
        http.set_uri(uri)?;
        for (name, value) in headers.iter().copied().chain(signature.headers()) {
            http.headers_mut().insert(name.to_owned(), value.to_owned());
        }
        let answer = self.connector.call(http).await;
        let answer = answer.map_err(|error| {
            CommandError::from_fault(action, Fault::NoAnswer(&root_cause(&error)))
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
        Err(CommandError::from_fault(action, Fault::Service { code: &code, message }).into())
    }
}
