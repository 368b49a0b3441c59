//! Adapter for the AWS SDK, which the deployer and tests use. The functions do without the SDK.

use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpClient, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use http_body_util::{BodyExt as _, Full};

use super::HttpClient;

impl HttpClient {
    /// Converts the client into one for the SDK.
    #[must_use]
    pub fn into_sdk_client(self) -> SharedHttpClient {
        let shared = SharedHttpConnector::new(self);
        http_client_fn(move |_, _| shared.clone())
    }
}

/// Timeouts are left to the SDK, which has one per attempt.
impl HttpConnector for HttpClient {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let client = self.clone();
        HttpConnectorFuture::new(async move {
            let request = request.try_into_http1x().map_err(|e| ConnectorError::user(e.into()))?;
            let (head, body) = request.into_parts();
            // Request bodies are already in memory.
            let body = body.collect().await.map_err(ConnectorError::user)?.to_bytes();
            let request = http::Request::from_parts(head, Full::new(body));
            let response = client.send(request).await.map_err(|error| {
                // Requests may be retried after any connection failure, because every write has its own
                // key.
                ConnectorError::io(error.into())
            })?;
            HttpResponse::try_from(response.map(SdkBody::from_body_1_x))
                .map_err(|error| ConnectorError::other(error.into(), None))
        })
    }
}
