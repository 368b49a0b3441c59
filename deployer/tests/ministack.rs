//! From nothing to a running Footfall and back, on an AWS that we did not write: ministack, which runs
//! the functions for real, and enforces their roles' policies.
//!
//! Where it is laxer than AWS: change sets are ready, and applied, at once; code that is missing, an
//! architecture that is not there and capabilities that were not given are no failures; nothing is
//! rolled back; of a policy's conditions, those on a partition key are not looked at; throttling, CORS and TTL that the template asks for are not there; the bucket's
//! settings and owner are not enforced. What AWS refuses is in `deploy.rs`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may panic")]

mod support;

use std::collections::HashMap;
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};
use std::{env, fs};

use aws_sdk_dynamodb::types::AttributeValue;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use footfall_infra::function::Function;
use footfall_infra::settings::Settings;
use footfall_runtime::storage::hour::{Span, utc_day};
use footfall_runtime::storage::keys;
use footfall_runtime::storage::retention;
use footfall_runtime::storage::{Item, KeyRange, Store as _};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use support::ministack::{Api, Ministack};
use support::{Owner, bin_folder, exported, ran};

/// The functions as the tests of `runtime` built them, without what is there for debuggers.
fn functions(owner: &Owner) {
    fs::create_dir_all(owner.path("functions")).unwrap();
    for name in Function::ALL.map(Function::name) {
        let built = bin_folder().join(name);
        assert!(
            built.is_file(),
            "{} is not there; `cargo build --package footfall-runtime --features lambda --bins` \
             builds it",
            built.display()
        );
        let target = owner.path("functions").join(name);
        let mut strip = Command::new("strip");
        let stripped = strip.arg("-o").arg(target).arg(&built).status();
        assert!(stripped.expect("strip is installed").success());
    }
}

fn status(owner: &Owner) -> Value {
    serde_json::from_str(&owner.runs(&["status", "--json"]).ended(0).stdout).unwrap()
}

fn timed<T>(what: &str, run: impl FnOnce() -> T) -> T {
    let begun = Instant::now();
    let value = run();
    eprintln!("{what:<40} {:>6.1} s", begun.elapsed().as_secs_f64());
    value
}

#[test]
#[ignore = "needs ministack: run `cargo xtask test`"]
fn on_ministack_deployed_counted_changed_destroyed_and_deployed_again() {
    let ministack = timed("ministack starts", Ministack::start);
    let owner = Owner::of(&ministack.endpoint());
    timed("functions are stripped", || functions(&owner));

    // A plan makes nothing.
    timed("plan", || owner.deploys(&["--plan"])).ended(0).prints("to add, 0 to change");
    assert_eq!(status(&owner)["status"], Value::Null);

    timed("first deploy", || owner.deploys(&["--yes"]))
        .ended(0)
        .says("to upload")
        .prints("/dashboard\n");
    let deployed = status(&owner);
    assert_eq!(deployed["status"], "CREATE_COMPLETE");
    assert_eq!(deployed["functions"][0]["architecture"], "x86_64");
    let api = signed_in(&owner, Api::of(ministack.port, &deployed));
    timed("first hit", || assert_eq!(api.hit("/"), 202));
    for number in 1..10 {
        assert_eq!(api.hit(&format!("/{number}")), 202);
    }
    timed("dashboard", || assert_eq!(api.views(), 10));
    let endpoint = deployed["endpoint"].as_str().unwrap();
    owner.runs(&["snippet"]).ended(0).prints(endpoint);

    timed("deploy without a change", || owner.deploys(&["--yes"]))
        .ended(0)
        .says("already uploaded")
        .says("Nothing to change");

    timed("the snippet in a browser", || snippet_in_a_browser(&ministack, &owner, &api));
    assert_eq!(api.views(), 12);
    assert_eq!(status(&owner)["today"][0]["site"], "example.com");
    folded(&ministack, &api);
    assert_ne!(status(&owner)["rollup"], Value::Null);
    costs(&owner);
    timed("doctor", || doctor(&owner));
    timed("logs", || logs(&owner));

    let load = timed("second version, under load", || second_version(&owner, &api));
    // A function that is ended between its write and its answer has stored a hit without saying so.
    let counted = api.views();
    assert!(counted >= 12 + load.accepted, "an accepted hit is lost: {counted} of {load:?}");
    assert!(counted <= 12 + load.sent, "a hit is counted twice: {counted} of {load:?}");
    let second = status(&owner);
    assert_eq!(second["status"], "UPDATE_COMPLETE");
    assert_eq!(second["endpoint"], deployed["endpoint"]);
    assert_ne!(second["functions"][0]["artifact"], deployed["functions"][0]["artifact"]);
    owner.runs(&["snippet"]).ended(0).prints("data-dnt");

    // Back, and forth again.
    timed("rollback", || owner.runs(&["rollback", "--yes"])).ended(0).says("3 to change");
    assert_eq!(status(&owner)["functions"], deployed["functions"]);
    assert_eq!(api.hit("/back"), 202);
    owner.runs(&["rollback", "--yes"]).ended(0);
    assert_eq!(status(&owner)["functions"], second["functions"]);
    let counted = counted + 1;
    assert_eq!(api.views(), counted);

    timed("destroy", || owner.runs(&["destroy", "--yes"]))
        .ended(0)
        .says("The table footfall is kept")
        .says("Deleted the bucket");
    assert_eq!(status(&owner)["status"], Value::Null);
    owner.runs(&["destroy", "--yes"]).ended(0).says("Nothing to delete");

    // The next deploy adopts the kept table, and no data is lost.
    timed("deploy that adopts the table", || owner.deploys(&["--yes"])).ended(0).says("1 to adopt");
    // Nor is anybody who may look, or signed in.
    let mut again = Api::of(ministack.port, &status(&owner));
    (again.token, again.session) = (api.token, api.session);
    let api = again;
    let page = || api.send("GET", "/dashboard", &[("cookie", &api.session)], "").status;
    assert_eq!(page(), 200);
    owner.runs(&["open", "--rotate"]).ended(0).says("All browsers are signed out");
    assert_eq!(page(), 401);
    assert_eq!(api.views(), counted);
    assert_eq!(api.hit("/again"), 202);
    assert_eq!(api.views(), counted + 1);

    let wrong = ["destroy", "--yes", "--delete-data", "--site", "example.org"];
    owner.runs(&wrong).ended(2).says("nothing was deleted");
    let items = items(&ministack);
    let right =
        ["destroy", "--yes", "--delete-data", "--site", "example.com", "--export", "all.gz"];
    timed("destroy with the data", || owner.runs(&right)).ended(0).says("Deleted the table");
    let mut exported = exported(&owner.path("all.gz"));
    exported.sort_by_key(key);
    assert_eq!(exported, items);
    assert!(u64::try_from(exported.len()).unwrap() > counted, "{}", exported.len());
    owner.runs(&["destroy", "--yes"]).ended(0).says("Nothing to delete");
}

/// Walks up to the door, and gets in by the owner's commands: as a browser, and as a program.
fn signed_in(owner: &Owner, mut api: Api) -> Api {
    assert_eq!(api.ask("GET", "/dashboard", "").0, 401);
    assert_eq!(api.ask("GET", "/dashboard?format=json", "").0, 401);
    let open = timed("open", || owner.runs(&["open", "--site", "example.com"])).ended(0).stdout;
    let link = open.trim_end().split_once("/login").unwrap().1;
    let (status, page) = api.ask("GET", &format!("/login{link}"), "");
    assert_eq!((status, page.contains("method=\"post\"")), (200, true), "{page}");
    let form = link.trim_start_matches('?');
    let answer = api.send("POST", "/login", &[("sec-fetch-site", "same-origin")], form);
    assert_eq!(answer.status, 303, "{}", answer.body);
    assert_eq!(answer.header("location"), Some("/dashboard?site=example.com"));
    let cookie = answer.header("set-cookie").unwrap().split(';').next().unwrap().to_owned();
    assert_eq!(api.ask("POST", "/login", form).0, 403, "the link works once");
    let page = api.send("GET", "/dashboard", &[("cookie", &cookie)], "");
    assert_eq!(page.status, 200, "{}", page.body);
    assert!(page.body.contains("Sign out"));

    // A share link, and its end.
    let share = owner.runs(&["share", "create", "--name", "Ann"]).ended(0).stdout;
    let shared = share.trim_end().split_once("/dashboard").unwrap().1.to_owned();
    assert_eq!(api.ask("GET", &format!("/dashboard{shared}"), "").0, 200);
    let listed = owner.runs(&["share", "list"]).ended(0).prints("Ann").stdout;
    owner.runs(&["share", "revoke", listed.split(' ').next().unwrap()]).ended(0);
    assert_eq!(api.ask("GET", &format!("/dashboard{shared}"), "").0, 403);

    let token = owner.runs(&["token", "create", "--expires", "1d"]).ended(0).stdout;
    (api.token, api.session) = (token.trim_end().to_owned(), cookie);
    api
}

/// Puts a hit of a day that is over beside those of today, and lets the rollup fold it: with the rights
/// that its role has, and no others.
fn folded(ministack: &Ministack, api: &Api) {
    let settings = Settings::from_yaml("sites: [{domain: example.com}]").unwrap();
    let site = &settings.sites[0];
    let at = Timestamp::now() - SignedDuration::from_hours(72);
    let day = utc_day(at);
    let hit = Item {
        key: keys::hit_key(site, at, 0, [1; 16]),
        value: br#"{"v":"0000000000000001","p":"/before"}"#.to_vec(),
        expires: Some(retention::hit_expiry(site, at)),
    };
    let salt = Item { key: keys::salt_key(day), value: vec![7; 16], expires: None };
    let store = ministack.table();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let has =
        |range: KeyRange| !runtime.block_on(store.query(&range, None)).unwrap().items.is_empty();
    let before = api.views_of(7);
    for item in [hit, salt] {
        runtime.block_on(store.put(item)).unwrap();
    }
    let views = api.views_of(7);
    assert_eq!(views, before + 1);
    let run = timed("rollup", || ministack.invoke(Function::Rollup));
    assert_eq!(run["days"], 1, "{run}");
    assert!(has(KeyRange::one(&keys::segment_key(site, Span::Day(day)))), "no segment");
    assert!(has(KeyRange::one(&keys::checkpoint_key(site))), "no checkpoint");
    assert!(has(KeyRange::one(&keys::rollup_key())), "no note of the run");
    assert!(!has(KeyRange::one(&keys::salt_key(day))), "the salt is still there");
    assert_eq!(api.views_of(7), views);
    assert_eq!(ministack.invoke(Function::Rollup)["days"], 0);
}

/// Imported data appears once in the deployed dashboard, and can be undone.
#[test]
#[ignore = "needs ministack: run `cargo xtask test`"]
fn on_ministack_imported_and_taken_back() {
    let ministack = Ministack::start();
    let owner = Owner::of(&ministack.endpoint());
    functions(&owner);
    timed("deploy", || owner.deploys(&["--yes"])).ended(0);
    let api = signed_in(&owner, Api::of(ministack.port, &status(&owner)));
    assert_eq!(api.hit("/"), 202);
    // Two months, in which each day has its own segment, and today, which has tracked hits.
    let mut log = String::new();
    for hours in 0..24 * 60 {
        let at = Timestamp::now() - SignedDuration::from_hours(hours);
        let (time, page) = (at.strftime("%d/%b/%Y:%H:%M:%S +0000"), hours % 7);
        log.push_str(&format!(
            "203.0.113.7 - - [{time}] \"GET /{page} HTTP/1.1\" 200 1 \"-\" \"Mozilla/5.0 (X11; Linux \
             x86_64; rv:151.0) Gecko/20100101 Firefox/151.0\"\n"
        ));
    }
    owner.writes("access.log", log.as_bytes());
    let import = || {
        let ran = timed("import", || owner.runs(&["import", "access.log", "--json"])).ended(0);
        serde_json::from_str::<Value>(&ran.stdout).unwrap()
    };
    let summary = import();
    assert_eq!(summary["left_out"][0]["by"], "tracker");
    let hits = summary["hits"].as_u64().unwrap();
    assert!((1380..1440).contains(&hits), "{summary}");
    assert_eq!(api.views_of(90), hits + 1);
    assert_eq!(import()["id"], Value::Null);
    assert_eq!(api.views_of(90), hits + 1);
    // Folding leaves it where it is.
    ministack.invoke(Function::Rollup);
    assert_eq!(api.views_of(90), hits + 1);
    let id = summary["id"].as_str().unwrap();
    owner.runs(&["import", "--list"]).ended(0).prints(id);
    timed("undo", || owner.runs(&["import", "--undo", id])).ended(0);
    assert_eq!(api.views_of(90), 1);
}

/// An address, a proxy in front of it, and a browser that nobody else has.
const ADDRESS: &str = "198.51.100.177";
const PROXY: &str = "203.0.113.211";
const CANARY: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:151.0) Canarium/77.31 Firefox/151.0";

/// The forms in which these could be somewhere: as they are, and inside of something in base64.
fn secrets() -> Vec<Vec<u8>> {
    let mut secrets = Vec::new();
    for text in [ADDRESS, PROXY, CANARY, "Canarium/77.31"] {
        secrets.push(text.as_bytes().to_vec());
        for skipped in 0..3 {
            let mut bytes = vec![0; skipped];
            bytes.extend(text.bytes());
            bytes.truncate(bytes.len() / 3 * 3);
            secrets.push(BASE64.encode(&bytes)[if skipped == 0 { 0 } else { 4 }..].into());
        }
    }
    secrets
}

#[track_caller]
fn has_no_secret(what: &str, bytes: &[u8]) {
    for secret in secrets() {
        let found = bytes.windows(secret.len()).position(|window| window == secret);
        if let Some(at) = found {
            let around = &bytes[at.saturating_sub(200)..(at + 200).min(bytes.len())];
            panic!(
                "{} is in {what}: …{}…",
                String::from_utf8_lossy(&secret),
                String::from_utf8_lossy(around)
            );
        }
    }
}

/// No line for a hit, and nothing of the address and the browser that it came from in anything that is left: the
/// logs, the table, and whatever else the emulator holds.
#[test]
#[ignore = "needs ministack: run `cargo xtask test`"]
fn on_ministack_nothing_of_a_visitor_is_left() {
    const HITS: usize = 60;
    let mut ministack = Ministack::start();
    let owner = Owner::of(&ministack.endpoint());
    // The address is what stands in front of the trusted proxy.
    owner.writes("footfall.yaml", b"sites: [{domain: example.com}]\ntrusted_proxies: 1\n");
    functions(&owner);
    timed("deploy", || owner.deploys(&["--yes"])).ended(0);
    let mut api = signed_in(&owner, Api::of(ministack.port, &status(&owner)));
    api.browser = CANARY.to_owned();
    let forwarded = format!("{ADDRESS}, {PROXY}");
    let forwarded = [("x-forwarded-for", &*forwarded), ("forwarded", "for=198.51.100.177")];
    let send = |method, path: &str, body: &str| api.send(method, path, &forwarded, body).status;
    timed("hits", || {
        for number in 0..HITS {
            let body = format!(r#"{{"url":"https://example.com/{number}"}}"#);
            assert_eq!(send("POST", "/track", &body), 202);
        }
    });
    // Rejected, excluded and denied requests leave no trace either.
    assert_eq!(send("POST", "/track", "nonsense"), 400);
    assert_eq!(send("POST", "/track", r#"{"url":"https://elsewhere.example/"}"#), 403);
    assert_eq!(send("GET", "/pixel.gif?u=https://example.com/pixel", ""), 200);
    assert_eq!(send("GET", "/dashboard", ""), 401);
    assert_eq!(api.views(), HITS as u64 + 1);
    ministack.invoke(Function::Rollup);

    let logs = owner.runs(&["logs", "--json"]).ended(0).stdout;
    has_no_secret("the logs", logs.as_bytes());
    // Lambda's own lines are switched off by the template (SystemLogLevel), which the emulator does not heed.
    let own = logs.lines().filter(|line| {
        let event: Value = serde_json::from_str(line).unwrap();
        let message = event["message"].as_str().unwrap_or_default();
        !["START ", "END ", "REPORT ", "INIT_START "].iter().any(|own| message.starts_with(own))
    });
    // The rollup's one.
    let own: Vec<&str> = own.collect();
    assert_eq!(own.len(), 1, "{own:#?}");
    assert!(own[0].contains("\"rollup\""), "{own:?}");

    let (mut hits, mut others) = (0, 0);
    for item in all_items(&ministack) {
        let is_hit = item["pk"].as_s().unwrap().starts_with("hit#");
        *if is_hit { &mut hits } else { &mut others } += 1;
        for value in item.values() {
            match (value.as_s(), value.as_b()) {
                (Ok(text), _) => has_no_secret("the table", text.as_bytes()),
                (_, Ok(bytes)) => has_no_secret("the table", bytes.as_ref()),
                _ => assert!(value.is_n()),
            }
        }
    }
    assert_eq!(hits, HITS + 1);
    assert!(others >= 4, "a salt, a token, the key, the rollup's note: {others}");

    let left = timed("ministack ends", || ministack.left());
    let holds = |text: &str| {
        left.iter().any(|(_, bytes)| bytes.windows(text.len()).any(|w| w == text.as_bytes()))
    };
    // It is all there: the table, and the functions and their logs.
    for text in ["hit#example.com#", "footfall-track", "/aws/lambda/footfall-rollup"] {
        assert!(holds(text), "{text} is in no file that was left");
    }
    for (path, bytes) in &left {
        has_no_secret(&path.display().to_string(), bytes);
    }
}

/// All items of the table but the salts and the signing key, by their keys, as they stand in an export.
fn items(ministack: &Ministack) -> Vec<Value> {
    let items = all_items(ministack);
    let mut items: Vec<Value> = items
        .iter()
        .map(|item| {
            let text = |name: &str| json!({ "S": item[name].as_s().unwrap() });
            let bytes = BASE64.encode(item["v"].as_b().unwrap());
            let mut all = json!({ "pk": text("pk"), "sk": text("sk"), "v": { "B": bytes } });
            // Rolled-up data is kept for good.
            if let Some(expiry) = item.get("ttl") {
                all["ttl"] = json!({ "N": expiry.as_n().unwrap() });
            }
            all
        })
        .filter(|item| item["pk"]["S"] != "salt")
        .filter(|item| (&item["pk"]["S"], &item["sk"]["S"]) != (&json!("access"), &json!("key")))
        .collect();
    items.sort_by_key(key);
    items
}

fn all_items(ministack: &Ministack) -> Vec<HashMap<String, AttributeValue>> {
    let read = async {
        let client = ministack.dynamodb();
        let mut all = Vec::new();
        for table in ["footfall", "footfall-salts"] {
            let scan = client.scan().table_name(table).into_paginator().items().send();
            all.extend(scan.collect::<Result<Vec<_>, _>>().await.unwrap());
        }
        all
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(read)
}

fn key(item: &Value) -> (String, String) {
    (item["pk"]["S"].to_string(), item["sk"]["S"].to_string())
}

/// A page of the site in a real browser, with the very snippet that is printed: one reader with JavaScript,
/// and one without.
fn snippet_in_a_browser(ministack: &Ministack, owner: &Owner, api: &Api) {
    // ministack ignores the template's CORS settings, so the test sets them as AWS would.
    let template = owner.runs(&["template", "--json"]).ended(0).stdout;
    let template: Value = serde_json::from_str(&template).unwrap();
    let cors = &template["Resources"]["Api"]["Properties"]["CorsConfiguration"];
    assert!(cors["AllowOrigins"].as_array().unwrap().contains(&"http://example.com".into()));
    ministack.set_cors(api, cors);
    let host = format!("{}.execute-api.localhost", api.id);
    let snippet = owner.runs(&["snippet", "--endpoint", &format!("http://{host}")]).ended(0).stdout;
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/snippet.mjs");
    let mut node = Command::new("node");
    node.arg(script).env("FOOTFALL_SNIPPET", snippet).env("FOOTFALL_HOST", host);
    node.env("FOOTFALL_PORT", ministack.port.to_string());
    ran(node.output().expect("node is installed")).ended(0);
}

/// What was used so far. The emulator has Lambda's metrics of what is invoked by its own name, as the rollup was, and no
/// others.
fn costs(owner: &Owner) {
    let ran = timed("cost", || owner.runs(&["cost", "--json"])).ended(0);
    let report: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(report["basis"]["used"]["stack"], "footfall");
    let line = |what: &str| {
        let lines = report["month"]["lines"].as_array().unwrap();
        let line = lines.iter().find(|line| line["what"] == what);
        line.unwrap_or_else(|| panic!("no {what} in {report:#}"))["quantity"].as_f64().unwrap()
    };
    assert!(line("Function requests") >= 1.0, "{report:#}");
    assert!(line("Function time") > 0.0, "{report:#}");
    assert!(report["month"]["pay"].as_f64().unwrap() < 0.1, "{report:#}");
    owner.runs(&["cost"]).ended(0).prints("Usage of stack footfall in eu-central-1");
}

/// Doctor finds nothing wrong. It wants a compiler that has the target, which `FOOTFALL_ARM64_RUSTC` names
/// where rustup cannot add it.
fn doctor(owner: &Owner) {
    let mut command = owner.command(&["doctor", "--json"]);
    if let Some(rustc) = env::var_os("FOOTFALL_ARM64_RUSTC") {
        command.env("RUSTC", rustc);
    }
    // Rust comes from its usual place, not from the test's folder.
    let home = |name: &str, folder: &str| {
        let home = env::var_os("HOME").map(|home| PathBuf::from(home).join(folder));
        env::var_os(name).map(PathBuf::from).or(home).unwrap()
    };
    command.env("RUSTUP_HOME", home("RUSTUP_HOME", ".rustup"));
    command.env("CARGO_HOME", home("CARGO_HOME", ".cargo"));
    let ran = ran(command.output().unwrap()).ended(0).says("Ready to deploy");
    let report: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(report["ok"], true);
    let checks = report["checks"].as_array().unwrap();
    assert!(checks.len() > 10 && checks.iter().all(|check| check["state"] == "ok"), "{report:#}");
}

/// The functions' logs can be read, whatever the emulator writes into them.
fn logs(owner: &Owner) {
    let ran = owner.runs(&["logs", "--json"]).ended(0);
    for line in ran.stdout.lines() {
        let event: Value = serde_json::from_str(line).unwrap();
        assert!(
            ["track", "dashboard", "rollup"].contains(&event["function"].as_str().unwrap()),
            "{line}"
        );
    }
    eprintln!("{} lines of logs", ran.stdout.lines().count());
}

/// Hits while something else happens.
#[derive(Debug, Default)]
struct Load {
    sent: u64,
    accepted: u64,
}

/// Deploys other code and other settings while hits come in.
fn second_version(owner: &Owner, api: &Api) -> Load {
    owner.writes("footfall.yaml", b"sites:\n  - domain: example.com\n    respect_dnt: true\n");
    let track = owner.path("functions/track");
    // Another file, and the same program: what follows its end is not read.
    let mut binary = fs::read(&track).unwrap();
    binary.extend(b"2");
    fs::write(&track, binary).unwrap();
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        let hits = scope.spawn(|| {
            let mut load = Load::default();
            while !over.load(Ordering::Relaxed) {
                load.sent += 1;
                load.accepted += u64::from(api.hit("/load") == 202);
                thread::sleep(Duration::from_millis(20));
            }
            load
        });
        let deployed = owner.deploys(&["--yes"]);
        // Some are also taken by the new version.
        thread::sleep(Duration::from_secs(1));
        over.store(true, Ordering::Relaxed);
        deployed.ended(0).says("0 to add, 3 to change, 0 to remove");
        let load = hits.join().unwrap();
        assert!(load.accepted > 10, "{load:?}");
        load
    })
}
