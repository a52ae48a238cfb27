//! Where the cameras of a capture look.

use effigy_splat::Camera;
use glam::{DMat3, DVec3, Vec3};

use crate::capture::Capture;
use crate::frame::Split;

impl Capture {
    /// The point that the cameras of the training pictures look at together, in their world; `None` if there are fewer
    /// than three, or they look in one direction.
    pub fn looked_at(&self) -> Option<Vec3> {
        meeting_point(self.split(Split::Train).map(|(_, frame)| &frame.camera)).map(|point| point.as_vec3())
    }
}

/// Where the axes of cameras come closest to meeting, the quarter that passes farthest off left out; `None` for fewer
/// than three, or nearly parallel ones.
pub(crate) fn meeting_point<'a>(cameras: impl Iterator<Item = &'a Camera>) -> Option<DVec3> {
    let mut axes: Vec<(DVec3, DVec3)> = cameras
        .map(|camera| {
            let world_from_camera = camera.camera_from_world.inverse();
            (world_from_camera.translation.as_dvec3(), -world_from_camera.matrix3.z_axis.as_dvec3())
        })
        .collect();
    let first = nearest(&axes)?;
    let off = |&(eye, axis): &(DVec3, DVec3)| (first - eye).cross(axis).length();
    axes.sort_by(|a, b| off(a).total_cmp(&off(b)));
    axes.truncate((3 * axes.len()).div_ceil(4));
    nearest(&axes)
}

/// The point with the least sum of squared distances from the given lines (origin and unit direction), unless they are
/// nearly parallel.
fn nearest(lines: &[(DVec3, DVec3)]) -> Option<DVec3> {
    if lines.len() < 3 {
        return None;
    }
    let (mut matrix, mut right) = (DMat3::ZERO, DVec3::ZERO);
    for &(origin, d) in lines {
        let across = DMat3::IDENTITY - DMat3::from_cols(d * d.x, d * d.y, d * d.z);
        matrix += across;
        right += across * origin;
    }
    let matrix = matrix * (1.0 / lines.len() as f64);
    let right = right / lines.len() as f64;
    // Lines spread by an angle t have a determinant around t².
    (matrix.determinant() > 1e-4).then(|| matrix.inverse() * right).filter(|p| p.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_meet_where_they_should() {
        let target = DVec3::new(0.3, -1.0, 2.0);
        let line = |origin: DVec3| (origin, (target - origin).normalize());
        let lines = [line(DVec3::ZERO), line(DVec3::X * 5.0), line(DVec3::new(1.0, 4.0, -3.0))];
        assert!(nearest(&lines).unwrap().abs_diff_eq(target, 1e-9));
        assert!(nearest(&[(DVec3::ZERO, DVec3::Z), (DVec3::X, DVec3::Z), (DVec3::Y, DVec3::Z)]).is_none());
    }
}
