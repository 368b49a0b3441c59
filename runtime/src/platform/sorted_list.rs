//! Lookup in sorted text embedded in the program: a binary search over its lines, so startup parses and allocates
//! nothing.
//!
//! The lists are in lists/. The modules that use a list know what it means.

use std::cmp::Ordering;

/// Lines of `key` or `key<TAB>value`, sorted by bytes. Lines starting with `#` are comments and come first; no
/// key may start with a character that sorts before `#`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SortedList {
    text: &'static str,
}

impl SortedList {
    /// Creates a list from embedded text. Lookups miss keys if the text is not sorted, so a test must check that
    /// (see [`SortedList::lines`]).
    #[must_use]
    pub(crate) const fn new(text: &'static str) -> Self {
        Self { text }
    }

    /// Returns the value of a key: empty if the line has only the key. Keys are case-sensitive.
    #[must_use]
    pub(crate) fn get(&self, key: &str) -> Option<&'static str> {
        // The lines left to search, without the last newline.
        let mut rest = self.text.strip_suffix('\n').unwrap_or(self.text);
        while !rest.is_empty() {
            // The line around the middle byte. Newlines are ASCII, so slices end between characters.
            let bytes = rest.as_bytes();
            let middle = bytes.len() / 2;
            let start = bytes[..middle].iter().rposition(|&b| b == b'\n').map_or(0, |at| at + 1);
            let end = bytes[middle..]
                .iter()
                .position(|&b| b == b'\n')
                .map_or(bytes.len(), |at| middle + at);
            // If the middle byte is a newline, it belongs to the line that it ends.
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

    /// Iterates over the lines except comments, as (key, value).
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
        assert_eq!(SortedList::new(text).get(key), expected, "{key:?} in {text:?}");
    }

    #[test]
    fn returns_value_of_key() {
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
    fn searches_tiny_lists() {
        check("", "a", None);
        check("\n", "a", None);
        check("a", "a", Some(""));
        check("a\t1\nb\t2", "b", Some("2"));
        check("# only a comment\n", "a", None);
    }

    #[test]
    fn finds_every_line_of_every_list() {
        for list in [
            SortedList::new(include_str!("../../lists/sources.txt")),
            SortedList::new(include_str!("../../lists/spam.txt")),
            SortedList::new(include_str!("../../lists/countries.txt")),
            SortedList::new(include_str!("../../lists/country-names.txt")),
        ] {
            assert!(list.lines().is_sorted());
            for (key, value) in list.lines() {
                assert_eq!(list.get(key), Some(value), "{key}");
            }
        }
    }
}
