//! Writing a rig's animations as glTF 2.0.

use std::collections::BTreeSet;

use effigy_rig::{Animation, Channel, ChannelValues, Interpolation, Pose, Rig};
use glam::Quat;
use serde_json::{Value, json};

use super::mesh::{Mesh, settled};
use crate::AvatarError;
use crate::glb::{BufferBuilder, ElementType, F32, ViewUse, number};

/// Most morph weights at keys of all animations together, 256 MiB of them. A file whose channels move a few morphs at
/// many keys each could ask for far more than its own size here.
const MAX_WEIGHTS: usize = 1 << 26;

/// The `animations` array. Channels that glTF cannot hold (no keys, two for the same property) are left out, and an
/// animation without channels too.
///
/// A mesh here carries all morphs of the rig, so the weight channels of an animation become one channel over all of
/// them: copied where they share their key times, otherwise sampled at the union of their keys. Morphs that no
/// channel moves keep their weight at rest.
///
/// # Errors
/// [`AvatarError::Asset`] if that takes more than [`MAX_WEIGHTS`].
pub(super) fn write(
    rig: &Rig,
    meshes: &[Mesh<'_>],
    buffer: &mut BufferBuilder,
) -> Result<Vec<Value>, AvatarError> {
    let mut weights_left = MAX_WEIGHTS;
    let mut written = Vec::new();
    for animation in &rig.animations {
        written.extend(write_one(rig, meshes, animation, &mut weights_left, buffer)?);
    }
    Ok(written)
}

fn write_one(
    rig: &Rig,
    meshes: &[Mesh<'_>],
    animation: &Animation,
    weights_left: &mut usize,
    buffer: &mut BufferBuilder,
) -> Result<Option<Value>, AvatarError> {
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
        && let Some(all) = merged_weights(rig, animation, weights_left)?
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
        return Ok(None);
    }
    let mut value = json!({ "channels": channels, "samplers": samplers });
    if !animation.name.is_empty() {
        value["name"] = json!(animation.name);
    }
    Ok(Some(value))
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

fn merged_weights(
    rig: &Rig,
    animation: &Animation,
    weights_left: &mut usize,
) -> Result<Option<WeightTrack>, AvatarError> {
    let moves_weights = |c: &&Channel| matches!(&c.values, ChannelValues::Weights(..)) && usable(&c.times);
    let channels: Vec<Channel> = animation.channels.iter().filter(moves_weights).cloned().collect();
    let Some(first) = channels.first() else { return Ok(None) };
    // What is sampled at each key, though several channels may move the same morph.
    let sampled: usize = channels.iter().map(weights_per_key).sum();
    let alike = channels.iter().all(|c| c.times == first.times && c.interpolation == first.interpolation);
    let interpolation = if alike { first.interpolation } else { Interpolation::Linear };
    let times = if alike { first.times.clone() } else { union_of_keys(&channels) };
    let rows = times.len() * values_per_key(interpolation);
    *weights_left = rows
        .checked_mul(sampled.max(rig.morphs.len()))
        .and_then(|weights| weights_left.checked_sub(weights))
        .ok_or_else(|| {
            AvatarError::Asset(format!(
                "rig: its animations need more than {MAX_WEIGHTS} morph weights at keys"
            ))
        })?;
    let mut values = Vec::with_capacity(rows * rig.morphs.len());
    if alike {
        for row in 0..rows {
            let is_tangent = values_per_key(interpolation) == 3 && row % 3 != 1;
            let at = values.len();
            values.extend(rig.morphs.iter().map(|m| if is_tangent { 0.0 } else { m.default_weight }));
            for channel in &channels {
                let ChannelValues::Weights(morphs, track) = &channel.values else { continue };
                for (k, &morph) in morphs.iter().enumerate() {
                    values[at + morph] = track[row * morphs.len() + k];
                }
            }
        }
    } else {
        let weights = Animation { name: String::new(), channels };
        let mut pose = Pose::rest(rig);
        for &time in &times {
            weights.sample(f64::from(time), &mut pose);
            values.extend(&pose.morph_weights);
        }
    }
    Ok(Some(WeightTrack { times, interpolation, values }))
}

fn weights_per_key(channel: &Channel) -> usize {
    if let ChannelValues::Weights(morphs, _) = &channel.values { morphs.len() } else { 0 }
}

/// The times at which linear blending gives what the channels do, but for splines, which it cuts short. Just before
/// each key of a channel of steps stands another, which holds the step until then.
fn union_of_keys(channels: &[Channel]) -> Vec<f32> {
    let mut times = Vec::new();
    for channel in channels {
        times.extend_from_slice(&channel.times);
        if channel.interpolation == Interpolation::Step {
            times.extend(channel.times.iter().skip(1).map(|t| t.next_down()));
        }
    }
    times.sort_by(f32::total_cmp);
    times.dedup();
    times
}
