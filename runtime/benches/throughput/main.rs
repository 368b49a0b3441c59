//! Hits per second that `dev` stores durably before it answers, beside SQLite from Node; the memory for a million of
//! them; and the time a hit waits during a rollup and beside dashboards: `cargo xtask bench throughput`.
//!
//! `-- 50000` sends that many hits instead of a million, and `-- long`, `-- busy` or `-- beside` runs that part
//! alone.
//!
//! One client sends the same hits to each server, in turn in every round. The comparison uses medians, and ratios
//! within a round, because other load affects all servers alike. The client runs on the same cores.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a bench ends there"
)]

mod client;
mod hits;
mod server;
mod yesterday;

use std::cell::RefCell;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use client::{Load, Until, load, steady};
use footfall_testkit::report::{self, Aim, median, number, quantile, table, whole};
use hits::Hits;
use server::{Contender, Server};

const CONNECTIONS: [usize; 4] = [1, 16, 64, 256];

/// Rounds in which every server takes a turn, and seconds per turn.
const ROUNDS: usize = 5;
const SECONDS: f64 = 3.0;

/// Hits the server has taken when its memory is read, unless the command line says otherwise.
const LONG_RUN: u64 = 1_000_000;

/// Hits per second while something else runs, and seconds of it.
const STEADY: f64 = 200.0;
const STEADY_SECONDS: f64 = 10.0;

type Requests = Rc<RefCell<Hits>>;

/// Results of one server in one round.
struct Turn {
    a_second: f64,
    server_cpu: f64,
    client_cpu: f64,
    written: f64,
    p50: f64,
    p99: f64,
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|it| it != "--bench").collect();
    let count = arguments.iter().find_map(|argument| argument.parse().ok()).unwrap_or(LONG_RUN);
    let hits: Requests = Rc::new(RefCell::new(Hits::new()));
    type Part<'a> = (&'a str, &'a dyn Fn() -> String);
    let parts: [Part<'_>; 3] = [
        ("beside", &|| beside(&hits)),
        ("long", &|| long(&hits, count)),
        ("busy", &|| busy(&hits, count)),
    ];
    let is_named = |(name, _): &&Part<'_>| arguments.iter().any(|argument| argument == name);
    // Runs and prints one part, without writing it anywhere.
    if let Some((_, part)) = parts.iter().find(is_named) {
        println!("{}", part());
        return;
    }
    // Other load affects every number except ratios, CPU time, syncs and bytes.
    let load = std::fs::read_to_string("/proc/loadavg").unwrap();
    let load = load.split(' ').next().unwrap_or_default().to_owned();
    let text = parts.map(|(_, part)| part()).concat();
    let text = format!("{text}\n\nMachine load before the start: {load}.\n");
    report::write("throughput", "Throughput of `dev`", &text);
}

/// Hits per second and cost per hit, for each server.
fn beside(hits: &Requests) -> String {
    server::install_peer();
    let folders = Contender::ALL.map(|_| server::folder());
    let servers: Vec<Server> = Contender::ALL
        .iter()
        .zip(&folders)
        .map(|(contender, folder)| Server::start(*contender, folder.path()))
        .collect();
    for server in &servers {
        load(server.address, hits, 16, Until::Seconds(1.0));
    }
    let mut rows = Vec::new();
    let mut aims = Vec::new();
    for connections in CONNECTIONS {
        let mut turns: Vec<Vec<Turn>> = Contender::ALL.map(|_| Vec::new()).into();
        for round in 0..ROUNDS {
            for (server, turns) in servers.iter().zip(&mut turns) {
                turns.push(turn(server, hits, connections));
            }
            eprintln!("{connections} connections, round {} of {ROUNDS}", round + 1);
        }
        for (contender, turns) in Contender::ALL.into_iter().zip(&turns) {
            let waits = waits_for_the_disk(contender, hits, connections);
            rows.push(row(connections, contender, turns, waits));
        }
        if connections >= 16 {
            aims.extend(ratios(connections, &turns[0], &turns[1]));
        }
    }
    let memory = Contender::ALL.into_iter().zip(&servers).map(|(contender, server)| {
        format!("{} {} MB", contender.name(), number(server.memory().1))
    });
    let memory = memory.collect::<Vec<_>>().join(", ");
    format!(
        "Every hit is durable before it is answered. One client, on the same cores, sends the same hits to each server over \
         keep-alive connections on 127.0.0.1. Each connection sends its next hit as soon as the last one is answered. The \
         servers take turns of {SECONDS} seconds, in {ROUNDS} rounds. Numbers are medians. CPU time is in ms per hit, of the \
         server and of the client; *syncs* are calls of `fsync` and `fdatasync` per hit; *bytes* are written to disk per \
         hit. *SQLite, Node* inserts one row per hit ({}, WAL, `synchronous = FULL`). *In groups* puts all hits of one turn \
         of its event loop into one transaction, as `dev` does. Peak memory: {memory}.\n\n{}\n{}\n",
        peer(),
        table(
            &[
                "connections",
                "server",
                "hits/s",
                "CPU",
                "client CPU",
                "syncs",
                "bytes",
                "p50 ms",
                "p99 ms"
            ],
            &rows
        ),
        report::aims(&aims),
    )
}

/// The peer's packages with their versions.
fn peer() -> String {
    let manifest =
        include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/benches/peers/sqlite/package.json"));
    let manifest: serde_json::Value = serde_json::from_str(manifest).unwrap();
    let version = manifest["dependencies"]["@photostructure/sqlite"].as_str().unwrap();
    format!(
        "`@photostructure/sqlite` {version}, Node {}",
        report::version("node").trim_start_matches('v')
    )
}

fn turn(server: &Server, hits: &Requests, connections: usize) -> Turn {
    let (before, client) = (server.used(), server::cpu(std::process::id()));
    let load = load(server.address, hits, connections, Until::Seconds(SECONDS));
    let (after, count) = (server.used(), load.hits() as f64);
    Turn {
        a_second: load.a_second(),
        server_cpu: (after.cpu - before.cpu) / count,
        client_cpu: (server::cpu(std::process::id()) - client) / count,
        written: (after.written - before.written) / count,
        p50: quantile(&load.latencies, 0.5),
        p99: quantile(&load.latencies, 0.99),
    }
}

/// Disk syncs per hit, counted by strace in a separate run.
fn waits_for_the_disk(contender: Contender, hits: &Requests, connections: usize) -> Option<f64> {
    if std::process::Command::new("strace").arg("--version").output().is_err() {
        eprintln!("strace is not installed, so disk syncs are not counted");
        return None;
    }
    let folder = server::folder();
    let server = Server::start_watched(contender, folder.path());
    let load = load(server.address, hits, connections, Until::Seconds(1.5));
    let waits = server.stop_watched() as f64 / load.hits() as f64;
    // With one connection, no two hits can share a sync.
    assert!(connections > 1 || waits >= 1.0, "{} answers before it is durable", contender.name());
    Some(waits)
}

fn row(
    connections: usize,
    contender: Contender,
    turns: &[Turn],
    waits: Option<f64>,
) -> Vec<String> {
    let of = |value: fn(&Turn) -> f64| number(median(&turns.iter().map(value).collect::<Vec<_>>()));
    vec![
        connections.to_string(),
        contender.name().to_owned(),
        of(|turn| turn.a_second),
        of(|turn| turn.server_cpu),
        of(|turn| turn.client_cpu),
        waits.map_or_else(|| "?".to_owned(), number),
        of(|turn| turn.written),
        of(|turn| turn.p50),
        of(|turn| turn.p99),
    ]
}

/// Footfall's ratio to another server, in the rounds both took part in.
fn ratios(connections: usize, ours: &[Turn], theirs: &[Turn]) -> [Aim; 2] {
    let ratio = |of: fn(&Turn, &Turn) -> f64| {
        median(&ours.iter().zip(theirs).map(|(ours, theirs)| of(ours, theirs)).collect::<Vec<_>>())
    };
    let what = |what| format!("{what}, {connections} connections");
    [
        Aim::times_more(&what("hits a second"), 2.0, ratio(|a, b| a.a_second / b.a_second)),
        Aim::times_more(
            &what("hits per second of CPU time"),
            2.0,
            ratio(|a, b| b.server_cpu / a.server_cpu),
        ),
    ]
}

/// Memory used while taking many hits.
fn long(hits: &Requests, count: u64) -> String {
    let folder = server::folder();
    let mut server = Server::start(Contender::Dev, folder.path());
    let (_, at_first) = server.memory();
    let before = server.used();
    let load = load(server.address, hits, 64, Until::Hits(count as usize));
    let after = server.used();
    let (resident, most) = server.memory();
    server.stop();
    let file = size(&folder.path().join("data/footfall.redb"));
    let hit = |value: f64| number(value / count as f64);
    let row = [
        whole(count),
        number(load.a_second()),
        hit(after.cpu - before.cpu),
        number(at_first),
        number(most),
        number(resident),
        hit(file),
        hit(after.written - before.written),
    ];
    let head = [
        "hits, over 64 connections",
        "hits/s",
        "CPU ms per hit",
        "memory before, MB",
        "peak, MB",
        "after, MB",
        "file, bytes per hit",
        "written, bytes per hit",
    ];
    format!("Footfall under sustained load:\n\n{}\n", table(&head, &[row.to_vec()]))
}

fn size(file: &Path) -> f64 {
    std::fs::metadata(file).unwrap().len() as f64
}

/// Waiting time of a hit while something else runs.
fn busy(hits: &Requests, yesterday: u64) -> String {
    let folder = server::folder();
    yesterday::fill(folder.path(), yesterday);
    let server = Server::start(Contender::Dev, folder.path());
    let server = Rc::new(server);
    let address = server.address;
    let cpu = || server.used().cpu;
    let mut rows = Vec::new();
    let mut note = |what: String, load: &Load, cpu: f64| {
        eprintln!("{what}: {:.1} s", load.seconds);
        let of = |share| number(quantile(&load.latencies, share));
        rows.push(vec![
            what,
            number(load.seconds),
            number(load.hits() as f64),
            of(0.5),
            of(0.99),
            of(1.0),
            number(cpu / load.seconds / 10.0),
        ]);
    };
    // `dev` rolls up and sweeps as soon as it starts.
    let before = cpu();
    let folded = steady(address, hits, STEADY, {
        let (server, began) = (Rc::clone(&server), Instant::now());
        let is_folded = RefCell::new(false);
        move || {
            let folded = server.said().iter().any(|line| line.starts_with("Folded"));
            *is_folded.borrow_mut() |= folded;
            assert!(
                began.elapsed().as_secs() < 600,
                "yesterday was not rolled up within 10 minutes"
            );
            *is_folded.borrow()
        }
    });
    note(format!("the rollup of a day of {} hits", whole(yesterday)), &folded, cpu() - before);
    for (what, path) in [
        ("nothing else", None),
        ("a dashboard of yesterday, repeatedly", Some("/dashboard?period=yesterday")),
        ("a dashboard of today, repeatedly", Some("/dashboard?period=today")),
    ] {
        let before = cpu();
        let asking = path.map(|path| Asking::start(address, path));
        let began = Instant::now();
        let load =
            steady(address, hits, STEADY, move || began.elapsed().as_secs_f64() >= STEADY_SECONDS);
        let what = match asking.map(Asking::stop) {
            Some(asked) => {
                format!("{what} ({} of them, p50 {} ms)", asked.len(), number(median(&asked)))
            }
            None => what.to_owned(),
        };
        note(what, &load, cpu() - before);
    }
    format!(
        "{STEADY} hits a second are sent, whether or not earlier ones were answered. The time of a hit begins when it was due. At \
         the same time, the server does:\n\n{}",
        table(
            &["", "seconds", "hits", "p50 ms", "p99 ms", "longest ms", "CPU, % of a core"],
            &rows
        )
    )
}

/// A client that requests a page again as soon as it has arrived.
struct Asking {
    is_over: Arc<AtomicBool>,
    thread: std::thread::JoinHandle<Vec<f64>>,
}

impl Asking {
    fn start(address: SocketAddr, path: &'static str) -> Self {
        let is_over = Arc::new(AtomicBool::new(false));
        let until = Arc::clone(&is_over);
        let thread = std::thread::spawn(move || {
            let mut times = Vec::new();
            while !until.load(Ordering::Relaxed) {
                let began = Instant::now();
                get(address, path);
                times.push(began.elapsed().as_secs_f64() * 1000.0);
            }
            times
        });
        Self { is_over, thread }
    }

    /// Milliseconds of each request.
    fn stop(self) -> Vec<f64> {
        self.is_over.store(true, Ordering::Relaxed);
        self.thread.join().unwrap()
    }
}

fn get(address: SocketAddr, path: &str) {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let answer = String::from_utf8_lossy(&answer);
    assert!(answer.starts_with("HTTP/1.1 200 "), "{path}: {answer}");
}
