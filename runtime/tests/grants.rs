//! The stack's grants: each function uses every permission that it has, and no other.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a panic fails the test"
)]

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use footfall_infra::api::{self, ROUTES};
use footfall_infra::function::Function;
use footfall_infra::settings::{Domain, Settings};
use footfall_infra::stack::{Action, EXPIRY, PARTITION_KEY, Partition, SORT_KEY, Schedule, Spec};
use footfall_runtime::auth::admin::{self, TokenRequest};
use footfall_runtime::auth::{AccessMode, Password, TokenKind};
use footfall_runtime::ingest::Ingest;
use footfall_runtime::platform::http::{Request, Response};
use footfall_runtime::rollup::{Rollup, hour_is_over};
use footfall_runtime::storage::hour::{Hour, Span};
use footfall_runtime::storage::import_id::ImportId;
use footfall_runtime::storage::{Item, Key, KeyRange, Store as _, keys};
use footfall_runtime::web::Web;
use footfall_testkit::context::Fixed;
use footfall_testkit::memory::Memory;
use footfall_testkit::recorder::{Operation, Recorder};
use footfall_testkit::wait::wait;
use footfall_testkit::{dynamodb_local, fake, request};
use http::HeaderValue;
use jiff::{SignedDuration, Timestamp};

const NOW: &str = "2026-11-22T13:05:06Z";
const PASSWORD: &str = "correct horse battery staple";
const SETTINGS: &str =
    "sites: [{domain: e.x, engagement: true, public: true}, {domain: closed.e.x}]";

/// A Footfall whose functions run over stores that record their use.
struct World {
    settings: Settings,
    store: Memory,
    clock: Fixed,
}

impl World {
    fn new() -> Self {
        let settings = Settings::from_yaml(SETTINGS).unwrap();
        Self { settings, store: Memory::default(), clock: Fixed::at(NOW) }
    }

    fn track(&self) -> Recorder {
        let store = Recorder::new(&self.store);
        let track = Ingest::new(self.settings.clone(), store.clone(), self.clock.clone());
        wait(track.warm());
        for (path, body) in [
            (api::TRACK, r#"{"u":"https://e.x/"}"#),
            (api::TRACK, r#"{"u":"https://closed.e.x/a"}"#),
            (api::PLAUSIBLE_EVENT, r#"{"n":"pageview","d":"e.x","u":"https://e.x/b"}"#),
        ] {
            let request = Request { path: path.to_owned(), ..request::post(body) };
            assert_eq!(wait(track.handle(&request)).status(), 202, "{path} {body}");
        }
        let bot = Request {
            headers: request::headers(&[("user-agent", "Googlebot/2.1")]),
            ..request::post(r#"{"u":"https://e.x/"}"#)
        };
        assert_eq!(wait(track.handle(&bot)).status(), 202);
        store
    }

    /// Runs the rollup through an hour that is over, a day that is over, and the time at which hits expire.
    fn rollup(&self) -> Recorder {
        let store = Recorder::new(&self.store);
        let rollup =
            Rollup::new(self.settings.clone(), store.clone(), self.clock.clone()).min_hits(1);
        let later = |hours| self.clock.pass(SignedDuration::from_hours(hours));
        for hours in [1, 1, 24, 24, 24 * 40] {
            later(hours);
            wait(rollup.run()).unwrap();
        }
        store
    }

    fn dashboard(&self) -> Recorder {
        let kinds = [TokenKind::Api, TokenKind::Share];
        let token = |kind| {
            let site = Domain::try_from("closed.e.x".to_owned()).unwrap();
            let name = "a name".to_owned();
            let request = TokenRequest { kind, site, name, expires: None, embed: Vec::new() };
            wait(admin::create(&self.store, &self.clock, request)).unwrap().0.expose().to_owned()
        };
        let secrets = kinds.map(token);
        let password = Password::parse(PASSWORD.to_owned()).unwrap();
        wait(admin::set_password(&self.store, &self.clock, &password)).unwrap();
        let key = wait(admin::signing_key(&self.store, &self.clock)).unwrap();
        let link = admin::login_link(&self.clock, &key, None).unwrap();

        let store = Recorder::new(&self.store);
        let web =
            Web::new(self.settings.clone(), store.clone(), self.clock.clone(), AccessMode::Closed);
        let web = web.unwrap();
        wait(web.warm());
        let ask = |request: Request| wait(web.handle(&request));
        let form = |name: &str, value: &str| {
            let mut form = url::form_urlencoded::Serializer::new(String::new());
            let body = form.append_pair(name, value).finish();
            let mut request = Request { path: api::LOGIN.to_owned(), ..request::post(body) };
            request.headers.insert("sec-fetch-site", HeaderValue::from_static("same-origin"));
            request
        };
        assert_eq!(ask(form("password", "another password")).status(), 403);
        assert_eq!(ask(form("password", PASSWORD)).status(), 303);
        let session = ask(form("link", &link));
        assert_eq!(session.status(), 303);
        let cookie = |answer: &Response| answer.headers()["set-cookie"].clone();
        let authorization = |secret: &String| {
            ("authorization", HeaderValue::try_from(format!("Bearer {secret}")).unwrap())
        };
        let mut ways = vec![("cookie", cookie(&session))];
        ways.extend(secrets.iter().map(authorization));
        for route in ROUTES.iter().filter(|it| it.function == Function::Dashboard) {
            for (name, value) in &ways {
                for query in [
                    "site=closed.e.x&days=30",
                    "site=closed.e.x&format=json&days=90&timezone=Asia/Tokyo",
                    "site_id=closed.e.x&period=30d&property=visit:source",
                    "site=e.x",
                ] {
                    let body =
                        r#"{"site_id":"closed.e.x","metrics":["visitors"],"date_range":"30d"}"#;
                    let mut request = Request {
                        method: route.method.to_owned(),
                        path: route.path.to_owned(),
                        query: query.to_owned(),
                        ..request::post(body)
                    };
                    request.headers.insert(*name, value.clone());
                    let status = ask(request).status();
                    assert!(!status.is_server_error(), "{} {}?{query}", route.method, route.path);
                }
            }
        }
        store
    }
}

/// The actions that the functions' operations need, as `operations_need_these_actions` shows.
fn action(operation: Operation) -> Option<Action> {
    match operation {
        Operation::Put | Operation::PutIfAbsent | Operation::Replace => Some(Action::PutItem),
        Operation::Query => Some(Action::Query),
        Operation::Delete => Some(Action::DeleteItem),
        // `BatchWriteItem`, which no function may use.
        Operation::PutAll => None,
    }
}

/// The only kind of items with this partition key.
fn partition(pk: &str) -> Partition {
    let matches = |it: &Partition| match it.pattern().strip_suffix('*') {
        Some(start) => pk.starts_with(start),
        None => pk == it.pattern(),
    };
    let found: Vec<Partition> = Partition::ALL.into_iter().filter(matches).collect();
    let [partition] = found[..] else { panic!("{pk} is in {found:?}") };
    partition
}

#[test]
fn functions_use_exactly_what_they_are_granted() {
    let check = |function: Function, stores: &[Recorder]| {
        let used = stores.iter().flat_map(Recorder::used).map(|(operation, pk)| {
            let action = action(operation).unwrap_or_else(|| panic!("{operation:?} on {pk}"));
            (action.name(), partition(&pk).pattern())
        });
        let grants = Spec::of(function).grants.iter();
        let granted = grants
            .flat_map(|it| it.partitions.iter().map(|of| (it.action.name(), of.pattern())))
            .collect::<BTreeSet<_>>();
        assert_eq!(used.collect::<BTreeSet<_>>(), granted, "{}", function.name());
    };
    let world = World::new();
    let track = world.track();
    let open = world.dashboard();
    let rollup = world.rollup();
    check(Function::Track, &[track]);
    check(Function::Rollup, &[rollup]);
    check(Function::Dashboard, &[open, world.dashboard()]);
}

/// Asks a fake DynamoDB, and returns each action with the names of its item's attributes.
#[tokio::test]
async fn operations_need_these_actions() {
    let log: Arc<Mutex<Vec<(String, serde_json::Value)>>> = Arc::default();
    let sent = Arc::clone(&log);
    let address = fake::serve(move |asked| {
        let target = asked.headers["x-amz-target"].to_str().unwrap().to_owned();
        let action = format!("dynamodb:{}", target.rsplit('.').next().unwrap());
        sent.lock().unwrap().push((action, serde_json::from_slice(&asked.body).unwrap()));
        std::future::ready(fake::json(200, "{\"Items\":[],\"Count\":0}"))
    })
    .await;
    let store = dynamodb_local::store(address, "table");
    let key = Key { pk: "pk".to_owned(), sk: "sk".to_owned() };
    let item = || Item { key: key.clone(), value: b"value".to_vec(), expires: Some(1) };
    let sent = |operation| {
        let sent = std::mem::take(&mut *log.lock().unwrap());
        let actions: Vec<&str> = sent.iter().map(|(action, _)| action.as_str()).collect();
        match action(operation) {
            Some(action) => assert_eq!(actions, [action.name()], "{operation:?}"),
            None => assert_eq!(actions, ["dynamodb:BatchWriteItem"], "{operation:?}"),
        }
        sent
    };
    store.put(item()).await.unwrap();
    let put = sent(Operation::Put);
    let attributes = put[0].1["Item"].as_object().unwrap();
    for name in [PARTITION_KEY, SORT_KEY, EXPIRY] {
        assert!(attributes.contains_key(name), "the table's {name} is missing in {attributes:?}");
    }
    store.put_if_absent(item()).await.unwrap();
    sent(Operation::PutIfAbsent);
    store.compare_and_set(item(), b"old").await.unwrap();
    sent(Operation::Replace);
    store.query(&KeyRange::whole("pk".to_owned()), None).await.unwrap();
    sent(Operation::Query);
    store.delete(&key).await.unwrap();
    sent(Operation::Delete);
    store.put_all(vec![item()]).await.unwrap();
    sent(Operation::PutAll);
}

#[test]
fn every_key_is_in_the_partition_that_grants_name() {
    let settings = Settings::from_yaml(SETTINGS).unwrap();
    let site = &settings.sites[0];
    let at: Timestamp = NOW.parse().unwrap();
    let hour = Hour::of(at);
    let day = hour.day();
    let id = ImportId::from_bytes([0, 0, 0, 0, 0, 1]);
    let check = |expected: Partition, keys: &[Key], ranges: &[KeyRange]| {
        let pks = keys.iter().map(|key| &key.pk).chain(ranges.iter().map(|range| &range.pk));
        for pk in pks {
            assert_eq!(partition(pk), expected, "{pk}");
        }
    };
    check(
        Partition::Hits,
        &[keys::hit_key(site, at, 0, [0; 16])],
        &[keys::hits(site, hour, 0), keys::hits_since(site, hour, 0, at)],
    );
    check(
        Partition::Segments,
        &[
            keys::segment_key(site, Span::Day(day)),
            keys::segment_part_key(site, Span::Imported(day, id), 1, "id"),
        ],
        &[
            keys::segments(site, day, day),
            keys::hour_segments(site, day),
            keys::imported_segment(site, day, id),
        ],
    );
    check(Partition::Salts, &[keys::salt_key(day)], &[keys::salts_up_to(day)]);
    check(
        Partition::Meta,
        &[
            keys::checkpoint_key(site),
            keys::import_key(site, id),
            keys::import_files_key(site, id, 0),
            keys::lock_key(site),
            keys::rollup_key(),
        ],
        &[keys::site_meta(site), keys::import_files(site, None), keys::checkpoints()],
    );
    check(
        Partition::Access,
        &[keys::token_key("hash"), keys::signing_key(), keys::password_key()],
        &[keys::tokens()],
    );
    check(
        Partition::Logins,
        &[keys::login_key("id"), keys::try_key(hour, 1)],
        &[keys::tries_since(hour)],
    );
}

/// The first run after an hour rolls it up, not the one after that.
#[test]
fn an_hour_can_be_rolled_up_when_the_schedule_runs() {
    let Some(Schedule::HourlyAt(minute)) = Spec::of(Function::Rollup).schedule else {
        panic!("the rollup has no schedule");
    };
    assert!(minute < 60);
    let hour = Hour::of(NOW.parse().unwrap());
    // Strictly after the margin: a run may start in the first second of its minute.
    let run = hour.end() + SignedDuration::from_mins(i64::from(minute) - 1);
    assert!(hour_is_over(hour, run));
    assert!(!hour_is_over(hour, hour.end()));
}
