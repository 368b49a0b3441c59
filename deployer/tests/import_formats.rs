//! Imports of each format, over a store in memory.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may panic")]

mod support;

use std::fs;
use std::io::Write as _;
use std::path::PathBuf;

use footfall_deployer::import::{FormatArg, Options, Summary};
use footfall_runtime::hit::{Hit, Kind};
use footfall_runtime::ingest::Ingest;
use footfall_runtime::platform::http::Request;
use support::import_job::*;

/// Holds what comes of a file against what is committed; UPDATE_GOLDEN=1 writes that anew.
fn check(name: &str, files: &[&str]) {
    let store = Memory::default();
    let files: Vec<PathBuf> = files.iter().map(|file| data(file)).collect();
    let summary = import(&store, &files);
    let found = words(&store, &summary);
    let golden = data(&format!("golden/{name}.txt"));
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::create_dir_all(golden.parent().unwrap()).unwrap();
        fs::write(&golden, &found).unwrap();
    }
    let expected = fs::read_to_string(&golden).unwrap_or_default();
    assert_eq!(found, expected, "{name}: UPDATE_GOLDEN=1 accepts it");
    // What is counted is what is stored, and nobody's address or User-Agent is.
    let views = found.lines().filter(|line| line.contains(" visitor=")).count() as u64;
    assert_eq!(views, summary.hits + summary.filtered.values().sum::<u64>());
    for item in store.items() {
        let text = String::from_utf8_lossy(&item.value);
        assert!(!text.contains("203.0.113.") && !text.contains("Mozilla"), "{:?}", item.key);
    }
}

#[test]
fn access_logs() {
    check("combined", &["combined.log"]);
    check("vhost", &["vhost.log"]);
    check("common", &["common.log"]);
}

#[test]
fn cloudfront() {
    check("cloudfront", &["cloudfront.log"]);
}

#[test]
fn goatcounter() {
    check("goatcounter-1", &["goatcounter-1.csv"]);
    check("goatcounter-2", &["goatcounter-2.csv"]);
}

#[test]
fn umami() {
    check("umami", &["website_event.csv", "event_data.csv"]);
    check("umami-without-properties", &["website_event.csv"]);
}

#[test]
fn footfall_export() {
    check("footfall", &["footfall.csv"]);
    // The same in another form.
    let (csv, json) = (Memory::default(), Memory::default());
    let of_csv = words(&csv, &import(&csv, &[data("footfall.csv")]));
    assert_eq!(words(&json, &import(&json, &[data("footfall.jsonl")])), of_csv);
    // And what was stored of it, a segment, as a file.
    let folder = tempfile::tempdir().unwrap();
    let segments = csv.items().into_iter().filter(|item| item.key.pk.starts_with("seg#"));
    let files: Vec<PathBuf> =
        segments.map(|item| file(&folder, &item.key.sk.replace('#', "-"), &item.value)).collect();
    let again = Memory::default();
    assert_eq!(words(&again, &import(&again, &files)), of_csv);
}

/// A line of a log is the hit that the tracker would have stored of the same page view.
#[test]
fn stores_a_log_line_as_the_tracker_would() {
    let agent = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, \
                 like Gecko) Version/26.0 Mobile/15E148 Safari/604.1";
    let target = "/caf%C3%A9?utm_source=hn&utm_campaign=a%20b&ref=x";
    let referrer = "https://www.google.com/search?q=secret";
    let live = Memory::default();
    let track =
        Ingest::new(settings(), live.clone(), footfall_runtime::platform::context::SystemContext);
    let body =
        serde_json::json!({ "url": format!("https://example.com{target}"), "referrer": referrer });
    let mut headers = http::HeaderMap::new();
    headers.insert("user-agent", agent.parse().unwrap());
    let answer = wait(track.handle(&Request {
        method: "POST".to_owned(),
        path: "/track".to_owned(),
        query: String::new(),
        headers,
        body: body.to_string().into_bytes(),
        peer: "203.0.113.7".parse().unwrap(),
    }));
    assert_eq!(answer.status(), 202);
    let hit = |kind| match kind {
        Kind::Hit(hit) => Hit { visitor: footfall_runtime::hit::visitor::VisitorId::new(0), ..hit },
        other => panic!("{other:?}"),
    };
    let live = hit(Kind::decode(&live.hits()[0].value).unwrap());

    let line = format!(
        "203.0.113.7 - - [20/Nov/2026:09:00:00 +0000] \"GET {target} HTTP/1.1\" 200 1 \"{referrer}\" \"{agent}\"\n"
    );
    let folder = tempfile::tempdir().unwrap();
    let store = Memory::default();
    let summary = import(&store, &[file(&folder, "access.log", line)]);
    assert_eq!(summary.hits, 1);
    let found = words(&store, &summary);
    let texts = [Some(live.page.clone()), live.source, live.referrer, live.campaign.source];
    let more = [live.campaign.name, live.browser, live.os, live.browser_version];
    for text in texts.into_iter().chain(more) {
        let text = text.unwrap();
        assert!(found.contains(&format!("={text:?}")), "{text:?} is not in {found}");
    }
    assert!(!found.contains("secret"));
}

#[test]
fn rejects_files_that_cannot_be_read() {
    let folder = tempfile::tempdir().unwrap();
    let fails = |name: &str, content: &[u8], said: Option<FormatArg>, expected: &str| {
        let store = Memory::default();
        let files = [file(&folder, name, content)];
        let options = Options { format: said, ..Options::default() };
        let error = import_into(&store, &settings(), options, &files).unwrap_err();
        let error = format!("{error:#}");
        assert!(error.contains(expected), "{error:?} should say {expected:?}");
        assert!(store.items().is_empty());
    };
    fails("a.txt", b"hello\nworld\n", None, "unrecognised format");
    fails("a.txt", b"hello\nworld\n", Some(FormatArg::AccessLog), "cannot read any of 2 lines");
    fails("a.txt", b"hello\nworld\n", Some(FormatArg::Umami), "the format umami");
    fails(
        "a.csv",
        b"3Path,Title,Event,Bot\n",
        None,
        "unsupported version 3 of GoatCounter's export",
    );
    fails("a.csv", b"date,clicks\n2026-01-01,3\n", None, "unrecognised format");
    fails("a.parquet", b"PAR1 and so on PAR1", None, "not a Parquet file written by Footfall");
    // A good file beside it is not imported either.
    let cut = gzip(&[&log(0..200)]);
    fails("cut.gz", &cut[..cut.len() / 2], None, "cannot read");
    let store = Memory::default();
    let files =
        [file(&folder, "good.log", log(0..9)), file(&folder, "cut.gz", &cut[..cut.len() / 2])];
    import_into(&store, &settings(), Options::default(), &files).unwrap_err();
    assert!(store.items().is_empty());
}

#[test]
fn imports_a_zip_like_the_files_in_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("export.zip");
    let mut zip = zip::ZipWriter::new(fs::File::create(&path).unwrap());
    let options = zip::write::SimpleFileOptions::default();
    for name in ["website_event.csv", "event_data.csv"] {
        zip.start_file(format!("export/{name}"), options).unwrap();
        zip.write_all(&fs::read(data(name)).unwrap()).unwrap();
    }
    zip.start_file("export/session_data.csv", options).unwrap();
    zip.write_all(b"website_id,session_id,data_key,string_value\n").unwrap();
    zip.finish().unwrap();
    let (zipped, plain) = (Memory::default(), Memory::default());
    let of_zip = import(&zipped, std::slice::from_ref(&path));
    let of_files = import(&plain, &[data("website_event.csv"), data("event_data.csv")]);
    assert_eq!((of_zip.files, of_zip.id), (2, of_files.id));
    let places =
        |summary: &Summary| summary.refused[0].first[0].rsplit('/').next().unwrap().to_owned();
    assert_eq!(places(&of_zip), places(&of_files));
    assert_eq!(stored(&zipped), stored(&plain));
    assert_eq!(import(&zipped, &[path]).files, 0);
}

fn plausible() -> Vec<PathBuf> {
    let folder = fs::read_dir(data("plausible")).unwrap();
    let mut files: Vec<PathBuf> = folder.map(|file| file.unwrap().path()).collect();
    files.sort();
    files
}

/// Each of Plausible's tables comes out as it went in.
#[test]
fn reproduces_each_plausible_table() {
    let store = Memory::default();
    let summary = import(&store, &plausible());
    assert_eq!((summary.files, summary.days, summary.refused.len()), (10, 2, 0));
    let report = report(&store, "from=2026-11-20&to=2026-11-20");
    let totals = &report.totals;
    assert_eq!((totals.views, totals.visitors, totals.visits, totals.events), (9, 4, 5, 3));
    let json = serde_json::to_value(&report).unwrap();
    // 2 of 5 bounce, and 900 seconds are 180 a visit.
    assert_eq!(json["totals"]["bounce_rate"], 40.0, "{}", json["totals"]);
    assert_eq!(json["totals"]["visit_duration"], 180.0, "{}", json["totals"]);
    let table = |name: &str, count: &str| {
        let table = &json["tables"][name]["rows"];
        let rows =
            table.as_array().unwrap_or_else(|| panic!("no table {name}: {}", json["tables"]));
        let mut rows: Vec<(String, u64)> = rows
            .iter()
            .map(|row| {
                (row["value"].as_str().unwrap_or("").to_owned(), row[count].as_u64().unwrap())
            })
            .filter(|(_, count)| *count > 0)
            .collect();
        rows.sort();
        rows.into_iter()
            .map(|(name, count)| format!("{name}={count}"))
            .collect::<Vec<_>>()
            .join(" ")
    };
    assert_eq!(table("page", "views"), "/=4 /posts/tiny=4 blog.example.com/about=1");
    assert_eq!(table("entry_page", "visits"), "/=3 /posts/tiny=2");
    assert_eq!(table("exit_page", "visits"), "/=1 /posts/tiny=3 blog.example.com/about=1");
    assert_eq!(table("source", "visits"), "=2 Hacker News=2 newsletter=1");
    assert_eq!(table("country", "visits"), "=1 DE=3 US=1");
    assert_eq!(table("browser", "visits"), "Firefox=4 Mobile App=1");
    assert_eq!(table("os", "visits"), "GNU/Linux=3 macOS=2");
    assert_eq!(table("device", "visits"), "Desktop=3 Mobile=2");
    assert_eq!(table("event", "events"), "Outbound Link: Click=3");
    // It is as made up, always the same.
    check("plausible", &plausible().iter().map(|file| file.to_str().unwrap()).collect::<Vec<_>>());
    // A table alone says how many visits there were, and not of what.
    let alone = import(&Memory::default(), &plausible()[9..]);
    assert!(alone.notes.iter().any(|note| note.starts_with("6 visits")), "{:?}", alone.notes);
}

/// However the tables disagree, no visit is longer than its day, and nothing fails.
#[test]
fn survives_plausible_tables_that_disagree() {
    let folder = tempfile::tempdir().unwrap();
    let visitors =
        "date,visitors,pageviews,bounces,visits,visit_duration\n2026-11-20,0,9,9,40,999999999\n";
    let pages = "date,page,visitors,pageviews\n2026-11-20,/,1,5\n2026-11-20,/b,1,100000000\n";
    let entries =
        "date,entry_page,visitors,entrances,visit_duration,bounces\n2026-11-20,/c,1,50,1,99\n";
    let files = [
        file(&folder, "imported_visitors.csv", visitors),
        file(&folder, "imported_pages.csv", pages),
        file(&folder, "imported_entry_pages.csv", entries),
    ];
    let store = Memory::default();
    let summary = import(&store, &files);
    assert_eq!((summary.hits, summary.refused[0].lines), (40, 1));
    assert_eq!(all(&store)["totals"]["visits"], 40, "{:?}", summary.notes);
}

/// Whatever became of a file's bytes, there is an answer, and nothing is stored half.
#[test]
fn survives_damaged_files() {
    let folder = tempfile::tempdir().unwrap();
    let names = [
        "combined.log",
        "cloudfront.log",
        "goatcounter-2.csv",
        "website_event.csv",
        "footfall.csv",
        "footfall.jsonl",
        "plausible/imported_visitors_20261119_20261120.csv",
    ];
    for name in names {
        let whole = fs::read(data(name)).unwrap();
        for (at, byte) in (0..whole.len()).step_by(41).zip(b"\0\"\\%\xff\n,{9".iter().cycle()) {
            let mut bytes = whole.clone();
            bytes[at] = *byte;
            bytes.truncate(whole.len() - at % 50);
            let store = Memory::default();
            let files = [file(&folder, name.rsplit('/').next().unwrap(), bytes)];
            match import_into(&store, &settings(), Options::default(), &files) {
                Ok(summary) => {
                    let views = all(&store)["totals"]["views"].as_u64().unwrap();
                    assert!(views <= summary.hits, "{name} at {at}");
                }
                Err(_) => assert!(store.items().is_empty(), "{name} at {at}"),
            }
        }
    }
}
