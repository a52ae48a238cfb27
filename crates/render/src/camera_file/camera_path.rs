//! The `camera_path.json` that nerfstudio's viewer and its add-ons for Blender write: a camera for each picture of a
//! video. Its axes are Blender's for cameras: right, up and backward.

use effigy_splat::Camera;
use glam::{Affine3A, Mat4};
use serde::Deserialize;

#[derive(Deserialize)]
struct CameraPath {
    render_width: f64,
    render_height: f64,
    /// Perspective where it is absent.
    camera_type: Option<String>,
    camera_path: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    camera_to_world: Matrix,
    /// Vertical, degrees, as three.js has it.
    fov: f32,
}

/// Row after row.
#[derive(Deserialize)]
#[serde(untagged)]
enum Matrix {
    Numbers(Vec<f32>),
    Rows(Vec<[f32; 4]>),
}

#[derive(Deserialize)]
struct Marked {
    #[serde(rename = "camera_path")]
    _path: serde::de::IgnoredAny,
}

/// Whether JSON text is such a file, whatever else is wrong with it.
pub(super) fn is_it(json: &[u8]) -> bool {
    serde_json::from_slice::<Marked>(json).is_ok()
}

pub(super) fn read(json: &[u8]) -> Result<Vec<Camera>, String> {
    let path: CameraPath = super::parse(json, "a camera_path.json")?;
    let kind = path.camera_type.as_deref().unwrap_or("perspective");
    if !kind.eq_ignore_ascii_case("perspective") {
        return Err(format!("its cameras are {kind:.32?}; only those in perspective are read"));
    }
    let size = [path.render_width, path.render_height].map(|side| side as u32);
    let one = |(i, entry): (usize, &Entry)| {
        camera(entry, size).ok_or_else(|| format!("entry {i} of camera_path is not a matrix of 4 by 4"))
    };
    path.camera_path.iter().enumerate().map(one).collect()
}

fn camera(entry: &Entry, size: [u32; 2]) -> Option<Camera> {
    let rows = match &entry.camera_to_world {
        Matrix::Numbers(numbers) => numbers.as_chunks().0.to_vec(),
        Matrix::Rows(rows) => rows.clone(),
    };
    // The last row, 0 0 0 1, may be left out.
    let matrix = match rows[..] {
        [x, y, z] | [x, y, z, _] => Mat4::from_cols_array_2d(&[x, y, z, [0.0, 0.0, 0.0, 1.0]]).transpose(),
        _ => return None,
    };
    let focal = 0.5 * size[1] as f32 / (0.5 * entry.fov.to_radians()).tan();
    Some(Camera::centered(size, focal, Affine3A::from_mat4(matrix).inverse(), super::NEAR))
}
