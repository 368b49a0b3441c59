//! The store in DynamoDB: a table with the attributes `pk`, `sk`, `v` (the value) and `ttl` (the expiry), and a second
//! one for the salts, which has no backups.
//!
//! It uses a client of its own. With the AWS SDK, `track` was a quarter larger, and a hit took nearly twice as many
//! instructions. `client.rs` (retries, timeouts, clock skew), `sign.rs` and `wire.rs` replace the SDK.

mod access;
mod client;
mod failure;
mod retries;
mod sign;
mod wire;

use std::collections::HashMap;
use std::time::Duration;

pub use access::{Access, AccessError, Credentials, Endpoint, Keys, MissingVariable, domain};
use client::Client;
use footfall_infra::stack::{Partition, salts_table};
pub use retries::Retries;
use wire::{BatchWriteItem, Condition, DeleteItem, KeySent, Old, PutItem, Query, Range, Value};

use super::{Item, Key, KeyRange, Page, PutOutcome, Store, StoreError};
use crate::platform::aws_http::HttpClient;

/// Name of the attribute that holds an item's value.
pub const VALUE: &str = "v";

/// Maximum items of a `BatchWriteItem` request, a limit of DynamoDB.
const BATCH: usize = 25;

/// Maximum retries for the unprocessed items of a batch.
const BATCH_ATTEMPTS: u32 = 8;

/// A store in DynamoDB. Clones share their connections.
#[derive(Debug, Clone)]
pub struct DynamoDb {
    client: Client,
    table: String,
    salts: String,
}

impl DynamoDb {
    /// Makes a store in a table of the account that `access` belongs to. Sends nothing yet.
    #[must_use]
    pub fn new(access: Access, table: String, connector: HttpClient) -> Self {
        let salts = salts_table(&table);
        Self { client: Client::new(access, connector, Retries::FUNCTION), table, salts }
    }

    /// Sets other retries and timeouts than those of a function.
    #[must_use]
    pub fn with(mut self, retries: Retries) -> Self {
        self.client.retries = retries;
        self
    }

    /// Sets how long to retry throttled requests, for work that can wait. It then uses the provisioned capacity that
    /// more urgent requests leave.
    #[must_use]
    pub fn patient(mut self, patience: Duration) -> Self {
        self.client.retries.patience = patience;
        self
    }

    /// Returns the table that holds a partition.
    fn table_of(&self, partition: &str) -> &str {
        if partition == Partition::Salts.pattern() { &self.salts } else { &self.table }
    }

    async fn put_batch(&self, table: &str, mut batch: Vec<Item>) -> Result<(), StoreError> {
        for attempt in 0.. {
            let puts = batch.iter().map(Into::into).collect();
            let input = BatchWriteItem { request_items: HashMap::from([(table, puts)]) };
            let left = self.client.batch_write_item(&input).await?.left();
            batch = left.ok_or_else(|| refused("an item that Footfall did not write"))?;
            if batch.is_empty() {
                break;
            }
            if attempt == BATCH_ATTEMPTS {
                return Err(StoreError::Unavailable(format!(
                    "DynamoDB did not process {} items",
                    batch.len()
                )));
            }
            // DynamoDB reports success even if it processed only a part, so the client does not retry.
            let most = Duration::from_millis(50 << attempt).min(Duration::from_secs(2));
            tokio::time::sleep(most.mul_f64(fastrand::f64())).await;
        }
        Ok(())
    }

    /// Puts an item if `expression` holds.
    async fn put_if(
        &self,
        item: &Item,
        expression: &'static str,
        old: Option<&[u8]>,
    ) -> Result<Put, StoreError> {
        let condition = Condition {
            expression,
            values: old.map(|old| Old { old: Value::B(old) }),
            return_values_on_condition_check_failure: "ALL_OLD",
        };
        let table_name = self.table_of(&item.key.pk);
        let input = PutItem { table_name, item: item.into(), condition: Some(condition) };
        match self.client.put_item(&input).await {
            Ok(()) => Ok(Put::Stored),
            Err(failure) => Ok(match failure.condition()? {
                // An earlier attempt may have been stored while its answer was lost.
                Some(found) if found.value == item.value => Put::Stored,
                Some(found) => Put::Found(found),
                None => Put::FoundOther,
            }),
        }
    }
}

/// The outcome of a conditional put.
enum Put {
    Stored,
    Found(Item),
    /// The condition failed, and there is no item, or one that Footfall did not write.
    FoundOther,
}

impl Store for DynamoDb {
    async fn put(&self, item: Item) -> Result<(), StoreError> {
        let table_name = self.table_of(&item.key.pk);
        let input = PutItem { table_name, item: (&item).into(), condition: None };
        Ok(self.client.put_item(&input).await?)
    }

    async fn put_all(&self, items: Vec<Item>) -> Result<(), StoreError> {
        let mut tables: HashMap<&str, Vec<Item>> = HashMap::new();
        for item in items {
            tables.entry(self.table_of(&item.key.pk)).or_default().push(item);
        }
        for (table, items) in tables {
            let mut items = items.into_iter().peekable();
            while items.peek().is_some() {
                self.put_batch(table, items.by_ref().take(BATCH).collect()).await?;
            }
        }
        Ok(())
    }

    async fn put_if_absent(&self, item: Item) -> Result<PutOutcome, StoreError> {
        match self.put_if(&item, "attribute_not_exists(pk)", None).await? {
            Put::Stored => Ok(PutOutcome::Inserted),
            Put::Found(found) => Ok(PutOutcome::Existing(found)),
            Put::FoundOther => Err(refused("an item that Footfall did not write")),
        }
    }

    async fn compare_and_set(&self, item: Item, old: &[u8]) -> Result<bool, StoreError> {
        // VALUE
        Ok(matches!(self.put_if(&item, "v = :old", Some(old)).await?, Put::Stored))
    }

    async fn query(&self, range: &KeyRange, after: Option<&str>) -> Result<Page, StoreError> {
        if range.is_empty_after(after) {
            // DynamoDB rejects such a range.
            return Ok(Page::default());
        }
        let input = Query {
            table_name: self.table_of(&range.pk),
            // The rollup must not miss a stored hit: its day's segment would lack it forever.
            consistent_read: true,
            key_condition_expression: "pk = :pk AND sk BETWEEN :from AND :to",
            expression_attribute_values: Range {
                pk: Value::S(&range.pk),
                from: Value::S(&range.from),
                to: Value::S(&range.to),
            },
            exclusive_start_key: after.map(|sk| KeySent::new(&range.pk, sk)),
        };
        let answer = self.client.query(&input).await?;
        let items = answer.items.into_iter();
        let items = items.map(|item| {
            item.into_item().ok_or_else(|| refused("an item that Footfall did not write"))
        });
        Ok(Page {
            items: items.collect::<Result<_, _>>()?,
            next: answer.last_evaluated_key.and_then(|key| key.into_sk()),
        })
    }

    async fn delete(&self, key: &Key) -> Result<(), StoreError> {
        let table_name = self.table_of(&key.pk);
        let input = DeleteItem { table_name, key: KeySent::new(&key.pk, &key.sk) };
        Ok(self.client.delete_item(&input).await?)
    }
}

fn refused(what: &str) -> StoreError {
    StoreError::Refused(what.to_owned())
}
