//! Import IDs. They are part of item keys.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The ID of an import: 48 bits of a hash of the imported data, shown as 12 hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ImportId(u64);

impl ImportId {
    /// Makes an ID from the first bytes of a hash.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 6]) -> Self {
        Self(bytes.iter().fold(0, |id, byte| id << 8 | u64::from(*byte)))
    }
}

impl fmt::Display for ImportId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:012x}", self.0)
    }
}

/// A string that is not an import ID.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid import ID {0:?}: expected 12 digits, each 0 to 9 or a to f")]
pub struct InvalidImportId(String);

impl FromStr for ImportId {
    type Err = InvalidImportId;

    fn from_str(text: &str) -> Result<Self, InvalidImportId> {
        let digits = text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        let number = u64::from_str_radix(text, 16).ok().filter(|_| digits && text.len() == 12);
        number.map(Self).ok_or_else(|| InvalidImportId(text.to_owned()))
    }
}

impl TryFrom<String> for ImportId {
    type Error = InvalidImportId;

    fn try_from(text: String) -> Result<Self, InvalidImportId> {
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
    fn import_id_has_12_lower_case_hex_digits() {
        let id = ImportId::from_bytes([0, 0xab, 1, 2, 3, 0xff]);
        assert_eq!(id.to_string(), "00ab010203ff");
        assert_eq!("00ab010203ff".parse(), Ok(id));
        for invalid in ["", "ab010203ff", "00AB010203ff", "+0ab010203ff", "00ab010203ff0"] {
            assert!(invalid.parse::<ImportId>().is_err(), "{invalid}");
        }
    }
}
