//! A DynamoDB stub as fast as memory, over TLS and plain HTTP. It knows the requests that the functions send and
//! rejects anything wrong with them, so that nothing is measured that DynamoDB would not accept.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use flate2::Crc;
use footfall_infra::stack::salts_table;
use footfall_runtime::storage::Item;
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use serde_json::{Map, Value, json};
use tempfile::NamedTempFile;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// Our table, and the other design's.
pub(crate) const TABLE: &str = "footfall";
pub(crate) const SITE_TABLE: &str = "SiteStatistics";

/// Maximum size of a query's page in bytes.
const PAGE: usize = 1 << 20;

const ACCESS_KEY: &str = "AKIATEST";
const REGION: &str = "eu-central-1";

/// An item by attribute name.
type Attributes = Map<String, Value>;

/// What is wrong with a request, by DynamoDB's name for it.
type Wrong = (&'static str, Value);

/// Stored items and received requests.
#[derive(Default)]
pub(crate) struct Tables {
    /// Items by table, partition key and sort key.
    items: Mutex<BTreeMap<(String, String, String), Attributes>>,
    asked: Mutex<HashMap<String, u32>>,
    complaints: Mutex<Vec<String>>,
}

/// A running stub.
pub(crate) struct Stub {
    pub(crate) tables: Arc<Tables>,
    plain: u16,
    tls: u16,
    /// Certificate authority of the stub, as PEM.
    authority: NamedTempFile,
}

impl Stub {
    /// Listens on two ports until the runtime ends.
    pub(crate) async fn start() -> Self {
        let tables = Arc::new(Tables::default());
        let plain = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let tls = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let authority = NamedTempFile::new().unwrap();
        std::fs::write(
            authority.path(),
            pem(include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/tls/trusted.der"))),
        )
        .unwrap();
        let ports = [&plain, &tls].map(|listener| listener.local_addr().unwrap().port());
        let stub = Self { tables: Arc::clone(&tables), plain: ports[0], tls: ports[1], authority };
        let theirs = Arc::clone(&tables);
        tokio::spawn(async move {
            while let Ok((stream, _)) = plain.accept().await {
                let _ = stream.set_nodelay(true);
                tokio::spawn(serve(Arc::clone(&theirs), stream));
            }
        });
        let acceptor = acceptor();
        tokio::spawn(async move {
            while let Ok((stream, _)) = tls.accept().await {
                let _ = stream.set_nodelay(true);
                let (acceptor, tables) = (acceptor.clone(), Arc::clone(&tables));
                tokio::spawn(async move {
                    let Ok(stream) = acceptor.accept(stream).await else { return };
                    serve(tables, stream).await;
                });
            }
        });
        stub
    }

    /// Variables that direct a function to the stub, over TLS or plain HTTP: those of the AWS SDKs, and Node's for
    /// the certificate authority.
    pub(crate) fn variables(&self, tls: bool) -> Vec<(&'static str, String)> {
        let authority = self.authority.path().display().to_string();
        let endpoint = match tls {
            true => format!("https://localhost:{}", self.tls),
            false => format!("http://localhost:{}", self.plain),
        };
        vec![
            ("AWS_REGION", REGION.to_owned()),
            ("AWS_ACCESS_KEY_ID", ACCESS_KEY.to_owned()),
            ("AWS_SECRET_ACCESS_KEY", "secret".to_owned()),
            (
                "AWS_SESSION_TOKEN",
                "a token, which is some hundred bytes of nothing in particular".repeat(10),
            ),
            ("AWS_ENDPOINT_URL_DYNAMODB", endpoint),
            ("AWS_CA_BUNDLE", authority.clone()),
            ("NODE_EXTRA_CA_CERTS", authority),
            ("FOOTFALL_TABLE", TABLE.to_owned()),
            ("SITE_TABLE", SITE_TABLE.to_owned()),
        ]
    }
}

impl Tables {
    /// Stores our items.
    pub(crate) fn put(&self, items: Vec<Item>) {
        let mut stored = self.items.lock().unwrap();
        for Item { key, value, expires } in items {
            let table = if key.pk == "salt" { salts_table(TABLE) } else { TABLE.to_owned() };
            let mut item = json!({
                "pk": { "S": key.pk }, "sk": { "S": key.sk }, "v": { "B": BASE64.encode(value) },
            });
            if let Some(expires) = expires {
                item["ttl"] = json!({ "N": expires.to_string() });
            }
            let Value::Object(item) = item else { unreachable!() };
            stored.insert((table, key.pk, key.sk), item);
        }
    }

    /// Stores a row of the other design: views of a URL on a day, in total and by source.
    pub(crate) fn put_row(&self, day: &str, url: &str, counters: &[(String, u64)]) {
        let mut item = Map::new();
        item.insert("day".to_owned(), json!({ "S": day }));
        item.insert("url".to_owned(), json!({ "S": url }));
        for (name, count) in counters {
            item.insert(name.clone(), json!({ "N": count.to_string() }));
        }
        let key = (SITE_TABLE.to_owned(), day.to_owned(), url.to_owned());
        self.items.lock().unwrap().insert(key, item);
    }

    /// Deletes everything.
    pub(crate) fn clear(&self) {
        self.items.lock().unwrap().clear();
        self.asked.lock().unwrap().clear();
    }

    /// Counts calls by operation since the last time. Fails if a request was wrong.
    pub(crate) fn asked(&self) -> HashMap<String, u32> {
        let complaints = std::mem::take(&mut *self.complaints.lock().unwrap());
        assert!(complaints.is_empty(), "DynamoDB would refuse this: {complaints:#?}");
        std::mem::take(&mut *self.asked.lock().unwrap())
    }

    fn answer(&self, head: &hyper::http::request::Parts, body: &[u8]) -> (u16, Value) {
        let done = self.checked(head, body).and_then(|(operation, body)| {
            *self.asked.lock().unwrap().entry(operation.clone()).or_default() += 1;
            match operation.as_str() {
                "PutItem" => self.put_item(&body),
                "UpdateItem" => self.update_item(&body),
                "DeleteItem" => self.delete_item(&body),
                "Query" => self.query(&body),
                _ => Err(wrong(format!("unexpected operation {operation}"))),
            }
        });
        done.map_or_else(
            |(kind, mut error)| {
                if kind != CONDITION {
                    let complaint = format!("{error}: {}", String::from_utf8_lossy(body));
                    self.complaints.lock().unwrap().push(complaint);
                }
                error["__type"] = format!("com.amazonaws.dynamodb.v20120810#{kind}").into();
                (400, error)
            },
            |answer| (200, answer),
        )
    }

    /// Returns operation and parameters if the request is signed, complete, and names an existing table.
    fn checked(
        &self,
        head: &hyper::http::request::Parts,
        body: &[u8],
    ) -> Result<(String, Value), Wrong> {
        let header = |name: &str| {
            let value = head.headers.get(name).and_then(|value| value.to_str().ok());
            value.ok_or_else(|| wrong(format!("no header {name}")))
        };
        if (head.method.as_str(), head.uri.path()) != ("POST", "/") {
            return Err(wrong(format!("{} {}", head.method, head.uri)));
        }
        let target = header("x-amz-target")?;
        let operation = target.strip_prefix("DynamoDB_20120810.").ok_or_else(|| wrong(target))?;
        if header("content-type")? != "application/x-amz-json-1.0" {
            return Err(wrong("the content type must be application/x-amz-json-1.0"));
        }
        let (signature, date) = (header("authorization")?, header("x-amz-date")?);
        let day = date.split('T').next().unwrap_or_default();
        let begin = format!(
            "AWS4-HMAC-SHA256 Credential={ACCESS_KEY}/{day}/{REGION}/dynamodb/aws4_request, SignedHeaders="
        );
        let signed =
            signature.strip_prefix(&begin).and_then(|rest| rest.split_once(", Signature="));
        let is_signed = signed.is_some_and(|(headers, signature)| {
            let headers: Vec<&str> = headers.split(';').collect();
            ["host", "x-amz-date", "x-amz-security-token", "x-amz-target"]
                .iter()
                .all(|it| headers.contains(it))
                && signature.len() == 64
                && signature.bytes().all(|it| it.is_ascii_hexdigit())
        });
        if !is_signed {
            return Err(wrong(format!("unexpected signature {signature}")));
        }
        let body: Value = serde_json::from_slice(body).map_err(|error| wrong(error.to_string()))?;
        keys(table(&body)?)?;
        Ok((operation.to_owned(), body))
    }

    fn put_item(&self, body: &Value) -> Result<Value, Wrong> {
        let table = table(body)?;
        let item = body["Item"].as_object().ok_or_else(|| wrong("no item"))?;
        let key = key(table, item)?;
        if table != SITE_TABLE {
            let value = item.get("v").and_then(|value| value["B"].as_str()).unwrap_or_default();
            let value = BASE64.decode(value).map_err(|error| wrong(error.to_string()))?;
            if value.is_empty() || (key.1.starts_with("hit#") && value.len() > 1000) {
                return Err(wrong(format!("{} bytes under {key:?}", value.len())));
            }
        }
        let mut items = self.items.lock().unwrap();
        let old = items.get(&key);
        let is_met = match body["ConditionExpression"].as_str() {
            None => true,
            Some("attribute_not_exists(pk)") => old.is_none(),
            Some("v = :old") => {
                old.is_some_and(|old| old["v"] == body["ExpressionAttributeValues"][":old"])
            }
            Some(other) => return Err(wrong(other)),
        };
        if !is_met {
            let mut error = json!({ "message": "The conditional request failed" });
            if body["ReturnValuesOnConditionCheckFailure"] == "ALL_OLD" {
                error["Item"] = old.map_or(Value::Null, |old| Value::Object(old.clone()));
            }
            return Err((CONDITION, error));
        }
        items.insert(key, item.clone());
        Ok(json!({}))
    }

    /// Adds to counters, as in `ADD #views :one, views_twitter :one`.
    fn update_item(&self, body: &Value) -> Result<Value, Wrong> {
        let own = body["Key"].as_object().ok_or_else(|| wrong("no key"))?;
        let key = key(table(body)?, own)?;
        let expression = body["UpdateExpression"].as_str().unwrap_or_default();
        let additions = expression.strip_prefix("ADD ").ok_or_else(|| wrong(expression))?;
        let mut items = self.items.lock().unwrap();
        let item = items.entry(key).or_insert_with(|| own.clone());
        for addition in additions.split(", ") {
            let (name, by) = addition.split_once(' ').ok_or_else(|| wrong(addition))?;
            let name = body["ExpressionAttributeNames"][name].as_str().unwrap_or(name);
            let number = |value: &Value| value["N"].as_str().and_then(|it| it.parse::<u64>().ok());
            let by = number(&body["ExpressionAttributeValues"][by]).ok_or_else(|| wrong(by))?;
            let old = item.get(name).and_then(number).unwrap_or(0);
            item.insert(name.to_owned(), json!({ "N": (old + by).to_string() }));
        }
        Ok(json!({ "Attributes": item }))
    }

    fn delete_item(&self, body: &Value) -> Result<Value, Wrong> {
        let own = body["Key"].as_object().ok_or_else(|| wrong("no key"))?;
        self.items.lock().unwrap().remove(&key(table(body)?, own)?);
        Ok(json!({}))
    }

    /// Items of a partition, or of a range of sort keys in it: one page of 1 MB.
    fn query(&self, body: &Value) -> Result<Value, Wrong> {
        let table = table(body)?;
        let (_, sort) = keys(table)?;
        let value = |name: &str| {
            let value = body["ExpressionAttributeValues"][name]["S"].as_str();
            value.map(str::to_owned).ok_or_else(|| wrong(format!("no value {name}")))
        };
        let (partition, from, to) = match body["KeyConditionExpression"].as_str() {
            Some("pk = :pk AND sk BETWEEN :from AND :to") if table != SITE_TABLE => {
                (value(":pk")?, value(":from")?, Some(value(":to")?))
            }
            Some("#day = :day") if table == SITE_TABLE => (value(":day")?, String::new(), None),
            other => return Err(wrong(format!("{other:?}"))),
        };
        let after = body["ExclusiveStartKey"][sort]["S"].as_str();
        let begin = after.map_or_else(|| from.clone(), str::to_owned);
        if to.as_ref().is_some_and(|to| *to < begin) {
            return Err(wrong("the range ends before it begins"));
        }
        let items = self.items.lock().unwrap();
        let begin = (table.to_owned(), partition.clone(), begin);
        let (mut page, mut size, mut last) = (Vec::new(), 0, None);
        for (key, item) in items.range(begin..) {
            if (key.0.as_str(), &key.1) != (table, &partition)
                || to.as_ref().is_some_and(|to| key.2 > *to)
            {
                break;
            }
            if after == Some(&key.2) {
                continue;
            }
            page.push(Value::Object(item.clone()));
            size += bytes(item);
            if size >= PAGE {
                last = Some(json!({ "pk": { "S": key.1 }, "sk": { "S": key.2 } }));
                break;
            }
        }
        let mut answer = json!({ "Count": page.len(), "ScannedCount": page.len(), "Items": page });
        if let Some(last) = last {
            assert_ne!(table, SITE_TABLE, "the other design does not read further pages");
            answer["LastEvaluatedKey"] = last;
        }
        Ok(answer)
    }
}

const CONDITION: &str = "ConditionalCheckFailedException";

fn wrong(message: impl Into<String>) -> Wrong {
    ("ValidationException", json!({ "message": message.into() }))
}

fn table(body: &Value) -> Result<&str, Wrong> {
    body["TableName"].as_str().ok_or_else(|| wrong("no table"))
}

/// Key names of a table.
fn keys(table: &str) -> Result<(&'static str, &'static str), Wrong> {
    match table {
        SITE_TABLE => Ok(("day", "url")),
        _ if table == TABLE || table == salts_table(TABLE) => Ok(("pk", "sk")),
        _ => Err(wrong(format!("unknown table {table}"))),
    }
}

/// Location of an item: its keys are non-empty strings.
fn key(table: &str, item: &Attributes) -> Result<(String, String, String), Wrong> {
    let text = |name: &str| {
        let text = item.get(name).and_then(|value| value["S"].as_str()).filter(|it| !it.is_empty());
        text.map(str::to_owned).ok_or_else(|| wrong(format!("the key {name} of {item:?}")))
    };
    let (partition, sort) = keys(table)?;
    Ok((table.to_owned(), text(partition)?, text(sort)?))
}

/// Approximate item size by DynamoDB's rules.
fn bytes(item: &Attributes) -> usize {
    let value = |value: &Value| match (&value["S"], &value["B"], &value["N"]) {
        (Value::String(text), _, _) => text.len(),
        (_, Value::String(base64), _) => base64.len() / 4 * 3,
        (_, _, Value::String(number)) => number.len() / 2 + 2,
        _ => 0,
    };
    item.iter().map(|(name, it)| name.len() + value(it)).sum()
}

/// A certificate as PEM, with lines as short as OpenSSL requires.
fn pem(certificate: &[u8]) -> String {
    let mut text = "-----BEGIN CERTIFICATE-----\n".to_owned();
    for line in certificate.chunks(48) {
        text += &BASE64.encode(line);
        text.push('\n');
    }
    text + "-----END CERTIFICATE-----\n"
}

fn acceptor() -> TlsAcceptor {
    let key = include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/tls/server.key"));
    let certificate: &[u8] =
        include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/tls/good.der"));
    let config = ServerConfig::builder_with_provider(Arc::new(rustls_graviola::default_provider()))
        .with_protocol_versions(rustls::ALL_VERSIONS)
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![CertificateDer::from(certificate)],
            PrivateKeyDer::from(PrivatePkcs8KeyDer::from(&key[..])),
        )
        .unwrap();
    TlsAcceptor::from(Arc::new(config))
}

async fn serve(tables: Arc<Tables>, stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) {
    let service = service_fn(move |request: Request<Incoming>| {
        let tables = Arc::clone(&tables);
        async move {
            let (head, body) = request.into_parts();
            let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
            let (status, answer) = tables.answer(&head, &body);
            let answer = serde_json::to_vec(&answer).map_err(io::Error::other)?;
            let mut sum = Crc::new();
            sum.update(&answer);
            let answer = Response::builder()
                .status(status)
                .header("content-type", "application/x-amz-json-1.0")
                .header("x-amzn-requestid", "4KBNVRGD25RG1KEO9UT4V3FQDJVV4KQNSO5AEMVJF66Q9ASUAAJG")
                .header("x-amz-crc32", sum.sum())
                .body(Full::new(Bytes::from(answer)));
            answer.map_err(io::Error::other)
        }
    });
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}
