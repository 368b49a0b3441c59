//! What is wrong with a settings file, in words that its owner knows: the line, the key, the remedy.

/// Why a settings file is refused: where, which key, and what to write instead.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}{}{problem}", at(*.line), key_prefix(.key))]
pub struct SettingsError {
    /// The line in the file, from 1, where it is known.
    pub line: Option<usize>,
    /// The path of the key, such as `sites[0].time_zone`; empty for the file as a whole.
    pub key: String,
    /// What is wrong, and what to write instead.
    pub problem: String,
}

fn at(line: Option<usize>) -> String {
    line.map_or_else(String::new, |line| format!("line {line}: "))
}

fn key_prefix(key: &str) -> String {
    if key.is_empty() { String::new() } else { format!("{key}: ") }
}

/// The line of the key that ends `path`, at or after line `from`: serde_yaml gives the place of
/// the mapping around a value that is refused after it was read.
pub(super) fn line_of(text: &str, from: usize, path: &str) -> usize {
    let key = path.rsplit('.').next().unwrap_or(path);
    let is_key = |line: &str| {
        line.trim_start_matches([' ', '-']).strip_prefix(key).is_some_and(|r| r.starts_with(':'))
    };
    let found = text.lines().skip(from.saturating_sub(1)).position(is_key);
    found.map_or(from, |offset| from + offset)
}

/// What serde expects, in words that are no programmer's.
fn in_words(expected: &str) -> &str {
    match expected {
        "a boolean" => "true or false",
        "a sequence" => "a list, such as [one, two]",
        "a map" => "keys with values",
        "u8" | "u16" | "u64" => "a whole number that is not negative",
        "struct Settings" => "keys with values, of which `sites:` is the first",
        "struct WrittenSite" => "`domain:` and the host, as in `- domain: example.com`",
        struct_of_ours if struct_of_ours.starts_with("struct ") => "keys with values",
        other => other,
    }
}

/// Turns serde's words into ones that an owner knows, and adds what to do. The place is left
/// out: it stands in front already.
pub(super) fn remedied(message: &str) -> String {
    let message = match message.rfind(" at line ") {
        Some(at) => &message[..at],
        None => message,
    };
    if let Some(rest) = message.strip_prefix("unknown field ") {
        return format!("unknown key {}", rest.replacen(", expected ", "; use ", 1));
    }
    if let Some(rest) = message.strip_prefix("missing field ") {
        return format!("the key {rest} is missing; add it");
    }
    if let Some(rest) = message.strip_prefix("duplicate field ") {
        return format!("the key {rest} is there twice; remove one");
    }
    if message.starts_with("invalid ")
        && let Some((found, expected)) = message.split_once(", expected ")
    {
        return format!("{found}; write {}", in_words(expected));
    }
    if message.contains("; ") {
        return message.to_owned();
    }
    format!("{message}; this is not YAML as it stands, look at the indentation and the quotes")
}
