//! Checksums of packets.

/// CRC-32 (ISO-HDLC: polynomial 0x04C11DB7 reflected, initial and final 0xFFFFFFFF).
pub(crate) fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for &byte in bytes {
        crc ^= u32::from(byte);
        for _ in 0..8 {
            crc = (crc >> 1) ^ (0xEDB8_8320 & (crc & 1).wrapping_neg());
        }
    }
    !crc
}

/// CRC-16 (IBM-3740, "CCITT-FALSE": polynomial 0x1021, initial 0xFFFF) of several pieces in a row.
pub(crate) fn crc16(pieces: &[&[u8]]) -> u16 {
    let mut crc = u16::MAX;
    for &byte in pieces.iter().copied().flatten() {
        crc ^= u16::from(byte) << 8;
        for _ in 0..8 {
            crc = (crc << 1) ^ (0x1021 & (crc >> 15).wrapping_neg());
        }
    }
    crc
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The check values of the CRC catalogue, for the digits 1 to 9.
    #[test]
    fn check_values_are_those_of_the_catalogue() {
        assert_eq!(crc32(b"123456789"), 0xCBF4_3926);
        assert_eq!(crc16(&[b"123456789"]), 0x29B1);
        assert_eq!(crc16(&[b"1234", b"", b"56789"]), 0x29B1);
    }
}
