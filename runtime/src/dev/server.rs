//! The HTTP server of `dev`: API Gateway's routes, limits and CORS, in front of the handlers.
//!
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-cors.html>

use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

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

/// Maximum size of a body in API Gateway, in bytes.
///
/// <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html>
const MAX_BODY: usize = 10 * 1024 * 1024;

/// Time for open requests to finish after a stop.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(5);

/// Pause after a connection could not be accepted.
const ACCEPT_RETRY_INTERVAL: Duration = Duration::from_millis(50);

/// Stands in for API Gateway: routes requests to the handlers and adds CORS headers.
pub struct Gateway<S, C> {
    ingest: Ingest<S, C>,
    web: Web<S, C>,
    cors: Cors,
    settings: Settings,
    mode: AccessMode,
}

impl<S: Store, C: Context + Clone> Gateway<S, C> {
    /// Creates the API for the sites in `settings`.
    ///
    /// # Errors
    /// If the dashboard's template does not parse.
    pub fn new(
        settings: &Settings,
        store: S,
        context: C,
        mode: AccessMode,
    ) -> Result<Self, minijinja::Error> {
        Ok(Self {
            ingest: Ingest::new(settings.clone(), store.clone(), context.clone()),
            web: Web::new(settings.clone(), store, context, mode)?,
            cors: Cors::of(settings),
            settings: settings.clone(),
            mode,
        })
    }
}

impl<S: Store, C: Context> Gateway<S, C> {
    /// Answers a request like the deployed API.
    pub async fn handle(&self, request: &Request) -> Response {
        let origin = request.header(ORIGIN.as_str()).map(str::to_owned);
        let is_preflight = request.method == Method::OPTIONS.as_str()
            && origin.is_some()
            && request.headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD);
        let mut response = if is_preflight {
            // API Gateway answers preflights on every path itself, without a function.
            let mut response = Response::default();
            *response.status_mut() = StatusCode::NO_CONTENT;
            response
        } else {
            match api::route(&request.method, &request.path) {
                Some(Function::Track) => self.ingest.handle(request).await,
                Some(Function::Dashboard)
                    if self.mode == AccessMode::Open && !is_local(request) =>
                {
                    text(
                        StatusCode::FORBIDDEN,
                        "The dashboard is available only as 127.0.0.1 or localhost. To use other host names, start with --closed.",
                    )
                }
                Some(Function::Dashboard) => {
                    compressed(&request.headers, self.dashboard(request).await)
                }
                // The rollup runs on a schedule and has no route.
                Some(Function::Rollup) | None => message(StatusCode::NOT_FOUND, "Not Found"),
            }
        };
        if let Some(origin) = origin.filter(|origin| self.allows(origin)) {
            self.allow(&mut response, &origin, is_preflight);
        }
        response
    }

    /// Answers a request for the dashboard. A large report occupies a core for a while. To keep hits from waiting,
    /// this thread's other tasks move to another thread, if there is one.
    async fn dashboard(&self, request: &Request) -> Response {
        let runtime = Handle::current();
        match runtime.runtime_flavor() {
            RuntimeFlavor::MultiThread => {
                block_in_place(|| runtime.block_on(self.web.handle(request)))
            }
            _ => self.web.handle(request).await,
        }
    }

    /// Returns whether CORS allows an origin. API Gateway can only allow an entire scheme, so that any page open in
    /// the developer's browser could read the dashboard. This also requires the host to be a site's.
    fn allows(&self, origin: &str) -> bool {
        let page = PageUrl::parse(origin, None);
        self.cors.allows(origin)
            && page.is_some_and(|page| self.settings.site_of_host(page.host()).is_some())
    }

    fn allow(&self, response: &mut Response, origin: &str, is_preflight: bool) {
        set(response, ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        response.headers_mut().append(VARY, HeaderValue::from_static("origin"));
        if is_preflight {
            set(response, ACCESS_CONTROL_ALLOW_METHODS, &self.cors.allow_methods.join(","));
            set(response, ACCESS_CONTROL_ALLOW_HEADERS, &self.cors.allow_headers.join(","));
            set(response, ACCESS_CONTROL_MAX_AGE, &self.cors.max_age.to_string());
        } else {
            set(response, ACCESS_CONTROL_EXPOSE_HEADERS, &self.cors.expose_headers.join(","));
        }
    }
}

/// Returns whether a request uses a host name that always means this machine. Any other name may be a stranger's
/// that resolves to this machine (DNS rebinding), whose pages could then read the dashboard.
fn is_local(request: &Request) -> bool {
    let host = request.header(HOST.as_str()).and_then(|host| host.parse::<Authority>().ok());
    host.is_some_and(|host| matches!(host.host(), "localhost" | "127.0.0.1" | "[::1]"))
}

/// Returns a response of API Gateway itself.
fn message(status: StatusCode, message: &str) -> Response {
    response(status, "application/json", serde_json::json!({ "message": message }).to_string())
}

/// Serves connections until `stop` is ready, then finishes the open requests.
pub async fn serve<S: Store, C: Context + 'static>(
    listener: TcpListener,
    gateway: Arc<Gateway<S, C>>,
    stop: impl Future<Output = ()>,
) {
    let graceful = GracefulShutdown::new();
    let mut stop = std::pin::pin!(stop);
    loop {
        let (stream, peer) = tokio::select! {
            () = &mut stop => break,
            accepted = listener.accept() => match accepted {
                Ok(accepted) => accepted,
                // Most likely out of file descriptors, which become free again.
                Err(error) => {
                    log::error("cannot accept a connection", error);
                    tokio::time::sleep(ACCEPT_RETRY_INTERVAL).await;
                    continue;
                }
            },
        };
        // Responses are small and complete, so waiting for more data to send gains nothing.
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
        // A client may disconnect at any time.
        tokio::spawn(async move { drop(connection.await) });
    }
    drop(listener);
    let _ = tokio::time::timeout(SHUTDOWN_TIMEOUT, graceful.shutdown()).await;
}

async fn answer<S: Store, C: Context>(
    gateway: &Gateway<S, C>,
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

/// Appends the peer to the addresses that the client claims, like the gateway.
fn forwarded(mut headers: HeaderMap, peer: SocketAddr) -> HeaderMap {
    if let Ok(address) = HeaderValue::from_str(&peer.ip().to_string()) {
        headers.append("x-forwarded-for", address);
    }
    headers
}
