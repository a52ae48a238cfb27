//! The `cameras.json` of 3D Gaussian Splatting.

use effigy_avatar::splat_file::UpAxis;
use effigy_splat::Camera;
use glam::{Affine3A, Mat3};
use serde::Deserialize;

/// One entry: world-from-camera rotation with columns right, down and forward.
#[derive(Deserialize)]
struct Entry {
    width: u32,
    height: u32,
    position: [f32; 3],
    rotation: [[f32; 3]; 3],
    fx: f32,
    fy: f32,
}

pub(super) fn read(json: &[u8], up: UpAxis) -> Result<Vec<Camera>, String> {
    let entries: Vec<Entry> = super::parse(json, "a cameras.json of 3D Gaussian Splatting")?;
    Ok(entries.iter().map(|entry| camera(entry, up)).collect())
}

fn camera(entry: &Entry, up: UpAxis) -> Camera {
    let file_from_world = match up {
        UpAxis::YDown => Affine3A::from_rotation_x(std::f32::consts::PI),
        UpAxis::YUp => Affine3A::IDENTITY,
    };
    // Rows of the file become the matrix; down and forward become up and backward.
    let m = Mat3::from_cols_array_2d(&entry.rotation).transpose();
    let m = Mat3::from_cols(m.x_axis, -m.y_axis, -m.z_axis);
    Camera {
        width: entry.width,
        height: entry.height,
        fx: entry.fx,
        fy: entry.fy,
        cx: 0.5 * entry.width as f32,
        cy: 0.5 * entry.height as f32,
        camera_from_world: Affine3A::from_mat3_translation(m, entry.position.into()).inverse()
            * file_from_world,
        near: super::NEAR,
    }
}
