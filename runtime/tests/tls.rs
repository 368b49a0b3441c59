//! TLS as the functions speak it to AWS, against a real server: whom it trusts, and whom it does not.

#![allow(clippy::unwrap_used, reason = "a test ends there")]

use std::sync::Arc;

use aws_smithy_runtime_api::client::http::HttpConnector as _;
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use footfall_runtime::connector::Connector;
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

const KEY: &[u8] = include_bytes!("data/tls/server.key");
const AUTHORITY: &[u8] = include_bytes!("data/tls/trusted.der");

/// Starts a server with a certificate, and gives its port.
async fn serve(
    certificate: &'static [u8],
    versions: &[&'static rustls::SupportedProtocolVersion],
) -> u16 {
    let provider = Arc::new(rustls_graviola::default_provider());
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(KEY));
    let config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![CertificateDer::from(certificate)], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let Ok(mut stream) = acceptor.accept(stream).await else { return };
                let mut request = [0; 1024];
                let _ = stream.read(&mut request).await;
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await;
                let _ = stream.flush().await;
            });
        }
    });
    port
}

/// Asks the server as the SDK would: the status, or the whole chain of what went wrong.
async fn ask(connector: Connector, port: u16) -> Result<u16, String> {
    let request = HttpRequest::get(format!("https://localhost:{port}/")).unwrap();
    let answer = connector.call(request).await;
    answer.map(|answer| answer.status().as_u16()).map_err(|error| format!("{error:?}"))
}

fn trusting() -> Connector {
    Connector::trusting([CertificateDer::from(AUTHORITY)]).unwrap()
}

async fn refused(certificate: &'static [u8], because: &str) {
    let error = ask(trusting(), serve(certificate, rustls::ALL_VERSIONS).await).await.unwrap_err();
    assert!(error.contains(because), "{error} should say {because}");
}

#[tokio::test]
async fn a_good_certificate_is_trusted() {
    for version in rustls::ALL_VERSIONS {
        let port = serve(include_bytes!("data/tls/good.der"), &[version]).await;
        assert_eq!(ask(trusting(), port).await, Ok(200), "{version:?}");
    }
}

#[tokio::test]
async fn an_expired_certificate_is_refused() {
    refused(include_bytes!("data/tls/expired.der"), "Expired").await;
}

#[tokio::test]
async fn a_certificate_of_another_name_is_refused() {
    refused(include_bytes!("data/tls/wrong-name.der"), "NotValidForName").await;
}

#[tokio::test]
async fn a_certificate_of_an_unknown_issuer_is_refused() {
    refused(include_bytes!("data/tls/unknown-issuer.der"), "UnknownIssuer").await;
}

/// The functions trust Amazon's roots, and nobody else's: not even a good certificate of the tests.
#[tokio::test]
async fn the_functions_trust_amazon_alone() {
    let port = serve(include_bytes!("data/tls/good.der"), rustls::ALL_VERSIONS).await;
    let error = ask(Connector::new().unwrap(), port).await.unwrap_err();
    assert!(error.contains("UnknownIssuer"), "{error}");
}
