//! `export` and `delete` over the data of `dev`: the real commands, as an owner runs them.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may panic")]

mod support;

use std::collections::BTreeSet;
use std::fs;
use std::process::{Command, Stdio};
use std::time::Duration;

use footfall_infra::settings::{Settings, Site};
use footfall_runtime::hit::Kind;
use footfall_runtime::storage::embedded::Embedded;
use footfall_runtime::storage::keys;
use footfall_runtime::storage::retention;
use footfall_runtime::storage::{Item, Store as _};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use support::scripted::{Answer, Scripted};
use support::{Owner, ran};

/// Hits of the last days, a quarter of them below /old.
fn owner(hits: i64) -> Owner {
    let owner = Owner::of("http://127.0.0.1:1");
    let settings = Settings::from_yaml("sites: [{domain: example.com}]").unwrap();
    let now = Timestamp::now();
    let items = (0..hits).map(|number| {
        let at = now - SignedDuration::from_secs(3600 + number * 10 * 86_400 / hits);
        item(&settings.sites[0], at, number)
    });
    let store = Embedded::open(&owner.path(".footfall")).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(store.put_all(items.collect())).unwrap();
    owner
}

fn item(site: &Site, at: Timestamp, number: i64) -> Item {
    let page = ["/old/a", "/", "/b", "/café"][usize::try_from(number % 4).unwrap()];
    let hit = json!({ "v": format!("{:016x}", 1 + number % 50), "p": page, "s": "=1+1" });
    let kind = Kind::Hit(serde_json::from_value(hit).unwrap());
    let mut random = [0; 16];
    random[..8].copy_from_slice(&number.to_be_bytes());
    let key = keys::hit_key(site, at, 0, random);
    Item { key, value: kind.encode(900).unwrap(), expires: Some(retention::hit_expiry(site, at)) }
}

fn objects(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn names(owner: &Owner) -> Vec<String> {
    let names = fs::read_dir(owner.path(".")).unwrap();
    let mut names: Vec<String> =
        names.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn exports_every_hit_in_every_format() {
    let owner = owner(400);
    let export = |more: &[&str]| {
        let mut all = vec!["export", "--local"];
        all.extend(more);
        owner.runs(&all)
    };
    export(&["--format", "jsonl", "--output", "a.jsonl"]).ended(0).says("Exported 400 hits from ");
    let hits = objects(&fs::read_to_string(owner.path("a.jsonl")).unwrap());
    assert_eq!(hits.len(), 400);
    let days: BTreeSet<&str> =
        hits.iter().map(|hit| &hit["time"].as_str().unwrap()[..10]).collect();
    assert!(hits.iter().all(|hit| hit["source"] == "=1+1" && hit["visitor"].is_u64()));
    let csv = export(&["--format", "csv", "--output", "-"]).ended(0).stdout;
    assert_eq!(csv.lines().count(), 401);
    assert!(csv.starts_with("time,visitor,event,") && csv.contains(",'=1+1,"), "{csv}");
    // Parquet goes to a folder with a file for each day, which is its segment.
    export(&["--output", "files"]).ended(0).says(&format!("{} files", days.len()));
    let files: Vec<_> = fs::read_dir(owner.path("files")).unwrap().collect();
    assert_eq!(files.len(), days.len());
    for file in files {
        let file = file.unwrap();
        let name = file.file_name().into_string().unwrap();
        assert!(name.ends_with("-so-far.parquet"), "{name}");
        let header = footfall_runtime::segment::header(&fs::read(file.path()).unwrap()).unwrap();
        assert_eq!(header.parts, 1);
    }
    // By default, a name that says what it is; never over anything.
    export(&[]).ended(0);
    let made: Vec<_> = names(&owner)
        .into_iter()
        .filter(|name| name.starts_with("footfall-example.com-"))
        .collect();
    assert_eq!(made.len(), 1, "{made:?}");
    export(&[]).ended(2).says("already exists");
    export(&["--output", "files"]).ended(2).says("already exists");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode =
            |name: &str| fs::metadata(owner.path(name)).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode("a.jsonl"), mode("files")), (0o600, 0o700));
    }
    // A part of the days.
    let day = hits[0]["time"].as_str().unwrap()[..10].to_owned();
    let some =
        export(&["--format", "jsonl", "--output", "-", "--from", &day, "--to", &day]).ended(0);
    let expected = hits.iter().filter(|hit| hit["time"].as_str().unwrap().starts_with(&day));
    assert_eq!(objects(&some.stdout).len(), expected.count());
}

#[test]
fn rejects_invalid_arguments() {
    let owner = owner(4);
    let check = |arguments: &[&str], expected: &str| {
        owner.runs(arguments).ended(2).says(expected).says("hint: ");
    };
    check(&["export", "--local", "--output", "-"], "Parquet files cannot go to standard output");
    check(&["export", "--local", "--data", "nowhere"], "no data of `cargo xtask dev` in nowhere");
    check(&["export", "--local", "--site", "e.y"], "unknown site e.y");
    check(&["export", "--local", "--from", "2026-02-01", "--to", "2026-01-01"], "later than --to");
    let delete = ["delete", "--local", "--site", "example.com"];
    check(&delete, "missing page or days to delete");
    check(
        &[&delete[..], &["--page", "/"]].concat(),
        "this needs confirmation, but there is no terminal",
    );
    assert!(!owner.path("nowhere").exists());
    // In the folder in which `dev` runs.
    let store = Embedded::open(&owner.path(".footfall")).unwrap();
    owner.runs(&["export", "--local"]).ended(1).says("in use by another `cargo xtask dev`");
    drop(store);
}

#[test]
fn interrupted_export_leaves_nothing_at_its_target() {
    let owner = owner(30_000);
    for signal in ["INT", "KILL"] {
        for format in ["jsonl", "parquet"] {
            let is_partial = |name: &String| name.ends_with(".partial");
            // An export that is quicker than the signal is tried again.
            let ended = loop {
                let mut command =
                    owner.command(&["export", "--local", "--format", format, "--output", "out"]);
                let mut child =
                    command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
                while !names(&owner).iter().any(is_partial) && child.try_wait().unwrap().is_none() {
                    std::thread::sleep(Duration::from_millis(1));
                }
                if child.try_wait().unwrap().is_none() {
                    let id = child.id().to_string();
                    let mut kill = Command::new("kill");
                    assert!(kill.args(["-s", signal, &id]).status().unwrap().success());
                }
                let ended = ran(child.wait_with_output().unwrap());
                if ended.code != 0 {
                    break ended;
                }
                let path = owner.path("out");
                fs::remove_file(&path).or_else(|_| fs::remove_dir_all(&path)).unwrap();
            };
            assert!(!owner.path("out").exists(), "{signal} {format}");
            if signal == "INT" {
                ended.ended(1).says("stopped").says("hint: ");
                assert!(!names(&owner).iter().any(is_partial), "{format}");
            }
            for name in names(&owner).iter().filter(|name| is_partial(name)) {
                let path = owner.path(name);
                fs::remove_file(&path).or_else(|_| fs::remove_dir_all(&path)).unwrap();
            }
        }
    }
}

#[test]
fn deleted_hits_are_gone() {
    let owner = owner(400);
    let delete = |more: &[&str]| {
        let mut all = vec!["delete", "--local", "--site", "example.com"];
        all.extend(more);
        owner.runs(&all)
    };
    let left = || {
        let ran = owner.runs(&["export", "--local", "--format", "jsonl", "--output", "-"]).ended(0);
        objects(&ran.stdout)
    };
    let has_bytes = |text: &[u8]| {
        let file = fs::read(owner.path(".footfall/footfall.redb")).unwrap();
        file.windows(text.len()).any(|window| window == text)
    };
    assert!(has_bytes(b"/old/a"));
    delete(&["--page", "/old/*", "--dry-run"])
        .ended(0)
        .says("Will be deleted from example.com: 100 hits on 1")
        .says("      100  /old/a\n")
        .says("Dry run: nothing was deleted");
    assert_eq!(left().len(), 400);
    delete(&["--page", "/old/*", "--yes"]).ended(0).says("Deleted 100 hits");
    assert!(left().len() == 300 && left().iter().all(|hit| hit["page"] != "/old/a"));
    assert!(!has_bytes(b"/old/a"), "nor is it in free space of the file");
    delete(&["--page", "/old/*", "--yes"]).ended(0).says("Nothing to delete");
    // A day of a page, and then all of that day.
    let day = left()[100]["time"].as_str().unwrap()[..10].to_owned();
    let of_day = |hit: &&Value| hit["time"].as_str().unwrap().starts_with(&day);
    let before = left().iter().filter(of_day).count();
    let days = ["--from", &day, "--to", &day, "--yes"];
    delete(&[&["--page", "/b"][..], &days].concat()).ended(0);
    let after: Vec<Value> = left().iter().filter(of_day).cloned().collect();
    assert!(after.len() < before && after.iter().all(|hit| hit["page"] != "/b"));
    assert!(left().iter().any(|hit| hit["page"] == "/b"), "on other days");
    delete(&days).ended(0);
    assert_eq!(left().iter().filter(of_day).count(), 0);
    assert_eq!(left().len(), 300 - before);
}

/// DynamoDB's answer about an existing table, and then to each query.
fn aws(queries: Vec<Answer>) -> Scripted {
    let table = json!({ "Table": { "TableName": "footfall", "TableStatus": "ACTIVE" } });
    Scripted::start(&[
        ("DescribeTable", vec![Answer::Says(200, table.to_string())]),
        ("Query", queries),
    ])
}

fn fails(code: &str) -> Answer {
    let code = format!("com.amazonaws.dynamodb.v20120810#{code}");
    Answer::Says(400, json!({ "__type": code, "message": "no" }).to_string())
}

#[test]
fn reads_the_deployed_table() {
    let now = Timestamp::now();
    let hit = json!({ "Items": [{
        "pk": { "S": "hit#example.com" }, "sk": { "S": format!("{}#00", now.as_millisecond()) },
        // {"v":"00000000000000ab","p":"/"}
        "v": { "B": "eyJ2IjoiMDAwMDAwMDAwMDAwMDBhYiIsInAiOiIvIn0=" },
        "ttl": { "N": (now.as_second() + 1000).to_string() },
    }] });
    let none = || Answer::Says(200, json!({ "Items": [] }).to_string());
    let today = now.to_string()[..10].to_owned();
    let days = ["--from", &today, "--to", &today];
    // The site's progress, the day's segments, and then its hits.
    let queries = || vec![none(), none(), Answer::Says(200, hit.to_string()), none()];
    let script = aws(queries());
    let owner = Owner::of(&script.endpoint);
    let export = [&["export", "--format", "jsonl", "--output", "-"][..], &days].concat();
    let hits = objects(&owner.runs(&export).ended(0).says("Table    footfall").stdout);
    assert_eq!(hits.len(), 1);
    assert_eq!((&hits[0]["page"], &hits[0]["visitor"]), (&json!("/"), &json!(1)));
    assert!(script.bodies("Query").contains(&format!("hit#example.com#{today}T")));

    let script = aws(queries());
    let owner = Owner::of(&script.endpoint);
    let delete =
        [&["delete", "--site", "example.com", "--page", "/", "--dry-run"][..], &days].concat();
    owner.runs(&delete).ended(0).says("1 hits on 1 days").says("Dry run: nothing was deleted");
    assert_eq!(script.times("PutItem") + script.times("DeleteItem"), 0);

    // A failed export leaves nothing behind.
    let script = aws(vec![none(), none(), fails("AccessDeniedException")]);
    let owner = Owner::of(&script.endpoint);
    owner
        .runs(&["export", "--output", "out"])
        .ended(1)
        .says("AccessDeniedException")
        .says("hint: ");
    assert_eq!(names(&owner), ["footfall.yaml"]);
    let script = Scripted::start(&[("DescribeTable", vec![fails("ResourceNotFoundException")])]);
    let owner = Owner::of(&script.endpoint);
    owner.runs(&["export"]).ended(2).says("table footfall not found in eu-central-1");
}

/// DuckDB reads the same values as the files contain.
#[test]
#[ignore = "needs DuckDB: run `cargo xtask test`"]
fn duckdb_reads_every_format() {
    let python =
        std::env::var_os("FOOTFALL_DUCKDB").expect("FOOTFALL_DUCKDB is a Python that has it");
    let owner = owner(400);
    for format in ["parquet", "csv", "jsonl"] {
        owner.runs(&["export", "--local", "--format", format, "--output", format]).ended(0);
    }
    let program = "import duckdb\n\
        for source in (\"read_parquet('parquet/*.parquet')\", \"read_csv('csv')\", \"read_json('jsonl')\"):\n    \
        print(duckdb.sql(f\"SELECT count(*), count(DISTINCT (time::VARCHAR, page)), count(source), \
        count(*) FILTER (page = '/café'), min(visitor) FROM {source}\").fetchall())";
    let mut command = Command::new(python);
    let asked = command.args(["-c", program]).current_dir(owner.path(".")).output().unwrap();
    assert!(asked.status.success(), "{}", String::from_utf8_lossy(&asked.stderr));
    let answers = String::from_utf8(asked.stdout).unwrap();
    assert_eq!(answers, "[(400, 400, 400, 100, 1)]\n".repeat(3));
}
