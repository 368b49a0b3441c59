//! The page and its tests contain the same sentences.

use std::collections::BTreeSet;

const PAGE: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../PRIVACY.md"));

const TESTS: [&str; 4] = [
    include_str!("forgotten.rs"),
    include_str!("logs.rs"),
    include_str!("stack.rs"),
    include_str!("stored.rs"),
];

/// Sentences of a text, each on one line.
fn sentences<'a>(lines: impl Iterator<Item = &'a str>) -> Vec<String> {
    let text: Vec<&str> = lines.flat_map(str::split_whitespace).collect();
    let mut sentences = vec![String::new()];
    for word in text {
        let Some(last) = sentences.last_mut() else { continue };
        last.push_str(if last.is_empty() { "" } else { " " });
        last.push_str(word);
        if word.ends_with('.') {
            sentences.push(String::new());
        }
    }
    sentences.pop();
    sentences
}

/// Sentences of the page without its headings, its box and its table, whose keys have their own test.
fn on_the_page() -> Vec<String> {
    let is_text = |line: &&str| !line.starts_with(['#', '>', '|']);
    sentences(PAGE.lines().filter(is_text))
}

/// Keys of the page's table.
pub(crate) fn keys() -> BTreeSet<String> {
    let rows = PAGE.lines().filter_map(|line| line.strip_prefix("| `")?.split_once(" |"));
    let keys = rows.flat_map(|(cell, _)| cell.split(", "));
    keys.map(|key| key.trim_matches('`').to_owned()).collect()
}

/// Sentences in front of tests: lines of `/// >` right above a test's attribute.
fn in_front_of_tests() -> Vec<String> {
    let mut found = Vec::new();
    for file in TESTS {
        let mut lines = file.lines().peekable();
        while let Some(line) = lines.next() {
            let Some(first) = line.strip_prefix("/// > ") else { continue };
            let mut quoted = vec![first];
            while let Some(more) = lines.peek().and_then(|line| line.strip_prefix("/// > ")) {
                quoted.push(more);
                lines.next();
            }
            let attribute = lines.find(|line| !line.starts_with("///")).unwrap_or_default();
            let is_test = attribute == "#[test]" || attribute.starts_with("#[tokio::test");
            assert!(is_test, "{quoted:?} stands in front of no test");
            let of_test = sentences(quoted.iter().copied());
            assert!(!of_test.is_empty(), "{quoted:?} has no end");
            found.extend(of_test);
        }
    }
    found
}

#[test]
fn page_and_tests_have_the_same_sentences() {
    let (page, tests) = (on_the_page(), in_front_of_tests());
    assert!(page.len() > 20, "{page:?}");
    let missing: Vec<&String> = page.iter().filter(|it| !tests.contains(it)).collect();
    assert!(missing.is_empty(), "no test holds these sentences of PRIVACY.md: {missing:#?}");
    let gone: Vec<&String> = tests.iter().filter(|it| !page.contains(it)).collect();
    assert!(gone.is_empty(), "these stand in front of tests, and not in PRIVACY.md: {gone:#?}");
}
