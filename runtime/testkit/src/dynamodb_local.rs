//! DynamoDB Local, the jar that AWS publishes: one process per test binary, one table per test.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::process::{ChildStdin, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_dynamodb::operation::create_table::CreateTableError;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType,
};
use footfall_infra::stack::salts_table;
use footfall_runtime::platform::aws_http::HttpClient;
use footfall_runtime::storage::dynamodb::{Access, DynamoDb};

use crate::http;
use crate::wait::wait_for;

/// Variable with the folder of the unpacked jar, which `cargo xtask test` sets.
const FOLDER: &str = "FOOTFALL_DYNAMODB_LOCAL";

/// Script that starts the jar, and ends it when standard input is closed.
///
/// This process holds the other end of that pipe. The operating system closes it however this process ends:
/// with success, by a panic, or killed. The shell ignores Ctrl-C so that it survives to end the jar.
const WATCHDOG: &str = r#"
    java -Djava.library.path=./DynamoDBLocal_lib -jar DynamoDBLocal.jar \
        -inMemory -sharedDb -disableTelemetry -port "$0" </dev/null &
    java=$!
    trap '' INT HUP TERM
    read -r _
    kill -9 "$java"
"#;

struct Server {
    address: SocketAddr,
    /// Never written to. Closing it ends the jar.
    _lifeline: ChildStdin,
}

/// Returns the address of this process's DynamoDB Local. The first call starts it.
pub fn address() -> SocketAddr {
    static SERVER: OnceLock<Server> = OnceLock::new();
    SERVER.get_or_init(start).address
}

#[allow(clippy::zombie_processes, reason = "it runs as long as this process")]
fn start() -> Server {
    let folder = std::env::var(FOLDER).unwrap_or_else(|_| {
        panic!("{FOLDER} is not set; run this test with `cargo xtask test`, which installs DynamoDB Local")
    });
    // The jar does not accept port 0. If another process takes this port first, the jar ends and the wait
    // below fails.
    let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap();
    let mut shell = Command::new("sh")
        .args(["-c", WATCHDOG, &free.port().to_string()])
        .current_dir(&folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap_or_else(|error| panic!("cannot start DynamoDB Local in {folder}: {error}"));
    let lifeline = shell.stdin.take().unwrap();
    wait_for("DynamoDB Local answers (is Java 17 installed?)", 300, || {
        // The request is unsigned, so a running server rejects it.
        http::request(free, "GET", "/", &[], b"").ok().filter(|answer| answer.status == 400)
    });
    Server { address: free, _lifeline: lifeline }
}

/// Returns the configuration of a client for DynamoDB Local, or a server like it, at an address.
pub fn access(address: SocketAddr) -> Access {
    Access::from_variables(|name| {
        variables(address).iter().find(|v| v.0 == name).map(|v| v.1.clone())
    })
    .unwrap()
}

/// Returns the same configuration as environment variables of a function.
pub fn variables(address: SocketAddr) -> [(&'static str, String); 4] {
    [
        ("AWS_REGION", "eu-central-1".to_owned()),
        // DynamoDB Local accepts only letters and digits.
        ("AWS_ACCESS_KEY_ID", "AKIATEST".to_owned()),
        ("AWS_SECRET_ACCESS_KEY", "secret".to_owned()),
        ("AWS_ENDPOINT_URL", format!("http://{address}")),
    ]
}

/// Returns a store over a table at an address. The table need not exist.
pub fn store(address: SocketAddr, table: &str) -> DynamoDb {
    DynamoDb::new(access(address), table.to_owned(), HttpClient::new().unwrap())
}

/// Returns an AWS SDK client, to create tables and to inspect any of them.
pub fn sdk() -> aws_sdk_dynamodb::Client {
    let config = aws_sdk_dynamodb::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-central-1"))
        .credentials_provider(Credentials::new("AKIATEST", "secret", None, None, "test"))
        .endpoint_url(format!("http://{}", address()))
        .http_client(HttpClient::new().unwrap().into_sdk_client())
        .build();
    aws_sdk_dynamodb::Client::from_conf(config)
}

/// Creates an empty table as the stack does, with its salts table. Returns a store and the table's name.
pub async fn table(what: &str) -> (DynamoDb, String) {
    static MADE: AtomicU32 = AtomicU32::new(0);
    let number = MADE.fetch_add(1, Ordering::Relaxed);
    let name = format!("{what}-{}-{number}", std::process::id());
    let store = store(address(), &name);
    let attribute = |name| {
        let kind = ScalarAttributeType::S;
        AttributeDefinition::builder().attribute_name(name).attribute_type(kind).build().unwrap()
    };
    let key = |name, kind| {
        KeySchemaElement::builder().attribute_name(name).key_type(kind).build().unwrap()
    };
    for table in [name.clone(), salts_table(&name)] {
        let made = sdk()
            .create_table()
            .table_name(table)
            .attribute_definitions(attribute("pk"))
            .attribute_definitions(attribute("sk"))
            .key_schema(key("pk", KeyType::Hash))
            .key_schema(key("sk", KeyType::Range))
            .billing_mode(BillingMode::PayPerRequest)
            .send()
            .await;
        // On a busy machine the first answer may come too late, so the SDK repeats the request.
        let is_there = |error: &CreateTableError| error.is_resource_in_use_exception();
        assert!(
            made.as_ref().err().is_none_or(|it| it.as_service_error().is_some_and(is_there)),
            "{made:?}"
        );
    }
    (store, name)
}
