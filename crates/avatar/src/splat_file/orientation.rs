//! Which way is up in a file, and turning Gaussians from one to the other.

use effigy_splat::{Gaussians, sh_coefficients};
use glam::{Quat, Vec3};

/// The vertical axis of a right-handed file whose X axis points right.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UpAxis {
    /// X right, Y down, Z forward, as 3D Gaussian Splatting trains and stores them.
    #[default]
    YDown,
    /// X right, Y up, Z back, as in glTF and in this program.
    YUp,
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

impl UpAxis {
    /// Turns Gaussians that have this axis up so that +Y is up, or back: a half turn about X undoes itself.
    pub(super) fn turn(self, gaussians: &mut Gaussians) {
        if self == Self::YUp {
            return;
        }
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
