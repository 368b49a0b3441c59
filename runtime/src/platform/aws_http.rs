//! How AWS is reached: hyper, and rustls with graviola, over the roots that AWS's own certificates
//! come from.
//!
//! The default client of AWS's SDK would bring C to compile (aws-lc), a second TLS stack, the
//! operating system's trust store and tens of milliseconds at start.

#[cfg(feature = "proxy")]
mod proxy;
#[cfg(feature = "sdk")]
mod sdk;

use std::sync::Arc;

use http::{Request, Response};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector as TcpConnector;
use hyper_util::client::legacy::{Client, Error};
use hyper_util::rt::TokioExecutor;
use rustls::crypto::{CryptoProvider, KeyProvider};
use rustls::pki_types::pem::{self, PemObject as _};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::SigningKey;
use rustls::{ClientConfig, RootCertStore};
use rustls_graviola::kx;

#[cfg(feature = "proxy")]
pub use proxy::{Proxies, ProxyError};

/// The roots of Amazon Trust Services (<https://www.amazontrust.com/repository/>), in DER. The
/// first of them expires in 2037.
const AMAZON_ROOTS: [&[u8]; 5] = [
    include_bytes!("../../roots/amazon-root-ca-1.der"),
    include_bytes!("../../roots/amazon-root-ca-2.der"),
    include_bytes!("../../roots/amazon-root-ca-3.der"),
    include_bytes!("../../roots/amazon-root-ca-4.der"),
    include_bytes!("../../roots/starfield-services-root-g2.der"),
];

/// What makes a connection: the deployer's may lead through a proxy.
#[cfg(feature = "proxy")]
type Transport = proxy::Transport;
#[cfg(not(feature = "proxy"))]
type Transport = TcpConnector;

/// A pool of connections, plain (for an emulator) and TLS. Clones share it.
#[derive(Debug, Clone)]
pub struct HttpClient(Client<HttpsConnector<Transport>, Full<Bytes>>);

/// The variable by which the SDKs of AWS are told to trust other roots: a file of certificates, in PEM.
///
/// <https://docs.aws.amazon.com/sdkref/latest/guide/feature-gen-config.html>
const BUNDLE: &str = "AWS_CA_BUNDLE";

/// The TLS configuration cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A root or the cipher suites are not as they must be.
    #[error("TLS cannot be set up: {0}")]
    Setup(#[from] rustls::Error),
    /// The file of roots cannot be read, or has none.
    #[error("the environment variable {BUNDLE} names no file of certificates in PEM: {0}: {1}")]
    Bundle(String, pem::Error),
}

/// The roots to trust: those that `AWS_CA_BUNDLE` names, read through `get`, in place of Amazon's.
///
/// # Errors
/// If it names a file that is none of certificates.
pub fn roots(
    get: impl Fn(&str) -> Option<String>,
) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let Some(file) = get(BUNDLE).filter(|file| !file.is_empty()) else {
        return Ok(AMAZON_ROOTS.map(CertificateDer::from).into());
    };
    let read = || match CertificateDer::pem_file_iter(&file)?.collect::<Result<Vec<_>, _>>()? {
        roots if roots.is_empty() => Err(pem::Error::NoItemsFound),
        roots => Ok(roots),
    };
    read().map_err(|error| TlsError::Bundle(file.clone(), error))
}

impl HttpClient {
    /// A connector that trusts Amazon's roots alone.
    ///
    /// # Errors
    /// None on a machine that graviola supports: x86-64 with AVX2, or ARM with AES.
    pub fn new() -> Result<Self, TlsError> {
        Self::trusting(AMAZON_ROOTS.map(CertificateDer::from))
    }

    /// A connector that trusts the certificates in `roots` alone.
    ///
    /// # Errors
    /// If one is no certificate of an authority.
    pub fn trusting(
        roots: impl IntoIterator<Item = CertificateDer<'static>>,
    ) -> Result<Self, TlsError> {
        #[cfg(feature = "proxy")]
        let way = Transport::new(tcp(), Proxies::default());
        #[cfg(not(feature = "proxy"))]
        let way = tcp();
        Self::by(way, roots)
    }

    /// A connector that trusts the certificates in `roots` alone, and leads through proxies.
    ///
    /// # Errors
    /// As [`HttpClient::trusting`].
    #[cfg(feature = "proxy")]
    pub fn trusting_through(
        roots: impl IntoIterator<Item = CertificateDer<'static>>,
        proxies: Proxies,
    ) -> Result<Self, TlsError> {
        Self::by(Transport::new(tcp(), proxies), roots)
    }

    fn by(
        way: Transport,
        roots: impl IntoIterator<Item = CertificateDer<'static>>,
    ) -> Result<Self, TlsError> {
        let mut store = RootCertStore::empty();
        for root in roots {
            store.add(root)?;
        }
        let provider = Arc::new(provider());
        let tls = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(store)
            .with_no_client_auth();
        let https = HttpsConnectorBuilder::new()
            .with_tls_config(tls)
            .https_or_http()
            .enable_http1()
            .wrap_connector(way);
        Ok(Self(Client::builder(TokioExecutor::new()).build(https)))
    }

    /// Sends a request, whose address is whole. Time-outs, and to send it again, are left to the caller.
    ///
    /// # Errors
    /// If there is no connection, or it is lost before the head of an answer came.
    pub async fn send(&self, request: Request<Full<Bytes>>) -> Result<Response<Incoming>, Error> {
        self.0.request(request).await
    }
}

fn tcp() -> TcpConnector {
    let mut tcp = TcpConnector::new();
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
    tcp
}

/// Graviola's cryptography, but for what a client of AWS would carry along for nothing: private keys of
/// its own, and a fourth group for the key exchange, P-384.
fn provider() -> CryptoProvider {
    CryptoProvider {
        kx_groups: vec![kx::X25519MLKEM768, &kx::X25519, &kx::P256],
        key_provider: &NoKeys,
        ..rustls_graviola::default_provider()
    }
}

/// A client that does not authenticate itself by TLS has no private key.
#[derive(Debug)]
struct NoKeys;

impl KeyProvider for NoKeys {
    fn load_private_key(
        &self,
        _: PrivateKeyDer<'static>,
    ) -> Result<Arc<dyn SigningKey>, rustls::Error> {
        Err(rustls::Error::General("private keys are not supported".to_owned()))
    }
}
