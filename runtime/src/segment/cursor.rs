//! Reads the primitive values of Parquet pages and Thrift headers from bytes.

use super::SegmentError;

/// The bytes that are not read yet.
pub(super) struct Cursor<'a>(pub(super) &'a [u8]);

impl<'a> Cursor<'a> {
    /// Takes exactly `count` bytes.
    pub(super) fn take(&mut self, count: usize) -> Result<&'a [u8], SegmentError> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or_else(damaged)?;
        self.0 = rest;
        Ok(taken)
    }

    /// Takes up to `count` bytes: writers may cut the last bit-packed run after its last value.
    pub(super) fn take_up_to(&mut self, count: usize) -> Result<&'a [u8], SegmentError> {
        self.take(count.min(self.0.len()))
    }

    /// Takes an array.
    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], SegmentError> {
        let (taken, rest) = self.0.split_first_chunk().ok_or_else(damaged)?;
        self.0 = rest;
        Ok(*taken)
    }

    /// Reads bytes that follow their length in four bytes.
    pub(super) fn length_prefixed(&mut self) -> Result<&'a [u8], SegmentError> {
        let length = u32::from_le_bytes(self.array()?);
        self.take(length as usize)
    }

    /// Reads an unsigned number in groups of seven bits, the lowest first (ULEB128).
    pub(super) fn varint(&mut self) -> Result<u64, SegmentError> {
        let mut number = 0;
        for group in 0..10 {
            let [byte] = self.array()?;
            number |= u64::from(byte & 0x7f) << (7 * group);
            if byte & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err(damaged())
    }

    /// Reads a signed number in zigzag encoding: the lowest bit is the sign.
    pub(super) fn zigzag(&mut self) -> Result<i64, SegmentError> {
        let number = self.varint()?;
        Ok((number >> 1).cast_signed() ^ -(number & 1).cast_signed())
    }
}

/// The error for bytes that no valid segment has.
pub(super) fn damaged() -> SegmentError {
    SegmentError::Foreign("it is damaged".to_owned())
}
