//! Morphs, one primitive at a time.

use std::ops::Range;

use effigy_rig::Morph;
use glam::Vec3;

/// The part of a valid `morph`, whose vertices ascend, that lies in `vertices`: which move, and by how much.
pub(crate) fn part_within<'a>(morph: &'a Morph, vertices: &Range<u32>) -> (&'a [u32], &'a [Vec3]) {
    let begin = morph.indices.partition_point(|&v| v < vertices.start);
    let end = morph.indices.partition_point(|&v| v < vertices.end);
    (&morph.indices[begin..end], &morph.deltas[begin..end])
}
