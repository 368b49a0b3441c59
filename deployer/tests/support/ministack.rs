//! The emulator, and the API that is deployed to it.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use std::{env, fs, thread};

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region};
use footfall_infra::function::Function;
use footfall_runtime::platform::aws_http::HttpClient;
use footfall_runtime::storage::dynamodb::{Access, DynamoDb};
use serde_json::Value;

const BROWSER: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0";

/// The emulator, which ends with the test.
pub(crate) struct Ministack {
    process: Child,
    pub(crate) port: u16,
    folder: tempfile::TempDir,
}

impl Ministack {
    pub(crate) fn start() -> Self {
        let program =
            env::var_os("FOOTFALL_MINISTACK").expect("FOOTFALL_MINISTACK names ministack");
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let folder = tempfile::tempdir().unwrap();
        let process = Command::new(program)
            .current_dir(folder.path())
            .env_clear()
            .env("HOME", folder.path())
            .env("PATH", env::var_os("PATH").unwrap())
            // It would listen on every interface.
            .env("BIND_HOST", "127.0.0.1")
            .env("GATEWAY_PORT", port.to_string())
            // Without this, the functions would call the real AWS.
            .env("AWS_ENDPOINT_URL", format!("http://127.0.0.1:{port}"))
            .env("AUTH", "true")
            .env("MINISTACK_REGION", "eu-central-1")
            // When it ends by itself, it writes all that it holds into files.
            .env("PERSIST_STATE", "1")
            .env("STATE_DIR", folder.path().join("state"))
            .env("S3_PERSIST", "1")
            .env("S3_DATA_DIR", folder.path().join("s3"))
            .env("SFTP_ENABLED", "0")
            .env("IOT_MTLS_ENABLED", "0")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("ministack starts");
        let ministack = Self { process, port, folder };
        let begun = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(begun.elapsed() < Duration::from_secs(300), "ministack does not listen");
            thread::sleep(Duration::from_millis(100));
        }
        ministack
    }

    /// Ends it in good order, and gives every file that it left: the state of all services, as it holds it.
    pub(crate) fn left(&mut self) -> Vec<(PathBuf, Vec<u8>)> {
        fn files(folder: &Path, all: &mut Vec<(PathBuf, Vec<u8>)>) {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    files(&path, all);
                } else if path.is_file() {
                    all.push((path.clone(), fs::read(path).unwrap()));
                }
            }
        }
        let id = self.process.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
        let begun = Instant::now();
        while self.process.try_wait().unwrap().is_none() {
            assert!(begun.elapsed() < Duration::from_secs(300), "ministack does not end");
            thread::sleep(Duration::from_millis(100));
        }
        let mut all = Vec::new();
        files(self.folder.path(), &mut all);
        all
    }

    pub(crate) fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// DynamoDB, as its owner gets at it.
    pub(crate) fn dynamodb(&self) -> Client {
        let config = aws_sdk_dynamodb::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("eu-central-1"))
            .credentials_provider(Credentials::new("test", "test", None, None, "test"))
            .endpoint_url(self.endpoint())
            .http_client(HttpClient::new().unwrap().into_sdk_client())
            .build();
        Client::from_conf(config)
    }

    /// The table, as its owner gets at it.
    pub(crate) fn table(&self) -> DynamoDb {
        let access = Access::from_variables(|name| match name {
            "AWS_REGION" => Some("eu-central-1".to_owned()),
            "AWS_ENDPOINT_URL" => Some(self.endpoint()),
            "AWS_ACCESS_KEY_ID" | "AWS_SECRET_ACCESS_KEY" => Some("test".to_owned()),
            _ => None,
        });
        DynamoDb::new(access.unwrap(), "footfall".to_owned(), HttpClient::new().unwrap())
    }

    /// Sets an API's CORS.
    pub(crate) fn set_cors(&self, api: &Api, cors: &Value) {
        let call =
            "client.update_api(ApiId=sys.argv[3], CorsConfiguration=json.loads(sys.argv[4]))";
        self.asked("apigatewayv2", call, &[&api.id, &cors.to_string()]);
    }

    /// Invokes a function as its schedule does, and waits for its answer.
    pub(crate) fn invoke(&self, function: Function) -> Value {
        let call = "answer = client.invoke(FunctionName=sys.argv[3], Payload=b'{}')\n\
                    assert 'FunctionError' not in answer, answer\n\
                    print(answer['Payload'].read().decode())";
        let answer = self.asked("lambda", call, &[&format!("footfall-{}", function.name())]);
        serde_json::from_str(&answer).unwrap()
    }

    /// Calls a service by the SDK that ministack brings.
    fn asked(&self, service: &str, call: &str, arguments: &[&str]) -> String {
        let program = PathBuf::from(env::var_os("FOOTFALL_MINISTACK").unwrap());
        let script = format!(
            "import json, sys, botocore.session\n\
             session = botocore.session.get_session()\n\
             client = session.create_client(sys.argv[2], endpoint_url=sys.argv[1])\n{call}"
        );
        let mut python = Command::new(program.with_file_name("python"));
        python.args(["-c", &script, &self.endpoint(), service]).args(arguments);
        python.env("AWS_DEFAULT_REGION", "eu-central-1");
        python.env("AWS_ACCESS_KEY_ID", "test").env("AWS_SECRET_ACCESS_KEY", "test");
        let asked = python.output().expect("ministack's Python starts");
        assert!(asked.status.success(), "{}", String::from_utf8_lossy(&asked.stderr));
        String::from_utf8(asked.stdout).unwrap()
    }
}

impl Drop for Ministack {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The deployed API, as the emulator serves it: by a path, since host names below localhost are not
/// resolved everywhere.
#[derive(Clone)]
pub(crate) struct Api {
    port: u16,
    pub(crate) id: String,
    /// By which a program reads the dashboard.
    pub(crate) token: String,
    /// The cookie of a browser in which somebody is signed in.
    pub(crate) session: String,
    /// User-Agent of the browser.
    pub(crate) browser: String,
}

/// An answer of the deployed API.
pub(crate) struct Answer {
    pub(crate) status: u16,
    head: String,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut pairs = self.head.lines().filter_map(|line| line.split_once(": "));
        pairs.find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }
}

impl Api {
    pub(crate) fn of(port: u16, status: &Value) -> Self {
        let endpoint = status["endpoint"].as_str().unwrap();
        let host = endpoint.split("//").nth(1).unwrap();
        let id = host.split('.').next().unwrap().to_owned();
        let browser = BROWSER.to_owned();
        Self { port, id, token: String::new(), session: String::new(), browser }
    }

    /// Asks, and gives the status and the body.
    pub(crate) fn ask(&self, method: &str, path: &str, body: &str) -> (u16, String) {
        let answer = self.send(method, path, &[], body);
        (answer.status, answer.body)
    }

    pub(crate) fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Answer {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        let (id, browser, length) = (&self.id, &self.browser, body.len());
        let headers: String =
            headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        write!(
            stream,
            "{method} /_aws/execute-api/{id}/$default{path} HTTP/1.1\r\nhost: 127.0.0.1\r\n\
             user-agent: {browser}\r\ncontent-type: text/plain\r\ncontent-length: {length}\r\n\
             {headers}connection: close\r\n\r\n{body}"
        )
        .unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        // The pixel is no text.
        let answer = String::from_utf8_lossy(&answer).into_owned();
        let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
        Answer { status, head: head.to_owned(), body: body.to_owned() }
    }

    pub(crate) fn hit(&self, path: &str) -> u16 {
        let body = format!(r#"{{"url":"https://example.com{path}"}}"#);
        self.ask("POST", "/track", &body).0
    }

    /// Views on the dashboard, today or (around midnight) yesterday.
    pub(crate) fn views(&self) -> u64 {
        self.views_of(2)
    }

    /// The same for more days.
    pub(crate) fn views_of(&self, days: u8) -> u64 {
        let path = format!("/dashboard?site=example.com&days={days}&format=json");
        let headers = [("authorization", &*format!("Bearer {}", self.token))];
        let Answer { status, body, .. } = self.send("GET", &path, &headers, "");
        assert_eq!(status, 200, "{body}");
        let report: Value = serde_json::from_str(&body).unwrap();
        report["totals"]["views"].as_u64().unwrap()
    }
}
