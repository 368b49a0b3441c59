//! Writes the measurements into their section of BENCHMARKS.md.

use serde_json::Value;

use super::instructions::valgrind;
use super::rounds::{FOOTFALL, Measured, Page, SEED, Times};
use footfall_testkit::report::{self, Aim, median, number, quantile, table, version, whole};

const MEGABYTE: f64 = 1e6;

/// npm packages whose versions are reported.
const PACKAGES: [&str; 3] = ["nbb", "@aws-sdk/client-dynamodb", "aws-lambda-ric"];

pub(crate) fn write(measured: &Measured) {
    let text = text(measured);
    println!("{text}");
    report::write("functions", "The functions", &text);
}

/// Comparison of two builds of our functions.
pub(crate) fn beside([track, dashboard]: &[Vec<Times>; 2]) -> String {
    format!(
        "`POST /track`, over TLS\n\n{}\n`GET /dashboard`, a small site\n\n{}",
        times(track, true),
        times(dashboard, false)
    )
}

fn text(it: &Measured) -> String {
    let mut text = format!(
        "Every program is started {} times, in turn with the others, against the bench's own Runtime API and DynamoDB on the same \
         machine. *Init* lasts from its start until it asks for its first event, *first* is that event, and *warm* is each \
         later event. Times are CPU milliseconds of the whole process, and medians unless noted. *At 7 %* is the wall-clock \
         time of the first event, while the process is limited to a 128 MB function's share of a core (by SIGSTOP and SIGCONT, \
         in periods of 20 ms). Footfall's functions are built for this machine, not for Lambda's, except for their size. They \
         are linked, and allocate memory, as the deployed ones do.\n\n\
         *The seed* is the design of Cyprien Pannier's [Serverless site analytics using Clojure nbb and \
         AWS](https://github.com/cyppan/simple-site-analytics), with handlers rewritten from its description \
         (`runtime/benches/contenders`): a counter per day and URL, one Query a day. {}.\n\n",
        it.rounds,
        versions()
    );
    let mut section = |title: &str, body: String| text += &format!("### {title}\n\n{body}\n");
    section("`POST /track`, over TLS", times(&it.track, true));
    section("`POST /track`, plain HTTP", times(&it.track_plain, false));
    section(
        "`GET /dashboard`: seven days of 25 pages, about 150 views a day, over TLS",
        times(&it.small, false),
    );
    section(
        "`GET /dashboard`: seven days of 10,000 pages, about 15,000 views a day, over TLS",
        times(&it.large, false),
    );
    section("What Lambda downloads", sizes(it));
    section("What a browser downloads for the dashboard of the small site", pages(it));
    section("Instructions", instructions(it));
    section("Targets", report::aims(&aims(it)));
    text
}

/// Versions of Node and of its packages.
fn versions() -> String {
    let lock =
        include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/benches/contenders/package-lock.json"));
    let lock: Value = serde_json::from_str(lock).unwrap();
    let package = |name: &&str| {
        let version = lock["packages"][format!("node_modules/{name}")]["version"].as_str();
        format!("{name} {}", version.unwrap_or("?"))
    };
    format!(
        "Node {}, {}",
        version("node"),
        PACKAGES.iter().map(package).collect::<Vec<_>>().join(", ")
    )
}

fn times(all: &[Times], with_held: bool) -> String {
    let mut head = vec!["", "init", "first", "warm", "warm, p99", "peak MB"];
    if with_held {
        head.push("first at 7 %");
    }
    let row = |it: &Times| {
        let mut row = vec![
            it.name.to_owned(),
            number(median(&it.init)),
            number(median(&it.first)),
            number(median(&it.warm)),
            number(quantile(&it.warm, 0.99)),
            number(median(&it.memory) / MEGABYTE),
        ];
        if with_held {
            row.push(number(median(&it.held)));
        }
        row
    };
    let own = &all[0];
    let ratio = |it: &Times| {
        let ratio = |of: fn(&Times) -> f64| format!("{} ×", number(of(it) / of(own)));
        let mut row = vec![
            format!("{}, relative to Footfall", it.name),
            ratio(|it| median(&it.init)),
            ratio(|it| median(&it.first)),
            ratio(|it| median(&it.warm)),
            ratio(|it| quantile(&it.warm, 0.99)),
            ratio(|it| median(&it.memory)),
        ];
        if with_held {
            row.push(ratio(|it| median(&it.held)));
        }
        row
    };
    let rows: Vec<Vec<String>> = all.iter().map(row).chain(all[1..].iter().map(ratio)).collect();
    table(&head, &rows)
}

fn sizes(it: &Measured) -> String {
    let row = |(name, size): &(&str, super::contenders::Size)| {
        let binary = size.binary.map_or_else(String::new, whole);
        vec![(*name).to_owned(), binary, whole(size.zip)]
    };
    table(&["bytes", "binary", "zip"], &it.sizes.iter().map(row).collect::<Vec<_>>())
}

fn pages(it: &Measured) -> String {
    let row = |name: &str, page: Page| {
        vec![name.to_owned(), whole(page.html), whole(page.assets), whole(page.html + page.assets)]
    };
    let rows =
        [row("Footfall, gzip", it.own_page), row("the seed, with gzip from CDNs", it.seed_page)];
    table(&["bytes", "page", "other files", "total"], &rows)
}

fn instructions(it: &Measured) -> String {
    let Some(valgrind) = valgrind() else {
        return "Not counted: valgrind is not installed.\n".to_owned();
    };
    let row = |(name, it): &(&str, super::instructions::Instructions)| {
        let counts = [it.init, it.first, it.init + it.first, it.warm].map(whole);
        [vec![(*name).to_owned()], counts.to_vec()].concat()
    };
    let rows: Vec<Vec<String>> = it.instructions.iter().map(row).collect();
    format!(
        "Counted by callgrind ({valgrind}), for the process in user mode.\n\n{}",
        table(&["", "init", "first", "both", "warm"], &rows)
    )
}

/// Aims beside what was reached.
fn aims(it: &Measured) -> Vec<Aim> {
    let of = |all: &[Times], name: &str, what: fn(&Times) -> f64| {
        what(all.iter().find(|it| it.name == name).expect("it was measured"))
    };
    let started = |it: &Times| median(&it.init) + median(&it.first);
    let warm = |it: &Times| median(&it.warm);
    // Measured on the clock, so other load adds to it: the more idle the machine, the more accurate.
    let held = |it: &Times| median(&it.held);
    let memory = |it: &Times| median(&it.memory);
    let ratio = |what: &str, least: f64, all: &[Times], of_it: fn(&Times) -> f64| {
        Aim::times_less(what, least, of(all, SEED, of_it), of(all, FOOTFALL, of_it))
    };
    let mut aims = vec![
        ratio("track: first request at a 128 MB share, against the seed", 2000.0, &it.track, held),
        ratio("track: init and first invocation, against the seed", 300.0, &it.track, started),
        ratio("track: warm, against the seed", 30.0, &it.track, warm),
        Aim::at_most("track: peak memory", 6.0, "MB", of(&it.track, FOOTFALL, memory) / MEGABYTE),
        Aim::at_most("track: zip", 1.6, "MB", it.sizes[0].1.zip as f64 / MEGABYTE),
    ];
    if let Some((_, counted)) = it.instructions.first() {
        let (started, warm) =
            ((counted.init + counted.first) as f64 / 1e6, counted.warm as f64 / 1e6);
        aims.push(Aim::at_most(
            "track: init and first call over TLS",
            5.5,
            "million instructions",
            started,
        ));
        aims.push(Aim::at_most("track: a warm call", 0.5, "million instructions", warm));
    }
    let all = |page: Page| (page.html + page.assets) as f64;
    aims.extend([
        ratio("dashboard, small site: to the first page", 100.0, &it.small, started),
        ratio("dashboard, small site: warm", 25.0, &it.small, warm),
        Aim::times_less(
            "dashboard, small site: the whole page",
            10.0,
            all(it.seed_page),
            all(it.own_page),
        ),
        ratio("dashboard, 10,000 pages: to the first page", 100.0, &it.large, started),
        Aim::at_most(
            "dashboard, 10,000 pages: peak memory",
            40.0,
            "MB",
            of(&it.large, FOOTFALL, memory) / MEGABYTE,
        ),
    ]);
    aims
}
