//! Names of imports, which are part of keys.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// An import's name: 48 bits of a hash of what was imported, as 12 hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ImportId(u64);

impl ImportId {
    /// The name that begins with these bytes.
    #[must_use]
    pub fn of(bytes: [u8; 6]) -> Self {
        Self(bytes.iter().fold(0, |id, byte| id << 8 | u64::from(*byte)))
    }
}

impl fmt::Display for ImportId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:012x}", self.0)
    }
}

/// A text that is no import's name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no import; it has 12 digits, 0 to 9 and a to f")]
pub struct NoImport(String);

impl FromStr for ImportId {
    type Err = NoImport;

    fn from_str(text: &str) -> Result<Self, NoImport> {
        let digits = text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        let number = u64::from_str_radix(text, 16).ok().filter(|_| digits && text.len() == 12);
        number.map(Self).ok_or_else(|| NoImport(text.to_owned()))
    }
}

impl TryFrom<String> for ImportId {
    type Error = NoImport;

    fn try_from(text: String) -> Result<Self, NoImport> {
        text.parse()
    }
}

impl From<ImportId> for String {
    fn from(id: ImportId) -> Self {
        id.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_12_digits() {
        let id = ImportId::of([0, 0xab, 1, 2, 3, 0xff]);
        assert_eq!(id.to_string(), "00ab010203ff");
        assert_eq!("00ab010203ff".parse(), Ok(id));
        for none in ["", "ab010203ff", "00AB010203ff", "+0ab010203ff", "00ab010203ff0"] {
            assert!(none.parse::<ImportId>().is_err(), "{none}");
        }
    }
}
