//! Compressed buffer views: the first bytes choose mode, filter, count and stride.
#![no_main]

use effigy_rig::meshopt::{Filter, Mode, decode};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Some((&[mode, stride, low, high], stream)) = bytes.split_first_chunk() else { return };
    let filters =
        [Filter::None, Filter::Octahedral, Filter::Quaternion, Filter::Exponential, Filter::Color];
    let mode = match mode % 7 {
        0 => Mode::Triangles,
        1 => Mode::Indices,
        filter => Mode::Attributes(filters[usize::from(filter) - 2]),
    };
    let (count, stride) = (usize::from(u16::from_le_bytes([low, high])), usize::from(stride) + 1);
    if let Ok(decoded) = decode(stream, mode, count, stride) {
        assert_eq!(decoded.len(), count * stride);
    }
});
