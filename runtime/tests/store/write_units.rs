//! Every stored hit fits into one write unit of DynamoDB.

use std::collections::HashMap;

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnConsumedCapacity};
use footfall_infra::settings::Settings;
use footfall_runtime::hit::Kind;
use footfall_runtime::ingest::Ingest;
use footfall_runtime::storage::{Item, Store as _, WRITE_UNIT};
use footfall_testkit::context::Fixed;
use footfall_testkit::store::item;
use footfall_testkit::{dynamodb_local, request};

use super::partition;

/// Returns a domain of 253 bytes, the maximum.
fn longest_domain() -> String {
    [63, 63, 63, 61].map(|length| "a".repeat(length)).join(".")
}

/// Returns bodies with values as large as clients may send, or hostile in other ways.
fn hostile_bodies(host: &str) -> Vec<(&'static str, String)> {
    let page = |path: &str| format!("https://{host}{path}");
    let props = |value: &str| -> serde_json::Map<String, serde_json::Value> {
        (0..30).map(|n| (format!("{value:.40}{n}"), value.into())).collect()
    };
    let escapes = "\"\\".repeat(1000);
    let crabs = "🦀".repeat(300);
    let everything = |text: &str| {
        serde_json::json!({
            "n": text.chars().take(30).collect::<String>(),
            "u": page(&format!(
                "/{text}?utm_source={text}&utm_medium={text}&utm_campaign={text}&utm_term={text}&utm_content={text}"
            )),
            "r": format!("https://elsewhere.example/{text}"),
            "p": props(text),
            "w": 1280,
            "z": "America/Argentina/ComodRivadavia",
        })
        .to_string()
    };
    let simple = |url: String| serde_json::json!({ "u": url }).to_string();
    let engagement = |path: &str| {
        let (n, sd, e) = ("engagement", 100, 21_600_000);
        serde_json::json!({ "n": n, "u": page(path), "h": 1, "sd": sd, "e": e }).to_string()
    };
    vec![
        ("an ordinary view", simple(page("/posts/rust-on-lambda?utm_source=newsletter"))),
        ("a path of 8 KB", simple(page(&format!("/{}", "p".repeat(8192))))),
        ("a utm_source of 4 KB", simple(page(&format!("/?utm_source={}", "s".repeat(4096))))),
        (
            "a utm_source of 4 KB beside the address",
            serde_json::json!({ "url": page("/"), "utm_source": "s".repeat(4096) }).to_string(),
        ),
        (
            "30 properties of 2,000 bytes",
            serde_json::json!({ "n": "signup", "u": page("/"), "p": props(&"v".repeat(2000)) })
                .to_string(),
        ),
        ("quotes and backslashes everywhere", {
            let quotes: String = escapes.chars().take(400).collect();
            everything(&quotes)
        }),
        ("emoji everywhere", everything(&crabs)),
        ("right to left everywhere", everything(&"שלום".repeat(100))),
        ("controls everywhere", everything(&"\u{1}\u{2}\u{7f}x".repeat(100))),
        ("percent signs", simple(page(&format!("/{}", "%F0%9F%A6%80%".repeat(600))))),
        ("a long host and a long path", simple(page(&format!("/{}", "é".repeat(2000))))),
        ("an ordinary engagement", engagement("/posts/rust-on-lambda")),
        ("an engagement with a page of quotes", engagement(&format!("/#{}", "\"\\".repeat(1000)))),
    ]
}

/// Returns the write units that AWS bills for putting an item.
async fn write_units(table: &str, item: &Item) -> f64 {
    let mut attributes = HashMap::from([
        ("pk".to_owned(), AttributeValue::S(item.key.pk.clone())),
        ("sk".to_owned(), AttributeValue::S(item.key.sk.clone())),
        ("v".to_owned(), AttributeValue::B(Blob::new(item.value.clone()))),
    ]);
    if let Some(expires) = item.expires {
        attributes.insert("ttl".to_owned(), AttributeValue::N(expires.to_string()));
    }
    let put = dynamodb_local::sdk().put_item().table_name(table).set_item(Some(attributes));
    let answer = put.return_consumed_capacity(ReturnConsumedCapacity::Total).send().await.unwrap();
    answer.consumed_capacity.unwrap().capacity_units.unwrap()
}

#[tokio::test]
#[ignore = "needs DynamoDB Local: run cargo xtask test"]
async fn hit_costs_one_write_unit() {
    let (store, table) = dynamodb_local::table("write-units").await;
    // First, our count of an item's bytes is not lower than that of DynamoDB.
    let mut full = Item { expires: Some(1_800_000_000), ..item("pk", "sk", "") };
    full.value = vec![1; WRITE_UNIT - Item::overhead(&full.key)];
    assert_eq!(write_units(&table, &full).await.to_string(), "1");
    full.value.extend([1; 16]);
    assert_eq!(write_units(&table, &full).await.to_string(), "2");
    store.delete(&full.key).await.unwrap();

    let mut sizes = Vec::new();
    for domain in ["example.com".to_owned(), longest_domain()] {
        let settings =
            Settings::from_yaml(&format!("sites: [{{domain: {domain}, engagement: true}}]"))
                .unwrap();
        let clock = Fixed::at("2026-11-22T13:05:06.789Z");
        let track = Ingest::new(settings, store.clone(), clock);
        let pk = format!("hit#{domain}#2026-11-22T13#00");
        for (n, (what, body)) in hostile_bodies(&domain).into_iter().enumerate() {
            let answer = track.handle(&request::post(body)).await;
            assert_eq!(
                answer.status(),
                202,
                "{what}: {:?}",
                String::from_utf8_lossy(answer.body())
            );
            let stored = partition(&store, &pk).await;
            assert_eq!(stored.len(), n + 1, "{what}");
            let stored = stored.last().unwrap();
            let kind = Kind::decode(&stored.value).unwrap();
            let is_engagement = matches!(kind, Kind::Engagement(_));
            assert_eq!(is_engagement, what.contains("engagement"), "{what}: {kind:?}");
            let units = write_units(&table, stored).await;
            let size = Item::overhead(&stored.key) + stored.value.len();
            println!("{units} write unit, {size:4} bytes: {what}, of a domain of {}", domain.len());
            assert_eq!(units.to_string(), "1", "{what}: {size} bytes");
            sizes.push(size);
        }
    }
    sizes.sort_unstable();
    let (min, median, max) = (sizes[0], sizes[sizes.len() / 2], sizes[sizes.len() - 1]);
    println!("bytes per item: {min} at least, {median} in the median, {max} at most");
    assert!(max <= WRITE_UNIT);
}
