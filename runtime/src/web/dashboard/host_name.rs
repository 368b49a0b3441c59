//! Host names in the scripts of their owners: `münchen.de` for `xn--mnchen-3ya.de`.
//!
//! For reading only. Links, filters and data keep the name as it is stored.

use idna::AsciiDenyList;
use idna::uts46::{Hyphens, Uts46};

/// How an encoded label of a host name begins.
const PREFIX: &str = "xn--";

/// Cyrillic and Greek letters that look like Latin ones.
const LATIN_LOOKALIKES: &str = "асԁеһіјӏорԛѕԝхуъьҽпгѵѡαγικνορτυω";

/// Decodes the host at the start of a text, which may go on with a path. A name that is not valid by IDNA (UTS 46), or
/// that could be taken for another, stays as it is.
#[must_use]
pub(crate) fn decoded(text: &str) -> String {
    let (host, path) = text.split_at(text.find('/').unwrap_or(text.len()));
    if !host.contains(PREFIX) {
        return text.to_owned();
    }
    let is_shown = |label: &[char], _: &[char], _: bool| is_unambiguous(label);
    let (name, validity) = Uts46::new().to_user_interface(
        host.as_bytes(),
        AsciiDenyList::URL,
        Hyphens::Allow,
        is_shown,
    );
    if validity.is_err() { text.to_owned() } else { format!("{name}{path}") }
}

/// Encodes a host that [`decoded`] has decoded. Other text stays as it is.
#[must_use]
pub(super) fn encoded(text: &str) -> String {
    let (host, path) = text.split_at(text.find('/').unwrap_or(text.len()));
    let stored = idna::domain_to_ascii(host).map(|host| format!("{host}{path}"));
    match stored {
        Ok(stored) if host.contains('.') && decoded(&stored) == text => stored,
        _ => text.to_owned(),
    }
}

/// The scripts that must not be mixed in one label.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Script {
    Latin,
    Greek,
    Cyrillic,
    /// Chinese, Japanese and Korean, which are written with Latin letters among them.
    EastAsian,
    /// Any other, by its block of 256 code points.
    Other(u32),
}

/// Returns the script of a letter. `None` for what all scripts share.
fn script(letter: char) -> Option<Script> {
    Some(match letter as u32 {
        0x30..=0x39 | 0x2d => return None,
        0..=0x24f | 0x1e00..=0x1eff => Script::Latin,
        0x370..=0x3ff | 0x1f00..=0x1fff => Script::Greek,
        0x400..=0x52f => Script::Cyrillic,
        0x1100..=0x11ff
        | 0x3005..=0x318f
        | 0x31a0..=0x9fff
        | 0xac00..=0xd7ff
        | 0x2_0000..=0x3_ffff => Script::EastAsian,
        other => Script::Other(other >> 8),
    })
}

/// Returns whether a label can be taken for no other: it has letters of one script, and does not consist of letters that
/// look like Latin ones.
fn is_unambiguous(label: &[char]) -> bool {
    // UTS 46 lets symbols and emoji pass, which IDNA 2008 does not.
    let is_symbol = |letter: &char| matches!(*letter as u32, 0x2000..=0x2bff | 0x3000..=0x3004 | 0x1_f000..=0x1_faff);
    if label.iter().any(is_symbol) {
        return false;
    }
    let mut scripts: Vec<Script> = label.iter().copied().filter_map(script).collect();
    if scripts.contains(&Script::EastAsian) {
        scripts.retain(|script| *script != Script::Latin);
    }
    let is_one = scripts.windows(2).all(|pair| pair[0] == pair[1]);
    let is_lookalike =
        |letter: &char| script(*letter).is_none() || LATIN_LOOKALIKES.contains(*letter);
    is_one && !label.iter().all(is_lookalike)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decodes_names_in_other_scripts() {
        let check = |stored: &str, expected: &str| {
            assert_eq!(decoded(stored), expected);
            assert_eq!(encoded(expected), stored);
        };
        check("xn--mnchen-3ya.de", "münchen.de");
        check("www.xn--mnchen-3ya.de/über/uns", "www.münchen.de/über/uns");
        check("xn--e1afmkfd.xn--p1ai", "пример.рф");
        check("xn--r8jz45g.xn--zckzah", "例え.テスト");
        check("xn--mgbh0fb.xn--kgbechtv", "مثال.إختبار");
        check("xn--11b5bs3a9aj6g.xn--11b5bs3a9aj6g", "परीक्षा.परीक्षा");
        check("xn--hxajbheg2az3al.xn--jxalpdlp", "παράδειγμα.δοκιμή");
    }

    #[test]
    fn leaves_names_that_could_be_taken_for_others() {
        let check = |stored: &str| assert_eq!(decoded(stored), stored);
        // "аpple" with a Cyrillic first letter, and "аррӏе" in Cyrillic letters alone.
        check("xn--pple-43d.com");
        check("xn--80ak6aa92e.com");
        // A heart.
        check("xn--qei.example");
        // Not what any name is encoded as.
        check("xn--a.example");
        check("xn--0000h.example");
        check("xn--.example");
        check("xn--MNCHEN-3YA.de%");
    }

    #[test]
    fn leaves_other_text() {
        for text in ["", "/xn--mnchen-3ya", "example.com/a", "Hacker News", "a xn--b"] {
            assert_eq!(decoded(text), text);
        }
        for text in ["Café", "Café.", "/café", "über uns.", "Direct", "example.com"] {
            assert_eq!(encoded(text), text);
        }
    }
}
