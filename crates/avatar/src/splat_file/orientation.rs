//! Where the axes of a file point, and turning Gaussians upright.

use std::fmt;

use effigy_splat::{Gaussians, ShTurn, sh_coefficients};
use glam::{DMat3, Quat, Vec3};

/// The vertical axis of a right-handed file whose X axis points right.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UpAxis {
    /// X right, Y down, Z forward, as 3D Gaussian Splatting trains and stores them.
    #[default]
    YDown,
    /// X right, Y up, Z back, as in glTF and in this program.
    YUp,
}

/// Where the axes of a file point, for one who looks at the scene: X to the left or right, of Y and Z one up or down and
/// the other to the front (away) or back. Not all are right-handed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Axes {
    pub(super) x_right: bool,
    /// Whether Z is the vertical axis, and Y the one of depth.
    pub(super) z_vertical: bool,
    /// Whether the vertical axis points up.
    pub(super) up: bool,
    /// Whether the axis of depth points back.
    pub(super) back: bool,
}

impl From<UpAxis> for Axes {
    fn from(axis: UpAxis) -> Self {
        let up = axis == UpAxis::YUp;
        Self { x_right: true, z_vertical: false, up, back: up }
    }
}

/// The directions of +X, +Y and +Z.
impl fmt::Display for Axes {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let x = if self.x_right { "right" } else { "left" };
        let vertical = if self.up { "up" } else { "down" };
        let depth = if self.back { "back" } else { "front" };
        let (y, z) = if self.z_vertical { (depth, vertical) } else { (vertical, depth) };
        write!(to, "X {x}, Y {y}, Z {z}")
    }
}

/// Sign that a half turn about X gives each harmonic of degrees 0 to 3, in the order of 3D Gaussian Splatting.
///
/// The turn negates y and z of the direction, so a harmonic changes sign if its polynomial is odd in y and z together.
const HALF_TURN_SIGNS: [f32; 16] = [
    1.0, // 1
    -1.0, -1.0, 1.0, // y, z, x
    -1.0, 1.0, 1.0, -1.0, 1.0, // xy, yz, 2z²-x²-y², xz, x²-y²
    -1.0, 1.0, -1.0, // y(3x²-y²), xyz, y(4z²-x²-y²)
    -1.0, // z(2z²-3x²-3y²)
    1.0, -1.0, 1.0, // x(4z²-x²-y²), z(x²-y²), x(x²-3y²)
];

impl Axes {
    /// Turns, and mirrors where it must, Gaussians with these axes so that X is right, Y up and Z back.
    pub(super) fn turn(self, gaussians: &mut Gaussians) {
        if self == Self::from(UpAxis::YUp) {
            return;
        }
        if self == Self::from(UpAxis::YDown) {
            return half_turn(gaussians);
        }
        let sign = |positive: bool| if positive { 1.0 } else { -1.0 };
        let signs = Vec3::new(sign(self.x_right), sign(self.up), sign(self.back));
        let placed = |v: Vec3| signs * if self.z_vertical { Vec3::new(v.x, v.z, v.y) } else { v };
        let mirrored = (signs.element_product() < 0.0) != self.z_vertical;
        for position in &mut gaussians.positions {
            *position = placed(*position);
        }
        for (rotation, log_scale) in gaussians.rotations.iter_mut().zip(&mut gaussians.log_scales) {
            // With M on both sides, M R Mᵀ, nothing but signs and places change; M on the local side renames the axes
            // of the ellipsoid. A mirror turns the sense of every rotation.
            let axis = placed(Vec3::new(rotation.x, rotation.y, rotation.z));
            let axis = if mirrored { -axis } else { axis };
            *rotation = Quat::from_xyzw(axis.x, axis.y, axis.z, rotation.w);
            if self.z_vertical {
                *log_scale = Vec3::new(log_scale.x, log_scale.z, log_scale.y);
            }
        }
        let turn = ShTurn::of_matrix(DMat3::from_cols(
            placed(Vec3::X).as_dvec3(),
            placed(Vec3::Y).as_dvec3(),
            placed(Vec3::Z).as_dvec3(),
        ));
        for sh in gaussians.sh.chunks_exact_mut(3 * sh_coefficients(gaussians.sh_degree)) {
            turn.apply(sh);
        }
    }
}

fn half_turn(gaussians: &mut Gaussians) {
    for position in &mut gaussians.positions {
        *position = half_turn_position(*position);
    }
    for rotation in &mut gaussians.rotations {
        *rotation = half_turn_rotation(*rotation);
    }
    let coefficients = sh_coefficients(gaussians.sh_degree);
    for (i, rgb) in gaussians.sh.chunks_exact_mut(3).enumerate() {
        let sign = half_turn_sign(i % coefficients);
        rgb.iter_mut().for_each(|c| *c *= sign);
    }
}

/// A point after half a turn about X.
pub(super) fn half_turn_position(p: Vec3) -> Vec3 {
    Vec3::new(p.x, -p.y, -p.z)
}

/// The rotation of a Gaussian after half a turn about X.
///
/// The turn is applied on both sides. That on the local side maps every ellipsoid to itself, and with it nothing but
/// signs change, so that turning twice gives the very same bits.
pub(super) fn half_turn_rotation(q: Quat) -> Quat {
    Quat::from_xyzw(q.x, -q.y, -q.z, q.w)
}

/// The sign that half a turn about X gives harmonic `coefficient`.
pub(super) fn half_turn_sign(coefficient: usize) -> f32 {
    HALF_TURN_SIGNS.get(coefficient).copied().unwrap_or(1.0)
}
