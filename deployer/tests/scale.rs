//! Generates the tables of docs/scale.md from the measurements and from `cargo xtask cost`.
//!
//! `UPDATE_GOLDEN=1 cargo test -p footfall-deployer --test scale` rewrites them.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may panic")]

mod support;

use std::{env, fs};

use footfall_infra::function::Function;
use footfall_infra::settings::Settings;
use footfall_infra::stack::Spec;
use serde_json::Value;
use support::Owner;

const DOC: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/scale.md");
const MEASURED: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/src/cost/measured.json"));

/// The sizes that the document is about, in views a month.
const SIZES: [u64; 5] = [10_000, 100_000, 1_000_000, 10_000_000, 100_000_000];

/// A month, in hours.
const HOURS: f64 = 730.0;

/// Ratio of the busiest seconds to the average. Assumed.
const PEAK: f64 = 10.0;

/// DynamoDB's units per second for one partition.
/// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/bp-partition-key-design.html>
const PARTITION_WRITES: f64 = 1_000.0;
const PARTITION_READS: f64 = 3_000.0;

/// Response time of DynamoDB in milliseconds. Assumed, as in deployer/src/cost/usage.rs.
const ROUND_TRIP: f64 = 10.0;

/// The memory that comes with a whole core, in MB.
/// <https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html>
const CORE: f64 = 1769.0;

/// After how many seconds the dashboard answers that it takes too long (runtime/src/bin/dashboard.rs).
const PATIENCE: f64 = 25.0;

/// A size: what was measured of it, and what it costs.
struct Size {
    views: f64,
    measured: Value,
    cost: Value,
}

/// A limited resource.
struct Limit {
    what: String,
    /// Usage by size of the site.
    used: Vec<f64>,
}

fn number(of: &Value, path: &str) -> f64 {
    of.pointer(path).and_then(Value::as_f64).unwrap_or_else(|| panic!("no {path} in {of:#}"))
}

fn memory(function: Function) -> f64 {
    f64::from(Spec::of(function).memory)
}

/// Share of a core that comes with an amount of memory.
fn share(mb: f64) -> f64 {
    (mb / CORE).min(1.0)
}

impl Size {
    fn of(measured: &Value) -> Self {
        let views = number(measured, "/views");
        let mut size = Self { views, measured: measured.clone(), cost: Value::Null };
        let owner = Owner::of("http://127.0.0.1:9");
        let rate = size.throttle();
        let burst = (10.0 * rate).min(5000.0);
        let settings = format!(
            "sites: [{{domain: example.com}}]\nthrottle: {{rate: {rate}, burst: {burst}}}\n"
        );
        Settings::from_yaml(&settings).unwrap();
        owner.writes("footfall.yaml", settings.as_bytes());
        let ran = owner.runs(&["cost", "--json", "--views", &views.to_string()]).ended(0);
        size.cost = serde_json::from_str(&ran.stdout).unwrap();
        size
    }

    fn is(&self, path: &str) -> f64 {
        number(&self.measured, path)
    }

    /// Requests in the busiest second: hits, and the tracker's script for each of them, at most.
    fn peak(&self) -> f64 {
        self.hits_in_peak() * 2.0
    }

    fn hits_in_peak(&self) -> f64 {
        self.views / HOURS / 3600.0 * PEAK
    }

    /// The throttle that it needs: the default, or what comes in the peak.
    fn throttle(&self) -> f64 {
        self.peak().ceil().max(50.0)
    }

    /// A line of the bill.
    fn line(&self, what: &str) -> &Value {
        let lines = self.cost["month"]["lines"].as_array().unwrap();
        lines.iter().find(|line| line["what"] == what).unwrap_or_else(|| panic!("no {what}"))
    }

    fn quantity(&self, what: &str) -> f64 {
        number(self.line(what), "/quantity")
    }

    /// Sum of some lines of the bill.
    fn pay(&self, lines: &[&str]) -> f64 {
        let pay = |what: &&str| number(self.line(what), "/list") - number(self.line(what), "/free");
        lines.iter().map(pay).sum()
    }

    /// The dashboard's page of so many days.
    fn look(&self, days: u64) -> &Value {
        let looks = self.measured["looks"].as_array().unwrap();
        looks.iter().find(|look| look["days"] == days).unwrap()
    }

    /// How long that takes in a function of so much memory: what it takes of its share of a core, and at least as
    /// long as the partition that has most of it needs to give it away.
    fn seconds(&self, days: u64, mb: f64) -> f64 {
        let look = self.look(days);
        let cpu = number(look, "/cpu_ms") + number(look, "/read_mb") * footprint("read_cpu_ms");
        let reading = number(look, "/partition_units") / PARTITION_READS;
        cpu / 1e3 / share(mb) + reading.max(5.0 * ROUND_TRIP / 1e3)
    }

    /// How long a day takes to be folded: reading and counting it, and writing its segment into one partition.
    fn folding_seconds(&self) -> f64 {
        let cpu = self.is("/hits_a_day") * footprint("fold_cpu_ms") / 1e3;
        cpu / share(memory(Function::Rollup))
            + self.is("/segment_bytes") / 1024.0 / PARTITION_WRITES
    }
}

/// What a function has in memory beside what the store in files measured, in MB: the client of DynamoDB, its answers in
/// JSON, TLS. As the real one had it over DynamoDB Local, at one size.
fn around(sizes: &[Size]) -> f64 {
    let million = sizes.iter().find(|size| size.views == 1e6).unwrap();
    footprint("look_peak_mb") - number(million.look(30), "/peak_mb")
}

fn measured() -> Value {
    serde_json::from_str(MEASURED).unwrap()
}

fn footprint(name: &str) -> f64 {
    number(&measured(), &format!("/footprint/numbers/{name}"))
}

fn sizes() -> Vec<Size> {
    let measured = measured();
    let sizes = measured["scale"]["numbers"].as_array().unwrap();
    sizes.iter().map(Size::of).collect()
}

#[test]
fn the_document_says_what_was_measured_and_what_it_costs() {
    let sizes = sizes();
    let views: Vec<u64> = sizes.iter().map(|size| size.views as u64).collect();
    assert_eq!(views, SIZES);
    let mut doc = fs::read_to_string(DOC).unwrap();
    let limits = limits(&sizes);
    for (name, text) in [
        ("basis", basis()),
        ("check", check(&sizes)),
        ("month", month(&sizes)),
        ("rollup", folding(&sizes)),
        ("reports", looking(&sizes)),
        ("limits", used(&sizes, &limits)),
        ("summaries", summaries(&sizes)),
    ] {
        doc = replaced(&doc, name, &text);
    }
    if env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(DOC, &doc).unwrap();
    }
    assert!(
        fs::read_to_string(DOC).unwrap() == doc,
        "docs/scale.md differs from the measurements, or from `cargo xtask cost`: run `UPDATE_GOLDEN=1 cargo test -p \
         footfall-deployer --test scale`, and check whether its sentences are still true"
    );
}

/// The table of docs/cost.md is the same command's.
#[test]
fn cost_page_states_the_calculated_costs() {
    let page = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/cost.md")).unwrap();
    let sizes = sizes();
    let check = |name: &str, mark: &str, cell: &dyn Fn(&Size) -> f64| {
        let cells = sizes[..3].iter().map(|size| format!("{mark}{:.2}{mark}", cell(size)));
        let row = format!("| {mark}{name}{mark} | {} |", cells.collect::<Vec<_>>().join(" | "));
        assert!(page.contains(&row), "docs/cost.md has not: {row}");
    };
    check("API requests", "", &|it| it.pay(&["API requests"]));
    check("functions", "", &|it| it.pay(&["Function requests", "Function time"]));
    let table = ["Table: writes", "Table: reads", "Table: storage", "Table: recovery"];
    check("table", "", &|it| it.pay(&table));
    check("dollars to pay", "**", &|it| number(&it.cost, "/month/pay"));
}

/// So is README's sentence on the same three sizes.
#[test]
fn readme_states_the_calculated_costs() {
    let readme = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../README.md")).unwrap();
    let readme = readme.split_whitespace().collect::<Vec<_>>().join(" ");
    let pay = |size: &Size| format!("${:.2}", number(&size.cost, "/month/pay"));
    let [small, medium, large] = [0, 1, 2].map(|size| pay(&sizes()[size]));
    let sentence =
        format!("{small} for 10,000 page views, {medium} for 100,000 and {large} for 1,000,000");
    assert!(readme.contains(&sentence), "README.md has not: {sentence}");
}

/// The sentences that contain numbers.
#[test]
fn the_sentences_of_the_document_hold() {
    let sizes = sizes();
    let limits = limits(&sizes);
    let met = |what: &str| {
        let limit = limits.iter().find(|limit| limit.what.ends_with(what)).unwrap();
        met_at(&sizes, limit).unwrap_or(f64::INFINITY)
    };
    // A year is the first, a whole core makes it about three times as far, and nothing is met below a million.
    let (year, core) = (met("the dashboard's 25 s: 365 days"), met("(a whole core): 365 days"));
    let of_free_tier = |limit: &&Limit| limit.what.contains("free-tier");
    let first = limits.iter().find(|limit| !of_free_tier(limit)).unwrap();
    assert!(first.what == "the dashboard's 25 s: 365 days" && (1e6..3e6).contains(&year), "{year}");
    assert!((2.0..4.0).contains(&(core / year)), "{year} and {core}");
    // A month goes to some ten millions, a week to some twenty, and today beyond a hundred.
    let month = (met("the dashboard's 25 s: 30 days"), met("(a whole core): 30 days"));
    assert!((6e6..20e6).contains(&month.0) && (10e6..30e6).contains(&month.1), "{month:?}");
    assert!(met("the dashboard's 25 s: 7 days") > 15e6);
    assert_eq!(met("the dashboard's 25 s: today"), f64::INFINITY);
    // Neither what takes hits nor what folds them meets a limit but the throttle.
    for what in ["writes a second, at the peak", "executions, at the peak", "MB, a day", "s, a day"]
    {
        assert_eq!(met(what), f64::INFINITY, "{what}");
    }
    // With a whole core, most of a month's look at ten millions is the partition's.
    let ten = &sizes[3];
    assert!(
        number(ten.look(30), "/partition_units") / PARTITION_READS > ten.seconds(30, CORE) / 2.0
    );
    // A summary is a part of a segment that gets smaller, and a year of them is read in time at every size.
    let last = &sizes[4];
    assert!(last.is("/summary/bytes_of_1000_rows") * 100.0 < last.is("/segment_bytes"));
    assert!(sizes.iter().all(|size| summarised(size, 365.0) < PATIENCE / 3.0));
    // A hit is one write unit, and whatever is in a segment is a tenth more at most.
    for size in &sizes {
        assert!(size.is("/largest_item_bytes") <= 1024.0);
        let writes = (size.quantity("Table: writes") - 1_100.0) / size.views;
        assert!((1.0..1.1).contains(&writes), "{writes}");
    }
}

/// Puts text between a pair of marks.
fn replaced(doc: &str, name: &str, text: &str) -> String {
    let (start, end) = (format!("<!-- {name} -->\n"), format!("<!-- end of {name} -->\n"));
    let (before, rest) = doc.split_once(&start).unwrap_or_else(|| panic!("no {start}"));
    let (_, after) = rest.split_once(&end).unwrap_or_else(|| panic!("no {end}"));
    format!("{before}{start}{text}{end}{after}")
}

fn basis() -> String {
    let mut text = String::new();
    for (part, what) in [("scale", "Days, rolled up and reported"), ("footprint", "A hit")] {
        let measured = measured();
        let of = |name: &str| measured[part][name].as_str().unwrap().to_owned();
        let (command, on, processor) = (of("command"), of("on"), of("processor"));
        text += &format!("- {what}: `{command}`, on {on}, {processor}.\n");
    }
    text
}

/// The same look by the real function.
fn check(sizes: &[Size]) -> String {
    let million = sizes.iter().find(|size| size.views == 1e6).unwrap();
    let look = million.look(30);
    let (cpu, reading) =
        (number(look, "/cpu_ms"), number(look, "/read_mb") * footprint("read_cpu_ms"));
    format!(
        "With a million views a month, the real function over DynamoDB Local took {} ms of CPU time and {} MB for the page of 30 \
         days. The tables calculate {} ms for the same report and {} ms for reading its data. For memory they have {} MB, so \
         the difference, {} MB, is added in every table.\n",
        short(footprint("look_cpu_ms")),
        short(footprint("look_peak_mb")),
        short(cpu),
        short(reading),
        short(number(look, "/peak_mb")),
        short(around(sizes)),
    )
}

/// A table with a column for each size.
fn table(head: &str, sizes: &[Size], rows: &[(String, Vec<String>)]) -> String {
    let names: Vec<String> = sizes.iter().map(|size| short(size.views)).collect();
    let mut text =
        format!("| {head} | {} |\n|---|{}\n", names.join(" | "), "---:|".repeat(names.len()));
    for (name, cells) in rows {
        text += &format!("| {name} | {} |\n", cells.join(" | "));
    }
    text
}

fn row(sizes: &[Size], name: &str, cell: impl Fn(&Size) -> String) -> (String, Vec<String>) {
    (name.to_owned(), sizes.iter().map(cell).collect())
}

fn month(sizes: &[Size]) -> String {
    let money = |lines: &'static [&'static str]| move |size: &Size| dollars(size.pay(lines));
    let rest = ["Logs", "Logs kept", "Code in S3", "Code put there"];
    table(
        "views a month",
        sizes,
        &[
            row(sizes, "hits a day", |it| short(it.is("/hits_a_day"))),
            row(sizes, "hits a second, on average", |it| short(it.views / HOURS / 3600.0)),
            row(sizes, "hits a second, at the peak", |it| short(it.hits_in_peak())),
            row(sizes, "item of a hit, bytes", |it| short(it.is("/item_bytes"))),
            row(sizes, "items of hits in the table (30 days)", |it| {
                short(it.is("/hits_a_day") * 30.0)
            }),
            row(sizes, "a hit in a segment, bytes", |it| {
                short(it.is("/segment_bytes") / it.is("/hits_a_day"))
            }),
            row(sizes, "parts of a day's segment", |it| short(it.is("/segment_parts"))),
            row(sizes, "segments of a year, MB", |it| short(it.is("/segment_bytes") * 365.0 / 1e6)),
            row(sizes, "write units", |it| short(it.quantity("Table: writes"))),
            row(sizes, "read units", |it| short(it.quantity("Table: reads"))),
            row(sizes, "table, GB, after a year", |it| short(it.quantity("Table: storage"))),
            row(sizes, "API requests, $", money(&["API requests"])),
            row(sizes, "functions, $", money(&["Function requests", "Function time"])),
            row(sizes, "table: reads and writes, $", money(&["Table: writes", "Table: reads"])),
            row(
                sizes,
                "table: storage and recovery, $",
                money(&["Table: storage", "Table: recovery"]),
            ),
            row(sizes, "data to the internet, $", money(&["Data to the internet"])),
            row(sizes, "the rest, $", |it| dollars(it.pay(&rest))),
            row(sizes, "**you pay, $**", |it| {
                format!("**{}**", dollars(number(&it.cost, "/month/pay")))
            }),
            row(sizes, "list price, without the free tier, $", |it| {
                dollars(number(&it.cost, "/month/list"))
            }),
            row(sizes, "throttle needed, requests a second", |it| short(it.throttle())),
            row(sizes, "a flood at that throttle, $", |it| {
                dollars(number(&it.cost, "/worst/shared/pay"))
            }),
        ],
    )
}

fn folding(sizes: &[Size]) -> String {
    let rollup = memory(Function::Rollup);
    table(
        "views a month",
        sizes,
        &[
            row(sizes, "an hour, CPU seconds", |it| {
                let hours = it.is("/hours/hours");
                let cpu = it.is("/hours/cpu_ms") / 1e3;
                if hours == 0.0 { "with its day".to_owned() } else { short(cpu / hours) }
            }),
            row(sizes, "a day, CPU seconds, without reading it", |it| {
                short(it.is("/day/cpu_ms") / 1e3)
            }),
            row(sizes, "a day in the function, seconds", |it| short(it.folding_seconds())),
            row(sizes, &format!("a day, peak memory of {} MB", short(rollup)), |it| {
                marked(it.is("/day/peak_mb") + around(sizes), rollup, false)
            }),
            row(sizes, "a day, read units", |it| short(it.is("/day/read_units"))),
            row(sizes, "a day, write units", |it| short(it.is("/day/write_units"))),
        ],
    )
}

/// Numbers over a limit are bold; extrapolated ones have a sign.
fn marked(value: f64, limit: f64, is_extrapolated: bool) -> String {
    let about = if is_extrapolated { "≈ " } else { "" };
    let text = format!("{about}{}", short(value));
    if value > limit { format!("**{text}**") } else { text }
}

fn looking(sizes: &[Size]) -> String {
    let dashboard = memory(Function::Dashboard);
    let mut rows = Vec::new();
    for days in [1, 7, 30, 365] {
        let name = if days == 1 { "today".to_owned() } else { format!("{days} days") };
        let about = |size: &Size| size.look(days)["is_run"] == false;
        for mb in [dashboard, CORE] {
            let name = format!("{name}: seconds, with {} MB", short(mb));
            rows.push(row(sizes, &name, |it| marked(it.seconds(days, mb), PATIENCE, about(it))));
        }
        rows.push(row(sizes, &format!("{name}: peak memory, MB"), |it| {
            marked(number(it.look(days), "/peak_mb") + around(sizes), dashboard, about(it))
        }));
        rows.push(row(sizes, &format!("{name}: read units"), |it| {
            marked(number(it.look(days), "/read_units"), f64::INFINITY, about(it))
        }));
        rows.push(row(sizes, &format!("{name}: cents for reading"), |it| {
            let price = number(it.line("Table: reads"), "/list") / it.quantity("Table: reads");
            short(number(it.look(days), "/read_units") * price * 100.0)
        }));
    }
    table("views a month", sizes, &rows)
}

fn limits(sizes: &[Size]) -> Vec<Limit> {
    let limit = |what: &str, used: &dyn Fn(&Size) -> f64| Limit {
        what: what.to_owned(),
        used: sizes.iter().map(used).collect(),
    };
    let (track, rollup, dashboard) =
        (Spec::of(Function::Track), Spec::of(Function::Rollup), memory(Function::Dashboard));
    let taking = ROUND_TRIP + footprint("hit_cpu_ms") / share(f64::from(track.memory));
    let at_once = |it: &Size| it.hits_in_peak() * taking / 1e3 / f64::from(track.reserved);
    let around = around(sizes);
    let memory = |days| move |it: &Size| (number(it.look(days), "/peak_mb") + around) / dashboard;
    let time = |days, mb| move |it: &Size| it.seconds(days, mb) / PATIENCE;
    let mut limits = vec![
        limit("the API's throttle, 50 requests a second, at the peak", &|it| it.peak() / 50.0),
        limit("`capacity: free-tier`: 2 requests a second, at the peak", &|it| it.peak() / 2.0),
        limit("a partition's 1,000 writes a second, at the peak", &|it| {
            it.hits_in_peak() / PARTITION_WRITES
        }),
        limit(&format!("`track`: {} concurrent executions, at the peak", track.reserved), &at_once),
        limit(&format!("`rollup`: {} MB, a day", short(f64::from(rollup.memory))), &|it| {
            (it.is("/day/peak_mb") + around) / f64::from(rollup.memory)
        }),
        limit(&format!("`rollup`: {} s, a day", rollup.timeout), &|it| {
            it.folding_seconds() / f64::from(rollup.timeout)
        }),
        limit("the dashboard's 25 s: today", &time(1, dashboard)),
    ];
    for days in [7, 30, 365] {
        let name = format!("the dashboard's {dashboard} MB: {days} days");
        limits.push(limit(&name, &memory(days)));
        limits.push(limit(&format!("the dashboard's 25 s: {days} days"), &time(days, dashboard)));
        let name =
            format!("the dashboard's 25 s, with {} MB (a whole core): {days} days", short(CORE));
        limits.push(limit(&name, &time(days, CORE)));
    }
    let order = |limit: &Limit| met_at(sizes, limit).unwrap_or(f64::INFINITY);
    limits.sort_by(|one, other| order(one).total_cmp(&order(other)));
    limits
}

/// At how many views a month a limit is met: between two sizes, what is used grows evenly.
fn met_at(sizes: &[Size], limit: &Limit) -> Option<f64> {
    let points: Vec<(f64, f64)> =
        sizes.iter().map(|size| size.views).zip(limit.used.iter().copied()).collect();
    let between = points.windows(2).find(|pair| pair[0].1 < 1.0 && pair[1].1 >= 1.0)?;
    let [(from, low), (to, high)] = [between[0], between[1]];
    Some(from + (to - from) * (1.0 - low) / (high - low))
}

fn used(sizes: &[Size], limits: &[Limit]) -> String {
    let names: Vec<String> = sizes.iter().map(|size| short(size.views)).collect();
    let mut text = format!(
        "| limit | {} | met at |\n|---|{}---:|\n",
        names.join(" | "),
        "---:|".repeat(names.len())
    );
    for limit in limits {
        let met = met_at(sizes, limit).map_or_else(|| "beyond".to_owned(), |it| short(two(it)));
        let used = limit.used.iter().map(|used| match used * 100.0 {
            percent if percent >= 100.0 => format!("**{} %**", short(two(percent))),
            percent if percent < 0.1 => "<0.1 %".to_owned(),
            percent => format!("{} %", short(two(percent))),
        });
        let used: Vec<String> = used.collect();
        text += &format!("| {} | {} | {met} |\n", limit.what, used.join(" | "));
    }
    text
}

/// The seconds of a report that is made of summaries.
fn summarised(it: &Size, days: f64) -> f64 {
    let bytes = it.is("/summary/bytes_of_1000_rows") * days;
    let cpu = it.is("/summary/read_ms") * days + bytes / 1e6 * footprint("read_cpu_ms");
    cpu / 1e3 / share(memory(Function::Dashboard))
}

fn summaries(sizes: &[Size]) -> String {
    table(
        "views a month",
        sizes,
        &[
            row(sizes, "rows in all tables of a day", |it| short(it.is("/summary/rows"))),
            row(sizes, "KB for all of them", |it| short(it.is("/summary/bytes") / 1e3)),
            row(sizes, "KB for the first 1,000 of each table", |it| {
                short(it.is("/summary/bytes_of_1000_rows") / 1e3)
            }),
            row(sizes, "KB for the day's segment, to compare", |it| {
                short(it.is("/segment_bytes") / 1e3)
            }),
            row(sizes, "30 days from summaries: seconds", |it| short(summarised(it, 30.0))),
            row(sizes, "365 days from summaries: seconds", |it| short(summarised(it, 365.0))),
            row(sizes, "365 days from summaries: read units", |it| {
                short(it.is("/summary/bytes_of_1000_rows") * 365.0 / 4096.0)
            }),
        ],
    )
}

/// Two digits, of what is not known better.
fn two(value: f64) -> f64 {
    if value <= 0.0 {
        return 0.0;
    }
    let scale = 10_f64.powf(value.log10().floor() - 1.0);
    (value / scale).round() * scale
}

/// A number with three digits at least, and no more decimals than those need.
fn short(value: f64) -> String {
    let decimals = match value {
        value if value >= 99.5 || value.fract() == 0.0 => 0,
        value if value >= 9.95 => 1,
        value if value >= 0.0995 => 2,
        _ => 4,
    };
    grouped(value, decimals)
}

fn dollars(usd: f64) -> String {
    match usd {
        usd if usd <= 0.0 => "0".to_owned(),
        usd if usd < 0.005 => "<0.01".to_owned(),
        usd if usd < 100.0 => grouped(usd, 2),
        usd => grouped(usd, 0),
    }
}

fn grouped(value: f64, decimals: usize) -> String {
    let text = format!("{value:.decimals$}");
    let (whole, rest) = text.find('.').map_or((&*text, ""), |at| text.split_at(at));
    let places = whole.len();
    let digits = whole.chars().enumerate().map(|(place, digit)| {
        let is_next = place > 0 && (places - place).is_multiple_of(3);
        if is_next { format!(",{digit}") } else { digit.to_string() }
    });
    digits.collect::<String>() + rest
}
