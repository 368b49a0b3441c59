//! Generates two things at build time.
//!
//! Compiles the bot patterns of lists/bots.txt into automata, which src/ingest/bot.rs embeds. So a starting function
//! compiles no regular expressions, and reads and checks nothing. Compresses the tracker scripts, so that the
//! function that serves them needs no code for it.

use std::{
    collections::{BTreeMap, HashMap},
    env,
    error::Error,
    fmt::Write,
    fs,
    io::Write as _,
    path::Path,
};

use flate2::{Compression, write::GzEncoder};
use regex_automata::{
    Anchored,
    dfa::{
        Automaton, StartKind,
        dense::{self, DFA},
    },
    util::{primitives::StateID, start, syntax},
};

/// States with a fixed number, the same as in src/ingest/bot.rs.
const NO_MATCH: u16 = 0;
const MATCH: u16 = 1;
const START: u16 = 2;

/// The minified trackers in assets/, which runtime/npm/tracker.mjs generates.
const TRACKERS: [&str; 2] = ["footfall.min.js", "footfall.engagement.min.js"];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=lists/bots.txt");

    let out = env::var("OUT_DIR")?;
    let list = fs::read_to_string("lists/bots.txt")?;
    let mut table = String::from("[\n");
    for (number, (anchored, patterns)) in groups(&list).iter().enumerate() {
        let file = format!("bots-{number}.dfa");
        fs::write(
            Path::new(&out).join(&file),
            bytes(&automaton(*anchored, patterns)?, *anchored)?,
        )?;
        writeln!(table, "    include_bytes!(concat!(env!(\"OUT_DIR\"), \"/{file}\")),")?;
    }
    table.push_str("]\n");
    fs::write(Path::new(&out).join("bots.rs"), table)?;

    for tracker in TRACKERS {
        println!("cargo::rerun-if-changed=assets/{tracker}");
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(&fs::read(Path::new("assets").join(tracker))?)?;
        fs::write(Path::new(&out).join(format!("{tracker}.gz")), encoder.finish()?)?;
    }
    Ok(())
}

/// Groups patterns by automaton, and returns whether each group matches only at the start of the text.
///
/// Patterns without repetitions share automata. Each pattern with a repetition gets its own, because a shared
/// automaton needs a state for every pair of positions in two patterns, and would be ten times as large.
fn groups(list: &str) -> Vec<(Anchored, Vec<&str>)> {
    let mut groups = vec![(Anchored::Yes, Vec::new()), (Anchored::No, Vec::new())];
    for pattern in list.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let anchored = if pattern.starts_with('^') { Anchored::Yes } else { Anchored::No };
        if pattern.contains(['+', '*', '{']) {
            groups.push((anchored, vec![pattern]));
        } else {
            groups[usize::from(anchored == Anchored::No)].1.push(pattern);
        }
    }
    groups
}

/// Builds an automaton that decides whether any pattern matches. It ignores case and reads bytes, because the
/// patterns contain only ASCII.
fn automaton(anchored: Anchored, patterns: &[&str]) -> Result<DFA<Vec<u32>>, Box<dyn Error>> {
    let kind = if anchored == Anchored::No { StartKind::Unanchored } else { StartKind::Anchored };
    let any = patterns.iter().map(|pattern| format!("(?:{pattern})")).collect::<Vec<_>>().join("|");
    let dfa = dense::Builder::new()
        .syntax(syntax::Config::new().case_insensitive(true).unicode(false).utf8(false))
        .configure(dense::Config::new().start_kind(kind).minimize(true).accelerate(false))
        .build(&any)?;
    Ok(dfa)
}

/// Encodes an automaton for src/ingest/bot.rs.
///
/// The first byte is the number of classes minus one, followed by the class of each of the 256 bytes. Then comes
/// a row for each state from [`START`] on: the next state for each class, and last for the end of the text.
/// States are two bytes, little-endian on every machine.
///
/// The crate's own format has four-byte numbers and rows padded to a power of two, and is validated when loaded.
/// It is three times as large and costs half a millisecond at every start.
#[expect(clippy::expect_used, reason = "a build must not continue with a wrong automaton")]
fn bytes(dfa: &DFA<Vec<u32>>, anchored: Anchored) -> Result<Vec<u8>, Box<dyn Error>> {
    let start = dfa.start_state(&start::Config::new().anchored(anchored))?;
    let mut numbers = HashMap::from([(start, START)]);
    let mut states = vec![start];
    let mut rows: Vec<Vec<u16>> = Vec::new();
    let mut number = |to: StateID, states: &mut Vec<StateID>| {
        if dfa.is_match_state(to) {
            MATCH
        } else if dfa.is_dead_state(to) {
            NO_MATCH
        } else {
            *numbers.entry(to).or_insert_with(|| {
                states.push(to);
                u16::try_from(states.len() - 1).expect("fewer states than 65,536") + START
            })
        }
    };
    while let Some(&state) = states.get(rows.len()) {
        let mut row: Vec<u16> =
            (0..=255).map(|byte| number(dfa.next_state(state, byte), &mut states)).collect();
        row.push(u16::from(dfa.is_match_state(dfa.next_eoi_state(state))));
        rows.push(row);
    }

    // Bytes that every state treats alike form a class. The end of the text is the last class.
    let mut classes = BTreeMap::new();
    let mut first_bytes = Vec::new();
    let mut written = vec![0];
    for byte in 0..=255_usize {
        let column: Vec<u16> = rows.iter().map(|row| row[byte]).collect();
        let class = *classes.entry(column).or_insert_with(|| {
            first_bytes.push(byte);
            first_bytes.len() - 1
        });
        written.push(u8::try_from(class)?);
    }
    written[0] = u8::try_from(first_bytes.len() - 1)?;
    for row in &rows {
        let columns = first_bytes.iter().map(|&byte| row[byte]).chain([row[256]]);
        written.extend(columns.flat_map(u16::to_le_bytes));
    }
    Ok(written)
}
