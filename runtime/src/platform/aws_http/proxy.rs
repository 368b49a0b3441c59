//! The way to AWS through an HTTP proxy, which is asked for a tunnel and sees nothing of what goes
//! through. Requests without TLS go straight: they are for an emulator, or for the machine's own metadata.

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

/// The variables that name a proxy, and those that name hosts which are reached without it.
const PROXY: [&str; 4] = ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];
const DIRECT: [&str; 2] = ["NO_PROXY", "no_proxy"];

/// Which hosts are reached through which proxy.
#[derive(Debug, Clone, Default)]
pub struct Proxies(Option<Arc<Matcher>>);

/// A proxy that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0} names no proxy that can be used")]
pub struct ProxyError(&'static str);

impl Proxies {
    /// Those that the variables name which curl and others read, through `get`: the first of
    /// `HTTPS_PROXY`, `https_proxy`, `ALL_PROXY` and `all_proxy` that is set, but for the hosts in
    /// `NO_PROXY` or `no_proxy`.
    ///
    /// <https://everything.curl.dev/usingcurl/proxies/env.html>
    ///
    /// # Errors
    /// If a proxy is to be spoken to by TLS or SOCKS, or is no address at all.
    pub fn from_variables(get: impl Fn(&str) -> Option<String>) -> Result<Self, ProxyError> {
        let set = |name: &&'static str| Some((*name, get(name).filter(|text| !text.is_empty())?));
        let Some((name, proxy)) = PROXY.iter().find_map(set) else { return Ok(Self(None)) };
        let direct = DIRECT.iter().find_map(set).map_or_else(String::new, |(_, hosts)| hosts);
        let any = Uri::from_static("https://example.com");
        let way = Matcher::builder().https(proxy.clone()).build().intercept(&any);
        if way.is_none_or(|way| way.uri().scheme_str() != Some("http")) {
            return Err(ProxyError(name));
        }
        Ok(Self(Some(Arc::new(Matcher::builder().https(proxy).no(direct).build()))))
    }
}

/// A connection to a host, or to the host through a tunnel.
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
        Proxies::from_variables(|name| {
            let found = variables.iter().find(|(variable, _)| *variable == name);
            found.map(|(_, value)| (*value).to_owned())
        })
    }

    fn way(variables: &[(&str, &str)], host: &'static str) -> Option<String> {
        let matcher = proxies(variables).unwrap().0?;
        matcher.intercept(&Uri::from_static(host)).map(|proxy| proxy.uri().to_string())
    }

    #[test]
    fn a_proxy_is_for_tls_and_for_hosts_that_are_not_left_out() {
        let both =
            [("https_proxy", "http://proxy:3128"), ("NO_PROXY", "s3.amazonaws.com,.internal")];
        let through = Some("http://proxy:3128/".to_owned());
        assert_eq!(way(&both, "https://sts.amazonaws.com"), through);
        assert_eq!(way(&both, "https://bucket.s3.amazonaws.com"), None);
        assert_eq!(way(&both, "https://a.internal"), None);
        assert_eq!(way(&both, "http://169.254.169.254/latest"), None);
        assert_eq!(way(&[("ALL_PROXY", "proxy:3128")], "https://sts.amazonaws.com"), through);
        assert_eq!(way(&[("HTTPS_PROXY", "")], "https://sts.amazonaws.com"), None);
        assert_eq!(way(&[("HTTP_PROXY", "http://proxy:1")], "https://sts.amazonaws.com"), None);
    }

    #[test]
    fn a_proxy_of_another_kind_is_refused_without_its_password() {
        for wrong in ["https://u:secret@proxy", "socks5://u:secret@proxy", "ftp://secret", "::"] {
            let error = proxies(&[("HTTPS_PROXY", wrong)]).unwrap_err().to_string();
            assert!(error.starts_with("HTTPS_PROXY names no proxy"), "{error}");
            assert!(!error.contains("secret"), "{error}");
        }
    }
}
