//! Mode 0: elements of any kind. Blocks of elements hold one plane for each byte of an element, of differences from
//! the element before.

use super::stream::{Stream, unzigzag};

const MAX_BLOCK: usize = 256;
const GROUP: usize = 16;

/// The differences of one byte of the elements of a block.
type Plane = [u8; MAX_BLOCK];

/// How a plane's groups are stored, by the two bits that each has.
type GroupBits = [u32; 4];
const VERSION_0: GroupBits = [0, 2, 4, 8];
const LOW: GroupBits = [0, 1, 2, 4];
const HIGH: GroupBits = [1, 2, 4, 8];

pub(super) fn decode(bytes: &[u8], size: usize, stride: usize) -> Result<Vec<u8>, &'static str> {
    let mut stream = Stream::new(bytes);
    let version = match stream.byte()? {
        0xa0 => 0,
        0xa1 => 1,
        _ => return Err("the compressed data is not of attributes, or of a version above 1"),
    };
    if !(4..=256).contains(&stride) || !stride.is_multiple_of(4) {
        return Err("its stride is not a multiple of 4 up to 256");
    }
    let modes = if version == 0 { 0 } else { stride / 4 };
    let (baseline, channels) = {
        let tail = stream.take_tail((stride + modes).max(if version == 0 { 32 } else { 24 }))?;
        tail[tail.len() - stride - modes..].split_at(stride)
    };
    let channel = |index: usize| channels.get(index).copied().unwrap_or(0);
    // Only exclusive-or has anything in its upper half: by how much it is rotated.
    if channels.iter().any(|&c| c & 15 > 2 || (c & 15 < 2 && c > 15)) {
        return Err("a channel of the compressed data is of an unknown kind");
    }
    let block = ((8192 / stride) & !(GROUP - 1)).min(MAX_BLOCK);
    let mut out = vec![0; size];
    let mut last = baseline.to_vec();
    for elements in out.chunks_mut(block * stride) {
        let count = elements.len() / stride;
        let controls = stream.take(modes)?;
        let control = |byte: usize| controls.get(byte / 4).map(|c| c >> (2 * (byte % 4)) & 3);
        for first in (0..stride).step_by(4) {
            let mut planes = [[0; MAX_BLOCK]; 4];
            for (k, plane) in planes.iter_mut().enumerate() {
                match control(first + k) {
                    None => read_groups(&mut stream, &VERSION_0, count, plane)?,
                    Some(0) => read_groups(&mut stream, &LOW, count, plane)?,
                    Some(1) => read_groups(&mut stream, &HIGH, count, plane)?,
                    Some(2) => {}
                    Some(_) => plane[..count].copy_from_slice(stream.take(count)?),
                }
            }
            let before = &mut last[first..first + 4];
            for (i, element) in elements.chunks_exact_mut(stride).enumerate() {
                let now = next(channel(first / 4), planes.map(|plane| plane[i]), before);
                element[first..first + 4].copy_from_slice(&now);
                before.copy_from_slice(&now);
            }
        }
    }
    stream.finish()?;
    Ok(out)
}

/// The four bytes of a channel from their difference to those `before`.
fn next(channel: u8, difference: [u8; 4], before: &[u8]) -> [u8; 4] {
    let before: [u8; 4] = std::array::from_fn(|k| before.get(k).copied().unwrap_or(0));
    match channel & 15 {
        0 => std::array::from_fn(|k| before[k].wrapping_add(unzigzag(u32::from(difference[k])) as u8)),
        1 => {
            let half = |bytes: [u8; 4], k: usize| u16::from_le_bytes([bytes[k], bytes[k + 1]]);
            let [low, high] = [0, 2].map(|k| {
                half(before, k).wrapping_add(unzigzag(u32::from(half(difference, k))) as u16).to_le_bytes()
            });
            [low[0], low[1], high[0], high[1]]
        }
        _ => {
            let difference = u32::from_le_bytes(difference).rotate_right(u32::from(channel >> 4));
            (u32::from_le_bytes(before) ^ difference).to_le_bytes()
        }
    }
}

/// The first `count` differences of a plane, and what fills its last group up.
fn read_groups(
    stream: &mut Stream<'_>,
    bits: &GroupBits,
    count: usize,
    plane: &mut Plane,
) -> Result<(), &'static str> {
    let groups = count.div_ceil(GROUP);
    let header = stream.take(groups.div_ceil(4))?;
    for (i, group) in plane.chunks_exact_mut(GROUP).take(groups).enumerate() {
        let bits = bits[usize::from(header[i / 4] >> (2 * (i % 4)) & 3)];
        match bits {
            0 => {}
            8 => group.copy_from_slice(stream.take(GROUP)?),
            _ => {
                let packed = stream.take(2 * bits as usize)?;
                // All ones stand for a difference that follows in a byte of its own.
                let escape = (1 << bits) - 1;
                let in_byte = 8 / bits as usize;
                for (k, value) in group.iter_mut().enumerate() {
                    // Single bits begin with the lowest, the others with the highest.
                    let place = if bits == 1 { k % in_byte } else { in_byte - 1 - k % in_byte };
                    *value = packed[k / in_byte] >> (place * bits as usize) & escape;
                    if *value == escape {
                        *value = stream.byte()?;
                    }
                }
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_the_specification() {
        let coded = [0x17, 0x5f, 0xf0, 0xbc, 0x77, 0xa9, 0x21, 0x00, 0x34, 0xb5];
        let stream = [&[2], coded.as_slice()].concat();
        let mut plane = [0; MAX_BLOCK];
        let mut stream = Stream::new(&stream);
        read_groups(&mut stream, &VERSION_0, 16, &mut plane).unwrap();
        stream.finish().unwrap();
        let differences = plane[..16].iter().map(|&d| unzigzag(u32::from(d)) as u8 as i8);
        let said = [-1, -4, -3, 26, -91, 0, -6, 6, -4, -4, 5, -5, 1, -1, 0, 0];
        assert_eq!(differences.collect::<Vec<_>>(), said);
    }
}
