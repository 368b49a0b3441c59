//! The store in DynamoDB: a table, `pk` and `sk`, a value `v` and an expiry `ttl`; and one of the same kind for the
//! salts, of which there is no backup.

use std::collections::HashMap;
use std::future::Future;
use std::time::{Duration, Instant};

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::timeout::TimeoutConfig;
use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_dynamodb::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::{
    AttributeValue, PutRequest, ReturnValuesOnConditionCheckFailure, WriteRequest,
};
use aws_smithy_runtime_api::client::interceptors::context::InterceptorContext;
use aws_smithy_runtime_api::client::retries::classifiers::{ClassifyRetry, RetryAction};
use footfall_infra::stack::{Partition, salts_table};

use super::{Absent, Item, Key, KeyRange, Page, Store, StoreError};
use crate::connector::Connector;

/// The attribute that holds an item's value.
pub const VALUE: &str = "v";

type Attributes = HashMap<String, AttributeValue>;

/// DynamoDB's limit for `BatchWriteItem`.
const BATCH: usize = 25;

/// How often a batch is sent again for the items that were not taken.
const BATCH_ATTEMPTS: u32 = 8;

/// The longest pause before a request that was throttled is sent again, once there is patience.
const PAUSE: Duration = Duration::from_secs(2);

/// A table. Clones share its connections.
#[derive(Debug, Clone)]
pub struct DynamoDb {
    client: Client,
    table: String,
    salts: String,
    /// For how long a request that is throttled is sent again, beside the client's own retries.
    patience: Duration,
}

/// What Lambda puts into a function's environment, or a test in its place.
#[derive(Debug, Clone)]
pub struct Access {
    /// The region, `AWS_REGION`.
    pub region: String,
    /// Who asks: `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN`. Lambda replaces
    /// the whole environment before they expire.
    pub credentials: Credentials,
    /// Another endpoint than AWS's own: `AWS_ENDPOINT_URL_DYNAMODB` or `AWS_ENDPOINT_URL`.
    pub endpoint: Option<String>,
}

/// A variable that is not set, or empty.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the environment variable {0} is not set; Lambda and the stack set it")]
pub struct MissingVariable(pub &'static str);

impl Access {
    /// Reads the variables that the AWS SDKs share, through `get`. No file and no metadata service
    /// is asked: there is none in Lambda, and looking costs start-up time.
    ///
    /// # Errors
    /// If the region or the credentials are missing.
    pub fn from_variables(get: impl Fn(&str) -> Option<String>) -> Result<Self, MissingVariable> {
        let optional = |name| get(name).filter(|value| !value.is_empty());
        let required = |name| optional(name).ok_or(MissingVariable(name));
        Ok(Self {
            region: required("AWS_REGION")?,
            credentials: Credentials::new(
                required("AWS_ACCESS_KEY_ID")?,
                required("AWS_SECRET_ACCESS_KEY")?,
                optional("AWS_SESSION_TOKEN"),
                None,
                "environment",
            ),
            endpoint: optional("AWS_ENDPOINT_URL_DYNAMODB")
                .or_else(|| optional("AWS_ENDPOINT_URL")),
        })
    }
}

impl DynamoDb {
    /// A table of the account that `access` opens, reached by `connector`. Nothing is sent yet.
    #[must_use]
    pub fn new(access: Access, table: String, connector: Connector) -> Self {
        let mut config = aws_sdk_dynamodb::Config::builder();
        config.set_endpoint_url(access.endpoint);
        let config = config
            .behavior_version(BehaviorVersion::v2026_01_12())
            .region(Region::new(access.region))
            .credentials_provider(access.credentials)
            .http_client(connector.into_client())
            // Throttling and lost connections are tried again with a jittered, doubling pause. All
            // of it fits well within the 30 seconds that API Gateway waits.
            .retry_config(
                RetryConfig::standard()
                    .with_max_attempts(5)
                    .with_initial_backoff(Duration::from_millis(100))
                    .with_max_backoff(Duration::from_secs(2)),
            )
            .retry_classifier(Unreadable)
            .timeout_config(
                TimeoutConfig::builder()
                    .operation_attempt_timeout(Duration::from_secs(3))
                    .operation_timeout(Duration::from_secs(12))
                    .build(),
            )
            .build();
        Self::of_client(Client::from_conf(config), table)
    }

    /// A table that a client gets at, with the client's own time-outs and retries.
    #[must_use]
    pub fn of_client(client: Client, table: String) -> Self {
        let salts = salts_table(&table);
        Self { client, table, salts, patience: Duration::ZERO }
    }

    /// The same table, for work that can wait: a request that is throttled is sent again for so long. A table of
    /// provisioned units is so read and written as fast as it lets itself be, and what cannot wait comes in between.
    #[must_use]
    pub fn patient(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    /// The table that has a partition.
    fn table_of(&self, partition: &str) -> &str {
        if partition == Partition::Salts.pattern() { &self.salts } else { &self.table }
    }

    /// The client, for what the store does not do: tests make their tables with it.
    #[must_use]
    pub const fn client(&self) -> &Client {
        &self.client
    }

    /// Sends a request, and again for as long as it is throttled and there is patience.
    async fn patiently<T, E, F>(&self, send: impl Fn() -> F) -> Result<T, SdkError<E>>
    where
        E: ProvideErrorMetadata,
        F: Future<Output = Result<T, SdkError<E>>>,
    {
        let begun = Instant::now();
        loop {
            match send().await {
                Err(error) if is_throttled(&error) && begun.elapsed() < self.patience => {
                    tokio::time::sleep(PAUSE.mul_f64(0.5 + fastrand::f64() / 2.0)).await;
                }
                done => return done,
            }
        }
    }

    async fn put_batch(&self, table: &str, mut batch: Vec<WriteRequest>) -> Result<(), StoreError> {
        for attempt in 0.. {
            let put = self.client.batch_write_item().request_items(table, batch);
            let sent = self.patiently(|| put.clone().send()).await;
            let left = sent.map_err(failed)?.unprocessed_items.unwrap_or_default();
            batch = left.into_values().flatten().collect();
            if batch.is_empty() {
                break;
            }
            if attempt == BATCH_ATTEMPTS {
                return Err(StoreError::Unavailable(format!("{} items not taken", batch.len())));
            }
            // DynamoDB answers a batch of which it took a part with success, which the SDK does not
            // try again.
            let most = Duration::from_millis(50 << attempt).min(Duration::from_secs(2));
            tokio::time::sleep(most.mul_f64(fastrand::f64())).await;
        }
        Ok(())
    }
}

/// An answer of success that cannot be read was cut off on its way, and the SDK would leave it at that. What
/// was sent can be sent again, as after an answer that does not come: whatever is written has a key of its own.
#[derive(Debug)]
struct Unreadable;

impl ClassifyRetry for Unreadable {
    fn classify_retry(&self, context: &InterceptorContext) -> RetryAction {
        let is_success = context.response().is_some_and(|it| it.status().is_success());
        match context.output_or_error() {
            Some(Err(_)) if is_success => RetryAction::transient_error(),
            _ => RetryAction::NoActionIndicated,
        }
    }

    fn name(&self) -> &'static str {
        "an answer that cannot be read"
    }
}

impl Store for DynamoDb {
    async fn put(&self, item: Item) -> Result<(), StoreError> {
        let put = self.client.put_item().table_name(self.table_of(&item.key.pk));
        let put = put.set_item(Some(attributes(item)));
        self.patiently(|| put.clone().send()).await.map_err(failed)?;
        Ok(())
    }

    async fn put_all(&self, items: Vec<Item>) -> Result<(), StoreError> {
        let mut tables: HashMap<&str, Vec<WriteRequest>> = HashMap::new();
        for item in items {
            let table = self.table_of(&item.key.pk);
            let put = PutRequest::builder().set_item(Some(attributes(item))).build();
            let put = WriteRequest::builder().put_request(put.map_err(refused)?).build();
            tables.entry(table).or_default().push(put);
        }
        for (table, requests) in tables {
            for batch in requests.chunks(BATCH) {
                self.put_batch(table, batch.to_vec()).await?;
            }
        }
        Ok(())
    }

    async fn put_if_absent(&self, item: Item) -> Result<Absent, StoreError> {
        let put = self
            .client
            .put_item()
            .table_name(self.table_of(&item.key.pk))
            .set_item(Some(attributes(item.clone())))
            .condition_expression("attribute_not_exists(pk)")
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        let sent = self.patiently(|| put.clone().send()).await;
        let Err(error) = sent else { return Ok(Absent::Stored) };
        let found = condition_failed(error)?.ok_or_else(|| refused("an item of another shape"))?;
        // Our own first try may have been stored while its answer was lost.
        Ok(if found.value == item.value { Absent::Stored } else { Absent::Found(found) })
    }

    async fn replace(&self, item: Item, old: &[u8]) -> Result<bool, StoreError> {
        let put = self
            .client
            .put_item()
            .table_name(self.table_of(&item.key.pk))
            .set_item(Some(attributes(item.clone())))
            // VALUE
            .condition_expression("v = :old")
            .expression_attribute_values(":old", AttributeValue::B(Blob::new(old)))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        let sent = self.patiently(|| put.clone().send()).await;
        let Err(error) = sent else { return Ok(true) };
        // As above.
        Ok(condition_failed(error)?.is_some_and(|found| found.value == item.value))
    }

    async fn query(&self, range: &KeyRange, after: Option<&str>) -> Result<Page, StoreError> {
        if range.is_empty_after(after) {
            // DynamoDB calls this a mistake.
            return Ok(Page::default());
        }
        let text = |text: &str| AttributeValue::S(text.to_owned());
        let start = after.map(|sk| {
            HashMap::from([("pk".to_owned(), text(&range.pk)), ("sk".to_owned(), text(sk))])
        });
        let query = self
            .client
            .query()
            .table_name(self.table_of(&range.pk))
            // What was stored is read: a day that is folded too early would be short for good.
            .consistent_read(true)
            .key_condition_expression("pk = :pk AND sk BETWEEN :from AND :to")
            .expression_attribute_values(":pk", text(&range.pk))
            .expression_attribute_values(":from", text(&range.from))
            .expression_attribute_values(":to", text(&range.to))
            .set_exclusive_start_key(start);
        let answer = self.patiently(|| query.clone().send()).await.map_err(failed)?;
        let next = answer.last_evaluated_key.and_then(|mut key| string(&mut key, "sk"));
        let items = answer.items.unwrap_or_default();
        let items = items
            .into_iter()
            .map(|item| from_attributes(item).ok_or_else(|| refused("an item of another shape")));
        Ok(Page { items: items.collect::<Result<_, _>>()?, next })
    }

    async fn delete(&self, key: &Key) -> Result<(), StoreError> {
        let delete = self
            .client
            .delete_item()
            .table_name(self.table_of(&key.pk))
            .key("pk", AttributeValue::S(key.pk.clone()))
            .key("sk", AttributeValue::S(key.sk.clone()));
        self.patiently(|| delete.clone().send()).await.map_err(failed)?;
        Ok(())
    }
}

/// The item that a conditional put found in its way, if there was one of ours.
///
/// # Errors
/// If it was something else that made it fail.
fn condition_failed(error: SdkError<PutItemError>) -> Result<Option<Item>, StoreError> {
    match error.as_service_error() {
        Some(PutItemError::ConditionalCheckFailedException(failure)) => {
            Ok(failure.item.clone().and_then(from_attributes))
        }
        _ => Err(failed(error)),
    }
}

fn attributes(item: Item) -> Attributes {
    let mut attributes = HashMap::from([
        ("pk".to_owned(), AttributeValue::S(item.key.pk)),
        ("sk".to_owned(), AttributeValue::S(item.key.sk)),
        (VALUE.to_owned(), AttributeValue::B(Blob::new(item.value))),
    ]);
    if let Some(expires) = item.expires {
        attributes.insert("ttl".to_owned(), AttributeValue::N(expires.to_string()));
    }
    attributes
}

/// `None` if the item is not one that this program wrote.
fn from_attributes(mut attributes: Attributes) -> Option<Item> {
    let key = Key { pk: string(&mut attributes, "pk")?, sk: string(&mut attributes, "sk")? };
    let AttributeValue::B(value) = attributes.remove(VALUE)? else { return None };
    let expires = match attributes.remove("ttl") {
        Some(AttributeValue::N(expires)) => Some(expires.parse().ok()?),
        _ => None,
    };
    Some(Item { key, value: value.into_inner(), expires })
}

fn string(attributes: &mut Attributes, name: &str) -> Option<String> {
    match attributes.remove(name)? {
        AttributeValue::S(text) => Some(text),
        _ => None,
    }
}

fn refused(error: impl ToString) -> StoreError {
    StoreError::Refused(error.to_string())
}

/// Whether there were more requests than the table takes.
fn is_throttled<E: ProvideErrorMetadata>(error: &SdkError<E>) -> bool {
    let code = error.as_service_error().and_then(ProvideErrorMetadata::code).unwrap_or_default();
    code.contains("Throttl")
        || matches!(code, "ProvisionedThroughputExceededException" | "RequestLimitExceeded")
}

/// Sorts an error of the SDK, which has made its retries, by whether it may pass.
fn failed<E>(error: SdkError<E>) -> StoreError
where
    E: std::error::Error + ProvideErrorMetadata + Send + Sync + 'static,
{
    let passes = match &error {
        SdkError::ServiceError(answer) => {
            let code = answer.err().code().unwrap_or_default();
            // An answer of success that cannot be read was cut off on its way.
            let status = answer.raw().status();
            status.is_server_error()
                || status.is_success()
                || is_throttled(&error)
                || matches!(code, "TransactionConflictException" | "LimitExceededException")
        }
        SdkError::ConstructionFailure(_) => false,
        _ => true,
    };
    let message = DisplayErrorContext(&error).to_string();
    if passes { StoreError::Unavailable(message) } else { StoreError::Refused(message) }
}
