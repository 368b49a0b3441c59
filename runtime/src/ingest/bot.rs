//! Whether a User-Agent is a program's own: crawlers, monitors, libraries, command lines.
//! Not here: what else keeps a hit from being counted (filter.rs), and which browser it is
//! (client.rs).

/// The automata that build.rs makes of lists/bots.txt; its `bytes` says how they are laid out.
/// They are read where they stand: nothing is done at start.
static AUTOMATA: &[&[u8]] = &include!(concat!(env!("OUT_DIR"), "/bots.rs"));

/// 0 is a state from which nothing matches any more, 1 that something has.
const MATCH: usize = 1;
const START: usize = 2;

/// Whether this User-Agent says that no person reads the page. The rules are those of the npm
/// package isbot (lists/bots.txt names its version), which are tested against real browsers too.
///
/// Takes time in proportion to the text's length, whatever the text.
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

    /// Every pattern that isbot writes with a lookaround, on either side of it.
    #[test]
    fn rewritten_lookarounds() {
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
    fn places() {
        check("curl/8.9.1", true);
        check("Mozilla/5.0", true);
        check("facebookexternalhit/1.1", true);
        check(&"x;".repeat(24), false);
        check(&"x;".repeat(25), true);
        check("Mozilla/5.0 (iPhone; U; Some\u{e9} Phone; de; rv:1.9) Gecko/1 Firefox/3", false);
    }
}
