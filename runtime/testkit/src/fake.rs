//! A fake HTTP server whose responses a test chooses.

use std::convert::Infallible;
use std::future::Future;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

/// A complete request.
#[derive(Debug, Clone)]
pub struct Asked {
    /// The method, in capitals.
    pub method: String,
    /// The path, without the query.
    pub path: String,
    /// The headers.
    pub headers: hyper::HeaderMap,
    /// The body.
    pub body: Vec<u8>,
}

/// A response. `None` closes the connection instead.
pub type Told = Option<hyper::Response<Full<Bytes>>>;

/// Serves requests with `answer` until the test's Tokio runtime ends.
pub async fn serve<F, R>(answer: F) -> SocketAddr
where
    F: Fn(Asked) -> R + Send + Sync + 'static,
    R: Future<Output = Told> + Send,
{
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let answer = Arc::new(answer);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let answer = Arc::clone(&answer);
            let service = service_fn(move |request: hyper::Request<Incoming>| {
                let answer = Arc::clone(&answer);
                async move {
                    let (parts, body) = request.into_parts();
                    let body = body.collect().await.map_err(|_| "truncated body")?;
                    let asked = Asked {
                        method: parts.method.to_string(),
                        path: parts.uri.path().to_owned(),
                        headers: parts.headers,
                        body: body.to_bytes().into(),
                    };
                    answer(asked).await.ok_or("connection closed on purpose")
                }
            });
            let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
            tokio::spawn(async move { drop(connection.await) });
        }
        Ok::<_, Infallible>(())
    });
    address
}

/// Returns a JSON response.
pub fn json(status: u16, body: impl Into<Vec<u8>>) -> Told {
    let answer = hyper::Response::builder().status(status);
    let answer = answer.header("content-type", "application/x-amz-json-1.0");
    Some(answer.body(Full::new(Bytes::from(body.into()))).unwrap())
}
