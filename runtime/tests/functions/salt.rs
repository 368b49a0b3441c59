//! Functions that need a salt for the day at the same moment agree on one.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use footfall_runtime::storage::{KeyRange, Store as _};
use footfall_testkit::runtime_api::Function;
use footfall_testkit::store::read_all;
use footfall_testkit::{dynamodb_local, fake, http};
use serde_json::Value;
use tokio::sync::watch;

use super::{DASHBOARD, TRACK, counted, event, sent, sign_in, signed_in, variables};

/// Returns the report as data.
async fn report(dashboard: &Function, cookie: &str) -> Value {
    sent(dashboard, &signed_in("dashboard-json", cookie)).await.json()
}

/// Both functions look for the day's salt before either has created it.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs DynamoDB Local: run cargo xtask test"]
async fn functions_that_create_the_salt_at_once_share_one() {
    footfall_testkit::wait::away_from_midnight();
    let (store, table) = dynamodb_local::table("salt").await;
    let database = dynamodb_local::address();
    let functions = Arc::new(watch::Sender::new(BTreeSet::new()));
    let (lookups, puts) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
    let (looked_up, put) = (Arc::clone(&lookups), Arc::clone(&puts));
    // A proxy between the functions and the table: it holds the answers to lookups until both functions have
    // asked. One that gives up waiting meanwhile and asks again has hung up, so only its last lookup counts.
    let between = fake::serve(move |asked| {
        let (functions, looked_up, put) =
            (Arc::clone(&functions), Arc::clone(&looked_up), Arc::clone(&put));
        async move {
            let target = asked.headers["x-amz-target"].to_str().unwrap().to_owned();
            let is_salt = String::from_utf8_lossy(&asked.body).contains(r#""salt""#);
            let function = asked.headers["authorization"].to_str().unwrap().to_owned();
            let function = function.split('/').next().unwrap().to_owned();
            let answer = tokio::task::spawn_blocking(move || {
                let header = |name: &'static str| (name, asked.headers[name].to_str().unwrap());
                let headers =
                    ["content-type", "x-amz-target", "x-amz-date", "authorization"].map(header);
                http::request(database, "POST", "/", &headers, &asked.body).unwrap()
            })
            .await
            .unwrap();
            if is_salt && target.ends_with(".Query") {
                functions.send_modify(|functions| {
                    functions.insert(function);
                });
                functions.subscribe().wait_for(|functions| functions.len() >= 2).await.unwrap();
                looked_up.fetch_add(1, Ordering::SeqCst);
            }
            if is_salt && target.ends_with(".PutItem") {
                put.fetch_add(1, Ordering::SeqCst);
            }
            fake::json(answer.status, answer.body)
        }
    })
    .await;
    let variables = variables(between, &table);
    // The proxy tells the two by their access keys.
    let mut others = variables.clone();
    others.retain(|variable| variable.0 != "AWS_ACCESS_KEY_ID");
    others.push(("AWS_ACCESS_KEY_ID", "AKIAOTHER".to_owned()));
    let (one, two) =
        tokio::join!(Function::start(TRACK, &variables), Function::start(TRACK, &others));
    for track in [&one, &two] {
        assert_eq!(sent(track, &event("track")).await.status, 202);
    }
    assert_eq!(puts.load(Ordering::SeqCst), 2, "both try to create it");
    assert_eq!(lookups.load(Ordering::SeqCst), 2, "each remembers it after one lookup");
    let (salts, _) = read_all(&store, &KeyRange::whole("salt".to_owned())).await.unwrap();
    assert_eq!(salts.len(), 1);
    let dashboard = Function::start(DASHBOARD, &variables).await;
    let cookie = sign_in(&dashboard, &store).await;
    assert_eq!(counted(&report(&dashboard, &cookie).await["totals"]), (2, 1, 0));
    // A third function, which starts later, reads it.
    let three = Function::start(TRACK, &variables).await;
    assert_eq!(sent(&three, &event("track")).await.status, 202);
    assert_eq!(puts.load(Ordering::SeqCst), 2);
    assert_eq!(report(&dashboard, &cookie).await["totals"]["visitors"], 1);
    let page = store.query(&KeyRange::whole("salt".to_owned()), None).await.unwrap();
    assert_eq!(page.items, salts);
}
