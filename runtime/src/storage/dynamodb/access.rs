//! Credentials and endpoints of AWS services.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use http::Uri;
use http::uri::{Authority, Scheme};

/// Region, credentials and endpoint, usually from a function's environment.
#[derive(Debug, Clone)]
pub struct Access {
    /// The region, `AWS_REGION`.
    pub region: String,
    /// Provides the credentials.
    pub credentials: Arc<dyn Credentials>,
    /// The endpoint of DynamoDB.
    pub endpoint: Endpoint,
}

/// Provides credentials. Called before every attempt, because they may expire.
pub trait Credentials: fmt::Debug + Send + Sync {
    /// Returns the keys to sign with, or why there are none.
    fn keys(&self) -> Pin<Box<dyn Future<Output = Result<Keys, String>> + Send + '_>>;
}

/// Keys to sign with: `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` and `AWS_SESSION_TOKEN`.
#[derive(Clone, PartialEq, Eq)]
pub struct Keys {
    /// The access key ID, which is not secret.
    pub id: String,
    /// The secret access key.
    pub secret: String,
    /// The session token of temporary credentials.
    pub token: Option<String>,
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keys").field("id", &self.id).finish_non_exhaustive()
    }
}

/// Fixed keys. Lambda replaces the whole environment before they expire.
impl Credentials for Keys {
    fn keys(&self) -> Pin<Box<dyn Future<Output = Result<Keys, String>> + Send + '_>> {
        Box::pin(std::future::ready(Ok(self.clone())))
    }
}

/// The endpoint of a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    pub(super) uri: Uri,
    pub(super) host: Authority,
}

/// Why the configuration is incomplete or invalid.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AccessError {
    /// A variable is missing.
    #[error(transparent)]
    Missing(#[from] MissingVariable),
    /// The endpoint is not a valid URL.
    #[error("invalid AWS endpoint {0:?}: expected https://HOST or http://HOST:PORT")]
    Endpoint(String),
}

/// An environment variable that is unset or empty.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("missing environment variable {0}; Lambda and the stack set it")]
pub struct MissingVariable(pub &'static str);

impl Access {
    /// Reads the variables that all AWS SDKs use, through `get`: those named above, and `AWS_ENDPOINT_URL_DYNAMODB` or
    /// `AWS_ENDPOINT_URL` for a custom endpoint. It reads no files and asks no metadata service: Lambda has neither,
    /// and looking costs start-up time.
    ///
    /// # Errors
    /// If the region or the credentials are missing, or the endpoint is invalid.
    pub fn from_variables(get: impl Fn(&str) -> Option<String>) -> Result<Self, AccessError> {
        let optional = |name| get(name).filter(|value| !value.is_empty());
        let required = |name| optional(name).ok_or(MissingVariable(name));
        let region = required("AWS_REGION")?;
        let keys = Keys {
            id: required("AWS_ACCESS_KEY_ID")?,
            secret: required("AWS_SECRET_ACCESS_KEY")?,
            token: optional("AWS_SESSION_TOKEN"),
        };
        let endpoint =
            optional("AWS_ENDPOINT_URL_DYNAMODB").or_else(|| optional("AWS_ENDPOINT_URL"));
        let endpoint = Endpoint::new("dynamodb", &region, endpoint.as_deref())?;
        Ok(Self { region, credentials: Arc::new(keys), endpoint })
    }
}

impl Endpoint {
    /// Makes the endpoint of a service in a region, or a custom one.
    ///
    /// # Errors
    /// If the custom endpoint is invalid.
    pub fn new(service: &str, region: &str, other: Option<&str>) -> Result<Self, AccessError> {
        let text = other.map_or_else(
            || format!("https://{service}.{region}.{}", domain(region)),
            |other| other.trim_end_matches('/').to_owned(),
        );
        Self::parse(&text).ok_or(AccessError::Endpoint(text))
    }

    fn parse(text: &str) -> Option<Self> {
        let uri: Uri = text.parse().ok()?;
        let is_http = [Some(&Scheme::HTTP), Some(&Scheme::HTTPS)].contains(&uri.scheme());
        let host = uri.authority()?.clone();
        // The signature covers `POST /`, so paths and queries are not supported.
        let is_plain = uri.path() == "/" && uri.query().is_none() && !host.as_str().contains('@');
        (is_http && is_plain).then_some(Self { uri, host })
    }
}

/// Returns the domain of AWS services in the partition of a region. Isolated government partitions are not supported.
///
/// <https://docs.aws.amazon.com/general/latest/gr/rande.html>
#[must_use]
pub fn domain(region: &str) -> &'static str {
    match region.split('-').next() {
        Some("cn") => "amazonaws.com.cn",
        Some("eusc") => "amazonaws.eu",
        _ => "amazonaws.com",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoint_follows_from_region() {
        let check = |region, expected: &str| {
            let endpoint = Endpoint::new("dynamodb", region, None).unwrap();
            assert_eq!(endpoint.uri.to_string(), format!("https://{expected}/"));
            assert_eq!(endpoint.host.as_str(), expected);
        };
        check("eu-central-1", "dynamodb.eu-central-1.amazonaws.com");
        check("us-gov-west-1", "dynamodb.us-gov-west-1.amazonaws.com");
        check("cn-north-1", "dynamodb.cn-north-1.amazonaws.com.cn");
        check("eusc-de-east-1", "dynamodb.eusc-de-east-1.amazonaws.eu");
    }

    #[test]
    fn accepts_custom_endpoint() {
        let check = |text: &str, host: Option<&str>| {
            let endpoint = Endpoint::new("dynamodb", "eu-central-1", Some(text));
            assert_eq!(endpoint.as_ref().ok().map(|it| it.host.as_str()), host, "{text}");
            if let Err(error) = endpoint {
                assert!(error.to_string().contains("http://HOST:PORT"), "{error}");
            }
        };
        check("http://127.0.0.1:8000", Some("127.0.0.1:8000"));
        check("https://vpce-1.dynamodb.eu-central-1.vpce.amazonaws.com/", {
            Some("vpce-1.dynamodb.eu-central-1.vpce.amazonaws.com")
        });
        for none in ["", "127.0.0.1:8000", "ftp://x", "http://u:p@x", "http://x/y", "http://x?y"] {
            check(none, None);
        }
        assert!(Endpoint::new("dynamodb", "a region", None).is_err());
    }

    #[test]
    fn reads_credentials_from_environment() {
        let all = |name: &str| (name != "AWS_ENDPOINT_URL").then(|| "https://x".to_owned());
        let access = Access::from_variables(all).unwrap();
        assert_eq!(access.endpoint.host, "x");
        let text = format!("{access:?}");
        assert!(text.contains("https://x") && !text.contains("secret"), "{text}");
        for name in ["AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"] {
            let get = |asked: &str| (asked != name).then(|| "x".to_owned());
            let error = Access::from_variables(get).unwrap_err();
            assert_eq!(error, MissingVariable(name).into());
        }
    }
}
