//! YAML as CloudFormation reads it: version 1.1, in which `no` is false and `22:30` is 1350.
//!
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/template-formats.html>

use serde::Serialize;

/// Writes a value whose texts have no line breaks. What writes it knows YAML 1.2, in which fewer
/// texts need quotes; those that are left are put in here.
pub(super) fn to_string(value: &impl Serialize) -> Result<String, serde_yaml::Error> {
    let yaml = serde_yaml::to_string(value)?;
    let mut text = String::with_capacity(yaml.len() + 64);
    for line in yaml.lines() {
        let content = line.trim_start_matches([' ', '-']);
        // Of `-1`, the sign is no dash of a list: it has no space behind it.
        let is_signed =
            line.len() > content.len() && line[..line.len() - content.len()].ends_with('-');
        let start = line.len() - content.len() - usize::from(is_signed);
        let (indent, content) = line.split_at(start);
        text.push_str(indent);
        match content.split_once(": ").or_else(|| Some((content.strip_suffix(':')?, ""))) {
            Some((key, "")) => text.extend([&*quoted(key), ":"]),
            Some((key, value)) => text.extend([&*quoted(key), ": ", &*quoted(value)]),
            None => text.push_str(&quoted(content)),
        }
        text.push('\n');
    }
    Ok(text)
}

/// A plain text in quotes, if YAML 1.1 would take it for something else: <https://yaml.org/type/>.
fn quoted(plain: &str) -> String {
    const WORDS: [&str; 8] = ["y", "n", "yes", "no", "on", "off", "=", "<<"];
    let is_word = WORDS.iter().any(|word| plain.eq_ignore_ascii_case(word));
    // Digits in groups, of 60 or with underlines, and dates. A number has none of these signs, or a
    // minus in front.
    let is_number = plain.bytes().all(|b| b.is_ascii_digit() || b"_:.+-".contains(&b))
        && plain.bytes().any(|b| b.is_ascii_digit())
        && plain.char_indices().any(|(i, c)| "_:".contains(c) || (i > 0 && c == '-'));
    if is_word || is_number { format!("'{plain}'") } else { plain.to_owned() }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn what_looks_like_something_else_is_quoted() {
        let check = |text: &str, expected: &str| {
            let written = to_string(&BTreeMap::from([("key", [text])])).unwrap();
            assert_eq!(written, format!("key:\n- {expected}\n"));
            let written = to_string(&BTreeMap::from([(text, text)])).unwrap();
            assert_eq!(written, format!("{expected}: {expected}\n"));
        };
        for text in ["no", "NO", "On", "y", "=", "<<", "22:30", "-1:30", "1_000", "2010-09-09"] {
            check(text, &format!("'{text}'"));
        }
        for text in ["0123", "1.5", "true", "~", "1e3", "-", "-5"] {
            check(text, &format!("'{text}'"));
        }
        for text in ["hit#*", "north", "5xx", "https://*", "a:b", "provided.al2023", "_"] {
            check(text, text);
        }
    }

    #[test]
    fn what_is_a_number_stays_one() {
        assert_eq!(to_string(&BTreeMap::from([("a", [5, -5])])).unwrap(), "a:\n- 5\n- -5\n");
    }
}
