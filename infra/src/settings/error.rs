//! Errors in a settings file, for its owner: the line, the key, the remedy.

/// An error in a settings file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}{}{problem}", at(*.line), key_prefix(.key))]
pub struct SettingsError {
    /// Line in the file, from 1, if known.
    pub line: Option<usize>,
    /// Path of the key, such as `sites[0].time_zone`. Empty if the error concerns the whole file.
    pub key: String,
    /// The error and its remedy.
    pub problem: String,
}

fn at(line: Option<usize>) -> String {
    line.map_or_else(String::new, |line| format!("line {line}: "))
}

fn key_prefix(key: &str) -> String {
    if key.is_empty() { String::new() } else { format!("{key}: ") }
}

/// Returns the line of the last key of `path`, at or after line `from`.
///
/// If a value is rejected after it was parsed, serde_yaml reports the position of the mapping around it.
pub(super) fn line_of(text: &str, from: usize, path: &str) -> usize {
    let key = path.rsplit('.').next().unwrap_or(path);
    let is_key = |line: &str| {
        line.trim_start_matches([' ', '-']).strip_prefix(key).is_some_and(|r| r.starts_with(':'))
    };
    let found = text.lines().skip(from.saturating_sub(1)).position(is_key);
    found.map_or(from, |offset| from + offset)
}

/// Translates what serde expects into plain words.
fn in_words(expected: &str) -> &str {
    match expected {
        "a boolean" => "true or false",
        "a sequence" => "a list, such as [one, two]",
        "a map" => "keys and values",
        "u8" | "u16" | "u64" => "a whole number, 0 or more",
        "struct Settings" => "keys and values, starting with `sites:`",
        "struct WrittenSite" => "`domain:` and the host, such as `- domain: example.com`",
        struct_of_ours if struct_of_ours.starts_with("struct ") => "keys and values",
        other => other,
    }
}

/// Translates serde's message into plain words and adds the remedy.
///
/// It drops the position, which is printed in front of the message.
pub(super) fn remedied(message: &str) -> String {
    let message = match message.rfind(" at line ") {
        Some(at) => &message[..at],
        None => message,
    };
    if let Some(rest) = message.strip_prefix("unknown field ") {
        return format!("unknown key {}", rest.replacen(", expected ", "; use ", 1));
    }
    if let Some(rest) = message.strip_prefix("missing field ") {
        return format!("missing key {rest}; add it");
    }
    if let Some(rest) = message.strip_prefix("duplicate field ") {
        return format!("duplicate key {rest}; remove one");
    }
    if message.starts_with("invalid ")
        && let Some((found, expected)) = message.split_once(", expected ")
    {
        return format!("{found}; write {}", in_words(expected));
    }
    if message.contains("; ") {
        return message.to_owned();
    }
    format!("{message}; this is not valid YAML, check the indentation and the quotes")
}
