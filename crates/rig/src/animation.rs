//! Sampling of node and morph animations (glTF 2.0, 3.11 and appendix C).

use std::ops::{Add, Mul};

use glam::{Quat, Vec3};

use crate::{Animation, Channel, ChannelValues, Interpolation, Pose};

impl Animation {
    /// Time of the last key, seconds; 0 without channels.
    pub fn duration(&self) -> f64 {
        self.channels.iter().filter_map(|c| c.times.last()).fold(0.0, |end, &t| end.max(f64::from(t)))
    }

    /// Sets what this animation moves to its state at `time` seconds, held before the first and after the last key of
    /// each channel; leaves the rest of the pose as it is. Targets that `pose` lacks are passed over.
    pub fn sample(&self, time: f64, pose: &mut Pose) {
        for channel in &self.channels {
            channel.sample(time, pose);
        }
    }
}

impl Channel {
    fn sample(&self, time: f64, pose: &mut Pose) {
        let Some(span) = Span::find(&self.times, time) else { return };
        match &self.values {
            ChannelValues::Translation(node, values) => {
                if let (Some(node), Some(v)) = (pose.nodes.get_mut(*node), self.vector(values, span)) {
                    node.translation = v;
                }
            }
            ChannelValues::Scale(node, values) => {
                if let (Some(node), Some(v)) = (pose.nodes.get_mut(*node), self.vector(values, span)) {
                    node.scale = v;
                }
            }
            ChannelValues::Rotation(node, values) => {
                if let (Some(node), Some(v)) = (pose.nodes.get_mut(*node), self.rotation(values, span)) {
                    node.rotation = v;
                }
            }
            ChannelValues::Weights(morphs, values) => {
                let n = morphs.len();
                for (i, &morph) in morphs.iter().enumerate() {
                    let value = self.blend(span, |k| values.get(k * n + i).copied());
                    if let (Some(weight), Some(value)) = (pose.morph_weights.get_mut(morph), value) {
                        *weight = value;
                    }
                }
            }
        }
    }

    fn vector(&self, values: &[Vec3], span: Span) -> Option<Vec3> {
        self.blend(span, |k| values.get(k).copied())
    }

    fn rotation(&self, values: &[Quat], span: Span) -> Option<Quat> {
        let q = match self.interpolation {
            Interpolation::Linear => values.get(span.key)?.slerp(*values.get(span.next)?, span.part),
            _ => self.blend(span, |k| values.get(k).copied())?,
        };
        // A spline through opposite rotations can pass through zero.
        Some(if q.length_squared() > 1e-12 { q.normalize() } else { Quat::IDENTITY })
    }

    /// The value in `span`; `entry(i)` is the i-th value of the channel.
    fn blend<T>(&self, span: Span, entry: impl Fn(usize) -> Option<T>) -> Option<T>
    where
        T: Copy + Add<Output = T> + Mul<f32, Output = T>,
    {
        let Span { key, next, part: t, seconds } = span;
        match self.interpolation {
            Interpolation::Step => entry(key),
            Interpolation::Linear => Some(entry(key)? * (1.0 - t) + entry(next)? * t),
            Interpolation::CubicSpline => {
                let (from, out_tangent) = (entry(key * 3 + 1)?, entry(key * 3 + 2)?);
                let (in_tangent, to) = (entry(next * 3)?, entry(next * 3 + 1)?);
                let (t2, t3) = (t * t, t * t * t);
                Some(
                    from * (2.0 * t3 - 3.0 * t2 + 1.0)
                        + out_tangent * (seconds * (t3 - 2.0 * t2 + t))
                        + to * (3.0 * t2 - 2.0 * t3)
                        + in_tangent * (seconds * (t3 - t2)),
                )
            }
        }
    }
}

/// Where a time falls among keys.
#[derive(Clone, Copy)]
struct Span {
    key: usize,
    next: usize,
    /// From 0 at `key` to 1 at `next`.
    part: f32,
    /// Between the two.
    seconds: f32,
}

impl Span {
    fn find(times: &[f32], time: f64) -> Option<Self> {
        let last = times.len().checked_sub(1)?;
        let at = |key| Some(Self { key, next: key, part: 0.0, seconds: 0.0 });
        match times.partition_point(|&t| f64::from(t) <= time) {
            0 => at(0),
            n if n > last => at(last),
            next => {
                let (a, b) = (f64::from(times[next - 1]), f64::from(times[next]));
                let part = ((time - a) / (b - a)) as f32;
                Some(Self { key: next - 1, next, part, seconds: (b - a) as f32 })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::NodeTransform;
    use glam::Affine3A;

    fn pose() -> Pose {
        let still = NodeTransform { translation: Vec3::ZERO, rotation: Quat::IDENTITY, scale: Vec3::ONE };
        Pose { morph_weights: vec![0.0; 3], nodes: vec![still; 2], world_from_scene: Affine3A::IDENTITY }
    }

    fn sampled(interpolation: Interpolation, times: &[f32], values: ChannelValues, time: f64) -> Pose {
        let mut pose = pose();
        let channel = Channel { interpolation, times: times.to_vec(), values };
        Animation { name: String::new(), channels: vec![channel] }.sample(time, &mut pose);
        pose
    }

    #[test]
    fn step_holds_the_earlier_key_and_linear_goes_straight() {
        let weights = || ChannelValues::Weights(vec![2, 0], vec![0.0, 1.0, 0.5, 0.0, 1.0, 1.0]);
        let times = [1.0, 2.0, 4.0];
        let at = |i, t| sampled(i, &times, weights(), t).morph_weights;
        assert_eq!(at(Interpolation::Step, 1.99), [1.0, 0.0, 0.0]);
        assert_eq!(at(Interpolation::Step, 2.0), [0.0, 0.0, 0.5]);
        assert_eq!(at(Interpolation::Linear, 3.0), [0.5, 0.0, 0.75]);
        assert_eq!(at(Interpolation::Linear, -1.0), [1.0, 0.0, 0.0]);
        assert_eq!(at(Interpolation::Linear, 9.0), [1.0, 0.0, 1.0]);
    }

    #[test]
    fn rotations_are_interpolated_along_the_shorter_arc() {
        let quarter = Quat::from_rotation_y(1.0);
        let values = ChannelValues::Rotation(1, vec![Quat::IDENTITY, -quarter]);
        let pose = sampled(Interpolation::Linear, &[0.0, 2.0], values, 0.5);
        assert!(pose.nodes[1].rotation.angle_between(Quat::from_rotation_y(0.25)) < 1e-3);
        assert_eq!(pose.nodes[0].rotation, Quat::IDENTITY);
    }

    #[test]
    fn cubic_follows_the_hermite_polynomial() {
        // Keys of t³ on [1, 3]: value and slope 1, 3 at t = 1 and 27, 27 at t = 3; at t = 2 it must be 8.
        let v = |y: f32| Vec3::new(y, 0.0, 0.0);
        let values = ChannelValues::Translation(0, vec![v(0.0), v(1.0), v(3.0), v(27.0), v(27.0), v(0.0)]);
        let pose = sampled(Interpolation::CubicSpline, &[1.0, 3.0], values, 2.0);
        assert!((pose.nodes[0].translation.x - 8.0).abs() < 1e-5, "{}", pose.nodes[0].translation);
    }

    #[test]
    fn duration_is_the_last_key_of_all() {
        let channel = |end| Channel {
            interpolation: Interpolation::Linear,
            times: vec![0.0, end],
            values: ChannelValues::Scale(0, vec![Vec3::ONE; 2]),
        };
        let animation = Animation { name: String::new(), channels: vec![channel(1.5), channel(0.5)] };
        assert_eq!(animation.duration(), 1.5);
        assert_eq!(Animation { name: String::new(), channels: vec![] }.duration(), 0.0);
    }
}
