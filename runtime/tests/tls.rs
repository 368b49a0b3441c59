//! TLS of the functions with a real server: which certificates they trust.

#![allow(clippy::unwrap_used, reason = "a test ends there")]

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use footfall_runtime::platform::aws_http::{HttpClient, roots};
use http::Request;
use http_body_util::Full;
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

const KEY: &[u8] = include_bytes!("data/tls/server.key");
const AUTHORITY: &[u8] = include_bytes!("data/tls/trusted.der");

/// Starts a server with a certificate. Returns its port.
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

/// Sends a request as the DynamoDB client does. Returns the status, or the whole chain of errors.
async fn ask(client: HttpClient, port: u16) -> Result<u16, String> {
    let request = Request::get(format!("https://localhost:{port}/")).body(Full::default()).unwrap();
    let answer = client.send(request).await;
    answer.map(|answer| answer.status().as_u16()).map_err(|error| format!("{error:?}"))
}

fn trusting() -> HttpClient {
    HttpClient::with_roots([CertificateDer::from(AUTHORITY)]).unwrap()
}

async fn assert_rejected(certificate: &'static [u8], because: &str) {
    let error = ask(trusting(), serve(certificate, rustls::ALL_VERSIONS).await).await.unwrap_err();
    assert!(error.contains(because), "{error} should say {because}");
}

#[tokio::test]
async fn trusts_valid_certificate() {
    for version in rustls::ALL_VERSIONS {
        let port = serve(include_bytes!("data/tls/good.der"), &[version]).await;
        assert_eq!(ask(trusting(), port).await, Ok(200), "{version:?}");
    }
}

#[tokio::test]
async fn rejects_expired_certificate() {
    assert_rejected(include_bytes!("data/tls/expired.der"), "Expired").await;
}

#[tokio::test]
async fn rejects_certificate_for_another_name() {
    assert_rejected(include_bytes!("data/tls/wrong-name.der"), "NotValidForName").await;
}

#[tokio::test]
async fn rejects_certificate_of_unknown_issuer() {
    assert_rejected(include_bytes!("data/tls/unknown-issuer.der"), "UnknownIssuer").await;
}

/// The functions trust only Amazon's roots, so not even the valid certificate of the tests.
#[tokio::test]
async fn functions_trust_only_amazon() {
    let port = serve(include_bytes!("data/tls/good.der"), rustls::ALL_VERSIONS).await;
    let error = ask(HttpClient::new().unwrap(), port).await.unwrap_err();
    assert!(error.contains("UnknownIssuer"), "{error}");
}

/// If the environment names other roots, they replace Amazon's.
#[tokio::test]
async fn trusts_the_roots_of_a_bundle_instead() {
    let port = serve(include_bytes!("data/tls/good.der"), rustls::ALL_VERSIONS).await;
    let file = tempfile::NamedTempFile::new().unwrap();
    let bundle = |name: &str| (name == "AWS_CA_BUNDLE").then(|| file.path().display().to_string());
    let error = roots(bundle).unwrap_err().to_string();
    assert!(error.contains("AWS_CA_BUNDLE") && error.contains("no items found"), "{error}");
    let pem = BASE64.encode(AUTHORITY);
    let pem = format!("-----BEGIN CERTIFICATE-----\n{pem}\n-----END CERTIFICATE-----\n");
    std::fs::write(file.path(), pem).unwrap();
    let client = HttpClient::with_roots(roots(bundle).unwrap()).unwrap();
    assert_eq!(ask(client, port).await, Ok(200));
}

/// Starts a proxy that opens a tunnel to `port`, whatever the host, if the request has the password. Returns its
/// port, and a channel with the requests.
#[cfg(feature = "proxy")]
async fn proxy(port: u16) -> (u16, tokio::sync::mpsc::UnboundedReceiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let own = listener.local_addr().unwrap().port();
    let (asked, receive) = tokio::sync::mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let mut head = vec![0; 1024];
            let length = client.read(&mut head).await.unwrap();
            let head = String::from_utf8(head[..length].to_vec()).unwrap();
            let is_authorized = head.contains("Proxy-Authorization: Basic dXNlcjpwYXNz");
            asked.send(head).unwrap();
            let answer = if is_authorized { "200 OK" } else { "407 Proxy Authentication Required" };
            client.write_all(format!("HTTP/1.1 {answer}\r\n\r\n").as_bytes()).await.unwrap();
            if is_authorized {
                let mut server = tokio::net::TcpStream::connect(("127.0.0.1", port)).await.unwrap();
                let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
            }
        }
    });
    (own, receive)
}

#[cfg(feature = "proxy")]
#[tokio::test]
async fn checks_certificates_through_a_proxy() {
    use footfall_runtime::platform::aws_http::Proxies;

    let through = |proxy: String, direct: &str| {
        let proxies = Proxies::from_env(|name| match name {
            "HTTPS_PROXY" => Some(proxy.clone()),
            "NO_PROXY" => Some(direct.to_owned()),
            _ => None,
        });
        let roots = [CertificateDer::from(AUTHORITY)];
        HttpClient::with_roots_and_proxies(roots, proxies.unwrap()).unwrap()
    };
    let good = serve(include_bytes!("data/tls/good.der"), rustls::ALL_VERSIONS).await;
    let (port, mut asked) = proxy(good).await;
    let with = format!("http://user:pass@127.0.0.1:{port}");
    // Nothing listens on port 1, so only the proxy can reach the server.
    assert_eq!(ask(through(with.clone(), ""), 1).await, Ok(200));
    assert!(asked.recv().await.unwrap().starts_with("CONNECT localhost:1 HTTP/1.1\r\n"));
    let error = ask(through(format!("127.0.0.1:{port}"), ""), good).await.unwrap_err();
    assert!(error.contains("ProxyAuthRequired"), "{error}");
    assert!(asked.recv().await.is_some());
    // Hosts in NO_PROXY are reached directly.
    assert_eq!(ask(through(with.clone(), "localhost"), good).await, Ok(200));
    assert!(asked.try_recv().is_err());
    // Through the tunnel, certificates are checked as well.
    let wrong = serve(include_bytes!("data/tls/wrong-name.der"), rustls::ALL_VERSIONS).await;
    let (port, _asked) = proxy(wrong).await;
    let with = format!("http://user:pass@127.0.0.1:{port}");
    let error = ask(through(with, ""), 1).await.unwrap_err();
    assert!(error.contains("NotValidForName"), "{error}");
}
