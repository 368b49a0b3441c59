//! The store in DynamoDB: a table, `pk` and `sk`, a value `v` and an expiry `ttl`; and one of the same kind for the
//! salts, of which there is no backup.
//!
//! It is asked by a client of our own: with AWS's SDK, `track` was a quarter larger, and a hit took nearly twice as
//! many instructions. What it gave is in `client.rs` (retries, time-outs, the clock), `sign.rs` and `wire.rs`.

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

/// The attribute that holds an item's value.
pub const VALUE: &str = "v";

/// DynamoDB's limit for `BatchWriteItem`.
const BATCH: usize = 25;

/// How often a batch is sent again for the items that were not taken.
const BATCH_ATTEMPTS: u32 = 8;

/// A table. Clones share its connections.
#[derive(Debug, Clone)]
pub struct DynamoDb {
    client: Client,
    table: String,
    salts: String,
}

impl DynamoDb {
    /// A table of the account that `access` opens, reached by `connector`. Nothing is sent yet.
    #[must_use]
    pub fn new(access: Access, table: String, connector: HttpClient) -> Self {
        let salts = salts_table(&table);
        Self { client: Client::new(access, connector, Retries::FUNCTION), table, salts }
    }

    /// The same table, with other retries and time-outs than a function's.
    #[must_use]
    pub fn with(mut self, retries: Retries) -> Self {
        self.client.retries = retries;
        self
    }

    /// The same table, for work that can wait: a request that is throttled is sent again for so long. A table of
    /// provisioned units is so read and written as fast as it lets itself be, and what cannot wait comes in between.
    #[must_use]
    pub fn patient(mut self, patience: Duration) -> Self {
        self.client.retries.patience = patience;
        self
    }

    /// The table that has a partition.
    fn table_of(&self, partition: &str) -> &str {
        if partition == Partition::Salts.pattern() { &self.salts } else { &self.table }
    }

    async fn put_batch(&self, table: &str, mut batch: Vec<Item>) -> Result<(), StoreError> {
        for attempt in 0.. {
            let puts = batch.iter().map(Into::into).collect();
            let input = BatchWriteItem { request_items: HashMap::from([(table, puts)]) };
            let left = self.client.batch_write_item(&input).await?.left();
            batch = left.ok_or_else(|| refused("an item of another shape"))?;
            if batch.is_empty() {
                break;
            }
            if attempt == BATCH_ATTEMPTS {
                return Err(StoreError::Unavailable(format!("{} items not taken", batch.len())));
            }
            // DynamoDB answers a batch of which it took a part with success, which the client does not
            // try again.
            let most = Duration::from_millis(50 << attempt).min(Duration::from_secs(2));
            tokio::time::sleep(most.mul_f64(fastrand::f64())).await;
        }
        Ok(())
    }

    /// Puts an item if `expression` holds: what was found if it does not, and was one of ours.
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
                // Our own first try may have been stored while its answer was lost.
                Some(found) if found.value == item.value => Put::Stored,
                Some(found) => Put::Found(found),
                None => Put::FoundOther,
            }),
        }
    }
}

/// What a conditional put found.
enum Put {
    Stored,
    Found(Item),
    /// Nothing, or what no store wrote.
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
            Put::FoundOther => Err(refused("an item of another shape")),
        }
    }

    async fn compare_and_set(&self, item: Item, old: &[u8]) -> Result<bool, StoreError> {
        // VALUE
        Ok(matches!(self.put_if(&item, "v = :old", Some(old)).await?, Put::Stored))
    }

    async fn query(&self, range: &KeyRange, after: Option<&str>) -> Result<Page, StoreError> {
        if range.is_empty_after(after) {
            // DynamoDB calls this a mistake.
            return Ok(Page::default());
        }
        let input = Query {
            table_name: self.table_of(&range.pk),
            // What was stored is read: a day that is folded too early would be short for good.
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
        let items =
            items.map(|item| item.into_item().ok_or_else(|| refused("an item of another shape")));
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
