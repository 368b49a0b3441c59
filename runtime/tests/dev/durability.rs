//! Data in the folder survives restarts, SIGKILL and a full disk.

use std::collections::HashSet;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use footfall_infra::settings::Settings;
use footfall_runtime::storage::embedded::Embedded;
use footfall_runtime::storage::hour::{utc_day, utc_start};
use footfall_runtime::storage::{Item, Store as _, keys, retention};
use footfall_testkit::wait::{away_from_midnight, wait_for};
use footfall_testkit::{FIREFOX, http};
use jiff::{Timestamp, ToSpan as _};
use serde_json::json;

use super::{dropped, pages, totals, view};
use crate::process::{self, Dev};

#[test]
fn keeps_data_and_visitors_across_restarts() {
    away_from_midnight();
    let folder = process::folder(None);
    for run in 1..=3 {
        let dev = Dev::start(folder.path());
        dev.view("http://localhost/");
        assert_eq!(totals(&dev.report()), [run, 1, 0]);
        let (status, stdout) = dev.stop();
        assert!(status.success(), "{status}");
        assert!(stdout.contains("/dashboard") && stdout.contains("<script defer"), "{stdout}");
    }
}

/// Returns the pages below /load with their views. Asks for them in pieces, because a table has at most 1,000
/// rows.
fn loaded(dev: &Dev) -> Vec<(String, u64)> {
    let pieces = (0..10).map(|piece| format!("contains,page,/load/{piece}/"));
    let pieces = pieces.chain(["is,page,/load/first,/load/after".to_owned()]);
    let mut all = Vec::new();
    for filter in pieces {
        let answer = dev.get(&format!("/dashboard?days=2&format=json&f={filter}"));
        assert_eq!(answer.status, 200, "{}", answer.text());
        let report = answer.json();
        assert!(report["tables"]["page"]["more"].as_u64().unwrap_or(0) == 0, "{filter}");
        all.extend(pages(&report).into_iter().map(|(page, views)| (page.to_owned(), views)));
    }
    all
}

/// Stores hits of yesterday, which `dev` rolls up as soon as it starts. Returns their pages.
fn store_yesterdays_hits(folder: &Path) -> HashSet<String> {
    let settings = Settings::local();
    let site = &settings.sites[0];
    let noon = utc_start(utc_day(Timestamp::now() - 24.hours())).unwrap() + 12.hours();
    let mut pages = HashSet::new();
    let items = (0..2000_u32).map(|number| {
        let page = format!("/load/{}/yesterday/{number}", 4 + number % 6);
        let value = json!({ "v": format!("{:016x}", number % 300), "p": page });
        pages.insert(page);
        let at = noon + i64::from(number * 10).seconds();
        let mut random = [0; 16];
        random[..4].copy_from_slice(&number.to_be_bytes());
        let key = keys::hit_key(site, at, 0, random);
        let expires = Some(retention::hit_expiry(site, at));
        Item { key, value: value.to_string().into_bytes(), expires }
    });
    let store = Embedded::open(&folder.join("data")).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(store.put_all(items.collect())).unwrap();
    pages
}

/// Kills the server with SIGKILL while hits come in, yesterday is rolled up and a dashboard asks for reports.
#[test]
fn keeps_acknowledged_hits_when_killed_under_load() {
    const CLIENTS: usize = 8;
    /// One round each: how many hits must be acknowledged and how many reports answered before the kill. The
    /// first rounds wait for no report, so that they end during the rollup.
    const KILLS: [(usize, u64); 6] = [(1, 0), (20, 0), (60, 0), (150, 1), (220, 1), (290, 1)];
    away_from_midnight();
    let folder = process::folder(None);
    let yesterdays = store_yesterdays_hits(folder.path());
    let acknowledged = Mutex::new(HashSet::new());
    let (sent, reports, mut max_views) = (AtomicUsize::new(0), AtomicU64::new(0), 0);
    for (round, (min_hits, min_reports)) in KILLS.into_iter().enumerate() {
        let mut dev = Dev::spawn(process::command(folder.path(), &[])).unwrap();
        let address = dev.address;
        let (acknowledged, sent, reports) = (&acknowledged, &sent, &reports);
        let hits_of_round = &AtomicUsize::new(0);
        let reports_before = reports.load(Ordering::Relaxed);
        std::thread::scope(|scope| {
            for client in 0..CLIENTS {
                scope.spawn(move || {
                    for n in 0.. {
                        let page = format!("/load/{}/{round}/{client}/{n}", round % 4);
                        let body = view(&format!("http://localhost{page}"));
                        // A new browser for every 100 hits, because one visitor alone would be rate-limited.
                        let agent = format!("{FIREFOX} {round}/{client}/{}", n / 100);
                        let headers = [("User-Agent", agent.as_str())];
                        sent.fetch_add(1, Ordering::Relaxed);
                        match http::request(address, "POST", "/track", &headers, &body) {
                            Ok(answer) if answer.status == 202 => {
                                acknowledged.lock().unwrap().insert(page);
                                hits_of_round.fetch_add(1, Ordering::Relaxed);
                            }
                            Ok(answer) => panic!("{}: {}", answer.status, answer.text()),
                            // The server was killed during this request.
                            Err(_) => break,
                        }
                    }
                });
            }
            // No report has fewer views than the one before it, or than were acknowledged when it was requested.
            let dashboard = scope.spawn(move || {
                let mut max_views = max_views;
                loop {
                    let min_views = acknowledged.lock().unwrap().len() as u64;
                    let target = "/dashboard?days=2&format=json";
                    let Ok(answer) = http::request(address, "GET", target, &[], b"") else {
                        break max_views;
                    };
                    let [views, ..] = totals(&answer.json());
                    assert!(
                        views >= max_views && views >= min_views,
                        "{views} views after {max_views}, with {min_views} acknowledged"
                    );
                    max_views = views;
                    reports.fetch_add(1, Ordering::Relaxed);
                }
            });
            wait_for("enough hits and reports for this round", 600, || {
                let hits = hits_of_round.load(Ordering::Relaxed);
                let reports = reports.load(Ordering::Relaxed) - reports_before;
                let is_enough = hits >= min_hits && reports >= min_reports;
                // Before the kill, the dashboard ends only if an assertion failed. Then `join` reports it.
                (is_enough || dashboard.is_finished()).then_some(())
            });
            dev.kill();
            max_views = dashboard.join().unwrap();
        });
        let reports = reports.load(Ordering::Relaxed) - reports_before;
        assert!(reports >= min_reports, "round {round}: {reports} reports");
    }
    let dev = Dev::start(folder.path());
    let reported = loaded(&dev);
    let acknowledged = acknowledged.into_inner().unwrap();
    let (sent, reports) = (sent.into_inner(), reports.into_inner());
    println!(
        "sent: {sent}, acknowledged: {}, reported: {} and {} of yesterday, reports: {reports}",
        acknowledged.len(),
        reported.len() - yesterdays.len(),
        yesterdays.len()
    );
    let views: HashSet<&str> = reported.iter().map(|(page, _)| page.as_str()).collect();
    let expected = acknowledged.iter().chain(&yesterdays);
    let lost: Vec<_> = expected.filter(|page| !views.contains(page.as_str())).collect();
    assert!(lost.is_empty(), "lost: {lost:?}");
    assert!(reported.iter().all(|(_, views)| *views == 1), "some hit is counted twice");
    // In each round, each client may have one hit that was stored but not acknowledged.
    let max_reported = acknowledged.len() + KILLS.len() * CLIENTS;
    assert!(reported.len() - yesterdays.len() <= max_reported.min(sent));
}

/// Simulates a full disk with a limit on file sizes, which needs no privileges.
#[test]
fn loses_nothing_on_a_full_disk_and_recovers() {
    let folder = process::folder(None);
    // Without the trap, the signal for exceeding the limit would end the server before it can answer.
    let limited = process::command_through(folder.path(), r#"trap '' XFSZ; exec "$@""#);
    let dev = Dev::spawn(limited).unwrap();
    let limit = |size: &str| {
        let limit = ["--pid", &dev.id(), &format!("--fsize={size}:")];
        Command::new("prlimit").args(limit).status().is_ok_and(|status| status.success())
    };
    dev.view("http://localhost/load/first");
    let size = fs::metadata(folder.path().join("data/footfall.redb")).unwrap().len();
    if !limit(&(size + 4096).to_string()) {
        println!("SKIPPED: the disk cannot be filled without prlimit");
        return;
    }
    let mut acknowledged = HashSet::from(["/load/first".to_owned()]);
    let full = (0..20_000).find_map(|n| {
        let page = format!("/load/{}/{n}/{}", n % 10, "x".repeat(450));
        let answer = dev.hit(&json!({ "u": format!("http://localhost{page}") }).to_string());
        (answer.status != 202 || !acknowledged.insert(page)).then_some(answer)
    });
    let answer = full.expect("the disk fills up");
    println!("{} hits fit; then {} {}", acknowledged.len(), answer.status, answer.text());
    assert_eq!((answer.status, dropped(&answer)), (503, "unavailable"), "{}", answer.text());
    assert_eq!(answer.header("retry-after"), Some("1"));
    let assert_nothing_lost = |when: &str| {
        let views: HashSet<String> = loaded(&dev).into_iter().map(|row| row.0).collect();
        let lost = acknowledged.iter().filter(|page| !views.contains(*page)).count();
        assert_eq!(lost, 0, "{when}: hits are lost, of {} acknowledged", acknowledged.len());
    };
    assert_nothing_lost("while the disk is full");
    assert!(limit("unlimited"));
    dev.view("http://localhost/load/after");
    assert_nothing_lost("with room again");
    assert!(loaded(&dev).contains(&("/load/after".to_owned(), 1)));
    drop(dev);
    let dev = Dev::start(folder.path());
    assert!(loaded(&dev).len() > acknowledged.len(), "after a restart");
}
