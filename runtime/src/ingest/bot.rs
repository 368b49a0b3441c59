//! Recognizes the User-Agents of programs: crawlers, monitors, libraries and command-line tools.
//!
//! The other reasons to exclude a hit are in [`filter`](super::filter).

/// The automata that build.rs generates from lists/bots.txt. Its function `bytes` documents their layout. They
/// are used in place, so they cost no startup time.
static AUTOMATA: &[&[u8]] = &include!(concat!(env!("OUT_DIR"), "/bots.rs"));

/// State in which a pattern has matched. In state 0, none can match any more.
const MATCH: usize = 1;
/// The initial state.
const START: usize = 2;

/// Returns whether a User-Agent belongs to a program instead of a person's browser. The rules are those of the
/// npm package isbot, whose version is in lists/bots.txt. Tests also check them against real browsers.
///
/// Runs in time linear in the length of the User-Agent, for every input.
#[must_use]
pub fn is_bot(user_agent: &str) -> bool {
    AUTOMATA.iter().any(|automaton| matches(automaton, user_agent.as_bytes()))
}

fn matches(automaton: &[u8], text: &[u8]) -> bool {
    let (classes, rows) = automaton[1..].split_at(256);
    let end_of_text = usize::from(automaton[0]) + 1;
    let next = |state: usize, class: usize| {
        let at = ((state - START) * (end_of_text + 1) + class) * 2;
        usize::from(u16::from_le_bytes([rows[at], rows[at + 1]]))
    };
    let mut state = START;
    for &byte in text {
        state = next(state, usize::from(classes[usize::from(byte)]));
        if state < START {
            return state == MATCH;
        }
    }
    next(state, end_of_text) == MATCH
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(user_agent: &str, expected: bool) {
        assert_eq!(is_bot(user_agent), expected, "{user_agent}");
    }

    /// Every pattern that uses a lookaround in isbot, with a matching and a non-matching text.
    #[test]
    fn matches_patterns_rewritten_without_lookarounds() {
        const CHROME: &str =
            "Mozilla/5.0 (X11; Linux x86_64; like Gecko) AppleWebKit/537.36 ; Chrome/152.0";
        for (ending, expected) in [
            ("", false),
            (" News", true),
            (" gnews", false),
            (" newssapphire", false),
            (" newssapphir", true),
            (" Google", true),
            (" GoogleApp", false),
            (" google pixel", false),
            (" google pix", true),
            (" google/google", false),
            (" channel/google", false),
            (" xchannel/google", true),
            (" bots", true),
            (" bot_1", true),
            (" Cubot", false),
            (" xcubot", true),
            (" botany", false),
            (" scan", true),
            (" CamScanner", false),
            (" camera scan", true),
            (" libhttp", false),
            (" http", true),
            (" java", true),
            (" java;", false),
            (" javax", true),
        ] {
            check(&format!("{CHROME}{ending}"), expected);
        }
    }

    #[test]
    fn matches_patterns_at_their_positions() {
        check("curl/8.9.1", true);
        check("Mozilla/5.0", true);
        check("facebookexternalhit/1.1", true);
        check(&"x;".repeat(24), false);
        check(&"x;".repeat(25), true);
        check("Mozilla/5.0 (iPhone; U; Some\u{e9} Phone; de; rv:1.9) Gecko/1 Firefox/3", false);
    }
}
