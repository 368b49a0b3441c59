//! Sanitizing of text from strangers: one line, no invisible characters, limited length.

/// Marks truncated text.
const ELLIPSIS: char = '…';

/// Returns `text` as one trimmed line without invisible characters, truncated to `max` bytes.
#[must_use]
pub fn clean(text: &str, max: usize) -> String {
    let mut clean = String::with_capacity(text.len().min(max));
    for c in text.chars() {
        // More is not needed: `truncate` shortens it to `max` anyway.
        if clean.len() > max {
            break;
        }
        if c.is_whitespace() {
            if !clean.is_empty() && !clean.ends_with(' ') {
                clean.push(' ');
            }
        } else if !is_invisible(c) {
            clean.push(c);
        }
    }
    clean.truncate(clean.trim_end().len());
    truncate(&mut clean, max);
    clean
}

/// Truncates `text` to at most `max` bytes, between characters, and ends it with an ellipsis.
pub fn truncate(text: &mut String, max: usize) {
    if text.len() <= max {
        return;
    }
    let room = max.saturating_sub(ELLIPSIS.len_utf8());
    let end = (0..=room).rev().find(|&i| text.is_char_boundary(i)).unwrap_or(0);
    text.truncate(end);
    if max >= ELLIPSIS.len_utf8() {
        text.push(ELLIPSIS);
    }
}

/// Returns whether a character is invisible, or changes how the following text is displayed: control
/// characters and the direction overrides of "Trojan Source" (CVE-2021-42574). Joiners, which emoji and Indic
/// scripts need, and right-to-left text are allowed.
#[must_use]
pub fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{feff}' | '\u{fff9}'..='\u{fffb}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clean_text_is_one_visible_line() {
        let check = |text: &str, expected: &str| assert_eq!(clean(text, 64), expected, "{text:?}");
        check("newsletter", "newsletter");
        check("  a,\tb\n\n:x ", "a, b :x");
        check("a\0b\u{7f}c", "abc");
        check("\u{202e}gnp.exe", "gnp.exe");
        check("שלום", "שלום");
        check("👩‍💻", "👩‍💻");
        check("<script>", "<script>");
        check("", "");
    }

    #[test]
    fn truncates_between_characters() {
        assert_eq!(clean("abcdef", 6), "abcdef");
        assert_eq!(clean("abcdefg", 6), "abc…");
        assert_eq!(clean("ééééé", 8), "éé…");
        assert_eq!(clean("abc", 2), "");
        assert_eq!(clean(&"x".repeat(4096), 100).len(), 100);
    }
}
