//! What a stream carries: named controls, rotations, a placement, a camera, and the channels these become.

use effigy_rig::ARKIT_NAMES;
use glam::{Quat, Vec3};

use crate::StreamError;
use crate::error::within;

/// Where a control's values lie. What is outside is clamped by the encoder.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Bounds {
    /// 0 to 1.
    #[default]
    Unit,
    /// −1 to 1.
    Signed,
    /// −32767 to 32767. What is beyond 2^27 quantiser steps is not reached within one packet.
    Free,
}

/// A named number that changes over time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Control {
    /// As in [`effigy_rig::Track::names`].
    pub name: String,
    /// Where its values lie.
    pub bounds: Bounds,
}

/// What every frame of a stream holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Layout {
    /// Named controls.
    pub controls: Vec<Control>,
    /// Named rotations: [`Layout::HEAD`], [`Layout::LEFT_EYE`], [`Layout::RIGHT_EYE`], or any node's name.
    pub rotations: Vec<String>,
    /// Whether the avatar is placed in the world.
    pub placement: bool,
    /// Whether there is a camera.
    pub camera: bool,
}

/// A rigid placement.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Placement {
    /// World from avatar, unit quaternion.
    pub rotation: Quat,
    /// Metres, each coordinate within ±32767.
    pub translation: Vec3,
}

/// A camera without a picture size, which is the receiver's own affair; the principal point is the picture's centre.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StreamCamera {
    /// World from camera.
    pub placement: Placement,
    /// Vertical focal length in heights of the picture: `0.5 / tan(vertical_fov / 2)`, from 1e-4 to 1e4.
    pub focal: f32,
}

/// One instant of a stream.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StreamFrame {
    /// Seconds.
    pub time: f64,
    /// One value for each of [`Layout::controls`].
    pub controls: Vec<f32>,
    /// One unit quaternion for each of [`Layout::rotations`].
    pub rotations: Vec<Quat>,
    /// Where the avatar stands; present if and only if [`Layout::placement`] is set.
    pub placement: Option<Placement>,
    /// The camera; present if and only if [`Layout::camera`] is set.
    pub camera: Option<StreamCamera>,
}

/// Channel values are integers in this fraction of a unit (of weight, radian, metre or octave of focal length).
pub(crate) const UNIT: f64 = 65536.0;
/// The greatest magnitude of a channel value.
const FREE: i64 = i32::MAX as i64;
/// The longest name, bytes.
pub(crate) const NAME_BYTES: usize = 255;

impl Layout {
    /// The head's rotation away from rest, as [`effigy_rig::Track::head_rotations`].
    pub const HEAD: &'static str = "head";
    /// The left eye's, as [`effigy_rig::Track::eye_rotations`].
    pub const LEFT_EYE: &'static str = "leftEye";
    /// The right eye's.
    pub const RIGHT_EYE: &'static str = "rightEye";

    /// The 52 ARKit controls and the head's rotation.
    pub fn arkit() -> Self {
        Self::of_names(ARKIT_NAMES, &[Self::HEAD])
    }

    /// Controls from 0 to 1, and rotations.
    pub fn of_names<N: Into<String>>(controls: impl IntoIterator<Item = N>, rotations: &[&str]) -> Self {
        let control = |name: N| Control { name: name.into(), bounds: Bounds::Unit };
        Self {
            controls: controls.into_iter().map(control).collect(),
            rotations: rotations.iter().map(|&r| r.to_owned()).collect(),
            placement: false,
            camera: false,
        }
    }

    /// How many channels a frame becomes: one per control, three per rotation, six for the placement, seven for the
    /// camera.
    pub fn channel_count(&self) -> usize {
        self.controls.len()
            + 3 * self.rotations.len()
            + 6 * usize::from(self.placement)
            + 7 * usize::from(self.camera)
    }

    /// Checks names and counts.
    ///
    /// # Errors
    /// [`StreamError::Input`] for no channels, a name that is empty, longer than 255 bytes or given twice;
    /// [`StreamError::Limit`] for more than `channels`.
    pub fn validate(&self, channels: u64) -> Result<(), StreamError> {
        let fail = |what: String| Err(StreamError::Input(what));
        within("the number of channels", self.channel_count() as u64, channels)?;
        if self.channel_count() == 0 {
            return fail("the layout has no channels".into());
        }
        let controls: Vec<&str> = self.controls.iter().map(|c| c.name.as_str()).collect();
        let rotations: Vec<&str> = self.rotations.iter().map(String::as_str).collect();
        for mut names in [controls, rotations] {
            if names.iter().any(|n| n.is_empty() || n.len() > NAME_BYTES) {
                return fail("a name is empty or longer than 255 bytes".into());
            }
            names.sort_unstable();
            if let Some(twice) = names.windows(2).find(|w| w[0] == w[1]) {
                return fail(format!("{:?} is named twice", twice[0]));
            }
        }
        Ok(())
    }

    /// The least and greatest value of each channel.
    pub(crate) fn channel_bounds(&self) -> Vec<(i64, i64)> {
        let unit = UNIT as i64;
        let mut out: Vec<_> = self
            .controls
            .iter()
            .map(|c| match c.bounds {
                Bounds::Unit => (0, unit),
                Bounds::Signed => (-unit, unit),
                Bounds::Free => (-FREE, FREE),
            })
            .collect();
        out.resize(self.channel_count(), (-FREE, FREE));
        out
    }

    /// The names of the channels, for people.
    pub fn channel_names(&self) -> Vec<String> {
        let mut out: Vec<String> = self.controls.iter().map(|c| c.name.clone()).collect();
        let axes = |of: &str| ["X", "Y", "Z"].map(|axis| format!("{of}{axis}"));
        out.extend(self.rotations.iter().flat_map(|r| axes(&format!("{r}Rotation"))));
        if self.placement {
            out.extend(axes("placementRotation").into_iter().chain(axes("placementTranslation")));
        }
        if self.camera {
            out.extend(axes("cameraRotation").into_iter().chain(axes("cameraPosition")));
            out.push("cameraFocal".into());
        }
        out
    }

    /// The channels of `frame` in units of 1/65536. `before` holds those of the frame before, or is empty: a turn is
    /// written as that one of its two rotation vectors which is nearer to the last.
    pub(crate) fn channels(&self, frame: &StreamFrame, before: &[f64]) -> Result<Vec<f64>, StreamError> {
        let fail = |what: &str| Err(StreamError::Input(format!("a frame {what}")));
        if frame.controls.len() != self.controls.len() || frame.rotations.len() != self.rotations.len() {
            return fail("has another number of controls or rotations than the layout");
        }
        if frame.placement.is_some() != self.placement || frame.camera.is_some() != self.camera {
            return fail("has a placement or camera that the layout lacks, or lacks one that it has");
        }
        let mut out: Vec<f64> = frame.controls.iter().map(|&c| f64::from(c)).collect();
        let rotation = |out: &mut Vec<f64>, q: Quat| {
            let at = out.len();
            let last = before.get(at..at + 3).map_or([0.0; 3], |b| [b[0] / UNIT, b[1] / UNIT, b[2] / UNIT]);
            out.extend(rotation_vector(q, last));
        };
        for &q in &frame.rotations {
            rotation(&mut out, q);
        }
        if let Some(p) = frame.placement {
            rotation(&mut out, p.rotation);
            out.extend(p.translation.to_array().map(f64::from));
        }
        if let Some(camera) = frame.camera {
            rotation(&mut out, camera.placement.rotation);
            out.extend(camera.placement.translation.to_array().map(f64::from));
            out.push(f64::from(camera.focal).log2());
        }
        if !out.iter().all(|x| x.is_finite()) {
            return fail("holds a number that is not finite");
        }
        for (x, (low, high)) in out.iter_mut().zip(self.channel_bounds()) {
            *x = (*x * UNIT).clamp(low as f64, high as f64);
        }
        Ok(out)
    }

    /// The frame that channel values stand for.
    pub(crate) fn frame(&self, time: f64, channels: &[i64]) -> StreamFrame {
        let mut values = channels.iter().map(|&c| (c as f64 / UNIT) as f32);
        let mut next = || values.next().unwrap_or(0.0);
        let controls = self.controls.iter().map(|_| next()).collect();
        let mut vector = || Vec3::new(next(), next(), next());
        let rotations = self.rotations.iter().map(|_| Quat::from_scaled_axis(vector()).normalize()).collect();
        let mut placement =
            || Placement { rotation: Quat::from_scaled_axis(vector()).normalize(), translation: vector() };
        let placed = self.placement.then(&mut placement);
        let viewed = self.camera.then(&mut placement);
        let camera =
            viewed.map(|placement| StreamCamera { placement, focal: next().clamp(-14.0, 14.0).exp2() });
        StreamFrame { time, controls, rotations, placement: placed, camera }
    }
}

/// The rotation vector of `q`, radians, of the two shorter than a full turn the one nearer to `last`.
fn rotation_vector(q: Quat, last: [f64; 3]) -> [f64; 3] {
    let [x, y, z, w] = q.to_array().map(f64::from);
    let sine = (x * x + y * y + z * z).sqrt();
    let length = (sine * sine + w * w).sqrt();
    // A quaternion of zeros means nothing, and becomes NaN, which the caller refuses.
    if !(length > 1e-6) {
        return [f64::NAN; 3];
    }
    let angle = 2.0 * sine.atan2(w);
    let vector = |angle: f64| {
        // Near rest the vector is twice the quaternion's imaginary part.
        let scale = if sine > 1e-9 { angle / sine } else { 2.0 * w.signum() / length };
        [x * scale, y * scale, z * scale]
    };
    let away = |v: &[f64; 3]| v.iter().zip(last).map(|(v, l)| (v - l) * (v - l)).sum::<f64>();
    let (here, there) = (vector(angle), vector(angle - std::f64::consts::TAU));
    if sine > 1e-9 && away(&there) < away(&here) { there } else { here }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_become_channels_and_come_back() {
        let mut layout = Layout::of_names(["a", "b"], &[Layout::HEAD]);
        (layout.placement, layout.camera) = (true, true);
        layout.controls[1].bounds = Bounds::Signed;
        let placement = Placement {
            rotation: Quat::from_euler(glam::EulerRot::XYZ, 0.1, 2.0, -0.4),
            translation: Vec3::new(1.5, -300.25, 0.125),
        };
        let frame = StreamFrame {
            time: 3.5,
            controls: vec![0.25, -0.5],
            rotations: vec![Quat::from_rotation_y(-0.3)],
            placement: Some(placement),
            camera: Some(StreamCamera { placement, focal: 2.0 }),
        };
        let channels = layout.channels(&frame, &[]).unwrap();
        assert_eq!(channels.len(), layout.channel_count());
        assert_eq!(channels.len(), layout.channel_names().len());
        assert_eq!(channels[..2], [16384.0, -32768.0]);
        assert!((channels[3] - -0.3 * 65536.0).abs() < 0.01);
        assert_eq!(channels[channels.len() - 1], 65536.0);
        let rounded: Vec<i64> = channels.iter().map(|c| c.round() as i64).collect();
        let back = layout.frame(3.5, &rounded);
        assert_eq!(back.controls, frame.controls);
        assert!(back.rotations[0].dot(frame.rotations[0]).abs() > 1.0 - 1e-6);
        let (p, c) = (back.placement.unwrap(), back.camera.unwrap());
        assert!(p.rotation.dot(placement.rotation).abs() > 1.0 - 1e-6);
        assert_eq!(
            (p.translation, c.placement.translation, c.focal),
            (placement.translation, placement.translation, 2.0)
        );
    }

    #[test]
    fn a_turning_head_does_not_jump_at_half_a_turn() {
        let layout = Layout::of_names(["a"], &["n"]);
        let mut before = Vec::new();
        for i in 0..70 {
            let rotations = vec![Quat::from_rotation_y(i as f32 * 0.08)];
            let frame = StreamFrame { controls: vec![0.0], rotations, ..StreamFrame::default() };
            let channels = layout.channels(&frame, &before).unwrap();
            assert!((channels[2] / UNIT - f64::from(i) * 0.08).abs() < 1e-3, "{i}: {channels:?}");
            before = channels;
        }
    }

    #[test]
    fn what_cannot_be_encoded_is_refused() {
        assert!(Layout::default().validate(10).is_err());
        assert!(Layout::of_names(["a", "a"], &[]).validate(10).is_err());
        assert!(Layout::of_names([""], &[]).validate(10).is_err());
        assert!(Layout::of_names(["a".repeat(256)], &[]).validate(10).is_err());
        assert!(Layout::arkit().validate(54).is_err());
        assert!(Layout::arkit().validate(55).is_ok());
        let layout = Layout::of_names(["a"], &["n"]);
        let frame = |control, q| StreamFrame {
            controls: vec![control],
            rotations: vec![q],
            ..StreamFrame::default()
        };
        assert!(layout.channels(&frame(f32::NAN, Quat::IDENTITY), &[]).is_err());
        assert!(layout.channels(&frame(0.0, Quat::from_array([0.0; 4])), &[]).is_err());
        assert!(layout.channels(&StreamFrame::default(), &[]).is_err());
        assert_eq!(layout.channels(&frame(7.0, Quat::IDENTITY), &[]).unwrap()[0], UNIT);
    }
}
