//! A simple light that captured people are shown in: an ambient tint, and one lamp.

use glam::{Quat, Vec3};

use crate::srgb::{linear_from_srgb, srgb_from_linear};
use crate::{BlendSpace, SplatError};

/// Light of another scene than the one that an avatar was captured in. The captured colours, with the light of the
/// capture in them, are taken for the surface's own: a first step, which suits even light best.
///
/// In linear light, a Gaussian of colour c on a surface with unit normal n shows c · (ambient + key · max(n · direction, 0)),
/// which is Lambert's law; with an ambient of 1 and a key of 0 it shows c.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Light {
    /// Light from everywhere, linear RGB; 1 leaves colours as they were captured.
    pub ambient: Vec3,
    /// Light of a lamp far away, linear RGB, as it adds to surfaces that face it.
    pub key: Vec3,
    /// Where the lamp is, seen from the surface, in the world; of any length above 0.
    pub direction: Vec3,
}

/// A light, and the surface normals that it needs.
#[derive(Clone, Copy)]
pub struct Lit<'a> {
    /// The light.
    pub light: &'a Light,
    /// For each Gaussian the unit normal of its surface in its rest frame. Where there are no frames, the side that
    /// shows towards the camera counts.
    pub normals: &'a [Vec3],
}

impl Light {
    /// Checks that values are finite, no light is negative, and the direction is one.
    ///
    /// # Errors
    /// [`SplatError::Light`], naming the first fault.
    pub fn validate(&self) -> Result<(), SplatError> {
        for (what, value) in [("ambient", self.ambient), ("key", self.key)] {
            if !(value.is_finite() && value.min_element() >= 0.0) {
                return Err(SplatError::Light(format!("{what} {value} is not finite and at least 0")));
            }
        }
        if !(self.direction.is_finite() && self.direction.length_squared() > 1e-12) {
            return Err(SplatError::Light(format!("{} is no direction", self.direction)));
        }
        Ok(())
    }

    /// Display-referred sRGB `color`, at least 0, as it shows in this light on a surface with unit `normal`, in the world.
    #[inline]
    pub fn shade(&self, color: Vec3, normal: Vec3) -> Vec3 {
        srgb_from_linear(linear_from_srgb(color) * self.on(normal))
    }

    /// What arrives on a surface with unit `normal`, linear.
    #[inline]
    fn on(&self, normal: Vec3) -> Vec3 {
        self.ambient + self.key * normal.dot(self.direction.normalize()).max(0.0)
    }
}

impl Lit<'_> {
    /// The colour of Gaussian `i`, seen along `direction` (from the camera to it, in the world), of which `color` is the
    /// captured one in `space`.
    #[inline]
    pub(crate) fn shade(
        &self,
        i: usize,
        color: Vec3,
        frame: Option<&Quat>,
        direction: Vec3,
        space: BlendSpace,
    ) -> Vec3 {
        let normal = match frame {
            Some(frame) => *frame * self.normals[i],
            None if self.normals[i].dot(direction) > 0.0 => -self.normals[i],
            None => self.normals[i],
        };
        match space {
            BlendSpace::Srgb => self.light.shade(color, normal),
            BlendSpace::Linear => color * self.light.on(normal),
        }
    }
}

#[cfg(test)]
mod tests {
    use glam::Vec3;

    use super::Light;

    /// From IEC 61966-2-1 by Python: sRGB 0.5 is linear 0.214041, half of that is sRGB 0.360780, a quarter 0.256483; and
    /// at 60 degrees half the light arrives.
    #[test]
    fn lamberts_law_in_linear_light() {
        let half = Light { ambient: Vec3::splat(0.5), key: Vec3::ZERO, direction: Vec3::Z };
        let grey = Vec3::splat(0.5);
        assert!(half.shade(grey, Vec3::X).abs_diff_eq(Vec3::splat(0.360_78), 1e-4));
        let lamp = Light { ambient: Vec3::ZERO, key: Vec3::new(1.0, 0.5, 0.0), direction: 7.0 * Vec3::Z };
        let sixty = Vec3::new(0.75_f32.sqrt(), 0.0, 0.5);
        let shown = lamp.shade(grey, sixty);
        assert!(shown.abs_diff_eq(Vec3::new(0.360_78, 0.256_48, 0.0), 1e-4), "{shown}");
        assert_eq!(lamp.shade(grey, -Vec3::Z), Vec3::ZERO);
        let as_captured = Light { ambient: Vec3::ONE, key: Vec3::ZERO, direction: Vec3::Y };
        for c in [0.0, 0.01, 0.3, 0.9, 1.2] {
            assert!(as_captured.shade(Vec3::splat(c), Vec3::Y).abs_diff_eq(Vec3::splat(c), 1e-5));
        }
    }

    #[test]
    fn what_is_no_light_is_refused() {
        let light = Light { ambient: Vec3::ONE, key: Vec3::ONE, direction: Vec3::Y };
        assert!(light.validate().is_ok());
        let bad = [
            Light { ambient: Vec3::new(-1.0, 0.0, 0.0), ..light },
            Light { key: Vec3::splat(f32::NAN), ..light },
            Light { direction: Vec3::ZERO, ..light },
        ];
        assert!(bad.iter().all(|light| light.validate().is_err()));
    }
}
