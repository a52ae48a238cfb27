//! Writing a rig's animations as glTF 2.0.

use std::collections::BTreeSet;

use effigy_rig::{Animation, Channel, ChannelValues, Interpolation, Rig};
use glam::Quat;
use serde_json::{Value, json};

use super::glb::{BufferBuilder, ElementType, F32, ViewUse, number};
use super::mesh::{Mesh, settled};

/// The `animations` array. Channels that glTF cannot hold (no keys, two for the same property) are left out, and an
/// animation without channels too.
///
/// A mesh here carries all morphs of the rig, so the weight channels of an animation become one channel over all of
/// them: copied where they share their key times, otherwise sampled at the union of their keys. Morphs that no
/// channel moves keep their weight at rest.
pub(super) fn write(rig: &Rig, meshes: &[Mesh<'_>], buffer: &mut BufferBuilder) -> Vec<Value> {
    rig.animations.iter().filter_map(|animation| write_one(rig, meshes, animation, buffer)).collect()
}

fn write_one(
    rig: &Rig,
    meshes: &[Mesh<'_>],
    animation: &Animation,
    buffer: &mut BufferBuilder,
) -> Option<Value> {
    let mut taken = BTreeSet::new();
    let (mut channels, mut samplers) = (Vec::new(), Vec::new());
    for channel in &animation.channels {
        let rotations;
        let (node, path, shape, values): (usize, &str, &'static str, &[u8]) = match &channel.values {
            ChannelValues::Translation(node, v) => (*node, "translation", "VEC3", bytemuck::cast_slice(v)),
            ChannelValues::Rotation(node, v) => {
                rotations = unit_rotations(v, channel.interpolation);
                (*node, "rotation", "VEC4", bytemuck::cast_slice(&rotations))
            }
            ChannelValues::Scale(node, v) => (*node, "scale", "VEC3", bytemuck::cast_slice(v)),
            ChannelValues::Weights(..) => continue,
        };
        let element_size = if shape == "VEC4" { 16 } else { 12 };
        let count = channel.times.len() * values_per_key(channel.interpolation);
        if !usable(&channel.times) || values.len() != count * element_size || node >= rig.nodes.len() {
            continue;
        }
        if taken.insert((node, path)) {
            let kind = ElementType::new(F32, shape);
            samplers.push(sampler(buffer, &channel.times, channel.interpolation, values, kind, count));
            channels.push(json!({
                "sampler": samplers.len() - 1, "target": { "node": node, "path": path }
            }));
        }
    }
    let morphed: Vec<usize> = meshes.iter().filter(|m| m.morphed).map(|m| m.node).collect();
    if !morphed.is_empty()
        && let Some(all) = merged_weights(rig, animation)
    {
        let bytes = bytemuck::cast_slice(&all.values);
        let kind = ElementType::new(F32, "SCALAR");
        samplers.push(sampler(buffer, &all.times, all.interpolation, bytes, kind, all.values.len()));
        for node in morphed {
            channels.push(json!({
                "sampler": samplers.len() - 1, "target": { "node": node, "path": "weights" }
            }));
        }
    }
    if channels.is_empty() {
        return None;
    }
    let mut value = json!({ "channels": channels, "samplers": samplers });
    if !animation.name.is_empty() {
        value["name"] = json!(animation.name);
    }
    Some(value)
}

fn sampler(
    buffer: &mut BufferBuilder,
    times: &[f32],
    interpolation: Interpolation,
    values: &[u8],
    kind: ElementType,
    count: usize,
) -> Value {
    let scalar = ElementType::new(F32, "SCALAR");
    let input = buffer.accessor(bytemuck::cast_slice(times), ViewUse::Data, scalar, times.len());
    // Times ascend, so the ends are the bounds.
    buffer.accessors[input]["min"] = Value::Array(times.first().map(|&t| number(t)).into_iter().collect());
    buffer.accessors[input]["max"] = Value::Array(times.last().map(|&t| number(t)).into_iter().collect());
    let output = buffer.accessor(values, ViewUse::Data, kind, count);
    let name = match interpolation {
        Interpolation::Step => "STEP",
        Interpolation::Linear => "LINEAR",
        Interpolation::CubicSpline => "CUBICSPLINE",
    };
    json!({ "input": input, "interpolation": name, "output": output })
}

/// Rotations of unit length; tangents as they are.
fn unit_rotations(values: &[Quat], interpolation: Interpolation) -> Vec<[f32; 4]> {
    let per_key = values_per_key(interpolation);
    let normalize = |q: [f32; 4]| {
        let q = Quat::from_array(q);
        if q.length_squared() > 1e-12 { q.normalize().to_array() } else { [0.0, 0.0, 0.0, 1.0] }
    };
    let is_tangent = |i: usize| per_key == 3 && i % 3 != 1;
    let unit = |(i, q): (usize, &Quat)| {
        if is_tangent(i) { q.to_array() } else { settled(q.to_array(), normalize) }
    };
    values.iter().enumerate().map(unit).collect()
}

fn values_per_key(interpolation: Interpolation) -> usize {
    if interpolation == Interpolation::CubicSpline { 3 } else { 1 }
}

/// Whether glTF allows these key times: some, not negative, strictly ascending.
fn usable(times: &[f32]) -> bool {
    times.first().is_some_and(|t| t.is_finite() && *t >= 0.0)
        && times.windows(2).all(|w| w[0] < w[1] && w[1].is_finite())
}

struct WeightTrack {
    times: Vec<f32>,
    interpolation: Interpolation,
    /// Key-major, every morph of the rig.
    values: Vec<f32>,
}

fn merged_weights(rig: &Rig, animation: &Animation) -> Option<WeightTrack> {
    let mut tracks: Vec<(&Channel, &[usize], &[f32])> = Vec::new();
    for channel in &animation.channels {
        if let ChannelValues::Weights(morphs, values) = &channel.values {
            let count = channel.times.len() * values_per_key(channel.interpolation) * morphs.len();
            if usable(&channel.times) && values.len() == count && morphs.iter().all(|&m| m < rig.morphs.len())
            {
                tracks.push((channel, morphs, values));
            }
        }
    }
    let (first, ..) = *tracks.first()?;
    let defaults: Vec<f32> = rig.morphs.iter().map(|m| m.default_weight).collect();
    let alike = tracks.iter().all(|(c, ..)| c.times == first.times && c.interpolation == first.interpolation);
    if alike {
        let per_key = values_per_key(first.interpolation);
        let mut values = Vec::with_capacity(first.times.len() * per_key * defaults.len());
        for row in 0..first.times.len() * per_key {
            let is_tangent = per_key == 3 && row % 3 != 1;
            let at = values.len();
            values.extend(defaults.iter().map(|&w| if is_tangent { 0.0 } else { w }));
            for (_, morphs, track) in &tracks {
                for (k, &morph) in morphs.iter().enumerate() {
                    values[at + morph] = track[row * morphs.len() + k];
                }
            }
        }
        return Some(WeightTrack { times: first.times.clone(), interpolation: first.interpolation, values });
    }
    let mut times: Vec<f32> = tracks.iter().flat_map(|(c, ..)| c.times.iter().copied()).collect();
    times.sort_by(f32::total_cmp);
    times.dedup();
    let mut values = Vec::with_capacity(times.len() * defaults.len());
    for &time in &times {
        let at = values.len();
        values.extend(&defaults);
        for (channel, morphs, track) in &tracks {
            for (k, &morph) in morphs.iter().enumerate() {
                values[at + morph] = sample(channel, track, morphs.len(), k, time);
            }
        }
    }
    Some(WeightTrack { times, interpolation: Interpolation::Linear, values })
}

/// Value `k` of `stride` of a weight channel at `time` (glTF 2.0 appendix C), clamped to its ends.
fn sample(channel: &Channel, values: &[f32], stride: usize, k: usize, time: f32) -> f32 {
    let times = &channel.times;
    let cubic = channel.interpolation == Interpolation::CubicSpline;
    let value = |key: usize| values[if cubic { 3 * key + 1 } else { key } * stride + k];
    let after = times.partition_point(|&t| t <= time);
    if after == 0 || after == times.len() {
        return value(if after == 0 { 0 } else { after - 1 });
    }
    let (a, b) = (after - 1, after);
    let span = times[b] - times[a];
    let t = (time - times[a]) / span;
    match channel.interpolation {
        Interpolation::Step => value(a),
        Interpolation::Linear => value(a) + t * (value(b) - value(a)),
        Interpolation::CubicSpline => {
            let out_tangent = values[(3 * a + 2) * stride + k] * span;
            let in_tangent = values[3 * b * stride + k] * span;
            let (t2, t3) = (t * t, t * t * t);
            (2.0 * t3 - 3.0 * t2 + 1.0) * value(a)
                + (t3 - 2.0 * t2 + t) * out_tangent
                + (3.0 * t2 - 2.0 * t3) * value(b)
                + (t3 - t2) * in_tangent
        }
    }
}
