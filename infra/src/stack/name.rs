//! Names: of the stack, and of words within logical ids.

use std::fmt;

/// Name of a stack and of its table, and prefix of every other name.
///
/// Valid for CloudFormation, for DynamoDB and, followed by a function's name, for Lambda.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StackName(String);

impl StackName {
    /// Returns the name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the name of a part of the stack, such as `footfall-track`.
    #[must_use]
    pub fn part(&self, part: &str) -> String {
        format!("{}-{part}", self.0)
    }
}

impl Default for StackName {
    fn default() -> Self {
        Self("footfall".to_owned())
    }
}

impl TryFrom<String> for StackName {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        let is_name = name.starts_with(|c: char| c.is_ascii_alphabetic())
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && (3..=50).contains(&name.len());
        if is_name {
            Ok(Self(name))
        } else {
            Err(format!(
                "invalid stack name {name:?}; use 3 to 50 letters, digits and -, a letter first"
            ))
        }
    }
}

impl fmt::Display for StackName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Capitalizes a word for a logical id or an output: `track` becomes `Track`.
///
/// Characters that neither may contain are dropped.
pub(crate) fn capitalized(word: &str) -> String {
    let mut capitals = word.chars().filter(char::is_ascii_alphanumeric);
    let first = capitals.next().map(|c| c.to_ascii_uppercase());
    first.into_iter().chain(capitals).collect()
}
