//! What of a file's Gaussians can be drawn.

use effigy_splat::{Gaussians, SplatError, sh_coefficients};
use glam::{Quat, Vec3, Vec4};

use super::SplatFileError;

/// The log-scale that stands for minus infinity, no extent at all: squares of it are still normal, and the avatar's own
/// file, which ends at -32, can hold it.
pub(super) const NO_EXTENT: f32 = -30.0;

/// Leaves out of what a file of any format holds whatever cannot be drawn, and makes sure of the rest: what is left
/// passes [`Gaussians::validate`].
///
/// Trainers leave such Gaussians behind, and viewers do not show them: a value that is not a number or infinite, a
/// position or scale beyond what can be projected, a rotation of nothing but zeros. An infinite opacity logit is
/// opaque or invisible, and a log-scale of minus infinity is no extent. A rotation may be of any length.
///
/// # Errors
/// [`SplatFileError::NothingLeft`] if there are Gaussians and none can be drawn; [`SplatFileError::Gaussians`] if the
/// arrays disagree in length, which is the reader's fault.
pub(super) fn clean(gaussians: &mut Gaussians) -> Result<(), SplatFileError> {
    for log_scale in &mut gaussians.log_scales {
        *log_scale = Vec3::select(log_scale.cmpeq(Vec3::NEG_INFINITY), Vec3::splat(NO_EXTENT), *log_scale);
    }
    for rotation in &mut gaussians.rotations {
        if !rotation.length_squared().is_normal() {
            *rotation = with_usable_length(*rotation);
        }
    }
    // Nearly always there is nothing to leave out.
    let (first, fault) = match gaussians.validate() {
        Err(SplatError::Value { index, fault }) => (index, fault),
        other => return Ok(other?),
    };
    let count = gaussians.len();
    let drawn: Vec<bool> = (0..count).map(|i| gaussians.fault(i).is_none()).collect();
    let left_out = drawn.iter().filter(|&&drawn| !drawn).count();
    if left_out == count {
        return Err(SplatFileError::NothingLeft { count, fault });
    }
    keep(&mut gaussians.positions, 1, &drawn);
    keep(&mut gaussians.rotations, 1, &drawn);
    keep(&mut gaussians.log_scales, 1, &drawn);
    keep(&mut gaussians.opacity_logits, 1, &drawn);
    keep(&mut gaussians.sh, 3 * sh_coefficients(gaussians.sh_degree), &drawn);
    tracing::warn!(
        "{left_out} of {count} Gaussians cannot be drawn and are left out: {fault} (number {first})"
    );
    Ok(())
}

/// The same rotation with a length that does not leave the range of f32 when it is squared; all zeros stay so.
fn with_usable_length(rotation: Quat) -> Quat {
    let largest = Vec4::from(rotation).abs().max_element();
    if largest > 0.0 && largest.is_finite() {
        Quat::from_vec4(Vec4::from(rotation) / largest)
    } else {
        rotation
    }
}

/// Keeps those of consecutive pieces of `length` values that are `wanted`, in their order.
fn keep<T: Copy>(values: &mut Vec<T>, length: usize, wanted: &[bool]) {
    let mut kept = 0;
    for (i, _) in wanted.iter().enumerate().filter(|&(_, &wanted)| wanted) {
        values.copy_within(i * length..(i + 1) * length, kept);
        kept += length;
    }
    values.truncate(kept);
}
