//! The `transforms.json` of nerfstudio and instant-ngp. Its axes are Blender's for cameras: right, up and backward.

use effigy_splat::Camera;
use effigy_splat::transforms::{Transforms, TransformsFrame};
use glam::Mat4;
use serde_json::{Value, json};

use super::{NEAR, NamedCamera};

pub(super) fn read(json: &[u8]) -> Result<Vec<Camera>, String> {
    let file = Transforms::from_json(json).map_err(|error| format!("not a transforms.json: {error}"))?;
    let of = |(i, frame)| camera(frame).map_err(|fault| format!("frame {i} {fault}"));
    file.frames().enumerate().map(of).collect()
}

fn camera(frame: TransformsFrame<'_>) -> Result<Camera, &'static str> {
    let intrinsics = frame.intrinsics(|| None)?;
    Ok(intrinsics.camera(&frame.world_from_camera()?.inverse(), NEAR))
}

pub(super) fn write(cameras: &[NamedCamera]) -> Value {
    let frames: Vec<Value> = cameras.iter().map(frame).collect();
    json!({ "camera_model": "OPENCV", "frames": frames })
}

fn frame(NamedCamera { name, camera }: &NamedCamera) -> Value {
    let rows = Mat4::from(camera.camera_from_world.inverse()).transpose().to_cols_array_2d();
    json!({
        "name": name,
        "w": camera.width,
        "h": camera.height,
        "fl_x": camera.fx,
        "fl_y": camera.fy,
        "cx": camera.cx,
        "cy": camera.cy,
        "camera_angle_x": 2.0 * (0.5 * camera.width as f32 / camera.fx).atan(),
        "camera_angle_y": 2.0 * (0.5 * camera.height as f32 / camera.fy).atan(),
        "transform_matrix": rows,
    })
}
