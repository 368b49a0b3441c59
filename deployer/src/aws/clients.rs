//! One client for each AWS service, for the region and credentials of a command.

use std::env;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use anyhow::Result;
use aws_config::meta::region::RegionProviderChain;
use aws_config::profile::ProfileFileRegionProvider;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::{ProvideCredentials as _, SharedCredentialsProvider};
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpClient, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::result::ConnectorError;
use clap::Args;
use footfall_infra::stack::StackName;
use footfall_runtime::platform::aws_http::{HttpClient, Proxies, roots};
use footfall_runtime::storage::dynamodb::{self, Access, DynamoDb, Endpoint, Keys, Retries};
use tokio::sync::Mutex;

use crate::aws::signed_request::SignedClient;
use crate::error::{CommandError, OrCannot as _, root_cause};

/// Maximum duration of one attempt. The HTTP client has no timeouts of its own.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(20);

/// Maximum attempts of a request to the table. A table with little capacity throttles often.
const MAX_ATTEMPTS: u32 = 12;

/// Maximum time to get credentials. Single sign-on may wait for a browser.
const CREDENTIALS: Duration = Duration::from_secs(60);

/// Which stack to use, and where it is
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Where")]
pub(crate) struct Target {
    /// Name of the stack
    #[arg(long, value_name = "NAME", default_value_t, value_parser = stack_name)]
    pub(crate) stack: StackName,
    /// AWS region [default: AWS_REGION, or the region of the profile]
    #[arg(long, value_name = "REGION")]
    pub(crate) region: Option<String>,
    /// Profile of the AWS configuration [default: AWS_PROFILE]
    #[arg(long, value_name = "NAME")]
    pub(crate) profile: Option<String>,
}

fn stack_name(text: &str) -> Result<StackName, String> {
    StackName::try_from(text.to_owned())
}

/// Clients for one account and region.
#[derive(Debug, Clone)]
pub(crate) struct Aws {
    /// The account ID.
    pub(crate) account: String,
    /// The region, such as `eu-central-1`.
    pub(crate) region: String,
    /// URL of an emulator, if it replaces AWS.
    pub(crate) endpoint: Option<String>,
    /// For stacks.
    pub(crate) cloudformation: aws_sdk_cloudformation::Client,
    /// For the table, once its stack is deleted.
    pub(crate) dynamodb: aws_sdk_dynamodb::Client,
    /// For the account's limits.
    pub(crate) lambda: SignedClient,
    /// For the functions' logs.
    pub(crate) logs: aws_sdk_cloudwatchlogs::Client,
    /// For usage.
    pub(crate) metrics: SignedClient,
    /// For the bucket.
    pub(crate) s3: aws_sdk_s3::Client,
    /// Configuration of the store's own client for the table.
    access: Access,
    connector: HttpClient,
}

impl Aws {
    /// Finds the region and credentials, and asks AWS for the account.
    pub(crate) async fn connect(target: &Target) -> Result<Self> {
        let region = region(target).await.ok_or_else(|| {
            CommandError::rejected(
                "no AWS region configured",
                "pass --region eu-central-1, set AWS_REGION, or run `aws configure`",
            )
        })?;
        let config = config(target, region.clone()).await?;
        check_credentials(target, &config).await?;
        let sts = aws_sdk_sts::Client::new(&config);
        let identity = sts.get_caller_identity().send().await;
        let identity = identity.or_cannot("ask AWS who you are")?;
        // Emulators have no host names for buckets.
        let s3 = aws_sdk_s3::config::Builder::from(&config)
            .force_path_style(config.endpoint_url().is_some())
            .build();
        let connector = connector()?;
        let other = env::var("AWS_ENDPOINT_URL_DYNAMODB").ok().filter(|url| !url.is_empty());
        let other = other.as_deref().or(config.endpoint_url());
        let access = Access {
            region: region.to_string(),
            credentials: Arc::new(Lasting::new(config.credentials_provider())),
            endpoint: Endpoint::new("dynamodb", region.as_ref(), other)?,
        };
        Ok(Self {
            account: identity.account.unwrap_or_default(),
            region: region.to_string(),
            endpoint: config.endpoint_url().map(str::to_owned),
            cloudformation: aws_sdk_cloudformation::Client::new(&config),
            dynamodb: aws_sdk_dynamodb::Client::new(&config),
            lambda: SignedClient::new(&config, region.as_ref(), connector.clone(), "lambda"),
            logs: aws_sdk_cloudwatchlogs::Client::new(&config),
            metrics: SignedClient::new(&config, region.as_ref(), connector.clone(), "monitoring"),
            s3: aws_sdk_s3::Client::from_conf(s3),
            access,
            connector,
        })
    }
}

impl Aws {
    /// Returns the table of a stack, which has the stack's name. Retries for a long time.
    pub(crate) fn table(&self, stack: &StackName) -> DynamoDb {
        let patient = Retries {
            attempts: MAX_ATTEMPTS,
            attempt: ATTEMPT_TIMEOUT,
            all: Duration::MAX,
            first_pause: Duration::from_secs(1),
            longest_pause: Duration::from_secs(5),
            ..Retries::FUNCTION
        };
        DynamoDb::new(self.access.clone(), stack.to_string(), self.connector.clone()).with(patient)
    }
}

/// Margin before credentials expire, because a request takes time.
const MARGIN: Duration = Duration::from_secs(60);

/// Credentials of whoever runs the command, renewed before they expire: an import may outlive them.
#[derive(Debug)]
struct Lasting {
    provider: Option<SharedCredentialsProvider>,
    last: Mutex<Option<Credentials>>,
}

impl Lasting {
    fn new(provider: Option<SharedCredentialsProvider>) -> Self {
        Self { provider, last: Mutex::default() }
    }

    async fn read(&self) -> Result<Keys, String> {
        let mut last = self.last.lock().await;
        let soon = SystemTime::now() + MARGIN;
        let fresh = |it: &Credentials| it.expiry().is_none_or(|expiry| expiry > soon);
        let credentials = match last.take().filter(fresh) {
            Some(credentials) => credentials,
            None => {
                let provider = self.provider.as_ref().ok_or("no credentials for AWS")?;
                let asked = tokio::time::timeout(CREDENTIALS, provider.provide_credentials());
                let given = asked.await.map_err(|_| "whoever gives credentials did not answer")?;
                given.map_err(|error| root_cause(&error))?
            }
        };
        let credentials = last.insert(credentials);
        Ok(Keys {
            id: credentials.access_key_id().to_owned(),
            secret: credentials.secret_access_key().to_owned(),
            token: credentials.session_token().map(str::to_owned),
        })
    }
}

impl dynamodb::Credentials for Lasting {
    fn keys(&self) -> Pin<Box<dyn Future<Output = Result<Keys, String>> + Send + '_>> {
        Box::pin(self.read())
    }
}

/// Finds the region in the arguments, the environment or the profile. Does not ask the instance metadata
/// service, as the SDK would, because outside of AWS it never answers.
pub(crate) async fn region(target: &Target) -> Option<Region> {
    let mut profile = ProfileFileRegionProvider::builder();
    if let Some(name) = &target.profile {
        profile = profile.profile_name(name);
    }
    let said = target.region.clone().map(Region::new);
    let environment = aws_config::environment::EnvironmentVariableRegionProvider::new();
    RegionProviderChain::first_try(said)
        .or_else(environment)
        .or_else(profile.build())
        .region()
        .await
        .filter(|region| !region.as_ref().is_empty())
}

/// Returns the SDK's configuration, with the HTTP client and the timeouts of all commands.
pub(crate) async fn config(target: &Target, region: Region) -> Result<SdkConfig> {
    let mut loader = aws_config::defaults(BehaviorVersion::latest())
        .http_client(http_client(connector()?))
        .timeout_config(TimeoutConfig::builder().operation_attempt_timeout(ATTEMPT_TIMEOUT).build())
        .retry_config(RetryConfig::standard().with_max_attempts(4))
        .region(region);
    if let Some(profile) = &target.profile {
        loader = loader.profile_name(profile);
    }
    Ok(loader.load().await)
}

/// Returns the HTTP client, which uses a proxy if the environment names one.
fn connector() -> Result<HttpClient> {
    let get = |name: &str| env::var(name).ok();
    let proxies = Proxies::from_env(get).map_err(|error| {
        let hint = "write it as http://HOST:PORT or http://USER:PASSWORD@HOST:PORT";
        CommandError::rejected(error.to_string(), hint)
    })?;
    Ok(HttpClient::with_roots_and_proxies(roots(get)?, proxies)?)
}

/// Adds timeouts to requests that set both. Those go to the instance metadata service, the last place where
/// the SDK looks for credentials. Outside of AWS it may never answer.
fn http_client(connector: HttpClient) -> SharedHttpClient {
    http_client_fn(move |settings, _| {
        let limit = settings.connect_timeout().zip(settings.read_timeout());
        SharedHttpConnector::new(Timed {
            connector: connector.clone(),
            limit: limit.map(|(connect, read)| connect + read),
        })
    })
}

#[derive(Debug)]
struct Timed {
    connector: HttpClient,
    limit: Option<Duration>,
}

impl HttpConnector for Timed {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let answer = self.connector.call(request);
        let Some(limit) = self.limit else { return answer };
        HttpConnectorFuture::new(async move {
            match tokio::time::timeout(limit, answer).await {
                Ok(answer) => answer,
                Err(error) => Err(ConnectorError::timeout(error.into())),
            }
        })
    }
}

/// Checks for credentials before anything needs them.
async fn check_credentials(target: &Target, config: &SdkConfig) -> Result<(), CommandError> {
    let remedy = "run `aws configure sso` or `aws configure`, or set AWS_ACCESS_KEY_ID and \
                  AWS_SECRET_ACCESS_KEY, or choose a profile with --profile";
    let profile = target.profile.as_ref().map(|name| format!(" in the profile {name}"));
    let profile = profile.unwrap_or_default();
    let none =
        |why: &str| CommandError::failed(format!("no credentials for AWS{profile}{why}"), remedy);
    let provider = config.credentials_provider().ok_or_else(|| none(""))?;
    match tokio::time::timeout(CREDENTIALS, provider.provide_credentials()).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) => Err(of_credentials(&root_cause(&error)).unwrap_or_else(|text| {
            none(&if text.is_empty() { String::new() } else { format!(": {text}") })
        })),
        Err(_) => Err(none(": whoever gives them did not answer")),
    }
}

/// Explains what is wrong with existing credentials.
fn of_credentials(text: &str) -> Result<CommandError, String> {
    let lower = text.to_lowercase();
    if lower.contains("expired") || lower.contains("sso") && lower.contains("token") {
        return Ok(CommandError::failed(
            format!("the AWS credentials have expired: {text}"),
            "run `aws sso login`, or get new ones however you got these, and run this again",
        ));
    }
    // The SDK's message after it found none anywhere.
    if ["no providers in chain", "was not enabled", "imds"].iter().any(|it| lower.contains(it)) {
        return Err(String::new());
    }
    Err(text.to_owned())
}
