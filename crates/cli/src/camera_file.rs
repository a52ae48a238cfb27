//! Camera files: nerfstudio's `transforms.json` and the `cameras.json` of 3D Gaussian Splatting.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use anyhow::Context;
use effigy_splat::Camera;
use glam::{Affine3A, Mat3, Mat4};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::failure::bad_input;
use crate::source::YAxis;

/// A `transforms.json` of nerfstudio and instant-ngp.
#[derive(Deserialize)]
struct Transforms {
    #[serde(flatten)]
    shared: Intrinsics,
    frames: Vec<TransformsFrame>,
}

#[derive(Deserialize)]
struct TransformsFrame {
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

/// One entry of the `cameras.json` of 3D Gaussian Splatting: world-from-camera rotation with columns right, down and
/// forward.
#[derive(Deserialize)]
struct SplattingCamera {
    width: u32,
    height: u32,
    position: [f32; 3],
    rotation: [[f32; 3]; 3],
    fx: f32,
    fy: f32,
}

/// A file of cameras is read up to here; what is cut off is not JSON.
const MAX_CAMERA_BYTES: u64 = 256 << 20;

/// The cameras listed in `path`. Those of a `cameras.json` belong to a `.ply`, and are turned upright with it as
/// `y_axis` says.
pub(crate) fn read_cameras(path: &Path, y_axis: YAxis) -> anyhow::Result<Vec<Camera>> {
    let name = path.display();
    let mut text = String::new();
    let read = File::open(path).and_then(|file| file.take(MAX_CAMERA_BYTES).read_to_string(&mut text));
    read.map_err(|error| {
        bad_input(format!("{name}: {error} (--camera takes front, orbit, orbit:DEGREES or a file)"))
    })?;
    let cameras: Vec<Camera> = if text.trim_start().starts_with('[') {
        let entries: Vec<SplattingCamera> = parse(path, &text, "a cameras.json of 3D Gaussian Splatting")?;
        entries.iter().map(|entry| splatting_camera(entry, y_axis)).collect()
    } else {
        let file: Transforms = parse(path, &text, "a transforms.json")?;
        let resolve = |(i, frame)| {
            transforms_camera(&file.shared, frame).ok_or_else(|| {
                bad_input(format!("{name}: frame {i} lacks a size (w, h) or a focal length (fl_x)"))
            })
        };
        file.frames.iter().enumerate().map(resolve).collect::<Result<_, _>>()?
    };
    if cameras.is_empty() {
        return Err(bad_input(format!("{name}: it lists no camera")));
    }
    for (i, camera) in cameras.iter().enumerate() {
        camera.validate().with_context(|| format!("{name}: entry {i}"))?;
    }
    Ok(cameras)
}

/// The near plane of cameras from files, metres.
const NEAR: f32 = 0.01;

fn parse<T: DeserializeOwned>(path: &Path, text: &str, kind: &str) -> anyhow::Result<T> {
    serde_json::from_str(text).map_err(|error| bad_input(format!("{}: not {kind}: {error}", path.display())))
}

fn splatting_camera(entry: &SplattingCamera, y_axis: YAxis) -> Camera {
    let file_from_world = match y_axis {
        YAxis::Down => Affine3A::from_rotation_x(std::f32::consts::PI),
        YAxis::Up => Affine3A::IDENTITY,
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
        near: NEAR,
    }
}

/// A frame's own intrinsics come before the shared ones, whichever way they are given.
fn transforms_camera(shared: &Intrinsics, frame: &TransformsFrame) -> Option<Camera> {
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
        near: NEAR,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use glam::Vec3;

    fn cameras_of(text: &str) -> anyhow::Result<Vec<Camera>> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        read_cameras(file.path(), YAxis::Up)
    }

    #[test]
    fn both_camera_files_describe_the_same_view() {
        // A camera 2 m in front, looking at the origin, upright: the identity in OpenGL's axes.
        let transforms = cameras_of(
            r#"{"w": 100, "h": 80, "fl_x": 120, "frames": [{"transform_matrix":
                [[1,0,0,0],[0,1,0,0],[0,0,1,2],[0,0,0,1]]}]}"#,
        )
        .unwrap();
        let splatting = cameras_of(
            r#"[{"width": 100, "height": 80, "position": [0,0,2], "fx": 120, "fy": 120,
                "rotation": [[1,0,0],[0,-1,0],[0,0,-1]]}]"#,
        )
        .unwrap();
        assert_eq!(transforms[0].eye(), Vec3::new(0.0, 0.0, 2.0));
        assert_eq!(transforms, splatting);
    }

    #[test]
    fn a_frame_overrides_shared_intrinsics() {
        let cameras = cameras_of(
            r#"{"w": 100, "h": 80, "fl_x": 120, "fl_y": 121, "frames": [
                {"camera_angle_x": 1.5707963, "transform_matrix": [[1,0,0,0],[0,1,0,0],[0,0,1,2],[0,0,0,1]]},
                {"w": 50, "cx": 3, "transform_matrix": [[1,0,0,0],[0,1,0,0],[0,0,1,2],[0,0,0,1]]}]}"#,
        )
        .unwrap();
        // A right angle across 100 pixels: a focal length of 50.
        assert!((cameras[0].fx - 50.0).abs() < 1e-3 && cameras[0].fy == cameras[0].fx);
        assert_eq!((cameras[1].width, cameras[1].cx, cameras[1].fx, cameras[1].fy), (50, 3.0, 120.0, 121.0));
    }

    #[test]
    fn camera_files_that_cannot_be_used_say_why() {
        for (text, why) in [
            ("{", "not a transforms.json"),
            (r#"[{"width": 10}]"#, "missing field `height`"),
            (r#"{"frames": []}"#, "no camera"),
            (
                r#"{"frames": [{"transform_matrix": [[1,0,0,0],[0,1,0,0],[0,0,1,2],[0,0,0,1]]}]}"#,
                "lacks a size",
            ),
            (
                r#"{"w": 10, "h": 10, "fl_x": 9, "frames": [{"transform_matrix":
                    [[2,0,0,0],[0,1,0,0],[0,0,1,2],[0,0,0,1]]}]}"#,
                "entry 0",
            ),
        ] {
            let error = format!("{:#}", cameras_of(text).unwrap_err());
            assert!(error.contains(why), "{error}");
        }
    }
}
