//! Animations as they stand in the file.

use glam::{Quat, Vec3};
use gltf::json::Root;
use gltf::json::accessor::Type;
use gltf::json::animation::{Interpolation as JsonInterpolation, Property};
use gltf::json::validation::Checked;

use crate::error::invalid;
use crate::{Animation, Channel, ChannelValues, Interpolation, RigError};

use super::accessor::{Accessors, Scaling};
use super::morph::Names;
use super::node::Order;

pub(super) fn animations(
    root: &Root,
    accessors: &Accessors<'_>,
    order: &Order,
    morphs: &Names,
) -> Result<Vec<Animation>, RigError> {
    let mut animations = Vec::new();
    for (i, animation) in root.animations.iter().enumerate() {
        let mut channels = Vec::new();
        for (k, channel) in animation.channels.iter().enumerate() {
            let place = format!("animation {i}, channel {k}");
            // Extensions animate other things.
            let Checked::Valid(property) = channel.target.path else { continue };
            let file = channel.target.node.value();
            let node = order.rig(file).ok_or_else(|| invalid(&place, format!("there is no node {file}")))?;
            let sampler = animation
                .samplers
                .get(channel.sampler.value())
                .ok_or_else(|| invalid(&place, format!("there is no sampler {}", channel.sampler.value())))?;
            let (interpolation, per_key) = match sampler.interpolation {
                Checked::Valid(JsonInterpolation::Linear) => (Interpolation::Linear, 1),
                Checked::Valid(JsonInterpolation::Step) => (Interpolation::Step, 1),
                Checked::Valid(JsonInterpolation::CubicSpline) => (Interpolation::CubicSpline, 3),
                Checked::Invalid => return Err(invalid(&place, "its interpolation is unknown")),
            };
            let times = accessors.floats(
                sampler.input.value(),
                Type::Scalar,
                Scaling::AsDeclared,
                &format!("{place}, times"),
            )?;
            if times.is_empty() || !times.is_sorted_by(|a, b| a < b) {
                return Err(invalid(&place, "its times are not ascending"));
            }
            let place = format!("{place}, values");
            let floats = |kind, scaling| accessors.floats(sampler.output.value(), kind, scaling, &place);
            let vectors = || -> Result<Vec<Vec3>, RigError> {
                Ok(floats(Type::Vec3, Scaling::AsDeclared)?
                    .as_chunks()
                    .0
                    .iter()
                    .map(|v| Vec3::from_array(*v))
                    .collect())
            };
            let (values, count, keys) = match property {
                Property::Translation => {
                    let v = vectors()?;
                    let n = v.len();
                    (ChannelValues::Translation(node, v), n, 1)
                }
                Property::Scale => {
                    let v = vectors()?;
                    let n = v.len();
                    (ChannelValues::Scale(node, v), n, 1)
                }
                Property::Rotation => {
                    let v = floats(Type::Vec4, Scaling::Normalized)?;
                    let v = v.as_chunks().0.iter().enumerate().map(|(at, q)| {
                        let q = Quat::from_array(*q);
                        // The tangents of a spline are differences, not rotations.
                        let rotation = per_key == 1 || at % 3 == 1;
                        if rotation && q.length_squared() > 1e-12 { q.normalize() } else { q }
                    });
                    let v: Vec<Quat> = v.collect();
                    let n = v.len();
                    (ChannelValues::Rotation(node, v), n, 1)
                }
                Property::MorphTargetWeights => {
                    let targets = morphs.of_node(root, file);
                    if targets.is_empty() {
                        return Err(invalid(&place, "its node has no morph targets"));
                    }
                    let v = floats(Type::Scalar, Scaling::Normalized)?;
                    let n = v.len();
                    (ChannelValues::Weights(targets.to_vec(), v), n, targets.len())
                }
            };
            let expected = times.len().saturating_mul(per_key).saturating_mul(keys);
            if count != expected {
                return Err(invalid(place, format!("there are {count} where the keys need {expected}")));
            }
            channels.push(Channel { interpolation, times, values });
        }
        animations.push(Animation { name: animation.name.clone().unwrap_or_default(), channels });
    }
    Ok(animations)
}
