//! Compiles the bot patterns of lists/bots.txt into automata that src/bot.rs embeds, so that no
//! regular expression is compiled, and nothing is read or checked, where Lambda's start-up time
//! is paid for; and compresses the trackers, so that the function that sends them need not know how.
//! Nothing else is generated here.

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

/// What a state's number means in the files; src/bot.rs says the same.
const NO_MATCH: u16 = 0;
const MATCH: u16 = 1;
const START: u16 = 2;

/// In assets/, where runtime/npm/tracker.mjs leaves them.
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

/// Patterns that share an automaton, and whether they match from the text's start alone.
///
/// Plain patterns share. A pattern with a repetition goes alone: a shared automaton needs a state
/// for every pair of "how far in this one" and "how far in that one", ten times the size.
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

/// One automaton that says whether any of the patterns matches. Letters match whatever their
/// case, and text is bytes: the patterns name ASCII only.
fn automaton(anchored: Anchored, patterns: &[&str]) -> Result<DFA<Vec<u32>>, Box<dyn Error>> {
    let kind = if anchored == Anchored::No { StartKind::Unanchored } else { StartKind::Anchored };
    let any = patterns.iter().map(|pattern| format!("(?:{pattern})")).collect::<Vec<_>>().join("|");
    let dfa = dense::Builder::new()
        .syntax(syntax::Config::new().case_insensitive(true).unicode(false).utf8(false))
        .configure(dense::Config::new().start_kind(kind).minimize(true).accelerate(false))
        .build(&any)?;
    Ok(dfa)
}

/// An automaton as src/bot.rs reads it: the number of classes less one, the class of each of the
/// 256 bytes, then for each state from [`START`] on the state that follows for each class and,
/// last, for the end of the text; numbers of two bytes, the lower first, on every machine.
///
/// The crate's own form has four-byte numbers, rows padded to a power of two, and a check when
/// it is read: three times the size, and half a millisecond at every start.
#[expect(clippy::expect_used, reason = "a build that makes a wrong automaton must stop")]
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

    // Bytes that no state tells apart are one class; the end of the text is the last class.
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
