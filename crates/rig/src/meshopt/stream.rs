//! Reading a compressed stream from its start to the tail that every one of them ends with.

/// What has not been read yet.
pub(super) struct Stream<'a> {
    rest: &'a [u8],
}

/// The stream has ended before all was decoded.
const SHORT: &str = "the compressed data ends too early";

impl<'a> Stream<'a> {
    pub(super) fn new(rest: &'a [u8]) -> Self {
        Self { rest }
    }

    pub(super) fn take(&mut self, count: usize) -> Result<&'a [u8], &'static str> {
        let (taken, rest) = self.rest.split_at_checked(count).ok_or(SHORT)?;
        self.rest = rest;
        Ok(taken)
    }

    /// The last `count` bytes.
    pub(super) fn take_tail(&mut self, count: usize) -> Result<&'a [u8], &'static str> {
        let start = self.rest.len().checked_sub(count).ok_or(SHORT)?;
        let (rest, tail) = self.rest.split_at(start);
        self.rest = rest;
        Ok(tail)
    }

    pub(super) fn byte(&mut self) -> Result<u8, &'static str> {
        let (&first, rest) = self.rest.split_first().ok_or(SHORT)?;
        self.rest = rest;
        Ok(first)
    }

    /// A number in 1 to 5 bytes of 7 bits each, the lowest first (LEB128).
    pub(super) fn varint(&mut self) -> Result<u32, &'static str> {
        let mut value = 0;
        for shift in [0, 7, 14, 21, 28] {
            let byte = self.byte()?;
            value |= u32::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err("a number in the compressed data is longer than 5 bytes")
    }

    /// An error if anything is left.
    pub(super) fn finish(self) -> Result<(), &'static str> {
        if self.rest.is_empty() { Ok(()) } else { Err("the compressed data goes on after its last element") }
    }
}

/// The signed number that is stored as 0, −1, 1, −2, …
pub(super) fn unzigzag(v: u32) -> u32 {
    if v & 1 != 0 { !(v >> 1) } else { v >> 1 }
}
