//! The `transforms.json` of nerfstudio and instant-ngp. Its axes are Blender's for cameras: right, up and backward.

use effigy_splat::Camera;
use glam::{Affine3A, Mat4};
use serde::Deserialize;
use serde_json::{Value, json};

use super::NamedCamera;

#[derive(Deserialize)]
struct Transforms {
    #[serde(flatten)]
    shared: Intrinsics,
    frames: Vec<Frame>,
}

#[derive(Deserialize)]
struct Frame {
    #[serde(flatten)]
    own: Intrinsics,
    transform_matrix: [[f32; 4]; 4],
}

#[derive(Clone, Copy, Deserialize)]
struct Intrinsics {
    w: Option<f64>,
    h: Option<f64>,
    fl_x: Option<f32>,
    fl_y: Option<f32>,
    cx: Option<f32>,
    cy: Option<f32>,
    camera_angle_x: Option<f32>,
}

pub(super) fn read(json: &[u8]) -> Result<Vec<Camera>, String> {
    let file: Transforms = super::parse(json, "a transforms.json")?;
    let resolve = |(i, frame)| {
        camera(&file.shared, frame)
            .ok_or_else(|| format!("frame {i} lacks a size (w, h) or a focal length (fl_x)"))
    };
    file.frames.iter().enumerate().map(resolve).collect()
}

/// A frame's own intrinsics come before the shared ones, whichever way they are given.
fn camera(shared: &Intrinsics, frame: &Frame) -> Option<Camera> {
    let own = &frame.own;
    let (width, height) = (own.w.or(shared.w)? as u32, own.h.or(shared.h)? as u32);
    let fx = |i: &Intrinsics| {
        i.fl_x.or_else(|| i.camera_angle_x.map(|angle| 0.5 * width as f32 / (0.5 * angle).tan()))
    };
    let (fx, fy) = match fx(own) {
        Some(fx) => (fx, own.fl_y.unwrap_or(fx)),
        None => {
            let fx = fx(shared)?;
            (fx, own.fl_y.or(shared.fl_y).unwrap_or(fx))
        }
    };
    let world_from_camera = Mat4::from_cols_array_2d(&frame.transform_matrix).transpose();
    Some(Camera {
        width,
        height,
        fx,
        fy,
        cx: own.cx.or(shared.cx).unwrap_or(0.5 * width as f32),
        cy: own.cy.or(shared.cy).unwrap_or(0.5 * height as f32),
        camera_from_world: Affine3A::from_mat4(world_from_camera).inverse(),
        near: super::NEAR,
    })
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
