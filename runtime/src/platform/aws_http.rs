//! HTTP client for AWS: hyper, and rustls with graviola. It trusts only the root certificates of AWS.
//!
//! The AWS SDK's default client would add C code to compile (aws-lc), a second TLS stack, the operating
//! system's trust store, and tens of milliseconds of startup time.

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
pub use self::proxy::{Proxies, ProxyError};

/// Root certificates of Amazon Trust Services (<https://www.amazontrust.com/repository/>), as DER. The earliest
/// expiry is in 2037.
const AMAZON_ROOTS: [&[u8]; 5] = [
    include_bytes!("../../roots/amazon-root-ca-1.der"),
    include_bytes!("../../roots/amazon-root-ca-2.der"),
    include_bytes!("../../roots/amazon-root-ca-3.der"),
    include_bytes!("../../roots/amazon-root-ca-4.der"),
    include_bytes!("../../roots/starfield-services-root-g2.der"),
];

/// Opens connections. The deployer's may go through a proxy.
#[cfg(feature = "proxy")]
type Transport = proxy::Transport;
#[cfg(not(feature = "proxy"))]
type Transport = TcpConnector;

/// A connection pool for TLS, and for plain HTTP to emulators. Clones share the pool.
#[derive(Debug, Clone)]
pub struct HttpClient(Client<HttpsConnector<Transport>, Full<Bytes>>);

/// Environment variable with which AWS SDKs trust other root certificates: the path of a PEM file.
///
/// <https://docs.aws.amazon.com/sdkref/latest/guide/feature-gen-config.html>
const BUNDLE: &str = "AWS_CA_BUNDLE";

/// Why TLS could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A root certificate or the cipher suites are invalid.
    #[error("cannot set up TLS: {0}")]
    Setup(#[from] rustls::Error),
    /// The file of root certificates cannot be read, or is empty.
    #[error(
        "invalid environment variable {BUNDLE} {0:?}: expected a PEM file with certificates: {1}"
    )]
    Bundle(String, pem::Error),
}

/// Returns the root certificates to trust: those in the file that `AWS_CA_BUNDLE` names, or else Amazon's.
/// `get` reads the variable.
///
/// # Errors
/// If the file does not contain certificates.
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
    /// Creates a client that trusts only Amazon's root certificates.
    ///
    /// # Errors
    /// Only on machines that graviola does not support. It needs x86-64 with AVX2, or ARM with AES.
    pub fn new() -> Result<Self, TlsError> {
        Self::with_roots(AMAZON_ROOTS.map(CertificateDer::from))
    }

    /// Creates a client that trusts only the certificates in `roots`.
    ///
    /// # Errors
    /// If one is not the certificate of a certificate authority.
    pub fn with_roots(
        roots: impl IntoIterator<Item = CertificateDer<'static>>,
    ) -> Result<Self, TlsError> {
        #[cfg(feature = "proxy")]
        let transport = Transport::new(tcp(), Proxies::default());
        #[cfg(not(feature = "proxy"))]
        let transport = tcp();
        Self::with_transport(transport, roots)
    }

    /// Creates a client that trusts only the certificates in `roots`, and connects through proxies.
    ///
    /// # Errors
    /// As [`HttpClient::with_roots`].
    #[cfg(feature = "proxy")]
    pub fn with_roots_and_proxies(
        roots: impl IntoIterator<Item = CertificateDer<'static>>,
        proxies: Proxies,
    ) -> Result<Self, TlsError> {
        Self::with_transport(Transport::new(tcp(), proxies), roots)
    }

    fn with_transport(
        transport: Transport,
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
            .wrap_connector(transport);
        Ok(Self(Client::builder(TokioExecutor::new()).build(https)))
    }

    /// Sends a request with an absolute URL. Timeouts and retries are up to the caller.
    ///
    /// # Errors
    /// If the connection fails before the head of the response arrives.
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

/// Returns graviola's cryptography without the parts that a client of AWS does not need: private keys, and the
/// key exchange group P-384.
fn provider() -> CryptoProvider {
    CryptoProvider {
        kx_groups: vec![kx::X25519MLKEM768, &kx::X25519, &kx::P256],
        key_provider: &NoKeys,
        ..rustls_graviola::default_provider()
    }
}

/// Rejects private keys: this client does not authenticate itself with TLS.
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
