//! Connections to AWS through an HTTP proxy. They use a tunnel, so the proxy cannot read the traffic.
//!
//! Requests without TLS bypass the proxy: they go to an emulator or to the machine's own metadata service.

use std::error::Error;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::Uri;
use hyper_util::client::legacy::connect::proxy::Tunnel;
use hyper_util::client::proxy::matcher::Matcher;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tower_service::Service;

use super::TcpConnector;

/// Environment variables with the proxy's URL, and with the hosts that bypass it.
const PROXY: [&str; 4] = ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];
const DIRECT: [&str; 2] = ["NO_PROXY", "no_proxy"];

/// Maps hosts to the proxy to use.
#[derive(Debug, Clone, Default)]
pub struct Proxies(Option<Arc<Matcher>>);

/// An environment variable with an unsupported proxy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid proxy in {0}: expected the URL of an HTTP proxy")]
pub struct ProxyError(&'static str);

impl Proxies {
    /// Reads the same environment variables as curl, through `get`. The proxy is the first set one of
    /// `HTTPS_PROXY`, `https_proxy`, `ALL_PROXY` and `all_proxy`. The hosts in `NO_PROXY` or `no_proxy` bypass
    /// it.
    ///
    /// <https://everything.curl.dev/usingcurl/proxies/env.html>
    ///
    /// # Errors
    /// If the proxy's URL is invalid, or requires TLS or SOCKS.
    pub fn from_env(get: impl Fn(&str) -> Option<String>) -> Result<Self, ProxyError> {
        let set = |name: &&'static str| Some((*name, get(name).filter(|text| !text.is_empty())?));
        let Some((name, proxy)) = PROXY.iter().find_map(set) else { return Ok(Self(None)) };
        let direct = DIRECT.iter().find_map(set).map_or_else(String::new, |(_, hosts)| hosts);
        let any = Uri::from_static("https://example.com");
        let matched = Matcher::builder().https(proxy.clone()).build().intercept(&any);
        if matched.is_none_or(|proxy| proxy.uri().scheme_str() != Some("http")) {
            return Err(ProxyError(name));
        }
        Ok(Self(Some(Arc::new(Matcher::builder().https(proxy).no(direct).build()))))
    }
}

/// Connects to hosts directly or through a tunnel.
#[derive(Debug, Clone)]
pub(super) struct Transport {
    tcp: TcpConnector,
    proxies: Proxies,
}

impl Transport {
    pub(super) const fn new(tcp: TcpConnector, proxies: Proxies) -> Self {
        Self { tcp, proxies }
    }
}

type BoxError = Box<dyn Error + Send + Sync>;

impl Service<Uri> for Transport {
    type Response = TokioIo<TcpStream>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.tcp.poll_ready(context).map_err(Into::into)
    }

    fn call(&mut self, host: Uri) -> Self::Future {
        let Some(proxy) = self.proxies.0.as_ref().and_then(|it| it.intercept(&host)) else {
            let connected = self.tcp.call(host);
            return Box::pin(async { Ok(connected.await?) });
        };
        let mut tunnel = Tunnel::new(proxy.uri().clone(), self.tcp.clone());
        if let Some(password) = proxy.basic_auth() {
            tunnel = tunnel.with_auth(password.clone());
        }
        let connected = tunnel.call(host);
        Box::pin(async { Ok(connected.await?) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxies(variables: &[(&str, &str)]) -> Result<Proxies, ProxyError> {
        Proxies::from_env(|name| {
            let found = variables.iter().find(|(variable, _)| *variable == name);
            found.map(|(_, value)| (*value).to_owned())
        })
    }

    fn proxy_for(variables: &[(&str, &str)], host: &'static str) -> Option<String> {
        let matcher = proxies(variables).unwrap().0?;
        matcher.intercept(&Uri::from_static(host)).map(|proxy| proxy.uri().to_string())
    }

    #[test]
    fn proxy_applies_to_tls_except_for_excluded_hosts() {
        let both =
            [("https_proxy", "http://proxy:3128"), ("NO_PROXY", "s3.amazonaws.com,.internal")];
        let through = Some("http://proxy:3128/".to_owned());
        assert_eq!(proxy_for(&both, "https://sts.amazonaws.com"), through);
        assert_eq!(proxy_for(&both, "https://bucket.s3.amazonaws.com"), None);
        assert_eq!(proxy_for(&both, "https://a.internal"), None);
        assert_eq!(proxy_for(&both, "http://169.254.169.254/latest"), None);
        assert_eq!(proxy_for(&[("ALL_PROXY", "proxy:3128")], "https://sts.amazonaws.com"), through);
        assert_eq!(proxy_for(&[("HTTPS_PROXY", "")], "https://sts.amazonaws.com"), None);
        assert_eq!(
            proxy_for(&[("HTTP_PROXY", "http://proxy:1")], "https://sts.amazonaws.com"),
            None
        );
    }

    #[test]
    fn rejects_unsupported_proxy_without_revealing_its_password() {
        for wrong in ["https://u:secret@proxy", "socks5://u:secret@proxy", "ftp://secret", "::"] {
            let error = proxies(&[("HTTPS_PROXY", wrong)]).unwrap_err().to_string();
            assert!(error.starts_with("invalid proxy in HTTPS_PROXY"), "{error}");
            assert!(!error.contains("secret"), "{error}");
        }
    }
}
