//! DynamoDB's JSON requests and responses, for the operations and attributes that the store uses.
//!
//! <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.LowLevelAPI.html>

use std::collections::HashMap;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::storage::{Item, Key};

/// An attribute value in a request.
#[derive(Debug, Serialize)]
pub(super) enum Value<'a> {
    /// A string.
    S(&'a str),
    /// A number, sent as a string.
    #[serde(serialize_with = "as_text")]
    N(i64),
    /// Bytes, sent as base64.
    #[serde(serialize_with = "as_base64")]
    B(&'a [u8]),
}

fn as_text<S: Serializer>(number: &i64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(number)
}

fn as_base64<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&BASE64.encode(bytes))
}

/// A key in a request.
#[derive(Debug, Serialize)]
pub(super) struct KeySent<'a> {
    pk: Value<'a>,
    sk: Value<'a>,
}

impl<'a> KeySent<'a> {
    pub(super) const fn new(pk: &'a str, sk: &'a str) -> Self {
        Self { pk: Value::S(pk), sk: Value::S(sk) }
    }
}

/// An item in a request.
#[derive(Debug, Serialize)]
pub(super) struct ItemSent<'a> {
    #[serde(flatten)]
    key: KeySent<'a>,
    v: Value<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ttl: Option<Value<'a>>,
}

impl<'a> From<&'a Item> for ItemSent<'a> {
    fn from(item: &'a Item) -> Self {
        Self {
            key: KeySent::new(&item.key.pk, &item.key.sk),
            v: Value::B(&item.value),
            ttl: item.expires.map(Value::N),
        }
    }
}

/// The input of `PutItem`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct PutItem<'a> {
    pub(super) table_name: &'a str,
    pub(super) item: ItemSent<'a>,
    #[serde(flatten)]
    pub(super) condition: Option<Condition<'a>>,
}

/// The condition of a put.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Condition<'a> {
    #[serde(rename = "ConditionExpression")]
    pub(super) expression: &'static str,
    #[serde(rename = "ExpressionAttributeValues", skip_serializing_if = "Option::is_none")]
    pub(super) values: Option<Old<'a>>,
    pub(super) return_values_on_condition_check_failure: &'static str,
}

/// The expected current value.
#[derive(Debug, Serialize)]
pub(super) struct Old<'a> {
    #[serde(rename = ":old")]
    pub(super) old: Value<'a>,
}

/// The input of `DeleteItem`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct DeleteItem<'a> {
    pub(super) table_name: &'a str,
    pub(super) key: KeySent<'a>,
}

/// The input of `BatchWriteItem`, for one table.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct BatchWriteItem<'a> {
    pub(super) request_items: HashMap<&'a str, Vec<WriteSent<'a>>>,
}

/// A put in a batch.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct WriteSent<'a> {
    put_request: PutSent<'a>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct PutSent<'a> {
    item: ItemSent<'a>,
}

impl<'a> From<&'a Item> for WriteSent<'a> {
    fn from(item: &'a Item) -> Self {
        Self { put_request: PutSent { item: item.into() } }
    }
}

/// The input of `Query`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Query<'a> {
    pub(super) table_name: &'a str,
    pub(super) consistent_read: bool,
    pub(super) key_condition_expression: &'static str,
    pub(super) expression_attribute_values: Range<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) exclusive_start_key: Option<KeySent<'a>>,
}

/// The range of a query.
#[derive(Debug, Serialize)]
pub(super) struct Range<'a> {
    #[serde(rename = ":pk")]
    pub(super) pk: Value<'a>,
    #[serde(rename = ":from")]
    pub(super) from: Value<'a>,
    #[serde(rename = ":to")]
    pub(super) to: Value<'a>,
}

/// An attribute value in a response. At most one field is set; none if the store does not write its type.
#[derive(Debug, Deserialize)]
struct Found {
    #[serde(rename = "S")]
    text: Option<String>,
    #[serde(rename = "N")]
    number: Option<String>,
    #[serde(rename = "B")]
    bytes: Option<Bytes>,
}

#[derive(Debug)]
struct Bytes(Vec<u8>);

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Base64;
        impl Visitor<'_> for Base64 {
            type Value = Bytes;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("bytes in base64")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Bytes, E> {
                BASE64.decode(text).map(Bytes).map_err(E::custom)
            }
        }
        deserializer.deserialize_str(Base64)
    }
}

/// An item in a response, possibly not written by Footfall.
#[derive(Debug, Deserialize)]
pub(super) struct ItemFound {
    pk: Option<Found>,
    sk: Option<Found>,
    v: Option<Found>,
    ttl: Option<Found>,
}

impl ItemFound {
    /// Converts it to an item. `None` if Footfall did not write it.
    pub(super) fn into_item(self) -> Option<Item> {
        let key = Key { pk: self.pk?.text?, sk: self.sk?.text? };
        let value = self.v?.bytes?.0;
        let expires = match self.ttl.and_then(|ttl| ttl.number) {
            Some(number) => Some(number.parse().ok()?),
            None => None,
        };
        Some(Item { key, value, expires })
    }

    /// Returns the sort key.
    pub(super) fn into_sk(self) -> Option<String> {
        self.sk?.text
    }
}

/// The response to operations without output.
#[derive(Debug, Deserialize)]
pub(super) struct Done {}

/// The response to `Query`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Queried {
    #[serde(default)]
    pub(super) items: Vec<ItemFound>,
    /// The key of the last item read.
    pub(super) last_evaluated_key: Option<ItemFound>,
}

/// The response to `BatchWriteItem`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct BatchWritten {
    unprocessed_items: Option<HashMap<String, Vec<WriteFound>>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct WriteFound {
    put_request: Option<PutFound>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct PutFound {
    item: ItemFound,
}

impl BatchWritten {
    /// Returns the unprocessed items. `None` if one of them is invalid.
    pub(super) fn left(self) -> Option<Vec<Item>> {
        let left = self.unprocessed_items.unwrap_or_default().into_values().flatten();
        left.map(|write| write.put_request?.item.into_item()).collect()
    }
}

/// An error response.
#[derive(Debug, Deserialize)]
pub(super) struct Refused {
    #[serde(rename = "__type")]
    pub(super) kind: Option<String>,
    #[serde(alias = "Message")]
    pub(super) message: Option<String>,
    /// The item that failed the condition.
    #[serde(rename = "Item")]
    pub(super) item: Option<ItemFound>,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn found(item: serde_json::Value) -> Option<Item> {
        serde_json::from_value::<ItemFound>(item).unwrap().into_item()
    }

    #[test]
    fn encodes_put_requests() {
        let key = Key { pk: "p\"".to_owned(), sk: "é".to_owned() };
        let item = Item { key, value: vec![0, 255, 7], expires: Some(1_800_000_000) };
        let put = PutItem {
            table_name: "t",
            item: (&item).into(),
            condition: Some(Condition {
                expression: "v = :old",
                values: Some(Old { old: Value::B(b"x") }),
                return_values_on_condition_check_failure: "ALL_OLD",
            }),
        };
        let expected = json!({
            "TableName": "t",
            "Item": {
                "pk": { "S": "p\"" },
                "sk": { "S": "é" },
                "v": { "B": "AP8H" },
                "ttl": { "N": "1800000000" },
            },
            "ConditionExpression": "v = :old",
            "ExpressionAttributeValues": { ":old": { "B": "eA==" } },
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        });
        assert_eq!(serde_json::to_value(&put).unwrap(), expected);
        let plain = PutItem { table_name: "t", item: (&item).into(), condition: None };
        let plain = serde_json::to_value(&plain).unwrap();
        assert_eq!(plain, json!({ "TableName": "t", "Item": expected["Item"] }));
        assert_eq!(found(plain["Item"].clone()), Some(item));
    }

    #[test]
    fn rejects_items_of_another_shape() {
        let ours = json!({ "pk": { "S": "p" }, "sk": { "S": "s" }, "v": { "B": "" } });
        assert!(found(ours.clone()).is_some());
        let check = |name: &str, value: serde_json::Value| {
            let mut item = ours.clone();
            item[name] = value;
            assert_eq!(found(item.clone()), None, "{item}");
        };
        check("pk", json!({ "N": "1" }));
        check("sk", json!({ "B": "" }));
        check("v", json!({ "S": "text" }));
        check("v", json!({ "M": { "v": { "B": "" } } }));
        check("v", json!({ "NULL": true }));
        check("ttl", json!({ "N": "soon" }));
        // Additional attributes are ignored.
        let mut more = ours.clone();
        more["more"] = json!({ "SS": ["a"] });
        assert_eq!(found(more), found(ours));
        assert_eq!(found(json!({})), None);
    }

    #[test]
    fn rejects_invalid_base64() {
        for bad in ["eA", "eA=", "e!==", "eA==\n"] {
            let item = json!({ "v": { "B": bad } });
            assert!(serde_json::from_value::<ItemFound>(item).is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn decodes_what_it_encoded(pk: String, sk: String, value: Vec<u8>, expires: Option<i64>) {
            let item = Item { key: Key { pk, sk }, value, expires };
            let sent = serde_json::to_vec(&ItemSent::from(&item)).unwrap();
            let found: ItemFound = serde_json::from_slice(&sent).unwrap();
            prop_assert_eq!(found.into_item(), Some(item));
        }
    }
}
