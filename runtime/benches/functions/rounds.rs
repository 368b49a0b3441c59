//! Rounds that start and query every program in turn, so that other load affects all of them alike.

use std::path::Path;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::Value;

use super::contenders::{Contenders, Size};
use super::instructions::{self, Instructions};
use super::lambda::{Function, Program};
use super::site;
use super::sizes::cdn_assets;
use super::stub::Stub;
use footfall_testkit::report::median;

/// Names of the measurements, as printed.
pub(crate) const FOOTFALL: &str = "Footfall";
pub(crate) const SEED: &str = "the seed: nbb";
pub(crate) const NODE: &str = "plain Node";
pub(crate) const EMPTY: &str = "an empty bootstrap";
const OTHERS: &str = "the others";

/// Minimum number of queries of our dashboard: session and rollup progress, segments, and today's hits.
const OWN_QUERIES: u32 = 3;

/// A program, its events, and what it must do with them.
struct Contender {
    name: &'static str,
    program: Program,
    event: Box<dyn Fn(usize) -> Value>,
    status: u16,
    /// Minimum number of DynamoDB calls per event, by operation.
    asks: Option<(&'static str, u32)>,
}

/// Measurements of one program, in milliseconds and bytes.
#[derive(Debug, Default)]
pub(crate) struct Times {
    pub(crate) name: &'static str,
    /// CPU time from its start to its first request for an event.
    pub(crate) init: Vec<f64>,
    /// CPU time of the first event.
    pub(crate) first: Vec<f64>,
    /// CPU time of each later event.
    pub(crate) warm: Vec<f64>,
    /// Peak memory in bytes.
    pub(crate) memory: Vec<f64>,
    /// Time on the clock of the first event at the CPU share of a 128 MB function.
    pub(crate) held: Vec<f64>,
}

/// Size of a dashboard's page as sent to a browser, in bytes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Page {
    pub(crate) html: u64,
    pub(crate) assets: u64,
}

/// All measurements.
pub(crate) struct Measured {
    pub(crate) rounds: usize,
    pub(crate) track: Vec<Times>,
    pub(crate) track_plain: Vec<Times>,
    pub(crate) small: Vec<Times>,
    pub(crate) large: Vec<Times>,
    pub(crate) sizes: Vec<(&'static str, Size)>,
    pub(crate) own_page: Page,
    pub(crate) seed_page: Page,
    /// Instruction counts by name. Empty without valgrind.
    pub(crate) instructions: Vec<(&'static str, Instructions)>,
}

/// Measures everything in `rounds` rounds; the largest site in a third as many.
pub(crate) async fn measure(rounds: usize) -> Measured {
    let stub = Stub::start().await;
    let contenders = Contenders::find();
    let sizes = vec![
        ("Footfall: track", contenders.own_size("track")),
        ("Footfall: dashboard", contenders.own_size("dashboard")),
        ("the seed: both functions", contenders.seed_size()),
        ("plain Node: both functions", contenders.node_size()),
        (EMPTY, contenders.empty_size()),
    ];
    eprintln!("track, over TLS");
    let track = contest(rounds, &tracks(&contenders, &stub, true), 30, true, &stub).await;
    eprintln!("track, plain");
    let track_plain = contest(rounds, &tracks(&contenders, &stub, false), 30, false, &stub).await;
    let mut instructions = Vec::new();
    if instructions::valgrind().is_some() {
        eprintln!("track, its instructions");
        let count = |program| async move { instructions::count(&program, site::own_hit).await };
        instructions.push(("track over TLS", count(contenders.track(&stub, true)).await));
        instructions.push(("track, plain", count(contenders.track(&stub, false)).await));
        instructions.push((EMPTY, count(contenders.empty()).await));
        stub.tables.asked();
    }
    eprintln!("dashboard, a small site");
    stub.tables.clear();
    let cookie = site::fill(&stub.tables, site::SMALL).await;
    let all = dashboards(&contenders, &stub, &cookie);
    let small = contest(rounds, &all, 10, false, &stub).await;
    let (own_page, seed_page) = (page(&all[0]).await, page(&all[1]).await);
    let seed_page = Page { assets: cdn_assets(&contenders.node), ..seed_page };
    if instructions::valgrind().is_some() {
        let program = contenders.dashboard(&stub, true);
        let counted = instructions::count(&program, |_| site::page(&cookie)).await;
        instructions.push(("dashboard over TLS, the small site", counted));
    }
    eprintln!("dashboard, 10,000 URLs a day");
    stub.tables.clear();
    let cookie = site::fill(&stub.tables, site::LARGE).await;
    let all = dashboards(&contenders, &stub, &cookie);
    let large = contest(rounds.div_ceil(3), &all, 3, false, &stub).await;
    Measured { rounds, track, track_plain, small, large, sizes, own_page, seed_page, instructions }
}

/// Compares our functions with those in another folder: `track`, and `dashboard` of a small site.
pub(crate) async fn beside(rounds: usize, folder: &Path) -> [Vec<Times>; 2] {
    let stub = Stub::start().await;
    let these = Contenders::find();
    let others = these.with_functions(folder);
    let both = [(FOOTFALL, &these), (OTHERS, &others)];
    let track = |(name, from): (&'static str, &Contenders)| own_track(name, from, &stub, true);
    let tracks = contest(rounds, &both.map(track), 30, true, &stub).await;
    stub.tables.clear();
    let cookie = site::fill(&stub.tables, site::SMALL).await;
    let dashboard = |(name, from): (&'static str, &Contenders)| {
        shown(name, from.dashboard(&stub, true), OWN_QUERIES, &cookie)
    };
    [tracks, contest(rounds, &both.map(dashboard), 10, false, &stub).await]
}

fn own_track(name: &'static str, from: &Contenders, stub: &Stub, tls: bool) -> Contender {
    own(name, from.track(stub, tls), Some(("PutItem", 1)))
}

/// The programs that take the hits our tracker sends.
fn own(name: &'static str, program: Program, asks: Option<(&'static str, u32)>) -> Contender {
    Contender { name, program, event: Box::new(site::own_hit), status: 202, asks }
}

fn tracks(contenders: &Contenders, stub: &Stub, tls: bool) -> Vec<Contender> {
    let other = |name, program| Contender {
        name,
        program,
        event: Box::new(site::other_hit),
        status: 204,
        asks: Some(("UpdateItem", 1)),
    };
    vec![
        own_track(FOOTFALL, contenders, stub, tls),
        other(SEED, contenders.seed("track", stub, tls)),
        other(NODE, contenders.plain_node("track", stub, tls)),
        own(EMPTY, contenders.empty(), None),
    ]
}

fn dashboards(contenders: &Contenders, stub: &Stub, cookie: &str) -> Vec<Contender> {
    vec![
        shown(FOOTFALL, contenders.dashboard(stub, true), OWN_QUERIES, cookie),
        shown(SEED, contenders.seed("dashboard", stub, true), 7, cookie),
        shown(NODE, contenders.plain_node("dashboard", stub, true), 7, cookie),
    ]
}

fn shown(name: &'static str, program: Program, queries: u32, cookie: &str) -> Contender {
    let page = site::page(cookie);
    let event = Box::new(move |_| page.clone());
    Contender { name, program, event, status: 200, asks: Some(("Query", queries)) }
}

/// Starts every program in every round and sends it one event, then several more.
async fn contest(
    rounds: usize,
    contenders: &[Contender],
    warm: usize,
    is_held: bool,
    stub: &Stub,
) -> Vec<Times> {
    let mut all: Vec<Times> =
        contenders.iter().map(|it| Times { name: it.name, ..Times::default() }).collect();
    for round in 0..rounds {
        eprintln!("  round {} of {rounds}", round + 1);
        for (contender, times) in contenders.iter().zip(&mut all) {
            contender.run(times, warm, stub).await;
            if is_held {
                contender.run_held_back(times, stub).await;
            }
        }
    }
    for it in &all {
        let [init, first, warm] = [&it.init, &it.first, &it.warm].map(|times| median(times));
        eprintln!(
            "  {}: init {init:.2} ms, first event {first:.2} ms, later events {warm:.2} ms",
            it.name
        );
    }
    all
}

impl Contender {
    async fn run(&self, times: &mut Times, warm: usize, stub: &Stub) {
        let mut function = Function::start(&self.program).await;
        let process = function.process();
        let mut before = process.settled_cpu();
        times.init.push(milliseconds(before));
        for number in 0..=warm {
            let (answer, _) = function.invoke(&(self.event)(number)).await;
            let now = process.settled_cpu();
            let taken = if number == 0 { &mut times.first } else { &mut times.warm };
            taken.push(milliseconds(now - before));
            before = now;
            self.check(&answer, &function);
        }
        times.memory.push(process.peak_memory() as f64);
        self.check_asked(stub, 1 + warm);
    }

    async fn run_held_back(&self, times: &mut Times, stub: &Stub) {
        let mut function = Function::start(&self.program).await;
        function.process().settled_cpu();
        let (answer, taken) = function.invoke_held_back(&(self.event)(0)).await;
        times.held.push(milliseconds(taken));
        self.check(&answer, &function);
        self.check_asked(stub, 1);
    }

    fn check(&self, answer: &Value, function: &Function) {
        let status = answer["statusCode"].as_u64();
        assert_eq!(status, Some(self.status.into()), "{}: {answer}\n{}", self.name, function.log());
    }

    /// Fails if a program made fewer calls than its work needs: it would be fast for nothing.
    fn check_asked(&self, stub: &Stub, events: usize) {
        let asked = stub.tables.asked();
        if let Some((operation, each)) = self.asks {
            let count = asked.get(operation).copied().unwrap_or_default();
            let least = each * u32::try_from(events).unwrap();
            assert!(count >= least, "{}: {count} times {operation}, not {least}", self.name);
        }
    }
}

/// The page as a browser receives it.
async fn page(contender: &Contender) -> Page {
    let mut function = Function::start(&contender.program).await;
    let (answer, _) = function.invoke(&(contender.event)(0)).await;
    let body = answer["body"].as_str().unwrap();
    let html = match answer["isBase64Encoded"].as_bool() {
        Some(true) => BASE64.decode(body).unwrap().len() as u64,
        // API Gateway passes the body on without compressing it.
        _ => body.len() as u64,
    };
    Page { html, assets: 0 }
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
