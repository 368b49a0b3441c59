//! The connector as AWS's SDK takes it: the deployer's, and that of tests. The functions have none.

use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpClient, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use http_body_util::{BodyExt as _, Full};

use super::HttpClient;

impl HttpClient {
    /// The connector as the SDK takes it.
    #[must_use]
    pub fn into_client(self) -> SharedHttpClient {
        let shared = SharedHttpConnector::new(self);
        http_client_fn(move |_, _| shared.clone())
    }
}

/// Time-outs are left to the SDK, which has one for each try.
impl HttpConnector for HttpClient {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let connector = self.clone();
        HttpConnectorFuture::new(async move {
            let request = request.try_into_http1x().map_err(|e| ConnectorError::user(e.into()))?;
            let (head, body) = request.into_parts();
            // What is sent is in memory anyway: zips and questions.
            let body = body.collect().await.map_err(ConnectorError::user)?.to_bytes();
            let request = http::Request::from_parts(head, Full::new(body));
            let response = connector.send(request).await.map_err(|error| {
                // A connection that fails, at whatever point, may be tried again: whatever is
                // written has a key of its own.
                ConnectorError::io(error.into())
            })?;
            HttpResponse::try_from(response.map(SdkBody::from_body_1_x))
                .map_err(|error| ConnectorError::other(error.into(), None))
        })
    }
}
