//! How the DynamoDB client handles errors and a failing network: what it retries, how often, and which error it
//! returns.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test ends there")]

use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use footfall_runtime::platform::aws_http::HttpClient;
use footfall_runtime::storage::dynamodb::{Access, Credentials, DynamoDb, Keys, Retries};
use footfall_runtime::storage::{KeyRange, PutOutcome, Store, StoreError};
use footfall_testkit::dynamodb_local;
use footfall_testkit::fake::{self, Asked, Told};
use footfall_testkit::store::item;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// The requests to a scripted endpoint: operation and input.
type Log = Arc<Mutex<Vec<(String, serde_json::Value)>>>;

/// As many tries as a function makes, with limits on their time that no slow machine reaches.
const UNHURRIED: Retries = Retries {
    attempt: Duration::from_secs(120),
    all: Duration::from_secs(600),
    ..Retries::FUNCTION
};

/// Starts an endpoint that gives its answers in order and then repeats the last one.
async fn scripted(answers: Vec<Told>) -> (DynamoDb, Log) {
    let log = Log::default();
    let asked = Arc::clone(&log);
    let address = fake::serve(move |request| {
        let target = request.headers["x-amz-target"].to_str().unwrap().to_owned();
        let operation = target.rsplit('.').next().unwrap().to_owned();
        let mut asked = asked.lock().unwrap();
        let answer = answers[asked.len().min(answers.len() - 1)].clone();
        asked.push((operation, serde_json::from_slice(&request.body).unwrap()));
        std::future::ready(answer)
    })
    .await;
    (dynamodb_local::store(address, "scripted").with(UNHURRIED), log)
}

/// Builds an error as DynamoDB sends it.
fn exception(status: u16, name: &str) -> Told {
    let kind = format!("com.amazonaws.dynamodb.v20120810#{name}");
    fake::json(status, serde_json::json!({ "__type": kind, "message": "as scripted" }).to_string())
}

fn done() -> Told {
    fake::json(200, "{}")
}

/// Returns the inputs of all requests, which must be for `operation`.
fn all(log: &Log, operation: &str) -> Vec<serde_json::Value> {
    let log = log.lock().unwrap();
    assert!(log.iter().all(|(asked, _)| asked == operation), "{log:?}");
    log.iter().map(|(_, input)| input.clone()).collect()
}

#[tokio::test]
async fn retries_temporary_errors() {
    let check = async |what: &str, failure: Told| {
        let (store, log) = scripted(vec![failure, done()]).await;
        store.put(item("p", "1", "x")).await.unwrap_or_else(|error| panic!("{what}: {error}"));
        let puts = all(&log, "PutItem");
        assert_eq!(puts.len(), 2, "{what}");
        // The same key both times, so that it is one item even if both were written.
        assert_eq!(puts[0], puts[1], "{what}");
        assert_eq!(puts[0]["Item"]["pk"]["S"], "p");
        assert_eq!(puts[0]["Item"]["v"]["B"], "eA==");
    };
    for code in [
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestTimeoutException",
        "ThrottlingException",
        "Throttling",
        "TransactionConflictException",
        "LimitExceededException",
    ] {
        check(code, exception(400, code)).await;
    }
    check("internal error", exception(500, "InternalServerError")).await;
    check("unavailable", exception(503, "ServiceUnavailable")).await;
    // The item may be written, and only the answer lost.
    check("hung up", None).await;
    check("cut off", fake::json(200, "{\"Consumed")).await;
    check("empty", fake::json(200, "")).await;
    check("error cut off", fake::json(400, "{\"__type")).await;
    check("an answer of a proxy", fake::json(502, "<h1>Bad Gateway</h1>")).await;
    check("wrong checksum", crc(done(), "1")).await;
    check("wrong checksum of an error", crc(exception(400, "ValidationException"), "1")).await;
}

fn crc(answer: Told, sum: &str) -> Told {
    let mut answer = answer.unwrap();
    answer.headers_mut().insert("x-amz-crc32", sum.parse().unwrap());
    Some(answer)
}

/// The connection ends before the body does.
#[tokio::test]
async fn retries_truncated_answer() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let asked = Arc::new(Mutex::new(0));
    let count = Arc::clone(&asked);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            *count.lock().unwrap() += 1;
            let mut request = vec![0; 4096];
            let _ = stream.read(&mut request).await;
            let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"Items\":[";
            let _ = stream.write_all(answer).await;
        }
    });
    let store = dynamodb_local::store(address, "t").with(UNHURRIED);
    let error = store.query(&KeyRange::whole("p".to_owned()), None).await.unwrap_err();
    assert!(matches!(error, StoreError::Unavailable(_)), "{error}");
    assert!(error.to_string().contains("no answer to Query"), "{error}");
    assert_eq!(*asked.lock().unwrap(), 5);
}

/// Items are compared with the checksum that DynamoDB sends.
#[tokio::test]
async fn rejects_damaged_item() {
    let body = |value: &str| {
        let item = serde_json::json!({
            "pk": { "S": "p" }, "sk": { "S": "1" }, "v": { "B": value },
        });
        serde_json::json!({ "Count": 1, "Items": [item], "ScannedCount": 1 }).to_string()
    };
    let mut sum = flate2::Crc::new();
    sum.update(body("eA==").as_bytes());
    let sum = sum.sum().to_string();
    let sent = |value| crc(fake::json(200, body(value)), &sum);
    let (store, log) = scripted(vec![sent("eQ=="), sent("eA==")]).await;
    let page = store.query(&KeyRange::whole("p".to_owned()), None).await.unwrap();
    assert_eq!((page.items, page.next), (vec![item("p", "1", "x")], None));
    assert_eq!(all(&log, "Query").len(), 2);
    let (store, log) = scripted(vec![sent("eQ==")]).await;
    let error = store.query(&KeyRange::whole("p".to_owned()), None).await.unwrap_err();
    assert!(error.to_string().contains("checksum"), "{error}");
    assert!(matches!(error, StoreError::Unavailable(_)), "{error}");
    assert_eq!(all(&log, "Query").len(), 5);
}

/// An item of another program is reported as such, and the query is not retried.
#[tokio::test]
async fn rejects_item_of_another_shape() {
    let body = r#"{"Items":[{"pk":{"S":"p"},"sk":{"S":"1"},"v":{"S":"text"}}]}"#;
    let (store, log) = scripted(vec![fake::json(200, body)]).await;
    let error = store.query(&KeyRange::whole("p".to_owned()), None).await.unwrap_err();
    assert!(matches!(error, StoreError::Refused(_)), "{error}");
    assert_eq!(all(&log, "Query").len(), 1);
}

#[tokio::test]
async fn query_continues_after_the_last_key() {
    let page = r#"{"Items":[],"LastEvaluatedKey":{"pk":{"S":"p"},"sk":{"S":"7"}}}"#;
    let (store, log) = scripted(vec![fake::json(200, page), fake::json(200, "{}")]).await;
    let range = KeyRange { pk: "p".to_owned(), from: "1".to_owned(), to: "9".to_owned() };
    let first = store.query(&range, None).await.unwrap();
    assert_eq!((first.items.len(), first.next.as_deref()), (0, Some("7")));
    let second = store.query(&range, first.next.as_deref()).await.unwrap();
    assert_eq!(second.next, None);
    let asked = all(&log, "Query");
    let text = |text: &str| serde_json::json!({ "S": text });
    let expected = serde_json::json!({
        "TableName": "scripted",
        "ConsistentRead": true,
        "KeyConditionExpression": "pk = :pk AND sk BETWEEN :from AND :to",
        "ExpressionAttributeValues": { ":pk": text("p"), ":from": text("1"), ":to": text("9") },
    });
    assert_eq!(asked[0], expected);
    assert_eq!(
        asked[1]["ExclusiveStartKey"],
        serde_json::json!({ "pk": text("p"), "sk": text("7") })
    );
}

/// Starts an endpoint that records its requests with all headers. The client has temporary credentials, as in Lambda.
async fn watched(
    answer: impl Fn(usize) -> Told + Send + Sync + 'static,
) -> (DynamoDb, Arc<Mutex<Vec<Asked>>>) {
    let log = Arc::new(Mutex::new(Vec::new()));
    let asked = Arc::clone(&log);
    let address = fake::serve(move |request| {
        let mut asked = asked.lock().unwrap();
        asked.push(request);
        std::future::ready(answer(asked.len()))
    })
    .await;
    let access = Access::from_variables(|name| match name {
        "AWS_REGION" => Some("eu-central-1".to_owned()),
        "AWS_ENDPOINT_URL" => Some(format!("http://{address}")),
        "AWS_ENDPOINT_URL_DYNAMODB" => None,
        name => Some(name.to_owned()),
    });
    let connector = HttpClient::new().unwrap();
    (DynamoDb::new(access.unwrap(), "t".to_owned(), connector).with(UNHURRIED), log)
}

#[tokio::test]
async fn request_is_signed_and_names_its_operation() {
    let (store, log) = watched(|_| done()).await;
    store.put(item("p", "1", "x")).await.unwrap();
    let asked = log.lock().unwrap()[0].clone();
    assert_eq!((asked.method.as_str(), asked.path.as_str()), ("POST", "/"));
    let header = |name: &str| asked.headers[name].to_str().unwrap().to_owned();
    assert_eq!(header("content-type"), "application/x-amz-json-1.0");
    assert_eq!(header("x-amz-target"), "DynamoDB_20120810.PutItem");
    assert_eq!(header("x-amz-security-token"), "AWS_SESSION_TOKEN");
    assert_eq!(header("content-length"), asked.body.len().to_string());
    let day = &header("x-amz-date")[..8];
    let scope = format!("Credential=AWS_ACCESS_KEY_ID/{day}/eu-central-1/dynamodb/aws4_request");
    let names = "SignedHeaders=content-type;host;x-amz-date;x-amz-security-token;x-amz-target";
    let expected = format!("AWS4-HMAC-SHA256 {scope}, {names}, Signature=");
    assert!(header("authorization").starts_with(&expected), "{:?}", asked.headers);
}

/// Returns the time at which a request was signed.
fn signed_at(asked: &Asked) -> Timestamp {
    let text = asked.headers["x-amz-date"].to_str().unwrap();
    let at = DateTime::strptime("%Y%m%dT%H%M%SZ", text).unwrap();
    TimeZone::UTC.to_timestamp(at).unwrap()
}

/// If the clock of this machine is wrong, that of AWS is used for the retry and all later requests.
#[tokio::test]
async fn corrects_wrong_clock() {
    let refused = |code: &str, hours: i64| {
        let mut answer = exception(400, code).unwrap();
        let theirs = Timestamp::now() + SignedDuration::from_hours(hours);
        let date = theirs.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
        answer.headers_mut().insert("date", date.parse().unwrap());
        Some(answer)
    };
    for (code, hours) in [("InvalidSignatureException", 5), ("RequestTimeTooSkewed", -30)] {
        let first = move |asked| if asked == 1 { refused(code, hours) } else { done() };
        let (store, log) = watched(first).await;
        store.put(item("p", "1", "x")).await.unwrap();
        store.put(item("p", "2", "x")).await.unwrap();
        let at: Vec<Timestamp> = log.lock().unwrap().iter().map(signed_at).collect();
        assert_eq!(at.len(), 3);
        // At most a second of rounding, and the time that the test itself took.
        let took = Timestamp::now().as_second() - at[0].as_second();
        for later in &at[1..] {
            let ahead = later.as_second() - at[0].as_second() - hours * 3600;
            assert!((-1..=took + 1).contains(&ahead), "{code}: {at:?}");
        }
    }
    // If the clock is right, the error means what it says: missing or wrong credentials.
    let (store, log) = watched(move |_| refused("InvalidSignatureException", 0)).await;
    let error = store.put(item("p", "1", "x")).await.unwrap_err();
    assert!(matches!(error, StoreError::Refused(_)), "{error}");
    assert_eq!(log.lock().unwrap().len(), 1);
}

/// The message of AWS about a missing permission names the action, and reaches the owner.
#[tokio::test]
async fn error_has_the_message_of_aws() {
    let message = "User: arn:aws:sts::1:assumed-role/r/f is not authorized to perform: \
                   dynamodb:PutItem on resource: arn:aws:dynamodb:eu-central-1:1:table/t";
    let kind = "com.amazon.coral.service#AccessDeniedException";
    let body = serde_json::json!({ "__type": kind, "Message": message }).to_string();
    let (store, _) = scripted(vec![fake::json(400, body)]).await;
    let error = store.put(item("p", "1", "x")).await.unwrap_err().to_string();
    assert_eq!(
        error,
        format!(
            "the store rejects the operation: PutItem: AccessDeniedException (400 Bad Request) {message}"
        )
    );
    // The type in the header takes precedence.
    let mut answer = fake::json(400, "{}").unwrap();
    let kind = "ThrottlingException:http://internal.amazon.com/coral/".parse().unwrap();
    answer.headers_mut().insert("x-amzn-errortype", kind);
    let (store, log) = scripted(vec![Some(answer), done()]).await;
    store.put(item("p", "1", "x")).await.unwrap();
    assert_eq!(log.lock().unwrap().len(), 2);
}

/// Credentials that change with every request, and end after two.
#[derive(Debug, Default)]
struct Changing(Mutex<u32>);

impl Credentials for Changing {
    fn keys(&self) -> Pin<Box<dyn Future<Output = Result<Keys, String>> + Send + '_>> {
        let mut asked = self.0.lock().unwrap();
        *asked += 1;
        let keys = Keys { id: format!("KEY{asked}"), secret: format!("S{asked}"), token: None };
        let keys = if *asked > 2 { Err("the session is over".to_owned()) } else { Ok(keys) };
        Box::pin(std::future::ready(keys))
    }
}

#[tokio::test]
async fn requests_credentials_before_every_attempt() {
    let log = Arc::new(Mutex::new(Vec::new()));
    let asked = Arc::clone(&log);
    let address = fake::serve(move |request| {
        let by = request.headers["authorization"].to_str().unwrap().to_owned();
        asked.lock().unwrap().push(by);
        std::future::ready(exception(500, "InternalServerError"))
    })
    .await;
    let access =
        Access { credentials: Arc::new(Changing::default()), ..dynamodb_local::access(address) };
    let store = DynamoDb::new(access, "t".to_owned(), HttpClient::new().unwrap()).with(UNHURRIED);
    let error = store.put(item("p", "1", "x")).await.unwrap_err();
    assert!(matches!(error, StoreError::Refused(_)), "{error}");
    assert!(error.to_string().contains("the session is over"), "{error}");
    let log = log.lock().unwrap();
    assert!(log.len() == 2 && log[0].contains("KEY1/") && log[1].contains("KEY2/"), "{log:?}");
    // The signatures differ with the keys.
    assert!(log[0].rsplit('=').next() != log[1].rsplit('=').next(), "{log:?}");
}

#[tokio::test]
async fn gives_up_when_all_tries_together_take_too_long() {
    let (store, log) = scripted(vec![exception(500, "InternalServerError")]).await;
    let all = Duration::from_millis(300);
    // Longer than any test may run.
    let pause = Duration::from_secs(24 * 3600);
    let retries = Retries { all, first_pause: pause, longest_pause: pause, ..Retries::FUNCTION };
    let begun = Instant::now();
    let put = store.with(retries);
    let put = put.put(item("p", "1", "x"));
    let put = tokio::time::timeout(Duration::from_secs(300), put).await;
    let error = put.expect("the put ends without waiting for the pause").unwrap_err();
    assert_eq!(error.to_string(), "the store is unavailable: no answer to PutItem in time");
    assert!(begun.elapsed() >= all, "{:?}", begun.elapsed());
    assert!(log.lock().unwrap().len() <= 2);
}

#[tokio::test]
async fn resends_unprocessed_items() {
    let put = |sk: &str| {
        let item = serde_json::json!({
            "pk": { "S": "p" }, "sk": { "S": sk }, "v": { "B": "eA==" },
        });
        serde_json::json!({ "PutRequest": { "Item": item } })
    };
    let left = |keys: &[&str]| {
        let puts: Vec<_> = keys.iter().map(|sk| put(sk)).collect();
        let left = serde_json::json!({ "UnprocessedItems": { "scripted": puts } });
        fake::json(200, left.to_string())
    };
    let none = fake::json(200, r#"{"UnprocessedItems":{}}"#);
    let script = vec![left(&["2", "3"]), left(&["3"]), none.clone(), none];
    let (store, log) = scripted(script).await;
    let items = (1..=26).map(|n| item("p", &n.to_string(), "x")).collect();
    store.put_all(items).await.unwrap();
    let sent: Vec<Vec<String>> = all(&log, "BatchWriteItem")
        .iter()
        .map(|input| {
            let puts = input["RequestItems"]["scripted"].as_array().unwrap();
            let key = |put: &serde_json::Value| put["PutRequest"]["Item"]["sk"]["S"].clone();
            puts.iter().map(|put| key(put).as_str().unwrap().to_owned()).collect()
        })
        .collect();
    let first: Vec<String> = (1..=25).map(|n| n.to_string()).collect();
    assert_eq!(sent, [first, vec!["2".into(), "3".into()], vec!["3".into()], vec!["26".into()]]);
}

#[tokio::test]
async fn gives_up_on_a_batch_that_is_never_processed() {
    let left = r#"{"UnprocessedItems":{"scripted":[{"PutRequest":{"Item":{"pk":{"S":"p"},"sk":{"S":"1"},"v":{"B":"eA=="}}}}]}}"#;
    let (store, log) = scripted(vec![fake::json(200, left)]).await;
    let error = store.put_all(vec![item("p", "1", "x")]).await.unwrap_err();
    assert!(matches!(error, StoreError::Unavailable(_)), "{error}");
    assert_eq!(all(&log, "BatchWriteItem").len(), 9);
}

#[tokio::test]
async fn does_not_retry_lasting_errors() {
    let check = async |name: &str| {
        let (store, log) = scripted(vec![exception(400, name)]).await;
        let errors = [
            store.put(item("p", "1", "x")).await.unwrap_err(),
            store.query(&KeyRange::whole("p".to_owned()), None).await.unwrap_err(),
            store.put_if_absent(item("p", "1", "x")).await.unwrap_err(),
            store.put_all(vec![item("p", "1", "x")]).await.unwrap_err(),
            store.delete(&item("p", "1", "x").key).await.unwrap_err(),
        ];
        for error in errors {
            assert!(matches!(error, StoreError::Refused(_)), "{name}: {error}");
            // The owner's log has the error of AWS.
            assert!(error.to_string().contains(name), "{error}");
        }
        assert_eq!(log.lock().unwrap().len(), 5, "{name} was tried again");
    };
    check("AccessDeniedException").await;
    check("ResourceNotFoundException").await;
    check("ValidationException").await;
    check("UnrecognizedClientException").await;
}

#[tokio::test]
async fn gives_up_after_five_attempts() {
    let check = async |what: &str, failure: Told| {
        let (store, log) = scripted(vec![failure]).await;
        let error = store.put(item("p", "1", "x")).await.unwrap_err();
        assert!(matches!(error, StoreError::Unavailable(_)), "{what}: {error}");
        assert_eq!(all(&log, "PutItem").len(), 5, "{what}");
    };
    // API Gateway waits for 30 seconds. `gives_up_when_all_tries_together_take_too_long` tests that this limit is
    // kept.
    assert!(Retries::FUNCTION.all <= Duration::from_secs(12));
    check("internal error", exception(500, "InternalServerError")).await;
    check("throttled", exception(400, "ProvisionedThroughputExceededException")).await;
    check("hung up", None).await;
}

/// Work that can wait does so only while the table is throttled.
#[tokio::test]
async fn waits_only_while_throttled() {
    // Far longer than eight tries take.
    let patience = Duration::from_secs(600);
    let throttled = || exception(400, "ProvisionedThroughputExceededException");
    // More throttled answers than the client makes attempts.
    let answers = (0..7).map(|_| throttled()).chain([done()]).collect();
    let (store, log) = scripted(answers).await;
    store.patient(patience).put(item("p", "1", "x")).await.unwrap();
    let puts = all(&log, "PutItem");
    assert_eq!(puts.len(), 8);
    assert!(puts.iter().all(|put| put == &puts[0]));

    let (store, log) = scripted(vec![exception(500, "InternalServerError")]).await;
    store.patient(patience).put(item("p", "1", "x")).await.unwrap_err();
    assert_eq!(all(&log, "PutItem").len(), 5);
    // Patience ends.
    let (store, _) = scripted(vec![throttled()]).await;
    let short = Duration::from_millis(1);
    let error = store.patient(short).put(item("p", "1", "x")).await.unwrap_err();
    assert!(matches!(error, StoreError::Unavailable(_)), "{error}");
}

#[tokio::test]
async fn retries_after_three_seconds_without_an_answer() {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&asked);
    let address = fake::serve(move |request| {
        let is_first = log.lock().unwrap().is_empty();
        log.lock().unwrap().push(request.body);
        async move {
            if is_first {
                std::future::pending::<()>().await;
            }
            done()
        }
    })
    .await;
    let attempt = Retries::FUNCTION.attempt;
    assert_eq!(attempt, Duration::from_secs(3));
    let retries = Retries { attempts: 100, attempt, ..UNHURRIED };
    let store = dynamodb_local::store(address, "silent").with(retries);
    let started = Instant::now();
    store.put(item("p", "1", "x")).await.unwrap();
    let took = started.elapsed();
    let asked = asked.lock().unwrap();
    // Each try but the last went unanswered for its 3 seconds. On a machine that stands still for so long, that
    // may be more than the first.
    let unanswered = u32::try_from(asked.len() - 1).unwrap();
    assert!(unanswered >= 1 && took >= attempt * unanswered, "{unanswered} tries in {took:?}");
    assert!(asked.iter().all(|body| *body == asked[0]), "every try sends the same");
}

#[tokio::test]
async fn reports_refused_connection() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = free.local_addr().unwrap();
    drop(free);
    let error = dynamodb_local::store(address, "t").put(item("p", "1", "x")).await.unwrap_err();
    assert!(matches!(error, StoreError::Unavailable(_)), "{error}");
}

/// The retry of a conditional put may find the item that its first attempt wrote.
#[tokio::test]
async fn conditional_put_recognises_its_own_first_attempt() {
    let meets = |value: &str| {
        let kind = "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException";
        let item = serde_json::json!({
            "pk": { "S": "salt" }, "sk": { "S": "1" }, "v": { "B": value },
        });
        let body = serde_json::json!({ "__type": kind, "message": "as scripted", "Item": item });
        fake::json(400, body.to_string())
    };
    let (store, log) = scripted(vec![None, meets("eA==")]).await;
    assert_eq!(store.put_if_absent(item("salt", "1", "x")).await.unwrap(), PutOutcome::Inserted);
    assert_eq!(all(&log, "PutItem").len(), 2);
    let (store, _) = scripted(vec![None, meets("eQ==")]).await;
    let found = store.put_if_absent(item("salt", "1", "x")).await.unwrap();
    assert_eq!(found, PutOutcome::Existing(item("salt", "1", "y")));
}
