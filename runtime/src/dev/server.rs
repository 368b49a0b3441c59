//! The HTTP API on one machine: routes, limits and CORS as API Gateway's, in front of the handlers.
//!
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-cors.html>

use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;

use footfall_infra::api::{self, Cors};
use footfall_infra::function::Function;
use footfall_infra::settings::Settings;
use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD, HOST,
    HeaderValue, ORIGIN, VARY,
};
use http::uri::Authority;
use http::{HeaderMap, Method, StatusCode};
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::TcpListener;
use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::task::block_in_place;

use crate::auth::AccessMode;
use crate::hit::page_url::PageUrl;
use crate::ingest::Ingest;
use crate::platform::context::Context;
use crate::platform::http::{Request, Response, compressed, response, set, text};
use crate::platform::log;
use crate::storage::Store;
use crate::web::Web;

/// The largest body that API Gateway lets through, in bytes.
///
/// <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html>
const MAX_BODY: usize = 10 * 1024 * 1024;

/// The API's front: who answers what, and for whose pages.
pub struct Gateway<S, A> {
    track: Ingest<S, A>,
    dashboard: Web<S, A>,
    cors: Cors,
    settings: Settings,
    mode: AccessMode,
}

impl<S: Store, A: Context + Clone> Gateway<S, A> {
    /// The API of the sites in `settings`, whose reports are open to everybody or not.
    ///
    /// # Errors
    /// If the dashboard's template does not parse.
    pub fn new(
        settings: &Settings,
        store: S,
        ambient: A,
        mode: AccessMode,
    ) -> Result<Self, minijinja::Error> {
        Ok(Self {
            track: Ingest::new(settings.clone(), store.clone(), ambient.clone()),
            dashboard: Web::new(settings.clone(), store, ambient, mode)?,
            cors: Cors::of(settings),
            settings: settings.clone(),
            mode,
        })
    }
}

impl<S: Store, A: Context> Gateway<S, A> {
    /// Answers a request as the deployed API does.
    pub async fn handle(&self, request: &Request) -> Response {
        let origin = request.header(ORIGIN.as_str()).map(str::to_owned);
        let is_preflight = request.method == Method::OPTIONS.as_str()
            && origin.is_some()
            && request.headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD);
        let mut answer = if is_preflight {
            // The gateway answers preflights on every path, without asking a function.
            let mut answer = Response::default();
            *answer.status_mut() = StatusCode::NO_CONTENT;
            answer
        } else {
            match api::route(&request.method, &request.path) {
                Some(Function::Track) => self.track.handle(request).await,
                Some(Function::Dashboard)
                    if self.mode == AccessMode::Open && !is_local(request) =>
                {
                    text(
                        StatusCode::FORBIDDEN,
                        "The dashboard is at 127.0.0.1 and localhost only. For other names, start with --closed.",
                    )
                }
                Some(Function::Dashboard) => {
                    compressed(&request.headers, self.dashboard(request).await)
                }
                // What runs on a schedule has no route.
                Some(Function::Rollup) | None => message(StatusCode::NOT_FOUND, "Not Found"),
            }
        };
        if let Some(origin) = origin.filter(|origin| self.allows(origin)) {
            self.allow(&mut answer, &origin, is_preflight);
        }
        answer
    }

    /// A report of many hits takes a core for a while, and no hit is to wait for that: the tasks of this thread go to
    /// another one meanwhile, if there are others.
    async fn dashboard(&self, request: &Request) -> Response {
        let runtime = Handle::current();
        match runtime.runtime_flavor() {
            RuntimeFlavor::MultiThread => {
                block_in_place(|| runtime.block_on(self.dashboard.handle(request)))
            }
            _ => self.dashboard.handle(request).await,
        }
    }

    /// As the API's, but where that can only allow a whole scheme: any page that is open in the
    /// developer's browser could read the dashboard.
    fn allows(&self, origin: &str) -> bool {
        let page = PageUrl::parse(origin, None);
        self.cors.allows(origin)
            && page.is_some_and(|page| self.settings.site_of_host(page.host()).is_some())
    }

    fn allow(&self, answer: &mut Response, origin: &str, is_preflight: bool) {
        set(answer, ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        answer.headers_mut().append(VARY, HeaderValue::from_static("origin"));
        if is_preflight {
            set(answer, ACCESS_CONTROL_ALLOW_METHODS, &self.cors.allow_methods.join(","));
            set(answer, ACCESS_CONTROL_ALLOW_HEADERS, &self.cors.allow_headers.join(","));
            set(answer, ACCESS_CONTROL_MAX_AGE, &self.cors.max_age.to_string());
        } else {
            set(answer, ACCESS_CONTROL_EXPOSE_HEADERS, &self.cors.expose_headers.join(","));
        }
    }
}

/// Whether a request is for a name that always means this machine. Any other may be a stranger's, who lets
/// it lead here (DNS rebinding): a page of theirs could then read what is open to this machine.
fn is_local(request: &Request) -> bool {
    let host = request.header(HOST.as_str()).and_then(|host| host.parse::<Authority>().ok());
    host.is_some_and(|host| matches!(host.host(), "localhost" | "127.0.0.1" | "[::1]"))
}

/// An answer of the gateway's own.
fn message(status: StatusCode, message: &str) -> Response {
    response(status, "application/json", serde_json::json!({ "message": message }).to_string())
}

/// Serves connections until `stop` is ready, then finishes the requests that are under way.
pub async fn serve<S: Store, A: Context + 'static>(
    listener: TcpListener,
    gateway: Arc<Gateway<S, A>>,
    stop: impl Future<Output = ()>,
) {
    let graceful = GracefulShutdown::new();
    let mut stop = std::pin::pin!(stop);
    loop {
        let (stream, peer) = tokio::select! {
            () = &mut stop => break,
            accepted = listener.accept() => match accepted {
                Ok(accepted) => accepted,
                // Out of file descriptors, most likely: they come back.
                Err(error) => {
                    log::error("a connection was not taken", error);
                    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
                    continue;
                }
            },
        };
        // Answers are small and complete: nothing is gained by waiting for more to send.
        let _ = stream.set_nodelay(true);
        let gateway = Arc::clone(&gateway);
        let service = service_fn(move |request| {
            let gateway = Arc::clone(&gateway);
            async move { Ok::<_, Infallible>(answer(&gateway, request, peer).await) }
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .serve_connection(TokioIo::new(stream), service);
        let connection = graceful.watch(connection);
        // A client that goes away in the middle is no event.
        tokio::spawn(async move { drop(connection.await) });
    }
    drop(listener);
    let patience = std::time::Duration::from_secs(5);
    let _ = tokio::time::timeout(patience, graceful.shutdown()).await;
}

async fn answer<S: Store, A: Context>(
    gateway: &Gateway<S, A>,
    request: hyper::Request<Incoming>,
    peer: SocketAddr,
) -> hyper::Response<Full<Bytes>> {
    let (parts, body) = request.into_parts();
    let response = match Limited::new(body, MAX_BODY).collect().await {
        Ok(body) => {
            let request = Request {
                method: parts.method.as_str().to_owned(),
                path: parts.uri.path().to_owned(),
                query: parts.uri.query().unwrap_or_default().to_owned(),
                headers: forwarded(parts.headers, peer),
                body: body.to_bytes().into(),
                peer: peer.ip(),
            };
            gateway.handle(&request).await
        }
        Err(error) if error.is::<LengthLimitError>() => {
            message(StatusCode::PAYLOAD_TOO_LARGE, "Request Entity Too Large")
        }
        Err(_) => message(StatusCode::BAD_REQUEST, "Bad Request"),
    };
    response.map(|body| Full::new(Bytes::from(body)))
}

/// The headers as the gateway hands them on: with the peer behind whatever addresses were claimed.
fn forwarded(mut headers: HeaderMap, peer: SocketAddr) -> HeaderMap {
    if let Ok(address) = HeaderValue::from_str(&peer.ip().to_string()) {
        headers.append("x-forwarded-for", address);
    }
    headers
}
