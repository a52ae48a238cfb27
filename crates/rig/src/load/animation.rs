//! Animations as they stand in the file.

use glam::{Quat, Vec3};
use gltf::json::Root;
use gltf::json::accessor::Type;
use serde::Deserialize;

use crate::error::invalid;
use crate::{Animation, Channel, ChannelValues, Interpolation, RigError};

use super::accessor::{Accessors, Scaling};
use super::left_out::LeftOut;
use super::morph::Names;
use super::node::Order;

/// An animation of the file, as far as it can be read: a channel that animates no node is valid.
#[derive(Deserialize)]
struct FileAnimation {
    name: Option<String>,
    #[serde(default)]
    channels: Vec<FileChannel>,
    #[serde(default)]
    samplers: Vec<Sampler>,
}

#[derive(Deserialize)]
struct FileChannel {
    sampler: Option<usize>,
    target: Option<Target>,
}

#[derive(Deserialize)]
struct Target {
    node: Option<usize>,
    path: Option<String>,
}

#[derive(Deserialize)]
struct Sampler {
    input: Option<usize>,
    output: Option<usize>,
    interpolation: Option<String>,
}

/// What channels refer to.
pub(super) struct Scene<'a> {
    pub(super) root: &'a Root,
    pub(super) accessors: &'a Accessors<'a>,
    pub(super) order: &'a Order,
    pub(super) morphs: &'a Names,
}

/// The animations in `text`, a list in JSON. Channels that cannot be applied are left out, with a warning.
///
/// # Errors
/// [`RigError::Limit`] alone.
pub(super) fn animations(text: &str, scene: &Scene<'_>) -> Result<Vec<Animation>, RigError> {
    let mut left_out = LeftOut::default();
    let read: Vec<FileAnimation> = match serde_json::from_str(text) {
        Ok(read) => read,
        Err(fault) => {
            let fault = invalid("the animations", fault.to_string());
            tracing::warn!("{fault}; they are left out");
            return Ok(Vec::new());
        }
    };
    let mut animations = Vec::with_capacity(read.len());
    for (i, animation) in read.into_iter().enumerate() {
        let mut channels = Vec::with_capacity(animation.channels.len());
        for (k, channel) in animation.channels.iter().enumerate() {
            let place = format!("animation {i}, channel {k}");
            match scene.channel(channel, &animation.samplers, &place) {
                Ok(channel) => channels.push(channel),
                Err(fault @ RigError::Limit { .. }) => return Err(fault),
                Err(fault) => left_out.add(|| fault.to_string()),
            }
        }
        animations.push(Animation { name: animation.name.unwrap_or_default(), channels });
    }
    left_out.warn("channels of animations are left out");
    Ok(animations)
}

impl Scene<'_> {
    fn channel(&self, channel: &FileChannel, samplers: &[Sampler], place: &str) -> Result<Channel, RigError> {
        let target = channel.target.as_ref();
        let path = target.and_then(|t| t.path.as_deref()).unwrap_or_default();
        if !matches!(path, "translation" | "rotation" | "scale" | "weights") {
            // Extensions animate other things.
            return Err(invalid(place, format!("animates {path:?}")));
        }
        let file = target.and_then(|t| t.node).ok_or_else(|| invalid(place, "names no node"))?;
        let node = self.order.rig(file).ok_or_else(|| invalid(place, format!("there is no node {file}")))?;
        let sampler = channel.sampler.ok_or_else(|| invalid(place, "names no sampler"))?;
        let no_sampler = || invalid(place, format!("there is no sampler {sampler}"));
        let sampler = samplers.get(sampler).ok_or_else(no_sampler)?;
        let (Some(input), Some(output)) = (sampler.input, sampler.output) else {
            return Err(invalid(place, "its sampler has no times or no values"));
        };
        let (interpolation, per_key) = match sampler.interpolation.as_deref() {
            None | Some("LINEAR") => (Interpolation::Linear, 1),
            Some("STEP") => (Interpolation::Step, 1),
            Some("CUBICSPLINE") => (Interpolation::CubicSpline, 3),
            Some(other) => return Err(invalid(place, format!("its interpolation {other:?} is unknown"))),
        };
        let times =
            self.accessors.floats(input, Type::Scalar, Scaling::AsDeclared, &format!("{place}, times"))?;
        if times.is_empty() || !times.is_sorted_by(|a, b| a < b) {
            return Err(invalid(place, "its times are not ascending"));
        }
        let place = format!("{place}, values");
        let floats = |kind, scaling| self.accessors.floats(output, kind, scaling, &place);
        let vectors = || -> Result<Vec<Vec3>, RigError> {
            let values = floats(Type::Vec3, Scaling::AsDeclared)?;
            Ok(values.as_chunks().0.iter().map(|v| Vec3::from_array(*v)).collect())
        };
        let (values, count, keys) = match path {
            "translation" => {
                let v = vectors()?;
                let n = v.len();
                (ChannelValues::Translation(node, v), n, 1)
            }
            "scale" => {
                let v = vectors()?;
                let n = v.len();
                (ChannelValues::Scale(node, v), n, 1)
            }
            "rotation" => {
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
            _ => {
                let targets = self.morphs.of_node(self.root, file);
                if targets.is_empty() {
                    return Err(invalid(place, "its node has no morph targets"));
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
        Ok(Channel { interpolation, times, values })
    }
}
