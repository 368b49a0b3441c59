//! Lookup in a sorted text that is part of the program, with nothing parsed and nothing
//! allocated at start: a binary search over its lines.
//! The lists themselves are in lists/, what they mean is in the modules that read them.

use std::cmp::Ordering;

/// A text of lines `key` or `key<TAB>value`, sorted by bytes. Lines that begin with `#` are
/// comments and stand first; no key begins with a character that sorts before it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct List {
    text: &'static str,
}

impl List {
    /// A list of a text such as `include_str!` gives. That it is sorted is for a test to hold
    /// ([`List::lines`]); in an unsorted one, keys are not found.
    #[must_use]
    pub(crate) const fn new(text: &'static str) -> Self {
        Self { text }
    }

    /// The value of a key, which is empty where the line is the key alone. Keys are compared
    /// byte by byte: the case of letters matters.
    #[must_use]
    pub(crate) fn get(&self, key: &str) -> Option<&'static str> {
        // What is left to search: whole lines, without the last one's newline.
        let mut rest = self.text.strip_suffix('\n').unwrap_or(self.text);
        while !rest.is_empty() {
            // The line around the middle byte. Newlines are ASCII, so cuts are between characters.
            let bytes = rest.as_bytes();
            let middle = bytes.len() / 2;
            let start = bytes[..middle].iter().rposition(|&b| b == b'\n').map_or(0, |at| at + 1);
            let end = bytes[middle..]
                .iter()
                .position(|&b| b == b'\n')
                .map_or(bytes.len(), |at| middle + at);
            // A middle that is itself a newline belongs to the line it ends.
            let line = &rest[start..end];
            let (found, value) = line.split_once('\t').unwrap_or((line, ""));
            let order = if line.starts_with('#') { Ordering::Less } else { found.cmp(key) };
            match order {
                Ordering::Equal => return Some(value),
                Ordering::Less => rest = rest.get(end + 1..).unwrap_or(""),
                Ordering::Greater => rest = rest.get(..start.saturating_sub(1)).unwrap_or(""),
            }
        }
        None
    }

    /// The lines that are not comments, as (key, value).
    #[cfg(test)]
    pub(crate) fn lines(&self) -> impl Iterator<Item = (&'static str, &'static str)> + use<> {
        let lines = self.text.lines().filter(|line| !line.starts_with('#'));
        lines.map(|line| line.split_once('\t').unwrap_or((line, "")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &'static str, key: &str, expected: Option<&str>) {
        assert_eq!(List::new(text).get(key), expected, "{key:?} in {text:?}");
    }

    #[test]
    fn keys_and_values() {
        const TEXT: &str = "# a comment\n# another\na\t1\nab\t2\nb\nc\tthree\t3\n";
        check(TEXT, "a", Some("1"));
        check(TEXT, "ab", Some("2"));
        check(TEXT, "b", Some(""));
        check(TEXT, "c", Some("three\t3"));
        for missing in ["", "#", "# a comment", "aa", "abc", "d", "a\t1", "\n", "é"] {
            check(TEXT, missing, None);
        }
    }

    #[test]
    fn edges() {
        check("", "a", None);
        check("\n", "a", None);
        check("a", "a", Some(""));
        check("a\t1\nb\t2", "b", Some("2"));
        check("# only a comment\n", "a", None);
    }

    #[test]
    fn every_line_is_found() {
        for list in [
            List::new(include_str!("../../lists/sources.txt")),
            List::new(include_str!("../../lists/spam.txt")),
            List::new(include_str!("../../lists/countries.txt")),
            List::new(include_str!("../../lists/country-names.txt")),
        ] {
            assert!(list.lines().is_sorted());
            for (key, value) in list.lines() {
                assert_eq!(list.get(key), Some(value), "{key}");
            }
        }
    }
}
