//! An AWS that answers from a script: for each operation, one answer after the other, and the last one
//! again and again. The answers have the form of the examples on the pages that are named beside them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

/// An answer, or a closed connection.
#[derive(Debug, Clone)]
pub(crate) enum Answer {
    Says(u16, String),
    /// The connection ends in place of an answer.
    Lost,
}

/// Scripted answers by operation, and the requests received.
#[derive(Debug, Default)]
struct Script {
    answers: BTreeMap<String, Vec<Answer>>,
    asked: Vec<String>,
    /// Requests with their operations.
    bodies: Vec<(String, Bytes)>,
}

pub(crate) struct Scripted {
    pub(crate) endpoint: String,
    script: Arc<Mutex<Script>>,
    _runtime: tokio::runtime::Runtime,
}

impl Scripted {
    pub(crate) fn start(answers: &[(&str, Vec<Answer>)]) -> Self {
        let mut script = Script::default();
        for (operation, answers) in defaults().iter().chain(answers) {
            let mut answers = answers.clone();
            answers.reverse();
            script.answers.insert((*operation).to_owned(), answers);
        }
        let script = Arc::new(Mutex::new(script));
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.unwrap();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let shared = Arc::clone(&script);
        runtime.spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let script = Arc::clone(&shared);
                let service = service_fn(move |request| answer(Arc::clone(&script), request));
                let http = hyper::server::conn::http1::Builder::new();
                tokio::spawn(http.serve_connection(TokioIo::new(stream), service));
            }
        });
        Self { endpoint, script, _runtime: runtime }
    }

    /// The operations that were asked for, in order.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.script.lock().unwrap().asked.clone()
    }

    /// Bodies of all requests of an operation.
    pub(crate) fn bodies(&self, operation: &str) -> String {
        let script = self.script.lock().unwrap();
        let bodies = script.bodies.iter().filter(|(asked, _)| asked == operation);
        bodies.map(|(_, body)| String::from_utf8_lossy(body)).collect()
    }

    pub(crate) fn times(&self, operation: &str) -> usize {
        self.asked().iter().filter(|asked| *asked == operation).count()
    }
}

async fn answer(
    script: Arc<Mutex<Script>>,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, std::io::Error> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.map_err(std::io::Error::other)?.to_bytes();
    let action = url::form_urlencoded::parse(&body).find(|(name, _)| name == "Action");
    let action = action.map(|(_, action)| action.into_owned());
    let target = head.headers.get("x-amz-target").and_then(|t| t.to_str().ok());
    let is_query = head.headers.get("content-type").is_some_and(|t| {
        t.to_str().is_ok_and(|t| t.starts_with("application/x-www-form-urlencoded"))
    });
    let operation = match (target, action) {
        (Some(target), _) => target.rsplit('.').next().unwrap_or_default().to_owned(),
        (None, Some(action)) if is_query => action,
        _ if head.uri.path().ends_with("/account-settings") => "GetAccountSettings".to_owned(),
        // S3: by the method, and whether it is about an object.
        _ if head.uri.path().trim_matches('/').contains('/') => format!("{} object", head.method),
        _ => format!("{} bucket", head.method),
    };
    let mut script = script.lock().unwrap();
    script.asked.push(operation.clone());
    script.bodies.push((operation.clone(), body));
    let answers = script.answers.entry(operation.clone()).or_default();
    let answer = if answers.len() > 1 { answers.pop() } else { answers.last().cloned() };
    match answer {
        Some(Answer::Says(status, text)) => {
            Ok(Response::builder().status(status).body(Full::new(text.into())).unwrap())
        }
        Some(Answer::Lost) => Err(std::io::Error::other("lost")),
        None => Ok(Response::builder()
            .status(500)
            .body(Full::new(format!("{operation} is not in the script").into()))
            .unwrap()),
    }
}

/// Calls that every command makes, with their usual answers.
fn defaults() -> Vec<(&'static str, Vec<Answer>)> {
    let done = || vec![Answer::Says(200, String::new())];
    vec![
        ("GetCallerIdentity", vec![identity()]),
        ("GetAccountSettings", vec![account_settings(10)]),
        ("HEAD bucket", done()),
        ("PUT bucket", done()),
        ("HEAD object", done()),
        ("PUT object", done()),
        (
            "GET bucket",
            vec![Answer::Says(
                200,
                "<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>".to_owned(),
            )],
        ),
        ("DeleteStack", vec![ok("DeleteStack", "")]),
        ("DeleteChangeSet", vec![ok("DeleteChangeSet", "")]),
        ("ExecuteChangeSet", vec![ok("ExecuteChangeSet", "")]),
        ("ContinueUpdateRollback", vec![ok("ContinueUpdateRollback", "")]),
        ("CreateChangeSet", vec![ok("CreateChangeSet", &format!("<StackId>{STACK}</StackId>"))]),
        ("DescribeChangeSet", vec![change_set(CHANGES)]),
        (
            "GetTemplate",
            vec![template(
                r#"{"Resources":{"Table":{"Type":"AWS::DynamoDB::Table","DeletionPolicy":"Retain"}}}"#,
            )],
        ),
        ("ListChangeSets", vec![change_sets("footfall-1-1")]),
        // The key for login links is made.
        ("PutItem", vec![Answer::Says(200, "{}".to_owned())]),
    ]
}

pub(crate) const STACK: &str = "arn:aws:cloudformation:eu-central-1:123456789012:stack/footfall/1";

/// <https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html>
fn identity() -> Answer {
    Answer::Says(
        200,
        "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\
         <GetCallerIdentityResult><Arn>arn:aws:iam::123456789012:user/Alice</Arn>\
         <UserId>AKIAI44QH8DHBEXAMPLE</UserId><Account>123456789012</Account>\
         </GetCallerIdentityResult></GetCallerIdentityResponse>"
            .to_owned(),
    )
}

/// An account in which no function reserves so many executions; a new one has 10.
///
/// <https://docs.aws.amazon.com/lambda/latest/api/API_GetAccountSettings.html>
pub(crate) fn account_settings(unreserved: u32) -> Answer {
    let text = format!(
        "{{\"AccountLimit\":{{\"ConcurrentExecutions\":1000,\
         \"UnreservedConcurrentExecutions\":{unreserved}}},\"AccountUsage\":{{\"FunctionCount\":1}}}}"
    );
    Answer::Says(200, text)
}

/// An answer of CloudFormation:
/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DescribeStacks.html>
pub(crate) fn ok(operation: &str, result: &str) -> Answer {
    Answer::Says(
        200,
        format!(
            "<{operation}Response xmlns=\"http://cloudformation.amazonaws.com/doc/2010-05-15/\">\
             <{operation}Result>{result}</{operation}Result>\
             <ResponseMetadata><RequestId>b9b4b068-3a41-11e5-94eb-example</RequestId>\
             </ResponseMetadata></{operation}Response>"
        ),
    )
}

/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/CommonErrors.html>
pub(crate) fn error(status: u16, code: &str, message: &str) -> Answer {
    Answer::Says(
        status,
        format!(
            "<ErrorResponse xmlns=\"http://cloudformation.amazonaws.com/doc/2010-05-15/\">\
             <Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error>\
             <RequestId>b9b4b068-3a41-11e5-94eb-example</RequestId></ErrorResponse>"
        ),
    )
}

/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DescribeStacks.html>
pub(crate) fn stack(status: &str) -> Answer {
    described_stack(status, "Footfall: web analytics.")
}

pub(crate) fn described_stack(status: &str, description: &str) -> Answer {
    ok(
        "DescribeStacks",
        &format!(
            "<Stacks><member><StackName>footfall</StackName><StackId>{STACK}</StackId>\
         <CreationTime>2010-07-27T22:26:28Z</CreationTime><StackStatus>{status}</StackStatus>\
         <DisableRollback>false</DisableRollback><Description>{description}</Description>\
         <Outputs><member><OutputKey>Endpoint</OutputKey>\
         <OutputValue>https://api.example.com</OutputValue></member></Outputs></member></Stacks>"
        ),
    )
}

/// As [`stack`] is, with the name of its table among its outputs.
pub(crate) fn stack_with_table() -> Answer {
    let Answer::Says(status, text) = stack("UPDATE_COMPLETE") else { return Answer::Lost };
    let table = "<Outputs><member><OutputKey>TableName</OutputKey>\
                 <OutputValue>footfall</OutputValue></member>";
    Answer::Says(status, text.replace("<Outputs>", table))
}

pub(crate) fn no_stack() -> Answer {
    error(400, "ValidationError", "Stack with id footfall does not exist")
}

/// Two changes: an addition, and a change in place.
///
/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-updating-stacks-changesets-samples.html>
pub(crate) const CHANGES: &str = "\
    <member><Type>Resource</Type><ResourceChange><Action>Add</Action>\
    <LogicalResourceId>Api</LogicalResourceId>\
    <ResourceType>AWS::ApiGatewayV2::Api</ResourceType><Scope/><Details/>\
    </ResourceChange></member>\
    <member><Type>Resource</Type><ResourceChange><Action>Modify</Action>\
    <LogicalResourceId>TrackFunction</LogicalResourceId>\
    <PhysicalResourceId>footfall-track</PhysicalResourceId>\
    <ResourceType>AWS::Lambda::Function</ResourceType><Replacement>False</Replacement>\
    <Scope><member>Properties</member></Scope><Details><member><Target>\
    <Attribute>Properties</Attribute><Name>Code</Name>\
    <RequiresRecreation>Never</RequiresRecreation></Target>\
    <Evaluation>Static</Evaluation><ChangeSource>DirectModification</ChangeSource>\
    </member></Details></ResourceChange></member>";

/// The table is replaced.
pub(crate) const REPLACES_TABLE: &str = "\
    <member><Type>Resource</Type><ResourceChange><PolicyAction>ReplaceAndRetain</PolicyAction>\
    <Action>Modify</Action><LogicalResourceId>Table</LogicalResourceId>\
    <PhysicalResourceId>footfall</PhysicalResourceId>\
    <ResourceType>AWS::DynamoDB::Table</ResourceType><Replacement>True</Replacement>\
    <Scope><member>Properties</member></Scope><Details/></ResourceChange></member>";

/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DescribeChangeSet.html>
pub(crate) fn change_set(changes: &str) -> Answer {
    ok(
        "DescribeChangeSet",
        &format!(
            "<StackId>{STACK}</StackId><StackName>footfall</StackName>\
         <ChangeSetName>one</ChangeSetName><Status>CREATE_COMPLETE</Status>\
         <ExecutionStatus>AVAILABLE</ExecutionStatus><Changes>{changes}</Changes>"
        ),
    )
}

pub(crate) fn failed_change_set(reason: &str) -> Answer {
    ok(
        "DescribeChangeSet",
        &format!(
            "<StackId>{STACK}</StackId><StackName>footfall</StackName>\
         <ChangeSetName>one</ChangeSetName><Status>FAILED</Status>\
         <ExecutionStatus>UNAVAILABLE</ExecutionStatus><StatusReason>{reason}</StatusReason><Changes/>"
        ),
    )
}

/// Events in the order of time, as (resource, status, reason); the answer is newest first. The
/// stack's own are those of `footfall`.
///
/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DescribeStackEvents.html>
pub(crate) fn events(events: &[(&str, &str, &str)]) -> Answer {
    let member = |(number, (resource, status, reason)): (usize, &(&str, &str, &str))| {
        let of_stack = *resource == "footfall";
        let physical = if of_stack { STACK } else { resource };
        let kind = if of_stack { "AWS::CloudFormation::Stack" } else { "AWS::Lambda::Function" };
        format!(
            "<member><EventId>event-{number}</EventId><StackName>footfall</StackName>\
             <StackId>{STACK}</StackId><LogicalResourceId>{resource}</LogicalResourceId>\
             <PhysicalResourceId>{physical}</PhysicalResourceId><ResourceType>{kind}</ResourceType>\
             <Timestamp>2010-07-27T22:26:28Z</Timestamp><ResourceStatus>{status}</ResourceStatus>\
             <ResourceStatusReason>{reason}</ResourceStatusReason></member>"
        )
    };
    let members: Vec<String> = events.iter().enumerate().map(member).rev().collect();
    ok("DescribeStackEvents", &format!("<StackEvents>{}</StackEvents>", members.concat()))
}

/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_GetTemplate.html>
pub(crate) fn template(template: &str) -> Answer {
    let template = template.replace('"', "&quot;");
    ok("GetTemplate", &format!("<TemplateBody>{template}</TemplateBody>"))
}

/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_ListChangeSets.html>
pub(crate) fn change_sets(name: &str) -> Answer {
    ok(
        "ListChangeSets",
        &format!(
            "<Summaries><member><StackName>footfall</StackName><ChangeSetName>{name}\
             </ChangeSetName><Status>CREATE_COMPLETE</Status></member></Summaries>"
        ),
    )
}
